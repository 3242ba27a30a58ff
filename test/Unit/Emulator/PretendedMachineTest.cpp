//===- PretendedMachineTest.cpp - Answers of a machine that this one is not ===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TileEmulator.h"
#include <cerrno>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Answers {
  uint32_t edx, xcr0;
  int64_t permission;
};

/// What a library does to know what it runs on.
int ask(int64_t batch, void *answers, void *, void *, void *, void *) {
  auto *found = static_cast<Answers *>(answers);
  uint32_t a = 7, b, c = 0, d, high;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  found->edx = d;
  asm volatile("xgetbv" : "=a"(found->xcr0), "=d"(high) : "c"(0));
  int64_t result = SYS_arch_prctl;
  asm volatile("syscall" : "+a"(result) : "D"(0x1023l), "S"(18l) : "rcx", "r11", "memory");
  found->permission = result;
  return batch;
}

constexpr uint32_t kTile = 1u << 24, kTileState = 0x60000;

Answers answersOf(int32_t permission, machine_questions &asked) {
  more_cpuid tile = {7, 0, 0, 0, 0, kTile};
  pretended_machine machine = {&tile, 1, kTileState, permission};
  Answers answers = {};
  void *arguments[5] = {&answers};
  EXPECT_EQ(call_on_pretended_machine(&machine, &asked, ask, 3, arguments), 3);
  return answers;
}

} // namespace

TEST(PretendedMachineTest, AnswersAreThoseOfTheMachine) {
  for (int32_t permission : {0, -EPERM}) {
    machine_questions asked;
    Answers answers = answersOf(permission, asked);
    EXPECT_TRUE(answers.edx & kTile);
    EXPECT_EQ(answers.xcr0 & kTileState, kTileState);
    EXPECT_EQ(answers.permission, permission);
    EXPECT_TRUE(asked.cpuid == 1 && asked.xgetbv == 1 && asked.requests == 1);
  }
}

TEST(PretendedMachineTest, NothingIsPretendedAfterTheCall) {
  machine_questions asked;
  answersOf(0, asked);
  Answers before, after;
  ask(0, &before, nullptr, nullptr, nullptr, nullptr);
  answersOf(-EPERM, asked);
  ask(0, &after, nullptr, nullptr, nullptr, nullptr);
  EXPECT_TRUE(before.edx == after.edx && before.xcr0 == after.xcr0 && before.permission == after.permission);
}

TEST(PretendedMachineTest, FilterDeniesTheRequest) {
  pid_t child = fork();
  if (child == 0) {
    machine_questions asked;
    bool isDenied = deny_tile_requests() == 0 && answersOf(/*the system's*/ 1, asked).permission == -EPERM;
    _exit(isDenied ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}
