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

def Compress_WordFormat : I32EnumAttr<"WordFormat", "the numbers that share a word of 32 bits", [
    I32EnumAttrCase<"bf16", 0>, I32EnumAttrCase<"i8", 1>]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::mlir::compress";
}
def Compress_WordFormatAttr : EnumAttr<Compress_Dialect, Compress_WordFormat, "words">;

class Compress_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Compress_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

//===----------------------------------------------------------------------===//
// Number codes
//===----------------------------------------------------------------------===//

class Compress_CodeAttr<string name, string attrMnemonic> : Compress_Attr<name, attrMnemonic,
    [DeclareAttrInterfaceMethods<NumberCodeAttrInterface>]>;

def Compress_UniformAttr : Compress_CodeAttr<"Uniform", "uniform"> {
  let summary = "Integers at equal distances, with a zero point";
  let description = [{
    A code stands for its own integer: two's complement by default, else from 0 to `2^bits - 1`.

        value(code) = code         with zeros: value(code) - value(zero)

    `nearest` rounds halves to the even integer, and saturates.

    Constraints:
      - (C1) `bits` is 1 to 8; at least 2 for signed codes.

    Example: `#compress.uniform<bits = 4>`, `#compress.uniform<bits = 8, unsigned_codes = true>`
  }];
  let parameters = (ins "int64_t":$bits, DefaultValuedParameter<"bool", "false">:$unsigned_codes);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Compress_Pow2Attr : Compress_CodeAttr<"Pow2", "pow2"> {
  let summary = "Signed powers of two in a window of exponents";
  let description = [{
    The top bit is the sign, the others are the magnitude `m` (SmartExchange, ISCA 2020: 4 bits, with zeros in a mask).

        zero = false:  value = ±2^(min_exponent + m)
        zero = true:   value = ±2^(min_exponent + m - 1) for m > 0, and 0 for m = 0

    Of two equally near numbers, `nearest` takes the smaller in magnitude: 1.5 * 2^e becomes 2^e. Without `zero`, 0 becomes
    the positive one.

    Constraints:
      - (C1) `bits` is 2 to 6.
      - (C2) every power is a normal f32: exponents are from -126 to 127.

    Example: `#compress.pow2<bits = 4, min_exponent = -8, zero = true>`
  }];
  let parameters = (ins "int64_t":$bits, "int64_t":$min_exponent, DefaultValuedParameter<"bool", "false">:$zero);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Number of exponents in the window.
    int64_t getNumExponents() const { return (int64_t(1) << (getBits() - 1)) - getZero(); }
    int64_t getMaxExponent() const { return getMinExponent() + getNumExponents() - 1; }
  }];
}

def Compress_TernaryAttr : Compress_CodeAttr<"Ternary", "ternary"> {
  let summary = "-1, 0 and 1 in two bits";
  let description = [{
    Two bits in two's complement (ESCALATE, MICRO 2021; TWN). Raw code 2 is not used; it decodes to -2. `nearest` rounds
    halves to 0.

    Example: `#compress.ternary`
  }];
}

def Compress_CodebookAttr : Compress_CodeAttr<"Codebook", "codebook"> {
  let summary = "Numbers of a table";
  let description = [{
    A code is an index into `values`, of as many bits as that takes. Raw codes beyond the table stand for its last number.
    Of two equally near numbers, `nearest` takes the one of smaller magnitude, then the one that comes first.

    Constraints:
      - (C1) `values` holds 2 to 256 finite numbers.

    Example: `#compress.codebook<[-1.0, -0.25, 0.25, 1.0]>`
  }];
  let parameters = (ins "::mlir::DenseF64ArrayAttr":$values);
  let assemblyFormat = "`<` custom<Numbers>($values) `>`";
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

def Compress_LayoutAttr : Compress_Attr<"Layout", "layout"> {
  let summary = "How a kernel operand lies in memory";
  let description = [{
    Maps a logical tensor to the stored one; without it, both are the same. In this order:

    1. `order`: stored dimension `i` is logical dimension `order[i]`.
    2. `tiles`, one per stored dimension, 1 for none: dimension `i` of extent `n` becomes `ceil(n / t)` tiles, and the
       places inside of the tiles follow as innermost dimensions, in the same order; places beyond `n` hold zero.
    3. `code_bits`: codes of so many bits are stored in fields of 1, 2, 4 or 8 bits (the next that holds them), the first
       one in the lowest bits of a byte, along the innermost dimension; each row of it ends with a whole byte.

    Constraints:
      - (C1) `order` is empty or a permutation; `tiles` is empty or positive, and of the rank of `order` if both are given.
      - (C2) `code_bits` is 0 (not packed) to 7.

    Example: `#compress.layout<order = [1, 0], tiles = [16, 1]>`, `#compress.layout<code_bits = 4>`
  }];
  let parameters = (ins OptionalArrayRefParameter<"int64_t">:$order, OptionalArrayRefParameter<"int64_t">:$tiles,
      DefaultValuedParameter<"int64_t", "0">:$code_bits);
  let assemblyFormat = "`<` custom<Layout>($order, $tiles, $code_bits) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bits of the field that holds a code; 0 if codes are not packed.
    int64_t getFieldBits() const { return getCodeBits() ? ::llvm::PowerOf2Ceil(getCodeBits()) : 0; }
    /// The stored type of the logical `type`; element type i8 if codes are packed. Null if ranks differ.
    ::mlir::ShapedType getStoredType(::mlir::ShapedType type) const;
  }];
}

#endif // COMPRESS_ATTRIBUTES_TD
