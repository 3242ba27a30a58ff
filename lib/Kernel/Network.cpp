//===- Network.cpp - Linear networks as expression DAGs -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Network.h"
#include <cassert>
#include <cmath>

using namespace mlir::compress::kernel;

static int numOperands(const Node &node) { return node.kind == Node::Input ? 0 : node.kind == Node::Mul ? 1 : 2; }

std::vector<int32_t> Network::order() const {
  std::vector<bool> live(nodes.size(), false), placed(nodes.size(), false);
  for (Term output : outputs)
    if (!output.isZero())
      live[output.node] = true;
  for (int32_t n = static_cast<int32_t>(nodes.size()) - 1; n >= 0; --n) {
    if (!live[n] || nodes[n].kind == Node::Input)
      continue;
    live[nodes[n].a] = true;
    if (numOperands(nodes[n]) == 2)
      live[nodes[n].b] = true;
  }
  std::vector<int32_t> result;
  auto placeInput = [&](int32_t n) {
    if (nodes[n].kind == Node::Input && !placed[n]) {
      placed[n] = true;
      result.push_back(n);
    }
  };
  for (int32_t n = 0, e = nodes.size(); n < e; ++n) {
    if (!live[n] || nodes[n].kind == Node::Input)
      continue;
    placeInput(nodes[n].a);
    if (numOperands(nodes[n]) == 2)
      placeInput(nodes[n].b);
    result.push_back(n);
  }
  for (int32_t n = 0, e = nodes.size(); n < e; ++n)
    if (live[n])
      placeInput(n); // an input that is an output
  return result;
}

int32_t NetworkBuilder::find(Node::Kind kind, int32_t a, int32_t b, double factor) const {
  auto it = known.find({kind, a, b, factor});
  return it == known.end() ? -1 : it->second;
}

int32_t NetworkBuilder::node(Node::Kind kind, int32_t a, int32_t b, double factor) {
  auto [it, isNew] = known.try_emplace({kind, a, b, factor}, static_cast<int32_t>(network.nodes.size()));
  if (isNew)
    network.nodes.push_back({kind, a, b, factor});
  return it->second;
}

Term NetworkBuilder::input(int64_t index) { return {node(Node::Input, index, -1, 0), false}; }

Term NetworkBuilder::add(Term a, Term b) {
  if (a.isZero())
    return b;
  if (b.isZero())
    return a;
  if (a.negative == b.negative)
    return {node(Node::Add, std::min(a.node, b.node), std::max(a.node, b.node), 0), a.negative};
  if (a.node == b.node)
    return {};
  // a - b, as -(b - a) where that one is known.
  if (find(Node::Sub, a.node, b.node, 0) < 0 && find(Node::Sub, b.node, a.node, 0) >= 0)
    return {node(Node::Sub, b.node, a.node, 0), b.negative};
  return {node(Node::Sub, a.node, b.node, 0), a.negative};
}

Term NetworkBuilder::mul(double factor, Term a) {
  // cos and sin of pi/4 must be one constant, or common products are missed.
  double snapped = std::round(factor * 1e14) / 1e14;
  if (a.isZero() || snapped == 0)
    return {};
  if (factor < 0)
    return -mul(-factor, a);
  if (snapped == 1)
    return a;
  if (snapped == 0.5)
    factor = 0.5;
  if (std::abs(snapped - std::round(std::sqrt(0.5) * 1e14) / 1e14) < 1e-14)
    factor = std::sqrt(0.5);
  return {node(Node::Mul, a.node, -1, factor), a.negative};
}

Network NetworkBuilder::finish(std::vector<Term> outputs) {
  network.outputs = std::move(outputs);
  return std::move(network);
}

Network mlir::compress::kernel::transpose(const Network &network) {
  NetworkBuilder builder(network.outputs.size());
  std::vector<Term> adjoint(network.nodes.size());
  auto push = [&](int32_t node, Term value) { adjoint[node] = builder.add(adjoint[node], value); };
  for (auto [i, output] : llvm::enumerate(network.outputs))
    if (!output.isZero()) {
      Term input = builder.input(i);
      push(output.node, output.negative ? -input : input);
    }
  std::vector<Term> outputs(network.numInputs);
  std::vector<int32_t> order = network.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node &node = network.nodes[*it];
    Term value = adjoint[*it];
    switch (node.kind) {
    case Node::Input:
      outputs[node.a] = value;
      break;
    case Node::Mul:
      push(node.a, builder.mul(node.factor, value));
      break;
    case Node::Add:
    case Node::Sub:
      push(node.a, value);
      push(node.b, node.kind == Node::Add ? value : -value);
      break;
    }
  }
  return builder.finish(std::move(outputs));
}

Network mlir::compress::kernel::restrictInputs(const Network &network, int64_t count) {
  NetworkBuilder builder(network.numInputs);
  std::vector<Term> values(network.nodes.size());
  for (int32_t n : network.order()) {
    const Node &node = network.nodes[n];
    switch (node.kind) {
    case Node::Input:
      values[n] = node.a < count ? builder.input(node.a) : Term();
      break;
    case Node::Mul:
      values[n] = builder.mul(node.factor, values[node.a]);
      break;
    case Node::Add:
    case Node::Sub:
      values[n] = builder.add(values[node.a], node.kind == Node::Add ? values[node.b] : -values[node.b]);
      break;
    }
  }
  std::vector<Term> outputs;
  for (Term output : network.outputs) {
    Term value = output.isZero() ? Term() : values[output.node];
    outputs.push_back(output.negative ? -value : value);
  }
  return builder.finish(std::move(outputs));
}

Network mlir::compress::kernel::restrictOutputs(Network network, int64_t count) {
  network.outputs.resize(count);
  return network;
}
