//===- HLS.h - The hls dialect ---------------------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_IR_HLS_H
#define COMPRESS_DIALECT_HLS_IR_HLS_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"

#include "compress/Dialect/HLS/IR/HLSDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/HLS/IR/HLSAttributes.h.inc"

namespace mlir::compress::hls {

/// Names of the attributes on operations, arguments and functions.
inline constexpr const char *kPipelineAttr = "hls.pipeline";
inline constexpr const char *kStartAttr = "hls.start";
inline constexpr const char *kStreamAttr = "hls.stream";
inline constexpr const char *kBanksAttr = "hls.banks";
inline constexpr const char *kWindowAttr = "hls.window";
inline constexpr const char *kPlaceAttr = "hls.place";
inline constexpr const char *kPartitionAttr = "hls.partition";
inline constexpr const char *kTaskAttr = "hls.task";
inline constexpr const char *kNetworkAttr = "hls.network";

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_IR_HLS_H
