//===- MutateIR.cpp - Mutations of modules in memory -----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MutateIR.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/TypeSwitch.h"
#include <limits>

using namespace mlir;
using namespace mlir::compress::fuzz;

namespace {

/// One random change of one module.
class ModuleMutator {
public:
  ModuleMutator(ModuleOp module, const Corpus &corpus, Random &random)
      : module(module), context(module.getContext()), corpus(corpus), random(random) {
    module.walk([&](Operation *op) {
      if (op != module.getOperation() && !isTransform(op))
        ops.push_back(op);
    });
  }

  void run() {
    if (ops.empty())
      return;
    Operation *op = random.pick(ops);
    switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return mutateInherent(op);
    case 3:
      return setDiscardable(op);
    case 4:
    case 5:
      return replaceExtent();
    case 6:
      return replaceElementType();
    case 7:
      return replaceOperand(op);
    case 8:
      return erase(op);
    case 9:
      return clone(op);
    case 10:
      return splitBlock(op);
    case 11:
      return wrap(op);
    case 12:
      return mutateFunction(op);
    default:
      return move(op);
    }
  }

private:
  /// Transform scripts are programs for an upstream interpreter, which trusts them.
  static bool isTransform(Operation *op) { return op->getName().getDialectNamespace() == "transform"; }

  //===--------------------------------------------------------------------===//
  // Attributes and types
  //===--------------------------------------------------------------------===//

  Attribute mutate(Attribute attr) {
    Builder builder(context);
    return llvm::TypeSwitch<Attribute, Attribute>(attr)
        .Case([&](BoolAttr b) { return builder.getBoolAttr(!b.getValue()); })
        .Case([&](IntegerAttr i) {
          unsigned width = i.getValue().getBitWidth();
          int64_t value = interestingNumber(i.getValue().getSExtValue(), random);
          return IntegerAttr::get(i.getType(), APInt(64, value).sextOrTrunc(width));
        })
        .Case([&](FloatAttr f) { return FloatAttr::get(f.getType(), interestingDouble()); })
        .Case([&](StringAttr) { return builder.getStringAttr(randomWord()); })
        .Case([&](TypeAttr t) { return TypeAttr::get(mutate(t.getValue())); })
        .Case([&](DenseI64ArrayAttr a) { return builder.getDenseI64ArrayAttr(mutate(a.asArrayRef())); })
        .Case([&](ArrayAttr a) { return mutateArray(a); })
        .Case([&](AffineMapAttr m) { return AffineMapAttr::get(mutate(m.getValue())); })
        .Case([&](FlatSymbolRefAttr) { return FlatSymbolRefAttr::get(context, randomWord()); })
        .Case([&](DenseElementsAttr d) { return mutateElements(d); })
        .Default([&](Attribute other) { return mutateByText(other); });
  }

  double interestingDouble() {
    static const double values[] = {0.0,
                                    -0.0,
                                    1.0,
                                    -1.0,
                                    0.5,
                                    1e-310,
                                    1e-45,
                                    3.5e38,
                                    1e300,
                                    1e30,
                                    std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN()};
    return values[random.below(std::size(values))];
  }

  StringRef randomWord() {
    static const char *const odd[] = {"", "main", "a b", "x\n\"y\"", "\xff\xfe", "%s%n", "0"};
    return random.chance(30) ? StringRef(odd[random.below(std::size(odd))]) : StringRef(random.pick(corpus.plain));
  }

  SmallVector<int64_t> mutate(ArrayRef<int64_t> values) {
    SmallVector<int64_t> result(values);
    size_t at = random.below(result.size());
    if (result.empty() || random.chance(15))
      result.push_back(static_cast<int64_t>(random.below(5)));
    else if (random.chance(15))
      result.erase(result.begin() + at);
    else if (random.chance(25))
      std::swap(result[at], result[random.below(result.size())]);
    else
      result[at] = interestingNumber(result[at], random);
    return result;
  }

  Attribute mutateArray(ArrayAttr array) {
    SmallVector<Attribute> elements(array.getValue());
    if (elements.empty())
      return Builder(context).getArrayAttr({UnitAttr::get(context)});
    size_t at = random.below(elements.size());
    if (random.chance(15))
      elements.erase(elements.begin() + at);
    else if (random.chance(15))
      elements.push_back(elements[at]);
    else if (random.chance(20))
      std::swap(elements[at], elements[random.below(elements.size())]);
    else if (Attribute changed = mutate(elements[at]))
      elements[at] = changed;
    return ArrayAttr::get(context, elements);
  }

