//===- OrtPeer.h - ONNX Runtime as a measuring stick ----------------------===//
//
// Part of compress-mlir, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef COMPRESS_BENCHMARKS_ORTPEER_H
#define COMPRESS_BENCHMARKS_ORTPEER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs ONNX models of float32 or uint8 tensors in ONNX Runtime's CPU provider, all graph optimizations on. Its library
 * is loaded at run time; nothing of it is needed to build. All functions return 0, or 1 after writing a reason into
 * `error`. */

typedef struct ort_peer ort_peer;

int ort_peer_open(const char *library, const char *model, int threads, ort_peer **peer, char *error, size_t errorBytes);

/* One input and one output, by name. `result` takes at most `resultCount` floats and may be NULL. */
int ort_peer_run(ort_peer *peer, const char *input, const float *data, const int64_t *shape, size_t rank,
                 const char *output, float *result, size_t resultCount, char *error, size_t errorBytes);

/* Makes calls that allocate nothing of ours: `count` inputs of one shape, `stride` bytes apart from
 * `data` on, and one preallocated `result`; all float32, or uint8 if `isBytes`. They must outlive the peer. */
int ort_peer_bind(ort_peer *peer, int isBytes, const char *input, const void *data, size_t count, size_t stride,
                  const int64_t *shape, size_t rank, const char *output, void *result, const int64_t *resultShape,
                  size_t resultRank, char *error, size_t errorBytes);

/* Runs on input `which` of those that were bound. */
int ort_peer_run_bound(ort_peer *peer, size_t which, char *error, size_t errorBytes);

/* "1.30.0" */
const char *ort_peer_version(ort_peer *peer);

void ort_peer_close(ort_peer *peer);

#ifdef __cplusplus
}
#endif

#endif
