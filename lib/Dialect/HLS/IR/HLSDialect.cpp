//===- HLSDialect.cpp - The hls dialect ------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/IR/HLS.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include "compress/Dialect/HLS/IR/HLSDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/HLS/IR/HLSAttributes.cpp.inc"

using namespace mlir;
using namespace mlir::compress::hls;

void HLSDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "compress/Dialect/HLS/IR/HLSAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "compress/Dialect/HLS/IR/HLSOps.cpp.inc"
      >();
}

/// Fails, with an error at `op`, unless the attribute is of the kind that its name says.
static LogicalResult verifyKind(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  Attribute value = attribute.getValue();
  bool isStart = name == kStartAttr;
  auto start = dyn_cast<IntegerAttr>(value);
  bool isRight = (isStart && start && start.getType().isSignlessInteger(64) && start.getInt() >= 0) ||
                 (name == kPipelineAttr && isa<PipelineAttr>(value)) || (name == kPortAttr && isa<PortAttr>(value)) ||
                 (name == kWindowAttr && isa<WindowAttr>(value)) ||
                 (name == kPartitionAttr && isa<PartitionAttr>(value)) ||
                 (name == kPlaceAttr && isa<AffineMapAttr>(value)) || (name == kNetworkAttr && isa<CyclesAttr>(value));
  if (isRight)
    return success();
  return op->emitError("attribute '") << name << "' is " << value << ": expects "
                                      << (isStart ? "a 64-bit integer, 0 or more"
                                          : name == kPlaceAttr
                                              ? "an affine map"
                                              : "the attribute of the hls dialect that goes by this name");
}

LogicalResult HLSDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  return verifyKind(op, attribute);
}

LogicalResult HLSDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return verifyKind(op, attribute);
}

LogicalResult PipelineAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t ii, int64_t depth,
                                   int64_t lanes, int64_t gap, StringRef bound) {
  if (ii < 1 || depth < 1 || lanes < 1 || gap < 0) // pipeline C1
    return emitError() << "expects ii, depth and lanes of 1 or more and a gap of 0 or more";
  if (bound != "target" && bound != "port" && bound != "recurrence") // pipeline C2
    return emitError() << "bound is '" << bound << "': expects target, port or recurrence";
  return success();
}

LogicalResult PortAttr::verify(function_ref<InFlightDiagnostic()> emitError, StringRef kind, int64_t depth, BanksAttr) {
  if (kind != "stream" && kind != "buffer") // port C1
    return emitError() << "kind is '" << kind << "': expects stream or buffer";
  int64_t least = kind == "stream" ? 1 : 0;
  if (depth < least) // port C2
    return emitError() << "a port of kind " << kind << " and depth " << depth << ": expects " << least << " or more";
  return success();
}

LogicalResult BanksAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t count, int64_t words,
                                StringRef storage, StringRef keeps) {
  if (count < 1 || words < 1) // banks C1
    return emitError() << count << " banks of " << words << " words: expects 1 or more of each";
  if (storage != "block" && storage != "distributed") // banks C2
    return emitError() << "storage is '" << storage << "': expects block or distributed";
  if (keeps != "sample" && keeps != "window") // banks C3
    return emitError() << "keeps '" << keeps << "': expects sample or window";
  if (keeps == "window" && !llvm::isPowerOf2_64(words)) // banks C4
    return emitError() << "a window of " << words << " words: expects a power of two";
  return success();
}

LogicalResult WindowAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t words, int64_t first,
                                 DenseI64ArrayAttr steps, DenseI64ArrayAttr behind) {
  if (words < 1 || !llvm::isPowerOf2_64(words)) // window C1
    return emitError() << "a window of " << words << " words: expects a power of two";
  auto isNegative = [](int64_t step) { return step < 0; };
  bool isRight = first >= 0 && steps && behind && steps.size() == behind.size() &&
                 llvm::none_of(steps.asArrayRef(), isNegative) && llvm::none_of(behind.asArrayRef(), isNegative);
  if (!isRight) // window C2
    return emitError() << "expects first, steps and behind of 0 or more, the last two of as many loops";
  return success();
}

LogicalResult PartitionAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t factor) {
  if (factor < 2) // partition C1
    return emitError() << "a partition into " << factor << " memories: expects 2 or more";
  return success();
}

LogicalResult CyclesAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t interval, int64_t latency) {
  if (interval < 1 || latency < 1) // cycles C1
    return emitError() << "an interval of " << interval << " and a latency of " << latency
                       << " cycles: expects 1 or more of each";
  return success();
}
