//===- PerLayer.h - What each layer takes ---------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TOOLS_COMPRESS_RUN_PERLAYER_H
#define COMPRESS_TOOLS_COMPRESS_RUN_PERLAYER_H

#include "Library.h"

namespace compress {

/// Repeats a call that was made once, and prints a row per layer, one for the rest of the call, and one for all of it.
void printPerLayer(const Library &library, Library::Call &call, int64_t repetitions);

} // namespace compress

#endif // COMPRESS_TOOLS_COMPRESS_RUN_PERLAYER_H
