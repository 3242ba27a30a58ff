// The test-only representation joins every pass and back end by registration alone: nothing outside of test/ knows it.

// RUN: compress-opt %s --compress-select --remarks-filter='compress.*' 2>%t.remarks | FileCheck %s --check-prefix=SELECT
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks
// REMARK: [Passed] select {{.*}}test_compress.diagonal: scale: {{.*}} 4 multiplies, 16 weight bytes
// SELECT: linalg.generic {{.*}}ins(%{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<4xf32>)
// SELECT-NOT: linalg.matmul

// RUN: compress-opt %s --compress-expand --compress-fold-weights | FileCheck %s --check-prefix=EXPAND
// EXPAND{LITERAL}: dense<[[1.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00], [0.000000e+00, 2.000000e+00, 0.000000e+00, 0.000000e+00]
// EXPAND: linalg.matmul

// RUN: compress-opt %s --compress-to-affine | FileCheck %s --check-prefix=AFFINE
// AFFINE: affine.for
// AFFINE-NOT: test_compress

// RUN: test-compress-compile %s -o %t.dir --name diagonal --report %t.json --quiet
// RUN: FileCheck %s --check-prefix=REPORT < %t.json
// REPORT: "kind": "passed"
// REPORT: "text": "test_compress.diagonal: scale:

// RUN: test-compress-compile %s -o %t.dir --name reference --reference --quiet
// RUN: %python -c "import numpy, sys; numpy.save(sys.argv[1], numpy.arange(12, dtype=numpy.float32).reshape(3, 4))" %t.npy
// RUN: compress-run %t.dir/libdiagonal.so --input x=%t.npy --check-against %t.dir/libreference.so | FileCheck %s --check-prefix=RESULT
// RESULT: output y: largest difference 0, largest value 44
func.func @main(%x: tensor<?x4xf32> {compress.name = "x"}) -> (tensor<?x4xf32> {compress.name = "y"}) {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x4xf32>
  %d = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w = test_compress.diagonal %d : tensor<4xf32> -> tensor<4x4xf32>
  %z = arith.constant 0.0 : f32
  %e = tensor.empty(%n) : tensor<?x4xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x4xf32>, tensor<4x4xf32>) outs(%f : tensor<?x4xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
