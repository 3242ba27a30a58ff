// Kernel ops and copies on buffers of every layout, and arenas.

func.func @strided(%x: memref<4x10xf32, strided<[20, 2], offset: 3>>, %i: memref<4x4x3xf32, strided<[?, ?, ?], offset: ?>>) {
  compress.rfft dim = 1 ins(%x : memref<4x10xf32, strided<[20, 2], offset: 3>>) outs(%i : memref<4x4x3xf32, strided<[?, ?, ?], offset: ?>>)
  return
}

// -----

func.func @copies(%a: memref<?x4xf32>, %b: memref<?x4xf32>, %c: memref<2x2xi8>, %d: memref<2x2xi8>, %e: memref<f32>, %f: memref<f32>) {
  memref.copy %a, %b : memref<?x4xf32> to memref<?x4xf32>
  memref.copy %c, %d : memref<2x2xi8> to memref<2x2xi8>
  memref.copy %e, %f : memref<f32> to memref<f32>
  return
}

// -----

// Allocations in loops and branches, of extents that do not derive from the batch.
func.func @allocations(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}, %n: index, %p: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d = memref.dim %x, %c0 : memref<?x10xf32>
  scf.for %i = %c0 to %n step %c1 {
    %a = memref.alloc(%d) : memref<?x10xf32>
    memref.copy %x, %a : memref<?x10xf32> to memref<?x10xf32>
    memref.copy %a, %y : memref<?x10xf32> to memref<?x10xf32>
    memref.dealloc %a : memref<?x10xf32>
  }
  scf.if %p {
    %b = memref.alloc() : memref<4x10xi8>
    %z = memref.alloca() : memref<1xf32>
    memref.dealloc %b : memref<4x10xi8>
  }
  return
}

// -----

func.func @main(%x: memref<?x4xf32> {compress.name = "x"}, %y: memref<?x4xf32> {compress.name = "x", compress.result}) {
  %c0 = arith.constant 0 : index
  %d = memref.dim %x, %c0 : memref<?x4xf32>
  %e = affine.apply affine_map<(d) -> (d * 3 + 1)>(%d)
  %a = memref.alloc(%e) : memref<?x4xf32>
  %b = memref.alloc(%d) : memref<?x4xf32>
  linalg.exp ins(%x : memref<?x4xf32>) outs(%b : memref<?x4xf32>)
  linalg.copy ins(%b : memref<?x4xf32>) outs(%y : memref<?x4xf32>)
  return
}

// -----

memref.global "private" constant @weight : memref<4x4xf32> = dense<1.0>
func.func @products(%x: memref<?x4xf32>, %y: memref<?x4xf32>, %m: memref<?xf32>) {
  %w = memref.get_global @weight : memref<4x4xf32>
  linalg.matmul ins(%x, %w : memref<?x4xf32>, memref<4x4xf32>) outs(%y : memref<?x4xf32>)
  linalg.reduce ins(%y : memref<?x4xf32>) outs(%m : memref<?xf32>) dimensions = [1]
    (%in: f32, %acc: f32) {
      %s = arith.maximumf %in, %acc : f32
      linalg.yield %s : f32
    }
  return
}

// -----

func.func @convolutions(%x: memref<1x3x10x10xf32>, %w: memref<4x3x3x3xf32>, %y: memref<1x4x4x4xf32>, %v: memref<3x3xf32>, %z: memref<1x3x4x4xf32>) {
  linalg.conv_2d_nchw_fchw {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
    ins(%x, %w : memref<1x3x10x10xf32>, memref<4x3x3x3xf32>) outs(%y : memref<1x4x4x4xf32>)
  linalg.pooling_nchw_max {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : tensor<2xi64>}
    ins(%x, %v : memref<1x3x10x10xf32>, memref<3x3xf32>) outs(%z : memref<1x3x4x4xf32>)
  return
}

// -----

func.func @spectral(%x: memref<4x?x3x9x9xf32>, %w: memref<4x3x3x3x2xf32>, %y: memref<4x?x2x4x4xf32>, %u: memref<4x?x3xf64>, %v: memref<4x3x2xf64>, %z: memref<4x?x2xf64>) {
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [2, 2] dilations = [1, 1]
    ins(%x, %w : memref<4x?x3x9x9xf32>, memref<4x3x3x3x2xf32>) outs(%y : memref<4x?x2x4x4xf32>)
  compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%u, %v : memref<4x?x3xf64>, memref<4x3x2xf64>) outs(%z : memref<4x?x2xf64>)
  return
}
