// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=lanes=2 | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=lanes=2 --convert-compress-fixed-point-to-emitc=top=net --compress-hls-lint | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=CPP

// Two lanes of the sum over i read x[2 i], so numbers that are 2 apart: of two memories, they would be in one. In three they are never, for 2 is no
// multiple of 3. Weights lie 5 apart, which two memories keep apart. With a memory for each lane, an iteration is issued in each cycle.
memref.global "private" constant @w : memref<20xi8> = dense<1>
// CHECK-LABEL: func.func private @every_second(
// CHECK-SAME: %{{.*}}: memref<8xi8> {hls.partition = #hls.partition<factor = 3>}
// CHECK: memref.get_global @w : memref<20xi8> {hls.partition = #hls.partition<factor = 2>}
// CHECK: #hls.pipeline<ii = 1, depth = {{[0-9]+}}, lanes = 2,
// CPP: static void every_second(ap_int<8> [[X:v[0-9]+]][8], hls::stream<ap_int<20> > & {{v[0-9]+}})
// CPP-NEXT: #pragma HLS ARRAY_PARTITION variable=[[X]] cyclic factor=3
// CPP-NEXT: #pragma HLS ARRAY_PARTITION variable=w cyclic factor=2
// CPP: #pragma HLS PIPELINE II=1
// CPP-NEXT: #pragma HLS UNROLL factor=2
func.func private @every_second(%x: memref<8xi8>, %y: memref<5xi20> {compress.result}) {
  %w = memref.get_global @w : memref<20xi8>
  affine.for %o = 0 to 5 {
    %zero = arith.constant 0 : i20
    %sum = affine.for %i = 0 to 4 iter_args(%old = %zero) -> (i20) {
      %xi = affine.load %x[%i * 2] : memref<8xi8>
      %wi = affine.load %w[%i * 5 + %o] : memref<20xi8>
      %a = arith.extsi %xi : i8 to i20
      %b = arith.extsi %wi : i8 to i20
      %p = arith.muli %a, %b : i20
      %new = arith.addi %old, %p : i20
      affine.yield %new : i20
    }
    affine.store %sum, %y[%o] : memref<5xi20>
  }
  return
}

// Two loads and two lanes: x[i] and x[i + 2] are 0, 1, 2, 3 apart. What a window keeps wraps around at a power of two, which its number of
// memories divides: four.
// CHECK-LABEL: func.func private @pairs(
// CHECK-SAME: hls.partition = #hls.partition<factor = 4>, hls.window = #hls.window<words = 4,
// CPP: static void pairs(hls::stream<ap_int<20> > & {{v[0-9]+}},
// CPP-NEXT: ap_int<20> [[KEPT:v[0-9]+]][4];
// CPP-NEXT: #pragma HLS ARRAY_PARTITION variable=[[KEPT]] cyclic factor=4
func.func private @pairs(%x: memref<10xi20>, %y: memref<3xi20> {compress.result}) {
  affine.for %o = 0 to 3 {
    %zero = arith.constant 0 : i20
    %sum = affine.for %i = 0 to 2 iter_args(%old = %zero) -> (i20) {
      %a = affine.load %x[%o * 3 + %i] : memref<10xi20>
      %b = affine.load %x[%o * 3 + %i + 2] : memref<10xi20>
      %p = arith.addi %a, %b : i20
      %new = arith.addi %old, %p : i20
      affine.yield %new : i20
    }
    affine.store %sum, %y[%o] : memref<3xi20>
  }
  return
}

// CHECK: func.func @main
// CPP: void net(ap_int<8> [[IN:v[0-9]+]][8],
// CPP-NEXT: #pragma HLS INTERFACE ap_memory port=[[IN]]
// CPP-NEXT: #pragma HLS ARRAY_PARTITION variable=[[IN]] cyclic factor=3
func.func private @twice(%x: memref<5xi20>, %y: memref<10xi20> {compress.result}) {
  affine.for %i = 0 to 5 {
    %a = affine.load %x[%i] : memref<5xi20>
    affine.store %a, %y[%i * 2] : memref<10xi20>
    affine.store %a, %y[%i * 2 + 1] : memref<10xi20>
  }
  return
}
func.func @main(%x: memref<8xi8>, %y: memref<3xi20> {compress.result}) {
  %h = memref.alloc() : memref<5xi20>
  %g = memref.alloc() : memref<10xi20>
  call @every_second(%x, %h) : (memref<8xi8>, memref<5xi20>) -> ()
  call @twice(%h, %g) : (memref<5xi20>, memref<10xi20>) -> ()
  call @pairs(%g, %y) : (memref<10xi20>, memref<3xi20>) -> ()
  memref.dealloc %g : memref<10xi20>
  memref.dealloc %h : memref<5xi20>
  return
}
