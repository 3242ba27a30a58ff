//===- Samples.cpp - Inputs to calibrate and to test with ------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/HLS/Samples.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"
#include <cmath>

using namespace mlir::compress;

Samples Samples::firstOf(int64_t most) const {
  Samples first = *this;
  first.shape.front() = std::min(count(), most);
  first.values.resize(first.shape.front() * size());
  return first;
}

llvm::Expected<Samples> Samples::read(llvm::StringRef path) {
  auto fail = [&](const llvm::Twine &reason) { return llvm::createStringError("'" + path + "' " + reason); };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("cannot be read: " + file.getError().message());
  llvm::StringRef bytes = (*file)->getBuffer();
  if (!bytes.consume_front("\x93NUMPY") || bytes.size() < 6)
    return fail("is no NumPy file (numpy.save)");
  bool isLong = bytes[0] != 1;
  size_t length =
      isLong ? llvm::support::endian::read32le(bytes.data() + 2) : llvm::support::endian::read16le(bytes.data() + 2);
  bytes = bytes.drop_front(isLong ? 6 : 4);
  if (bytes.size() < length)
    return fail("ends within its header");
  llvm::StringRef header = bytes.take_front(length);
  bytes = bytes.drop_front(length);
  llvm::SmallVector<llvm::StringRef> type, shape;
  if (!llvm::Regex("'descr': *'<f([48])'").match(header, &type) || !header.contains("'fortran_order': False"))
    return fail("expects little-endian float32 or float64 in C order");
  if (!llvm::Regex("'shape': *\\(([0-9, ]*)\\)").match(header, &shape))
    return fail("has no shape in its header");
  Samples samples;
  uint64_t count = 1;
  bool overflows = false;
  for (llvm::StringRef text : llvm::split(shape[1], ',')) {
    uint64_t extent = 0;
    if (text.trim().empty())
      continue;
    overflows |= text.trim().getAsInteger(10, extent);
    bool over = false;
    count = llvm::SaturatingMultiply(count, extent, &over);
    overflows |= over || extent > (uint64_t(1) << 40);
    samples.shape.push_back(static_cast<int64_t>(extent));
  }
  size_t width = type[1] == "4" ? 4 : 8;
  if (samples.shape.empty() || count == 0)
    return fail("holds no samples: expects an array whose first dimension counts them");
  if (overflows || bytes.size() / width < count)
    return fail("ends within its numbers");
  for (uint64_t i = 0; i < count; ++i) {
    const char *at = bytes.data() + i * width;
    float value = width == 4 ? llvm::bit_cast<float>(llvm::support::endian::read32le(at))
                             : static_cast<float>(llvm::bit_cast<double>(llvm::support::endian::read64le(at)));
    if (!std::isfinite(value))
      return fail("has a number that is not finite");
    samples.values.push_back(value);
  }
  return samples;
}
