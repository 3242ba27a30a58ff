//===- Variants.h - One network as code for several processors ------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TARGET_VARIANTS_H
#define COMPRESS_TARGET_VARIANTS_H

#include "compress/Target/Processor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LogicalResult.h"

namespace mlir::compress {

/// Index attribute of functions: the place of their processor in the list of the library's.
inline constexpr const char *kVariantAttr = "compress.variant";
/// Attributes of a variant's main function: the processor's name, and the extensions that it must have.
inline constexpr const char *kProcessorAttr = "compress.processor", *kExtensionsAttr = "compress.extensions";
/// Attribute of `@main`: itself and the other main functions, the preferred one first.
inline constexpr const char *kVariantsAttr = "compress.variants";

/// Says on the functions of `module` that they are code for `cpu`, the `index`th processor of a library. Of extensions
/// whose registers must be asked for, those that no op uses are left out: they could be refused.
void markVariant(ModuleOp module, int64_t index, const TargetCPU &cpu);

/// Moves the functions of `variant` into `library` under names that are free there, `@main` as one more of
/// `compress.variants`. Equal globals of one name, such as weights, become one.
LogicalResult addVariant(ModuleOp library, ModuleOp variant);

} // namespace mlir::compress

#endif // COMPRESS_TARGET_VARIANTS_H
