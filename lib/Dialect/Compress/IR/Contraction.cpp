//===- Contraction.cpp - Products over common loops -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

Value mlir::compress::emitContraction(OpBuilder &builder, Location loc, Value a, ArrayRef<AffineExpr> aDims, Value b,
                                      ArrayRef<AffineExpr> bDims, Value init, ArrayRef<AffineExpr> initDims) {
  SmallVector<SmallVector<AffineExpr, 4>> dims{SmallVector<AffineExpr, 4>(aDims), SmallVector<AffineExpr, 4>(bDims),
                                               SmallVector<AffineExpr, 4>(initDims)};
  // Maps over all loops by number, without those that no operand has.
  SmallVector<AffineMap> maps =
      compressUnusedDims(ArrayRef<AffineMap>(AffineMap::inferFromExprList(dims, builder.getContext())));
  SmallVector<utils::IteratorType> loops;
  for (unsigned d = 0; d < maps[2].getNumDims(); ++d)
    loops.push_back(maps[2].isFunctionOfDim(d) ? utils::IteratorType::parallel : utils::IteratorType::reduction);
  return linalg::GenericOp::create(builder, loc, init.getType(), ValueRange{a, b}, init, maps, loops,
                                   [](OpBuilder &inner, Location l, ValueRange args) {
                                     Value product = arith::MulFOp::create(inner, l, args[0], args[1]);
                                     Value sum = arith::AddFOp::create(inner, l, args[2], product);
                                     linalg::YieldOp::create(inner, l, sum);
                                   })
      .getResult(0);
}

Value mlir::compress::emitZeros(OpBuilder &builder, Location loc, ArrayRef<OpFoldResult> sizes, Type element) {
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, element);
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}
