//===- SampleDims.cpp - Where the samples of a batch are in tensors --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SampleDims.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

bool mlir::compress::isBatch(OpFoldResult extent) {
  auto value = dyn_cast<Value>(extent);
  auto dim = value ? value.getDefiningOp<tensor::DimOp>() : tensor::DimOp();
  auto argument = dim ? dyn_cast<BlockArgument>(dim.getSource()) : BlockArgument();
  return argument && isa<func::FuncOp>(argument.getOwner()->getParentOp()) && dim.getConstantIndex() == 0;
}

/// The dimension with the one unknown extent of `type`; nullopt if there is none, or several.
static std::optional<int64_t> dynamicDimOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getNumDynamicDims() != 1)
    return std::nullopt;
  return llvm::find(tensor.getShape(), ShapedType::kDynamic) - tensor.getShape().begin();
}

std::optional<int64_t> SampleDims::of(Value value) const {
  if (auto found = dims.find(value); found != dims.end())
    return found->second;
  auto argument = dyn_cast<BlockArgument>(value);
  bool isInput = argument && isa<func::FuncOp>(argument.getOwner()->getParentOp());
  return isInput && dynamicDimOf(value.getType()) == 0 ? std::optional<int64_t>(0) : std::nullopt;
}

void SampleDims::add(Operation &op) {
  auto dim = resultDimOf(op);
  if (!dim || dynamicDimOf(op.getResult(0).getType()) != dim)
    return;
  dims[op.getResult(0)] = *dim;
  bySample[&op] = *dim;
}

bool SampleDims::isStart(Operation *op) const {
  if (isa<tensor::EmptyOp>(op))
    return isBySample(op);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) // of padding
    return isBySample(op) && slice.getSource().getDefiningOp() && isStart(slice.getSource().getDefiningOp());
  auto style = dyn_cast<DestinationStyleOpInterface>(op);
  return style && isBySample(op) && llvm::none_of(style.getDpsInputs(), [&](Value input) { return of(input); }) &&
         llvm::all_of(style.getDpsInits(),
                      [&](Value init) { return init.getDefiningOp() && isStart(init.getDefiningOp()); });
}

/// True if a slice with these offsets, sizes and strides has all samples, in dimension `dim`.
static bool hasAllSamples(OffsetSizeAndStrideOpInterface slice, int64_t dim) {
  return isZeroInteger(slice.getMixedOffsets()[dim]) && isBatch(slice.getMixedSizes()[dim]) && slice.hasUnitStride() &&
         llvm::count_if(slice.getMixedSizes(), [](OpFoldResult size) { return isa<Value>(size); }) == 1;
}

/// The dimension of groups in which `dim`, alone in its group, ends up; nullopt if it is merged with others.
static std::optional<int64_t> groupOf(ArrayRef<ReassociationIndices> groups, int64_t dim) {
  for (auto [i, group] : llvm::enumerate(groups))
    if (group.size() == 1 && group[0] == dim)
      return i;
  return std::nullopt;
}

std::optional<int64_t> SampleDims::resultDimOf(Operation &op) const {
  using Dim = std::optional<int64_t>;
  if (op.getNumResults() != 1 || !isa<RankedTensorType>(op.getResult(0).getType()))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, Dim>(&op)
      .Case([&](tensor::EmptyOp empty) -> Dim {
        auto sizes = empty.getDynamicSizes();
        return sizes.size() == 1 && isBatch(OpFoldResult(sizes[0])) ? dynamicDimOf(empty.getType()) : std::nullopt;
      })
      .Case([&](tensor::CollapseShapeOp reshape) -> Dim {
        Dim dim = of(reshape.getSrc());
        return dim ? groupOf(reshape.getReassociationIndices(), *dim) : std::nullopt;
      })
      .Case([&](tensor::ExpandShapeOp reshape) -> Dim {
        Dim dim = of(reshape.getSrc());
        SmallVector<ReassociationIndices> groups = reshape.getReassociationIndices();
        return dim && groups[*dim].size() == 1 ? Dim(groups[*dim][0]) : std::nullopt;
      })
      .Case([&](tensor::PadOp pad) -> Dim {
        Dim dim = of(pad.getSource());
        bool padsSamples = dim && (!isZeroInteger(pad.getMixedLowPad()[*dim]) ||
                                   !isZeroInteger(pad.getMixedHighPad()[*dim]) || !pad.getConstantPaddingValue());
        return padsSamples || !pad.getLow().empty() || !pad.getHigh().empty() ? std::nullopt : dim;
      })
      .Case([&](tensor::ExtractSliceOp slice) -> Dim {
        Dim dim = of(slice.getSource());
        bool keepsRank = slice.getSourceType().getRank() == slice.getType().getRank();
        return dim && keepsRank && hasAllSamples(slice, *dim) ? dim : std::nullopt;
      })
      .Case([&](tensor::InsertSliceOp slice) -> Dim {
        Dim dim = of(slice.getDest());
        bool keepsRank = slice.getSourceType().getRank() == slice.getType().getRank();
        return dim && keepsRank && of(slice.getSource()) == dim && hasAllSamples(slice, *dim) ? dim : std::nullopt;
      })
      .Default([&](Operation *other) { return destinationDimOf(*other); });
}

