// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=2' | compress-translate - --hls-to-verilog --top=fc | FileCheck %s

// Weights lie in the order in which they are read, two lanes in one word, the second one above: 3 and -4 (fc), then 5 and no lane; then -1 (ff), -2, 7.
// CHECK: // fc.v
// CHECK: module compress_stream #(

// The dot adds three products of two lanes in two iterations: the second lane has no number in the last one, and adds zero.
// CHECK: module dot (
// CHECK-NEXT: input clk, input rst,
// CHECK-NEXT: input [7:0] in_data, input in_valid, output in_take,
// CHECK-NEXT: output [17:0] out_data, output out_valid, input out_ready
// An iteration is issued when half of the banks is full; a full stream behind it is all that stops it.
// CHECK: wire n0_whole = ~[[C:c[0-9]+]]_last;
// CHECK: wire issue = (full[reading]);
// CHECK: initial $readmemh("dot_n0_rom0.hex",
// CHECK: [[A:n0_x[0-9]+]] = bank0_q;
// CHECK: [[W:n0_x[0-9]+]] = n0_rom0_q[7:0];
// CHECK: = $signed([[A]]) * $signed([[W]]);
// CHECK: = {16{n0_whole_d1}} & n0_x
// CHECK: assign en = ~out_valid | out_ready;
// Numbers that arrive go to the two banks in turn; the third of a sample is in the first one again.
// CHECK: 1'd0: sel = 2'd0;
// CHECK: 1'd1: sel = 2'd1;
// CHECK: assign in_take = in_valid & ~full[filling];
// CHECK: endmodule

// CHECK: module fc (
// A number in each cycle needs a stream of two.
// CHECK: compress_stream #(.WIDTH(8), .DEPTH(2)
// CHECK: dot task0 (
// CHECK: // dot_n0_rom0.hex
// CHECK-NEXT: // FC03
// CHECK-NEXT: // 5
// CHECK-NEXT: // FEFF
// CHECK-NEXT: // 7
memref.global "private" constant @weights : memref<6xi8> = dense<[3, -4, 5, -1, -2, 7]>
func.func private @dot(%x: memref<3xi8>, %y: memref<2xi18> {compress.result}) {
  %w = memref.get_global @weights : memref<6xi8>
  affine.for %o = 0 to 2 {
    %zero = arith.constant 0 : i18
    %sum = affine.for %i = 0 to 3 iter_args(%old = %zero) -> (i18) {
      %xi = affine.load %x[%i] : memref<3xi8>
      %wi = affine.load %w[%o * 3 + %i] : memref<6xi8>
      %a = arith.extsi %xi : i8 to i16
      %b = arith.extsi %wi : i8 to i16
      %p = arith.muli %a, %b : i16
      %q = arith.extsi %p : i16 to i18
      %new = arith.addi %old, %q : i18
      affine.yield %new : i18
    }
    affine.store %sum, %y[%o] : memref<2xi18>
  }
  return
}
func.func @main(%x: memref<3xi8>, %y: memref<2xi18> {compress.result}) {
  call @dot(%x, %y) : (memref<3xi8>, memref<2xi18>) -> ()
  return
}
