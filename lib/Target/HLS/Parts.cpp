//===- Parts.cpp - Devices and what they hold ------------------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compress/Target/HLS/Parts.h"
#include "llvm/Support/JSON.h"

#include "Parts.inc"

using namespace mlir::compress;

llvm::Expected<Part> Part::get(llvm::StringRef text) {
  llvm::json::Value table = llvm::cantFail(llvm::json::parse(kParts));
  std::string known;
  for (const llvm::json::Value &entry : *table.getAsObject()->getArray("parts")) {
    const llvm::json::Object &object = *entry.getAsObject();
    llvm::StringRef device = *object.getString("device"), part = *object.getString("part");
    known += (known.empty() ? "" : ", ") + device.str();
    bool isPackaged = text.starts_with(device) && text.size() > device.size() && !llvm::isDigit(text[device.size()]);
    if (text != device && !isPackaged)
      continue;
    return Part{device.str(),
                text == device ? part.str() : text.str(),
                table.getAsObject()->getString("source")->str(),
                *object.getInteger("lut"),
                *object.getInteger("ff"),
                *object.getInteger("dsp"),
                *object.getInteger("bram18")};
  }
  return llvm::createStringError("device '" + text + "' is not known: expects one of " + known +
                                 ", or a part of one of them");
}
