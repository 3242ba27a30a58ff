//===- Evaluate.cpp - Networks on numbers ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Evaluate.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir::compress::kernel;

void Evaluator::run(llvm::ArrayRef<double> inputs, llvm::MutableArrayRef<double> outputs) {
  for (int32_t n : order) {
    const Node &node = network.nodes[n];
    switch (node.kind) {
    case Node::Input:
      values[n] = inputs[node.a];
      break;
    case Node::Add:
      values[n] = values[node.a] + values[node.b];
      break;
    case Node::Sub:
      values[n] = values[node.a] - values[node.b];
      break;
    case Node::Mul:
      values[n] = node.factor * values[node.a];
      break;
    }
  }
  for (auto [result, output] : llvm::zip(outputs, network.outputs))
    result = output.isZero() ? 0.0 : output.negative ? -values[output.node] : values[output.node];
}
