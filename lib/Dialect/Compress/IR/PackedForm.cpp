//===- PackedForm.cpp - Layers with structured zeros ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Structured Sparsity Learning's lowering (NIPS 2016): all-zero rows and columns of the lowered weight are left out,
// and what is left is dense. Which inputs are read is a constant table, of which one entry serves a whole row of
// pixels.
//
//   columns, taps:  G[…, j, …] = X[…, channel(j), …]  (at the taps of j)      Y += values[j, …] * G[…, j, …]
//   rows:           P[…, j, …] = values[j, …] * X                             Y[…, o, …] += P[…, place(o), …] or 0
//
//===----------------------------------------------------------------------===//

#include "PackedForm.h"
#include "Contraction.h"
#include "TensorEmitter.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// The mask of a weight in terms of its consumer.
class PackedLayer {
public:
  PackedLayer(UnpackOp weight, const LinearConsumer &consumer)
      : weight(weight), consumer(consumer), context(weight.getContext()), mask(weight.getMaskShape()),
        box(weight.getBox()), entry(getAffineDimExpr(consumer.resultMap.getNumDims(), context)) {
    for (size_t d = 0; d < mask.size(); ++d) {
      if (mask[d] == 1)
        continue;
      masksOutputs |= consumer.roles[d] == Role::Out;
      masksInputs |= consumer.roles[d] == Role::In || consumer.roles[d] == Role::Tap;
      isSupported &= box[d] == 1 && consumer.roles[d] != Role::Batch;
    }
  }

  bool allows(std::string &whyNot) const {
    bool isOneDim = llvm::count_if(mask, [](int64_t extent) { return extent != 1; }) <= 1;
    bool allowed = isSupported && (masksInputs ? !masksOutputs : isOneDim);
    if (!allowed)
      whyNot = "its mask is over outputs and inputs at once, or covers several of either by an entry";
    return allowed;
  }

  Value emit(OpBuilder &builder) { return masksInputs ? emitOnGathered(builder) : emitScattered(builder); }

private:
  int64_t numEntries() { return weight.getValuesType().getDimSize(0); }

  /// True if only one entry is stored: the whole weight.
  bool isWhole() const { return !masksInputs && !masksOutputs; }

  /// Loops of the stored values: the entry, unless it is the whole, then those of the dimensions that the mask leaves
  /// alone.
  SmallVector<AffineExpr> valueDims() {
    SmallVector<AffineExpr> dims;
    if (!isWhole())
      dims.push_back(entry);
    for (size_t d = 0; d < mask.size(); ++d)
      if (mask[d] == 1)
        dims.push_back(consumer.weightMap.getResult(d));
    return dims;
  }

  /// The stored values with these dimensions alone. The others have one number: read at 0, they would make the product
  /// no contraction, and codes behind it would have no form.
  Value values(OpBuilder &builder) {
    SmallVector<ReassociationIndices> groups;
    ReassociationIndices group;
    bool hasLoop = false;
    for (int64_t d = 0; d <= static_cast<int64_t>(mask.size()); ++d) {
      bool isLoop = d == 0 ? !isWhole() : mask[d - 1] == 1;
      if (isLoop && hasLoop)
        groups.push_back(std::exchange(group, {}));
      hasLoop |= isLoop;
      group.push_back(d);
    }
    groups.push_back(group);
    return TensorEmitter{builder, weight.getLoc()}.collapse(weight.getValues(), groups);
  }

  /// Indices, or -1, in the narrowest integers that hold them: they are stored beside the weights.
  Value table(OpBuilder &builder, ArrayRef<int64_t> numbers) {
    SmallVector<double> values(numbers.begin(), numbers.end());
    int64_t most = *llvm::max_element(numbers);
    Type element = builder.getIntegerType(llvm::isInt<8>(most) ? 8 : llvm::isInt<16>(most) ? 16 : 32);
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
    return materializeConstant(builder, weight.getLoc(), type, values);
  }

  /// For each stored entry, its index along dimension `d` of the mask.
  SmallVector<int64_t> indicesAlong(size_t d) {
    SmallVector<int64_t> indices, index(mask.size(), 0);
    for (int64_t place : weight.getPlaces()) {
      if (place >= 0)
        indices.push_back(index[d]);
      for (int64_t i = static_cast<int64_t>(mask.size()) - 1; i >= 0 && ++index[i] == mask[i]; --i)
        index[i] = 0;
    }
    return indices;
  }

