//===- TensorEvaluator.cpp - Values of constant tensor expressions ---------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TensorEvaluator.h"
#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Layout.h"
#include "compress/Kernel/Evaluate.h"
#include "compress/Kernel/FFT.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

using Values = TensorEvaluator::Values;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static bool isSupportedElement(Type type) {
  return type.isF32() || type.isF64() || (type.isSignlessInteger() && type.getIntOrFloatBitWidth() <= 32);
}

/// True for the tensors that can be evaluated: static, of f32, f64 or small integers.
static bool isStaticTensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isEvaluable(type) && isSupportedElement(type.getElementType());
}

/// Row-major strides of `shape`.
static SmallVector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  return strides;
}

//===----------------------------------------------------------------------===//
// Linalg ops
//===----------------------------------------------------------------------===//

/// A scalar of the interpreter: floats as they are, integers of at most 64 bits sign-extended.
struct Scalar {
  double number = 0;
  int64_t integer = 0;
};

static unsigned bitsOf(Value value) {
  Type type = value.getType();
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

/// The value of an integer op of the supported set on sign-extended `a` and `b`; nullopt for any other op.
static std::optional<int64_t> applyInteger(Operation *op, int64_t a, int64_t b) {
  unsigned bits = bitsOf(op->getOperand(0));
  uint64_t low = bits < 64 ? (uint64_t(1) << bits) - 1 : ~uint64_t(0);
  auto result = llvm::TypeSwitch<Operation *, std::optional<int64_t>>(op)
                    .Case([&](arith::ExtUIOp) { return static_cast<int64_t>(a & low); })
                    .Case<arith::ExtSIOp, arith::IndexCastOp, arith::TruncIOp>([&](Operation *) { return a; })
                    .Case([&](arith::AddIOp) { return a + b; })
                    .Case([&](arith::SubIOp) { return a - b; })
                    .Case([&](arith::MulIOp) { return a * b; })
                    .Case([&](arith::AndIOp) { return a & b; })
                    .Case([&](arith::OrIOp) { return a | b; })
                    .Case([&](arith::XOrIOp) { return a ^ b; })
                    .Case([&](arith::MaxSIOp) { return std::max(a, b); })
                    .Case([&](arith::MinSIOp) { return std::min(a, b); })
                    .Case([&](arith::ShLIOp) { return b < 0 || b > 63 ? 0 : static_cast<int64_t>(uint64_t(a) << b); })
                    .Case([&](arith::ShRUIOp) { return b < 0 || b > 63 ? 0 : static_cast<int64_t>((a & low) >> b); })
                    .Case([&](arith::CmpIOp cmp) -> std::optional<int64_t> {
                      switch (cmp.getPredicate()) {
                      case arith::CmpIPredicate::eq:
                        return a == b;
                      case arith::CmpIPredicate::ne:
                        return a != b;
                      case arith::CmpIPredicate::slt:
                        return a < b;
                      case arith::CmpIPredicate::sge:
                        return a >= b;
                      default:
                        return std::nullopt;
                      }
                    })
                    .Default([](Operation *) { return std::nullopt; });
  if (!result)
    return result;
  // Booleans are 0 or 1; all else is sign-extended from its width.
  unsigned width = bitsOf(op->getResult(0));
  return width == 1 ? *result & 1 : width < 64 ? llvm::SignExtend64(*result, width) : *result;
}

/// The value of a float op of the supported set; nullopt for any other op.
static std::optional<double> applyFloat(Operation *op, double a, double b) {
  return llvm::TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](arith::AddFOp) { return a + b; })
      .Case([&](arith::SubFOp) { return a - b; })
      .Case([&](arith::MulFOp) { return a * b; })
      .Case([&](arith::DivFOp) { return a / b; })
      .Case([&](arith::NegFOp) { return -a; })
      .Case([&](math::SqrtOp) { return std::sqrt(a); })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](Operation *) { return a; })
      .Default([](Operation *) { return std::nullopt; });
}

