//===- CompressOps.td - Representation ops -------------------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_OPS_TD
#define COMPRESS_OPS_TD

include "mlir/Interfaces/SideEffectInterfaces.td"
include "compress/Dialect/Compress/IR/CompressAttributes.td"
include "compress/Dialect/Compress/IR/CompressKernelOps.td"

def Compress_CirculantOp : Compress_Op<"circulant",
    [Pure, DeclareOpInterfaceMethods<CompressedWeightOpInterface>]> {
  let summary = "Dense tensor of a block-circulant weight";
  let description = [{
    Stands for a matrix, or for a convolution kernel, whose `k x k` blocks are circulant. `params` is `p x q x k` followed
    by the tap dimensions.

    Semantics, with `domain = time` (the default; first-column convention of CirCNN, MICRO 2017):

        W[i*k + r, j*k + s, taps…] = params[i, j, (r - s) mod k, taps…]      cropped to rows x cols x taps

    With `domain = spectrum`, `params` holds the `k` half-spectrum slots of each block, unscaled (see the dialect's
    vocabulary), and the meaning includes the inverse transform:

        c[i, j, t, taps…] = sum over slots s of scale(s) * params[i, j, s, taps…] * basis(s, t)
        scale(s) = 1/k where s is a real slot (frequency 0, and k/2 for even k), else 2/k
        basis(s, t) = cos(2 pi f t / k) for a real part, -sin(2 pi f t / k) for an imaginary part

    `order` names the dimension of the result for each role: out, in, then the taps. The default `0, 1, 2, …` is `rows x
    cols x taps` (OIHW); `[3, 2, 0, 1]` is HWIO, `[0, 3, 1, 2]` is OHWI, `[1, 0]` a transposed matrix.

    Constraints:
      - (C1) `params` has rank 3 or more and its extents are at least 1.
      - (C2) the result has the rank of `params` less one.
      - (C3) the element types of `params` and result are the same, f32 or f64.
      - (C4) `order` is a permutation of the result's dimensions.
      - (C5) the `out` extent needs exactly `p` blocks: `(p-1)*k < rows <= p*k`.
      - (C6) the `in` extent needs exactly `q` blocks: `(q-1)*k < cols <= q*k`.
      - (C7) each tap extent equals the one of `params`.

    Unspecified: rounding of the inverse transform with `domain = spectrum`.

    Cost: `p*q*k*taps` parameters for `rows*cols*taps` entries; `p + q` transforms of `k` points and
    `p*q*(2k-2)` multiplies per sample, where the dense product takes `p*q*k*k`.

    Example:

    ```mlir
    %w = compress.circulant %c : tensor<2x3x4xf32> -> tensor<8x10xf32>
    %kernel = compress.circulant %s domain = spectrum order = [3, 2, 0, 1]
        : tensor<2x1x8x3x3xf32> -> tensor<3x3x8x16xf32>
    ```
  }];
  let arguments = (ins StaticShapeTensorOf<[F32, F64]>:$params,
      DefaultValuedAttr<Compress_DomainAttr, "::mlir::compress::Domain::time">:$domain,
      OptionalAttr<DenseI64ArrayAttr>:$order);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = [{
    $params (`domain` `=` $domain^)? (`order` `=` $order^)? attr-dict `:` type($params) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getParamsType() { return ::llvm::cast<::mlir::RankedTensorType>(getParams().getType()); }
    ::mlir::RankedTensorType getResultType() { return ::llvm::cast<::mlir::RankedTensorType>(getResult().getType()); }
    /// Block rows p, block columns q, block size k.
    int64_t getNumBlockRows() { return getParamsType().getDimSize(0); }
    int64_t getNumBlockCols() { return getParamsType().getDimSize(1); }
    int64_t getBlockSize() { return getParamsType().getDimSize(2); }
    int64_t getNumTaps() { return getParamsType().getRank() - 3; }
    /// The result dimension of each role: out, in, taps. The default order spelled out.
    ::llvm::SmallVector<int64_t> getRoleDims();
  }];
}

#endif // COMPRESS_OPS_TD
