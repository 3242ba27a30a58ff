//===- TestCompressOps.td - A representation for tests -------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TEST_COMPRESS_OPS_TD
#define TEST_COMPRESS_OPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "compress/Dialect/Compress/IR/CompressInterfaces.td"

def TestCompress_Dialect : Dialect {
  let name = "test_compress";
  let cppNamespace = "::mlir::compress::test";
  let description = [{
    Its bytecode has version 2. In version 1 an attribute `negated` on a diagonal said that its numbers are stored with the
    other sign.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
  let useDefaultAttributePrinterParser = 1;
}

def TestCompress_DiagonalOp : Op<TestCompress_Dialect, "diagonal",
    [Pure, DeclareOpInterfaceMethods<CompressedWeightOpInterface>]> {
  let summary = "Square matrix with the given diagonal";
  let description = [{
    `W[i, j] = diagonal[i]` where `i = j`, else 0. Its form `scale` multiplies the activation by the diagonal.
  }];
  let arguments = (ins StaticShapeTensorOf<[F32, F64]>:$diagonal);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = "$diagonal attr-dict `:` type($diagonal) `->` type($result)";
  let hasVerifier = 1;
}

def TestCompress_FitDiagonalAttr : AttrDef<TestCompress_Dialect, "FitDiagonal",
    [DeclareAttrInterfaceMethods<CompressionSchemeAttrInterface>]> {
  let mnemonic = "fit_diagonal";
  let summary = "Keep the diagonal of a square weight";
  let description = "The nearest diagonal matrix in the Frobenius norm.";
}

#endif // TEST_COMPRESS_OPS_TD
