//===- Variants.cpp - One network as code for several processors ----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/Variants.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::compress;

/// True if code of `module` has tiles. LLVM makes none of its own.
static bool usesTiles(ModuleOp module) {
  return module->walk([](amx::TileZeroOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

void mlir::compress::markVariant(ModuleOp module, int64_t index, const TargetCPU &cpu) {
  Builder builder(module.getContext());
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      function->setAttr(kVariantAttr, builder.getI64IntegerAttr(index));
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main)
    return;
  bool hasTiles = usesTiles(module);
  SmallVector<StringRef> extensions;
  for (StringRef extension : cpu.extensions)
    if (hasTiles || !findX86Feature(extension)->mustBeAskedFor())
      extensions.push_back(extension);
  main->setAttr(kProcessorAttr, builder.getStringAttr(cpu.name));
  main->setAttr(kExtensionsAttr, builder.getStrArrayAttr(extensions));
}

LogicalResult mlir::compress::addVariant(ModuleOp library, ModuleOp variant) {
  auto main = library.lookupSymbol<func::FuncOp>("main");
  auto other = variant.lookupSymbol<func::FuncOp>("main");
  if (!main || !other || main.getFunctionType() != other.getFunctionType())
    return variant.emitError("expects variants with a function @main of one type");
  SymbolTable symbols(library), renamed(variant);
  for (Operation &op : llvm::make_early_inc_range(variant.getBody()->getOperations())) {
    auto symbol = dyn_cast<SymbolOpInterface>(&op);
    if (!symbol)
      return op.emitError("expects only symbols in a variant");
    bool hasBody = llvm::any_of(op.getRegions(), [](Region &region) { return !region.empty(); });
    if (Operation *same = symbols.lookup(symbol.getName())) {
      if (!hasBody && same->getAttrDictionary() == op.getAttrDictionary() && same->getName() == op.getName())
        continue;
      if (failed(renamed.renameToUnique(&op, {&symbols})))
        return op.emitError("cannot be renamed");
    }
    op.remove();
    symbols.insert(&op);
  }
  Builder builder(library.getContext());
  SmallVector<Attribute> mains{FlatSymbolRefAttr::get(main)};
  if (auto known = main->getAttrOfType<ArrayAttr>(kVariantsAttr))
    mains.assign(known.begin(), known.end());
  mains.push_back(FlatSymbolRefAttr::get(other));
  main->setAttr(kVariantsAttr, builder.getArrayAttr(mains));
  return success();
}
