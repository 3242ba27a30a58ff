// The format by what is allowed and by the machine. 8 x 2 weights of 127 and 0.3: as int8 with one scale for each column 0.3 is lost, 0.3 / 127 of
// the norm; as bf16 it is 0.30078125. At 1 kB/s, 64, 32 and 16 bytes take 64, 32 and 16 ms.
// RUN: compress-opt %s --compress-narrow-weights='precision=auto max-error=0.01 machine=%S/Inputs/slow-memory.json' --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=I8
// RUN: compress-opt %s --compress-narrow-weights='precision=auto max-error=0.001 machine=%S/Inputs/slow-memory.json' --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=BF16
// RUN: compress-opt %s --compress-narrow-weights='precision=auto max-error=0.000001 machine=%S/Inputs/slow-memory.json' --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=F32
// I8: [Passed] narrow-weights {{.*}}weights in i8: relative error of the weights 2.36e-03;
// I8-SAME: f32 64000.000 us, bf16 32000.000 us with error 6.15e-06, i8 16000.000 us with error 2.36e-03; 1.00e-02 is allowed
// I8: compress.spectral_dot i8
// BF16: [Passed] narrow-weights {{.*}}weights in bf16: relative error of the weights 6.15e-06;
// BF16: compress.spectral_dot bf16
// F32: [Missed] narrow-weights {{.*}}stays f32: f32 64000.000 us, bf16 32000.000 us with error 6.15e-06, i8 16000.000 us with error 2.36e-03; 1.00e-06 is allowed
// F32: linalg.matmul

// At 1 Mop/s and without dot products two numbers in 8 lanes cost 32 * 4 operations: 160 us at 0.8 of the peak. bf16 weights become f32, at 0.6 of
// the peak; words of bytes need a shift each, too, and 80 operations that round.
// RUN: compress-opt %s --compress-narrow-weights='precision=auto max-error=0.01 machine=%S/Inputs/fast-memory.json' --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=COMPUTE
// COMPUTE: [Missed] narrow-weights {{.*}}stays f32: f32 160.000 us, bf16 213.333 us {{.*}}, i8 506.667 us
// COMPUTE: linalg.matmul

// RUN: not compress-opt %s --compress-narrow-weights=precision=auto 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: compress-narrow-weights{max-error=0{{.*}}}: expects the largest relative error of a layer's weights that auto may take, over 0 and under 1
// RUN: not compress-opt %s --compress-narrow-weights='precision=auto max-error=nan' 2>&1 | FileCheck %s --check-prefix=NAN
// NAN: error: compress-narrow-weights{max-error=nan}: expects the largest relative error
// RUN: not compress-opt %s --compress-narrow-weights='precision=auto max-error=0.1 machine=abacus' 2>&1 | FileCheck %s --check-prefix=MACHINE
// MACHINE: error: compress-narrow-weights{machine=abacus}: unknown machine 'abacus'
func.func @main(%x: tensor<1x8xf32>) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[127.0, 0.3], [0.3, 127.0], [127.0, 0.3], [0.3, 127.0], [127.0, 0.3], [0.3, 127.0], [127.0, 0.3], [0.3, 127.0]]> : tensor<8x2xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x8xf32>, tensor<8x2xf32>) outs(%y0 : tensor<1x2xf32>) -> tensor<1x2xf32> loc("fc")
  return %y : tensor<1x2xf32>
}
