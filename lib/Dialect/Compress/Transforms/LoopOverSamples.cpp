//===- LoopOverSamples.cpp - Run layers one sample at a time ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %n = tensor.dim %x, 0
//   %0 = compress.rfft dim = 1 ins(%x : tensor<?x64x56x56xf32>) …                 51 MB of planes for 64 samples
//   %1 = compress.spectral_conv … ins(%0, %w : tensor<8x?x8x58x58xf32>, …) …
//   %y = compress.rfft_transpose dim = 1 ins(%1) outs(%empty : tensor<?x64x56x56xf32>)
//   =>
//   %y = scf.for %i = 0 to %n step 1 iter_args(%all = %empty) {
//     %s = tensor.extract_slice %x[%i, 0, 0, 0] [1, 64, 56, 56]
//     %0 = compress.rfft dim = 1 ins(%s : tensor<1x64x56x56xf32>) …               0.8 MB of planes
//     %1 = compress.spectral_conv … ins(%0, %w : tensor<8x1x8x58x58xf32>, …) …
//     %t = compress.rfft_transpose dim = 1 ins(%1) …
//     scf.yield (tensor.insert_slice %t into %all[%i, 0, 0, 0] [1, 64, 56, 56]) }
//
// One sample, and not a few: all extents in the loop are then known.
//
//===----------------------------------------------------------------------===//

#include "LayerTraffic.h"
#include "SampleDims.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::compress {
#define GEN_PASS_DEF_LOOPOVERSAMPLESPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// What ops take for one sample, and for the samples of a full run.
class Costs {
public:
  Costs(Operation *function, const SampleDims &samples, int64_t batch, const Machine &machine)
      : samples(samples), batch(batch), machine(machine) {
    FunctionTraffic forOne(function, 1), forAll(function, batch);
    for (auto [a, b] : llvm::zip_equal(forOne.rows, forAll.rows))
      work[a.first] = {{a.second, arithmeticSeconds(a.first, machine, 1)},
                       {b.second, arithmeticSeconds(b.first, machine, batch)}};
    allWeights = forAll.weightBytes;
  }

  /// False for what only moves numbers, such as padding and reshapes: consumers do that as they read.
  bool counts(Operation *op) const { return work.contains(op); }

  /// Seconds that a full run takes less if `ops` run one sample at a time: what passes between them comes from nearer,
  /// and weights are read for each sample, from the level that holds them beside what one sample needs. Bytes that
  /// arithmetic hides cost nothing.
  double saved(ArrayRef<Operation *> ops) const {
    DenseSet<Operation *> inside(ops.begin(), ops.end());
    int64_t weights = 0, largest = 0;
    for (Operation *op : ops) {
      const Traffic &one = work.lookup(op).first.traffic;
      weights += one.weightBytes;
      largest = std::max(largest, one.inBytes + one.outBytes);
    }
    double together = 0, each = 0;
    for (Operation *op : ops) {
      auto [one, all] = work.lookup(op);
      together += std::max(all.arithmetic, all.traffic.seconds(allWeights, machine));
      double far = static_cast<double>(farBytes(op, inside)), both = one.traffic.inBytes + one.traffic.outBytes;
      double bytes = far / machine.bandwidthFor(all.traffic.workingSet()) +
                     (both - far) / machine.bandwidthFor(one.traffic.workingSet()) +
                     static_cast<double>(one.traffic.weightBytes) / machine.bandwidthFor(weights + largest);
      each += std::max(one.arithmetic, bytes);
    }
    return together - static_cast<double>(batch) * each;
  }

private:
  struct Work {
    Traffic traffic;
    double arithmetic = 0;
  };

  /// Bytes of one sample that `op` reads from ops that are not `inside`, moved there or not, or writes for them.
  int64_t farBytes(Operation *op, const DenseSet<Operation *> &inside) const {
    auto style = dyn_cast<DestinationStyleOpInterface>(op);
    if (!style || !counts(op))
      return 0;
    int64_t bytes = 0;
    for (Value input : style.getDpsInputs())
      if (samples.of(input) && !inside.contains(sourceOf(input, inside)))
        bytes += bytesOfOne(input);
    for (Value result : op->getResults())
      if (!isReadInside(result, inside))
        bytes += bytesOfOne(result);
    return bytes;
  }

  /// True if none but ops that are `inside` compute with `value`, moved or not.
  bool isReadInside(Value value, const DenseSet<Operation *> &inside) const {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      return inside.contains(user) && (counts(user) || isReadInside(user->getResult(0), inside));
    });
  }

  /// The op that computes `value`, before moves that are inside; null if that is none.
  Operation *sourceOf(Value value, const DenseSet<Operation *> &inside) const {
    Operation *source = value.getDefiningOp();
    while (source && inside.contains(source) && !counts(source))
      source = source->getOperand(0).getDefiningOp();
    return source;
  }

  static int64_t bytesOfOne(Value value) { return bytesOf(cast<RankedTensorType>(value.getType()), 1); }

  const SampleDims &samples;

  int64_t batch, allWeights;
  const Machine &machine;
  DenseMap<Operation *, std::pair<Work, Work>> work;
};

