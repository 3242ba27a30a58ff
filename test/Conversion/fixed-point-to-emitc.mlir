// RUN: compress-opt %s --compress-hls-dataflow --convert-compress-fixed-point-to-emitc=top=fc | mlir-translate --mlir-to-cpp | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --convert-compress-fixed-point-to-emitc | FileCheck %s --check-prefix=IR

// IR: emitc.global static const @weights : !emitc.array<6x!emitc.opaque<"ap_int<8>">>
// IR: emitc.func @net(

// Roundings are functions; their variables have the widths that the ops have, also where ap_int would grow.
// CHECK: static inline ap_int<8> round(ap_int<10> [[X:v[0-9]+]]) {
// CHECK-NEXT: ap_int<11> [[WIDE:v[0-9]+]] = (ap_int<11>) [[X]];
// CHECK-NEXT: ap_int<11> [[FLOOR:v[0-9]+]] = [[WIDE]] >> 2;
// CHECK-NEXT: ap_int<11> [[ODD:v[0-9]+]] = [[FLOOR]] & ap_int<11>(1);
// CHECK-NEXT: ap_int<11> [[SUM:v[0-9]+]] = [[WIDE]] + [[ODD]];
// CHECK-NEXT: bool [[LESS:v[0-9]+]] = [[SUM]] < ap_int<11>(127);
// CHECK-NEXT: ap_int<11> [[MOST:v[0-9]+]] = [[LESS]] ? [[SUM]] : ap_int<11>(127);
// CHECK-NEXT: ap_int<8> [[Q:v[0-9]+]] = (ap_int<8>) [[MOST]];
// CHECK-NEXT: return [[Q]];
func.func private @round(%x: i10) -> i8 {
  %c2 = arith.constant 2 : i11
  %c1 = arith.constant 1 : i11
  %c127 = arith.constant 127 : i11
  %wide = arith.extsi %x : i10 to i11
  %floor = arith.shrsi %wide, %c2 : i11
  %odd = arith.andi %floor, %c1 : i11
  %sum = arith.addi %wide, %odd : i11
  %most = arith.minsi %sum, %c127 : i11
  %q = arith.trunci %most : i11 to i8
  return %q : i8
}

// CHECK: static const ap_int<8> weights[6] = {
// CHECK-NEXT: 1, -2, 3, 4, 5, -128
memref.global "private" constant @weights : memref<6xi8> = dense<[1, -2, 3, 4, 5, -128]>

// A loop has a label and literal bounds; what it carries is a variable, assigned before it and where it ends; the innermost one is
// a pipeline.
// CHECK: static void step(ap_int<8> [[IN:v[0-9]+]][3], ap_int<8> [[OUT:v[0-9]+]][2]) {
// CHECK: loop_1:
// CHECK-NEXT: for (size_t [[O:.*]] = 0; [[O]] < 2; [[O]] += 1) {
// CHECK-NEXT: ap_int<10> [[ACC:v[0-9]+]];
// CHECK-NEXT: [[ACC]] = ap_int<10>(0);
// CHECK-NEXT: loop_2:
// CHECK-NEXT: for (size_t [[I:.*]] = 0; [[I]] < 3; [[I]] += 1) {
// CHECK-NEXT: #pragma HLS PIPELINE II=1
// CHECK: size_t [[AT:v[0-9]+]] = [[O]] * 3 + [[I]];
// CHECK: = weights{{\[}}[[AT]]];
// CHECK: [[ACC]] = v{{[0-9]+}};
// CHECK-NEXT: }
// CHECK: ap_int<8> [[R:v[0-9]+]] = round(
// CHECK: [[OUT]]{{\[}}[[O]]] = [[R]];
func.func private @step(%x: memref<3xi8>, %y: memref<2xi8> {compress.result}) {
  %w = memref.get_global @weights : memref<6xi8>
  affine.for %o = 0 to 2 {
    %zero = arith.constant 0 : i10
    %sum = affine.for %i = 0 to 3 iter_args(%old = %zero) -> (i10) {
      %xi = affine.load %x[%i] : memref<3xi8>
      %wi = affine.load %w[%o * 3 + %i] : memref<6xi8>
      %a = arith.extsi %xi : i8 to i10
      %b = arith.extsi %wi : i8 to i10
      %p = arith.muli %a, %b : i10
      %new = arith.addi %old, %p : i10
      affine.yield %new : i10
    }
    %q = func.call @round(%sum) : (i10) -> i8
    affine.store %q, %y[%o] : memref<2xi8>
  }
  return
}

// CHECK: void fc(ap_int<8> [[X:v[0-9]+]][3], ap_int<8> [[Y:v[0-9]+]][2]) {
// CHECK: #pragma HLS INTERFACE ap_memory port=[[X]]
// CHECK: ap_int<8> [[BUFFER:v[0-9]+]][2];
// CHECK: step([[X]], [[BUFFER]]);
// CHECK: copy([[BUFFER]], [[Y]]);
func.func @main(%x: memref<3xi8>, %y: memref<2xi8> {compress.result}) {
  %buffer = memref.alloc() : memref<2xi8>
  call @step(%x, %buffer) : (memref<3xi8>, memref<2xi8>) -> ()
  call @copy(%buffer, %y) : (memref<2xi8>, memref<2xi8>) -> ()
  memref.dealloc %buffer : memref<2xi8>
  return
}
func.func private @copy(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    %q = affine.load %x[%i] : memref<2xi8>
    affine.store %q, %y[%i] : memref<2xi8>
  }
  return
}
