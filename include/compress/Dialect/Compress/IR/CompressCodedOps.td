//===- CompressCodedOps.td - Kernel ops on stored integers ---*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernel ops whose weights stay codes in memory and are decoded at load, and the op that changes layouts.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_CODED_OPS_TD
#define COMPRESS_CODED_OPS_TD

include "compress/Dialect/Compress/IR/CompressAttributes.td"
include "compress/Dialect/Compress/IR/CompressInterfaces.td"
include "compress/Dialect/Compress/IR/CompressKernelOps.td"

def Compress_CodeShaped : AnyTypeOf<[RankedTensorOf<[AnySignlessInteger]>,
    StridedMemRefRankOf<[AnySignlessInteger], [1, 2, 3, 4, 5, 6, 7, 8]>]>;

def Compress_I8Shaped : AnyTypeOf<[RankedTensorOf<[I8]>, StridedMemRefRankOf<[I8], [1, 2]>]>;
def Compress_ValuesShaped : AnyTypeOf<[RankedTensorOf<[F32, F64, I8]>, StridedMemRefRankOf<[F32, F64, I8], [1]>]>;

/// Operands of a weight that is decoded at load: the same as those of compress.dequantize, but zero points are numbers.
class Compress_CodedOp<string mnemonic, list<Trait> traits = []> : Compress_KernelOp<mnemonic,
    traits # [DeclareOpInterfaceMethods<CodedKernelOpInterface>]>;

