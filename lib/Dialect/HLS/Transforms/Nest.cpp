//===- Nest.cpp - The nests of a step --------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/Nest.h"
#include "compress/Conversion/FixedPoint.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace mlir::compress::hls;

//===----------------------------------------------------------------------===//
// One nest
//===----------------------------------------------------------------------===//

int64_t Nest::extent(unsigned d) const {
  affine::AffineForOp loop = this->loop(d);
  return llvm::divideCeil(loop.getConstantUpperBound() - loop.getConstantLowerBound(), loop.getStepAsInt());
}

int64_t Nest::trips(unsigned d) const { return d + 1 == loops.size() ? llvm::divideCeil(extent(d), lanes) : extent(d); }

int64_t Nest::tripsPerStore() const {
  int64_t number = 1;
  for (unsigned d = numOuter; d < loops.size(); ++d)
    number *= trips(d);
  return number;
}

unsigned Nest::levelOf(Operation *op) const {
  for (unsigned d = loops.size(); d > 0; --d)
    if (loop(d - 1)->isProperAncestor(op))
      return d;
  return 0;
}

std::optional<int64_t> Nest::indexOf(unsigned d, int64_t count, int64_t lane) const {
  if (d + 1 == loops.size())
    count = count * lanes + lane;
  if (count >= extent(d))
    return std::nullopt;
  affine::AffineForOp loop = this->loop(d);
  return loop.getConstantLowerBound() + count * loop.getStepAsInt();
}

Operation *Nest::anchor() const {
  if (!loops.empty())
    return affine::AffineForOp(loops.back());
  return affine::AffineStoreOp(stores.front())->getParentOfType<func::FuncOp>();
}

SmallVector<affine::AffineStoreOp> mlir::compress::hls::storesInOrder(const Nest &nest, Value output) {
  SmallVector<int64_t> zeros(nest.loops.size(), 0);
  SmallVector<std::pair<int64_t, size_t>> places;
  for (auto [i, store] : llvm::enumerate(nest.stores))
    if (affine::AffineStoreOp to = store; !output || to.getMemRef() == output)
      places.push_back({placeIn(nest, to.getAffineMap(), to.getMapOperands(), zeros, 0).value_or(0), i});
  llvm::sort(places);
  return llvm::map_to_vector(places, [&](auto place) { return nest.stores[place.second]; });
}

std::optional<Gather> Gather::of(Operation *op) {
  auto load = dyn_cast<memref::LoadOp>(op);
  if (!load || load.getIndices().size() != 1)
    return std::nullopt;
  Value at = load.getIndices()[0];
  Gather gather{load, Value(), AffineMap::getConstantMap(0, op->getContext()), {}};
  if (auto sum = at.getDefiningOp<arith::AddIOp>()) {
    gather.first = AffineMap::getMultiDimIdentityMap(1, op->getContext());
    gather.operands = {sum.getLhs()};
    if (auto first = sum.getLhs().getDefiningOp<affine::AffineApplyOp>()) {
      gather.first = first.getAffineMap();
      gather.operands = llvm::to_vector(first.getMapOperands());
    }
    at = sum.getRhs();
  }
  auto cast = at.getDefiningOp<arith::IndexCastOp>();
  if (!cast)
    return std::nullopt;
  gather.number = cast.getIn();
  return gather;
}

//===----------------------------------------------------------------------===//
// The nests of a step
//===----------------------------------------------------------------------===//

namespace {
class NestFinder {
public:
  SmallVector<Nest> nests;

