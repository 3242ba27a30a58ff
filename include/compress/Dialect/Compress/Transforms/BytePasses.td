//===- BytePasses.td - Passes to products of bytes -----------*- tablegen -*-===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Part of Passes.td, which includes it: from activations with known ranges to layers that multiply integers.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TRANSFORMS_BYTEPASSES_TD
#define COMPRESS_TRANSFORMS_BYTEPASSES_TD

include "mlir/Pass/PassBase.td"

def QuantizeActivationsPass : Pass<"compress-quantize-activations"> {
  let summary = "Round activations of light layers to bytes, by known ranges";
  let description = [{
    A layer with an attribute `compress.input_range = array<f64: low, high>` whose weights are bytes with sign times a scale for each output
    gets its activation rounded to 8 bits and decoded again, as QuantizeLinear and DequantizeLinear do: with 0 in the range,
    `scale = (high - low) / 255`, `zero = round(-low / scale)`, codes without sign. `compress-multiply-bytes` makes a product
    of integers of it. `compress-compile --activations` writes the attribute. Scale and zero point stay beside as
    `compress.input_scale`.

    A layer whose product cannot be one of bytes keeps its f32 activation, with a remark.

    Runs after: fit          Leaves: no compress.input_range
    Does nothing when: no layer has the attribute        Fails when: the attribute is no range

    Example: test/Dialect/Compress/Transforms/quantize-activations.mlir
  }];
  let statistics = [Statistic<"numQuantized", "num-quantized", "Layers whose activations are bytes">];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "math::MathDialect", "tensor::TensorDialect"];
}

def HoistRoundingPass : Pass<"compress-hoist-rounding"> {
  let summary = "Round to bytes before reshapes, transposes and maxima";
  let description = [{
    Elementwise rounding to bytes, `saturate(round(x / scale) + zero)`, moves before what only moves numbers, and before windows' maxima:
    it never decreases where its operand increases, so that the largest code is the code of the largest number. Rounding that
    meets decoding by the same scale and zero point goes, and what was between them is computed on bytes. Every number stays the same.

    What has other users stays in floats.

    Runs after: import, quantize-activations          Leaves: bytes from one layer to the next
    Does nothing when: nothing is rounded        Fails when: never

    Example: test/Dialect/Compress/Transforms/hoist-rounding.mlir
  }];
  let statistics = [Statistic<"numHoisted", "num-hoisted", "Steps that a rounding moved">];
  let dependentDialects = ["arith::ArithDialect", "linalg::LinalgDialect", "tensor::TensorDialect"];
}

def MultiplyBytesPass : Pass<"compress-multiply-bytes"> {
  let summary = "Multiply quantized activations with coded weights as integers";
  let description = [{
    A linear layer of an activation that is decoded from bytes, `(code - zero) * scale`, and of a representation whose stored
    integers are bytes with sign times a scale for each output becomes a product of these bytes with sums of 32 bits, in words
    of four bytes as dot product instructions take them. The zero point leaves the loops: its product with the sum of the weights is what
    sums start from, with the bias where that was rounded to the same scale. What is padded is the zero point. Results are
    `sum * (scale of x * scale of w)`, plus other biases, in f32; so that they differ from those of the layer in floats by
    roundings of floats alone.

    Where each channel has taps of its own (depthwise convolutions), channels are the last dimension of the product, and there are no words.

    `rounds-activations`: convolutions whose activation is f32 round it to bytes first: over the range of the numbers of each sample and 0; by
    their largest magnitude, about 128, where the layer is padded, so that what is padded is one number. Dense constant weights of at least
    four in channels become bytes, too, with a scale for each output; a remark has their error.

    A layer stays as it is, with a remark, if its weights have other dimensions than out, in and taps (groups of several channels), several
    scales for an output, or numbers that 8 bits with sign do not hold; and if 32 bits do not hold its sums.

    Runs after: import, fit, normalize-quant          Leaves: layers of floats, and products of integers
    Does nothing when: no layer has bytes on both sides        Fails when: `machine` is none

    Example: test/Dialect/Compress/Transforms/multiply-bytes.mlir
  }];
  let options = [
    Option<"roundsActivations", "rounds-activations", "bool", "false", "Round f32 activations of convolutions, by samples, and dense weights of theirs">,
    Option<"machine", "machine", "std::string", "::mlir::compress::Machine::kDefaultName",
           "Description for the predicted times: a preset, native or a JSON file">];
  let statistics = [Statistic<"numMultiplied", "num-multiplied", "Layers that multiply bytes">];
  let dependentDialects = ["arith::ArithDialect", "::mlir::compress::CompressDialect", "linalg::LinalgDialect", "math::MathDialect", "tensor::TensorDialect"];
}

#endif // COMPRESS_TRANSFORMS_BYTEPASSES_TD
