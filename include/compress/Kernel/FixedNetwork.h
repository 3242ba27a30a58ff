//===- FixedNetwork.h - Networks in fixed point ----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A linear network with a fixed-point format for each of its values. Formats follow from the intervals that values can
// reach, so nothing saturates inside of a network:
//
//   - a sum is exact: operands are aligned to the finer of their two fractions;
//   - a product with a constant of `factorBits` bits is rounded back to the fraction of its operand;
//   - a result of more than `mostBits` bits is rounded, once, to the upper `mostBits` of them: its fraction is smaller
//   by
//     what was dropped. This is the scaling between the stages of a transform.
//
// Every rounding is the one of Requantize.h.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_FIXEDNETWORK_H
#define COMPRESS_KERNEL_FIXEDNETWORK_H

#include "compress/Kernel/Network.h"
#include "compress/Kernel/Requantize.h"
#include "llvm/ADT/STLExtras.h"

namespace mlir::compress::kernel {

class FixedNetwork {
public:
  /// Plans `network` on inputs of `input`; values have at most `mostBits` bits, at least those of the input, and
  /// constants `factorBits`. `mostBits + factorBits` is at most 58.
  FixedNetwork(Network network, FixedFormat input, int64_t mostBits, int64_t factorBits);

  /// The format of an output.
  FixedFormat outputFormat(int64_t output) const { return outputs[output]; }
  /// Bits of the widest value, before it is rounded.
  int64_t widest() const { return widestBits; }
  /// Roundings of one run.
  int64_t numRoundings() const;

  /// The integers of all outputs for those of all inputs.
  void evaluate(llvm::ArrayRef<int64_t> inputs, llvm::MutableArrayRef<int64_t> results) const;

  /// Emits ops of arith: `load(i)` emits input i, called once, `store(o, value)` takes output o. `round` emits a
  /// requantization, so that the caller may share its code.
  void emit(OpBuilder &builder, Location loc, llvm::function_ref<Value(int64_t)> load,
            llvm::function_ref<Value(Value, const Requantization &)> round,
            llvm::function_ref<void(int64_t, Value)> store) const;

private:
  /// What computes a node: operands are widened to `exact` and shifted left; the result is rounded from `exact` to
  /// `format`.
  struct Step {
    FixedFormat exact, format;
    int64_t low = 0, high = 0;
    int64_t shiftA = 0, shiftB = 0;
    /// Mul: the constant.
    int64_t factor = 0;

    bool isRounded() const { return exact.fraction != format.fraction; }
  };

  void plan(int32_t node, FixedFormat input, int64_t factorBits);
  void limit(Step &step, int64_t leastShift);

  Network network;
  int64_t mostBits, widestBits = 0;
  std::vector<int32_t> order;
  std::vector<Step> steps;
  std::vector<FixedFormat> outputs;
};

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_FIXEDNETWORK_H
