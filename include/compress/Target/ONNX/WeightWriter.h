//===- WeightWriter.h - Representation ops as ONNX nodes ------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_ONNX_WEIGHTWRITER_H
#define COMPRESS_TARGET_ONNX_WEIGHTWRITER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectInterface.h"
#include "llvm/ADT/SmallVector.h"
#include <string>
#include <variant>

namespace mlir::compress {

/// Adds nodes and tensors to an ONNX graph. Names are made unique; each method returns the one that it made.
class ONNXWeightWriter {
public:
  struct Attribute {
    StringRef name;
    std::variant<int64_t, SmallVector<int64_t>, SmallVector<float>> value;
  };

  virtual ~ONNXWeightWriter() = default;

  /// The tensor `value`, a constant or the result of a representation op; failure, after an error, if it cannot be
  /// written.
  virtual FailureOr<std::string> write(Value value, StringRef name) = 0;
  /// A constant tensor of f32, f64 or i8; bytes without sign if `isUnsigned`.
  virtual std::string addTensor(StringRef name, RankedTensorType type, ArrayRef<char> bytes,
                                bool isUnsigned = false) = 0;
  /// A node of one result: a standard op, or a model-local function of domain `compress`, which the file gets.
  virtual std::string addNode(StringRef op, bool isFunction, ArrayRef<std::string> inputs, StringRef result,
                              ArrayRef<Attribute> attributes) = 0;

  /// Numbers of `bits` bits as a bit stream, the lowest bit of a byte first.
  std::string addBits(StringRef name, ArrayRef<uint8_t> numbers, int64_t bits, MLIRContext *context);
};

/// Writes the representation ops of a dialect. Dialects with ops of their own attach one.
class ONNXWeightDialectInterface : public DialectInterface::Base<ONNXWeightDialectInterface> {
public:
  explicit ONNXWeightDialectInterface(Dialect *dialect) : Base(dialect) {}
  /// Adds nodes that compute the dense tensor of `op`, a tensor named `name`; failure if there are none for it.
  virtual FailureOr<std::string> write(Operation *op, ONNXWeightWriter &writer, StringRef name) const = 0;
};

} // namespace mlir::compress

#endif // COMPRESS_TARGET_ONNX_WEIGHTWRITER_H
