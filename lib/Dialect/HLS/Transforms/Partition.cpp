//===- Partition.cpp - Arrays as several memories --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Four lanes that read x[4 c + lane] are in four memories if a number at place p is in memory p mod 4. Two lanes that
// read x[4 c + 2 lane] are in one of two, and in two of four. What is proved is proved for all counts c: the difference
// of two places is a constant and multiples of what their strides differ by.
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Partition.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "llvm/ADT/MapVector.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress::hls;

namespace {

/// A load of an iteration, in one lane.
struct Access {
  affine::AffineLoadOp load;
  int64_t lane;
  /// By counts of the loops of its nest.
  Place place;
};

/// What reads one array: accesses of an iteration of each nest.
struct Memory {
  SmallVector<SmallVector<Access>> iterations;
  /// Its places wrap around at a power of two: so do those of memories only if the factor is one.
  bool wraps = false;
};

class Memories {
public:
  /// Of the nests of a step; false if a place is no sum of products of counts.
  bool add(ArrayRef<Nest> nests) {
    for (const Nest &nest : nests) {
      llvm::MapVector<Value, SmallVector<Access>> iteration;
      for (affine::AffineLoadOp load : loadsIn(nest))
        for (int64_t lane = 0; lane < nest.lanes; ++lane) {
          std::optional<Place> place = placeOf(nest, load, lane);
          if (!place)
            return false;
          iteration[load.getMemRef()].push_back({load, lane, *place});
        }
      for (auto &[array, accesses] : iteration)
        byArray[array].iterations.push_back(std::move(accesses));
    }
    for (auto &[array, memory] : byArray)
      memory.wraps = windowOf(array) != nullptr;
    return true;
  }

  llvm::MapVector<Value, Memory> byArray;

private:
  static Attribute windowOf(Value array) {
    auto argument = dyn_cast<BlockArgument>(array);
    auto step = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
    return step ? step.getArgAttr(argument.getArgNumber(), kWindowAttr) : Attribute();
  }

  /// The loads that lanes repeat: those in the innermost loop.
  static SmallVector<affine::AffineLoadOp> loadsIn(const Nest &nest) {
    SmallVector<affine::AffineLoadOp> loads;
    if (!nest.loops.empty()) {
      affine::AffineForOp loop = nest.loops.back();
      llvm::append_range(loads, loop.getBody()->getOps<affine::AffineLoadOp>());
    }
    return loads;
  }

  static std::optional<Place> placeOf(const Nest &nest, affine::AffineLoadOp load, int64_t lane) {
    SmallVector<Value> operands(load.getMapOperands());
    AffineMap map = load.getAffineMap();
    if (windowOf(load.getMemRef())) { // it is at its turn
      map = load->getAttrOfType<AffineMapAttr>(kPlaceAttr).getValue();
      operands.clear();
      for (affine::AffineForOp loop : nest.loops)
        operands.push_back(loop.getInductionVar());
    }
    bool isLinear = true;
    map.walkExprs([&](AffineExpr expr) {
      isLinear &=
          !llvm::is_contained({AffineExprKind::FloorDiv, AffineExprKind::CeilDiv, AffineExprKind::Mod}, expr.getKind());
    });
    SmallVector<int64_t> indices(map.getNumInputs(), 0);
    Place place{map.compose(indices).front(), SmallVector<int64_t>(nest.loops.size(), 0)};
    int64_t base = place.base;
    for (unsigned i = 0; i < indices.size(); ++i) {
      indices[i] = 1;
      int64_t stride = map.compose(indices).front() - base;
      indices[i] = 0;
      bool isLoop = false;
      for (unsigned d = 0; d < nest.loops.size(); ++d) {
        affine::AffineForOp loop = nest.loops[d];
        if (loop.getInductionVar() != operands[i])
          continue;
        bool isInnermost = d + 1 == nest.loops.size();
        int64_t perCount = stride * loop.getStepAsInt();
        place.base += stride * loop.getConstantLowerBound() + (isInnermost ? perCount * lane : 0);
        place.strides[d] += perCount * (isInnermost ? nest.lanes : 1);
        isLoop = true;
      }
      isLinear &= isLoop;
    }
    return isLinear ? std::optional(place) : std::nullopt;
  }
};

} // namespace

