//===- Expressions.cpp - Operations as Verilog -----------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every wire is unsigned and as wide as the number it stands for; signs are written out where an operation needs them.
// So no rule by which tools extend operands, on which they do not all agree, matters.
//
//===----------------------------------------------------------------------===//

#include "TaskPrinter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::compress;

std::string mlir::compress::rangeOf(int64_t width) { return "[" + std::to_string(width - 1) + ":0] "; }

int64_t mlir::compress::bitsOf(int64_t most) { return most < 1 ? 1 : llvm::Log2_64(most) + 1; }

std::string mlir::compress::literal(const llvm::APInt &value) {
  llvm::SmallString<64> digits;
  value.toStringUnsigned(digits, 16);
  return llvm::formatv("{0}'h{1}", value.getBitWidth(), digits.str().lower());
}

std::string mlir::compress::signExtended(const std::string &text, int64_t from, int64_t to) {
  if (from == to)
    return text;
  return "{{" + std::to_string(to - from) + "{" + text + "[" + std::to_string(from - 1) + "]}}, " + text + "}";
}

bool mlir::compress::isWire(Operation *op) {
  APInt by;
  return isa<arith::ExtSIOp>(op) || (isa<arith::ShLIOp>(op) && matchPattern(op->getOperand(1), m_ConstantInt(&by)));
}

/// `a < b` of numbers with sign.
static std::string isLess(const std::string &a, const std::string &b) {
  return "$signed(" + a + ") < $signed(" + b + ")";
}

/// A shift by a constant: wires.
static std::string shiftedBy(const std::string &x, int64_t width, int64_t by, bool isLeft) {
  if (by == 0)
    return x;
  std::string n = std::to_string(by), top = std::to_string(width - 1);
  if (isLeft)
    return by >= width ? literal(APInt(width, 0))
                       : "{" + x + "[" + std::to_string(width - 1 - by) + ":0], " + n + "'b0}";
  if (by >= width)
    return "{" + std::to_string(width) + "{" + x + "[" + top + "]}}";
  return "{{" + n + "{" + x + "[" + top + "]}}, " + x + "[" + top + ":" + n + "]}";
}

std::string mlir::compress::expressionOf(Operation *op, llvm::ArrayRef<std::string> x) {
  auto widthOf = [](Value value) { return static_cast<int64_t>(value.getType().getIntOrFloatBitWidth()); };
  int64_t width = widthOf(op->getResult(0));
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case([&](arith::ExtSIOp extend) { return signExtended(x[0], widthOf(extend.getIn()), width); })
      .Case([&](arith::TruncIOp) { return x[0] + "[" + std::to_string(width - 1) + ":0]"; })
      .Case([&](arith::AddIOp) { return x[0] + " + " + x[1]; })
      .Case([&](arith::SubIOp) { return x[0] + " - " + x[1]; })
      .Case([&](arith::MulIOp) { return "$signed(" + x[0] + ") * $signed(" + x[1] + ")"; })
      .Case([&](arith::AndIOp) { return x[0] + " & " + x[1]; })
      .Case<arith::ShLIOp, arith::ShRSIOp>([&](Operation *) {
        APInt by;
        bool isLeft = isa<arith::ShLIOp>(op);
        if (matchPattern(op->getOperand(1), m_ConstantInt(&by)))
          return shiftedBy(x[0], width, static_cast<int64_t>(by.getZExtValue()), isLeft);
        return isLeft ? x[0] + " << " + x[1] : "$signed(" + x[0] + ") >>> " + x[1];
      })
      .Case([&](arith::MaxSIOp) { return "(" + isLess(x[0], x[1]) + ") ? " + x[1] + " : " + x[0]; })
      .Case([&](arith::MinSIOp) { return "(" + isLess(x[0], x[1]) + ") ? " + x[0] + " : " + x[1]; })
      .Case([&](arith::SelectOp) { return x[0] + " ? " + x[1] + " : " + x[2]; })
      .Case([&](arith::CmpIOp compare) {
        return compare.getPredicate() == arith::CmpIPredicate::eq ? x[0] + " == " + x[1] : isLess(x[0], x[1]);
      });
}

std::string mlir::compress::printRounding(func::FuncOp function) {
  int64_t from = function.getArgumentTypes()[0].getIntOrFloatBitWidth(),
          to = function.getResultTypes()[0].getIntOrFloatBitWidth();
  std::string text =
      "module " + function.getName().str() + " (input " + rangeOf(from) + "x, output " + rangeOf(to) + "y);\n";
  llvm::DenseMap<Value, std::string> names{{function.getArgument(0), "x"}};
  int64_t number = 0;
  for (Operation &op : function.getBody().front()) {
    if (auto exit = dyn_cast<func::ReturnOp>(op)) {
      text += "  assign y = " + names.lookup(exit.getOperand(0)) + ";\n";
      continue;
    }
    APInt value;
    if (matchPattern(&op, m_ConstantInt(&value))) {
      names[op.getResult(0)] = literal(value);
      continue;
    }
    llvm::SmallVector<std::string> operands;
    for (Value operand : op.getOperands())
      operands.push_back(names.lookup(operand));
    std::string name = "t" + std::to_string(++number);
    text += "  wire " + rangeOf(op.getResult(0).getType().getIntOrFloatBitWidth()) + name + " = " +
            expressionOf(&op, operands) + ";\n";
    names[op.getResult(0)] = name;
  }
  return text + "endmodule\n";
}
