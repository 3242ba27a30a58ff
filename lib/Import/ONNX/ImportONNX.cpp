//===- ImportONNX.cpp - ONNX files to modules -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Node.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Import/ONNX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <google/protobuf/stubs/logging.h>
#include <limits>
#include <onnx/defs/schema.h>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;
using ::onnx::GraphProto;
using ::onnx::ModelProto;
using ::onnx::NodeProto;
using ::onnx::ValueInfoProto;

/// The oldest opset, and the newest one whose ops libonnx 1.12 describes.
static constexpr int64_t kOldestOpset = 7, kNewestKnownOpset = 17;

static const NodeImporters &allImporters() {
  static const NodeImporters importers = [] {
    NodeImporters all;
    addElementwiseOps(all);
    addLightOps(all);
    addLinearOps(all);
    addPoolingOps(all);
    addReductionOps(all);
    addQuantizedOps(all);
    addShapeOps(all);
    return all;
  }();
  return importers;
}

SmallVector<StringRef> mlir::compress::importedONNXOps() {
  auto ops = llvm::to_vector(allImporters().keys());
  llvm::sort(ops);
  return ops;
}

void mlir::compress::registerONNXImportDialects(DialectRegistry &registry) {
  registry.insert<CompressDialect, arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect, math::MathDialect,
                  tensor::TensorDialect>();
}

/// The name by which an op is looked up and reported.
static std::string opKey(const NodeProto &node) {
  bool isStandard = node.domain().empty() || node.domain() == "ai.onnx";
  return isStandard ? node.op_type() : node.domain() + "." + node.op_type();
}

/// Ops that move elements, of any type.
static bool isMove(StringRef key) {
  static const llvm::StringSet<> moves = {"Concat",  "Dropout", "Flatten",   "Identity",
                                          "Reshape", "Squeeze", "Transpose", "Unsqueeze"};
  return moves.contains(key);
}

namespace {

class ModelImporter {
public:
  ModelImporter(ModelProto &model, StringRef path, MLIRContext *context, const ONNXImportOptions &options)
      : model(model), path(path), folder(llvm::sys::path::parent_path(path)), options(options), builder(context),
        state(builder) {
    if (folder.empty())
      folder = ".";
    context->loadDialect<CompressDialect, arith::ArithDialect, func::FuncDialect, linalg::LinalgDialect,
                         math::MathDialect, tensor::TensorDialect>();
  }

  OwningOpRef<ModuleOp> run() {
    checkOpset();
    if (problems.empty())
      foldBatchNormalization(*model.mutable_graph(), folder, builder);
    readInitializers();
    SmallVector<const NodeProto *> nodes = sortNodes();
    for (const NodeProto *node : nodes)
      checkNode(*node);
    OwningOpRef<ModuleOp> module = createMain();
    if (problems.empty() || hasOnlyNodeProblems)
      for (const NodeProto *node : nodes)
        importNode(*node);
    if (problems.empty())
      returnOutputs();
    if (!problems.empty()) {
      report();
      return {};
    }
    if (failed(verify(*module)))
      return {};
    return module;
  }

private:
  //===-- Problems ---------------------------------------------------------------------------------------------===//

  void fail(const llvm::Twine &problem) {
    problems.push_back(problem.str());
    hasOnlyNodeProblems = false;
  }

  void failNode(const NodeProto &node, const llvm::Twine &reason) {
    problems.push_back(
        llvm::formatv("node '{0}' ({1}, opset {2}): {3}", nodeName(node), opKey(node), state.opset, reason));
    for (const std::string &name : node.output())
      poisoned.insert(name);
  }

  void report() {
    std::string text = "'" + path.str() + "' cannot be imported: " + std::to_string(problems.size()) +
                       (problems.size() == 1 ? " problem" : " problems");
    InFlightDiagnostic diagnostic = emitError(NameLoc::get(builder.getStringAttr(path)), text);
    for (const std::string &problem : problems)
      diagnostic.attachNote() << problem;
    if (hasUnsupportedOp)
      diagnostic.attachNote() << "supported ops: " << llvm::join(importedONNXOps(), " ");
  }

  //===-- What the file says -----------------------------------------------------------------------------------===//

  void checkOpset() {
    for (const auto &entry : model.opset_import()) {
      if (entry.domain().empty() || entry.domain() == "ai.onnx")
        state.opset = entry.version();
      if (entry.domain() == "compress" && entry.version() != 1)
        fail("it uses version " + llvm::Twine(entry.version()) + " of domain 'compress', but 1 is known");
    }
    if (state.opset < kOldestOpset)
      fail("its opset is " + llvm::Twine(state.opset) + ", but " + llvm::Twine(kOldestOpset) +
           " is the oldest that is supported; convert it with onnx.version_converter");
    if (model.graph().sparse_initializer_size() > 0)
      fail("sparse initializers are not supported");
  }