/// True if two places are in one of `factor` memories for some counts, whatever these may be.
static bool mayMeet(const Place &a, const Place &b, int64_t factor) {
  int64_t divisor = factor;
  for (auto [s, t] : llvm::zip_equal(a.strides, b.strides))
    divisor = std::gcd(divisor, std::abs(s - t));
  return (a.base - b.base) % divisor == 0;
}

/// Two accesses of an iteration that may be in one of `factor` memories.
static std::optional<std::pair<Access, Access>> findConflict(const Memory &memory, int64_t factor) {
  for (const SmallVector<Access> &iteration : memory.iterations)
    for (size_t i = 0; i < iteration.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (mayMeet(iteration[i].place, iteration[j].place, factor))
          return std::pair(iteration[j], iteration[i]);
  return std::nullopt;
}

static std::optional<int64_t> leastFactor(const Memory &memory) {
  for (int64_t factor = 1; factor <= kMostMemories; ++factor)
    if ((!memory.wraps || llvm::isPowerOf2_64(factor)) && !findConflict(memory, factor))
      return factor;
  return std::nullopt;
}

static void setPartition(Value array, int64_t factor) {
  auto attr = PartitionAttr::get(array.getContext(), factor);
  if (auto argument = dyn_cast<BlockArgument>(array))
    cast<func::FuncOp>(argument.getOwner()->getParentOp()).setArgAttr(argument.getArgNumber(), kPartitionAttr, attr);
  else
    array.getDefiningOp()->setAttr(kPartitionAttr, attr);
}

void mlir::compress::hls::choosePartitions(func::FuncOp step, MutableArrayRef<Nest> nests) {
  bool hasLanes = llvm::any_of(nests, [](const Nest &nest) { return nest.lanes > 1; });
  if (!hasLanes)
    return;
  Memories memories;
  llvm::MapVector<Value, int64_t> factors;
  bool isProved = memories.add(nests);
  for (auto &[array, memory] : memories.byArray) {
    std::optional<int64_t> factor = leastFactor(memory);
    isProved &= factor.has_value();
    factors[array] = factor.value_or(1);
  }
  if (!isProved) {
    step.emitRemark("has one lane: no partition of its arrays into at most ")
        << kMostMemories << " memories keeps lanes apart";
    for (Nest &nest : nests)
      nest.lanes = 1;
    return;
  }
  for (auto [array, factor] : factors)
    if (factor > 1)
      setPartition(array, factor);
}

LogicalResult mlir::compress::hls::checkPartitions(func::FuncOp step) {
  bool hasPartition = false;
  for (unsigned i = 0; i < step.getNumArguments(); ++i)
    hasPartition |= step.getArgAttr(i, kPartitionAttr) != nullptr;
  step.walk([&](memref::GetGlobalOp get) { hasPartition |= get->hasAttr(kPartitionAttr); });
  if (!hasPartition)
    return success();
  FailureOr<SmallVector<Nest>> nests = nestsOf(step);
  if (failed(nests))
    return failure();
  for (Nest &nest : *nests)
    if (auto pipeline = nest.anchor()->getAttrOfType<PipelineAttr>(kPipelineAttr))
      nest.lanes = pipeline.getLanes();
  Memories memories;
  if (!memories.add(*nests))
    return step.emitError("a place is no sum of products of indices of loops: nothing is known of its memories");
  for (auto &[array, memory] : memories.byArray) {
    auto argument = dyn_cast<BlockArgument>(array);
    auto attr = argument ? step.getArgAttrOfType<PartitionAttr>(argument.getArgNumber(), kPartitionAttr)
                         : array.getDefiningOp()->getAttrOfType<PartitionAttr>(kPartitionAttr);
    if (!attr)
      continue;
    if (memory.wraps && !llvm::isPowerOf2_64(attr.getFactor()))
      return step.emitError("a window in ") << attr.getFactor() << " memories: expects a power of two";
    if (auto conflict = findConflict(memory, attr.getFactor())) {
      auto &[a, b] = *conflict;
      InFlightDiagnostic error = b.load.emitError("lane ") << b.lane << " may read the same of " << attr.getFactor()
                                                           << " memories as lane " << a.lane;
      error.attachNote(a.load.getLoc()) << "of this load";
      return error;
    }
  }
  return success();
}
