//===- PlaneViews.cpp - Planes of spectra as lanes see them ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %ys = memref.alloc : memref<8x1x4x14x14xf32>      =>   %new = memref.alloc : memref<8x1x4x14x16xf32>
//   spectral_conv ins(%xs : memref<8x1x4x16x16xf32>)       %ys = memref.subview %new … [8, 1, 4, 14, 14]
//                                                          the product of memref<8x1x4x256xf32>, to 222 positions of
//                                                          memref<8x1x4x224xf32>
//
// A tap is then a constant distance in a plane, and all vectors but the last are whole, however short a row is.
//
//===----------------------------------------------------------------------===//

#include "PlaneViews.h"
#include "AffineNest.h"
#include "Buffers.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::compress;

bool mlir::compress::areMergeable(MemRefType type, int64_t from) {
  return llvm::none_of(type.getShape().drop_front(from), ShapedType::isDynamic) &&
         type.areTrailingDimsContiguous(type.getRank() - from);
}

Value mlir::compress::mergeTrailing(OpBuilder &builder, Location loc, Value memref, int64_t from) {
  SmallVector<ReassociationIndices> groups;
  for (int64_t d = 0, e = cast<MemRefType>(memref.getType()).getRank(); d < e; ++d) {
    if (d <= from)
      groups.push_back({d});
    else
      groups.back().push_back(d);
  }
  return memref::CollapseShapeOp::create(builder, loc, memref, groups);
}

PlaneWindows mlir::compress::planeWindows(Value init, ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations) {
  int64_t positions = cast<MemRefType>(init.getType()).getRank() - 2, first = positions - strides.size();
  PlaneWindows windows{SmallVector<int64_t>(positions, 1), {}, std::nullopt};
  for (auto [t, stride, dilation] : llvm::enumerate(strides, dilations)) {
    windows.strides[first + t] = stride;
    windows.taps.push_back({first + static_cast<int64_t>(t), dilation});
  }
  return windows;
}

/// True if the two innermost dimensions of `type` are static and contiguous.
static bool hasPlainRows(MemRefType type) { return type.getRank() >= 3 && areMergeable(type, type.getRank() - 2); }

static Value mergeRows(OpBuilder &builder, Location loc, Value memref) {
  return mergeTrailing(builder, loc, memref, cast<MemRefType>(memref.getType()).getRank() - 2);
}

/// A codelet touches all slots at once: where they are multiples of this many bytes apart, they are in few sets of a
/// cache, and evict each other.
static constexpr int64_t kAliasingBytes = 1024;
/// Numbers between two slots: a line of the cache.
static constexpr int64_t kSlotGap = 16;

/// True if `op` takes planes of any strides.
static bool takesStrides(Operation *op) {
  return isa<RfftOp, SpectralMatmulOp, SpectralConvOp, SpectralDotOp, RfftTransposeOp, linalg::LinalgOp>(op);
}

/// Points the uses of `from` to `to`, which has other strides.
static void replaceStrided(Value from, Value to, OpBuilder &builder) {
  for (OpOperand &use : llvm::make_early_inc_range(from.getUses())) {
    Operation *user = use.getOwner();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(user);
    Value inner;
    if (auto subview = dyn_cast<memref::SubViewOp>(user))
      inner = memref::SubViewOp::create(builder, subview.getLoc(), to, subview.getMixedOffsets(),
                                        subview.getMixedSizes(), subview.getMixedStrides());
    else if (auto view = dyn_cast<memref::CollapseShapeOp>(user))
      inner = memref::CollapseShapeOp::create(builder, view.getLoc(), to, view.getReassociationIndices());
    if (!inner) {
      use.set(to);
      continue;
    }
    user->replaceAllUsesWith(ValueRange{inner});
    user->erase();
  }
}

/// A reshape of planes that keeps their rows, for ops that take any strides; null if `user` is none.
static memref::CollapseShapeOp matchRowKeepingView(Operation *user) {
  auto view = dyn_cast<memref::CollapseShapeOp>(user);
  if (!view || !llvm::all_of(view->getUsers(), takesStrides))
    return nullptr;
  SmallVector<ReassociationIndices> groups = view.getReassociationIndices();
  bool keepsRows = groups.size() >= 2 && llvm::all_of(ArrayRef(groups).take_back(2),
                                                      [](const ReassociationIndices &g) { return g.size() == 1; });
  return keepsRows ? view : nullptr;
}

