//===- ProjectReport.cpp - What is known of an HLS project -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProjectReport.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/Compress/IR/Layers.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace mlir;
using namespace mlir::compress;

static constexpr const char *kCounted = "counted from the integer loops";

static llvm::json::Object labelled(llvm::json::Value value, StringRef label) {
  return llvm::json::Object{{"value", std::move(value)}, {"label", label}};
}

static llvm::json::Object describe(const HLSPort &port, bool hasStreams) {
  llvm::json::Object object{{"name", port.name},
                            {"shape", llvm::json::Array(port.shape)},
                            {"bits", port.format.width},
                            {"fraction", port.format.fraction}};
  if (hasStreams)
    object["beat_bits"] = port.beatBits();
  if (hasStreams && port.beatNumbers > 1)
    object["beat_numbers"] = port.beatNumbers;
  if (!port.order.empty())
    object["order"] = llvm::json::Array(port.order);
  return object;
}

static int64_t bitsOf(MemRefType type) { return type.getNumElements() * type.getElementTypeBitWidth(); }

namespace {
/// What one step does.
struct StepCounts {
  int64_t multiplications = 0, shifts = 0, additions = 0, roundings = 0, romBits = 0;

  explicit StepCounts(func::FuncOp function) {
    function.walk([&](Operation *op) {
      int64_t trips = 1;
      for (auto loop = op->getParentOfType<affine::AffineForOp>(); loop;
           loop = loop->getParentOfType<affine::AffineForOp>())
        trips *= llvm::divideCeil(loop.getConstantUpperBound() - loop.getConstantLowerBound(), loop.getStepAsInt());
      if (isa<arith::MulIOp>(op))
        multiplications += trips;
      // The sign of a code: one for each product that is no multiplication.
      if (auto compare = dyn_cast<arith::CmpIOp>(op); compare && compare.getPredicate() == arith::CmpIPredicate::slt)
        shifts += trips;
      if (isa<arith::AddIOp, arith::SubIOp>(op) && !op->getResult(0).getType().isIndex())
        additions += trips;
      if (isa<func::CallOp>(op))
        roundings += trips;
      if (auto get = dyn_cast<memref::GetGlobalOp>(op))
        romBits += bitsOf(get.getType());
    });
  }

  llvm::json::Object toJSON() const {
    return llvm::json::Object{{"multiplications", labelled(multiplications, kCounted)},
                              {"shift_products", labelled(shifts, kCounted)},
                              {"additions", labelled(additions, kCounted)},
                              {"roundings", labelled(roundings, kCounted)},
                              {"rom_bits", labelled(romBits, kCounted)}};
  }
};
} // namespace

/// How a step gets what it reads.
static std::string describeInputs(ModuleOp module, hls::TaskOp task, bool arePorts) {
  std::string text;
  for (Value buffer : task.getInputs()) {
    BufferInCpp inCpp = bufferInCpp(module, buffer, arePorts);
    text += text.empty() ? "" : "; ";
    if (inCpp.isStream) {
      text += "stream of depth " + std::to_string(inCpp.depth);
      text += inCpp.window ? ", window of " + std::to_string(inCpp.window) + " words" : "";
    } else {
      text += "array of " + std::to_string(cast<MemRefType>(buffer.getType()).getNumElements());
      text += inCpp.memories > 1 ? " in " + std::to_string(inCpp.memories) + " memories" : "";
    }
  }
  return text;
}

