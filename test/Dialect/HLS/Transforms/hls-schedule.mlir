// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=network=true | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=3' | FileCheck %s --check-prefix=LANES
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule | FileCheck %s --check-prefix=ALONE
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=network=true --convert-compress-fixed-point-to-emitc=top=net | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=CPP
// RUN: not compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=65' 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not compress-opt %s --compress-hls-dataflow --compress-hls-schedule=lanes=0 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: compress-hls-schedule{lanes={{65|0}}}: expects 1 to 64, or 0 with network

// A butterfly reads two numbers of a stream, which gives one per cycle, and gives two: an iteration every two cycles. Sums begin with the
// second number; both numbers leave after them, in their order.
// CHECK-LABEL: func.func private @butterfly
// CHECK: affine.load {{.*}} {hls.start = 0 : i64}
// CHECK: affine.load {{.*}} {hls.start = 1 : i64}
// CHECK: arith.addi {{.*}} {hls.start = 1 : i64}
// CHECK: arith.subi {{.*}} {hls.start = 1 : i64}
// CHECK: affine.store {{.*}} {hls.start = 1 : i64}
// CHECK: affine.store {{.*}} {hls.start = 2 : i64}
// CHECK: #hls.pipeline<ii = 2, depth = 3, lanes = 1, gap = 0, bound = "port">
// In C++, it takes from a stream and gives to an array with two ports.
// ALONE-LABEL: func.func private @butterfly
// ALONE: #hls.pipeline<ii = 2, depth = {{.*}}, bound = "port">
// CPP: static void butterfly(
// CPP: #pragma HLS PIPELINE II=2
func.func private @butterfly(%x: memref<6xi8>, %y: memref<6xi9> {compress.result}) {
  affine.for %i = 0 to 3 {
    %a = affine.load %x[%i * 2] : memref<6xi8>
    %b = affine.load %x[%i * 2 + 1] : memref<6xi8>
    %aw = arith.extsi %a : i8 to i9
    %bw = arith.extsi %b : i8 to i9
    %s = arith.addi %aw, %bw : i9
    %d = arith.subi %aw, %bw : i9
    affine.store %s, %y[%i * 2] : memref<6xi9>
    affine.store %d, %y[%i * 2 + 1] : memref<6xi9>
  }
  return
}

memref.global "private" constant @weights : memref<12xi8> = dense<[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]>

// The dot reads its input once per output, so it is kept in a bank of 6 numbers. A number is there in stage 1, the product in
// stage 1 as well, and the sum takes it in stage 2, where the last one is stored: 2 * 6 iterations.
// CHECK-LABEL: func.func private @dot
// CHECK: affine.load {{.*}} {hls.start = 0 : i64} : memref<6xi9>
// CHECK: affine.load {{.*}} {hls.start = 0 : i64} : memref<12xi8>
// CHECK: arith.muli {{.*}} {hls.start = 1 : i64}
// CHECK: arith.addi {{.*}} {hls.start = 2 : i64}
// CHECK: #hls.pipeline<ii = 1, depth = 3, lanes = 1, gap = 0, bound = "target">
// CHECK: affine.store {{.*}} {hls.start = 2 : i64}
// Three lanes: a tree of two additions, four levels, is all of stage 2; two iterations for each output.
// LANES-LABEL: func.func private @dot
// LANES: arith.addi {{.*}} {hls.start = 3 : i64}
// LANES: #hls.pipeline<ii = 1, depth = 4, lanes = 3, gap = 0, bound = "target">
// CPP: static void dot(
// CPP: #pragma HLS PIPELINE II=1
func.func private @dot(%x: memref<6xi9>, %y: memref<2xi20> {compress.result}) {
  %w = memref.get_global @weights : memref<12xi8>
  affine.for %o = 0 to 2 {
    %zero = arith.constant 0 : i20
    %sum = affine.for %i = 0 to 6 iter_args(%old = %zero) -> (i20) {
      %xi = affine.load %x[%i] : memref<6xi9>
      %wi = affine.load %w[%o * 6 + %i] : memref<12xi8>
      %a = arith.extsi %xi : i9 to i20
      %b = arith.extsi %wi : i8 to i20
      %p = arith.muli %a, %b : i20
      %new = arith.addi %old, %p : i20
      affine.yield %new : i20
    }
    affine.store %sum, %y[%o] : memref<2xi20>
  }
  return
}

// The first number arrives in cycle 0, so iterations of the butterfly are issued in cycles 2, 4 and 6, its numbers leave in 3 to 8, are in the
// bank in 9, and the dot runs in cycles 10 to 21. Its last number leaves it in stage 2, cycle 23, and the stream behind it in 24.
// The dot is the slower one, 12 cycles for each sample; with three lanes it takes 4, and the butterfly's 6 count.
// With a stream of two numbers, an iteration would have to take one before the next arrives, and with one between the tasks, numbers could
// not follow each other in each cycle: three and two are the least.
// CHECK: func.func @main({{.*}}hls.port = #hls.port<kind = "stream", depth = 3>{{.*}}hls.port = #hls.port<kind = "stream", depth = 1>{{.*}}) attributes {hls.network = #hls.cycles<interval = 12, latency = 24>}
// CHECK: hls.buffer depth 2 banks <count = 1, words = 6, storage = "distributed", keeps = "sample"> : memref<6xi9>
// CHECK: hls.task @butterfly {{.*}} cycles <interval = 6,
// CHECK: hls.task @dot {{.*}} cycles <interval = 12,
// LANES: hls.network = #hls.cycles<interval = 6,
// LANES: hls.buffer depth {{.*}} banks <count = 3, words = 2, storage = "distributed", keeps = "sample">
// Alone, streams hold what an iteration takes or gives at once, and two at least; the dot reads an array.
// ALONE: func.func @main({{.*}}hls.port = #hls.port<kind = "stream", depth = 2>{{.*}}hls.port = #hls.port<kind = "stream", depth = 2>
// ALONE: hls.buffer : memref<6xi9>
func.func @main(%x: memref<6xi8>, %y: memref<2xi20> {compress.result}) {
  %h = memref.alloc() : memref<6xi9>
  call @butterfly(%x, %h) : (memref<6xi8>, memref<6xi9>) -> ()
  call @dot(%h, %y) : (memref<6xi9>, memref<2xi20>) -> ()
  memref.dealloc %h : memref<6xi9>
  return
}
