//===- TaskPrinter.cpp - One task as a module ------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TaskPrinter.h"
#include "compress/Dialect/HLS/Transforms/Multipliers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

TaskPrinter::TaskPrinter(const TaskSchedule &task, ArrayRef<int64_t> inputDepths)
    : lastValid(task.paths.size(), 0), task(task), inputDepths(inputDepths),
      nests(llvm::map_range(task.paths, [](const DataPath &path) { return path.nest; })), order(nests),
      bankReads(task.bankWords.size()) {
  for (const Nest &nest : nests)
    for (unsigned d = 0; d < nest.loops.size(); ++d)
      if (loopNumbers.try_emplace(nest.loop(d), tripsOfLoop.size()).second)
        tripsOfLoop.push_back(nest.trips(d));
  for (const DataPath &path : task.paths)
    names.emplace_back(path.nodes.size());
}

std::string TaskPrinter::print() {
  // Nests first: they say what control has to keep.
  auto taken = [&] {
    std::string part;
    std::swap(part, text);
    return part;
  };
  for (unsigned n = 0; n < nests.size(); ++n)
    printNest(n);
  std::string late;
  for (const Update &update : updates) // which may be of later nodes
    late += "  always @(posedge clk) if (en & " + update.condition + ") " + update.reg +
            " <= " + valueAt(update.nest, update.node, update.stage) + ";\n";
  os << late;
  std::string body = taken();
  printOutputs();
  if (!task.isStreamed)
    printBanks();
  std::string ends = taken();
  printPorts();
  printControl();
  std::string moves = printRegisters();
  return taken() + body + "\n" + ends + moves + "endmodule\n";
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

std::string mlir::compress::endName(const char *side, size_t number) {
  return side + (number == 0 ? std::string() : std::to_string(number));
}

std::string TaskPrinter::nestName(unsigned n, const llvm::Twine &what) {
  return ("n" + llvm::Twine(n) + "_" + what).str();
}

std::string TaskPrinter::valid(unsigned n, int64_t stage) {
  lastValid[n] = std::max(lastValid[n], stage);
  return nestName(n, "v" + llvm::Twine(stage));
}

std::string TaskPrinter::later(const std::string &name, int64_t width, int64_t ready, int64_t stage) {
  if (stage == ready)
    return name;
  auto &[carriedWidth, stages] = carried[name];
  carriedWidth = width;
  stages.insert(stage - ready);
  return name + "_d" + std::to_string(stage - ready);
}

std::string TaskPrinter::wireFor(const std::string &name, int64_t width, const std::string &value, bool &isNew) {
  auto [it, wasNew] = known.try_emplace(std::to_string(width) + ":" + value, name);
  isNew = wasNew;
  if (isNew)
    os << "  wire " << rangeOf(width) << name << " = " << value << ";\n";
  return it->second;
}

std::string TaskPrinter::valueAt(unsigned n, int index, int64_t stage) {
  const Node &node = task.paths[n].nodes[index];
  if (std::optional<APInt> constant = constantOf(task.paths[n], node))
    return literal(*constant);
  if (node.kind != Node::Compute || !isWire(node.op))
    return later(names[n][index], node.width, node.ready(), stage);
  // Bits are carried before they are copied.
  bool isNew;
  std::string x = valueAt(n, node.in[0], stage);
  if (constantOf(task.paths[n], task.paths[n].nodes[node.in[0]])) // a literal has no bits to choose from
    x = wireFor(nestName(n, "x" + llvm::Twine(index) + "_c"), task.paths[n].nodes[node.in[0]].width, x, isNew);
  std::string value = expressionOf(node.op, {x, ""});
  return wireFor(nestName(n, "x" + llvm::Twine(index) + "_s" + llvm::Twine(stage)), node.width, value, isNew);
}

std::string TaskPrinter::counter(unsigned n, unsigned d) { return "c" + std::to_string(loopNumbers[nests[n].loop(d)]); }

std::string TaskPrinter::allOf(unsigned n, unsigned begin, unsigned end, const char *which) {
  std::vector<std::string> parts;
  for (unsigned d = begin; d < end; ++d)
    if (nests[n].trips(d) > 1)
      parts.push_back(counter(n, d) + which);
  return parts.empty() ? "1'b1" : llvm::join(parts, " & ");
}

std::string TaskPrinter::flag(unsigned n, const std::string &name, const std::string &value, int64_t stage) {
  std::string wire = nestName(n, name);
  wires["wire " + wire] = value;
  return later(wire, 1, 0, stage);
}

std::string TaskPrinter::placeWire(unsigned n, const Place &place, int64_t width) {
  uint64_t base = static_cast<uint64_t>(place.base) & ((uint64_t(1) << width) - 1);
  std::vector<std::string> parts;
  for (auto [d, stride] : llvm::enumerate(place.strides)) {
    if (stride == 0 || nests[n].trips(d) == 1)
      continue;
    std::string &name = offsets[{loopNumbers[nests[n].loop(d)], stride, width}];
    if (name.empty())
      name = "o" + std::to_string(offsets.size());
    parts.push_back(name);
  }
  if (base != 0 || parts.empty())
    parts.push_back(llvm::formatv("{0}'d{1}", width, base));
  placeBits += static_cast<int64_t>(parts.size() - 1) * width;
  return llvm::join(parts, " + ");
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

void TaskPrinter::printNest(unsigned n) {
  const DataPath &path = task.paths[n];
  os << "\n  // Nest " << n << ": an iteration every " << path.ii << " cycles, " << path.depth << " stages\n";
  for (unsigned r = 0; r < path.roms.size(); ++r)
    printRom(n, r);
  for (size_t i = 0; i < path.nodes.size(); ++i)
    printNode(n, i);
}

/// A memory of constants, and its words in a file; one of a single word is constants.
void TaskPrinter::printRom(unsigned n, unsigned r) {
  const Rom &rom = task.paths[n].roms[r];
  std::string name = nestName(n, "rom" + llvm::Twine(r));
  int64_t start = 0;
  for (const Node &node : task.paths[n].nodes)
    if (node.kind == Node::RomRead && node.index == static_cast<int64_t>(r))
      start = node.start;
  if (rom.words.size() == 1)
    return;
  int64_t bits = bitsOf(rom.words.size() - 1);
  bool isBlock = static_cast<int64_t>(rom.words.size()) * rom.width >= kLeastBlockBits;
  std::string file = (task.name() + "_" + name + ".hex").str(), contents;
  for (const APInt &word : rom.words) {
    SmallString<64> digits;
    word.toStringUnsigned(digits, 16);
    contents += (digits + "\n").str();
  }
  files.push_back({file, contents});
  os << "  wire " << rangeOf(bits) << name << "_at = " << placeWire(n, rom.place, bits) << ";\n";
  os << (isBlock ? "  (* rom_style = \"block\" *)" : "  (* logic_block *)") << " reg " << rangeOf(rom.width) << name
     << " [0:" << rom.words.size() - 1 << "];\n  initial $readmemh(\"" << file << "\", " << name << ");\n";
  os << "  reg " << rangeOf(rom.width) << name << "_q;\n  always @(posedge clk) if (en) " << name << "_q <= " << name
     << "[" << later(name + "_at", bits, 0, start) << "];\n";
}

void TaskPrinter::declare(unsigned n, int index, const std::string &value) {
  bool isNew;
  names[n][index] = wireFor(names[n][index], task.paths[n].nodes[index].width, value, isNew);
  if (isNew)
    parts.push_back({n, index});
}

std::string TaskPrinter::operandAt(unsigned n, const Node &node, unsigned number) {
  return valueAt(n, node.in[number], node.start);
}

std::string TaskPrinter::extendedTo(int64_t width, unsigned n, const Node &node, unsigned number) {
  const Node &from = task.paths[n].nodes[node.in[number]];
  if (std::optional<APInt> constant = constantOf(task.paths[n], from))
    return literal(constant->sextOrTrunc(width));
  return signExtended(operandAt(n, node, number), from.width, width);
}

void TaskPrinter::printNode(unsigned n, int index) {
  const DataPath &path = task.paths[n];
  const Node &node = path.nodes[index];
  if (node.kind == Node::Store || constantOf(path, node) || (node.kind == Node::Compute && isWire(node.op)))
    return;
  names[n][index] = nestName(n, "x" + llvm::Twine(index));
  switch (node.kind) {
  case Node::StreamRead:
    names[n][index] = endName("in", node.stream) + "_data";
    return;
  case Node::BankRead:
    return printBankRead(n, index);
  case Node::RomRead:
    return declare(n, index,
                   nestName(n, "rom" + llvm::Twine(node.index)) + "_q" +
                       (path.roms[node.index].width == 1
                            ? std::string()
                            : llvm::formatv("[{0}:{1}]", node.offset + node.width - 1, node.offset).str()));
  case Node::Mask:
    return printMask(n, index);
  case Node::Sum:
    return declare(n, index,
                   extendedTo(node.width, n, node, 0) + (node.minusB ? " - " : " + ") +
                       extendedTo(node.width, n, node, 1));
  case Node::Carry:
  case Node::Accumulate:
    return printCarried(n, index);
  default:
    break;
  }
  if (auto call = dyn_cast<func::CallOp>(node.op))
    return printRoundingOf(n, index, call);
  printOperation(n, index);
}

void TaskPrinter::printBankRead(unsigned n, int index) {
  const Node &node = task.paths[n].nodes[index];
  const std::string &name = names[n][index];
  int64_t bits = bitsOf(task.bankWords[node.index] - 1), bitsAt = task.window ? bits : bits + 1;
  if (task.window) // around the end of the bank, from where the sample begins in it
    os << "  wire " << rangeOf(bits) << name << "_at = " << name << "_local + bank" << node.index << "_first;\n";
  else
    os << "  wire " << rangeOf(bitsAt) << name << "_at = {reading, " << name << "_local};\n";
  wires["wire " + rangeOf(bits) + name + "_local"] = placeWire(n, node.place, bits);
  std::string at = later(name + "_at", bitsAt, 0, node.start);
  if (!node.in.empty()) // where a number says, behind it
    at += " + " + signExtended(operandAt(n, node, 0), task.paths[n].nodes[node.in[0]].width, bitsAt);
  bankReads[node.index].push_back({valid(n, node.start), at});
  declare(n, index, "bank" + std::to_string(node.index) + "_q");
}

/// Zero in a lane that has no iteration.
void TaskPrinter::printMask(unsigned n, int index) {
  const Node &node = task.paths[n].nodes[index];
  unsigned innermost = nests[n].loops.size() - 1;
  std::string isThere = "1'b0"; // the only iteration is the last one
  if (nests[n].trips(innermost) > 1)
    isThere = flag(n, "whole", "~" + counter(n, innermost) + "_last", node.start);
  declare(n, index, llvm::formatv("{{{0}{{{1}}} & {2}", node.width, isThere, operandAt(n, node, 0)));
}

/// A number that one iteration leaves for the next: a sum, or what is chosen at the first one.
void TaskPrinter::printCarried(unsigned n, int index) {
  const DataPath &path = task.paths[n];
  const Node &node = path.nodes[index];
  const CarryGroup &group = path.groups[path.groupOf[node.index]];
  std::string reg = nestName(n, "r" + llvm::Twine(node.index));
  bool isSum = node.kind == Node::Accumulate;
  std::string first = flag(n, "first" + std::to_string(path.groupOf[node.index]),
                           allOf(n, group.begin, group.end + 1, "_first"), node.start);
  os << "  reg " << rangeOf(node.width) << reg << ";\n";
  std::string old = first + " ? " + operandAt(n, node, isSum) + " : " + reg;
  if (isSum)
    declare(n, index, "(" + old + ") " + (node.minusA ? "- " : "+ ") + extendedTo(node.width, n, node, 0));
  else
    declare(n, index, old);
  int64_t stage = isSum ? node.start : path.nodes[node.in[1]].start;
  std::string inner = allOf(n, group.end + 1, nests[n].loops.size(), "_last");
  std::string condition = valid(n, stage);
  if (inner != "1'b1")
    condition += " & " + flag(n, "last" + std::to_string(group.end + 1), inner, stage);
  updates.push_back({condition, reg, n, isSum ? index : node.in[1], stage});
}

void TaskPrinter::printRoundingOf(unsigned n, int index, func::CallOp call) {
  const Node &node = task.paths[n].nodes[index];
  auto callee = call->getParentOfType<ModuleOp>().lookupSymbol<func::FuncOp>(call.getCallee());
  if (!llvm::is_contained(roundings, callee))
    roundings.push_back(callee);
  std::string &name = names[n][index], x = operandAt(n, node, 0);
  auto [it, isNew] = known.try_emplace((call.getCallee() + "(" + x + ")").str(), name);
  if (isNew) {
    os << "  wire " << rangeOf(node.width) << name << ";\n  " << call.getCallee() << " " << name << "_i (.x(" << x
       << "), .y(" << name << "));\n";
    parts.push_back({n, index});
  }
  name = it->second;
}

void TaskPrinter::printOperation(unsigned n, int index) {
  const DataPath &path = task.paths[n];
  const Node &node = path.nodes[index];
  std::vector<std::string> operands;
  for (int factor : node.in) {
    // Factors are multiplied before they are extended: those are the bits that they need of a multiplier.
    while (isa<arith::MulIOp>(node.op) && path.nodes[factor].kind == Node::Compute &&
           isa<arith::ExtSIOp>(path.nodes[factor].op))
      factor = path.nodes[factor].in[0];
    const Node &from = path.nodes[factor];
    std::optional<APInt> constant = isa<arith::MulIOp>(node.op) ? constantOf(path, from) : std::nullopt;
    operands.push_back(constant ? literal(constant->trunc(constant->getSignificantBits()))
                                : valueAt(n, factor, node.start));
  }
  declare(n, index, expressionOf(node.op, operands));
}

//===----------------------------------------------------------------------===//
// Memories, the stream behind, registers
//===----------------------------------------------------------------------===//

void TaskPrinter::printBanks() {
  int64_t period = task.bankOf.size(), banks = task.bankWords.size(), selBits = bitsOf(banks);
  os << "\n  // Numbers that arrive are spread over banks.\n";
  int64_t countBits = bitsOf(task.inputs - 1);
  os << "  reg " << rangeOf(countBits) << "filled;\n  wire filled_last = filled == " << countBits << "'d"
     << task.inputs - 1 << ";\n";
  bool hasChoice = llvm::any_of(task.bankOf, [&](int64_t bank) { return bank != task.bankOf[0]; });
  if (hasChoice) {
    int64_t bits = bitsOf(period - 1);
    os << "  reg " << rangeOf(bits) << "turn;\n  reg " << rangeOf(selBits) << "sel;\n  always @* case (turn)\n";
    for (auto [t, bank] : llvm::enumerate(task.bankOf))
      os << "    " << bits << "'d" << t << ": sel = " << selBits << "'d" << (bank < 0 ? banks : bank) << ";\n";
    os << "    default: sel = " << selBits << "'d" << banks << ";\n  endcase\n";
    os << "  always @(posedge clk) if (rst) turn <= 0; else if (in_take) turn <= filled_last | turn == " << bits << "'d"
       << period - 1 << " ? " << bits << "'d0 : turn + " << bits << "'d1;\n";
  }
  os << "  always @(posedge clk) if (rst) filled <= 0; else if (in_take) filled <= filled_last ? " << countBits
     << "'d0 : filled + " << countBits << "'d1;\n";
  for (int64_t b = 0; b < banks; ++b)
    printBank(b, hasChoice ? llvm::formatv(" & sel == {0}'d{1}", selBits, b).str() : "");
  if (task.window)
    printWindow();
  else
    printHalves();
}

/// A bank is written where it stands, `condition` and a number that arrives, and read where an iteration says.
void TaskPrinter::printBank(int64_t b, const std::string &condition) {
  int64_t words = task.bankWords[b], bits = bitsOf(words - 1), bitsAt = task.window ? bits : bits + 1;
  std::string bank = "bank" + std::to_string(b), range = rangeOf(bits);
  os << "  wire " << bank << "_we = in_take" << condition << ";\n  reg " << range << bank
     << "_next;\n  always @(posedge clk) if (rst) " << bank << "_next <= 0; else if (";
  if (!task.window)
    os << "in_take & filled_last) " << bank << "_next <= 0; else if (";
  os << bank << "_we) " << bank << "_next <= " << bank << "_next + " << bits << "'d1;\n";
  if (task.window) {
    uint64_t step = static_cast<uint64_t>(task.window->perSample[b]) & (words - 1);
    os << "  always @(posedge clk) if (rst) " << bank << "_first <= 0; else if (en & ends) " << bank
       << "_first <= " << bank << "_first + " << bits << "'d" << step << ";\n";
  }
  os << "  (* ram_style = \"" << (task.hasBlockBanks() ? "block" : "distributed") << "\" *) reg "
     << rangeOf(task.inputWidths.front()) << bank << " [0:" << (task.window ? words : (int64_t(1) << bits) + words) - 1
     << "];\n";
  os << "  always @(posedge clk) if (" << bank << "_we) " << bank << "["
     << (task.window ? bank + "_next" : "{filling, " + bank + "_next}") << "] <= in_data;\n";
  std::string at;
  for (auto [i, read] : llvm::enumerate(bankReads[b]))
    at += i + 1 == bankReads[b].size() ? read.second : read.first + " ? " + read.second + " : ";
  os << "  wire " << rangeOf(bitsAt) << bank << "_at = " << at << ";\n  always @(posedge clk) if (en) " << bank
     << "_q <= " << bank << "[" << bank << "_at];\n";
}

void TaskPrinter::printHalves() {
  os << "  assign in_take = in_valid & ~full[filling];\n";
  std::string free = "ends", half = "reading";
  for (int64_t s = 1; s <= task.freeStage(); ++s) {
    os << "  reg ends_d" << s << ", reading_d" << s << ";\n  always @(posedge clk) if (rst) ends_d" << s
       << " <= 0; else if (en) begin ends_d" << s << " <= " << free << "; reading_d" << s << " <= " << half
       << "; end\n";
    free = "ends_d" + std::to_string(s);
    half = "reading_d" + std::to_string(s);
  }
  os << "  always @(posedge clk)\n    if (rst) begin\n      filling <= 0; reading <= 0; full <= 0;\n    end else "
        "begin\n"
     << "      if (in_take & filled_last) begin full[filling] <= 1; filling <= ~filling; end\n"
     << "      if (en & ends) reading <= ~reading;\n      if (en & " << free << ") full[" << half
     << "] <= 0;\n    end\n";
}

int64_t TaskPrinter::arrivedBits() { return bitsOf(task.inputs + task.window->capacity) + 1; }

void TaskPrinter::printWindow() {
  const Window &window = *task.window;
  int64_t bits = arrivedBits();
  Place limit = window.oldest;
  limit.base += window.capacity;
  wires["wire " + rangeOf(bits) + "need"] = placeWire(0, window.need, bits);
  wires["wire " + rangeOf(bits) + "limit"] = placeWire(0, limit, bits);
  os << "  // A number is taken when the one that it replaces is read no more; the next sample follows.\n"
     << "  assign in_take = in_valid & $signed(arrived) < $signed(limit);\n  always @(posedge clk) if (rst) arrived <= "
        "0; "
     << "else arrived <= arrived + {" << bits - 1 << "'d0, in_take} - (en & ends ? " << bits << "'d" << task.inputs
     << " : " << bits << "'d0);\n";
}

std::pair<std::string, std::string> TaskPrinter::printGives(int64_t output) {
  std::string gives, data;
  for (unsigned n = 0; n < nests.size(); ++n)
    for (int s : task.paths[n].storesTo(output)) {
      const Node &store = task.paths[n].nodes[s];
      std::string inner = allOf(n, nests[n].numOuter, nests[n].loops.size(), "_last"),
                  name = nestName(n, "give" + llvm::Twine(s));
      os << "  wire " << name << " = " << valid(n, store.start);
      if (inner != "1'b1")
        os << " & " << flag(n, "last" + std::to_string(nests[n].numOuter), inner, store.start);
      os << ";\n";
      gives += (gives.empty() ? "" : " | ") + name;
      data += (data.empty() ? "" : " | ") + llvm::formatv("({{{0}{{{1}}} & {2})", task.outputWidths[output], name,
                                                          valueAt(n, store.in[0], store.start))
                                                .str();
    }
  return {gives, data};
}

void TaskPrinter::printOutputs() {
  std::string enabled;
  bool isOne = task.outputWidths.size() == 1;
  for (size_t o = 0; o < task.outputWidths.size(); ++o) {
    auto [gives, data] = printGives(o);
    std::string out = endName("out", o);
    // Of several outputs, all give or none: a number that has left cannot wait for the others.
    os << (isOne ? "  assign " + out + "_valid" : "  wire " + out + "_gives") << " = " << gives << ";\n  assign " << out
       << "_data = " << data << ";\n";
    enabled += (o == 0 ? "" : " & ") + ((isOne ? "~" + out + "_valid | " : "(~" + out + "_gives | ") + out + "_ready") +
               (isOne ? "" : ")");
  }
  os << "  assign en = " << enabled << ";\n";
  for (size_t o = 0; !isOne && o < task.outputWidths.size(); ++o)
    os << "  assign " << endName("out", o) << "_valid = en & " << endName("out", o) << "_gives;\n";
  for (size_t i = 0; task.isStreamed && i < task.inputWidths.size(); ++i) {
    std::string takes;
    for (unsigned n = 0; n < nests.size(); ++n)
      for (int r : task.paths[n].nodesOf(Node::StreamRead))
        if (const Node &read = task.paths[n].nodes[r]; read.stream == static_cast<int64_t>(i))
          takes += (takes.empty() ? "" : " | ") + valid(n, read.start);
    os << "  assign " << endName("in", i) << "_take = en & (" << takes << ");\n";
  }
}

std::string TaskPrinter::printRegisters() {
  std::string moves;
  for (auto &[name, use] : carried)
    for (int64_t d = 1; d <= *use.second.rbegin(); ++d) {
      os << "  reg " << rangeOf(use.first) << name << "_d" << d << ";\n";
      moves += "    " + name + "_d" + std::to_string(d) + " <= " + name + (d > 1 ? "_d" + std::to_string(d - 1) : "") +
               ";\n";
    }
  return moves.empty() ? moves
                       : "\n  // From stage to stage\n  always @(posedge clk) if (en) begin\n" + moves + "  end\n";
}
