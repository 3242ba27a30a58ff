//===- DataPathBuilder.cpp - Operations of one iteration -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/HLS/Transforms/DataPath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace mlir::compress::hls;

int64_t Place::at(ArrayRef<int64_t> counts) const {
  int64_t place = base;
  for (auto [stride, count] : llvm::zip(strides, counts))
    place += stride * count;
  return place;
}

namespace mlir::compress::hls {

class DataPathBuilder {
public:
  DataPathBuilder(DataPath &path, Value input, DataPath::ReadOf readOf)
      : path(path), nest(path.nest), input(input), readOf(readOf) {}

  LogicalResult run() {
    findGroups();
    for (affine::AffineStoreOp store : nest.stores) {
      int value = build(store.getValueToStore(), 0);
      if (value < 0)
        return failure();
      path.stores.push_back(add({Node::Store, store, 0, {value}, path.nodes[value].width, nest.numOuter}));
      path.nodes[path.stores.back()].stream = outputOf(store);
    }
    SmallVector<int> stores;
    for (affine::AffineStoreOp store : storesInOrder(nest, Value()))
      stores.push_back(*llvm::find_if(path.stores, [&](int n) { return path.nodes[n].op == store; }));
    path.stores = stores;
    for (auto [carry, update] : updates)
      path.nodes[carry].in.push_back(update);
    return makeRoms();
  }

private:
  int add(Node node) {
    path.nodes.push_back(std::move(node));
    return path.nodes.size() - 1;
  }

  int refuse(Operation *op, const Twine &reason) {
    op->emitError("has no schedule: ") << reason;
    return -1;
  }

  /// Outputs are the arguments of a step behind its inputs.
  static int64_t outputOf(affine::AffineStoreOp store) {
    auto argument = dyn_cast<BlockArgument>(store.getMemRef());
    auto step = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
    int64_t number = 0;
    for (unsigned i = 0; step && i < argument.getArgNumber(); ++i)
      number += step.getArgAttr(i, kResultAttr) != nullptr;
    return number;
  }

  /// Loops that only hand what they carry to the one loop inside of them are one with it.
  void findGroups() {
    unsigned depth = nest.loops.size();
    for (unsigned d = nest.numOuter; d < depth; ++d) {
      path.groups.push_back({d, d});
      while (d + 1 < depth && handsOver(nest.loop(d), nest.loop(d + 1)))
        path.groups.back().end = ++d;
    }
    for (auto [g, group] : llvm::enumerate(path.groups)) {
      firstRegister.push_back(path.groupOf.size());
      path.groupOf.append(nest.loop(group.begin).getNumResults(), g);
    }
  }

  static bool handsOver(affine::AffineForOp outer, affine::AffineForOp inner) {
    return llvm::equal(inner.getInits(), outer.getRegionIterArgs()) &&
           llvm::equal(outer.getBody()->getTerminator()->getOperands(), inner.getResults()) &&
           llvm::all_of(outer.getRegionIterArgs(), [](Value argument) { return argument.hasOneUse(); });
  }

  /// The node of `value` in `lane`; -1 after an error.
  int build(Value value, int64_t lane) {
    Operation *op = value.getDefiningOp();
    if (!op || nest.levelOf(op) < nest.loops.size())
      lane = 0;
    auto [it, isNew] = known.try_emplace({value, lane}, -1);
    if (!isNew)
      return it->second;
    int node = op ? buildOp(op, value, lane) : buildCarry(cast<BlockArgument>(value));
    return known[{value, lane}] = node;
  }

  int buildOp(Operation *op, Value value, int64_t lane) {
    auto type = dyn_cast<IntegerType>(value.getType());
    if (!type)
      return refuse(op, "expects integers");
    unsigned level = nest.levelOf(op);
    int64_t width = type.getWidth();
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      int node = add({Node::Constant, op, 0, {}, width, level});
      path.nodes[node].value = cast<IntegerAttr>(constant.getValue()).getValue();
      return node;
    }
    if (auto loop = dyn_cast<affine::AffineForOp>(op))
      return buildResult(loop, cast<OpResult>(value).getResultNumber());
    if (auto load = dyn_cast<affine::AffineLoadOp>(op))
      return buildLoad(load, lane, width, level);
    if (std::optional<Gather> gather = Gather::of(op))
      return buildGather(*gather, lane, width, level);
    bool isKnown =
        isa<arith::ExtSIOp, arith::TruncIOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp, arith::ShRSIOp,
            arith::ShLIOp, arith::MaxSIOp, arith::MinSIOp, arith::CmpIOp, arith::SelectOp, func::CallOp>(op);
    if (!isKnown)
      return refuse(op, "'" + op->getName().getStringRef() + "' is nothing that convert-compress-to-fixed-point makes");
    Node node(Node::Compute, op, lane, {}, width, level);
    for (Value operand : op->getOperands()) {
      node.in.push_back(build(operand, lane));
      if (node.in.back() < 0)
        return -1;
    }
    return add(std::move(node));
  }

