//===- Estimate.cpp - What a scheduled network takes -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// DSP and BRAM follow rules of Yosys. LUTs and flip-flops are sums over what is printed, of what each takes alone,
// times a factor for each part (kParts): synthesis shares logic and merges registers, more of it in some parts than in
// others. The factors are least squares of relative errors over the 24 layers of `tools/dev/rtl-sweep.py --seed 4242
// --count 12
// --convs 12 --synth`, with a prior of 1 at a fifth of the weight of a layer; docs/HLS.md has the errors on others.
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Verilog/Estimate.h"
#include "TaskPrinter.h"
#include "compress/Dialect/HLS/Transforms/Multipliers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

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
constexpr double kAddLUTs = 0.45, kSumLUTs = 1, kCompareLUTs = 0.5, kChooseLUTs = 0.5, kSaturateLUTs = 1.2;

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

/// LUTs of a rounding: the sum with a constant is carries alone; numbers that are too large are replaced bit by bit.
double lutsOfRounding(func::CallOp call) {
  double luts = 1;
  auto callee = call->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(call.getCallee());
  callee.walk([&](arith::MinSIOp op) { luts += kSaturateLUTs * call.getResult(0).getType().getIntOrFloatBitWidth(); });
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

/// Parts of a task, what synthesis leaves of the LUTs and flip-flops of each.
enum Part { kOperations, kRoundings, kSums, kRegisters, kRoms, kControl, kBanks, kNumParts };
struct PartFit {
  double lut, ff;
};
constexpr PartFit kParts[kNumParts] = {{0.95, 1},    {1.45, 1},    {1.17, 0.74}, {1, 0.78},
                                       {0.95, 1.07}, {0.62, 0.74}, {0.22, 0.83}};

/// A memory below the size of block RAM; of two words, registers and a choice.
Resources smallMemory(int64_t words, int64_t width) {
  constexpr int64_t kRegisterWords = 2;
  Resources sum;
  if (words <= kRegisterWords) {
    sum.ff = words * width;
    sum.lut = (words - 1) * width;
  } else {
    sum.lut = distributedRamLUTs(words, width);
  }
  return sum;
}

class TaskEstimator {
public:
  TaskEstimator(const TaskSchedule &task, ArrayRef<int64_t> depths) : task(task), printer(task, depths) {
    printer.print();
  }

  Resources run() {
    for (auto [n, index] : printer.parts)
      add(task.paths[n], task.paths[n].nodes[index]);
    for (const DataPath &path : task.paths) {
      for (auto [o, width] : llvm::enumerate(task.outputWidths))
        if (size_t stores = path.storesTo(o).size(); stores + task.paths.size() > 2) // one of several
          luts[kOperations] += kChooseLUTs * width * stores;
      for (const Rom &rom : path.roms)
        addRom(rom);
    }
    addCarried();
    addControl();
    if (!task.isStreamed)
      addBanks();
    double lut = 0, ff = 0;
    for (auto [fit, partLUTs, partFFs] : llvm::zip_equal(kParts, luts, ffs)) {
      lut += fit.lut * partLUTs;
      ff += fit.ff * partFFs;
    }
    sum.lut += std::llround(lut);
    sum.ff += std::llround(ff);
    return sum;
  }

private:
  void add(const DataPath &path, const Node &node) {
    switch (node.kind) {
    case Node::Mask:
      luts[kOperations] += kChooseLUTs * node.width;
      return;
    case Node::Sum:
      luts[kSums] += kSumLUTs * node.width;
      return;
    case Node::Accumulate: // a register, or what it starts from, and a sum
    case Node::Carry:
      luts[kSums] += (kChooseLUTs + (node.kind == Node::Accumulate ? kSumLUTs : 0)) * node.width;
      ffs[kSums] += node.width;
      return;
    case Node::Compute:
      break;
    default:
      return;
    }
    if (auto call = dyn_cast<func::CallOp>(node.op))
      luts[kRoundings] += lutsOfRounding(call);
    else if (std::optional<ProductWidths> widths = productOf(path, node))
      addProduct(*widths);
    else
      luts[kOperations] += lutsOf(node.op);
  }

  void addProduct(ProductWidths widths) {
    int64_t dsp = multipliersFor(widths.a, widths.b, widths.product);
    sum.dsp += dsp;
    luts[kOperations] += dsp == 0 ? std::min(widths.a, widths.b) * widths.product : (dsp - 1) * widths.product;
  }

  void addRom(const Rom &rom) {
    int64_t words = rom.words.size();
    if (words == 1)
      return;
    if (words * rom.width >= kLeastBlockBits) {
      sum.bram18 += blockRamsFor(words, rom.width);
      return;
    }
    luts[kRoms] += rom.width * std::max(words / 64.0, words <= 8 ? 0.5 : 1.0);
    ffs[kRoms] += rom.width;
  }

  /// A register for each stage: shift registers in LUTs are left out, for Yosys 0.23 loses their clock enable
  /// (docs/HLS.md).
  void addCarried() {
    for (auto &[name, use] : printer.carried)
      ffs[kRegisters] += use.first * *use.second.rbegin();
  }

  /// Counters of loops, places in memories, and what decides on an issue.
  void addControl() {
    for (int64_t trips : printer.tripsOfLoop)
      if (trips > 1) {
        luts[kControl] += 2 * bitsOf(trips - 1);
        ffs[kControl] += bitsOf(trips - 1);
      }
    for (auto &[key, name] : printer.offsets) {
      luts[kControl] += 2 * std::get<2>(key);
      ffs[kControl] += std::get<2>(key);
    }
    luts[kControl] += printer.placeBits;
    for (auto [path, valid] : llvm::zip(task.paths, printer.lastValid)) {
      luts[kControl] += 6 + bitsOf(path.ii + path.gap);
      ffs[kControl] += bitsOf(path.ii + path.gap) + valid;
    }
  }

  void addBanks() {
    for (int64_t words : task.bankWords) {
      int64_t bits = bitsOf(words - 1), deep = task.window ? words : (int64_t(1) << bits) + words;
      if (task.hasBlockBanks()) {
        sum.bram18 += blockRamsFor(deep, task.inputWidths.front());
      } else {
        sum += smallMemory(deep, task.inputWidths.front());
        sum.ff += task.inputWidths.front();
      }
      luts[kBanks] += (task.window ? 2 : 1) * bits + 2;
      ffs[kBanks] += (task.window ? 2 : 1) * bits;
    }
    if (task.window) // what has come, and two comparisons with it
      luts[kBanks] += 3.0 * printer.arrivedBits();
    int64_t turn = bitsOf(task.bankOf.size() - 1), filled = bitsOf(task.inputs - 1);
    luts[kBanks] += turn + filled + filled / 3.0 + 8 + task.bankOf.size() / 16.0;
    ffs[kBanks] += turn + filled + 4;
  }

  const TaskSchedule &task;
  TaskPrinter printer;
  Resources sum;
  double luts[kNumParts] = {}, ffs[kNumParts] = {};
};

} // namespace

Resources mlir::compress::estimateStream(int64_t depth, int64_t width) {
  Resources sum = smallMemory(depth, width);
  int64_t place = bitsOf(depth - 1), count = bitsOf(depth);
  sum.lut += 2 * (2 * place + count) + 2;
  sum.ff += 2 * place + count;
  return sum;
}

Resources mlir::compress::estimate(const TaskSchedule &task, ArrayRef<int64_t> depths) {
  Resources sum = TaskEstimator(task, depths).run();
  for (auto [depth, width] : llvm::zip_equal(depths, task.inputWidths))
    sum += estimateStream(depth, width);
  return sum;
}
