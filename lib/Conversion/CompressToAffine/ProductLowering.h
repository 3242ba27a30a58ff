//===- ProductLowering.h - Products in register tiles ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   y[n, f, oh, ow] += x[n, c, oh + kh, ow + kw] * w[f, c, kh, kw]
//   =>
//   affine.for n, oh { affine.for ow = … step 16*U { affine.for f = … step R {       R x U vectors of sums
//     %sums = affine.for c, kh, kw iter_args(…) { U loads of %x, R broadcasts of %w, R*U fused multiply-adds }
//     affine.vector_store … } } }
//
// Lanes run along the innermost dimension of the result. The tile is a dimension on which the factor that lanes load
// does not depend: out channels of a convolution, samples of a matrix product.
//
//   y[m, n] += x[m, k] * w[n floordiv 48, k, n mod 48]                               w in panels of 48 columns
//   =>
//   affine.for n = … step 48 { affine.for %block = 0 to K step 256 { affine.for m = … step R {
//     %sums = affine.for %k = 0 to 32 iter_args(…) {
//       memref.prefetch of the next block
//       affine.for 0 to 8 iter_args(…) … }
//     affine.vector_store … } } }
//
// Sums are loaded and stored once per tile and block (loadSums, storeSums).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_PRODUCTLOWERING_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_PRODUCTLOWERING_H

#include "Epilogue.h"
#include "PlaneViews.h"
#include "WeightLoad.h"
#include <functional>

namespace mlir::compress {

/// A factor, and its dimensions in terms of the product's loops.
struct ProductFactor {
  WeightLoad load;
  AffineMap map;
};

/// out[outMap] += factors[0] * factors[1], for loops of `extents`; dynamic ones are a dimension of an operand each.
struct Product {
  Value out;
  AffineMap outMap;
  SmallVector<ProductFactor> factors;
  SmallVector<int64_t> extents;
  /// Adds the product of the factors, in their order, to a sum; without it, a fused multiply-add of floats.
  std::function<Value(AffineNest &, Value, Value, Value)> multiplyAdd = {};
};

/// Emits the nest in vectors of at most `lanes`, with what fills the result before `op`, the product, and what changes
/// it after; false if the product has no dimension for lanes.
bool lowerProductToLanes(const Product &product, Operation *op, int64_t lanes, OpBuilder &builder);

/// True if lowerProductToLanes has a dimension for lanes; and what it emits between what `epilogue` took over.
bool allowsProductInLanes(const Product &product, int64_t lanes, OpBuilder &builder);
void emitProductInLanes(const Product &product, const Epilogue &epilogue, int64_t lanes, OpBuilder &builder,
                        Location loc);

/// Emits the nest in tile registers (AMX), of a product of words: bytes without sign by bytes with sign to i32, or
/// pairs of bf16 to f32. Less than 16 rows of a dynamic extent are computed in lanes. False if the product has no rows,
/// columns or steps for tiles.
bool lowerProductToTiles(const Product &product, WordFormat format, Operation *op, int64_t lanes, OpBuilder &builder);
/// The same between no other ops; `lowerFewRows` emits the nest of less than 16 rows.
bool lowerProductToTiles(const Product &product, WordFormat format, bool startsFromZero,
                         function_ref<void()> lowerFewRows, OpBuilder &builder, Location loc);

/// Emits compress.spectral_dot of bf16 in tile registers: `words` and `init` have in and out blocks innermost. As
/// above.
bool lowerSpectralDotToTiles(Value words, Value weights, Value init, const PlaneWindows &windows, int64_t panel,
                             bool startsFromZero, function_ref<void()> lowerFewRows, OpBuilder &builder, Location loc);

/// Emits the nest with lanes along a sum over which both factors are contiguous; false if there is none that is as long
/// as a vector.
bool lowerProductToDots(const Product &product, Operation *op, int64_t lanes, OpBuilder &builder);

/// Emits a nest of scalars whose sum is carried in a register.
void lowerProductToScalars(const Product &product, OpBuilder &builder, Location loc);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_PRODUCTLOWERING_H
