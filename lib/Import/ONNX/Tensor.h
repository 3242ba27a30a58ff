//===- Tensor.h - Tensors of an ONNX file ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_IMPORT_ONNX_TENSOR_H
#define COMPRESS_LIB_IMPORT_ONNX_TENSOR_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"
#include <onnx/onnx_pb.h>
#include <string>

namespace mlir::compress::onnx_import {

/// A tensor with its values, row-major and little-endian.
struct Tensor {
  RankedTensorType type;
  std::string bytes;
  /// True if the integers, which are signless in `type`, have no sign.
  bool isUnsigned = false;

  /// The values of an integer or bool tensor.
  SmallVector<int64_t> integers() const;
  /// The values of a float tensor (f16, f32 or f64).
  SmallVector<double> floats() const;
};

llvm::Error makeError(const llvm::Twine &message);

/// The type of an element, integers signless; null if this project has none for it.
Type elementType(Builder &builder, int32_t dtype);
/// True for the integers without sign.
bool isUnsignedType(int32_t dtype);
/// ONNX's name of an element type.
std::string dtypeName(int32_t dtype);

/// Bytes of a tensor of `shape`; an error if an extent is negative, or if they exceed what a machine can address.
llvm::Expected<int64_t> checkedBytes(ArrayRef<int64_t> shape, int64_t elementBytes);

/// Reads `proto`. Values that lie outside of the file are read from `folder`, and nowhere else. The size that the file
/// claims is compared with the bytes that are there before any is allocated. Integers of 4 bits, which the file packs,
/// take a byte each, as constants of this project do. Only `Cast` takes floats of 16 bits.
llvm::Expected<Tensor> readTensor(Builder &builder, const ::onnx::TensorProto &proto, StringRef folder);

} // namespace mlir::compress::onnx_import

#endif // COMPRESS_LIB_IMPORT_ONNX_TENSOR_H
