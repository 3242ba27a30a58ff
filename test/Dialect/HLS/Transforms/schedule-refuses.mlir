// RUN: compress-opt %s --split-input-file --compress-hls-dataflow --compress-hls-schedule=network=true --verify-diagnostics
// RUN: compress-opt %s --split-input-file --compress-hls-dataflow --compress-hls-schedule 2>&1 | FileCheck %s

// A sum keeps none of its inputs: one that comes transposed would have to be kept.
// expected-error@+1 {{has no schedule: it reads several inputs, one of them more than once or in another order than that in which it arrives}}
func.func private @sum(%x: memref<4xi8>, %z: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %a = affine.load %x[%i * 2 + %j] : memref<4xi8>
      %b = affine.load %z[%j * 2 + %i] : memref<4xi8>
      %s = arith.addi %a, %b : i8
      affine.store %s, %y[%i * 2 + %j] : memref<4xi8>
    }
  }
  return
}
// Steps alone have a schedule in any network.
// CHECK: func.func private @sum
// CHECK: #hls.pipeline<ii = 1,
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  call @sum(%x, %x, %y) : (memref<4xi8>, memref<4xi8>, memref<4xi8>) -> ()
  return
}

// -----

// Without tasks that go from the input to the result, there is nothing to print.
// expected-error@+1 {{has no schedule: expects tasks (compress-hls-dataflow), one that reads the input and one that writes the result}}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  return
}

// -----

// A stream at the outside cannot put numbers in another order.
// expected-error@+1 {{writes numbers of the result in another order than theirs, which a stream cannot put right}}
func.func private @reversed(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %a = affine.load %x[%i * 2 + %j] : memref<4xi8>
      affine.store %a, %y[%j * 2 + %i] : memref<4xi8>
    }
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  call @reversed(%x, %y) : (memref<4xi8>, memref<4xi8>) -> ()
  return
}

// -----

// expected-error@+1 {{is no task: it writes 4 numbers to 2 places of a buffer of 4}}
func.func private @writes_twice(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %a = affine.load %x[%i * 2 + %j] : memref<4xi8>
      affine.store %a, %y[%i] : memref<4xi8>
    }
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  call @writes_twice(%x, %y) : (memref<4xi8>, memref<4xi8>) -> ()
  return
}

// -----

func.func private @divides(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 4 {
    %a = affine.load %x[%i] : memref<4xi8>
    // expected-error@+1 {{has no schedule: 'arith.divsi' is nothing that convert-compress-to-fixed-point makes}}
    %q = arith.divsi %a, %a : i8
    affine.store %q, %y[%i] : memref<4xi8>
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  call @divides(%x, %y) : (memref<4xi8>, memref<4xi8>) -> ()
  return
}

// -----

// expected-error@+1 {{has no schedule: expects @main with one input and one result}}
module {
  func.func @main(%x: memref<4xi8>) {
    return
  }
}

// -----

// A network on tensors has no buffers: nothing to schedule.
// expected-error@-3 {{has no schedule: expects @main with one input and one result, buffers of integers}}
func.func @main(%x: tensor<4xi8>, %y: tensor<4xi8>) -> tensor<4xi8> {
  return %x : tensor<4xi8>
}

// -----

// Where numbers come in another order than that of their places, constants that say places become turns; what is added to them cannot.
func.func private @turn(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %a = affine.load %x[%i * 2 + %j] : memref<4xi8>
      affine.store %a, %y[%j * 2 + %i] : memref<4xi8>
    }
  }
  return
}
memref.global "private" constant @places : memref<2xi3> = dense<[2, 1]>
func.func private @pick(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %p = memref.get_global @places : memref<2xi3>
  affine.for %i = 0 to 2 {
    %n = affine.load %p[%i] : memref<2xi3>
    %place = arith.index_cast %n : i3 to index
    %at = arith.addi %i, %place : index
    // expected-error@+1 {{has no schedule: numbers come in another order than that of their places, and it reads behind one of them}}
    %a = memref.load %x[%at] : memref<4xi8>
    affine.store %a, %y[%i] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %h = memref.alloc() : memref<4xi8>
  call @turn(%x, %h) : (memref<4xi8>, memref<4xi8>) -> ()
  call @pick(%h, %y) : (memref<4xi8>, memref<2xi8>) -> ()
  return
}

// -----

// A place that is no constant.
func.func private @turn(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %a = affine.load %x[%i * 2 + %j] : memref<4xi8>
      affine.store %a, %y[%j * 2 + %i] : memref<4xi8>
    }
  }
  return
}
memref.global "private" constant @places : memref<2xi3> = dense<[2, 1]>
func.func private @pick(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %p = memref.get_global @places : memref<2xi3>
  %one = arith.constant 1 : i3
  affine.for %i = 0 to 2 {
    %n = affine.load %p[%i] : memref<2xi3>
    %next = arith.addi %n, %one : i3
    %at = arith.index_cast %next : i3 to index
    // expected-error@+1 {{numbers come in another order than that of their places, and no constant says which it reads}}
    %a = memref.load %x[%at] : memref<4xi8>
    affine.store %a, %y[%i] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %h = memref.alloc() : memref<4xi8>
  call @turn(%x, %h) : (memref<4xi8>, memref<4xi8>) -> ()
  call @pick(%h, %y) : (memref<4xi8>, memref<2xi8>) -> ()
  return
}

// -----

// Place 1 comes as number 2, which an i2 cannot say.
func.func private @turn(%x: memref<4xi8>, %y: memref<4xi8> {compress.result}) {
  affine.for %i = 0 to 2 {
    affine.for %j = 0 to 2 {
      %a = affine.load %x[%i * 2 + %j] : memref<4xi8>
      affine.store %a, %y[%j * 2 + %i] : memref<4xi8>
    }
  }
  return
}
memref.global "private" constant @places : memref<2xi2> = dense<[1, 0]>
func.func private @pick(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %p = memref.get_global @places : memref<2xi2>
  affine.for %i = 0 to 2 {
    // expected-error@+1 {{expects constants that are places, and bits for all of them}}
    %n = affine.load %p[%i] : memref<2xi2>
    %at = arith.index_cast %n : i2 to index
    %a = memref.load %x[%at] : memref<4xi8>
    affine.store %a, %y[%i] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %h = memref.alloc() : memref<4xi8>
  call @turn(%x, %h) : (memref<4xi8>, memref<4xi8>) -> ()
  call @pick(%h, %y) : (memref<4xi8>, memref<2xi8>) -> ()
  return
}

// -----

memref.global "private" constant @places : memref<2xi3> = dense<[3, 1]>
func.func private @pick_and_read(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  %p = memref.get_global @places : memref<2xi3>
  affine.for %i = 0 to 2 {
    %n = affine.load %p[%i] : memref<2xi3>
    %at = arith.index_cast %n : i3 to index
    // expected-error@+1 {{has no schedule: expects one load from where a number says, and no other of that input}}
    %a = memref.load %x[%at] : memref<4xi8>
    %b = affine.load %x[%i] : memref<4xi8>
    %s = arith.addi %a, %b : i8
    affine.store %s, %y[%i] : memref<2xi8>
  }
  return
}
func.func @main(%x: memref<4xi8>, %y: memref<2xi8> {compress.result}) {
  call @pick_and_read(%x, %y) : (memref<4xi8>, memref<2xi8>) -> ()
  return
}
