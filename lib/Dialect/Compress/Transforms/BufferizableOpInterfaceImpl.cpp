//===- BufferizableOpInterfaceImpl.cpp - Bufferize kernel ops --------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %r = compress.rfft dim = 1 ins(%x : tensor) outs(%i : tensor) -> tensor     %i is not read: no copy for it
//   compress.rfft dim = 1 ins(%x : memref) outs(%i : memref)
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::compress;

namespace {

template <typename OpTy>
struct KernelOpModel : DstBufferizableOpInterfaceExternalModel<KernelOpModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand, const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand) || cast<OpTy>(op).readsInit();
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter, const BufferizationOptions &options,
                          BufferizationState &state) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    OpTy::create(rewriter, op->getLoc(), TypeRange{}, buffers, op->getAttrs());
    auto destination = cast<DestinationStyleOpInterface>(op);
    Value result = buffers[destination.getDpsInitOperand(0)->getOperandNumber()];
    replaceOpWithBufferizedValues(rewriter, op, result);
    return success();
  }
};

} // namespace

void mlir::compress::registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, CompressDialect *) {
    RfftOp::attachInterface<KernelOpModel<RfftOp>>(*context);
    RfftTransposeOp::attachInterface<KernelOpModel<RfftTransposeOp>>(*context);
    SpectralMatmulOp::attachInterface<KernelOpModel<SpectralMatmulOp>>(*context);
    SpectralConvOp::attachInterface<KernelOpModel<SpectralConvOp>>(*context);
    SpectralDotOp::attachInterface<KernelOpModel<SpectralDotOp>>(*context);
    CodedContractOp::attachInterface<KernelOpModel<CodedContractOp>>(*context);
    CodedDotOp::attachInterface<KernelOpModel<CodedDotOp>>(*context);
    BasisConvOp::attachInterface<KernelOpModel<BasisConvOp>>(*context);
    BasisDotOp::attachInterface<KernelOpModel<BasisDotOp>>(*context);
    DecodeOp::attachInterface<KernelOpModel<DecodeOp>>(*context);
    UnpackRowsOp::attachInterface<KernelOpModel<UnpackRowsOp>>(*context);
    RelayoutOp::attachInterface<KernelOpModel<RelayoutOp>>(*context);
  });
}
