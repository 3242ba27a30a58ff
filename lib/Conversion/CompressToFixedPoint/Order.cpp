//===- Order.cpp - In which order a step goes through tensors --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numbers do not depend on it; how long a step has to keep them does. A convolution that writes pixel after pixel, all
// channels of one together, and reads a window row by row, needs what lies between the first and the last number of a
// window, not a whole sample:
//
//   for oc { for y { for x { for ic { for ky { for kx … } } } } }
//   =>  for y { for x { for oc { for ky { for kx { for ic … } } } } }
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"

using namespace mlir;
using namespace mlir::compress;

SmallVector<unsigned> FixedPointEmitter::writingOrder(Value value, const FixedTensor &from, AffineMap read,
                                                      ArrayRef<AffineExpr> dims,
                                                      function_ref<bool(AffineExpr)> isChannel) {
  auto order = llvm::to_vector(llvm::seq<unsigned>(dims.size()));
  if (becomesResult(value)) // whose order the outside knows
    return order;
  SmallVector<unsigned> written = dimsInOrder(from);
  auto turn = [&](unsigned i) -> size_t {
    auto loop = dyn_cast<AffineDimExpr>(dims[i]);
    for (auto [t, d] : llvm::enumerate(written))
      if (loop && !isChannel(loop) && read.getResult(d).isFunctionOfDim(loop.getPosition()))
        return t;
    return written.size();
  };
  llvm::sort(order, [&](unsigned a, unsigned b) { return std::pair(turn(a), a) < std::pair(turn(b), b); });
  return order;
}

static SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

SmallVector<PlaceLoop> mlir::compress::placeLoops(ArrayRef<int64_t> shape, ArrayRef<unsigned> dims) {
  SmallVector<int64_t> strides = stridesOf(shape);
  SmallVector<PlaceLoop> loops;
  for (unsigned d : dims) {
    if (shape[d] == 1)
      continue;
    if (!loops.empty() && loops.back().stride == strides[d] * shape[d])
      loops.back() = {loops.back().extent * shape[d], strides[d]};
    else
      loops.push_back({shape[d], strides[d]});
  }
  return loops;
}

SmallVector<unsigned> mlir::compress::dimsInOrder(const FixedTensor &tensor) {
  SmallVector<int64_t> strides = stridesOf(tensor.shape);
  SmallVector<size_t> loopOf(tensor.shape.size(), 0);
  for (auto [d, stride] : llvm::enumerate(strides))
    for (auto [l, loop] : llvm::enumerate(tensor.order))
      if (tensor.shape[d] > 1 && loop.stride <= stride && stride < loop.stride * loop.extent)
        loopOf[d] = l;
  auto dims = llvm::to_vector(llvm::seq<unsigned>(tensor.shape.size()));
  llvm::sort(dims, [&](unsigned a, unsigned b) { return std::pair(loopOf[a], a) < std::pair(loopOf[b], b); });
  return dims;
}

SmallVector<PlaceLoop> mlir::compress::loopsAlong(const FixedTensor &tensor, unsigned dim) {
  int64_t stride = stridesOf(tensor.shape)[dim], extent = 1;
  SmallVector<PlaceLoop> loops;
  for (PlaceLoop loop : tensor.order)
    if (loop.stride >= stride && loop.stride * loop.extent <= stride * tensor.shape[dim]) {
      loops.push_back({loop.extent, loop.stride / stride});
      extent *= loop.extent;
    }
  return extent == tensor.shape[dim] ? loops : SmallVector<PlaceLoop>();
}

void mlir::compress::sortReductions(SmallVectorImpl<unsigned> &dims, AffineMap map) {
  auto isWindow = [&](unsigned d) {
    return llvm::any_of(map.getResults(),
                        [&](AffineExpr expr) { return expr.isFunctionOfDim(d) && !isa<AffineDimExpr>(expr); });
  };
  llvm::sort(dims, [&](unsigned a, unsigned b) { return std::pair(!isWindow(a), a) < std::pair(!isWindow(b), b); });
}
