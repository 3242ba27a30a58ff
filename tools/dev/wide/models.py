"""What tools/dev/run-wide runs beside the tests: layers in f32, and whole ONNX files, against the dense form in double on this machine."""
import os
import pathlib
import sys

import numpy as np
import onnx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "test" / "Python"))
from conftest import rng  # noqa: E402, F401
import compress_mlir  # noqa: E402
from test_precision import relative, save, save_dense  # noqa: E402

# As scripts/bench allows a layer.
BOUND = {"f32": 1e-5, "bf16": 4e-3, "i8": 2e-2}
FILES = os.environ.get("COMPRESS_WIDE_FILES", "").split("\n")
CONV = dict(height=9, width=11, pads=1, stride=1, dilation=1)


def num_layers(path):
    """Layers whose errors add up, each relative to what it computes."""
    return sum(node.op_type in ("Gemm", "MatMul", "Conv") for node in onnx.load(str(path)).graph.node)


def check(path, precision, batches, rng, folder, **options):
    try:
        built = compress_mlir.compile(path, folder / "wide", precision=precision, **options)
    except compress_mlir.CompileError as error:
        if "no layer can be narrowed" not in str(error):
            raise
        pytest.skip(f"no layer can be narrowed to {precision}")
    library, dense = compress_mlir.load(built), compress_mlir.load(compress_mlir.compile(path, folder / "dense", reference=True))
    for batch in batches:
        feeds = {t.name: rng.random([batch if e is None else e for e in t.shape]).astype(t.dtype) for t in library.inputs}
        expected = dense.run({t.name: feeds[t.name].astype(t.dtype) for t in dense.inputs})  # in double
        results = library.run(feeds)
        for name, result in results.items():
            error = relative(result.astype(float), expected[name].astype(float))
            print(f"batch {batch}, {name}: relative error {error:.1e}")
            assert error <= num_layers(path) * BOUND[precision]


@pytest.mark.parametrize("k", [4, 8, 12, 16, 64])
def test_circulant_fc(k, rng, tmp_path):
    rows, cols = 3 * k + 2, 5 * k - 1
    c = rng.standard_normal((4, 5, k)).astype(np.float32)
    check(save(tmp_path / "m.onnx", c, rows, cols), "f32", (1, 3, 7, 17, 64), rng, tmp_path, force="spectral")


@pytest.mark.parametrize("k", [4, 8, 12, 16])
def test_circulant_conv(k, rng, tmp_path):
    c = rng.standard_normal((3, 3, k, 3, 3)).astype(np.float32)
    check(save(tmp_path / "m.onnx", c, 3 * k, 3 * k - 1, CONV), "f32", (1, 3), rng, tmp_path, force="spectral")


@pytest.mark.parametrize("rows,cols", [(10, 5), (33, 129), (100, 96), (256, 130)])
def test_dense_fc(rows, cols, rng, tmp_path):
    w, bias = rng.standard_normal((rows, cols)).astype(np.float32), rng.standard_normal(rows).astype(np.float32)
    check(save_dense(tmp_path / "m.onnx", w, bias=bias), "f32", (1, 3, 7, 17, 64), rng, tmp_path)


@pytest.mark.parametrize("rows,cols", [(24, 40), (17, 9), (64, 3)])
def test_dense_conv(rows, cols, rng, tmp_path):
    w, bias = rng.standard_normal((rows, cols, 3, 3)).astype(np.float32), rng.standard_normal(rows).astype(np.float32)
    check(save_dense(tmp_path / "m.onnx", w, CONV, bias), "f32", (1, 3), rng, tmp_path)


@pytest.mark.parametrize("precision", BOUND)
@pytest.mark.parametrize("path", [pytest.param(file, id=pathlib.Path(file).stem) for file in FILES if file])
def test_file(path, precision, rng, tmp_path):
    check(path, precision, (1, 3, 17), rng, tmp_path)
