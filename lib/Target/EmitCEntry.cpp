//===- EmitCEntry.cpp - The C functions of the native library -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
//   func.func @main(memref<?x4xf32>, memref<?x8xf32> {compress.result}, memref<?xi8> {compress.workspace})
//   =>
//   func.func private @main(…)
//   func.func @m_run(%batch: i64, %in: !llvm.ptr, %out: !llvm.ptr, %workspace: !llvm.ptr) -> i32 {
//     checks; scf.for chunks of samples { func.call @main(descriptors), or the variant for this processor } }
//
//===----------------------------------------------------------------------===//

#include "CProfile.h"
#include "EmitProcessorCheck.h"
#include "compress/Target/CInterface.h"
#include "compress/Target/Passes.h"
#include "llvm/ADT/StringExtras.h"

namespace mlir::compress {
#define GEN_PASS_DEF_EMITCENTRYPASS
#include "compress/Target/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Adds the functions of one interface to a module.
struct CEntryEmitter {
  ModuleOp module;
  std::string name;
  OpBuilder builder;
  Location loc;
  int64_t numGlobals = 0;
  /// The detected variant's; null if there is no choice.
  Value variantNumber;

  CEntryEmitter(ModuleOp module, StringRef name)
      : module(module), name(name), builder(OpBuilder::atBlockEnd(module.getBody())), loc(module.getLoc()) {}

  void emit(const CInterface &interface) {
    emitRun(interface);
    emitConstantFunction("abi_version", builder.getI32Type(), kABIVersion);
    emitWorkspaceBytes(interface);
    emitError(interface);
    emitTensorTable("inputs", interface.inputs);
    emitTensorTable("outputs", interface.outputs);
    if (interface.profile) {
      emitLayerTable(interface);
      emitTicks();
    }
    for (const CVariant &variant : interface.variants)
      module.lookupSymbol<func::FuncOp>(variant.function).setPrivate();
  }

  //===--------------------------------------------------------------------===//
  // run
  //===--------------------------------------------------------------------===//

