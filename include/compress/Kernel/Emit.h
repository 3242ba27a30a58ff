//===- Emit.h - Networks as IR --------------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_EMIT_H
#define COMPRESS_KERNEL_EMIT_H

#include "compress/Kernel/Network.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::compress::kernel {

/// Emits `network` as straight-line arith and math.fma ops on scalars or vectors. `load(i)` emits input i, called once,
/// right before its first use; `store(o, value)` takes output o as soon as it is there. The order is the one of the
/// algorithm's recursion, and decides how many values are alive. A product is fused into its sums where all can take
/// it.
void emit(OpBuilder &builder, Location loc, const Network &network, llvm::function_ref<Value(int64_t)> load,
          llvm::function_ref<void(int64_t, Value)> store);

} // namespace mlir::compress::kernel

#endif // COMPRESS_KERNEL_EMIT_H
