//===- CompressTrainingOps.td - Ops that training has --------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TRAINING_OPS_TD
#define COMPRESS_TRAINING_OPS_TD

include "compress/Dialect/Compress/IR/CompressAttributes.td"
include "compress/Dialect/Compress/IR/CompressWeightOp.td"

def Compress_FakeQuantizeOp : Compress_WeightOp<"fake_quantize"> {
  let summary = "Floats as a number code would store them";
  let description = [{
    What `compress.dequantize` would stand for if `input` were stored as the nearest codes: float to float, for training. Groups
    of `scales` and `zeros` are those of `compress.dequantize`.

        u = input[i…] / scales[i floordiv group…] + value(zeros[i floordiv group…])
        W[i…] = scales[i floordiv group…] * (round(u) - value(zeros[i floordiv group…]))

    with `round(u)` the number of the code that is `nearest` to `u`, and 0 in the place of `value(zeros)` without zeros.

    **Gradient.** `round` is a staircase; `compress-pullback` uses the straight-through surrogate in its place (LSQ, ICLR 2020,
    without its gradient scale). With `low` and `high` the least and the greatest number of the code,

        dL/dinput[i…]  = dL/dW[i…]                       where low <= u <= high, else 0
        dL/dscales[g…] = sum over the group of dL/dW[i…] * (round(u) - u               where low <= u <= high
                                                             round(u) - value(zero)    elsewhere)

    That is the gradient of `scales * (clamp(u, low, high) + r - value(zero))` at `r = round(u) - clamp(u, low, high)` held
    constant.

    Constraints:
      - (C1) the element type of `zeros` is the signless integer of as many bits as the code has.
      - (C2) the type of the result is that of `input`; extents are at least 1.
      - (C3) the element types of `scales` and result are the same.
      - (C4) `scales` have the rank of `input`, and `zeros` the shape of `scales`.
      - (C5) `group` has one entry of at least 1 per dimension, and the extents of `scales` are `ceil(input / group)`.
      - (C6) without `group`, the extents of `scales` divide those of `input`.
      - (C7) `zeros` are given only to a code that takes zero points.

    Unspecified: the result where a scale is 0 or a number is not one; where rounding of `input / scales` decides.

    Example:

    ```mlir
    %w = compress.fake_quantize %x, %scales code(#compress.uniform<bits = 4>)
        : tensor<64x128xf32>, tensor<64x4xf32> -> tensor<64x128xf32>
    %v = compress.fake_quantize %x1, %scales1, %zeros code(#compress.uniform<bits = 8, unsigned_codes = true>) group = [1, 32]
        : tensor<16x33xf32>, tensor<16x2xf32>, tensor<16x2xi8> -> tensor<16x33xf32>
    ```
  }];
  let arguments = (ins StaticShapeTensorOf<[F32, F64]>:$input, StaticShapeTensorOf<[F32, F64]>:$scales,
      Optional<StaticShapeTensorOf<[AnySignlessInteger]>>:$zeros, NumberCodeAttrInterface:$code,
      OptionalAttr<DenseI64ArrayAttr>:$group);
  let results = (outs StaticShapeTensorOf<[F32, F64]>:$result);
  let assemblyFormat = [{
    $input `,` $scales (`,` $zeros^)? `code` `(` $code `)` (`group` `=` $group^)? attr-dict
    `:` type($input) `,` type($scales) (`,` type($zeros)^)? `->` type($result)
  }];
  let extraClassDeclaration = resultTypeDeclaration # [{
    ::mlir::RankedTensorType getScalesType() { return ::llvm::cast<::mlir::RankedTensorType>(getScales().getType()); }
    /// Consecutive numbers per scale along each dimension.
    ::llvm::SmallVector<int64_t> getGroupSizes();
  }];
}

#endif // COMPRESS_TRAINING_OPS_TD
