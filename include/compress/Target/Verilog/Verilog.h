//===- Verilog.h - Scheduled networks as Verilog ---------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_VERILOG_VERILOG_H
#define COMPRESS_TARGET_VERILOG_VERILOG_H

#include "compress/Dialect/HLS/Transforms/Schedule.h"
#include <string>
#include <vector>

namespace mlir::compress {

/// A file with Verilog or with the numbers of a memory.
struct VerilogFile {
  std::string name, contents;
};

/// A network with a schedule as Verilog-2005: a module for each task, the streams between them, and `top`, with ports
///
///     clk, rst (synchronous), in_data, in_valid, in_ready, out_data, out_valid, out_ready
///
/// one number a cycle at most, in the order of the tensors. Memories are read from files beside it by $readmemh.
std::vector<VerilogFile> printVerilog(const hls::NetworkSchedule &schedule, llvm::StringRef top);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_VERILOG_VERILOG_H