/// The value of a scalar op on `operands`; nullopt for an op that the interpreter does not know.
static std::optional<Scalar> applyScalar(Operation *op, ArrayRef<Scalar> operands) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || op->getNumOperands() > 3)
    return std::nullopt;
  if (isa<arith::SelectOp>(op))
    return operands[operands[0].integer ? 1 : 2];
  if (isa<arith::SIToFPOp>(op))
    return Scalar{static_cast<double>(operands[0].integer), 0};
  const Scalar &a = operands.front(), &b = operands.back();
  if (isa<FloatType>(op->getResult(0).getType()) && isa<FloatType>(op->getOperand(0).getType())) {
    auto number = applyFloat(op, a.number, b.number);
    return number ? std::optional<Scalar>({*number, 0}) : std::nullopt;
  }
  if (!op->getOperand(0).getType().isIntOrIndex() || !op->getResult(0).getType().isIntOrIndex())
    return std::nullopt;
  auto integer = applyInteger(op, a.integer, b.integer);
  return integer ? std::optional<Scalar>({0, *integer}) : std::nullopt;
}

/// A region of scalar arithmetic as a list of steps over numbered registers: block arguments, constants, results. Reads
/// of tensors from outside of the region (tensor.extract) are steps too.
struct ScalarProgram {
  struct Step {
    Operation *op;
    SmallVector<int64_t, 4> operands;
    int64_t result;
    /// tensor.extract: the tensor's values and strides, once they are known.
    const Values *table = nullptr;
    SmallVector<int64_t, 4> strides;
  };
  SmallVector<Step> steps;
  SmallVector<Scalar> registers;
  SmallVector<bool> isInteger;
  int64_t yielded = -1;

  static std::optional<ScalarProgram> get(linalg::LinalgOp op) {
    ScalarProgram program;
    llvm::DenseMap<Value, int64_t> numbers;
    auto number = [&](Value value) -> int64_t {
      auto [it, isNew] = numbers.try_emplace(value, static_cast<int64_t>(program.registers.size()));
      if (isNew) {
        program.registers.push_back(constantScalar(value).value_or(Scalar()));
        program.isInteger.push_back(value.getType().isIntOrIndex());
      }
      return it->second;
    };
    Block *body = op.getBlock();
    for (BlockArgument argument : body->getArguments())
      number(argument);
    for (Operation &inner : body->without_terminator()) {
      if (isa<arith::ConstantOp>(inner))
        continue;
      Step step{&inner, {}, -1, nullptr, {}};
      auto extract = dyn_cast<tensor::ExtractOp>(inner);
      if (extract) {
        auto table = cast<RankedTensorType>(extract.getTensor().getType());
        if (!table.hasStaticShape())
          return std::nullopt;
        step.strides = stridesOf(table.getShape());
      } else if (!isa<linalg::IndexOp>(inner)) {
        SmallVector<Scalar> ones(inner.getNumOperands(), Scalar{1, 1});
        if (!applyScalar(&inner, ones))
          return std::nullopt;
      }
      for (Value operand : extract ? ValueRange(extract.getIndices()) : ValueRange(inner.getOperands()))
        step.operands.push_back(number(operand));
      step.result = number(inner.getResult(0));
      program.steps.push_back(std::move(step));
    }
    // A scalar from outside of the region must be a constant.
    for (auto [value, index] : numbers)
      if (value.getParentBlock() != body && !constantScalar(value))
        return std::nullopt;
    if (body->getTerminator()->getNumOperands() != 1)
      return std::nullopt;
    program.yielded = number(body->getTerminator()->getOperand(0));
    return program;
  }

  static std::optional<Scalar> constantScalar(Value value) {
    FloatAttr number;
    IntegerAttr integer;
    if (matchPattern(value, m_Constant(&number)))
      return Scalar{number.getValueAsDouble(), 0};
    if (matchPattern(value, m_Constant(&integer)) && integer.getValue().getSignificantBits() <= 64) {
      bool isBool = integer.getType().isInteger(1);
      return Scalar{0, isBool ? static_cast<int64_t>(integer.getValue().getZExtValue())
                              : integer.getValue().getSExtValue()};
    }
    return std::nullopt;
  }

  void set(int64_t index, double value) {
    if (isInteger[index])
      registers[index].integer = static_cast<int64_t>(value);
    else
      registers[index].number = value;
  }
  double get(int64_t index) const {
    return isInteger[index] ? static_cast<double>(registers[index].integer) : registers[index].number;
  }

