// Without vectors each pair of outputs of a panel had code of its own, for each height of tiles: 280,000 lines for 50.
// RUN: compress-opt %s --convert-compress-to-affine | FileCheck %s
// CHECK: func.func @dot(%{{.*}}, %[[WORDS:.*]]: memref<2x1x16x32xi32>,
// CHECK: affine.for %[[FIRST:.*]] = 0 to 32 step 2 {
// CHECK: affine.load %[[WORDS]][0, 0, %{{.*}}, %[[FIRST]] + 1] : memref<2x1x16x32xi32>
// CHECK: affine.for %[[FIRST:.*]] = 0 to 18 step 2 {
// CHECK: affine.load %[[WORDS]][1, 0, %{{.*}}, %[[FIRST]] + 1] : memref<2x1x16x32xi32>
// CHECK-NOT: affine.for
func.func @dot(%x: memref<1x128xf32>, %words: memref<2x1x16x32xi32>, %scales: memref<2x1x32xf32>, %y: memref<1x50xf32>) {
  compress.coded_dot bits = 4 offset = 8 ins(%x, %words, %scales : memref<1x128xf32>, memref<2x1x16x32xi32>, memref<2x1x32xf32>) outs(%y : memref<1x50xf32>)
  return
}