  void readInitializers() {
    for (const auto &proto : model.graph().initializer()) {
      auto tensor = readTensor(builder, proto, folder);
      if (!tensor)
        fail("tensor '" + proto.name() + "': " + llvm::toString(tensor.takeError()));
      else if (!state.constants.try_emplace(proto.name(), std::move(*tensor)).second)
        fail("tensor '" + proto.name() + "' is defined twice");
    }
  }

  /// The nodes so that each comes after those that it uses. A node on a cycle is a problem.
  SmallVector<const NodeProto *> sortNodes() {
    llvm::StringMap<int> producer;
    int count = model.graph().node_size();
    for (int i = 0; i < count; ++i)
      for (const std::string &name : model.graph().node(i).output())
        if (!name.empty() && (!producer.try_emplace(name, i).second || state.constants.contains(name)))
          fail("tensor '" + name + "' is defined twice");
    SmallVector<int> waiting(count, 0);
    SmallVector<SmallVector<int>> users(count);
    for (int i = 0; i < count; ++i)
      for (const std::string &name : model.graph().node(i).input())
        if (auto it = producer.find(name); it != producer.end()) {
          ++waiting[i];
          users[it->second].push_back(i);
        }
    SmallVector<int> order;
    for (int i = 0; i < count; ++i)
      if (waiting[i] == 0)
        order.push_back(i);
    for (size_t next = 0; next < order.size(); ++next)
      for (int user : users[order[next]])
        if (--waiting[user] == 0)
          order.push_back(user);
    for (int i = 0; i < count; ++i)
      if (waiting[i] > 0) {
        fail("the graph has a cycle, which node '" + nodeName(model.graph().node(i)) + "' depends on");
        break;
      }
    SmallVector<const NodeProto *> nodes;
    for (int i : order)
      nodes.push_back(&model.graph().node(i));
    return nodes;
  }

  /// `node` without the attributes that quantizing ops have since opset 19, which their importers read.
  static NodeProto withoutNewAttributes(const NodeProto &node) {
    static const llvm::StringSet<> added = {"block_size", "output_dtype", "precision", "saturate"};
    NodeProto result(node);
    if (node.op_type() != "QuantizeLinear" && node.op_type() != "DequantizeLinear")
      return result;
    result.clear_attribute();
    for (const auto &attribute : node.attribute())
      if (!added.contains(attribute.name()))
        *result.add_attribute() = attribute;
    return result;
  }

  /// Is the op one of ours, and does libonnx find its operands and attributes well-formed?
  void checkNode(const NodeProto &node) {
    std::string key = opKey(node);
    if (!allImporters().contains(key)) {
      hasUnsupportedOp = true;
      return failNode(node, "this op is not supported");
    }
    if (node.output_size() < 1 || node.output(0).empty())
      return failNode(node, "it has no result");
    if (key != node.op_type())
      return;
    const auto *schema = ::onnx::OpSchemaRegistry::Schema(node.op_type(), std::min(state.opset, kNewestKnownOpset), "");
    if (!schema)
      return failNode(node, "libonnx does not know this op");
    try {
      if (state.opset > kNewestKnownOpset)
        schema->Verify(withoutNewAttributes(node));
      else
        schema->Verify(node);
    } catch (const std::exception &error) {
      StringRef reason = StringRef(error.what()).take_until([](char c) { return c == '\n'; });
      failNode(node, "it is malformed, or uses what opset " + llvm::Twine(std::min(state.opset, kNewestKnownOpset)) +
                         " does not have: " + reason);
    }
  }

  //===-- @main ------------------------------------------------------------------------------------------------===//

