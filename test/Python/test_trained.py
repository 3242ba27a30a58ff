"""The light networks of examples/mnist/models: bytes of their files, accuracy of the compiled libraries on all test images, and
ONNX Runtime's predictions where it is there. docs/Accuracy.md has the table."""
import json

import numpy as np
import onnx
import pytest

import compress_mlir
from compress_mlir import onnx_functions

pytest.importorskip("torch")
import fetch  # noqa: E402
import figures  # noqa: E402
import mnist  # noqa: E402
from benchmarks import models  # noqa: E402

# Bytes of the dense network's f32 weights and biases, how many times fewer are asked (issue: at most so many points lost), and the
# accuracy of the dense network of the same seed.
MLP, LENET, CNN = 1_077_288, 2_224_040, 208_552
ASKED = {
    "mlp_smartdeal": (MLP, 14),
    "dense_smartdeal": (LENET, 17),
    "cnn_escalate": (CNN, 42),
    "circulant_spectra8": (LENET, 140),
    "circulant_spectra4": (LENET, 250),
    "small_int4": (4 * 10_114, 7),
}
DENSE = {"mlp_smartdeal": 98.48, "dense_smartdeal": 99.51, "cnn_escalate": 99.03, "circulant_spectra8": 99.51,
         "circulant_spectra4": 99.51, "small_int4": 99.15}
LOST = {"mlp_smartdeal": 0.1, "dense_smartdeal": 0.2, "cnn_escalate": 0.25, "circulant_spectra8": 0.4, "circulant_spectra4": 0.4,
        "small_int4": 0.1}


@pytest.fixture(scope="module")
def test_images():
    return mnist.load(fetch.fetch(fetch.default_directory()), "t10k")


@pytest.mark.parametrize("name", ASKED)
def test_trained_network_is_as_small_and_as_accurate_as_asked(name, test_images, tmp_path):
    row = figures.evaluate(mnist.MODELS / f"mnist_{name}.onnx", tmp_path, test_images)
    dense, factor = ASKED[name]
    print(f"{name}: {row['tensor_bytes']} bytes, {dense / row['tensor_bytes']:.1f} times fewer, {row['accuracy']:.2f} %; {row}")
    assert dense >= factor * row["tensor_bytes"]
    assert row["accuracy"] >= DENSE[name] - LOST[name]
    # Logits that are nearly equal may be ordered otherwise.
    assert row.get("different", 0) <= 3


# Recipe: its dense one, bytes of that, how many times fewer are asked, and how many points may be lost, a mean over the seeds.
TABLE = {"mlp-smartdeal": ("mlp", MLP, 14, 0.1), "mlp-smartdeal-post": ("mlp", MLP, 9.5, 0.15), "dense-smartdeal": ("dense", LENET, 17, 0.2),
         "cnn-escalate": ("cnn", CNN, 42, 0.25), "circulant-spectra8": ("dense", LENET, 140, 0.4),
         "circulant-spectra4": ("dense", LENET, 250, 0.4), "small-int4": ("small", 4 * 10_114, 7, 0.1)}


@pytest.mark.parametrize("recipe", [name for name in TABLE if list(mnist.SEEDS.glob(f"{name}-seed*.onnx"))])
def test_means_of_seeds_are_as_asked(recipe, test_images, tmp_path):
    start, size, factor, lost = TABLE[recipe]
    dense = json.loads((mnist.SEEDS / "dense.json").read_text())[start]
    rows = {path.stem[-1]: figures.evaluate(path, tmp_path, test_images) for path in sorted(mnist.SEEDS.glob(f"{recipe}-seed?.onnx"))}
    losses = [dense[seed] - row["accuracy"] for seed, row in rows.items()]
    print(f"{recipe}: lost {np.mean(losses):.3f}, each {losses}; {[size / row['tensor_bytes'] for row in rows.values()]} times fewer bytes")
    assert min(size / row["tensor_bytes"] for row in rows.values()) >= factor
    assert np.mean(losses) <= lost
    assert max(row.get("different", 0) for row in rows.values()) <= 3


@pytest.mark.parametrize("name", ASKED)
def test_library_is_as_small_as_the_file(name, tmp_path):
    """At most 15 % larger, of which the report names the parts."""
    path, report = mnist.MODELS / f"mnist_{name}.onnx", tmp_path / "report.json"
    compress_mlir.compile(path, tmp_path, objective="bytes", report=report)
    report = json.loads(report.read_text())
    stored = onnx_functions.tensor_bytes(onnx.load(str(path)))
    print(f"{name}: {stored} bytes in the file, {report['weight_bytes']} in the library: {report['weights']}")
    parts = report["weights"]
    assert sum(parts.values()) == report["weight_bytes"]
    assert report["weight_bytes"] <= 1.15 * stored
    assert parts["i8"] <= stored


@pytest.mark.parametrize("objective", ["time", "bytes"])
@pytest.mark.parametrize("name", ASKED)
def test_library_is_the_file_in_double(name, objective, rng, tmp_path):
    """Against NumPy in double, whichever form a layer has; the bound of scripts/bench."""
    path, x = mnist.MODELS / f"mnist_{name}.onnx", rng.standard_normal((3, 1, 28, 28)).astype(np.float32)
    library = compress_mlir.load(compress_mlir.compile(path, tmp_path, objective=objective))
    exact = models.Evaluator(path)(x)
    error = np.linalg.norm(library.run({"image": x})["logits"] - exact) / np.linalg.norm(exact)
    print(f"{name}, {objective}: {error:.1e}")
    assert error <= 1e-5


@pytest.mark.parametrize("name", ASKED)
def test_files_hold_codes_only(name):
    """No f32 tensor of a weight's size is left."""
    sizes = [len(t.raw_data) for t in onnx.load(str(mnist.MODELS / f"mnist_{name}.onnx")).graph.initializer
             if t.data_type == onnx.TensorProto.FLOAT]
    assert sum(sizes) <= 64
