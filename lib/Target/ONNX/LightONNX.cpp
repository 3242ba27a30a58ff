//===- LightONNX.cpp - ONNX files with light weights ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   initializer fc1.weight [512, 1024]      =>      fc1.weight/codes, fc1.weight/scales
//                                                   node compress.Dequantize(codes, scales) -> fc1.weight
//
//===----------------------------------------------------------------------===//

#include "compress/Target/ONNX/LightONNX.h"
#include "../../Import/ONNX/Node.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Layers.h"
#include "compress/Dialect/Compress/Transforms/DenseLayers.h"
#include "compress/Target/ONNX/WeightWriter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <google/protobuf/text_format.h>
#include <set>

#include "Functions.inc"

using namespace mlir;
using namespace mlir::compress;
using ::onnx::FunctionProto;
using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::TensorProto;
using onnx_import::makeError;

/// The functions' ops take axes as operands since this opset.
static constexpr int64_t kOldestOpset = 13;
/// Model-local functions are part of files since this version.
static constexpr int64_t kFunctionVersion = 8;

namespace {

class GraphWriter : public ONNXWeightWriter {
public:
  explicit GraphWriter(GraphProto &graph) : graph(graph) {
    for (const TensorProto &tensor : graph.initializer())
      names.insert(tensor.name());
    for (const NodeProto &node : graph.node())
      names.insert(node.output().begin(), node.output().end());
    for (const auto &input : graph.input())
      names.insert(input.name());
  }

  FailureOr<std::string> write(Value value, StringRef name) override {
    Operation *op = value.getDefiningOp();
    if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op))
      return writeConstant(constant, name);
    if (!op)
      return emitError(value.getLoc(), "a weight that depends on an input has no form in ONNX files");
    auto *dialect = op->getDialect();
    auto *interface = dialect ? dialect->getRegisteredInterface<ONNXWeightDialectInterface>() : nullptr;
    return interface ? interface->write(op, *this, name) : op->emitError("has no form in ONNX files");
  }

  std::string addTensor(StringRef name, RankedTensorType type, ArrayRef<char> bytes, bool isUnsigned) override {
    TensorProto &tensor = *graph.add_initializer();
    tensor.set_name(makeUnique(name));
    for (int64_t extent : type.getShape())
      tensor.add_dims(extent);
    tensor.set_data_type(type.getElementType().isF32()   ? TensorProto::FLOAT
                         : type.getElementType().isF64() ? TensorProto::DOUBLE
                         : isUnsigned                    ? TensorProto::UINT8
                                                         : TensorProto::INT8);
    tensor.set_raw_data(bytes.data(), bytes.size());
    return tensor.name();
  }

  std::string addNode(StringRef op, bool isFunction, ArrayRef<std::string> inputs, StringRef result,
                      ArrayRef<Attribute> attributes) override {
    NodeProto &node = nodes.emplace_back();
    std::string name = makeUnique(result);
    node.set_name(name);
    node.set_op_type(op.str());
    if (isFunction) {
      node.set_domain("compress");
      functions.insert(op.str());
    }
    for (const std::string &input : inputs)
      node.add_input(input);
    node.add_output(name);
    for (const Attribute &attribute : attributes)
      setAttribute(*node.add_attribute(), attribute);
    return name;
  }

  /// Adds nodes that round `input` to bytes and decode them; returns their result.
  std::string addRounding(google::protobuf::RepeatedPtrField<NodeProto> &to, const std::string &input, double scale,
                          uint8_t zero) {
    auto number = [&](StringRef name, int32_t type, const void *data, size_t size) {
      TensorProto &tensor = *graph.add_initializer();
      tensor.set_name(makeUnique((llvm::Twine(input) + "/" + name).str()));
      tensor.set_data_type(type);
      tensor.set_raw_data(data, size);
      return tensor.name();
    };
    float step = static_cast<float>(scale);
    std::string scaleName = number("scale", TensorProto::FLOAT, &step, sizeof(step));
    std::string zeroName = number("zero_point", TensorProto::UINT8, &zero, sizeof(zero));
    std::string name = input;
    for (const char *op : {"QuantizeLinear", "DequantizeLinear"}) {
      NodeProto &node = *to.Add();
      node.set_op_type(op);
      for (const std::string &operand : {name, scaleName, zeroName})
        node.add_input(operand);
      name = makeUnique(input + "/" + op);
      node.set_name(name);
      node.add_output(name);
    }
    return name;
  }

  /// From now on `name`, which a weight had, is free.
  void release(const std::string &name) { names.erase(name); }

  /// Puts the nodes in front of the graph's.
  void finish() {
    google::protobuf::RepeatedPtrField<NodeProto> all;
    for (NodeProto &node : nodes)
      all.Add()->Swap(&node);
    for (NodeProto &node : *graph.mutable_node())
      all.Add()->Swap(&node);
    graph.mutable_node()->Swap(&all);
  }

  const std::set<std::string> &usedFunctions() const { return functions; }

