//===- BasisDotForm.cpp - Codes first, then their basis --------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %c = compress.dequantize %codes, %scale                          : outputs x slices x rows x r
//   %w = compress.factorized %c, %basis batch = 2 …
//   %y = linalg.matmul ins(%x, %w)                     =>   %y = compress.basis_dot ins(%x, %words, %mask, %basis)
//
// By linearity, as two stages are (TwoStageForm.cpp), but the basis of an output and slice comes last: then the product
// of most numbers is one of bytes. Rows that are zero for all outputs of a panel are left out, whoever made them so.
//
//===----------------------------------------------------------------------===//

#include "BasisDotForm.h"
#include "WeightNumbers.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

/// Outputs of a panel, which share rows.
static constexpr int64_t kPanel = 32;

namespace {

/// A weight of constant codes and bases.
struct SliceCodes {
  int64_t outs, slices, rows, r, columns;
  ByteCode code;
  /// Of each field, over the unit.
  SmallVector<int64_t> numbers = {};
  /// The field of the number 0.
  uint8_t zero = 0;
  /// outs x slices x rows x r.
  SmallVector<uint8_t> fields = {};
  /// outs x slices x r x columns, scales of the codes included.
  SmallVector<double> basis = {};

  static std::optional<SliceCodes> get(FactorizedOp weight);

  int64_t panels() const { return llvm::divideCeil(outs, kPanel); }
  /// The rows of a slice that are not zero for all outputs of a panel.
  SmallVector<int64_t> keptRows(int64_t panel, int64_t slice) const;
  /// Words of codes of a slice and each r, as many as the panel and slice with the most rows has.
  int64_t wordsPerSlice() const;

private:
  bool takeNumbers();
  void takeFields(UnpackOp unpack, ArrayRef<double> codes);
  bool takeBasis(FactorizedOp weight, const CodedTensor &coded, bool isUnpacked);
};

} // namespace

std::optional<SliceCodes> SliceCodes::get(FactorizedOp weight) {
  constexpr int64_t kMostSums = 16; // of an output and slice
  ArrayRef<int64_t> c = weight.getCoefficientsType().getShape(), b = weight.getBasisType().getShape();
  SmallVector<ReassociationIndices> merged{{0}, {1, 2, 3}}, split{{0}, {1}};
  bool isSliced = weight.getBatch() == 2 && c.size() == 4 && b.size() == 4 && weight.getCollapseGroups() == merged &&
                  weight.getExpandGroups() == split && weight.getResultType().getElementType().isF32();
  if (!isSliced || b[2] * b[3] > kMostSums || !isEvaluable(weight.getCoefficientsType()))
    return std::nullopt;
  auto unpack = weight.getCoefficients().getDefiningOp<UnpackOp>();
  std::optional<CodedTensor> coded = codedOf(unpack ? unpack.getValues() : weight.getCoefficients());
  auto code = coded ? ByteCode::get(cast<NumberCodeAttrInterface>(coded->code)) : std::nullopt;
  auto codes = coded ? constantValues(coded->codes) : std::nullopt;
  if (!code || !codes)
    return std::nullopt;
  SliceCodes result{c[0], c[1], c[2], c[3], b[3], std::move(*code)};
  if (!result.takeNumbers() || !result.takeBasis(weight, *coded, unpack != nullptr))
    return std::nullopt;
  result.takeFields(unpack, *codes);
  return result;
}

/// They are bytes with sign, and one is 0: what is stored beyond the kept rows, and in these for outputs that do not
/// have them.
bool SliceCodes::takeNumbers() {
  constexpr int64_t kMostTableBits = 4;
  if (code.bits > kMostTableBits)
    return false;
  for (int64_t field = 0; field < int64_t(1) << code.bits; ++field)
    numbers.push_back(code.looksUp() ? code.numbers[field] : field - code.offset);
  zero = static_cast<uint8_t>(llvm::find(numbers, 0) - numbers.begin());
  return zero < numbers.size() &&
         llvm::all_of(
             numbers, [](int64_t n) { return n >= -128 && n <= 127; }) &&
         static_cast<double>(rows) * 255 * 128 < 0x1p31;
}

void SliceCodes::takeFields(UnpackOp unpack, ArrayRef<double> codes) {
  fields.assign(outs * slices * rows * r, zero);
  auto fieldOf = [&](double raw) {
    return static_cast<uint8_t>(code.fields[static_cast<int64_t>(raw) & (code.fields.size() - 1)]);
  };
  if (!unpack) {
    llvm::transform(codes, fields.begin(), fieldOf);
    return;
  }
  for (auto [field, place] : llvm::zip_equal(fields, placesOfEntries(unpack)))
    if (place >= 0)
      field = fieldOf(codes[place]);
}