  /// The type of an input; null, after a problem, if it has none here. Sets `batchName`.
  RankedTensorType inputType(const ValueInfoProto &input) {
    const auto &tensor = input.type().tensor_type();
    auto refuse = [&](const llvm::Twine &reason) {
      fail("input '" + input.name() + "': " + reason);
      return RankedTensorType();
    };
    if (!input.type().has_tensor_type() || !tensor.has_shape())
      return refuse("it is no tensor of known rank");
    Type element = elementType(builder, tensor.elem_type());
    if (!element)
      return refuse("element type " + dtypeName(tensor.elem_type()) + " is not supported");
    auto stated = options.shapes.find(input.name());
    bool isStated = stated != options.shapes.end();
    if (isStated && stated->second.size() != static_cast<size_t>(tensor.shape().dim_size()))
      return refuse("it has " + llvm::Twine(tensor.shape().dim_size()) +
                    " dimensions, but the shape that is stated for it " + llvm::Twine(stated->second.size()));
    Shape shape;
    for (auto [i, dim] : llvm::enumerate(tensor.shape().dim())) {
      bool isSymbolic = !dim.has_dim_value() || dim.dim_value() <= 0;
      if (isStated && !ShapedType::isDynamic(stated->second[i])) {
        if (!isSymbolic && dim.dim_value() != stated->second[i])
          return refuse("dimension " + llvm::Twine(i) + " is " + llvm::Twine(dim.dim_value()) + ", not " +
                        llvm::Twine(stated->second[i]) + " as is stated");
        shape.push_back(stated->second[i]);
        continue;
      }
      if (isSymbolic && i > 0)
        return refuse("dimension " + llvm::Twine(i) + " ('" + dim.dim_param() +
                      "') is not fixed; only dimension 0 may be symbolic, as the batch: state the others with --shape");
      if (isSymbolic && batchName && *batchName != dim.dim_param() && !options.batch)
        return refuse("dimension 0 is '" + dim.dim_param() + "', but that of another input is '" + *batchName +
                      "'; state both with --batch N");
      if (isSymbolic)
        batchName = dim.dim_param();
      shape.push_back(!isSymbolic ? dim.dim_value() : options.batch.value_or(ShapedType::kDynamic));
    }
    Shape sample(shape);
    if (!sample.empty() && ShapedType::isDynamic(sample[0]))
      sample[0] = 1;
    if (auto bytes = checkedBytes(sample, 8); !bytes)
      return refuse(llvm::toString(bytes.takeError()));
    return RankedTensorType::get(shape, element);
  }

  OwningOpRef<ModuleOp> createMain() {
    Location loc = NameLoc::get(builder.getStringAttr(path));
    OwningOpRef<ModuleOp> module = ModuleOp::create(loc, llvm::sys::path::stem(path));
    builder.setInsertionPointToEnd(module->getBody());
    SmallVector<Type> types;
    SmallVector<StringRef> names;
    SmallVector<bool> areUnsigned;
    for (const ValueInfoProto &input : model.graph().input()) {
      if (state.constants.contains(input.name()))
        continue;
      if (RankedTensorType type = inputType(input)) {
        types.push_back(type);
        names.push_back(input.name());
        areUnsigned.push_back(isUnsignedType(input.type().tensor_type().elem_type()));
      }
    }
    for (const auto &stated : options.shapes)
      if (llvm::none_of(model.graph().input(),
                        [&](const ValueInfoProto &input) { return input.name() == stated.getKey(); }))
        fail("a shape is stated for '" + stated.getKey() + "', which is no input");
    if (options.batch && !batchName && !options.batchMayBeFixed)
      fail("--batch is given, but no input has a symbolic dimension 0");
    main = func::FuncOp::create(builder, loc, "main", builder.getFunctionType(types, {}));
    Block *body = main.addEntryBlock();
    builder.setInsertionPointToEnd(body);
    bool hasBatch = batchName && !options.batch;
    for (auto [i, name] : llvm::enumerate(names)) {
      main.setArgAttr(i, "compress.name", builder.getStringAttr(name));
      if (areUnsigned[i]) {
        main.setArgAttr(i, "compress.unsigned", builder.getUnitAttr());
        state.unsignedValues.insert(name);
      }
      if (!state.values.try_emplace(name, body->getArgument(i)).second)
        fail("input '" + name + "' is defined twice");
      if (hasBatch && cast<RankedTensorType>(types[i]).hasStaticShape())
        fail("input '" + name + "' has no symbolic dimension 0, but others have; state the batch with --batch N");
      else if (hasBatch && !state.batchSize)
        state.batchSize = tensor::DimOp::create(builder, loc, body->getArgument(i), 0);
    }
    return module;
  }

  /// Imports a node whose operands are all there.
  void importNode(const NodeProto &proto) {
    bool isPoisoned = poisoned.contains(proto.output(0));
    for (auto [i, name] : llvm::enumerate(proto.input())) {
      if (name.empty() || isPoisoned)
        continue;
      isPoisoned = poisoned.contains(name);
      bool isTensor = state.constants.contains(name) || state.values.contains(name);
      if (!isPoisoned && !isTensor && !state.integers.contains(name))
        return failNode(proto,
                        "its operand '" + name + "' is neither an input, nor a constant, nor computed by a node");
    }
    if (isPoisoned) {
      for (const std::string &name : proto.output())
        poisoned.insert(name);
      return;
    }
    Node node(proto, state, NameLoc::get(builder.getStringAttr(nodeName(proto))));
    if (usesShapeAsTensor(proto, node))
      return failNode(proto, "it computes with a shape, which is supported as the operand of Reshape only");
    if (std::string type = unsupportedElementType(proto, node); !type.empty())
      return failNode(proto, "element type " + type + " is not supported by this op");
    if (failed(allImporters().lookup(opKey(proto))(node)))
      return failNode(proto, node.reason());
    if (isMove(opKey(proto)) && node.isUnsigned(0))
      state.unsignedValues.insert(proto.output(0));
  }

