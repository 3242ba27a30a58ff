//===- compress.c - A compiler in C that uses this project ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// RUN: compress-capi-test | FileCheck %s

#include "compress-c/Dialects.h"
#include "compress-c/Passes.h"
#include "compress-c/Remarks.h"
#include "mlir-c/Diagnostics.h"
#include "mlir-c/IR.h"
#include "mlir-c/Pass.h"
#include "mlir-c/RegisterEverything.h"

#include <stdio.h>
#include <string.h>

static const char *kLayer =
    "func.func @layer(%x: tensor<5x32xf32>, %c: tensor<2x2x16xf32>, %y0: tensor<5x32xf32>) -> tensor<5x32xf32> {\n"
    "  %w = compress.circulant %c order = [1, 0] : tensor<2x2x16xf32> -> tensor<32x32xf32>\n"
    "  %y = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x32xf32>)\n"
    "                     outs(%y0 : tensor<5x32xf32>) -> tensor<5x32xf32> loc(\"fc1\")\n"
    "  return %y : tensor<5x32xf32>\n"
    "}\n";

// Nothing takes these blocks: 2 x 2 of 16 make a matrix of at most 32 x 32.
static const char *kWrongShape = "func.func @wrong(%c: tensor<2x2x16xf32>) -> tensor<64x32xf32> {\n"
                                 "  %w = compress.circulant %c : tensor<2x2x16xf32> -> tensor<64x32xf32>\n"
                                 "  return %w : tensor<64x32xf32>\n"
                                 "}\n";

static const char *kUnknownOp = "func.func @unknown() {\n  compress.circular\n  return\n}\n";

static MlirStringRef text(const char *string) { return mlirStringRefCreateFromCString(string); }

static void print(MlirStringRef string, void *userData) {
  (void)userData;
  fwrite(string.data, 1, string.length, stdout);
}

static MlirLogicalResult printDiagnostic(MlirDiagnostic diagnostic, void *userData) {
  (void)userData;
  printf("%s: ", mlirDiagnosticGetSeverity(diagnostic) == MlirDiagnosticError ? "error" : "other");
  mlirLocationPrint(mlirDiagnosticGetLocation(diagnostic), print, NULL);
  printf(": ");
  mlirDiagnosticPrint(diagnostic, print, NULL);
  printf("\n");
  return mlirLogicalResultSuccess();
}

static void printRemark(CompressRemark remark, void *userData) {
  static const char *kinds[] = {"unknown", "passed", "missed", "failed", "analysis"};
  MlirLocation location = compressRemarkGetLocation(remark);
  MlirStringRef name = compressRemarkGetName(remark), category = compressRemarkGetCategory(remark);
  intptr_t i;
  ++*(int *)userData;
  printf("remark: %s %.*s/%.*s", kinds[compressRemarkGetKind(remark)], (int)category.length, category.data,
         (int)name.length, name.data);
  if (mlirLocationIsAName(location)) {
    MlirStringRef layer = mlirIdentifierStr(mlirLocationNameGetName(location));
    printf(" on %.*s", (int)layer.length, layer.data);
  }
  for (i = 0; i < compressRemarkGetNumArgs(remark); ++i) {
    MlirStringRef key = compressRemarkGetArgKey(remark, i), value = compressRemarkGetArgValue(remark, i);
    printf(" {%.*s=%.*s}", (int)key.length, key.data, (int)value.length, value.data);
  }
  printf("\nwhole: ");
  compressRemarkPrint(remark, print, NULL);
  printf("\n");
}

static void countDeletion(void *userData) { *(int *)userData += 1000; }

// Runs `pipeline` on `module`; says what the pipeline's parser says.
static MlirLogicalResult run(MlirContext context, MlirModule module, const char *pipeline) {
  MlirPassManager passes = mlirPassManagerCreate(context);
  MlirLogicalResult result =
      mlirOpPassManagerAddPipeline(mlirPassManagerGetAsOpPassManager(passes), text(pipeline), print, NULL);
  if (mlirLogicalResultIsSuccess(result))
    result = mlirPassManagerRunOnOp(passes, mlirModuleGetOperation(module));
  mlirPassManagerDestroy(passes);
  return result;
}

static MlirWalkResult printStoredBits(MlirOperation op, void *userData) {
  (void)userData;
  if (compressOperationIsCompressedWeight(op))
    printf("stored bits: %lld\n", (long long)compressCompressedWeightGetStoredBits(op));
  return MlirWalkResultAdvance;
}

