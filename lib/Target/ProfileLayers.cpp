//===- ProfileLayers.cpp - Count the ticks of each layer -------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
//   affine.for … loc("fc1")               %t0 = read counter
//   affine.for … loc("fc1")         =>    affine.for …  affine.for …
//   affine.for … loc("relu")              %t1 = read counter;  %ticks[0] += %t1 - %t0
//                                         affine.for …
//                                         %t2 = read counter;  %ticks[1] += %t2 - %t1
//
//===----------------------------------------------------------------------===//

#include "CProfile.h"
#include "compress/Target/CInterface.h"
#include "compress/Target/Passes.h"
#include "compress/Target/Variants.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::compress {
#define GEN_PASS_DEF_PROFILELAYERSPASS
#include "compress/Target/Passes.h.inc"
} // namespace mlir::compress

using namespace mlir;
using namespace mlir::compress;

namespace {

/// The rows of a profile, by the names of layers.
class Rows {
public:
  explicit Rows(ArrayRef<Layer> predicted) {
    for (const Layer &layer : predicted)
      known[layer.name] = layer;
  }

  /// Adds the layers of a function. They are in the order in which they end in the first one: a fill may come early.
  void add(func::FuncOp function) {
    bool isFirst = names.empty();
    forEachPart(function.getBody().front(), [&](Operation &op) {
      std::string name = layerAt(op);
      if (name.empty())
        return;
      auto place = llvm::find(names, name);
      if (isFirst && place != names.end())
        names.erase(place);
      if (isFirst || place == names.end())
        names.push_back(name);
      addFused(op, name);
    });
  }

  /// True if `op` is a loop that runs several layers one after the other, as one over samples does.
  bool runsLayers(Operation &op) const {
    auto loop = dyn_cast<LoopLikeOpInterface>(op);
    if (!loop || loop.getLoopRegions().size() != 1)
      return false;
    llvm::StringSet<> inside;
    for (Operation &inner : loop.getLoopRegions()[0]->front())
      if (std::string name = layerAt(inner); !name.empty())
        inside.insert(name);
    return inside.size() > 1;
  }

  /// The row of an op; -1 if it computes nothing or has no name.
  int64_t rowOf(Operation &op) const {
    std::string name = layerAt(op);
    return name.empty() ? -1 : llvm::find(names, name) - names.begin();
  }

  SmallVector<Layer> layers() const {
    return llvm::map_to_vector(names, [&](const std::string &name) {
      Layer layer = known.contains(name) ? known.lookup(name) : Layer{name, "", {}, {}, {}};
      if (auto found = fused.find(name); found != fused.end())
        layer.fused = found->second;
      return layer;
    });
  }

private:
  /// Visits the ops of `block`, and instead of a loop that runs several layers those of its body.
  void forEachPart(Block &block, function_ref<void(Operation &)> visit) const {
    for (Operation &op : block)
      if (runsLayers(op))
        forEachPart(op.getRegion(0).front(), visit);
      else
        visit(op);
  }

  /// The name of the layer that an op computes for; empty if there is none. What is no layer, as far as the
  /// cost model knows, has a name nevertheless, unless it is that of the function.
  std::string layerAt(Operation &op) const {
    if (isMemoryEffectFree(&op) || op.hasTrait<OpTrait::IsTerminator>())
      return "";
    std::string name = layerOf(op.getLoc());
    return known.contains(name) || name != layerOf(op.getParentOfType<func::FuncOp>().getLoc()) ? name : "";
  }

  /// Constants move, and are shared; any other op inside of a loop is work of its own layer. A call of a kernel has the
  /// names of all of them.
  void addFused(Operation &op, const std::string &layer) {
    op.walk([&](Operation *inner) {
      if (inner->hasTrait<OpTrait::ConstantLike>())
        return;
      SmallVector<Location> parts{inner->getLoc()};
      if (auto fusedLoc = dyn_cast<FusedLoc>(inner->getLoc()); fusedLoc && isa<func::CallOp>(inner))
        parts.assign(fusedLoc.getLocations().begin(), fusedLoc.getLocations().end());
      for (Location part : parts)
        if (std::string name = layerOf(part);
            name != layer && known.contains(name) && !llvm::is_contained(fused[layer], name))
          fused[layer].push_back(name);
    });
  }

  llvm::StringMap<Layer> known;
  SmallVector<std::string> names;
  llvm::StringMap<SmallVector<std::string>> fused;
};

/// Adds the counting to one function whose arena is planned.
class Instrumenter {
public:
  Instrumenter(func::FuncOp function, const CProfile &profile)
      : function(function), profile(profile), builder(function) {}

