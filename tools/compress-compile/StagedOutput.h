//===- StagedOutput.h - Files that appear together, or not at all ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_STAGEDOUTPUT_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_STAGEDOUTPUT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace mlir::compress {

/// Writes files beside their places under names of their own, and renames all of them at the end. What was there before
/// stays as it is until then; if something fails, nothing is left behind.
class StagedOutput {
public:
  ~StagedOutput();

  /// Creates `directory` if there is none.
  llvm::Error createDirectory(llvm::StringRef directory);

  /// The path to write to now for the file `path` later.
  std::string stage(llvm::StringRef path);
  /// Writes `contents`; returns where they are now.
  llvm::Expected<std::string> write(llvm::StringRef path, llvm::StringRef contents);

  llvm::Error commit();

private:
  struct File {
    std::string temporary, path;
  };
  std::vector<File> files;
  /// In the order in which they were made.
  std::vector<std::string> createdDirectories;
};

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_STAGEDOUTPUT_H
