//===- HLS.h - The hls dialect ---------------------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_HLS_IR_HLS_H
#define COMPRESS_DIALECT_HLS_IR_HLS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compress/Dialect/HLS/IR/HLSDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/HLS/IR/HLSAttributes.h.inc"

#define GET_OP_CLASSES
#include "compress/Dialect/HLS/IR/HLSOps.h.inc"

namespace mlir::compress::hls {

/// Names of the attributes on operations, arguments and functions.
inline constexpr const char *kPipelineAttr = "hls.pipeline";
inline constexpr const char *kStartAttr = "hls.start";
inline constexpr const char *kPortAttr = "hls.port";
inline constexpr const char *kWindowAttr = "hls.window";
inline constexpr const char *kPlaceAttr = "hls.place";
inline constexpr const char *kPartitionAttr = "hls.partition";
inline constexpr const char *kNetworkAttr = "hls.network";

/// How numbers get from one task to another one, or through a port of @main.
struct Channel {
  /// In the order in which they are written, each once; else in any.
  bool isStream = false;
  /// Numbers of the FIFO; 0 if there is none.
  int64_t depth = 0;
  /// Where the reading task keeps them; null if it does not.
  BanksAttr banks;

  /// What hls.stream or hls.buffer or, of an argument, #hls.port says.
  static Channel of(Value numbers);
  /// Says so; an operation that is of the other kind is replaced, as are uses of its result.
  void set(Value numbers) const;
};

} // namespace mlir::compress::hls

#endif // COMPRESS_DIALECT_HLS_IR_HLS_H
