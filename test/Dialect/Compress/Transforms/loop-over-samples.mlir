// RUN: compress-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(compress-loop-over-samples),canonicalize,cse)' | FileCheck %s
// RUN: compress-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(compress-loop-over-samples{max-batch=1}))' | FileCheck %s --check-prefix=ONE
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(compress-loop-over-samples{max-batch=0}))' 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: compress-loop-over-samples: expects max-batch of at least 1
// RUN: not compress-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(compress-loop-over-samples{machine=abacus}))' 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: compress-loop-over-samples: {{.*}}abacus
// ONE-NOT: scf.for

// 64 samples of 4 * 62 * 62 numbers are 4 MB, beyond the second cache, one is 61 KB: padding, convolution, its start and the ReLU are in the loop. The rows of
// the product are 1 MiB of weights beside 16 KiB for a sample, and stay outside.
// CHECK-LABEL: func.func @network(
// CHECK-SAME: %[[X:.*]]: tensor<?x4x62x62xf32>
// CHECK: %[[N:.*]] = tensor.dim %[[X]], %{{.*}}
// CHECK-NOT: tensor.pad
// CHECK: %[[ALL:.*]] = tensor.empty(%[[N]]) : tensor<?x4x62x62xf32>
// CHECK: %[[Y:.*]] = scf.for %[[I:.*]] = %c0 to %[[N]] step %c1 iter_args(%[[SO:.*]] = %[[ALL]]) -> (tensor<?x4x62x62xf32>) {
// CHECK:   %[[S:.*]] = tensor.extract_slice %[[X]][%[[I]], 0, 0, 0] [1, 4, 62, 62] [1, 1, 1, 1]
// CHECK:   %[[P:.*]] = tensor.pad %[[S]] low[0, 0, 1, 1] high[0, 0, 0, 0]
// CHECK:   } : tensor<1x4x62x62xf32> to tensor<1x4x63x63xf32>
// CHECK:   %[[B:.*]] = linalg.broadcast {{.*}} outs(%{{.*}} : tensor<1x4x62x62xf32>)
// CHECK:   %[[C:.*]] = linalg.conv_2d_nchw_fchw {{.*}}ins(%[[P]], %{{.*}} : tensor<1x4x63x63xf32>, tensor<4x4x2x2xf32>) outs(%[[B]] : tensor<1x4x62x62xf32>)
// CHECK:   %[[R:.*]] = linalg.max ins(%[[C]], %{{.*}} : tensor<1x4x62x62xf32>, tensor<1x4x62x62xf32>)
// CHECK:   %[[IN:.*]] = tensor.insert_slice %[[R]] into %[[SO]][%[[I]], 0, 0, 0] [1, 4, 62, 62] [1, 1, 1, 1]
// CHECK:   scf.yield %[[IN]]
// CHECK: %[[F:.*]] = tensor.collapse_shape %[[Y]] {{\[}}[0], [1, 2, 3]]
// CHECK: linalg.matmul ins(%[[F]], %{{.*}} : tensor<?x15376xf32>, tensor<15376x32xf32>)
func.func @network(%x: tensor<?x4x62x62xf32>) -> tensor<?x32xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<4x4x2x2xf32>
  %bias = arith.constant dense<0.25> : tensor<4xf32>
  %v = arith.constant dense<0.5> : tensor<15376x32xf32>
  %n = tensor.dim %x, %c0 : tensor<?x4x62x62xf32>
  %padded = tensor.pad %x low[0, 0, 1, 1] high[0, 0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index, %d: index):
    tensor.yield %zero : f32
  } : tensor<?x4x62x62xf32> to tensor<?x4x63x63xf32>
  %e = tensor.empty(%n) : tensor<?x4x62x62xf32>
  %start = linalg.broadcast ins(%bias : tensor<4xf32>) outs(%e : tensor<?x4x62x62xf32>) dimensions = [0, 2, 3]
  %y = linalg.conv_2d_nchw_fchw ins(%padded, %w : tensor<?x4x63x63xf32>, tensor<4x4x2x2xf32>) outs(%start : tensor<?x4x62x62xf32>) -> tensor<?x4x62x62xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%e : tensor<?x4x62x62xf32>) -> tensor<?x4x62x62xf32>
  %r = linalg.max ins(%y, %zeros : tensor<?x4x62x62xf32>, tensor<?x4x62x62xf32>) outs(%e : tensor<?x4x62x62xf32>) -> tensor<?x4x62x62xf32>
  %flat = tensor.collapse_shape %r [[0], [1, 2, 3]] : tensor<?x4x62x62xf32> into tensor<?x15376xf32>
  %f = tensor.empty(%n) : tensor<?x32xf32>
  %z = linalg.fill ins(%zero : f32) outs(%f : tensor<?x32xf32>) -> tensor<?x32xf32>
  %l = linalg.matmul ins(%flat, %v : tensor<?x15376xf32>, tensor<15376x32xf32>) outs(%z : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %l : tensor<?x32xf32>
}

