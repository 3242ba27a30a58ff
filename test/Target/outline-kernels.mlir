// RUN: compress-opt %s --compress-outline-kernels --split-input-file | FileCheck %s
// RUN: compress-opt %s --compress-outline-kernels --split-input-file --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=LOC

// Equal on other buffers: calls, with what each uses in the order of its uses. Constants go into the function.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[N:[a-z0-9]+]]: index, %[[X:[a-z0-9]+]]: memref<?xf32>, %[[Y:[a-z0-9]+]]: memref<?xf32>,
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<4xf32>, %[[V:[a-z0-9]+]]: memref<4xf32>)
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: call @[[KERNEL:[a-z0-9_]+]](%[[N]], %[[X]], %[[W]], %[[A]])
// CHECK-NEXT: call @[[KERNEL]](%[[N]], %[[A]], %[[V]], %[[Y]])
// CHECK-NEXT: return
// CHECK: func.func private @[[KERNEL]](%[[SIZE:[a-z0-9]+]]: index, %[[IN:[a-z0-9]+]]: memref<?xf32> {llvm.noalias},
// CHECK-SAME: %[[WEIGHTS:[a-z0-9]+]]: memref<4xf32> {llvm.noalias}, %[[OUT:[a-z0-9]+]]: memref<?xf32> {llvm.noalias})
// CHECK-SAME: passthrough = ["noinline"]
// CHECK-NEXT: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: affine.for %{{.*}} = 0 to %[[SIZE]]
// CHECK: affine.load %[[IN]]
// CHECK: affine.load %[[WEIGHTS]]
// CHECK: arith.addf %{{.*}}, %[[ONE]]
// CHECK: affine.store %{{.*}}, %[[OUT]]
// LOC-LABEL: func.func @main
// LOC: call @{{.*}} loc(fused["fc1", "relu1"])
// LOC: call @{{.*}} loc("fc2")
func.func @main(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>, %v: memref<4xf32>) {
  %one = arith.constant 1.0 : f32 loc("elsewhere")
  %a = memref.alloc(%n) : memref<?xf32>
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32> loc("fc1")
      %w0 = affine.load %w[%i] : memref<4xf32> loc("fc1")
      %p0 = arith.mulf %l0, %w0 : f32 loc("fc1")
      %s0 = arith.addf %p0, %one : f32 loc("relu1")
      affine.store %s0, %a[%j] : memref<?xf32> loc("fc1")
    } loc("fc1")
  } loc("fc1")
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %a[%j] : memref<?xf32> loc("fc2")
      %w1 = affine.load %v[%i] : memref<4xf32> loc("fc2")
      %p1 = arith.mulf %l1, %w1 : f32 loc("fc2")
      %s1 = arith.addf %p1, %one : f32 loc("fc2")
      affine.store %s1, %y[%j] : memref<?xf32> loc("fc2")
    } loc("fc2")
  } loc("fc2")
  return
}

// -----

// In place is another thing than from one buffer to another; so is another constant.
// CHECK-LABEL: func.func @other_things
// CHECK-NOT: call
// CHECK: return
// CHECK-NOT: func.func private
func.func @other_things(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>) {
  %one = arith.constant 1.0 : f32
  %two = arith.constant 2.0 : f32
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32>
      %w0 = affine.load %w[%i] : memref<4xf32>
      %p0 = arith.mulf %l0, %w0 : f32
      %s0 = arith.addf %p0, %one : f32
      affine.store %s0, %y[%j] : memref<?xf32>
    }
  }
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %y[%j] : memref<?xf32>
      %w1 = affine.load %w[%i] : memref<4xf32>
      %p1 = arith.mulf %l1, %w1 : f32
      %s1 = arith.addf %p1, %one : f32
      affine.store %s1, %y[%j] : memref<?xf32>
    }
  }
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l2 = affine.load %x[%j] : memref<?xf32>
      %w2 = affine.load %w[%i] : memref<4xf32>
      %p2 = arith.mulf %l2, %w2 : f32
      %s2 = arith.addf %p2, %two : f32
      affine.store %s2, %y[%j] : memref<?xf32>
    }
  }
  return
}

// -----

// One operand is the same in both, another takes its part there: not one to one.
// CHECK-LABEL: func.func @same_operand
// CHECK-NOT: call
// CHECK: return
func.func @same_operand(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>) {
  %one = arith.constant 1.0 : f32
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32>
      %w0 = affine.load %w[%i] : memref<4xf32>
      %p0 = arith.mulf %l0, %w0 : f32
      %s0 = arith.addf %p0, %one : f32
      affine.store %s0, %y[%j] : memref<?xf32>
    }
  }
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %x[%j] : memref<?xf32>
      %w1 = affine.load %w[%i] : memref<4xf32>
      %p1 = arith.mulf %l1, %w1 : f32
      %s1 = arith.addf %p1, %one : f32
      affine.store %s1, %x[%j] : memref<?xf32>
    }
  }
  return
}

