// RUN: compress-translate %s --split-input-file --hls-to-verilog --verify-diagnostics

// What is no schedule is no Verilog.
func.func private @without_times(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  // expected-error@+1 {{has no schedule: expects hls.pipeline, which compress-hls-schedule writes}}
  affine.for %i = 0 to 2 {
    %a = affine.load %x[%i] : memref<2xi8>
    affine.store %a, %y[%i] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  hls.task @without_times ins(%x : memref<2xi8>) outs(%y : memref<2xi8>)
  return
}

// -----

func.func private @adds_before_it_is_there(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    %a = affine.load %x[%i] {hls.start = 1 : i64} : memref<2xi8>
    // expected-error@+1 {{is no schedule: it begins in stage 0, and an operand is there in stage 1}}
    %b = arith.addi %a, %a {hls.start = 0 : i64} : i8
    affine.store %b, %y[%i] {hls.start = 2 : i64} : memref<2xi8>
  } {hls.pipeline = #hls.pipeline<ii = 1, depth = 4, lanes = 1, gap = 0, bound = "target">}
  return
}
func.func @main(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  hls.task @adds_before_it_is_there ins(%x : memref<2xi8>) outs(%y : memref<2xi8>)
  return
}

// -----

// A stream gives one number a cycle: an interval of one, as for two ports, is no schedule.
func.func private @reads_two_in_one_cycle(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    // expected-note@+1 {{by this operation}}
    %a = affine.load %x[%i * 2] {hls.start = 0 : i64} : memref<4xi8>
    // expected-error@+1 {{is no schedule: its port is taken in that cycle}}
    %b = affine.load %x[%i * 2 + 1] {hls.start = 1 : i64} : memref<4xi8>
    %s = arith.addi %a, %b {hls.start = 1 : i64} : i8
    affine.store %s, %y[%i] {hls.start = 2 : i64} : memref<2xi8>
  } {hls.pipeline = #hls.pipeline<ii = 1, depth = 4, lanes = 1, gap = 0, bound = "target">}
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  hls.task @reads_two_in_one_cycle ins(%x : memref<4xi8>) outs(%y : memref<2xi8>)
  return
}

// -----

func.func private @stores_out_of_order(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    %a = affine.load %x[%i * 2] {hls.start = 0 : i64} : memref<4xi8>
    %b = affine.load %x[%i * 2 + 1] {hls.start = 1 : i64} : memref<4xi8>
    affine.store %a, %y[%i * 2] {hls.start = 2 : i64} : memref<4xi8>
    // expected-error@+1 {{is no schedule: numbers are not stored one after the other}}
    affine.store %b, %y[%i * 2 + 1] {hls.start = 2 : i64} : memref<4xi8>
  } {hls.pipeline = #hls.pipeline<ii = 2, depth = 4, lanes = 1, gap = 0, bound = "port">}
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  hls.task @stores_out_of_order ins(%x : memref<4xi8>) outs(%y : memref<4xi8>)
  return
}

// -----

func.func private @is_longer_than_its_pipeline(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    %a = affine.load %x[%i] {hls.start = 0 : i64} : memref<2xi8>
    // expected-error@+1 {{is no schedule: it ends in stage 4 of a pipeline of 4}}
    affine.store %a, %y[%i] {hls.start = 4 : i64} : memref<2xi8>
  } {hls.pipeline = #hls.pipeline<ii = 1, depth = 4, lanes = 1, gap = 0, bound = "target">}
  return
}
func.func @main(%x: memref<2xi8>, %y: memref<2xi8> {compress.result}) {
  hls.task @is_longer_than_its_pipeline ins(%x : memref<2xi8>) outs(%y : memref<2xi8>)
  return
}

// -----

func.func private @half(%x: memref<2xi8>, %y: memref<1xi8> {compress.result})
    attributes {hls.pipeline = #hls.pipeline<ii = 2, depth = 2, lanes = 1, gap = 0, bound = "port">} {
  %a = affine.load %x[0] {hls.start = 0 : i64} : memref<2xi8>
  %b = affine.load %x[1] {hls.start = 1 : i64} : memref<2xi8>
  %s = arith.addi %a, %b {hls.start = 1 : i64} : i8
  affine.store %s, %y[0] {hls.start = 1 : i64} : memref<1xi8>
  return
}
// An iteration is issued when both of its numbers are in the stream.
func.func @main(%x: memref<2xi8> {hls.port = #hls.port<kind = "stream", depth = 1>}, %y: memref<1xi8> {compress.result, hls.port = #hls.port<kind = "stream", depth = 1>})
    attributes {hls.network = #hls.cycles<interval = 2, latency = 4>} {
  // expected-error@+1 {{is no schedule: it takes 2 numbers at once of a stream of 1, and would wait forever}}
  hls.task @half ins(%x : memref<2xi8>) outs(%y : memref<1xi8>)
  return
}