// -----

// Spectra have the samples in dimension 1. What a slice is taken from and put back to is one tensor in the loop, too.
// CHECK-LABEL: func.func @spectral(
// CHECK: scf.for
// CHECK:   %[[PLANES:.*]] = linalg.fill {{.*}} -> tensor<8x1x8x58x58xf32>
// CHECK:   %[[INNER:.*]] = tensor.extract_slice %[[PLANES]][0, 0, 0, 1, 1] [8, 1, 8, 56, 56]
// CHECK:   %[[XS:.*]] = compress.rfft dim = 1 ins(%{{.*}} : tensor<1x64x56x56xf32>) outs(%[[INNER]] : tensor<8x1x8x56x56xf32>)
// CHECK:   %[[PADDED:.*]] = tensor.insert_slice %[[XS]] into %[[PLANES]][0, 0, 0, 1, 1]
// CHECK:   compress.spectral_conv {{.*}} ins(%[[PADDED]], %{{.*}} : tensor<8x1x8x58x58xf32>, tensor<8x3x3x8x8xf32>)
// CHECK:   compress.rfft_transpose {{.*}} outs(%{{.*}} : tensor<1x64x56x56xf32>)
// CHECK:   scf.yield
func.func @spectral(%x: tensor<?x64x56x56xf32>) -> tensor<?x64x56x56xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %w = arith.constant dense<0.5> : tensor<8x3x3x8x8xf32>
  %n = tensor.dim %x, %c0 : tensor<?x64x56x56xf32>
  %p = tensor.empty(%n) : tensor<8x?x8x58x58xf32>
  %planes = linalg.fill ins(%zero : f32) outs(%p : tensor<8x?x8x58x58xf32>) -> tensor<8x?x8x58x58xf32>
  %inner = tensor.extract_slice %planes[0, 0, 0, 1, 1] [8, %n, 8, 56, 56] [1, 1, 1, 1, 1] : tensor<8x?x8x58x58xf32> to tensor<8x?x8x56x56xf32>
  %xs = compress.rfft dim = 1 ins(%x : tensor<?x64x56x56xf32>) outs(%inner : tensor<8x?x8x56x56xf32>) -> tensor<8x?x8x56x56xf32>
  %padded = tensor.insert_slice %xs into %planes[0, 0, 0, 1, 1] [8, %n, 8, 56, 56] [1, 1, 1, 1, 1] : tensor<8x?x8x56x56xf32> into tensor<8x?x8x58x58xf32>
  %s = tensor.empty(%n) : tensor<8x?x8x56x56xf32>
  %sums = linalg.fill ins(%zero : f32) outs(%s : tensor<8x?x8x56x56xf32>) -> tensor<8x?x8x56x56xf32>
  %ys = compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1] ins(%padded, %w : tensor<8x?x8x58x58xf32>, tensor<8x3x3x8x8xf32>) outs(%sums : tensor<8x?x8x56x56xf32>) -> tensor<8x?x8x56x56xf32>
  %e = tensor.empty(%n) : tensor<?x64x56x56xf32>
  %y = compress.rfft_transpose dim = 1 ins(%ys : tensor<8x?x8x56x56xf32>) outs(%e : tensor<?x64x56x56xf32>) -> tensor<?x64x56x56xf32>
  return %y : tensor<?x64x56x56xf32>
}

