// What is chosen depends on the machine that is described. 64 x 64 weights stand as codes of 4 bits with one scale: per
// sample the dense product takes 2 * 4096 operations and 16384 bytes; computed on codes it takes more operations, as
// each weight is decoded, and 4096 / 2 + 4 = 2052 bytes. At 1 kB/s bytes decide, 2.052 s to 16.384 s; at 1 Mop/s, 0.8 of
// them reached, and memory without limits operations do: 8192 take 10.240 ms. A layer's begin and end are 0.1 us more.
// RUN: compress-opt %s --compress-select=machine=%S/Inputs/slow-memory.json --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=SLOW
// RUN: compress-opt %s --compress-select=machine=%S/Inputs/fast-memory.json --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=FAST
// RUN: compress-opt %s --compress-to-affine=machine=%S/Inputs/fast-memory.json --remarks-filter='compress.*' 2>&1 | FileCheck %s --check-prefix=PIPELINE
// RUN: compress-opt %s --compress-select=machine=generic-avx2 | FileCheck %s --check-prefix=PRESET
// RUN: not compress-opt %s --compress-select=machine=pdp-11 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not compress-opt %s --compress-select=machine=%S/Inputs/negative-rate.json 2>&1 | FileCheck %s --check-prefix=NEGATIVE

// SLOW: [Passed] select {{.*}}2052000.100 us predicted, {{.*}} 2052 weight bytes{{.*}}dense: 16384000.100 us predicted
// SLOW: compress.coded_contract
// FAST: [Missed] select {{.*}}expanded to dense: {{.*}}dense: 10240.100 us predicted, 4096 multiplies, 16384 weight bytes
// FAST-NOT: compress.coded_contract
// FAST: linalg.matmul
// PIPELINE: [Missed] select {{.*}}expanded to dense: {{.*}}dense: 10240.100 us predicted
// PRESET: func.func @main
// UNKNOWN: error: compress-select{machine=pdp-11}: unknown machine 'pdp-11': expects native, a JSON file
// UNKNOWN-SAME: or a preset:
// UNKNOWN: xeon-sapphire-rapids: L1 48 KiB at 360 GB/s, L2 2 MiB at 179 GB/s, L3 32 MiB at 30 GB/s, memory at 13 GB/s
// UNKNOWN: generic-avx512:
// UNKNOWN: generic-avx2:
// NEGATIVE: negative-rate.json': key 'l1_bytes_per_second' expects a number greater than 0: reading rate from the first cache
func.func @main(%x: tensor<1x64xf32>, %y0: tensor<1x64xf32>) -> tensor<1x64xf32> {
  %codes = arith.constant dense<1> : tensor<64x64xi4>
  %scale = arith.constant dense<0.5> : tensor<1x1xf32>
  %w = compress.dequantize %codes, %scale code(#compress.uniform<bits = 4>)
      : tensor<64x64xi4>, tensor<1x1xf32> -> tensor<64x64xf32>
  %y = linalg.matmul ins(%x, %w : tensor<1x64xf32>, tensor<64x64xf32>) outs(%y0 : tensor<1x64xf32>) -> tensor<1x64xf32>
  return %y : tensor<1x64xf32>
}
