//===- CompressTable.cpp - What compressing did to each layer -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CompressTable.h"
#include "Report.h"
#include "compress/Analysis/CostModel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

/// The row that a remark of `compress-fit` says; nothing of the other remarks.
static std::optional<CompressedLayer> rowOf(const LayerRemark &remark) {
  if (remark.pass != "fit" || !remark.hasFigure("bytes_after"))
    return std::nullopt;
  CompressedLayer layer;
  layer.name = remark.layer;
  layer.scheme = remark.word("scheme");
  layer.numbersBefore = remark.figure("numbers_before");
  layer.numbersAfter = remark.figure("numbers_after");
  layer.bytesBefore = remark.figure("bytes_before");
  layer.bytesAfter = remark.figure("bytes_after");
  layer.bytesInt8 = remark.figure("bytes_int8");
  layer.bytesInt4 = remark.figure("bytes_int4");
  layer.relativeError = remark.figure("relative_error");
  if (remark.hasFigure("output_error"))
    layer.outputError = remark.figure("output_error");
  layer.multiplies = remark.figure("dense_multiplies");
  layer.adds = remark.figure("dense_adds");
  return layer;
}

/// Microseconds that the dense layer of a row should take on `machine`.
static double denseMicroseconds(const CompressedLayer &layer, const Machine &machine, int64_t weightBytes) {
  Cost dense;
  dense.multiplies = layer.multiplies;
  dense.adds = layer.adds;
  dense.weightBytes = weightBytes;
  return dense.seconds(machine) * 1e6;
}

CompressTable::CompressTable(llvm::ArrayRef<LayerRemark> remarks, const Machine &machine, bool isLowered) {
  for (const LayerRemark &remark : remarks) {
    auto layer = rowOf(remark);
    if (!layer)
      continue;
    Machine ofBytes = machine;
    ofBytes.peakFlops = std::max(machine.peakFlops, machine.peakInt8);
    layer->microsecondsInt8 = denseMicroseconds(*layer, ofBytes, layer->bytesInt8);
    // The first form of a layer is that of the layer; further ones are of the products that it is made of.
    auto select = llvm::find_if(remarks, [&](const LayerRemark &other) {
      return (other.pass == "select" || other.pass == "multiply-bytes") && other.kind == "passed" &&
             other.layer == layer->name && other.hasFigure("predicted_us");
    });
    if (isLowered && select != remarks.end()) {
      layer->form = select->word("form");
      layer->multiplies = select->figure("multiplies");
      layer->adds = select->figure("adds");
      layer->microseconds = select->figure("predicted_us");
    } else if (isLowered) {
      layer->form = "dense";
      layer->microseconds = denseMicroseconds(*layer, machine, layer->bytesBefore);
    }
    layers.push_back(std::move(*layer));
  }
}

CompressedLayer CompressTable::total() const {
  CompressedLayer sum;
  sum.name = "total";
  double micros = 0;
  for (const CompressedLayer &layer : layers) {
    sum.numbersBefore += layer.numbersBefore;
    sum.numbersAfter += layer.numbersAfter;
    sum.bytesBefore += layer.bytesBefore;
    sum.bytesAfter += layer.bytesAfter;
    sum.bytesInt8 += layer.bytesInt8;
    sum.bytesInt4 += layer.bytesInt4;
    sum.multiplies += layer.multiplies;
    sum.adds += layer.adds;
    micros += layer.microseconds.value_or(0);
    sum.microsecondsInt8 += layer.microsecondsInt8;
  }
  if (!layers.empty() && layers.front().microseconds)
    sum.microseconds = micros;
  return sum;
}

