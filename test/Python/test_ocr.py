"""A network that was not made here, PP-OCRv4's text recognition: every op of it, at the size of its file, against ONNX Runtime."""
import importlib.util
import json
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper

import compress_mlir
from conftest import ROOT
from test_import import floats, make_model, save

ORT = ROOT / "data" / "peers" / "libonnxruntime.so.1"


def load_module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ocr = load_module("ocr", ROOT / "examples" / "ocr" / "ocr.py")


@pytest.fixture(scope="module")
def model():
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    return ocr.fetch() / ocr.MODEL


def test_text_recognition_is_compiled_at_the_size_of_its_file(model, rng, tmp_path):
    """With the batch stated, biases were stored for each pixel: 20 MB."""
    report = tmp_path / "report.json"
    library = compress_mlir.load(compress_mlir.compile(model, tmp_path, name="rec", shapes={"x": ocr.SHAPE}, report=report))
    assert json.loads(report.read_text())["weight_bytes"] <= model.stat().st_size
    x = np.clip(floats(rng, *ocr.SHAPE), -1, 1)
    (y,) = library.run({"x": x}).values()
    oracle = compress_mlir.load(compress_mlir.compile(model, tmp_path / "oracle", name="rec", shapes={"x": ocr.SHAPE}, reference=True))
    (exact,) = oracle.run({"x": x.astype(np.float64)}).values()
    assert np.linalg.norm(y - exact) <= 1e-5 * np.linalg.norm(exact)  # the bound of scripts/bench in f32
    if not ORT.exists():
        pytest.skip("no ONNX Runtime to compare with; run scripts/fetch-peers")
    session = load_module("onnx_runtime", ROOT / "benchmarks" / "onnx_runtime.py").Session(model, str(ORT), ["softmax_11.tmp_0"])
    expected = session.run({"x": x})["softmax_11.tmp_0"]
    assert np.linalg.norm(expected - exact) <= 1e-5 * np.linalg.norm(exact)  # the oracle is that of the file


def test_many_layers_are_calibrated(rng, tmp_path):
    """Calibration runs a network whose outputs are what every layer is multiplied with: more than 32 of them were refused."""
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], name=f"fc{i}") for i in range(40)]
    constants = {f"w{i}": floats(rng, 8, 8) for i in range(40)}
    path = save(make_model(nodes, {"x0": ["n", 8]}, {"x40": ["n", 8]}, constants), tmp_path)
    np.save(tmp_path / "x.npy", floats(rng, 16, 8))
    report = tmp_path / "report.json"
    compress_mlir.compile(path, tmp_path, compress="default: int8", calibration=tmp_path / "x.npy", report=report)
    assert sum(row["pass"] == "fit" for row in json.loads(report.read_text())["layers"]) == 40


@pytest.mark.parametrize("columns", [33, 63, 95, 97])
def test_tiles_of_4_bit_columns_are_packed(columns, rng, tmp_path):
    """Columns are rebuilt by tiles, of which the last one is cut short within a byte: their codes were refused as unpacked."""
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")
    path = save(make_model([node], {"x": [1, 40, 64]}, {"y": None}, {"w": floats(rng, 64, columns)}), tmp_path)
    x, results = floats(rng, 1, 40, 64), []
    for options in ({"force": "fc=rebuild"}, {"expand": True}):
        report = tmp_path / "report.json"
        library = compress_mlir.load(compress_mlir.compile(path, tmp_path / str(len(results)), compress="default: int4(32)", report=report, **options))
        results.append((library.run({"x": x})["y"], json.loads(report.read_text())["weights"].get("i8", 0)))
    (y, packed), (exact, _) = results
    assert packed <= 64 * (-(-columns // 2) + -(-(columns % 32) // 2))  # the last tile is a constant of its own
    np.testing.assert_allclose(y, exact, rtol=1e-4, atol=1e-4)