  Value i64(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 64); }
  Value i32(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 32); }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(builder, loc, predicate, a, b);
  }
  Value toInteger(Value pointer) { return LLVM::PtrToIntOp::create(builder, loc, builder.getI64Type(), pointer); }

  void emitRun(const CInterface &interface) {
    OpBuilder::InsertionGuard guard(builder);
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    SmallVector<Type> types{builder.getI64Type()};
    types.append(interface.inputs.size() + interface.outputs.size() + 1, pointer);
    auto run = func::FuncOp::create(builder, loc, name + "_run", builder.getFunctionType(types, builder.getI32Type()));
    builder.setInsertionPointToStart(run.addEntryBlock());
    variantNumber = emitProcessorCheck(builder, loc, module, "__" + name, interface.variants);
    Value code = emitChecks(interface, run);
    Value isFine = compare(arith::CmpIPredicate::eq, code, i32(0));
    auto guarded = scf::IfOp::create(builder, loc, isFine, /*withElseRegion=*/false);
    {
      OpBuilder::InsertionGuard inner(builder);
      builder.setInsertionPointToStart(guarded.thenBlock());
      if (interface.profile)
        emitCountedChunks(interface, run);
      else
        emitChunks(interface, run);
    }
    func::ReturnOp::create(builder, loc, code);
  }

  /// The error code of the arguments. Later checks come first, so that the first failing one wins.
  Value emitChecks(const CInterface &interface, func::FuncOp run) {
    Value batch = run.getArgument(0), zero = i64(0), code = i32(0);
    auto refine = [&](Value isWrong, CError error) {
      code = arith::SelectOp::create(builder, loc, isWrong, i32(static_cast<int64_t>(error)), code);
    };
    if (interface.workspaceBytesMost > 0) {
      Value workspace = toInteger(run.getArguments().back());
      Value low = arith::AndIOp::create(builder, loc, workspace, i64(kWorkspaceAlignment - 1));
      refine(compare(arith::CmpIPredicate::eq, workspace, zero), CError::Workspace);
      refine(compare(arith::CmpIPredicate::ne, low, zero), CError::Workspace);
    }
    for (Value pointer : run.getArguments().drop_front().drop_back())
      refine(compare(arith::CmpIPredicate::eq, toInteger(pointer), zero), CError::NullTensor);
    if (interface.isDynamic)
      refine(compare(arith::CmpIPredicate::slt, batch, zero), CError::Batch);
    else
      refine(compare(arith::CmpIPredicate::ne, batch, i64(interface.statedBatch)), CError::Batch);
    if (variantNumber)
      refine(compare(arith::CmpIPredicate::slt, variantNumber, i32(0)), CError::Processor);
    return code;
  }

  Value index(Value v) { return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), v); }

  /// Sets all ticks to zero, and the last ones to those of the chunks.
  void emitCountedChunks(const CInterface &interface, func::FuncOp run) {
    Value workspace = run.getArguments().back();
    int64_t numLayers = interface.profile->layers.size();
    auto place = [&](Value i) -> Value {
      return LLVM::GEPOp::create(builder, loc, workspace.getType(), builder.getI64Type(), workspace, i);
    };
    auto loop = scf::ForOp::create(builder, loc, index(i64(0)), index(i64(numLayers)), index(i64(1)));
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(loop.getBody());
      Value i = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), loop.getInductionVar());
      LLVM::StoreOp::create(builder, loc, i64(0), place(i));
    }
    Value before = emitReadCounter(builder, loc, interface.profile->counter);
    emitChunks(interface, run);
    Value after = emitReadCounter(builder, loc, interface.profile->counter);
    Value elapsed = arith::SubIOp::create(builder, loc, after, before);
    LLVM::StoreOp::create(builder, loc, elapsed, place(i64(numLayers)));
  }

  void emitChunks(const CInterface &interface, func::FuncOp run) {
    if (!interface.isDynamic)
      return emitCall(interface, run, i64(0), i64(interface.statedBatch));
    Value batch = run.getArgument(0), most = i64(interface.maxBatch);
    auto loop = scf::ForOp::create(builder, loc, index(i64(0)), index(batch), index(most));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    Value first = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), loop.getInductionVar());
    Value left = arith::SubIOp::create(builder, loc, batch, first);
    emitCall(interface, run, first, arith::MinSIOp::create(builder, loc, left, most));
  }

  /// Calls main on `count` samples from sample `first`.
  void emitCall(const CInterface &interface, func::FuncOp run, Value first, Value count) {
    SmallVector<Value> operands;
    auto pointers = run.getArguments().drop_front();
    for (const CTensor &tensor : llvm::concat<const CTensor>(interface.inputs, interface.outputs)) {
      Value pointer = pointers[operands.size()];
      if (interface.isDynamic)
        pointer =
            LLVM::GEPOp::create(builder, loc, pointer.getType(), tensor.type.getElementType(), pointer,
                                arith::MulIOp::create(builder, loc, first, i64(tensor.sampleElements())).getResult());
      operands.push_back(emitDescriptor(tensor.type, pointer, count));
    }
    auto workspaceType = MemRefType::get({ShapedType::kDynamic}, builder.getI8Type());
    operands.push_back(emitDescriptor(workspaceType, pointers.back(), i64(interface.workspaceBytesMost)));
    emitCallOfVariant(interface.variants, operands, 1);
  }

  /// Calls the variant whose number was detected, of which the first one here has number `first`.
  void emitCallOfVariant(ArrayRef<CVariant> variants, ValueRange operands, int64_t first) {
    OpBuilder::InsertionGuard guard(builder);
    if (variantNumber && variants.size() > 1) {
      Value isFirst = compare(arith::CmpIPredicate::eq, variantNumber, i32(first));
      auto choice = scf::IfOp::create(builder, loc, isFirst, /*withElseRegion=*/true);
      builder.setInsertionPointToStart(choice.elseBlock());
      emitCallOfVariant(variants.drop_front(), operands, first + 1);
      builder.setInsertionPointToStart(choice.thenBlock());
    }
    func::CallOp::create(builder, loc, variants.front().function, TypeRange(), operands);
  }

  /// A contiguous memref at `pointer`; `leading` is the extent of a dynamic dimension 0.
  Value emitDescriptor(MemRefType type, Value pointer, Value leading) {
    int64_t rank = type.getRank();
    auto word = builder.getI64Type();
    SmallVector<Type> fields{pointer.getType(), pointer.getType(), word};
    if (rank > 0)
      fields.append(2, LLVM::LLVMArrayType::get(word, rank));
    Value value = LLVM::PoisonOp::create(builder, loc, LLVM::LLVMStructType::getLiteral(module.getContext(), fields));
    auto insert = [&](Value field, ArrayRef<int64_t> at) {
      value = LLVM::InsertValueOp::create(builder, loc, value, field, at);
    };
    insert(pointer, {0});
    insert(pointer, {1});
    insert(i64(0), {2});
    int64_t stride = 1;
    for (int64_t d = rank - 1; d >= 0; --d) {
      insert(type.isDynamicDim(d) ? leading : i64(type.getDimSize(d)), {3, d});
      insert(i64(stride), {4, d});
      stride *= type.isDynamicDim(d) ? 1 : type.getDimSize(d);
    }
    return UnrealizedConversionCastOp::create(builder, loc, type, value).getResult(0);
  }

  //===--------------------------------------------------------------------===//
  // Tables
  //===--------------------------------------------------------------------===//

  LLVM::LLVMFuncOp startFunction(StringRef suffix, Type result, ArrayRef<Type> arguments) {
    auto type = LLVM::LLVMFunctionType::get(result, arguments);
    auto function = LLVM::LLVMFuncOp::create(builder, loc, (name + "_" + suffix).str(), type);
    builder.setInsertionPointToStart(function.addEntryBlock(builder));
    return function;
  }

  void emitConstantFunction(StringRef suffix, Type type, int64_t value) {
    OpBuilder::InsertionGuard guard(builder);
    startFunction(suffix, type, {});
    Value constant = LLVM::ConstantOp::create(builder, loc, type, builder.getIntegerAttr(type, value));
    LLVM::ReturnOp::create(builder, loc, constant);
  }

  void emitWorkspaceBytes(const CInterface &interface) {
    OpBuilder::InsertionGuard guard(builder);
    Type word = builder.getI64Type();
    auto function = startFunction("workspace_bytes", word, {word});
    Value isOne = compare(arith::CmpIPredicate::sle, function.getArgument(0), i64(1));
    bool usesOne = interface.isDynamic;
    Value bytes = arith::SelectOp::create(builder, loc, isOne,
                                          i64(usesOne ? interface.workspaceBytesOne : interface.workspaceBytesMost),
                                          i64(interface.workspaceBytesMost));
    LLVM::ReturnOp::create(builder, loc, bytes);
  }

  /// The address of a private constant string.
  Value emitString(StringRef text) {
    std::string symbol = "__" + name + "_string_" + std::to_string(numGlobals++);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(module.getBody());
      std::string bytes = text.str() + '\0';
      auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size());
      LLVM::GlobalOp::create(builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Private, symbol,
                             builder.getStringAttr(bytes));
    }
    return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(module.getContext()), symbol);
  }

  void emitError(const CInterface &interface) {
    OpBuilder::InsertionGuard guard(builder);
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    auto function = startFunction("error", pointer, {builder.getI32Type()});
    Value text = emitString("unknown error code");
    for (auto [code, message] : llvm::enumerate(interface.errorMessages())) {
      Value isCode = compare(arith::CmpIPredicate::eq, function.getArgument(0), i32(code));
      text = LLVM::SelectOp::create(builder, loc, isCode, emitString(message), text);
    }
    LLVM::ReturnOp::create(builder, loc, text);
  }

  /// A private constant array of extents; -1 is the batch.
  Value emitDims(MemRefType type) {
    std::string symbol = "__" + name + "_dims_" + std::to_string(numGlobals++);
    SmallVector<int64_t> dims;
    for (int64_t extent : type.getShape())
      dims.push_back(ShapedType::isDynamic(extent) ? -1 : extent);
    if (dims.empty())
      dims.push_back(0);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(module.getBody());
      auto arrayType = LLVM::LLVMArrayType::get(builder.getI64Type(), dims.size());
      LLVM::GlobalOp::create(builder, loc, arrayType, /*isConstant=*/true, LLVM::Linkage::Private, symbol,
                             builder.getI64TensorAttr(dims));
    }
    return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(module.getContext()), symbol);
  }

  /// `const <record> *<name>_<suffix>(size_t *count)` and its table; `fill(i, insert)` gives the fields of row `i`.
  template <typename Fill>
  void emitTable(StringRef suffix, Type record, size_t count, Fill fill) {
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    auto tableType = LLVM::LLVMArrayType::get(record, count);
    std::string symbol = ("__" + name + "_" + suffix).str();
    {
      OpBuilder::InsertionGuard guard(builder);
      auto table = LLVM::GlobalOp::create(builder, loc, tableType, /*isConstant=*/true, LLVM::Linkage::Private, symbol,
                                          Attribute());
      builder.createBlock(&table.getInitializerRegion());
      Value value = LLVM::PoisonOp::create(builder, loc, tableType);
      for (size_t i = 0; i < count; ++i)
        fill(i, [&](Value field, ArrayRef<int64_t> at) {
          SmallVector<int64_t> place{static_cast<int64_t>(i)};
          place.append(at.begin(), at.end());
          value = LLVM::InsertValueOp::create(builder, loc, value, field, place);
        });
      LLVM::ReturnOp::create(builder, loc, value);
    }
    OpBuilder::InsertionGuard guard(builder);
    auto function = startFunction(suffix, pointer, {pointer});
    Value rows = LLVM::ConstantOp::create(builder, loc, builder.getI64Type(), builder.getI64IntegerAttr(count));
    LLVM::StoreOp::create(builder, loc, rows, function.getArgument(0));
    Value address = LLVM::AddressOfOp::create(builder, loc, pointer, symbol);
    LLVM::ReturnOp::create(builder, loc, address);
  }

  Value emitConstant(TypedAttr value) { return LLVM::ConstantOp::create(builder, loc, value.getType(), value); }

  void emitTensorTable(StringRef suffix, ArrayRef<CTensor> tensors) {
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    Type half = builder.getI32Type();
    auto record = LLVM::LLVMStructType::getLiteral(module.getContext(), {pointer, half, half, pointer});
    emitTable(suffix, record, tensors.size(), [&](size_t i, auto insert) {
      insert(emitString(tensors[i].name), {0});
      insert(emitConstant(builder.getI32IntegerAttr(static_cast<int32_t>(tensors[i].dtype))), {1});
      insert(emitConstant(builder.getI32IntegerAttr(tensors[i].type.getRank())), {2});
      insert(emitDims(tensors[i].type), {3});
    });
  }

  void emitLayerTable(const CInterface &interface) {
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    auto samples = LLVM::LLVMArrayType::get(builder.getI64Type(), 2);
    auto numbers = LLVM::LLVMArrayType::get(builder.getF64Type(), 2), texts = LLVM::LLVMArrayType::get(pointer, 2);
    auto record =
        LLVM::LLVMStructType::getLiteral(module.getContext(), {pointer, pointer, pointer, samples, numbers, texts});
    int64_t one = interface.isDynamic ? 1 : interface.statedBatch;
    int64_t most = interface.isDynamic ? interface.maxBatch : interface.statedBatch;
    ArrayRef<Layer> layers = interface.profile->layers;
    emitTable("layers", record, layers.size(), [&](size_t i, auto insert) {
      insert(emitString(layers[i].name), {0});
      insert(emitString(layers[i].op), {1});
      insert(emitString(llvm::join(layers[i].fused, ", ")), {2});
      for (int64_t end : {0, 1}) {
        insert(emitConstant(builder.getI64IntegerAttr(end == 0 ? one : most)), {3, end});
        insert(emitConstant(builder.getF64FloatAttr(layers[i].predictedUs[end])), {4, end});
        insert(emitString(layers[i].bound[end]), {5, end});
      }
    });
  }

  /// `const int64_t *<name>_ticks(const void *workspace)`: they begin it.
  void emitTicks() {
    OpBuilder::InsertionGuard guard(builder);
    auto pointer = LLVM::LLVMPointerType::get(module.getContext());
    auto function = startFunction("ticks", pointer, {pointer});
    LLVM::ReturnOp::create(builder, loc, function.getArgument(0));
  }
};

struct EmitCEntryPass : compress::impl::EmitCEntryPassBase<EmitCEntryPass> {
  using Base = compress::impl::EmitCEntryPassBase<EmitCEntryPass>;
  using Base::Base;

  void runOnOperation() override {
    std::string error;
    auto interface = CInterface::get(getOperation(), name, error);
    if (!interface) {
      getOperation().emitError("compress-emit-c-entry: ") << error;
      return signalPassFailure();
    }
    for (StringRef suffix :
         {"_run", "_abi_version", "_workspace_bytes", "_error", "_inputs", "_outputs", "_layers", "_ticks"})
      if (Operation *other = getOperation().lookupSymbol(name + suffix.str())) {
        other->emitError("compress-emit-c-entry: this symbol has the name of a function of the library");
        return signalPassFailure();
      }
    CEntryEmitter(getOperation(), name).emit(*interface);
  }
};

} // namespace
