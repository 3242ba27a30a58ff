// RUN: compress-opt %s --pass-pipeline='builtin.module(func.func(compress-plan-memory{max-batch=16}))' --split-input-file --verify-diagnostics | FileCheck %s

// %a is alive with %b, and %b with %c, but %a not with %c: they share bytes.
// Of one sample: %a 400 bytes -> 448, %b 40 -> 64: 512. Of 16: 6400 + 640 = 7040.
// CHECK-LABEL: func.func @main(%{{.*}}: memref<?x10xf32>, %{{.*}}: memref<?x10xf32> {compress.result},
// CHECK-SAME: %[[ARENA:.*]]: memref<?xi8> {compress.workspace})
// CHECK-SAME: compress.max_batch = 16 : i64
// CHECK-SAME: compress.workspace_bytes = array<i64: 512, 7040>
// CHECK-NOT: memref.alloc
// CHECK-COUNT-3: memref.view %[[ARENA]]
func.func @main(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x10xf32>
  %a = memref.alloc(%n) {alignment = 64 : i64} : memref<?x100xf32>
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%a : memref<?x100xf32>)
  %b = memref.alloc(%n) {alignment = 64 : i64} : memref<?x10xf32>
  %part = memref.subview %a[0, 0] [%n, 10] [1, 1] : memref<?x100xf32> to memref<?x10xf32, strided<[100, 1]>>
  memref.copy %part, %b : memref<?x10xf32, strided<[100, 1]>> to memref<?x10xf32>
  %c = memref.alloc(%n) {alignment = 64 : i64} : memref<?x10xf32>
  memref.copy %b, %c : memref<?x10xf32> to memref<?x10xf32>
  memref.copy %c, %y : memref<?x10xf32> to memref<?x10xf32>
  return
}

// -----

// A view keeps its buffer alive: %b may not share with %a.
// CHECK-LABEL: @view_keeps_alive
// CHECK-SAME: compress.workspace_bytes = array<i64: 128, 128>
func.func @view_keeps_alive(%x: memref<4xf32>, %y: memref<4xf32> {compress.result}) {
  %a = memref.alloc() : memref<4xf32>
  memref.copy %x, %a : memref<4xf32> to memref<4xf32>
  %view = memref.expand_shape %a [[0, 1]] output_shape [2, 2] : memref<4xf32> into memref<2x2xf32>
  %b = memref.alloc() : memref<2x2xf32>
  memref.copy %view, %b : memref<2x2xf32> to memref<2x2xf32>
  linalg.add ins(%view, %b : memref<2x2xf32>, memref<2x2xf32>) outs(%b : memref<2x2xf32>)
  %flat = memref.collapse_shape %b [[0, 1]] : memref<2x2xf32> into memref<4xf32>
  memref.copy %flat, %y : memref<4xf32> to memref<4xf32>
  return
}

// -----

// A buffer is alive from the first op that touches it, not from where it was allocated or viewed: %b shares with %a.
// CHECK-LABEL: @allocated_early
// CHECK-SAME: compress.workspace_bytes = array<i64: 64, 64>
func.func @allocated_early(%x: memref<4xf32>, %y: memref<4xf32> {compress.result}) {
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<4xf32>
  %view = memref.expand_shape %b [[0, 1]] output_shape [2, 2] : memref<4xf32> into memref<2x2xf32>
  memref.copy %x, %a : memref<4xf32> to memref<4xf32>
  memref.copy %a, %y : memref<4xf32> to memref<4xf32>
  %flat = memref.collapse_shape %view [[0, 1]] : memref<2x2xf32> into memref<4xf32>
  memref.copy %y, %flat : memref<4xf32> to memref<4xf32>
  memref.copy %b, %y : memref<4xf32> to memref<4xf32>
  return
}

// -----

func.func @unknown_extent(%x: memref<4xf32>, %n: index) {
  // expected-error @+1 {{compress-plan-memory: an extent of 'memref<?xf32>' does not derive from the batch}}
  %a = memref.alloc(%n) : memref<?xf32>
  memref.dealloc %a : memref<?xf32>
  return
}

// -----