def Compress_DecodeOp : Compress_CodedOp<"decode", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Numbers of stored integers";
  let description = [{
    `compress.dequantize` in destination style: the decode stage of a low-bit kernel by itself.

        init[i…] = scales[i floordiv group…] * (value(codes[i…]) - zeros[i floordiv group…])

    With `layout`, `codes` are what it makes of the logical codes. `init` is not read.

    Constraints:
      - (C1) the element type of `codes` is the integer of as many bits as the code has, or i8 where `layout` packs them.
      - (C2) `codes` have the shape of `init`, as `layout` stores it.
      - (C3) `group` has one entry of at least 1 per dimension, and the extents of `scales` are `ceil(init / group)`.
      - (C4) `zeros` have the shape of `scales`, and are given only to a code that takes zero points.
      - (C5) the element types of `scales`, `zeros` and `init` agree; the results are the tensors among the inits.
      - (C6) `layout` has no order and no tiles, and packs as many bits as the code has.

    Example:

    ```mlir
    %numbers = compress.decode code(#compress.ternary) group = [1, 96] ins(%codes, %scales : tensor<8x96xi2>, tensor<8x1xf32>)
        outs(%init : tensor<8x96xf32>) -> tensor<8x96xf32>
    ```
  }];
  let arguments = (ins Compress_CodeShaped:$codes, Compress_FloatShaped:$scales, Optional<Compress_FloatShaped>:$zeros,
      Compress_FloatShaped:$init, NumberCodeAttrInterface:$code, DenseI64ArrayAttr:$group,
      OptionalAttr<Compress_LayoutAttr>:$layout);
  let assemblyFormat = [{
    `code` `(` $code `)` `group` `=` $group (`layout` `(` $layout^ `)`)? attr-dict
    `ins` `(` $codes `,` $scales (`,` $zeros^)? `:` type($codes) `,` type($scales) (`,` type($zeros)^)? `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return false; }
  }];
}

def Compress_CodedContractOp : Compress_CodedOp<"coded_contract"> {
  let summary = "Contraction or convolution whose weight is decoded at load";
  let description = [{
    The product of a tensor and a coded weight, summed over the loops that `init` does not have, and added to `init`:

        init[maps[2]] += input[maps[0]] * W[maps[1]]         for all loops, W as in compress.decode

    `maps` are affine maps over common loops, as those of `linalg.generic`: of `input`, of the codes (before `layout`), and of
    `init`. A matrix product, each of its transpositions, and a convolution of any layout are all this op.

    Constraints:
      - (C1) `maps` are three maps over the same loops without symbols, with a result per dimension of their operand.
      - (C2) the map of `init` is a selection of loops, that of the codes one of loops and zeros; each loop is a result of one
        of them. Those of `input` are sums of loops times positive constants.
      - (C3) the extents that the operands give to a loop agree, and `input` holds all that is read.
      - (C4) the element type of `codes` is the integer of as many bits as the code has, or i8 where `layout` packs them.
      - (C5) `group`, `scales` and `zeros` are as in `compress.decode` (its C3 and C4), for the shape of the codes.
      - (C6) the element types of `input`, `scales`, `zeros` and `init` agree; the results are the tensors among the inits.
      - (C7) `layout` has no order and no tiles, and packs as many bits as the code has; the innermost loop of the codes is
        then one of `init`.

    Unspecified: order of the sums; rounding between decoding and multiplying.

    Example:

    ```mlir
    %y = compress.coded_contract maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                                         affine_map<(m, n, k) -> (m, n)>]
        code(#compress.uniform<bits = 4>) group = [1, 32]
        ins(%x, %codes, %scales : tensor<?x128xf32>, tensor<64x128xi4>, tensor<64x4xf32>) outs(%y0 : tensor<?x64xf32>)
        -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Compress_FloatShaped:$input, Compress_CodeShaped:$codes, Compress_FloatShaped:$scales,
      Optional<Compress_FloatShaped>:$zeros, Compress_FloatShaped:$init, AffineMapArrayAttr:$maps,
      NumberCodeAttrInterface:$code, DenseI64ArrayAttr:$group, OptionalAttr<Compress_LayoutAttr>:$layout);
  let assemblyFormat = [{
    `maps` `=` $maps `code` `(` $code `)` `group` `=` $group (`layout` `(` $layout^ `)`)? attr-dict
    `ins` `(` $input `,` $codes `,` $scales (`,` $zeros^)? `:`
    type($input) `,` type($codes) `,` type($scales) (`,` type($zeros)^)? `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return true; }
    ::mlir::AffineMap getInputMap() { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[0]).getValue(); }
    ::mlir::AffineMap getWeightMap() { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[1]).getValue(); }
    ::mlir::AffineMap getInitMap() { return ::llvm::cast<::mlir::AffineMapAttr>(getMaps()[2]).getValue(); }
    /// Extents of the loops; dynamic where the batch is.
    ::llvm::SmallVector<int64_t> getLoopExtents();
  }];
}

def Compress_CodedDotOp : Compress_KernelOp<"coded_dot"> {
  let summary = "Product of activations rounded to int8 and codes in words";
  let description = [{
    A fully connected layer of codes, whose inputs are in groups of `G`. Activations are rounded when
    the op runs: a group of a sample to the nearest of 255 multiples of its largest magnitude over 127, ties to even. The products
    of a group are summed as integers, exactly, which is what the dot products of processors do, and scaled once:

        init[…, n] += sum over groups g of scale(input)[…, g] * scales[s(g), n] *
                      sum over k in g of (number(code[n, k]) - offset - zeros[s(g), n]) * rounded(input)[…, k]

    A code has no sign, and is its own number; or with `numbers`, the place of one among these (powers of two, say, whose unit is
    in the scales). One of `S` weight scales serves as many groups as another: `s(g) = g div (groups / S)`.

    `words` are panels of W outputs, groups, words of a group, W; so one panel is one stream. Input `k` of a
    group is in byte `p = k div (G / 4)` of word `i = k mod (G / 4)` of activations. A word of codes has those of 8 / `bits`
    words of activations, in the order of their bits: word `j` has the code of `k` in the `bits` bits from `8 p + bits * f` up, where
    `i = j * (8 / bits) + f`. `scales` and `zeros` are panels, S, W. What the last panel has beyond the outputs is not used, and
    what the last group has beyond the inputs is multiplied by zero.

    Error: of activations that are distributed normally, the largest of a group is about `sqrt(2 ln 2G)` deviations, and the
    relative error (L2) of the rounding about `sqrt(2 ln 2G / 12) / 127`: 6.6e-3 for G = 32, 8.1e-3 for 256, 9.7e-3 for 4096.

    Constraints:
      - (C1) `bits` is 2, 4 or 8; `offset` is from 0 to 2^bits - 1, and 0 if there are `zeros` or `numbers`.
      - (C2) `words` has rank 4, and static extents of at least 1.
      - (C3) `scales` and `zeros` are panels by S by W of `words`; S divides the groups.
      - (C4) `input` and `init` have one rank, at least 2. The last extent of `input` fills the groups, the last one at least in
        part, that of `init` the panels in the same way; the others agree.
      - (C5) the sums of a group fit 32 bits: G * 127 * (2^bits - 1) < 2^31, with `numbers` for what these and 0 span.
      - (C6) the results are the tensors among the inits.
      - (C7) `numbers` are 2^bits integers, for 2 or 4 bits, which with 0 span at most 255; there are no `zeros` beside them.

    Unspecified: order of the sums of groups.

    Loops: the dimensions of `init` but the last. Outputs and inputs are whole.

    Example:

    ```mlir
    %y = compress.coded_dot bits = 4 offset = 8
        ins(%x, %words, %scales : tensor<?x128xf32>, tensor<2x4x4x32xi32>, tensor<2x4x32xf32>) outs(%y0 : tensor<?x50xf32>)
        -> tensor<?x50xf32>
    %z = compress.coded_dot bits = 4 offset = 0 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64]
        ins(%x, %powers, %scale : tensor<?x128xf32>, tensor<2x1x16x32xi32>, tensor<2x1x32xf32>) outs(%y0 : tensor<?x50xf32>)
        -> tensor<?x50xf32>
    ```
  }];
  let arguments = (ins Compress_F32Shaped:$input, Compress_I32Shaped:$words, Compress_F32Shaped:$scales,
      Optional<Compress_F32Shaped>:$zeros, Compress_F32Shaped:$init, I64Attr:$bits, I64Attr:$offset,
      OptionalAttr<DenseI64ArrayAttr>:$numbers);
  let assemblyFormat = [{
    `bits` `=` $bits `offset` `=` $offset (`numbers` `=` $numbers^)? attr-dict
    `ins` `(` $input `,` $words `,` $scales (`,` $zeros^)? `:`
    type($input) `,` type($words) `,` type($scales) (`,` type($zeros)^)? `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return true; }
    ::mlir::ShapedType getWordsType() { return ::llvm::cast<::mlir::ShapedType>(getWords().getType()); }
    /// Inputs whose activations share a scale.
    int64_t getGroup() { return getWordsType().getDimSize(2) * 32 / static_cast<int64_t>(getBits()); }
    /// Groups of inputs that share the scales of weights.
    int64_t getGroupsPerScale() {
      return getWordsType().getDimSize(1) / ::llvm::cast<::mlir::ShapedType>(getScales().getType()).getDimSize(1);
    }
    /// How codes become bytes without sign; the unit is in the scales.
    ::mlir::compress::ByteCode getByteCode();
    /// The dimension of a weight with the outputs, of a product of these maps; nullopt unless it is fully connected, with
    /// the outputs innermost.
    static std::optional<unsigned> outDimOf(::mlir::AffineMap input, ::mlir::AffineMap weight, ::mlir::AffineMap init);
    /// Largest sum of a group's products with bytes of at most `most`: 2^31 and more do not fit.
    static double largestSum(int64_t group, int64_t most) { return static_cast<double>(group) * most * 127; }
    /// Relative error (L2) to expect of activations that are distributed normally.
    static double expectedError(int64_t group);
    /// Additions and multiplications of one sample, decoding included, in seconds on `machine`.
    static double secondsPerSample(int64_t inputs, int64_t outputs, int64_t group, bool looksUp,
                                   const ::mlir::compress::Machine &machine);
  }];
}

