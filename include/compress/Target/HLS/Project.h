//===- Project.h - The files of an HLS project -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_HLS_PROJECT_H
#define COMPRESS_TARGET_HLS_PROJECT_H

#include "compress/Target/HLS/Samples.h"
#include "mlir/IR/BuiltinOps.h"
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
  std::string part = "xczu7ev-ffvc1156-2-e";
  double clockMHz = 200;
};

/// The project of `module`, a network of exact integers as convert-compress-to-fixed-point leaves it: C++, a test bench
/// with what the integer reference computes of `tests`, headers to simulate with, scripts, and report.json. The module
/// is not changed.
llvm::Expected<std::vector<ProjectFile>> makeProject(ModuleOp module, const Samples &tests,
                                                     const ProjectOptions &options);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_HLS_PROJECT_H
