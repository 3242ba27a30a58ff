//===- OutlineKernels.cpp - One function for equal loop nests --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   affine.for … { … %a … %w1 … %b … }          call @kernel_0(%a, %w1, %b)
//   affine.for … { … %b … %w2 … %c … }    =>    call @kernel_0(%b, %w2, %c)
//                                               func.func private @kernel_0(%x, %w, %y) { affine.for … }
//
// Then calls that stand together in several places become one call, too.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Layers.h"
#include "compress/Target/Passes.h"
#include "compress/Target/Variants.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::compress {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "compress/Target/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

/// Nests of fewer ops are not shared: a call takes as many bytes.
static constexpr int64_t kFewestOps = 8;

namespace {

/// Ops that stand together: one nest, or a run of calls.
using Unit = SmallVector<Operation *>;

/// The values from outside that a unit uses, constants apart, in the order of their first uses.
struct Outside {
  llvm::SetVector<Value> values, constants;

  explicit Outside(const Unit &unit) {
    for (Operation *top : unit)
      top->walk<WalkOrder::PreOrder>([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          if (!top->isAncestor(operand.getParentBlock()->getParentOp()))
            (matchPattern(operand, m_Constant()) ? constants : values).insert(operand);
      });
  }
};

/// The ops of a unit, in order.
SmallVector<Operation *> opsOf(const Unit &unit) {
  SmallVector<Operation *> ops;
  for (Operation *top : unit)
    top->walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
  return ops;
}

/// True if `other` is `model` on other values from outside, whichever.
bool haveSameForm(const Unit &model, const Unit &other) {
  DenseMap<Value, Value> inside;
  auto check = [&](Value a, Value b) {
    auto found = inside.find(a);
    return success(a.getType() == b.getType() && (found == inside.end() || found->second == b));
  };
  return model.size() == other.size() && llvm::all_of(llvm::zip_equal(model, other), [&](auto pair) {
           return OperationEquivalence::isEquivalentTo(
               std::get<0>(pair), std::get<1>(pair), check, [&](Value a, Value b) { inside[a] = b; },
               OperationEquivalence::IgnoreLocations);
         });
}

/// What `other` uses where `model` uses `outside.values`; nullopt if it is not the same on other values.
std::optional<SmallVector<Value>> matchUnits(const Unit &model, const Outside &outside, const Unit &other) {
  if (!haveSameForm(model, other))
    return std::nullopt;
  DenseMap<Value, Value> partners;
  for (auto [a, b] : llvm::zip_equal(opsOf(model), opsOf(other)))
    for (auto [x, y] : llvm::zip_equal(a->getOperands(), b->getOperands())) {
      Attribute constant, otherConstant;
      if (outside.constants.contains(x) && (!matchPattern(x, m_Constant(&constant)) ||
                                            !matchPattern(y, m_Constant(&otherConstant)) || constant != otherConstant))
        return std::nullopt;
      if (outside.values.contains(x) && partners.try_emplace(x, y).first->second != y)
        return std::nullopt;
    }
  // Two buffers of one nest are not one buffer of another: what overlaps would differ.
  DenseSet<Value> taken;
  SmallVector<Value> values;
  for (Value value : outside.values) {
    values.push_back(partners.lookup(value));
    if (matchPattern(values.back(), m_Constant()) || !taken.insert(values.back()).second)
      return std::nullopt;
  }
  return values;
}

/// Equal for units that match: the names and attributes of their ops.
size_t hashOf(const Unit &unit) {
  llvm::hash_code hash = 0;
  for (Operation *top : unit)
    top->walk<WalkOrder::PreOrder>([&](Operation *op) {
      hash = llvm::hash_combine(hash, op->getName(), op->getRawDictionaryAttrs(), op->hashProperties(),
                                op->getNumOperands());
    });
  return hash;
}

/// True if `op` makes or frees buffers inside.
bool holdsBuffers(Operation &op) {
  return op
      .walk([](Operation *inner) {
        return isa<memref::AllocOp, memref::AllocaOp, memref::DeallocOp>(inner) ? WalkResult::interrupt()
                                                                                : WalkResult::advance();
      })
      .wasInterrupted();
}

/// A loop that may be moved to a function: its buffers stay where they are.
bool isKernel(Operation &op) {
  if (op.getNumRegions() == 0 || op.getNumResults() != 0 || isMemoryEffectFree(&op) || holdsBuffers(op))
    return false;
  int64_t numOps = 0;
  op.walk([&](Operation *) { ++numOps; });
  return numOps >= kFewestOps;
}

/// `block` and, before it, the bodies of loops in it that hold buffers, such as those over samples.
void forEachBlockOfNests(Block &block, function_ref<void(Block &)> visit) {
  for (Operation &op : block)
    if (isa<LoopLikeOpInterface>(op) && holdsBuffers(op))
      for (Region &body : op.getRegions())
        forEachBlockOfNests(body.front(), visit);
  visit(block);
}

/// True if no two of the buffers among `inputs` share bytes: they are views of different ones. (Those of `@main` do not
/// overlap, as the library's header asks.)
bool areDisjoint(ArrayRef<Value> inputs) {
  DenseSet<void *> buffers;
  return llvm::all_of(inputs, [&](Value buffer) {
    if (!isa<MemRefType>(buffer.getType()))
      return true;
    while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
      buffer = view.getViewSource();
    if (auto global = buffer.getDefiningOp<memref::GetGlobalOp>())
      return buffers.insert(const_cast<void *>(global.getNameAttr().getAsOpaquePointer())).second;
    bool isKnown = isa<BlockArgument>(buffer) || buffer.getDefiningOp<memref::AllocOp>() ||
                   buffer.getDefiningOp<memref::AllocaOp>();
    return isKnown && buffers.insert(buffer.getAsOpaquePointer()).second;
  });
}

/// Equal units of one processor's code.
struct Group {
  Unit first;
  Outside outside;
  /// Units that the first one matches, and what they use where it uses `outside.values`.
  SmallVector<std::pair<Unit, SmallVector<Value>>> others;
};

struct OutlineKernelsPass : compress::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  using Base = compress::impl::OutlineKernelsPassBase<OutlineKernelsPass>;
  using Base::Base;

