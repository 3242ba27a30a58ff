//===- CompressWeightOp.td - What representation ops share ---*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_WEIGHT_OP_TD
#define COMPRESS_WEIGHT_OP_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "compress/Dialect/Compress/IR/CompressDialect.td"
include "compress/Dialect/Compress/IR/CompressInterfaces.td"

class Compress_WeightOp<string mnemonic, list<string> methods = []> : Compress_Op<mnemonic,
    [Pure, DeclareOpInterfaceMethods<CompressedWeightOpInterface, methods>]> {
  let hasVerifier = 1;
  code resultTypeDeclaration = [{
    ::mlir::RankedTensorType getResultType() { return ::llvm::cast<::mlir::RankedTensorType>(getResult().getType()); }
  }];
}

#endif // COMPRESS_WEIGHT_OP_TD
