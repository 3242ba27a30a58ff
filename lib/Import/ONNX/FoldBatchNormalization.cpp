//===- FoldBatchNormalization.cpp - BatchNormalization into weights -------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   z = Conv(x, W, b);  y = BatchNormalization(z, s, t, mean, var)     =>     y = Conv(x, W * g, (b - mean) * g + t)
//   where g = s / sqrt(var + epsilon), one number per filter
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;
using ::onnx::GraphProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;

namespace {

class BatchNormalizationFolder {
public:
  BatchNormalizationFolder(GraphProto &graph, StringRef folder, Builder &builder)
      : graph(graph), folder(folder), builder(builder) {
    for (const TensorProto &tensor : graph.initializer())
      initializers[tensor.name()] = &tensor;
    for (NodeProto &node : *graph.mutable_node()) {
      if (node.op_type() == "Constant" && node.domain().empty() && node.output_size() == 1)
        for (const auto &attribute : node.attribute())
          if (attribute.name() == "value" && attribute.has_t())
            initializers[node.output(0)] = &attribute.t();
      for (const std::string &name : node.input())
        ++uses[name];
      for (const std::string &name : node.output())
        producers[name] = &node;
    }
    for (const auto &output : graph.output())
      ++uses[output.name()];
  }

  void run() {
    for (NodeProto &node : *graph.mutable_node())
      if (node.op_type() == "BatchNormalization" && node.domain().empty() && fold(node))
        dropped.push_back(&node);
    google::protobuf::RepeatedPtrField<NodeProto> rest;
    for (NodeProto &node : *graph.mutable_node())
      if (!llvm::is_contained(dropped, &node))
        *rest.Add() = node;
    graph.mutable_node()->Swap(&rest);
    for (TensorProto &tensor : added)
      *graph.add_initializer() = std::move(tensor);
  }

private:
  /// The values of a constant float tensor of the graph.
  std::optional<Tensor> constant(const std::string &name) {
    auto it = initializers.find(name);
    if (it == initializers.end())
      return std::nullopt;
    auto tensor = readTensor(builder, *it->second, folder);
    if (!tensor) {
      llvm::consumeError(tensor.takeError()); // reported when the tensor itself is imported
      return std::nullopt;
    }
    if (!isa<FloatType>(tensor->type.getElementType()))
      return std::nullopt;
    return std::move(*tensor);
  }

  static const ::onnx::AttributeProto *attribute(const NodeProto &node, StringRef name) {
    for (const auto &candidate : node.attribute())
      if (candidate.name() == name)
        return &candidate;
    return nullptr;
  }

  /// The dimension of the weights of `linear` that its results are numbered by; -1 if it cannot take a scale.
  static int64_t outDim(const NodeProto &linear) {
    if (!linear.domain().empty() || linear.input_size() < 2)
      return -1;
    if (linear.op_type() == "Conv")
      return 0;
    auto isOne = [&](StringRef name) {
      const auto *given = attribute(linear, name);
      return !given || given->f() == 1.0f;
    };
    if (linear.op_type() != "Gemm" || !isOne("alpha") || !isOne("beta"))
      return -1;
    const auto *transB = attribute(linear, "transB");
    return transB && transB->i() ? 0 : 1;
  }

  std::string addInitializer(StringRef base, RankedTensorType type, ArrayRef<double> values) {
    TensorProto tensor;
    std::string name = (base + "/batch_normalized_" + llvm::Twine(added.size())).str();
    tensor.set_name(name);
    for (int64_t extent : type.getShape())
      tensor.add_dims(extent);
    tensor.set_data_type(type.getElementType().isF64() ? TensorProto::DOUBLE : TensorProto::FLOAT);
    for (double value : values)
      type.getElementType().isF64() ? tensor.add_double_data(value) : tensor.add_float_data(static_cast<float>(value));
    added.push_back(std::move(tensor));
    return name;
  }

  bool fold(NodeProto &node) {
    if (node.input_size() != 5 || node.output_size() < 1 || attribute(node, "training_mode") ||
        uses[node.input(0)] != 1)
      return false;
    auto producer = producers.find(node.input(0));
    if (producer == producers.end() || llvm::is_contained(dropped, producer->second))
      return false;
    NodeProto &linear = *producer->second;
    int64_t out = outDim(linear);
    if (out < 0)
      return false;
    auto weights = constant(linear.input(1));
    bool hasBias = linear.input_size() > 2 && !linear.input(2).empty();
    auto bias = hasBias ? constant(linear.input(2)) : std::nullopt;
    auto scale = constant(node.input(1)), shift = constant(node.input(2));
    auto mean = constant(node.input(3)), variance = constant(node.input(4));
    if (!weights || (hasBias && !bias) || !scale || !shift || !mean || !variance || weights->type.getRank() <= out)
      return false;
    int64_t channels = weights->type.getDimSize(out);
    for (const auto *vector : {&scale, &shift, &mean, &variance})
      if ((*vector)->type.getNumElements() != channels)
        return false;
    if (hasBias && bias->type.getShape() != ArrayRef<int64_t>{channels})
      return false;

    const auto *given = attribute(node, "epsilon");
    double epsilon = given ? given->f() : 1e-5f;
    auto s = scale->floats(), t = shift->floats(), m = mean->floats(), v = variance->floats(), w = weights->floats();
    SmallVector<double> b = hasBias ? bias->floats() : SmallVector<double>(channels, 0.0), gain(channels);
    for (int64_t i = 0; i < channels; ++i) {
      gain[i] = s[i] / std::sqrt(v[i] + epsilon);
      b[i] = (b[i] - m[i]) * gain[i] + t[i];
    }
    int64_t inner = 1;
    for (int64_t extent : weights->type.getShape().drop_front(out + 1))
      inner *= extent;
    for (auto [i, weight] : llvm::enumerate(w))
      weight *= gain[static_cast<int64_t>(i) / inner % channels];

    linear.set_input(1, addInitializer(linear.input(1), weights->type, w));
    std::string newBias = addInitializer(node.input(2), shift->type, b);
    while (linear.input_size() < 3)
      linear.add_input();
    linear.set_input(2, newBias);
    linear.set_output(0, node.output(0));
    producers[node.output(0)] = &linear;
    return true;
  }

  GraphProto &graph;
  StringRef folder;
  Builder &builder;
  llvm::StringMap<const TensorProto *> initializers;
  llvm::StringMap<NodeProto *> producers;
  llvm::StringMap<int> uses;
  SmallVector<NodeProto *> dropped;
  SmallVector<TensorProto> added;
};

} // namespace

void onnx_import::foldBatchNormalization(GraphProto &graph, StringRef folder, Builder &builder) {
  BatchNormalizationFolder(graph, folder, builder).run();
}
