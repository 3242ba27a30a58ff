// RUN: compress-opt %s --split-input-file --compress-hls-dataflow --compress-hls-schedule | FileCheck %s

// Maxima of pairs of 5 numbers: the column beside the last pair comes behind each row, for taken before it, it would be too early.
// CHECK-LABEL: func.func private @pool(
// CHECK-SAME: hls.window = #hls.window<words = 2, first = 0, steps = [0, 2], behind = [1, 0]>
func.func private @pool(%x: memref<10xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %least = arith.constant -128 : i8
      %most = affine.for %k = 0 to 2 iter_args(%a = %least) -> (i8) {
        %n = affine.load %x[%i * 5 + %j * 2 + %k] : memref<10xi8>
        %m = arith.maxsi %a, %n : i8
        affine.yield %m : i8
      }
      affine.store %most, %y[%i * 2 + %j] : memref<4xi8>
    }
  }
  return
}
func.func @main(%x: memref<10xi8>, %y: memref<4xi8> {compress.result}) {
  call @pool(%x, %y) : (memref<10xi8>, memref<4xi8>) -> ()
  return
}

// -----

// A sum of the second row, then one of the first: all of both is needed at once.
// CHECK-LABEL: func.func private @backwards(
// CHECK-NOT: hls.window
// CHECK: return
func.func private @backwards(%x: memref<4xi10>, %y: memref<2xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    %zero = arith.constant 0 : i10
    %sum = affine.for %k = 0 to 2 iter_args(%a = %zero) -> (i10) {
      %n = affine.load %x[%i * -2 + %k + 2] : memref<4xi10>
      %s = arith.addi %a, %n : i10
      affine.yield %s : i10
    }
    %t = arith.trunci %sum : i10 to i8
    affine.store %t, %y[%i] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<4xi10>, %y: memref<2xi8> {compress.result}) {
  call @backwards(%x, %y) : (memref<4xi10>, memref<2xi8>) -> ()
  return
}

// -----

// A stencil whose rows are read by two nests of one loop: they have one window.
// CHECK-LABEL: func.func private @two_nests(
// CHECK-SAME: hls.window = #hls.window<words = 4, first = 2, steps = [1], behind = [0]>
func.func private @two_nests(%x: memref<8xi8>, %y: memref<12xi10> {compress.result}) {
  affine.for %i = 0 to 6 {
    %zero = arith.constant 0 : i10
    %a = affine.for %k = 0 to 2 iter_args(%old = %zero) -> (i10) {
      %n = affine.load %x[%i + %k] : memref<8xi8>
      %w = arith.extsi %n : i8 to i10
      %s = arith.addi %old, %w : i10
      affine.yield %s : i10
    }
    affine.store %a, %y[%i * 2] : memref<12xi10>
    %b = affine.for %k = 0 to 2 iter_args(%old = %zero) -> (i10) {
      %n = affine.load %x[%i + %k + 1] : memref<8xi8>
      %w = arith.extsi %n : i8 to i10
      %s = arith.addi %old, %w : i10
      affine.yield %s : i10
    }
    affine.store %b, %y[%i * 2 + 1] : memref<12xi10>
  }
  return
}
func.func @main(%x: memref<8xi8>, %y: memref<12xi10> {compress.result}) {
  call @two_nests(%x, %y) : (memref<8xi8>, memref<12xi10>) -> ()
  return
}

// -----

// All iterations read the first 3 of 4 numbers: nothing moves, and they are read again.
// CHECK-LABEL: func.func private @dot(
// CHECK-NOT: hls.window
// CHECK: return
func.func private @dot(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  affine.for %o = 0 to 2 {
    %zero = arith.constant 0 : i8
    %sum = affine.for %k = 0 to 3 iter_args(%old = %zero) -> (i8) {
      %n = affine.load %x[%k] : memref<4xi8>
      %s = arith.addi %old, %n : i8
      affine.yield %s : i8
    }
    affine.store %sum, %y[%o] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  call @dot(%x, %y) : (memref<4xi8>, memref<2xi8>) -> ()
  return
}
