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

/// The instance of the stream before task `t`.
static std::string printStream(size_t t, int64_t width, int64_t depth) {
  std::string n = std::to_string(t);
  return "  wire " + rangeOf(width) + "g" + n + "_data, s" + n + "_data;\n  wire g" + n + "_valid, g" + n +
         "_ready, s" + n + "_take;\n  wire " + rangeOf(bitsOf(depth)) + "s" + n +
         "_count;\n  compress_stream #(.WIDTH(" + std::to_string(width) + "), .DEPTH(" + std::to_string(depth) +
         "), .BITS(" + std::to_string(bitsOf(depth)) + "), .PLACE(" + std::to_string(bitsOf(depth - 1)) + ")) stream" +
         n + " (.clk(clk), .rst(rst), .in_data(g" + n + "_data), .in_valid(g" + n + "_valid), .in_ready(g" + n +
         "_ready), .out_data(s" + n + "_data), .count(s" + n + "_count), .take(s" + n + "_take));\n";
}

std::vector<VerilogFile> mlir::compress::printVerilog(const NetworkSchedule &schedule, StringRef top) {
  std::vector<VerilogFile> files;
  std::string modules = kStreamModule, body;
  SmallVector<func::FuncOp> roundings;
  for (auto [t, task] : llvm::enumerate(schedule.tasks)) {
    TaskPrinter printer(task, schedule.depths[t]);
    modules += "\n" + printer.print();
    llvm::append_range(files, printer.files);
    for (func::FuncOp rounding : printer.roundings)
      if (!llvm::is_contained(roundings, rounding))
        roundings.push_back(rounding);
    std::string in = "s" + std::to_string(t), out = "g" + std::to_string(t + 1);
    func::FuncOp step = task.step;
    body += "  " + step.getName().str() + " task" + std::to_string(t) + " (.clk(clk), .rst(rst), .in_data(" + in +
            "_data), " + (task.isStreamed ? ".in_count(" + in + "_count)" : ".in_valid(" + in + "_count != 0)") +
            ", .in_take(" + in + "_take), .out_data(" + out + "_data), .out_valid(" + out + "_valid), .out_ready(" +
            out + "_ready));\n";
  }
  for (func::FuncOp rounding : roundings)
    modules += "\n" + printRounding(rounding);
  int64_t inWidth = schedule.tasks.front().inputWidth, outWidth = schedule.tasks.back().outputWidth;
  std::string text = "\nmodule " + top.str() + " (\n  input clk, input rst,\n  input " + rangeOf(inWidth) +
                     "in_data, input in_valid, output in_ready,\n  output " + rangeOf(outWidth) +
                     "out_data, output out_valid, input out_ready\n);\n";
  for (size_t t = 0; t < schedule.depths.size(); ++t)
    text += printStream(t, t < schedule.tasks.size() ? schedule.tasks[t].inputWidth : outWidth, schedule.depths[t]);
  std::string last = "s" + std::to_string(schedule.tasks.size());
  text += "  assign g0_data = in_data, g0_valid = in_valid, in_ready = g0_ready;\n  assign out_data = " + last +
          "_data, out_valid = " + last + "_count != 0, " + last + "_take = out_valid & out_ready;\n" + body +
          "endmodule\n";
  files.insert(files.begin(),
               {top.str() + ".v", "// Made by compress-compile from the schedule. Verilog-2005.\n" + modules + text});
  return files;
}
