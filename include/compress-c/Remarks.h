//===- compress-c/Remarks.h - What passes chose, and why --------*- C -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Passes say through MLIR's optimization remarks what they chose for each layer. Remarks are no diagnostics: a handler
// of mlir-c/Diagnostics.h does not see them, and without a handler of this file they are not made at all.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_C_REMARKS_H
#define COMPRESS_C_REMARKS_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/// A remark. It and every string got from it belong to MLIR, and live until the handler that was given it returns.
typedef struct {
  const void *ptr;
} CompressRemark;

/// What a remark says of a layer.
typedef enum {
  CompressRemarkUnknown,
  /// A pass did what it is for.
  CompressRemarkPassed,
  /// It did not, and the arguments say why.
  CompressRemarkMissed,
  /// It tried and failed.
  CompressRemarkFailed,
  /// Figures.
  CompressRemarkAnalysis
} CompressRemarkKind;

/// Takes one remark. Passes that run on several threads call it one at a time, in no stated order. It must not run
/// passes, emit remarks or set the handler of the same context.
typedef void (*CompressRemarkHandler)(CompressRemark remark, void *userData);

/// Gives `handler` the remarks of `context` whose category matches `categories`, an extended regular expression that
/// need only match a part; this project's remarks have the category "compress". A context has one handler: a former one
/// is removed first. `deleteUserData`, unless NULL, is called once with `userData` when the handler is removed, which
/// at the latest happens with the context. Fails, with a diagnostic in `context`, where `categories` is no regular
/// expression; then the former handler stays and `userData` remains the caller's. Not to be called while passes run in
/// `context`.
MLIR_CAPI_EXPORTED MlirLogicalResult compressContextSetRemarkHandler(MlirContext context, MlirStringRef categories,
                                                                     CompressRemarkHandler handler, void *userData,
                                                                     void (*deleteUserData)(void *userData));

/// Removes the handler of `context`, if there is one: remarks are no longer made.
MLIR_CAPI_EXPORTED void compressContextUnsetRemarkHandler(MlirContext context);

/// What the remark says of its layer.
MLIR_CAPI_EXPORTED CompressRemarkKind compressRemarkGetKind(CompressRemark remark);

/// The pass or step that speaks, such as "select".
MLIR_CAPI_EXPORTED MlirStringRef compressRemarkGetName(CompressRemark remark);

/// The category, such as "compress".
MLIR_CAPI_EXPORTED MlirStringRef compressRemarkGetCategory(CompressRemark remark);

/// Where the layer is. The name of an imported layer is that of its name location: mlirLocationNameGetName.
MLIR_CAPI_EXPORTED MlirLocation compressRemarkGetLocation(CompressRemark remark);

/// The number of arguments: pairs of a key and a text.
MLIR_CAPI_EXPORTED intptr_t compressRemarkGetNumArgs(CompressRemark remark);

/// The key of the argument at `pos`, such as "Remark", "Reason" or "Suggestion". `pos` must be at least 0 and less than
/// the number of arguments.
MLIR_CAPI_EXPORTED MlirStringRef compressRemarkGetArgKey(CompressRemark remark, intptr_t pos);

/// The text of the argument at `pos`, as above.
MLIR_CAPI_EXPORTED MlirStringRef compressRemarkGetArgValue(CompressRemark remark, intptr_t pos);

/// Prints the whole remark on one line, through any number of calls of `callback`.
MLIR_CAPI_EXPORTED void compressRemarkPrint(CompressRemark remark, MlirStringCallback callback, void *userData);

#ifdef __cplusplus
}
#endif

#endif // COMPRESS_C_REMARKS_H
