//===- TaskControl.cpp - When iterations of a task are issued --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TaskPrinter.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

void TaskPrinter::printPorts() {
  os << "module " << task.name() << " (\n  input clk, input rst,\n";
  for (auto [i, width] : llvm::enumerate(task.inputWidths)) {
    std::string in = endName("in", i);
    os << "  input " << rangeOf(width) << in << "_data, input ";
    if (task.isStreamed)
      os << rangeOf(bitsOf(inputDepths[i])) << in << "_count";
    else
      os << in << "_valid";
    os << ", output " << in << "_take,\n";
  }
  for (auto [o, width] : llvm::enumerate(task.outputWidths)) {
    std::string out = endName("out", o);
    os << "  output " << rangeOf(width) << out << "_data, output " << out << "_valid, input " << out << "_ready"
       << (o + 1 == task.outputWidths.size() ? "\n" : ",\n");
  }
  os << ");\n  wire en;\n";
}

/// The most cycles between the issue of two iterations, less one.
int64_t TaskPrinter::longestPause() {
  int64_t most = 0;
  for (const DataPath &path : task.paths)
    most = std::max(most, path.ii - 1 + path.gap);
  return most;
}

std::string TaskPrinter::isNest(unsigned n) {
  return nests.size() == 1 ? std::string() : llvm::formatv("nest == {0}'d{1}", bitsOf(nests.size() - 1), n).str();
}

/// What is true when the numbers of the next iteration are there.
std::string TaskPrinter::readyCondition() {
  if (task.window)
    return "$signed(arrived) >= $signed(need)";
  if (!task.isStreamed)
    return "full[reading]";
  std::string ready;
  for (unsigned n = 0; n < nests.size(); ++n) {
    std::string here;
    for (size_t i = 0; i < task.inputWidths.size(); ++i)
      if (int64_t reads = task.paths[n].readsOf(i))
        here += (here.empty() ? "" : " & ") +
                llvm::formatv("{0}_count >= {1}'d{2}", endName("in", i), bitsOf(inputDepths[i]), reads).str();
    here = here.empty() ? "1'b1" : here;
    ready += n + 1 == nests.size() ? here : isNest(n) + " ? " + here + " : ";
  }
  return ready;
}

/// What is kept beside the data: of banks, nests and loops.
void TaskPrinter::declareControl() {
  if (task.window)
    os << "  reg " << rangeOf(arrivedBits()) << "arrived;\n";
  else if (!task.isStreamed)
    os << "  reg reading, filling;\n  reg [1:0] full;\n";
  for (size_t b = 0; b < task.bankWords.size(); ++b)
    os << "  reg " << rangeOf(task.inputWidths.front()) << "bank" << b << "_q;\n";
  for (size_t b = 0; task.window && b < task.bankWords.size(); ++b) // where the sample that is read begins
    os << "  reg " << rangeOf(bitsOf(task.bankWords[b] - 1)) << "bank" << b << "_first;\n";
  if (nests.size() > 1)
    os << "  reg " << rangeOf(bitsOf(nests.size() - 1)) << "nest;\n";
  if (int64_t most = longestPause(); most > 0)
    os << "  reg " << rangeOf(bitsOf(most)) << "pause;\n";
  for (auto [loop, trips] : llvm::enumerate(tripsOfLoop))
    if (trips > 1) {
      int64_t bits = bitsOf(trips - 1);
      os << "  reg " << rangeOf(bits) << "c" << loop << ";\n  wire c" << loop << "_first = c" << loop << " == " << bits
         << "'d0, c" << loop << "_last = c" << loop << " == " << bits << "'d" << trips - 1 << ";\n";
    }
  for (auto &[key, name] : offsets)
    os << "  reg " << rangeOf(std::get<2>(key)) << name << "; // c" << std::get<0>(key) << " * " << std::get<1>(key)
       << "\n";
}

void TaskPrinter::printControl() {
  os << "  // An iteration is issued when the pause after the last one is over and its numbers are there.\n";
  declareControl();
  for (auto &[wire, value] : wires)
    os << "  " << wire << " = " << value << ";\n";
  int64_t most = longestPause();
  os << "  wire issue = " << (most > 0 ? llvm::formatv("pause == {0}'d0 & ", bitsOf(most)).str() : "") << "("
     << readyCondition() << ");\n";
  for (unsigned n = 0; n < nests.size(); ++n) {
    os << "  wire " << nestName(n, "v0") << " = issue" << (nests.size() > 1 ? " & " + isNest(n) : "") << ";\n";
    for (int64_t s = 1; s <= lastValid[n]; ++s)
      os << "  reg " << nestName(n, "v" + llvm::Twine(s)) << ";\n";
  }
  unsigned last = nests.size() - 1;
  if (!task.isStreamed)
    os << "  wire ends = " << nestName(last, "v0") << " & " << allOf(last, 0, nests.back().loops.size(), "_last")
       << ";\n";
  printUpdates();
}