  /// The dimension of the mask that loop `expr` of the weight is, or -1 if the mask does not have it.
  int64_t maskDimOf(AffineExpr expr) const {
    for (size_t d = 0; d < mask.size(); ++d)
      if (mask[d] != 1 && consumer.weightMap.getResult(d) == expr)
        return d;
    return -1;
  }

  static Value toIndex(OpBuilder &b, Location l, Value integer) {
    return arith::IndexCastOp::create(b, l, b.getIndexType(), integer);
  }

  /// How a dimension of the activation is read, and what it is among the gathered ones.
  struct GatheredDim {
    /// Loop of the gather that gives the dimension, or its position; -1 where an entry's table alone does.
    int64_t loop = -1;
    /// Table (argument of the body) that adds to it, or -1; factors of loop and table.
    int64_t table = -1, stride = 1, dilation = 1;
  };

  Value emitOnGathered(OpBuilder &builder) {
    Location loc = consumer.op->getLoc();
    Value x = consumer.paddedActivation;
    SmallVector<OpFoldResult> sizes;
    SmallVector<AffineExpr> dims;
    SmallVector<GatheredDim> reads;
    SmallVector<Value> tables;
    int64_t entryLoop = -1;
    auto addEntries = [&] {
      entryLoop = sizes.size();
      sizes.push_back(builder.getIndexAttr(numEntries()));
      dims.push_back(entry);
    };
    auto addTable = [&](int64_t maskDim) -> int64_t {
      tables.push_back(table(builder, indicesAlong(maskDim)));
      return tables.size() - 1;
    };
    for (auto [d, expr] : llvm::enumerate(consumer.activationMap.getResults())) {
      const ActivationDim &dim = consumer.dims[d];
      GatheredDim read;
      if (dim.kind == ActivationDim::In && maskDimOf(expr) >= 0) {
        read.table = addTable(maskDimOf(expr));
        addEntriesOnce(entryLoop, addEntries);
        reads.push_back(read);
        continue;
      }
      int64_t tap = dim.kind == ActivationDim::Window ? maskDimOf(consumer.weightMap.getResult(dim.tapDim)) : -1;
      read.loop = sizes.size();
      if (tap >= 0) {
        read.table = addTable(tap);
        read.stride = dim.stride;
        read.dilation = dim.dilation;
        dims.push_back(consumer.resultMap.getResult(dim.resultDim));
        sizes.push_back(tensor::getMixedSize(builder, loc, consumer.init, dim.resultDim));
      } else {
        dims.push_back(expr);
        sizes.push_back(tensor::getMixedSize(builder, loc, x, d));
      }
      reads.push_back(read);
    }
    addEntriesOnce(entryLoop, addEntries);
    Value gathered = emitGather(builder, x, sizes, reads, tables, entryLoop);
    return emitContraction(builder, loc, gathered, dims, values(builder), valueDims(), consumer.init,
                           consumer.resultMap.getResults());
  }

  static void addEntriesOnce(int64_t entryLoop, function_ref<void()> add) {
    if (entryLoop < 0)
      add();
  }

  /// One parallel op over the gathered tensor that reads `x` where loops and tables say.
  Value emitGather(OpBuilder &builder, Value x, ArrayRef<OpFoldResult> sizes, ArrayRef<GatheredDim> reads,
                   ArrayRef<Value> tables, int64_t entryLoop) {
    Location loc = consumer.op->getLoc();
    Value init = tensor::EmptyOp::create(builder, loc, sizes, consumer.resultType().getElementType());
    int64_t rank = sizes.size();
    SmallVector<AffineMap> maps(tables.size(), AffineMap::get(rank, 0, builder.getAffineDimExpr(entryLoop)));
    maps.push_back(builder.getMultiDimIdentityMap(rank));
    SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
    auto body = [&](OpBuilder &b, Location l, ValueRange args) {
      SmallVector<Value> at;
      for (const GatheredDim &read : reads) {
        Value fromTable = read.table < 0 ? Value() : toIndex(b, l, args[read.table]);
        Value fromLoop = read.loop < 0 ? Value() : linalg::IndexOp::create(b, l, read.loop).getResult();
        auto scale = [&](Value value, int64_t factor) -> Value {
          if (!value || factor == 1)
            return value;
          Value by = arith::ConstantIndexOp::create(b, l, factor);
          return arith::MulIOp::create(b, l, value, by);
        };
        fromTable = scale(fromTable, read.dilation);
        fromLoop = scale(fromLoop, read.stride);
        at.push_back(!fromTable  ? fromLoop
                     : !fromLoop ? fromTable
                                 : arith::AddIOp::create(b, l, fromLoop, fromTable).getResult());
      }
      linalg::YieldOp::create(b, l, tensor::ExtractOp::create(b, l, x, at).getResult());
    };
    return linalg::GenericOp::create(builder, loc, init.getType(), tables, init, maps, loops, body).getResult(0);
  }

