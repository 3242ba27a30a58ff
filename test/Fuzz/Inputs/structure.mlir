// Modules of unusual structure: what frontends do not make, but the verifier lets pass.

module {}

// -----

func.func private @declaration(tensor<?x4xf32>) -> tensor<?x4xf32>
func.func @empty() {
  return
}

// -----

// Two blocks, and a weight that dominates its use in another block.
func.func @two_blocks(%x: tensor<5x32xf32>, %c: tensor<3x2x16xf32>, %y0: tensor<5x48xf32>, %p: i1) -> tensor<5x48xf32> {
  %w = compress.circulant %c order = [1, 0] : tensor<3x2x16xf32> -> tensor<32x48xf32>
  cf.cond_br %p, ^then, ^else
^then:
  %y = linalg.matmul ins(%x, %w : tensor<5x32xf32>, tensor<32x48xf32>) outs(%y0 : tensor<5x48xf32>) -> tensor<5x48xf32>
  return %y : tensor<5x48xf32>
^else:
  return %y0 : tensor<5x48xf32>
}

// -----

// A weight and its consumer in a loop; the accumulator is carried.
func.func @in_a_loop(%x: tensor<4x8xf32>, %c: tensor<2x2x4xf32>, %y0: tensor<4x8xf32>, %n: index) -> tensor<4x8xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %y0) -> (tensor<4x8xf32>) {
    %w = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
    %y = linalg.matmul ins(%x, %w : tensor<4x8xf32>, tensor<8x8xf32>) outs(%a : tensor<4x8xf32>) -> tensor<4x8xf32>
    scf.yield %y : tensor<4x8xf32>
  }
  return %r : tensor<4x8xf32>
}

// -----

// A weight that is returned, used twice, and used as the input of a product.
func.func @weight_everywhere(%c: tensor<2x2x4xf32>, %y0: tensor<8x8xf32>) -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %w = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %y = linalg.matmul ins(%w, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%y0 : tensor<8x8xf32>) -> tensor<8x8xf32>
  %z = linalg.matmul ins(%y, %w : tensor<8x8xf32>, tensor<8x8xf32>) outs(%w : tensor<8x8xf32>) -> tensor<8x8xf32>
  return %w, %y, %z : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

// A nested module, and a call.
module @outer {
  module @inner {
    func.func @main(%x: tensor<2x4xf32> {compress.name = "x"}) -> (tensor<2x4xf32> {compress.name = "y"}) {
      return %x : tensor<2x4xf32>
    }
  }
  func.func private @callee(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
    %y = linalg.add ins(%x, %x : tensor<2x4xf32>, tensor<2x4xf32>) outs(%x : tensor<2x4xf32>) -> tensor<2x4xf32>
    return %y : tensor<2x4xf32>
  }
  func.func @main(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, i32) {
    %y = call @callee(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %one = arith.constant 1 : i32
    return %y, %one : tensor<2x4xf32>, i32
  }
}

// -----

// Rank 0, extent 0, unranked, an encoding, other element types.
func.func @odd_types(%a: tensor<f32>, %b: tensor<0x4xf32>, %c: tensor<*xf32>, %d: tensor<4x4xf32, "encoding">, %e: tensor<4xi4>,
                     %f: tensor<2xcomplex<f32>>, %g: vector<4xf32>) -> (tensor<f32>, tensor<0x4xf32>, tensor<*xf32>, tensor<4x4xf32, "encoding">) {
  %z = arith.constant dense<1.0> : tensor<0x4xf32>
  %y = linalg.add ins(%b, %z : tensor<0x4xf32>, tensor<0x4xf32>) outs(%b : tensor<0x4xf32>) -> tensor<0x4xf32>
  return %a, %y, %c, %d : tensor<f32>, tensor<0x4xf32>, tensor<*xf32>, tensor<4x4xf32, "encoding">
}

// -----

// A constant that is returned as it is, twice; an argument that is returned.
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %c = arith.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  return %c, %c, %x : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>
}

// -----

func.func @branches(%p: i1, %c: tensor<2x2x4xf32>, %d: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %w = scf.if %p -> (tensor<8x8xf32>) {
    %v = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
    scf.yield %v : tensor<8x8xf32>
  } else {
    scf.yield %d : tensor<8x8xf32>
  }
  return %w : tensor<8x8xf32>
}

// -----

func.func @select_of_weights(%p: i1, %c: tensor<2x2x4xf32>, %x: tensor<4x8xf32>, %y0: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %v = compress.circulant %c : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %w = compress.circulant %c domain = spectrum : tensor<2x2x4xf32> -> tensor<8x8xf32>
  %s = arith.select %p, %v, %w : tensor<8x8xf32>
  %y = linalg.matmul ins(%x, %s : tensor<4x8xf32>, tensor<8x8xf32>) outs(%y0 : tensor<4x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
