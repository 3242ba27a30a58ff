//===- Packing.h - Structured zeros -------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Structured sparsity (SSL, NIPS 2016): the entries of a mask stand for boxes of a weight that are zero or kept. The
// box has extents shape / mask: mask [out, 1, …] for rows, [1, in, …] for columns, [1, in, kh, kw] for taps, [out / 32,
// in] for vectors of 32 outputs, the whole shape for single elements. Weights are row-major; mask extents divide those
// of the weight.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OBTAIN_PACKING_H
#define COMPRESS_OBTAIN_PACKING_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace mlir::compress::obtain {

/// True for each box, in row-major order of the mask, in which some magnitude exceeds `threshold`.
std::vector<bool> keptBoxes(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                            llvm::ArrayRef<int64_t> maskShape, double threshold = 0);

/// The numbers of the kept boxes: kept x box, row-major.
std::vector<double> packBoxes(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                              llvm::ArrayRef<int64_t> maskShape, const std::vector<bool> &kept);

/// The weight of `shape` with `packed` in its kept boxes, and zeros.
std::vector<double> unpackBoxes(llvm::ArrayRef<double> packed, llvm::ArrayRef<int64_t> shape,
                                llvm::ArrayRef<int64_t> maskShape, const std::vector<bool> &kept);

/// Boxes that stay when, for each entry of the mask's first dimension, the share `fraction` of the boxes (rounded down)
/// of least summed magnitude is dropped, of equal ones the first. With mask [out / 32, in, kh, 1] it is SmartDeal's
/// structural pruning: kernel rows, the same ones in all filters of a group of 32.
std::vector<bool> strongestBoxes(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                                 llvm::ArrayRef<int64_t> maskShape, double fraction);

/// Boxes that stay when the share `fraction` of all boxes (rounded down) with the least sums of squares is dropped, of
/// equal ones the first: the nearest weight with so many zero boxes.
std::vector<bool> largestBoxes(llvm::ArrayRef<double> weight, llvm::ArrayRef<int64_t> shape,
                               llvm::ArrayRef<int64_t> maskShape, double fraction);

} // namespace mlir::compress::obtain

#endif // COMPRESS_OBTAIN_PACKING_H
