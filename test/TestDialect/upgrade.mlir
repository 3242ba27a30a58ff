// A file of an older version is upgraded step by step when it is read: in version 1 of the test dialect, `negated` said that
// the numbers are stored with the other sign; version 2 says it by an op.
// RUN: compress-opt %s -o /dev/null --pass-pipeline='builtin.module(test-compress-write-bytecode{file=%t.v1 dialect=test_compress version=1})'
// RUN: compress-opt %t.v1 | FileCheck %s
// CHECK-LABEL: @old
// CHECK-SAME: %[[STORED:.*]]: tensor<4xf32>
// CHECK: %[[NEGATED:.*]] = arith.negf %[[STORED]] : tensor<4xf32>
// CHECK: test_compress.diagonal %[[NEGATED]] : tensor<4xf32>
// CHECK-LABEL: @plain
// CHECK-SAME: %[[STORED:.*]]: tensor<4xf32>
// CHECK-NOT: arith.negf
// CHECK: test_compress.diagonal %[[STORED]] : tensor<4xf32>

// One of this version is taken as it is, and a newer one is refused.
// RUN: compress-opt %s -o /dev/null --pass-pipeline='builtin.module(test-compress-write-bytecode{file=%t.v2 dialect=test_compress version=2})'
// RUN: compress-opt %t.v2 | FileCheck %s --check-prefix=SAME
// SAME: test_compress.diagonal %{{.*}} {negated}
// SAME-NOT: arith.negf
// RUN: compress-opt %s -o /dev/null --pass-pipeline='builtin.module(test-compress-write-bytecode{file=%t.v3 dialect=test_compress version=3})'
// RUN: not compress-opt %t.v3 2>&1 | FileCheck %s --check-prefix=NEWER
// NEWER: error: this file has version 3 of the dialect 'test_compress', and this build reads versions up to 2

func.func @old(%d: tensor<4xf32>) -> tensor<4x4xf32> {
  %w = test_compress.diagonal %d {negated} : tensor<4xf32> -> tensor<4x4xf32>
  return %w : tensor<4x4xf32>
}

func.func @plain(%d: tensor<4xf32>) -> tensor<4x4xf32> {
  %w = test_compress.diagonal %d : tensor<4xf32> -> tensor<4x4xf32>
  return %w : tensor<4x4xf32>
}
