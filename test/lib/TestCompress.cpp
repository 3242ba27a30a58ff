//===- TestCompress.cpp - A representation for tests ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestCompress.h"
#include "compress/Dialect/Compress/IR/BytecodeVersion.h"
#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Dialect/Compress/IR/SchemeNames.h"
#include "compress/Dialect/Compress/IR/Slices.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::test;

#include "TestCompressDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "TestCompressAttributes.cpp.inc"
#define GET_OP_CLASSES
#include "TestCompressOps.cpp.inc"

/// Version 1 to 2: what `negated` said becomes an op.
static LogicalResult negateDiagonals(Operation *root) {
  root->walk([](DiagonalOp diagonal) {
    if (!diagonal->removeAttr("negated"))
      return;
    OpBuilder builder(diagonal);
    Value negated = arith::NegFOp::create(builder, diagonal.getLoc(), diagonal.getDiagonal());
    diagonal.getDiagonalMutable().assign(negated);
  });
  return success();
}

static constexpr UpgradeStep kUpgradeSteps[] = {{1, negateDiagonals}};

namespace {

struct TestSchemeNames : SchemeNamesDialectInterface {
  using SchemeNamesDialectInterface::SchemeNamesDialectInterface;

  ArrayRef<SchemeName> getSchemeNames() const override { return name; }

  SchemeName name{"diagonal", {}, [](MLIRContext *context, const SchemeArguments &, std::string &) -> Attribute {
                    return FitDiagonalAttr::get(context);
                  }};
};

} // namespace

void TestCompressDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "TestCompressOps.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "TestCompressAttributes.cpp.inc"
      >();
  addInterface(std::make_unique<VersionedBytecodeInterface>(this, /*current=*/2, kUpgradeSteps));
  addInterface(std::make_unique<TestSchemeNames>(this));
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

LogicalResult DiagonalOp::verify() {
  int64_t n = typeOf(getDiagonal()).getNumElements();
  auto expected = RankedTensorType::get({n, n}, typeOf(getDiagonal()).getElementType());
  if (typeOf(getDiagonal()).getRank() != 1 || getType() != expected)
    return emitOpError("expects a vector and a square matrix of its extent");
  if (typeOf(getDiagonal()).getDimSize(0) >= int64_t(1) << 31) // a square is counted in 64 bits
    return emitOpError("expects fewer than 2^31 numbers");
  return success();
}

/// Zeros n x (n+1), flattened; every (n+1)-th number is on the diagonal: no index arithmetic in any map.
Value DiagonalOp::expand(OpBuilder &builder) {
  Location loc = getLoc();
  int64_t n = typeOf(getDiagonal()).getNumElements();
  Type element = typeOf(getDiagonal()).getElementType();
  auto index = [&](int64_t v) -> OpFoldResult { return builder.getIndexAttr(v); };
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
  Value wide = tensor::EmptyOp::create(builder, loc, {n, n + 1}, element);
  wide = linalg::FillOp::create(builder, loc, zero, wide).getResult(0);
  auto columnType = RankedTensorType::get({n, 1}, element);
  Value column =
      tensor::ExpandShapeOp::create(builder, loc, columnType, getDiagonal(), SmallVector<ReassociationIndices>{{0, 1}});
  wide = emitInsertSlice(builder, loc, column, wide, {index(0), index(0)}, {index(n), index(1)}, {index(1), index(1)});
  Value flat = tensor::CollapseShapeOp::create(builder, loc, wide, SmallVector<ReassociationIndices>{{0, 1}});
  Value cropped = emitExtractSlice(builder, loc, flat, {index(0)}, {index(n * n)}, {index(1)});
  return tensor::ExpandShapeOp::create(builder, loc, getType(), cropped, SmallVector<ReassociationIndices>{{0, 1}});
}

SmallVector<Value> DiagonalOp::pullback(OpBuilder &builder, Value gradient) {
  Location loc = getLoc();
  int64_t n = typeOf(getDiagonal()).getNumElements();
  auto index = [&](int64_t v) -> OpFoldResult { return builder.getIndexAttr(v); };
  Value flat = tensor::CollapseShapeOp::create(builder, loc, gradient, SmallVector<ReassociationIndices>{{0, 1}});
  return {emitExtractSlice(builder, loc, flat, {index(0)}, {index(n)}, {index(n + 1)})};
}

int64_t DiagonalOp::storedBits() {
  return typeOf(getDiagonal()).getNumElements() * typeOf(getDiagonal()).getElementTypeBitWidth();
}

SmallVector<Form> DiagonalOp::forms(const LinearConsumer &consumer, const Machine &, std::string &whyNot) {
  if (llvm::is_contained(consumer.roles, Role::Tap) || consumer.inDim != consumer.outDim || consumer.dims.size() != 2) {
    whyNot = "a diagonal is multiplied into the columns of a matrix only";
    return {};
  }
  Form form{"scale", {}};
  form.cost.multiplies = form.cost.adds = typeOf(getDiagonal()).getNumElements();
  form.cost.weightBytes = storedBits() / 8;
  form.cost.roundings = 1;
  return {form};
}

Value DiagonalOp::emitForm(StringRef, const LinearConsumer &consumer, OpBuilder &builder) {
  AffineMap identity = builder.getMultiDimIdentityMap(2);
  AffineMap column = AffineMap::get(2, 0, builder.getAffineDimExpr(consumer.inDim));
  SmallVector<utils::IteratorType> parallel(2, utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, getLoc(), consumer.resultType(),
                                   ValueRange{consumer.activation, getDiagonal()}, consumer.init,
                                   {identity, column, identity}, parallel,
                                   [](OpBuilder &b, Location l, ValueRange args) {
                                     Value product = arith::MulFOp::create(b, l, args[0], args[1]);
                                     Value sum = arith::AddFOp::create(b, l, args[2], product);
                                     linalg::YieldOp::create(b, l, sum);
                                   })
      .getResult(0);
}

FailureOr<Value> FitDiagonalAttr::fit(OpBuilder &builder, Location loc, const DenseWeight &weight,
                                      std::string &whyNot) const {
  ArrayRef<int64_t> shape = weight.type.getShape();
  if (shape.size() != 2 || shape[0] != shape[1]) {
    whyNot = "only a square matrix has a diagonal";
    return failure();
  }
  SmallVector<double> diagonal;
  for (int64_t i = 0; i < shape[0]; ++i)
    diagonal.push_back(weight.values[i * shape[0] + i]);
  auto type = RankedTensorType::get({shape[0]}, weight.type.getElementType());
  Value params = materializeConstant(builder, loc, type, diagonal);
  return DiagonalOp::create(builder, loc, weight.type, params).getResult();
}

namespace mlir::compress::test {
void registerTestDialect(DialectRegistry &registry) { registry.insert<TestCompressDialect>(); }
} // namespace mlir::compress::test
