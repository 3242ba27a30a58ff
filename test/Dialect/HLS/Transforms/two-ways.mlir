// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=network=true | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=network=true | compress-translate - --hls-to-verilog --top=net | FileCheck %s --check-prefix=RTL

// x + (what is five behind it): a window of 6 numbers is summed, and beside it the first one of the window waits.
func.func private @window(%x: memref<16xi8>, %y: memref<16xi11> {compress.result}) {
  affine.for %i = 0 to 11 {
    %zero = arith.constant 0 : i11
    %sum = affine.for %k = 0 to 6 iter_args(%a = %zero) -> (i11) {
      %n = affine.load %x[%i + %k] : memref<16xi8>
      %w = arith.extsi %n : i8 to i11
      %s = arith.addi %a, %w : i11
      affine.yield %s : i11
    }
    affine.store %sum, %y[%i] : memref<16xi11>
  }
  affine.for %i = 11 to 16 {
    %zero = arith.constant 0 : i11
    affine.store %zero, %y[%i] : memref<16xi11>
  }
  return
}
func.func private @sum(%x: memref<16xi8>, %z: memref<16xi11>, %y: memref<16xi12> {compress.result}) {
  affine.for %i = 0 to 16 {
    %a = affine.load %x[%i] : memref<16xi8>
    %b = affine.load %z[%i] : memref<16xi11>
    %aw = arith.extsi %a : i8 to i12
    %bw = arith.extsi %b : i11 to i12
    %s = arith.addi %aw, %bw : i12
    affine.store %s, %y[%i] : memref<16xi12>
  }
  return
}

// A copy gives to both streams in one cycle, or to none: an iteration in each.
// CHECK: func.func private @split_2
// CHECK: affine.store {{.*}} {hls.start = 0 : i64}
// CHECK: affine.store {{.*}} {hls.start = 0 : i64}
// CHECK: #hls.pipeline<ii = 1,
// RTL: module split_2 (
// RTL: output [7:0] out_data, output out_valid, input out_ready,
// RTL-NEXT: output [7:0] out1_data, output out1_valid, input out1_ready
// RTL: assign en = (~out_gives | out_ready) & (~out1_gives | out1_ready);
// RTL-NEXT: assign out_valid = en & out_gives;
// RTL-NEXT: assign out1_valid = en & out1_gives;
// A sum takes from both when both have a number.
// RTL: module sum (
// RTL: input [7:0] in_data, input [{{[0-9]+}}:0] in_count, output in_take,
// RTL-NEXT: input [10:0] in1_data, input [{{[0-9]+}}:0] in1_count, output in1_take,
// RTL: wire issue = (in_count >= {{[0-9]+}}'d1 & in1_count >= {{[0-9]+}}'d1);
// RTL: assign in_take = en & (n0_v0);
// RTL-NEXT: assign in1_take = en & (n0_v0);
// RTL: sum task2 ({{.*}}.in_data(s{{[12]}}_data){{.*}}.in1_data(s3_data)

// CHECK: func.func @main
// CHECK: %[[AROUND:.*]] = hls.stream depth {{[0-9]+}} : memref<16xi8>
// CHECK: hls.task @split_2 {{.*}} outs(%{{.*}}, %{{.*}} : memref<16xi8>, memref<16xi8>)
// CHECK: hls.task @sum ins(%{{.*}}, %{{.*}} : memref<16xi8>, memref<16xi11>)
func.func @main(%x: memref<16xi8>, %y: memref<16xi12> {compress.result}) {
  %h = memref.alloc() : memref<16xi11>
  call @window(%x, %h) : (memref<16xi8>, memref<16xi11>) -> ()
  call @sum(%x, %h, %y) : (memref<16xi8>, memref<16xi11>, memref<16xi12>) -> ()
  memref.dealloc %h : memref<16xi11>
  return
}
