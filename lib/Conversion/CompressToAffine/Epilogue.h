//===- Epilogue.h - Work on a kernel's result in the kernel's loops --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   linalg.broadcast ins(%bias) outs(%y)              =>     loops {
//   compress.rfft_transpose accumulate … outs(%y)              %start = load %bias
//   linalg.generic { max(_, 0) } ins(%y) outs(%y)              … %sum = %start + …
//                                                              store max(%sum, 0), %y }
//
// Three passes over the memory of %y become one, which only writes.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_EPILOGUE_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_EPILOGUE_H

#include "AffineNest.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir::compress {

/// True if `body` computes one number from one of each operand, so that lanes may compute several, and some in vain.
bool isElementwise(Block &body);
/// Emits `body` on `width` lanes; returns what it yields. An argument that `body` does not use may be null.
Value emitInLanes(OpBuilder &builder, Block &body, ArrayRef<Value> arguments, int64_t width);

/// Erases the op that fills `result` with zeros before `kernel`, which writes all of it; false if there is none.
bool eraseZeroFill(Operation *kernel, Value result);

/// What `result`, which a kernel writes all of, held before, and the elementwise ops on it after: what the kernel's
/// loops take over. Nothing at first: sums start from what `result` holds.
class Epilogue {
public:
  explicit Epilogue(Value result) : result(result), stored(result) {}

  /// Takes over the op that fills `result` before `kernel`: with one number, or with those of another buffer.
  void takeStart(Operation *kernel);
  /// Takes over elementwise ops that change `result` after `kernel`: in place, or to another buffer if nothing else
  /// reads `result`.
  void takeFinish(Operation *kernel);

  /// Where the kernel stores: `result`, or what the last op that was taken over writes.
  Value destination() const { return stored; }
  /// True if nothing was taken over.
  bool isEmpty() const { return !first.source && steps.empty(); }
  /// True if the kernel reads what `result` holds.
  bool readsResult() const { return !first.source; }
  bool startsFromZero() const { return first.source && first.isZero(); }

  /// What the sums of `width` numbers from `index` of `result` start from.
  Value start(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width) const;
  /// What to store for `value`, the sums.
  Value finish(AffineNest &nest, Value value, ArrayRef<AffineExpr> index, int64_t width) const;

  /// True if indices may be those of a view of `result` whose dimensions from `from` on are merged into one.
  bool canMerge(int64_t from) const;
  void merge(int64_t from, OpBuilder &builder);

private:
  friend bool eraseZeroFill(Operation *kernel, Value result);

  /// A scalar, or a buffer indexed by `map` of the indices of `result`.
  struct Operand {
    Value source;
    AffineMap map;

    bool isBuffer() const { return isa<MemRefType>(source.getType()); }
    bool isZero() const;
    bool allowsLanes() const;
    /// How many of the dimensions of `result` from `from` on are the last ones of the buffer, in order; nullopt if it
    /// depends on some of them otherwise.
    std::optional<int64_t> trailingFrom(int64_t from) const;
    Value load(AffineNest &nest, ArrayRef<AffineExpr> index, int64_t width) const;
  };
  /// An elementwise op, and an operand per argument of its body; of `result` itself, one without a source.
  struct Step {
    OwningOpRef<Operation *> op;
    SmallVector<Operand> operands;
  };

  /// The op that fills `result` before `kernel`, and with what; null if there is none.
  std::pair<Operation *, Operand> findStart(Operation *kernel) const;
  std::optional<Operand> matchStart(Operation *op) const;
  std::optional<SmallVector<Operand>> matchFinish(Operation *op, Operation *kernel) const;
  /// True if `kernel` may write what `change` writes to `other`, and nothing but `change` needs what it wrote before.
  bool canStoreTo(Value other, Operation *change, Operation *kernel, ArrayRef<Operation *> between);
  SmallVector<Operand *> operands();

  Value result, stored;
  Operand first;
  SmallVector<Step> steps;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOAFFINE_EPILOGUE_H