/// What control becomes in the next cycle.
void TaskPrinter::printUpdates() {
  int64_t most = longestPause();
  os << "  always @(posedge clk)\n    if (rst) begin\n";
  if (nests.size() > 1)
    os << "      nest <= 0;\n";
  if (most > 0)
    os << "      pause <= 0;\n";
  for (auto [loop, trips] : llvm::enumerate(tripsOfLoop))
    if (trips > 1)
      os << "      c" << loop << " <= 0;\n";
  for (auto &[key, name] : offsets)
    os << "      " << name << " <= 0;\n";
  for (unsigned n = 0; n < nests.size(); ++n)
    for (int64_t s = 1; s <= lastValid[n]; ++s)
      os << "      " << nestName(n, "v" + llvm::Twine(s)) << " <= 0;\n";
  os << "    end else if (en) begin\n";
  for (unsigned n = 0; n < nests.size(); ++n)
    for (int64_t s = 1; s <= lastValid[n]; ++s)
      os << "      " << nestName(n, "v" + llvm::Twine(s)) << " <= " << nestName(n, "v" + llvm::Twine(s - 1)) << ";\n";
  if (most > 0)
    os << "      if (pause != " << bitsOf(most) << "'d0) pause <= pause - " << bitsOf(most) << "'d1;\n";
  for (unsigned n = 0; n < nests.size(); ++n) {
    os << "      if (" << nestName(n, "v0") << ") begin\n";
    printAdvance(n, nests[n].loops.size(), "        ");
    os << "      end\n";
  }
  os << "    end\n";
}

/// What an iteration of nest `n` does to counts at its issue if loops inside of the outer `d` ones are at their ends.
void TaskPrinter::printAdvance(unsigned n, unsigned d, const std::string &indent) {
  const DataPath &path = task.paths[n];
  auto set = [&](unsigned loop, bool isNext) {
    int64_t trips = tripsOfLoop[loop], bits = bitsOf(trips - 1);
    if (trips == 1)
      return;
    std::string name = "c" + std::to_string(loop);
    os << indent << "  " << name
       << " <= " << (isNext ? llvm::formatv("{0} + {1}'d1", name, bits).str() : llvm::formatv("{0}'d0", bits).str())
       << ";\n";
    for (auto &[key, offset] : offsets) {
      auto [of, stride, width] = key;
      if (of != loop)
        continue;
      uint64_t step = static_cast<uint64_t>(stride) & ((uint64_t(1) << width) - 1);
      os << indent << "  " << offset << " <= "
         << (isNext ? llvm::formatv("{0} + {1}'d{2}", offset, width, step).str() : llvm::formatv("{0}'d0", width).str())
         << ";\n";
    }
  };
  auto resetInside = [&](unsigned from) {
    for (unsigned inner = from; inner < nests[n].loops.size(); ++inner)
      set(loopNumbers[nests[n].loop(inner)], false);
  };
  auto go = [&](unsigned to, bool leaves) {
    if (int64_t most = longestPause(); most > 0)
      os << indent << "  pause <= " << bitsOf(most) << "'d" << path.ii - 1 + (leaves ? path.gap : 0) << ";\n";
    if (to != n)
      os << indent << "  nest <= " << bitsOf(nests.size() - 1) << "'d" << to << ";\n";
  };
  if (d == 0) {
    resetInside(0);
    return go((n + 1) % nests.size(), true);
  }
  if (!order.isLastIn[n][d - 1]) {
    resetInside(d);
    return go(n + 1, true);
  }
  unsigned loop = loopNumbers[nests[n].loop(d - 1)];
  if (tripsOfLoop[loop] == 1)
    return printAdvance(n, d - 1, indent);
  os << indent << "if (~c" << loop << "_last) begin\n";
  set(loop, true);
  resetInside(d);
  go(order.firstIn[n][d - 1], order.firstIn[n][d - 1] != n);
  os << indent << "end else begin\n";
  printAdvance(n, d - 1, indent + "  ");
  os << indent << "end\n";
}
