// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=2' | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=2' | compress-translate - --hls-to-verilog --top=net | FileCheck %s --check-prefix=RTL

// Both lanes read number i + 1: one for i, the other one for i + 1, so no bank is only one's. Each has all of a window: of 3 numbers, and the one that
// comes next, in 4 words; 8 are fewer than two samples of 9.
// CHECK-LABEL: func.func private @stencil(
// CHECK: #hls.pipeline<ii = 1, depth = {{[0-9]+}}, lanes = 2,
// CHECK: func.func @main({{.*}}hls.port = #hls.port<kind = "stream", depth = {{[0-9]+}}, banks = <count = 2, words = 4, storage = "distributed", keeps = "window">>
// RTL: module stencil (
// RTL: wire bank0_we = in_take;
// RTL: reg [7:0] bank0 [0:3];
// RTL: wire bank1_we = in_take;
// RTL: reg [7:0] bank1 [0:3];
func.func private @stencil(%x: memref<9xi8>, %y: memref<7xi10> {compress.result}) {
  affine.for %i = 0 to 7 {
    %zero = arith.constant 0 : i10
    %sum = affine.for %k = 0 to 3 iter_args(%old = %zero) -> (i10) {
      %n = affine.load %x[%i + %k] : memref<9xi8>
      %w = arith.extsi %n : i8 to i10
      %s = arith.addi %old, %w : i10
      affine.yield %s : i10
    }
    affine.store %sum, %y[%i] : memref<7xi10>
  }
  return
}
func.func @main(%x: memref<9xi8>, %y: memref<7xi10> {compress.result}) {
  call @stencil(%x, %y) : (memref<9xi8>, memref<7xi10>) -> ()
  return
}
