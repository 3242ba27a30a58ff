// RUN: compress-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(compress-fill-frames))' | FileCheck %s

// What a transform writes is not filled before: a row of zeros above and below, a column left and right of it.
// CHECK-LABEL: func.func @spectra(
// CHECK-SAME: %[[X:.*]]: tensor<1x8x32x32xf32>
// CHECK: %[[E:.*]] = tensor.empty() : tensor<8x1x1x34x34xf32>
// CHECK: %[[A:.*]] = tensor.extract_slice %[[E]][0, 0, 0, 0, 0] [8, 1, 1, 1, 34] [1, 1, 1, 1, 1]
// CHECK: %[[AF:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[A]] : tensor<8x1x1x1x34xf32>)
// CHECK: %[[E1:.*]] = tensor.insert_slice %[[AF]] into %[[E]][0, 0, 0, 0, 0] [8, 1, 1, 1, 34]
// CHECK: %[[B:.*]] = tensor.extract_slice %[[E1]][0, 0, 0, 33, 0] [8, 1, 1, 1, 34]
// CHECK: %[[BF:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[B]]
// CHECK: %[[E2:.*]] = tensor.insert_slice %[[BF]] into %[[E1]][0, 0, 0, 33, 0]
// CHECK: %[[C:.*]] = tensor.extract_slice %[[E2]][0, 0, 0, 1, 0] [8, 1, 1, 32, 1]
// CHECK: %[[CF:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[C]]
// CHECK: %[[E3:.*]] = tensor.insert_slice %[[CF]] into %[[E2]][0, 0, 0, 1, 0]
// CHECK: %[[D:.*]] = tensor.extract_slice %[[E3]][0, 0, 0, 1, 33] [8, 1, 1, 32, 1]
// CHECK: %[[DF:.*]] = linalg.fill ins(%{{.*}} : f32) outs(%[[D]]
// CHECK: %[[E4:.*]] = tensor.insert_slice %[[DF]] into %[[E3]][0, 0, 0, 1, 33]
// CHECK-NOT: linalg.fill
// CHECK: %[[P:.*]] = tensor.extract_slice %[[E4]][0, 0, 0, 1, 1] [8, 1, 1, 32, 32]
// CHECK: %[[Y:.*]] = compress.rfft dim = 1 ins(%[[X]] : tensor<1x8x32x32xf32>) outs(%[[P]]
// CHECK: tensor.insert_slice %[[Y]] into %[[E4]][0, 0, 0, 1, 1]
func.func @spectra(%x: tensor<1x8x32x32xf32>) -> tensor<8x1x1x34x34xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x1x1x34x34xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8x1x1x34x34xf32>) -> tensor<8x1x1x34x34xf32>
  %p = tensor.extract_slice %f[0, 0, 0, 1, 1] [8, 1, 1, 32, 32] [1, 1, 1, 1, 1] : tensor<8x1x1x34x34xf32> to tensor<8x1x1x32x32xf32>
  %y = compress.rfft dim = 1 ins(%x : tensor<1x8x32x32xf32>) outs(%p : tensor<8x1x1x32x32xf32>) -> tensor<8x1x1x32x32xf32>
  %r = tensor.insert_slice %y into %f[0, 0, 0, 1, 1] [8, 1, 1, 32, 32] [1, 1, 1, 1, 1] : tensor<8x1x1x32x32xf32> into tensor<8x1x1x34x34xf32>
  return %r : tensor<8x1x1x34x34xf32>
}

// -----

// A number of samples that is not known is whole in all boxes; with channels last two rows and two columns of pixels.
// CHECK-LABEL: func.func @samples(
// CHECK-SAME: %[[X:.*]]: tensor<?x9x9x64xf32>, %[[N:.*]]: index
// CHECK: %[[E:.*]] = tensor.empty(%[[N]])
// CHECK: tensor.extract_slice %[[E]][0, 0, 0, 0] [%[[N]], 1, 11, 64] [1, 1, 1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 10, 0, 0] [%[[N]], 1, 11, 64] [1, 1, 1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 1, 0, 0] [%[[N]], 9, 1, 64] [1, 1, 1, 1]
// CHECK: tensor.extract_slice %{{.*}}[0, 1, 10, 0] [%[[N]], 9, 1, 64] [1, 1, 1, 1]
// CHECK: %[[FRAME:.*]] = tensor.insert_slice
// CHECK-NOT: linalg.fill
// CHECK: tensor.insert_slice %[[X]] into %[[FRAME]][0, 1, 1, 0] [%[[N]], 9, 9, 64]
func.func @samples(%x: tensor<?x9x9x64xf32>, %n: index) -> tensor<?x11x11x64xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty(%n) : tensor<?x11x11x64xf32>
  %f = linalg.fill ins(%one : f32) outs(%e : tensor<?x11x11x64xf32>) -> tensor<?x11x11x64xf32>
  %r = tensor.insert_slice %x into %f[0, 1, 1, 0] [%n, 9, 9, 64] [1, 1, 1, 1] : tensor<?x9x9x64xf32> into tensor<?x11x11x64xf32>
  return %r : tensor<?x11x11x64xf32>
}

