//===- CodedOps.cpp - Verifiers of kernel ops on stored integers ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelOpHelpers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/Sequence.h"
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
  bool isPacking =
      layout && layout.getOrder().empty() && layout.getTiles().empty() && layout.getCodeBits() == code.getNumBits();
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
    fits = coded.group[d] >= 1 && (ShapedType::isDynamic(shape[d]) ||
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

/// The coded operands and attributes of `op`, of any of the ops here.
template <typename OpTy>
static CodedTensor codedOf(OpTy op) {
  return {op.getCodes(),     op.getScales(), op.getZeros(), op.getCode(), llvm::to_vector(op.getGroup()),
          op.getLayoutAttr()};
}

template <typename OpTy>
static void setCodedOf(OpTy op, const CodedTensor &coded) {
  op.getCodesMutable().assign(coded.codes);
  op.getScalesMutable().assign(coded.scales);
  if (coded.zeros)
    op.getZerosMutable().assign(coded.zeros);
  op.setGroup(coded.group);
  op.setLayoutAttr(cast_or_null<LayoutAttr>(coded.layout));
}

//===----------------------------------------------------------------------===//
// decode
//===----------------------------------------------------------------------===//

CodedTensor DecodeOp::getCoded() { return codedOf(*this); }

SmallVector<int64_t> DecodeOp::getPreferredOrder() {
  return llvm::to_vector(llvm::seq<int64_t>(0, shaped(getInit()).getRank()));
}

void DecodeOp::setCoded(const CodedTensor &coded, ArrayRef<int64_t> order) {
  assert(llvm::is_sorted(order) && "numbers are written in the order of their codes");
  setCodedOf(*this, coded);
}

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
    return emitOpError("expects codes of the shape of init, as the layout stores it, got ") << codes << " and " << init;
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

CodedTensor CodedContractOp::getCoded() { return codedOf(*this); }

/// Dimensions that init does not have come first, then those that it has, in its order: lanes run along the last one.
SmallVector<int64_t> CodedContractOp::getPreferredOrder() {
  AffineMap weight = getWeightMap(), init = getInitMap();
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, weight.getNumResults()));
  auto key = [&](int64_t d) {
    auto position = init.getResultPosition(weight.getResult(d));
    return std::make_pair(position ? static_cast<int64_t>(*position) : -1, d);
  };
  llvm::sort(order, [&](int64_t a, int64_t b) { return key(a) < key(b); });
  return order;
}

void CodedContractOp::setCoded(const CodedTensor &coded, ArrayRef<int64_t> order) {
  setCodedOf(*this, coded);
  SmallVector<AffineExpr> results;
  for (int64_t d : order)
    results.push_back(getWeightMap().getResult(d));
  AffineMap weight = AffineMap::get(getWeightMap().getNumDims(), 0, results, getContext());
  setMapsAttr(Builder(getContext()).getAffineMapArrayAttr({getInputMap(), weight, getInitMap()}));
}

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
  auto innermost = dyn_cast_or_null<AffineDimExpr>(
      op.getWeightMap().getNumResults() ? op.getWeightMap().getResults().back() : AffineExpr());
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
  if (failed(verifyMaps(*this)) || failed(verifyCodes(*this, coded)) || // coded_contract C4
      failed(verifyExtents(*this)))
    return failure();
  SmallVector<int64_t> extents = getLoopExtents(), shape;
  for (AffineExpr expr : getWeightMap().getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    shape.push_back(dim ? extents[dim.getPosition()] : 1);
  }
  if (failed(verifyScales(*this, coded, shape))) // coded_contract C5
    return failure();
  return verifyElementTypes(*this, coded, getInit(), getInput()); // coded_contract C6
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
  LayoutAttr layout = getLayout();
  ShapedType logical = getTo() ? input : init, stored = getTo() ? init : input;
  bool isPacked = layout.getCodeBits() != 0;
  unsigned bits = logical.getElementType().isIntOrFloat() ? logical.getElementTypeBitWidth() : 0;
  if (isPacked ? !logical.getElementType().isSignlessInteger(layout.getCodeBits())
               : logical.getElementType() != stored.getElementType()) // relayout C3
    return emitOpError("expects one element type, or codes of as many bits as the layout packs, got ")
           << logical.getElementType() << " of " << bits << " bits and " << stored.getElementType();
  ShapedType expected = layout.getStoredType(logical);
  if (!expected || failed(verifyCompatibleShape(expected.getShape(), stored.getShape())) ||
      expected.getElementType() != stored.getElementType()) // relayout C2
    return emitOpError("expects the stored side to be what the layout makes of ") << logical << ", got " << stored;
  return verifyResults(*this, getInit());
}

void RelayoutOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  addDestinationEffects(*this, getInitMutable(), readsInit(), effects);
}

LogicalResult RelayoutOp::reifyResultShapes(OpBuilder &builder, ReifiedRankedShapedTypeDims &shapes) {
  return reifyFromInit(builder, *this, getInit(), shapes);
}

/// There and back again is where one was: from(L) of to(L), of the same logical tensor. The other way round, places
/// beyond the logical tensor become zero, which they are in all that `to` makes.
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

//===----------------------------------------------------------------------===//
// Tiling
//===----------------------------------------------------------------------===//

/// How scales move with a loop over one dimension of codes: one scale serves all of it, each code has its own, or the
/// loop runs over groups.
enum class Sharing { All, None, Group };

static Sharing sharingOf(const CodedTensor &coded, int64_t dim) {
  if (coded.group[dim] == 1)
    return Sharing::None;
  return shaped(coded.scales).getDimSize(dim) == 1 ? Sharing::All : Sharing::Group;
}

static DimTiling tileNumbers(Sharing sharing, int64_t loop, int64_t group) {
  return sharing == Sharing::Group ? DimTiling::blocks(loop, group) : DimTiling::along(loop);
}

static DimTiling tileScales(Sharing sharing, int64_t loop) {
  return sharing == Sharing::All ? DimTiling::whole() : DimTiling::along(loop);
}

/// The loops are the dimensions of the numbers; those that several scales share in groups run over groups. A packed
/// dimension is whole.
KernelTiling DecodeOp::getKernelTiling() {
  CodedTensor coded = getCoded();
  KernelTiling tiling;
  OperandTiling numbers, scales;
  int64_t rank = shaped(getInit()).getRank();
  for (int64_t d = 0; d < rank; ++d) {
    if (getLayout() && d + 1 == rank) {
      numbers.push_back(DimTiling::whole());
      scales.push_back(DimTiling::whole());
      continue;
    }
    Sharing sharing = sharingOf(coded, d);
    tiling.iterators.push_back(utils::IteratorType::parallel);
    numbers.push_back(tileNumbers(sharing, d, coded.group[d]));
    scales.push_back(tileScales(sharing, d));
  }
  tiling.operands = {numbers, scales};
  if (getZeros())
    tiling.operands.push_back(scales);
  tiling.operands.push_back(numbers);
  return tiling;
}

namespace {

/// The loops of a coded_contract that tile: those that select a dimension of init, or of input and codes. Taps, which
/// only move windows, and what codes are packed along, are whole.
struct ContractTiling {
  CodedContractOp op;
  CodedTensor coded;
  /// Number of each loop among those that tile, or -1; how many numbers an iteration takes.
  SmallVector<int64_t> loops, step;
  KernelTiling tiling;

  explicit ContractTiling(CodedContractOp op)
      : op(op), coded(op.getCoded()), loops(op.getInitMap().getNumDims(), -1), step(loops.size(), 1) {
    chooseLoops();
    OperandTiling scales = tileScalesOperand();
    tiling.operands = {tileInput(), tileSelection(op.getWeightMap()), scales};
    if (coded.zeros)
      tiling.operands.push_back(scales);
    tiling.operands.push_back(tileSelection(op.getInitMap()));
  }