HLSReport::HLSReport(ModuleOp module, const ProjectOptions &options, const HLSPort &input, const HLSPort &result,
                     int64_t numTests, const hls::NetworkSchedule *schedule)
    : options(options) {
  auto network = module.lookupSymbol<func::FuncOp>("main");
  llvm::json::Array steps;
  int64_t multiplications = 0, shifts = 0;
  for (hls::TaskOp task : network.getOps<hls::TaskOp>()) {
    StepCounts counts(module.lookupSymbol<func::FuncOp>(task.getStep()));
    multiplications += counts.multiplications;
    shifts += counts.shifts;
    romBits += counts.romBits;
    llvm::json::Object step = counts.toJSON();
    step["name"] = task.getStep();
    step["input"] = describeInputs(module, task, options.hasStreams);
    steps.push_back(std::move(step));
  }
  SmallVector<Value> buffers(network.getOps<hls::BufferOp>());
  llvm::append_range(buffers, network.getOps<hls::StreamOp>());
  if (options.hasStreams) // else ports, which are outside
    buffers.append(network.args_begin(), network.args_end());
  int64_t numStreams = 0;
  for (Value buffer : buffers) {
    BufferInCpp inCpp = bufferInCpp(module, buffer, options.hasStreams);
    bufferBits += inCpp.bits;
    numStreams += inCpp.isStream;
  }
  const Part &part = options.part;
  llvm::json::Object budget{{"dsp", labelled(part.dsp, "assumed")},
                            {"bram18", labelled(part.bram18, "assumed")},
                            {"lut", labelled(part.lut, "assumed")},
                            {"ff", labelled(part.ff, "assumed")},
                            {"source", part.source}};
  root = llvm::json::Object{
      {"version", 2},
      {"top", options.top},
      {"ports", options.hasStreams ? "stream" : "memory"},
      {"input", describe(input, options.hasStreams)},
      {"result", describe(result, options.hasStreams)},
      {"test_samples", labelled(numTests, kCounted)},
      {"multiplications", labelled(multiplications, kCounted)},
      {"shift_products", labelled(shifts, kCounted)},
      {"rom_bits", labelled(romBits, kCounted)},
      {"buffer_bits", labelled(bufferBits, "counted from the C++: depths of streams, windows, arrays twice")},
      {"streams", labelled(numStreams, kCounted)},
      {"arrays", labelled(static_cast<int64_t>(buffers.size()) - numStreams, kCounted)},
      {"part", labelled(part.name, "assumed")},
      {"budget", std::move(budget)},
      {"clock_mhz", labelled(options.clockMHz, "assumed")},
      {"not_known", schedule
                        ? "whether the part reaches the clock, and power; what a vendor's tool makes of C++ or Verilog"
                        : "cycles, DSP, BRAM, LUT, timing and power of the C++: --hls-rtl has a model of the Verilog"}};
  if (schedule)
    addSchedule(*schedule, steps);
  addLayers(module, schedule, steps);
  root["steps"] = std::move(steps);
}

static llvm::json::Object describe(const Resources &resources) {
  static constexpr const char *kRule = "modelled: rules of Yosys 0.23 for 7 series",
                              *kSum = "modelled: sum over operations, errors in docs/HLS.md";
  return llvm::json::Object{{"dsp", labelled(resources.dsp, kRule)},
                            {"bram18", labelled(resources.bram18, kRule)},
                            {"lut", labelled(resources.lut, kSum)},
                            {"ff", labelled(resources.ff, kSum)}};
}

/// Adds the Verilog as a whole, and what each step of it takes.
void HLSReport::addSchedule(const hls::NetworkSchedule &schedule, llvm::json::Array &steps) {
  static constexpr const char *kScheduled = "modelled: the schedule; make rtlsim measures it";
  for (const hls::TaskSchedule &task : schedule.tasks) {
    SmallVector<int64_t> depths = schedule.depthsBefore(task);
    Resources ofTask = estimate(task, depths);
    resources += ofTask;
    llvm::json::Object rtl = describe(ofTask);
    rtl["interval"] = labelled(task.interval(), kScheduled);
    rtl["utilisation"] =
        labelled(static_cast<double>(task.iterations()) / static_cast<double>(schedule.interval), kScheduled);
    rtl["lanes"] = labelled(task.lanes(), kScheduled);
    rtl["stream_depth"] =
        labelled(depths.size() == 1 ? llvm::json::Value(depths[0]) : llvm::json::Array(depths), kScheduled);
    rtl["banks"] = labelled(static_cast<int64_t>(task.bankWords.size()), kScheduled);
    for (llvm::json::Value &step : steps)
      if (step.getAsObject()->getString("name") == task.name())
        (*step.getAsObject())["rtl"] = std::move(rtl);
  }
  resources += estimateStream(schedule.depths[schedule.result], schedule.streamWidths[schedule.result]);
  llvm::json::Object rtl = describe(resources);
  rtl["latency"] = labelled(schedule.latency, kScheduled);
  rtl["interval"] = labelled(schedule.interval, kScheduled);
  rtl["samples_per_second"] = labelled(options.clockMHz * 1e6 / static_cast<double>(schedule.interval),
                                       "modelled: the interval at the assumed clock");
  root["rtl"] = std::move(rtl);
}

