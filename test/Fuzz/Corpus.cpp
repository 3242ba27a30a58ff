//===- Corpus.cpp - What mutations start from ------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Corpus.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <set>

using namespace mlir;
using namespace mlir::compress::fuzz;

bool mlir::compress::fuzz::isOurs(StringRef flag) {
  return flag.starts_with("compress-") || flag.starts_with("convert-compress-");
}

/// The registry has no list of its entries, but a command-line parser over it has an option of each name.
static void readRegistry(Corpus &corpus) {
  static PassPipelineCLParser parser("", "Passes");
  for (auto &entry : llvm::cl::getRegisteredOptions()) {
    StringRef flag = entry.first;
    if (!isOurs(flag))
      continue;
    if (PassInfo::lookup(flag))
      corpus.passes.push_back(flag.str());
    else if (PassPipelineInfo::lookup(flag))
      corpus.pipelines.push_back(flag.str());
  }
  llvm::sort(corpus.passes);
  llvm::sort(corpus.pipelines);
}

/// The text of `{…}` at the start of `text`, without the braces; empty if they do not balance.
static StringRef braced(StringRef text) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
    if (depth == 0)
      return text.slice(1, i);
  }
  return {};
}

/// Options that `line` gives to passes, as `flag{options}` and as `--flag=options`.
static void findOptions(StringRef line, Corpus &corpus) {
  for (size_t at = line.find("compress-"); at != StringRef::npos; at = line.find("compress-", at + 1)) {
    size_t start = at >= 8 && line.substr(at - 8, 8) == "convert-" ? at - 8 : at;
    size_t end = line.find_if_not([](char c) { return llvm::isAlnum(c) || c == '-'; }, start);
    if (end == StringRef::npos)
      continue;
    StringRef flag = line.slice(start, end), rest = line.substr(end), options;
    if (rest.starts_with("{"))
      options = braced(rest);
    else if (rest.starts_with("='") || rest.starts_with("=\""))
      options = rest.drop_front(2).take_until([&](char c) { return c == rest[1]; });
    else if (rest.starts_with("="))
      options = rest.drop_front().take_until([](char c) { return c == ' ' || c == '\'' || c == '"'; });
    auto &known = corpus.options[flag.str()];
    if (!options.empty() && options.size() < 1000 && !llvm::is_contained(known, options.str()))
      known.push_back(options.str());
  }
}

static void addChunk(StringRef text, StringRef origin, Corpus &corpus) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  std::string chunk;
  for (StringRef line : lines)
    if (!line.trim().starts_with("//") && !line.trim().empty())
      chunk += (line + "\n").str();
  if (chunk.empty() || chunk.size() > 32768)
    return;
  corpus.chunks.push_back(std::move(chunk));
  corpus.origins.push_back(origin.str());
}

static void readFile(StringRef path, StringRef origin, Corpus &corpus) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return;
  StringRef text = (*buffer)->getBuffer();
  SmallVector<StringRef> parts;
  text.split(parts, '\n');
  for (StringRef line : parts)
    findOptions(line, corpus);
  if (!path.ends_with(".mlir"))
    return;
  parts.clear();
  text.split(parts, "// -----");
  for (StringRef part : parts)
    addChunk(part, origin, corpus);
}

/// Collects the words of the chunks, for mutations that swap one for another.
static void findWords(Corpus &corpus) {
  std::set<std::string> words;
  for (StringRef chunk : corpus.chunks)
    while (!chunk.empty()) {
      chunk = chunk.drop_until([](char c) { return llvm::isAlpha(c) || c == '_' || c == '%' || c == '@'; });
      if (chunk.empty())
        break;
      bool isSymbol = chunk.starts_with("%") || chunk.starts_with("@");
      StringRef word = chunk.drop_front(isSymbol && chunk.size() > 1 ? 1 : 0).take_while([](char c) {
        return llvm::isAlnum(c) || c == '_' || c == '.' || c == '$';
      });
      if (!isSymbol && word.size() > 1)
        words.insert(word.str());
      chunk = chunk.drop_front(std::min(chunk.size(), std::max<size_t>(word.size() + isSymbol, 1)));
    }
  for (const std::string &word : words) {
    (StringRef(word).contains('.') ? corpus.dotted : corpus.plain).push_back(word);
    if (StringRef(word).starts_with("compress.") || StringRef(word).starts_with("bufferization."))
      corpus.attributes.push_back(word);
  }
}

Corpus Corpus::read(StringRef folder) {
  Corpus corpus;
  readRegistry(corpus);
  std::vector<std::string> paths;
  std::error_code error;
  for (llvm::sys::fs::recursive_directory_iterator it(folder, error), end; it != end && !error; it.increment(error)) {
    StringRef extension = llvm::sys::path::extension(it->path());
    if (extension == ".mlir" || extension == ".test" || extension == ".py")
      paths.push_back(it->path());
  }
  llvm::sort(paths); // the order of a folder differs from one file system to the next
  for (const std::string &path : paths)
    readFile(path, StringRef(path).drop_front(folder.size()).ltrim('/'), corpus);
  findWords(corpus);
  return corpus;
}

std::string Corpus::randomOptions(StringRef flag, Random &random) const {
  auto known = options.find(flag.str());
  if (known == options.end() || known->second.empty() || random.chance(35))
    return "";
  std::string result = random.pick(known->second);
  if (random.chance(25))
    result += " " + random.pick(known->second);
  if (random.chance(35))
    result = mutateText(result, *this, random);
  std::replace(result.begin(), result.end(), '\n', ' ');
  return result;
}

std::vector<PassCall> Corpus::randomPasses(Random &random) const {
  std::vector<PassCall> calls;
  auto add = [&](StringRef flag) { calls.push_back({flag.str(), randomOptions(flag, random)}); };
  unsigned kind = random.below(100);
  if (kind < 40) {
    add(random.pick(passes));
  } else if (kind < 60) {
    for (size_t i = 0, e = 2 + random.below(4); i < e; ++i)
      add(random.chance(20) ? StringRef(random.chance(50) ? "canonicalize" : "cse") : StringRef(random.pick(passes)));
  } else if (kind < 70) {
    add("one-shot-bufferize");
    calls.back().options = random.chance(70) ? "bufferize-function-boundaries" : "";
    add(random.pick(passes));
  } else if (kind < 90) {
    add("compress-to-affine");
    if (random.chance(40))
      add(random.pick(pipelines));
  } else {
    add(random.pick(pipelines));
    add(random.pick(passes));
  }
  return calls;
}