  /// Runs the body at the loops' `indices`; nullopt if it reads outside of a tensor.
  std::optional<double> run(ArrayRef<int64_t> indices) {
    SmallVector<Scalar, 4> operands;
    for (const Step &step : steps) {
      if (auto index = dyn_cast<linalg::IndexOp>(step.op)) {
        registers[step.result].integer = indices[index.getDim()];
        continue;
      }
      if (isa<tensor::ExtractOp>(step.op)) {
        int64_t at = 0;
        for (auto [operand, stride] : llvm::zip(step.operands, step.strides))
          at += registers[operand].integer * stride;
        if (at < 0 || at >= static_cast<int64_t>(step.table->size()))
          return std::nullopt;
        set(step.result, (*step.table)[at]);
        continue;
      }
      operands.clear();
      for (int64_t operand : step.operands)
        operands.push_back(registers[operand]);
      registers[step.result] = *applyScalar(step.op, operands);
    }
    return get(yielded);
  }
};

/// The stride of each loop of an operand with indexing map `map` and shape `shape`; nullopt if the map is no selection
/// of loops.
static std::optional<SmallVector<int64_t>> loopStrides(AffineMap map, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides = stridesOf(shape), result(map.getNumDims(), 0);
  for (auto [expr, stride] : llvm::zip(map.getResults(), strides)) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return std::nullopt;
    result[dim.getPosition()] += stride;
  }
  return result;
}

static bool supportsLinalg(linalg::LinalgOp op) {
  if (op.getNumDpsInits() != 1 || op->getNumResults() != 1)
    return false;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (type && (!isStaticTensor(operand.get()) || !loopStrides(op.getMatchingIndexingMap(&operand), type.getShape())))
      return false;
    if (!type && !isSupportedElement(operand.get().getType()))
      return false;
  }
  return ScalarProgram::get(op).has_value();
}

