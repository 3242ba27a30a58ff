//===- CompressKernelOps.td - Kernel ops, made by rewrites ---*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Kernel ops are destination-style, on tensors and on buffers as linalg ops are. They are internal: made by
// compress-select, gone after convert-compress-to-affine, with no promise of bytecode compatibility.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_KERNEL_OPS_TD
#define COMPRESS_KERNEL_OPS_TD

include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"
include "compress/Dialect/Compress/IR/CompressDialect.td"
include "compress/Dialect/Compress/IR/CompressAttributes.td"
include "compress/Dialect/Compress/IR/CompressInterfaces.td"

def Compress_FloatShaped : AnyTypeOf<[RankedTensorOf<[F32, F64]>, StridedMemRefRankOf<[F32, F64], [1, 2, 3, 4, 5, 6, 7, 8]>]>;

/// An op says by `getKernelTiling` how its operands move with its loops; the methods of TilingInterface follow.
class Compress_KernelOp<string mnemonic, list<Trait> traits = []> : Compress_Op<mnemonic,
    traits # [DestinationStyleOpInterface, DeclareOpInterfaceMethods<KernelOpInterface>,
              DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
              DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
              DeclareOpInterfaceMethods<TilingInterface,
                  ["getLoopIteratorTypes", "getIterationDomain", "getTiledImplementation", "getResultTilePosition",
                   "generateResultTileValue", "getTiledImplementationFromOperandTiles",
                   "getIterationDomainTileFromOperandTiles", "getIterationDomainTileFromResultTile"]>]> {
  let results = (outs Variadic<RankedTensorOf<[F32, F64]>>:$results);
  let hasVerifier = 1;
  code destinationDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
  let extraClassDefinition = [{
    ::llvm::SmallVector<::mlir::utils::IteratorType> $cppClass::getLoopIteratorTypes() {
      return getKernelTiling().iterators;
    }
    ::llvm::SmallVector<::mlir::Range> $cppClass::getIterationDomain(::mlir::OpBuilder &builder) {
      return ::mlir::compress::getKernelIterationDomain(*this, getKernelTiling(), builder);
    }
    ::mlir::FailureOr<::mlir::TilingResult> $cppClass::getTiledImplementation(::mlir::OpBuilder &builder,
        ::llvm::ArrayRef<::mlir::OpFoldResult> offsets, ::llvm::ArrayRef<::mlir::OpFoldResult> sizes) {
      return ::mlir::compress::tileKernel(*this, getKernelTiling(), builder, offsets, sizes);
    }
    ::llvm::LogicalResult $cppClass::getResultTilePosition(::mlir::OpBuilder &builder, unsigned,
        ::llvm::ArrayRef<::mlir::OpFoldResult> offsets, ::llvm::ArrayRef<::mlir::OpFoldResult> sizes,
        ::llvm::SmallVector<::mlir::OpFoldResult> &resultOffsets,
        ::llvm::SmallVector<::mlir::OpFoldResult> &resultSizes) {
      return ::mlir::compress::getKernelResultTile(*this, getKernelTiling(), builder, offsets, sizes, resultOffsets,
                                                   resultSizes);
    }
    ::mlir::FailureOr<::mlir::TilingResult> $cppClass::generateResultTileValue(::mlir::OpBuilder &builder, unsigned,
        ::llvm::ArrayRef<::mlir::OpFoldResult> offsets, ::llvm::ArrayRef<::mlir::OpFoldResult> sizes) {
      return ::mlir::compress::generateKernelResultTile(*this, getKernelTiling(), builder, offsets, sizes);
    }
    ::llvm::LogicalResult $cppClass::getIterationDomainTileFromOperandTiles(::mlir::OpBuilder &builder,
        ::llvm::ArrayRef<unsigned> operandNumbers,
        ::llvm::ArrayRef<::llvm::SmallVector<::mlir::OpFoldResult>> allOffsets,
        ::llvm::ArrayRef<::llvm::SmallVector<::mlir::OpFoldResult>> allSizes,
        ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &offsets, ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &sizes) {
      return ::mlir::compress::getKernelTileFromOperands(*this, getKernelTiling(), builder, operandNumbers, allOffsets,
                                                         allSizes, offsets, sizes);
    }
    ::mlir::FailureOr<::mlir::TilingResult> $cppClass::getTiledImplementationFromOperandTiles(
        ::mlir::OpBuilder &builder, ::llvm::ArrayRef<unsigned> operandNumbers,
        ::llvm::ArrayRef<::llvm::SmallVector<::mlir::OpFoldResult>> allOffsets,
        ::llvm::ArrayRef<::llvm::SmallVector<::mlir::OpFoldResult>> allSizes) {
      ::llvm::SmallVector<::mlir::OpFoldResult> offsets, sizes;
      if (failed(getIterationDomainTileFromOperandTiles(builder, operandNumbers, allOffsets, allSizes, offsets, sizes)))
        return ::mlir::failure();
      return getTiledImplementation(builder, offsets, sizes);
    }
    ::llvm::LogicalResult $cppClass::getIterationDomainTileFromResultTile(::mlir::OpBuilder &builder, unsigned,
        ::llvm::ArrayRef<::mlir::OpFoldResult> resultOffsets, ::llvm::ArrayRef<::mlir::OpFoldResult> resultSizes,
        ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &offsets, ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &sizes) {
      // The result is tiled as the init is.
      return getIterationDomainTileFromOperandTiles(builder, {getInitMutable().getOperandNumber()},
          {::llvm::to_vector(resultOffsets)}, {::llvm::to_vector(resultSizes)}, offsets, sizes);
    }
  }];
}