/// Makes a loop over samples of ops by sample.
class LoopBuilder {
public:
  LoopBuilder(const SampleDims &samples, ArrayRef<Operation *> ops, RewriterBase &rewriter)
      : samples(samples), ops(ops), rewriter(rewriter), loc(ops.back()->getLoc()) {}

  void build(Value batch) {
    rewriter.setInsertionPointAfter(ops.back());
    SmallVector<Value> results = resultsForOthers(), inits;
    for (Value result : results)
      inits.push_back(tensor::EmptyOp::create(rewriter, loc, sizesOf(result, batch),
                                              cast<RankedTensorType>(result.getType()).getElementType()));
    Value zero = arith::ConstantIndexOp::create(rewriter, loc, 0),
          one = arith::ConstantIndexOp::create(rewriter, loc, 1);
    auto loop = scf::ForOp::create(rewriter, loc, zero, batch, one, inits);
    rewriter.setInsertionPointToStart(loop.getBody());
    index = loop.getInductionVar();
    for (Operation *op : ops)
      cloneForOne(op);
    SmallVector<Value> yielded;
    for (auto [result, all] : llvm::zip_equal(results, loop.getRegionIterArgs())) {
      auto [offsets, sizes, strides] = placeIn(result);
      yielded.push_back(
          tensor::InsertSliceOp::create(rewriter, loc, ofOne.lookup(result), all, offsets, sizes, strides));
    }
    // Without results the builder has ended the body.
    scf::YieldOp::create(rewriter, loc, yielded);
    for (auto [result, made] : llvm::zip_equal(results, loop.getResults()))
      rewriter.replaceAllUsesWith(result, made);
    for (Operation *op : llvm::reverse(ops))
      rewriter.eraseOp(op);
  }

private:
  /// What ops outside of the loop read.
  SmallVector<Value> resultsForOthers() const {
    SmallVector<Value> results;
    for (Operation *op : ops)
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !llvm::is_contained(ops, user); }))
          results.push_back(result);
    return results;
  }

  SmallVector<OpFoldResult> sizesOf(Value value, OpFoldResult batch) const {
    SmallVector<OpFoldResult> sizes;
    for (int64_t extent : cast<RankedTensorType>(value.getType()).getShape())
      sizes.push_back(ShapedType::isDynamic(extent) ? batch : OpFoldResult(rewriter.getIndexAttr(extent)));
    return sizes;
  }

  struct Place {
    SmallVector<OpFoldResult> offsets, sizes, strides;
  };
  /// Of the loop's sample in `value`.
  Place placeIn(Value value) const {
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    Place place{SmallVector<OpFoldResult>(rank, rewriter.getIndexAttr(0)), sizesOf(value, rewriter.getIndexAttr(1)),
                SmallVector<OpFoldResult>(rank, rewriter.getIndexAttr(1))};
    place.offsets[*samples.of(value)] = index;
    return place;
  }

  /// The type of one sample of `value`.
  static RankedTensorType typeOfOne(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    llvm::replace(shape, ShapedType::kDynamic, int64_t(1));
    return type.clone(shape);
  }

  /// `operand` for the loop's sample: what the loop has computed, a start of its own, or a slice.
  Value operandForOne(Value operand) {
    if (!samples.of(operand))
      return isBatch(OpFoldResult(operand)) ? arith::ConstantIndexOp::create(rewriter, loc, 1).getResult() : operand;
    if (Value known = ofOne.lookup(operand))
      return known;
    if (Operation *start = operand.getDefiningOp(); start && samples.isStart(start)) {
      cloneForOne(start);
      return ofOne.lookup(operand);
    }
    auto [offsets, sizes, strides] = placeIn(operand);
    return ofOne[operand] =
               tensor::ExtractSliceOp::create(rewriter, operand.getLoc(), operand, offsets, sizes, strides);
  }

  void cloneForOne(Operation *op) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(operandForOne(operand));
    Value result = op->getResult(0);
    RankedTensorType type = typeOfOne(result);
    ofOne[result] = emitForOne(op, type, operands);
  }

  /// `op` on `operands`, of one sample each. The batch in a list of extents becomes 1.
  Value emitForOne(Operation *op, RankedTensorType type, ArrayRef<Value> operands) {
    Location at = op->getLoc();
    if (isa<tensor::EmptyOp>(op))
      return tensor::EmptyOp::create(rewriter, at, type.getShape(), type.getElementType());
    if (auto reshape = dyn_cast<tensor::ExpandShapeOp>(op))
      return tensor::ExpandShapeOp::create(rewriter, at, type, operands[0], reshape.getReassociationIndices());
    if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
      return tensor::ExtractSliceOp::create(rewriter, at, operands[0], slice.getMixedOffsets(), sizesOfOne(slice),
                                            slice.getMixedStrides());
    if (auto slice = dyn_cast<tensor::InsertSliceOp>(op))
      return tensor::InsertSliceOp::create(rewriter, at, operands[0], operands[1], slice.getMixedOffsets(),
                                           sizesOfOne(slice), slice.getMixedStrides());
    return clone(rewriter, op, type, operands)->getResult(0);
  }

  SmallVector<OpFoldResult> sizesOfOne(OffsetSizeAndStrideOpInterface slice) {
    return llvm::map_to_vector(slice.getMixedSizes(), [&](OpFoldResult size) {
      return isBatch(size) ? OpFoldResult(rewriter.getIndexAttr(1)) : size;
    });
  }

  const SampleDims &samples;
  ArrayRef<Operation *> ops;
  RewriterBase &rewriter;
  Location loc;
  Value index;
  DenseMap<Value, Value> ofOne;
};

