"""compress_mlir.obtain on the trained LeNet: bytes are read from the files that were written, not computed."""
import json
import struct
import subprocess

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import compress_mlir
from compress_mlir import reference
from compress_mlir.native import _find_compiler
from conftest import ROOT

MODEL = ROOT / "examples/mnist/models/mnist_dense.onnx"
# Scales, biases and alignment beside the codes: what the library may take beyond what was obtained.
PADDING = 1.15


def section_bytes(path, name):
    """Size of a section of a 64-bit ELF file."""
    data = path.read_bytes()
    assert data[:5] == b"\x7fELF\x02"
    offset, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<3H", data, 58)
    headers = [struct.unpack_from("<2I4Q", data, offset + i * size) for i in range(count)]
    text = lambda at: data[headers[names][4] + at :].split(b"\0", 1)[0].decode()
    sizes = [h[5] for h in headers if text(h[0]) == name]
    assert sizes, f"{path} has no section {name}"
    return sum(sizes)


def weight_bytes_of_onnx(path):
    """Of the matrices and kernels, biases apart."""
    tensors = [numpy_helper.to_array(t) for t in onnx.load(str(path)).graph.initializer]
    return sum(t.nbytes for t in tensors if t.ndim > 1), sum(t.nbytes for t in tensors if t.ndim == 1)


@pytest.mark.parametrize("rules", ["int8", "int4", "*Conv: none; /9/*: none; default: circulant(8)", "ternary(0.5)", "pow2(4)",
                                   "*Conv: escalate(bases=4, sparsity=0.85); default: lowrank(energy=0.5)"])
def test_bytes_of_the_table_are_those_of_the_files(tmp_path, rules):
    # Where dense floats would be faster on this machine, bytes are what is asked for.
    objective = ["--objective", "bytes"]
    light = compress_mlir.obtain(MODEL, tmp_path, rules, objective="bytes")
    dense, biases = weight_bytes_of_onnx(MODEL)
    assert light.total["bytes_before"] == dense
    assert all(row["form"] != "dense" or row["scheme"] == "none" for row in light.rows)
    command = [_find_compiler(), str(MODEL), "-o", str(tmp_path), "--compress", rules, "--emit", "obj", "--quiet"]
    subprocess.run(command + objective, check=True)
    section = section_bytes(tmp_path / "mnist_dense.o", ".rodata.compress.weights")
    assert light.weight_bytes == section
    obtained = light.total["bytes_after"] + biases
    print(f"{rules}: {obtained} bytes obtained, {section} in the library, {section / obtained:.3f}")
    assert light.total["bytes_after"] <= section <= PADDING * obtained  # small biases may be in the code


def test_a_light_library_that_should_be_slower_than_int8_says_so(tmp_path):
    """Figures by hand: of a layer in 8 bits on this machine, whose layer takes 0.1 us to begin and whose memory is not the bound."""
    fast = json.loads((ROOT / "test/Dialect/Compress/Transforms/Inputs/fast-memory.json").read_text())
    machine = dict(fast, peak_f32_ops_per_second=1e9, peak_int8_ops_per_second=4e9)
    (tmp_path / "machine.json").write_text(json.dumps(machine))
    done = subprocess.run([_find_compiler(), str(MODEL), "-o", str(tmp_path), "--compress", "int4", "--machine", str(tmp_path / "machine.json"),
                           "--objective", "bytes", "--report", str(tmp_path / "report.json")], capture_output=True, text=True, check=True)
    rows = json.loads((tmp_path / "report.json").read_text())["compressed"]["rows"]
    row = next(row for row in rows if row["layer"] == "/7/Gemm")
    assert row["predicted_us_int8"] == pytest.approx(0.1 + 2 * 512 * 1024 / (0.8 * 4e9) * 1e6, rel=1e-6)
    sums = [sum(row[key] for row in rows) for key in ("predicted_us", "predicted_us_int8")]
    assert f"these layers should take {sums[0]:.2f} us; with 8 bits, dense, they should take {sums[1]:.2f} us" in done.stdout + done.stderr


def test_rows_and_totals(tmp_path):
    """Of weights 10 x 512 and others: the bytes are counted by hand."""
    light = compress_mlir.obtain(MODEL, tmp_path, "/9/Gemm: int4(group=64); /7/Gemm: circulant(k=16); default: none")
    rows = {row["layer"]: row for row in light.rows}
    assert rows["/9/Gemm"]["bytes_after"] == 10 * 512 // 2 + 4 * 10 * 8 and rows["/9/Gemm"]["bytes_int4"] == 10 * 512 // 2 + 4 * 10 * 16
    assert rows["/7/Gemm"]["numbers_after"] == 512 * 1024 // 16 and rows["/7/Gemm"]["bytes_int8"] == 512 * 1024 + 4 * 512
    assert rows["/3/Conv"]["scheme"] == "none" and rows["/3/Conv"]["bytes_after"] == rows["/3/Conv"]["bytes_before"] == 4 * 64 * 16 * 25
    assert rows["/3/Conv"]["multiplies"] == 64 * 16 * 25 * 8 * 8
    for key in ("bytes_before", "bytes_after", "bytes_int8", "bytes_int4", "numbers_after", "multiplies"):
        assert light.total[key] == sum(row[key] for row in light.rows)
    w = {t.name: numpy_helper.to_array(t).astype(float) for t in onnx.load(str(MODEL)).graph.initializer}["7.weight"]
    blocks = w.reshape(32, 16, 64, 16)
    c = np.stack([np.mean([blocks[:, (s + t) % 16, :, s] for s in range(16)], axis=0) for t in range(16)], axis=-1)
    v = reference.circulant(c, 512, 1024)
    assert np.isclose(rows["/7/Gemm"]["relative_error"], np.linalg.norm(w - v) / np.linalg.norm(w), rtol=1e-5)
    assert str(light).startswith("layer ") and "/9/Gemm  int4(group=64)" in str(light)


def test_models_in_memory_and_bad_rules(tmp_path):
    light = compress_mlir.obtain(onnx.load(str(MODEL)), tmp_path, "default: int8", name="lenet")
    assert light.library.name == "liblenet.so"
    assert light.load().run({"image": np.zeros((2, 1, 28, 28), np.float32)})["logits"].shape == (2, 10)
    with pytest.raises(compress_mlir.CompileError, match=r"column 10: no scheme is called 'int9'(.|\n)*\n  default: int9\n           \^"):
        compress_mlir.obtain(MODEL, tmp_path / "none", "default: int9")
    assert not (tmp_path / "none").exists()
