//===- ValueEmitter.h - Numbers, places and streams of C++ -----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_VALUEEMITTER_H
#define COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_VALUEEMITTER_H

#include "Streams.h"
#include "mlir/Dialect/EmitC/IR/EmitC.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::compress {

/// What the emission of every op needs: types, literals, places, and numbers that come through streams.
class ValueEmitter {
protected:
  ValueEmitter(ModuleOp module, bool hasMemoryPorts)
      : module(module), builder(module.getContext()), streams(findStreams(module, /*arePorts=*/!hasMemoryPorts)),
        partitions(findPartitions(module)) {}

  Type opaque(const Twine &text) { return emitc::OpaqueType::get(module.getContext(), text.str()); }
  Type sizeType() { return emitc::SizeTType::get(module.getContext()); }
  /// The C++ type of `type`; null, after an error at `op`, if there is none.
  Type convert(Operation *op, Type type);
  /// A reference to a stream of the numbers of `buffer`.
  Type streamType(Value buffer);

  Value literal(Location loc, Type type, const Twine &text) {
    return emitc::LiteralOp::create(builder, loc, type, builder.getStringAttr(text));
  }
  Value size(Location loc, int64_t value) { return literal(loc, sizeType(), Twine(value)); }
  Value variable(Location loc, Type type);
  Value readVariable(Location loc, Value variable);
  /// The value of `expr`, sums and products of `ivs`: an expression on size_t.
  Value emitIndex(Location loc, AffineExpr expr, ArrayRef<Value> ivs);

  /// Says that `array` is several memories, if `partition` is not null.
  void emitPartition(Location loc, Value array, hls::PartitionAttr partition);

  //===--------------------------------------------------------------------===//
  // Streams
  //===--------------------------------------------------------------------===//

  void emitStream(hls::StreamOp stream);
  /// Emits the reads of streams from `from` to the next loop, or to `end`, in the order of the schedule.
  void emitReads(Block::iterator from, Block::iterator end);
  /// Emits `writes` in the order of the schedule, and forgets them.
  void emitWrites(SmallVectorImpl<affine::AffineStoreOp> &writes);

  //===--------------------------------------------------------------------===//
  // Windows: a part of a sample, in an array whose places wrap around
  //===--------------------------------------------------------------------===//

  void emitWindow(BlockArgument argument, hls::PartitionAttr partition);
  /// What windows take in an iteration of `loop` before or behind what is inside; what is left behind all loops.
  void takeIn(affine::AffineForOp loop, bool isBehind);
  void takeRest(Location loc);
  /// The number that `load` reads, if its input is kept in a window.
  std::optional<TypedValue<emitc::LValueType>> keptNumber(affine::AffineLoadOp load);

  ModuleOp module;
  OpBuilder builder;
  llvm::DenseSet<Value> streams;
  llvm::DenseMap<Value, hls::PartitionAttr> partitions;
  /// Of a value of the loops: what it is in C++.
  llvm::DenseMap<Value, Value> values;
  int numLoops = 0, numStreams = 0;

  void beginFunction() {
    values.clear();
    windows.clear();
    numLoops = numStreams = 0;
  }

private:
  struct Kept {
    KeptWindow window;
    Type type;
    Value array;
  };

  Value emitIndexOps(Location loc, AffineExpr expr, ValueRange inputs,
                     const llvm::DenseMap<AffineExpr, unsigned> &numbers);
  /// `expr` in the array of a window.
  Value emitWrapped(Location loc, AffineExpr expr, ArrayRef<Value> ivs, const Kept &kept);
  Value emitRead(Location loc, Type type, Value stream);
  bool isRead(Operation &op);
  /// Takes `count` numbers and puts them where `place` of `ivs` and their turn says; nowhere if it is null.
  void take(Location loc, Value argument, const Kept &kept, int64_t count, ArrayRef<Value> ivs, AffineExpr place);
  /// Indices of the loops around `op`, outermost first.
  SmallVector<Value> indicesAround(Operation *op);

  /// Arguments of the function of which a part is kept.
  llvm::MapVector<Value, Kept> windows;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_FIXEDPOINTTOEMITC_VALUEEMITTER_H