def Compress_RfftOp : Compress_KernelOp<"rfft", [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Half spectra of the blocks of one dimension";
  let description = [{
    Cuts dimension `dim` of `input` into blocks of `k` numbers, the last one padded with zeros, and writes the `k`
    half-spectrum slots of each as planes: the slot is the outermost dimension of `init`, the block takes the place of `dim`.

        X[f] = sum over t in 0..k-1 of input[…, j*k + t, …] * exp(-2 pi i f t / k)       zero beyond the extent n
        init[0, …, j, …] = Re X[0];  for even k: init[1, …, j, …] = Re X[k/2];  then the pairs Re X[f], Im X[f]

    Constraints:
      - (C1) `dim` is a dimension of `input`.
      - (C2) the rank of `init` is the rank of `input` plus one.
      - (C3) `k` is static; the block extent of `init` is `ceil(n / k)`, as far as both are static.
      - (C4) the other extents of `input` and `init` agree.
      - (C5) element types agree; the results are the tensors among the inits.

    `init` is not read. Unspecified: order of the sums.

    Loops: the dimensions of `input`, blocks in place of `dim`; a tile is whole blocks, as far as `n` reaches.

    Cost: `2 k lg k - 4k + 6` operations per block for a power of two.

    Example:

    ```mlir
    %xs = compress.rfft dim = 1 ins(%x : tensor<?x10xf32>) outs(%i : tensor<4x?x3xf32>) -> tensor<4x?x3xf32>
    ```
  }];
  let arguments = (ins Compress_FloatShaped:$input, Compress_FloatShaped:$init, I64Attr:$dim);
  let assemblyFormat = [{
    `dim` `=` $dim attr-dict `ins` `(` $input `:` type($input) `)` `outs` `(` $init `:` type($init) `)`
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// Block size k: the extent of the slot dimension.
    int64_t getBlockSize() { return ::llvm::cast<::mlir::ShapedType>(getInit().getType()).getDimSize(0); }
    /// True if the op reads what its destination held before.
    bool readsInit() { return false; }
  }];
}

