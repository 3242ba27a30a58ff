// The first variant that the processor has all extensions for is called; what it has is asked once.
// RUN: compress-opt %s --compress-emit-c-entry=name=net --split-input-file --verify-diagnostics | FileCheck %s
// RUN: compress-opt %s --compress-emit-c-entry=name=net --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=DETECT

// CHECK: func.func private @main(
// CHECK: func.func private @main_1(
// CHECK: func.func @net_run(%[[BATCH:.*]]: i64,
// CHECK: %[[PLACE:.*]] = llvm.mlir.addressof @__net_processor
// CHECK: %[[KNOWN:.*]] = llvm.load %[[PLACE]] atomic monotonic {alignment = 4 : i64}
// CHECK: %[[NEW:.*]] = arith.cmpi eq, %[[KNOWN]], %{{.*}} : i32
// CHECK: %[[VARIANT:.*]] = scf.if %[[NEW]]
// CHECK:   %[[FOUND:.*]] = llvm.call @__net_detect()
// CHECK:   llvm.store %[[FOUND]], %[[PLACE]] atomic monotonic
// CHECK: %[[NONE:.*]] = arith.cmpi slt, %[[VARIANT]], %{{.*}} : i32
// CHECK: %[[FOUR:.*]] = arith.constant 4 : i32
// CHECK: %[[CODE:.*]] = arith.select %[[NONE]], %[[FOUR]]
// CHECK: %[[FINE:.*]] = arith.cmpi eq, %[[CODE]]
// CHECK: scf.if %[[FINE]]
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[VARIANT]], %[[ONE]] : i32
// CHECK: scf.if %[[FIRST]]
// CHECK-NEXT: func.call @main(
// CHECK-NEXT: } else {
// CHECK-NEXT: func.call @main_1(
// CHECK: llvm.mlir.global internal @__net_processor(0 : i32)

// The workspace is the larger of both: for one sample of @main, for four of @main_1.
// CHECK-DAG: arith.constant 64 : i64
// CHECK-DAG: arith.constant 192 : i64
// CHECK-DAG: every processor that the library was compiled for: haswell, nehalem\00

// Intel's manual: AVX2 is EBX bit 5 of leaf 7; it needs bits 1 and 2 of XCR0, which exists if ECX bit 27 of leaf 1 is set.
// SSE3 is ECX bit 0 of leaf 1.
// DETECT: llvm.func internal @__net_detect() -> i32
// DETECT: %[[SEVEN:.*]] = arith.constant 7 : i32
// DETECT: arith.cmpi uge, %{{.*}}, %[[SEVEN]] : i32
// DETECT: arith.constant 32 : i32
// DETECT: arith.constant 134217728 : i32
// DETECT: scf.if
// DETECT-NEXT: arith.constant 0
// DETECT-NEXT: llvm.inline_asm has_side_effects asm_dialect = att "xgetbv"
// DETECT: arith.constant 6 : i32
func.func @main(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64, compress.processor = "haswell",
                compress.extensions = ["avx2"], compress.variants = [@main, @main_1]} {
  return
}
func.func @main_1(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 0, 192>, compress.max_batch = 4 : i64, compress.processor = "nehalem",
                compress.extensions = ["sse3"]} {
  return
}

// -----

// Tiles are asked for, if the processor has them and the system saves them: arch_prctl (158) with ARCH_REQ_XCOMP_PERM (0x1023) and
// XFEATURE_XTILE_DATA (18). Where that is refused, the variant after it is tried, which asks for nothing.
// CHECK: func.func @net_run
// CHECK-DAG: lacks instructions of every processor that the library was compiled for, or the system does not grant tile registers: xeon, x86-64\00
// DETECT: llvm.func internal @__net_detect() -> i32
// DETECT: arith.constant 393216 : i32
// DETECT: %[[GRANTED:.*]] = scf.if %{{.*}} -> (i1)
// DETECT-DAG: %[[PRCTL:.*]] = arith.constant 158 : i64
// DETECT-DAG: %[[REQUEST:.*]] = arith.constant 4131 : i64
// DETECT-DAG: %[[DATA:.*]] = arith.constant 18 : i64
// DETECT: %[[CODE:.*]] = llvm.inline_asm has_side_effects asm_dialect = att "syscall", {{.*}} %[[PRCTL]], %[[REQUEST]], %[[DATA]]
// DETECT: arith.cmpi eq, %[[CODE]], %{{.*}} : i64
// DETECT: %[[FIRST:.*]] = arith.select %[[GRANTED]], %{{.*}}, %[[NONE:.*]] : i32
// DETECT: arith.cmpi eq, %[[FIRST]], %[[NONE]] : i32
// DETECT-NOT: syscall
// DETECT: llvm.return
func.func @main(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64, compress.processor = "xeon",
                compress.extensions = ["amx-tile", "amx-int8"], compress.variants = [@main, @main_1]} {
  return
}
func.func @main_1(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 0, 192>, compress.max_batch = 4 : i64, compress.processor = "x86-64",
                compress.extensions = []} {
  return
}

// -----

// Code for the baseline runs everywhere: nothing is asked.
// CHECK: func.func @net_run
// CHECK-NOT: llvm.load
// CHECK-NOT: __net_detect
func.func @main(%x: memref<?x10xf32>, %y: memref<?x10xf32> {compress.result}, %w: memref<?xi8> {compress.workspace})
    attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64, compress.processor = "x86-64",
                compress.extensions = []} {
  return
}

// -----

// expected-error @+1 {{expects compress.extensions of @main to be extensions that have a check}}
module {
  func.func @main(%w: memref<?xi8> {compress.workspace})
      attributes {compress.workspace_bytes = array<i64: 0, 0>, compress.max_batch = 1 : i64, compress.extensions = ["rtm"]} {
    return
  }
}

// -----

// expected-error @+1 {{expects compress.variants of @main to name functions of its type}}
module {
  func.func @main(%w: memref<?xi8> {compress.workspace})
      attributes {compress.workspace_bytes = array<i64: 0, 0>, compress.max_batch = 1 : i64, compress.variants = [@main, @other]} {
    return
  }
  func.func @other() {
    return
  }
}

// -----

// expected-error @+1 {{expects compress.variants to begin with @main}}
module {
  func.func @main(%w: memref<?xi8> {compress.workspace})
      attributes {compress.workspace_bytes = array<i64: 0, 0>, compress.max_batch = 1 : i64, compress.variants = []} {
    return
  }
}

// -----

// expected-error @+1 {{expects @other to be planned by compress-plan-memory as @main is}}
module {
  func.func @main(%w: memref<?xi8> {compress.workspace})
      attributes {compress.workspace_bytes = array<i64: 0, 0>, compress.max_batch = 1 : i64, compress.variants = [@main, @other]} {
    return
  }
  func.func @other(%w: memref<?xi8> {compress.workspace})
      attributes {compress.workspace_bytes = array<i64: 0, 0>, compress.max_batch = 2 : i64} {
    return
  }
}