/// Makes the rows of `alloc` as long as `rowLength`; returns the new buffer, or null if a user other than `op` needs
/// the buffer as it is.
static Value lengthenRows(Operation *op, memref::AllocOp alloc, int64_t rowLength) {
  for (Operation *user : alloc->getUsers())
    if (user != op && !isa<RfftTransposeOp>(user) && !matchRowKeepingView(user))
      return nullptr;
  MemRefType type = alloc.getType();
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = rowLength;
  OpBuilder builder(alloc);
  auto longer = memref::AllocOp::create(builder, alloc.getLoc(), MemRefType::get(shape, type.getElementType()),
                                        alloc.getDynamicSizes(), alloc.getAlignmentAttr());
  SmallVector<OpFoldResult> zeros(type.getRank(), builder.getIndexAttr(0)),
      ones(type.getRank(), builder.getIndexAttr(1));
  SmallVector<OpFoldResult> sizes = getMixedValues(type.getShape(), alloc.getDynamicSizes(), builder);
  Value view = memref::SubViewOp::create(builder, alloc.getLoc(), longer, zeros, sizes, ones);
  replaceStrided(alloc, view, builder);
  alloc->erase();
  return longer;
}

/// True if slots of `alloc` may, and should, lie further apart.
static bool isDense(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  // The product of several dynamic extents has no bound that planning memory could find.
  if (type.getRank() < 3 || type.isDynamicDim(0) || alloc.getDynamicSizes().size() > 1 ||
      !type.getLayout().isIdentity())
    return false;
  for (Operation *user : alloc->getUsers()) {
    auto subview = dyn_cast<memref::SubViewOp>(user);
    bool isSameRank = subview && subview.getType().getRank() == subview.getSourceType().getRank();
    if (!takesStrides(user) && !(isSameRank && llvm::all_of(subview->getUsers(), takesStrides)))
      return false;
  }
  return !type.hasStaticShape() ||
         type.getNumElements() / type.getDimSize(0) * type.getElementTypeBitWidth() / 8 % kAliasingBytes == 0;
}

Value mlir::compress::separateSlots(Value planes) {
  auto alloc = planes.getDefiningOp<memref::AllocOp>();
  if (!alloc || !isDense(alloc))
    return planes;
  MemRefType type = alloc.getType();
  int64_t count = 1;
  for (int64_t extent : type.getShape().drop_front())
    count *= ShapedType::isDynamic(extent) ? 1 : extent;

  OpBuilder builder(alloc);
  Location loc = alloc.getLoc();
  // Numbers of a slot, and with the gap.
  auto apply = [&](AffineExpr expr) -> OpFoldResult {
    if (alloc.getDynamicSizes().empty())
      return builder.getIndexAttr(cast<AffineConstantExpr>(expr).getValue());
    return affine::makeComposedFoldedAffineApply(builder, loc, AffineMap::get(0, 1, expr),
                                                 {OpFoldResult(alloc.getDynamicSizes()[0])});
  };
  AffineExpr numbers = builder.getAffineConstantExpr(count);
  if (!alloc.getDynamicSizes().empty())
    numbers = builder.getAffineSymbolExpr(0) * count;
  OpFoldResult slot = apply(numbers), length = apply(numbers + kSlotGap);
  SmallVector<int64_t> shape{type.getDimSize(0)};
  SmallVector<Value> sizes;
  dispatchIndexOpFoldResults({length}, sizes, shape);
  Value flat = memref::AllocOp::create(builder, loc, MemRefType::get(shape, type.getElementType()), sizes,
                                       alloc.getAlignmentAttr());
  OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1), k = builder.getIndexAttr(shape[0]);
  flat = memref::SubViewOp::create(builder, loc, flat, {zero, zero}, {k, slot}, {one, one});
  SmallVector<ReassociationIndices> groups{{0}, llvm::to_vector<2>(llvm::seq<int64_t>(1, type.getRank()))};
  SmallVector<OpFoldResult> extents = getMixedValues(type.getShape(), alloc.getDynamicSizes(), builder);
  Value view = memref::ExpandShapeOp::create(builder, loc, type.getShape(), flat, groups, extents);
  replaceStrided(alloc, view, builder);
  alloc->erase();
  return view;
}

/// The input of `op` in terms of the indices of its result, which is a copy of all of it; null if `op` does anything
/// else.
static AffineMap matchTranspose(linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics() || op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() != 0 || op.getBlock()->getTerminator()->getOperand(0) != op.getBlock()->getArgument(0))
    return {};
  AffineMap in = op.getMatchingIndexingMap(op.getDpsInputOperand(0));
  AffineMap out = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  return in.isPermutation() && out.isPermutation() ? in.compose(inversePermutation(out)) : AffineMap();
}

