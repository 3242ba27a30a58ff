//===- StagedOutput.cpp - Files that appear together ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StagedOutput.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::compress;

static llvm::Error fileError(llvm::StringRef path, std::error_code code) {
  return llvm::createStringError(code, "'" + path + "' cannot be written: " + code.message());
}

StagedOutput::~StagedOutput() {
  for (const File &file : files)
    llvm::sys::fs::remove(file.temporary);
  for (auto directory = createdDirectories.rbegin(); directory != createdDirectories.rend(); ++directory)
    llvm::sys::fs::remove(*directory); // stays if something is in it
}

llvm::Error StagedOutput::createDirectory(llvm::StringRef directory) {
  if (llvm::sys::fs::is_directory(directory))
    return llvm::Error::success();
  if (auto code = llvm::sys::fs::create_directories(directory))
    return fileError(directory, code);
  createdDirectories.push_back(directory.str());
  return llvm::Error::success();
}

std::string StagedOutput::stage(llvm::StringRef path) {
  std::string temporary = path.str() + ".tmp" + std::to_string(llvm::sys::Process::getProcessId());
  files.push_back({temporary, path.str()});
  return temporary;
}

llvm::Expected<std::string> StagedOutput::write(llvm::StringRef path, llvm::StringRef contents) {
  std::error_code code;
  std::string temporary = stage(path);
  llvm::raw_fd_ostream os(temporary, code);
  if (code)
    return fileError(path, code);
  os << contents;
  os.close();
  if (os.has_error()) {
    code = os.error();
    os.clear_error();
    return fileError(path, code);
  }
  return temporary;
}

llvm::Error StagedOutput::commit() {
  for (const File &file : files)
    if (auto code = llvm::sys::fs::rename(file.temporary, file.path))
      return fileError(file.path, code);
  files.clear();
  createdDirectories.clear();
  return llvm::Error::success();
}