llvm::StringMap<int64_t> mlir::compress::countDenseOperations(ModuleOp module) {
  llvm::StringMap<int64_t> operations;
  for (LinearConsumer &layer : findConstantLayers(module))
    operations[layerOf(layer.op.getLoc())] += 2 * std::llround(layer.denseCost(Machine()).multiplies);
  return operations;
}

/// Adds up `step`, of one layer, in what is known of the layer.
static void addStep(llvm::json::Object &layer, const llvm::json::Object &step) {
  auto add = [&](StringRef to, const llvm::json::Object &from, StringRef name) {
    const llvm::json::Object *number = from.getObject(name), *before = layer.getObject(to);
    int64_t sum = *number->getInteger("value") + (before ? *before->getInteger("value") : 0);
    layer[to] = labelled(sum, *number->getString("label"));
  };
  for (StringRef operation : {"multiplications", "shift_products", "additions"})
    add("operations", step, operation);
  add("rom_bits", step, "rom_bits");
  if (const llvm::json::Object *rtl = step.getObject("rtl"))
    for (StringRef resource : {"dsp", "bram18", "lut", "ff"})
      add(resource, *rtl, resource);
}

/// Adds what the steps of each layer take together, and how many operations that is.
void HLSReport::addLayers(ModuleOp module, const hls::NetworkSchedule *schedule, const llvm::json::Array &steps) {
  std::vector<std::pair<std::string, llvm::json::Object>> layers; // in the order of their first steps
  for (const llvm::json::Value &step : steps) {
    auto function = module.lookupSymbol<func::FuncOp>(*step.getAsObject()->getString("name"));
    std::string name = layerOf(function.getLoc());
    if (name.empty())
      continue;
    auto layer = llvm::find_if(layers, [&](const auto &pair) { return pair.first == name; });
    addStep(layer == layers.end() ? layers.emplace_back(name, llvm::json::Object()).second : layer->second,
            *step.getAsObject());
  }
  llvm::json::Array rows;
  for (auto &[name, layer] : layers) {
    layer["name"] = name;
    if (auto dense = options.denseOperations.find(name); dense != options.denseOperations.end())
      layer["dense_operations"] = labelled(dense->second, "counted from the dense weights");
    for (const char *what : {"operations", "dense_operations"})
      if (const llvm::json::Object *number = schedule ? layer.getObject(what) : nullptr)
        layer[std::string(what) + "_per_second"] =
            labelled(static_cast<double>(*number->getInteger("value")) * options.clockMHz * 1e6 /
                         static_cast<double>(schedule->interval),
                     "modelled: the interval of the network at the assumed clock");
    rows.push_back(std::move(layer));
  }
  root["layers"] = std::move(rows);
}

llvm::Error HLSReport::checkBudget() const {
  if (resources.dsp > options.part.dsp)
    return llvm::createStringError(llvm::formatv("the Verilog does not fit {0}: its products take {1} DSP48E1 "
                                                 "(modelled), more than the {2} of the part (assumed); choose "
                                                 "another --hls-device, or fewer --hls-lanes",
                                                 options.part.name, resources.dsp, options.part.dsp));
  if (resources.lut > options.part.lut)
    return llvm::createStringError(
        llvm::formatv("the Verilog does not fit {0}: it takes {1} LUTs (modelled), more than "
                      "the {2} of the part (assumed); choose another --hls-device, fewer "
                      "--hls-lanes, or a longer --target-interval",
                      options.part.name, resources.lut, options.part.lut));
  int64_t needed = romBits + bufferBits, has = options.part.blockBits();
  if (needed <= has)
    return llvm::Error::success();
  return llvm::createStringError(
      llvm::formatv("the network does not fit {0}: {1} bits of weights and {2} bits of buffers, {3} together, are more "
                    "than the {4} bits of its {5} block RAMs of 18 Kbit; choose another --hls-device, or fewer bits",
                    options.part.name, romBits, bufferBits, needed, has, options.part.bram18));
}

