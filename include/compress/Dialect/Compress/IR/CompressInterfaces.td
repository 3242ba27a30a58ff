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
        respect to the dense tensor: the transpose of `expand`, which is multilinear in these operands.
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
           "::mlir::OpBuilder &":$builder)>
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
    A number code: how a stored integer stands for a real number, before its scale is applied.
  }];
  let methods = [
    InterfaceMethod<"Bits of one code.", "unsigned", "getBits", (ins)>,
    InterfaceMethod<"The integer type that holds one code in the source form.", "::mlir::Type", "getStorageType", (ins)>,
    InterfaceMethod<[{
        Checks that `scaled`, the float type decoded to, suits this code; emits an error at `op` if it does not.
      }], "::llvm::LogicalResult", "verifyCode", (ins "::mlir::Operation *":$op, "::mlir::Type":$scaled)>,
    InterfaceMethod<[{
        Emits `scale * decode(code)` for scalars or vectors: `code` has the storage type (or a vector of it), `scale` the
        decoded float type (or a vector of it).
      }], "::mlir::Value", "decode",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::Location":$loc, "::mlir::Value":$code, "::mlir::Value":$scale)>,
    InterfaceMethod<"Operations that decoding one number takes.", "double", "decodeCost", (ins)>
  ];
}

#endif // COMPRESS_INTERFACES_TD
