//===- Npy.cpp - Arrays in NumPy's file format ----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//===----------------------------------------------------------------------===//

#include "Npy.h"
#include <cstdio>
#include <cstring>
#include <fstream>
#include <regex>
#include <stdexcept>
#include <unistd.h>

using namespace compress;

namespace {
struct TypeRow {
  int32_t dtype;
  const char *code, *name;
  size_t bytes;
};
} // namespace

static const TypeRow kTypes[] = {{F32, "<f4", "float32", 4}, {F64, "<f8", "float64", 8}, {I32, "<i4", "int32", 4},
                                 {I64, "<i8", "int64", 8},   {I8, "|i1", "int8", 1},     {U8, "|u1", "uint8", 1},
                                 {Bool, "|b1", "bool", 1}};

static const TypeRow *rowOf(int32_t dtype) {
  for (const TypeRow &row : kTypes)
    if (row.dtype == dtype)
      return &row;
  return nullptr;
}

size_t compress::elementBytes(int32_t dtype) { return rowOf(dtype) ? rowOf(dtype)->bytes : 0; }
const char *compress::dtypeName(int32_t dtype) { return rowOf(dtype) ? rowOf(dtype)->name : "unknown"; }

std::string compress::shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("batch") : std::to_string(shape[i]));
  return text + "]";
}

static const char kMagic[] = "\x93NUMPY";

/// The header's text, and the array's bytes after it.
static std::string readHeader(std::ifstream &file, const std::string &path) {
  unsigned char prefix[8];
  if (!file.read(reinterpret_cast<char *>(prefix), 8) || std::memcmp(prefix, kMagic, 6) != 0)
    throw std::runtime_error("'" + path + "' is no .npy file");
  if (prefix[6] < 1 || prefix[6] > 3)
    throw std::runtime_error("'" + path + "' has .npy format " + std::to_string(prefix[6]) + "; 1 to 3 are known");
  int lengthBytes = prefix[6] == 1 ? 2 : 4;
  unsigned char raw[4] = {};
  file.read(reinterpret_cast<char *>(raw), lengthBytes);
  size_t length = raw[0] | raw[1] << 8 | raw[2] << 16 | static_cast<size_t>(raw[3]) << 24;
  if (!file || length > (1 << 20))
    throw std::runtime_error("'" + path + "' has a broken header");
  std::string header(length, '\0');
  if (!file.read(header.data(), length))
    throw std::runtime_error("'" + path + "' is truncated");
  return header;
}

Array compress::readNpy(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error("'" + path + "' cannot be read: " + std::strerror(errno));
  std::string header = readHeader(file, path);
  std::smatch descr, order, shape;
  if (!std::regex_search(header, descr, std::regex("'descr'\\s*:\\s*'([^']*)'")) ||
      !std::regex_search(header, order, std::regex("'fortran_order'\\s*:\\s*(True|False)")) ||
      !std::regex_search(header, shape, std::regex("'shape'\\s*:\\s*\\(([0-9, ]*)\\)")))
    throw std::runtime_error("'" + path + "' has a header that is not of an array of numbers");
  Array array;
  const TypeRow *found = nullptr;
  for (const TypeRow &row : kTypes)
    if (descr[1] == row.code)
      found = &row;
  if (!found)
    throw std::runtime_error("'" + path + "' has element type '" + descr[1].str() + "', which no library takes");
  array.dtype = found->dtype;
  std::string extents = shape[1];
  std::regex number("[0-9]+");
  size_t count = found->bytes;
  int numLong = 0;
  for (std::sregex_iterator it(extents.begin(), extents.end(), number), end; it != end; ++it) {
    array.shape.push_back(std::stoll(it->str()));
    numLong += array.shape.back() > 1;
    if (__builtin_mul_overflow(count, static_cast<size_t>(array.shape.back()), &count))
      throw std::runtime_error("'" + path + "' claims more elements than memory holds");
  }
  if (order[1] == "True" && numLong > 1)
    throw std::runtime_error("'" + path + "' is in Fortran order; save it with numpy.ascontiguousarray");
  auto here = file.tellg();
  file.seekg(0, std::ios::end);
  if (static_cast<size_t>(file.tellg() - here) != count)
    throw std::runtime_error("'" + path + "' should hold " + std::to_string(count) + " bytes for shape " +
                             shapeText(array.shape) + ", but holds " + std::to_string(file.tellg() - here));
  file.seekg(here);
  array.bytes.resize(count);
  file.read(array.bytes.data(), count);
  return array;
}

void compress::writeNpy(const std::string &path, const Array &array) {
  std::string shape = "(";
  for (int64_t extent : array.shape)
    shape += std::to_string(extent) + ", ";
  std::string header =
      std::string("{'descr': '") + rowOf(array.dtype)->code + "', 'fortran_order': False, 'shape': " + shape + "), }";
  while ((10 + header.size() + 1) % 64 != 0)
    header += ' ';
  header += '\n';
  std::string temporary = path + ".tmp" + std::to_string(getpid());
  std::ofstream file(temporary, std::ios::binary);
  char length[2] = {static_cast<char>(header.size() & 255), static_cast<char>(header.size() >> 8)};
  file.write(kMagic, 6).write("\x01\x00", 2).write(length, 2);
  file << header;
  file.write(array.bytes.data(), array.bytes.size());
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    std::string reason = std::strerror(errno);
    std::remove(temporary.c_str());
    throw std::runtime_error("'" + path + "' cannot be written: " + reason);
  }
}