/// The scales of codes, none of which may depend on the row, go to the basis. Those of unpacked codes have to be one.
bool SliceCodes::takeBasis(FactorizedOp weight, const CodedTensor &coded, bool isUnpacked) {
  auto numbers = numbersOf(weight.getBasis()), scales = constantValues(coded.scales);
  auto type = cast<ShapedType>(coded.scales.getType());
  if (!numbers || !scales || (isUnpacked ? type.getNumElements() != 1 : type.getDimSize(2) != 1))
    return false;
  ArrayRef<int64_t> b = weight.getBasisType().getShape(), shape = type.getShape();
  for (int64_t n = 0; n < outs; ++n)
    for (int64_t s = 0; s < slices; ++s)
      for (int64_t i = 0; i < r; ++i)
        for (int64_t j = 0; j < columns; ++j) {
          int64_t from = (((b[0] == 1 ? 0 : n) * b[1] + (b[1] == 1 ? 0 : s)) * r + i) * columns + j, scale = 0;
          if (!isUnpacked)
            scale = (n / coded.group[0] * shape[1] + s / coded.group[1]) * shape[3] + i / coded.group[3];
          basis.push_back((*numbers)[from] * (*scales)[scale] * code.unit);
        }
  return true;
}

SmallVector<int64_t> SliceCodes::keptRows(int64_t panel, int64_t slice) const {
  SmallVector<int64_t> kept;
  for (int64_t i = 0; i < rows; ++i) {
    bool isKept = false;
    for (int64_t n = panel * kPanel, e = std::min(outs, n + kPanel); n < e && !isKept; ++n)
      for (int64_t j = 0; j < r; ++j)
        isKept |= fields[((n * slices + slice) * rows + i) * r + j] != zero;
    if (isKept)
      kept.push_back(i);
  }
  return kept;
}

int64_t SliceCodes::wordsPerSlice() const {
  size_t most = 1;
  for (int64_t panel = 0; panel < panels(); ++panel)
    for (int64_t s = 0; s < slices; ++s)
      most = std::max(most, keptRows(panel, s).size());
  int64_t perWord = 32 / code.bits;
  return llvm::divideCeil(most, perWord);
}

namespace {

/// The operands of compress.basis_dot.
struct PackedSlices {
  const SliceCodes &from;
  int64_t panels = from.panels(), slices = from.slices, r = from.r, columns = from.columns;
  int64_t wordsPerSlice = from.wordsPerSlice(), maskWords = 2 * llvm::divideCeil(from.rows, 64);
  SmallVector<uint32_t> words = {}, mask = {}, starts = {};
  SmallVector<double> basis = {};

  void pack() {
    uint32_t zeros = 0;
    for (int64_t bit = 0; bit < 32; bit += from.code.bits)
      zeros |= static_cast<uint32_t>(from.zero) << bit;
    words.assign(panels * slices * wordsPerSlice * r * kPanel, zeros);
    mask.assign(panels * slices * maskWords, 0);
    starts.assign(panels * slices * r * kPanel, 0);
    basis.assign(panels * slices * r * columns * kPanel, 0);
    for (int64_t panel = 0; panel < panels; ++panel)
      for (int64_t s = 0; s < slices; ++s) {
        for (auto [place, row] : llvm::enumerate(from.keptRows(panel, s))) {
          mask[(panel * slices + s) * maskWords + row / 32] |= uint32_t(1) << (row % 32);
          packRow(panel, s, place, row);
        }
        packBasis(panel, s);
      }
  }

  /// A row that is kept as number `place`: in byte `place % 4` of a word of activations.
  void packRow(int64_t panel, int64_t s, int64_t place, int64_t row) {
    int64_t bits = from.code.bits, perWord = 32 / bits, field = place % perWord / 4,
            shift = 8 * (place % 4) + bits * field;
    uint32_t others = ~(((uint32_t(1) << bits) - 1) << shift);
    for (int64_t n = panel * kPanel, e = std::min(from.outs, n + kPanel); n < e; ++n)
      for (int64_t i = 0; i < r; ++i) {
        uint32_t code = from.fields[((n * slices + s) * from.rows + row) * r + i];
        int64_t at = (((panel * slices + s) * wordsPerSlice + place / perWord) * r + i) * kPanel + n % kPanel;
        words[at] = (words[at] & others) | code << shift;
        starts[((panel * slices + s) * r + i) * kPanel + n % kPanel] -= static_cast<uint32_t>(128 * from.numbers[code]);
      }
  }