  /// The element type of an operand that only quantized ops take, and this op does not; empty if there is none.
  static std::string unsupportedElementType(const NodeProto &proto, const Node &node) {
    std::string key = opKey(proto);
    bool mixes = false, hasUnsigned = false;
    for (int i = 0; i < node.numInputs(); ++i) {
      if (const Tensor *tensor = node.constant(i)) {
        if (tensor->type.getElementType().isInteger(4) && key != "DequantizeLinear")
          return tensor->isUnsigned ? "UINT4" : "INT4";
        if (tensor->type.getElementType().isF16() && key != "Cast")
          return "FLOAT16";
      }
      hasUnsigned |= node.isUnsigned(i);
      mixes |= node.isUnsigned(i) != node.isUnsigned(0);
    }
    bool isTaken = isMove(key) ? key != "Concat" || !mixes : takesUnsignedIntegers(key);
    return hasUnsigned && !isTaken ? "UINT8" : "";
  }

  /// True if an operand is known as integers only, but the op needs a tensor.
  bool usesShapeAsTensor(const NodeProto &proto, const Node &node) {
    static const llvm::StringSet<> moving = {"Cast", "Concat", "Gather", "Identity", "Slice", "Squeeze", "Unsqueeze"};
    if (moving.contains(proto.op_type()) && node.hasIntegersOnly())
      return false;
    for (auto [i, name] : llvm::enumerate(proto.input()))
      if (!(proto.op_type() == "Reshape" && i == 1) && !state.values.contains(name) &&
          !state.constants.contains(name) && state.integers.contains(name))
        return true;
    return false;
  }

  void returnOutputs() {
    SmallVector<Value> results;
    SmallVector<Attribute> names;
    if (model.graph().output_size() == 0)
      return fail("it has no outputs");
    for (const ValueInfoProto &output : model.graph().output()) {
      Value value = state.values.lookup(output.name());
      if (!value)
        return fail("output '" + output.name() + "' is not computed by a node, or is a constant or a shape");
      auto type = cast<RankedTensorType>(value.getType());
      if (state.batchSize && (type.getRank() == 0 || !type.isDynamicDim(0)))
        return fail("output '" + output.name() +
                    "' does not have the batch as dimension 0; state the batch with --batch N");
      results.push_back(value);
      names.push_back(builder.getStringAttr(output.name()));
    }
    func::ReturnOp::create(builder, main.getLoc(), results);
    main.setType(builder.getFunctionType(main.getArgumentTypes(), ValueRange(results).getTypes()));
    for (auto [i, name] : llvm::enumerate(names)) {
      main.setResultAttr(i, "compress.name", name);
      if (state.unsignedValues.contains(cast<StringAttr>(name).getValue()))
        main.setResultAttr(i, "compress.unsigned", builder.getUnitAttr());
    }
  }

  ModelProto &model;
  StringRef path;
  std::string folder;
  const ONNXImportOptions &options;
  OpBuilder builder;
  GraphState state;
  func::FuncOp main;
  std::optional<std::string> batchName;
  std::vector<std::string> problems;
  bool hasUnsupportedOp = false, hasOnlyNodeProblems = true;
  /// Results of nodes that could not be imported.
  llvm::StringSet<> poisoned;
};

} // namespace

OwningOpRef<ModuleOp> mlir::compress::importONNX(StringRef path, MLIRContext *context,
                                                 const ONNXImportOptions &options) {
  auto fail = [&](const llvm::Twine &reason) {
    emitError(NameLoc::get(StringAttr::get(context, path)), "'" + path + "' " + reason);
    return OwningOpRef<ModuleOp>();
  };
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return fail("cannot be read: " + buffer.getError().message());
  size_t size = (*buffer)->getBufferSize();
  if (size > static_cast<size_t>(std::numeric_limits<int>::max()))
    return fail("is larger than 2 GiB, the most that protobuf reads; store its weights as external data");
  ModelProto model;
  {
    google::protobuf::LogSilencer silencer; // protobuf would print its own message
    if (!model.ParseFromArray((*buffer)->getBufferStart(), static_cast<int>(size)))
      return fail("is truncated, or is no ONNX file");
  }
  if (!model.has_graph() || model.ir_version() <= 0 || model.opset_import_size() == 0)
    return fail("is no ONNX model: it has no graph, no IR version or no opset");
  buffer->reset();
  return ModelImporter(model, path, context, options).run();
}
