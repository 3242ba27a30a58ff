//===- FixedPointEmitter.cpp - Layers as exact integer loops ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "FixedPointEmitter.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Layers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::kernel;

AffineExpr mlir::compress::flatten(ArrayRef<AffineExpr> index, ArrayRef<int64_t> shape, MLIRContext *context) {
  AffineExpr place = getAffineConstantExpr(0, context);
  for (auto [expr, extent] : llvm::zip_equal(index, shape))
    place = place * extent + expr;
  return place;
}

int64_t mlir::compress::ceilLog2(int64_t n) { return n <= 1 ? 0 : llvm::Log2_64_Ceil(n); }

Value mlir::compress::extend(OpBuilder &builder, Location loc, Value x, int64_t width) {
  return x.getType().getIntOrFloatBitWidth() == width
             ? x
             : Value(arith::ExtSIOp::create(builder, loc, builder.getIntegerType(width), x));
}

Value mlir::compress::integer(OpBuilder &builder, Location loc, int64_t value, int64_t width) {
  return arith::ConstantIntOp::create(builder, loc, builder.getIntegerType(width), value);
}

static MemRefType bufferType(ArrayRef<int64_t> shape, FixedFormat format, MLIRContext *context) {
  return MemRefType::get({ShapedType::getNumElements(shape)}, IntegerType::get(context, format.width));
}

FixedPointEmitter::FixedPointEmitter(func::FuncOp source, const WidthRules &rules, bool hasChannelsLast)
    : source(source), rules(rules), hasChannelsLast(hasChannelsLast), main(source.getContext()) {
  source->getParentOfType<ModuleOp>().walk([&](SymbolOpInterface op) { names.insert(op.getName()); });
}