// Buffers of a tile: at most 3 of 10 numbers, 12 bytes -> 64. The first is dead when the third is made: two places of 64.
// CHECK-LABEL: @tile
// CHECK-SAME: %[[ARENA:[^:]*]]: memref<?xi8> {compress.workspace})
// CHECK-SAME: compress.workspace_bytes = array<i64: 128, 128>
// CHECK: scf.for
// CHECK: %[[SIZE:.*]] = affine.min
// CHECK-COUNT-3: memref.view %[[ARENA]][%{{.*}}][%[[SIZE]]]
func.func @tile(%x: memref<10xf32>, %y: memref<10xf32> {compress.result}) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %c10 = arith.constant 10 : index
  scf.for %i = %c0 to %c10 step %c3 {
    %size = affine.min affine_map<(d0) -> (-d0 + 10, 3)>(%i)
    %in = memref.subview %x[%i] [%size] [1] : memref<10xf32> to memref<?xf32, strided<[1], offset: ?>>
    %out = memref.subview %y[%i] [%size] [1] : memref<10xf32> to memref<?xf32, strided<[1], offset: ?>>
    %a = memref.alloc(%size) : memref<?xf32>
    memref.copy %in, %a : memref<?xf32, strided<[1], offset: ?>> to memref<?xf32>
    %b = memref.alloc(%size) : memref<?xf32>
    memref.copy %a, %b : memref<?xf32> to memref<?xf32>
    %c = memref.alloc(%size) : memref<?xf32>
    memref.copy %b, %c : memref<?xf32> to memref<?xf32>
    memref.copy %c, %out : memref<?xf32> to memref<?xf32, strided<[1], offset: ?>>
  }
  return
}

// -----

// %next leaves its iteration: it is alive with %other of the next one, though not in the same. Neither shares with %first.
// CHECK-LABEL: @leaves_iteration
// CHECK-SAME: compress.workspace_bytes = array<i64: 192, 192>
func.func @leaves_iteration(%x: memref<4xf32>, %y: memref<4xf32> {compress.result}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %first = memref.alloc() : memref<4xf32>
  memref.copy %x, %first : memref<4xf32> to memref<4xf32>
  %last = scf.for %i = %c0 to %c3 step %c1 iter_args(%carried = %first) -> memref<4xf32> {
    %other = memref.alloc() : memref<4xf32>
    memref.copy %x, %other : memref<4xf32> to memref<4xf32>
    linalg.add ins(%carried, %other : memref<4xf32>, memref<4xf32>) outs(%y : memref<4xf32>)
    %next = memref.alloc() : memref<4xf32>
    memref.copy %y, %next : memref<4xf32> to memref<4xf32>
    scf.yield %next : memref<4xf32>
  }
  memref.copy %last, %y : memref<4xf32> to memref<4xf32>
  return
}

// -----

// Ports of bytes have a batch too, and one sample a plan of its own: %a 64 bytes, %b 64. Of 16: 192 + 576.
// CHECK-LABEL: func.func @batch_of_bytes(
// CHECK-SAME: %[[X:.*]]: memref<?x10xi8>, %{{.*}}: memref<?x10xi8> {compress.result},
// CHECK-SAME: %[[ARENA:.*]]: memref<?xi8> {compress.workspace}) attributes {{{.*}}compress.workspace_bytes = array<i64: 128, 768>}
// CHECK: %[[N:.*]] = memref.dim %[[X]]
// CHECK: %[[ONE:.*]] = arith.cmpi eq, %[[N]],
// CHECK: %[[OFFSET:.*]] = arith.select %[[ONE]]
// CHECK: memref.view %[[ARENA]][%[[OFFSET]]]
func.func @batch_of_bytes(%x: memref<?x10xi8>, %y: memref<?x10xi8> {compress.result}) {
  %c0 = arith.constant 0 : index
  %n = memref.dim %x, %c0 : memref<?x10xi8>
  %a = memref.alloc(%n) : memref<?x10xi8>
  %b = memref.alloc(%n) : memref<?x34xi8>
  linalg.copy ins(%x : memref<?x10xi8>) outs(%a : memref<?x10xi8>)
  %s = memref.subview %b[0, 0] [%n, 10] [1, 1] : memref<?x34xi8> to memref<?x10xi8, strided<[34, 1]>>
  linalg.copy ins(%a : memref<?x10xi8>) outs(%s : memref<?x10xi8, strided<[34, 1]>>)
  linalg.copy ins(%s : memref<?x10xi8, strided<[34, 1]>>) outs(%y : memref<?x10xi8>)
  return
}
