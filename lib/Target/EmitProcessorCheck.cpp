//===- EmitProcessorCheck.cpp - Which variant runs on this processor ------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   static _Atomic int processor;                       // 0: not detected yet
//   int known = load(processor, relaxed);
//   if (!known) store(processor, known = detect(), relaxed);
//
//   int detect() { the first variant that has all bits of CPUID and XCR0 and, if it uses tiles, is granted them }
//
// Threads that come together detect the same number, so that nothing else has to be ordered.
//
//===----------------------------------------------------------------------===//

#include "EmitProcessorCheck.h"
#include "compress/Target/Passes.h"
#include "compress/Target/Processor.h"
#include <array>
#include <map>

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Emits the body of `detect`.
class DetectionEmitter {
public:
  DetectionEmitter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {
    auto word = builder.getI32Type();
    words = LLVM::LLVMStructType::getLiteral(builder.getContext(), {word, word, word, word});
  }

  Value emit(ArrayRef<CVariant> variants) {
    Value none = i32(-1), number = none;
    for (auto [i, variant] : llvm::enumerate(variants)) {
      Value fits = emitFits(variant);
      if (i > 0) {
        Value isFree = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, number, none);
        fits = arith::AndIOp::create(builder, loc, isFree, fits);
      }
      if (mustAskForRegisters(variant))
        fits = emitRequestIf(fits);
      number = arith::SelectOp::create(builder, loc, fits, i32(i + 1), number);
    }
    return number;
  }

private:
  Value i32(uint32_t value) {
    return arith::ConstantIntOp::create(builder, loc, static_cast<int32_t>(value), /*width=*/32);
  }

  /// True if the processor has every extension of `variant`, and the operating system saves their registers.
  Value emitFits(const CVariant &variant) {
    std::map<std::pair<CPUIDLeaf, CPUIDRegister>, uint32_t> masks;
    uint32_t state = 0;
    for (StringRef name : variant.extensions) {
      const X86Feature *feature = findX86Feature(name);
      masks[{feature->leaf, feature->word}] |= uint32_t(1) << feature->bit;
      state |= feature->state;
    }
    Value fits = arith::ConstantIntOp::create(builder, loc, 1, /*width=*/1);
    for (auto [place, mask] : masks)
      fits = arith::AndIOp::create(builder, loc, fits, hasBits(leaf(place.first)[size_t(place.second)], mask));
    if (state)
      fits = arith::AndIOp::create(builder, loc, fits, hasBits(savedState(), state));
    return fits;
  }

  Value hasBits(Value word, uint32_t mask) {
    Value bits = arith::AndIOp::create(builder, loc, word, i32(mask));
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, bits, i32(mask));
  }

  static bool mustAskForRegisters(const CVariant &variant) {
    return llvm::any_of(variant.extensions, [](StringRef name) { return findX86Feature(name)->mustBeAskedFor(); });
  }

  /// True if `condition` is, and Linux grants this process tiles, for now and all of its threads. A request is not
  /// undone, so that none is made for a variant that does not run.
  Value emitRequestIf(Value condition) {
    constexpr int64_t kArchPrctl = 158, kRequestPermission = 0x1023, kTileData = 18;
    auto guarded = scf::IfOp::create(builder, loc, builder.getI1Type(), condition, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(guarded.thenBlock());
    auto i64 = [&](int64_t value) -> Value { return arith::ConstantIntOp::create(builder, loc, value, 64); };
    Value result = emitAsm(builder.getI64Type(), {i64(kArchPrctl), i64(kRequestPermission), i64(kTileData)}, "syscall",
                           "={ax},0,{di},{si},~{rcx},~{r11},~{memory},~{dirflag},~{fpsr},~{flags}");
    Value isGranted = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, result, i64(0));
    scf::YieldOp::create(builder, loc, isGranted);
    builder.setInsertionPointToStart(guarded.elseBlock());
    scf::YieldOp::create(builder, loc, condition);
    return guarded.getResult(0);
  }

  using Words = std::array<Value, 4>;

  /// The words of a leaf; zeros where the processor does not have it: beyond the last one, Intel's return another's.
  Words leaf(CPUIDLeaf which) {
    auto [known, isNew] = leaves.try_emplace(which);
    if (!isNew)
      return known->second;
    auto atLeast = [&](Value last, uint32_t number) -> Value {
      return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge, last, i32(number));
    };
    Words words;
    switch (which) {
    case CPUIDLeaf::One:
      words = cpuid(1, 0); // every x86-64 has it
      break;
    case CPUIDLeaf::Seven:
      words = keepIf(atLeast(cpuid(0, 0)[0], 7), cpuid(7, 0));
      break;
    case CPUIDLeaf::SevenOne:
      words = keepIf(atLeast(leaf(CPUIDLeaf::Seven)[0], 1), cpuid(7, 1));
      break;
    case CPUIDLeaf::ExtendedOne:
      words = keepIf(atLeast(cpuid(0x80000000, 0)[0], 0x80000001), cpuid(0x80000001, 0));
      break;
    }
    return leaves[which] = words;
  }

  Words keepIf(Value condition, Words words) {
    for (Value &word : words)
      word = arith::SelectOp::create(builder, loc, condition, word, i32(0));
    return words;
  }

  /// rbx is saved by hand: some code models and debuggers reserve it.
  Words cpuid(uint32_t number, uint32_t sub) {
    Value all = emitAsm(words, {i32(number), i32(sub)}, "xchgq %rbx, ${1:q}\n\tcpuid\n\txchgq %rbx, ${1:q}",
                        "={ax},=&r,={cx},={dx},0,2,~{dirflag},~{fpsr},~{flags}");
    Words result;
    for (int64_t i = 0; i < 4; ++i)
      result[i] = LLVM::ExtractValueOp::create(builder, loc, all, ArrayRef<int64_t>{i});
    return result;
  }

  /// The low word of XCR0; zero where OSXSAVE says that XGETBV is no instruction.
  Value savedState() {
    if (state)
      return state;
    Value hasXgetbv = hasBits(leaf(CPUIDLeaf::One)[size_t(CPUIDRegister::ECX)], uint32_t(1) << 27);
    auto guarded = scf::IfOp::create(builder, loc, builder.getI32Type(), hasXgetbv, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(guarded.thenBlock());
    Value low = emitAsm(builder.getI32Type(), {i32(0)}, "xgetbv", "={ax},{cx},~{dx},~{dirflag},~{fpsr},~{flags}");
    scf::YieldOp::create(builder, loc, low);
    builder.setInsertionPointToStart(guarded.elseBlock());
    scf::YieldOp::create(builder, loc, i32(0));
    return state = guarded.getResult(0);
  }

  Value emitAsm(Type result, ValueRange operands, StringRef text, StringRef constraints) {
    return LLVM::InlineAsmOp::create(builder, loc, result, operands, text, constraints, /*has_side_effects=*/true,
                                     /*is_align_stack=*/false, LLVM::TailCallKind::None,
                                     LLVM::AsmDialectAttr::get(builder.getContext(), LLVM::AsmDialect::AD_ATT),
                                     /*operand_attrs=*/ArrayAttr())
        .getResult(0);
  }

  OpBuilder &builder;
  Location loc;
  Type words;
  std::map<CPUIDLeaf, Words> leaves;
  Value state;
};

