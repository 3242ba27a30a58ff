//===- SliceForm.cpp - Factorized slices of weights in two products --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// SmartDeal's weights are coefficients C, powers of two, times a basis B of each slice (SmartExchange, ISCA 2020). Per
// output, the first product has a shift and an addition per coefficient, the second r * r multiplications per slice:
// far fewer than inputs.
//
// A dimension of the weight is written as a sum of loops of the factors. Where rows are split into channels and taps,
// the loop of rows becomes two, and the coefficients are split likewise.
//
//===----------------------------------------------------------------------===//

#include "SliceForm.h"
#include "Contraction.h"
#include "TwoStageForm.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

class SliceStages {
public:
  SliceStages(FactorizedOp weight, const LinearConsumer &consumer)
      : weight(weight), consumer(consumer), context(weight.getContext()), next(consumer.resultMap.getNumDims()) {
    isAllowed = weight.getCollapse() && findLoops();
  }

  bool allowed() const { return isAllowed; }

  Value emit(OpBuilder &builder) {
    Location loc = consumer.op->getLoc();
    Value input = padded(builder, loc);
    SmallVector<AffineExpr> read, again, between, coefficients(loopsOf(0, batch())), basis;
    for (int64_t d = 0; d < batch(); ++d)
      basis.push_back(weight.getBasisType().getDimSize(d) == 1 ? getAffineConstantExpr(0, context) : product[d][0]);
    for (int64_t d = batch(); d < batch() + weight.getNumOuter(); ++d)
      coefficients.append(product[d]);
    AffineExpr rank = newLoop(weight.getRank());
    coefficients.push_back(rank);
    basis.push_back(rank);
    basis.append(loopsOf(batch() + weight.getNumOuter(), product.size()));
    // Windows over which the basis moves are read where they are: their loop is one of the input.
    for (auto [d, expr] : llvm::enumerate(consumer.activationMap.getResults())) {
      AffineExpr index = substituted(expr);
      bool movesWindow = consumer.dims[d].kind == ActivationDim::Window && usesInner(index);
      again.push_back(index);
      read.push_back(movesWindow ? newLoop(cast<RankedTensorType>(input.getType()).getDimSize(d)) : index);
      if (movesWindow)
        windows.push_back({read.back(), index});
    }
    // Between the stages: what the result has, without windows; slices; j; the loops of the basis.
    for (AffineExpr expr : consumer.resultMap.getResults())
      if (!isMoved(expr))
        between.push_back(expr);
    for (AffineExpr loop : loopsOf(0, batch()))
      if (!llvm::is_contained(between, loop))
        between.push_back(loop);
    between.push_back(rank);
    for (AffineExpr loop : loopsOf(batch() + weight.getNumOuter(), product.size()))
      if (llvm::any_of(read, [&](AffineExpr expr) { return uses(expr, loop); }))
        between.push_back(loop);
    SmallVector<AffineExpr> second(between);
    for (auto [loop, index] : windows) {
      between.push_back(loop);
      second.push_back(index);
    }
    SmallVector<OpFoldResult> sizes;
    for (AffineExpr loop : between)
      sizes.push_back(sizeOf(builder, loc, loop));
    Value zeros = emitZeros(builder, loc, sizes, consumer.resultType().getElementType());
    Value first =
        emitContraction(builder, loc, input, read, splitCoefficients(builder, loc), coefficients, zeros, between);
    return emitContraction(builder, loc, first, second, weight.getBasis(), basis, consumer.init,
                           consumer.resultMap.getResults());
  }

private:
  int64_t batch() const { return weight.getBatch(); }

  AffineExpr newLoop(int64_t extent) {
    AffineExpr loop = getAffineDimExpr(next++, context);
    extents[loop] = extent;
    return loop;
  }

  SmallVector<AffineExpr> loopsOf(int64_t begin, int64_t end) const {
    SmallVector<AffineExpr> loops;
    for (int64_t d = begin; d < end; ++d)
      loops.append(product[d]);
    return loops;
  }

  bool uses(AffineExpr expr, AffineExpr loop) const {
    return expr.isFunctionOfDim(cast<AffineDimExpr>(loop).getPosition());
  }
  bool usesInner(AffineExpr expr) const {
    auto inner = loopsOf(batch() + weight.getNumOuter(), product.size());
    return llvm::any_of(inner, [&](AffineExpr loop) { return uses(expr, loop); });
  }
  /// True if `expr`, of the result, is the position of a window that the second stage moves.
  bool isMoved(AffineExpr expr) const {
    return isa<AffineDimExpr>(expr) &&
           llvm::any_of(windows, [&](const auto &window) { return uses(window.second, expr); });
  }

  AffineExpr substituted(AffineExpr expr) const {
    llvm::DenseMap<AffineExpr, AffineExpr> map(replaced);
    return expr.replace(map);
  }

  OpFoldResult sizeOf(OpBuilder &builder, Location loc, AffineExpr loop) {
    if (auto it = extents.find(loop); it != extents.end())
      return builder.getIndexAttr(it->second);
    for (auto [d, expr] : llvm::enumerate(consumer.resultMap.getResults()))
      if (expr == loop)
        return tensor::getMixedSize(builder, loc, consumer.init, d);
    return builder.getIndexAttr(1);
  }

