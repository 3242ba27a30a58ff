// RUN: compress-opt %s --split-input-file --compress-hls-dataflow --verify-diagnostics

func.func private @result(%x: memref<4xi8>) -> i8 {
  %c0 = arith.constant 0 : index
  %a = memref.load %x[%c0] : memref<4xi8>
  return %a : i8
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{is no task: expects a step with a body, of buffers of integers in static shapes that it reads, then those that it writes ('compress.result')}}
  %a = call @result(%x) : (memref<4xi8>) -> i8
  return
}

// -----

func.func private @declared(memref<4xi8>, memref<4xi8> {compress.result})
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{is no task: expects a step with a body}}
  call @declared(%x, %y) : (memref<4xi8>, memref<4xi8>) -> ()
  return
}

// -----

func.func private @output_first(%y: memref<4xi8> {compress.result}, %x: memref<4xi8>) {
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{is no task: expects a step with a body}}
  call @output_first(%y, %x) : (memref<4xi8>, memref<4xi8>) -> ()
  return
}

// -----

func.func private @writes_nothing(%x: memref<4xi8>) {
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{is no task: expects a step with a body}}
  call @writes_nothing(%x) : (memref<4xi8>) -> ()
  return
}

// -----

// A buffer whose extent is not known, and one of floats, made a module that did not verify.
func.func private @unknown_extent(%x: memref<4xi8>, %y: memref<?xi8> {compress.result}) {
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<?xi8> {compress.result}) {
  // expected-error@+1 {{is no task: expects a step with a body, of buffers of integers in static shapes}}
  call @unknown_extent(%x, %y) : (memref<4xi8>, memref<?xi8>) -> ()
  return
}

// -----

func.func @main(%n: index) {
  // expected-error@+1 {{is no buffer between tasks: expects integers, in a static shape}}
  %a = memref.alloc(%n) : memref<?xi8>
  return
}

// -----

func.func @main() {
  // expected-error@+1 {{is no buffer between tasks: expects integers, in a static shape}}
  %a = memref.alloc() : memref<4xf32>
  return
}