/// `int detect(void)`, out of line so that it costs the calls after the first one nothing.
LLVM::LLVMFuncOp emitDetection(OpBuilder &builder, Location loc, ModuleOp module, StringRef name,
                               ArrayRef<CVariant> variants) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(builder.getI32Type(), {});
  auto detect = LLVM::LLVMFuncOp::create(builder, loc, name, type, LLVM::Linkage::Internal);
  detect.setPassthroughAttr(builder.getStrArrayAttr({"noinline", "cold"}));
  builder.setInsertionPointToStart(detect.addEntryBlock(builder));
  LLVM::ReturnOp::create(builder, loc, DetectionEmitter(builder, loc).emit(variants));
  return detect;
}

} // namespace

Value mlir::compress::emitProcessorCheck(OpBuilder &builder, Location loc, ModuleOp module, StringRef prefix,
                                         ArrayRef<CVariant> variants) {
  if (variants.front().extensions.empty())
    return {};
  auto word = builder.getI32Type();
  std::string symbol = (prefix + "_processor").str();
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(module.getBody());
    LLVM::GlobalOp::create(builder, loc, word, /*isConstant=*/false, LLVM::Linkage::Internal, symbol,
                           builder.getI32IntegerAttr(0), /*alignment=*/4);
  }
  LLVM::LLVMFuncOp detect = emitDetection(builder, loc, module, (prefix + "_detect").str(), variants);
  Value place = LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(module.getContext()), symbol);
  Value known = LLVM::LoadOp::create(builder, loc, word, place, /*alignment=*/4, /*isVolatile=*/false,
                                     /*isNonTemporal=*/false, /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                     LLVM::AtomicOrdering::monotonic);
  Value zero = arith::ConstantIntOp::create(builder, loc, 0, /*width=*/32);
  Value isNew = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, known, zero);
  auto once = scf::IfOp::create(builder, loc, word, isNew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(once.thenBlock());
  Value detected = LLVM::CallOp::create(builder, loc, detect, ValueRange()).getResult();
  LLVM::StoreOp::create(builder, loc, detected, place, /*alignment=*/4, /*isVolatile=*/false, /*isNonTemporal=*/false,
                        /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic);
  scf::YieldOp::create(builder, loc, detected);
  builder.setInsertionPointToStart(once.elseBlock());
  scf::YieldOp::create(builder, loc, known);
  return once.getResult(0);
}