def Compress_RfftTransposeOp : Compress_KernelOp<"rfft_transpose",
    [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  let summary = "Exact transpose of compress.rfft, unscaled";
  let description = [{
    The adjoint of `compress.rfft`: slot planes to numbers, cropped to the extent of `init`. With slots scaled by `1/k`
    (frequency 0, and k/2 for even k) and `2/k` (others) it is the inverse transform.

        init[…, j*k + t, …] (+)= sum over slots s of input[s, …, j, …] * basis(s, t)
        basis(s, t) = cos(2 pi f t / k) for a real part, -sin(2 pi f t / k) for an imaginary part

    It adds to `init` if `accumulate` is given; otherwise `init` is not read.

    Constraints:
      - (C1) `dim` is a dimension of `init`.
      - (C2) the rank of `input` is the rank of `init` plus one.
      - (C3) `k` is static; the block extent of `input` is `ceil(m / k)`, as far as both are static.
      - (C4) the other extents of `input` and `init` agree.
      - (C5) element types agree; the results are the tensors among the inits.

    Unspecified: order of the sums.

    Loops: the dimensions of `init`, blocks in place of `dim`. Where a consumer's tile cuts a block, the whole block is
    computed for it.

    Example:

    ```mlir
    %y = compress.rfft_transpose accumulate dim = 1 ins(%ys : tensor<4x?x3xf32>) outs(%b : tensor<?x10xf32>)
        -> tensor<?x10xf32>
    ```
  }];
  let arguments = (ins Compress_FloatShaped:$input, Compress_FloatShaped:$init, I64Attr:$dim, UnitAttr:$accumulate);
  let assemblyFormat = [{
    (`accumulate` $accumulate^)? `dim` `=` $dim attr-dict `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// Block size k: the extent of the slot dimension.
    int64_t getBlockSize() { return ::llvm::cast<::mlir::ShapedType>(getInput().getType()).getDimSize(0); }
    /// True if the op reads what its destination held before.
    bool readsInit() { return getAccumulate(); }
  }];
}

class Compress_SpectralOp<string mnemonic> : Compress_KernelOp<mnemonic,
    [DeclareOpInterfaceMethods<DifferentiableOpInterface>]> {
  code spectralDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return true; }
    /// Block size k: the extent of the slot dimension.
    int64_t getBlockSize() { return ::llvm::cast<::mlir::ShapedType>(getInit().getType()).getDimSize(0); }
  }];
}

def Compress_SpectralMatmulOp : Compress_SpectralOp<"spectral_matmul"> {
  let summary = "Multiply spectra by block spectra, frequency by frequency";
  let description = [{
    For each frequency a complex product with the matrix of block spectra (real where the slot is real), added to `init`:

        init[f, …, o, …] += sum over g of weights[f, g, o] * input[f, …, g, …]       as complex numbers

    `input` has the slot outermost, and in blocks `g` at dimension `in_dim` of the rest; `init` likewise, out blocks `o` at
    `out_dim`. The remaining dimensions are the same, in the same order. `weights` is `k x q x p`: frequency-major, out blocks
    innermost, so that SIMD lanes can run along them; or, in panels of P out blocks, `k x p / P x q x P`, so that a tile of P out blocks
    reads one stream: the layout `#compress.layout<order = [0, 2, 1], tiles = [1, P, 1]>`.

    Constraints:
      - (C1) `in_dim` and `out_dim` are dimensions of `input` and `init`, the slot not counted.
      - (C2) `weights` has rank 3, or in panels 4 and a static shape; the slot extents of the three operands agree, are static and at least 1.
      - (C3) the block extents of `input` and `init` are those of `weights`, as far as they are static.
      - (C4) the remaining extents of `input` and `init` agree.
      - (C5) element types agree; the results are the tensors among the inits.

    Unspecified: order of the sums.

    Loops: the remaining dimensions, out blocks, in blocks (a reduction into `init`). Slots are not tiled, nor are blocks of
    weights in panels.

    Example:

    ```mlir
    %ys = compress.spectral_matmul in_dim = 1 out_dim = 1
        ins(%xs, %ws : tensor<4x?x3xf32>, tensor<4x3x2xf32>) outs(%zero : tensor<4x?x2xf32>) -> tensor<4x?x2xf32>
    ```
  }];
  let arguments = (ins Compress_FloatShaped:$input, Compress_FloatShaped:$weights, Compress_FloatShaped:$init,
      I64Attr:$in_dim, I64Attr:$out_dim);
  let assemblyFormat = [{
    `in_dim` `=` $in_dim `out_dim` `=` $out_dim attr-dict
    `ins` `(` $input `,` $weights `:` type($input) `,` type($weights) `)` `outs` `(` $init `:` type($init) `)`
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = spectralDeclaration # [{
    /// Out blocks of a panel of the weights; 0: there are no panels.
    int64_t getPanel() {
      auto type = ::llvm::cast<::mlir::ShapedType>(getWeights().getType());
      return type.getRank() == 4 ? type.getShape().back() : 0;
    }
    /// Emits the tensor `k x q x p` of weights in panels.
    ::mlir::Value emitPlainWeights(::mlir::OpBuilder &builder, ::mlir::Value weights);
    /// Emits the panels of a tensor `k x q x p`, as many as this op's weights have.
    ::mlir::Value emitPanels(::mlir::OpBuilder &builder, ::mlir::Value weights);
    /// The layout of weights in panels of `panel` out blocks.
    static ::mlir::compress::LayoutAttr panelLayout(::mlir::MLIRContext *context, int64_t panel) {
      return ::mlir::compress::LayoutAttr::get(context, {0, 2, 1}, {1, panel, 1}, 0);
    }
  }];
}

