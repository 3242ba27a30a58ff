//===- PropagateLayouts.cpp - Choose on which side of a transpose to compute -===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %a = linalg.transpose %conv0 [0, 3, 1, 2]      channels last to NCHW
//   %b = relu %a                               =>  %b = relu %conv0
//   %c = linalg.transpose %b [0, 2, 3, 1]          conv1 reads %b
//
// For each permutation that occurs, one after the other. A value is at home where its op computes; an elementwise op
// can compute on either side of the permutation, all others cannot. The bytes of a value count once for each side that
// it is needed on and is not at home on, so that the cheapest choice for all elementwise ops of a function together is
// a minimum cut. Transposes that the choice makes meet their inverse go.
//
//===----------------------------------------------------------------------===//

#include "compress/Analysis/MinimumCut.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PROPAGATELAYOUTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

using Permutation = SmallVector<int64_t>;

/// True if the op computes each number of its only result from those at the same place of operands of the same shape,
/// and from operands of lower rank; its destination is not read.
bool computesByPlace(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops() ||
      op.hasIndexSemantics() || isa<linalg::TransposeOp, linalg::BroadcastOp>(op))
    return false;
  OpOperand *init = op.getDpsInitOperand(0);
  if (!op.getMatchingIndexingMap(init).isIdentity() || op.payloadUsesValueFromOperand(init))
    return false;
  return llvm::all_of(op.getDpsInputOperands(), [&](OpOperand *operand) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    return map.isIdentity() || (map.getNumResults() < op.getNumLoops() && map.isProjectedPermutation());
  });
}

/// The operands of an elementwise op that have its shape.
SmallVector<OpOperand *> fullOperands(linalg::LinalgOp op) {
  SmallVector<OpOperand *> operands;
  for (OpOperand *operand : op.getDpsInputOperands())
    if (op.getMatchingIndexingMap(operand).isIdentity())
      operands.push_back(operand);
  return operands;
}

/// True if `op` is a transpose by `permutation`.
bool transposesBy(Operation *op, ArrayRef<int64_t> permutation) {
  auto transpose = dyn_cast_or_null<linalg::TransposeOp>(op);
  return transpose && transpose.getPermutation() == permutation;
}

/// The elementwise ops of a function, by the side of the transposes of one permutation that they compute on.
class Sides {
public:
  Sides(ArrayRef<linalg::LinalgOp> ops, ArrayRef<int64_t> permutation)
      : ops(ops), permutation(permutation), inverse(invertPermutationVector(permutation)) {}

  /// The ops to compute before the permutation.
  SmallVector<linalg::LinalgOp> choose() {
    for (linalg::LinalgOp op : ops)
      nodes[op] = cut.addNode();
    for (linalg::LinalgOp op : ops) {
      noteValue(op->getResult(0));
      for (OpOperand *operand : fullOperands(op))
        noteValue(operand->get());
    }
    llvm::BitVector isBefore = cut.solve();
    return llvm::filter_to_vector(ops, [&](linalg::LinalgOp op) { return isBefore.test(nodes.lookup(op)); });
  }

private:
  /// Where a value is at home: a node of the cut, whose sink's side is before the permutation.
  int homeOf(Value value) const {
    Operation *op = value.getDefiningOp();
    if (auto found = nodes.find(op); found != nodes.end())
      return found->second;
    return transposesBy(op, permutation) ? MinimumCut::kSink : MinimumCut::kSource;
  }

  int userOf(Operation *user) const {
    if (auto found = nodes.find(user); found != nodes.end())
      return found->second;
    return transposesBy(user, inverse) ? MinimumCut::kSink : MinimumCut::kSource;
  }

  /// The bytes of `value` for each side that a user needs it on, if it is at home on the other.
  void noteValue(Value value) {
    if (!noted.insert(value).second)
      return;
    int home = homeOf(value), neededBefore = cut.addNode(), neededBehind = cut.addNode();
    cut.addEdge(home, neededBefore, bytesOf(value));
    cut.addEdge(neededBehind, home, bytesOf(value));
    for (Operation *user : value.getUsers()) {
      cut.addEdge(neededBefore, userOf(user), MinimumCut::kNever);
      cut.addEdge(userOf(user), neededBehind, MinimumCut::kNever);
    }
  }