  AffineMap mutate(AffineMap map) {
    SmallVector<AffineExpr> results(map.getResults());
    if (results.empty())
      return map;
    size_t at = random.below(results.size());
    AffineExpr dim = map.getNumDims() ? getAffineDimExpr(random.below(map.getNumDims()), context)
                                      : getAffineConstantExpr(0, context);
    switch (random.below(6)) {
    case 0:
      std::swap(results[at], results[random.below(results.size())]);
      break;
    case 1:
      results[at] = dim;
      break;
    case 2:
      results[at] = results[at] + dim;
      break;
    case 3:
      results[at] = dim.floorDiv(1 + random.below(5));
      break;
    case 4:
      results[at] = dim % (1 + random.below(5));
      break;
    default:
      results[at] = getAffineConstantExpr(0, context);
    }
    return AffineMap::get(map.getNumDims(), map.getNumSymbols(), results, context);
  }

  Attribute mutateElements(DenseElementsAttr dense) {
    Type element = dense.getElementType();
    if (isa<FloatType>(element))
      return DenseElementsAttr::get(dense.getType(), Attribute(FloatAttr::get(element, interestingDouble())));
    if (element.isIntOrIndex()) {
      unsigned width = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
      return DenseElementsAttr::get(dense.getType(), APInt(64, interestingNumber(1, random)).sextOrTrunc(width));
    }
    return dense;
  }

  /// Any attribute of ours: printed, mutated as text, parsed again.
  Attribute mutateByText(Attribute attr) {
    std::string text;
    llvm::raw_string_ostream(text) << attr;
    Attribute parsed = parseAttribute(mutateText(text, corpus, random), context);
    return parsed ? parsed : attr;
  }

  /// False for vectors and arrays of C++: their builders take any extents, their parsers do not.
  static bool mayBeDynamic(Type type) { return isa<RankedTensorType, MemRefType>(type); }

