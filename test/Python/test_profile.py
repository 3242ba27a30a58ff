"""`compress-compile --profile`: ticks per layer under ONNX names, and `compress-run --per-layer`."""
import ctypes
import re
import subprocess
import threading

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import compress_mlir
import mnist
from test_cpu import BATCH, Driver, assert_within_the_bound, need
from test_import import floats
from test_native import run_tool

MODEL = mnist.MODELS / "mnist_circulant.onnx"


class LayerRow(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("op", ctypes.c_char_p), ("fused", ctypes.c_char_p), ("samples", ctypes.c_int64 * 2),
                ("predicted_us", ctypes.c_double * 2), ("bound", ctypes.c_char_p * 2)]


class Profiled:
    """A library's functions by ctypes, for f32 inputs and outputs of one row per sample."""

    def __init__(self, path):
        self.name = path.name[3:-3]
        self.library = ctypes.CDLL(str(path))
        self.get("layers").restype = ctypes.POINTER(LayerRow)
        self.get("ticks").restype = ctypes.POINTER(ctypes.c_int64)
        self.get("ticks").argtypes = self.get("workspace_bytes").argtypes = [ctypes.c_void_p]
        self.get("workspace_bytes").argtypes = [ctypes.c_int64]
        self.get("workspace_bytes").restype = ctypes.c_size_t
        count = ctypes.c_size_t()
        rows = self.get("layers")(ctypes.byref(count))
        self.layers = [rows[i] for i in range(count.value)]

    def get(self, suffix):
        return getattr(self.library, f"{self.name}_{suffix}")

    def workspace(self, batch):
        """Bytes that are not zero, so that counting anew is seen, aligned to 64."""
        raw = np.full(self.get("workspace_bytes")(batch) + 64, 0x55, np.uint8)
        return raw[-raw.ctypes.data % 64:]

    def run(self, batch, arrays, workspace):
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in [*arrays, workspace]]
        return self.get("run")(ctypes.c_int64(batch), *pointers)

    def ticks(self, workspace):
        first = self.get("ticks")(workspace.ctypes.data_as(ctypes.c_void_p))
        return [first[i] for i in range(len(self.layers) + 1)]


