//===- Estimate.cpp - What a scheduled network takes -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// DSP and BRAM follow rules of Yosys. LUTs are a sum over operations of what each takes alone, with the constants
// below, fitted on the 20 fixed layers of tools/dev/rtl-sweep.py; docs/HLS.md has the errors on other ones.
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Verilog/Estimate.h"
#include "TaskPrinter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

int64_t mlir::compress::multipliersFor(int64_t a, int64_t b, int64_t product) {
  constexpr int64_t kA = 25, kB = 18, kTile = 17; // a tile of 18 bits has a sign that is 0
  if (a < b)
    std::swap(a, b);
  if (a < 2 || b < 2 || product < 9)
    return 0;
  if (a > kA) {
    int64_t tiles = llvm::divideCeil(a - kA, kTile), last = a - tiles * kTile;
    return tiles * multipliersFor(kTile + 1, b, std::min(product, b + kTile + 1)) + multipliersFor(last, b, b + last);
  }
  if (b > kB) {
    int64_t tiles = llvm::divideCeil(b - kB, kTile), last = b - tiles * kTile;
    return tiles * multipliersFor(a, kTile + 1, std::min(product, a + kTile + 1)) + multipliersFor(a, last, a + last);
  }
  return 1;
}

int64_t mlir::compress::blockRamsFor(int64_t words, int64_t width) {
  int64_t least = INT64_MAX;
  for (auto [depth, bits] :
       {std::pair<int64_t, int64_t>{512, 36}, {1024, 18}, {2048, 9}, {4096, 4}, {8192, 2}, {16384, 1}})
    least = std::min<int64_t>(least, llvm::divideCeil(words, depth) * llvm::divideCeil(width, bits));
  return least;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

namespace {

/// LUTs for each bit of a result.
constexpr double kAddLUTs = 1, kCompareLUTs = 0.5, kChooseLUTs = 0.5;

/// LUTs of one operation that is no product; wires take none.
double lutsOf(Operation *op) {
  int64_t width = op->getResult(0).getType().getIntOrFloatBitWidth();
  APInt amount;
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return kAddLUTs * width;
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op))
    return (kCompareLUTs + kChooseLUTs) * width;
  if (isa<arith::SelectOp>(op))
    return kChooseLUTs * width;
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) { // with 0: the sign, which is there
    bool isSign = compare.getPredicate() == arith::CmpIPredicate::slt && matchPattern(compare.getRhs(), m_Zero());
    return isSign ? 0 : kCompareLUTs * compare.getLhs().getType().getIntOrFloatBitWidth();
  }
  if (isa<arith::ShLIOp>(op) && !matchPattern(op->getOperand(1), m_ConstantInt(&amount))) // layers of 4 to 1
    return 2.0 * width;
  return 0;
}

double lutsOfRounding(func::CallOp call) {
  double luts = 0;
  auto callee = call->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(call.getCallee());
  callee.walk([&](Operation *op) {
    if (op->getNumResults() == 1)
      luts += lutsOf(op);
  });
  return luts;
}

/// LUTs of a memory in them that is written by one port and read by another: 6 bits of 32 words, or 3 of 64, in a slice
/// of 4.
int64_t distributedRamLUTs(int64_t words, int64_t width) {
  if (words <= 32)
    return 4 * llvm::divideCeil(width, 6);
  int64_t rows = llvm::divideCeil(words, 64);
  return rows * 4 * llvm::divideCeil(width, 3) + (rows > 1 ? width * (rows - 1) / 2 + rows : 0);
}

/// Registers that carry values from stage to stage: those that are only passed on, three or more in a row, are shift
/// registers.
class Carried {
public:
  void use(const std::string &name, int64_t width, int64_t stages) {
    if (stages > 0) {
      taps[name].first = width;
      taps[name].second.insert(stages);
    }
  }

  void addTo(Resources &sum) const {
    for (auto &[name, use] : taps) {
      int64_t last = 0;
      for (int64_t tap : use.second) {
        int64_t length = tap - last;
        bool isShift = length >= 3;
        sum.lut += isShift ? use.first * llvm::divideCeil(length, 32) : 0;
        sum.ff += isShift ? 0 : use.first * length;
        last = tap;
      }
    }
  }

private:
  std::map<std::string, std::pair<int64_t, std::set<int64_t>>> taps;
};

class PathEstimator {
public:
  PathEstimator(const TaskSchedule &task, const DataPath &path) : task(task), path(path) {}

  Resources run() {
    for (auto [i, node] : llvm::enumerate(path.nodes)) {
      add(node);
      for (size_t k = 0; k < node.in.size(); ++k) {
        const Node &operand = path.nodes[node.in[k]];
        if (operand.kind != Node::Constant && !(node.kind == Node::Carry && k == 1))
          carried.use("x" + std::to_string(rootOf(node.in[k])), path.nodes[rootOf(node.in[k])].width,
                      node.start - operand.ready());
      }
    }
    for (const Rom &rom : path.roms)
      addRom(rom);
    for (int r : path.nodesOf(Node::BankRead))
      carried.use("at" + std::to_string(r), bitsOf(task.bankWords[path.nodes[r].index] - 1) + 1, path.nodes[r].start);
    carried.addTo(sum);
    sum.ff += path.depth; // valid bits
    sum.lut += std::llround(luts);
    return sum;
  }

private:
  /// Wires have no registers of their own: what they are made of is carried.
  int rootOf(int n) const {
    const Node &node = path.nodes[n];
    return node.kind == Node::Compute && isa<arith::ExtSIOp>(node.op) ? rootOf(node.in[0]) : n;
  }

