// RUN: compress-opt %s --compress-hls-dataflow | FileCheck %s --check-prefix=TASKS
// RUN: compress-opt %s --compress-hls-dataflow --convert-compress-fixed-point-to-emitc=top=fc --compress-hls-lint | mlir-translate --mlir-to-cpp | FileCheck %s
// RUN: compress-opt %s --compress-hls-dataflow --convert-compress-fixed-point-to-emitc='top=fc_steps ports=stream' --compress-hls-lint | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=STREAM
// RUN: not compress-opt %s --convert-compress-fixed-point-to-emitc=ports=axi 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-fixed-point-to-emitc{ports=axi}: expects memory or stream

// A code of a sign and an exponent: the exponent shifts, the sign chooses.
// CHECK: static void step(ap_int<8> [[X:v[0-9]+]][4], ap_int<8> [[Y:v[0-9]+]][4]) {
// CHECK: int32_t [[BY:v[0-9]+]] = (int32_t) [[E:v[0-9]+]];
// CHECK: ap_int<8> [[SHIFT:v[0-9]+]] = [[E]] << [[BY]];
// CHECK: bool [[NEGATIVE:v[0-9]+]] = {{.*}} < ap_int<8>(0);
// CHECK: = [[NEGATIVE]] ? {{.*}} : [[SHIFT]];
func.func private @step(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 4 {
    %c0 = arith.constant 0 : i8
    %e = affine.load %x[%i] : memref<4xi8>
    %s = arith.shli %e, %e : i8
    %m = arith.subi %c0, %s : i8
    %n = arith.cmpi slt, %e, %c0 : i8
    %q = arith.select %n, %m, %s : i8
    affine.store %q, %y[%i] : memref<4xi8>
  }
  return
}
func.func private @sum(%x: memref<4xi8>, %z: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 4 {
    %a = affine.load %x[%i] : memref<4xi8>
    %b = affine.load %z[%i] : memref<4xi8>
    %s = arith.addi %a, %b : i8
    affine.store %s, %y[%i] : memref<4xi8>
  }
  return
}

// The input is read twice: a task copies it for each. No port is read where it is written.
// CHECK: static void split_2(ap_int<8> [[FROM:v[0-9]+]][4], ap_int<8> [[A:v[0-9]+]][4], ap_int<8> [[B:v[0-9]+]][4]) {
// CHECK: [[A]]{{\[}}[[I:.*]]] = [[N:v[0-9]+]];
// CHECK: [[B]]{{\[}}[[I]]] = [[N]];
// CHECK: void fc(ap_int<8> [[IN:v[0-9]+]][4], ap_int<8> [[OUT:v[0-9]+]][4]) {
// CHECK-NEXT: #pragma HLS INTERFACE ap_memory port=[[IN]]
// CHECK-NEXT: #pragma HLS INTERFACE ap_memory port=[[OUT]]
// CHECK-NEXT: #pragma HLS DATAFLOW
// CHECK: split_2([[IN]], [[C1:v[0-9]+]], [[C2:v[0-9]+]]);
// CHECK: step([[C1]], [[H:v[0-9]+]]);
// CHECK: sum([[H]], [[C2]], [[OUT]]);
// STREAM: static void fc_steps(
// STREAM-NEXT: #pragma HLS DATAFLOW
// TASKS: func.func @main(%[[IN:.*]]: memref<4xi8>, %[[OUT:.*]]: memref<4xi8> {compress.result})
// TASKS: %[[C1:.*]] = hls.buffer : memref<4xi8>
// TASKS: %[[C2:.*]] = hls.buffer : memref<4xi8>
// TASKS: hls.task @split_2 ins(%[[IN]] : memref<4xi8>) outs(%[[C1]], %[[C2]] : memref<4xi8>, memref<4xi8>)
// TASKS: %[[H:.*]] = hls.buffer : memref<4xi8>
// TASKS: hls.task @step ins(%[[C1]] : memref<4xi8>) outs(%[[H]] : memref<4xi8>)
// TASKS: hls.task @sum ins(%[[H]], %[[C2]] : memref<4xi8>, memref<4xi8>) outs(%[[OUT]] : memref<4xi8>)
// TASKS-NOT: dealloc
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %h = memref.alloc() : memref<4xi8>
  call @step(%x, %h) : (memref<4xi8>, memref<4xi8>) -> ()
  call @sum(%h, %x, %y) : (memref<4xi8>, memref<4xi8>, memref<4xi8>) -> ()
  memref.dealloc %h : memref<4xi8>
  return
}