  int buildLoad(affine::AffineLoadOp load, int64_t lane, int64_t width, unsigned level) {
    if (load.getMemRef().getDefiningOp<memref::GetGlobalOp>())
      return add({Node::RomRead, load, lane, {}, width, level});
    if (load.getMemRef() != input && !isa<BlockArgument>(load.getMemRef()))
      return refuse(load, "expects loads of arguments and of constants");
    FailureOr<InputRead> read = readOf(load, lane);
    if (failed(read))
      return -1;
    int node = add({read->isStream ? Node::StreamRead : Node::BankRead, load, lane, {}, width, level});
    path.nodes[node].index = read->place;
    path.nodes[node].stream = read->stream;
    path.nodes[node].place = read->at;
    return node;
  }

  int buildGather(const Gather &gather, int64_t lane, int64_t width, unsigned level) {
    memref::LoadOp load = gather.load;
    if (!isa<BlockArgument>(load.getMemRef()))
      return refuse(load, "expects loads of arguments and of constants");
    int number = build(gather.number, lane);
    FailureOr<InputRead> read = number < 0 ? FailureOr<InputRead>() : readOf(load, lane);
    if (failed(read))
      return -1;
    if (!read->turnOf.empty()) {
      if (path.nodes[number].kind != Node::RomRead)
        return refuse(load,
                      "numbers come in another order than that of their places, and no constant says which it reads");
      turnsOf[number] = read->turnOf;
    }
    int node = add({Node::BankRead, load, lane, {number}, width, level});
    path.nodes[node].index = read->place;
    path.nodes[node].place = read->at;
    return node;
  }

  unsigned groupOf(affine::AffineForOp loop) {
    for (auto [g, group] : llvm::enumerate(path.groups))
      for (unsigned d = group.begin; d <= group.end; ++d)
        if (nest.loop(d) == loop)
          return g;
    return path.groups.size();
  }

  int buildCarry(BlockArgument argument) {
    auto loop = dyn_cast<affine::AffineForOp>(argument.getOwner()->getParentOp());
    if (!loop || argument.getArgNumber() == 0)
      return refuse(argument.getOwner()->getParentOp(), "an index is used as a number");
    unsigned g = groupOf(loop), number = argument.getArgNumber() - 1;
    if (g == path.groups.size() || loop != nest.loop(path.groups[g].end))
      return refuse(loop, "what it carries is changed inside of an inner loop");
    int initial = build(nest.loop(path.groups[g].begin).getInits()[number], 0);
    if (initial < 0)
      return -1;
    int node = add({Node::Carry, loop, 0, {initial}, path.nodes[initial].width, path.groups[g].end + 1});
    path.nodes[node].index = firstRegister[g] + number;
    return node;
  }

  /// The number that a loop results in: that of the innermost loop of its group, in the last iteration.
  int buildResult(affine::AffineForOp loop, unsigned number) {
    unsigned g = groupOf(loop);
    if (g == path.groups.size())
      return refuse(loop, "its result is used in another nest");
    auto [it, isNew] = results.try_emplace({g, number}, -1);
    if (!isNew)
      return it->second;
    int node = buildUpdate(g, number);
    return results[{g, number}] = node;
  }

