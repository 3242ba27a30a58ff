//===- Report.h - What compress-compile did -------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_COMPILE_REPORT_H
#define COMPRESS_TOOLS_COMPRESS_COMPILE_REPORT_H

#include "CompressTable.h"
#include "Options.h"
#include "compress/Analysis/Machine.h"
#include "compress/Target/CInterface.h"
#include "compress/Target/NativeLibrary.h"
#include "mlir/IR/MLIRContext.h"
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mlir::compress {

/// A remark of a pass on a layer.
struct LayerRemark {
  /// `select`, `fit`, …; and `passed`, `missed` or `analysis`.
  std::string pass, kind;
  std::string layer, text;
  /// Figures by name: `relative_error`, `bytes_before`, …; and words: `scheme`, `form`.
  std::vector<std::pair<std::string, double>> figures;
  std::vector<std::pair<std::string, std::string>> words;

  bool hasFigure(StringRef name) const { return find(figures, name); }
  /// 0 and empty where there is none.
  double figure(StringRef name) const { return hasFigure(name) ? find(figures, name)->second : 0; }
  std::string word(StringRef name) const { return find(words, name) ? find(words, name)->second : std::string(); }

private:
  template <typename T>
  static const std::pair<std::string, T> *find(const std::vector<std::pair<std::string, T>> &pairs, StringRef name) {
    auto it = llvm::find_if(pairs, [&](const auto &pair) { return pair.first == name; });
    return it == pairs.end() ? nullptr : &*it;
  }
};

/// Prints phases and remarks as they come, and keeps all for `--report`.
class Report {
public:
  Report(const CompileOptions &options, const TargetPlatform &platform, ArrayRef<TargetCPU> cpus,
         const Machine &machine, int numPhases);

  /// Takes the remarks of the passes that run in `context` from now on.
  void listen(MLIRContext &context);

  /// Runs `work` as one phase; returns what it returns.
  template <typename Work>
  auto phase(const std::string &name, Work work) {
    start(name);
    auto result = work();
    finish();
    return result;
  }

  /// The figures of the library, when it is made.
  std::optional<CInterface> interface;
  int64_t weightBytes = 0, libraryBytes = 0;
  /// Bytes of the weights by their element type; what weightBytes has beyond their sum aligns them.
  std::map<std::string, int64_t> weightsByType;

  /// weightsByType, and what aligns them as `padding`.
  std::map<std::string, int64_t> weightParts() const;

  void printSummary();
  std::string json() const;

  void add(LayerRemark remark) { remarks.push_back(std::move(remark)); }

private:
  struct Phase {
    std::string name;
    double seconds;
  };

  /// What compressing did, if it was asked for.
  CompressTable compressTable() const;
  void start(const std::string &name);
  void finish();

  const CompileOptions &options;
  const TargetPlatform &platform;
  ArrayRef<TargetCPU> cpus;
  const Machine &machine;
  int numPhases;
  std::chrono::steady_clock::time_point started;
  std::vector<Phase> phases;
  std::vector<LayerRemark> remarks;
  size_t numPrinted = 0;
};

} // namespace mlir::compress

#endif // COMPRESS_TOOLS_COMPRESS_COMPILE_REPORT_H
