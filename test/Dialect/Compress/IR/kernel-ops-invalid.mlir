// RUN: compress-opt %s --split-input-file --verify-diagnostics

func.func @rfft_c1(%x: memref<2x8xf32>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects dim to be a dimension of input, below 2, got 2}}
  compress.rfft dim = 2 ins(%x : memref<2x8xf32>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @rfft_c2(%x: memref<2x8xf32>, %i: memref<4x2xf32>) {
  // expected-error @+1 {{expects init of rank 3}}
  compress.rfft dim = 1 ins(%x : memref<2x8xf32>) outs(%i : memref<4x2xf32>)
  return
}

// -----

func.func @rfft_c3(%x: memref<2x9xf32>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects 3 blocks of 4 for an extent of 9, got 2}}
  compress.rfft dim = 1 ins(%x : memref<2x9xf32>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @rfft_c3_dynamic(%x: memref<2x8xf32>, %i: memref<?x2x2xf32>) {
  // expected-error @+1 {{expects a static block size of at least 1}}
  compress.rfft dim = 1 ins(%x : memref<2x8xf32>) outs(%i : memref<?x2x2xf32>)
  return
}

// -----

func.func @rfft_c4(%x: memref<2x8xf32>, %i: memref<4x3x2xf32>) {
  // expected-error @+1 {{expects extents of input and init to agree, got 2 and 3 at dimension 0}}
  compress.rfft dim = 1 ins(%x : memref<2x8xf32>) outs(%i : memref<4x3x2xf32>)
  return
}

// -----

func.func @rfft_c5(%x: memref<2x8xf64>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects operands of one element type, got 'f64' and 'f32'}}
  compress.rfft dim = 1 ins(%x : memref<2x8xf64>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @rfft_c5_result(%x: tensor<2x8xf32>, %i: tensor<4x2x2xf32>) {
  // expected-error @+1 {{expects one result of the type of its init}}
  compress.rfft dim = 1 ins(%x : tensor<2x8xf32>) outs(%i : tensor<4x2x2xf32>)
  return
}

// -----

func.func @rfft_transpose_c1(%x: memref<4x2x2xf32>, %i: memref<2x8xf32>) {
  // expected-error @+1 {{expects dim to be a dimension of init, below 2, got 2}}
  compress.rfft_transpose dim = 2 ins(%x : memref<4x2x2xf32>) outs(%i : memref<2x8xf32>)
  return
}

// -----

func.func @rfft_transpose_c2(%x: memref<4x2xf32>, %i: memref<2x8xf32>) {
  // expected-error @+1 {{expects input of rank 3}}
  compress.rfft_transpose dim = 1 ins(%x : memref<4x2xf32>) outs(%i : memref<2x8xf32>)
  return
}

// -----

func.func @rfft_transpose_c3(%x: memref<4x2x3xf32>, %i: memref<2x8xf32>) {
  // expected-error @+1 {{expects 2 blocks of 4 for an extent of 8, got 3}}
  compress.rfft_transpose dim = 1 ins(%x : memref<4x2x3xf32>) outs(%i : memref<2x8xf32>)
  return
}

// -----

func.func @rfft_transpose_c4(%x: memref<4x3x2xf32>, %i: memref<2x8xf32>) {
  // expected-error @+1 {{expects extents of init and input to agree, got 2 and 3 at dimension 0}}
  compress.rfft_transpose dim = 1 ins(%x : memref<4x3x2xf32>) outs(%i : memref<2x8xf32>)
  return
}

// -----

func.func @rfft_transpose_c5(%x: memref<4x2x2xf64>, %i: memref<2x8xf32>) {
  // expected-error @+1 {{expects operands of one element type, got 'f64' and 'f32'}}
  compress.rfft_transpose dim = 1 ins(%x : memref<4x2x2xf64>) outs(%i : memref<2x8xf32>)
  return
}

// -----

func.func @spectral_matmul_c1(%x: memref<4x2x3xf32>, %w: memref<4x3x2xf32>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects in_dim and out_dim below 2}}
  compress.spectral_matmul in_dim = 2 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<4x3x2xf32>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @spectral_matmul_c2_no_slot(%x: memref<0x2x3xf32>, %w: memref<0x3x2xf32>, %i: memref<0x2x2xf32>) {
  // expected-error @+1 {{expects one static slot extent, got 0, 0 and 0}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<0x2x3xf32>, memref<0x3x2xf32>) outs(%i : memref<0x2x2xf32>)
  return
}

// -----

func.func @spectral_matmul_c2(%x: memref<4x2x3xf32>, %w: memref<5x3x2xf32>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects one static slot extent, got 4, 5 and 4}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<5x3x2xf32>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @spectral_matmul_c2_panels(%x: memref<4x2x3xf32>, %w: memref<4x2x?x2xf32>, %i: memref<4x2x4xf32>) {
  // expected-error @+1 {{expects weights in panels of a static shape, got 'memref<4x2x?x2xf32>'}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<4x2x?x2xf32>) outs(%i : memref<4x2x4xf32>)
  return
}

