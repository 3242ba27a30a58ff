//===- Case.cpp - One input through parser and passes ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Case.h"
#include "MutateIR.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include <cstring>
#include <unistd.h>

using namespace mlir;
using namespace mlir::compress::fuzz;

namespace {

template <size_t N>
void store(char (&field)[N], StringRef text) {
  size_t count = std::min(text.size(), N - 1);
  std::memcpy(field, text.data(), count);
  field[count] = 0;
}

/// Keeps the last diagnostics, for the report of a finding.
struct Diagnostics {
  explicit Diagnostics(MLIRContext *context)
      : handler(context, [this](Diagnostic &d) {
          if (d.getSeverity() == DiagnosticSeverity::Error)
            ++errors;
          if (texts.size() < 20)
            texts.push_back(d.str());
          return success();
        }) {}

  int errors = 0;
  std::vector<std::string> texts;
  ScopedDiagnosticHandler handler;
};

/// Ends the worker: `kind` is what is wrong.
[[noreturn]] void reportFinding(Shared &shared, StringRef kind, const Diagnostics &diagnostics) {
  store(shared.kind, kind);
  llvm::errs() << kind << " at " << shared.stage << "\n";
  for (const std::string &text : diagnostics.texts)
    llvm::errs() << "  " << text << "\n";
  llvm::errs().flush();
  _exit(exitFinding);
}

/// Counts passes, and verifies after each that completes.
struct PassWatcher : PassInstrumentation {
  explicit PassWatcher(Shared &shared) : shared(shared) {}

  void runBeforePass(Pass *pass, Operation *op) override {
    if (!pass->getArgument().empty())
      store(shared.stage, pass->getArgument());
  }

  void runAfterPass(Pass *pass, Operation *op) override {
    count(pass, /*completed=*/true);
    if (pass->getArgument().empty() || !invalidAfter.empty() || succeeded(verify(op)))
      return;
    // Some of upstream's conversions count on the verifier to refuse what they left half converted; compress-opt does.
    if (!isOurs(pass->getArgument()))
      _exit(exitInvalidUpstream);
    invalidAfter = pass->getArgument().str();
  }

  void runAfterPassFailed(Pass *pass, Operation *op) override { count(pass, /*completed=*/false); }

  void count(Pass *pass, bool completed) {
    StringRef name = pass->getArgument();
    for (Shared::Pass &entry : shared.passes)
      if (name == entry.name && !name.empty())
        ++(completed ? entry.completed : entry.refused);
  }

  Shared &shared;
  std::string invalidAfter;
};

class Case {
public:
  Case(const Corpus &corpus, const DialectRegistry &registry, Random random, Shared &shared)
      : corpus(corpus), random(random), shared(shared), context(registry, MLIRContext::Threading::DISABLED),
        diagnostics(&context) {}

  void run() {
    OwningOpRef<ModuleOp> module = makeInput();
    if (!module)
      return;
    ++shared.parsed;
    if (random.chance(30))
      roundTrip(*module, "round trip of the input");
    runPasses(*module);
  }

private:
  std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.print(stream);
    return text;
  }

  OwningOpRef<ModuleOp> parse(StringRef text, StringRef stage) {
    store(shared.stage, stage);
    ++shared.inputs;
    return parseSourceString<ModuleOp>(text, ParserConfig(&context));
  }

  /// Text is mutated and parsed; or a module is parsed, and mutated in memory or as bytecode.
  OwningOpRef<ModuleOp> makeInput() {
    size_t chunk = random.below(corpus.chunks.size());
    const std::string &text = corpus.chunks[chunk];
    unsigned kind = random.below(100);
    StringRef mutation = kind < 35 ? "text" : kind < 85 ? "IR" : kind < 95 ? "bytecode" : "none";
    store(shared.origin, corpus.origins[chunk] + ", mutation: " + mutation.str());
    std::string input = mutation == "text" ? mutateText(text, corpus, random) : text;
    store(shared.input, input);
    OwningOpRef<ModuleOp> module = parse(input, "parser");
    if (!module || mutation == "text" || mutation == "none")
      return module;
    store(shared.stage, "mutation");
    if (mutation == "IR")
      return mutateModule(std::move(module), corpus, random, 1 + random.below(8));
    module = parse(mutateBytecode(*module), "bytecode reader");
    if (!module || hasWhatNoTextHas(*module))
      return {};
    forgetMemoizedMaps(*module);
    return succeeded(verify(*module)) ? std::move(module) : OwningOpRef<ModuleOp>();
  }

