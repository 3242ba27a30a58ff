//===- DataPath.cpp - Stages of a pipeline ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/HLS/Transforms/DataPath.h"
#include "compress/Dialect/HLS/IR/HLS.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace mlir;
using namespace mlir::compress::hls;

int64_t mlir::compress::hls::levelsOf(const Node &node) {
  switch (node.kind) {
  case Node::Mask:
  case Node::StreamRead:
    return 1;
  case Node::Sum:
    return 2;
  case Node::Accumulate:
    return 3;
  case Node::Compute:
    break;
  default:
    return 0;
  }
  bool isWire =
      isa<arith::ExtSIOp, arith::TruncIOp>(node.op) ||
      (isa<arith::ShLIOp, arith::ShRSIOp>(node.op) && node.op->getOperand(1).getDefiningOp<arith::ConstantOp>());
  if (isWire)
    return 0;
  if (isa<arith::MulIOp, func::CallOp>(node.op))
    return kLevelsPerStage;
  if (isa<arith::ShLIOp>(node.op))
    return 3;
  return isa<arith::SelectOp, arith::AndIOp>(node.op) ? 1 : 2;
}

SmallVector<int> DataPath::nodesOf(Node::Kind kind) const {
  SmallVector<int> found;
  for (auto [i, node] : llvm::enumerate(nodes))
    if (node.kind == kind)
      found.push_back(i);
  return found;
}

SmallVector<int> DataPath::storesTo(int64_t output) const {
  SmallVector<int> found;
  for (int n : stores)
    if (nodes[n].stream == output)
      found.push_back(n);
  return found;
}

int64_t DataPath::numOutputs() const {
  int64_t most = 0;
  for (int n : stores)
    most = std::max(most, nodes[n].stream + 1);
  return most;
}

int64_t DataPath::readsOf(int64_t input) const {
  return llvm::count_if(nodes, [&](const Node &node) { return node.kind == Node::StreamRead && node.stream == input; });
}

int64_t DataPath::lastStart(Node::Kind kind) const {
  int64_t last = -1;
  for (int n : nodesOf(kind))
    last = std::max(last, nodes[n].start);
  return last;
}

