//===- TileRows.h - Rows of a result in tiles of 16 ---------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_TILEROWS_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_TILEROWS_H

#include "AffineNest.h"

namespace mlir::compress {

/// Rows of a tile register, and words of four bytes in one of its rows.
inline constexpr int64_t kTile = 16;
/// Tiles of a block: 2 x 2 sums and two of each factor are the 8 registers.
inline constexpr int64_t kTilesPerBlock = 2;

/// Cuts dimension `position` of `out` into blocks of two tiles and of one. What 16 does not divide overlaps: the last
/// rows are computed with those before, and stored alone.
struct TileRows {
  Value out;
  int64_t position;
  /// Dynamic, or at least 16.
  int64_t extent;

  /// A tile of rows from `offset` of its block, of which those from `first` on are stored.
  struct Rows {
    int64_t offset, first;
  };

  bool isDynamic() const { return ShapedType::isDynamic(extent); }
  /// Calls `lowerBlock` with the first row of a block and its tiles, in a nest of its own inside of `nest`.
  void forEachBlock(const AffineNest &nest,
                    function_ref<void(AffineNest &, AffineExpr, ArrayRef<Rows>)> lowerBlock) const;
  /// Opens a loop over the rows of a tile that are stored.
  AffineExpr open(AffineNest &nest, Rows rows) const;
  /// Emits what tiles compute, and of a dynamic extent what is computed if it is less than a tile's.
  void choose(OpBuilder &builder, Location loc, function_ref<void()> lowerTiles,
              function_ref<void()> lowerFewRows) const;

private:
  /// In place of Rows::first: those that whole tiles of a dynamic extent leave.
  static constexpr int64_t kPartOfRows = -1;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_TILEROWS_H
