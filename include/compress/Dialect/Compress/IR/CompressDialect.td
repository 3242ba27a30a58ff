//===- CompressDialect.td - The compress dialect -------------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_TD
#define COMPRESS_DIALECT_TD

include "mlir/IR/OpBase.td"

def Compress_Dialect : Dialect {
  let name = "compress";
  let cppNamespace = "::mlir::compress";
  let summary = "Compressed weights as ops that say which dense tensor they stand for";
  let description = [{
    A *representation op* maps stored parameters to the dense tensor that they stand for. Its consumers stay ordinary
    linalg ops, so expanding it is always legal, and is the oracle for every fast path. A *kernel op* is what a consumer of
    a representation is rewritten to where that pays.

    Vocabulary:

    - *dense tensor*: the weight that the mathematics of the network speaks of.
    - *parameters*: the numbers that are stored and trained.
    - *block*: a `k x k` circulant square of a block-circulant matrix; `p x q` of them cover the padded matrix.
    - *slot*: one of the `k` real numbers of the half spectrum of `k` reals. Slot 0 is `Re X[0]`; for even `k`, slot 1 is
      `Re X[k/2]`; then come the pairs `Re X[f], Im X[f]` for `f = 1, 2, …`.
    - *role* of a weight dimension: `out`, `in`, `tap` (a position of a convolution window) or `batch`.

    Neither `fold` nor canonicalization evaluates an op of this dialect: an embedder's `canonicalize` must not blow
    weights up. `compress-fold-weights` does, and reports bytes before and after.

    Compatibility: bytecode files state the dialect's version. A file with representation ops and attributes of an older
    version is upgraded when it is read; one of a newer version is refused with an error that says so. Kernel ops are
    internal: nothing is promised for them, nor for textual files. Before release 0.1.0 version 1 may still change.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Compress_Op<string mnemonic, list<Trait> traits = []> : Op<Compress_Dialect, mnemonic, traits>;

#endif // COMPRESS_DIALECT_TD
