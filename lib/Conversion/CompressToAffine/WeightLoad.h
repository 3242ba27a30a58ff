//===- WeightLoad.h - Load numbers, or decode them ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a product multiplies by: floats in a buffer, or codes with scales that become numbers where they are loaded.
//
//   4-bit codes, 8 lanes: 4 bytes -> each twice -> shifted by 0, 4, 0, 4, … -> masked -> decode -> (- zero) * scale
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_WEIGHTLOAD_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_WEIGHTLOAD_H

#include "AffineNest.h"

namespace mlir::compress {

/// A factor of a product, at logical indices.
class WeightLoad {
public:
  /// Floats as they are.
  explicit WeightLoad(Value memref) : memref(memref) {}
  /// Codes in a buffer (coded.codes), decoded to the element type of the scales.
  explicit WeightLoad(const CodedTensor &coded) : memref(coded.codes), coded(coded) {}

  /// Words of 32 bits, of four bytes along the innermost dimension each.
  static WeightLoad ofWords(Value bytes) {
    WeightLoad load(bytes);
    load.inWords = true;
    return load;
  }

  /// The buffer of the floats or codes; where a layout packs codes, its innermost extent is in bytes.
  Value getMemref() const { return memref; }
  bool isInWords() const { return inWords; }
  bool isCoded() const { return coded.has_value(); }
  bool isPacked() const { return coded && coded->layout; }

  /// True if `lanes` numbers along the innermost dimension can be loaded at once, at multiples of `lanes`.
  bool allowsLanes(int64_t lanes) const;
  /// `lanes` numbers along the innermost dimension from `index` on, a multiple of `lanes` there; or one.
  Value load(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const;
  /// One number, copied to all lanes.
  Value loadBroadcast(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const;

private:
  /// Raw codes as i32.
  Value loadCodes(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const;
  Value loadWords(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const;
  Value loadPackedCodes(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t lanes) const;
  /// The scale or zero point of each lane.
  Value loadShared(AffineNest &nest, Value shared, ArrayRef<AffineExpr> index, int64_t lanes) const;

  Value memref;
  std::optional<CodedTensor> coded;
  bool inWords = false;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_WEIGHTLOAD_H
