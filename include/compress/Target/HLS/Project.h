//===- Project.h - The files of an HLS project -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_HLS_PROJECT_H
#define COMPRESS_TARGET_HLS_PROJECT_H

#include "compress/Target/HLS/Parts.h"
#include "compress/Target/HLS/Samples.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::compress {

/// A file of a project: its path in it, and what it holds.
struct ProjectFile {
  std::string path, contents;
};

/// What the scripts of a project say.
struct ProjectOptions {
  /// The function to synthesize.
  std::string top;
  /// For which device, at which clock: neither changes the code.
  Part part;
  double clockMHz = 200;
  /// AXI4-Stream ports; else arrays (ap_memory).
  bool hasStreams = true;
  /// Bits of the data of a beat, 8 to 64, that holds as many numbers as fit; 0: one number, in whole bytes.
  int64_t beatBits = 0;
  /// Verilog beside the C++, which simulates to the same numbers: the schedule of the module is that of a chain of
  /// tasks.
  bool hasRTL = false;
  /// Of each layer, by its name: operations of the dense layer that it stands for.
  llvm::StringMap<int64_t> denseOperations;
};

/// Operations on a sample of the layers of `module` with constant weights, as before select, by their names: two for
/// each number of the dense weight and each place where it is used.
llvm::StringMap<int64_t> countDenseOperations(ModuleOp module);

/// The project of `module`, a network of exact integers as compress-hls-schedule leaves it: C++, a test bench
/// with what the integer reference computes of `tests`, headers to simulate with, scripts, report.json and report.html.
/// The module is not changed. An error says so if its numbers do not fit the part's block RAM.
llvm::Expected<std::vector<ProjectFile>> makeProject(ModuleOp module, const Samples &tests,
                                                     const ProjectOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_HLS_PROJECT_H