def names(layers):
    """All names of a profile, those of what is fused into others too."""
    return [n for row in layers for n in [row.name.decode(), *filter(None, row.fused.decode().split(", "))]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("profile")
    compress_mlir.compile(MODEL, out, name="counted", profile=True)
    compress_mlir.compile(MODEL, out, name="plain")
    return out


@pytest.fixture
def counted(folder):
    return Profiled(folder / "libcounted.so")


def call(profiled, rng, batch):
    workspace, image = profiled.workspace(batch), floats(rng, batch, 1, 28, 28)
    logits = np.empty((batch, 10), np.float32)
    assert profiled.run(batch, [image, logits], workspace) == 0
    return profiled.ticks(workspace), image, logits


def test_layers_have_the_names_of_the_nodes_that_compute(counted):
    # Every node but Flatten, which moves nothing, each once; the network in examples/mnist has them in this order.
    assert sorted(names(counted.layers)) == sorted(["/0/Conv", "/1/MaxPool", "/2/Relu", "/3/Conv", "/4/MaxPool", "/5/Relu",
                                                    "/7/Gemm", "/8/Relu", "/9/Gemm"])
    loops = [row.name.decode() for row in counted.layers]
    assert loops == sorted(loops)
    assert {"/0/Conv", "/3/Conv", "/7/Gemm", "/9/Gemm"} <= set(loops)


def test_circulant_layers_are_spectral_and_predicted(counted):
    rows = {row.name.decode(): row for row in counted.layers}
    assert rows["/0/Conv"].op.startswith(b"linalg.")
    for name in ("/3/Conv", "/7/Gemm", "/9/Gemm"):
        assert rows[name].op in (b"compress.rfft", b"compress.rfft_transpose", b"compress.spectral_conv", b"compress.spectral_matmul")
    for row in counted.layers:
        assert list(row.samples) == [1, 64]
        assert 0 < row.predicted_us[0] < row.predicted_us[1] <= 64 * row.predicted_us[0] * 100
        assert set(row.bound) <= {b"compute", b"L1", b"L2", b"L3", b"memory"}


@pytest.mark.parametrize("batch", [0, 1, 64, 131])
def test_layers_are_within_the_call(batch, counted, rng):
    ticks = call(counted, rng, batch)[0]
    assert all(t >= 0 for t in ticks), ticks
    assert sum(ticks[:-1]) <= ticks[-1]
    if batch:
        assert all(t > 0 for t in ticks), ticks  # each layer computes
    else:
        assert not any(ticks[:-1])


def test_each_call_counts_anew(counted, rng):
    workspace, image, logits = counted.workspace(1), floats(rng, 1, 1, 28, 28), np.empty((1, 10), np.float32)
    wholes = []
    for _ in range(50):
        assert counted.run(1, [image, logits], workspace) == 0
        ticks = counted.ticks(workspace)
        assert sum(ticks[:-1]) <= ticks[-1]
        wholes.append(ticks[-1])
    assert wholes != sorted(set(wholes))  # sums over calls would grow from each to the next


def test_a_refused_call_leaves_the_counts(counted, rng):
    workspace, image, logits = counted.workspace(1), floats(rng, 1, 1, 28, 28), np.empty((1, 10), np.float32)
    assert counted.run(1, [image, logits], workspace) == 0
    before = counted.ticks(workspace)
    assert counted.run(-1, [image, logits], workspace) == 1
    assert counted.ticks(workspace) == before


def test_concurrent_calls_count_apart(counted, rng):
    calls = [(counted.workspace(b), floats(rng, b, 1, 28, 28), np.empty((b, 10), np.float32)) for b in (1, 64)]
    threads = [threading.Thread(target=lambda c=c: [counted.run(len(c[1]), [c[1], c[2]], c[0]) for _ in range(20)]) for c in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for workspace, _, _ in calls:
        ticks = counted.ticks(workspace)
        assert 0 < sum(ticks[:-1]) <= ticks[-1]


def test_counting_changes_no_bit_of_the_result(folder, counted, rng):
    plain = compress_mlir.load(folder / "libplain.so")
    for batch in (1, 65):
        _, image, logits = call(counted, rng, batch)
        np.testing.assert_array_equal(logits, plain.run({"image": image})["logits"])


def symbols(path):
    lines = subprocess.run(["nm", "-D", "--defined-only", str(path)], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines}


def test_without_the_option_nothing_is_counted(folder):
    plain, counted = symbols(folder / "libplain.so"), symbols(folder / "libcounted.so")
    common = {"run", "abi_version", "workspace_bytes", "error", "inputs", "outputs"}
    assert plain == {f"plain_{s}" for s in common}
    assert counted == {f"counted_{s}" for s in common | {"layers", "ticks"}}
    for name, count in (("plain", 0), ("counted", 1)):
        code = subprocess.run(["objdump", "-d", str(folder / f"lib{name}.so")], capture_output=True, text=True, check=True).stdout
        assert bool(re.search(r"\brdtsc\b", code)) == bool(count)
        header = (folder / f"{name}.h").read_text()
        assert ("_ticks" in header) == bool(count)
    assert compress_mlir.load(folder / "libplain.so").inputs[0].name == "image"


PROGRAM = r"""
#include "counted.h"
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  float *x = (float *)calloc(784, sizeof(float)), y[10];
  void *workspace = aligned_alloc(64, (counted_workspace_bytes(1) + 63) / 64 * 64);
  if (counted_run(1, x, y, workspace))
    return 1;
  size_t count;
  const counted_layer *layers = counted_layers(&count);
  const int64_t *ticks = counted_ticks(workspace);
  int64_t sum = 0;
  for (size_t i = 0; i < count; ++i) {
    printf("%s %d\n", layers[i].name, layers[i].predicted_us[1] > 0 && ticks[i] > 0);
    sum += ticks[i];
  }
  return sum <= ticks[count] ? 0 : 2;
}
"""


@pytest.mark.parametrize("compiler", [["cc", "-std=c11"], ["c++", "-std=c++17"]])
def test_the_header_says_it_in_c(compiler, folder, counted, tmp_path):
    source = tmp_path / ("main.c" if compiler[0] == "cc" else "main.cpp")
    source.write_text(PROGRAM)
    subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", str(source), "-I", str(folder), str(folder / "libcounted.a"),
                    "-lm", "-o", str(tmp_path / "main")], check=True)
    done = subprocess.run([str(tmp_path / "main")], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (0, [f"{row.name.decode()} 1" for row in counted.layers])


#===-- Names and fusion --------------------------------------------------------------------------------------------===#


def save(path, nodes, inputs, outputs, constants=()):
    value = lambda n, s: helper.make_tensor_value_info(n, TensorProto.FLOAT, s)  # noqa: E731
    graph = helper.make_graph(nodes, "net", [value(*i) for i in inputs], [value(*o) for o in outputs],
                              [numpy_helper.from_array(v, n) for n, v in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_an_activation_in_a_products_loops_is_said(rng, tmp_path):
    path = save(tmp_path / "net.onnx", [helper.make_node("MatMul", ["x", "w"], ["p"], "product"), helper.make_node("Relu", ["p"], ["q"], "rest"),
                                        helper.make_node("MatMul", ["q", "v"], ["y"], "second, with a comma")],
                [("x", ["n", 64])], [("y", ["n", 32])], [("w", floats(rng, 64, 96)), ("v", floats(rng, 96, 32))])
    profiled = Profiled(compress_mlir.compile(path, tmp_path / "out", profile=True))
    rows = [(row.name, row.fused) for row in profiled.layers]
    assert rows in ([(b"product", b"rest"), (b"second, with a comma", b"")],
                    [(b"product", b""), (b"rest", b""), (b"second, with a comma", b"")])


def test_a_copy_counts_under_its_name_without_a_prediction(rng, tmp_path):
    path = save(tmp_path / "net.onnx", [helper.make_node("Concat", ["x", "z"], ["c"], "join", axis=1), helper.make_node("Relu", ["c"], ["y"], "relu")],
                [("x", ["n", 8]), ("z", ["n", 8])], [("y", ["n", 16])])
    profiled = Profiled(compress_mlir.compile(path, tmp_path / "out", profile=True))
    rows = {row.name: row for row in profiled.layers}
    assert list(rows) == [b"join", b"relu"]
    assert list(rows[b"join"].predicted_us) == [0, 0] and rows[b"relu"].predicted_us[0] > 0
    workspace, x, z, y = profiled.workspace(3), floats(rng, 3, 8), floats(rng, 3, 8), np.empty((3, 16), np.float32)
    assert profiled.run(3, [x, z, y], workspace) == 0
    np.testing.assert_array_equal(y, np.maximum(np.concatenate([x, z], 1), 0))
    assert all(t > 0 for t in profiled.ticks(workspace))


def test_variants_share_the_rows(folder, counted, rng, tmp_path):
    path = compress_mlir.compile(MODEL, tmp_path / "out", name="both", target_cpu="native,x86-64", profile=True)
    both = Profiled(path)
    assert names(both.layers) == names(counted.layers)
    assert all(t > 0 for t in call(both, rng, 2)[0])


def test_aarch64_reads_a_counter_that_programs_may_read(rng, tmp_path):
    need("llvm-objdump-22")
    compress_mlir.compile(MODEL, tmp_path, target_triple="aarch64-linux-gnu", profile=True)
    code = subprocess.run(["llvm-objdump-22", "-d", str(tmp_path / "libmnist_circulant.so")], capture_output=True, text=True, check=True).stdout
    assert "cntvct_el0" in code.lower() and "pmccntr" not in code.lower()
    images = floats(rng, BATCH, 1, 28, 28)
    driver = Driver("circulant", tmp_path, "aarch64-linux-gnu")
    assert_within_the_bound("circulant", images, driver.logits(images, "qemu-aarch64"))


#===-- compress-run ------------------------------------------------------------------------------------------------===#


def table(text):
    """Name, predicted, min, median and bound of the rows below the heading."""
    lines = text.splitlines()
    assert re.match(r"layer +op +predicted us +min us +median us +share  bound +of bound$", lines[1])
    row = re.compile(r"(.+?)  +(\S*) +([\d.]+|-) +([\d.]+) +([\d.]+) +\d+ %  (\S+) +(\d+ %|-)$")
    return [row.match(line).groups() for line in lines[2:]]


@pytest.mark.parametrize("batch", [1, 64, 70])
def test_run_tool_prints_a_row_per_layer(batch, folder, counted, rng, tmp_path):
    np.save(tmp_path / "x.npy", floats(rng, batch, 1, 28, 28))
    done = run_tool(folder / "libcounted.so", "--input", f"image={tmp_path}/x.npy", "--per-layer", "--repetitions", 5)
    assert done.returncode == 0, done.stderr
    assert re.match(rf"batch {batch}, 5 calls, [\d.]+ ticks per us$", done.stdout.splitlines()[0])
    rows = table(done.stdout)
    assert [r[0] for r in rows] == [" + ".join(names([row])) for row in counted.layers] + ["(outside of layers)", "(whole call)"]
    full, rest = divmod(batch, 64)
    for row, layer in zip(rows, counted.layers):
        one, most = layer.predicted_us
        expected = full * most + (one + (most - one) * (rest - 1) / 63 if rest else 0)
        assert abs(float(row[2]) - expected) <= 5.1e-4
        assert row[5] == layer.bound[batch >= 33].decode()
        assert float(row[3]) <= float(row[4])
    assert abs(float(rows[-1][2]) - sum(float(r[2]) for r in rows[:-2])) <= 6e-3
    assert sum(float(r[3]) for r in rows[:-1]) <= float(rows[-1][3]) + 6e-3  # least times of parts, and of the whole


def test_run_tool_measures_in_microseconds(folder, rng, tmp_path):
    # The same calls by a clock: the counter's rate is the ratio, whatever the machine does. A factor of 2 would be no noise of minima.
    np.save(tmp_path / "x.npy", floats(rng, 64, 1, 28, 28))
    done = run_tool(folder / "libcounted.so", "--input", f"image={tmp_path}/x.npy", "--benchmark", "--per-layer", "--repetitions", 40)
    clock = float(re.search(r"min ([\d.]+) us", done.stdout).group(1))
    ticks = float(table("\n".join(done.stdout.splitlines()[1:]))[-1][3])
    assert clock / 2 < ticks < 2 * clock, done.stdout


def test_a_library_that_does_not_count_is_refused(folder, rng, tmp_path):
    np.save(tmp_path / "x.npy", floats(rng, 1, 1, 28, 28))
    for inputs in ([], ["--input", f"image={tmp_path}/x.npy"]):
        done = run_tool(folder / "libplain.so", *inputs, "--per-layer")
        assert (done.returncode, done.stderr) == (1, f"error: '{folder}/libplain.so' does not count ticks per layer; compile the model with --profile\n")
    done = run_tool(folder / "libcounted.so", "--per-layer")
    assert done.returncode == 1 and "input 'image' is missing" in done.stderr


def test_ticks_need_code(tmp_path):
    done = subprocess.run([compress_mlir.native._find_compiler(), str(MODEL), "-o", str(tmp_path), "--profile", "--emit", "affine"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "--profile does not go with --emit mlir, onnx or affine" in done.stderr