  /// Bits of a factor before it is extended; of a constant, those that it needs.
  int64_t factorBits(const Node &node, unsigned k) const {
    const Node &factor = path.nodes[node.in[k]];
    if (factor.kind == Node::Constant)
      return factor.value.getSignificantBits();
    return path.nodes[rootOf(node.in[k])].width;
  }

  void add(const Node &node) {
    switch (node.kind) {
    case Node::Mask:
      luts += kChooseLUTs * node.width;
      return;
    case Node::Sum:
      luts += kAddLUTs * node.width;
      return;
    case Node::Accumulate: // a register, or what it starts from, and a sum
      luts += (kAddLUTs + kChooseLUTs) * node.width;
      sum.ff += node.width;
      return;
    case Node::Carry:
      luts += kChooseLUTs * node.width;
      sum.ff += node.width;
      return;
    case Node::Store: // one of several
      luts += path.stores.size() > 1 || task.paths.size() > 1 ? kChooseLUTs * node.width : 0;
      return;
    case Node::Compute:
      break;
    default:
      return;
    }
    if (auto call = dyn_cast<func::CallOp>(node.op))
      luts += lutsOfRounding(call);
    else if (isa<arith::MulIOp>(node.op))
      addProduct(node);
    else
      luts += lutsOf(node.op);
  }

  void addProduct(const Node &node) {
    int64_t a = factorBits(node, 0), b = factorBits(node, 1);
    for (int n : node.in)
      if (path.nodes[n].kind == Node::Constant && path.nodes[n].value.isPowerOf2())
        return; // wires
    int64_t product = std::min(node.width, a + b), dsp = multipliersFor(a, b, product);
    sum.dsp += dsp;
    luts += dsp == 0 ? std::min(a, b) * product : (dsp - 1) * product;
  }

  void addRom(const Rom &rom) {
    int64_t words = rom.words.size();
    if (words == 1)
      return;
    if (words * rom.width >= kLeastBlockBits) {
      sum.bram18 += blockRamsFor(words, rom.width);
    } else {
      luts += rom.width * (words <= 64 ? 1.0 : words / 64.0 * 1.25) * (words <= 4 ? 0.5 : 1);
      sum.ff += rom.width;
    }
    for (const Node &node : path.nodes)
      if (node.kind == Node::RomRead && path.roms[node.index].global == rom.global)
        carried.use("rom" + std::to_string(node.index), bitsOf(words - 1), node.start);
  }

  const TaskSchedule &task;
  const DataPath &path;
  Resources sum;
  double luts = 0;
  Carried carried;
};

} // namespace

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

Resources mlir::compress::estimateStream(int64_t depth, int64_t width) {
  Resources sum;
  int64_t place = bitsOf(depth - 1), count = bitsOf(depth);
  sum.lut = (depth == 1 ? 0 : distributedRamLUTs(depth, width)) + 2 * (2 * place + count) + 2;
  sum.ff = 2 * place + count + (depth == 1 ? width : 0);
  return sum;
}

/// Counters of loops, places in memories, and what decides on an issue.
static Resources estimateControl(const TaskSchedule &task) {
  Resources sum;
  llvm::DenseMap<Operation *, int64_t> loops;
  std::map<std::tuple<Operation *, int64_t, int64_t>, bool> offsets;
  for (const DataPath &path : task.paths) {
    auto addPlace = [&](const Place &place, int64_t width) {
      int64_t used = 0;
      for (auto [d, stride] : llvm::enumerate(place.strides))
        if (stride != 0 && path.nest.trips(d) > 1) {
          ++used;
          offsets[{path.nest.loop(d), stride, width}] = true;
        }
      sum.lut += std::max<int64_t>(used - 1 + (place.base != 0), 0) * width;
    };
    for (unsigned d = 0; d < path.nest.loops.size(); ++d)
      loops[path.nest.loop(d)] = path.nest.trips(d);
    for (const Rom &rom : path.roms)
      addPlace(rom.place, bitsOf(rom.words.size() - 1));
    for (int r : path.nodesOf(Node::BankRead))
      addPlace(path.nodes[r].place, bitsOf(task.bankWords[path.nodes[r].index] - 1));
    sum.lut += 6 + bitsOf(path.ii + path.gap);
    sum.ff += bitsOf(path.ii + path.gap);
  }
  for (auto &[loop, trips] : loops)
    if (trips > 1) {
      sum.lut += 2 * bitsOf(trips - 1);
      sum.ff += bitsOf(trips - 1);
    }
  for (auto &[key, isUsed] : offsets) {
    sum.lut += 2 * std::get<2>(key);
    sum.ff += std::get<2>(key);
  }
  return sum;
}

Resources mlir::compress::estimate(const TaskSchedule &task, int64_t depth) {
  Resources sum = estimateStream(depth, task.inputWidth);
  sum += estimateControl(task);
  for (const DataPath &path : task.paths)
    sum += PathEstimator(task, path).run();
  for (int64_t words : task.bankWords) {
    int64_t bits = bitsOf(words - 1), deep = (int64_t(1) << bits) + words;
    if (task.hasBlockBanks()) {
      sum.bram18 += blockRamsFor(deep, task.inputWidth);
    } else {
      sum.lut += distributedRamLUTs(deep, task.inputWidth);
      sum.ff += task.inputWidth;
    }
    sum.lut += bits + 2;
    sum.ff += bits;
  }
  if (!task.isStreamed) {
    int64_t turn = bitsOf(task.bankOf.size() - 1), filled = bitsOf(task.inputs - 1);
    sum.lut += turn + filled + filled / 3 + 8 + static_cast<int64_t>(task.bankOf.size()) / 16;
    sum.ff += turn + filled + 4;
  }
  return sum;
}