  /// Loops of each dimension of the product, and the consumer's loops of the weight in terms of them.
  bool findLoops() {
    SmallVector<int64_t> shape = weight.getProductShape(), result = weight.getResultDims();
    product.resize(shape.size());
    for (auto [from, to] : llvm::zip(weight.getCollapseGroups(), weight.getExpandGroups())) {
      auto loopOf = [&](int64_t canonical) { return consumer.weightMap.getResult(result[canonical]); };
      auto extentOf = [&](int64_t canonical) { return weight.getResultType().getDimSize(result[canonical]); };
      if (!llvm::all_of(to, [&](int64_t t) { return isa<AffineDimExpr>(loopOf(t)); }))
        return false;
      int64_t covered = 1;
      for (int64_t d : from)
        covered *= shape[d];
      if (from.size() == 1 && to.size() == 1 && covered == extentOf(to[0])) {
        product[from[0]] = {loopOf(to[0])};
        extents[loopOf(to[0])] = covered;
        continue;
      }
      // What is split off of the last dimension; its length has to divide the rows.
      int64_t split = 1;
      for (int64_t t : ArrayRef(to).drop_front())
        split *= extentOf(t);
      if (shape[from.back()] % split != 0 || to.size() > 2)
        return false;
      AffineExpr place = getAffineConstantExpr(0, context);
      for (int64_t d : from) {
        int64_t extent = d == from.back() ? shape[d] / split : shape[d];
        product[d] = {newLoop(extent)};
        place = place * extent + product[d][0];
      }
      replaced[loopOf(to[0])] = place;
      crops[loopOf(to[0])] = covered / split;
      if (to.size() == 2) {
        product[from.back()].push_back(loopOf(to[1]));
        extents[loopOf(to[1])] = split;
      }
    }
    // The second stage has the result's loops alone, or sums.
    return llvm::all_of(loopsOf(batch(), batch() + weight.getNumOuter()), [&](AffineExpr loop) {
      return llvm::none_of(consumer.resultMap.getResults(), [&](AffineExpr expr) { return expr == loop; });
    });
  }

  /// The activation with as many zeros behind as slices are longer than the weight.
  Value padded(OpBuilder &builder, Location loc) {
    Value input = consumer.paddedActivation;
    auto type = cast<RankedTensorType>(input.getType());
    SmallVector<OpFoldResult> low(type.getRank(), builder.getIndexAttr(0)), high(low);
    SmallVector<int64_t> shape(type.getShape());
    bool isLonger = false;
    for (auto [d, expr] : llvm::enumerate(consumer.activationMap.getResults()))
      if (auto it = crops.find(expr); it != crops.end() && it->second > shape[d]) {
        high[d] = builder.getIndexAttr(it->second - shape[d]);
        shape[d] = it->second;
        isLonger = true;
      }
    if (!isLonger)
      return input;
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type.getElementType()));
    return tensor::PadOp::create(builder, loc, type.clone(shape), input, low, high, zero);
  }

  /// The coefficients with rows in two dimensions where their loops are two.
  Value splitCoefficients(OpBuilder &builder, Location loc) {
    auto type = weight.getCoefficientsType();
    SmallVector<ReassociationIndices> groups;
    SmallVector<int64_t> shape;
    for (int64_t d = 0; d < type.getRank(); ++d) {
      groups.emplace_back();
      int64_t parts = d + 1 < type.getRank() ? product[d].size() : 1;
      for (int64_t part = 0; part < parts; ++part) {
        groups.back().push_back(shape.size());
        shape.push_back(parts == 1 ? type.getDimSize(d) : extents.lookup(product[d][part]));
      }
    }
    if (shape.size() == static_cast<size_t>(type.getRank()))
      return weight.getCoefficients();
    return tensor::ExpandShapeOp::create(builder, loc, type.clone(shape), weight.getCoefficients(), groups);
  }

  mutable FactorizedOp weight; // its accessors are not const
  const LinearConsumer &consumer;
  MLIRContext *context;
  unsigned next;
  bool isAllowed = false;
  /// For each dimension of coefficients and basis without j: its loops, one or two.
  SmallVector<SmallVector<AffineExpr, 2>> product;
  llvm::DenseMap<AffineExpr, int64_t> extents;
  /// Loops of the consumer that are sums of others, and the extents that these have together.
  llvm::DenseMap<AffineExpr, AffineExpr> replaced;
  llvm::DenseMap<AffineExpr, int64_t> crops;
  /// Loops over the input in the first stage, and what the second reads there.
  SmallVector<std::pair<AffineExpr, AffineExpr>> windows;
};

} // namespace

SmallVector<Form> mlir::compress::sliceForms(FactorizedOp weight, const LinearConsumer &consumer, std::string &whyNot) {
  if (!SliceStages(weight, consumer).allowed()) {
    whyNot = "its slices do not end where dimensions of the weight do";
    return {};
  }
  double positions = consumer.positionsPerSample(), coefficients = weight.getCoefficientsType().getNumElements(),
         basis = weight.getBasisType().getNumElements(), inner = 1;
  for (int64_t extent : weight.getBasisType().getShape().drop_front(weight.getBatch() + 1))
    inner *= extent;
  Form form{kSliceForm.str(), {}};
  double first = positions * coefficients * inner, second = positions * basis;
  form.cost.adds = first + second;
  form.cost.multiplies = needsMultiplier(weight.getCoefficients()) ? first + second : second;
  form.cost.weightBytes = weight.storedBits() / 8;
  form.cost.roundings = weight.getRank() + 2;
  return {form};
}

Value mlir::compress::emitSliceForm(FactorizedOp weight, const LinearConsumer &consumer, OpBuilder &builder) {
  return SliceStages(weight, consumer).emit(builder);
}
