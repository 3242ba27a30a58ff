//===- TileEmulator.h - Runs code with tiles on any x86-64 ---------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A shared library that tests load, in C so that Python can.
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_TEST_EMULATOR_TILEEMULATOR_H
#define COMPRESS_TEST_EMULATOR_TILEEMULATOR_H

#ifdef __cplusplus
#include <cstdint>
extern "C" {
#else
#include <stdint.h>
#endif

/// From now on, instructions of AMX-TILE, AMX-INT8 and AMX-BF16 that this processor refuses are executed by a handler
/// of SIGILL, on tiles that each thread has. Everything else that it refuses ends the program as before. Where the
/// processor and the system have tiles, asks for them and changes nothing: tests run on the hardware.
/// Returns 1 if instructions are emulated, 0 if they are not, -1 if neither works.
int tile_emulator_install(void);

/// Instructions that all threads have had emulated since the last call.
typedef struct {
  uint64_t configures, releases, zeros, loads, stores, products;
} tile_counts;
tile_counts tile_emulator_take_counts(void);

/// 1 if the tiles of this thread are released.
int tile_emulator_is_released(void);

/// What a processor and an operating system answer instead of these: bits beyond those that they have, and if tiles are
/// granted. Leaves of CPUID that a library asks for are 0, 1, 7 with its first subleaf, and 0x80000001.
typedef struct {
  uint32_t leaf, subleaf, eax, ebx, ecx, edx;
} more_cpuid;
typedef struct {
  const more_cpuid *cpuid;
  uint64_t num_cpuid;
  uint32_t xcr0;
  /// What arch_prctl returns to the request for tiles; 1 to ask the system itself.
  int32_t permission;
} pretended_machine;

/// How often a call asked.
typedef struct {
  uint64_t cpuid, xgetbv, requests;
} machine_questions;

/// Returns run(batch, arguments[0], …, arguments[4]), executed one instruction at a time, where CPUID, XGETBV and the
/// request for tiles give the answers of `machine`.
int call_on_pretended_machine(const pretended_machine *machine, machine_questions *asked,
                              int (*run)(int64_t, void *, void *, void *, void *, void *), int64_t batch,
                              void *const arguments[5]);

/// Has the kernel refuse this process all requests for tiles, by a filter of system calls (seccomp). 0 if it will.
int deny_tile_requests(void);

#ifdef __cplusplus
}
#endif

#endif // COMPRESS_TEST_EMULATOR_TILEEMULATOR_H