  Value emitScattered(OpBuilder &builder) {
    Location loc = consumer.op->getLoc();
    if (isWhole())
      return emitContraction(builder, loc, consumer.paddedActivation, consumer.activationMap.getResults(),
                             values(builder), valueDims(), consumer.init, consumer.resultMap.getResults());
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, consumer.init);
    SmallVector<AffineExpr> dims(consumer.resultMap.getResults());
    sizes[consumer.outDim] = builder.getIndexAttr(numEntries());
    dims[consumer.outDim] = entry;
    Value packed =
        emitContraction(builder, loc, consumer.paddedActivation, consumer.activationMap.getResults(), values(builder),
                        valueDims(), emitZeros(builder, loc, sizes, consumer.resultType().getElementType()), dims);
    return emitScatter(builder, packed);
  }

  /// init + packed at the place of each output, or init alone.
  Value emitScatter(OpBuilder &builder, Value packed) {
    Location loc = consumer.op->getLoc();
    int64_t rank = consumer.resultType().getRank(), outDim = consumer.outDim;
    Value places = table(builder, weight.getPlaces());
    SmallVector<AffineMap> maps{AffineMap::get(rank, 0, builder.getAffineDimExpr(outDim)),
                                builder.getMultiDimIdentityMap(rank)};
    SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
    auto body = [&](OpBuilder &b, Location l, ValueRange args) {
      Value none = arith::ConstantIntOp::create(b, l, args[0].getType(), 0);
      Value isSet = arith::CmpIOp::create(b, l, arith::CmpIPredicate::sge, args[0], none);
      SmallVector<Value> at;
      for (int64_t d = 0; d < rank; ++d)
        at.push_back(d == outDim ? toIndex(b, l, arith::MaxSIOp::create(b, l, args[0], none))
                                 : linalg::IndexOp::create(b, l, d).getResult());
      Value sum = tensor::ExtractOp::create(b, l, packed, at);
      Value zero = arith::ConstantOp::create(b, l, b.getZeroAttr(sum.getType()));
      Value added = arith::SelectOp::create(b, l, isSet, sum, zero);
      linalg::YieldOp::create(b, l, arith::AddFOp::create(b, l, args[1], added).getResult());
    };
    return linalg::GenericOp::create(builder, loc, consumer.init.getType(), places, consumer.init, maps, loops, body)
        .getResult(0);
  }

  UnpackOp weight;
  const LinearConsumer &consumer;
  MLIRContext *context;
  ArrayRef<int64_t> mask;
  SmallVector<int64_t> box;
  /// The loop over stored entries.
  AffineExpr entry;
  bool masksOutputs = false, masksInputs = false, isSupported = true;
};

} // namespace

SmallVector<Form> mlir::compress::packedForms(UnpackOp weight, const LinearConsumer &consumer, const Machine &machine,
                                              std::string &whyNot) {
  if (!machine.isProcessor) {
    whyNot = "a circuit has no gather: zeros are codes";
    return {};
  }
  if (!PackedLayer(weight, consumer).allows(whyNot))
    return {};
  Form form{"packed", consumer.denseCost(machine)};
  double stored = weight.getValuesType().getNumElements();
  form.cost.multiplies = form.cost.adds = stored * consumer.positionsPerSample();
  form.cost.weightBytes = storedBitsOf(weight.getValues()) / 8;
  ++form.cost.roundings;
  return {form};
}

Value mlir::compress::emitPackedForm(UnpackOp weight, const LinearConsumer &consumer, OpBuilder &builder) {
  return PackedLayer(weight, consumer).emit(builder);
}
