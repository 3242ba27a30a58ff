//===- PlanMemory.cpp - Place temporaries in the caller's arena -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//   %a = memref.alloc(%n) : memref<?x8xf32>      =>     %a = memref.view %workspace[%offset][%n] : … to memref<?x8xf32>
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Arena.h"
#include "compress/Target/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include <limits>

namespace mlir::compress {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "compress/Target/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// The value of an extent for a given batch; nullopt if it does not derive from the arguments' batch dimensions.
static std::optional<int64_t> evaluateExtent(Value value, int64_t batch) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto index = dim.getConstantIndex();
    if (isa<BlockArgument>(dim.getSource()) && index == 0)
      return batch;
    if (Operation *source = dim.getSource().getDefiningOp(); isa_and_nonnull<memref::AllocOp>(source) && index) {
      auto type = cast<MemRefType>(dim.getSource().getType());
      if (!type.isDynamicDim(*index))
        return type.getDimSize(*index);
      return evaluateExtent(source->getOperand(type.getDynamicDimIndex(*index)), batch);
    }
    return std::nullopt;
  }
  SmallVector<int64_t> operands;
  for (Value operand : op->getOperands()) {
    auto evaluated = evaluateExtent(operand, batch);
    if (!evaluated)
      return std::nullopt;
    operands.push_back(*evaluated);
  }
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](arith::AddIOp) { return llvm::checkedAdd(operands[0], operands[1]); })
      .Case([&](arith::SubIOp) { return llvm::checkedSub(operands[0], operands[1]); })
      .Case([&](arith::MulIOp) { return llvm::checkedMul(operands[0], operands[1]); })
      .Case([&](arith::IndexCastOp) { return operands[0]; })
      .Case([&](affine::AffineApplyOp apply) -> std::optional<int64_t> {
        SmallVector<Attribute> attributes;
        for (int64_t operand : operands)
          attributes.push_back(IntegerAttr::get(IndexType::get(op->getContext()), operand));
        SmallVector<Attribute> results;
        if (failed(apply.getAffineMap().constantFold(attributes, results)))
          return std::nullopt;
        return cast<IntegerAttr>(results[0]).getInt();
      })
      .Default([](Operation *) { return std::nullopt; });
}

/// The most that an extent can be for a given batch; of a tile, the bound that its size implies.
static std::optional<int64_t> boundExtent(Value value, int64_t batch) {
  if (auto exact = evaluateExtent(value, batch))
    return exact;
  auto bound = ValueBoundsConstraintSet::computeConstantBound(presburger::BoundType::UB, value,
                                                              /*stopCondition=*/nullptr, /*closedUB=*/true);
  return succeeded(bound) ? std::optional<int64_t>(std::max<int64_t>(*bound, 0)) : std::nullopt;
}

namespace {

/// When buffers are alive, in steps of one pass over the function: every op is a step, before the ops inside of it.
class Lifetimes {
public:
  explicit Lifetimes(func::FuncOp function) : function(function), aliases(function) {
    int64_t step = 0;
    number(function, step);
  }

  /// First and last step at which an op touches the bytes of `alloc`; what only makes a view of it does not. One inside
  /// of a loop's body is alive within an iteration, unless it leaves the body: then it is alive as long as the
  /// outermost op around it.
  std::pair<int64_t, int64_t> of(memref::AllocOp alloc) {
    Block *block = alloc->getBlock(), *body = &function.getBody().front();
    int64_t first = std::numeric_limits<int64_t>::max(), last = steps[alloc].first;
    bool leaves = false;
    for (Value alias : aliases.resolve(alloc))
      for (Operation *user : alias.getUsers()) {
        Operation *inBlock = block->findAncestorOpInBlock(*user);
        leaves |= !inBlock || (block != body && inBlock == block->getTerminator());
        if (!inBlock)
          continue;
        last = std::max(last, steps[inBlock].second);
        if (!isMemoryEffectFree(user))
          first = std::min(first, steps[inBlock].first);
      }
    if (!leaves || block == body)
      return {std::min(first, last), last};
    first = steps[body->findAncestorOpInBlock(*alloc)].first;
    last = steps[body->findAncestorOpInBlock(*alloc)].second;
    for (Value alias : aliases.resolve(alloc))
      for (Operation *user : alias.getUsers())
        last = std::max(last, steps[body->findAncestorOpInBlock(*user)].second);
    return {first, last};
  }

private:
  void number(Operation *op, int64_t &step) {
    int64_t first = step++;
    for (Region &region : op->getRegions())
      for (Operation &inner : region.getOps())
        number(&inner, step);
    steps[op] = {first, step - 1};
  }

