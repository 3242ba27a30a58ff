//===- Streams.cpp - Which buffers are streams of C++ ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Streams.h"
#include "compress/Conversion/FixedPoint.h"

using namespace mlir;
using namespace mlir::compress;

static Attribute attrOf(Value buffer, StringRef name) {
  if (auto argument = dyn_cast<BlockArgument>(buffer))
    return cast<func::FuncOp>(argument.getOwner()->getParentOp()).getArgAttr(argument.getArgNumber(), name);
  return buffer.getDefiningOp()->getAttr(name);
}

llvm::DenseSet<Value> mlir::compress::findStreams(ModuleOp module, bool arePorts) {
  llvm::DenseSet<Value> streams;
  auto network = module.lookupSymbol<func::FuncOp>("main");
  if (!network)
    return streams;
  network.walk([&](hls::TaskOp task) {
    auto step = module.lookupSymbol<func::FuncOp>(task.getStep());
    for (OpOperand &use : task->getOpOperands()) {
      bool isPort = isa<BlockArgument>(use.get());
      if (!hls::Channel::of(use.get()).isStream || (isPort && !arePorts))
        continue;
      streams.insert(use.get());
      streams.insert(step.getArgument(use.getOperandNumber()));
    }
  });
  return streams;
}

LogicalResult mlir::compress::checkStreams(ModuleOp module, bool arePorts) {
  llvm::DenseSet<Value> streams = findStreams(module, arePorts);
  auto network = module.lookupSymbol<func::FuncOp>("main");
  if (!network)
    return success();
  auto walk = network.walk([&](hls::TaskOp task) {
    auto step = module.lookupSymbol<func::FuncOp>(task.getStep());
    for (OpOperand &use : task->getOpOperands())
      if (streams.contains(step.getArgument(use.getOperandNumber())) != streams.contains(use.get())) {
        task.emitError("has an array as operand ")
            << use.getOperandNumber() << ", where another task of step '" << task.getStep() << "' has a stream";
        return WalkResult::interrupt();
      }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

llvm::DenseMap<Value, hls::PartitionAttr> mlir::compress::findPartitions(ModuleOp module) {
  llvm::DenseMap<Value, hls::PartitionAttr> partitions;
  if (auto network = module.lookupSymbol<func::FuncOp>("main"))
    network.walk([&](hls::TaskOp task) {
      auto step = module.lookupSymbol<func::FuncOp>(task.getStep());
      for (OpOperand &use : task->getOpOperands())
        if (auto attr = step.getArgAttrOfType<hls::PartitionAttr>(use.getOperandNumber(), hls::kPartitionAttr))
          partitions[use.get()] = attr;
    });
  return partitions;
}

BufferInCpp mlir::compress::bufferInCpp(ModuleOp module, Value buffer, bool arePorts) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t width = type.getElementTypeBitWidth();
  BufferInCpp result;
  result.isStream = findStreams(module, arePorts).contains(buffer);
  for (OpOperand &use : buffer.getUses())
    if (auto task = dyn_cast<hls::TaskOp>(use.getOwner())) {
      auto step = module.lookupSymbol<func::FuncOp>(task.getStep());
      auto window = step.getArgAttrOfType<hls::WindowAttr>(use.getOperandNumber(), hls::kWindowAttr);
      if (window && result.isStream)
        result.window = window.getWords();
    }
  if (result.isStream) {
    result.depth = hls::Channel::of(buffer).depth;
    result.bits = (result.depth + result.window) * width;
    return result;
  }
  if (hls::PartitionAttr partition = findPartitions(module).lookup(buffer))
    result.memories = partition.getFactor();
  result.bits = 2 * type.getNumElements() * width;
  return result;
}

unsigned mlir::compress::depthOf(Operation *op) {
  unsigned depth = 0;
  for (auto loop = op->getParentOfType<affine::AffineForOp>(); loop;
       loop = loop->getParentOfType<affine::AffineForOp>())
    ++depth;
  return depth;
}

static int64_t tripsOf(affine::AffineForOp loop) { return loop.getConstantUpperBound() - loop.getConstantLowerBound(); }

KeptWindow::KeptWindow(BlockArgument argument)
    : attr(cast<hls::WindowAttr>(attrOf(argument, hls::kWindowAttr))),
      size(cast<MemRefType>(argument.getType()).getNumElements()) {
  // The loops around all nests are each alone in their block.
  Block *block = argument.getOwner();
  for (int64_t i = 0; i < attr.getSteps().size(); ++i) {
    loops.push_back(*block->getOps<affine::AffineForOp>().begin());
    block = loops.back().getBody();
  }
  perIteration.assign(loops.size(), 0);
  for (size_t d = loops.size(); d-- > 0;) {
    perIteration[d] = before(d) + behind(d);
    if (d + 1 < loops.size())
      perIteration[d] += tripsOf(loops[d + 1]) * perIteration[d + 1];
  }
}

int64_t KeptWindow::rest() const { return size - first() - (loops.empty() ? 0 : tripsOf(loops[0]) * perIteration[0]); }

AffineExpr KeptWindow::begin(unsigned depth) const {
  MLIRContext *context = attr.getContext();
  AffineExpr place = getAffineConstantExpr(first(), context);
  for (unsigned d = 0; d <= depth; ++d) {
    affine::AffineForOp loop = loops[d];
    place = place + (getAffineDimExpr(d, context) - loop.getConstantLowerBound()) * perIteration[d];
    if (d < depth)
      place = place + before(d);
  }
  return place;
}

AffineExpr KeptWindow::placeBefore(unsigned depth) const {
  return begin(depth) + getAffineDimExpr(depth + 1, attr.getContext());
}

AffineExpr KeptWindow::placeBehind(unsigned depth) const {
  int64_t inside = perIteration[depth] - behind(depth);
  return begin(depth) + inside + getAffineDimExpr(depth + 1, attr.getContext());
}

AffineExpr KeptWindow::placeOf(affine::AffineLoadOp load) const {
  return load->getAttrOfType<AffineMapAttr>(hls::kPlaceAttr).getValue().getResult(0);
}