  void run(const Rows &rows) {
    moveArena();
    Block &body = function.getBody().front();
    builder.setInsertionPointToStart(&body);
    Value zero = arith::ConstantIndexOp::create(builder, function.getLoc(), 0);
    auto type = MemRefType::get({static_cast<int64_t>(profile.layers.size()) + 1}, builder.getI64Type());
    ticks =
        memref::ViewOp::create(builder, function.getLoc(), type, function.getArguments().back(), zero, ValueRange());
    count(body, rows);
  }

private:
  /// Counts the ops of `block`, at whose begin and end no row does.
  void count(Block &block, const Rows &rows) {
    int64_t current = -1;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (isMemoryEffectFree(&op) && !op.hasTrait<OpTrait::IsTerminator>())
        continue;
      bool isLoop = rows.runsLayers(op);
      int64_t row = isLoop ? -1 : rows.rowOf(op);
      if (row != current)
        change(&op, current, row);
      current = row;
      if (isLoop)
        count(op.getRegion(0).front(), rows);
    }
  }

  /// Moves the arena behind the numbers.
  void moveArena() {
    for (Operation *user : function.getArguments().back().getUsers()) {
      auto view = cast<memref::ViewOp>(user);
      builder.setInsertionPoint(view);
      Value bytes = arith::ConstantIndexOp::create(builder, view.getLoc(), profile.bytes());
      view.getByteShiftMutable().set(
          arith::AddIOp::create(builder, view.getLoc(), view.getByteShift(), bytes).getResult());
    }
    auto arena = function->getAttrOfType<DenseI64ArrayAttr>("compress.workspace_bytes");
    function->setAttr("compress.workspace_bytes",
                      builder.getDenseI64ArrayAttr({arena[0] + profile.bytes(), arena[1] + profile.bytes()}));
  }

  /// Before `op`, ends the time of row `current` and starts that of row `next`; -1 is no row.
  void change(Operation *op, int64_t current, int64_t next) {
    Location loc = function.getLoc();
    builder.setInsertionPoint(op);
    Value now = emitReadCounter(builder, loc, profile.counter);
    if (current >= 0) {
      Value place = arith::ConstantIndexOp::create(builder, loc, current);
      Value elapsed = arith::SubIOp::create(builder, loc, now, start);
      Value before = memref::LoadOp::create(builder, loc, ticks, place);
      memref::StoreOp::create(builder, loc, arith::AddIOp::create(builder, loc, before, elapsed), ticks, place);
    }
    start = now;
  }

  func::FuncOp function;
  const CProfile &profile;
  OpBuilder builder;
  memref::ViewOp ticks;
  Value start;
};

struct ProfileLayersPass : compress::impl::ProfileLayersPassBase<ProfileLayersPass> {
  using Base = compress::impl::ProfileLayersPassBase<ProfileLayersPass>;
  using Base::Base;

  void runOnOperation() override {
    auto fail = [&](const llvm::Twine &reason) {
      getOperation().emitError("compress-profile-layers: ") << reason;
      signalPassFailure();
    };
    if (!isCounter(counter))
      return fail("expects counter to be tsc or cntvct, not '" + counter + "'");
    // Whether @main is planned, and its variants as it is.
    std::string error;
    if (!CInterface::get(getOperation(), "main", error))
      return fail(error);
    auto main = getOperation().lookupSymbol<func::FuncOp>("main");
    std::optional<SmallVector<Layer>> predicted = SmallVector<Layer>();
    if (Attribute given = main->getAttr(kLayersAttr))
      predicted = getLayers(given);
    if (!predicted)
      return fail("expects compress.layers of @main to be what compress-predict-layers sets");
    SmallVector<func::FuncOp> functions{main};
    if (auto variants = main->getAttrOfType<ArrayAttr>(kVariantsAttr))
      for (auto symbol : variants.getAsRange<FlatSymbolRefAttr>())
        if (symbol != FlatSymbolRefAttr::get(main))
          functions.push_back(getOperation().lookupSymbol<func::FuncOp>(symbol.getAttr()));
    for (func::FuncOp function : functions)
      for (Operation *user : function.getArguments().back().getUsers())
        if (!isa<memref::ViewOp>(user))
          return fail("expects the workspace of @" + function.getName() + " to be used by views alone");
    Rows rows(*predicted);
    for (func::FuncOp function : functions)
      rows.add(function);
    CProfile profile{counter, rows.layers()};
    for (func::FuncOp function : functions)
      Instrumenter(function, profile).run(rows);
    main->setAttr(kProfileAttr, profile.toAttribute(&getContext()));
  }
};

} // namespace
