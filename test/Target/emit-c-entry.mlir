// RUN: compress-opt %s --compress-emit-c-entry=name=net | FileCheck %s
// RUN: not compress-opt %s --compress-emit-c-entry='name="2 nets"' 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: compress-emit-c-entry: '2 nets' is no C identifier
// RUN: echo 'module {}' | not compress-opt --compress-emit-c-entry 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: error: compress-emit-c-entry: expects a function @main on buffers

// CHECK: func.func private @main
// CHECK-DAG: func.func @net_run(%{{.*}}: i64, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr, %{{.*}}: !llvm.ptr) -> i32
// CHECK-DAG: llvm.func @net_workspace_bytes(%{{.*}}: i64) -> i64
// CHECK-DAG: llvm.func @net_error(%{{.*}}: i32) -> !llvm.ptr
// CHECK-DAG: llvm.func @net_abi_version() -> i32
// CHECK-DAG: llvm.func @net_inputs(%{{.*}}: !llvm.ptr) -> !llvm.ptr
// CHECK-DAG: llvm.func @net_outputs(%{{.*}}: !llvm.ptr) -> !llvm.ptr
// CHECK-DAG: "image\00"
// CHECK-DAG: "logits\00"
func.func @main(%x: memref<?x28x28xf32> {compress.name = "image"}, %y: memref<?x10xf32> {compress.name = "logits", compress.result},
                %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64} {
  return
}
