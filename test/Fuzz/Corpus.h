//===- Corpus.h - What mutations start from --------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_FUZZ_CORPUS_H
#define COMPRESS_TEST_FUZZ_CORPUS_H

#include "Random.h"
#include "mlir/Support/LLVM.h"
#include <map>
#include <string>
#include <vector>

namespace mlir::compress::fuzz {

/// One pass or pipeline with its options, as compress-opt takes them: `--flag=options`.
struct PassCall {
  std::string flag, options;
};

/// The test files, cut at `// -----`, and what is found in them. New tests and new passes join by being there.
struct Corpus {
  /// One module's text, without comments.
  std::vector<std::string> chunks;
  /// For each chunk, the file it is from.
  std::vector<std::string> origins;
  /// Every word of the chunks: op names (with a dot) and others.
  std::vector<std::string> dotted, plain;
  /// Words that stand for function and argument attributes of this project, such as compress.result.
  std::vector<std::string> attributes;
  /// Flags of this project's passes and pipelines, from the registry, sorted.
  std::vector<std::string> passes, pipelines;
  /// Option strings that the tests give to each flag.
  std::map<std::string, std::vector<std::string>> options;

  /// Reads every .mlir file under `folder`; options are also found in .test and .py files. Passes must be registered.
  static Corpus read(StringRef folder);

  /// Random options of `flag`: none, some test's, or mutated ones.
  std::string randomOptions(StringRef flag, Random &random) const;

  /// A random sequence of passes.
  std::vector<PassCall> randomPasses(Random &random) const;
};

/// True if `flag` is that of a pass or pipeline of this project.
bool isOurs(StringRef flag);

/// Mutates `text` token by token; keeps it below 64 KiB.
std::string mutateText(StringRef text, const Corpus &corpus, Random &random);

/// A number that is likely to matter: small, a power of two or next to it, huge, or near `value`.
int64_t interestingNumber(int64_t value, Random &random);

/// The same for extents of tensors: mostly small.
int64_t interestingExtent(int64_t value, Random &random);

} // namespace mlir::compress::fuzz

#endif // COMPRESS_TEST_FUZZ_CORPUS_H
