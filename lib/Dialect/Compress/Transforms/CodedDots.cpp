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
#include "WeightConsumers.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

static ShapedType typeOf(Value value) { return cast<ShapedType>(value.getType()); }

std::optional<CodedLayer> CodedLayer::get(CodedContractOp op, std::string &whyNot) {
  auto refuse = [&](const Twine &reason) {
    whyNot = reason.str();
    return std::nullopt;
  };
  std::optional<ByteCode> code = ByteCode::get(op.getCode());
  std::optional<unsigned> outDim = CodedDotOp::outDimOf(op.getInputMap(), op.getWeightMap(), op.getInitMap());
  if (!code)
    return refuse("the numbers of its codes are no bytes times one number");
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
  int64_t outputs = shape[*outDim], inputs = shape[1 - *outDim], perScale = op.getGroup()[1 - *outDim];
  std::optional<DotGroups> groups = DotGroups::get(inputs, perScale, *code);
  if (!groups)
    return refuse("groups of " + Twine(perScale) + " of its " + Twine(inputs) + " inputs are not whole words");
  if (CodedDotOp::largestSum(groups->size, code->mostByte()) >= 0x1p31)
    return refuse("its sums do not fit 32 bits");
  return CodedLayer{op,
                    std::move(*code),
                    outputs,
                    inputs,
                    *groups,
                    *outDim,
                    std::move(*codes),
                    std::move(*scales),
                    std::move(*zeros)};
}

namespace {

/// The constants of compress.coded_dot.
struct PackedLayer {
  const CodedLayer &layer;
  int64_t panel, panels = llvm::divideCeil(layer.outputs, panel);
  int64_t inWords = layer.groups.size / 4, fields = 8 / layer.code.bits, wordsPerGroup = inWords / fields;
  int64_t numScales = layer.groups.count / layer.groups.perScale;
  SmallVector<uint32_t> words = SmallVector<uint32_t>(panels * layer.groups.count * wordsPerGroup * panel, 0);
  SmallVector<double> scales = SmallVector<double>(panels * numScales * panel, 0);
  SmallVector<double> zeros = SmallVector<double>(layer.zeros.empty() ? 0 : scales.size(), 0);

  void pack() {
    for (int64_t n = 0; n < layer.outputs; ++n) {
      for (int64_t s = 0; s < numScales; ++s)
        packScale(n, s);
      for (int64_t in = 0; in < layer.inputs; ++in)
        packCode(n, in);
    }
  }

  void packScale(int64_t n, int64_t s) {
    CodedContractOp op = layer.op;
    int64_t groupOut = op.getGroup()[layer.outDim], perOut = typeOf(op.getScales()).getDimSize(1 - layer.outDim);
    int64_t perIn = typeOf(op.getScales()).getDimSize(layer.outDim);
    int64_t from = layer.outDim == 0 ? n / groupOut * perOut + s : s * perIn + n / groupOut;
    int64_t to = (n / panel * numScales + s) * panel + n % panel;
    scales[to] = layer.scales[from] * layer.code.unit;
    if (!zeros.empty()) // as numbers; fields have the offset with them
      zeros[to] = layer.zeros[from] / layer.code.unit + static_cast<double>(layer.code.offset);
  }

  void packCode(int64_t n, int64_t in) {
    int64_t g = in / layer.groups.size, k = in % layer.groups.size, byte = k / inWords, i = k % inWords,
            bits = layer.code.bits;
    double code = layer.codes[layer.outDim == 0 ? n * layer.inputs + in : in * layer.outputs + n];
    int64_t raw = static_cast<int64_t>(code) & (static_cast<int64_t>(layer.code.fields.size()) - 1);
    int64_t word = ((n / panel * layer.groups.count + g) * wordsPerGroup + i / fields) * panel + n % panel;
    words[word] |= static_cast<uint32_t>(layer.code.fields[raw]) << (8 * byte + bits * (i % fields));
  }
};

} // namespace

void CodedLayer::replace(int64_t lanes) {
  PackedLayer packed{*this, lanes <= 1 ? 1 : outputs > lanes ? 2 * lanes : lanes};
  packed.pack();
  OpBuilder builder(op);
  Location loc = op.getLoc();
  SmallVector<int64_t> perScale{packed.panels, packed.numScales, packed.panel};
  auto numbers = [&](ArrayRef<double> of) {
    return materializeConstant(builder, loc, RankedTensorType::get(perScale, builder.getF32Type()), of);
  };
  SmallVector<int64_t> shape{packed.panels, groups.count, packed.wordsPerGroup, packed.panel};
  ArrayRef<char> bytes(reinterpret_cast<const char *>(packed.words.data()), packed.words.size() * sizeof(uint32_t));
  Value words = materializeConstant(builder, loc, RankedTensorType::get(shape, builder.getI32Type()), bytes);
  auto dot = CodedDotOp::create(builder, loc, TypeRange{op.getInit().getType()}, op.getInput(), words,
                                numbers(packed.scales), zeros.empty() ? Value() : numbers(packed.zeros), op.getInit(),
                                code.bits, zeros.empty() ? code.offset : 0,
                                code.looksUp() ? builder.getDenseI64ArrayAttr(code.numbers) : DenseI64ArrayAttr());
  op->replaceAllUsesWith(dot->getResults());
}

bool mlir::compress::remarkRounded(Operation *root) {
  bool hasRounded = false;
  root->walk([&](KernelOpInterface op) {
    int64_t group = op.getRoundedGroup();
    if (group == 0)
      return;
    double error = CodedDotOp::expectedError(group);
    remark::passed(op.getLoc(), weightRemark("narrow-weights", op))
        << llvm::formatv("activations rounded to i8 by slices of {0}: relative error to expect of normally distributed "
                         "activations {1:e2}",
                         group, error)
               .str()
        << remark::metric("relative_error", error);
    hasRounded = true;
  });
  return hasRounded;
}