  void chooseLoops() {
    for (unsigned d = 0; d < loops.size(); ++d) {
      bool isResult = op.getInitMap().isFunctionOfDim(d);
      AffineExpr loop = getAffineDimExpr(d, op.getContext());
      bool isTap = !isResult && !op.getInputMap().getResultPosition(loop);
      auto position = op.getWeightMap().getResultPosition(loop);
      bool isPacked = op.getLayout() && position && *position + 1 == op.getWeightMap().getNumResults();
      if (isTap || isPacked)
        continue;
      if (position && sharingOf(coded, *position) == Sharing::Group)
        step[d] = coded.group[*position];
      loops[d] = tiling.iterators.size();
      tiling.iterators.push_back(isResult ? utils::IteratorType::parallel : utils::IteratorType::reduction);
    }
  }

  DimTiling tileLoop(unsigned d) {
    if (loops[d] < 0)
      return DimTiling::whole();
    return step[d] == 1 ? DimTiling::along(loops[d]) : DimTiling::blocks(loops[d], step[d]);
  }

  OperandTiling tileSelection(AffineMap map) {
    OperandTiling dims;
    for (AffineExpr expr : map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      dims.push_back(dim ? tileLoop(dim.getPosition()) : DimTiling::whole());
    }
    return dims;
  }

  OperandTiling tileScalesOperand() {
    OperandTiling dims;
    for (auto [position, expr] : llvm::enumerate(op.getWeightMap().getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      bool isWhole = !dim || loops[dim.getPosition()] < 0;
      dims.push_back(isWhole ? DimTiling::whole() : tileScales(sharingOf(coded, position), loops[dim.getPosition()]));
    }
    return dims;
  }

  /// Dimensions of the input: a loop, or a window of one loop that tiles and taps that do not.
  OperandTiling tileInput() {
    SmallVector<int64_t> extents = op.getLoopExtents();
    OperandTiling dims;
    for (AffineExpr expr : op.getInputMap().getResults()) {
      if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
        dims.push_back(tileLoop(dim.getPosition()));
        continue;
      }
      DimTiling window = DimTiling::whole();
      int64_t reach = 0;
      for (unsigned d = 0; d < loops.size(); ++d) {
        if (!expr.isFunctionOfDim(d))
          continue;
        int64_t factor = factorOf(expr, d);
        if (loops[d] < 0)
          reach += (extents[d] - 1) * factor;
        else
          window = DimTiling::window(loops[d], factor, 1);
      }
      window.span += window.loop < 0 ? 0 : reach;
      dims.push_back(window);
    }
    return dims;
  }

  /// The factor of loop `d` in a window sum.
  int64_t factorOf(AffineExpr expr, unsigned d) {
    SmallVector<AffineExpr> unit(loops.size(), getAffineConstantExpr(0, op.getContext()));
    unit[d] = getAffineConstantExpr(1, op.getContext());
    return cast<AffineConstantExpr>(expr.replaceDims(unit)).getValue();
  }
};

} // namespace

KernelTiling CodedContractOp::getKernelTiling() { return ContractTiling(*this).tiling; }

/// The loops are the stored dimensions, tiles in tiles; packed and inner ones are whole.
KernelTiling RelayoutOp::getKernelTiling() {
  LayoutAttr layout = getLayout();
  int64_t rank = shaped(getTo() ? getInput() : getInit()).getRank();
  int64_t storedRank = shaped(getTo() ? getInit() : getInput()).getRank();
  KernelTiling tiling;
  OperandTiling logical(rank), stored(storedRank);
  for (int64_t d = 0; d < rank; ++d) {
    int64_t from = layout.getOrder().empty() ? d : layout.getOrder()[d];
    int64_t tile = layout.getTiles().empty() ? 1 : layout.getTiles()[d];
    if (layout.getCodeBits() && d + 1 == storedRank)
      continue;
    int64_t loop = tiling.iterators.size();
    tiling.iterators.push_back(utils::IteratorType::parallel);
    stored[d] = DimTiling::along(loop);
    logical[from] = tile == 1 ? DimTiling::along(loop) : DimTiling::blocks(loop, tile);
  }
  if (getTo())
    tiling.operands = {logical, stored};
  else
    tiling.operands = {stored, logical};
  return tiling;
}
