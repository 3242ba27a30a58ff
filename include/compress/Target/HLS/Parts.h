//===- Parts.h - Devices and what they hold --------------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_HLS_PARTS_H
#define COMPRESS_TARGET_HLS_PARTS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace mlir::compress {

/// A part as vendors name it, and how many there are in it of what circuits are made of; `bram18` are block RAMs of
/// 18 Kbit. The numbers are assumed; `source` says from where they are.
struct Part {
  std::string device, name, source;
  int64_t lut = 0, ff = 0, dsp = 0, bram18 = 0;

  /// Bits that its block RAMs hold.
  int64_t blockBits() const { return bram18 * 18 * 1024; }

  /// A device such as `xc7z020`, or a part of it in any package and speed, such as `xc7z020clg400-1`. Without a known
  /// device, an error that lists those there are.
  static llvm::Expected<Part> get(llvm::StringRef text);
};

} // namespace mlir::compress

#endif // COMPRESS_TARGET_HLS_PARTS_H
