//===- CompressAttributes.cpp - Layouts and schemes -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Compress.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

/// `[0.5, 1.0]`
ParseResult mlir::compress::parseNumbers(AsmParser &parser, DenseF64ArrayAttr &values) {
  SmallVector<double> numbers;
  auto parseOne = [&]() -> ParseResult { return parser.parseFloat(numbers.emplace_back()); };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOne))
    return failure();
  values = DenseF64ArrayAttr::get(parser.getContext(), numbers);
  return success();
}

void mlir::compress::printNumbers(AsmPrinter &printer, DenseF64ArrayAttr values) {
  printer << "[";
  llvm::interleaveComma(values.asArrayRef(), printer, [&](double v) { printer.printFloat(llvm::APFloat(v)); });
  printer << "]";
}

/// `order = [1, 0], tiles = [16, 1], code_bits = 4`, each of them optional.
ParseResult mlir::compress::parseLayout(AsmParser &parser, SmallVectorImpl<int64_t> &order,
                                        SmallVectorImpl<int64_t> &tiles, int64_t &codeBits) {
  codeBits = 0;
  auto parseList = [&](SmallVectorImpl<int64_t> &list) {
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                          [&] { return parser.parseInteger(list.emplace_back()); });
  };
  if (succeeded(parser.parseOptionalKeyword("none")))
    return success();
  do {
    StringRef key;
    llvm::SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return failure();
    bool isNew =
        (key == "order" && order.empty()) || (key == "tiles" && tiles.empty()) || (key == "code_bits" && codeBits == 0);
    if (!isNew)
      return parser.emitError(loc, "expects order, tiles or code_bits, each once");
    if (key == "code_bits" ? parser.parseInteger(codeBits) : parseList(key == "order" ? order : tiles))
      return failure();
  } while (succeeded(parser.parseOptionalComma()));
  return success();
}

void mlir::compress::printLayout(AsmPrinter &printer, ArrayRef<int64_t> order, ArrayRef<int64_t> tiles,
                                 int64_t codeBits) {
  SmallVector<std::string> parts;
  auto list = [](StringRef key, ArrayRef<int64_t> values) {
    return (key + " = [" + llvm::join(llvm::map_range(values, [](int64_t v) { return std::to_string(v); }), ", ") + "]")
        .str();
  };
  if (!order.empty())
    parts.push_back(list("order", order));
  if (!tiles.empty())
    parts.push_back(list("tiles", tiles));
  if (codeBits)
    parts.push_back("code_bits = " + std::to_string(codeBits));
  printer << (parts.empty() ? "none" : llvm::join(parts, ", "));
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> order,
                                 ArrayRef<int64_t> tiles, int64_t codeBits) {
  SmallVector<int64_t> sorted(order);
  llvm::sort(sorted);
  bool isPermutation = sorted == llvm::to_vector(llvm::seq<int64_t>(0, order.size()));
  bool ranksAgree = order.empty() || tiles.empty() || order.size() == tiles.size();
  if (!isPermutation || !ranksAgree || llvm::any_of(tiles, [](int64_t t) { return t < 1; })) // layout C1
    return emitError() << "expects order to be a permutation, and a positive tile for each of its dimensions";
  if (codeBits < 0 || codeBits > 7) // layout C2
    return emitError() << "expects code_bits of 0 to 7, got " << codeBits;
  return success();
}

ShapedType LayoutAttr::getStoredType(ShapedType type) const {
  auto fits = [&](ArrayRef<int64_t> list) {
    return list.empty() || static_cast<int64_t>(list.size()) == type.getRank();
  };
  if (!fits(getOrder()) || !fits(getTiles()))
    return {};
  SmallVector<int64_t> shape =
      getOrder().empty() ? SmallVector<int64_t>(type.getShape()) : applyPermutation(type.getShape(), getOrder());
  SmallVector<int64_t> inner;
  for (auto [d, tile] : llvm::enumerate(getTiles())) {
    if (tile == 1)
      continue;
    shape[d] = ShapedType::isDynamic(shape[d]) ? shape[d] : llvm::divideCeil(shape[d], tile);
    inner.push_back(tile);
  }
  shape.append(inner);
  if (!getCodeBits())
    return type.clone(shape);
  if (!shape.empty() && ShapedType::isStatic(shape.back()))
    shape.back() = llvm::divideCeil(shape.back() * getFieldBits(), 8);
  return type.clone(shape, IntegerType::get(getContext(), 8));
}
