//===- Node.h - One node while it is imported -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_IMPORT_ONNX_NODE_H
#define COMPRESS_LIB_IMPORT_ONNX_NODE_H

#include "Tensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::compress::onnx_import {

using Shape = SmallVector<int64_t>;

/// What is known of the tensors of a graph, by name. `ShapedType::kDynamic` stands for the batch, in types and in the
/// integers that are computed from shapes.
struct GraphState {
  explicit GraphState(OpBuilder &builder) : builder(builder) {}

  OpBuilder &builder;
  int64_t opset = 0;
  /// Extent of dimension 0 of every activation; null if the batch is stated.
  Value batchSize;
  llvm::StringMap<Tensor> constants;
  llvm::StringMap<Value> values;
  /// Those of `values` whose integers have no sign.
  llvm::StringSet<> unsignedValues;
  /// Integer vectors that are known although they depend on a shape.
  llvm::StringMap<Shape> integers;
};

/// One node: its operands, its attributes, its place in the module.
class Node {
public:
  Node(const ::onnx::NodeProto &proto, GraphState &graph, Location loc)
      : builder(graph.builder), loc(loc), proto(proto), graph(graph) {}

  OpBuilder &builder;
  Location loc;

  int64_t opset() const { return graph.opset; }
  StringRef op() const { return proto.op_type(); }

  //===-- Operands ---------------------------------------------------------------------------------------------===//

  int numInputs() const { return proto.input_size(); }
  /// True if operand `i` is given.
  bool has(int i) const { return i >= 0 && i < proto.input_size() && !proto.input(i).empty(); }
  /// Operand `i`; a constant becomes an op where it is first used.
  Value input(int i);
  RankedTensorType type(int i) {
    const Tensor *tensor = constant(i);
    return tensor ? tensor->type : cast<RankedTensorType>(input(i).getType());
  }
  /// Operand `i` if it is a constant, otherwise null.
  const Tensor *constant(int i) const;
  /// True if operand `i` is of integers without sign.
  bool isUnsigned(int i) const;
  /// The integers of operand `i`, if they are known; the batch is `kDynamic`.
  std::optional<Shape> integers(int i) const;
  /// The one number of operand `i`, if it is a constant.
  std::optional<double> number(int i) const;
  /// True if result `i` has a name, so that something may use it.
  bool wantsResult(int i) const { return i < proto.output_size() && !proto.output(i).empty(); }
  bool hasIntegersOnly() const;

  //===-- Attributes -------------------------------------------------------------------------------------------===//

  bool hasAttribute(StringRef name) const { return find(name); }
  int64_t integer(StringRef name, int64_t otherwise) const;
  double real(StringRef name, double otherwise) const;
  std::string text(StringRef name, StringRef otherwise) const;
  std::optional<Shape> list(StringRef name) const;
  std::optional<SmallVector<double>> reals(StringRef name) const;
  const ::onnx::TensorProto *tensor(StringRef name) const;

  //===-- Outcome ----------------------------------------------------------------------------------------------===//

  /// Says why the node cannot be taken; returns failure.
  LogicalResult refuse(const llvm::Twine &reason);
  /// The same, for an op over dimension 0 while the batch is a run-time value.
  LogicalResult refuseBatch(const llvm::Twine &what);
  const std::string &reason() const { return why; }

  /// Names a result.
  LogicalResult yield(Value value, int result = 0);
  LogicalResult yieldUnsigned(Value value, int result = 0);
  LogicalResult yieldIntegers(Shape values);
  LogicalResult yieldConstant(Tensor tensor);

  //===-- Building ---------------------------------------------------------------------------------------------===//

  /// The type of an activation of this shape; failure, after a refusal, if an extent is below 1 or all is too large.
  FailureOr<RankedTensorType> activation(ArrayRef<int64_t> shape, Type element);
  Value empty(RankedTensorType type);
  /// The extents of a tensor of `shape`, whose dynamic one is the batch.
  SmallVector<OpFoldResult> sizes(ArrayRef<int64_t> shape);
  Value scalar(Type element, double value);
  Value filled(RankedTensorType type, double value);
  /// `value` with `shape`, which has as many elements and the batch, if any, at 0.
  Value reshape(Value value, ArrayRef<int64_t> shape);
  /// A linalg.generic over the broadcast shape of the operands (NumPy's rules).
  FailureOr<Value> elementwise(ValueRange operands, Type resultElement,
                               llvm::function_ref<Value(OpBuilder &, ValueRange)> body);
  /// `value` at every place of `type`, as the init that a matmul or convolution accumulates on.
  FailureOr<Value> broadcastTo(Value value, RankedTensorType type);

private:
  const ::onnx::AttributeProto *find(StringRef name) const;
  FailureOr<Shape> broadcastShape(ValueRange operands);

  const ::onnx::NodeProto &proto;
  GraphState &graph;
  std::string why;
};

/// Imports one node, or refuses it.
using NodeImporter = LogicalResult (*)(Node &);
using NodeImporters = llvm::StringMap<NodeImporter>;

void addElementwiseOps(NodeImporters &importers);
void addLightOps(NodeImporters &importers);
void addLinearOps(NodeImporters &importers);
void addPoolingOps(NodeImporters &importers);
void addQuantizedOps(NodeImporters &importers);
void addReductionOps(NodeImporters &importers);

/// True if the importer of this op asks for the sign of its operands; all others get integers with sign only.
bool takesUnsignedIntegers(StringRef op);
void addShapeOps(NodeImporters &importers);

/// Padding and strides of a sliding window over the dimensions from 2 on, as Conv and the pooling ops say them.
struct Window {
  Shape kernel, strides, dilations, before, after;

  /// Reads the attributes; `kernel` is given where the op's weights say it. Fails after a refusal.
  static FailureOr<Window> get(Node &node, ArrayRef<int64_t> input, std::optional<Shape> kernel);
  /// Extents of the result. `ceil` rounds up, and drops windows that start in the padding after.
  Shape resultExtents(ArrayRef<int64_t> input, bool ceil = false) const;
  bool isPadded() const;
};

/// A node's name, or one made of its first result.
std::string nodeName(const ::onnx::NodeProto &node);

/// `value` padded on dimensions from 2 on; `after` may ask for more than the window's own padding.
Value padSpatial(Node &node, Value value, ArrayRef<int64_t> before, ArrayRef<int64_t> after, double with);

/// `axis` counted from the front; failure after a refusal if it is out of range.
FailureOr<int64_t> normalizeAxis(Node &node, int64_t axis, int64_t rank);

/// Multiplies the weights and bias of a Conv or Gemm by the scale of the BatchNormalization that alone uses its result,
/// and drops the latter. Exact but for rounding; only constant dense weights are touched.
void foldBatchNormalization(::onnx::GraphProto &graph, StringRef folder, Builder &builder);

} // namespace mlir::compress::onnx_import

#endif // COMPRESS_LIB_IMPORT_ONNX_NODE_H
