//===- Npy.h - Arrays in NumPy's file format ------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_RUN_NPY_H
#define COMPRESS_TOOLS_COMPRESS_RUN_NPY_H

#include <cstdint>
#include <string>
#include <vector>

namespace compress {

/// Element types by ONNX's numbers, as the libraries say them.
enum DType : int32_t { F32 = 1, U8 = 2, I8 = 3, I32 = 6, I64 = 7, Bool = 9, F64 = 11 };

/// Bytes of an element; 0 if `dtype` is unknown.
size_t elementBytes(int32_t dtype);
/// NumPy's name of an element type, such as `float32`.
const char *dtypeName(int32_t dtype);

/// A row-major array.
struct Array {
  int32_t dtype = F32;
  std::vector<int64_t> shape;
  std::vector<char> bytes;
};

/// Text of a shape, such as `[3, 28, 28]`; -1 is written `batch`.
std::string shapeText(const std::vector<int64_t> &shape);

/// Reads a `.npy` file, format 1 to 3, of a known element type; little-endian, in C or Fortran order only where both
/// are the same. Throws std::runtime_error with what is wrong.
Array readNpy(const std::string &path);

/// Writes a `.npy` file of format 1: first beside its place, then renamed.
void writeNpy(const std::string &path, const Array &array);

} // namespace compress

#endif // COMPRESS_TOOLS_COMPRESS_RUN_NPY_H
