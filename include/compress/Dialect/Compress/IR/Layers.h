//===- Layers.h - What a function says of its layers ----------*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   func.func @main(…) attributes {compress.layers = [
//     {name = "/7/Gemm", op = "compress.rfft", predicted_us = array<f64: 0.3, 14.0>, bound = ["L1", "compute"]}]}
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_LAYERS_H
#define COMPRESS_DIALECT_COMPRESS_IR_LAYERS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include <array>
#include <optional>
#include <string>

namespace mlir::compress {

/// Attribute of functions: an array of layers, in their order.
inline constexpr const char *kLayersAttr = "compress.layers";

/// A layer: the ops of one name.
struct Layer {
  std::string name;
  /// The op that should take longest; empty if nothing was predicted.
  std::string op;
  /// Names of the layers whose work the loops of this one do, too.
  SmallVector<std::string> fused;
  /// Microseconds for one sample and for a full run, and what bounds them: `compute`, or the level of the bytes.
  std::array<double, 2> predictedUs = {};
  std::array<std::string, 2> bound;

  DictionaryAttr toAttribute(MLIRContext *context) const;
  /// Nullopt if `attribute` is no layer.
  static std::optional<Layer> get(Attribute attribute);
};

/// All layers of an attribute; nullopt if it is none, or one that says something else.
std::optional<SmallVector<Layer>> getLayers(Attribute attribute);

/// The layer of an op at `loc`: the name of an ONNX node, or `line N` of an IR file; empty if there is none.
std::string layerOf(Location loc);

} // namespace mlir::compress

#endif // COMPRESS_DIALECT_COMPRESS_IR_LAYERS_H