std::string HLSReport::json() const { return llvm::formatv("{0:2}\n", llvm::json::Value(llvm::json::Object(root))); }

//===----------------------------------------------------------------------===//
// The page
//===----------------------------------------------------------------------===//

static std::string escaped(StringRef text) {
  std::string result;
  for (char c : text)
    result += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return result;
}

static std::string plain(const llvm::json::Value &value) {
  if (auto text = value.getAsString())
    return escaped(*text);
  return escaped(llvm::formatv("{0}", value).str());
}

/// A cell with a number and, small, its label.
static std::string cell(const llvm::json::Value &value) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object || !object->get("label"))
    return "<td>" + plain(value) + "</td>";
  return "<td>" + plain(*object->get("value")) + " <small>" + plain(*object->get("label")) + "</small></td>";
}

/// Rows of what `object` says, with the names of what it is in before them.
static std::string rowsOf(const llvm::json::Object &object, const std::string &prefix) {
  std::map<std::string, const llvm::json::Value *> sorted;
  for (const auto &entry : object)
    sorted[entry.first.str()] = &entry.second;
  std::string rows;
  for (auto &[key, value] : sorted) {
    const llvm::json::Object *inner = value->getAsObject();
    if (key == "steps" || key == "layers")
      continue;
    if (inner && !inner->get("label"))
      rows += rowsOf(*inner, prefix + key + ".");
    else
      rows += "<tr><th>" + escaped(prefix + key) + "</th>" + cell(*value) + "</tr>\n";
  }
  return rows;
}

/// A table of `rows`: `columns` of each, and `more` of the object `part` in it, or of itself; empty cells where there
/// is none.
static std::string tableOf(const llvm::json::Array &rows, ArrayRef<StringRef> columns, ArrayRef<StringRef> more,
                           StringRef part) {
  std::string text = "<table>\n<tr>";
  for (StringRef column : columns)
    text += "<th>" + column.str() + "</th>";
  for (StringRef column : more)
    text += "<th>" + column.str() + "</th>";
  text += "</tr>\n";
  auto cellOf = [](const llvm::json::Object *object, StringRef column) {
    const llvm::json::Value *value = object ? object->get(column) : nullptr;
    return value ? cell(*value) : std::string("<td></td>");
  };
  for (const llvm::json::Value &row : rows) {
    const llvm::json::Object *object = row.getAsObject(), *inner = part.empty() ? object : object->getObject(part);
    text += "<tr>";
    for (StringRef column : columns)
      text += cellOf(object, column);
    for (StringRef column : more)
      text += cellOf(inner, column);
    text += "</tr>\n";
  }
  return text + "</table>\n";
}

std::string HLSReport::html() const {
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(options.top) +
      "</title>\n<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em "
      "0}th,td{border:1px solid #ccc;padding:.3em .6em;text-align:left}small{color:#666}</style></head>"
      "<body>\n<h1>" +
      escaped(options.top) +
      "</h1>\n<p>Each number says where it comes from. Nothing here was measured by a vendor's tool.</p>\n"
      "<table>\n" +
      rowsOf(root, "") + "</table>\n";
  static constexpr StringRef
      kLayers[] = {"name", "dense_operations", "operations", "rom_bits"},
      kLayersRTL[] = {"dense_operations_per_second", "operations_per_second", "dsp", "bram18", "lut", "ff"},
      kSteps[] = {"name", "input", "multiplications", "shift_products", "additions", "roundings", "rom_bits"},
      kStepsRTL[] = {"lanes", "interval", "utilisation", "dsp", "bram18", "lut", "ff"};
  bool hasRTL = root.get("rtl");
  text += "<h2>Layers</h2>\n" +
          tableOf(*root.getArray("layers"), kLayers, hasRTL ? kLayersRTL : ArrayRef<StringRef>(), "") +
          "<h2>Steps</h2>\n" +
          tableOf(*root.getArray("steps"), kSteps, hasRTL ? kStepsRTL : ArrayRef<StringRef>(), "rtl");
  return text + "</body></html>\n";
}
