//===- ShrinkConstants.cpp - Store constants in fewer bytes ----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   memref.global @b : memref<64xf32> = dense<0.5>         memref.global @b : memref<64xf16> = dense<0.5>
//   %b = memref.get_global @b : memref<64xf32>         =>  %b = memref.get_global @b : memref<64xf16>
//   %x = affine.load %b[%i] : memref<64xf32>               %h = affine.load %b[%i] : memref<64xf16>
//                                                          %x = the f32 with the bits of %h
//
//===----------------------------------------------------------------------===//

#include "compress/Dialect/Compress/IR/Constants.h"
#include "compress/Target/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::compress {
#define GEN_PASS_DEF_SHRINKCONSTANTSPASS
#include "compress/Target/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static APFloat toHalf(double value, bool &isInexact) {
  APFloat half(value);
  half.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &isInexact);
  return half;
}

/// True if an f16 is `value`.
static bool isHalf(double value) {
  bool isInexact;
  return toHalf(value, isInexact).isFinite() && !isInexact;
}

/// Numbers of fewer bits.
struct Storage {
  Type type;
  /// Of integers: whether the highest bit is a sign.
  bool isSigned = false;
};

/// The type of fewest bytes that has all of `values` exactly; nullopt if that is `type`.
static std::optional<Storage> storageFor(Type type, ArrayRef<double> values) {
  MLIRContext *context = type.getContext();
  if (type.isF32())
    return llvm::all_of(values, isHalf) ? std::optional(Storage{Float16Type::get(context)}) : std::nullopt;
  if (!type.isInteger(32) || values.empty())
    return std::nullopt;
  auto [least, most] = std::minmax_element(values.begin(), values.end());
  bool isSigned = *least < 0;
  for (unsigned bits : {8, 16}) {
    auto low = static_cast<int64_t>(*least), high = static_cast<int64_t>(*most);
    if (isSigned ? llvm::isIntN(bits, low) && llvm::isIntN(bits, high) : llvm::isUIntN(bits, high))
      return Storage{IntegerType::get(context, bits), isSigned};
  }
  return std::nullopt;
}

static ElementsAttr elementsOf(RankedTensorType type, ArrayRef<double> values) {
  unsigned width = type.getElementTypeBitWidth() / 8;
  SmallVector<char> bytes(values.size() * width);
  for (auto [i, value] : llvm::enumerate(values)) {
    bool isInexact;
    uint64_t raw = type.getElementType().isF16() ? toHalf(value, isInexact).bitcastToAPInt().getZExtValue()
                                                 : static_cast<uint64_t>(static_cast<int64_t>(value));
    for (unsigned b = 0; b < width; ++b)
      bytes[i * width + b] = static_cast<char>(raw >> 8 * b);
  }
  return constantElements(type, bytes);
}

/// `element`, or vectors of it of the shape of `like`.
static Type shapedLike(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(vector.clone(element)) : element;
}

