// Drives the Verilog of the network (verilator) with the samples of data.h and compares every number with the integer
// reference that the compiler ran:
//
//   free running   the outside is never late: each sample has to end in the cycle that the schedule says
//   back-pressure  numbers come and are taken at random; only the numbers count
//
// Returns 1 if anything differs. An argument is the seed of the random runs.
#include "Vnet.h"
#include "rtl_data.h"
#include "verilated.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

struct Run {
  std::vector<long long> ends; // cycle of the last number of each sample
  long mismatches = 0;
  bool isStuck = false;
};

// Chances, of 256, that a number is offered, and that one is taken, in a cycle.
static Run run(long samples, unsigned offers, unsigned takes, unsigned seed) {
  auto context = std::make_unique<VerilatedContext>();
  auto net = std::make_unique<Vnet>(context.get());
  std::mt19937 random(seed);
  Run result;
  net->rst = 1;
  net->in_valid = net->out_ready = 0;
  for (int i = 0; i < 4; ++i) {
    net->clk = 0, net->eval();
    net->clk = 1, net->eval();
  }
  net->rst = 0;
  long given = 0, taken = 0;
  long long first = -1, quiet = 0;
  const uint64_t inMask = (uint64_t(1) << NET_INPUT_BITS) - 1, outMask = (uint64_t(1) << NET_RESULT_BITS) - 1;
  bool offered = false;
  for (long long cycle = 0; taken < samples * NET_RESULTS; ++cycle) {
    // What is offered stays until it is taken.
    offered = given < samples * NET_INPUTS && (offered || (random() & 255) < offers);
    net->in_valid = offered;
    net->in_data =
        offered ? uint64_t(tb_input[given / NET_INPUTS % TB_SAMPLES][given % NET_INPUTS]) & inMask : random() & inMask;
    net->out_ready = (random() & 255) < takes;
    net->clk = 0, net->eval();
    bool arrives = net->in_valid && net->in_ready, leaves = net->out_valid && net->out_ready;
    if (arrives) {
      if (first < 0)
        first = cycle;
      ++given;
      offered = false;
    }
    if (leaves) {
      uint64_t expected = uint64_t(tb_golden[taken / NET_RESULTS % TB_SAMPLES][taken % NET_RESULTS]) & outMask;
      if ((uint64_t(net->out_data) & outMask) != expected && ++result.mismatches <= 5)
        std::printf("  sample %ld, number %ld: %llx, expected %llx\n", taken / NET_RESULTS, taken % NET_RESULTS,
                    (unsigned long long)net->out_data, (unsigned long long)expected);
      if (++taken % NET_RESULTS == 0)
        result.ends.push_back(cycle - first);
    }
    net->clk = 1, net->eval();
    quiet = arrives || leaves ? 0 : quiet + 1;
    if (quiet > RTL_PATIENCE) {
      std::printf("  deadlock: nothing came and nothing left for %lld cycles, after %ld numbers in and %ld out\n",
                  quiet, given, taken);
      result.isStuck = true;
      break;
    }
  }
  // Nothing may come behind the last number.
  net->in_valid = 0, net->out_ready = 1;
  for (int i = 0; i < 64 && !result.isStuck; ++i) {
    net->clk = 0, net->eval();
    result.mismatches += net->out_valid;
    net->clk = 1, net->eval();
  }
  net->final();
  return result;
}

int main(int argc, char **argv) {
  unsigned seed = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1;
  const long samples = sizeof(rtl_ends) / sizeof(rtl_ends[0]);
  Run free = run(samples, 256, 256, 0);
  bool isRight = free.mismatches == 0 && !free.isStuck, isTimed = !free.isStuck;
  for (long i = 0; i < samples && isTimed; ++i)
    isTimed = free.ends[i] == rtl_ends[i];
  std::printf("free running: %ld samples, %ld numbers differ", samples, free.mismatches);
  if (!free.isStuck)
    std::printf(", latency %lld, interval %lld cycles", free.ends[0], free.ends[samples - 1] - free.ends[samples - 2]);
  std::printf("; schedule: latency %lld, interval %lld: %s\n", rtl_ends[0],
              rtl_ends[samples - 1] - rtl_ends[samples - 2],
              isTimed ? "every sample as scheduled" : "OTHER CYCLES than scheduled");
  const unsigned chances[][2] = {{128, 128}, {32, 256}, {256, 32}, {224, 200}};
  for (auto &chance : chances) {
    Run slow = run(TB_SAMPLES < 3 ? 3 : TB_SAMPLES, chance[0], chance[1], seed++);
    std::printf("back-pressure, offers %u/256, takes %u/256: %zu samples, %ld numbers differ\n", chance[0], chance[1],
                slow.ends.size(), slow.mismatches);
    isRight &= slow.mismatches == 0 && !slow.isStuck;
  }
  return isRight && isTimed ? 0 : 1;
}
