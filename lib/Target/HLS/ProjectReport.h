//===- ProjectReport.h - What is known of an HLS project -------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_TARGET_HLS_PROJECTREPORT_H
#define COMPRESS_LIB_TARGET_HLS_PROJECTREPORT_H

#include "compress/Kernel/Requantize.h"
#include "compress/Target/HLS/Project.h"
#include "compress/Target/Verilog/Estimate.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"

namespace mlir::compress {

/// A port of the network.
struct HLSPort {
  std::string name;
  SmallVector<int64_t> shape;
  kernel::FixedFormat format;
  int64_t size = 0;
  /// Dimensions in the order in which numbers come, outermost first; empty: row-major.
  SmallVector<int64_t> order = {};

  /// Of a stream: bits that a number takes in a beat, whole bytes, and numbers of a beat.
  int64_t slotBits = 8, beatNumbers = 1;

  int64_t beatBits() const { return slotBits * beatNumbers; }
};

/// Counts of a network of exact integers, and what a part has for them. Every number says where it comes from.
class HLSReport {
public:
  HLSReport(ModuleOp module, const ProjectOptions &options, const HLSPort &input, const HLSPort &result,
            int64_t numTests, const hls::NetworkSchedule *schedule);

  /// An error, with the figures, if ROMs and buffers have more bits than the part's block RAMs, or the Verilog more
  /// multipliers than the part has.
  llvm::Error checkBudget() const;
  std::string json() const;
  /// The same as one page without references to others.
  std::string html() const;

private:
  ProjectOptions options;
  void addSchedule(const hls::NetworkSchedule &schedule, llvm::json::Array &steps);
  void addLayers(ModuleOp module, const hls::NetworkSchedule *schedule, const llvm::json::Array &steps);

  int64_t romBits = 0, bufferBits = 0;
  /// Of the Verilog.
  Resources resources;
  llvm::json::Object root;
};

} // namespace mlir::compress

#endif // COMPRESS_LIB_TARGET_HLS_PROJECTREPORT_H
