// Bytes and reads by hand. The default machine: L1 48 KiB, L2 2 MiB, L3 32 MiB.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-memory-report))' --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-memory-report{batch=4}))' --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=BATCH
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-memory-report{batch=0}))' 2>&1 | FileCheck %s --check-prefix=ERROR
// ERROR: error: compress-memory-report{batch=0}: expects at least 1 sample
// RUN: not compress-opt %s --pass-pipeline='builtin.module(func.func(compress-memory-report{machine=abacus}))' 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: compress-memory-report{machine=abacus}:
// A narrower machine: 527360 bytes are beyond its L2 of 512 KiB.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-memory-report{machine=generic-avx2}))' --remarks-filter='compress.*' 2>&1 >/dev/null | FileCheck %s --check-prefix=NARROW
// NARROW: memory-report {{.*}}Function=dense {{.*}}working set 527360 bytes, in L3: beyond L1 and L2

// 256 x 512 f32 weights are 524288 bytes, with the second layer's 4096 more: L2. Each of 256 numbers is read once per output.
// CHECK: memory-report {{.*}}Function=dense {{.*}}linalg.matmul: weights 524288 bytes from L2; in 1024 bytes, each number read 512.0 times; out 2048 bytes; working set 527360 bytes, in L2: beyond L1
// CHECK-SAME: weight_bytes=524288
// BATCH: memory-report {{.*}}Function=dense {{.*}}linalg.matmul: weights 524288 bytes from L2; in 4096 bytes, each number read 512.0 times; out 8192 bytes; working set 536576 bytes
// CHECK: memory-report {{.*}}Function=dense {{.*}}linalg.matmul: weights 4096 bytes from L2; in 2048 bytes, each number read 2.0 times; out 8 bytes; working set 6152 bytes, in L1
func.func @dense(%x: tensor<?x256xf32>, %y: tensor<?x512xf32>, %z: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = arith.constant dense<0.5> : tensor<256x512xf32>
  %v = arith.constant dense<0.5> : tensor<512x2xf32>
  %0 = linalg.matmul ins(%x, %w : tensor<?x256xf32>, tensor<256x512xf32>) outs(%y : tensor<?x512xf32>) -> tensor<?x512xf32>
  %1 = linalg.matmul ins(%0, %v : tensor<?x512xf32>, tensor<512x2xf32>) outs(%z : tensor<?x2xf32>) -> tensor<?x2xf32>
  return %1 : tensor<?x2xf32>
}

// Transforms read each number once, the product each slot once per out block (10).
// CHECK: memory-report {{.*}}Function=spectral {{.*}}compress.rfft: in 96 bytes, each number read 1.0 times; out 96 bytes; working set 192 bytes, in L1
// CHECK: memory-report {{.*}}Function=spectral {{.*}}compress.spectral_matmul: weights 960 bytes from L1; in 96 bytes, each number read 10.0 times; out 320 bytes; working set 1376 bytes, in L1
func.func @spectral(%x: tensor<?x24xf32>, %i: tensor<8x?x3xf32>, %y: tensor<8x?x10xf32>) -> tensor<8x?x10xf32> {
  %w = arith.constant dense<0.5> : tensor<8x3x10xf32>
  %0 = compress.rfft dim = 1 ins(%x : tensor<?x24xf32>) outs(%i : tensor<8x?x3xf32>) -> tensor<8x?x3xf32>
  %1 = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%0, %w : tensor<8x?x3xf32>, tensor<8x3x10xf32>) outs(%y : tensor<8x?x10xf32>) -> tensor<8x?x10xf32>
  return %1 : tensor<8x?x10xf32>
}

// 600 MB are in no cache.
// CHECK: memory-report {{.*}}Function=large {{.*}}linalg.add: in 600000000 bytes, each number read 1.0 times; out 300000000 bytes; working set 900000000 bytes, in memory: beyond every cache
func.func @large(%a: tensor<75000000xf32>, %b: tensor<75000000xf32>) -> tensor<75000000xf32> {
  %e = tensor.empty() : tensor<75000000xf32>
  %0 = linalg.add ins(%a, %b : tensor<75000000xf32>, tensor<75000000xf32>) outs(%e : tensor<75000000xf32>) -> tensor<75000000xf32>
  return %0 : tensor<75000000xf32>
}

// A sample at a time: 4 runs in a batch of 4, of 16 bytes each way.
// BATCH: memory-report {{.*}}Function=samples {{.*}}linalg.exp: 4 times in 16 bytes, each number read 1.0 times; out 16 bytes; working set 32 bytes, in L1
// BATCH-SAME: runs=4
func.func @samples(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %all = scf.for %i = %c0 to %n step %c1 iter_args(%so = %y) -> (tensor<?x4xf32>) {
    %s = tensor.extract_slice %x[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<1x4xf32>
    %e = tensor.extract_slice %so[%i, 0] [1, 4] [1, 1] : tensor<?x4xf32> to tensor<1x4xf32>
    %0 = linalg.exp ins(%s : tensor<1x4xf32>) outs(%e : tensor<1x4xf32>) -> tensor<1x4xf32>
    %in = tensor.insert_slice %0 into %so[%i, 0] [1, 4] [1, 1] : tensor<1x4xf32> into tensor<?x4xf32>
    scf.yield %in : tensor<?x4xf32>
  }
  return %all : tensor<?x4xf32>
}
