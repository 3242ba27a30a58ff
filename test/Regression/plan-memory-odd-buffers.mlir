// Buffers that the arena cannot hold are refused, each with its reason.
// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-plan-memory))' --split-input-file --verify-diagnostics

func.func @elements_without_a_size(%x: memref<4xf32>) {
  // expected-error @+1 {{compress-plan-memory: expects row-major buffers of numbers, without a memory space, got 'memref<2xmemref<4xf32>>'}}
  %a = memref.alloc() : memref<2xmemref<4xf32>>
  memref.dealloc %a : memref<2xmemref<4xf32>>
  return
}

// -----

func.func @another_layout(%x: memref<4xf32>) {
  // expected-error @+1 {{expects row-major buffers of numbers}}
  %a = memref.alloc() : memref<2x2xf32, strided<[1, 2]>>
  memref.dealloc %a : memref<2x2xf32, strided<[1, 2]>>
  return
}

// -----

func.func @memory_space(%x: memref<4xf32>) {
  // expected-error @+1 {{expects row-major buffers of numbers}}
  %a = memref.alloc() : memref<2xf32, 3>
  memref.dealloc %a : memref<2xf32, 3>
  return
}

// -----

func.func @larger_than_an_int64(%x: memref<4xf32>) {
  // expected-error @+1 {{'memref<4611686018427387904x4xf32>' has no size that a machine could hold}}
  %a = memref.alloc() : memref<4611686018427387904x4xf32>
  memref.dealloc %a : memref<4611686018427387904x4xf32>
  return
}

// -----

func.func @product_of_extents(%x: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %most = arith.constant 9223372036854775807 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %m = arith.muli %n, %most : index
  %l = arith.muli %m, %most : index
  // expected-error @+1 {{compress-plan-memory: }}
  %a = memref.alloc(%l) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  return
}