LogicalResult FixedPointEmitter::refuse(Operation *op, const Twine &reason) {
  return op->emitError() << "has no fixed-point form: " << reason << " ('" << op->getName() << "')";
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

const FixedPointWidths &FixedPointEmitter::widthsOf(std::string name) {
  const FixedPointWidths &widths = rules.of(name);
  asked.insert(std::move(name));
  return widths;
}

const FixedPointWidths &FixedPointEmitter::widthsOf(Operation *op) { return widthsOf(layerOf(op->getLoc())); }

/// The op that `value` has as its only user, if it keeps the format.
static Operation *formatKeeper(Value value) {
  if (!value.hasOneUse())
    return nullptr;
  Operation *user = *value.getUsers().begin();
  return keepsFormat(user) && user->getOperand(0) == value ? user : nullptr;
}

bool FixedPointEmitter::becomesResult(Value value) {
  while (Operation *user = formatKeeper(value))
    value = user->getResult(0);
  return llvm::any_of(value.getUsers(), [](Operation *user) { return isa<func::ReturnOp>(user); });
}

FailureOr<double> FixedPointEmitter::largestOf(Value value, Operation *user) {
  // Numbers that a limit cuts off need no bits: below 0 if relu follows, for saturation and relu commute.
  while (Operation *next = formatKeeper(value))
    value = next->getResult(0);
  auto argument = dyn_cast<BlockArgument>(value);
  Attribute attr =
      argument ? source.getArgAttr(argument.getArgNumber(), kRangeAttr) : value.getDefiningOp()->getAttr(kRangeAttr);
  auto range = dyn_cast_or_null<DenseF64ArrayAttr>(attr);
  if (range && range.size() == 2 && range[0] <= range[1] && std::isfinite(range[1] - range[0]))
    return std::max(std::abs(range[0]), std::abs(range[1]));
  Operation *at = argument ? user : value.getDefiningOp();
  at->emitError() << "the range of its " << (argument ? "input" : "result") << " is not known: expects an attribute "
                  << kRangeAttr << " = array<f64: low, high>, which calibration writes";
  return failure();
}

FailureOr<FixedFormat> FixedPointEmitter::activationFormat(Operation *op) {
  Value value = op->getResult(0);
  FailureOr<double> largest = largestOf(value, op);
  if (failed(largest))
    return failure();
  return formatFor(becomesResult(value) ? rules.others().result : widthsOf(op).activation, *largest);
}

LogicalResult FixedPointEmitter::check(Operation *op, const Requantization &how) {
  if (how.from.width <= kMostFixedBits && how.widest() <= kMostFixedBits)
    return success();
  return refuse(op, "a number of more than " + Twine(kMostFixedBits) +
                        " bits is needed on the way: choose smaller widths, or look whether its range is right");
}

//===----------------------------------------------------------------------===//
// Buffers and constants
//===----------------------------------------------------------------------===//

const FixedTensor *FixedPointEmitter::input(Operation *op, Value value) {
  auto it = tensors.find(value);
  if (it != tensors.end())
    return &it->second;
  (void)refuse(op, "an operand that should be an activation is none");
  return nullptr;
}

FixedFormat FixedPointEmitter::formatOf(unsigned argument) {
  auto type = cast<MemRefType>(target.getArgument(argument).getType());
  return {type.getElementTypeBitWidth(), target.getArgAttrOfType<IntegerAttr>(argument, kFractionAttr).getInt()};
}

FixedTensor FixedPointEmitter::allocate(Value value, FixedFormat format, ArrayRef<unsigned> dims) {
  auto shape = llvm::to_vector(cast<RankedTensorType>(value.getType()).getShape());
  // What is returned, maybe after reshapes, is written where the caller wants it.
  Value last = value;
  while (last.hasOneUse() && isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(*last.getUsers().begin()))
    last = (*last.getUsers().begin())->getResult(0);
  FixedTensor tensor{{}, shape, format, placeLoops(shape, dims)};
  for (OpOperand &use : last.getUses())
    if (auto exit = dyn_cast<func::ReturnOp>(use.getOwner())) {
      unsigned number = source.getNumArguments() + use.getOperandNumber();
      if (formatOf(number) == format)
        tensor.buffer = target.getArgument(number);
      break;
    }
  if (!tensor.buffer)
    tensor.buffer = memref::AllocOp::create(main, value.getLoc(), bufferType(shape, format, main.getContext()));
  tensors[value] = tensor;
  return tensor;
}

std::string FixedPointEmitter::uniqueName(const Twine &name) {
  std::string text = name.str(), result = text;
  for (int i = 2; !names.insert(result).second; ++i)
    result = text + "_" + std::to_string(i);
  return result;
}

/// A C identifier made of the layer of `op`.
static std::string identifierOf(Operation *op) {
  std::string name;
  for (char c : layerOf(op->getLoc()))
    if (llvm::isAlnum(c) || !name.empty())
      name += llvm::isAlnum(c) ? c : '_';
  if (name.empty() || llvm::isDigit(name[0]))
    name = "layer_" + name;
  return name;
}

FixedConstant FixedPointEmitter::constant(Operation *op, StringRef suffix, ArrayRef<int64_t> shape,
                                          ArrayRef<int64_t> values, FixedFormat format) {
  OpBuilder builder(target);
  auto type = bufferType(shape, format, builder.getContext());
  SmallVector<APInt> numbers;
  for (int64_t value : values)
    numbers.push_back(APInt(format.width, value, /*isSigned=*/true));
  auto attr = DenseElementsAttr::get(RankedTensorType::get(type.getShape(), type.getElementType()), numbers);
  auto global = memref::GlobalOp::create(builder, op->getLoc(), uniqueName(identifierOf(op) + "_" + suffix),
                                         builder.getStringAttr("private"), type, attr, /*constant=*/true,
                                         /*alignment=*/IntegerAttr());
  global->setAttr(kFractionAttr, builder.getI64IntegerAttr(format.fraction));
  return {global, llvm::to_vector(shape), format};
}

FailureOr<FixedConstant> FixedPointEmitter::weights(Operation *op, Value value) {
  auto numbers = constantValues(value);
  if (!numbers) {
    (void)refuse(op, "its weights are no constants");
    return failure();
  }
  double largest = 0;
  for (double number : *numbers)
    largest = std::max(largest, std::abs(number));
  FixedFormat format = formatFor(widthsOf(op).weight, largest);
  SmallVector<int64_t> values;
  for (double number : *numbers)
    values.push_back(quantize(number, format));
  return constant(op, "weights", cast<RankedTensorType>(value.getType()).getShape(), values, format);
}

FailureOr<Initial> FixedPointEmitter::initial(Operation *op, Value init) {
  auto shape = cast<RankedTensorType>(init.getType()).getShape();
  MLIRContext *context = op->getContext();
  FloatAttr number;
  if (auto fill = init.getDefiningOp<linalg::FillOp>(); fill && matchPattern(fill.getInputs()[0], m_Constant(&number)))
    return Initial{{number.getValueAsDouble()}, {}, AffineMap::get(shape.size(), 0, context)};
  auto broadcast = init.getDefiningOp<linalg::BroadcastOp>();
  Value constant = broadcast ? broadcast.getInput() : init;
  if (auto values = constantValues(constant)) {
    AffineMap map = AffineMap::getMultiDimIdentityMap(shape.size(), context);
    if (broadcast)
      map = map.dropResults(broadcast.getDimensions());
    return Initial{std::move(*values), llvm::to_vector(cast<RankedTensorType>(constant.getType()).getShape()), map};
  }
  (void)refuse(op, "what its sum starts from is no constant; sums of activations are not supported");
  return failure();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

FixedPointEmitter::Step FixedPointEmitter::begin(Operation *op, StringRef suffix, ArrayRef<FixedTensor> inputs,
                                                 const FixedTensor &output) {
  SmallVector<Value> operands;
  for (const FixedTensor &input : inputs)
    operands.push_back(input.buffer);
  operands.push_back(output.buffer);
  OpBuilder outside(target);
  auto type = outside.getFunctionType(ValueRange(operands).getTypes(), {});
  auto function = func::FuncOp::create(outside, op->getLoc(), uniqueName(identifierOf(op) + "_" + suffix), type);
  function.setPrivate();
  for (auto [i, input] : llvm::enumerate(inputs))
    function.setArgAttr(i, kFractionAttr, outside.getI64IntegerAttr(input.format.fraction));
  function.setArgAttr(inputs.size(), kFractionAttr, outside.getI64IntegerAttr(output.format.fraction));
  function.setArgAttr(inputs.size(), kResultAttr, outside.getUnitAttr());
  func::CallOp::create(main, op->getLoc(), function, operands);
  Block *body = function.addEntryBlock();
  OpBuilder builder = OpBuilder::atBlockEnd(body);
  auto exit = func::ReturnOp::create(builder, op->getLoc());
  builder.setInsertionPoint(exit);
  SmallVector<Value> arguments(body->getArguments().drop_back());
  return {function, builder, op->getLoc(), arguments, body->getArguments().back()};
}

Value FixedPointEmitter::read(Step &step, const FixedConstant &constant) {
  memref::GlobalOp global = constant.global;
  return memref::GetGlobalOp::create(step.builder, step.loc, global.getType(), global.getSymName());
}

/// A word for a number that may be negative.
static std::string wordFor(int64_t number) {
  return number < 0 ? "m" + std::to_string(-number) : std::to_string(number);
}

Value FixedPointEmitter::round(OpBuilder &builder, Location loc, Value x, const Requantization &how) {
  std::string name = (how.saturates ? "saturate_i" : "round_i") + std::to_string(how.from.width) + "_by_" +
                     wordFor(how.shift()) + "_to_i" + std::to_string(how.to.width);
  func::FuncOp &function = rounders[name];
  if (!function) {
    OpBuilder outside(source->getContext());
    outside.setInsertionPointToStart(source->getParentOfType<ModuleOp>().getBody());
    Location unknown = outside.getUnknownLoc();
    auto type = outside.getFunctionType({x.getType()}, {outside.getIntegerType(how.to.width)});
    function = func::FuncOp::create(outside, unknown, uniqueName(name), type);
    function.setPrivate();
    outside.setInsertionPointToStart(function.addEntryBlock());
    func::ReturnOp::create(outside, unknown, emitRequantize(outside, unknown, function.getArgument(0), how));
  }
  return func::CallOp::create(builder, loc, function, x).getResult(0);
}

void FixedPointEmitter::copy(Operation *op, const FixedTensor &from, const FixedTensor &to) {
  Step step = begin(op, "copy", {from}, to);
  AffineNest nest(step.builder, step.loc);
  AffineExpr place = nest.loop(0, ShapedType::getNumElements(from.shape));
  Value x = nest.load(step.inputs[0], place, 1);
  nest.store(round(step.builder, step.loc, x, {from.format, to.format}), step.output, place);
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

LogicalResult FixedPointEmitter::emitInterface() {
  MLIRContext *context = source.getContext();
  SmallVector<Type> types;
  SmallVector<FixedFormat> formats;
  SmallVector<SmallVector<int64_t>> shapes;
  auto add = [&](Value value, int64_t width, Operation *user) -> LogicalResult {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || !type.hasStaticShape() || !isa<FloatType>(type.getElementType()))
      return user->emitError() << "expects static float tensors in and out (compress-compile --batch 1), not "
                               << value.getType();
    FailureOr<double> largest = largestOf(value, user);
    if (failed(largest))
      return failure();
    formats.push_back(formatFor(width, *largest));
    shapes.push_back(llvm::to_vector(type.getShape()));
    types.push_back(bufferType(type.getShape(), formats.back(), context));
    return success();
  };
  auto exit = cast<func::ReturnOp>(source.getBody().front().getTerminator());
  for (BlockArgument argument : source.getArguments()) {
    auto name = source.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "compress.name");
    if (failed(add(argument, widthsOf(name ? name.str() : "").activation, source)))
      return failure();
  }
  for (Value result : exit.getOperands())
    if (failed(add(result, rules.others().result, exit)))
      return failure();

  OpBuilder builder(source);
  target = func::FuncOp::create(builder, source.getLoc(), source.getName(), builder.getFunctionType(types, {}));
  for (unsigned i = 0; i < types.size(); ++i) {
    bool isInput = i < source.getNumArguments();
    unsigned number = isInput ? i : i - source.getNumArguments();
    Attribute name =
        isInput ? source.getArgAttr(number, "compress.name") : source.getResultAttr(number, "compress.name");
    if (name)
      target.setArgAttr(i, "compress.name", name);
    target.setArgAttr(i, kFractionAttr, builder.getI64IntegerAttr(formats[i].fraction));
    target.setArgAttr(i, kShapeAttr, builder.getDenseI64ArrayAttr(shapes[i]));
    if (!isInput)
      target.setArgAttr(i, kResultAttr, builder.getUnitAttr());
  }
  main.setInsertionPointToStart(target.addEntryBlock());
  for (BlockArgument argument : source.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto order = llvm::to_vector(llvm::seq<unsigned>(shapes[i].size()));
    if (hasChannelsLast) {
      if (order.size() < 3)
        return source.emitError("an input of channels last has 3 or more dimensions, not ") << order.size();
      std::rotate(order.begin() + 1, order.begin() + 2, order.end());
      target.setArgAttr(i, kOrderAttr, builder.getDenseI64ArrayAttr(SmallVector<int64_t>(order.begin(), order.end())));
    }
    tensors[argument] = {target.getArgument(i), shapes[i], formats[i], placeLoops(shapes[i], order)};
  }
  return success();
}

LogicalResult FixedPointEmitter::emitOp(Operation *op) {
  if (isa<arith::ConstantOp, tensor::EmptyOp, linalg::FillOp, linalg::BroadcastOp>(op))
    return success(); // read by their users
  if (op->getNumResults() == 1 && isFiller(op->getResult(0)))
    return success(); // what a result is written into
  if (op->getNumResults() == 1)
    if (auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType()); type && !type.hasStaticShape())
      return refuse(op, "its result has a dynamic extent: fix the batch (compress-compile --batch 1)");
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](func::ReturnOp exit) { return emitReturn(exit); })
      .Case([&](RfftOp rfft) { return emitTransform(rfft); })
      .Case([&](RfftTransposeOp transpose) { return emitInverse(transpose); })
      .Case([&](CodedContractOp product) { return emitCodedProduct(product); })
      .Case([&](SpectralMatmulOp product) {
        if (product.getPanel())
          return refuse(op, "weights in panels are for processors");
        return emitSpectralProduct(op, product.getInput(), product.getWeights(), product.getInit(), product.getInDim(),
                                   product.getOutDim(), {}, {});
      })
      .Case([&](SpectralConvOp product) {
        return emitSpectralProduct(op, product.getInput(), product.getWeights(), product.getInit(), product.getInDim(),
                                   product.getOutDim(), product.getStrides(), product.getDilations());
      })
      .Case([&](tensor::PadOp pad) {
        return emitPad(op, pad.getSource(), pad.getStaticLow(), pad.getConstantPaddingValue());
      })
      .Case([&](tensor::InsertSliceOp insert) -> LogicalResult { // how spectra are padded
        auto fill = insert.getDest().getDefiningOp<linalg::FillOp>();
        if (!fill || insert.getSourceType().getRank() != insert.getType().getRank() || !insert.hasUnitStride())
          return refuse(op, "it is no padding by a constant");
        return emitPad(op, insert.getSource(), insert.getStaticOffsets(), fill.getInputs()[0]);
      })
      .Case<tensor::CollapseShapeOp, tensor::ExpandShapeOp>([&](Operation *) { return emitReshape(op); })
      .Case([&](linalg::LinalgOp linalgOp) -> LogicalResult {
        if (linalgOp.getNumDpsInits() != 1 || !linalgOp.hasPureTensorSemantics())
          return refuse(op, "it has several results, or none");
        if (isRelu(op))
          return emitRelu(linalgOp);
        if (Pooling pooling = matchPooling(linalgOp); pooling != Pooling::None)
          return emitPooling(linalgOp, pooling == Pooling::Max);
        if (auto scale = matchScale(linalgOp))
          return emitScale(linalgOp, *scale);
        if (isSumOfTwo(linalgOp))
          return emitSum(linalgOp);
        if (isSumOfProducts(linalgOp))
          return emitProduct(linalgOp);
        return refuse(op, "it is no product with constant weights, pooling, relu, sum or factor; supported layers are "
                          "listed in docs/HLS.md");
      })
      .Default([&](Operation *) { return refuse(op, "supported layers are listed in docs/HLS.md"); });
}