private:
  static void setAttribute(::onnx::AttributeProto &proto, const Attribute &attribute) {
    proto.set_name(attribute.name.str());
    if (const auto *integer = std::get_if<int64_t>(&attribute.value)) {
      proto.set_type(::onnx::AttributeProto::INT);
      proto.set_i(*integer);
    } else if (const auto *integers = std::get_if<SmallVector<int64_t>>(&attribute.value)) {
      proto.set_type(::onnx::AttributeProto::INTS);
      for (int64_t value : *integers)
        proto.add_ints(value);
    } else {
      proto.set_type(::onnx::AttributeProto::FLOATS);
      for (float value : std::get<SmallVector<float>>(attribute.value))
        proto.add_floats(value);
    }
  }

  FailureOr<std::string> writeConstant(arith::ConstantOp constant, StringRef name) {
    auto type = dyn_cast<RankedTensorType>(constant.getType());
    auto values = constantValues(constant);
    if (!type || !values || !isa<FloatType>(type.getElementType()))
      return constant.emitError("is no constant tensor of floats that is at hand");
    bool isF64 = type.getElementType().isF64();
    SmallVector<float> singles(values->begin(), values->end());
    const char *bytes =
        isF64 ? reinterpret_cast<const char *>(values->data()) : reinterpret_cast<const char *>(singles.data());
    return addTensor(name, type, ArrayRef<char>(bytes, values->size() * (isF64 ? 8 : 4)), /*isUnsigned=*/false);
  }

  std::string makeUnique(StringRef name) {
    std::string unique = name.str();
    for (int i = 1; !names.insert(unique).second; ++i)
      unique = (name + "_" + llvm::Twine(i)).str();
    return unique;
  }

  GraphProto &graph;
  std::set<std::string> names, functions;
  std::vector<NodeProto> nodes;
};

class LightModel {
public:
  LightModel(ModelProto &model, StringRef path) : model(model), folder(llvm::sys::path::parent_path(path)) {
    if (folder.empty())
      folder = ".";
  }

  llvm::Error run(ModuleOp module, const llvm::StringMap<std::string> &tensors) {
    int64_t opset = 0;
    for (const auto &entry : model.opset_import())
      if (entry.domain().empty() || entry.domain() == "ai.onnx")
        opset = entry.version();
    if (opset < kOldestOpset)
      return makeError("the model's opset is " + llvm::Twine(opset) + ", but light weights are written with opset " +
                       llvm::Twine(kOldestOpset) + " and later; convert it with onnx.version_converter");
    Builder builder(module.getContext());
    GraphProto &graph = *model.mutable_graph();
    onnx_import::foldBatchNormalization(graph, folder, builder);
    if (llvm::Error error = embedTensors(graph, builder))
      return error;
    GraphWriter writer(graph);
    llvm::StringSet<> done;
    auto failed = module.walk([&](CompressedWeightOpInterface weight) {
      auto tensor = tensors.find(layerOf(weight->getLoc()));
      bool isPart =
          llvm::any_of(weight->getUsers(), [](Operation *user) { return isa<CompressedWeightOpInterface>(user); });
      if (isPart || tensor == tensors.end())
        return WalkResult::advance();
      if (tensor->second.empty())
        return WalkResult(weight->emitError("other layers of the network have the name of this one: weights cannot be "
                                            "told apart; name the nodes of the ONNX file"));
      if (!done.insert(tensor->second).second)
        return WalkResult::advance();
      if (!remove(graph, tensor->second))
        return WalkResult(weight->emitError("its dense weight '") << tensor->second << "' is not in the ONNX file");
      writer.release(tensor->second);
      return WalkResult(writer.write(weight->getResult(0), tensor->second));
    });
    if (failed.wasInterrupted())
      return makeError("the light network cannot be written as an ONNX file");
    writer.finish();
    if (llvm::Error error = roundActivations(graph, writer, module, tensors))
      return error;
    dropUnused(graph);
    addFunctions(writer.usedFunctions(), opset);
    return llvm::Error::success();
  }

private:
  /// What lies outside of the file comes in: the light file may lie elsewhere.
  llvm::Error embedTensors(GraphProto &graph, Builder &builder) {
    for (TensorProto &tensor : *graph.mutable_initializer()) {
      if (tensor.data_location() != TensorProto::EXTERNAL)
        continue;
      auto read = onnx_import::readTensor(builder, tensor, folder);
      if (!read)
        return makeError("tensor '" + tensor.name() + "': " + llvm::toString(read.takeError()));
      tensor.clear_external_data();
      tensor.clear_data_location();
      tensor.set_raw_data(std::move(read->bytes));
    }
    return llvm::Error::success();
  }

