// Upstream's polynomials take a tensor for one number: what they made of exp on a tensor did not verify. It stays.
// RUN: compress-opt %s --compress-approximate-functions | FileCheck %s
// CHECK-LABEL: func.func @main(
// CHECK: math.exp %{{.*}} : tensor<?x4xf32>
// CHECK-NOT: math.exp %{{.*}} : vector<4xf32>
// CHECK: return
func.func @main(%x: tensor<?x4xf32>, %v: vector<4xf32>) -> (tensor<?x4xf32>, vector<4xf32>) {
  %0 = math.exp %x : tensor<?x4xf32>
  %1 = math.exp %v : vector<4xf32>
  return %0, %1 : tensor<?x4xf32>, vector<4xf32>
}
