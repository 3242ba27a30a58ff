// A transform is emitted as straight-line code: the operations of one of a prime grow as its square, here 10^12.
// RUN: compress-opt %s --convert-compress-to-affine --split-input-file --verify-diagnostics -o /dev/null

func.func @rfft(%x: memref<1000003xf32>, %y: memref<1000003x1xf32>) {
  // expected-error @+1 {{'compress.rfft' op is a transform of 1000003 points, too long for straight-line code}}
  compress.rfft dim = 0 ins(%x : memref<1000003xf32>) outs(%y : memref<1000003x1xf32>)
  return
}

// -----

func.func @rfft_transpose(%x: memref<2305843009213693951x1xf32>, %y: memref<4xf32>) {
  // expected-error @+1 {{'compress.rfft_transpose' op is a transform of 2305843009213693951 points, too long for straight-line code}}
  compress.rfft_transpose dim = 0 ins(%x : memref<2305843009213693951x1xf32>) outs(%y : memref<4xf32>)
  return
}
