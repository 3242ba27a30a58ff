// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0' | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 target-interval=12' | FileCheck %s --check-prefixes=CHECK,SLOW
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 target-interval=9' | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 multipliers=2' | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 multipliers=1' | FileCheck %s --check-prefixes=CHECK,SLOW
// RUN: not compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 target-interval=5' 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 target-interval=6 multipliers=1' 2>&1 | FileCheck %s --check-prefix=BUDGET
// RUN: not compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true target-interval=12' 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: not compress-opt %s --compress-hls-dataflow --compress-hls-schedule='network=true lanes=0 multipliers=-1' 2>&1 | FileCheck %s --check-prefix=BAD

// Six numbers go through the stream between the two tasks, one a cycle. The dot makes 2 sums of 6 products: 12 cycles with one lane, 6 with
// two, in which the multiplier of each product of 9 x 8 bits is one DSP48E1. Three lanes would take 4 cycles, and wait for the stream.
// TARGET: error: takes a sample every 6 cycles with 1 lane(s) and streams of one number a cycle, more than the target of 5
// BUDGET: error: takes 2 multipliers (DSP48E1) for a sample every 6 cycles, and there are 1, with which a sample takes 12 cycles
// BAD: error: compress-hls-schedule{target-interval={{12|0}} multipliers={{0|-1}}}: expects 0 or more, and more than 0 with lanes=0

// CHECK-LABEL: func.func private @difference
// CHECK: #hls.pipeline<ii = 2, {{.*}}lanes = 1
func.func private @difference(%x: memref<6xi8>, %y: memref<6xi9> {compress.result}) {
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

// CHECK-LABEL: func.func private @dot
// FAST: #hls.pipeline<ii = 1, {{.*}}lanes = 2
// SLOW: #hls.pipeline<ii = 1, {{.*}}lanes = 1
func.func private @dot(%x: memref<6xi9>, %y: memref<2xi20> {compress.result}) {
  %w = memref.get_global @weights : memref<12xi8>
  affine.for %o = 0 to 2 {
    %zero = arith.constant 0 : i20
    %sum = affine.for %i = 0 to 6 iter_args(%old = %zero) -> (i20) {
      %xi = affine.load %x[%i] : memref<6xi9>
      %wi = affine.load %w[%o * 6 + %i] : memref<12xi8>
      %xw = arith.extsi %xi : i9 to i20
      %ww = arith.extsi %wi : i8 to i20
      %p = arith.muli %xw, %ww : i20
      %new = arith.addi %old, %p : i20
      affine.yield %new : i20
    }
    affine.store %sum, %y[%o] : memref<2xi20>
  }
  return
}

// CHECK-LABEL: func.func @main
// FAST-SAME: #hls.cycles<interval = 6,
// SLOW-SAME: #hls.cycles<interval = 12,
func.func @main(%x: memref<6xi8>, %y: memref<2xi20> {compress.result}) {
  %h = memref.alloc() : memref<6xi9>
  call @difference(%x, %h) : (memref<6xi8>, memref<6xi9>) -> ()
  call @dot(%h, %y) : (memref<6xi9>, memref<2xi20>) -> ()
  return
}