  /// Drops the initializer, or the Constant node, that is named `name`; false if there is none.
  static bool remove(GraphProto &graph, const std::string &name) {
    auto drop = [](auto &field, auto isIt) {
      for (int i = 0; i < field.size(); ++i)
        if (isIt(field.Get(i))) {
          field.DeleteSubrange(i, 1);
          return true;
        }
      return false;
    };
    auto hasName = [&](const auto &proto) { return proto.name() == name; };
    drop(*graph.mutable_input(), hasName); // where files of old name their initializers, too
    drop(*graph.mutable_value_info(), hasName);
    return drop(*graph.mutable_initializer(), hasName) || drop(*graph.mutable_node(), [&](const NodeProto &node) {
             return node.op_type() == "Constant" && node.output_size() == 1 && node.output(0) == name;
           });
  }

  /// QuantizeLinear and DequantizeLinear before each layer whose activation is rounded.
  static llvm::Error roundActivations(GraphProto &graph, GraphWriter &writer, ModuleOp module,
                                      const llvm::StringMap<std::string> &tensors) {
    llvm::StringMap<DenseF64ArrayAttr> scales;
    module.walk([&](Operation *op) {
      if (auto scale = op->getAttrOfType<DenseF64ArrayAttr>(kInputScaleAttr))
        scales[layerOf(op->getLoc())] = scale;
    });
    google::protobuf::RepeatedPtrField<NodeProto> all;
    for (NodeProto &node : *graph.mutable_node()) {
      auto scale = scales.find(onnx_import::nodeName(node));
      auto weight = tensors.find(onnx_import::nodeName(node));
      if (scale != scales.end()) {
        if (weight == tensors.end() || weight->second.empty() || node.input_size() < 2)
          return makeError("the activation of layer '" + scale->getKey() +
                           "' is rounded, but no node of the file has its name");
        int activation = node.input(0) == weight->second;
        std::string &input = *node.mutable_input(activation);
        input = writer.addRounding(all, input, scale->second[0], static_cast<uint8_t>(scale->second[1]));
      }
      all.Add()->Swap(&node);
    }
    graph.mutable_node()->Swap(&all);
    return llvm::Error::success();
  }

  /// Drops the initializers that nothing reads: what BatchNormalization was folded from.
  static void dropUnused(GraphProto &graph) {
    std::set<std::string> used;
    for (const NodeProto &node : graph.node())
      used.insert(node.input().begin(), node.input().end());
    for (const auto &output : graph.output())
      used.insert(output.name());
    google::protobuf::RepeatedPtrField<TensorProto> kept;
    for (TensorProto &tensor : *graph.mutable_initializer())
      if (used.count(tensor.name()))
        kept.Add()->Swap(&tensor);
    graph.mutable_initializer()->Swap(&kept);
  }

  void addFunctions(const std::set<std::string> &names, int64_t opset) {
    if (names.empty())
      return;
    std::set<std::string> present;
    for (const FunctionProto &function : model.functions())
      if (function.domain() == "compress")
        present.insert(function.name());
    for (const char *text : kFunctions) {
      FunctionProto function;
      bool isRead = google::protobuf::TextFormat::ParseFromString(text, &function);
      assert(isRead && "the text is generated");
      (void)isRead;
      if (!names.count(function.name()) || present.count(function.name()))
        continue;
      function.mutable_opset_import(0)->set_version(opset);
      *model.add_functions() = std::move(function);
    }
    bool hasDomain = llvm::any_of(model.opset_import(), [](const auto &entry) { return entry.domain() == "compress"; });
    if (!hasDomain) {
      auto *entry = model.add_opset_import();
      entry->set_domain("compress");
      entry->set_version(1);
    }
    model.set_ir_version(std::max<int64_t>(model.ir_version(), kFunctionVersion));
  }

  ModelProto &model;
  std::string folder;
};

} // namespace

llvm::StringMap<std::string> mlir::compress::namesOfDenseTensors(ModuleOp module) {
  llvm::StringMap<std::string> tensors;
  for (DenseLayer &layer : findDenseLayers(module))
    if (auto name = dyn_cast<NameLoc>(layer.constant.getLoc())) {
      auto [place, isNew] = tensors.try_emplace(layerOf(layer.op.getLoc()), name.getName().str());
      if (!isNew && place->second != name.getName())
        place->second.clear();
    }
  return tensors;
}

llvm::Expected<std::string> mlir::compress::makeLightONNX(StringRef path, ModuleOp module,
                                                          const llvm::StringMap<std::string> &tensors) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError("'" + path + "' cannot be read: " + buffer.getError().message());
  ModelProto model;
  if (!model.ParseFromArray((*buffer)->getBufferStart(), static_cast<int>((*buffer)->getBufferSize())))
    return makeError("'" + path + "' is no ONNX file");
  if (llvm::Error error = LightModel(model, path).run(module, tensors))
    return error;
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    return makeError("the light network is larger than the 2 GiB of an ONNX file");
  return bytes;
}
