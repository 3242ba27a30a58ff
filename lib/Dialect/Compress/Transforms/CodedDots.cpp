//===- CodedDots.cpp - Layers of codes on rounded activations -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %y = compress.coded_contract … code(#compress.uniform<bits = 4>) group = [1, 32] ins(%x, %codes, %scales)
//   =>
//   %y = compress.coded_dot bits = 4 offset = 8 ins(%x, %words, %scales)
//
//===----------------------------------------------------------------------===//

#include "CodedDots.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::compress;

static ShapedType typeOf(Value value) { return cast<ShapedType>(value.getType()); }

/// The dimension of the codes that the last one of the result selects, the other one being that of the last one of the
/// input; nullopt if the layer is another product.
static std::optional<unsigned> outDimOf(CodedContractOp op) {
  ArrayRef<AffineExpr> input = op.getInputMap().getResults(), init = op.getInitMap().getResults();
  ArrayRef<AffineExpr> weight = op.getWeightMap().getResults();
  if (weight.size() != 2 || init.size() < 2 || input.size() != init.size() || input.drop_back() != init.drop_back())
    return std::nullopt;
  for (unsigned out : {0u, 1u})
    if (weight[out] == init.back() && weight[1 - out] == input.back() && weight[0] != weight[1])
      return out;
  return std::nullopt;
}

std::optional<CodedLayer> CodedLayer::get(CodedContractOp op, std::string &whyNot) {
  auto refuse = [&](const Twine &reason) {
    whyNot = reason.str();
    return std::nullopt;
  };
  auto code = dyn_cast<UniformAttr>(op.getCode());
  std::optional<unsigned> outDim = outDimOf(op);
  if (!code || (code.getBits() != 2 && code.getBits() != 4 && code.getBits() != 8))
    return refuse("its codes are not uniform ones of 2, 4 or 8 bits");
  if (!outDim)
    return refuse("it is not fully connected, with the outputs innermost");
  if (!isa<RankedTensorType>(op.getCodes().getType()) || op.getLayout() ||
      !typeOf(op.getInit()).getElementType().isF32())
    return refuse("its codes are packed, or its numbers not f32");
  ArrayRef<int64_t> shape = typeOf(op.getCodes()).getShape();
  auto codes = constantValues(op.getCodes()), scales = constantValues(op.getScales());
  auto zeros = op.getZeros() ? constantValues(op.getZeros()) : SmallVector<double>();
  if (!codes || !scales || !zeros || codes->empty())
    return refuse("its codes, scales or zero points are no constants");
  CodedLayer layer{op,      shape[*outDim],    shape[1 - *outDim], code.getBits(),   op.getGroup()[1 - *outDim],
                   *outDim, std::move(*codes), std::move(*scales), std::move(*zeros)};
  layer.group = std::min(layer.group, layer.inputs);
  if (layer.inputs % layer.group != 0 || layer.group % (32 / layer.bits) != 0)
    return refuse("groups of " + Twine(layer.group) + " of its " + Twine(layer.inputs) + " inputs are not whole words");
  if (CodedDotOp::largestSum(layer.group, layer.bits) >= 0x1p31)
    return refuse("its sums do not fit 32 bits");
  return layer;
}

double CodedLayer::expectedError() const {
  // The largest of G magnitudes is about sqrt(2 ln 2G) deviations; a step is it over 127, its error uniform.
  constexpr double kSteps = 127;
  return std::sqrt(2 * std::log(2 * static_cast<double>(group)) / 12) / kSteps;
}

void CodedLayer::replace(int64_t lanes) {
  auto code = cast<UniformAttr>(op.getCode());
  int64_t panel = lanes <= 1 ? 1 : outputs > lanes ? 2 * lanes : lanes, panels = llvm::divideCeil(outputs, panel);
  int64_t groups = inputs / group, fields = 8 / bits, inWords = group / 4, wordsPerGroup = inWords / fields;
  // Codes without sign, the zero points with them.
  int64_t added = code.getUnsignedCodes() ? 0 : int64_t(1) << (bits - 1), mask = (int64_t(1) << bits) - 1;
  SmallVector<uint32_t> words(panels * groups * wordsPerGroup * panel, 0);
  SmallVector<double> scaleOf(panels * groups * panel, 0), zeroOf(zeros.empty() ? 0 : scaleOf.size(), 0);
  int64_t groupOut = op.getGroup()[outDim], scaleIns = typeOf(op.getScales()).getDimSize(1 - outDim);
  int64_t scaleOuts = typeOf(op.getScales()).getDimSize(outDim);
  for (int64_t n = 0; n < outputs; ++n)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t from = outDim == 0 ? n / groupOut * scaleIns + g : g * scaleOuts + n / groupOut;
      int64_t to = (n / panel * groups + g) * panel + n % panel;
      scaleOf[to] = scales[from];
      if (!zeros.empty())
        zeroOf[to] = zeros[from] + static_cast<double>(added);
      for (int64_t k = 0; k < group; ++k) {
        int64_t in = g * group + k, byte = k / inWords, i = k % inWords;
        int64_t number = static_cast<int64_t>(codes[outDim == 0 ? n * inputs + in : in * outputs + n]);
        int64_t word = ((n / panel * groups + g) * wordsPerGroup + i / fields) * panel + n % panel;
        words[word] |= static_cast<uint32_t>((number + added) & mask) << (8 * byte + bits * (i % fields));
      }
    }
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto numbers = [&](ArrayRef<double> of) {
    return materializeConstant(builder, loc, RankedTensorType::get({panels, groups, panel}, builder.getF32Type()), of);
  };
  ArrayRef<char> bytes(reinterpret_cast<const char *>(words.data()), words.size() * sizeof(uint32_t));
  Value packed = materializeConstant(
      builder, loc, RankedTensorType::get({panels, groups, wordsPerGroup, panel}, builder.getI32Type()), bytes);
  auto dot =
      CodedDotOp::create(builder, loc, TypeRange{op.getInit().getType()}, op.getInput(), packed, numbers(scaleOf),
                         zeros.empty() ? Value() : numbers(zeroOf), op.getInit(), bits, zeros.empty() ? added : 0);
  op->replaceAllUsesWith(dot->getResults());
}