  LogicalResult visit(Block &block, ArrayRef<affine::AffineForOp> around) {
    llvm::MapVector<Operation *, SmallVector<affine::AffineStoreOp>> bySum;
    for (auto store : block.getOps<affine::AffineStoreOp>()) {
      llvm::SmallSetVector<Operation *, 2> sums;
      collectSums(store.getValueToStore(), block, sums);
      if (sums.size() > 1)
        return store.emitError("a number made of the results of two loops has no schedule yet");
      bySum[sums.empty() ? nullptr : sums.front()].push_back(store);
    }
    bool hasStraight = false, isBehindLoop = false;
    for (Operation &op : block) {
      if (auto loop = dyn_cast<affine::AffineForOp>(op)) {
        if (!loop.hasConstantLowerBound() || !loop.hasConstantUpperBound() ||
            loop.getConstantUpperBound() <= loop.getConstantLowerBound())
          return loop.emitError("has no schedule: expects constant bounds and an iteration");
        SmallVector<affine::AffineForOp> inside(around);
        inside.push_back(loop);
        if (loop.getNumResults() == 0 ? failed(visit(*loop.getBody(), inside))
                                      : failed(addSum(inside, around.size(), bySum[loop])))
          return failure();
      }
      // Straight code is one nest, where its first store stands; a loop between its stores would be passed over.
      if (isa<affine::AffineStoreOp>(op) && hasStraight && isBehindLoop && llvm::is_contained(bySum[nullptr], &op))
        return op.emitError("has no schedule: a loop stands between it and other stores of straight code");
      isBehindLoop = hasStraight && (isBehindLoop || isa<affine::AffineForOp>(op));
      if (isa<affine::AffineStoreOp>(op) && !hasStraight && llvm::is_contained(bySum[nullptr], &op)) {
        hasStraight = true;
        nests.push_back({llvm::to_vector(around), static_cast<unsigned>(around.size()), bySum[nullptr]});
      }
    }
    return success();
  }

private:
  /// Adds the loops of `block` that `value` depends on.
  void collectSums(Value value, Block &block, llvm::SmallSetVector<Operation *, 2> &sums) {
    SmallVector<Value> work{value};
    llvm::DenseSet<Operation *> seen;
    while (!work.empty()) {
      Operation *op = work.pop_back_val().getDefiningOp();
      if (!op || op->getBlock() != &block || !seen.insert(op).second)
        continue;
      if (isa<affine::AffineForOp>(op))
        sums.insert(op);
      else
        work.append(op->operand_begin(), op->operand_end());
    }
  }

  LogicalResult addSum(SmallVector<affine::AffineForOp> loops, size_t numOuter,
                       ArrayRef<affine::AffineStoreOp> stores) {
    if (stores.empty())
      return loops.back().emitError("has no schedule: nothing stores its results");
    for (bool isInnermost = false; !isInnermost;) {
      affine::AffineForOp inner;
      for (Operation &op : *loops.back().getBody()) {
        if (isa<affine::AffineStoreOp>(op))
          return op.emitError("a store in a loop that carries numbers has no schedule yet");
        auto loop = dyn_cast<affine::AffineForOp>(op);
        if (!loop)
          continue;
        if (inner || loop.getNumResults() == 0 || !loop.hasConstantLowerBound() || !loop.hasConstantUpperBound())
          return loop.emitError("has no schedule: expects one loop of constant bounds in a loop that carries numbers");
        inner = loop;
      }
      isInnermost = !inner;
      if (inner)
        loops.push_back(inner);
    }
    nests.push_back({std::move(loops), static_cast<unsigned>(numOuter), llvm::to_vector(stores)});
    return success();
  }
};
} // namespace

FailureOr<SmallVector<Nest>> mlir::compress::hls::nestsOf(func::FuncOp step) {
  if (!step.getBody().hasOneBlock())
    return step.emitError("has no schedule: expects one block");
  NestFinder finder;
  if (failed(finder.visit(step.getBody().front(), {})))
    return failure();
  if (finder.nests.empty())
    return step.emitError("has no schedule: it stores nothing");
  return std::move(finder.nests);
}

//===----------------------------------------------------------------------===//
// Their order
//===----------------------------------------------------------------------===//

