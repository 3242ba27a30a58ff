"""What a library uses while it runs: no allocation, no system call, and no more workspace than its values need."""
import re
import subprocess

import numpy as np
import pytest

import compress_mlir
import mnist
from compress_mlir.native import _find_compiler
from test_precision import save

# malloc and its kin count while `counting` is set. Under SECCOMP_MODE_STRICT the kernel ends a process for any system call but
# read, write and exit: mmap and brk cannot pass.
PROGRAM = r"""
#define _GNU_SOURCE
#include "NAME.h"
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
static volatile int counting, count;
void *malloc(size_t n) { count += counting; return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { count += counting; return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { count += counting; return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { count += counting; return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) { count += counting; return (*p = __libc_memalign(a, n)) ? 0 : 12; }
static char text[64];
int main(int argc, char **argv) {
  enum { most = 70 };
  float *x = aligned_alloc(64, most * IN * sizeof(float)), *y = aligned_alloc(64, most * OUT * sizeof(float));
  void *workspace = aligned_alloc(64, (NAME_workspace_bytes(most) + 63) / 64 * 64);
  memset(x, 0, most * IN * sizeof(float));
  if (argc > 1)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
  counting = 1;
  int code = 0;
  for (int batch = 0; batch <= most && code == 0; ++batch)
    code = NAME_run(batch, x, y, workspace);
  ALLOCATE
  counting = 0;
  int length = snprintf(text, sizeof(text), "code %d, allocations %d\n", code, count);
  write(1, text, length);
  syscall(SYS_exit, 0);
}
"""


def run_counted(tmp_path, library, name, sizes, strict, allocate=""):
    text = PROGRAM.replace("NAME", name).replace("IN", str(sizes[0])).replace("OUT", str(sizes[1])).replace("ALLOCATE", allocate)
    (tmp_path / "main.c").write_text(text)
    archive = library.parent / f"lib{name}.a"
    subprocess.run(["cc", "-O1", "-w", str(tmp_path / "main.c"), "-I", str(library.parent), str(archive), "-lm", "-o",
                    str(tmp_path / "main")], check=True)
    return subprocess.run([str(tmp_path / "main")] + ["strict"] * strict, capture_output=True, text=True)


@pytest.mark.parametrize("precision", ["f32", "bf16", "i8"])
@pytest.mark.parametrize("strict", [False, True])
def test_run_allocates_nothing(strict, precision, tmp_path):
    library = compress_mlir.compile(mnist.MODELS / "mnist_circulant.onnx", tmp_path / "out", name="net", precision=precision)
    done = run_counted(tmp_path, library, "net", (784, 10), strict)
    assert (done.returncode, done.stdout) == (0, "code 0, allocations 0\n")


def test_an_allocation_is_seen(tmp_path):
    library = compress_mlir.compile(mnist.MODELS / "mnist_circulant.onnx", tmp_path / "out", name="net")
    small, large = "malloc(8);", "malloc(1 << 28);"
    assert run_counted(tmp_path, library, "net", (784, 10), False, small).stdout == "code 0, allocations 1\n"
    assert run_counted(tmp_path, library, "net", (784, 10), True, large).returncode == -9  # mmap


# Live bytes --------------------------------------------------------------------------------------------------------------

WIDTH = {"f32": 4, "f64": 8, "i32": 4, "i8": 1}


def spans_of_ops(lines):
    """For each line and indentation, the first and the last line of the op there that the line is a part of."""
    depths = [len(line) - len(line.lstrip()) for line in lines]
    begins, spans = {}, [{} for _ in lines]
    for at, depth in enumerate(depths):
        begins = {d: b for d, b in begins.items() if d <= depth}
        if not lines[at].strip().startswith(("}", "^")):
            begins[depth] = at
        for d, begin in begins.items():
            spans[at][d] = begin
    ends = {}
    for at, span in enumerate(spans):
        for d, begin in span.items():
            ends[d, begin] = at
    return [{d: (begin, ends[d, begin]) for d, begin in span.items()} for span in spans], depths


