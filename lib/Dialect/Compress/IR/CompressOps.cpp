//===- CompressOps.cpp - Verifiers of the representation ops --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<int64_t> CirculantOp::getRoleDims() {
  if (auto order = getOrder())
    return SmallVector<int64_t>(*order);
  return llvm::to_vector(llvm::seq<int64_t>(0, getResultType().getRank()));
}

/// True if `extent` needs exactly `blocks` blocks of `k`.
static bool coversWithBlocks(int64_t extent, int64_t blocks, int64_t k) {
  return extent >= 1 && llvm::divideCeil(extent, k) == static_cast<uint64_t>(blocks);
}

LogicalResult CirculantOp::verify() {
  RankedTensorType params = getParamsType(), result = getResultType();
  // circulant C1
  if (params.getRank() < 3 || llvm::any_of(params.getShape(), [](int64_t d) { return d < 1; }))
    return emitOpError("expects params of shape p x q x k x taps… with extents of at least 1, got ") << params;
  // circulant C2
  if (result.getRank() != params.getRank() - 1)
    return emitOpError("expects a result of rank ")
           << params.getRank() - 1 << " (out, in and " << params.getRank() - 3 << " tap dimensions), got " << result;
  // circulant C3
  if (params.getElementType() != result.getElementType())
    return emitOpError("expects params and result of one element type, got ")
           << params.getElementType() << " and " << result.getElementType();
  // circulant C4
  SmallVector<int64_t> dims = getRoleDims(), sorted = dims;
  llvm::sort(sorted);
  if (sorted != llvm::to_vector(llvm::seq<int64_t>(0, result.getRank())))
    return emitOpError("expects order to be a permutation of the result's ")
           << result.getRank() << " dimensions, got [" << dims << "]";
  int64_t p = getNumBlockRows(), q = getNumBlockCols(), k = getBlockSize();
  // circulant C5
  if (int64_t rows = result.getDimSize(dims[0]); !coversWithBlocks(rows, p, k))
    return emitOpError("expects an out extent that ")
           << p << " blocks of " << k << " cover, " << (p - 1) * k + 1 << " to " << p * k << ", got " << rows;
  // circulant C6
  if (int64_t cols = result.getDimSize(dims[1]); !coversWithBlocks(cols, q, k))
    return emitOpError("expects an in extent that ")
           << q << " blocks of " << k << " cover, " << (q - 1) * k + 1 << " to " << q * k << ", got " << cols;
  // circulant C7
  for (int64_t tap = 0, e = getNumTaps(); tap < e; ++tap)
    if (params.getDimSize(3 + tap) != result.getDimSize(dims[2 + tap]))
      return emitOpError("expects tap dimension ")
             << tap << " of extent " << params.getDimSize(3 + tap) << ", got " << result.getDimSize(dims[2 + tap]);
  // circulant C8
  int64_t numbers = 2 * std::min(k, int64_t(1) << 32);
  for (int64_t extent : params.getShape())
    if (llvm::MulOverflow(numbers, extent, numbers))
      return emitOpError("expects blocks whose dense meaning has fewer than 2^62 numbers, got ") << params;
  return success();
}
