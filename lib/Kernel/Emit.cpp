//===- Emit.cpp - Networks as IR ------------------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Kernel/Emit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::compress::kernel;

namespace {

struct Emitter {
  OpBuilder &builder;
  Location loc;
  const Network &network;
  std::vector<int32_t> order;
  std::vector<Value> values;
  /// For each sum, the product that is fused into it, or -1; products that are fused into all of their users.
  std::vector<int32_t> fusedProduct;
  std::vector<bool> isFused;
  Type type;

  Emitter(OpBuilder &builder, Location loc, const Network &network)
      : builder(builder), loc(loc), network(network), order(network.order()), values(network.nodes.size()),
        fusedProduct(network.nodes.size(), -1), isFused(network.nodes.size(), false) {
    fuseProducts();
  }

  /// Fuses a product into its users if all are sums that hold no other product yet.
  void fuseProducts() {
    std::vector<std::vector<int32_t>> users(network.nodes.size());
    for (int32_t n : order) {
      const Node &node = network.nodes[n];
      if (node.kind == Node::Input)
        continue;
      users[node.a].push_back(n);
      if (node.kind != Node::Mul)
        users[node.b].push_back(n);
    }
    std::vector<bool> isOutput(network.nodes.size(), false);
    for (Term output : network.outputs)
      if (!output.isZero())
        isOutput[output.node] = true;
    for (int32_t n : order) {
      if (network.nodes[n].kind != Node::Mul || isOutput[n])
        continue;
      bool canFuse = llvm::all_of(users[n], [&](int32_t user) {
        const Node &sum = network.nodes[user];
        return sum.kind != Node::Mul && fusedProduct[user] < 0 && sum.a != sum.b;
      });
      if (!canFuse)
        continue;
      isFused[n] = true;
      for (int32_t user : users[n])
        fusedProduct[user] = n;
    }
  }

  Value constant(double value) {
    TypedAttr attr = builder.getFloatAttr(getElementTypeOrSelf(type), value);
    if (auto vector = dyn_cast<VectorType>(type))
      attr = SplatElementsAttr::get(vector, Attribute(attr));
    return arith::ConstantOp::create(builder, loc, attr);
  }

  /// The value of a sum with a fused product: ±factor*x ± other.
  Value fusedSum(const Node &sum, int32_t productNode) {
    const Node &product = network.nodes[productNode];
    bool productIsB = sum.b == productNode;
    Value other = values[productIsB ? sum.a : sum.b];
    double factor = product.factor;
    if (sum.kind == Node::Sub) {
      if (productIsB)
        factor = -factor; // other - f*x
      else
        other = arith::NegFOp::create(builder, loc, other); // f*x - other
    }
    return math::FmaOp::create(builder, loc, constant(factor), values[product.a], other);
  }

  Value compute(int32_t n) {
    const Node &node = network.nodes[n];
    if (fusedProduct[n] >= 0)
      return fusedSum(node, fusedProduct[n]);
    switch (node.kind) {
    case Node::Add:
      return arith::AddFOp::create(builder, loc, values[node.a], values[node.b]);
    case Node::Sub:
      return arith::SubFOp::create(builder, loc, values[node.a], values[node.b]);
    default:
      return arith::MulFOp::create(builder, loc, constant(node.factor), values[node.a]);
    }
  }

  void run(llvm::function_ref<Value(int64_t)> load, llvm::function_ref<void(int64_t, Value)> store) {
    std::vector<std::vector<int64_t>> outputsOf(network.nodes.size());
    for (auto [o, output] : llvm::enumerate(network.outputs))
      if (!output.isZero())
        outputsOf[output.node].push_back(o);
    for (int32_t n : order) {
      if (isFused[n])
        continue;
      const Node &node = network.nodes[n];
      values[n] = node.kind == Node::Input ? load(node.a) : compute(n);
      if (!type)
        type = values[n].getType();
      for (int64_t o : outputsOf[n])
        store(o, network.outputs[o].negative ? Value(arith::NegFOp::create(builder, loc, values[n])) : values[n]);
    }
    for (auto [o, output] : llvm::enumerate(network.outputs))
      if (output.isZero())
        store(o, constant(0.0));
  }
};

} // namespace

void mlir::compress::kernel::emit(OpBuilder &builder, Location loc, const Network &network,
                                  llvm::function_ref<Value(int64_t)> load,
                                  llvm::function_ref<void(int64_t, Value)> store) {
  Emitter(builder, loc, network).run(load, store);
}
