//===- PretendedMachine.cpp - A call on a processor that this one is not -===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The trap flag stops after each instruction. The handler looks at the next one, and where that asks what the machine
// is, answers and passes over it: the code under test is what is shipped, byte for byte.
//
//===----------------------------------------------------------------------===//

#include "TileEmulator.h"
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

/// ARCH_REQ_XCOMP_PERM of arch_prctl, and the state that it is about, XFEATURE_XTILE_DATA.
static constexpr uint32_t kRequest = 0x1023;
static constexpr uint64_t kTrapFlag = 0x100;

/// Of the one call that is made at a time.
static const pretended_machine *machine;
static machine_questions *asked;

static void answerCPUID(greg_t *registers) {
  uint32_t a = registers[REG_RAX], b, c = registers[REG_RCX], d, leaf = a, subleaf = c;
  asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  for (uint64_t i = 0; i < machine->num_cpuid; ++i)
    if (const more_cpuid &more = machine->cpuid[i]; more.leaf == leaf && more.subleaf == subleaf) {
      a |= more.eax;
      b |= more.ebx;
      c |= more.ecx;
      d |= more.edx;
    }
  registers[REG_RAX] = a;
  registers[REG_RBX] = b;
  registers[REG_RCX] = c;
  registers[REG_RDX] = d;
  ++asked->cpuid;
}

static void answerXGETBV(greg_t *registers) {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  registers[REG_RAX] = low | machine->xcr0;
  registers[REG_RDX] = high;
  ++asked->xgetbv;
}

/// False if the system is to answer.
static bool answerRequest(greg_t *registers) {
  if (registers[REG_RAX] != SYS_arch_prctl || registers[REG_RDI] != kRequest)
    return false;
  ++asked->requests;
  if (machine->permission > 0)
    return false;
  registers[REG_RAX] = machine->permission;
  registers[REG_RCX] = registers[REG_RIP] + 2; // as SYSCALL leaves them
  registers[REG_R11] = registers[REG_EFL];
  return true;
}

/// Answers the next instruction if it asks; false if it does not.
static bool answerNext(greg_t *registers) {
  auto *code = reinterpret_cast<const uint8_t *>(registers[REG_RIP]);
  if (code[0] != 0x0f)
    return false;
  if (code[1] == 0xa2) {
    answerCPUID(registers);
    registers[REG_RIP] += 2;
    return true;
  }
  if (code[1] == 0x01 && code[2] == 0xd0) {
    answerXGETBV(registers);
    registers[REG_RIP] += 3;
    return true;
  }
  if (code[1] == 0x05 && answerRequest(registers)) {
    registers[REG_RIP] += 2;
    return true;
  }
  return false;
}

static void onTrap(int, siginfo_t *, void *where) {
  greg_t *registers = static_cast<ucontext_t *>(where)->uc_mcontext.gregs;
  while (answerNext(registers))
    ;
}

int call_on_pretended_machine(const pretended_machine *which, machine_questions *questions,
                              int (*run)(int64_t, void *, void *, void *, void *, void *), int64_t batch,
                              void *const arguments[5]) {
  machine = which;
  asked = questions;
  *asked = {};
  struct sigaction action = {}, before;
  action.sa_sigaction = onTrap;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, &before);
  uint64_t flags = __readeflags();
  __writeeflags(flags | kTrapFlag);
  int result = run(batch, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]);
  __writeeflags(flags);
  sigaction(SIGTRAP, &before, nullptr);
  return result;
}

int deny_tile_requests(void) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_arch_prctl, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kRequest, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}