// -----

func.func @spectral_matmul_c3_panels(%x: memref<4x2x3xf32>, %w: memref<4x2x3x2xf32>, %i: memref<4x2x3xf32>) {
  // expected-error @+1 {{expects 3 in blocks and 4 out blocks, got 3 and 3}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<4x2x3x2xf32>) outs(%i : memref<4x2x3xf32>)
  return
}

// -----

func.func @spectral_matmul_c3(%x: memref<4x2x3xf32>, %w: memref<4x4x2xf32>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects 4 in blocks and 2 out blocks, got 3 and 2}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<4x4x2xf32>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @spectral_matmul_c4(%x: memref<4x2x3xf32>, %w: memref<4x3x2xf32>, %i: memref<4x5x2xf32>) {
  // expected-error @+1 {{expects extents of input and init to agree, got 2 and 5}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<4x3x2xf32>) outs(%i : memref<4x5x2xf32>)
  return
}

// -----

func.func @spectral_matmul_c5(%x: memref<4x2x3xf32>, %w: memref<4x3x2xf64>, %i: memref<4x2x2xf32>) {
  // expected-error @+1 {{expects operands of one element type, got 'f64' and 'f32'}}
  compress.spectral_matmul in_dim = 1 out_dim = 1
      ins(%x, %w : memref<4x2x3xf32>, memref<4x3x2xf64>) outs(%i : memref<4x2x2xf32>)
  return
}

// -----

func.func @spectral_conv_c1(%x: memref<4x1x3x8xf32>, %w: memref<4x3x3x2xf32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects in_dim and out_dim below 3}}
  compress.spectral_conv in_dim = 1 out_dim = 3 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x3x2xf32>) outs(%i : memref<4x1x2x6xf32>)
  return
}

// -----

func.func @spectral_conv_c2(%x: memref<4x1x3x8xf32>, %w: memref<4x3x2xf32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects weights of rank 4}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x2xf32>) outs(%i : memref<4x1x2x6xf32>)
  return
}

// -----

func.func @spectral_conv_c3(%x: memref<4x1x3x8xf32>, %w: memref<4x3x3x2xf32>, %i: memref<4x1x5x6xf32>) {
  // expected-error @+1 {{expects 3 in blocks and 2 out blocks, got 3 and 5}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x3x2xf32>) outs(%i : memref<4x1x5x6xf32>)
  return
}

// -----

func.func @spectral_conv_c4(%x: memref<4x1x3x8xf32>, %w: memref<4x3x3x2xf32>, %i: memref<4x2x2x6xf32>) {
  // expected-error @+1 {{expects extents of input and init to agree, got 1 and 2}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x3x2xf32>) outs(%i : memref<4x2x2x6xf32>)
  return
}

// -----

func.func @spectral_conv_c5(%x: memref<4x1x3x8xf64>, %w: memref<4x3x3x2xf32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects operands of one element type, got 'f64' and 'f32'}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf64>, memref<4x3x3x2xf32>) outs(%i : memref<4x1x2x6xf32>)
  return
}

// -----

func.func @spectral_conv_c2_taps(%x: memref<4x1x3x8xf32>, %w: memref<4x?x3x2xf32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects static taps}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x?x3x2xf32>) outs(%i : memref<4x1x2x6xf32>)
  return
}

// -----

func.func @spectral_conv_c6(%x: memref<4x1x3x8xf32>, %w: memref<4x3x3x2xf32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects as many strides as dilations, all of them positive}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [0] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x3x2xf32>) outs(%i : memref<4x1x2x6xf32>)
  return
}

// -----

func.func @spectral_conv_c6_rank(%x: memref<4x3xf32>, %w: memref<4x3x3x2xf32>, %i: memref<4x2xf32>) {
  // expected-error @+1 {{expects at least 1 dimensions beside slot and block}}
  compress.spectral_conv in_dim = 0 out_dim = 0 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x3xf32>, memref<4x3x3x2xf32>) outs(%i : memref<4x2xf32>)
  return
}

// -----

func.func @spectral_conv_c7(%x: memref<4x1x3x8xf32>, %w: memref<4x3x3x2xf32>, %i: memref<4x1x2x7xf32>) {
  // expected-error @+1 {{expects window 0 of input to reach 9, got 8}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x3x2xf32>) outs(%i : memref<4x1x2x7xf32>)
  return
}

// -----

func.func @spectral_conv_c6_none(%x: memref<4x1x3x8xf32>, %w: memref<4x3x2xf32>, %i: memref<4x1x2x8xf32>) {
  // expected-error @+1 {{expects at least one stride}}
  compress.spectral_conv in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3x8xf32>, memref<4x3x2xf32>) outs(%i : memref<4x1x2x8xf32>)
  return
}