def largest_live_bytes(text, batch):
    """The largest sum of bytes of buffers that are live together, read from the text of the final loops: a buffer lives from the
    first op of the block that allocates it that reaches it, through any view, to the last. What a loop's body allocates lives in
    a turn."""
    indent, inside = re.search(r"^( *)func\.func @[^\n]*\n(.*?)^\1\}", text, re.S | re.M).groups()
    body = inside.splitlines()
    spans, depths = spans_of_ops(body)
    values, root, buffers = {}, {}, {}

    def number(word):
        return int(word) if word.lstrip("-").isdigit() else values[word]

    for place, line in enumerate(body):
        names = re.findall(r"%[\w#]+", line)
        defined = re.match(r"\s*(%\w+) = (.*)", line)
        what = defined[2] if defined else ""
        if what.startswith("memref.dim"):
            values[defined[1]] = batch
        elif found := re.match(r"arith.constant (-?\d+) : index", what):
            values[defined[1]] = int(found[1])
        elif found := re.match(r"affine.apply (#\w+|affine_map<.*?>)\(\)\[(%\w+)\]", what):
            affine = re.search(re.escape(found[1]) + r" = affine_map<\(\)\[s0\] -> \((.*)\)>", text)
            values[defined[1]] = eval(affine[1].replace("floordiv", "//"), {"s0": values[found[2]]})  # noqa: S307
        elif found := re.match(r"memref.alloc\((.*?)\).* : memref<([\dx?]*)x(\w+)>", what):
            extents = [number(word.strip()) for word in found[1].split(",") if word.strip()]
            shape = [extents.pop(0) if e == "?" else int(e) for e in found[2].split("x")]
            root[defined[1]] = place  # the next loop may use the name again
            buffers[place] = [int(np.prod(shape)) * WIDTH[found[3]], len(body), -1, depths[place]]
            continue
        elif re.match(r"memref.(subview|expand_shape|collapse_shape|cast|reinterpret_cast)", what):
            if (source := re.search(r"(%\w+)", what)[1]) in root:
                root[defined[1]] = root[source]
            continue
        for name in names:
            if name in root:
                buffer = buffers[root[name]]
                first, last = spans[place][buffer[3]]
                buffer[1], buffer[2] = min(buffer[1], first), max(buffer[2], last)
    used = [b for b in buffers.values() if b[2] >= 0]
    return max((sum(size for size, first, last, _ in used if first <= at <= last) for at in range(len(body))), default=0), len(used)


def test_live_bytes_of_a_text():
    text = """\
#map = affine_map<()[s0] -> (s0 * 4 + 16)>
func.func @main(%arg0: memref<?x4xf32>) {
  %c0 = arith.constant 0 : index
  %dim = memref.dim %arg0, %c0 : memref<?x4xf32>
  %0 = affine.apply #map()[%dim]
  %a = memref.alloc(%0) {alignment = 64 : i64} : memref<2x?xf32>
  %b = memref.alloc() : memref<100xi8>
  %v = memref.subview %a[0, 0] [2, 4] [1, 1] : memref<2x?xf32> to memref<2x4xf32>
  affine.for %i = 0 to 2 {
    affine.store %x, %v[%i, 0] : memref<2x4xf32>
  }
  affine.store %y, %b[0] : memref<100xi8>
  %c = memref.alloc() : memref<10xf32>
  affine.store %z, %c[0] : memref<10xf32>
  %w = affine.load %b[0] : memref<100xi8>
  return
}
"""
    # %a: 2 * (3 * 4 + 16) * 4 = 224 bytes, dead before %b (100) and %c (40) live together.
    assert largest_live_bytes(text, 3) == (224, 3)


def test_live_bytes_of_a_loop_over_samples():
    text = """\
func.func @main(%arg0: memref<?x4xf32>) {
  %a = memref.alloc() : memref<10xf32>
  scf.for %i = %c0 to %dim step %c1 {
    %b = memref.alloc() : memref<20xf32>
    affine.for %j = 0 to 2 {
      affine.store %x, %b[%j] : memref<20xf32>
    }
    %c = memref.alloc() : memref<30xf32>
    affine.for %j = 0 to 2 {
      %y = affine.load %b[%j] : memref<20xf32>
      affine.store %y, %c[%j] : memref<30xf32>
    }
    %d = memref.alloc() : memref<25xf32>
    affine.for %j = 0 to 2 {
      %y = affine.load %c[%j] : memref<30xf32>
      affine.store %y, %d[%j] : memref<25xf32>
    }
    %z = affine.load %d[0] : memref<25xf32>
    affine.store %z, %a[%i] : memref<10xf32>
  }
  return
}
"""
    # %a lives as long as the loop; of a turn, %c and %d (55 numbers) are more than %b and %c.
    assert largest_live_bytes(text, 3) == (4 * (10 + 55), 4)


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("precision", ["f32", "bf16", "i8"])
@pytest.mark.parametrize("network", ["mnist_circulant", "mnist_dense", "conv"])
def test_workspace_is_the_largest_sum_of_live_bytes(network, precision, batch, rng, tmp_path):
    """Within 1.1, tile buffers on the stack not among them. A workspace takes chunks of 64 samples."""
    model = mnist.MODELS / f"{network}.onnx"
    if network == "conv":
        c = rng.standard_normal((8, 8, 8, 3, 3)).astype(np.float32)
        model = save(tmp_path / "conv.onnx", c, 64, 64, dict(height=28, width=28, pads=1, stride=1, dilation=1))
    library = compress_mlir.load(compress_mlir.compile(model, tmp_path / "out", precision=precision))
    done = subprocess.run([_find_compiler(), str(model), "-o", str(tmp_path / "ir"), "--precision", precision, "--emit", "affine",
                           "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    text = next((tmp_path / "ir").glob("*.affine.mlir")).read_text()
    live, count = largest_live_bytes(text, batch)
    workspace = library.workspace_bytes(batch)
    print(f"{network}, {precision}, batch {batch}: {count} buffers, {live} bytes live together, workspace {workspace}")
    assert count > 0 and live <= workspace <= 1.1 * live + 64 * count