// -----

// Nor is a value in two places the same as two values, whichever they are.
// CHECK-LABEL: func.func @twice
// CHECK-NOT: call
// CHECK: return
func.func @twice(%n: index, %x: memref<?xf32>, %z: memref<?xf32>, %y: memref<?xf32>) {
  affine.for %i = 0 to %n {
    %0 = affine.load %x[%i] : memref<?xf32>
    %1 = arith.mulf %0, %0 : f32
    %2 = affine.load %x[%i] : memref<?xf32>
    %3 = arith.addf %1, %2 : f32
    affine.store %3, %y[%i] : memref<?xf32>
  }
  affine.for %i = 0 to %n {
    %0 = affine.load %x[%i] : memref<?xf32>
    %1 = arith.mulf %0, %0 : f32
    %2 = affine.load %z[%i] : memref<?xf32>
    %3 = arith.addf %1, %2 : f32
    affine.store %3, %y[%i] : memref<?xf32>
  }
  return
}

// -----

// Views of one buffer overlap: arguments are not noalias.
// CHECK-LABEL: func.func @views
// CHECK: call @[[VIEWS:[a-z0-9_]+]](
// CHECK: call @[[VIEWS]](
// CHECK: func.func private @[[VIEWS]](
// CHECK-NOT: llvm.noalias
func.func @views(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>) {
  %one = arith.constant 1.0 : f32
  %z = memref.cast %x : memref<?xf32> to memref<?xf32>
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32>
      %w0 = affine.load %w[%i] : memref<4xf32>
      %p0 = arith.mulf %l0, %w0 : f32
      %s0 = arith.addf %p0, %one : f32
      affine.store %s0, %z[%j] : memref<?xf32>
    }
  }
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %y[%j] : memref<?xf32>
      %w1 = affine.load %w[%i] : memref<4xf32>
      %p1 = arith.mulf %l1, %w1 : f32
      %s1 = arith.addf %p1, %one : f32
      affine.store %s1, %x[%j] : memref<?xf32>
    }
  }
  return
}

// -----

// A nest that allocates, and one of few ops, stay.
// CHECK-LABEL: func.func @stay
// CHECK-NOT: call
// CHECK: return
func.func @stay(%n: index, %x: memref<?xf32>, %y: memref<?xf32>) {
  %one = arith.constant 1.0 : f32
  affine.for %i = 0 to %n {
    affine.store %one, %x[%i] : memref<?xf32>
  }
  affine.for %i = 0 to %n {
    affine.store %one, %y[%i] : memref<?xf32>
  }
  affine.for %i = 0 to %n {
    %a = memref.alloc() : memref<1xf32>
    affine.store %one, %a[0] : memref<1xf32>
    %0 = affine.load %a[0] : memref<1xf32>
    %1 = arith.addf %0, %0 : f32
    %2 = arith.addf %1, %0 : f32
    affine.store %2, %x[%i] : memref<?xf32>
  }
  affine.for %i = 0 to %n {
    %a = memref.alloc() : memref<1xf32>
    affine.store %one, %a[0] : memref<1xf32>
    %0 = affine.load %a[0] : memref<1xf32>
    %1 = arith.addf %0, %0 : f32
    %2 = arith.addf %1, %0 : f32
    affine.store %2, %y[%i] : memref<?xf32>
  }
  return
}

// -----

// Code for another processor is other code: @second shares nothing with @main.
// CHECK-LABEL: func.func @main
// CHECK: call @[[FIRST:[a-z0-9_]+]](
// CHECK: call @[[FIRST]](
// CHECK-LABEL: func.func @second
// CHECK: call @[[SECOND:[a-z0-9_]+]](
// CHECK: call @[[SECOND]](
// CHECK-DAG: func.func private @[[FIRST]]({{.*}}compress.variant = 0 : i64
// CHECK-DAG: func.func private @[[SECOND]]({{.*}}compress.variant = 1 : i64
func.func @main(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>) attributes {compress.variant = 0 : i64} {
  %one = arith.constant 1.0 : f32
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32>
      %w0 = affine.load %w[%i] : memref<4xf32>
      %p0 = arith.mulf %l0, %w0 : f32
      %s0 = arith.addf %p0, %one : f32
      affine.store %s0, %y[%j] : memref<?xf32>
    }
  }
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %y[%j] : memref<?xf32>
      %w1 = affine.load %w[%i] : memref<4xf32>
      %p1 = arith.mulf %l1, %w1 : f32
      %s1 = arith.addf %p1, %one : f32
      affine.store %s1, %x[%j] : memref<?xf32>
    }
  }
  return
}
func.func @second(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>) attributes {compress.variant = 1 : i64} {
  %one = arith.constant 1.0 : f32
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32>
      %w0 = affine.load %w[%i] : memref<4xf32>
      %p0 = arith.mulf %l0, %w0 : f32
      %s0 = arith.addf %p0, %one : f32
      affine.store %s0, %y[%j] : memref<?xf32>
    }
  }
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %y[%j] : memref<?xf32>
      %w1 = affine.load %w[%i] : memref<4xf32>
      %p1 = arith.mulf %l1, %w1 : f32
      %s1 = arith.addf %p1, %one : f32
      affine.store %s1, %x[%j] : memref<?xf32>
    }
  }
  return
}