// -----

func.func @spectral_dot_c2(%x: memref<4x1x?xf32>, %w: memref<2x3x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects static weights of rank 3 or, in panels, 4, and static in blocks and windows of input}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x?xf32>, memref<2x3x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c2_dynamic(%x: memref<4x1x3xf32>, %w: memref<2x3x?xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects static weights of rank 3 or, in panels, 4}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x?xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c3_panels(%x: memref<4x1x3xf32>, %w: memref<2x3x3x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects 3 in blocks and 6 out blocks, got 3 and 2}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x3x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c8_dense(%x: memref<1x1x5xf32>, %w: memref<1x5x2xi32>, %i: memref<1x1x2xf32>) {
  // expected-error @+1 {{expects weights of 1 frequencies and 3 in words}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<1x1x5xf32>, memref<1x5x2xi32>) outs(%i : memref<1x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c5(%x: memref<4x1x3xf32>, %w: memref<2x3x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects no result for an init that is a buffer}}
  %0 = compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x2xi32>) outs(%i : memref<4x1x2xf32>) -> tensor<4x1x2xf32>
  return
}

// -----

func.func @spectral_dot_c8(%x: memref<4x1x3xf32>, %w: memref<4x3x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects weights of 2 frequencies and 3 in words}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<4x3x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c8_words(%x: memref<4x1x3xf32>, %w: memref<2x3x2xi32>, %s: memref<2x2xf32>, %o: memref<2x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects weights of 2 frequencies and 2 in words}}
  compress.spectral_dot i8 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x2xi32>) scaling(%s, %o : memref<2x2xf32>, memref<2x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c9(%x: memref<4x1x3xf32>, %w: memref<2x2x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects f32 scales and i32 offsets of 2 frequencies by 2 out blocks}}
  compress.spectral_dot i8 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x2x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c9_swapped(%x: memref<4x1x3xf32>, %w: memref<2x2x2xi32>, %s: memref<2x2xf32>, %o: memref<2x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects f32 scales and i32 offsets of 2 frequencies by 2 out blocks}}
  compress.spectral_dot i8 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x2x2xi32>) scaling(%o, %s : memref<2x2xi32>, memref<2x2xf32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c9_of_bf16(%x: memref<4x1x3xf32>, %w: memref<2x3x2xi32>, %s: memref<2x2xf32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects no scales; i8 has them, of 2 frequencies by 2 out blocks}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x2xi32>) scaling(%s : memref<2x2xf32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c1(%x: memref<4x1x3xf32>, %w: memref<2x3x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects in_dim and out_dim below 2}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 2 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c3(%x: memref<4x1x3xf32>, %w: memref<2x3x2xi32>, %i: memref<4x1x5xf32>) {
  // expected-error @+1 {{expects 3 in blocks and 2 out blocks, got 3 and 5}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x1x3xf32>, memref<2x3x2xi32>) outs(%i : memref<4x1x5xf32>)
  return
}

// -----

func.func @spectral_dot_c4(%x: memref<4x7x3xf32>, %w: memref<2x3x2xi32>, %i: memref<4x1x2xf32>) {
  // expected-error @+1 {{expects extents of input and init to agree, got 7 and 1}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [] dilations = []
      ins(%x, %w : memref<4x7x3xf32>, memref<2x3x2xi32>) outs(%i : memref<4x1x2xf32>)
  return
}

// -----

func.func @spectral_dot_c6(%x: memref<4x1x3x8xf32>, %w: memref<2x3x3x2xi32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects as many strides as dilations, all of them positive}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [1] dilations = []
      ins(%x, %w : memref<4x1x3x8xf32>, memref<2x3x3x2xi32>) outs(%i : memref<4x1x2x6xf32>)
  return
}

// -----

func.func @spectral_dot_c7(%x: memref<4x1x3x8xf32>, %w: memref<2x3x3x2xi32>, %i: memref<4x1x2x7xf32>) {
  // expected-error @+1 {{expects window 0 of input to reach 9, got 8}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x8xf32>, memref<2x3x3x2xi32>) outs(%i : memref<4x1x2x7xf32>)
  return
}

// -----

func.func @spectral_dot_c2_windows(%x: memref<4x1x3x?xf32>, %w: memref<2x3x3x2xi32>, %i: memref<4x1x2x6xf32>) {
  // expected-error @+1 {{expects static weights of rank 4 or, in panels, 5, and static in blocks and windows of input}}
  compress.spectral_dot bf16 in_dim = 1 out_dim = 1 strides = [1] dilations = [1]
      ins(%x, %w : memref<4x1x3x?xf32>, memref<2x3x3x2xi32>) outs(%i : memref<4x1x2x6xf32>)
  return
}
