//===- ValueEmitter.cpp - Numbers, places and streams of C++ ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ValueEmitter.h"

using namespace mlir;
using namespace mlir::compress;

/// Most bits of an integer, as of the numbers of a fixed-point network.
static constexpr unsigned kMostBits = 64;

Type ValueEmitter::convert(Operation *op, Type type) {
  if (auto integer = dyn_cast<IntegerType>(type); integer && integer.isSignless() && integer.getWidth() <= kMostBits)
    return opaque("ap_int<" + Twine(integer.getWidth()) + ">");
  if (auto memref = dyn_cast<MemRefType>(type); memref && memref.hasStaticShape() && memref.getRank() > 0 &&
                                                memref.getNumElements() > 0 && memref.getLayout().isIdentity() &&
                                                isa<IntegerType>(memref.getElementType()))
    if (Type element = convert(op, memref.getElementType()))
      return emitc::ArrayType::get(memref.getShape(), element);
  op->emitError() << "type " << type << " has no C++ type for synthesis";
  return {};
}

Value ValueEmitter::variable(Location loc, Type type) {
  auto none = emitc::OpaqueAttr::get(module.getContext(), "");
  return emitc::VariableOp::create(builder, loc, isa<emitc::ArrayType>(type) ? type : emitc::LValueType::get(type),
                                   none);
}

