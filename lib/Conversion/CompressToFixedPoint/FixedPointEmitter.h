//===- FixedPointEmitter.h - Layers as exact integer loops -----*- C++ -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_LIB_CONVERSION_COMPRESSTOFIXEDPOINT_FIXEDPOINTEMITTER_H
#define COMPRESS_LIB_CONVERSION_COMPRESSTOFIXEDPOINT_FIXEDPOINTEMITTER_H

#include "../CompressToAffine/AffineNest.h"
#include "../CompressToAffine/MultiplyAdd.h"
#include "compress/Conversion/WidthRules.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Kernel/FixedNetwork.h"
#include "compress/Kernel/Requantize.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/StringSet.h"
#include <set>

namespace mlir::compress {

/// A loop over numbers of a flat buffer that are `stride` apart.
struct PlaceLoop {
  int64_t extent, stride;
};

/// A tensor as integers in a flat buffer of @main, row-major.
struct FixedTensor {
  Value buffer;
  SmallVector<int64_t> shape;
  kernel::FixedFormat format;
  /// The loops in which its numbers are written, outermost first. Places stay row-major whatever the order is.
  SmallVector<PlaceLoop> order;
};

/// Constants as integers in a flat global.
struct FixedConstant {
  memref::GlobalOp global;
  SmallVector<int64_t> shape;
  kernel::FixedFormat format;
};

/// What an accumulation starts from: constants, by the indices of the result.
struct Initial {
  SmallVector<double> values;
  SmallVector<int64_t> shape;
  AffineMap map;

  bool isZero() const {
    return llvm::all_of(values, [](double value) { return value == 0; });
  }
};

/// Constant factors of the numbers of an activation.
struct Scale {
  Value activation;
  /// What the products are added to, or null.
  Value init;
  SmallVector<double> factors;
  /// Where the factor of a number of the result is.
  SmallVector<int64_t> shape;
  AffineMap map;
};

/// A sum of products of an activation with constant weights, over common loops.
struct FixedProduct {
  Value activation, weight, init;
  AffineMap activationMap, weightMap, resultMap;
  SmallVector<int64_t> extents;
  /// The stored integers, where they are the weight.
  std::optional<CodedTensor> coded;
};

/// Weights as they are stored: factor * 2^-fraction * n.
struct FixedWeights {
  /// The integers n, or codes of signed powers of two: the sign bit, and how far to shift.
  FixedConstant codes;
  bool isShifts = false, hasZero = false;
  /// Most places that a code shifts by; one more is zero.
  int64_t span = 0;
  /// Bits that a product has beyond those of the activation.
  int64_t bits = 0;
  int64_t fraction = 0;
  /// The largest sum of |n| that one output adds up.
  double gain = 0;
  /// A factor for each group of weights; none where all are 1.
  std::optional<FixedConstant> factors;
  SmallVector<int64_t> group;
};

/// Weights without zeros: for each output as many codes, and where the numbers are that they are multiplied with.
struct SparseWeights {
  FixedConstant codes, places;
  int64_t perOutput = 0;
  /// The loops of outputs, in the order of the dimensions of both before the last.
  SmallVector<unsigned> outputs;
};

/// Replaces a function on tensors by one on flat buffers of integers: a private function of affine loops for each step
/// of a layer, and a call of it for each.
class FixedPointEmitter {
public:
  /// Inputs come row by row, all channels (dimension 1) of a pixel together, if `hasChannelsLast`.
  FixedPointEmitter(func::FuncOp source, const WidthRules &rules, bool hasChannelsLast);

  LogicalResult run();
  /// The layers, and inputs by their names, whose widths mattered.
  std::set<std::string> asked;

private:
  /// The function of one step, while its body is made.
  struct Step {
    func::FuncOp function;
    OpBuilder builder;
    Location loc;
    SmallVector<Value> inputs;
    Value output;
  };

  // FixedPointEmitter.cpp: formats, buffers, functions.
  LogicalResult emitInterface();
  LogicalResult emitOp(Operation *op);
  LogicalResult emitReturn(func::ReturnOp op);
  LogicalResult refuse(Operation *op, const Twine &reason);
  /// What is said of a layer or an input of that name, of the layer of `op`.
  const FixedPointWidths &widthsOf(std::string name);
  const FixedPointWidths &widthsOf(Operation *op);
  /// The largest magnitude stated for what `value` becomes, through ops that keep its format; fails with an error.
  FailureOr<double> largestOf(Value value, Operation *user);
  /// True if `value` becomes a result of the network through ops that keep its format.
  bool becomesResult(Value value);
  FailureOr<kernel::FixedFormat> activationFormat(Operation *op);
  const FixedTensor *input(Operation *op, Value value);
  /// The format of an argument of @main.
  kernel::FixedFormat formatOf(unsigned argument);
  /// A buffer for `value`, which is written in the order of its dimensions `dims`, outermost first.
  FixedTensor allocate(Value value, kernel::FixedFormat format, ArrayRef<unsigned> dims);
  /// Begins the function of a step that reads `inputs` and writes `output`, and calls it.
  Step begin(Operation *op, StringRef suffix, ArrayRef<FixedTensor> inputs, const FixedTensor &output);
  std::string uniqueName(const Twine &name);
  FixedConstant constant(Operation *op, StringRef suffix, ArrayRef<int64_t> shape, ArrayRef<int64_t> values,
                         kernel::FixedFormat format);
  /// The weights of `op`, quantized: as many fraction bits as the largest of them allows.
  FailureOr<FixedConstant> weights(Operation *op, Value value);
  Value read(Step &step, const FixedConstant &constant);
  /// Emits a call of the function for `how`, which is made once.
  Value round(OpBuilder &builder, Location loc, Value x, const kernel::Requantization &how);
  /// Fails with an error at `op` if a number on the way of `how` would be too wide.
  LogicalResult check(Operation *op, const kernel::Requantization &how);
  FailureOr<Initial> initial(Operation *op, Value init);
  void copy(Operation *op, const FixedTensor &from, const FixedTensor &to);