  func::FuncOp function;
  BufferViewFlowAnalysis aliases;
  /// Its own step, and the last step inside of it.
  llvm::DenseMap<Operation *, std::pair<int64_t, int64_t>> steps;
};

struct PlanMemoryPass : compress::impl::PlanMemoryPassBase<PlanMemoryPass> {
  using Base = compress::impl::PlanMemoryPassBase<PlanMemoryPass>;
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isPrivate() || function.isExternal())
      return;
    if (maxBatch < 1 || !function.getBody().hasOneBlock()) {
      function.emitError("compress-plan-memory: expects max-batch of at least 1 and a function of one block");
      return signalPassFailure();
    }
    SmallVector<memref::AllocOp> allocs;
    function.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
    SmallVector<ArenaBuffer> one, most;
    Lifetimes lifetimes(function);
    if (failed(measure(allocs, lifetimes, 1, one)) || failed(measure(allocs, lifetimes, maxBatch, most)))
      return signalPassFailure();
    place(allocs, planArena(one), planArena(most));
  }

  /// Below this, sums of sizes do not overflow.
  static constexpr int64_t kMostBytes = int64_t(1) << 44;

  /// The bytes and the lifetime of each allocation.
  static LogicalResult measure(ArrayRef<memref::AllocOp> allocs, Lifetimes &lifetimes, int64_t batch,
                               SmallVectorImpl<ArenaBuffer> &buffers) {
    for (memref::AllocOp alloc : allocs) {
      MemRefType type = alloc.getType();
      if (!type.getElementType().isIntOrIndexOrFloat() || !type.getLayout().isIdentity() || type.getMemorySpace())
        return alloc.emitError(
                   "compress-plan-memory: expects row-major buffers of numbers, without a memory space, got ")
               << type;
      int64_t bytes = llvm::divideCeil(type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth(), 8);
      unsigned dynamic = 0;
      for (int64_t extent : type.getShape()) {
        std::optional<int64_t> size = extent;
        if (ShapedType::isDynamic(extent))
          size = boundExtent(alloc.getDynamicSizes()[dynamic++], batch);
        if (!size)
          return alloc.emitError("compress-plan-memory: an extent of ")
                 << type << " does not derive from the batch, and has no bound";
        if (*size < 0 || llvm::MulOverflow(bytes, *size, bytes) || bytes > kMostBytes)
          return alloc.emitError("compress-plan-memory: ") << type << " has no size that a machine could hold";
      }
      auto [first, last] = lifetimes.of(alloc);
      buffers.push_back(ArenaBuffer{bytes, first, last});
    }
    return success();
  }

  void place(MutableArrayRef<memref::AllocOp> allocs, const ArenaPlan &one, const ArenaPlan &most) {
    func::FuncOp function = getOperation();
    OpBuilder builder(&getContext());
    auto workspaceType = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    unsigned index = function.getNumArguments();
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr("compress.workspace", builder.getUnitAttr()));
    if (failed(function.insertArgument(index, workspaceType, attributes, function.getLoc())))
      return signalPassFailure();
    function->setAttr("compress.workspace_bytes", builder.getDenseI64ArrayAttr({one.bytes, most.bytes}));
    function->setAttr("compress.max_batch", builder.getI64IntegerAttr(maxBatch));
    builder.setInsertionPointToStart(&function.getBody().front());
    Value isOne = emitIsOneSample(builder);
    for (auto [alloc, offsetOne, offsetMost] : llvm::zip(allocs, one.offsets, most.offsets)) {
      Location loc = alloc.getLoc();
      builder.setInsertionPoint(alloc);
      Value offset = arith::ConstantIndexOp::create(builder, loc, offsetMost);
      if (isOne && offsetOne != offsetMost)
        offset = arith::SelectOp::create(builder, loc, isOne,
                                         arith::ConstantIndexOp::create(builder, loc, offsetOne).getResult(), offset);
      Value view = memref::ViewOp::create(builder, loc, alloc.getType(), function.getArgument(index), offset,
                                          alloc.getDynamicSizes());
      for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
        if (isa<memref::DeallocOp>(user))
          user->erase();
      alloc.getResult().replaceAllUsesWith(view);
      alloc.erase();
      ++numPlaced;
    }
  }

  /// True at run time if the batch is one sample; null where the batch is static.
  Value emitIsOneSample(OpBuilder &builder) {
    Location loc = getOperation().getLoc();
    for (BlockArgument argument : getOperation().getArguments().drop_back()) { // the last one is the workspace
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (!type || type.getRank() == 0 || !type.isDynamicDim(0))
        continue;
      Value batch = memref::DimOp::create(builder, loc, argument, 0);
      Value one = arith::ConstantIndexOp::create(builder, loc, 1);
      return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, batch, one);
    }
    return {};
  }
};

} // namespace