static void compileLayer(MlirContext context) {
  int count = 0;
  MlirModule module = mlirModuleCreateParse(context, text(kLayer));
  MlirOperation op = mlirModuleGetOperation(module);
  printf("== layer\n");
  // 2 x 2 blocks of 16 numbers of 32 bits. A module is no weight.
  // CHECK-LABEL: == layer
  // CHECK-NEXT: stored bits: 2048
  // CHECK-NEXT: of a module: -1
  mlirOperationWalk(op, printStoredBits, NULL, MlirWalkPreOrder);
  printf("of a module: %lld\n", (long long)compressCompressedWeightGetStoredBits(op));

  // CHECK: remark: passed compress/select on fc1 {Remark=compress.circulant: spectral
  // CHECK-NEXT: whole: {{.*}}select{{.*}}spectral
  // CHECK: select: ok, 1 remark
  compressContextSetRemarkHandler(context, text("^compress$"), printRemark, &count, countDeletion);
  if (mlirLogicalResultIsSuccess(run(context, module, "compress-select{force=spectral}")))
    printf("select: ok, %d remark\n", count);
  compressContextUnsetRemarkHandler(context);
  // CHECK-NEXT: handler deleted: 1001
  printf("handler deleted: %d\n", count);
  // CHECK: compress.spectral_matmul
  mlirOperationPrint(op, print, NULL);
  printf("\n");

  // A named pipeline with options; its remarks reach nobody.
  // CHECK: to affine: ok
  // CHECK-NOT: remark:
  // CHECK: affine.for
  // CHECK-NOT: compress.{{[a-z_]+}} {
  if (mlirLogicalResultIsSuccess(run(context, module, "compress-to-affine{vector-lanes=1}")))
    printf("to affine: ok\n");
  mlirOperationPrint(op, print, NULL);
  printf("\n");
  mlirModuleDestroy(module);
}

static void parseBad(MlirContext context, const char *source) {
  MlirModule module = mlirModuleCreateParse(context, text(source));
  printf("parsed: %s\n", mlirModuleIsNull(module) ? "no" : "yes");
  if (!mlirModuleIsNull(module))
    mlirModuleDestroy(module);
}

static void refuse(MlirContext context) {
  int deleted = 0;
  MlirModule module = mlirModuleCreateParse(context, text(kLayer));
  // CHECK-LABEL: == refusals
  printf("== refusals\n");
  // CHECK: error: {{.*}}2:{{.*}}: 'compress.circulant' op {{.+}}
  // CHECK-NEXT: parsed: no
  parseBad(context, kWrongShape);
  // CHECK: error: {{.*}}2:{{.*}}compress.circular{{.*}}unknown
  // CHECK: parsed: no
  parseBad(context, kUnknownOp);
  // CHECK: 'compress-selekt' does not refer to a registered pass
  // CHECK: unknown pass: refused
  if (mlirLogicalResultIsFailure(run(context, module, "compress-selekt")))
    printf("unknown pass: refused\n");
  // A pass that fails says why in a diagnostic.
  // CHECK: error: {{.+}}
  // CHECK: failing pass: refused
  if (mlirLogicalResultIsFailure(run(context, module, "compress-verify-phase{after=bufferize}")))
    printf("failing pass: refused\n");
  // The user data stays the caller's where the handler is not taken.
  // CHECK: error: {{.*}}categories of remarks: '(': {{.+}}
  // CHECK-NEXT: wrong expression: refused, 0
  if (mlirLogicalResultIsFailure(
          compressContextSetRemarkHandler(context, text("("), printRemark, &deleted, countDeletion)))
    printf("wrong expression: refused, %d\n", deleted);
  mlirModuleDestroy(module);
}

int main(void) {
  int first = 0, second = 0;
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  MlirContext context;
  MlirDiagnosticHandlerID handler;
  mlirRegisterAllDialects(registry);
  compressRegisterAllDialects(registry);
  mlirRegisterAllPasses();
  compressRegisterAllPasses();
  compressRegisterAllPipelines();
  context = mlirContextCreateWithRegistry(registry, /*threadingEnabled=*/true);
  mlirDialectRegistryDestroy(registry);
  handler = mlirContextAttachDiagnosticHandler(context, printDiagnostic, NULL, NULL);

  compileLayer(context);
  refuse(context);

  // A second handler takes the first one's place; the context's end removes it.
  // CHECK: replaced: 1000 0
  // CHECK: at the end: 1000 1000
  compressContextSetRemarkHandler(context, text("compress"), printRemark, &first, countDeletion);
  compressContextSetRemarkHandler(context, text("compress"), printRemark, &second, countDeletion);
  printf("replaced: %d %d\n", first, second);
  mlirContextDetachDiagnosticHandler(context, handler);
  mlirContextDestroy(context);
  printf("at the end: %d %d\n", first, second);
  return 0;
}
