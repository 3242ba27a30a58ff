//===- Tensor.cpp - Tensors of an ONNX file -------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Tensor.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace mlir;
using namespace mlir::compress;
using namespace mlir::compress::onnx_import;
using ::onnx::TensorProto;

llvm::Error onnx_import::makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// Integers of 4 bits, which libonnx 1.12 has no names for.
static constexpr int32_t kUInt4 = 21, kInt4 = 22;

static bool isFourBits(int32_t dtype) { return dtype == kUInt4 || dtype == kInt4; }

bool onnx_import::isUnsignedType(int32_t dtype) { return dtype == TensorProto::UINT8 || dtype == kUInt4; }

Type onnx_import::elementType(Builder &builder, int32_t dtype) {
  switch (dtype) {
  case TensorProto::FLOAT:
    return builder.getF32Type();
  case TensorProto::DOUBLE:
    return builder.getF64Type();
  case TensorProto::INT64:
    return builder.getI64Type();
  case TensorProto::INT32:
    return builder.getI32Type();
  case TensorProto::INT8:
  case TensorProto::UINT8:
    return builder.getI8Type();
  case TensorProto::BOOL:
    return builder.getI1Type();
  default:
    return {};
  }
}

std::string onnx_import::dtypeName(int32_t dtype) {
  if (isFourBits(dtype))
    return dtype == kInt4 ? "INT4" : "UINT4";
  return TensorProto::DataType_IsValid(dtype) ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(dtype))
                                              : "number " + std::to_string(dtype);
}

llvm::Expected<int64_t> onnx_import::checkedBytes(ArrayRef<int64_t> shape, int64_t elementBytes) {
  // More than any machine's memory, and far from overflow in later products.
  constexpr int64_t kMost = int64_t(1) << 44;
  int64_t bytes = elementBytes;
  for (int64_t extent : shape) {
    if (extent < 0)
      return makeError("has a negative extent");
    if (llvm::MulOverflow(bytes, extent, bytes) || bytes > kMost)
      return makeError("claims more bytes than any memory holds");
  }
  return bytes;
}

//===----------------------------------------------------------------------===//
// Values outside of the file
//===----------------------------------------------------------------------===//

/// The file that `location` names, if it lies in `folder` after `..` and symbolic links are resolved. libonnx 1.12
/// checks neither (CVE-2022-25882, CVE-2024-27318).
static llvm::Expected<std::string> resolveInside(StringRef folder, StringRef location) {
  if (location.empty() || llvm::sys::path::is_absolute(location))
    return makeError("its data lies at '" + location + "', which is no path relative to the model's folder");
  llvm::SmallString<256> base, file, joined(folder);
  llvm::sys::path::append(joined, location);
  if (auto code = llvm::sys::fs::real_path(folder, base))
    return makeError("the model's folder '" + folder + "' cannot be read: " + code.message());
  if (auto code = llvm::sys::fs::real_path(joined, file))
    return makeError("its data file '" + joined + "' cannot be read: " + code.message());
  auto isPrefix = std::mismatch(llvm::sys::path::begin(base), llvm::sys::path::end(base), llvm::sys::path::begin(file),
                                llvm::sys::path::end(file))
                      .first == llvm::sys::path::end(base);
  if (!isPrefix)
    return makeError("its data file '" + location + "' lies outside of the model's folder");
  if (!llvm::sys::fs::is_regular_file(file))
    return makeError("its data '" + location + "' is no regular file");
  return file.str().str();
}

