//===- Options.h - What compress-compile is asked for ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_OPTIONS_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_OPTIONS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <cstdint>
#include <string>

namespace mlir::compress {

/// What to write.
enum class Emit { Library, MLIR, ONNX, Affine, LLVM, Assembly, Object };

/// For what to write it.
enum class Target { CPU, HLS };

struct CompileOptions {
  std::string model, directory, name, force, report;
  /// Processors, separated by commas, and the machine; empty for this one.
  std::string cpus, triple;
  /// Rules of compress-fit; empty for none.
  std::string compress;
  /// Samples, a .npy file, by which compress-fit weighs errors and from which Target::HLS takes ranges; empty for none.
  std::string calibration;
  /// How ranges of activations of 8 bits are chosen, as obtain::RangeRule reads it; empty: activations stay f32.
  std::string activations;
  /// What forms are chosen by: time or bytes.
  std::string objective = "time";
  /// A preset, `native` or a file, as Machine::get takes it.
  std::string machine;
  /// Of constant weights: f32, bf16, i8 or auto, and what auto may lose of them.
  std::string precision = "f32";
  double maxError = 0;
  Emit emit = Emit::Library;
  Target target = Target::CPU;
  /// Samples of the test bench of Target::HLS; empty for those of `calibration`.
  std::string testData;
  /// Widths by layers, as convert-compress-to-fixed-point takes them.
  std::string fixedPoint;
  /// `row-major` or `channels-last`.
  std::string hlsInputOrder = "row-major";
  /// Bits of the data of a beat of a port; 0: one number.
  int64_t hlsBeatBits = 0;
  /// Ports of Target::HLS, stream or memory; its device or part; its clock.
  std::string hlsPorts = "stream", hlsDevice = "xczu7ev";
  double clockMHz = 200;
  /// Verilog beside the C++ of Target::HLS, and the lanes of its sums.
  bool hlsRTL = false;
  int64_t hlsLanes = 0;
  int64_t targetInterval = 0;
  bool dropDeadChannels = false, expand = false, reference = false, quiet = false, memoryReport = false;
  /// Count ticks per layer.
  bool profile = false;
  /// 0: a run-time value.
  int64_t batch = 0;
  /// Of inputs of an ONNX file, by name; kDynamic for the batch.
  llvm::StringMap<llvm::SmallVector<int64_t>> shapes;
  int64_t maxBatch = 64;
  /// 0: as many floats as a register of the processor holds.
  int64_t vectorLanes = 0;
};

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_OPTIONS_H