struct LoopOverSamplesPass : compress::impl::LoopOverSamplesPassBase<LoopOverSamplesPass> {
  using Base = compress::impl::LoopOverSamplesPassBase<LoopOverSamplesPass>;
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    auto described = Machine::get(machine);
    if (maxBatch < 1 || !described) {
      function.emitError("compress-loop-over-samples: ")
          << (described ? "expects max-batch of at least 1" : llvm::toString(described.takeError()));
      return signalPassFailure();
    }
    if (maxBatch == 1 || function.isPrivate() || function.isExternal() || !function.getBody().hasOneBlock())
      return;
    Value batch = emitBatch(function);
    if (!batch)
      return;
    SampleDims samples;
    for (Operation &op : function.getBody().front())
      samples.add(op);
    Costs costs(function, samples, maxBatch, *described);
    IRRewriter rewriter(&getContext());
    // The last one first: what it reads of an earlier one is still the value of which it is known where its samples
    // are.
    SmallVector<SmallVector<Operation *>> groups = chooseGroups(function.getBody().front(), samples, costs);
    for (ArrayRef<Operation *> ops : llvm::reverse(groups)) {
      LoopBuilder(samples, ops, rewriter).build(batch);
      ++numLoops;
    }
  }

private:
  /// The extent of dimension 0 of the first argument that has an unknown one; null if there is none.
  static Value emitBatch(func::FuncOp function) {
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    for (BlockArgument argument : function.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (type && type.getRank() > 0 && type.isDynamicDim(0))
        return tensor::DimOp::create(builder, function.getLoc(), argument, 0);
    }
    return {};
  }

  /// Runs of ops by sample for which a loop saves most time.
  static SmallVector<SmallVector<Operation *>> chooseGroups(Block &block, const SampleDims &samples,
                                                            const Costs &costs) {
    SmallVector<SmallVector<Operation *>> groups;
    for (const SmallVector<Operation *> &run : runsBySample(block, samples)) {
      for (size_t first = 0, end = 0; first < run.size(); ++first) {
        size_t count = bestCount(ArrayRef(run).drop_front(first), costs);
        if (count == 0)
          continue;
        size_t begin = withMoves(run, end, first, first + count, costs);
        end = first + count;
        first = end - 1;
        groups.emplace_back(ArrayRef(run).slice(begin, end - begin));
      }
    }
    return groups;
  }

  /// Where a loop of the ops from `begin` to `end` begins if it takes what is moved for it alone, not before `first`.
  static size_t withMoves(ArrayRef<Operation *> run, size_t first, size_t begin, size_t end, const Costs &costs) {
    auto isInside = [&](Operation *user) { return llvm::is_contained(run.slice(begin, end - begin), user); };
    while (begin > first && !costs.counts(run[begin - 1]) && llvm::all_of(run[begin - 1]->getUsers(), isInside))
      --begin;
    return begin;
  }

  /// Ops by sample, without others of results with samples between them. Starts are repeated where they are needed.
  static SmallVector<SmallVector<Operation *>> runsBySample(Block &block, const SampleDims &samples) {
    SmallVector<SmallVector<Operation *>> runs(1);
    for (Operation &op : block.without_terminator()) {
      if (samples.isBySample(&op)) {
        if (!samples.isStart(&op))
          runs.back().push_back(&op);
      } else if (llvm::any_of(op.getOperands(), [&](Value operand) { return samples.of(operand).has_value(); })) {
        if (!isa<tensor::DimOp>(op))
          runs.emplace_back();
      }
    }
    return runs;
  }

  /// How many of `ops` should be in a loop that begins with the first one.
  static size_t bestCount(ArrayRef<Operation *> ops, const Costs &costs) {
    constexpr size_t kPatience = 16; // ops that gain nothing yet
    size_t best = 0;
    double most = 0;
    for (size_t count = 1; count <= ops.size() && count <= best + kPatience && costs.counts(ops.front()); ++count)
      if (double saved = costs.saved(ops.take_front(count)); saved > most) {
        most = saved;
        best = count;
      }
    return best;
  }
};

} // namespace