  Type mutate(Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped || !shaped.hasRank())
      return random.chance(50) ? Type(Float64Type::get(context))
                               : Type(IntegerType::get(context, 1 + random.below(64)));
    SmallVector<int64_t> shape(shaped.getShape());
    size_t at = random.below(shape.size());
    if (shape.empty() || random.chance(10))
      shape.insert(shape.begin() + at, static_cast<int64_t>(1 + random.below(4)));
    else if (random.chance(10))
      shape.erase(shape.begin() + at);
    else if (random.chance(30))
      shape[at] = ShapedType::kDynamic;
    else
      shape[at] = interestingExtent(shape[at] < 0 ? 4 : shape[at], random);
    if (isa<RankedTensorType>(type) && random.chance(10))
      return RankedTensorType::get(shape, shaped.getElementType(), StringAttr::get(context, "encoding"));
    if (auto memref = dyn_cast<MemRefType>(type); memref && random.chance(20))
      return MemRefType::get(
          shape, shaped.getElementType(),
          StridedLayoutAttr::get(context, random.below(9), SmallVector<int64_t>(shape.size(), 1 + random.below(9))));
    if (!mayBeDynamic(type) && llvm::any_of(shape, [](int64_t e) { return e < 1; }))
      return type;
    return shaped.cloneWith(shape, shaped.getElementType());
  }

  void mutateInherent(Operation *op) {
    auto inherent = dyn_cast_or_null<DictionaryAttr>(op->getPropertiesAsAttribute());
    if (!inherent || inherent.empty())
      return mutateResultType(op);
    SmallVector<NamedAttribute> attrs(inherent.getValue());
    size_t at = random.below(attrs.size());
    if (attrs[at].getName() == "operandSegmentSizes" || attrs[at].getName() == "sym_name")
      return;
    if (random.chance(10))
      attrs.erase(attrs.begin() + at);
    else if (Attribute changed = mutate(attrs[at].getValue()))
      attrs[at].setValue(changed);
    (void)op->setPropertiesFromAttribute(DictionaryAttr::get(context, attrs), [&] { return op->emitError(); });
  }

  void mutateResultType(Operation *op) {
    if (op->getNumResults())
      op->getResult(random.below(op->getNumResults())).setType(mutate(op->getResult(0).getType()));
  }

  /// A discardable attribute of this project's passes, of any kind, at an op, an argument or a result.
  void setDiscardable(Operation *op) {
    if (corpus.attributes.empty())
      return;
    Builder builder(context);
    Attribute values[] = {builder.getUnitAttr(),
                          builder.getStringAttr(randomWord()),
                          builder.getBoolAttr(false),
                          builder.getI64IntegerAttr(interestingNumber(64, random)),
                          builder.getDenseI64ArrayAttr(mutate(ArrayRef<int64_t>{64, 128})),
                          builder.getDenseI64ArrayAttr({}),
                          builder.getF32FloatAttr(1.0f)};
    StringRef name = random.pick(corpus.attributes);
    Attribute value = values[random.below(std::size(values))];
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      function = op->getParentOfType<func::FuncOp>();
    if (!function)
      return;
    if (random.chance(50) && function.getNumArguments())
      function.setArgAttr(random.below(function.getNumArguments()), name, value);
    else if (random.chance(40) && function.getNumResults())
      function.setResultAttr(random.below(function.getNumResults()), name, value);
    else
      (random.chance(50) ? function.getOperation() : op)->setDiscardableAttr(name, value);
  }

  /// Every extent that equals one of some type becomes another, in types, constants and arrays of numbers.
  void replaceExtent() {
    SmallVector<int64_t> extents;
    for (Operation *op : ops)
      for (Value value :
           llvm::concat<Value>(SmallVector<Value>(op->getOperands()), SmallVector<Value>(op->getResults())))
        if (auto shaped = dyn_cast<ShapedType>(value.getType()); shaped && shaped.hasRank())
          llvm::append_range(extents, shaped.getShape());
    if (extents.empty())
      return;
    int64_t from = random.pick(extents);
    int64_t to = random.chance(25) ? ShapedType::kDynamic : interestingExtent(from < 0 ? 4 : from, random);
    auto change = [from, to](ArrayRef<int64_t> values) {
      SmallVector<int64_t> result(values);
      std::replace(result.begin(), result.end(), from, to);
      return result;
    };
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](ShapedType type) -> std::optional<std::pair<Type, WalkResult>> {
      if (!type.hasRank() || !llvm::is_contained(type.getShape(), from) || !mayBeDynamic(type))
        return std::nullopt;
      return std::make_pair(Type(type.cloneWith(change(type.getShape()), type.getElementType())), WalkResult::skip());
    });
    replacer.addReplacement([&](DenseI64ArrayAttr attr) -> Attribute {
      return DenseI64ArrayAttr::get(context, change(attr.asArrayRef()));
    });
    addElementsReplacement(replacer, [&](ShapedType type) {
      return cast<ShapedType>(type.cloneWith(change(type.getShape()), type.getElementType()));
    });
    replaceAll(replacer);
  }

  void replaceAll(AttrTypeReplacer &replacer) {
    for (Operation &op : *module.getBody())
      if (!isTransform(&op))
        replacer.recursivelyReplaceElementsIn(&op, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  }

  void replaceElementType() {
    Type from = Float32Type::get(context);
    Type others[] = {Float64Type::get(context), Float16Type::get(context), BFloat16Type::get(context),
                     IntegerType::get(context, 8), IntegerType::get(context, 4)};
    Type to = others[random.chance(60) ? 0 : random.below(std::size(others))];
    AttrTypeReplacer replacer;
    replacer.addReplacement([from, to](FloatType type) -> Type { return type == from ? to : Type(type); });
    replacer.addReplacement([from, to](FloatAttr attr) -> std::optional<std::pair<Attribute, WalkResult>> {
      bool isChanged = attr.getType() == from && isa<FloatType>(to);
      return std::make_pair(isChanged ? FloatAttr::get(to, attr.getValueAsDouble()) : attr, WalkResult::skip());
    });
    addElementsReplacement(replacer, [from, to](ShapedType type) {
      return type.getElementType() == from ? cast<ShapedType>(type.cloneWith(type.getShape(), to)) : type;
    });
    replaceAll(replacer);
  }

  /// Constants whose type changes become a splat of it.
  void addElementsReplacement(AttrTypeReplacer &replacer, std::function<ShapedType(ShapedType)> change) {
    replacer.addReplacement([change](DenseElementsAttr attr) -> std::optional<std::pair<Attribute, WalkResult>> {
      ShapedType type = change(attr.getType());
      if (type == attr.getType() || !type.hasStaticShape())
        return std::make_pair(Attribute(attr), WalkResult::skip());
      Attribute one = isa<FloatType>(type.getElementType())  ? Attribute(FloatAttr::get(type.getElementType(), 1.5))
                      : type.getElementType().isIntOrIndex() ? Attribute(IntegerAttr::get(type.getElementType(), 1))
                                                             : Attribute();
      return std::make_pair(one ? Attribute(DenseElementsAttr::get(type, one)) : Attribute(attr), WalkResult::skip());
    });
  }

  //===--------------------------------------------------------------------===//
  // Structure
  //===--------------------------------------------------------------------===//

  void replaceOperand(Operation *op) {
    if (op->getNumOperands() == 0)
      return;
    OpOperand &operand = op->getOpOperand(random.below(op->getNumOperands()));
    SmallVector<Value> values;
    for (Operation *other : ops)
      llvm::append_range(values, other->getResults());
    if (auto function = op->getParentOfType<func::FuncOp>(); function && !function.isExternal())
      llvm::append_range(values, function.getArguments());
    bool sameType = random.chance(85);
    llvm::erase_if(values, [&](Value value) {
      return value == operand.get() || (sameType && value.getType() != operand.get().getType());
    });
    if (!values.empty())
      operand.set(random.pick(values));
  }

  static bool isPlain(Operation *op) {
    return op->getNumRegions() == 0 && !op->hasTrait<OpTrait::IsTerminator>() && op->getParentOfType<func::FuncOp>();
  }

  /// Erases `op`; a value of the same type takes the place of each result.
  void erase(Operation *op) {
    auto function = op->getParentOfType<func::FuncOp>();
    if (!function || op->hasTrait<OpTrait::IsTerminator>())
      return;
    for (Value result : op->getResults()) {
      Value other;
      for (Value argument : function.getArguments())
        if (argument.getType() == result.getType())
          other = argument;
      for (Value operand : op->getOperands())
        if (operand.getType() == result.getType())
          other = operand;
      if (!other && !result.use_empty())
        return;
      if (other)
        result.replaceAllUsesWith(other);
    }
    op->erase();
  }

  void clone(Operation *op) {
    if (!isPlain(op) && !isa<func::FuncOp>(op))
      return;
    OpBuilder builder(op);
    Operation *copy = builder.clone(*op);
    if (auto function = dyn_cast<func::FuncOp>(copy))
      function.setName(("f" + Twine(random.below(1000))).str());
    else if (random.chance(70))
      for (auto [was, is] : llvm::zip(op->getResults(), copy->getResults()))
        for (OpOperand &use : llvm::make_early_inc_range(was.getUses()))
          if (random.chance(50))
            use.set(is);
  }

  /// The function of `op` gets a second block, from `op` on.
  void splitBlock(Operation *op) {
    if (!isPlain(op) || !isa<func::FuncOp>(op->getParentOp()))
      return;
    context->getOrLoadDialect<cf::ControlFlowDialect>();
    Block *before = op->getBlock(), *after = before->splitBlock(op);
    OpBuilder builder = OpBuilder::atBlockEnd(before);
    cf::BranchOp::create(builder, op->getLoc(), after);
  }

  /// Puts `op` into a region that yields its results.
  void wrap(Operation *op) {
    if (!isPlain(op))
      return;
    context->getOrLoadDialect<scf::SCFDialect>();
    OpBuilder builder(op);
    auto region = scf::ExecuteRegionOp::create(builder, op->getLoc(), op->getResultTypes());
    op->replaceAllUsesWith(region->getResults());
    Block &block = region.getRegion().emplaceBlock();
    op->moveBefore(&block, block.end());
    builder.setInsertionPointToEnd(&block);
    scf::YieldOp::create(builder, op->getLoc(), op->getResults());
  }

  void mutateFunction(Operation *op) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      function = op->getParentOfType<func::FuncOp>();
    if (!function)
      return;
    switch (random.below(4)) {
    case 0:
      return function.setPrivate();
    case 1:
      return function.setName("main");
    case 2: // a declaration
      function.eraseBody();
      return function.setPrivate();
    default: { // a module within the module
      OpBuilder builder(function);
      auto inner = ModuleOp::create(builder, function.getLoc());
      function->moveBefore(inner.getBody(), inner.getBody()->end());
    }
    }
  }

  void move(Operation *op) {
    Operation *other = random.pick(ops);
    if (isPlain(op) && op != other && isPlain(other))
      op->moveBefore(other);
  }

  ModuleOp module;
  MLIRContext *context;
  const Corpus &corpus;
  Random &random;
  SmallVector<Operation *> ops;
};

} // namespace

void mlir::compress::fuzz::forgetMemoizedMaps(ModuleOp module) {
  module.walk([](linalg::LinalgOp op) { op->removeAttr("linalg.memoized_indexing_maps"); });
}

OwningOpRef<ModuleOp> mlir::compress::fuzz::mutateModule(OwningOpRef<ModuleOp> module, const Corpus &corpus,
                                                         Random &random, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    OwningOpRef<ModuleOp> changed = cast<ModuleOp>((*module)->clone());
    ModuleMutator(*changed, corpus, random).run();
    forgetMemoizedMaps(*changed);
    if (succeeded(verify(*changed)))
      module = std::move(changed);
  }
  return module;
}
