//===- Patterns.h - Kernel ops by their defining formulas ------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_PATTERNS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_PATTERNS_H

#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::compress {

/// Transforms as products with a matrix of cosines and sines.
void populateTransformToLinalgPatterns(RewritePatternSet &patterns);

/// Products and convolutions of spectra as complex ones.
void populateSpectralToLinalgPatterns(RewritePatternSet &patterns);

/// Ops on stored integers: decoded first. Codes in a layout are not taken.
void populateCodedToLinalgPatterns(RewritePatternSet &patterns);

/// A part of a tensor, which has a dynamic extent where the tensor has one.
struct TensorBox {
  SmallVector<OpFoldResult> offsets, sizes, strides;

  /// All of `value`.
  TensorBox(OpBuilder &builder, Location loc, Value value) : sizes(tensor::getMixedSizes(builder, loc, value)) {
    offsets.assign(sizes.size(), builder.getIndexAttr(0));
    strides.assign(sizes.size(), builder.getIndexAttr(1));
  }

  /// Restricted to `size` entries of dimension `dim` from `offset` on, `stride` apart.
  TensorBox with(OpBuilder &builder, int64_t dim, int64_t offset, int64_t size, int64_t stride = 1) const {
    TensorBox box = *this;
    box.offsets[dim] = builder.getIndexAttr(offset);
    box.sizes[dim] = builder.getIndexAttr(size);
    box.strides[dim] = builder.getIndexAttr(stride);
    return box;
  }

  Value extract(OpBuilder &builder, Location loc, Value from) const {
    return emitExtractSlice(builder, loc, from, offsets, sizes, strides);
  }
  Value insert(OpBuilder &builder, Location loc, Value part, Value into) const {
    return emitInsertSlice(builder, loc, part, into, offsets, sizes, strides);
  }
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOLINALG_PATTERNS_H
