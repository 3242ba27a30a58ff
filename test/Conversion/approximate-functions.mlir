// RUN: compress-opt %s --compress-approximate-functions | FileCheck %s
// RUN: compress-opt %s --compress-approximate-functions=has-rounding=false | FileCheck %s --check-prefix=INTEGERS

// CHECK-LABEL: func.func @lanes(
// CHECK-NOT: math.exp
// CHECK: math.floor %{{.*}} : vector<16xf32>
// CHECK: math.fma
// CHECK-NOT: math.exp
// CHECK: return
func.func @lanes(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}

// CHECK-LABEL: func.func @one(
// CHECK-NOT: math.tanh
// CHECK: return
func.func @one(%x: f32) -> f32 {
  %y = math.tanh %x : f32
  return %y : f32
}

// The oracle's functions are libm's.
// CHECK-LABEL: func.func @double(
// CHECK: math.exp
// CHECK: math.tanh
func.func @double(%x: f64) -> f64 {
  %e = math.exp %x : f64
  %y = math.tanh %e : f64
  return %y : f64
}

// A processor without the instruction would call libm.
// CHECK-LABEL: func.func @round(
// CHECK: math.roundeven
// INTEGERS-LABEL: func.func @round(
// INTEGERS-NOT: math.roundeven
// INTEGERS-NOT: math.round
// INTEGERS: arith.bitcast
// INTEGERS: return
func.func @round(%x: f32) -> f32 {
  %y = math.roundeven %x : f32
  return %y : f32
}
