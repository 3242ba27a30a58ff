// RUN: compress-opt %s --compress-promote-to-f64 | FileCheck %s

// CHECK-LABEL: func.func @main(%{{.*}}: tensor<?x2xf64> {compress.name = "x"}) -> (tensor<?x2xf64> {compress.name = "y"})
func.func @main(%x: tensor<?x2xf32> {compress.name = "x"}) -> (tensor<?x2xf32> {compress.name = "y"}) {
  // The values stay those of f32: 0.1 is not rounded anew.
  // CHECK-DAG: arith.constant dense<[0.10000000149011612, 2.000000e+00]> : tensor<2xf64>
  // CHECK-DAG: arith.constant 0.000000e+00 : f64
  // CHECK: arith.addf %{{.*}} : f64
  // CHECK-NOT: f32
  %c0 = arith.constant 0 : index
  %b = arith.constant dense<[0.1, 2.0]> : tensor<2xf32>
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?x2xf32>
  %e = tensor.empty(%n) : tensor<?x2xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
                       iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : tensor<?x2xf32>, tensor<2xf32>) outs(%e : tensor<?x2xf32>) {
  ^bb0(%a: f32, %c: f32, %out: f32):
    %s = arith.addf %a, %c : f32
    %t = arith.maximumf %s, %zero : f32
    linalg.yield %t : f32
  } -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
