//===- compress-fuzz.cpp - Mutated inputs through parser and passes --------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A worker process runs numbered cases one after the other; the watcher starts another one where it died, and keeps
// what it died of. Found are: signals and failed assertions, hangs (processor time), memory without bound, leaks
// (LeakSanitizer is linked in where the compiler has it), and what runCase names. A case is its seed and its number: it
// runs again as before with --case, as long as the corpus is the same.
//
//===----------------------------------------------------------------------===//

#include "Case.h"
#include "compress/InitAll.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/Signals.h"
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#if defined(COMPRESS_FUZZ_LEAKS)
#include <sanitizer/lsan_interface.h>
// Suppression files and the like are for the callers of the program; these are what it needs to work.
extern "C" const char *__lsan_default_options() { return "exitcode=0:print_suppressions=0:max_leaks=3"; }
#endif

using namespace mlir;
using namespace mlir::compress::fuzz;

namespace mlir::compress::test {
void registerTestDialect(DialectRegistry &registry);
} // namespace mlir::compress::test

namespace {

namespace cl = llvm::cl;
cl::opt<std::string> corpusFolder("corpus", cl::desc("Folder of test files"), cl::init("test"));
cl::opt<std::string> outputFolder("failures", cl::desc("Folder for failing inputs"), cl::init("fuzz-failures"));
cl::opt<std::string> knownFile("known", cl::desc("Upstream's misbehaviour: regular expressions"), cl::init(""));
cl::opt<uint64_t> seed("seed", cl::desc("Seed of all mutations"), cl::init(1));
cl::opt<uint64_t> firstCase("first", cl::desc("Number of the first case"), cl::init(0));
cl::opt<uint64_t> mostCases("cases", cl::desc("Most cases to run"), cl::init(UINT64_MAX));
cl::opt<unsigned> mostSeconds("seconds", cl::desc("Most seconds to run"), cl::init(30));
cl::opt<int64_t> onlyCase("case", cl::desc("Run one case in this process"), cl::init(-1));
cl::opt<unsigned> hangSeconds("hang", cl::desc("Processor seconds after which a case hangs"), cl::init(10));
cl::opt<unsigned> mostMegabytes("memory", cl::desc("Megabytes that a worker may take"), cl::init(2048));

/// Cases between two searches for leaks.
constexpr uint64_t kLeakInterval = 200;

int64_t nowMs() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

//===----------------------------------------------------------------------===//
// Worker
//===----------------------------------------------------------------------===//

void onHang(int) {
  static const char message[] = "hang\n";
  (void)!write(2, message, sizeof(message) - 1);
  llvm::sys::PrintStackTrace(llvm::errs());
  llvm::errs().flush();
  _exit(exitHang);
}

void restartHangTimer() {
  itimerval timer{};
  timer.it_value.tv_sec = hangSeconds;
  setitimer(ITIMER_PROF, &timer, nullptr);
}

bool hasLeaked() {
#if defined(COMPRESS_FUZZ_LEAKS)
  return __lsan_do_recoverable_leak_check() != 0;
#else
  return false;
#endif
}

/// Runs cases from `first` on, until the watcher ends it. Searches for leaks every `leakInterval` cases.
[[noreturn]] void work(const Corpus &corpus, const DialectRegistry &registry, Shared &shared, uint64_t first,
                       uint64_t end, uint64_t leakInterval) {
  signal(SIGPROF, onHang);
  for (uint64_t number = first; number < end; ++number) {
    (void)!ftruncate(2, 0); // the log is that of the case
    shared.current = number;
    restartHangTimer();
    runCase(corpus, registry, seed, number, shared);
    if ((number - first + 1) % leakInterval == 0 && hasLeaked())
      _exit(exitLeak);
  }
  _exit(hasLeaked() ? exitLeak : 0);
}

//===----------------------------------------------------------------------===//
// Watcher
//===----------------------------------------------------------------------===//

size_t residentMegabytes(pid_t pid) {
  auto buffer = llvm::MemoryBuffer::getFileAsStream("/proc/" + std::to_string(pid) + "/statm");
  size_t pages = 0;
  if (!buffer || (*buffer)->getBuffer().split(' ').second.split(' ').first.getAsInteger(10, pages))
    return 0;
  return pages * sysconf(_SC_PAGESIZE) >> 20;
}

class Watcher {
public:
  Watcher(const Corpus &corpus, const DialectRegistry &registry, Shared &shared)
      : corpus(corpus), registry(registry), shared(shared), startMs(nowMs()) {
    llvm::sys::fs::create_directories(outputFolder);
    logPath = outputFolder + "/worker.log";
    readKnown();
    std::vector<std::string> names = corpus.passes;
    for (size_t i = 0; i < names.size() && i < Shared::kPasses; ++i)
      std::snprintf(shared.passes[i].name, Shared::kName, "%s", names[i].c_str());
  }

