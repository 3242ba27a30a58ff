// Runs the network on one sample after the other and compares every number with the integer reference that the compiler
// ran. Returns 1 if any differs.
#include "../firmware/net.h"
#include "data.h"
#include <cstdio>

int main() {
  static net_input_t input[NET_INPUTS];
  static net_result_t result[NET_RESULTS];
  long mismatches = 0;
  for (int sample = 0; sample < TB_SAMPLES; ++sample) {
    for (int i = 0; i < NET_INPUTS; ++i)
      input[i] = tb_input[sample][i];
    for (int i = 0; i < NET_RESULTS; ++i)
      result[i] = 0;
    NET_TOP(input, result);
    for (int i = 0; i < NET_RESULTS; ++i)
      if (result[i] != net_result_t(tb_golden[sample][i]) && ++mismatches <= 10)
        std::printf("sample %d, number %d: %lld, expected %lld\n", sample, i,
                    static_cast<long long>(result[i].to_int64()), static_cast<long long>(tb_golden[sample][i]));
  }
  std::printf("%d samples, %ld of %ld numbers differ\n", TB_SAMPLES, mismatches, long(TB_SAMPLES) * NET_RESULTS);
  return mismatches == 0 ? 0 : 1;
}
