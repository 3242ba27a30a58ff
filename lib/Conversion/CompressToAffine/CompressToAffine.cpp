//===- CompressToAffine.cpp - Lower kernel ops to affine loops -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AffineNest.h"
#include "compress/Conversion/Passes.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/TypeSwitch.h"

namespace mlir::compress {
#define GEN_PASS_DEF_CONVERTCOMPRESSTOAFFINEPASS
#include "compress/Conversion/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

struct ConvertCompressToAffinePass : compress::impl::ConvertCompressToAffinePassBase<ConvertCompressToAffinePass> {
  using Base = compress::impl::ConvertCompressToAffinePassBase<ConvertCompressToAffinePass>;
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyVectorLanes(getOperation(), getArgument(), vectorLanes)))
      return signalPassFailure();
    SmallVector<Operation *> kernels;
    getOperation()->walk([&](Operation *op) {
      if (isa<RfftOp, RfftTransposeOp, SpectralMatmulOp, SpectralConvOp, SpectralDotOp, CodedContractOp, CodedDotOp,
              BasisConvOp, BasisDotOp, DecodeOp, UnpackRowsOp, RelayoutOp>(op))
        kernels.push_back(op);
    });
    for (Operation *op : kernels) {
      if (op->getNumResults() > 0) {
        op->emitOpError("is still on tensors: bufferize before convert-compress-to-affine");
        return signalPassFailure();
      }
      if (auto relayout = dyn_cast<RelayoutOp>(op); relayout && relayout.packsCodes()) {
        op->emitOpError("packs codes, which is done at compile time, of constants: run compress-pack-weights");
        return signalPassFailure();
      }
      auto blockSize = [&] {
        auto rfft = dyn_cast<RfftOp>(op);
        return rfft ? rfft.getBlockSize() : cast<RfftTransposeOp>(op).getBlockSize();
      };
      if (isa<RfftOp, RfftTransposeOp>(op) &&
          kernel::operationCountUpperBound(blockSize()) > kernel::kMostEmittedOperations) {
        op->emitOpError("is a transform of ") << blockSize() << " points, too long for straight-line code";
        return signalPassFailure();
      }
      OpBuilder builder(op);
      llvm::TypeSwitch<Operation *>(op)
          .Case([&](RfftOp rfft) { lowerRfft(rfft, vectorLanes, builder); })
          .Case([&](RfftTransposeOp rfft) { lowerRfftTranspose(rfft, vectorLanes, builder); })
          .Case([&](SpectralMatmulOp matmul) { lowerSpectralMatmul(matmul, vectorLanes, builder); })
          .Case([&](SpectralConvOp conv) { lowerSpectralConv(conv, vectorLanes, builder); })
          .Case([&](SpectralDotOp dot) { lowerSpectralDot(dot, vectorLanes, extensions, builder); })
          .Case([&](CodedContractOp contract) { lowerCodedContract(contract, vectorLanes, builder); })
          .Case([&](CodedDotOp dot) { lowerCodedDot(dot, vectorLanes, extensions, builder); })
          .Case([&](BasisConvOp conv) { lowerBasisConv(conv, vectorLanes, builder); })
          .Case([&](BasisDotOp dot) { lowerBasisDot(dot, vectorLanes, extensions, builder); })
          .Case([&](DecodeOp decode) { lowerDecode(decode, vectorLanes, builder); })
          .Case([&](UnpackRowsOp unpack) { lowerUnpackRows(unpack, vectorLanes, extensions, builder); })
          .Case([&](RelayoutOp relayout) { lowerRelayout(relayout, builder); });
      op->erase();
    }
    lowerByteDots();
  }

  void lowerByteDots() {
    SmallVector<linalg::LinalgOp> dots;
    if (vectorLanes > 1)
      getOperation()->walk([&](linalg::LinalgOp op) {
        if (isByteDot(op) || isProductOfByteLanes(op))
          dots.push_back(op);
      });
    for (linalg::LinalgOp op : dots) {
      OpBuilder builder(op);
      bool isLowered = isProductOfByteLanes(op) ? lowerProductOfByteLanes(op, vectorLanes, builder)
                                                : lowerByteDot(op, vectorLanes, extensions, builder);
      if (isLowered)
        op->erase();
    }
  }
};

} // namespace