/// Whether each dimension of an operand is what a loop counts, and whether it depends on a loop.
namespace {
struct OperandLoops {
  SmallVector<utils::IteratorType> iterators;
  /// By operand and dimension, the loop that it counts: -1 if it is no plain count.
  SmallVector<SmallVector<int64_t>> counted;
  /// True if a dimension of the operand depends on a loop.
  std::function<bool(int64_t operand, int64_t dim, int64_t loop)> depends;
};
} // namespace

static std::optional<OperandLoops> loopsOf(Operation &op) {
  OperandLoops loops;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op)) {
    if (linalgOp.hasIndexSemantics())
      return std::nullopt;
    loops.iterators = linalgOp.getIteratorTypesArray();
    SmallVector<AffineMap> maps = linalgOp.getIndexingMapsArray();
    for (AffineMap map : maps)
      loops.counted.push_back(llvm::map_to_vector(map.getResults(), [](AffineExpr expr) -> int64_t {
        auto loop = dyn_cast<AffineDimExpr>(expr);
        return loop ? loop.getPosition() : -1;
      }));
    loops.depends = [maps](int64_t operand, int64_t dim, int64_t loop) {
      return maps[operand].getResult(dim).isFunctionOfDim(loop);
    };
    return loops;
  }
  auto kernelOp = dyn_cast<KernelOpInterface>(op);
  if (!kernelOp)
    return std::nullopt;
  KernelTiling tiling = kernelOp.getKernelTiling();
  loops.iterators = tiling.iterators;
  for (const OperandTiling &dims : tiling.operands)
    loops.counted.push_back(
        llvm::map_to_vector(dims, [](const DimTiling &dim) -> int64_t { return dim.isPlain() ? dim.loop : -1; }));
  loops.depends = [tiling](int64_t operand, int64_t dim, int64_t loop) {
    return tiling.operands[operand][dim].loop == loop;
  };
  return loops;
}

std::optional<int64_t> SampleDims::destinationDimOf(Operation &op) const {
  auto style = dyn_cast<DestinationStyleOpInterface>(op);
  auto loops = style && style.getNumDpsInits() == 1 ? loopsOf(op) : std::nullopt;
  auto resultDim = loops ? of(style.getDpsInits()[0]) : std::nullopt;
  if (!resultDim || loops->counted.size() != op.getNumOperands())
    return std::nullopt;
  int64_t loop = loops->counted[style.getDpsInitOperand(0)->getOperandNumber()][*resultDim];
  if (loop < 0 || loops->iterators[loop] != utils::IteratorType::parallel)
    return std::nullopt;
  for (auto [number, operand] : llvm::enumerate(op.getOperands())) {
    auto dim = of(operand);
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!type)
      continue;
    if (dim ? loops->counted[number][*dim] != loop : !type.hasStaticShape())
      return std::nullopt;
    for (int64_t d = 0; d < type.getRank(); ++d)
      if (d != dim && loops->depends(number, d, loop))
        return std::nullopt;
  }
  return resultDim;
}
