//===- CodedOps.cpp - Verifiers of kernel ops on stored integers ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

/// The extent of packed codes for `extent` codes.
static int64_t packedExtent(int64_t extent, LayoutAttr layout) {
  return ShapedType::isDynamic(extent) ? extent : llvm::divideCeil(extent * layout.getFieldBits(), 8);
}

/// decode C1 and C6: what a code is stored in.
static LogicalResult verifyCodes(Operation *op, const CodedTensor &coded) {
  auto code = cast<NumberCodeAttrInterface>(coded.code);
  auto layout = cast_or_null<LayoutAttr>(coded.layout);
  bool isPacking = layout && layout.getOrder().empty() && layout.getTiles().empty() &&
                   layout.getCodeBits() == code.getNumBits();
  if (layout && !isPacking) // decode C6, coded_contract C7
    return op->emitOpError("expects a layout that packs ") << code.getNumBits() << " bits, and no more, got " << layout;
  unsigned bits = layout ? 8 : code.getNumBits();
  if (!shaped(coded.codes).getElementType().isSignlessInteger(bits)) // decode C1, coded_contract C4
    return op->emitOpError("expects codes of element type i") << bits << ", got " << coded.codes.getType();
  return success();
}

/// decode C3 and C4: scales and zeros of codes of the logical `shape`.
static LogicalResult verifyScales(Operation *op, const CodedTensor &coded, ArrayRef<int64_t> shape) {
  ShapedType scales = shaped(coded.scales);
  bool fits = coded.group.size() == shape.size() && scales.getRank() == static_cast<int64_t>(shape.size());
  for (size_t d = 0; fits && d < shape.size(); ++d)
    fits = coded.group[d] >= 1 &&
           (ShapedType::isDynamic(shape[d]) ||
            !extentsDiffer(scales.getDimSize(d), llvm::divideCeil(shape[d], coded.group[d])));
  if (!fits) // decode C3, coded_contract C5
    return op->emitOpError("expects a group size of at least 1 per dimension, and as many scales as groups, got [")
           << coded.group << "] and " << scales;
  if (!coded.zeros)
    return success();
  if (shaped(coded.zeros).getShape() != scales.getShape() ||
      !cast<NumberCodeAttrInterface>(coded.code).takesZeros()) // decode C4, coded_contract C5
    return op->emitOpError("expects zeros of the shape of scales, and a code that takes zero points, got ")
           << coded.zeros.getType();
  return success();
}

static LogicalResult verifyElementTypes(Operation *op, const CodedTensor &coded, Value init, ValueRange others) {
  SmallVector<Value> operands(others);
  operands.push_back(coded.scales);
  if (coded.zeros)
    operands.push_back(coded.zeros);
  return verifyDestination(op, init, operands); // decode C5, coded_contract C6
}

//===----------------------------------------------------------------------===//
// decode
//===----------------------------------------------------------------------===//

LogicalResult DecodeOp::verify() {
  CodedTensor coded = getCoded();
  if (failed(verifyCodes(*this, coded))) // decode C1, decode C6
    return failure();
  ShapedType codes = shaped(getCodes()), init = shaped(getInit());
  bool fits = codes.getRank() == init.getRank() && init.getRank() >= 1;
  for (int64_t d = 0; fits && d < init.getRank(); ++d) {
    bool isPacked = getLayout() && d + 1 == init.getRank();
    int64_t expected = isPacked ? packedExtent(init.getDimSize(d), *getLayout()) : init.getDimSize(d);
    fits = !extentsDiffer(codes.getDimSize(d), expected);
  }
  if (!fits) // decode C2
    return emitOpError("expects codes of the shape of init, as the layout stores it, got ")
           << codes << " and " << init;
  if (failed(verifyScales(*this, coded, init.getShape()))) // decode C3, decode C4
    return failure();
  return verifyElementTypes(*this, coded, getInit(), {});
}

void DecodeOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult DecodeOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

//===----------------------------------------------------------------------===//
// coded_contract
//===----------------------------------------------------------------------===//

SmallVector<int64_t> CodedContractOp::getLoopExtents() {
  SmallVector<int64_t> extents(getInitMap().getNumDims(), ShapedType::kDynamic);
  auto take = [&](AffineMap map, ArrayRef<int64_t> shape, bool lastIsPacked) {
    for (auto [d, expr] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
        bool isPacked = lastIsPacked && d + 1 == map.getNumResults();
        int64_t &extent = extents[dim.getPosition()];
        if (ShapedType::isDynamic(extent) && !isPacked)
          extent = shape[d];
      }
  };
  take(getInitMap(), shaped(getInit()).getShape(), false);
  take(getWeightMap(), shaped(getCodes()).getShape(), getLayout().has_value());
  return extents;
}

/// The terms of a sum of loops times positive constants; false for anything else.
static bool isWindowSum(AffineExpr expr) {
  if (isa<AffineDimExpr>(expr))
    return true;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return isWindowSum(binary.getLHS()) && isWindowSum(binary.getRHS());
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && isa<AffineDimExpr>(binary.getLHS()) && factor &&
         factor.getValue() > 0;
}

/// coded_contract C1 and C2.
static LogicalResult verifyMaps(CodedContractOp op) {
  SmallVector<AffineMap> maps;
  for (Attribute map : op.getMaps())
    maps.push_back(cast<AffineMapAttr>(map).getValue());
  Value operands[] = {op.getInput(), op.getCodes(), op.getInit()};
  bool fits = maps.size() == 3;
  for (size_t i = 0; fits && i < 3; ++i)
    fits = maps[i].getNumSymbols() == 0 && maps[i].getNumDims() == maps[2].getNumDims() &&
           static_cast<int64_t>(maps[i].getNumResults()) == shaped(operands[i]).getRank();
  if (!fits) // coded_contract C1
    return op.emitOpError("expects maps of input, codes and init over the same loops, without symbols, a result per "
                          "dimension");
  fits = maps[2].isProjectedPermutation() && maps[1].isProjectedPermutation(/*allowZeroInResults=*/true) &&
         llvm::all_of(maps[0].getResults(), isWindowSum);
  for (unsigned d = 0; fits && d < maps[2].getNumDims(); ++d)
    fits = maps[1].isFunctionOfDim(d) || maps[2].isFunctionOfDim(d);
  if (!fits) // coded_contract C2
    return op.emitOpError("expects the maps of init and codes to select loops, all loops among them, and the map of "
                          "input to be sums of loops times positive constants");
  return success();
}

