//===- TensorEmitter.h - Emit tensor ops of static shape ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the definitions of representations are written in. No map has `mod` or `floordiv`: tiling such maps goes wrong.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_DIALECT_COMPRESS_IR_TENSOREMITTER_H
#define COMPRESS_LIB_DIALECT_COMPRESS_IR_TENSOREMITTER_H

#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/AffineMap.h"

namespace mlir::compress {

/// Emits tensor ops of static shape at one location. Dimensions are counted from 0; negative ones from the end.
struct TensorEmitter {
  OpBuilder &builder;
  Location loc;

  static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

  Value empty(ArrayRef<int64_t> shape, Value like) {
    return tensor::EmptyOp::create(builder, loc, shape, typeOf(like).getElementType());
  }

  Value zeros(ArrayRef<int64_t> shape, Value like) {
    Type element = typeOf(like).getElementType();
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    return linalg::FillOp::create(builder, loc, zero, empty(shape, like)).getResult(0);
  }

  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    if (llvm::is_sorted(permutation))
      return value;
    SmallVector<int64_t> shape;
    for (int64_t d : permutation)
      shape.push_back(typeOf(value).getDimSize(d));
    return linalg::TransposeOp::create(builder, loc, value, empty(shape, value), permutation)->getResult(0);
  }

  /// Copies `value` along a new dimension before dimension `at`.
  Value broadcast(Value value, int64_t at, int64_t extent) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    shape.insert(shape.begin() + at, extent);
    return linalg::BroadcastOp::create(builder, loc, value, empty(shape, value), ArrayRef<int64_t>{at})->getResult(0);
  }

  /// Sums over dimension `at`.
  Value reduceSum(Value value, int64_t at) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    shape.erase(shape.begin() + at);
    auto sum = linalg::ReduceOp::create(
        builder, loc, value, zeros(shape, value), ArrayRef<int64_t>{at}, [](OpBuilder &b, Location l, ValueRange args) {
          linalg::YieldOp::create(b, l, ValueRange{arith::AddFOp::create(b, l, args[0], args[1])});
        });
    return sum->getResult(0);
  }

  /// Merges dimensions `at` and `at + 1`.
  Value collapse(Value value, int64_t at) {
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0, e = typeOf(value).getRank(); d < e; ++d) {
      if (d == at + 1)
        groups.back().push_back(d);
      else
        groups.push_back({d});
    }
    return tensor::CollapseShapeOp::create(builder, loc, value, groups);
  }

  /// Splits dimension `at` into `outer` times the rest.
  Value expand(Value value, int64_t at, int64_t outer) {
    SmallVector<int64_t> shape(typeOf(value).getShape());
    SmallVector<ReassociationIndices> groups;
    for (int64_t d = 0, e = shape.size(); d < e; ++d)
      groups.push_back(d < at    ? ReassociationIndices{d}
                       : d == at ? ReassociationIndices{d, d + 1}
                                 : ReassociationIndices{d + 1});
    int64_t inner = shape[at] / outer;
    shape[at] = outer;
    shape.insert(shape.begin() + at + 1, inner);
    auto type = RankedTensorType::get(shape, typeOf(value).getElementType());
    return tensor::ExpandShapeOp::create(builder, loc, type, value, groups);
  }

  SmallVector<OpFoldResult> indices(ArrayRef<int64_t> values) {
    SmallVector<OpFoldResult> result;
    for (int64_t v : values)
      result.push_back(builder.getIndexAttr(v));
    return result;
  }

  /// The leading corner of `shape`.
  Value crop(Value value, ArrayRef<int64_t> shape) {
    if (typeOf(value).getShape() == shape)
      return value;
    SmallVector<int64_t> zeros(shape.size(), 0), ones(shape.size(), 1);
    return emitExtractSlice(builder, loc, value, indices(zeros), indices(shape), indices(ones));
  }

  /// Zeros after the end, up to `shape`: the transpose of crop.
  Value padTo(Value value, ArrayRef<int64_t> shape) {
    if (typeOf(value).getShape() == shape)
      return value;
    SmallVector<int64_t> offsets(shape.size(), 0), ones(shape.size(), 1);
    return emitInsertSlice(builder, loc, value, zeros(shape, value), indices(offsets),
                           indices(typeOf(value).getShape()), indices(ones));
  }

  /// Merges the dimensions of each group.
  Value collapse(Value value, ArrayRef<ReassociationIndices> groups) {
    if (groups.size() == typeOf(value).getShape().size())
      return value;
    return tensor::CollapseShapeOp::create(builder, loc, value, groups);
  }

  /// Splits dimensions into those of `shape`, by `groups`.
  Value expand(Value value, ArrayRef<int64_t> shape, ArrayRef<ReassociationIndices> groups) {
    if (groups.size() == shape.size())
      return value;
    auto type = RankedTensorType::get(shape, typeOf(value).getElementType());
    return tensor::ExpandShapeOp::create(builder, loc, type, value, groups);
  }

  using Body = function_ref<Value(OpBuilder &, Location, ValueRange)>;

  /// A parallel generic over `shape` that writes `element`s; `maps` are those of `inputs`.
  Value generate(ValueRange inputs, ArrayRef<AffineMap> maps, ArrayRef<int64_t> shape, Type element, Body body) {
    Value init = tensor::EmptyOp::create(builder, loc, shape, element);
    SmallVector<AffineMap> all(maps);
    all.push_back(builder.getMultiDimIdentityMap(shape.size()));
    SmallVector<utils::IteratorType> loops(shape.size(), utils::IteratorType::parallel);
    return linalg::GenericOp::create(
               builder, loc, init.getType(), inputs, init, all, loops,
               [&](OpBuilder &b, Location l, ValueRange args) { linalg::YieldOp::create(b, l, body(b, l, args)); })
        .getResult(0);
  }

  /// sum over the loops that `out` does not have of `a * b`, with the given maps over common loops.
  Value contract(Value a, AffineMap aMap, Value b, AffineMap bMap, AffineMap out, ArrayRef<int64_t> shape) {
    SmallVector<utils::IteratorType> loops;
    for (unsigned d = 0; d < out.getNumDims(); ++d)
      loops.push_back(out.isFunctionOfDim(d) ? utils::IteratorType::parallel : utils::IteratorType::reduction);
    Value init = zeros(shape, a);
    return linalg::GenericOp::create(builder, loc, init.getType(), ValueRange{a, b}, init,
                                     ArrayRef<AffineMap>{aMap, bMap, out}, loops,
                                     [](OpBuilder &b, Location l, ValueRange args) {
                                       Value product = arith::MulFOp::create(b, l, args[0], args[1]);
                                       Value sum = arith::AddFOp::create(b, l, args[2], product);
                                       linalg::YieldOp::create(b, l, sum);
                                     })
        .getResult(0);
  }
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_DIALECT_COMPRESS_IR_TENSOREMITTER_H