LogicalResult FixedPointEmitter::emitReturn(func::ReturnOp op) {
  for (OpOperand &operand : op->getOpOperands()) {
    auto it = tensors.find(operand.get());
    if (it == tensors.end())
      return refuse(op, "a result is a constant");
    unsigned number = source.getNumArguments() + operand.getOperandNumber();
    Value buffer = target.getArgument(number);
    if (it->second.buffer == buffer)
      continue;
    FixedFormat format = formatOf(number);
    if (failed(check(op, {it->second.format, format})))
      return failure();
    copy(op, it->second, {buffer, it->second.shape, format, {}});
  }
  for (memref::AllocOp alloc : llvm::to_vector(target.getBody().front().getOps<memref::AllocOp>()))
    memref::DeallocOp::create(main, op.getLoc(), alloc);
  func::ReturnOp::create(main, op.getLoc());
  return success();
}

LogicalResult FixedPointEmitter::run() {
  if (!source.getBody().hasOneBlock() || !isa<func::ReturnOp>(source.getBody().front().getTerminator()))
    return source.emitError("expects a function of one block that returns");
  if (failed(emitInterface()))
    return failure();
  for (Operation &op : source.getBody().front())
    if (failed(emitOp(&op)))
      return failure();
  source.erase();
  return success();
}
