//===- Arrival.cpp - Numbers in the order in which they come ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Arrival.h"
#include "llvm/ADT/IntEqClasses.h"

using namespace mlir;
using namespace mlir::compress::hls;

Arrival::Arrival(ArrayRef<Nest> nests, Value input, ArrayRef<int64_t> arriving)
    : nests(nests), input(input), arrivalOf(arriving.size()), count(arriving.size()) {
  for (auto [t, place] : llvm::enumerate(arriving))
    arrivalOf[place] = t;
}

SmallVector<affine::AffineLoadOp> Arrival::loadsOf(const Nest &nest) {
  SmallVector<affine::AffineLoadOp> loads;
  // Straight code beside loops is in one block with them; what its stores need is found from there.
  SmallVector<Value> work;
  llvm::DenseSet<Operation *> seen;
  for (affine::AffineStoreOp store : nest.stores)
    work.push_back(store.getValueToStore());
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op || !seen.insert(op).second)
      continue;
    if (auto load = dyn_cast<affine::AffineLoadOp>(op); load && load.getMemRef() == input)
      loads.push_back(load);
    if (auto loop = dyn_cast<affine::AffineForOp>(op)) {
      work.append(loop.getInits().begin(), loop.getInits().end());
      auto yielded = loop.getBody()->getTerminator()->getOperands();
      work.append(yielded.begin(), yielded.end());
    } else {
      work.append(op->operand_begin(), op->operand_end());
    }
  }
  llvm::sort(loads, [](affine::AffineLoadOp a, affine::AffineLoadOp b) {
    return a->getBlock() == b->getBlock() && a->isBeforeInBlock(b);
  });
  return loads;
}

void Arrival::forEachCounts(const Nest &nest, function_ref<bool(ArrayRef<int64_t>)> body) {
  SmallVector<int64_t> counts(nest.loops.size(), 0);
  while (body(counts)) {
    int d = static_cast<int>(counts.size()) - 1;
    for (; d >= 0 && ++counts[d] == nest.trips(d); --d)
      counts[d] = 0;
    if (d < 0)
      return;
  }
}

const Place *Arrival::indexed(const Nest &nest, affine::AffineLoadOp load) {
  auto [it, isNew] = placesByIndex.try_emplace(load);
  if (isNew) {
    bool isLinear = true;
    load.getAffineMap().walkExprs([&](AffineExpr expr) {
      isLinear &=
          !llvm::is_contained({AffineExprKind::FloorDiv, AffineExprKind::CeilDiv, AffineExprKind::Mod}, expr.getKind());
    });
    SmallVector<int64_t> indices(load.getMapOperands().size(), 0);
    Place place{load.getAffineMap().compose(indices).front(), SmallVector<int64_t>(nest.loops.size(), 0)};
    for (unsigned i = 0; i < indices.size(); ++i) {
      indices[i] = 1;
      int64_t stride = load.getAffineMap().compose(indices).front() - place.base;
      indices[i] = 0;
      bool isLoop = false;
      for (unsigned d = 0; d < nest.loops.size(); ++d)
        if (nest.loop(d).getInductionVar() == load.getMapOperands()[i]) {
          place.strides[d] += stride;
          isLoop = true;
        }
      isLinear &= isLoop;
    }
    if (isLinear)
      it->second = place;
  }
  return it->second ? &*it->second : nullptr;
}

int64_t Arrival::placeOf(const Nest &nest, affine::AffineLoadOp load, ArrayRef<int64_t> counts, int64_t lane) {
  if (const Place *place = indexed(nest, load)) { // quickly: there are as many as the network has products
    int64_t sum = place->base;
    for (unsigned d = 0; d < counts.size(); ++d) {
      affine::AffineForOp loop = nest.loops[d];
      int64_t count = d + 1 == counts.size() ? counts[d] * nest.lanes + lane : counts[d];
      if (d + 1 == counts.size() && count >= nest.extent(d))
        return -1;
      sum += place->strides[d] * (loop.getConstantLowerBound() + count * loop.getStepAsInt());
    }
    return sum;
  }
  return placeIn(nest, load.getAffineMap(), load.getMapOperands(), counts, lane).value_or(-1);
}

bool Arrival::isInOrder() {
  NestWalker walker(nests);
  int64_t next = 0;
  SmallVector<SmallVector<affine::AffineLoadOp>> loads;
  for (const Nest &nest : nests)
    loads.push_back(loadsOf(nest));
  do {
    const Nest &nest = nests[walker.nest()];
    auto &mine = loads[walker.nest()];
    for (affine::AffineLoadOp load : mine) {
      int64_t place = placeOf(nest, load, walker.counts(), 0);
      if (nest.levelOf(load) != nest.loops.size() || place < 0)
        return false;
      int64_t turn = arrivalOf[place] - next;
      if (turn < 0 || turn >= static_cast<int64_t>(mine.size()) || turnOf.try_emplace(load, turn).first->second != turn)
        return false;
    }
    next += mine.size();
  } while (!walker.advance());
  return next == count;
}

