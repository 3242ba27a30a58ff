//===- ListForm.cpp - Ternary coefficients as lists of channels -----------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   %w = compress.factorized %coefficients, %basis           K x C x M, each number of (k, m) one of -s, 0 and s
//   %y = linalg.conv_2d_nchw_fchw ins(%x, %w)            =>  %y = compress.basis_conv ins(%x, %lists, %counts, %s,
//   %basis)
//
// Order B (TwoStageForm.cpp) in one op: the first stage is sums of channels, which lists say, and its result stays in
// registers. The form looks at numbers, whoever made them ternary and whatever stores them.
//
//===----------------------------------------------------------------------===//

#include "ListForm.h"
#include "TwoStageForm.h"
#include "WeightNumbers.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/Hints.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace mlir::compress;

namespace {

/// Constant coefficients of which those of an output and basis kernel have one magnitude.
struct TernaryLists {
  int64_t outs, ins, bases;
  /// As operands of compress.basis_conv: channels; counts K x M x 2; scales K x M, or one; the basis.
  SmallVector<uint16_t> lists = {}, counts = {};
  SmallVector<double> scales = {}, basis = {};
  /// Entries of the longest list, and of the longest plus and minus list together.
  int64_t longest = 0, mostTogether = 0;

  static std::optional<TernaryLists> get(FactorizedOp weight);
  /// Bits of an entry and of a count.
  int64_t entryBits() const { return std::max(ins - 1, longest) < 256 ? 8 : 16; }
  int64_t storedBytes() const {
    return (lists.size() + counts.size()) * entryBits() / 8 + 4 * (scales.size() + basis.size());
  }

private:
  bool append(ArrayRef<double> coefficients, int64_t out, int64_t base);
};

} // namespace

std::optional<TernaryLists> TernaryLists::get(FactorizedOp weight) {
  constexpr int64_t kMostIndexed = 65535;
  ArrayRef<int64_t> shape = weight.getCoefficientsType().getShape();
  if (shape[1] > kMostIndexed)
    return std::nullopt;
  auto coefficients = numbersOf(weight.getCoefficients()), basis = numbersOf(weight.getBasis());
  if (!coefficients || !basis)
    return std::nullopt;
  TernaryLists result{shape[0], shape[1], shape[2]};
  for (int64_t k = 0; k < shape[0]; ++k)
    for (int64_t m = 0; m < shape[2]; ++m)
      if (!result.append(*coefficients, k, m))
        return std::nullopt;
  if (result.lists.empty())
    result.lists.push_back(0); // a tensor has entries
  if (llvm::all_equal(result.scales))
    result.scales.resize(1);
  result.basis = std::move(*basis);
  return result;
}

/// Appends the two lists of an output and basis kernel; false if their magnitudes differ.
bool TernaryLists::append(ArrayRef<double> coefficients, int64_t out, int64_t base) {
  double magnitude = 0;
  int64_t before = lists.size();
  for (double sign : {1.0, -1.0}) {
    int64_t first = lists.size();
    for (int64_t c = 0; c < ins; ++c) {
      double number = sign * coefficients[(out * ins + c) * bases + base];
      if (number <= 0)
        continue;
      if (magnitude != 0 && number != magnitude)
        return false;
      magnitude = number;
      lists.push_back(c);
    }
    counts.push_back(lists.size() - first);
    longest = std::max<int64_t>(longest, counts.back());
  }
  mostTogether = std::max<int64_t>(mostTogether, lists.size() - before);
  // Of no coefficients, any scale: that of others, which may serve all.
  scales.push_back(magnitude != 0 || scales.empty() ? magnitude : scales.back());
  return true;
}

/// The dimensions of `weight` that outputs, channels, rows and columns of taps are, if these are all that it has but
/// for some of extent 1, and it is K x C x M coefficients times M x R x S.
static std::optional<SmallVector<int64_t>> kernelDims(FactorizedOp weight, ArrayRef<Role> roles) {
  SmallVector<int64_t> shape = weight.getProductShape(), dims;
  if (weight.getBatch() != 0 || weight.getNumOuter() != 2 || shape.size() != 4)
    return std::nullopt;
  Role expected[] = {Role::Out, Role::In, Role::Tap, Role::Tap};
  for (auto [t, role] : llvm::enumerate(expected))
    for (int64_t dim = 0, e = roles.size(); dim < e; ++dim)
      if (roles[dim] == role && productDimOf(weight, dim) == static_cast<int64_t>(t) &&
          weight.getResultType().getDimSize(dim) == shape[t]) {
        dims.push_back(dim);
        break;
      }
  if (dims.size() != 4 || weight.getResultType().getNumElements() != computeProduct(shape))
    return std::nullopt;
  return dims;
}

