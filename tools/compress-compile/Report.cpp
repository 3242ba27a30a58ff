//===- Report.cpp - What compress-compile did -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::compress;

/// Version of the JSON document.
static constexpr int64_t kReportVersion = 1;

Report::Report(const CompileOptions &options, const TargetPlatform &platform, ArrayRef<TargetCPU> cpus,
               const Machine &machine, int numPhases)
    : options(options), platform(platform), cpus(cpus), machine(machine), numPhases(numPhases) {
  if (options.quiet)
    return;
  llvm::errs() << "compiling " << options.model << " for " << (platform.isHost() ? "" : platform.triple.str() + ", ");
  llvm::interleaveComma(cpus, llvm::errs(), [](const TargetCPU &cpu) {
    llvm::errs() << llvm::formatv("{0} ({1}-bit vectors)", cpu.name, cpu.vectorBytes * 8);
  });
  llvm::errs() << "\n";
  if (!options.expand && !options.reference)
    llvm::errs() << "costs are those of " << machine.summary() << " (" << machine.source << ")\n";
}

//===----------------------------------------------------------------------===//
// Remarks
//===----------------------------------------------------------------------===//

namespace {
/// Hands the remarks of category `compress` to the report.
class Listener : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Listener(Report &report) : report(report) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    std::string layer;
    if (auto name = dyn_cast<NameLoc>(remark.getLocation()))
      layer = name.getName().str();
    std::string kind = remark.getRemarkType() == llvm::remarks::Type::Passed   ? "passed"
                       : remark.getRemarkType() == llvm::remarks::Type::Missed ? "missed"
                                                                               : "analysis";
    std::string text;
    std::vector<std::pair<std::string, double>> figures;
    std::vector<std::pair<std::string, std::string>> words;
    for (const auto &argument : remark.getArgs()) {
      // Text has the keys of MLIR; figures and words (remark::metric) their own.
      double figure;
      if (llvm::is_contained({"String", "Remark", "Reason", "Suggestion"}, argument.key))
        text += (text.empty() ? "" : "; ") + argument.val;
      else if (!StringRef(argument.val).getAsDouble(figure))
        figures.emplace_back(argument.key, figure);
      else
        words.emplace_back(argument.key, argument.val);
    }
    report.add({remark.getRemarkName().str(), kind, layer, text, std::move(figures), std::move(words)});
  }

private:
  Report &report;
};
} // namespace

