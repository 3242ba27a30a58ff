//===- Reference.cpp - Networks run in this process ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/HLS/Reference.h"
#include "compress/Conversion/FixedPoint.h"
#include "compress/Dialect/HLS/Transforms/Passes.h"
#include "compress/Pipelines/Pipelines.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/Support/TargetSelect.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress;

/// The function that is called from here; not @main, which this process has.
static constexpr const char *kEntry = "compress_entry";

//===----------------------------------------------------------------------===//
// Code in this process
//===----------------------------------------------------------------------===//

static llvm::Expected<std::unique_ptr<ExecutionEngine>> makeEngine(ModuleOp module) {
  PassManager lower(module.getContext());
  lower.addPass(createHLSToCallsPass());
  buildCompressLowerPipeline(lower);
  if (failed(lower.run(module)))
    return llvm::createStringError("the network could not be lowered for this processor");
  // The translation warns of attributes that it does not know.
  module.walk([](LLVM::LLVMFuncOp function) { function.removeArgAttrsAttr(); });
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  auto optimize = makeOptimizingTransformer(/*optLevel=*/2, /*sizeLevel=*/0, /*targetMachine=*/nullptr);
  ExecutionEngineOptions options;
  options.transformer = optimize;
  return ExecutionEngine::create(module, options);
}

/// What a memref of rank r is to compiled code: two pointers, an offset, r extents, r strides.
static SmallVector<int64_t> descriptor(void *data, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> words{reinterpret_cast<int64_t>(data), reinterpret_cast<int64_t>(data), 0};
  words.append(shape.begin(), shape.end());
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t d = static_cast<int64_t>(shape.size()) - 2; d >= 0; --d)
    strides[d] = strides[d + 1] * shape[d + 1];
  words.append(strides);
  return words;
}

/// Calls the entry on buffers of the given shapes.
static llvm::Error call(ExecutionEngine &engine, ArrayRef<void *> buffers, ArrayRef<SmallVector<int64_t>> shapes) {
  SmallVector<SmallVector<int64_t>> descriptors;
  for (auto [buffer, shape] : llvm::zip_equal(buffers, shapes))
    descriptors.push_back(descriptor(buffer, shape));
  SmallVector<void *> pointers, arguments;
  for (auto &words : descriptors)
    pointers.push_back(words.data());
  for (void *&pointer : pointers)
    arguments.push_back(&pointer);
  return engine.invokePacked(std::string("_mlir_ciface_") + kEntry, arguments);
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

/// The tensors of which ranges are wanted: all that are computed from activations.
static SmallVector<Value> rangedValues(func::FuncOp function) {
  SmallVector<Value> values;
  for (Operation &op : function.getBody().front()) {
    if (op.getNumResults() != 1 || isa<arith::ConstantOp, tensor::EmptyOp, linalg::FillOp, linalg::BroadcastOp>(op))
      continue;
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    if (type && type.hasStaticShape() && type.getElementType().isF32())
      values.push_back(op.getResult(0));
  }
  return values;
}

/// The range of numbers seen so far.
namespace {
struct SeenRange {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void add(ArrayRef<float> values) {
    for (float value : values) {
      low = std::min<double>(low, value);
      high = std::max<double>(high, value);
    }
  }
  Attribute toAttribute(MLIRContext *context) const { return DenseF64ArrayAttr::get(context, {low, high}); }
};
} // namespace

/// A copy of `function`'s module whose entry returns all of the ranged values.
static OwningOpRef<ModuleOp> withAllResults(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto function = copy->lookupSymbol<func::FuncOp>("main");
  SmallVector<Value> values = rangedValues(function);
  Operation *exit = function.getBody().front().getTerminator();
  exit->setOperands(values);
  function.setFunctionType(
      FunctionType::get(copy->getContext(), function.getArgumentTypes(), ValueRange(values).getTypes()));
  function->removeAttr(function.getResAttrsAttrName());
  function.setName(kEntry);
  function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), UnitAttr::get(copy->getContext()));
  return copy;
}