  int run() {
    uint64_t next = firstCase, end = mostCases == UINT64_MAX ? UINT64_MAX : firstCase + mostCases;
    while (next < end && !isOver()) {
      uint64_t begin = next;
      int status = watch(begin, end, kLeakInterval);
      next = shared.current + 1;
      if (isEnded)
        break;
      if (WIFEXITED(status) && WEXITSTATUS(status) == exitLeak)
        findLeak(begin > next - std::min(next, kLeakInterval) ? begin : next - kLeakInterval, next);
      else if (WIFEXITED(status) && WEXITSTATUS(status) == exitInvalidUpstream)
        ++shared.refused;
      else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        keep(describe(status));
    }
    return summarize(next - firstCase);
  }

private:
  bool isOver() const { return nowMs() - startMs > int64_t(mostSeconds) * 1000; }

  /// Runs a worker to its end; returns its status.
  int watch(uint64_t begin, uint64_t end, uint64_t leakInterval) {
    shared.current = begin;
    killedFor.clear();
    pid_t pid = fork();
    if (pid == 0) {
      int log = open(logPath.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0644);
      dup2(log, 2);
      dup2(log, 1);
      work(corpus, registry, shared, begin, end, leakInterval);
    }
    int status = 0;
    uint64_t looks = 0, lookedAt = begin;
    while (waitpid(pid, &status, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      // Not by the clock: a machine that is busy or asleep lets neither process run.
      looks = lookedAt == shared.current ? looks + 1 : 0;
      lookedAt = shared.current;
      if (residentMegabytes(pid) > mostMegabytes)
        killedFor = "memory without bound";
      else if (looks > hangSeconds * 1000)
        killedFor = "waits for ever";
      isEnded = leakInterval == kLeakInterval && isOver();
      if (!killedFor.empty() || isEnded)
        kill(pid, SIGKILL);
      if (isEnded) {
        waitpid(pid, &status, 0);
        break;
      }
    }
    return status;
  }

  std::string describe(int status) const {
    if (!killedFor.empty())
      return killedFor;
    if (WIFSIGNALED(status))
      return ("signal: " + Twine(strsignal(WTERMSIG(status)))).str();
    switch (WEXITSTATUS(status)) {
    case exitHang:
      return "hang";
    case exitLeak:
      return "leak";
    case exitFinding:
      return shared.kind;
    default:
      return "exit code " + std::to_string(WEXITSTATUS(status));
    }
  }

  /// Runs [begin, end) again, searching for leaks after each case.
  void findLeak(uint64_t begin, uint64_t end) {
    while (begin < end) {
      int status = watch(begin, end, 1);
      begin = shared.current + 1;
      if (WIFEXITED(status) && WEXITSTATUS(status) == exitLeak)
        return keep("leak");
    }
    keep("leak, but of no single case");
  }

  /// Writes the failing input to a file, unless it is one that upstream is known for.
  void keep(const std::string &what) {
    auto buffer = llvm::MemoryBuffer::getFile(logPath);
    std::string log = buffer ? (*buffer)->getBuffer().str() : "";
    std::string text = what + " at " + shared.stage + "\n" + log;
    for (auto &[regex, count] : known)
      if (llvm::Regex(regex, llvm::Regex::Newline).match(text)) {
        ++count;
        return;
      }
    ++findings[what + " at " + shared.stage];
    std::string path = outputFolder + "/" + std::to_string(seed) + "-" + std::to_string(shared.current) + ".mlir";
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    file << "// " << what << " at " << shared.stage << "\n// from " << shared.origin
         << "; again: compress-fuzz --seed=" << seed << " --case=" << shared.current << "\n// RUN: compress-opt %s"
         << shared.command << "\n"
         << shared.input << "\n";
    SmallVector<StringRef> lines;
    StringRef(log).split(lines, '\n');
    for (StringRef line : ArrayRef(lines).take_front(60))
      file << "// LOG: " << line << "\n";
    llvm::outs() << "FOUND " << what << " at " << shared.stage << ": " << path << "\n";
    llvm::outs().flush();
  }

  void readKnown() {
    if (knownFile.empty())
      return;
    auto buffer = llvm::MemoryBuffer::getFile(knownFile);
    if (!buffer)
      llvm::report_fatal_error(Twine("cannot read ") + knownFile, /*gen_crash_diag=*/false);
    SmallVector<StringRef> lines;
    (*buffer)->getBuffer().split(lines, '\n');
    for (StringRef line : lines)
      if (!line.trim().empty() && !line.starts_with("#"))
        known.push_back({line.trim().str(), 0});
  }

  int summarize(uint64_t cases) {
    double seconds = (nowMs() - startMs) / 1000.0;
    llvm::outs() << llvm::format("seed %llu, cases %llu to %llu, %.1f s, %.1f cases/s\n", (unsigned long long)seed,
                                 (unsigned long long)firstCase, (unsigned long long)(firstCase + cases), seconds,
                                 cases / seconds);
    llvm::outs() << "corpus: " << corpus.chunks.size() << " modules of " << llvm::StringRef(corpusFolder) << "\n"
                 << "parsed: " << shared.inputs << " texts and bytecodes; " << shared.parsed << " valid modules; "
                 << shared.completed << " pipelines completed, " << shared.refused << " refused\n"
                 << "leaks: " << (isLeakChecked() ? "searched for" : "not searched for by this build") << "\n";
    for (const Shared::Pass &pass : shared.passes)
      if (pass.name[0])
        llvm::outs() << llvm::format("  %-44s %8llu completed %8llu refused\n", pass.name,
                                     (unsigned long long)pass.completed, (unsigned long long)pass.refused);
    for (const auto &[regex, count] : known)
      if (count)
        llvm::outs() << "known upstream, " << count << " times: " << regex << "\n";
    for (const auto &[what, count] : findings)
      llvm::outs() << "FOUND " << count << " times: " << what << "\n";
    llvm::outs() << findings.size() << " kinds of failure\n";
    return findings.empty() ? 0 : 1;
  }

  static bool isLeakChecked() {
#if defined(COMPRESS_FUZZ_LEAKS)
    return true;
#else
    return false;
#endif
  }

  const Corpus &corpus;
  const DialectRegistry &registry;
  Shared &shared;
  int64_t startMs;
  bool isEnded = false;
  std::string logPath, killedFor;
  std::vector<std::pair<std::string, uint64_t>> known;
  std::map<std::string, uint64_t> findings;
};

} // namespace

int main(int argc, char **argv) {
  // Names of functions are enough for a report; a symbolizer would take seconds for each.
  setenv("LLVM_DISABLE_SYMBOLIZATION", "1", /*overwrite=*/0);
  DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  compress::registerAllDialects(registry);
  compress::registerAllPasses();
  compress::registerAllPipelines();
  compress::test::registerTestDialect(registry);
  cl::ParseCommandLineOptions(argc, argv, "compress-mlir fuzzer: mutated test files through parser and passes\n");
  llvm::sys::PrintStackTraceOnErrorSignal(argv[0]);
  Corpus corpus = Corpus::read(corpusFolder);
  if (corpus.chunks.empty()) {
    llvm::errs() << "error: no .mlir file in " << corpusFolder << "\n";
    return 1;
  }
  auto *memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto &shared = *new (memory) Shared();
  if (onlyCase >= 0) {
    runCase(corpus, registry, seed, onlyCase, shared);
    llvm::outs() << "// compress-opt" << shared.command << "\n" << shared.input << "\n";
    return 0;
  }
  return Watcher(corpus, registry, shared).run();
}
