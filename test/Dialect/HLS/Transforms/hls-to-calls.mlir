// RUN: compress-opt %s --compress-hls-to-calls | FileCheck %s

// Buffers and streams are allocations, whatever is scheduled; tasks are calls.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: memref<4xi8> {hls.port = {{.*}}}, %[[Y:.*]]: memref<4xi8>
// CHECK: %[[B:.*]] = memref.alloc() : memref<4xi8>
// CHECK: %[[S:.*]] = memref.alloc() : memref<4xi8>
// CHECK: call @copy(%[[X]], %[[B]]) : (memref<4xi8>, memref<4xi8>) -> ()
// CHECK: call @copy(%[[B]], %[[S]])
// CHECK: call @copy(%[[S]], %[[Y]])
// CHECK: memref.dealloc %[[B]]
// CHECK: memref.dealloc %[[S]]
func.func @main(%x: memref<4xi8> {hls.port = #hls.port<kind = "stream", depth = 2>}, %y: memref<4xi8> {compress.result}) {
  %b = hls.buffer depth 2 banks <count = 1, words = 4, storage = "block", keeps = "sample"> : memref<4xi8>
  %s = hls.stream depth 3 : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%s : memref<4xi8>)
  hls.task @copy ins(%s : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}
func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 4 {
    %n = affine.load %x[%i] : memref<4xi8>
    affine.store %n, %y[%i] : memref<4xi8>
  }
  return
}
