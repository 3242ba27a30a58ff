// RUN: compress-opt %s | compress-opt | FileCheck %s

// What a schedule says is kept, in text, on operations, arguments and functions.
// CHECK-LABEL: func.func private @step
// CHECK: affine.load {{.*}} {hls.start = 0 : i64}
// CHECK: affine.store {{.*}} {hls.start = 1 : i64}
// CHECK: } {hls.pipeline = #hls.pipeline<ii = 8, depth = 21, lanes = 1, gap = 0, bound = "port">}
func.func private @step(%x: memref<4xi8>, %y: memref<4xi8>) {
  affine.for %i = 0 to 4 {
    %n = affine.load %x[%i] {hls.start = 0 : i64} : memref<4xi8>
    affine.store %n, %y[%i] {hls.start = 1 : i64} : memref<4xi8>
  } {hls.pipeline = #hls.pipeline<ii = 8, depth = 21, lanes = 1, gap = 0, bound = "port">}
  return
}

// CHECK-LABEL: func.func private @line(%{{.*}}: memref<8xi8> {hls.window = #hls.window<words = 4, first = 2, steps = [1], behind = [0]>}
// CHECK: affine.load {{.*}} {hls.place = #[[PLACE:.*]]}
func.func private @line(%x: memref<8xi8> {hls.window = #hls.window<words = 4, first = 2, steps = [1], behind = [0]>}, %y: memref<6xi8>) {
  affine.for %i = 0 to 6 {
    %n = affine.load %x[%i + 2] {hls.place = affine_map<(d0) -> (d0 + 2)>} : memref<8xi8>
    affine.store %n, %y[%i] : memref<6xi8>
  }
  return
}

// Tasks, and what is between them.
// CHECK-LABEL: func.func @main
// CHECK-SAME: hls.port = #hls.port<kind = "stream", depth = 2>
// CHECK-SAME: hls.port = #hls.port<kind = "buffer", depth = 1, banks = <count = 1, words = 4, storage = "block", keeps = "sample">>
// CHECK-SAME: hls.network = #hls.cycles<interval = 64, latency = 140>
// CHECK: %[[BUFFER:.*]] = hls.buffer depth 2 banks <count = 2, words = 40, storage = "distributed", keeps = "sample"> : memref<4xi8>
// CHECK: %[[WINDOW:.*]] = hls.stream depth 3 banks <count = 1, words = 4, storage = "distributed", keeps = "window"> : memref<4xi8>
// CHECK: %[[PLAIN:.*]] = hls.buffer : memref<4xi8>
// CHECK: hls.task @copy ins(%{{.*}} : memref<4xi8>) outs(%[[BUFFER]] : memref<4xi8>) cycles <interval = 64, latency = 140>
// CHECK: hls.task @two ins(%[[BUFFER]] : memref<4xi8>) outs(%[[WINDOW]], %[[PLAIN]] : memref<4xi8>, memref<4xi8>)
func.func @main(%x: memref<4xi8> {hls.port = #hls.port<kind = "stream", depth = 2>},
                %y: memref<4xi8> {compress.result, hls.port = #hls.port<kind = "buffer", depth = 1, banks = <count = 1, words = 4, storage = "block", keeps = "sample">>})
    attributes {hls.network = #hls.cycles<interval = 64, latency = 140>} {
  %b = hls.buffer depth 2 banks <count = 2, words = 40, storage = "distributed", keeps = "sample"> : memref<4xi8>
  %w = hls.stream depth 3 banks <count = 1, words = 4, storage = "distributed", keeps = "window"> : memref<4xi8>
  %p = hls.buffer : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>) cycles <interval = 64, latency = 140>
  hls.task @two ins(%b : memref<4xi8>) outs(%w, %p : memref<4xi8>, memref<4xi8>)
  hls.task @sum ins(%w, %p : memref<4xi8>, memref<4xi8>) outs(%y : memref<4xi8>)
  return
}
func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func private @two(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}, %z: memref<4xi8> {compress.result}) {
  return
}
func.func private @sum(%x: memref<4xi8>, %z: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