/// True if `consumer` is a convolution of stride 1 of images, channels before rows and columns, of which only the
/// number is dynamic.
static bool isBasisConv(FactorizedOp weight, const LinearConsumer &consumer) {
  std::optional<SmallVector<int64_t>> kernel = kernelDims(weight, consumer.roles);
  RankedTensorType types[] = {cast<RankedTensorType>(consumer.activation.getType()), consumer.resultType()};
  auto isImage = [](RankedTensorType type) {
    return type.getRank() == 4 && type.getElementType().isF32() &&
           llvm::none_of(type.getShape().drop_front(), ShapedType::isDynamic);
  };
  if (!kernel || !llvm::all_of(types, isImage) || consumer.outDim != 1 || consumer.inDim != 1)
    return false;
  auto isUnpadded = [](const ActivationDim &dim) { return dim.padLow == 0 && dim.padHigh == 0; };
  for (int64_t d = 2; d < 4; ++d) {
    const ActivationDim &dim = consumer.dims[d];
    if (dim.kind != ActivationDim::Window || dim.resultDim != d || dim.tapDim != (*kernel)[d] || dim.stride != 1 ||
        dim.dilation != 1)
      return false;
  }
  return consumer.dims[0].kind == ActivationDim::Free && consumer.dims[0].resultDim == 0 &&
         isUnpadded(consumer.dims[0]) && isUnpadded(consumer.dims[1]);
}

/// True if the activations may be rounded, by rows of an image.
static bool mayRound(const LinearConsumer &consumer) {
  Attribute hint = consumer.op->getAttr(kRoundsActivations);
  auto allowed = dyn_cast_or_null<FloatAttr>(hint);
  ArrayRef<int64_t> image = cast<RankedTensorType>(consumer.activation.getType()).getShape();
  return hint && (!allowed || CodedDotOp::expectedError(image[1] * image[3]) <= allowed.getValueAsDouble());
}

SmallVector<Form> mlir::compress::listForms(FactorizedOp weight, const LinearConsumer &consumer,
                                            const Machine &machine) {
  if (!machine.isProcessor || !isBasisConv(weight, consumer))
    return {};
  std::optional<TernaryLists> lists = TernaryLists::get(weight);
  if (!lists)
    return {};
  SmallVector<Form> forms;
  auto add = [&](StringRef name, bool isRounded) {
    Form form{name.str(), consumer.denseCost(machine)};
    double entries = lists->lists.size();
    double seconds =
        BasisConvOp::secondsPerSample(cast<ShapedType>(consumer.activation.getType()), consumer.resultType(),
                                      weight.getBasisType(), entries, isRounded, machine);
    double positions = consumer.positionsPerSample();
    form.cost.multiplies = positions * static_cast<double>(lists->outs * weight.getBasisType().getNumElements());
    form.cost.adds = form.cost.multiplies + positions * entries;
    // Operations as the products of floats count them, at another part of their peak.
    form.cost.productReach =
        (form.cost.multiplies + form.cost.adds) * form.cost.productLanes / (machine.peakFlops * seconds);
    form.cost.weightBytes = lists->storedBytes();
    // A sum of channels and its scale, columns of all basis kernels, then their rows.
    ArrayRef<int64_t> basis = weight.getBasisType().getShape();
    form.cost.roundings = lists->mostTogether + 1 + lists->bases * basis[2] + basis[1] + 1;
    forms.push_back(std::move(form));
  };
  add(kListForm, /*isRounded=*/false);
  if (mayRound(consumer) && lists->mostTogether <= BasisConvOp::kMostRounded)
    add(kRoundedListForm, /*isRounded=*/true);
  return forms;
}

Value mlir::compress::emitListForm(FactorizedOp weight, StringRef name, const LinearConsumer &consumer,
                                   OpBuilder &builder) {
  std::optional<TernaryLists> lists = TernaryLists::get(weight);
  Location loc = consumer.op->getLoc();
  Type integer = builder.getIntegerType(lists->entryBits());
  auto integers = [&](ArrayRef<int64_t> shape, ArrayRef<uint16_t> numbers) {
    auto type = RankedTensorType::get(shape, integer);
    SmallVector<int8_t> bytes(numbers.begin(), numbers.end());
    ArrayRef<char> raw = integer.isInteger(8)
                             ? ArrayRef(reinterpret_cast<const char *>(bytes.data()), bytes.size())
                             : ArrayRef(reinterpret_cast<const char *>(numbers.data()), 2 * numbers.size());
    return materializeConstant(builder, loc, type, raw);
  };
  int64_t outs = lists->outs, bases = lists->bases;
  Value entries = integers({static_cast<int64_t>(lists->lists.size())}, lists->lists);
  Value counts = integers({outs, bases, 2}, lists->counts);
  SmallVector<int64_t> scaling{1, 1};
  if (lists->scales.size() > 1)
    scaling = {outs, bases};
  Value scales = materializeConstant(builder, loc, RankedTensorType::get(scaling, builder.getF32Type()),
                                     ArrayRef<double>(lists->scales));
  Value basis = materializeConstant(builder, loc, weight.getBasisType(), ArrayRef<double>(lists->basis));
  auto conv = BasisConvOp::create(builder, loc, TypeRange{consumer.init.getType()}, consumer.activation, entries,
                                  counts, scales, basis, consumer.init,
                                  ArrayRef<int64_t>{consumer.dims[2].padLow, consumer.dims[3].padLow},
                                  /*rounded=*/name == kRoundedListForm);
  return conv->getResult(0);
}