/// `rows`, which has the dimensions of a view of `planes` with slots last, as one of the dimensions of the planes.
static Value expandRows(Value rows, memref::AllocOp planes, memref::CollapseShapeOp view, OpBuilder &builder) {
  if (!view)
    return rows;
  SmallVector<ReassociationIndices> groups = view.getReassociationIndices();
  std::rotate(groups.begin(), groups.begin() + 1, groups.end());
  MemRefType type = planes.getType();
  for (ReassociationIndices &group : groups)
    for (int64_t &d : group)
      d = (d + type.getRank() - 1) % type.getRank();
  SmallVector<int64_t> shape(type.getShape());
  SmallVector<OpFoldResult> sizes = getMixedValues(shape, planes.getDynamicSizes(), builder);
  std::rotate(shape.begin(), shape.begin() + 1, shape.end());
  std::rotate(sizes.begin(), sizes.begin() + 1, sizes.end());
  return memref::ExpandShapeOp::create(builder, planes.getLoc(), shape, rows, groups, sizes);
}

Value mlir::compress::takeTranspose(RfftOp op, OpBuilder &builder) {
  auto planes = op.getInit().getDefiningOp<memref::AllocOp>();
  auto flatType = cast<MemRefType>(op.getInput().getType());
  int64_t last = flatType.getRank() - 1;
  if (!planes || !llvm::hasNItems(planes->getUsers(), 2) || static_cast<int64_t>(op.getDim()) != last ||
      flatType.isDynamicDim(last) || !isContiguousInside(op.getInput()))
    return nullptr;
  Operation *user = *llvm::find_if(planes->getUsers(), [&](Operation *user) { return user != op; });
  auto view = dyn_cast<memref::CollapseShapeOp>(user);
  if (view && (!view->hasOneUse() || view.getReassociationIndices()[0].size() != 1))
    return nullptr;
  auto transpose = dyn_cast<linalg::LinalgOp>(view ? *view->user_begin() : user);
  AffineMap map = transpose ? matchTranspose(transpose) : AffineMap();
  if (!map || map.getDimPosition(0) + 1 != map.getNumDims() || transpose->getBlock() != op->getBlock())
    return nullptr;
  if (!op->isBeforeInBlock(transpose))
    return nullptr;
  Value source = transpose.getDpsInputs()[0], result = transpose.getDpsInits()[0];
  if (!isContiguousInside(result) || !isAvailableBefore(result, op) || mayAlias(result, op.getInput()) ||
      mayAlias(result, source))
    return nullptr;
  for (Operation *between = op->getNextNode(); between != transpose; between = between->getNextNode())
    if (mayTouch(between, result, /*orReads=*/true))
      return nullptr;
  auto sourceType = cast<MemRefType>(source.getType()), resultType = cast<MemRefType>(result.getType());
  for (auto [d, expr] : llvm::enumerate(map.getResults()))
    if (sourceType.getDimSize(d) != resultType.getDimSize(cast<AffineDimExpr>(expr).getPosition()))
      return nullptr;

  SmallVector<AffineExpr> order(map.getResults());
  std::rotate(order.begin(), order.begin() + 1, order.end());
  AffineMap permutation = AffineMap::get(map.getNumDims(), 0, order, op.getContext());
  Value rows = result;
  if (!permutation.isIdentity())
    rows = memref::TransposeOp::create(builder, op.getLoc(), result, AffineMapAttr::get(permutation));
  rows = expandRows(rows, planes, view, builder);
  transpose->erase();
  if (view)
    view->erase();
  return rows;
}

void mlir::compress::arrangePlanes(Operation *op, int64_t lanes, Value &input, Value &init, int64_t inDim,
                                   int64_t outDim, PlaneWindows &windows, bool isFresh, OpBuilder &builder) {
  int64_t last = windows.strides.size() - 1, rank = cast<MemRefType>(init.getType()).getRank();
  auto inType = cast<MemRefType>(input.getType()), outType = cast<MemRefType>(init.getType());
  bool isPlain = last >= 1 && hasPlainRows(inType) && hasPlainRows(outType) && windows.strides[last] == 1 &&
                 windows.strides[last - 1] == 1 && std::max(inDim, outDim) < rank - 3;
  int64_t inRow = inType.getShape().back(), row = outType.getShape().back(), extent = 0;
  if (isPlain) {
    int64_t rows = outType.getDimSize(rank - 2);
    extent = (rows - 1) * inRow + row;
    isPlain = rows > 0 && countOverlapping(extent, lanes) < rows * countOverlapping(row, lanes);
  }
  if (isPlain && inRow != row) {
    auto alloc = init.getDefiningOp<memref::AllocOp>();
    Value longer = isFresh && alloc ? lengthenRows(op, alloc, inRow) : Value();
    isPlain = longer != nullptr;
    init = isPlain ? longer : init;
  }
  init = separateSlots(init);
  if (!isPlain)
    return;
  input = mergeRows(builder, op->getLoc(), input);
  init = mergeRows(builder, op->getLoc(), init);
  windows.strides.pop_back();
  for (PlaneWindows::Tap &tap : windows.taps) {
    if (tap.position == last - 1)
      tap.step *= inRow;
    tap.position = std::min(tap.position, last - 1);
  }
  windows.lastExtent = extent;
}
