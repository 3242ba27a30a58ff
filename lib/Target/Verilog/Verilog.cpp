//===- Verilog.cpp - Scheduled networks as Verilog -------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Verilog/Verilog.h"
#include "TaskPrinter.h"

#include "Stream.inc"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::hls;

/// The instance of stream `number`.
static std::string printStream(size_t number, int64_t width, int64_t depth) {
  std::string n = std::to_string(number);
  return "  wire " + rangeOf(width) + "g" + n + "_data, s" + n + "_data;\n  wire g" + n + "_valid, g" + n +
         "_ready, s" + n + "_take;\n  wire " + rangeOf(bitsOf(depth)) + "s" + n +
         "_count;\n  compress_stream #(.WIDTH(" + std::to_string(width) + "), .DEPTH(" + std::to_string(depth) +
         "), .BITS(" + std::to_string(bitsOf(depth)) + "), .PLACE(" + std::to_string(bitsOf(depth - 1)) + ")) stream" +
         n + " (.clk(clk), .rst(rst), .in_data(g" + n + "_data), .in_valid(g" + n + "_valid), .in_ready(g" + n +
         "_ready), .out_data(s" + n + "_data), .count(s" + n + "_count), .take(s" + n + "_take));\n";
}

/// The instance of task `t`, between its streams.
static std::string printTask(size_t t, const TaskSchedule &task) {
  std::string text = "  " + task.name().str() + " task" + std::to_string(t) + " (.clk(clk), .rst(rst)";
  auto connect = [&](const std::string &port, const std::string &to) { text += ", ." + port + "(" + to + ")"; };
  for (auto [i, stream] : llvm::enumerate(task.inStreams)) {
    std::string in = endName("in", i), from = "s" + std::to_string(stream);
    connect(in + "_data", from + "_data");
    if (task.isStreamed)
      connect(in + "_count", from + "_count");
    else
      connect(in + "_valid", from + "_count != 0");
    connect(in + "_take", from + "_take");
  }
  for (auto [o, stream] : llvm::enumerate(task.outStreams)) {
    std::string out = endName("out", o), to = "g" + std::to_string(stream);
    for (const char *what : {"_data", "_valid", "_ready"})
      connect(out + what, to + what);
  }
  return text + ");\n";
}

std::vector<VerilogFile> mlir::compress::printVerilog(const NetworkSchedule &schedule, StringRef top) {
  std::vector<VerilogFile> files;
  std::string modules = kStreamModule, body;
  SmallVector<func::FuncOp> roundings;
  for (auto [t, task] : llvm::enumerate(schedule.tasks)) {
    TaskPrinter printer(task, schedule.depthsBefore(task));
    modules += "\n" + printer.print();
    llvm::append_range(files, printer.files);
    for (func::FuncOp rounding : printer.roundings)
      if (!llvm::is_contained(roundings, rounding))
        roundings.push_back(rounding);
    body += printTask(t, task);
  }
  for (func::FuncOp rounding : roundings)
    modules += "\n" + printRounding(rounding);
  std::string text = "\nmodule " + top.str() + " (\n  input clk, input rst,\n  input " +
                     rangeOf(schedule.streamWidths.front()) + "in_data, input in_valid, output in_ready,\n  output " +
                     rangeOf(schedule.streamWidths[schedule.result]) +
                     "out_data, output out_valid, input out_ready\n);\n";
  for (size_t s = 0; s < schedule.depths.size(); ++s)
    text += printStream(s, schedule.streamWidths[s], schedule.depths[s]);
  std::string last = "s" + std::to_string(schedule.result);
  text += "  assign g0_data = in_data, g0_valid = in_valid, in_ready = g0_ready;\n  assign out_data = " + last +
          "_data, out_valid = " + last + "_count != 0, " + last + "_take = out_valid & out_ready;\n" + body +
          "endmodule\n";
  files.insert(files.begin(),
               {top.str() + ".v", "// Made by compress-compile from the schedule. Verilog-2005.\n" + modules + text});
  return files;
}
