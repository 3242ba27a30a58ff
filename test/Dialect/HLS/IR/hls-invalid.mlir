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

// expected-error@+1 {{a stream of depth 0: expects 1 or more}}
func.func private @stream_c1(memref<4xi8> {hls.stream = #hls.stream<depth = 0>})

// -----

// expected-error@+1 {{0 banks of 4 words: expects 1 or more of each}}
func.func private @banks_c1(memref<4xi8> {hls.banks = #hls.banks<count = 0, words = 4, storage = "block", keeps = "sample">})

// -----

// expected-error@+1 {{storage is 'tape': expects block or distributed}}
func.func private @banks_c2(memref<4xi8> {hls.banks = #hls.banks<count = 1, words = 4, storage = "tape", keeps = "sample">})

// -----

// expected-error@+1 {{keeps 'nothing': expects sample or window}}
func.func private @banks_c3(memref<4xi8> {hls.banks = #hls.banks<count = 1, words = 4, storage = "block", keeps = "nothing">})

// -----

// expected-error@+1 {{a window of 3 words: expects a power of two}}
func.func private @banks_c4(memref<4xi8> {hls.banks = #hls.banks<count = 1, words = 3, storage = "block", keeps = "window">})

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
func.func private @task_c1() attributes {hls.network = #hls.task<interval = 0, latency = 4>}

// -----

// expected-error@+1 {{attribute 'hls.start' is -1 : i64: expects a 64-bit integer, 0 or more}}
func.func private @start_before_its_iteration() attributes {hls.start = -1 : i64}

// -----

// expected-error@+1 {{attribute 'hls.stream' is #hls.task<interval = 1, latency = 4>: expects the attribute of the hls dialect that goes by this name}}
func.func private @stream_that_is_a_task(memref<4xi8> {hls.stream = #hls.task<interval = 1, latency = 4>})

// -----

// expected-error@+1 {{attribute 'hls.speed' is 3 : i64: expects the attribute of the hls dialect that goes by this name}}
func.func private @attribute_of_no_such_name() attributes {hls.speed = 3 : i64}
