//===- Schemes.cpp - Constraints of the fits ----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// How each fits is in FitFactorized.cpp, FitCodes.cpp and FitStructured.cpp.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"

using namespace mlir;
using namespace mlir::compress;

FailureOr<llvm::APFloat> mlir::compress::parseNumber(AsmParser &parser) {
  double value;
  if (failed(parser.parseFloat(value)))
    return failure();
  return llvm::APFloat(value);
}

using EmitError = function_ref<InFlightDiagnostic()>;

/// A nested scheme is absent, or a scheme.
static LogicalResult verifyNested(EmitError emitError, StringRef name, Attribute scheme) {
  if (scheme && !isa<CompressionSchemeAttrInterface>(scheme)) // fit_low_rank C2, and others: see the callers
    return emitError() << "expects " << name << " to be a scheme, got " << scheme;
  return success();
}

/// One of a positive count and a share in (0, 1] is given.
static LogicalResult verifyCountOrEnergy(EmitError emitError, StringRef name, int64_t count,
                                         const llvm::APFloat &energy) {
  double share = energy.convertToDouble();
  bool hasCount = count != 0, hasEnergy = share != 0;
  if (hasCount == hasEnergy || count < 0 ||
      (hasEnergy && !(share > 0 && share <= 1))) // fit_low_rank C1, and others: see the callers
    return emitError() << "expects either " << name << " of at least 1 or an energy in (0, 1]";
  return success();
}

static LogicalResult verifyRange(EmitError emitError, StringRef name, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high) // fit_uniform C1, and others: see the callers
    return emitError() << "expects " << name << " of " << low << " to " << high << ", got " << value;
  return success();
}

static LogicalResult verifyAtLeast(EmitError emitError, StringRef name, int64_t value, int64_t low) {
  if (value < low) // fit_circulant C1, and others: see the callers
    return emitError() << "expects " << name << " of at least " << low << ", got " << value;
  return success();
}

static LogicalResult verifyNotNegative(EmitError emitError, StringRef name, const llvm::APFloat &value) {
  if (!(value.convertToDouble() >= 0) || !value.isFinite()) // fit_ternary C1, and others: see the callers
    return emitError() << "expects a finite " << name << " of at least 0";
  return success();
}

/// A share of zeros, 0 where it is not said.
static LogicalResult verifySparsity(EmitError emitError, const llvm::APFloat &sparsity) {
  double share = sparsity.convertToDouble();
  if (!(share >= 0 && share < 1)) // fit_ternary C3, and others: see the callers
    return emitError() << "expects a sparsity in [0, 1)";
  return success();
}

LogicalResult FitCirculantAttr::verify(EmitError emitError, int64_t k) {
  return verifyAtLeast(emitError, "a block size k", k, 1); // fit_circulant C1
}

LogicalResult FitLowRankAttr::verify(EmitError emitError, int64_t rank, llvm::APFloat energy, Attribute factors) {
  if (failed(verifyCountOrEnergy(emitError, "a rank", rank, energy))) // fit_low_rank C1
    return failure();
  return verifyNested(emitError, "factors", factors); // fit_low_rank C2
}

LogicalResult FitUniformAttr::verify(EmitError emitError, int64_t bits, int64_t group, int64_t axis, bool, bool, bool) {
  if (failed(verifyRange(emitError, "bits", bits, 2, 8))) // fit_uniform C1
    return failure();
  if (failed(verifyAtLeast(emitError, "a group", group, 0))) // fit_uniform C2
    return failure();
  return verifyAtLeast(emitError, "an axis", axis, -1); // fit_uniform C3
}

LogicalResult FitPow2Attr::verify(EmitError emitError, int64_t bits, bool, int64_t terms) {
  if (failed(verifyRange(emitError, "bits", bits, 2, 6))) // fit_pow2 C1
    return failure();
  return verifyRange(emitError, "terms", terms, 1, bits - 1); // fit_pow2 C2
}

LogicalResult FitTernaryAttr::verify(EmitError emitError, llvm::APFloat threshold, llvm::APFloat sparsity, bool,
                                     ArrayRef<int64_t> axes) {
  if (failed(verifyNotNegative(emitError, "threshold", threshold))) // fit_ternary C1
    return failure();
  if (failed(verifySparsity(emitError, sparsity))) // fit_ternary C3
    return failure();
  for (int64_t axis : axes)
    if (failed(verifyAtLeast(emitError, "axes", axis, 0))) // fit_ternary C2
      return failure();
  return success();
}

LogicalResult FitCodebookAttr::verify(EmitError emitError, int64_t bits) {
  return verifyRange(emitError, "bits", bits, 1, 8); // fit_codebook C1
}

LogicalResult FitSmartDealAttr::verify(EmitError emitError, llvm::APFloat theta, llvm::APFloat sparsity, bool mask,
                                       int64_t iterations, int64_t rows, int64_t bits, bool byRow, bool, int64_t share,
                                       Attribute basis) {
  if (failed(verifyNotNegative(emitError, "theta", theta))) // fit_smartdeal C1
    return failure();
  if (failed(verifySparsity(emitError, sparsity))) // fit_smartdeal C5
    return failure();
  if (failed(verifyAtLeast(emitError, "iterations", iterations, 1)) ||
      failed(verifyAtLeast(emitError, "rows", rows, 1))) // fit_smartdeal C2
    return failure();
  if (failed(verifyRange(emitError, "bits", bits, 2, 6))) // fit_smartdeal C3
    return failure();
  if (share < 1 || (share > 1 && (sparsity.isZero() || mask || byRow))) // fit_smartdeal C6
    return emitError() << "expects share to be at least 1, and 1 without sparsity and with mask or by_row, got "
                       << share;
  return verifyNested(emitError, "basis", basis); // fit_smartdeal C4
}

LogicalResult FitEscalateAttr::verify(EmitError emitError, int64_t bases, llvm::APFloat energy, Attribute coefficients,
                                      Attribute basis) {
  if (failed(verifyCountOrEnergy(emitError, "bases", bases, energy))) // fit_escalate C1
    return failure();
  if (failed(verifyNested(emitError, "coefficients", coefficients))) // fit_escalate C2
    return failure();
  return verifyNested(emitError, "basis", basis);
}

LogicalResult FitPackedAttr::verify(EmitError emitError, Pattern, llvm::APFloat threshold, llvm::APFloat sparsity,
                                    int64_t vector, Attribute values) {
  if (failed(verifyNotNegative(emitError, "threshold", threshold))) // fit_packed C1
    return failure();
  if (failed(verifySparsity(emitError, sparsity))) // fit_packed C4
    return failure();
  if (failed(verifyAtLeast(emitError, "a vector", vector, 1))) // fit_packed C2
    return failure();
  return verifyNested(emitError, "values", values); // fit_packed C3
}