  void packBasis(int64_t panel, int64_t s) {
    for (int64_t n = panel * kPanel, e = std::min(from.outs, n + kPanel); n < e; ++n)
      for (int64_t i = 0; i < r * columns; ++i)
        basis[((panel * slices + s) * r * columns + i) * kPanel + n % kPanel] =
            from.basis[(n * slices + s) * r * columns + i];
  }
};

} // namespace

/// True if the consumer is fully connected, its outputs being those of the coefficients, and its activations may be
/// rounded by slices.
static bool allows(FactorizedOp weight, const LinearConsumer &consumer) {
  Attribute hint = consumer.op->getAttr(kRoundsActivations);
  auto outDim = CodedDotOp::outDimOf(consumer.activationMap, consumer.weightMap, consumer.resultMap);
  if (!hint || !outDim || weight.getResultDims()[0] != static_cast<int64_t>(*outDim) || weight.getBatch() != 2 ||
      weight.getBasisType().getRank() != 4 || weight.getCoefficientsType().getRank() != 4)
    return false;
  auto allowed = dyn_cast<FloatAttr>(hint);
  int64_t slice = weight.getCoefficientsType().getDimSize(2) * weight.getBasisType().getDimSize(3);
  return !allowed || CodedDotOp::expectedError(slice) <= allowed.getValueAsDouble();
}

SmallVector<Form> mlir::compress::basisDotForms(FactorizedOp weight, const LinearConsumer &consumer,
                                                const Machine &machine) {
  if (!machine.isProcessor || !allows(weight, consumer))
    return {};
  std::optional<SliceCodes> codes = SliceCodes::get(weight);
  if (!codes)
    return {};
  int64_t perPanel = codes->slices * codes->r * kPanel, words = codes->panels() * perPanel * codes->wordsPerSlice();
  int64_t bases = codes->panels() * perPanel * codes->columns;
  Form form{kBasisDotForm.str(), consumer.denseCost(machine)};
  double positions = consumer.positionsPerSample();
  double seconds = positions * BasisDotOp::secondsPerSample(codes->slices * codes->rows * codes->columns, words, bases,
                                                            codes->columns, codes->code.bits, machine);
  // Operations as the products of floats count them, at another part of their peak.
  form.cost.multiplies = form.cost.adds = positions * (words * 32.0 / codes->code.bits * codes->columns + bases);
  form.cost.productReach =
      (form.cost.multiplies + form.cost.adds) * form.cost.productLanes / (machine.peakFlops * seconds);
  form.cost.weightBytes = 4 * (words + bases + perPanel * codes->panels());
  form.cost.roundings = weight.getRank() + 2;
  return {form};
}

Value mlir::compress::emitBasisDotForm(FactorizedOp weight, const LinearConsumer &consumer, OpBuilder &builder) {
  std::optional<SliceCodes> codes = SliceCodes::get(weight);
  PackedSlices packed{*codes};
  packed.pack();
  Location loc = consumer.op->getLoc();
  auto integers = [&](ArrayRef<int64_t> shape, ArrayRef<uint32_t> words) {
    ArrayRef<char> bytes(reinterpret_cast<const char *>(words.data()), words.size() * sizeof(uint32_t));
    return materializeConstant(builder, loc, RankedTensorType::get(shape, builder.getI32Type()), bytes);
  };
  Value words = integers({packed.panels, packed.slices, packed.wordsPerSlice, packed.r, kPanel}, packed.words);
  Value starts = integers({packed.panels, packed.slices, packed.r, kPanel}, packed.starts);
  Value mask = integers({packed.panels, packed.slices, packed.maskWords}, packed.mask);
  auto basisType =
      RankedTensorType::get({packed.panels, packed.slices, packed.r, packed.columns, kPanel}, builder.getF32Type());
  Value basis = materializeConstant(builder, loc, basisType, packed.basis);
  auto dot = BasisDotOp::create(builder, loc, TypeRange{consumer.init.getType()}, consumer.paddedActivation, words,
                                mask, starts, basis, consumer.init, codes->code.bits, codes->numbers, codes->rows);
  return dot->getResult(0);
}
