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
include "compress/Dialect/Compress/IR/CompressSchemes.td"
include "compress/Dialect/Compress/IR/CompressTrainingOps.td"
include "compress/Dialect/Compress/IR/CompressWeightOp.td"
include "compress/Dialect/Compress/IR/CompressCodedOps.td"
include "compress/Dialect/Compress/IR/CompressKernelOps.td"

def Compress_CirculantOp : Compress_WeightOp<"circulant", ["sliceStep", "emitSlice"]> {
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
      - (C8) the blocks, written out, have fewer than 2^62 numbers: `p * q * k * k * taps…`.

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
  let extraClassDeclaration = resultTypeDeclaration # [{
    ::mlir::RankedTensorType getParamsType() { return ::llvm::cast<::mlir::RankedTensorType>(getParams().getType()); }
    /// Block rows p, block columns q, block size k.
    int64_t getNumBlockRows() { return getParamsType().getDimSize(0); }
    int64_t getNumBlockCols() { return getParamsType().getDimSize(1); }
    int64_t getBlockSize() { return getParamsType().getDimSize(2); }
    int64_t getNumTaps() { return getParamsType().getRank() - 3; }
    /// The result dimension of each role: out, in, taps. The default order spelled out.
    ::llvm::SmallVector<int64_t> getRoleDims();
  }];
}

def Compress_DequantizeOp : Compress_WeightOp<"dequantize", ["sliceStep", "emitSlice", "rebuild", "getCoded"]> {
  let summary = "Dense tensor of stored integers with scales";
  let description = [{
    Stands for the numbers that integers are codes of. `scales`, and `zeros` where the code has zero points, have the rank of
    `codes`; along dimension `d`, each of them serves `group[d]` consecutive codes.

        W[i…] = scales[i floordiv group…] * (value(codes[i…]) - value(zeros[i floordiv group…]))

    with `value` of the number code, and 0 in the place of `value(zeros)` without zeros. Without `group`, the extents of
    `scales` divide those of `codes`: 1 for one scale, the extent of `codes` for a scale per entry.

    Constants of fewer than 8 bits hold one code in each byte here; `compress-pack-weights` packs them.

    Constraints:
      - (C1) the element type of `codes`, and of `zeros`, is the signless integer of as many bits as the code has.
      - (C2) the shape of the result is the shape of `codes`; extents are at least 1.
      - (C3) the element types of `scales` and result are the same.
      - (C4) `scales` have the rank of `codes`, and `zeros` the shape of `scales`.
      - (C5) `group` has one entry of at least 1 per dimension, and the extents of `scales` are `ceil(codes / group)`.
      - (C6) without `group`, the extents of `scales` divide those of `codes`.
      - (C7) `zeros` are given only to a code that takes zero points.

    Cost: `bits` per number, the scales, and what decoding a number takes.

    Example:

    ```mlir
    %w = compress.dequantize %codes, %scales code(#compress.uniform<bits = 4>)
        : tensor<64x128xi4>, tensor<64x4xf32> -> tensor<64x128xf32>
    %v = compress.dequantize %codes8, %scales1, %zeros code(#compress.uniform<bits = 8, unsigned_codes = true>) group = [1, 32]
        : tensor<16x33xi8>, tensor<16x2xf32>, tensor<16x2xi8> -> tensor<16x33xf32>
    ```
  }];
  let arguments = (ins StaticShapeTensorOf<[AnySignlessInteger]>:$codes, StaticShapeTensorOf<[F32, F64]>:$scales,
      Optional<StaticShapeTensorOf<[AnySignlessInteger]>>:$zeros, NumberCodeAttrInterface:$code,
      OptionalAttr<DenseI64ArrayAttr>:$group);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = [{
    $codes `,` $scales (`,` $zeros^)? `code` `(` $code `)` (`group` `=` $group^)? attr-dict
    `:` type($codes) `,` type($scales) (`,` type($zeros)^)? `->` type($result)
  }];
  let extraClassDeclaration = resultTypeDeclaration # [{
    ::mlir::RankedTensorType getCodesType() { return ::llvm::cast<::mlir::RankedTensorType>(getCodes().getType()); }
    ::mlir::RankedTensorType getScalesType() { return ::llvm::cast<::mlir::RankedTensorType>(getScales().getType()); }
    /// Consecutive codes per scale along each dimension.
    ::llvm::SmallVector<int64_t> getGroupSizes();
  }];
}