static llvm::Expected<std::string> readExternal(const TensorProto &proto, StringRef folder, int64_t expected) {
  StringRef location;
  uint64_t offset = 0, length = expected;
  for (const auto &entry : proto.external_data()) {
    StringRef value = entry.value();
    if (entry.key() == "location")
      location = value;
    else if ((entry.key() == "offset" && value.getAsInteger(10, offset)) ||
             (entry.key() == "length" && value.getAsInteger(10, length)))
      return makeError("its external " + StringRef(entry.key()) + " '" + value + "' is no number");
  }
  auto path = resolveInside(folder, location);
  if (!path)
    return path.takeError();
  if (length != static_cast<uint64_t>(expected))
    return makeError(llvm::formatv("its shape needs {0} bytes, but its external length is {1}", expected, length));
  uint64_t size = 0;
  if (auto code = llvm::sys::fs::file_size(*path, size))
    return makeError("its data file '" + *path + "' cannot be read: " + code.message());
  if (offset > size || length > size - offset)
    return makeError(llvm::formatv("its data file '{0}' has {1} bytes, but bytes {2} to {3} are asked for", *path, size,
                                   offset, llvm::SaturatingAdd(offset, length)));
  auto buffer = llvm::MemoryBuffer::getFileSlice(*path, length, offset);
  if (!buffer)
    return makeError("its data file '" + *path + "' cannot be read: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

//===----------------------------------------------------------------------===//
// Values in the file
//===----------------------------------------------------------------------===//

template <typename To, typename Field>
static std::string pack(const Field &field) {
  std::string bytes(field.size() * sizeof(To), '\0');
  for (int i = 0; i < field.size(); ++i) {
    To value = static_cast<To>(field[i]);
    std::memcpy(bytes.data() + i * sizeof(To), &value, sizeof(To));
  }
  return bytes;
}

/// The values in the field that ONNX has for the element type.
static std::string readTypedField(const TensorProto &proto) {
  switch (proto.data_type()) {
  case TensorProto::FLOAT:
    return pack<float>(proto.float_data());
  case TensorProto::DOUBLE:
    return pack<double>(proto.double_data());
  case TensorProto::INT64:
    return pack<int64_t>(proto.int64_data());
  case TensorProto::INT32:
    return pack<int32_t>(proto.int32_data());
  case TensorProto::FLOAT16:
    return pack<uint16_t>(proto.int32_data());
  default:
    return pack<int8_t>(proto.int32_data());
  }
}

/// Two integers per byte, the first one in the low bits, as a byte each.
static std::string unpackFourBits(StringRef bytes, int64_t count, bool isUnsigned) {
  std::string codes(count, '\0');
  for (int64_t i = 0; i < count; ++i) {
    uint8_t code = static_cast<uint8_t>(bytes[i / 2]) >> (i % 2 * 4) & 15;
    codes[i] = static_cast<char>(isUnsigned || code < 8 ? code : code - 16);
  }
  return codes;
}

llvm::Expected<Tensor> onnx_import::readTensor(Builder &builder, const TensorProto &proto, StringRef folder) {
  bool isPacked = isFourBits(proto.data_type()), isUnsigned = isUnsignedType(proto.data_type());
  Type element = isPacked                                    ? builder.getIntegerType(4)
                 : proto.data_type() == TensorProto::FLOAT16 ? builder.getF16Type()
                                                             : elementType(builder, proto.data_type());
  if (!element)
    return makeError("element type " + dtypeName(proto.data_type()) + " is not supported");
  if (proto.has_segment())
    return makeError("segmented tensors are not supported");
  SmallVector<int64_t> shape(proto.dims().begin(), proto.dims().end());
  auto expected = checkedBytes(shape, std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8));
  if (!expected)
    return expected.takeError();
  int64_t count = *expected;
  if (isPacked)
    *expected = (count + 1) / 2;
  std::string bytes;
  if (proto.data_location() == TensorProto::EXTERNAL) {
    auto external = readExternal(proto, folder, *expected);
    if (!external)
      return external.takeError();
    bytes = std::move(*external);
  } else {
    bytes = proto.has_raw_data() ? proto.raw_data() : readTypedField(proto);
  }
  if (static_cast<int64_t>(bytes.size()) != *expected)
    return makeError(llvm::formatv("its shape needs {0} bytes, but it holds {1}", *expected, bytes.size()));
  if (isPacked)
    bytes = unpackFourBits(bytes, count, isUnsigned);
  return Tensor{RankedTensorType::get(shape, element), std::move(bytes), isUnsigned};
}

template <typename From, typename To>
static SmallVector<To> unpack(StringRef bytes) {
  SmallVector<To> values(bytes.size() / sizeof(From));
  for (auto [i, value] : llvm::enumerate(values)) {
    From element;
    std::memcpy(&element, bytes.data() + i * sizeof(From), sizeof(From));
    value = static_cast<To>(element);
  }
  return values;
}

SmallVector<int64_t> Tensor::integers() const {
  Type element = type.getElementType();
  return element.isInteger(64)   ? unpack<int64_t, int64_t>(bytes)
         : element.isInteger(32) ? unpack<int32_t, int64_t>(bytes)
         : isUnsigned            ? unpack<uint8_t, int64_t>(bytes)
                                 : unpack<int8_t, int64_t>(bytes);
}

/// The numbers of 16-bit floats.
static SmallVector<double> widenHalves(StringRef bytes) {
  SmallVector<double> values;
  for (uint16_t bits : unpack<uint16_t, uint16_t>(bytes))
    values.push_back(llvm::APFloat(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits)).convertToDouble());
  return values;
}

SmallVector<double> Tensor::floats() const {
  if (type.getElementType().isF16())
    return widenHalves(bytes);
  return type.getElementType().isF64() ? unpack<double, double>(bytes) : unpack<float, double>(bytes);
}
