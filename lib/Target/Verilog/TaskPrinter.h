//===- TaskPrinter.h - One task as a module --------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_VERILOG_TASKPRINTER_H
#define COMPRESS_LIB_TARGET_VERILOG_TASKPRINTER_H

#include "compress/Target/Verilog/Verilog.h"
#include "llvm/Support/raw_ostream.h"
#include <map>
#include <set>

namespace mlir::compress {

/// `[7:0] ` for 8 bits.
std::string rangeOf(int64_t width);
/// Bits in which 0 to `most` are written, at least 1.
int64_t bitsOf(int64_t most);
/// The bits of `value` as a literal.
std::string literal(const llvm::APInt &value);
/// `text`, of `from` bits, in `to` bits.
std::string signExtended(const std::string &text, int64_t from, int64_t to);
/// The combinational operation `op` on `operands`, the names of wires as wide as its operands.
std::string expressionOf(Operation *op, llvm::ArrayRef<std::string> operands);
/// True for an operation whose result is bits of its operand, at other places or more than once.
bool isWire(Operation *op);
/// A function of one number, a rounding, as a module with ports x and y.
std::string printRounding(func::FuncOp function);

/// What ports of the end `number` begin with: `in` and `in1`, `out` and `out1`.
std::string endName(const char *side, size_t number);

/// Prints the module of one task.
///
/// Everything that belongs to iterations advances with `en`, which is low only while a full stream cannot take a
/// number. A value is a wire in the stage in which it is made; `_d1`, `_d2`, … are registers that carry it into later
/// ones.
class TaskPrinter {
public:
  /// With streams before it of such depths.
  TaskPrinter(const hls::TaskSchedule &task, llvm::ArrayRef<int64_t> inputDepths);

  std::string print();
  /// Files of its constants.
  std::vector<VerilogFile> files;
  /// Roundings that it uses.
  SmallVector<func::FuncOp> roundings;

  /// Nodes, by nest, that have hardware of their own: others are wires, or equal to one of them.
  std::vector<std::pair<unsigned, int>> parts;
  /// What is carried into later stages: by name, its width and the stages in which it is used.
  std::map<std::string, std::pair<int64_t, std::set<int64_t>>> carried;
  /// Products of counts with strides that are kept as registers: loop, stride, width.
  std::map<std::tuple<unsigned, int64_t, int64_t>, std::string> offsets;
  /// Additions of places, their bits.
  int64_t placeBits = 0;
  /// Iterations of the loops that have counters.
  std::vector<int64_t> tripsOfLoop;
  /// Stages of each nest in which its valid bit is used.
  SmallVector<int64_t> lastValid;
  /// Bits in which numbers that have come are counted: those of a sample that is read, and what is kept of the next;
  /// less than none while the end of a sample, which nobody reads, has not come.
  int64_t arrivedBits();

private:
  std::string nestName(unsigned n, const llvm::Twine &what);
  std::string valid(unsigned n, int64_t stage);
  /// `name`, a wire of `width` bits in stage `ready` of an iteration, in a later one.
  std::string later(const std::string &name, int64_t width, int64_t ready, int64_t stage);
  std::string valueAt(unsigned n, int node, int64_t stage);
  /// The name of a wire of `width` bits that is `value`: `name`, or that of an equal one.
  std::string wireFor(const std::string &name, int64_t width, const std::string &value, bool &isNew);
  std::string counter(unsigned n, unsigned d);
  /// All counts of loops `begin` to `end` of a nest are their first, or their last.
  std::string allOf(unsigned n, unsigned begin, unsigned end, const char *which);
  std::string flag(unsigned n, const std::string &name, const std::string &value, int64_t stage);
  /// The wire of a place in a memory in stage 0.
  std::string placeWire(unsigned n, const hls::Place &place, int64_t width);

  void printPorts();
  int64_t longestPause();
  /// True in Verilog while iterations of nest `n` are issued; empty if there is no other.
  std::string isNest(unsigned n);
  std::string readyCondition();
  void declareControl();
  void printControl();
  void printUpdates();
  void printAdvance(unsigned n, unsigned d, const std::string &indent);
  void printBanks();
  void printBank(int64_t bank, const std::string &condition);
  /// When numbers may be taken, and which are kept no more.
  void printHalves();
  void printWindow();
  void printNest(unsigned n);
  void printRom(unsigned n, unsigned rom);
  void printNode(unsigned n, int node);
  /// The wire of a node of that value, which may be one that is there.
  void declare(unsigned n, int node, const std::string &value);
  std::string operandAt(unsigned n, const hls::Node &node, unsigned number);
  std::string extendedTo(int64_t width, unsigned n, const hls::Node &node, unsigned number);
  void printBankRead(unsigned n, int node);
  void printMask(unsigned n, int node);
  void printCarried(unsigned n, int node);
  void printRoundingOf(unsigned n, int node, func::CallOp call);
  void printOperation(unsigned n, int node);
  void printOutputs();
  /// What decides that a number of output `output` leaves; the numbers that may.
  std::pair<std::string, std::string> printGives(int64_t output);
  /// Declares what carries values; returns the code that moves them.
  std::string printRegisters();

  const hls::TaskSchedule &task;
  SmallVector<int64_t> inputDepths;
  SmallVector<hls::Nest> nests;
  hls::NestOrder order;
  std::string text;
  llvm::raw_string_ostream os{text};
  /// What registers of sums take.
  struct Update {
    std::string condition, reg;
    unsigned nest;
    int node;
    int64_t stage;
  };
  std::vector<Update> updates;
  llvm::DenseMap<Operation *, unsigned> loopNumbers;
  /// Names of wires of nodes by nest; empty where there is none yet.
  std::vector<std::vector<std::string>> names;
  std::map<std::string, std::string> wires;
  /// Names of wires by what they are: what is equal in every cycle is there once. Numbers of a stream are one wire in
  /// different cycles, so the butterflies of a transform that reads them one by one often are.
  std::map<std::string, std::string> known;
  /// For each bank, who reads it: a condition and a place.
  std::vector<std::vector<std::pair<std::string, std::string>>> bankReads;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_TARGET_VERILOG_TASKPRINTER_H
