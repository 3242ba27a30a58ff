
// Takes NET_INPUTS beats, whatever TLAST says, and counts those whose TLAST is not that of the last number.
static void @TOP @_read(hls::stream<net_input_beat_t> &from, net_input_t to[NET_INPUTS], int *frame_errors) {
  int errors = 0;
read_loop:
  for (int i = 0; i < NET_INPUTS; ++i) {
#pragma HLS PIPELINE II = 1
    net_input_beat_t beat = from.read();
    to[i] = net_input_t(beat.data);
    if ((beat.last == ap_uint<1>(1)) != (i == NET_INPUTS - 1))
      ++errors;
  }
  *frame_errors = errors;
}

static void @TOP @_write(net_result_t from[NET_RESULTS], hls::stream<net_result_beat_t> &to) {
write_loop:
  for (int i = 0; i < NET_RESULTS; ++i) {
#pragma HLS PIPELINE II = 1
    net_result_beat_t beat;
    beat.data = from[i];
    beat.keep = -1;
    beat.strb = -1;
    beat.user = 0;
    beat.id = 0;
    beat.dest = 0;
    beat.last = i == NET_RESULTS - 1;
    to.write(beat);
  }
}

void @TOP @(hls::stream<net_input_beat_t> &input, hls::stream<net_result_beat_t> &result, int *frame_errors) {
#pragma HLS INTERFACE axis port = input
#pragma HLS INTERFACE axis port = result
#pragma HLS INTERFACE s_axilite port = frame_errors
#pragma HLS INTERFACE s_axilite port = return
#pragma HLS DATAFLOW
  net_input_t numbers[NET_INPUTS];
  net_result_t results[NET_RESULTS];
  @TOP @_read(input, numbers, frame_errors);
  @TOP @_steps(numbers, results);
  @TOP @_write(results, result);
}
