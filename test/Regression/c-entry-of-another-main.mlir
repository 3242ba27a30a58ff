// What compress-plan-memory leaves can also be written by hand, and wrongly.
// RUN: compress-opt %s --compress-emit-c-entry=name=net --split-input-file --verify-diagnostics

// expected-error @+1 {{expects @main to be planned by compress-plan-memory}}
module {
  func.func @main() attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64} {
    return
  }
}

// -----

// expected-error @+1 {{expects @main to be planned by compress-plan-memory}}
module {
  func.func @main(%x: memref<4xf32>) attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 4 : i64} {
    return
  }
}

// -----

// expected-error @+1 {{expects @main to be planned by compress-plan-memory}}
module {
  func.func @main(%w: memref<?xi8>) attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 0 : i64} {
    return
  }
}

// -----

module {
  // expected-error @+1 {{compress-emit-c-entry: this symbol has the name of a function of the library}}
  func.func private @net_error()
  func.func @main(%w: memref<?xi8> {compress.workspace}) attributes {compress.workspace_bytes = array<i64: 64, 128>, compress.max_batch = 1 : i64} {
    return
  }
}