  // Weights.cpp
  FailureOr<FixedWeights> productWeights(Operation *op, const FixedProduct &product);
  FailureOr<FixedWeights> storeWeights(Operation *op, ArrayRef<double> numbers, ArrayRef<int64_t> shape,
                                       ArrayRef<bool> isSummed, bool keepsIntegers);
  /// The exact product in `width` bits: a multiplication, or a shift and a sign.
  Value multiply(OpBuilder &builder, Location loc, Value x, Value w, const FixedWeights &weights, int64_t width);

  // Zeros.cpp
  /// `weights` of `product` with `from` without their zeros, in place of the dense ones; nothing if they stay.
  std::optional<SparseWeights> withoutZeros(Operation *op, const FixedProduct &product, const FixedTensor &from,
                                            const FixedWeights &weights);

  // Products.cpp
  LogicalResult emitProduct(linalg::LinalgOp op);
  LogicalResult emitCodedProduct(CodedContractOp op);
  LogicalResult emitProduct(Operation *op, const FixedProduct &product);
  /// The format in which exact sums are stored: as they are, if nothing but a product reads them.
  FailureOr<kernel::FixedFormat> sumFormat(Operation *op, const kernel::FixedFormat &sum, bool isPlain);
  LogicalResult emitSpectralProduct(Operation *op, Value x, Value w, Value init, int64_t inDim, int64_t outDim,
                                    ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations);
  FailureOr<FixedConstant> biases(Operation *op, const Initial &start, int64_t fraction);

  // Transforms.cpp
  LogicalResult emitTransform(RfftOp op);
  LogicalResult emitInverse(RfftTransposeOp op);

  // Order.cpp: which loop is outside of which.
  /// The dimensions of `value`, which a step makes of `from`, in the order in which it writes them: those that the map
  /// `read` of `from` goes along (`dims` names their loops) as `from` was written, then the others.
  SmallVector<unsigned> writingOrder(Value value, const FixedTensor &from, AffineMap read, ArrayRef<AffineExpr> dims,
                                     function_ref<bool(AffineExpr)> isChannel);
  /// That of a step of which each number is made of the one at the same index.
  SmallVector<unsigned> numberByNumber(Operation *op, const FixedTensor &from);

  // Pointwise.cpp
  LogicalResult emitPooling(linalg::LinalgOp op, bool isMax);
  LogicalResult emitRelu(linalg::LinalgOp op);
  LogicalResult emitSum(linalg::LinalgOp op);
  LogicalResult emitScale(linalg::LinalgOp op, const Scale &scale);
  /// `source` at `low` in a result of `filling`, a constant.
  LogicalResult emitPad(Operation *op, Value source, ArrayRef<int64_t> low, Value filling);
  LogicalResult emitReshape(Operation *op);

  func::FuncOp source, target;
  const WidthRules &rules;
  bool hasChannelsLast;
  OpBuilder main;
  llvm::DenseMap<Value, FixedTensor> tensors;
  llvm::StringSet<> names;
  llvm::StringMap<func::FuncOp> rounders;
};

/// A reduction by maximum or by sum of one tensor over windows: what pooling is.
enum class Pooling { None, Max, Sum };
Pooling matchPooling(linalg::LinalgOp op);
/// True if `op` is max(x, 0), number by number.
bool isRelu(Operation *op);
/// The factors, if `op` multiplies or divides each number by a constant, and perhaps adds it to its destination.
std::optional<Scale> matchScale(linalg::LinalgOp op);
/// True if `op` adds or subtracts two tensors, number by number.
bool isSumOfTwo(linalg::LinalgOp op);
/// True if `op` is a sum of products of two tensors.
bool isProduct(Operation *op);
/// True if the numbers of the result of `op` are some of those of its operand 0, or limits of them.
bool keepsFormat(Operation *op);

/// True if `value` is no activation: an empty tensor, one of a single constant, or a slice of such a one.
bool isFiller(Value value);

/// The loops over the places of `shape` in the order of its dimensions `dims`; those that are one loop are put
/// together.
SmallVector<PlaceLoop> placeLoops(ArrayRef<int64_t> shape, ArrayRef<unsigned> dims);
/// The dimensions of a tensor in the order in which its numbers are written.
SmallVector<unsigned> dimsInOrder(const FixedTensor &tensor);
/// The loops in which the numbers along dimension `dim` of a tensor are written, their strides along it; none if there
/// are no such loops.
SmallVector<PlaceLoop> loopsAlong(const FixedTensor &tensor, unsigned dim);
/// The loops of `map` that a sum goes through, windows outside, channels inside.
void sortReductions(SmallVectorImpl<unsigned> &dims, AffineMap map);

/// The row-major place of `index` in `shape`.
AffineExpr flatten(ArrayRef<AffineExpr> index, ArrayRef<int64_t> shape, MLIRContext *context);
int64_t ceilLog2(int64_t n);
/// The number of `buffer` that is `place`, an integer, behind that at `first`.
Value loadAt(AffineNest &nest, Value buffer, AffineExpr first, Value place);
/// The exact sum of integers.
Value exactSum(OpBuilder &builder, Location loc, Value a, Value b);
/// `x` in `width` bits.
Value extend(OpBuilder &builder, Location loc, Value x, int64_t width);
Value integer(OpBuilder &builder, Location loc, int64_t value, int64_t width);

} // namespace mlir::compress

#endif // COMPRESS_LIB_CONVERSION_COMPRESSTOFIXEDPOINT_FIXEDPOINTEMITTER_H