  void runOnOperation() override {
    kernels.clear();
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    llvm::erase_if(functions,
                   [](func::FuncOp function) { return function.isExternal() || !function.getBody().hasOneBlock(); });
    outlineAll(functions, [](Block &block) {
      SmallVector<Unit> nests;
      for (Operation &op : block)
        if (isKernel(op))
          nests.push_back({&op});
      return nests;
    });
    outlineAll(functions, [&](Block &block) { return runsOfCalls(block); });
  }

  /// True for a view, an extent or an allocation that could as well be before `call`, which has no results.
  static bool canPrecede(Operation &op, Operation *call) {
    if (op.hasTrait<OpTrait::IsTerminator>() || !(isPure(&op) || isa<memref::AllocOp>(op)))
      return false;
    return llvm::all_of(op.getOperands(), [&](Value operand) {
      Operation *definition = operand.getDefiningOp();
      return !definition || definition->getBlock() != call->getBlock() || definition->isBeforeInBlock(call);
    });
  }

  /// Calls of kernels with nothing between them, for one layer. What makes their buffers moves before the first one.
  SmallVector<Unit> runsOfCalls(Block &block) {
    SmallVector<Unit> runs;
    Operation *last = nullptr;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      auto call = dyn_cast<func::CallOp>(op);
      if (!call || !kernels.contains(call.getCallee())) {
        if (last && last->getNextNode() == &op && canPrecede(op, runs.back().front()))
          op.moveBefore(runs.back().front());
        continue;
      }
      if (last && last->getNextNode() == &op && layerOf(last->getLoc()) == layerOf(op.getLoc()))
        runs.back().push_back(&op);
      else
        runs.push_back({&op});
      last = &op;
    }
    llvm::erase_if(runs, [](const Unit &run) { return run.size() == 1; });
    return runs;
  }

  void outlineAll(ArrayRef<func::FuncOp> functions, function_ref<SmallVector<Unit>(Block &)> unitsOf) {
    llvm::MapVector<std::pair<Attribute, size_t>, std::vector<Group>> buckets;
    for (func::FuncOp function : functions)
      forEachBlockOfNests(function.getBody().front(), [&](Block &block) {
        for (Unit &unit : unitsOf(block))
          add(buckets[{function->getAttr(kVariantAttr), hashOf(unit)}], unit);
      });
    for (auto &bucket : buckets)
      for (Group &group : bucket.second)
        if (!group.others.empty())
          outline(group, bucket.first.first);
  }

  static void add(std::vector<Group> &groups, Unit &unit) {
    for (Group &group : groups)
      if (auto values = matchUnits(group.first, group.outside, unit)) {
        group.others.emplace_back(unit, std::move(*values));
        return;
      }
    groups.push_back({unit, Outside(unit), {}});
  }

  void outline(Group &group, Attribute variant) {
    func::FuncOp kernel = makeFunction(group, variant);
    kernels.insert(kernel.getName());
    replace(group.first, kernel, group.outside.values.getArrayRef());
    for (auto &[unit, values] : group.others)
      replace(unit, kernel, values);
    ++numKernels;
  }

  /// The call's location has the names of all layers in the unit, as its ops would tell.
  void replace(const Unit &unit, func::FuncOp kernel, ArrayRef<Value> values) {
    llvm::SetVector<Location> names;
    for (Operation *top : unit)
      top->walk<WalkOrder::PreOrder>([&](Operation *inner) {
        if (auto fused = dyn_cast<FusedLoc>(inner->getLoc()); fused && isa<func::CallOp>(inner))
          names.insert(fused.getLocations().begin(), fused.getLocations().end());
        else if (isa<NameLoc>(inner->getLoc()) && !inner->hasTrait<OpTrait::ConstantLike>())
          names.insert(inner->getLoc());
      });
    OpBuilder builder(unit.front());
    Location loc = names.empty() ? unit.front()->getLoc() : FusedLoc::get(&getContext(), names.getArrayRef());
    func::CallOp::create(builder, loc, kernel, values);
    for (Operation *op : unit)
      op->erase();
    ++numCalls;
  }

  func::FuncOp makeFunction(Group &group, Attribute variant) {
    Location loc = group.first.front()->getLoc();
    ArrayRef<Value> inputs = group.outside.values.getArrayRef();
    OpBuilder builder(&getContext());
    auto type = builder.getFunctionType(ValueRange(inputs).getTypes(), TypeRange());
    auto kernel = func::FuncOp::create(loc, "kernel", type);
    SymbolTable(getOperation()).insert(kernel);
    kernel.setPrivate();
    kernel->setAttr("passthrough", builder.getStrArrayAttr({"noinline"}));
    if (variant)
      kernel->setAttr(kVariantAttr, variant);
    builder.setInsertionPointToStart(kernel.addEntryBlock());
    IRMapping values;
    values.map(ValueRange(inputs), kernel.getArguments());
    for (Value constant : group.outside.constants)
      builder.clone(*constant.getDefiningOp(), values);
    for (Operation *op : group.first)
      builder.clone(*op, values);
    func::ReturnOp::create(builder, loc);
    // What is a buffer of its own in each nest stays one: sums are kept in registers over stores.
    bool disjoint = areDisjoint(inputs);
    for (auto &other : group.others)
      disjoint &= areDisjoint(other.second);
    if (disjoint)
      for (BlockArgument argument : kernel.getArguments())
        if (isa<MemRefType>(argument.getType()))
          kernel.setArgAttr(argument.getArgNumber(), LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    return kernel;
  }

  /// Of this module.
  llvm::StringSet<> kernels;
};

} // namespace
