// The entry calls @main with inputs first; an input behind a result got the wrong buffer.
// RUN: not compress-opt %s --compress-emit-c-entry 2>&1 | FileCheck %s

// CHECK: error: compress-emit-c-entry: argument 1 of @main is an input after a result
func.func @main(%y: memref<?x10xf32> {compress.result}, %x: memref<?x4xf32>, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64} {
  return
}
