// RUN: compress-opt %s --verify-diagnostics --compress-hls-lint

!array = !emitc.array<4x!emitc.opaque<"ap_int<8>">>
!small = !emitc.array<4096x!emitc.opaque<"ap_int<8>">>
!large = !emitc.array<4097x!emitc.opaque<"ap_int<8>">>
!element = !emitc.lvalue<!emitc.opaque<"ap_int<8>">>

// What is right is not refused: one producer, one consumer, in order; literal bounds; registers for 4096 numbers.
emitc.func @copy(%x: !array, %y: !array) attributes {specifiers = ["static"]} {
  %0 = literal "0" : !emitc.size_t
  %4 = literal "4" : !emitc.size_t
  %1 = literal "1" : !emitc.size_t
  for %i = %0 to %4 step %1 : !emitc.size_t {
    %from = subscript %x[%i] : (!array, !emitc.size_t) -> !element
    %number = load %from : !element
    %to = subscript %y[%i] : (!array, !emitc.size_t) -> !element
    assign %number : !emitc.opaque<"ap_int<8>"> to %to : !element
  }
  return
}
emitc.func @right(%x: !array, %y: !array) {
  verbatim "#pragma HLS DATAFLOW"
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !array
  call @copy(%x, %a) : (!array, !array) -> ()
  call @copy(%a, %y) : (!array, !array) -> ()
  return
}
emitc.func @registers() {
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !small
  verbatim "#pragma HLS ARRAY_PARTITION variable={} complete" args %a : !small
  return
}

// Beside a region of DATAFLOW, buffers may be read as often as one likes.
emitc.func @in_sequence(%x: !array, %y: !array, %z: !array) {
  call @copy(%x, %y) : (!array, !array) -> ()
  call @copy(%x, %z) : (!array, !array) -> ()
  return
}

// Streams, too.
!stream = !emitc.opaque<"hls::stream<ap_int<8> > &">
emitc.func @give(%y: !stream, %n: !emitc.opaque<"ap_int<8>">) attributes {specifiers = ["static"]} {
  verbatim "{}.write({});" args %y, %n : !stream, !emitc.opaque<"ap_int<8>">
  return
}
emitc.func @pass(%x: !stream, %y: !stream) attributes {specifiers = ["static"]} {
  %n = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !element
  verbatim "{}.read({});" args %x, %n : !stream, !element
  %number = load %n : !element
  call @give(%y, %number) : (!stream, !emitc.opaque<"ap_int<8>">) -> ()
  return
}
emitc.func @right_streams(%x: !stream, %y: !stream) {
  verbatim "#pragma HLS DATAFLOW"
  verbatim "hls::stream<ap_int<8> > a;"
  %a = literal "a" : !stream
  call @pass(%x, %a) : (!stream, !stream) -> ()
  call @pass(%a, %y) : (!stream, !stream) -> ()
  return
}

