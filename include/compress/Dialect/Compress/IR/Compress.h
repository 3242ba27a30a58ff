//===- Compress.h - The compress dialect: ops, attributes, interfaces -----===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_DIALECT_COMPRESS_IR_COMPRESS_H
#define COMPRESS_DIALECT_COMPRESS_IR_COMPRESS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "compress/Analysis/Machine.h"
#include "compress/Dialect/Compress/IR/ByteCode.h"
#include "compress/Dialect/Compress/IR/CodedTensor.h"
#include "compress/Dialect/Compress/IR/KernelTiling.h"
#include "compress/Dialect/Compress/IR/LinearConsumer.h"

namespace mlir::compress {

/// Bits that the parameters of `value` take in a package: those of the representation that defines it, or its own.
int64_t storedBitsOf(Value value);

/// `size` entries of `value` from `offset` on along `dim`: by the representation that defines it, or a slice.
Value emitSliceOf(OpBuilder &builder, Location loc, Value value, int64_t dim, OpFoldResult offset, int64_t size);

/// The multiple at which slices of `value` along `dim` may start; 0 for none. 1 where no representation defines it.
int64_t sliceStepOf(Value value, int64_t dim);

} // namespace mlir::compress

#include "compress/Dialect/Compress/IR/CompressDialect.h.inc"
#include "compress/Dialect/Compress/IR/CompressEnums.h.inc"

#include "compress/Dialect/Compress/IR/CompressAttrInterfaces.h.inc"
#include "compress/Dialect/Compress/IR/CompressOpInterfaces.h.inc"

namespace mlir::compress {

// Custom assembly.
/// Parses the value of a parameter that is a float64.
FailureOr<llvm::APFloat> parseNumber(AsmParser &parser);
ParseResult parseNumbers(AsmParser &parser, DenseF64ArrayAttr &values);
void printNumbers(AsmPrinter &printer, DenseF64ArrayAttr values);
ParseResult parseLayout(AsmParser &parser, SmallVectorImpl<int64_t> &order, SmallVectorImpl<int64_t> &tiles,
                        int64_t &codeBits);
void printLayout(AsmPrinter &printer, ArrayRef<int64_t> order, ArrayRef<int64_t> tiles, int64_t codeBits);

} // namespace mlir::compress

#define GET_ATTRDEF_CLASSES
#include "compress/Dialect/Compress/IR/CompressAttributes.h.inc"
#define GET_OP_CLASSES
#include "compress/Dialect/Compress/IR/CompressOps.h.inc"

#endif // COMPRESS_DIALECT_COMPRESS_IR_COMPRESS_H
