// RUN: compress-opt %s --compress-emit-c-entry=name=net | FileCheck %s
// RUN: sed 's/counter = "tsc", //' %s | not compress-opt --compress-emit-c-entry=name=net 2>&1 | FileCheck %s --check-prefix=ATTRIBUTE
// ATTRIBUTE: error: compress-emit-c-entry: expects compress.profile of @main to be what compress-profile-layers sets
// RUN: sed 's/@other/@net_ticks/' %s | not compress-opt --compress-emit-c-entry=name=net 2>&1 | FileCheck %s --check-prefix=TAKEN
// TAKEN: error: compress-emit-c-entry: this symbol has the name of a function of the library

// The number of the one layer is set to zero in a loop, and the one after it to the ticks between the two readings.
// CHECK-LABEL: func.func @net_run
// CHECK-SAME: %[[WORKSPACE:[a-z0-9]+]]: !llvm.ptr) -> i32
// CHECK: scf.if
// CHECK: scf.for
// CHECK: llvm.store %{{.*}}, %{{.*}} : i64, !llvm.ptr
// CHECK: %[[BEFORE:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK: func.call @main
// CHECK: %[[AFTER:.*]] = llvm.inline_asm {{.*}}rdtsc
// CHECK: %[[ELAPSED:.*]] = arith.subi %[[AFTER]], %[[BEFORE]] : i64
// CHECK: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK: %[[PLACE:.*]] = llvm.getelementptr %[[WORKSPACE]][%[[ONE]]]
// CHECK: llvm.store %[[ELAPSED]], %[[PLACE]] : i64, !llvm.ptr
// CHECK: return
// CHECK-DAG: llvm.func @net_layers(%{{.*}}: !llvm.ptr) -> !llvm.ptr
// CHECK-DAG: llvm.func @net_ticks(%[[GIVEN:.*]]: !llvm.ptr) -> !llvm.ptr
// CHECK-DAG: llvm.return %[[GIVEN]] : !llvm.ptr
// CHECK-DAG: "fc\00"
// CHECK-DAG: "relu, sum\00"
func.func private @other()
func.func @main(%x: memref<?x4xf32>, %y: memref<?x4xf32> {compress.result}, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 128, 128>, compress.max_batch = 4 : i64,
                compress.profile = {counter = "tsc", layers = [{name = "fc", op = "linalg.matmul", fused = ["relu", "sum"],
                                    predicted_us = array<f64: 1.0, 2.0>, bound = ["L1", "compute"]}]}} {
  return
}
