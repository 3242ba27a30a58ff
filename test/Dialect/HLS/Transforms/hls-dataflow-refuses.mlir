// RUN: compress-opt %s --split-input-file --compress-hls-dataflow --verify-diagnostics

func.func private @result(%x: memref<4xi8>) -> i8 {
  %c0 = arith.constant 0 : index
  %a = memref.load %x[%c0] : memref<4xi8>
  return %a : i8
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  // expected-error@+1 {{is no task: expects a step with a body, of buffers that it reads, then those that it writes ('compress.result')}}
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