def Compress_BasisDotOp : Compress_KernelOp<"basis_dot"> {
  let summary = "Product of rounded activations and sparse codes, then of a basis";
  let description = [{
    A fully connected layer whose weight is codes times a small basis (SmartDeal, arXiv 2101.01163): the inputs are S slices of
    `rows` rows of J numbers, and a weight row is R codes times the R x J basis of output and slice. The codes are multiplied
    first, by each of the J columns of inputs; the basis has what are only R * J sums of each slice and output:

        init[…, n] += sum over s of scale(input)[…, s] * sum over r, j of basis[s, r, j, n] *
                      sum over kept i of numbers[code[n, s, i, r]] * rounded(input)[…, (s * rows + i) * J + j]

    Activations are rounded as by `compress.coded_dot`, a group being a slice of a sample; the sums of codes are exact. Rows are
    kept or left out for all W outputs of a panel (vector sparsity): `mask` has a bit for each, row `i` of a slice is bit `i mod 32`
    of word `i div 32`. What is left out is not stored; the activations of a panel are compressed to its kept rows when the op runs.

    `words` are panels, S, P, R, W. Kept row `i` (counted among the kept ones) is in byte `i mod 4` of the activations' word
    `i div 4 = p * (8 / bits) + f`; its code is in the `bits` bits from `8 (i mod 4) + bits * f` up of word `p`. What a slice has
    beyond its kept rows are codes of the number 0. `basis` is panels, S, R, J, W; `mask` panels, S, M. `starts` (panels, S, R, W) are
    -128 times what the numbers of kept rows add up to: the op adds 128 to activations, so that their bytes have no sign, and sums
    start from these. What the last panel has beyond the outputs is not used, and inputs
    beyond the extent are zero.

    Constraints:
      - (C1) `bits` is 2 or 4, and `numbers` are 2^bits integers from -128 to 127.
      - (C2) `words`, `mask`, `starts` and `basis` have ranks 5, 3, 4 and 5 and static extents of at least 1, which agree on panels,
        S, R and W.
      - (C3) `mask` has a bit for each row, in whole pairs of words: M is 2 * ceil(rows / 64).
      - (C4) `input` and `init` have one rank, at least 2. The last extent of `input` fills the slices, the last one at least in
        part, that of `init` the panels in the same way; the others agree.
      - (C5) the sums of a slice fit 32 bits: rows * 255 * 128 < 2^31.
      - (C6) the results are the tensors among the inits.

    Unspecified: order of the sums of slices, r and j.

    Loops: the dimensions of `init` but the last. Outputs and inputs are whole.

    Example:

    ```mlir
    %y = compress.basis_dot bits = 4 numbers = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64] rows = 40
        ins(%x, %words, %mask, %starts, %basis : tensor<?x240xf32>, tensor<2x2x3x3x32xi32>, tensor<2x2x2xi32>, tensor<2x2x3x32xi32>,
        tensor<2x2x3x3x32xf32>)
        outs(%y0 : tensor<?x50xf32>) -> tensor<?x50xf32>
    ```
  }];
  let arguments = (ins Compress_F32Shaped:$input, Compress_I32Shaped:$words, Compress_I32Shaped:$mask,
      Compress_I32Shaped:$starts, Compress_F32Shaped:$basis, Compress_F32Shaped:$init, I64Attr:$bits,
      DenseI64ArrayAttr:$numbers, I64Attr:$rows);
  let assemblyFormat = [{
    `bits` `=` $bits `numbers` `=` $numbers `rows` `=` $rows attr-dict
    `ins` `(` $input `,` $words `,` $mask `,` $starts `,` $basis `:`
    type($input) `,` type($words) `,` type($mask) `,` type($starts) `,` type($basis) `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return true; }
    ::mlir::ShapedType getWordsType() { return ::llvm::cast<::mlir::ShapedType>(getWords().getType()); }
    ::mlir::ShapedType getBasisType() { return ::llvm::cast<::mlir::ShapedType>(getBasis().getType()); }
    /// Inputs of a slice.
    int64_t getSlice() { return static_cast<int64_t>(getRows()) * getBasisType().getDimSize(3); }
    int64_t getRoundedGroup() { return getSlice(); }
    /// Additions and multiplications of one sample, in seconds on `machine`, of words and a basis of so many numbers.
    static double secondsPerSample(int64_t inputs, double words, double bases, int64_t columns, int64_t bits,
                                   const ::mlir::compress::Machine &machine);
  }];
}

def Compress_ListShaped : AnyTypeOf<[RankedTensorOf<[I8, I16]>, StridedMemRefRankOf<[I8, I16], [1, 2, 3]>]>;

def Compress_BasisConvOp : Compress_KernelOp<"basis_conv"> {
  let summary = "Sums of listed channels, then a convolution with a small basis";
  let description = [{
    A convolution whose kernels are ternary combinations of a few basis kernels (ESCALATE, MICRO 2021), accumulated first. Of each
    output `k` and basis kernel `m` there are two lists of channels, those of coefficient 1 and those of -1:

        T[n, k, m, h, w] = sum over c in plus(k, m) of input[n, c, h, w] - sum over c in minus(k, m) of input[n, c, h, w]
        init[n, k, y, x] += sum over m of scales[k, m] * sum over r, s of
                            basis[m, r, s] * T[n, k, m, u * y + d * r - p, v * x + e * s - q]

    One scale alone serves all `k` and `m`. `padding` is `[p, q]`, `strides` are `[u, v]`, `dilations` `[d, e]`; what lies outside of `input` is zero. `lists` holds plus(0, 0), minus(0, 0), plus(0, 1), minus(0, 1), … one
    after the other, and `counts[k, m]` how many are in the first and in the second, all of them without sign. A channel may stand in a
    list twice. T exists for a few rows of one output and basis kernel at a time, in registers.

    With `rounded`, the activations of a row, all of its channels together, are rounded when the op runs: to the nearest of 255
    multiples of their largest magnitude over 127, ties to even. T is then an exact integer of 16 bits.

    Error of `rounded`: as of `compress.coded_dot`, a group being channels times columns.

    What the counts sum up to must not exceed `lists`, nor a channel those of `input`, and with `rounded` a plus and a minus list together
    must not have more than 258 entries: all else is undefined behaviour.

    Constraints:
      - (C1) `lists` and `counts` have one element type, ranks 1 and 3, `scales` and `basis` ranks 2 and 3, all of them static extents
        of at least 1.
      - (C2) `counts` are K by M by 2, `scales` K by M or 1 by 1, the first extent of `basis` is M.
      - (C3) `input` and `init` have rank 4, of which only the first extent may be dynamic; these agree, and K is the second one of `init`.
      - (C4) `padding` are two numbers of at least 0, `strides` and `dilations` two of at least 1.
      - (C5) the results are the tensors among the inits.

    Unspecified: order of the sums.

    Loops: the first dimension of `init`.

    Example:

    ```mlir
    %y = compress.basis_conv padding = [1, 1] strides = [1, 1] dilations = [1, 1]
        ins(%x, %lists, %counts, %scales, %basis : tensor<?x20x7x9xf32>, tensor<300xi8>, tensor<16x4x2xi8>, tensor<16x4xf32>,
        tensor<4x3x3xf32>)
        outs(%y0 : tensor<?x16x7x9xf32>) -> tensor<?x16x7x9xf32>
    ```
  }];
  let arguments = (ins Compress_F32Shaped:$input, Compress_ListShaped:$lists, Compress_ListShaped:$counts,
      Compress_F32Shaped:$scales, Compress_F32Shaped:$basis, Compress_F32Shaped:$init, DenseI64ArrayAttr:$padding,
      DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, UnitAttr:$rounded);
  let assemblyFormat = [{
    `padding` `=` $padding `strides` `=` $strides `dilations` `=` $dilations (`rounded` $rounded^)? attr-dict `ins` `(` $input `,` $lists `,` $counts `,` $scales `,` $basis `:`
    type($input) `,` type($lists) `,` type($counts) `,` type($scales) `,` type($basis) `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return true; }
    ::mlir::ShapedType getInputType() { return ::llvm::cast<::mlir::ShapedType>(getInput().getType()); }
    ::mlir::ShapedType getInitType() { return ::llvm::cast<::mlir::ShapedType>(getInit().getType()); }
    ::mlir::ShapedType getBasisType() { return ::llvm::cast<::mlir::ShapedType>(getBasis().getType()); }
    /// Entries of a plus and a minus list of activations of 8 bits whose sum fits 16 bits.
    static constexpr int64_t kMostRounded = 258;
    int64_t getRoundedGroup() {
      return getRounded() ? getInputType().getDimSize(1) * getInputType().getDimSize(3) : 0;
    }
    /// What tiles and time depend on, beside the lists.
    struct Geometry {
      ::mlir::ShapedType input, init, basis;
      ::llvm::ArrayRef<int64_t> strides, dilations;
      bool isRounded;
    };
    Geometry getGeometry() {
      return {getInputType(), getInitType(), getBasisType(), getStrides(), getDilations(), getRounded()};
    }
    /// Pixels of an output and basis kernel that are summed at a time in vectors of `lanes` numbers: columns of each of a
    /// few rows, and how many outputs of a row they give.
    struct Tile {
      int64_t rows, columns, outputs;
    };
    static Tile tileOf(const Geometry &geometry, int64_t lanes);
    /// Seconds that a sample takes on `machine`, with so many `entries` in all lists.
    static double secondsPerSample(const Geometry &geometry, double entries, const ::mlir::compress::Machine &machine);
  }];
}

