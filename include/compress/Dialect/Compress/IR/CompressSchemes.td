//===- CompressSchemes.td - Ways to obtain a representation --*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `compress-fit` does to a dense weight.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SCHEMES_TD
#define COMPRESS_SCHEMES_TD

include "compress/Dialect/Compress/IR/CompressAttributes.td"

class Compress_SchemeAttr<string name, string attrMnemonic> : Compress_Attr<name, attrMnemonic,
    [DeclareAttrInterfaceMethods<CompressionSchemeAttrInterface>]> {
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
  let genVerifyDecl = 1;
}

def Compress_FitCirculantAttr : Compress_SchemeAttr<"FitCirculant", "fit_circulant"> {
  let summary = "Nearest block-circulant weight in the Frobenius norm";
  let description = [{
    Each parameter is the mean over one wrapped diagonal of its block, over the entries that lie inside of the dense
    tensor: `c[i,j,t] = mean of W[i*k+r, j*k+s] where (r-s) mod k = t`.

    Constraints:
      - (C1) `k` is at least 1.

    Example: `#compress.fit_circulant<k = 64>`
  }];
  let parameters = (ins "int64_t":$k);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif // COMPRESS_SCHEMES_TD
