// Microseconds by hand. The default machine: 200 GFLOP/s, of which dense products reach 0.8, spectral ones 0.6, transforms a third; 16
// lanes; L1 48 KiB at 360 GB/s, L2 2 MiB at 179 GB/s. A layer's begin and end are 0.1.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-predict-layers))' | FileCheck %s
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-predict-layers{max-batch=0}))' 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: compress-predict-layers{max-batch=0}: expects at least 1 sample
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-predict-layers{machine=abacus}))' 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: compress-predict-layers{machine=abacus}:

// One sample reads 524288 bytes of weights and 3072 others from L2: 527360 / 179e9 s; 64 samples do 64 * 2 * 256 * 512 operations.
// Of the second layer, 256 * 512 maxima per pass, one sample moves 6144 bytes in L1, 64 move 393216 in L2.
// CHECK-LABEL: func.func @dense
// CHECK-SAME: compress.layers = [
// CHECK-SAME: {bound = ["L2", "compute"], name = "fc", op = "linalg.matmul", predicted_us = array<f64: 3.046145{{[0-9]+}}, 104.957{{(59[0-9]+|6)}}>},
// CHECK-SAME: {bound = ["L1", "L2"], name = "relu", op = "linalg.max", predicted_us = array<f64: 0.11706{{[0-9]+}}, 2.2967{{[0-9]+}}>}]
func.func @dense(%x: tensor<?x256xf32>, %y: tensor<?x512xf32>, %z: tensor<?x512xf32>) -> tensor<?x512xf32> {
  %w = arith.constant dense<0.5> : tensor<256x512xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x256xf32>, tensor<256x512xf32>) outs(%y : tensor<?x512xf32>) -> tensor<?x512xf32> loc("fc")
  %1 = linalg.max ins(%0, %z : tensor<?x512xf32>, tensor<?x512xf32>) outs(%z : tensor<?x512xf32>) -> tensor<?x512xf32> loc("relu")
  return %1 : tensor<?x512xf32>
}

// A layer is the sum of its ops: 3 transforms of 22 operations in 16 lanes, and the 22 * 8 bytes of their code at 179 / 2 GB/s; 30
// products of 2 real and 3 complex slots, 28 operations each, 10 in 16 lanes. What takes longest names and bounds it.
// CHECK-LABEL: func.func @spectral
// CHECK-SAME: compress.layers = [{bound = ["compute", "compute"], name = "fc", op = "compress.spectral_matmul",
// CHECK-SAME: predicted_us = array<f64: 0.118446{{[0-9]+}}, 1.156686{{[0-9]+}}>}]
func.func @spectral(%x: tensor<?x24xf32>, %i: tensor<8x?x3xf32>, %y: tensor<8x?x10xf32>) -> tensor<8x?x10xf32> {
  %w = arith.constant dense<0.5> : tensor<8x3x10xf32>
  %0 = compress.rfft dim = 1 ins(%x : tensor<?x24xf32>) outs(%i : tensor<8x?x3xf32>) -> tensor<8x?x3xf32> loc("fc")
  %1 = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%0, %w : tensor<8x?x3xf32>, tensor<8x3x10xf32>) outs(%y : tensor<8x?x10xf32>) -> tensor<8x?x10xf32> loc("fc")
  return %1 : tensor<8x?x10xf32>
}

// bf16 words at their own rate, 107e9: 2 out blocks, 3 in blocks, 4 points: 2 real slots and a complex one, 12 operations per pair of
// blocks, 72 in all, 64 * 72 for a full run; 2 blocks in 16 lanes.
// CHECK-LABEL: func.func @words
// CHECK-SAME: bound = ["compute", "compute"], name = "fc", op = "compress.spectral_dot", predicted_us = array<f64: 0.1089719{{[0-9]+}}, 0.674205{{[0-9]+}}>
func.func @words(%xs: tensor<4x?x3xf32>, %ws: tensor<2x3x2xi32>, %zero: tensor<4x?x2xf32>) -> tensor<4x?x2xf32> {
  %ys = compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%xs, %ws : tensor<4x?x3xf32>, tensor<2x3x2xi32>) outs(%zero : tensor<4x?x2xf32>) -> tensor<4x?x2xf32> loc("fc")
  return %ys : tensor<4x?x2xf32>
}

