//===- WriteCompressOps.cpp - The dialect's ops as ONNX nodes -------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Target/ONNX/LightONNX.h"
#include "compress/Target/ONNX/WeightWriter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;

std::string ONNXWeightWriter::addBits(StringRef name, ArrayRef<uint8_t> numbers, int64_t bits, MLIRContext *context) {
  int64_t count = static_cast<int64_t>(numbers.size()) * bits, bytes = llvm::divideCeil(count, 8);
  std::string stream(bytes, '\0');
  for (int64_t at = 0; at < count; ++at)
    if (numbers[at / bits] >> (at % bits) & 1)
      stream[at / 8] |= static_cast<char>(1 << (at % 8));
  return addTensor(name, RankedTensorType::get({bytes}, IntegerType::get(context, 8)),
                   ArrayRef<char>(stream.data(), stream.size()), /*isUnsigned=*/true);
}

namespace {

using Attributes = SmallVector<ONNXWeightWriter::Attribute>;

SmallVector<int64_t> asList(ArrayRef<int64_t> values) { return SmallVector<int64_t>(values); }

/// The dimension along which there is a scale for each entry, -1 if there is one scale for all; nullopt for anything
/// else.
std::optional<int64_t> axisOf(ArrayRef<int64_t> codes, ArrayRef<int64_t> scales) {
  int64_t axis = -1;
  for (auto [dim, pair] : llvm::enumerate(llvm::zip_equal(codes, scales))) {
    auto [extent, count] = pair;
    if (count == 1)
      continue;
    if (count != extent || axis >= 0)
      return std::nullopt;
    axis = dim;
  }
  return axis;
}

/// The function makes out x in x taps; another order is a Transpose behind it.
FailureOr<std::string> writeCirculant(CirculantOp op, ONNXWeightWriter &writer, StringRef name) {
  auto params = writer.write(op.getParams(), (name + "/params").str());
  if (failed(params))
    return failure();
  SmallVector<int64_t> dims = op.getRoleDims(), perm(dims.size());
  for (auto [role, dim] : llvm::enumerate(dims))
    perm[dim] = role;
  bool isInOrder = llvm::is_sorted(perm);
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  std::string circulant = writer.addNode(
      op.getDomain() == Domain::time ? "Circulant" : "CirculantSpectrum", /*isFunction=*/true, {*params},
      isInOrder ? name.str() : (name + "/blocks").str(), {{"rows", shape[dims[0]]}, {"cols", shape[dims[1]]}});
  return isInOrder ? circulant : writer.addNode("Transpose", /*isFunction=*/false, {circulant}, name, {{"perm", perm}});
}

/// The raw codes of a constant; failure, after an error, if it is none.
FailureOr<SmallVector<uint8_t>> rawCodes(DequantizeOp op) {
  auto values = constantValues(op.getCodes());
  if (!values)
    return op.emitError("its codes are no constant");
  int64_t bits = op.getCodesType().getElementTypeBitWidth(), most = (int64_t(1) << bits) - 1;
  return llvm::to_vector(
      llvm::map_range(*values, [&](double value) { return static_cast<uint8_t>(static_cast<int64_t>(value) & most); }));
}

/// int8 with a scale for all, or for each entry of a dimension, is what ONNX has an op for.
FailureOr<std::string> writeLinear(DequantizeOp op, ArrayRef<uint8_t> raw, int64_t axis, ONNXWeightWriter &writer,
                                   StringRef name) {
  std::string bytes(raw.begin(), raw.end());
  std::string codes =
      writer.addTensor((name + "/codes").str(), op.getCodesType(), ArrayRef<char>(bytes.data(), bytes.size()));
  auto values = constantValues(op.getScales());
  if (!values)
    return op.emitError("its scales are no constant");
  SmallVector<float> numbers(values->begin(), values->end());
  auto type = RankedTensorType::get(axis < 0 ? ArrayRef<int64_t>() : ArrayRef<int64_t>(int64_t(numbers.size())),
                                    op.getScalesType().getElementType());
  std::string scales =
      writer.addTensor((name + "/scales").str(), type,
                       ArrayRef<char>(reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(float)));
  return writer.addNode("DequantizeLinear", /*isFunction=*/false, {codes, scales}, name,
                        {{"axis", std::max<int64_t>(axis, 0)}});
}

FailureOr<std::string> writeDequantize(DequantizeOp op, ONNXWeightWriter &writer, StringRef name) {
  if (op.getZeros())
    return op.emitError("codes with zero points have no form in ONNX files");
  auto raw = rawCodes(op);
  if (failed(raw))
    return failure();
  ArrayRef<int64_t> shape = op.getCodesType().getShape();
  NumberCodeAttrInterface code = op.getCode();
  auto uniform = dyn_cast<UniformAttr>(Attribute(code));
  auto axis = axisOf(shape, op.getScalesType().getShape());
  if (uniform && uniform.getBits() == 8 && !uniform.getUnsignedCodes() && axis &&
      op.getScalesType().getElementType().isF32())
    return writeLinear(op, *raw, *axis, writer, name);
  auto scales = writer.write(op.getScales(), (name + "/scales").str());
  if (failed(scales))
    return failure();
  SmallVector<float> table;
  for (int64_t i = 0; i < int64_t(1) << code.getNumBits(); ++i)
    table.push_back(static_cast<float>(code.valueOf(i)));
  std::string codes = writer.addBits((name + "/codes").str(), *raw, code.getNumBits(), op.getContext());
  return writer.addNode(
      "Dequantize", /*isFunction=*/true, {codes, *scales}, name,
      {{"shape", asList(shape)}, {"bits", code.getNumBits()}, {"table", table}, {"group", op.getGroupSizes()}});
}

FailureOr<std::string> writeFactorized(FactorizedOp op, ONNXWeightWriter &writer, StringRef name) {
  auto coefficients = writer.write(op.getCoefficients(), (name + "/coefficients").str());
  if (failed(coefficients))
    return failure();
  auto basis = writer.write(op.getBasis(), (name + "/basis").str());
  if (failed(basis))
    return failure();
  ArrayRef<int64_t> c = op.getCoefficientsType().getShape(), b = op.getBasisType().getShape();
  SmallVector<int64_t> product = op.getProductShape(), dims = op.getResultDims();
  int64_t batch = op.getBatch();
  auto sizeOf = [](ArrayRef<int64_t> extents) { return llvm::product_of(extents); };
  auto left = asList(c.take_front(batch)), right = asList(b.take_front(batch));
  left.append({sizeOf(c.drop_front(batch).drop_back()), c.back()});
  right.append({c.back(), sizeOf(b.drop_front(batch + 1))});
  // Dimension i before the order becomes dimension dims[i] of the result.
  SmallVector<int64_t> split(dims.size()), perm(dims.size());
  for (auto [from, to] : llvm::enumerate(dims)) {
    split[from] = op.getResultType().getDimSize(to);
    perm[to] = from;
  }
  auto countsAndSizes = [&](ArrayRef<ReassociationIndices> groups, ArrayRef<int64_t> shape) {
    std::pair<SmallVector<int64_t>, SmallVector<int64_t>> result;
    for (const ReassociationIndices &group : groups) {
      result.first.push_back(group.size());
      int64_t size = 1;
      for (int64_t dim : group)
        size *= shape[dim];
      result.second.push_back(size);
    }
    return result;
  };
  auto [collapse, merged] = countsAndSizes(op.getCollapseGroups(), product);
  auto [expand, cropped] = countsAndSizes(op.getExpandGroups(), split);
  return writer.addNode("Factorized", /*isFunction=*/true, {*coefficients, *basis}, name,
                        {{"batch", batch},
                         {"collapse", collapse},
                         {"expand", expand},
                         {"left", left},
                         {"right", right},
                         {"merged", merged},
                         {"cropped", cropped},
                         {"split", split},
                         {"perm", perm}});
}

FailureOr<std::string> writeUnpack(UnpackOp op, ONNXWeightWriter &writer, StringRef name) {
  auto values = writer.write(op.getValues(), (name + "/values").str());
  auto mask = dyn_cast<DenseElementsAttr>(op.getMask());
  if (failed(values))
    return failure();
  if (!mask)
    return op.emitError("its mask is not at hand");
  SmallVector<uint8_t> bits;
  for (bool bit : mask.getValues<bool>())
    bits.push_back(bit);
  std::string packed = writer.addBits((name + "/mask").str(), bits, 1, op.getContext());
  int64_t rank = op.getResultType().getRank();
  SmallVector<int64_t> perm;
  for (int64_t dim = 0; dim < rank; ++dim)
    perm.append({dim, rank + dim});
  return writer.addNode(
      "Unpack", /*isFunction=*/true, {*values, packed}, name,
      {{"mask_shape", asList(op.getMaskShape())}, {"shape", asList(op.getResultType().getShape())}, {"perm", perm}});
}

struct CompressONNXWeights : ONNXWeightDialectInterface {
  using ONNXWeightDialectInterface::ONNXWeightDialectInterface;

  FailureOr<std::string> write(Operation *op, ONNXWeightWriter &writer, StringRef name) const override {
    return llvm::TypeSwitch<Operation *, FailureOr<std::string>>(op)
        .Case([&](CirculantOp weight) { return writeCirculant(weight, writer, name); })
        .Case([&](DequantizeOp weight) { return writeDequantize(weight, writer, name); })
        .Case([&](FactorizedOp weight) { return writeFactorized(weight, writer, name); })
        .Case([&](UnpackOp weight) { return writeUnpack(weight, writer, name); })
        .Default([&](Operation *) { return op->emitError("has no form in ONNX files"); });
  }
};

} // namespace

void mlir::compress::registerONNXWeightWriters(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *context, CompressDialect *dialect) { dialect->addInterfaces<CompressONNXWeights>(); });
}