// -----

// What is read twice, in the loop and behind it, is one of its results: the sum reads more bytes than a sample of its own needs, and joins
// the loop; so does the transpose, though not the sum over samples, which needs all of them.
// CHECK-LABEL: func.func @sum_over_samples(
// CHECK: %[[BOTH:.*]]:2 = scf.for {{.*}} iter_args({{.*}}) -> (tensor<?x256x256xf32>, tensor<256x?x256xf32>) {
// CHECK:   %[[A:.*]] = linalg.add {{.*}} -> tensor<1x256x256xf32>
// CHECK:   %[[T:.*]] = linalg.transpose ins(%[[A]] : tensor<1x256x256xf32>) outs(%{{.*}} : tensor<256x1x256xf32>) permutation = [1, 0, 2]
// CHECK:   tensor.insert_slice %[[T]] into %{{.*}}[0, %{{.*}}, 0] [256, 1, 256]
// CHECK: linalg.reduce {{.*}} ins(%[[BOTH]]#0 : tensor<?x256x256xf32>) {{.*}} dimensions = [0]
// CHECK: return %{{.*}}, %[[BOTH]]#1
func.func @sum_over_samples(%x: tensor<?x256x256xf32>) -> (tensor<256x256xf32>, tensor<256x?x256xf32>) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x256x256xf32>
  %e = tensor.empty(%n) : tensor<?x256x256xf32>
  %a = linalg.add ins(%x, %x : tensor<?x256x256xf32>, tensor<?x256x256xf32>) outs(%e : tensor<?x256x256xf32>) -> tensor<?x256x256xf32>
  %f = tensor.empty(%n) : tensor<256x?x256xf32>
  %t = linalg.transpose ins(%a : tensor<?x256x256xf32>) outs(%f : tensor<256x?x256xf32>) permutation = [1, 0, 2]
  %s = tensor.empty() : tensor<256x256xf32>
  %sum = linalg.reduce {arith.addf} ins(%a : tensor<?x256x256xf32>) outs(%s : tensor<256x256xf32>) dimensions = [0]
  return %sum, %t : tensor<256x256xf32>, tensor<256x?x256xf32>
}

// -----

// None of these is by sample: an unknown extent that is not the batch, one that is merged with another, padding or a slice of samples, an op
// that knows which sample it is at, and a stated batch.
// CHECK-LABEL: func.func @not(
// CHECK-NOT: scf.for
// CHECK: return
func.func @not(%x: tensor<?x512x512xf32>, %m: index, %stated: tensor<64x512x512xf32>)
    -> (tensor<?x512x512xf32>, tensor<?xf32>, tensor<?x512x512xf32>, tensor<?x512x512xf32>, tensor<?x512x512xf32>, tensor<64x512x512xf32>) {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x512x512xf32>
  %e = tensor.empty(%m) : tensor<?x512x512xf32>
  %other = linalg.fill ins(%zero : f32) outs(%e : tensor<?x512x512xf32>) -> tensor<?x512x512xf32>
  %copy = linalg.exp ins(%other : tensor<?x512x512xf32>) outs(%e : tensor<?x512x512xf32>) -> tensor<?x512x512xf32>
  %flat = tensor.collapse_shape %x [[0, 1, 2]] : tensor<?x512x512xf32> into tensor<?xf32>
  %padded = tensor.pad %x low[1, 0, 0] high[0, 0, 0] {
  ^bb0(%a: index, %b: index, %c: index):
    tensor.yield %zero : f32
  } : tensor<?x512x512xf32> to tensor<?x512x512xf32>
  %slice = tensor.extract_slice %x[1, 0, 0] [%m, 512, 512] [1, 1, 1] : tensor<?x512x512xf32> to tensor<?x512x512xf32>
  %f = tensor.empty(%n) : tensor<?x512x512xf32>
  %at = linalg.generic {indexing_maps = [affine_map<(a, b, c) -> (a, b, c)>], iterator_types = ["parallel", "parallel", "parallel"]} outs(%f : tensor<?x512x512xf32>) {
  ^bb0(%o: f32):
    %i = linalg.index 0 : index
    %j = arith.index_cast %i : index to i32
    %k = arith.sitofp %j : i32 to f32
    linalg.yield %k : f32
  } -> tensor<?x512x512xf32>
  %g = tensor.empty() : tensor<64x512x512xf32>
  %exp = linalg.exp ins(%stated : tensor<64x512x512xf32>) outs(%g : tensor<64x512x512xf32>) -> tensor<64x512x512xf32>
  return %copy, %flat, %padded, %slice, %at, %exp : tensor<?x512x512xf32>, tensor<?xf32>, tensor<?x512x512xf32>, tensor<?x512x512xf32>, tensor<?x512x512xf32>, tensor<64x512x512xf32>
}