// -----

// Two nests that stand together twice are one call of one function of two calls.
// CHECK-LABEL: func.func @runs
// CHECK: call @[[BOTH:[a-z0-9_]+]](%{{.*}}) : (index, memref<?xf32>, memref<4xf32>, memref<?xf32>, f32) -> ()
// CHECK-NEXT: memref.copy
// CHECK-NEXT: memref.dim
// CHECK-NEXT: call @[[BOTH]](
// CHECK-NEXT: return
// CHECK: func.func private @[[BOTH]](
// CHECK-COUNT-2: call @kernel
// CHECK-NEXT: return
func.func @runs(%n: index, %x: memref<?xf32>, %y: memref<?xf32>, %w: memref<4xf32>, %f: f32) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1.0 : f32
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l0 = affine.load %x[%j] : memref<?xf32> loc("fc")
      %w0 = affine.load %w[%i] : memref<4xf32> loc("fc")
      %p0 = arith.mulf %l0, %w0 : f32
      %s0 = arith.addf %p0, %one : f32
      affine.store %s0, %y[%j] : memref<?xf32> loc("fc")
    } loc("fc")
  } loc("fc")
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l1 = affine.load %y[%j] : memref<?xf32> loc("fc")
      %w1 = affine.load %w[%i] : memref<4xf32> loc("fc")
      %p1 = arith.mulf %l1, %w1 : f32
      %s1 = arith.addf %p1, %f : f32
      affine.store %s1, %x[%j] : memref<?xf32> loc("fc")
    } loc("fc")
  } loc("fc")
  memref.copy %x, %y : memref<?xf32> to memref<?xf32>
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l2 = affine.load %y[%j] : memref<?xf32> loc("fc")
      %w2 = affine.load %w[%i] : memref<4xf32> loc("fc")
      %p2 = arith.mulf %l2, %w2 : f32
      %s2 = arith.addf %p2, %one : f32
      affine.store %s2, %x[%j] : memref<?xf32> loc("fc")
    } loc("fc")
  } loc("fc")
  %extent = memref.dim %x, %zero : memref<?xf32> // could as well be before the run
  affine.for %i = 0 to 4 {
    affine.for %j = 0 to %n {
      %l3 = affine.load %x[%j] : memref<?xf32> loc("fc")
      %w3 = affine.load %w[%i] : memref<4xf32> loc("fc")
      %p3 = arith.mulf %l3, %w3 : f32
      %s3 = arith.addf %p3, %f : f32
      affine.store %s3, %y[%j] : memref<?xf32> loc("fc")
    } loc("fc")
  } loc("fc")
  return
}

// -----

// In a loop that allocates, as one over samples: one function for the nests inside and the one behind it.
// CHECK-LABEL: func.func @in_a_loop_over_samples(
// CHECK: affine.for
// CHECK: %[[A:.*]] = memref.alloc
// CHECK: call @[[SAMPLE:[a-z0-9_]+]](%{{.*}}, %[[A]])
// CHECK: }
// CHECK: call @[[SAMPLE]](
// CHECK: return
func.func @in_a_loop_over_samples(%n: index, %x: memref<4xf32>, %y: memref<4xf32>, %z: memref<4xf32>) {
  affine.for %s = 0 to %n {
    %a = memref.alloc() : memref<4xf32>
    affine.for %i = 0 to 4 {
      %0 = affine.load %x[%i] : memref<4xf32>
      %1 = arith.addf %0, %0 : f32
      %2 = arith.mulf %1, %0 : f32
      %3 = arith.mulf %2, %2 : f32
      %4 = arith.addf %3, %0 : f32
      affine.store %4, %a[%i] : memref<4xf32>
    }
    memref.copy %a, %y : memref<4xf32> to memref<4xf32>
  }
  affine.for %i = 0 to 4 {
    %0 = affine.load %y[%i] : memref<4xf32>
    %1 = arith.addf %0, %0 : f32
    %2 = arith.mulf %1, %0 : f32
    %3 = arith.mulf %2, %2 : f32
    %4 = arith.addf %3, %0 : f32
    affine.store %4, %z[%i] : memref<4xf32>
  }
  return
}
