//===- Case.h - One input through parser and passes ------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_FUZZ_CASE_H
#define COMPRESS_TEST_FUZZ_CASE_H

#include "Corpus.h"
#include "mlir/IR/DialectRegistry.h"
#include <atomic>

namespace mlir::compress::fuzz {

/// What worker and watcher share. A worker that dies leaves here what it was at.
struct Shared {
  static constexpr size_t kPasses = 256, kName = 64;

  std::atomic<uint64_t> current; ///< Number of the case that runs.
  std::atomic<uint64_t> inputs, parsed, refused, completed;
  /// Passes by the names that they have in pipelines, each with how often it completed and how often it refused.
  struct Pass {
    char name[kName];
    std::atomic<uint64_t> completed, refused;
  } passes[kPasses];
  char kind[kName];    ///< What is wrong, if a worker finds it out itself; "" else.
  char stage[256];     ///< The step that runs.
  char command[4096];  ///< Flags for compress-opt.
  char origin[256];    ///< The corpus file and the kind of mutation.
  char input[1 << 18]; ///< The module before the passes, or the text before the parser.
};

/// Exit codes of workers.
enum : int { exitInvalidUpstream = 96, exitFinding = 97, exitHang = 98, exitLeak = 99 };

/// Runs case `number` of `seed`: makes an input from the corpus, parses it, prints and parses it again, runs passes.
/// Ends the process with `exitFinding` at a misbehaviour that is no crash: a pass whose result does not verify, a pass
/// that fails without a diagnostic, a module that does not survive printing.
void runCase(const Corpus &corpus, const DialectRegistry &registry, uint64_t seed, uint64_t number, Shared &shared);

} // namespace mlir::compress::fuzz

#endif // COMPRESS_TEST_FUZZ_CASE_H