NestOrder::NestOrder(ArrayRef<Nest> nests) {
  llvm::DenseMap<Operation *, unsigned> first, last;
  for (auto [n, nest] : llvm::enumerate(nests))
    for (affine::AffineForOp loop : nest.loops) {
      first.try_emplace(loop, n);
      last[loop] = n;
    }
  for (auto [n, nest] : llvm::enumerate(nests)) {
    isLastIn.emplace_back();
    firstIn.emplace_back();
    for (affine::AffineForOp loop : nest.loops) {
      isLastIn.back().push_back(last[loop] == n);
      firstIn.back().push_back(first[loop]);
    }
  }
}

NestWalker::NestWalker(ArrayRef<Nest> nests) : nests(nests), order(nests) {
  for (const Nest &nest : nests) {
    counters.emplace_back(nest.loops.size(), 0);
    trips.emplace_back();
    for (unsigned d = 0; d < nest.loops.size(); ++d)
      trips.back().push_back(nest.trips(d));
  }
}

bool NestWalker::isLast(unsigned level) const {
  for (unsigned d = level; d < trips[current].size(); ++d)
    if (counters[current][d] + 1 < trips[current][d])
      return false;
  return true;
}

bool NestWalker::advance() {
  const Nest &nest = nests[current];
  auto share = [&](unsigned from, unsigned to, unsigned upTo) { // loops around both have one count
    for (unsigned d = 0; d < counters[to].size(); ++d)
      counters[to][d] = d < upTo && nests[to].loops[d] == nests[from].loops[d] ? counters[from][d] : 0;
  };
  for (unsigned d = nest.loops.size(); d > 0; --d) {
    if (!order.isLastIn[current][d - 1]) {
      share(current, current + 1, d);
      ++current;
      return false;
    }
    if (counters[current][d - 1] + 1 < trips[current][d - 1]) {
      ++counters[current][d - 1];
      unsigned first = order.firstIn[current][d - 1];
      if (first != current)
        share(current, first, d);
      else
        for (unsigned inner = d; inner < nest.loops.size(); ++inner)
          counters[current][inner] = 0;
      current = first;
      return false;
    }
  }
  bool isEnd = current + 1 == nests.size();
  current = isEnd ? 0 : current + 1;
  llvm::fill(counters[current], 0);
  return isEnd;
}

std::vector<int64_t> mlir::compress::hls::placesWritten(ArrayRef<Nest> nests, Value output) {
  std::vector<int64_t> places;
  SmallVector<SmallVector<affine::AffineStoreOp>> stores;
  for (const Nest &nest : nests)
    stores.push_back(storesInOrder(nest, output));
  NestWalker walker(nests);
  do {
    const Nest &nest = nests[walker.nest()];
    if (walker.isLast(nest.numOuter))
      for (affine::AffineStoreOp store : stores[walker.nest()])
        places.push_back(*placeIn(nest, store.getAffineMap(), store.getMapOperands(), walker.counts(), 0));
  } while (!walker.advance());
  return places;
}

std::vector<int64_t> mlir::compress::hls::placesOfPort(BlockArgument port) {
  auto network = cast<func::FuncOp>(port.getOwner()->getParentOp());
  auto shape = network.getArgAttrOfType<DenseI64ArrayAttr>(port.getArgNumber(), kShapeAttr);
  auto order = network.getArgAttrOfType<DenseI64ArrayAttr>(port.getArgNumber(), kOrderAttr);
  std::vector<int64_t> places(cast<MemRefType>(port.getType()).getNumElements());
  std::iota(places.begin(), places.end(), 0);
  if (!shape || !order)
    return places;
  SmallVector<int64_t> strides(shape.size(), 1), counts(shape.size(), 0);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  for (int64_t &place : places) {
    place = 0;
    for (auto [count, stride] : llvm::zip_equal(counts, strides))
      place += count * stride;
    for (int64_t d : llvm::reverse(order.asArrayRef())) {
      if (++counts[d] < shape[d])
        break;
      counts[d] = 0;
    }
  }
  return places;
}
