// Streams samples back to back, at least three, and compares every number and TLAST with the integer reference that the
// compiler ran. Returns 1 if anything differs.
#include "../firmware/net.h"
#include "data.h"
#include <cstdio>

int main() {
  const int kTogether = 3; // in the stream before the first is computed
  hls::stream<net_input_beat_t> input("input");
  hls::stream<net_result_beat_t> result("result");
  long mismatches = 0, runs = TB_SAMPLES < kTogether ? kTogether : TB_SAMPLES;
  for (long first = 0; first < runs; first += kTogether) {
    long end = first + kTogether < runs ? first + kTogether : runs;
    for (long run = first; run < end; ++run)
      for (int i = 0; i < NET_INPUTS; i += NET_INPUT_BEAT_NUMBERS) {
        net_input_beat_t beat;
        beat.data = 0;
        for (int part = 0; part < NET_INPUT_BEAT_NUMBERS && i + part < NET_INPUTS; ++part)
          beat.data = beat.data + net_put_number<NET_INPUT_NUMBER_BITS * NET_INPUT_BEAT_NUMBERS>(
                                      tb_input[run % TB_SAMPLES][i + part], part, NET_INPUT_NUMBER_BITS);
        beat.keep = -1;
        beat.strb = -1;
        beat.user = 0;
        beat.id = 0;
        beat.dest = 0;
        beat.last = i + NET_INPUT_BEAT_NUMBERS >= NET_INPUTS;
        input.write(beat);
      }
    for (long run = first; run < end; ++run) {
      int frame_errors = -1;
      NET_TOP(input, result, &frame_errors);
      if (frame_errors != 0 && ++mismatches <= 10)
        std::printf("sample %ld: %d beats with a wrong TLAST\n", run, frame_errors);
    }
    for (long run = first; run < end; ++run) {
      net_result_beat_t beat;
      for (int i = 0; i < NET_RESULTS; ++i) {
        int part = i % NET_RESULT_BEAT_NUMBERS;
        if (part == 0)
          beat = result.read();
        long long expected = tb_golden[run % TB_SAMPLES][i];
        long long number = net_take_number(beat.data, part, NET_RESULT_NUMBER_BITS).to_int64();
        bool isLast = i + NET_RESULT_BEAT_NUMBERS - part >= NET_RESULTS;
        bool isRight = number == expected && (beat.last == ap_uint<1>(1)) == isLast;
        if (!isRight && ++mismatches <= 10)
          std::printf("sample %ld, number %d: %lld, expected %lld%s\n", run, i, number, expected,
                      beat.last == ap_uint<1>(1) ? ", TLAST" : "");
      }
    }
  }
  if (!input.empty() || !result.empty())
    std::printf("%d beats are left\n", int(++mismatches));
  std::printf("%d samples, %ld of %ld numbers differ\n", TB_SAMPLES, mismatches, runs * NET_RESULTS);
  return mismatches == 0 ? 0 : 1;
}