void Report::listen(MLIRContext &context) {
  remark::RemarkCategories categories;
  categories.passed = categories.missed = categories.analysis = categories.failed = "compress";
  (void)remark::enableOptimizationRemarks(context, std::make_unique<Listener>(*this),
                                          std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}

//===----------------------------------------------------------------------===//
// Progress
//===----------------------------------------------------------------------===//

void Report::start(const std::string &name) {
  phases.push_back({name, 0});
  started = std::chrono::steady_clock::now();
  if (!options.quiet)
    llvm::errs() << llvm::formatv("[{0}/{1}] {2,-28}", phases.size(), numPhases, name);
}

void Report::finish() {
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
  phases.back().seconds = elapsed.count();
  if (options.quiet)
    return;
  llvm::errs() << llvm::formatv("{0,8:f3} s\n", elapsed.count());
  for (; numPrinted < remarks.size(); ++numPrinted) {
    const LayerRemark &remark = remarks[numPrinted];
    if (remark.pass == "memory-report" && !options.memoryReport)
      continue; // asked for in the file only
    llvm::errs() << "      " << (remark.kind == "missed" ? "! " : "  ") << remark.layer
                 << (remark.layer.empty() ? "" : ": ") << remark.text << "\n";
  }
}

CompressTable Report::compressTable() const {
  return {remarks, machine, options.emit != Emit::MLIR && !options.expand && !options.reference};
}

void Report::printSummary() {
  if (options.quiet)
    return;
  if (!options.compress.empty())
    llvm::errs() << compressTable().text();
  if (!interface)
    return;
  llvm::errs() << llvm::formatv("weights {0} bytes, library {1} bytes, workspace {2} bytes", weightBytes, libraryBytes,
                                interface->workspaceBytesMost);
  if (interface->isDynamic)
    llvm::errs() << llvm::formatv(" ({0} for one sample)", interface->workspaceBytesOne);
  llvm::errs() << "\n";
  if (weightBytes == 0)
    return;
  const char *separator = "weights are ";
  for (const auto &[type, bytes] : weightParts()) {
    llvm::errs() << separator << bytes << " bytes of " << type;
    separator = ", ";
  }
  llvm::errs() << "\n";
}

std::map<std::string, int64_t> Report::weightParts() const {
  std::map<std::string, int64_t> parts(weightsByType);
  int64_t sum = 0;
  for (const auto &[type, bytes] : parts)
    sum += bytes;
  if (weightBytes > sum)
    parts["padding"] = weightBytes - sum;
  return parts;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static llvm::json::Array tensorsToJSON(ArrayRef<CTensor> tensors) {
  llvm::json::Array array;
  for (const CTensor &tensor : tensors) {
    llvm::json::Array shape;
    for (int64_t extent : tensor.type.getShape())
      shape.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
    array.push_back(llvm::json::Object{{"name", tensor.name}, {"type", tensor.cType()}, {"shape", std::move(shape)}});
  }
  return array;
}

static llvm::json::Object machineToJSON(const Machine &machine) {
  llvm::json::Object object{{"name", machine.name}, {"source", machine.source}};
  for (const MachineKey &key : machineKeys())
    std::visit([&](auto member) { object[key.name] = machine.*member; }, key.member);
  return object;
}

std::string Report::json() const {
  llvm::json::Array phaseRows, layerRows, variantRows;
  for (const TargetCPU &cpu : cpus)
    variantRows.push_back(llvm::json::Object{{"target_cpu", cpu.name},
                                             {"vector_bytes", cpu.vectorBytes},
                                             {"extensions", llvm::json::Array(cpu.extensions)}});
  for (const Phase &phase : phases)
    phaseRows.push_back(llvm::json::Object{{"name", phase.name}, {"seconds", phase.seconds}});
  for (const LayerRemark &remark : remarks) {
    llvm::json::Object row{
        {"layer", remark.layer}, {"pass", remark.pass}, {"kind", remark.kind}, {"text", remark.text}};
    for (const auto &[name, figure] : remark.figures)
      row[name] = figure;
    for (const auto &[name, word] : remark.words)
      row[name] = word;
    layerRows.push_back(std::move(row));
  }
  llvm::json::Object root{{"version", kReportVersion},
                          {"model", options.model},
                          {"name", options.name},
                          {"target_triple", platform.triple.str()},
                          {"target_cpu", cpus.front().name},
                          {"vector_bytes", cpus.front().vectorBytes},
                          {"variants", std::move(variantRows)},
                          {"machine", machineToJSON(machine)},
                          {"form", options.reference ? "reference"
                                   : options.expand  ? "expanded"
                                                     : "selected"},
                          {"phases", std::move(phaseRows)},
                          {"layers", std::move(layerRows)}};
  if (!options.compress.empty())
    root["compressed"] = compressTable().json();
  if (interface) {
    root["inputs"] = tensorsToJSON(interface->inputs);
    root["outputs"] = tensorsToJSON(interface->outputs);
    root["max_batch"] = interface->maxBatch;
    root["workspace_bytes"] =
        llvm::json::Object{{"one_sample", interface->workspaceBytesOne}, {"most", interface->workspaceBytesMost}};
    root["weight_bytes"] = weightBytes;
    llvm::json::Object parts;
    for (const auto &[type, bytes] : weightParts())
      parts[type] = bytes;
    root["weights"] = std::move(parts);
    root["library_bytes"] = libraryBytes;
  }
  return llvm::formatv("{0:2}\n", llvm::json::Value(std::move(root))).str();
}
