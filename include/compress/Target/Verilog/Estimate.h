//===- Estimate.h - What a scheduled network takes -------------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_VERILOG_ESTIMATE_H
#define COMPRESS_TARGET_VERILOG_ESTIMATE_H

#include "compress/Dialect/HLS/Transforms/Schedule.h"

namespace mlir::compress {

/// Parts of 7 series, as Yosys (synth_xilinx -nosrl) makes them of printVerilog: DSP48E1, RAMB18E1 (RAMB36E1 counts
/// twice), LUTs with those of memories, flip-flops.
struct Resources {
  int64_t dsp = 0, bram18 = 0, lut = 0, ff = 0;

  Resources &operator+=(const Resources &other) {
    dsp += other.dsp;
    bram18 += other.bram18;
    lut += other.lut;
    ff += other.ff;
    return *this;
  }
};

/// RAMB18E1 of a memory of `words` of `width` bits with one port to write and one to read, in the shape that takes
/// fewest.
int64_t blockRamsFor(int64_t words, int64_t width);

/// A task with its banks and the streams before it, of `depths`.
Resources estimate(const hls::TaskSchedule &task, llvm::ArrayRef<int64_t> depths);
/// A stream.
Resources estimateStream(int64_t depth, int64_t width);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_VERILOG_ESTIMATE_H
