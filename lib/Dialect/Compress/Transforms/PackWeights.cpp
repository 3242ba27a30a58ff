//===- PackWeights.cpp - Store codes as kernels read them ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %codes = arith.constant … : tensor<64x128xi4>                    %packed = arith.constant … : tensor<128x32xi8>
//   %y = compress.coded_contract … ins(%x, %codes, %scales)     =>   %y = compress.coded_contract …
//                                                                        layout(<code_bits = 4>) ins(%x, %packed, %t)
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Layout.h"
#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "compress/Dialect/Compress/Transforms/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// A constant behind slices, innermost slice first.
struct SlicedConstant {
  arith::ConstantOp constant;
  SmallVector<tensor::ExtractSliceOp> slices;

  static std::optional<SlicedConstant> get(Value value) {
    SlicedConstant result;
    while (auto slice = value.getDefiningOp<tensor::ExtractSliceOp>()) {
      if (slice.getSourceType().getRank() != slice.getResultType().getRank())
        return std::nullopt;
      result.slices.push_back(slice);
      value = slice.getSource();
    }
    result.constant = value.getDefiningOp<arith::ConstantOp>();
    if (!result.constant)
      return std::nullopt;
    return result;
  }

  /// True if every slice begins with a whole byte of `unit` codes along dimension `dim`, and has as many as is known.
  bool isOfBytesAlong(int64_t dim, int64_t unit) {
    return llvm::all_of(slices, [&](tensor::ExtractSliceOp slice) {
      return isConstantIntValue(slice.getMixedStrides()[dim], 1) &&
             ShapedType::isStatic(slice.getResultType().getDimSize(dim)) &&
             isMultipleOf(slice.getMixedOffsets()[dim], unit);
    });
  }

private:
  /// True for a constant multiple of `unit`, and for the index of a loop that begins and steps by such.
  static bool isMultipleOf(OpFoldResult value, int64_t unit) {
    if (std::optional<int64_t> constant = getConstantIntValue(value))
      return *constant % unit == 0;
    scf::ForOp loop = scf::getForInductionVarOwner(cast<Value>(value));
    if (!loop)
      return false;
    std::optional<int64_t> lower = getConstantIntValue(loop.getLowerBound()),
                           step = getConstantIntValue(loop.getStep());
    return lower && step && *lower % unit == 0 && *step % unit == 0;
  }
};

struct PackWeightsPass : compress::impl::PackWeightsPassBase<PackWeightsPass> {
  void runOnOperation() override {
    stored.clear();
    before = after = 0;
    SmallVector<CodedKernelOpInterface> kernels;
    getOperation()->walk([&](CodedKernelOpInterface op) { kernels.push_back(op); });
    for (CodedKernelOpInterface op : kernels)
      pack(op);
    for (auto &[key, value] : stored)
      if (auto constant = key.first; isOpTriviallyDead(constant) && !llvm::is_contained(dead, constant))
        dead.push_back(constant);
    for (Operation *constant : dead)
      constant->erase();
    dead.clear();
    if (after > 0)
      remark::analysis(getOperation()->getLoc(), remark::RemarkOpts::name("pack-weights").category("compress"))
          << "codes: " + std::to_string(before) + " bytes before, " + std::to_string(after) + " bytes after";
  }

  void pack(CodedKernelOpInterface op) {
    CodedTensor coded = op.getCoded();
    unsigned bits = cast<NumberCodeAttrInterface>(coded.code).getNumBits();
    if (coded.layout || !isa<RankedTensorType>(coded.codes.getType()))
      return;
    SmallVector<int64_t> order = op.getPreferredOrder();
    auto codes = SlicedConstant::get(coded.codes);
    auto layout = LayoutAttr::get(&getContext(), order, {}, bits < 8 ? bits : 0);
    if (!codes || order.empty() || !constantValues(codes->constant) ||
        (bits < 8 && !codes->isOfBytesAlong(order.back(), 8 / layout.getFieldBits()))) {
      remark::missed(op.getLoc(), remark::RemarkOpts::name("pack-weights").category("compress"))
          << "codes stay as they are: they are no constant, or sliced within a byte of the dimension that is packed";
      return;
    }
    OpBuilder builder(op);
    coded.codes = restore(builder, *codes, layout);
    coded.scales = permute(builder, coded.scales, order);
    if (coded.zeros)
      coded.zeros = permute(builder, coded.zeros, order);
    applyPermutationToVector(coded.group, order);
    if (bits < 8)
      coded.layout = LayoutAttr::get(&getContext(), {}, {}, bits);
    op.setCoded(coded, order);
    ++numPacked;
    eraseDeadSlices(codes->slices);
  }

  /// The constant in `layout`, behind the same slices.
  Value restore(OpBuilder &builder, SlicedConstant &source, LayoutAttr layout) {
    Value value = storeConstant(source.constant, layout);
    for (tensor::ExtractSliceOp slice : llvm::reverse(source.slices)) {
      SmallVector<OpFoldResult> offsets = slice.getMixedOffsets(), sizes = slice.getMixedSizes();
      SmallVector<OpFoldResult> strides = slice.getMixedStrides();
      for (auto *list : {&offsets, &sizes, &strides})
        applyPermutationToVector(*list, layout.getOrder());
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(slice);
      if (layout.getCodeBits()) {
        int64_t perByte = 8 / layout.getFieldBits();
        AffineExpr byte = builder.getAffineDimExpr(0).floorDiv(perByte);
        offsets.back() = affine::makeComposedFoldedAffineApply(builder, slice.getLoc(), byte, offsets.back());
        sizes.back() = builder.getIndexAttr(llvm::divideCeil(*getConstantIntValue(sizes.back()), perByte));
      }
      value = tensor::ExtractSliceOp::create(builder, slice.getLoc(), value, offsets, sizes, strides);
    }
    return value;
  }

  Value storeConstant(arith::ConstantOp constant, LayoutAttr layout) {
    Value &result = stored[{constant, layout}];
    if (result)
      return result;
    auto type = cast<RankedTensorType>(constant.getType());
    OpBuilder builder(constant);
    auto storedType = cast<RankedTensorType>(layout.getStoredType(type));
    result = materializeConstant(builder, constant.getLoc(), storedType,
                                 storeInLayout(layout, type, *constantValues(constant)));
    if (type.getElementType().isInteger()) {
      before += type.getNumElements();
      after += storedType.getNumElements();
    }
    return result;
  }

  /// Scales or zero points in the order of the codes.
  Value permute(OpBuilder &builder, Value value, ArrayRef<int64_t> order) {
    if (llvm::is_sorted(order))
      return value;
    if (auto constant = SlicedConstant::get(value); constant && constantValues(constant->constant))
      return restore(builder, *constant, LayoutAttr::get(&getContext(), order, {}, 0));
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, value.getLoc(), value);
    applyPermutationToVector(sizes, order);
    Value empty = tensor::EmptyOp::create(builder, value.getLoc(), sizes, getElementTypeOrSelf(value.getType()));
    return linalg::TransposeOp::create(builder, value.getLoc(), value, empty, order)->getResult(0);
  }

  static void eraseDeadSlices(ArrayRef<tensor::ExtractSliceOp> slices) {
    for (tensor::ExtractSliceOp slice : slices)
      if (isOpTriviallyDead(slice))
        slice->erase();
  }

  /// Constants in the layouts that kernels want.
  llvm::MapVector<std::pair<Operation *, Attribute>, Value> stored;
  SmallVector<Operation *> dead;
  int64_t before = 0, after = 0;
};

} // namespace
