//===- Remarks.cpp - Optimization remarks to a C function -----------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress-c/Remarks.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"
#include "mlir/CAPI/Utils.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/Regex.h"
#include <mutex>

using namespace mlir;
using remark::detail::Remark;

static const Remark &unwrap(CompressRemark remark) { return *static_cast<const Remark *>(remark.ptr); }

namespace {
/// Calls the handler for each remark; dies with the context's remark engine.
class Handler : public remark::detail::MLIRRemarkStreamerBase {
public:
  Handler(CompressRemarkHandler handle, void *userData, void (*deleteUserData)(void *))
      : handle(handle), userData(userData), deleteUserData(deleteUserData) {}
  ~Handler() override {
    if (deleteUserData)
      deleteUserData(userData);
  }

  void streamOptimizationRemark(const Remark &remark) override {
    std::lock_guard<std::mutex> lock(mutex);
    handle({&remark}, userData);
  }

private:
  CompressRemarkHandler handle;
  void *userData;
  void (*deleteUserData)(void *);
  std::mutex mutex;
};
} // namespace

MlirLogicalResult compressContextSetRemarkHandler(MlirContext context, MlirStringRef categories,
                                                  CompressRemarkHandler handler, void *userData,
                                                  void (*deleteUserData)(void *)) {
  MLIRContext *target = unwrap(context);
  std::string error;
  if (!llvm::Regex(unwrap(categories)).isValid(error)) {
    emitError(UnknownLoc::get(target)) << "categories of remarks: '" << unwrap(categories) << "': " << error;
    return wrap(failure());
  }
  remark::RemarkCategories filter;
  filter.passed = filter.missed = filter.analysis = filter.failed = unwrap(categories).str();
  // The former handler first: its user data may be the new one's.
  target->setRemarkEngine(nullptr);
  auto streamer = std::make_unique<Handler>(handler, userData, deleteUserData);
  return wrap(remark::enableOptimizationRemarks(*target, std::move(streamer),
                                                std::make_unique<remark::RemarkEmittingPolicyAll>(), filter));
}

void compressContextUnsetRemarkHandler(MlirContext context) { unwrap(context)->setRemarkEngine(nullptr); }

CompressRemarkKind compressRemarkGetKind(CompressRemark remark) {
  switch (unwrap(remark).getRemarkType()) {
  case llvm::remarks::Type::Passed:
    return CompressRemarkPassed;
  case llvm::remarks::Type::Missed:
    return CompressRemarkMissed;
  case llvm::remarks::Type::Failure:
    return CompressRemarkFailed;
  case llvm::remarks::Type::Analysis:
    return CompressRemarkAnalysis;
  default:
    return CompressRemarkUnknown;
  }
}

MlirStringRef compressRemarkGetName(CompressRemark remark) { return wrap(unwrap(remark).getRemarkName()); }

MlirStringRef compressRemarkGetCategory(CompressRemark remark) {
  return wrap(unwrap(remark).getCombinedCategoryName());
}

MlirLocation compressRemarkGetLocation(CompressRemark remark) { return wrap(unwrap(remark).getLocation()); }

intptr_t compressRemarkGetNumArgs(CompressRemark remark) {
  return static_cast<intptr_t>(unwrap(remark).getArgs().size());
}

MlirStringRef compressRemarkGetArgKey(CompressRemark remark, intptr_t pos) {
  return wrap(StringRef(unwrap(remark).getArgs()[pos].key));
}

MlirStringRef compressRemarkGetArgValue(CompressRemark remark, intptr_t pos) {
  return wrap(StringRef(unwrap(remark).getArgs()[pos].val));
}

void compressRemarkPrint(CompressRemark remark, MlirStringCallback callback, void *userData) {
  mlir::detail::CallbackOstream stream(callback, userData);
  unwrap(remark).print(stream, /*printLocation=*/true);
}