def Compress_SpectralConvOp : Compress_SpectralOp<"spectral_conv"> {
  let summary = "Convolve spectra with block spectra, frequency by frequency";
  let description = [{
    `compress.spectral_matmul` with taps: the last `n` of the remaining dimensions are windows.

        init[f, …, o, y…] += sum over g, u… of weights[f, u…, g, o] * input[f, …, g, stride*y + dilation*u …]

    `weights` is `k x taps… x q x p`. `input` holds the padding already.

    Constraints: C1, C3, C5 of `compress.spectral_matmul`, and
      - (C2) `weights` has rank 3 plus the number of strides; the slot extents agree, are static and at least 1; the taps are static.
      - (C4) the remaining extents that are no windows agree.
      - (C6) `strides` and `dilations` have one entry of at least 1 per tap dimension.
      - (C7) a static window extent of `init` fits: `(H' - 1)*stride + (taps - 1)*dilation < H`.

    Loops: as of `compress.spectral_matmul`; windows are tiled by their positions, taps are whole.

    Example:

    ```mlir
    %ys = compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1, 1] dilations = [1, 1]
        ins(%xs, %ws : tensor<4x?x3x12x12xf32>, tensor<4x5x5x3x2xf32>) outs(%zero : tensor<4x?x2x8x8xf32>)
        -> tensor<4x?x2x8x8xf32>
    ```
  }];
  let arguments = (ins Compress_FloatShaped:$input, Compress_FloatShaped:$weights, Compress_FloatShaped:$init,
      I64Attr:$in_dim, I64Attr:$out_dim, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    `in_dim` `=` $in_dim `out_dim` `=` $out_dim `strides` `=` $strides `dilations` `=` $dilations attr-dict
    `ins` `(` $input `,` $weights `:` type($input) `,` type($weights) `)` `outs` `(` $init `:` type($init) `)`
    (`->` type($results)^)?
  }];
  let extraClassDeclaration = spectralDeclaration;
}

def Compress_F32Shaped : AnyTypeOf<[RankedTensorOf<[F32]>, StridedMemRefRankOf<[F32], [1, 2, 3, 4, 5, 6, 7, 8]>]>;
def Compress_I32Shaped : AnyTypeOf<[RankedTensorOf<[I32]>, StridedMemRefRankOf<[I32], [1, 2, 3, 4, 5, 6, 7, 8]>]>;