void Arrival::spread(MutableArrayRef<Nest> lanedNests) {
  while (!spreadOnce(lanedNests)) {
  }
}

bool Arrival::spreadOnce(MutableArrayRef<Nest> lanedNests) {
  // Who reads a number: a load by its turn in its nest, and a lane. Readers of one number share its bank.
  std::map<std::pair<int64_t, int64_t>, unsigned> readers;
  std::vector<int64_t> readerOf(count, -1);
  SmallVector<std::pair<unsigned, unsigned>> same;
  for (const Nest &nest : lanedNests)
    for (auto entry : llvm::enumerate(loadsOf(nest)))
      for (int64_t lane = 0; lane < nest.lanes; ++lane) {
        int64_t turn = entry.index();
        affine::AffineLoadOp load = entry.value();
        unsigned reader = readers.try_emplace({turn, lane}, readers.size()).first->second;
        forEachCounts(nest, [&](ArrayRef<int64_t> counts) {
          int64_t place = placeOf(nest, load, counts, lane);
          if (place < 0)
            return true;
          if (readerOf[place] >= 0 && readerOf[place] != reader)
            same.push_back({reader, static_cast<unsigned>(readerOf[place])});
          readerOf[place] = reader;
          return true;
        });
      }
  llvm::IntEqClasses classes(readers.size());
  for (auto [a, b] : same)
    classes.join(a, b);
  classes.compress();
  bool isRight = true;
  for (Nest &nest : lanedNests)
    for (size_t turn = 0; turn < loadsOf(nest).size(); ++turn)
      for (int64_t lane = 1; lane < nest.lanes; ++lane)
        if (classes[readers[{turn, lane}]] == classes[readers[{turn, 0}]]) {
          nest.lanes = 1;
          isRight = false;
        }
  if (!isRight)
    return false;

  bankWords.assign(classes.getNumClasses(), 0);
  bankOf.assign(count, -1);
  bankAt.assign(count, -1);
  placeInBank.assign(count, 0);
  std::vector<int64_t> placeAt(count);
  for (int64_t place = 0; place < count; ++place)
    placeAt[arrivalOf[place]] = place;
  for (int64_t t = 0; t < count; ++t) {
    int64_t place = placeAt[t];
    if (readerOf[place] < 0)
      continue;
    bankOf[t] = bankAt[place] = classes[readerOf[place]];
    placeInBank[place] = bankWords[bankOf[t]]++;
  }
  // The shortest period of the banks, by the longest border of every prefix.
  std::vector<int64_t> border(count, 0);
  for (int64_t t = 1, b = 0; t < count; ++t) {
    while (b > 0 && bankOf[t] != bankOf[b])
      b = border[b - 1];
    b += bankOf[t] == bankOf[b];
    border[t] = b;
  }
  bankOf.truncate(count - border.back());
  return true;
}

FailureOr<InputRead> Arrival::read(const Nest &nest, affine::AffineLoadOp load, int64_t lane) {
  if (bankWords.empty())
    return InputRead{true, turnOf.lookup(load), {}};
  InputRead read;
  SmallVector<int64_t> counts(nest.loops.size(), 0);
  auto inBank = [&](ArrayRef<int64_t> at) {
    int64_t place = placeOf(nest, load, at, lane);
    return place < 0 ? -1 : copyOf.empty() ? placeInBank[place] : arrivalOf[place];
  };
  auto loads = loadsOf(nest);
  read.place = copyOf.empty() ? bankAt[placeOf(nest, load, counts, lane)]
                              : copyOf[{llvm::find(loads, load) - loads.begin(), lane}];
  read.at.base = inBank(counts);
  for (unsigned d = 0; d < counts.size(); ++d) {
    counts[d] = nest.trips(d) > 1;
    int64_t there = inBank(counts);
    read.at.strides.push_back(there < 0 || counts[d] == 0 ? 0 : there - read.at.base);
    counts[d] = 0;
  }
  // A lane that has no second iteration shares the stride of the others, which have one: its own does not matter.
  bool isRight = true;
  forEachCounts(nest, [&](ArrayRef<int64_t> at) {
    int64_t place = inBank(at);
    isRight &= place < 0 || place == read.at.at(at);
    return isRight;
  });
  if (!isRight)
    return load.emitError(
        "has no schedule: where its numbers lie in their bank, in the order in which they arrive, is no "
        "sum of products of the counts of its loops");
  return read;
}
