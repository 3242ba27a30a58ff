//===- Layers.cpp - What a function says of its layers ---------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Layers.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::compress;

DictionaryAttr Layer::toAttribute(MLIRContext *context) const {
  Builder builder(context);
  NamedAttrList entries;
  entries.set("name", builder.getStringAttr(name));
  entries.set("op", builder.getStringAttr(op));
  entries.set("predicted_us", builder.getDenseF64ArrayAttr(predictedUs));
  entries.set("bound", builder.getStrArrayAttr({bound[0], bound[1]}));
  if (!fused.empty())
    entries.set("fused", builder.getStrArrayAttr(SmallVector<StringRef>(fused.begin(), fused.end())));
  return entries.getDictionary(context);
}

/// The strings of an array; nullopt if it is none of strings alone.
static std::optional<SmallVector<std::string>> getStrings(Attribute attribute) {
  auto array = dyn_cast_or_null<ArrayAttr>(attribute);
  if (!array || !llvm::all_of(array, llvm::IsaPred<StringAttr>))
    return std::nullopt;
  return llvm::map_to_vector(array.getAsValueRange<StringAttr>(), [](StringRef text) { return text.str(); });
}

std::optional<Layer> Layer::get(Attribute attribute) {
  auto entries = dyn_cast_or_null<DictionaryAttr>(attribute);
  if (!entries)
    return std::nullopt;
  auto name = entries.getAs<StringAttr>("name"), op = entries.getAs<StringAttr>("op");
  auto predicted = entries.getAs<DenseF64ArrayAttr>("predicted_us");
  auto bound = getStrings(entries.get("bound"));
  if (!name || !op || !predicted || predicted.size() != 2 || !bound || bound->size() != 2)
    return std::nullopt;
  Layer layer{name.getValue().str(), op.getValue().str(), {}, {predicted[0], predicted[1]}, {(*bound)[0], (*bound)[1]}};
  if (Attribute given = entries.get("fused")) {
    auto fused = getStrings(given);
    if (!fused)
      return std::nullopt;
    layer.fused = *fused;
  }
  return layer;
}

std::optional<SmallVector<Layer>> mlir::compress::getLayers(Attribute attribute) {
  auto array = dyn_cast_or_null<ArrayAttr>(attribute);
  if (!array)
    return std::nullopt;
  SmallVector<Layer> layers;
  for (Attribute element : array) {
    auto layer = Layer::get(element);
    if (!layer)
      return std::nullopt;
    layers.push_back(std::move(*layer));
  }
  return layers;
}

std::string mlir::compress::layerOf(Location loc) {
  if (auto name = loc->findInstanceOf<NameLoc>())
    return name.getName().getValue().str();
  if (auto line = loc->findInstanceOf<FileLineColLoc>())
    return "line " + std::to_string(line.getLine());
  return "";
}