llvm::Error mlir::compress::calibrate(ModuleOp module, const Samples &samples) {
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function || function.getNumArguments() != 1)
    return llvm::createStringError("calibration expects a network with one input");
  auto inputType = dyn_cast<RankedTensorType>(function.getArgumentTypes()[0]);
  if (!inputType || !inputType.hasStaticShape() || !inputType.getElementType().isF32())
    return llvm::createStringError("calibration expects an input of static shape and f32 elements");
  if (inputType.getNumElements() != samples.size())
    return llvm::createStringError("a sample of the calibration data has %lld numbers, the input of the network %lld",
                                   static_cast<long long>(samples.size()),
                                   static_cast<long long>(inputType.getNumElements()));
  SmallVector<Value> values = rangedValues(function);
  OwningOpRef<ModuleOp> copy = withAllResults(module);
  PassManager toAffine(copy->getContext());
  buildCompressToAffinePipeline(toAffine, CompressToAffineOptions());
  if (failed(toAffine.run(*copy)))
    return llvm::createStringError("the network could not be lowered to calibrate it");
  auto engine = makeEngine(*copy);
  if (!engine)
    return engine.takeError();

  std::vector<float> input(inputType.getNumElements());
  std::vector<std::vector<float>> results;
  SmallVector<void *> buffers{input.data()};
  SmallVector<SmallVector<int64_t>> shapes{llvm::to_vector(inputType.getShape())};
  for (Value value : values) {
    auto type = cast<RankedTensorType>(value.getType());
    results.emplace_back(type.getNumElements());
    buffers.push_back(results.back().data());
    shapes.push_back(llvm::to_vector(type.getShape()));
  }
  SeenRange inputRange;
  std::vector<SeenRange> ranges(values.size());
  for (int64_t i = 0; i < samples.count(); ++i) {
    llvm::copy(samples.sample(i), input.begin());
    inputRange.add(input);
    if (llvm::Error error = call(**engine, buffers, shapes))
      return error;
    for (auto [range, result] : llvm::zip_equal(ranges, results))
      range.add(result);
  }
  function.setArgAttr(0, kRangeAttr, inputRange.toAttribute(module.getContext()));
  for (auto [value, range] : llvm::zip_equal(values, ranges))
    value.getDefiningOp()->setAttr(kRangeAttr, range.toAttribute(module.getContext()));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The network of integers
//===----------------------------------------------------------------------===//

/// Adds an entry on buffers of i64, which has the same place in memory everywhere, unlike i13.
static void addEntry(ModuleOp module, func::FuncOp network) {
  OpBuilder builder(network->getBlock(), network->getBlock()->end());
  Location loc = network.getLoc();
  SmallVector<Type> types;
  for (Type type : network.getArgumentTypes())
    types.push_back(MemRefType::get(cast<MemRefType>(type).getShape(), builder.getI64Type()));
  auto entry = func::FuncOp::create(builder, loc, kEntry, builder.getFunctionType(types, {}));
  entry->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(), builder.getUnitAttr());
  builder.setInsertionPointToStart(entry.addEntryBlock());
  SmallVector<Value> buffers;
  auto forEach = [&](unsigned i, function_ref<void(Value)> body) {
    auto extent = cast<MemRefType>(types[i]).getNumElements();
    auto loop = affine::AffineForOp::create(builder, loc, 0, extent);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    body(loop.getInductionVar());
  };
  for (unsigned i = 0; i < types.size(); ++i) {
    auto memref = cast<MemRefType>(network.getArgumentTypes()[i]);
    buffers.push_back(memref::AllocOp::create(builder, loc, memref));
    if (!network.getArgAttr(i, kResultAttr))
      forEach(i, [&](Value at) {
        Value wide = affine::AffineLoadOp::create(builder, loc, entry.getArgument(i), at);
        Value x = arith::TruncIOp::create(builder, loc, memref.getElementType(), wide);
        affine::AffineStoreOp::create(builder, loc, x, buffers[i], at);
      });
  }
  func::CallOp::create(builder, loc, network, buffers);
  for (unsigned i = 0; i < buffers.size(); ++i) {
    if (network.getArgAttr(i, kResultAttr))
      forEach(i, [&](Value at) {
        Value x = affine::AffineLoadOp::create(builder, loc, buffers[i], at);
        Value wide = arith::ExtSIOp::create(builder, loc, builder.getI64Type(), x);
        affine::AffineStoreOp::create(builder, loc, wide, entry.getArgument(i), at);
      });
    memref::DeallocOp::create(builder, loc, buffers[i]);
  }
  func::ReturnOp::create(builder, loc);
}

llvm::Expected<FixedPointReference> FixedPointReference::get(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  auto network = copy->lookupSymbol<func::FuncOp>("main");
  if (!network || network.getNumArguments() != 2)
    return llvm::createStringError("expects a network with one input and one result");
  network.setName("compress_network");
  network.setPrivate();
  addEntry(*copy, network);
  auto engine = makeEngine(*copy);
  if (!engine)
    return engine.takeError();
  return FixedPointReference(std::move(*engine));
}

FixedPointReference::FixedPointReference(std::unique_ptr<ExecutionEngine> engine) : engine(std::move(engine)) {}
FixedPointReference::FixedPointReference(FixedPointReference &&) = default;
FixedPointReference::~FixedPointReference() = default;

void FixedPointReference::run(llvm::ArrayRef<int64_t> input, llvm::MutableArrayRef<int64_t> result) {
  SmallVector<void *> buffers{const_cast<int64_t *>(input.data()), result.data()};
  SmallVector<SmallVector<int64_t>> shapes{{static_cast<int64_t>(input.size())}, {static_cast<int64_t>(result.size())}};
  llvm::cantFail(call(*engine, buffers, shapes), "the entry is there");
}