// -----

// Another number of samples than the tensor has may be fewer: all is filled.
// CHECK-LABEL: func.func @other_samples(
// CHECK: linalg.fill {{.*}} -> tensor<?x11x11x64xf32>
func.func @other_samples(%x: tensor<?x9x9x64xf32>, %n: index, %m: index) -> tensor<?x11x11x64xf32> {
  %one = arith.constant 1.0 : f32
  %e = tensor.empty(%n) : tensor<?x11x11x64xf32>
  %f = linalg.fill ins(%one : f32) outs(%e : tensor<?x11x11x64xf32>) -> tensor<?x11x11x64xf32>
  %r = tensor.insert_slice %x into %f[0, 1, 1, 0] [%m, 9, 9, 64] [1, 1, 1, 1] : tensor<?x9x9x64xf32> into tensor<?x11x11x64xf32>
  return %r : tensor<?x11x11x64xf32>
}

// -----

// A product that adds to the zeros reads them.
// CHECK-LABEL: func.func @reads(
// CHECK: linalg.fill {{.*}} -> tensor<34x34xf32>
func.func @reads(%a: tensor<32x8xf32>, %b: tensor<8x32xf32>) -> tensor<34x34xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<34x34xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<34x34xf32>) -> tensor<34x34xf32>
  %p = tensor.extract_slice %f[1, 1] [32, 32] [1, 1] : tensor<34x34xf32> to tensor<32x32xf32>
  %y = linalg.matmul ins(%a, %b : tensor<32x8xf32>, tensor<8x32xf32>) outs(%p : tensor<32x32xf32>) -> tensor<32x32xf32>
  %r = tensor.insert_slice %y into %f[1, 1] [32, 32] [1, 1] : tensor<32x32xf32> into tensor<34x34xf32>
  return %r : tensor<34x34xf32>
}

// -----

// So does another op.
// CHECK-LABEL: func.func @shared(
// CHECK: linalg.fill {{.*}} -> tensor<34x34xf32>
func.func @shared(%x: tensor<32x32xf32>) -> (tensor<34x34xf32>, tensor<34x34xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<34x34xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<34x34xf32>) -> tensor<34x34xf32>
  %r = tensor.insert_slice %x into %f[1, 1] [32, 32] [1, 1] : tensor<32x32xf32> into tensor<34x34xf32>
  return %r, %f : tensor<34x34xf32>, tensor<34x34xf32>
}

// -----

// Every other number is written: the box is not covered.
// CHECK-LABEL: func.func @strided(
// CHECK: linalg.fill {{.*}} -> tensor<64x64xf32>
func.func @strided(%x: tensor<32x32xf32>) -> tensor<64x64xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<64x64xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
  %r = tensor.insert_slice %x into %f[0, 0] [32, 32] [2, 2] : tensor<32x32xf32> into tensor<64x64xf32>
  return %r : tensor<64x64xf32>
}

// -----

// The frame of 8 x 8 numbers takes 16 columns and 4 stores of vectors, all of 10 x 10 20.
// CHECK-LABEL: func.func @small(
// CHECK: linalg.fill {{.*}} -> tensor<10x10xf32>
func.func @small(%x: tensor<8x8xf32>) -> tensor<10x10xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<10x10xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<10x10xf32>) -> tensor<10x10xf32>
  %r = tensor.insert_slice %x into %f[1, 1] [8, 8] [1, 1] : tensor<8x8xf32> into tensor<10x10xf32>
  return %r : tensor<10x10xf32>
}