// lint L1
emitc.func @two_consumers_of_a_stream(%x: !stream, %y: !stream, %z: !stream) {
  verbatim "#pragma HLS DATAFLOW"
  verbatim "hls::stream<ap_int<8> > a;"
  %a = literal "a" : !stream
  call @pass(%x, %a) : (!stream, !stream) -> ()
  call @pass(%a, %y) : (!stream, !stream) -> ()
  // expected-error @+1 {{a second task reads a buffer of DATAFLOW: expects one consumer}}
  call @pass(%a, %z) : (!stream, !stream) -> ()
  return
}
emitc.func @two_producers_of_a_stream(%x: !stream, %y: !stream, %z: !stream) {
  verbatim "#pragma HLS DATAFLOW"
  verbatim "hls::stream<ap_int<8> > a;"
  %a = literal "a" : !stream
  call @pass(%x, %a) : (!stream, !stream) -> ()
  // expected-error @+1 {{a second task writes a buffer of DATAFLOW: expects one producer}}
  call @pass(%y, %a) : (!stream, !stream) -> ()
  call @pass(%a, %z) : (!stream, !stream) -> ()
  return
}
emitc.func @stream_of_no_producer(%x: !stream) {
  verbatim "#pragma HLS DATAFLOW"
  // expected-error @+1 {{a buffer of DATAFLOW has a consumer alone}}
  %a = literal "a" : !stream
  call @pass(%a, %x) : (!stream, !stream) -> ()
  return
}
emitc.func @echo(%x: !stream) attributes {specifiers = ["static"]} {
  call @pass(%x, %x) : (!stream, !stream) -> ()
  return
}
emitc.func @read_and_written(%x: !stream, %y: !stream) {
  verbatim "#pragma HLS DATAFLOW"
  verbatim "hls::stream<ap_int<8> > a;"
  %a = literal "a" : !stream
  call @pass(%x, %a) : (!stream, !stream) -> ()
  // expected-error @+2 {{a task reads and writes a stream of DATAFLOW: expects one producer and one consumer}}
  // expected-error @+1 {{a second task writes a buffer of DATAFLOW: expects one producer}}
  call @echo(%a) : (!stream) -> ()
  call @pass(%a, %y) : (!stream, !stream) -> ()
  return
}
emitc.func @two_consumers(%x: !array, %y: !array, %z: !array) {
  verbatim "#pragma HLS DATAFLOW"
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !array
  call @copy(%x, %a) : (!array, !array) -> ()
  call @copy(%a, %y) : (!array, !array) -> ()
  // expected-error @+1 {{a second task reads a buffer of DATAFLOW: expects one consumer}}
  call @copy(%a, %z) : (!array, !array) -> ()
  return
}
emitc.func @two_consumers_of_a_port(%x: !array, %y: !array, %z: !array) {
  verbatim "#pragma HLS DATAFLOW"
  call @copy(%x, %y) : (!array, !array) -> ()
  // expected-error @+1 {{a second task reads a buffer of DATAFLOW: expects one consumer}}
  call @copy(%x, %z) : (!array, !array) -> ()
  return
}
emitc.func @two_producers(%x: !array, %y: !array, %z: !array) {
  verbatim "#pragma HLS DATAFLOW"
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !array
  call @copy(%x, %a) : (!array, !array) -> ()
  // expected-error @+1 {{a second task writes a buffer of DATAFLOW: expects one producer}}
  call @copy(%y, %a) : (!array, !array) -> ()
  call @copy(%a, %z) : (!array, !array) -> ()
  return
}
emitc.func @no_producer(%x: !array) {
  verbatim "#pragma HLS DATAFLOW"
  // expected-error @+1 {{a buffer of DATAFLOW has a consumer alone}}
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !array
  call @copy(%a, %x) : (!array, !array) -> ()
  return
}
emitc.func @backwards(%x: !array, %y: !array) {
  verbatim "#pragma HLS DATAFLOW"
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !array
  // expected-error @+1 {{a task of DATAFLOW reads a buffer that a later one writes}}
  call @copy(%a, %y) : (!array, !array) -> ()
  call @copy(%x, %a) : (!array, !array) -> ()
  return
}
emitc.func @result_read_again(%x: !array, %y: !array, %z: !array) {
  verbatim "#pragma HLS DATAFLOW"
  call @copy(%x, %y) : (!array, !array) -> ()
  // expected-error @+1 {{a port is written and read by tasks of DATAFLOW}}
  call @copy(%y, %z) : (!array, !array) -> ()
  return
}
emitc.func @statement_between(%x: !array) {
  verbatim "#pragma HLS DATAFLOW"
  // expected-error @+1 {{a region of DATAFLOW holds buffers and calls alone}}
  %0 = literal "0" : !emitc.size_t
  return
}

// lint L2
emitc.func @variable_bound(%n: !emitc.size_t) {
  %0 = literal "0" : !emitc.size_t
  %1 = literal "1" : !emitc.size_t
  // expected-error @+1 {{a bound of a loop is no literal: how often it runs must be known}}
  for %i = %0 to %n step %1 : !emitc.size_t {
  }
  return
}

// lint L3
emitc.func @second_exit() {
  %0 = literal "0" : !emitc.size_t
  %4 = literal "4" : !emitc.size_t
  %1 = literal "1" : !emitc.size_t
  for %i = %0 to %4 step %1 : !emitc.size_t {
    // expected-error @+1 {{a second exit of a loop: expects one, at its bound}}
    verbatim "break;"
  }
  for %i = %0 to %4 step %1 : !emitc.size_t {
    // expected-error @+1 {{a second exit of a loop: expects one, at its bound}}
    verbatim "return;"
  }
  return
}

// lint L4
emitc.func @too_many_registers() {
  %a = "emitc.variable"() <{value = #emitc.opaque<"">}> : () -> !large
  // expected-error @+1 {{a complete partition of 4097 numbers: expects at most 4096, which become registers}}
  verbatim "#pragma HLS ARRAY_PARTITION variable={} complete" args %a : !large
  return
}