// In panels of 4 of 8 out blocks, with 3 taps: 3 * 3 * 8 * 12 operations of one sample at 0.6 of 107e9, one pixel in 16 lanes.
// CHECK-LABEL: func.func @panels
// CHECK-SAME: predicted_us = array<f64: 0.315327{{[0-9]+}},
func.func @panels(%xs: tensor<4x?x3x3xf32>, %ws: tensor<2x2x3x3x4xi32>, %zero: tensor<4x?x8x1xf32>) -> tensor<4x?x8x1xf32> {
  %ys = compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%xs, %ws : tensor<4x?x3x3xf32>, tensor<2x2x3x3x4xi32>) outs(%zero : tensor<4x?x8x1xf32>) -> tensor<4x?x8x1xf32> loc("fc")
  return %ys : tensor<4x?x8x1xf32>
}

// Products of bytes, at 0.8 of 845e9: 2 * 256 * 512 * 64 operations for one sample of 64 rows. Its 131072 bytes of weights and 147456 others
// take 1.5561 from L2.
// CHECK-LABEL: func.func @bytes
// CHECK-SAME: {bound = ["compute", "compute"], name = "fc", op = "linalg.generic", predicted_us = array<f64: 24.918{{[0-9]+}}, 24.918{{[0-9]+}}>}
func.func @bytes(%x: tensor<64x256xi8>, %y: tensor<64x512xi32>) -> tensor<64x512xi32> {
  %w = arith.constant dense<3> : tensor<256x512xi8>
  %0 = linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                       iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<64x256xi8>, tensor<256x512xi8>) outs(%y : tensor<64x512xi32>) {
  ^bb0(%a: i8, %b: i8, %c: i32):
    %l = arith.extsi %a : i8 to i32
    %r = arith.extsi %b : i8 to i32
    %p = arith.muli %l, %r : i32
    %s = arith.addi %p, %c : i32
    linalg.yield %s : i32
  } -> tensor<64x512xi32> loc("fc")
  return %0 : tensor<64x512xi32>
}

// An op without a name goes by its line.
// CHECK-LABEL: func.func @coded
// CHECK-SAME: name = "line {{[0-9]+}}", op = "compress.coded_contract"
func.func @coded(%x: tensor<?x128xf32>, %codes: tensor<64x128xi4>, %scales: tensor<64x4xf32>, %y: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %0 = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      code(#compress.uniform<bits = 4>) group = [1, 32]
      ins(%x, %codes, %scales : tensor<?x128xf32>, tensor<64x128xi4>, tensor<64x4xf32>) outs(%y : tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// Four times 192 bytes from L1, and once 0.1.
// CHECK-LABEL: func.func @loop
// CHECK-SAME: predicted_us = array<f64: 0.10213333{{[0-9]+}}, 0.10213333{{[0-9]+}}>
func.func @loop(%a: tensor<16xf32>, %b: tensor<16xf32>) -> tensor<16xf32> {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %r = scf.for %i = %c0 to %c8 step %c2 iter_args(%t = %a) -> tensor<16xf32> {
    %0 = linalg.add ins(%t, %b : tensor<16xf32>, tensor<16xf32>) outs(%t : tensor<16xf32>) -> tensor<16xf32> loc("sum")
    scf.yield %0 : tensor<16xf32>
  }
  return %r : tensor<16xf32>
}

// CHECK-LABEL: func.func @moves_only
// CHECK-NOT: compress.layers
func.func @moves_only(%a: tensor<16xf32>) -> tensor<16xf32> {
  return %a : tensor<16xf32>
}

// A sample at a time: 128 bytes of L1 at 360 GB/s in each run, 1 and 64 of them, beside 16 operations at 160 GFLOP/s.
// CHECK-LABEL: func.func @samples
// CHECK-SAME: predicted_us = array<f64: 0.10035{{5+[0-9]*}}, 0.12275{{5+[0-9]*}}>
func.func @samples(%x: tensor<?x16xf32>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x16xf32>
  %all = scf.for %i = %c0 to %n step %c1 iter_args(%so = %y) -> (tensor<?x16xf32>) {
    %s = tensor.extract_slice %x[%i, 0] [1, 16] [1, 1] : tensor<?x16xf32> to tensor<1x16xf32>
    %e = tensor.extract_slice %so[%i, 0] [1, 16] [1, 1] : tensor<?x16xf32> to tensor<1x16xf32>
    %0 = linalg.exp ins(%s : tensor<1x16xf32>) outs(%e : tensor<1x16xf32>) -> tensor<1x16xf32> loc("exp")
    %in = tensor.insert_slice %0 into %so[%i, 0] [1, 16] [1, 1] : tensor<1x16xf32> into tensor<?x16xf32>
    scf.yield %in : tensor<?x16xf32>
  }
  return %all : tensor<?x16xf32>
}
