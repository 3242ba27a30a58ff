// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule=network=true | FileCheck %s --check-prefix=NETWORK
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule --convert-compress-fixed-point-to-emitc='top=net ports=stream' --compress-hls-lint | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=CPP
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule --convert-compress-fixed-point-to-emitc='top=net ports=memory' --compress-hls-lint | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=MEMORY

// Sums over windows of 3 rows and 2 columns of 4 rows of 5. Window (i, j) begins at number 5 i + j and ends 12 later: 12 numbers are
// kept, in 16 words. 12 are there before the first one: 9, then 2 at the begin of each row and 1 for each window, so a row takes
// 2 + 3 * 1 = 5. After the last window, which ends at 5 + 2 + 12 = 19, one number is left.
// CHECK: #[[PLACE:.*]] = affine_map<(d0, d1, d2, d3) -> (d0 * 5 + d1 + d2 * 5 + d3)>
// CHECK-LABEL: func.func private @stencil(
// CHECK-SAME: hls.window = #hls.window<words = 16, first = 9, steps = [2, 1], behind = [0, 0]>
// CHECK: affine.load {{.*}} {hls.place = #[[PLACE]], hls.start = 0 : i64}
// CPP: static void stencil(hls::stream<ap_int<8> > & [[IN:v[0-9]+]], hls::stream<ap_int<10> > & [[OUT:v[0-9]+]]) {
// CPP-NEXT: ap_int<8> [[KEPT:v[0-9]+]][16];
// CPP: for (size_t [[I:i[0-9]+]] = 0; [[I]] < 9; [[I]] += 1) {
// CPP-NEXT: #pragma HLS PIPELINE II=1
// CPP-NEXT: ap_int<8> [[N:v[0-9]+]];
// CPP-NEXT: [[IN]].read([[N]]);
// CPP: = [[I]] & 15;
// CPP: for (size_t [[I:i[0-9]+]] = 0; [[I]] < 2; [[I]] += 1) {
// CPP: for (size_t [[J:j[0-9]+]] = 0; [[J]] < 2; [[J]] += 1) {
// CPP: = ([[I]] * 5 + [[J]]) + 9;
// CPP: for (size_t [[J:j[0-9]+]] = 0; [[J]] < 3; [[J]] += 1) {
// CPP: [[IN]].read(
// CPP: = ([[I]] * 5 + [[J]]) + 11;
// CPP: for (size_t [[K:k[0-9]+]] = 0; [[K]] < 3; [[K]] += 1) {
// CPP: for (size_t [[L:l[0-9]+]] = 0; [[L]] < 2; [[L]] += 1) {
// CPP: [[AT:v[0-9]+]] = (([[I]] * 5 + [[J]]) + [[K]] * 5) + [[L]];
// CPP: [[WRAPPED:v[0-9]+]] = [[AT]] & 15;
// CPP: = [[KEPT]]{{\[}}[[WRAPPED]]];
// CPP: [[OUT]].write(
// The one that is left:
// CPP: [[IN]].read(
// CPP-NEXT: return;
// Ports in memory are read where they are.
// MEMORY: static void stencil(ap_int<8> {{v[0-9]+}}[20], ap_int<10> {{v[0-9]+}}[6])
// In Verilog, 12 numbers and the 2 + 1 that the next window brings at most are 15: 16 words, instead of 40.
// NETWORK: func.func @main({{.*}}hls.port = #hls.port<kind = "stream", depth = {{[0-9]+}}, banks = <count = 1, words = 16, storage = "distributed", keeps = "window">>
func.func private @stencil(%x: memref<20xi8>, %y: memref<6xi10> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 3 {
      %zero = arith.constant 0 : i10
      %sum = affine.for %k = 0 to 3 iter_args(%a = %zero) -> (i10) {
        %inner = affine.for %l = 0 to 2 iter_args(%b = %a) -> (i10) {
          %n = affine.load %x[(%i + %k) * 5 + %j + %l] : memref<20xi8>
          %w = arith.extsi %n : i8 to i10
          %s = arith.addi %b, %w : i10
          affine.yield %s : i10
        }
        affine.yield %inner : i10
      }
      affine.store %sum, %y[%i * 3 + %j] : memref<6xi10>
    }
  }
  return
}

func.func @main(%x: memref<20xi8>, %y: memref<6xi10> {compress.result}) {
  call @stencil(%x, %y) : (memref<20xi8>, memref<6xi10>) -> ()
  return
}