  /// Dynamic extents count as 1, constants not at all: they are transposed at compile time. 8 more for what a pass over
  /// memory takes beside its bytes.
  static int64_t bytesOf(Value value) {
    if (matchPattern(value, m_Constant()))
      return 0;
    auto type = cast<RankedTensorType>(value.getType());
    constexpr int64_t kMost = MinimumCut::kNever / 1024;
    int64_t bits = type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() : 64;
    for (int64_t extent : type.getShape())
      bits = llvm::MulOverflow(bits, ShapedType::isDynamic(extent) ? int64_t(1) : extent, bits) ? kMost : bits;
    return std::min(bits / 8 + 8, kMost);
  }

  ArrayRef<linalg::LinalgOp> ops;
  ArrayRef<int64_t> permutation;
  Permutation inverse;
  MinimumCut cut;
  DenseMap<Operation *, int> nodes;
  DenseSet<Value> noted;
};

Value transposed(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> permutation) {
  if (transposesBy(value.getDefiningOp(), invertPermutationVector(permutation)))
    return value.getDefiningOp<linalg::TransposeOp>().getInput();
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  applyPermutationToVector(sizes, permutation);
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, cast<RankedTensorType>(value.getType()).getElementType());
  return linalg::TransposeOp::create(builder, loc, value, empty, permutation)->getResult(0);
}

/// The same op between the inverse of `permutation` and the permutation itself.
void moveBefore(linalg::LinalgOp op, ArrayRef<int64_t> permutation) {
  Permutation inverse = invertPermutationVector(permutation);
  OpBuilder builder(op);
  Location loc = op.getLoc();
  // Dimension d is now dimension permutation[d].
  SmallVector<AffineExpr> moved;
  for (int64_t d : permutation)
    moved.push_back(builder.getAffineDimExpr(d));
  AffineMap rename = AffineMap::get(permutation.size(), 0, moved, builder.getContext());
  AffineMap identity = builder.getMultiDimIdentityMap(permutation.size());
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand *operand : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(operand);
    bool isFull = map.isIdentity();
    inputs.push_back(isFull ? transposed(builder, loc, operand->get(), inverse) : operand->get());
    maps.push_back(isFull ? identity : map.compose(rename));
  }
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, op.getDpsInits()[0]);
  applyPermutationToVector(sizes, inverse);
  Value init = tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  maps.push_back(identity);
  SmallVector<utils::IteratorType> parallel(permutation.size(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(builder, loc, init.getType(), inputs, init, maps, parallel);
  generic.getRegion().takeBody(op->getRegion(0));
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    if (transposesBy(user, inverse)) {
      user->getResult(0).replaceAllUsesWith(generic.getResult(0));
      user->erase();
    }
  op->getResult(0).replaceAllUsesWith(transposed(builder, loc, generic.getResult(0), permutation));
  op->erase();
}

struct PropagateLayoutsPass : compress::impl::PropagateLayoutsPassBase<PropagateLayoutsPass> {
  void runOnOperation() override {
    SmallVector<Permutation> permutations;
    getOperation()->walk([&](linalg::TransposeOp op) {
      Permutation permutation(op.getPermutation());
      if (op.hasPureTensorSemantics() && !llvm::is_contained(permutations, permutation))
        permutations.push_back(permutation);
    });
    for (const Permutation &permutation : permutations)
      propagate(permutation);
  }

private:
  void propagate(ArrayRef<int64_t> permutation) {
    SmallVector<linalg::LinalgOp> ops;
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (op.getNumLoops() == permutation.size() && computesByPlace(op))
        ops.push_back(op);
    });
    for (linalg::LinalgOp op : Sides(ops, permutation).choose()) {
      moveBefore(op, permutation);
      ++numMoved;
    }
  }
};

} // namespace
