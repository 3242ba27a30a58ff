// The examples of the attributes' descriptions, run as they stand there (tools/dev/check-house.py checks that all are here).
// RUN: compress-opt %s | compress-opt | FileCheck %s
// RUN: compress-opt %s --emit-bytecode | compress-opt | FileCheck %s

// CHECK: fit_circulant = #compress.fit_circulant<k = 64>
func.func private @examples() attributes {
  fit_circulant = #compress.fit_circulant<k = 64>
}