/// Runs the loop nest of `op`. `inputs` has an entry per operand; scalars have one value. `tableOf` gives the values of
/// a tensor that the body reads. Nullopt if one is not known, or is read outside of its bounds.
static std::optional<Values> runLinalg(linalg::LinalgOp op, ArrayRef<const Values *> inputs,
                                       function_ref<const Values *(Value)> tableOf) {
  ScalarProgram program = *ScalarProgram::get(op);
  for (ScalarProgram::Step &step : program.steps)
    if (auto extract = dyn_cast<tensor::ExtractOp>(step.op)) {
      step.table = tableOf(extract.getTensor());
      if (!step.table)
        return std::nullopt;
    }
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  SmallVector<SmallVector<int64_t>> strides;
  for (OpOperand &operand : op->getOpOperands()) {
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    strides.push_back(type ? *loopStrides(op.getMatchingIndexingMap(&operand), type.getShape())
                           : SmallVector<int64_t>(extents.size(), 0));
  }
  Values result(*inputs.back());
  SmallVector<int64_t> index(extents.size(), 0), offsets(inputs.size(), 0);
  if (llvm::is_contained(extents, 0))
    return result;
  bool isMove = program.steps.empty() && program.yielded + 1 < static_cast<int64_t>(inputs.size());
  while (true) {
    if (isMove) {
      result[offsets.back()] = (*inputs[program.yielded])[offsets[program.yielded]];
    } else {
      for (size_t i = 0; i + 1 < inputs.size(); ++i)
        program.set(i, (*inputs[i])[offsets[i]]);
      program.set(inputs.size() - 1, result[offsets.back()]);
      std::optional<double> value = program.run(index);
      if (!value)
        return std::nullopt;
      result[offsets.back()] = *value;
    }
    int64_t d = static_cast<int64_t>(extents.size()) - 1;
    for (; d >= 0; --d) {
      bool carry = ++index[d] == extents[d];
      for (auto [offset, stride] : llvm::zip(offsets, strides))
        offset += carry ? stride[d] * (1 - extents[d]) : stride[d];
      if (!carry)
        break;
      index[d] = 0;
    }
    if (d < 0)
      return result;
  }
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

/// Copies the box of `sizes` at `offsets` with `steps` of a tensor of shape `outer` from (or to) the packed `box`.
static void copyBox(ArrayRef<int64_t> outer, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes,
                    ArrayRef<int64_t> steps, function_ref<void(int64_t outerIndex, int64_t boxIndex)> copy) {
  SmallVector<int64_t> strides = stridesOf(outer), index(sizes.size(), 0);
  int64_t count = 1;
  for (int64_t size : sizes)
    count *= size;
  for (int64_t at = 0; at < count; ++at) {
    int64_t position = 0;
    for (size_t d = 0; d < sizes.size(); ++d)
      position += (offsets[d] + index[d] * steps[d]) * strides[d];
    copy(position, at);
    for (int64_t d = static_cast<int64_t>(sizes.size()) - 1; d >= 0 && ++index[d] == sizes[d]; --d)
      index[d] = 0;
  }
}

static bool isStaticSlice(OffsetSizeAndStrideOpInterface op) {
  auto isStatic = [](ArrayRef<int64_t> values) { return !ShapedType::isDynamicShape(values); };
  return isStatic(op.getStaticOffsets()) && isStatic(op.getStaticSizes()) && isStatic(op.getStaticStrides());
}

//===----------------------------------------------------------------------===//
// Transforms
//===----------------------------------------------------------------------===//

/// Applies `network` to every vector along `dim` of `flat` (blocked by k) and slot of `planes`, in the given direction.
static void runTransform(const kernel::Network &network, ArrayRef<int64_t> flatShape, ArrayRef<int64_t> planeShape,
                         int64_t dim, bool toPlanes, MutableArrayRef<double> flat, MutableArrayRef<double> planes) {
  SmallVector<int64_t> flatStrides = stridesOf(flatShape), planeStrides = stridesOf(planeShape);
  int64_t k = planeShape[0], n = flatShape[dim];
  SmallVector<int64_t> blocks(planeShape.drop_front()), index(blocks.size(), 0);
  int64_t count = 1;
  for (int64_t extent : blocks)
    count *= extent;
  SmallVector<double> numbers(k), slots(k);
  kernel::Evaluator evaluator(network);
  for (int64_t at = 0; at < count; ++at) {
    int64_t flatBase = 0, planeBase = 0;
    for (size_t d = 0; d < blocks.size(); ++d) {
      flatBase += index[d] * (static_cast<int64_t>(d) == dim ? k : 1) * flatStrides[d];
      planeBase += index[d] * planeStrides[d + 1];
    }
    int64_t valid = std::min(k, n - index[dim] * k);
    if (toPlanes) {
      for (int64_t t = 0; t < k; ++t)
        numbers[t] = t < valid ? flat[flatBase + t * flatStrides[dim]] : 0.0;
      evaluator.run(numbers, slots);
      for (int64_t s = 0; s < k; ++s)
        planes[planeBase + s * planeStrides[0]] = slots[s];
    } else {
      for (int64_t s = 0; s < k; ++s)
        slots[s] = planes[planeBase + s * planeStrides[0]];
      evaluator.run(slots, numbers);
      for (int64_t t = 0; t < valid; ++t)
        flat[flatBase + t * flatStrides[dim]] += numbers[t];
    }
    for (int64_t d = static_cast<int64_t>(blocks.size()) - 1; d >= 0 && ++index[d] == blocks[d]; --d)
      index[d] = 0;
  }
}

//===----------------------------------------------------------------------===//
// TensorEvaluator
//===----------------------------------------------------------------------===//

/// True if the network of a transform fits into memory; the operations of one of a prime grow as its square.
static bool isShort(int64_t k) { return kernel::operationCountUpperBound(k) <= int64_t(1) << 21; }

bool TensorEvaluator::supports(Operation *op) {
  if (op->getNumResults() != 1 || !isStaticTensor(op->getResult(0)))
    return false;
  if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    return supportsLinalg(linalgOp);
  if (isa<tensor::ExtractSliceOp, tensor::InsertSliceOp>(op))
    return isStaticSlice(cast<OffsetSizeAndStrideOpInterface>(op)) && isStaticTensor(op->getOperand(0));
  if (isa<RelayoutOp>(op))
    return isStaticTensor(op->getOperand(0));
  if (auto rfft = dyn_cast<RfftOp>(op); rfft && !isShort(rfft.getBlockSize()))
    return false;
  if (auto rfft = dyn_cast<RfftTransposeOp>(op); rfft && !isShort(rfft.getBlockSize()))
    return false;
  return isa<tensor::EmptyOp, tensor::CastOp, tensor::CollapseShapeOp, tensor::ExpandShapeOp, RfftOp, RfftTransposeOp>(
             op) &&
         (op->getNumOperands() == 0 || isStaticTensor(op->getOperand(0)));
}

const Values *TensorEvaluator::evaluate(Value value) {
  if (auto it = cache.find(value); it != cache.end())
    return it->second.get();
  if (isSupportedElement(value.getType()))
    if (auto scalar = ScalarProgram::constantScalar(value))
      return (cache[value] =
                  std::make_unique<Values>(1, value.getType().isInteger() ? double(scalar->integer) : scalar->number))
          .get();
  if (auto constants = constantValues(value))
    return (cache[value] = std::make_unique<Values>(std::move(*constants))).get();
  Operation *op = value.getDefiningOp();
  if (!op || !supports(op) || !evaluateOp(op))
    return nullptr;
  return cache[value].get();
}

bool TensorEvaluator::evaluateOp(Operation *op) {
  SmallVector<const Values *> inputs;
  for (Value operand : op->getOperands()) {
    if (operand.getType().isIndex())
      continue;
    const Values *input = evaluate(operand);
    if (!input)
      return false;
    inputs.push_back(input);
  }
  Value result = op->getResult(0);
  auto values = std::make_unique<Values>();
  bool isKnown = true;
  ArrayRef<int64_t> shape = typeOf(result).getShape();
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](tensor::EmptyOp) { values->assign(typeOf(result).getNumElements(), 0.0); })
      .Case([&](linalg::LinalgOp linalgOp) {
        auto computed = runLinalg(linalgOp, inputs, [&](Value table) { return evaluate(table); });
        isKnown = computed.has_value();
        *values = std::move(computed).value_or(Values());
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        values->resize(typeOf(result).getNumElements());
        copyBox(typeOf(slice.getSource()).getShape(), slice.getStaticOffsets(), slice.getStaticSizes(),
                slice.getStaticStrides(), [&](int64_t outer, int64_t box) { (*values)[box] = (*inputs[0])[outer]; });
      })
      .Case([&](tensor::InsertSliceOp slice) {
        *values = *inputs[1];
        copyBox(shape, slice.getStaticOffsets(), slice.getStaticSizes(), slice.getStaticStrides(),
                [&](int64_t outer, int64_t box) { (*values)[outer] = (*inputs[0])[box]; });
      })
      .Case([&](RelayoutOp relayout) {
        *values = relayout.getTo() ? storeInLayout(*relayout.getTo(), typeOf(relayout.getInput()), *inputs[0])
                                   : readFromLayout(*relayout.getFrom(), typeOf(result), *inputs[0]);
      })
      .Case([&](RfftOp rfft) {
        Values flat = *inputs[0];
        values->assign(typeOf(result).getNumElements(), 0.0);
        runTransform(kernel::rfft(shape[0]), typeOf(rfft.getInput()).getShape(), shape, rfft.getDim(),
                     /*toPlanes=*/true, flat, *values);
      })
      .Case([&](RfftTransposeOp transpose) {
        ArrayRef<int64_t> planeShape = typeOf(transpose.getInput()).getShape();
        Values planes = *inputs[0];
        if (transpose.getAccumulate())
          *values = *inputs[1];
        else
          values->assign(typeOf(result).getNumElements(), 0.0);
        runTransform(kernel::transpose(kernel::rfft(planeShape[0])), shape, planeShape, transpose.getDim(),
                     /*toPlanes=*/false, *values, planes);
      })
      .Default([&](Operation *) { *values = *inputs[0]; }); // reshapes and casts keep row-major values
  if (isKnown)
    cache[result] = std::move(values);
  return isKnown;
}