Value ValueEmitter::readVariable(Location loc, Value variable) {
  return emitc::LoadOp::create(builder, loc, cast<emitc::LValueType>(variable.getType()).getValueType(), variable);
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Value ValueEmitter::emitIndex(Location loc, AffineExpr expr, ArrayRef<Value> ivs) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return size(loc, constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return ivs[dim.getPosition()];
  // Literals are no operations of an expression: they come in from outside.
  SmallVector<Value> inputs(ivs);
  llvm::DenseMap<AffineExpr, unsigned> numbers;
  expr.walk([&](AffineExpr inner) {
    if (isa<AffineConstantExpr>(inner) && numbers.try_emplace(inner, inputs.size()).second)
      inputs.push_back(size(loc, cast<AffineConstantExpr>(inner).getValue()));
  });
  auto expression = emitc::ExpressionOp::create(builder, loc, sizeType(), inputs, /*do_not_inline=*/false);
  OpBuilder::InsertionGuard guard(builder);
  Block &body = expression.createBody();
  builder.setInsertionPointToStart(&body);
  Value result = emitIndexOps(loc, expr, body.getArguments(), numbers);
  emitc::YieldOp::create(builder, loc, result);
  return expression;
}

Value ValueEmitter::emitIndexOps(Location loc, AffineExpr expr, ValueRange inputs,
                                 const llvm::DenseMap<AffineExpr, unsigned> &numbers) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return inputs[dim.getPosition()];
  if (isa<AffineConstantExpr>(expr))
    return inputs[numbers.lookup(expr)];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value a = emitIndexOps(loc, binary.getLHS(), inputs, numbers),
        b = emitIndexOps(loc, binary.getRHS(), inputs, numbers);
  if (expr.getKind() == AffineExprKind::Add)
    return emitc::AddOp::create(builder, loc, sizeType(), a, b);
  return emitc::MulOp::create(builder, loc, sizeType(), a, b);
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

Type ValueEmitter::streamType(Value buffer) {
  int64_t width = cast<MemRefType>(buffer.getType()).getElementTypeBitWidth();
  return opaque("hls::stream<ap_int<" + Twine(width) + "> > &");
}

void ValueEmitter::emitStream(hls::StreamOp stream) {
  Location loc = stream.getLoc();
  std::string name = "stream_" + std::to_string(++numStreams);
  int64_t width = stream.getNumbers().getType().getElementTypeBitWidth(), depth = stream.getDepthAttr().getInt();
  emitc::VerbatimOp::create(builder, loc,
                            ("hls::stream<ap_int<" + Twine(width) + "> > " + name + "(\"" + name + "\");").str());
  emitc::VerbatimOp::create(builder, loc, ("#pragma HLS STREAM variable=" + name + " depth=" + Twine(depth)).str());
  values[stream] = literal(loc, streamType(stream), name);
}

static int64_t startOf(Operation *op) {
  auto start = op->getAttrOfType<IntegerAttr>(hls::kStartAttr);
  return start ? start.getInt() : 0;
}

bool ValueEmitter::isRead(Operation &op) {
  auto load = dyn_cast<affine::AffineLoadOp>(op);
  return load && streams.contains(load.getMemRef()) && !windows.contains(load.getMemRef());
}

Value ValueEmitter::emitRead(Location loc, Type type, Value stream) {
  Value number = variable(loc, type);
  emitc::VerbatimOp::create(builder, loc, "{}.read({});", ValueRange{stream, number});
  return readVariable(loc, number);
}

void ValueEmitter::emitReads(Block::iterator from, Block::iterator end) {
  SmallVector<affine::AffineLoadOp> reads;
  for (; from != end && !isa<affine::AffineForOp>(*from); ++from)
    if (isRead(*from))
      reads.push_back(cast<affine::AffineLoadOp>(*from));
  llvm::sort(reads, [](Operation *a, Operation *b) { return startOf(a) < startOf(b); });
  for (affine::AffineLoadOp load : reads)
    values[load] = emitRead(load.getLoc(), convert(load, load.getType()), values.lookup(load.getMemRef()));
}

void ValueEmitter::emitWrites(SmallVectorImpl<affine::AffineStoreOp> &writes) {
  llvm::sort(writes, [](Operation *a, Operation *b) { return startOf(a) < startOf(b); });
  for (affine::AffineStoreOp store : writes)
    emitc::VerbatimOp::create(builder, store.getLoc(), "{}.write({});",
                              ValueRange{values.lookup(store.getMemRef()), values.lookup(store.getValueToStore())});
  writes.clear();
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

void ValueEmitter::emitPartition(Location loc, Value array, hls::PartitionAttr partition) {
  if (!partition)
    return;
  std::string factor = std::to_string(partition.getFactor());
  if (auto get = array.getDefiningOp<emitc::GetGlobalOp>()) // which has no name of its own
    emitc::VerbatimOp::create(
        builder, loc, "#pragma HLS ARRAY_PARTITION variable=" + get.getName().str() + " cyclic factor=" + factor);
  else
    emitc::VerbatimOp::create(builder, loc, "#pragma HLS ARRAY_PARTITION variable={} cyclic factor=" + factor,
                              ValueRange{array});
}

void ValueEmitter::emitWindow(BlockArgument argument, hls::PartitionAttr partition) {
  Location loc = argument.getLoc();
  Type type = convert(argument.getOwner()->getParentOp(), cast<MemRefType>(argument.getType()).getElementType());
  KeptWindow window(argument);
  Value array = variable(loc, emitc::ArrayType::get({window.words()}, type));
  emitPartition(loc, array, partition);
  auto [it, isNew] = windows.insert({argument, Kept{window, type, array}});
  take(loc, argument, it->second, window.first(), {}, builder.getAffineDimExpr(0));
}

Value ValueEmitter::emitWrapped(Location loc, AffineExpr expr, ArrayRef<Value> ivs, const Kept &kept) {
  Value place = emitIndex(loc, expr, ivs); // in a statement of its own: '&' of a sum is easily misread
  return emitc::BitwiseAndOp::create(builder, loc, sizeType(), place, size(loc, kept.window.words() - 1));
}

void ValueEmitter::take(Location loc, Value argument, const Kept &kept, int64_t count, ArrayRef<Value> ivs,
                        AffineExpr place) {
  if (count == 0)
    return;
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Value> indices(ivs);
  if (count == 1) {
    if (place)
      place = place.replace(builder.getAffineDimExpr(ivs.size()), builder.getAffineConstantExpr(0));
  } else {
    emitc::VerbatimOp::create(builder, loc, "loop_" + std::to_string(++numLoops) + ":");
    auto loop = emitc::ForOp::create(builder, loc, size(loc, 0), size(loc, count), size(loc, 1));
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    emitc::VerbatimOp::create(builder, loc, "#pragma HLS PIPELINE II=1");
    indices.push_back(loop.getInductionVar());
  }
  if (!place) { // of no use to anyone
    emitc::VerbatimOp::create(builder, loc, "{}.read({});",
                              ValueRange{values.lookup(argument), variable(loc, kept.type)});
    return;
  }
  Value number = emitRead(loc, kept.type, values.lookup(argument));
  Value index = emitWrapped(loc, place, indices, kept);
  auto to = emitc::SubscriptOp::create(builder, loc, emitc::LValueType::get(kept.type), kept.array, index);
  emitc::AssignOp::create(builder, loc, cast<TypedValue<emitc::LValueType>>(to.getResult()), number);
}

void ValueEmitter::takeIn(affine::AffineForOp loop, bool isBehind) {
  unsigned depth = depthOf(loop);
  SmallVector<Value> ivs = indicesAround(loop.getBody()->getTerminator());
  for (auto &[argument, kept] : windows) {
    const KeptWindow &window = kept.window;
    if (isBehind && window.behind(depth))
      take(loop.getLoc(), argument, kept, window.behind(depth), ivs, window.placeBehind(depth));
    if (!isBehind && window.before(depth))
      take(loop.getLoc(), argument, kept, window.before(depth), ivs, window.placeBefore(depth));
  }
}

void ValueEmitter::takeRest(Location loc) {
  for (auto &[argument, kept] : windows)
    take(loc, argument, kept, kept.window.rest(), {}, AffineExpr());
}

SmallVector<Value> ValueEmitter::indicesAround(Operation *op) {
  SmallVector<Value> ivs;
  for (auto loop = op->getParentOfType<affine::AffineForOp>(); loop;
       loop = loop->getParentOfType<affine::AffineForOp>())
    ivs.insert(ivs.begin(), values.lookup(loop.getInductionVar()));
  return ivs;
}

std::optional<TypedValue<emitc::LValueType>> ValueEmitter::keptNumber(affine::AffineLoadOp load) {
  auto it = windows.find(load.getMemRef());
  if (it == windows.end())
    return std::nullopt;
  const Kept &kept = it->second;
  Location loc = load.getLoc();
  Value index = emitWrapped(loc, kept.window.placeOf(load), indicesAround(load), kept);
  auto place = emitc::SubscriptOp::create(builder, loc, emitc::LValueType::get(kept.type), kept.array, index);
  return cast<TypedValue<emitc::LValueType>>(place.getResult());
}