static MemRefType withElements(Type type, Type element) {
  return cast<MemRefType>(cast<MemRefType>(type).clone(element));
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

static bool isLoad(Operation *op) {
  return isa<affine::AffineLoadOp, affine::AffineVectorLoadOp, memref::LoadOp, vector::LoadOp>(op);
}

/// A view whose type follows from that of its buffer and its own operands, none of which is of elements.
static bool isView(Operation *op) {
  return isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp, memref::CastOp>(op);
}

/// True if all that happens to `buffer` is loads, of it or of views of it.
static bool isOnlyLoaded(Value buffer) {
  return llvm::all_of(buffer.getUsers(), [](Operation *user) {
    return isLoad(user) || (isView(user) && isOnlyLoaded(user->getResult(0)));
  });
}

namespace {

class LoadRewriter {
public:
  LoadRewriter(MLIRContext *context, Storage storage) : builder(context), storage(storage) {}

  /// Makes users of `buffer` users of `narrow`, the same numbers in fewer bytes.
  void replace(Value buffer, Value narrow) {
    for (Operation *user : llvm::make_early_inc_range(buffer.getUsers())) {
      builder.setInsertionPoint(user);
      IRMapping mapping;
      mapping.map(buffer, narrow);
      Value result = user->getResult(0), clone = builder.clone(*user, mapping)->getResult(0);
      if (isView(user)) {
        clone.setType(withElements(result.getType(), storage.type));
        replace(result, clone);
      } else {
        clone.setType(shapedLike(result.getType(), storage.type));
        result.replaceAllUsesWith(widened(user->getLoc(), clone, result.getType()));
      }
      user->erase();
    }
  }

private:
  Value widened(Location loc, Value narrow, Type type) {
    if (storage.type.isF16())
      return floatOf(loc, narrow, type);
    return storage.isSigned ? arith::ExtSIOp::create(builder, loc, type, narrow).getResult()
                            : arith::ExtUIOp::create(builder, loc, type, narrow).getResult();
  }

  /// The f32 of an f16 by its bits, of which `arith.extf` makes a call on processors without F16C. Fraction and
  /// exponent move into their places, and the exponent by the difference of the biases, 127 - 15. That is one too few
  /// for exponent 0, of zero and subnormal numbers, which have no 1 before the point: 2^-14 is taken off again. No step
  /// has a subnormal f32, which a caller's thread may have switched off.
  Value floatOf(Location loc, Value half, Type type) {
    constexpr int64_t kMagnitude = 0x7fff, kSign = 0x8000, kFraction = 23 - 10, kBias = int64_t(127 - 15) << 23;
    Type word = shapedLike(type, builder.getI32Type());
    auto constant = [&](TypedAttr attr, Type of) -> Value {
      auto shaped = dyn_cast<VectorType>(of);
      return arith::ConstantOp::create(builder, loc, shaped ? TypedAttr(DenseElementsAttr::get(shaped, attr)) : attr);
    };
    auto integer = [&](int64_t value) { return constant(builder.getI32IntegerAttr(value), word); };
    auto number = [&](double value) { return constant(builder.getF32FloatAttr(value), type); };
    Value bits = arith::BitcastOp::create(builder, loc, shapedLike(type, builder.getI16Type()), half);
    bits = arith::ExtUIOp::create(builder, loc, word, bits);
    Value magnitude = arith::AndIOp::create(builder, loc, bits, integer(kMagnitude));
    Value hasNoOne = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult, magnitude, integer(1 << 10));
    Value bias = arith::SelectOp::create(builder, loc, hasNoOne, integer(kBias + (1 << 23)), integer(kBias));
    magnitude = arith::ShLIOp::create(builder, loc, magnitude, integer(kFraction));
    magnitude = arith::BitcastOp::create(builder, loc, type, arith::AddIOp::create(builder, loc, magnitude, bias));
    Value one = arith::SelectOp::create(builder, loc, hasNoOne, number(std::ldexp(1.0, -14)), number(0));
    magnitude = arith::SubFOp::create(builder, loc, magnitude, one);
    Value sign = arith::AndIOp::create(builder, loc, bits, integer(kSign));
    sign = arith::ShLIOp::create(builder, loc, sign, integer(16));
    Value both = arith::OrIOp::create(builder, loc, arith::BitcastOp::create(builder, loc, word, magnitude), sign);
    return arith::BitcastOp::create(builder, loc, type, both);
  }

  OpBuilder builder;
  Storage storage;
};

struct ShrinkConstantsPass : compress::impl::ShrinkConstantsPassBase<ShrinkConstantsPass> {
  using Base = compress::impl::ShrinkConstantsPassBase<ShrinkConstantsPass>;
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::MapVector<memref::GlobalOp, SmallVector<memref::GetGlobalOp>> gets;
    SymbolTableCollection symbols;
    module.walk([&](memref::GetGlobalOp get) {
      if (auto global = symbols.lookupNearestSymbolFrom<memref::GlobalOp>(get, get.getNameAttr()))
        gets[global].push_back(get);
    });
    for (auto &[global, uses] : gets)
      if (global.getConstant() && global.isPrivate() &&
          llvm::all_of(uses, [](memref::GetGlobalOp get) { return isOnlyLoaded(get.getResult()); }))
        shrink(global, uses);
    for (memref::GlobalOp global : llvm::to_vector(module.getOps<memref::GlobalOp>()))
      if (global.getConstant() && global.isPrivate())
        dropAlignment(global);
  }

private:
  /// Loads need no more alignment than that of a number; what is short would be padding for the most part.
  void dropAlignment(memref::GlobalOp global) {
    constexpr int64_t kLeastAlignedBytes = 1024;
    MemRefType type = global.getType();
    int64_t width = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    if (type.getNumElements() * width >= kLeastAlignedBytes)
      return;
    global.setAlignmentAttr(OpBuilder(&getContext()).getI64IntegerAttr(llvm::PowerOf2Ceil(width)));
    global->moveBefore(getOperation().getBody(), getOperation().getBody()->end());
  }

  void shrink(memref::GlobalOp global, ArrayRef<memref::GetGlobalOp> gets) {
    MemRefType type = global.getType();
    auto tensor = RankedTensorType::get(type.getShape(), type.getElementType());
    auto values = constantValues(global.getConstantInitValue(), tensor);
    auto storage = values ? storageFor(type.getElementType(), *values) : std::nullopt;
    if (!storage)
      return;
    MemRefType narrow = withElements(type, storage->type);
    global.setTypeAttr(TypeAttr::get(narrow));
    global.setInitialValueAttr(elementsOf(cast<RankedTensorType>(tensor.clone(storage->type)), *values));
    LoadRewriter rewriter(&getContext(), *storage);
    for (memref::GetGlobalOp get : gets) {
      OpBuilder builder(get);
      auto narrowed = memref::GetGlobalOp::create(builder, get.getLoc(), narrow, get.getName());
      rewriter.replace(get.getResult(), narrowed.getResult());
      get.erase();
    }
    ++numShrunk;
  }
};

} // namespace