def Compress_FactorizedOp : Compress_WeightOp<"factorized", ["sliceStep", "emitSlice"]> {
  let summary = "Dense tensor of coefficients times a small basis";
  let description = [{
    Stands for a contraction of `coefficients`, `batch… x outer… x r`, with `basis`, `batch… x r x inner…`; the first `batch`
    dimensions are shared, and a batch extent of 1 of `basis` serves all.

        T[b…, o…, i…] = sum over m of coefficients[b…, o…, m] * basis[b…, m, i…]

    The result is `T`, reshaped: the dimensions of `T` in each group of `collapse` are merged, each merged dimension is
    cropped to the product of the extents in the same group of `expand`, and split into these. `order[i]` is the dimension
    of the result that the i-th dimension so made becomes. By default no dimension is merged, split or moved.

    Plain low rank is `m x r` times `r x n`. ESCALATE is `K x C x M` times `M x R x S`. SmartDeal has a batch of filters and slices:
    `O x slices x rows x 3` times `O x slices x 3 x 3`, with slices and rows merged, cropped to `3 C`, and split into `C x 3`.
    A basis shared by the layer has no batch; a scalar basis is `1`, with `r = 1`.

    Constraints:
      - (C1) `batch` is not negative, `coefficients` have rank `batch + 1` or more and `basis` too; extents are at least 1.
      - (C2) each batch extent of `basis` is that of `coefficients`, or 1.
      - (C3) the last extent of `coefficients` is extent `batch` of `basis`.
      - (C4) the element types of the operands and the result are the same.
      - (C5) `collapse` and `expand` are both given or both not, have as many groups, and their groups list the dimensions of
        `T` and those of the result before `order`, each in sequence, no group empty.
      - (C6) the extents of a group of `expand` have a product of at most that of the group of `collapse`; the same without
        groups, where the extents are equal.
      - (C7) `order` is a permutation of the result's dimensions.

    Unspecified: order of the sums.

    Cost: the parameters of both factors; `r` multiply-adds per entry to rebuild it.

    Example:

    ```mlir
    %lowrank = compress.factorized %u, %v : tensor<64x4xf32>, tensor<4x96xf32> -> tensor<64x96xf32>
    %kernel = compress.factorized %c, %b : tensor<8x16x4xf32>, tensor<4x3x3xf32> -> tensor<8x16x3x3xf32>
    %slices = compress.factorized %d, %e batch = 2 collapse = [[0], [1, 2], [3]] expand = [[0], [1, 2], [3]]
        : tensor<8x2x26x3xf32>, tensor<8x2x3x3xf32> -> tensor<8x16x3x3xf32>
    ```
  }];
  let arguments = (ins StaticShapeTensorOf<[F32, F64]>:$coefficients, StaticShapeTensorOf<[F32, F64]>:$basis,
      DefaultValuedAttr<I64Attr, "0">:$batch, OptionalAttr<IndexListArrayAttr>:$collapse,
      OptionalAttr<IndexListArrayAttr>:$expand, OptionalAttr<DenseI64ArrayAttr>:$order);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = [{
    $coefficients `,` $basis (`batch` `=` $batch^)? (`collapse` `=` $collapse^ `expand` `=` $expand)?
    (`order` `=` $order^)? attr-dict `:` type($coefficients) `,` type($basis) `->` type($result)
  }];
  let extraClassDeclaration = resultTypeDeclaration # [{
    ::mlir::RankedTensorType getCoefficientsType() {
      return ::llvm::cast<::mlir::RankedTensorType>(getCoefficients().getType());
    }
    ::mlir::RankedTensorType getBasisType() { return ::llvm::cast<::mlir::RankedTensorType>(getBasis().getType()); }
    /// The inner extent r of the contraction.
    int64_t getRank() { return getCoefficientsType().getShape().back(); }
    /// Shape of T; number of its outer and inner dimensions.
    ::llvm::SmallVector<int64_t> getProductShape();
    int64_t getNumOuter() { return getCoefficientsType().getRank() - getBatch() - 1; }
    int64_t getNumInner() { return getBasisType().getRank() - getBatch() - 1; }
    /// The groups of `collapse` and `expand`, spelled out.
    ::llvm::SmallVector<::mlir::ReassociationIndices> getCollapseGroups();
    ::llvm::SmallVector<::mlir::ReassociationIndices> getExpandGroups();
    /// The result dimension of each dimension before `order`, spelled out.
    ::llvm::SmallVector<int64_t> getResultDims();
  }];
}

def Compress_UnpackOp : Compress_WeightOp<"unpack", ["sliceStep", "emitSlice", "rebuild"]> {
  let summary = "Dense tensor of packed values between zeros";
  let description = [{
    Stands for a tensor with structured zeros. Each entry of `mask` covers a box of the result, of the result's extents over
    those of `mask`. Boxes whose entry is set are stored in `values`, one after the other in the row-major order of `mask`;
    all others are zero.

        W[m*box + b, …] = values[number of set entries before m, b, …]    if mask[m, …], else 0

    Rows of a matrix have a mask of `rows x 1`, columns one of `1 x cols`, the columns of a lowered convolution `1 x C x R x S`,
    vectors of 32 outputs `K/32 x C x R x S`; elements have a mask of the result's shape.

    Constraints:
      - (C1) `mask` is an i1 tensor of the result's rank and at most 2^28 entries, with extents that divide the result's.
      - (C2) `values` is `set entries x box…`; at least one entry is set.
      - (C3) the element types of `values` and result are the same.

    Cost: the values, and a bit per entry of the mask.

    Example:

    ```mlir
    %w = compress.unpack %values mask = dense<[[true, false, true]]> : tensor<1x3xi1>
        : tensor<2x4x1xf32> -> tensor<4x3xf32>
    ```
  }];
  let arguments = (ins StaticShapeTensorOf<[F32, F64]>:$values, ElementsAttr:$mask);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = "$values `mask` `=` $mask attr-dict `:` type($values) `->` type($result)";
  let extraClassDeclaration = resultTypeDeclaration # [{
    ::mlir::RankedTensorType getValuesType() { return ::llvm::cast<::mlir::RankedTensorType>(getValues().getType()); }
    ::llvm::ArrayRef<int64_t> getMaskShape() { return ::llvm::cast<::mlir::ShapedType>(getMask().getType()).getShape(); }
    /// Extents of the box that one entry of the mask covers.
    ::llvm::SmallVector<int64_t> getBox();
    /// For each entry of the mask: its number among the set ones, or -1.
    ::llvm::SmallVector<int64_t> getPlaces();
  }];
}

#endif // COMPRESS_OPS_TD