def Compress_SpectralDotOp : Compress_KernelOp<"spectral_dot"> {
  let summary = "Product of spectra whose weights are words of small numbers";
  let description = [{
    `compress.spectral_matmul` (no strides) or `compress.spectral_conv`, with weights of fewer bits. The two slots `a` and `b`
    of a frequency (for even `k`, frequency 0 has the real slots 0 and k/2; for odd `k` its `b` is zero) are neighbours in a
    word of 32 bits, as the dot products of processors take them. Blocks of one number, k = 1, which are dense weights, have no `b`:

        bf16   one block g per word:             a(g) in bits 0 to 15, b(g) in bits 16 to 31
               k = 1: blocks g and g + G         a(g), a(g + G)                    G = ceil(q / 2)
        i8     blocks g and g + G:               a(g), b(g), a(g + G), b(g + G) from the lowest byte
               k = 1: four blocks                a(g), a(g + G), a(g + 2 G), a(g + 3 G)                G = ceil(q / 4)

    Numbers beyond q are zero. The weights are frequencies, taps, words, out blocks; or, in panels of P out blocks, frequencies,
    p / P panels, taps, words, P.

    Spectra of the activation are rounded to the same format when the op runs: to the nearest bf16, ties to even; or, for i8, to
    the nearest of 255 multiples of the largest magnitude over 127, one for each frequency and each position that is no window.
    On processors without dot products of bf16 it stays f32, and the weights become f32 where they are loaded.
    Sums are f32 of products of bf16, or exact integers, which are scaled once:

        init[f, …, o, y…] += scales[f, o] * scale(input)[f, …] * sum over g, u… of weights[f, u…, g, o] * input[f, …, g, …]

    Dot products of processors take one factor without sign: 128 is added to each number of the activation, and
    `offsets[f, o]` is -128 times the sum of all numbers in `weights[f, …, o]`.

    Constraints: C1, C3, C4, C6, C7 of `compress.spectral_conv`, and
      - (C2) `weights` has rank 3 plus the number of strides, or in panels one more; they, and the in blocks and windows of `input`,
        are static.
      - (C5) the results are the tensors among the inits.
      - (C8) `weights` has ceil(k / 2) frequencies, and in blocks divided by the blocks in a word, rounded up.
      - (C9) i8 has `scales` and `offsets`, bf16 has none; both are frequencies by out blocks.

    Unspecified: order of the sums of bf16.

    Loops: those of `compress.spectral_conv`, but in blocks, which are whole.

    Example:

    ```mlir
    %ys = compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
        ins(%xs, %ws : tensor<4x?x3xf32>, tensor<2x3x2xi32>) outs(%zero : tensor<4x?x2xf32>) -> tensor<4x?x2xf32>
    ```
  }];
  let arguments = (ins Compress_F32Shaped:$input, Compress_I32Shaped:$weights,
      Variadic<AnyTypeOf<[Compress_F32Shaped, Compress_I32Shaped]>>:$scaling, Compress_F32Shaped:$init,
      Compress_WordFormatAttr:$words, I64Attr:$in_dim, I64Attr:$out_dim, DenseI64ArrayAttr:$strides,
      DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $words `in_dim` `=` $in_dim `out_dim` `=` $out_dim `strides` `=` $strides `dilations` `=` $dilations attr-dict
    `ins` `(` $input `,` $weights `:` type($input) `,` type($weights) `)`
    (`scaling` `(` $scaling^ `:` type($scaling) `)`)?
    `outs` `(` $init `:` type($init) `)` (`->` type($results)^)?
  }];
  let extraClassDeclaration = destinationDeclaration # [{
    /// True if the op reads what its destination held before.
    bool readsInit() { return true; }
    /// Block size k: the extent of the slot dimension.
    int64_t getBlockSize() { return ::llvm::cast<::mlir::ShapedType>(getInit().getType()).getDimSize(0); }
    /// In blocks of a word, for blocks of `k` numbers.
    static int64_t blocksPerWord(::mlir::compress::WordFormat words, int64_t k) {
      return (words == ::mlir::compress::WordFormat::i8 ? 2 : 1) * (k == 1 ? 2 : 1);
    }
    /// Out blocks of a panel of the weights; 0: there are no panels.
    int64_t getPanel() {
      auto type = ::llvm::cast<::mlir::ShapedType>(getWeights().getType());
      return type.getRank() == 4 + static_cast<int64_t>(getStrides().size()) ? type.getShape().back() : 0;
    }
  }];
}

#endif // COMPRESS_KERNEL_OPS_TD
