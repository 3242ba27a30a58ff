// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func private @pipeline_c1() attributes {
  // expected-error@+1 {{expects ii, depth and lanes of 1 or more and a gap of 0 or more}}
  hls.pipeline = #hls.pipeline<ii = 0, depth = 1, lanes = 1, gap = 0, bound = "port">
}

// -----

func.func private @pipeline_c2() attributes {
  // expected-error@+1 {{bound is 'luck': expects target, port or recurrence}}
  hls.pipeline = #hls.pipeline<ii = 1, depth = 1, lanes = 1, gap = 0, bound = "luck">
}

// -----

// expected-error@+1 {{kind is 'wire': expects stream or buffer}}
func.func private @port_c1(memref<4xi8> {hls.port = #hls.port<kind = "wire", depth = 1>})

// -----

// expected-error@+1 {{a port of kind stream and depth 0: expects 1 or more}}
func.func private @port_c2_stream(memref<4xi8> {hls.port = #hls.port<kind = "stream", depth = 0>})

// -----

// expected-error@+1 {{a port of kind buffer and depth -1: expects 0 or more}}
func.func private @port_c2_buffer(memref<4xi8> {hls.port = #hls.port<kind = "buffer", depth = -1>})

// -----

// expected-error@+1 {{0 banks of 4 words: expects 1 or more of each}}
func.func private @banks_c1() attributes {banks = #hls.banks<count = 0, words = 4, storage = "block", keeps = "sample">}

// -----

// expected-error@+1 {{storage is 'tape': expects block or distributed}}
func.func private @banks_c2() attributes {banks = #hls.banks<count = 1, words = 4, storage = "tape", keeps = "sample">}

// -----

// expected-error@+1 {{keeps 'nothing': expects sample or window}}
func.func private @banks_c3() attributes {banks = #hls.banks<count = 1, words = 4, storage = "block", keeps = "nothing">}

// -----

// expected-error@+1 {{a window of 3 words: expects a power of two}}
func.func private @banks_c4() attributes {banks = #hls.banks<count = 1, words = 3, storage = "block", keeps = "window">}

// -----

// expected-error@+1 {{a window of 6 words: expects a power of two}}
func.func private @window_c1(memref<8xi8> {hls.window = #hls.window<words = 6, first = 2, steps = [1], behind = [0]>})

// -----

// expected-error@+1 {{expects first, steps and behind of 0 or more, the last two of as many loops}}
func.func private @window_c2(memref<8xi8> {hls.window = #hls.window<words = 4, first = 2, steps = [1, -1], behind = [0, 0]>})

// -----

// expected-error@+1 {{a partition into 1 memories: expects 2 or more}}
func.func private @partition_c1(memref<8xi8> {hls.partition = #hls.partition<factor = 1>})

// -----

// expected-error@+1 {{attribute 'hls.place' is 3 : i64: expects an affine map}}
func.func private @place_that_is_a_number() attributes {hls.place = 3 : i64}

// -----

// expected-error@+1 {{an interval of 0 and a latency of 4 cycles: expects 1 or more of each}}
func.func private @cycles_c1() attributes {hls.network = #hls.cycles<interval = 0, latency = 4>}

// -----

// expected-error@+1 {{attribute 'hls.start' is -1 : i64: expects a 64-bit integer, 0 or more}}
func.func private @start_before_its_iteration() attributes {hls.start = -1 : i64}

// -----

// expected-error@+1 {{attribute 'hls.port' is #hls.cycles<interval = 1, latency = 4>: expects the attribute of the hls dialect that goes by this name}}
func.func private @port_that_is_cycles(memref<4xi8> {hls.port = #hls.cycles<interval = 1, latency = 4>})

// -----

// expected-error@+1 {{attribute 'hls.speed' is 3 : i64: expects the attribute of the hls dialect that goes by this name}}
func.func private @attribute_of_no_such_name() attributes {hls.speed = 3 : i64}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c1_second_writer(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.buffer : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  // expected-error@+1 {{is a second writer of what is between tasks: expects one}}
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c1_second_reader(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.buffer : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  // expected-error@+1 {{is a second reader of what is between tasks: expects one}}
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c1_no_reader(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{has no task that reads it: expects one}}
  %b = hls.buffer : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c1_no_writer(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{has no task that writes it: expects one}}
  %b = hls.buffer : memref<4xi8>
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c1_reads_too_early(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.buffer : memref<4xi8>
  // expected-error@+1 {{reads what a later task writes}}
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c1_other_use(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.buffer : memref<4xi8>
  // expected-error@+1 {{uses what is between tasks: expects hls.task, in the same block}}
  memref.dealloc %b : memref<4xi8>
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c1_second_writer(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.stream depth 2 : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  // expected-error@+1 {{is a second writer of what is between tasks: expects one}}
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c1_second_reader(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.stream depth 2 : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  // expected-error@+1 {{is a second reader of what is between tasks: expects one}}
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c1_no_reader(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{has no task that reads it: expects one}}
  %b = hls.stream depth 2 : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c1_no_writer(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{has no task that writes it: expects one}}
  %b = hls.stream depth 2 : memref<4xi8>
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c1_reads_too_early(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.stream depth 2 : memref<4xi8>
  // expected-error@+1 {{reads what a later task writes}}
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c1_other_use(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  %b = hls.stream depth 2 : memref<4xi8>
  // expected-error@+1 {{uses what is between tasks: expects hls.task, in the same block}}
  memref.dealloc %b : memref<4xi8>
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @buffer_c2(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.buffer' op of depth 0: expects 1 or more}}
  %b = hls.buffer depth 0 : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c2(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.stream' op of depth -1: expects 1 or more}}
  %b = hls.stream depth -1 : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @stream_c3(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.stream' op is kept whole in banks: expects a window, or hls.buffer}}
  %b = hls.stream depth 2 banks <count = 1, words = 4, storage = "block", keeps = "sample"> : memref<4xi8>
  hls.task @copy ins(%x : memref<4xi8>) outs(%b : memref<4xi8>)
  hls.task @copy ins(%b : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @task_c1_no_step(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.task' op runs @nothing: expects a function with a body, of its inputs, then its outputs}}
  hls.task @nothing ins(%x : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @task_c1_other_arguments(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.task' op runs @copy: expects a function with a body, of its inputs, then its outputs}}
  hls.task @copy ins() outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @task_c2_in_place(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.task' op reads what it writes}}
  hls.task @copy ins(%y : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @copy(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}
func.func @task_c2_no_outputs(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.task' op writes nothing: expects outputs}}
  hls.task @copy ins(%x, %y : memref<4xi8>, memref<4xi8>) outs()
  return
}

// -----

func.func private @backwards(%x: memref<4xi8> {compress.result}, %y: memref<4xi8>) {
  return
}
func.func @task_c3_written_input(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.task' op runs @backwards, whose argument 0 is written: expects an output there}}
  hls.task @backwards ins(%x : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @reads(%x: memref<4xi8>, %y: memref<4xi8>) {
  return
}
func.func @task_c3_read_output(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{'hls.task' op runs @reads, whose argument 1 is not written: expects an input there}}
  hls.task @reads ins(%x : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}