  int buildUpdate(unsigned g, unsigned number) {
    affine::AffineForOp inner = nest.loop(path.groups[g].end);
    Value argument = inner.getRegionIterArgs()[number], yielded = inner.getBody()->getTerminator()->getOperand(number);
    SmallVector<std::pair<Value, bool>> terms;
    if (yielded == argument || !collectTerms(yielded, argument, inner, terms)) {
      if (nest.lanes > 1)
        return refuse(inner, "lanes of what is no sum");
      int carry = build(argument, 0), update = carry < 0 ? -1 : build(yielded, 0);
      if (update >= 0)
        updates.push_back({carry, update});
      return update;
    }
    int sum = buildTree(terms, path.groups[g].end + 1, yielded.getType().getIntOrFloatBitWidth());
    int initial = sum < 0 ? -1 : build(nest.loop(path.groups[g].begin).getInits()[number], 0);
    if (initial < 0)
      return -1;
    int node = add({Node::Accumulate,
                    yielded.getDefiningOp(),
                    0,
                    {sum, initial},
                    path.nodes[initial].width,
                    path.groups[g].end + 1});
    path.nodes[node].minusA = treeIsNegative;
    path.nodes[node].index = firstRegister[g] + number;
    return node;
  }

public:
  /// The terms that `value` adds to `argument`, with true for those that it subtracts; false if it is no such sum.
  static bool collectTerms(Value value, Value argument, affine::AffineForOp loop,
                           SmallVectorImpl<std::pair<Value, bool>> &terms) {
    if (value == argument)
      return argument.hasOneUse();
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != loop.getBody() || !value.hasOneUse() || !isa<arith::AddIOp, arith::SubIOp>(op))
      return false;
    size_t before = terms.size();
    if (collectTerms(op->getOperand(0), argument, loop, terms)) {
      terms.push_back({op->getOperand(1), isa<arith::SubIOp>(op)});
      return true;
    }
    terms.truncate(before);
    if (!isa<arith::AddIOp>(op) || !collectTerms(op->getOperand(1), argument, loop, terms))
      return false;
    terms.push_back({op->getOperand(0), false});
    return true;
  }

private:
  /// A tree of additions over terms and lanes. Each has the bits that it needs: the sum is exact modulo 2^width.
  int buildTree(ArrayRef<std::pair<Value, bool>> terms, unsigned level, int64_t width) {
    SmallVector<std::pair<int, bool>> row;
    unsigned innermost = nest.loops.size() - 1;
    int64_t lanes = level == nest.loops.size() ? nest.lanes : 1;
    for (int64_t lane = 0; lane < lanes; ++lane)
      for (auto [value, isMinus] : terms) {
        int node = build(withoutExtension(value), lane);
        if (node < 0)
          return -1;
        if (lanes > 1 && !nest.indexOf(innermost, nest.trips(innermost) - 1, lane))
          node = add({Node::Mask, nullptr, lane, {node}, path.nodes[node].width, level});
        row.push_back({node, isMinus});
      }
    while (row.size() > 1) {
      SmallVector<std::pair<int, bool>> next;
      for (size_t i = 0; i + 1 < row.size(); i += 2) {
        auto [a, minusA] = row[i];
        auto [b, minusB] = row[i + 1];
        if (minusA && !minusB) { // b - a
          std::swap(a, b);
          std::swap(minusA, minusB);
        }
        Node sum(Node::Sum, nullptr, 0, {a, b}, 0, level);
        sum.width = std::min(width, std::max(path.nodes[a].width, path.nodes[b].width) + 1);
        sum.minusB = minusA != minusB;
        next.push_back({add(std::move(sum)), minusA && minusB});
      }
      if (row.size() % 2 == 1)
        next.push_back(row.back());
      row = std::move(next);
    }
    treeIsNegative = row[0].second;
    return row[0].first;
  }

  static Value withoutExtension(Value value) {
    while (auto extension = value.getDefiningOp<arith::ExtSIOp>())
      value = extension.getIn();
    return value;
  }

  //===--------------------------------------------------------------------===//
  // Constants in the order in which they are read
  //===--------------------------------------------------------------------===//

  LogicalResult makeRoms() {
    llvm::MapVector<std::pair<StringRef, unsigned>, SmallVector<int>> loads;
    for (auto [i, node] : llvm::enumerate(path.nodes))
      if (node.kind == Node::RomRead)
        loads[{globalOf(node).getSymName(), node.level}].push_back(i);
    for (auto &[key, nodes] : loads)
      if (failed(makeRom(globalOf(path.nodes[nodes[0]]), nodes)))
        return failure();
    return success();
  }

  static memref::GlobalOp globalOf(const Node &node) {
    auto get = cast<affine::AffineLoadOp>(node.op).getMemRef().getDefiningOp<memref::GetGlobalOp>();
    return node.op->getParentOfType<ModuleOp>().lookupSymbol<memref::GlobalOp>(get.getName());
  }

  /// The loops of the nest that `value`, an index, is of; -1 if it is no such loop's.
  int loopOf(Value value) {
    for (unsigned d = 0; d < nest.loops.size(); ++d)
      if (nest.loop(d).getInductionVar() == value)
        return d;
    return -1;
  }

  LogicalResult makeRom(memref::GlobalOp global, ArrayRef<int> loads) {
    auto values = dyn_cast_or_null<DenseIntElementsAttr>(global ? global.getInitialValueAttr() : Attribute());
    if (!values)
      return failure(refuse(path.nodes[loads[0]].op, "expects constants with their numbers") < 0);
    SmallVector<bool> isUsed(nest.loops.size(), false);
    for (int n : loads)
      for (auto [i, operand] : llvm::enumerate(cast<affine::AffineLoadOp>(path.nodes[n].op).getMapOperands())) {
        if (loopOf(operand) < 0)
          return failure(refuse(path.nodes[n].op, "expects places that indices of its loops give") < 0);
        isUsed[loopOf(operand)] |= cast<affine::AffineLoadOp>(path.nodes[n].op).getAffineMap().isFunctionOfDim(i);
      }
    Rom rom;
    rom.global = global;
    rom.place.strides.assign(nest.loops.size(), 0);
    int64_t words = 1;
    for (int d = nest.loops.size() - 1; d >= 0; --d)
      if (isUsed[d]) {
        rom.place.strides[d] = words;
        words *= nest.trips(d);
      }
    for (int n : loads) {
      path.nodes[n].index = path.roms.size();
      path.nodes[n].offset = rom.width;
      rom.width += path.nodes[n].width;
    }
    rom.words.assign(words, APInt(rom.width, 0));
    auto numbers = llvm::to_vector(values.getValues<APInt>());
    SmallVector<int64_t> counts(nest.loops.size(), 0);
    for (APInt &word : rom.words) {
      for (int n : loads)
        if (auto at = placeOf(cast<affine::AffineLoadOp>(path.nodes[n].op), counts, path.nodes[n].lane)) {
          FailureOr<APInt> number = stored(n, numbers[*at]);
          if (failed(number))
            return failure();
          word.insertBits(*number, path.nodes[n].offset);
        }
      for (int d = nest.loops.size() - 1; d >= 0; --d) {
        if (isUsed[d] && ++counts[d] < nest.trips(d))
          break;
        counts[d] = 0;
      }
    }
    path.roms.push_back(std::move(rom));
    return success();
  }

  /// `number`, a constant that node `n` reads; where it says a place, where in a bank that is.
  FailureOr<APInt> stored(int n, APInt number) {
    auto turns = turnsOf.find(n);
    if (turns == turnsOf.end())
      return number;
    int64_t place = number.getSExtValue();
    bool isPlace = place >= 0 && place < static_cast<int64_t>(turns->second.size());
    if (!isPlace || !llvm::isIntN(number.getBitWidth(), turns->second[place]))
      return failure(refuse(path.nodes[n].op, "expects constants that are places, and bits for all of them") < 0);
    return APInt(number.getBitWidth(), turns->second[place]);
  }

  std::optional<int64_t> placeOf(affine::AffineLoadOp load, ArrayRef<int64_t> counts, int64_t lane) {
    return placeIn(nest, load.getAffineMap(), load.getMapOperands(), counts, lane);
  }

  DataPath &path;
  const Nest &nest;
  Value input;
  DataPath::ReadOf readOf;
  llvm::DenseMap<std::pair<Value, int64_t>, int> known;
  /// Of a node that says which place is read.
  std::map<int, ArrayRef<int64_t>> turnsOf;
  std::map<std::pair<unsigned, unsigned>, int> results;
  SmallVector<unsigned> firstRegister;
  SmallVector<std::pair<int, int>> updates;
  bool treeIsNegative = false;
};

} // namespace mlir::compress::hls

