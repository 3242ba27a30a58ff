//===- Epilogue.cpp - Work on a kernel's result in the kernel's loops ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "Buffers.h"
#include "PlaneViews.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Bodies in lanes
//===----------------------------------------------------------------------===//

bool mlir::compress::isElementwise(Block &body) {
  return llvm::all_of(body.without_terminator(), [](Operation &op) {
    return op.hasTrait<OpTrait::ConstantLike>() || (OpTrait::hasElementwiseMappableTraits(&op) && isPure(&op));
  });
}

/// `value` in lanes: a number that is the same in all of them is copied.
static Value inLanes(OpBuilder &builder, Location loc, Value value, int64_t width) {
  if (width == 1 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(builder, loc, VectorType::get({width}, value.getType()), value);
}

Value mlir::compress::emitInLanes(OpBuilder &builder, Block &body, ArrayRef<Value> arguments, int64_t width) {
  IRMapping values;
  for (auto [inside, outside] : llvm::zip_equal(body.getArguments(), arguments))
    if (outside)
      values.map(inside, outside);
  auto lookUp = [&](Value value) { return inLanes(builder, value.getLoc(), values.lookupOrDefault(value), width); };
  for (Operation &inner : body.without_terminator()) {
    if (width == 1 || inner.getNumOperands() == 0) {
      builder.clone(inner, values);
      continue;
    }
    OperationState state(inner.getLoc(), inner.getName());
    for (Value operand : inner.getOperands())
      state.operands.push_back(lookUp(operand));
    for (Type type : inner.getResultTypes())
      state.types.push_back(VectorType::get({width}, type));
    state.attributes = inner.getDiscardableAttrDictionary();
    state.propertiesAttr = inner.getPropertiesAsAttribute();
    values.map(inner.getResults(), builder.create(state)->getResults());
  }
  return lookUp(body.getTerminator()->getOperand(0));
}

//===----------------------------------------------------------------------===//
// What ops around the kernel do
//===----------------------------------------------------------------------===//

/// True if `kernel` has `result` as its result, and reads no other view of that buffer.
static bool readsNothingOf(Operation *kernel, Value result) {
  return llvm::count_if(kernel->getOperands(), [&](Value operand) {
           return isa<MemRefType>(operand.getType()) && rootOf(operand) == rootOf(result);
         }) == 1;
}

/// True if what `source`, if a buffer, holds before `kernel` is not changed by an op of `between`.
static bool keeps(Value source, ArrayRef<Operation *> between) {
  return !isa<MemRefType>(source.getType()) ||
         llvm::none_of(between, [&](Operation *op) { return mayTouch(op, source, /*orReads=*/false); });
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

bool Epilogue::Operand::isZero() const { return !isBuffer() && matchPattern(source, m_AnyZeroFloat()); }

bool Epilogue::Operand::allowsLanes() const {
  int64_t last = map.getNumDims() - 1;
  if (!isBuffer() || !map.isFunctionOfDim(last))
    return true;
  return map.getResults().back().isFunctionOfDim(last) && isContiguousInside(source);
}

std::optional<int64_t> Epilogue::Operand::trailingFrom(int64_t from) const {
  int64_t count = map.getNumDims() - from, own = map.getNumResults();
  if (llvm::none_of(llvm::seq<int64_t>(from, map.getNumDims()), [&](int64_t d) { return map.isFunctionOfDim(d); }))
    return 0;
  for (int64_t i = 0; i < count; ++i)
    if (own < count || map.getResult(own - count + i) != getAffineDimExpr(from + i, map.getContext()))
      return std::nullopt;
  return count;
}

Value Epilogue::Operand::load(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width) const {
  if (!isBuffer())
    return inLanes(nest.builder, nest.loc, source, width);
  SmallVector<AffineExpr> at;
  for (AffineExpr expr : map.getResults())
    at.push_back(expr.replaceDims(index));
  bool hasLanes = map.isFunctionOfDim(map.getNumDims() - 1);
  return hasLanes ? nest.load(source, at, width) : nest.loadBroadcast(source, at, width);
}

//===----------------------------------------------------------------------===//
// The epilogue
//===----------------------------------------------------------------------===//

/// `op` as a loop over its one result, by whose indices all operands are read.
static linalg::LinalgOp matchLoop(Operation *op) {
  auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
  if (!linalgOp || !linalgOp.hasPureBufferSemantics() || linalgOp.getNumDpsInits() != 1 ||
      linalgOp.getNumReductionLoops() != 0 || linalgOp.hasIndexSemantics() ||
      linalgOp.getBlock()->getNumArguments() != op->getNumOperands() || !isElementwise(*linalgOp.getBlock()))
    return nullptr;
  AffineMap out = linalgOp.getMatchingIndexingMap(linalgOp.getDpsInitOperand(0));
  if (!out.isPermutation() || out.getNumDims() == 0 ||
      llvm::any_of(linalgOp.getIndexingMapsArray(), [](AffineMap map) { return !map.isProjectedPermutation(); }))
    return nullptr;
  return linalgOp;
}

/// The map from the indices of the result of `op` to those of `operand`.
static AffineMap mapFromResult(linalg::LinalgOp op, OpOperand *operand) {
  return op.getMatchingIndexingMap(operand).compose(
      inversePermutation(op.getMatchingIndexingMap(op.getDpsInitOperand(0))));
}

std::optional<Epilogue::Operand> Epilogue::matchStart(Operation *op) const {
  linalg::LinalgOp fill = matchLoop(op);
  if (!fill || fill.getDpsInits()[0] != result || fill.getNumDpsInputs() != 1 ||
      fill.getBlock()->getTerminator()->getOperand(0) != fill.getBlock()->getArgument(0))
    return std::nullopt;
  OpOperand *input = fill.getDpsInputOperand(0);
  Operand start{input->get(), mapFromResult(fill, input)};
  if (start.isBuffer() && (!start.allowsLanes() || mayAlias(start.source, result)))
    return std::nullopt;
  return start;
}

std::pair<Operation *, Epilogue::Operand> Epilogue::findStart(Operation *kernel) const {
  SmallVector<Operation *> between;
  if (!readsNothingOf(kernel, result))
    return {nullptr, {}};
  for (Operation *op = kernel->getPrevNode(); op; op = op->getPrevNode()) {
    if (mayTouch(op, result, /*orReads=*/true)) {
      auto start = matchStart(op);
      return start && keeps(start->source, between) ? std::pair(op, *start) : std::pair(nullptr, Operand());
    }
    between.push_back(op);
  }
  return {nullptr, {}};
}

void Epilogue::takeStart(Operation *kernel) {
  auto [fill, start] = findStart(kernel);
  if (!fill)
    return;
  first = start;
  fill->erase();
}

bool mlir::compress::eraseZeroFill(Operation *kernel, Value result) {
  auto [fill, start] = Epilogue(result).findStart(kernel);
  if (!fill || !start.isZero())
    return false;
  fill->erase();
  return true;
}

std::optional<SmallVector<Epilogue::Operand>> Epilogue::matchFinish(Operation *op, Operation *kernel) const {
  linalg::LinalgOp change = matchLoop(op);
  if (!change)
    return std::nullopt;
  WalkResult captures = change.getBlock()->walk([&](Operation *inner) {
    bool isAvailable = llvm::all_of(inner->getOperands(), [&](Value value) {
      return value.getParentBlock() == change.getBlock() || isAvailableBefore(value, kernel);
    });
    return isAvailable ? WalkResult::advance() : WalkResult::interrupt();
  });
  if (captures.wasInterrupted())
    return std::nullopt;
  SmallVector<Operand> operands;
  for (OpOperand &operand : op->getOpOperands()) {
    Operand &read = operands.emplace_back();
    if (change.getMatchingBlockArgument(&operand).use_empty())
      continue;
    AffineMap map = mapFromResult(change, &operand);
    if (operand.get() == stored && map.isIdentity()) {
      read.map = map;
      continue;
    }
    read = {operand.get(), map};
    if (!isAvailableBefore(read.source, kernel) || !read.allowsLanes() ||
        (read.isBuffer() && (mayAlias(read.source, stored) || mayAlias(read.source, change.getDpsInits()[0]))))
      return std::nullopt;
  }
  return operands;
}

bool Epilogue::canStoreTo(Value other, Operation *change, Operation *kernel, ArrayRef<Operation *> between) {
  auto alloc = stored.getDefiningOp<memref::AllocOp>();
  Block *block = kernel->getBlock();
  bool isDeadAfter = alloc && alloc->getBlock() == block && llvm::all_of(alloc->getUsers(), [&](Operation *user) {
                       Operation *inBlock = block->findAncestorOpInBlock(*user);
                       return !isa<ViewLikeOpInterface>(user) && inBlock && !change->isBeforeInBlock(inBlock);
                     });
  auto isApart = [&](Value value) { return !isa<MemRefType>(value.getType()) || !mayAlias(value, other); };
  return isDeadAfter && isAvailableBefore(other, kernel) && isContiguousInside(other) &&
         llvm::all_of(kernel->getOperands(), isApart) && isApart(stored) &&
         llvm::all_of(operands(), [&](Operand *operand) { return isApart(operand->source); }) &&
         llvm::none_of(between, [&](Operation *op) { return mayTouch(op, other, /*orReads=*/true); });
}

/// Moves `op`, a loop over elements behind `kernel`, before it if none of `between`, the ops between them, notices.
static bool hoistLoop(Operation *op, Operation *kernel, ArrayRef<Operation *> between) {
  linalg::LinalgOp loop = matchLoop(op);
  if (!loop)
    return false;
  auto isTouched = [&](Operation *other) {
    return mayTouch(other, loop.getDpsInits()[0], /*orReads=*/true) ||
           llvm::any_of(loop.getDpsInputs(), [&](Value input) {
             return isa<MemRefType>(input.getType()) && mayTouch(other, input, /*orReads=*/false);
           });
  };
  if (isTouched(kernel) || llvm::any_of(between, isTouched) ||
      !llvm::all_of(op->getOperands(), [&](Value operand) { return makeAvailableBefore(operand, kernel); }))
    return false;
  op->moveBefore(kernel);
  return true;
}

/// Computes before `kernel` what `change` reads beside its result, such as a product of two scales, and what the kernel
/// does not need; drops it from `between`.
static void hoistOperands(Operation *change, Operation *kernel, SmallVectorImpl<Operation *> &between) {
  for (Value operand : change->getOperands()) {
    makeAvailableBefore(operand, kernel);
    if (!isa<MemRefType>(operand.getType()))
      continue;
    for (size_t i = 0; i < between.size(); ++i)
      if (mayTouch(between[i], operand, /*orReads=*/false) &&
          hoistLoop(between[i], kernel, ArrayRef(between).take_front(i)))
        between.erase(between.begin() + i--);
  }
}

void Epilogue::takeFinish(Operation *kernel) {
  SmallVector<Operation *> between;
  if (!readsNothingOf(kernel, result))
    return;
  for (Operation *op = kernel->getNextNode(), *next; op; op = next) {
    next = op->getNextNode();
    if (!mayTouch(op, stored, /*orReads=*/true)) {
      between.push_back(op);
      continue;
    }
    hoistOperands(op, kernel, between);
    auto operands = matchFinish(op, kernel);
    if (!operands || llvm::any_of(*operands, [&](const Operand &operand) {
          return operand.source && !keeps(operand.source, between);
        }))
      return;
    Value to = cast<linalg::LinalgOp>(op).getDpsInits()[0];
    makeAvailableBefore(to, kernel);
    if (to != stored && !canStoreTo(to, op, kernel, between))
      return;
    stored = to;
    op->remove();
    op->setOperands({}); // what is left of it is its body
    steps.push_back({OwningOpRef<Operation *>(op), *operands});
  }
}

Value Epilogue::start(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width) const {
  return first.source ? first.load(nest, index, width) : nest.load(result, index, width);
}

Value Epilogue::finish(AffineNest &nest, Value value, ArrayRef<AffineExpr> index, int64_t width) const {
  for (const Step &step : steps) {
    SmallVector<Value> arguments;
    for (const Operand &operand : step.operands)
      arguments.push_back(operand.source ? operand.load(nest, index, width) : operand.map ? value : Value());
    value = emitInLanes(nest.builder, step.op.get()->getRegion(0).front(), arguments, width);
  }
  return value;
}

SmallVector<Epilogue::Operand *> Epilogue::operands() {
  SmallVector<Operand *> all{&first};
  for (Step &step : steps)
    for (Operand &operand : step.operands)
      all.push_back(&operand);
  llvm::erase_if(all, [](Operand *operand) { return !operand->source || !operand->isBuffer(); });
  return all;
}

bool Epilogue::canMerge(int64_t from) const {
  if (!areMergeable(cast<MemRefType>(stored.getType()), from))
    return false;
  return llvm::all_of(const_cast<Epilogue *>(this)->operands(), [&](Operand *operand) {
    auto trailing = operand->trailingFrom(from);
    auto type = cast<MemRefType>(operand->source.getType());
    return trailing && (*trailing == 0 || areMergeable(type, type.getRank() - *trailing));
  });
}

void Epilogue::merge(int64_t from, OpBuilder &builder) {
  Value merged = mergeTrailing(builder, result.getLoc(), result, from);
  stored = stored == result ? merged : mergeTrailing(builder, result.getLoc(), stored, from);
  result = merged;
  for (Operand *operand : operands()) {
    SmallVector<AffineExpr> kept(operand->map.getResults());
    if (int64_t trailing = *operand->trailingFrom(from)) {
      int64_t own = kept.size() - trailing;
      operand->source = mergeTrailing(builder, result.getLoc(), operand->source, own);
      kept.resize(own + 1);
    }
    operand->map = AffineMap::get(from + 1, 0, kept, builder.getContext());
  }
}
