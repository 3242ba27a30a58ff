// RUN: compress-opt %s --convert-compress-to-fixed-point=zeros=skip | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-fixed-point=zeros=codes | FileCheck %s --check-prefix=DENSE
// RUN: compress-opt %s --convert-compress-to-fixed-point | FileCheck %s
// RUN: compress-opt %s --convert-compress-to-fixed-point=zeros=skip --compress-hls-dataflow --compress-hls-schedule='network=true lanes=2' | FileCheck %s --check-prefix=LANES
// RUN: compress-opt %s --convert-compress-to-fixed-point=zeros=skip --compress-hls-dataflow --compress-hls-schedule --convert-compress-fixed-point-to-emitc --compress-hls-lint | mlir-translate --mlir-to-cpp | FileCheck %s --check-prefix=CPP
// RUN: compress-opt %s --convert-compress-to-fixed-point=zeros=skip --compress-hls-dataflow --compress-hls-schedule=network=true | compress-translate - --hls-to-verilog | FileCheck %s --check-prefix=RTL
// RUN: not compress-opt %s --convert-compress-to-fixed-point=zeros=none 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: convert-compress-to-fixed-point{zeros=none}: expects codes, skip or auto

// Two of four weights of the first output are not zero, one of the second: it adds a zero. Places up to 3 have a bit more, for a sign.
// CHECK: memref.global "private" constant @[[PLACES:.*_places]] : memref<4xi3> = dense<[1, 3, 2, 0]>
// CHECK: memref.global "private" constant @[[W:.*_weights]] : memref<4xi8> = dense<[64, -32, 16, 0]>
// CHECK-NOT: memref.global
// CHECK: func.func private @{{.*}}_accumulate(%[[X:.*]]: memref<4xi8>
// CHECK: affine.for %[[O:.*]] = 0 to 2 {
// CHECK: affine.for %[[N:.*]] = 0 to 2 iter_args
// CHECK: %[[PLACE:.*]] = affine.load %{{.*}}[%[[O]] * 2 + %[[N]]] : memref<4xi3>
// CHECK: %[[AT:.*]] = arith.index_cast %[[PLACE]] : i3 to index
// CHECK: memref.load %[[X]][%[[AT]]] : memref<4xi8>
// CHECK: affine.load %{{.*}}[%[[O]] * 2 + %[[N]]] : memref<4xi8>
// Codes and places of 8 + 3 bits and two samples, in 2 cycles for an output, cost 2 * (4 * 11 + 64) = 216, codes alone in 4 cycles
// 4 * (8 * 8 + 64) = 512: places are the default.
// DENSE-NOT: memref.load
// Each lane has a copy of the input.
// LANES: memref.load {{.*}} {hls.start = 1 : i64}
// LANES: hls.port = #hls.port<kind = "buffer", depth = {{[0-9]+}}, banks = <count = 2, words = 4, storage = "distributed", keeps = "sample">>
// CPP: int32_t [[P:v[0-9]+]] = (int32_t) {{v[0-9]+}};
// CPP-NEXT: size_t [[A:v[0-9]+]] = (size_t) [[P]];
// CPP: = {{v[0-9]+}}{{\[}}[[A]]];
// The place is there a stage later than that of a sum of counts.
// RTL: wire [2:0] [[PLACE:n0_x[0-9]+]] = n0_rom0_q[2:0];
// RTL: wire [2:0] bank0_at = {{.*}}_at_d1 + [[PLACE]];
func.func @main(%x: tensor<1x4xf32> {compress.range = array<f64: -1.0, 1.0>}) -> tensor<1x2xf32> {
  %w = arith.constant dense<[[0.0, 0.5, 0.0, -0.25], [0.0, 0.0, 0.126, 0.0]]> : tensor<2x4xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x2xf32>
  %b = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>]
    {compress.range = array<f64: -2.0, 2.0>} ins(%x, %w : tensor<1x4xf32>, tensor<2x4xf32>) outs(%b : tensor<1x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
