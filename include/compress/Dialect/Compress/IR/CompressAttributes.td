//===- CompressAttributes.td - Enums and attributes ----------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_ATTRIBUTES_TD
#define COMPRESS_ATTRIBUTES_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "compress/Dialect/Compress/IR/CompressDialect.td"
include "compress/Dialect/Compress/IR/CompressInterfaces.td"

def Compress_Domain : I32EnumAttr<"Domain", "what the parameters of a circulant block are", [
    I32EnumAttrCase<"time", 0>, I32EnumAttrCase<"spectrum", 1>]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::mlir::compress";
}
def Compress_DomainAttr : EnumAttr<Compress_Dialect, Compress_Domain, "domain">;

class Compress_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Compress_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Compress_FitCirculantAttr : Compress_Attr<"FitCirculant", "fit_circulant",
    [DeclareAttrInterfaceMethods<CompressionSchemeAttrInterface>]> {
  let summary = "Nearest block-circulant weight in the Frobenius norm";
  let description = [{
    Each parameter is the mean over one wrapped diagonal of its block, over the entries that lie inside of the dense
    tensor: `c[i,j,t] = mean of W[i*k+r, j*k+s] where (r-s) mod k = t`.

    Constraints:
      - (C1) `k` is at least 1.

    Example: `#compress.fit_circulant<k = 64>`
  }];
  let parameters = (ins "int64_t":$k);
  let assemblyFormat = "`<` `k` `=` $k `>`";
  let genVerifyDecl = 1;
}

#endif // COMPRESS_ATTRIBUTES_TD