int64_t DataPath::firstStart(Node::Kind kind) const {
  int64_t first = INT64_MAX;
  for (int n : nodesOf(kind))
    first = std::min(first, nodes[n].start);
  return first;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

int64_t DataPath::placeAccesses(int64_t ports, int64_t storePorts) {
  std::map<std::pair<int, int64_t>, int64_t> accesses;
  for (Node &node : nodes) {
    if (node.kind == Node::StreamRead) {
      node.start = node.index;
      accesses[{Node::StreamRead, node.stream}] += ports; // it has one
    }
    if (node.kind == Node::BankRead)
      node.start = accesses[{Node::BankRead, node.index}]++ / ports;
  }
  int64_t port = 1;
  for (int64_t output = 0; output < numOutputs(); ++output)
    port = std::max<int64_t>(port, llvm::divideCeil(storesTo(output).size(), nest.tripsPerStore() * storePorts));
  for (auto &[key, count] : accesses)
    port = std::max<int64_t>(port, llvm::divideCeil(count, ports));
  return port;
}

void DataPath::placeOperations() {
  SmallVector<int64_t> levels(nodes.size(), 0); // of logic in the stage of the result
  for (auto [i, node] : llvm::enumerate(nodes)) {
    bool isRead = node.kind == Node::StreamRead || (node.kind == Node::BankRead && node.in.empty());
    if (isRead || node.kind == Node::Constant || node.kind == Node::RomRead) {
      levels[i] = node.kind == Node::StreamRead ? levelsOf(node) : 0;
      continue;
    }
    int64_t start = 0, above = 0;
    size_t operands = node.kind == Node::Carry ? 1 : node.in.size(); // what it becomes comes later
    for (size_t k = 0; k < operands; ++k) {
      const Node &operand = nodes[node.in[k]];
      if (operand.kind == Node::Constant)
        continue;
      if (operand.ready() > start || (operand.ready() == start && levels[node.in[k]] > above)) {
        above = levels[node.in[k]];
        start = operand.ready();
      }
    }
    if (above + levelsOf(node) > kLevelsPerStage && above > 0) {
      ++start;
      above = 0;
    }
    node.start = start;
    levels[i] = above + levelsOf(node);
  }
}

void DataPath::placeRoms() {
  for (size_t r = 0; r < roms.size(); ++r) {
    int64_t first = INT64_MAX;
    for (const Node &node : nodes)
      for (int operand : node.in)
        if (nodes[operand].kind == Node::RomRead && nodes[operand].index == static_cast<int64_t>(r))
          first = std::min(first, node.start);
    for (Node &node : nodes)
      if (node.kind == Node::RomRead && node.index == static_cast<int64_t>(r))
        node.start = std::max<int64_t>(first - 1, 0);
  }
}

void DataPath::placeStores() {
  for (int64_t output = 0; output < numOutputs(); ++output) {
    SmallVector<int> mine = storesTo(output);
    int64_t last = 0;
    for (auto [i, n] : llvm::enumerate(mine))
      last = std::max<int64_t>(last, nodes[n].start + mine.size() - 1 - i);
    for (auto [i, n] : llvm::enumerate(mine))
      nodes[n].start = last - (mine.size() - 1 - i);
  }
}

int64_t DataPath::placeCarries() {
  int64_t recurrence = 1;
  for (int c : nodesOf(Node::Carry)) {
    int64_t first = nodes[nodes[c].in[1]].start;
    for (const Node &node : nodes)
      if (llvm::is_contained(node.in, c) && node.kind != Node::Carry)
        first = std::min(first, node.start);
    nodes[c].start = first;
    recurrence = std::max(recurrence, nodes[nodes[c].in[1]].start - first + 1);
  }
  return recurrence;
}

void DataPath::schedule(int64_t ports, int64_t storePorts) {
  int64_t port = placeAccesses(ports, storePorts);
  placeOperations();
  placeRoms();
  placeStores();
  int64_t recurrence = placeCarries();
  ii = std::max({int64_t(1), port, recurrence});
  bound = ii == 1 ? "target" : ii == port ? "port" : "recurrence";
  depth = 1;
  for (const Node &node : nodes)
    depth = std::max(depth, node.ready() + 1);
}

//===----------------------------------------------------------------------===//
// In the IR
//===----------------------------------------------------------------------===//

void DataPath::annotate() const {
  MLIRContext *context = nest.anchor()->getContext();
  nest.anchor()->setAttr(kPipelineAttr, PipelineAttr::get(context, ii, depth, nest.lanes, gap, bound));
  Builder builder(context);
  for (const Node &node : nodes)
    if (node.op && node.kind != Node::Constant && node.kind != Node::Carry)
      node.op->setAttr(kStartAttr, builder.getI64IntegerAttr(node.start));
}

void DataPath::placeDerived(int n) {
  Node &node = nodes[n];
  node.start = 0;
  for (int operand : node.in)
    if (nodes[operand].kind != Node::Constant)
      node.start = std::max(node.start, nodes[operand].ready());
}

LogicalResult DataPath::read() {
  Operation *anchor = nest.anchor();
  auto pipeline = anchor->getAttrOfType<PipelineAttr>(kPipelineAttr);
  if (!pipeline)
    return anchor->emitError("has no schedule: expects ") << kPipelineAttr << ", which compress-hls-schedule writes";
  ii = pipeline.getIi();
  gap = pipeline.getGap();
  depth = pipeline.getDepth();
  bound = pipeline.getBound().str();
  for (auto [i, node] : llvm::enumerate(nodes)) {
    if (node.kind == Node::Constant || node.kind == Node::Carry)
      continue;
    if (!node.op) {
      placeDerived(i);
      continue;
    }
    auto start = node.op->getAttrOfType<IntegerAttr>(kStartAttr);
    if (!start)
      return node.op->emitError("has no schedule: expects ") << kStartAttr << ", which compress-hls-schedule writes";
    node.start = start.getInt();
  }
  for (int c : nodesOf(Node::Carry)) {
    nodes[c].start = nodes[nodes[c].in[1]].start;
    for (const Node &node : nodes)
      if (llvm::is_contained(node.in, c) && node.kind != Node::Carry)
        nodes[c].start = std::min(nodes[c].start, node.start);
  }
  return verify();
}

LogicalResult DataPath::verify() const {
  std::map<std::tuple<int, int64_t, int64_t>, Operation *> taken; // kind, port, cycle
  for (const Node &node : nodes) {
    for (size_t k = 0; k < node.in.size(); ++k) {
      const Node &operand = nodes[node.in[k]];
      if (node.kind == Node::Carry && k == 1) {
        if (operand.start - node.start + 1 > ii)
          return node.op->emitError("is no schedule: what it carries is needed again after ")
                 << ii << " cycles and is there after " << operand.start - node.start + 1;
      } else if (operand.kind != Node::Constant && operand.kind != Node::Carry && operand.ready() > node.start) {
        return (node.op ? node.op : nest.anchor())->emitError("is no schedule: it begins in stage ")
               << node.start << ", and an operand is there in stage " << operand.ready();
      }
    }
    if (node.ready() >= depth)
      return node.op->emitError("is no schedule: it ends in stage ") << node.ready() << " of a pipeline of " << depth;
    bool isPort = node.kind == Node::StreamRead || node.kind == Node::BankRead;
    if (!isPort)
      continue;
    int64_t portNumber = node.kind == Node::StreamRead ? node.stream : node.index;
    auto [it, isFree] = taken.try_emplace({node.kind, portNumber, node.start % ii}, node.op);
    if (!isFree)
      return node.op->emitError("is no schedule: its port is taken in that cycle").attachNote(it->second->getLoc())
             << "by this operation";
  }
  for (int64_t output = 0; output < numOutputs(); ++output) {
    SmallVector<int> mine = storesTo(output);
    for (size_t i = 1; i < mine.size(); ++i)
      if (nodes[mine[i]].start <= nodes[mine[i - 1]].start)
        return nodes[mine[i]].op->emitError("is no schedule: numbers are not stored one after the other");
    if (!mine.empty() && nodes[mine.back()].start - nodes[mine[0]].start >= ii * nest.tripsPerStore())
      return nodes[mine[0]].op->emitError("is no schedule: iterations store in turn");
  }
  return success();
}