std::optional<int64_t> mlir::compress::hls::placeIn(const Nest &nest, AffineMap map, ValueRange operands,
                                                    ArrayRef<int64_t> counts, int64_t lane) {
  SmallVector<int64_t> indices;
  for (Value operand : operands) {
    std::optional<int64_t> index;
    for (unsigned d = 0; d < nest.loops.size(); ++d)
      if (nest.loop(d).getInductionVar() == operand)
        index = nest.indexOf(d, counts[d], lane);
    if (!index)
      return std::nullopt;
    indices.push_back(*index);
  }
  return map.compose(indices).front();
}

bool mlir::compress::hls::isSum(const Nest &nest) {
  if (nest.loops.size() == nest.numOuter)
    return false;
  affine::AffineForOp loop = nest.loops.back();
  for (auto [argument, yielded] :
       llvm::zip_equal(loop.getRegionIterArgs(), loop.getBody()->getTerminator()->getOperands())) {
    SmallVector<std::pair<Value, bool>> terms;
    if (yielded == argument || !DataPathBuilder::collectTerms(yielded, argument, loop, terms))
      return false;
  }
  return true;
}

FailureOr<DataPath> DataPath::get(const Nest &nest, Value input, ReadOf readOf) {
  DataPath path;
  path.nest = nest;
  if (failed(DataPathBuilder(path, input, readOf).run()))
    return failure();
  return std::move(path);
}
