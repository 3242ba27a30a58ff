//===- Network.h - Linear networks as expression DAGs ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A kernel algorithm is written once, as a network of additions, subtractions and multiplications by constants. Its
// readings evaluate it on numbers (Evaluate.h), emit it as IR (Emit.h) and count it (Count.h).
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_NETWORK_H
#define COMPRESS_KERNEL_NETWORK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

namespace mlir::compress::kernel {

/// A signed reference to a node; node -1 is zero. Negations never become operations.
struct Term {
  int32_t node = -1;
  bool negative = false;

  bool isZero() const { return node < 0; }
  Term operator-() const { return {node, node >= 0 && !negative}; }
};

/// One operation, or an input.
struct Node {
  enum Kind : uint8_t { Input, Add, Sub, Mul } kind;
  /// Add, Sub: operands. Mul: operand a. Input: its number in a.
  int32_t a = -1, b = -1;
  /// Mul: the factor, positive.
  double factor = 0;
};

/// A linear network from `numInputs` numbers to outputs. Nodes are in creation order, operands before users.
struct Network {
  int64_t numInputs = 0;
  std::vector<Node> nodes;
  std::vector<Term> outputs;

  /// The nodes that outputs need, in creation order with each input right before its first use: the recursion of the
  /// algorithm itself, which keeps few values alive. A depth-first walk from output 0 would touch every input first.
  std::vector<int32_t> order() const;
};

/// Builds a network; equal expressions are one node.
class NetworkBuilder {
public:
  explicit NetworkBuilder(int64_t numInputs) { network.numInputs = numInputs; }

  Term input(int64_t index);
  Term add(Term a, Term b);
  Term sub(Term a, Term b) { return add(a, -b); }
  Term mul(double factor, Term a);
  Network finish(std::vector<Term> outputs);

private:
  int32_t node(Node::Kind kind, int32_t a, int32_t b, double factor);
  int32_t find(Node::Kind kind, int32_t a, int32_t b, double factor) const;

  Network network;
  std::map<std::tuple<uint8_t, int32_t, int32_t, double>, int32_t> known;
};

/// The network with inputs from `count` on known to be zero, and without the operations that this saves.
Network restrictInputs(const Network &network, int64_t count);

/// The network with its first `count` outputs only.
Network restrictOutputs(Network network, int64_t count);

/// The transposed network, outputs to inputs, by reverse accumulation: the same multiplications.
Network transpose(const Network &network);

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_NETWORK_H
