//===- CompressSchemes.td - Ways to obtain a representation --*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What `compress-fit` does to a dense weight. Schemes nest: the factors of a factorized weight, and the values of a packed
// one, may be fitted by a further scheme, which makes a composition of representation ops.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_SCHEMES_TD
#define COMPRESS_SCHEMES_TD

include "compress/Dialect/Compress/IR/CompressAttributes.td"

/// A float64 parameter; `2.5` in the assembly.
class Compress_Number<string default> : AttrOrTypeParameter<"::llvm::APFloat", ""> {
  let comparator = "$_lhs.bitwiseIsEqual($_rhs)";
  let parser = "::mlir::compress::parseNumber($_parser)";
  let defaultValue = "::llvm::APFloat(" # default # ")";
}

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

def Compress_FitLowRankAttr : Compress_SchemeAttr<"FitLowRank", "fit_low_rank"> {
  let summary = "Truncated singular value decomposition of a matrix";
  let description = [{
    `W (m x n) = U V` with `r` columns and rows: the nearest in the Frobenius norm. `r` is `rank`, or the smallest that keeps
    `energy` of the sum of squared singular values. Refused unless `r (m + n) < m n` (ICCAD 2019). A convolution kernel is
    the matrix out x (in * taps). `factors` fits both factors. The sign of a basis row makes its largest entry positive.

    Constraints:
      - (C1) one of `rank` (at least 1) and `energy` (in (0, 1]) is given.
      - (C2) `factors` is a scheme.

    Example: `#compress.fit_low_rank<energy = 0.95>`
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$rank, Compress_Number<"0.0">:$energy,
      OptionalParameter<"::mlir::Attribute">:$factors);
}

def Compress_FitUniformAttr : Compress_SchemeAttr<"FitUniform", "fit_uniform"> {
  let summary = "Round to equidistant numbers";
  let description = [{
    Scales by the largest magnitude (`symmetric`), or scale and zero point by the range of the numbers and 0. There is one
    scale per tensor, or per entry of dimension `axis` (-1: the out dimension, or the first if there is none) and of batch
    dimensions, or per `group` of consecutive entries along the in dimension as well. With `search`, the scale of least
    squared error out of 64 shrunken ones, improved by least squares and rounding in turn.

    Constraints:
      - (C1) `bits` is 2 to 8.
      - (C2) `group` is at least 0; 0 for none.
      - (C3) `axis` is at least -1.

    Example: `#compress.fit_uniform<bits = 4, group = 32>`
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "8">:$bits, DefaultValuedParameter<"int64_t", "0">:$group,
      DefaultValuedParameter<"int64_t", "-1">:$axis, DefaultValuedParameter<"bool", "false">:$per_tensor,
      DefaultValuedParameter<"bool", "true">:$symmetric, DefaultValuedParameter<"bool", "false">:$search);
}

def Compress_FitPow2Attr : Compress_SchemeAttr<"FitPow2", "fit_pow2"> {
  let summary = "Round to signed powers of two";
  let description = [{
    Nearest power in linear distance, in a window that ends at the exponent nearest to the largest magnitude. One scale
    for the tensor: 1, so that the powers are the numbers.

    With `terms` of two or more, sums of so many powers (APoT, ICLR 2020): the bits but for the sign are dealt to the terms in
    turn, and term `i` is 0 or one of `2^-i, 2^-(i + terms), …`. The numbers are a code book, scaled so that the largest one is
    the largest magnitude.

    Constraints:
      - (C1) `bits` is 2 to 6.
      - (C2) `terms` is 1 to `bits - 1`.

    Example: `#compress.fit_pow2<bits = 4, zero = true>`
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "4">:$bits, DefaultValuedParameter<"bool", "true">:$zero,
      DefaultValuedParameter<"int64_t", "1">:$terms);
}

def Compress_FitTernaryAttr : Compress_SchemeAttr<"FitTernary", "fit_ternary"> {
  let summary = "Round to -s, 0 and s";
  let description = [{
    Magnitudes of at most `threshold` times the mean magnitude become zero; `s` is the mean of the others (TWN, 2016), per
    entry of the dimensions `axes` (none: one for the tensor). With `sparsity`, the share of least magnitudes that becomes
    zero instead: of the tensor, or `balanced`, of the numbers of each scale, so that each has as many that are not zero.

    Constraints:
      - (C1) `threshold` is at least 0.
      - (C2) `axes` are not negative.
      - (C3) `sparsity` is in [0, 1); 0 for none.

    Example: `#compress.fit_ternary<threshold = 0.7, axes = 0, 2>`
  }];
  let parameters = (ins Compress_Number<"0.7">:$threshold, Compress_Number<"0.0">:$sparsity,
      DefaultValuedParameter<"bool", "false">:$balanced, OptionalArrayRefParameter<"int64_t">:$axes);
}

def Compress_FitCodebookAttr : Compress_SchemeAttr<"FitCodebook", "fit_codebook"> {
  let summary = "Round to the numbers of a table that fits the weight";
  let description = [{
    Lloyd's algorithm on the weight's numbers, from the means of equal parts of them in order, until the table does not
    change (at most 100 times). No more distinct numbers than the table holds are kept as they are.

    Constraints:
      - (C1) `bits` is 1 to 8.

    Example: `#compress.fit_codebook<bits = 4>`
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "4">:$bits);
}

def Compress_FitSmartDealAttr : Compress_SchemeAttr<"FitSmartDeal", "fit_smartdeal"> {
  let summary = "Sparse powers of two times a small basis, by alternation";
  let description = [{
    SmartDeal (arXiv 2101.01163), algorithm 1: each slice of the weight becomes `C B`, `C` of at most `rows` rows with
    entries in {0, ±2^e} and a square basis `B` of the kernel's width (3 for matrices and 1x1 kernels). Alternates rounding of
    `C`, least squares for `B` and `C`, and zeroing of entries below `theta` (rows below `5 theta` with `by_row`), until the code
    stops changing or `iterations` are done; ends with the least-squares basis of the code. `theta` is halved, and the slice
    begun again, where it empties a column. The window of exponents ends at the largest magnitude of the weight, and one code
    is zero. `basis` fits the bases. A remark says how many slices reached an unchanged code, and in how many iterations.

    With `sparsity`, `theta` is not given but found: the largest one at which no larger share of the coefficients is zero, by
    halving an interval, on at most 256 slices, evenly spaced; all slices share it. With `mask`, zeros are in a mask beside
    the codes (`compress.unpack`), all of which are powers then: smaller from a quarter of zeros on.

    With `share` over 1, `sparsity` is of whole rows, the same ones for `share` outputs next to each other (vector sparsity): each
    slice keeps as many, those whose numbers in the weight have the largest sum of squares over the outputs, and no coefficient
    is zeroed for `theta`. Where `share` divides the outputs, only kept rows are stored, in boxes beside a mask; codes have a zero.
    On processors `compress.basis_dot` multiplies the kept rows alone, of panels of 32 outputs.

    Constraints:
      - (C1) `theta` is at least 0.
      - (C2) `iterations` and `rows` are at least 1.
      - (C3) `bits` is 2 to 6.
      - (C4) `basis` is a scheme.
      - (C5) `sparsity` is in [0, 1); 0 for none.
      - (C6) `share` is at least 1, and 1 without `sparsity`; not beside `mask` or `by_row`.

    Example: `#compress.fit_smartdeal<theta = 0.02, basis = #compress.fit_uniform<bits = 8>>`
  }];
  let parameters = (ins Compress_Number<"0.004">:$theta, Compress_Number<"0.0">:$sparsity,
      DefaultValuedParameter<"bool", "false">:$mask, DefaultValuedParameter<"int64_t", "30">:$iterations, DefaultValuedParameter<"int64_t", "192">:$rows,
      DefaultValuedParameter<"int64_t", "4">:$bits, DefaultValuedParameter<"bool", "false">:$by_row,
      DefaultValuedParameter<"bool", "false">:$scale_columns, DefaultValuedParameter<"int64_t", "1">:$share,
      OptionalParameter<"::mlir::Attribute">:$basis);
}

def Compress_FitEscalateAttr : Compress_SchemeAttr<"FitEscalate", "fit_escalate"> {
  let summary = "Kernels as combinations of few basis kernels";
  let description = [{
    ESCALATE (MICRO 2021): `W[k,c] = sum over m of coefficients[k,c,m] * basis[m]`, by the uncentred singular value
    decomposition of all kernels, basis kernels of norm 1. `bases`, but no more than there are kernels or taps, or the fewest
    that keep `energy`. `coefficients` and `basis` fit the factors.

    Constraints:
      - (C1) one of `bases` (at least 1) and `energy` (in (0, 1]) is given.
      - (C2) `coefficients` and `basis` are schemes.

    Example: `#compress.fit_escalate<bases = 4, coefficients = #compress.fit_ternary<axes = 0, 2>>`
  }];
  let parameters = (ins DefaultValuedParameter<"int64_t", "0">:$bases, Compress_Number<"0.0">:$energy,
      OptionalParameter<"::mlir::Attribute">:$coefficients, OptionalParameter<"::mlir::Attribute">:$basis);
}

def Compress_Pattern : I32EnumAttr<"Pattern", "what structured zeros are made of", [
    I32EnumAttrCase<"rows", 0>, I32EnumAttrCase<"columns", 1>, I32EnumAttrCase<"taps", 2>,
    I32EnumAttrCase<"vectors", 3>, I32EnumAttrCase<"elements", 4>]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::mlir::compress";
}

def Compress_FitPackedAttr : Compress_SchemeAttr<"FitPacked", "fit_packed"> {
  let summary = "Leave out structured zeros";
  let description = [{
    Packs a weight with zeros (Structured Sparsity Learning, NIPS 2016): whole `rows` (out entries), `columns` (in entries),
    `taps` (in entries at a place of the window, the columns of the lowered matrix), `vectors` (`vector` consecutive out
    entries of a tap) or `elements`. What has a largest magnitude of at most `threshold` is zero; with `sparsity`, the share
    with the least sums of squares, rounded down, is dropped instead. `values` fits what is left. Refused if nothing is zero; if
    all is, one box stays.

    Constraints:
      - (C1) `threshold` is at least 0.
      - (C2) `vector` is at least 1.
      - (C3) `values` is a scheme.
      - (C4) `sparsity` is in [0, 1); 0 for none.

    Example: `#compress.fit_packed<pattern = columns, values = #compress.fit_pow2<bits = 4>>`
  }];
  let parameters = (ins DefaultValuedParameter<"::mlir::compress::Pattern", "::mlir::compress::Pattern::rows">:$pattern,
      Compress_Number<"0.0">:$threshold, Compress_Number<"0.0">:$sparsity,
      DefaultValuedParameter<"int64_t", "32">:$vector,
      OptionalParameter<"::mlir::Attribute">:$values);
}

#endif // COMPRESS_SCHEMES_TD