std::string CompressTable::text() const {
  // Cells of all rows first: columns are as wide as their widest cell.
  std::vector<std::vector<std::string>> rows{{"layer", "scheme", "numbers", "stored", "bytes", "stored", "error",
                                              "output", "multiplies", "adds", "us", "form"}};
  auto add = [&](const CompressedLayer &layer, std::string error) {
    rows.push_back({layer.name, layer.scheme, std::to_string(layer.numbersBefore), std::to_string(layer.numbersAfter),
                    std::to_string(layer.bytesBefore), std::to_string(layer.bytesAfter), std::move(error),
                    layer.outputError ? llvm::formatv("{0:f4}", *layer.outputError).str() : "-",
                    llvm::formatv("{0:f0}", layer.multiplies), llvm::formatv("{0:f0}", layer.adds),
                    layer.microseconds ? llvm::formatv("{0:f2}", *layer.microseconds).str() : "-",
                    layer.form.empty() ? "-" : layer.form});
  };
  for (const CompressedLayer &layer : layers)
    add(layer, llvm::formatv("{0:f4}", layer.relativeError));
  CompressedLayer sum = total();
  add(sum, "");
  rows.back().back().clear();
  std::vector<size_t> width(rows.front().size(), 0);
  for (const auto &row : rows)
    for (auto [most, cell] : llvm::zip_equal(width, row))
      most = std::max(most, cell.size());
  std::string text;
  for (const auto &row : rows) {
    std::string line;
    for (auto [i, cell] : llvm::enumerate(row)) {
      std::string padding(width[i] - cell.size(), ' ');
      bool isName = i < 2 || i + 1 == row.size();
      line += (i ? "  " : "") + (isName ? cell + padding : padding + cell);
    }
    text += llvm::StringRef(line).rtrim().str() + "\n";
  }
  auto against = [&](llvm::StringRef what, int64_t bytes) {
    return llvm::formatv("{0} {1} bytes ({2:f2}x)", what, bytes, double(bytes) / std::max<int64_t>(sum.bytesAfter, 1))
        .str();
  };
  SmallVector<std::string> dense;
  for (const CompressedLayer &layer : layers)
    if (layer.form == "dense" && layer.scheme != "none")
      dense.push_back(layer.name);
  std::string note = dense.empty() ? ""
                                   : "the library has " + llvm::join(dense, ", ") +
                                         " as dense floats: no form pays on this machine (--force names one, "
                                         "--objective bytes takes the smallest)\n";
  if (sum.microseconds && *sum.microseconds > sum.microsecondsInt8)
    note += llvm::formatv("these layers should take {0:f2} us; with 8 bits, dense, they should take {1:f2} us "
                          "(--precision i8 without --compress)\n",
                          *sum.microseconds, sum.microsecondsInt8);
  return text +
         llvm::formatv("weights take {0} bytes; {1}, {2}, {3}\n", sum.bytesAfter, against("fp32", sum.bytesBefore),
                       against("int8", sum.bytesInt8), against("int4(32)", sum.bytesInt4))
             .str() +
         note;
}

static llvm::json::Object toJSON(const CompressedLayer &layer) {
  llvm::json::Object row{{"layer", layer.name},
                         {"scheme", layer.scheme},
                         {"numbers_before", layer.numbersBefore},
                         {"numbers_after", layer.numbersAfter},
                         {"bytes_before", layer.bytesBefore},
                         {"bytes_after", layer.bytesAfter},
                         {"bytes_int8", layer.bytesInt8},
                         {"bytes_int4", layer.bytesInt4},
                         {"relative_error", layer.relativeError},
                         {"multiplies", layer.multiplies},
                         {"adds", layer.adds}};
  if (layer.outputError)
    row["output_error"] = *layer.outputError;
  if (layer.microseconds)
    row["predicted_us"] = *layer.microseconds;
  if (layer.microseconds)
    row["predicted_us_int8"] = layer.microsecondsInt8;
  if (!layer.form.empty())
    row["form"] = layer.form;
  return row;
}

llvm::json::Object CompressTable::json() const {
  llvm::json::Array rows;
  for (const CompressedLayer &layer : layers)
    rows.push_back(toJSON(layer));
  llvm::json::Object sum = toJSON(total());
  for (llvm::StringRef key : {"layer", "scheme", "relative_error"})
    sum.erase(key);
  return llvm::json::Object{{"rows", std::move(rows)}, {"total", std::move(sum)}};
}
