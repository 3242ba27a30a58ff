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

// CHECK-LABEL: func.func @main
// CHECK-SAME: hls.stream = #hls.stream<depth = 2>
// CHECK-SAME: hls.network = #hls.task<interval = 64, latency = 140>
// CHECK: memref.alloc() {hls.banks = #hls.banks<count = 2, words = 40, storage = "distributed", keeps = "sample">}
// CHECK: call @step({{.*}}) {hls.task = #hls.task<interval = 64, latency = 140>}
func.func @main(%x: memref<4xi8> {hls.stream = #hls.stream<depth = 2>}) attributes {hls.network = #hls.task<interval = 64, latency = 140>} {
  %b = memref.alloc() {hls.banks = #hls.banks<count = 2, words = 40, storage = "distributed", keeps = "sample">} : memref<4xi8>
  call @step(%x, %b) {hls.task = #hls.task<interval = 64, latency = 140>} : (memref<4xi8>, memref<4xi8>) -> ()
  return
}