  /// The bytecode reader and the verifiers of upstream's types take negative extents, and arrays of another size than
  /// their numbers have, whose end is whatever lies behind them.
  static bool hasWhatNoTextHas(ModuleOp module) {
    auto isBad = [](Type type) {
      auto shaped = dyn_cast<ShapedType>(type);
      return shaped && shaped.hasRank() &&
             llvm::any_of(shaped.getShape(), [](int64_t e) { return e < 0 && ShapedType::isStatic(e); });
    };
    AttrTypeWalker walker;
    walker.addWalk([](DenseArrayAttr array) {
      size_t bytes = llvm::divideCeil(array.getElementType().getIntOrFloatBitWidth(), 8) * array.getSize();
      return bytes == array.getRawData().size() ? WalkResult::advance() : WalkResult::interrupt();
    });
    walker.addWalk([&](Type type) { return isBad(type) ? WalkResult::interrupt() : WalkResult::advance(); });
    return module
        ->walk([&](Operation *op) {
          bool isFound = walker.walk(op->getAttrDictionary()).wasInterrupted();
          for (Type type : op->getResultTypes())
            isFound |= walker.walk(type).wasInterrupted();
          for (Region &region : op->getRegions())
            for (Block &block : region)
              for (Type type : block.getArgumentTypes())
                isFound |= walker.walk(type).wasInterrupted();
          return isFound ? WalkResult::interrupt() : WalkResult::advance();
        })
        .wasInterrupted();
  }

  std::string writeBytecode(ModuleOp module) {
    std::string bytes;
    llvm::raw_string_ostream stream(bytes);
    store(shared.stage, "bytecode writer");
    if (failed(writeBytecodeToFile(module, stream)))
      reportFinding(shared, "bytecode cannot be written", diagnostics);
    return bytes;
  }

  std::string mutateBytecode(ModuleOp module) {
    std::string bytes = writeBytecode(module);
    for (size_t i = 0, e = 1 + random.below(3); i < e; ++i) {
      size_t at = random.below(bytes.size());
      if (random.chance(10))
        bytes.erase(at, 1 + random.below(4));
      else if (random.chance(10))
        bytes.insert(at, 1, static_cast<char>(random.next()));
      else
        bytes[at] = static_cast<char>(random.chance(50) ? random.next() : bytes[at] + (random.chance(50) ? 1 : -1));
    }
    std::string shown;
    for (unsigned char byte : bytes)
      shown += "0123456789abcdef"[byte >> 4], shown += "0123456789abcdef"[byte & 15];
    store(shared.input, "// bytecode, as hexadecimal digits\n" + shown);
    return bytes;
  }

  /// The module, printed as text or written as bytecode and read again, prints as before.
  void roundTrip(ModuleOp module, StringRef stage) {
    std::string first = print(module);
    store(shared.input, first);
    std::string input = random.chance(50) ? writeBytecode(module) : first;
    // In another context, or resources of the same name would be renamed.
    MLIRContext other(context.getDialectRegistry(), MLIRContext::Threading::DISABLED);
    Diagnostics otherDiagnostics(&other);
    store(shared.stage, stage);
    ++shared.inputs;
    auto again = parseSourceString<ModuleOp>(input, ParserConfig(&other));
    if (!again)
      reportFinding(shared, "a valid module does not parse again", otherDiagnostics);
    std::string second = print(*again);
    if (second != first) {
      diagnostics.texts.push_back("first:\n" + first + "\nsecond:\n" + second);
      reportFinding(shared, "a module prints differently after a round trip", diagnostics);
    }
  }

  void runPasses(ModuleOp module) {
    std::vector<PassCall> calls = corpus.randomPasses(random);
    std::string command;
    for (const PassCall &call : calls)
      command += " '--" + call.flag + (call.options.empty() ? "" : "=" + call.options) + "'";
    store(shared.command, command);
    store(shared.input, print(module));
    store(shared.stage, "making the pass pipeline");
    PassManager pm(&context, ModuleOp::getOperationName(), PassManager::Nesting::Implicit);
    for (const PassCall &call : calls) {
      const PassRegistryEntry *entry = PassInfo::lookup(call.flag);
      if (!entry)
        entry = PassPipelineInfo::lookup(call.flag);
      if (!entry || failed(entry->addToPipeline(pm, call.options, [](const Twine &) { return failure(); })))
        return;
    }
    pm.enableVerifier(false); // the watcher verifies, and tells a refusal from a pass that breaks the module
    auto owned = std::make_unique<PassWatcher>(shared);
    PassWatcher &watcher = *owned;
    pm.addInstrumentation(std::move(owned));
    int errorsBefore = diagnostics.errors;
    bool isCompleted = succeeded(pm.run(module));
    ++(isCompleted ? shared.completed : shared.refused);
    if (!watcher.invalidAfter.empty()) {
      store(shared.stage, watcher.invalidAfter);
      reportFinding(shared, "a pass leaves a module that does not verify", diagnostics);
    }
    if (!isCompleted && diagnostics.errors == errorsBefore)
      reportFinding(shared, "a pass fails without an error message", diagnostics);
    if (isCompleted && random.chance(25))
      roundTrip(module, "round trip of the result");
  }

  const Corpus &corpus;
  Random random;
  Shared &shared;
  MLIRContext context;
  Diagnostics diagnostics;
};

} // namespace

void mlir::compress::fuzz::runCase(const Corpus &corpus, const DialectRegistry &registry, uint64_t seed,
                                   uint64_t number, Shared &shared) {
  Random seeds(seed);
  Random random(seeds.next() ^ (number * 0xD1B54A32D192ED03u));
  store(shared.kind, "");
  store(shared.command, "");
  store(shared.input, "");
  Case(corpus, registry, random, shared).run();
}
