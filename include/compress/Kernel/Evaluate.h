//===- Evaluate.h - Networks on numbers -----------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_EVALUATE_H
#define COMPRESS_KERNEL_EVALUATE_H

#include "compress/Kernel/Network.h"

namespace mlir::compress::kernel {

/// Evaluates networks on doubles; keeps the order and the values of one network between calls.
class Evaluator {
public:
  explicit Evaluator(const Network &network) : network(network), order(network.order()), values(network.nodes.size()) {}

  /// Reads `network.numInputs` numbers and writes one per output.
  void run(llvm::ArrayRef<double> inputs, llvm::MutableArrayRef<double> outputs);

private:
  const Network &network;
  std::vector<int32_t> order;
  std::vector<double> values;
};

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_EVALUATE_H
