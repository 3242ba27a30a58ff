//===- FixedNetwork.cpp - Networks in fixed point --------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/FixedNetwork.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlir::compress::kernel;

FixedNetwork::FixedNetwork(Network theNetwork, FixedFormat input, int64_t mostBits, int64_t factorBits)
    : network(std::move(theNetwork)), mostBits(std::max(mostBits, input.width)), order(network.order()),
      steps(network.nodes.size()) {
  for (int32_t n : order)
    plan(n, input, factorBits);
  for (Term term : network.outputs) {
    if (term.isZero()) {
      outputs.push_back({1, 0});
      continue;
    }
    const Step &step = steps[term.node];
    FixedFormat format = step.format;
    if (term.negative)
      format.width = bitsFor(-step.high, -step.low);
    outputs.push_back(format);
    widestBits = std::max(widestBits, format.width);
  }
}

void FixedNetwork::plan(int32_t n, FixedFormat input, int64_t factorBits) {
  const Node &node = network.nodes[n];
  Step &step = steps[n];
  if (node.kind == Node::Input) {
    step.exact = step.format = input;
    step.low = input.lowest();
    step.high = input.highest();
    return;
  }
  const Step &a = steps[node.a];
  if (node.kind == Node::Mul) {
    FixedFormat factor = formatFor(factorBits, node.factor);
    step.factor = quantize(node.factor, factor);
    step.low = a.low * step.factor;
    step.high = a.high * step.factor;
    step.exact.fraction = a.format.fraction + factor.fraction;
    return limit(step, std::max<int64_t>(factor.fraction, 0));
  }
  const Step &b = steps[node.b];
  step.exact.fraction = std::max(a.format.fraction, b.format.fraction);
  step.shiftA = step.exact.fraction - a.format.fraction;
  step.shiftB = step.exact.fraction - b.format.fraction;
  int64_t scaleA = int64_t(1) << step.shiftA, scaleB = int64_t(1) << step.shiftB;
  bool isSum = node.kind == Node::Add;
  step.low = a.low * scaleA + (isSum ? b.low : -b.high) * scaleB;
  step.high = a.high * scaleA + (isSum ? b.high : -b.low) * scaleB;
  limit(step, 0);
}

void FixedNetwork::limit(Step &step, int64_t leastShift) {
  step.exact.width = bitsFor(step.low, step.high);
  int64_t shift = leastShift, low, high;
  auto boundsFor = [&](int64_t by) {
    Requantization how{step.exact, {kMostFixedBits, step.exact.fraction - by}};
    low = requantize(step.low, how);
    high = requantize(step.high, how);
    return bitsFor(low, high);
  };
  while (boundsFor(shift) > mostBits)
    ++shift;
  step.format = {bitsFor(low, high), step.exact.fraction - shift};
  widestBits = std::max(widestBits, step.exact.width + (shift > 0));
  step.low = low;
  step.high = high;
}

int64_t FixedNetwork::numRoundings() const {
  return llvm::count_if(order, [&](int32_t n) { return steps[n].isRounded(); });
}

void FixedNetwork::evaluate(llvm::ArrayRef<int64_t> inputs, llvm::MutableArrayRef<int64_t> results) const {
  std::vector<int64_t> values(network.nodes.size(), 0);
  for (int32_t n : order) {
    const Node &node = network.nodes[n];
    const Step &step = steps[n];
    if (node.kind == Node::Input) {
      values[n] = inputs[node.a];
      continue;
    }
    int64_t exact;
    if (node.kind == Node::Mul) {
      exact = values[node.a] * step.factor;
    } else {
      int64_t a = values[node.a] * (int64_t(1) << step.shiftA), b = values[node.b] * (int64_t(1) << step.shiftB);
      exact = node.kind == Node::Add ? a + b : a - b;
    }
    values[n] = requantize(exact, {step.exact, step.format, /*saturates=*/false});
  }
  for (auto [result, term] : llvm::zip(results, network.outputs))
    result = term.isZero() ? 0 : term.negative ? -values[term.node] : values[term.node];
}

void FixedNetwork::emit(OpBuilder &builder, Location loc, llvm::function_ref<Value(int64_t)> load,
                        llvm::function_ref<Value(Value, const Requantization &)> round,
                        llvm::function_ref<void(int64_t, Value)> store) const {
  std::vector<Value> values(network.nodes.size());
  std::vector<std::vector<int64_t>> outputsOf(network.nodes.size());
  for (auto [o, term] : llvm::enumerate(network.outputs))
    if (!term.isZero())
      outputsOf[term.node].push_back(o);
  auto constant = [&](int64_t value, int64_t width) -> Value {
    return arith::ConstantIntOp::create(builder, loc, builder.getIntegerType(width), value);
  };
  auto widen = [&](Value x, int64_t width) -> Value {
    return x.getType().getIntOrFloatBitWidth() < static_cast<unsigned>(width)
               ? Value(arith::ExtSIOp::create(builder, loc, builder.getIntegerType(width), x))
               : x;
  };
  auto aligned = [&](Value x, int64_t width, int64_t shift) -> Value {
    x = widen(x, width);
    return shift ? Value(arith::ShLIOp::create(builder, loc, x, constant(shift, width))) : x;
  };
  auto compute = [&](const Node &node, const Step &step) -> Value {
    // An operand may reach further than the difference that it is part of.
    int64_t width = std::max(step.exact.width, steps[node.a].format.width + step.shiftA);
    if (node.kind == Node::Mul) {
      width = std::max(width, bitsFor(step.factor, step.factor));
      return arith::MulIOp::create(builder, loc, widen(values[node.a], width), constant(step.factor, width));
    }
    width = std::max(width, steps[node.b].format.width + step.shiftB);
    Value a = aligned(values[node.a], width, step.shiftA), b = aligned(values[node.b], width, step.shiftB);
    return node.kind == Node::Add ? Value(arith::AddIOp::create(builder, loc, a, b))
                                  : Value(arith::SubIOp::create(builder, loc, a, b));
  };
  for (int32_t n : order) {
    const Node &node = network.nodes[n];
    const Step &step = steps[n];
    if (node.kind == Node::Input) {
      values[n] = load(node.a);
    } else {
      Value exact = compute(node, step);
      FixedFormat from{static_cast<int64_t>(exact.getType().getIntOrFloatBitWidth()), step.exact.fraction};
      values[n] = from == step.format ? exact : round(exact, {from, step.format, /*saturates=*/false});
    }
    for (int64_t o : outputsOf[n]) {
      Value value = values[n];
      if (network.outputs[o].negative) {
        int64_t width = std::max(outputs[o].width, step.format.width);
        value = arith::SubIOp::create(builder, loc, constant(0, width), widen(value, width));
        if (width > outputs[o].width)
          value = arith::TruncIOp::create(builder, loc, builder.getIntegerType(outputs[o].width), value);
      }
      store(o, value);
    }
  }
  for (auto [o, term] : llvm::enumerate(network.outputs))
    if (term.isZero())
      store(o, constant(0, outputs[o].width));
}