/// coded_contract C3.
static LogicalResult verifyExtents(CodedContractOp op) {
  SmallVector<int64_t> extents = op.getLoopExtents();
  auto selects = [&](AffineMap map, ArrayRef<int64_t> shape, bool lastIsPacked) {
    for (auto [d, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      int64_t extent = dim ? extents[dim.getPosition()] : 1;
      if (lastIsPacked && d + 1 == map.getNumResults())
        extent = packedExtent(extent, *op.getLayout());
      if (extentsDiffer(extent, shape[d]))
        return false;
    }
    return true;
  };
  bool isPacked = op.getLayout().has_value();
  auto innermost = dyn_cast_or_null<AffineDimExpr>(op.getWeightMap().getNumResults() ? op.getWeightMap().getResults().back()
                                                                                     : AffineExpr());
  if (isPacked && !(innermost && op.getInitMap().isFunctionOfDim(innermost.getPosition()))) // coded_contract C7
    return op.emitOpError("expects packed codes whose innermost loop is one of init, which says how many there are");
  bool fits = selects(op.getInitMap(), shaped(op.getInit()).getShape(), false) &&
              selects(op.getWeightMap(), shaped(op.getCodes()).getShape(), isPacked);
  // The last place of the input that the loops read.
  SmallVector<AffineExpr> last;
  for (int64_t extent : extents)
    last.push_back(getAffineConstantExpr(extent - 1, op.getContext()));
  for (auto [expr, extent] : llvm::zip(op.getInputMap().getResults(), shaped(op.getInput()).getShape())) {
    bool isKnown = ShapedType::isStatic(extent);
    for (unsigned d = 0; d < extents.size(); ++d)
      isKnown &= !expr.isFunctionOfDim(d) || ShapedType::isStatic(extents[d]);
    if (!isKnown)
      continue;
    auto place = dyn_cast<AffineConstantExpr>(expr.replaceDims(last));
    fits &= place && (isa<AffineDimExpr>(expr) ? place.getValue() + 1 == extent : place.getValue() < extent);
  }
  if (!fits) // coded_contract C3
    return op.emitOpError("expects operands that agree on the extents of the loops [") << extents << "]";
  return success();
}

LogicalResult CodedContractOp::verify() {
  CodedTensor coded = getCoded();
  if (failed(verifyMaps(*this)) || failed(verifyCodes(*this, coded)) || failed(verifyExtents(*this)))
    return failure();
  SmallVector<int64_t> extents = getLoopExtents(), shape;
  for (AffineExpr expr : getWeightMap().getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    shape.push_back(dim ? extents[dim.getPosition()] : 1);
  }
  if (failed(verifyScales(*this, coded, shape))) // coded_contract C5
    return failure();
  return verifyElementTypes(*this, coded, getInit(), getInput());
}

void CodedContractOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult CodedContractOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

//===----------------------------------------------------------------------===//
// relayout
//===----------------------------------------------------------------------===//

LogicalResult RelayoutOp::verify() {
  if (getFrom().has_value() == getTo().has_value()) // relayout C1
    return emitOpError("expects a layout of one side, from or to");
  ShapedType input = shaped(getInput()), init = shaped(getInit());
  if (!input.hasStaticShape() || !init.hasStaticShape()) // relayout C4
    return emitOpError("expects static shapes, got ") << input << " and " << init;
  LayoutAttr layout = getTo() ? *getTo() : *getFrom();
  ShapedType logical = getTo() ? input : init, stored = getTo() ? init : input;
  bool isPacked = layout.getCodeBits() != 0;
  unsigned bits = logical.getElementType().isIntOrFloat() ? logical.getElementTypeBitWidth() : 0;
  if (isPacked ? !logical.getElementType().isSignlessInteger(layout.getCodeBits())
               : logical.getElementType() != stored.getElementType()) // relayout C3
    return emitOpError("expects one element type, or codes of as many bits as the layout packs, got ")
           << logical.getElementType() << " of " << bits << " bits and " << stored.getElementType();
  ShapedType expected = layout.getStoredType(logical);
  if (!expected || expected.getShape() != stored.getShape() ||
      expected.getElementType() != stored.getElementType()) // relayout C2
    return emitOpError("expects the stored side to be what the layout makes of ")
           << logical << ", got " << stored;
  return verifyResults(*this, getInit());
}

void RelayoutOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult RelayoutOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

/// There and back again is where one was: from(L) of to(L), of the same logical tensor. The other way round, places beyond
/// the logical tensor become zero, which they are in all that `to` makes.
LogicalResult RelayoutOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &results) {
  auto before = getInput().getDefiningOp<RelayoutOp>();
  if (!before || getNumResults() == 0)
    return failure();
  bool isBack = getFrom() ? before.getTo() == getFrom() : before.getFrom() == getTo();
  // A source that no relayout made may hold something in its padding, which going there and back makes zero.
  bool isExact = getFrom() || before.getInput().getDefiningOp<RelayoutOp>();
  if (!isBack || !isExact || before.getInput().getType() != getResult(0).getType())
    return failure();
  results.push_back(before.getInput());
  return success();
}
