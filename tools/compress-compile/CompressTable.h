//===- CompressTable.h - What compressing did to each layer ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   layer     scheme               numbers        bytes           error  multiplies    adds     us  form
//   /7/Gemm   smartdeal(0.7)        524288 534528  2097152 267264  0.3012     524288  524288  12.30  rebuild
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_COMPRESSTABLE_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_COMPRESSTABLE_H

#include "compress/Analysis/Machine.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/JSON.h"
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

struct LayerRemark;

/// One weight of the network.
struct CompressedLayer {
  std::string name, scheme;
  int64_t numbersBefore = 0, numbersAfter = 0, bytesBefore = 0, bytesAfter = 0, bytesInt8 = 0, bytesInt4 = 0;
  double relativeError = 0;
  /// Of the layer's output, if there was calibration.
  std::optional<double> outputError;
  /// How it is computed, and what that takes per sample; nothing where nothing was lowered.
  std::string form;
  double multiplies = 0, adds = 0;
  std::optional<double> microseconds;
  /// What the dense layer should take with weights and products of 8 bits.
  double microsecondsInt8 = 0;
};

/// The layers that `compress-fit` looked at, in their order, with the forms that `compress-select` gave them.
class CompressTable {
public:
  /// `isLowered`: forms were selected, what no remark names is dense.
  CompressTable(llvm::ArrayRef<LayerRemark> remarks, const Machine &machine, bool isLowered);

  bool empty() const { return layers.empty(); }
  /// The table and totals against floats, int8 and int4 in groups of 32.
  std::string text() const;
  llvm::json::Object json() const;

private:
  CompressedLayer total() const;

  std::vector<CompressedLayer> layers;
};

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_COMPRESSTABLE_H
