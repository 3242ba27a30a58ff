// RUN: compress-opt %s --split-input-file --convert-compress-fixed-point-to-emitc --verify-diagnostics

// A memory for each lane is what one would choose without looking: x[0] and x[2] are both in the first of two.
func.func private @naive(%x: memref<8xi8> {hls.partition = #hls.partition<factor = 2>}, %y: memref<1xi20> {compress.result}) {
  affine.for %o = 0 to 1 {
    %zero = arith.constant 0 : i20
    %sum = affine.for %i = 0 to 4 iter_args(%old = %zero) -> (i20) {
      // expected-error@+2 {{lane 1 may read the same of 2 memories as lane 0}}
      // expected-note@+1 {{of this load}}
      %xi = affine.load %x[%i * 2] : memref<8xi8>
      %a = arith.extsi %xi : i8 to i20
      %new = arith.addi %old, %a : i20
      affine.yield %new : i20
    } {hls.pipeline = #hls.pipeline<ii = 1, depth = 3, lanes = 2, gap = 0, bound = "target">}
    affine.store %sum, %y[%o] : memref<1xi20>
  }
  return
}

// -----

// x[o] and x[2 o + 1] differ by o + 1: for some o they are in one memory, however many there are.
func.func private @apart_at_first(%x: memref<8xi8> {hls.partition = #hls.partition<factor = 8>}, %y: memref<3xi20> {compress.result}) {
  affine.for %o = 0 to 3 {
    %zero = arith.constant 0 : i20
    %sum = affine.for %i = 0 to 1 iter_args(%old = %zero) -> (i20) {
      // expected-note@+1 {{of this load}}
      %xi = affine.load %x[%o] : memref<8xi8>
      // expected-error@+1 {{lane 0 may read the same of 8 memories as lane 0}}
      %xj = affine.load %x[%o * 2 + 1] : memref<8xi8>
      %s = arith.addi %xi, %xj : i8
      %a = arith.extsi %s : i8 to i20
      %new = arith.addi %old, %a : i20
      affine.yield %new : i20
    }
    affine.store %sum, %y[%o] : memref<3xi20>
  }
  return
}

// -----

// expected-error@+1 {{a window in 3 memories: expects a power of two}}
func.func private @window(%x: memref<8xi8> {hls.partition = #hls.partition<factor = 3>, hls.window = #hls.window<words = 4, first = 2, steps = [1], behind = [0]>}, %y: memref<6xi8> {compress.result}) {
  affine.for %i = 0 to 6 {
    %zero = arith.constant 0 : i8
    %sum = affine.for %j = 0 to 3 iter_args(%old = %zero) -> (i8) {
      %n = affine.load %x[%i + %j] {hls.place = affine_map<(d0, d1) -> (d0 + d1)>} : memref<8xi8>
      %new = arith.addi %old, %n : i8
      affine.yield %new : i8
    }
    affine.store %sum, %y[%i] : memref<6xi8>
  }
  return
}