// -----

// Two loops: 16 GiB of weights between them are better read once than 64 times. The second one takes its sample of what the first one made.
// CHECK-LABEL: func.func @two_loops(
// CHECK: %[[FIRST:.*]] = scf.for
// CHECK: linalg.exp
// CHECK: linalg.log
// CHECK: %[[PRODUCT:.*]] = linalg.matmul
// CHECK: scf.for %[[I:.*]] = %c0
// CHECK: tensor.extract_slice %[[PRODUCT]][%[[I]], 0] [1, 65536] [1, 1]
// CHECK: tensor.extract_slice %[[FIRST]][%[[I]], 0] [1, 65536] [1, 1]
// CHECK: linalg.add {{.*}} -> tensor<1x65536xf32>
// CHECK: linalg.exp
func.func @two_loops(%x: tensor<?x65536xf32>) -> tensor<?x65536xf32> {
  %c0 = arith.constant 0 : index
  %w = arith.constant dense<0.5> : tensor<65536x65536xf32>
  %n = tensor.dim %x, %c0 : tensor<?x65536xf32>
  %e = tensor.empty(%n) : tensor<?x65536xf32>
  %exp = linalg.exp ins(%x : tensor<?x65536xf32>) outs(%e : tensor<?x65536xf32>) -> tensor<?x65536xf32>
  %log = linalg.log ins(%exp : tensor<?x65536xf32>) outs(%e : tensor<?x65536xf32>) -> tensor<?x65536xf32>
  %y = linalg.matmul ins(%log, %w : tensor<?x65536xf32>, tensor<65536x65536xf32>) outs(%e : tensor<?x65536xf32>) -> tensor<?x65536xf32>
  %z = linalg.add ins(%y, %log : tensor<?x65536xf32>, tensor<?x65536xf32>) outs(%e : tensor<?x65536xf32>) -> tensor<?x65536xf32>
  %r = linalg.exp ins(%z : tensor<?x65536xf32>) outs(%e : tensor<?x65536xf32>) -> tensor<?x65536xf32>
  return %r : tensor<?x65536xf32>
}

// -----

// One op gains nothing: what it reads and writes is as far in a loop.
// CHECK-LABEL: func.func @one_op(
// CHECK-NOT: scf.for
// CHECK: return
func.func @one_op(%x: tensor<?x1024x1024xf32>) -> tensor<?x1048576xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x1024x1024xf32>
  %e = tensor.empty(%n) : tensor<?x1024x1024xf32>
  %y = linalg.exp ins(%x : tensor<?x1024x1024xf32>) outs(%e : tensor<?x1024x1024xf32>) -> tensor<?x1024x1024xf32>
  %flat = tensor.collapse_shape %y [[0], [1, 2]] : tensor<?x1024x1024xf32> into tensor<?x1048576xf32>
  return %flat : tensor<?x1048576xf32>
}
