//===- CProfile.cpp - What a library counts per layer ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CProfile.h"
#include "compress/Target/CInterface.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

namespace {
struct Counter {
  StringRef name, text, constraints;
};
} // namespace

/// Intel's manual, RDTSC: behind LFENCE it is read when all instructions before it have completed. AArch64's cycle
/// counter traps in programs unless the system allows it; the virtual counter does not. A clobber of memory keeps the
/// compiler from moving stores over it.
static constexpr Counter kCounters[] = {{"tsc", "lfence\n\trdtsc\n\tshlq $$32, %rdx\n\torq %rdx, %rax",
                                         "={ax},~{rdx},~{memory},~{dirflag},~{fpsr},~{flags}"},
                                        {"cntvct", "isb\n\tmrs $0, cntvct_el0", "=r,~{memory}"}};

static const Counter *findCounter(StringRef name) {
  const Counter *found = llvm::find_if(kCounters, [&](const Counter &counter) { return counter.name == name; });
  return found == std::end(kCounters) ? nullptr : found;
}

bool mlir::compress::isCounter(StringRef counter) { return findCounter(counter) != nullptr; }

Value mlir::compress::emitReadCounter(OpBuilder &builder, Location loc, StringRef name) {
  const Counter *counter = findCounter(name);
  assert(counter && "isCounter was not asked");
  return LLVM::InlineAsmOp::create(builder, loc, builder.getI64Type(), ValueRange(), counter->text,
                                   counter->constraints, /*has_side_effects=*/true, /*is_align_stack=*/false,
                                   LLVM::TailCallKind::None,
                                   LLVM::AsmDialectAttr::get(builder.getContext(), LLVM::AsmDialect::AD_ATT),
                                   /*operand_attrs=*/ArrayAttr())
      .getResult(0);
}

//===----------------------------------------------------------------------===//
// What is counted
//===----------------------------------------------------------------------===//

int64_t CProfile::bytes() const { return llvm::alignTo((layers.size() + 1) * sizeof(int64_t), kWorkspaceAlignment); }

DictionaryAttr CProfile::toAttribute(MLIRContext *context) const {
  Builder builder(context);
  auto rows = llvm::map_to_vector(layers, [&](const Layer &layer) -> Attribute { return layer.toAttribute(context); });
  return builder.getDictionaryAttr({builder.getNamedAttr("counter", builder.getStringAttr(counter)),
                                    builder.getNamedAttr("layers", builder.getArrayAttr(rows))});
}

std::optional<CProfile> CProfile::get(Attribute attribute) {
  auto entries = dyn_cast_or_null<DictionaryAttr>(attribute);
  auto counter = entries ? entries.getAs<StringAttr>("counter") : StringAttr();
  auto layers = entries ? getLayers(entries.get("layers")) : std::nullopt;
  if (!counter || !isCounter(counter.getValue()) || !layers)
    return std::nullopt;
  return CProfile{counter.getValue().str(), std::move(*layers)};
}
