//===- CompressInterfaces.td - What passes ask of ops and attributes -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_INTERFACES_TD
#define COMPRESS_INTERFACES_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"

def CompressedWeightOpInterface : OpInterface<"CompressedWeightOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A representation op: one result, the dense tensor that its operands stand for. No pass has a switch over op names; a
    representation joins expand, select, fold, fit, the report and every back end through these methods.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits IR that computes the dense tensor from the op's operands, with no `mod` or `floordiv` in any map, and
        returns it. The definition of the op; always legal.
      }], "::mlir::Value", "expand", (ins "::mlir::OpBuilder &":$builder)>,
    InterfaceMethod<[{
        Emits the gradient of a scalar with respect to each float operand, in operand order, given its `gradient` with
        respect to the dense tensor: the transpose of `expand`, which is multilinear in these operands; or of the surrogate
        that an op's description states.
      }], "::llvm::SmallVector<::mlir::Value>", "pullback",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$gradient)>,
    InterfaceMethod<"Bits that the parameters take in a package.", "int64_t", "storedBits", (ins)>,
    InterfaceMethod<[{
        The named ways to compute `consumer` without expanding this op, each with its cost; empty where there is none.
        When empty, `whyNot` says the reason, as the end of a sentence.
      }], "::llvm::SmallVector<::mlir::compress::Form>", "forms",
      (ins "const ::mlir::compress::LinearConsumer &":$consumer, "const ::mlir::compress::Machine &":$machine,
           "std::string &":$whyNot)>,
    InterfaceMethod<[{
        Emits the form `name` of `consumer` at the builder's place; returns the value that replaces the consumer's
        result.
      }], "::mlir::Value", "emitForm",
      (ins "::llvm::StringRef":$name, "const ::mlir::compress::LinearConsumer &":$consumer,
           "::mlir::OpBuilder &":$builder)>,
    InterfaceMethod<[{
        The multiple at which slices along dimension `dim` of the dense tensor start, and of which they are long except
        for the last one; 0 if the op cannot be sliced there.
      }], "int64_t", "sliceStep", (ins "int64_t":$dim), "", "return 0;">,
    InterfaceMethod<[{
        Emits representation ops that stand for `size` entries of the dense tensor from `offset` on along `dim`, from
        slices of the operands. Only where `sliceStep(dim)` is not 0.
      }], "::mlir::Value", "emitSlice",
      (ins "::mlir::OpBuilder &":$builder, "int64_t":$dim, "::mlir::OpFoldResult":$offset, "int64_t":$size), "",
      "return {};">,
    InterfaceMethod<[{
        Emits IR that computes the dense tensor while the network runs: `expand`, but for stored integers, which a kernel
        op decodes.
      }], "::mlir::Value", "rebuild", (ins "::mlir::OpBuilder &":$builder), "", "return $_op.expand(builder);">,
    InterfaceMethod<[{
        The stored integers that alone make up the dense tensor, number by number, if that is what the op says: a kernel
        decodes them at load.
      }], "std::optional<::mlir::compress::CodedTensor>", "getCoded", (ins), "", "return std::nullopt;">
  ];
}

def CodedKernelOpInterface : OpInterface<"CodedKernelOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A kernel op that decodes stored integers at load. `compress-pack-weights` stores them as it wants them.
  }];
  let methods = [
    InterfaceMethod<"The stored integers, zero points as numbers.", "::mlir::compress::CodedTensor", "getCoded", (ins)>,
    InterfaceMethod<[{
        The order in which the op reads its codes best: their dimension `i` should be dimension `order[i]` of what they are.
      }], "::llvm::SmallVector<int64_t>", "getPreferredOrder", (ins)>,
    InterfaceMethod<[{
        Takes `coded`, the same numbers with dimensions in the order `order` and perhaps packed, in the place of the codes.
      }], "void", "setCoded", (ins "const ::mlir::compress::CodedTensor &":$coded, "::llvm::ArrayRef<int64_t>":$order)>
  ];
}

def KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A destination-style op that computes a part of a layer, on tensors or buffers. TilingInterface follows from what it says.
  }];
  let methods = [
    InterfaceMethod<"The loops of the op, and how each dimension of each operand moves with them.",
      "::mlir::compress::KernelTiling", "getKernelTiling", (ins)>,
    InterfaceMethod<[{
        Seconds of the op's arithmetic at the peak of `machine`, counted as the costs of forms count it; a dynamic extent
        counts as `batch`.
      }], "double", "getArithmeticSeconds", (ins "const ::mlir::compress::Machine &":$machine, "int64_t":$batch)>,
    InterfaceMethod<[{
        How many activations an op that `compress-select` makes rounds together to 8 bits when it runs; 0 if it rounds none.
      }], "int64_t", "getRoundedGroup", (ins), "", "return 0;">
  ];
}

def DifferentiableOpInterface : OpInterface<"DifferentiableOpInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    An op on tensors, with one result, that says its gradient to `compress-pullback`: a kernel op, or one of another dialect.
    Representation ops say it by `CompressedWeightOpInterface`.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits the gradient of a scalar with respect to each float operand, in operand order, given its `gradient` with
        respect to the result; null for an operand that the result does not depend on. Empty, and nothing emitted, if an
        extent is dynamic that the gradient needs.
      }], "::llvm::SmallVector<::mlir::Value>", "pullback",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Value":$gradient)>
  ];
}

def CompressionSchemeAttrInterface : AttrInterface<"CompressionSchemeAttrInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A way to obtain a representation from a dense weight: a projection, a decomposition, a rounding.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits constants and representation ops that stand for a tensor near `weight`, and returns the dense value of
        `weight.type`; or fails, with `whyNot` as the end of a sentence.
      }], "::mlir::FailureOr<::mlir::Value>", "fit",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "const ::mlir::compress::DenseWeight &":$weight,
           "std::string &":$whyNot)>
  ];
}

def NumberCodeAttrInterface : AttrInterface<"NumberCodeAttrInterface"> {
  let cppNamespace = "::mlir::compress";
  let description = [{
    A number code: how a stored integer of a few bits stands for a real number, before scale and zero point. A *raw code*
    is the integer's bits, read as a number from 0 to `2^bits - 1`.

    `valueOf` and `decode` are two readings of one definition, on numbers and as IR; so are `nearest` and `round`.
  }];
  let methods = [
    InterfaceMethod<"Bits of one code, 1 to 8: the width of the integer type that holds it in the source form.",
      "int64_t", "getNumBits", (ins)>,
    InterfaceMethod<"True if numbers are taken relative to a zero point.", "bool", "takesZeros", (ins)>,
    InterfaceMethod<"The number that the raw code `code` stands for.", "double", "valueOf", (ins "int64_t":$code)>,
    InterfaceMethod<[{
        The largest number that all numbers of the code are integers times, where one is known and the integers have at most 8
        bits; 0 if not. What is made of such a code computes with integers, and multiplies by the unit once.
      }], "double", "getUnit", (ins)>,
    InterfaceMethod<[{
        The raw code whose number is nearest to `number`; of two that are equally near, the one that the code's description
        names.
      }], "int64_t", "nearest", (ins "double":$number)>,
    InterfaceMethod<[{
        Emits the number of the code nearest to `number`, an f32 or f64 or a vector of it: `valueOf(nearest(number))`, with no
        bit pattern of a float type. Not-a-numbers are unspecified.
      }], "::mlir::Value", "round",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::Value":$number)>,
    InterfaceMethod<[{
        Emits the number that `code` stands for, as a `type` (f32 or f64, or a vector of it). `code` is a raw code as i32,
        or a vector of them. Emits arithmetic alone, no bit pattern of a float type, so that the IR may be promoted to
        f64.
      }], "::mlir::Value", "decode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::Value":$code, "::mlir::Type":$type)>,
    InterfaceMethod<"Operations that `decode` emits.", "int64_t", "decodeOperations", (ins)>
  ];
}

#endif // COMPRESS_INTERFACES_TD