def Compress_UnpackRowsOp : Compress_KernelOp<"unpack_rows"> {
  let summary = "Rows of stored numbers with zeros between them";
  let description = [{
    Rows of a `compress.unpack`. A bit for each place says whether an entry is there; those of a row are stored one after the
    other, from a place on that `starts` has, so that rows can be read apart. `share` rows next to each other have the bits of one
    row of `mask`:

        init[r, c] = scale * value(entry n of row r) if bit c of row r div share is set, n being the set bits before it; 0 otherwise

    Bit `c` of a row is bit `c mod 8` of byte `c div 8` of `mask`, whose rows are whole pairs of bytes. Without `code`, entry `n`
    of row `r` is `values[starts[r] + n]`. With it, `values` are bytes and an entry is a raw code in a field of as many bits as the
    code has, rounded up to a power of two: bits `n * bits` and on, counted from the lowest bit of byte `starts[r]`. `init` is not
    read.

    From each of `starts` on there are `longest` entries, rounded up to 16: those behind a row's own are read and not used. A
    start for which that does not hold, or a row with more than `longest` set bits, is undefined behaviour.

    Constraints:
      - (C1) `init` has rank 2 and a static number of columns; `mask` has a row for each `share`, at least 1, of its rows, of pairs
        of bytes that just hold the columns.
      - (C2) `starts` has an entry for each row.
      - (C3) `values` has rank 1, bytes with `code`, without it numbers of the element type of `init`.
      - (C4) `longest` is from 1 to the number of columns.
      - (C5) `scale` is 1 without `code`.
      - (C6) the results are the tensors among the inits.

    Example:

    ```mlir
    %w = compress.unpack_rows longest = 20 code(#compress.pow2<bits = 4, min_exponent = -3, zero = false>)
        ins(%values, %mask, %starts : tensor<700xi8>, tensor<32x12xi8>, tensor<32xi32>) outs(%init : tensor<32x90xf32>)
        -> tensor<32x90xf32>
    ```
  }];
  let arguments = (ins Compress_ValuesShaped:$values, Compress_I8Shaped:$mask, Compress_I32Shaped:$starts,
      Compress_FloatShaped:$init, OptionalAttr<NumberCodeAttrInterface>:$code, I64Attr:$longest,
      DefaultValuedAttr<I64Attr, "1">:$share, DefaultValuedAttr<F64Attr, "1.0">:$scale);
  let assemblyFormat = [{
    `longest` `=` $longest (`share` `=` $share^)? (`code` `(` $code^ `)`)? (`scale` `=` $scale^)? attr-dict
    `ins` `(` $values `,` $mask `,` $starts `:` type($values) `,` type($mask) `,` type($starts) `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return false; }
    int64_t getColumns();
    /// Bits that an entry takes.
    int64_t getEntryBits();
    /// Bytes of the mask of a row of `columns`.
    static int64_t maskBytes(int64_t columns);
  }];
}

def Compress_AnyShaped : AnyTypeOf<[RankedTensorOf<[F32, F64, AnySignlessInteger]>,
    StridedMemRefRankOf<[F32, F64, AnySignlessInteger], [1, 2, 3, 4, 5, 6, 7, 8]>]>;

def Compress_RelayoutOp : Compress_KernelOp<"relayout"> {
  let summary = "Store a tensor in another layout";
  let description = [{
    Copies `input`, stored in `from`, to `init`, stored in `to`; without one of them, that side is the logical tensor. What `to`
    has beyond the logical tensor is zero. `init` is not read. A tensor that goes there and back is itself; on constants,
    `compress-fold-weights` and `compress-pack-weights` evaluate the op.

    Constraints:
      - (C1) at least one of `from` and `to` is given, and one of both sides is the logical tensor.
      - (C2) the stored side has the type that the layout makes of the other one.
      - (C3) element types agree, but where `to` packs codes of as many bits as the element type of `input` has.

    Example:

    ```mlir
    %tiled = compress.relayout to(#compress.layout<order = [1, 0], tiles = [16, 1]>) ins(%w : tensor<30x8xf32>)
        outs(%stored : tensor<1x30x16xf32>) -> tensor<1x30x16xf32>
    ```
  }];
  let arguments = (ins Compress_AnyShaped:$input, Compress_AnyShaped:$init, OptionalAttr<Compress_LayoutAttr>:$from,
      OptionalAttr<Compress_LayoutAttr>:$to);
  let results = (outs Variadic<RankedTensorOf<[F32, F64, AnySignlessInteger]>>:$results);
  let assemblyFormat = [{
    (`from` `(` $from^ `)`)? (`to` `(` $to^ `)`)? attr-dict `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let hasFolder = 1;
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return false; }
    /// The layout of the side that has one.
    ::mlir::compress::LayoutAttr getLayout() { return getTo() ? *getTo() : *getFrom(); }
    /// True if codes are packed or unpacked.
    bool packsCodes() { return getLayout().getCodeBits() != 0; }
  }];
}

#endif // COMPRESS_CODED_OPS_TD
