"""The trained networks: accuracy of the compiled libraries on all 10,000 test images, and agreement with other ways to run
them. Fetches MNIST; where ORT_LIB names libonnxruntime.so.1, ONNX Runtime runs the same files unchanged."""
import ctypes
import os
import pathlib

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import compress_mlir
import fetch
import mnist
from compress_mlir import reference
from compress_mlir.native import _find_compiler

EPS = 2.0**-24
PEER = pathlib.Path(_find_compiler()).resolve().parents[1] / "lib" / "libcompress_ort_peer.so"


@pytest.fixture(scope="module")
def data():
    return mnist.load(fetch.fetch(fetch.default_directory()), "t10k")


@pytest.fixture(scope="module")
def logits(data, tmp_path_factory):
    """Logits of both networks by their libraries, and the light one's oracle."""
    folder = tmp_path_factory.mktemp("mnist")
    results = {}
    for name in ("dense", "circulant"):
        library = compress_mlir.load(compress_mlir.compile(mnist.MODELS / f"mnist_{name}.onnx", folder))
        results[name] = library.run({"image": data[0]})["logits"]
    return results


def weights(name):
    """Tensors of a network by their layer's shape: dense weights and biases, in order."""
    model = onnx.load(str(mnist.MODELS / f"mnist_{name}.onnx"))
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Circulant":
            size = {a.name: a.i for a in node.attribute}
            tensors[node.output[0]] = reference.circulant(tensors[node.input[0]], size["rows"], size["cols"])
    layers = []
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm"):
            layers.append((tensors[node.input[1]].astype(np.float64), tensors[node.input[2]].astype(np.float64)))
    return layers


def error_bounds(name, images):
    """Bounds of the logits' errors: each layer's own by the direct form of DESIGN section 6, eps n sum |w| |x|, plus what the
    errors of its input become. Pooling and relu do not grow errors. (The spectral form's own bound is of the same size.)"""
    def conv(x, w):
        windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), (2, 3))
        return np.einsum("ncyxij,ocij->noyx", windows, w, optimize=True)

    def pool(x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))

    x, error = images.astype(np.float64), np.zeros(images.shape)
    for i, (w, b) in enumerate(weights(name)):
        terms = w[0].size + 1
        if w.ndim == 4:
            error = EPS * terms * (conv(np.abs(x), np.abs(w)) + np.abs(b)[:, None, None]) + conv(error, np.abs(w))
            x, error = pool(conv(x, w) + b[:, None, None]), pool(error)
        else:
            x, error = x.reshape(len(x), -1), error.reshape(len(x), -1)
            error = EPS * terms * (np.abs(x) @ np.abs(w).T + np.abs(b)) + error @ np.abs(w).T
            x = x @ w.T + b
        x = np.maximum(x, 0) if i < 3 else x
    return x, error


def assert_same_predictions(ours, theirs, images, name):
    """Predictions may differ only where the two top logits are closer than twice the bound."""
    different = np.flatnonzero(ours.argmax(1) != theirs.argmax(1))
    print(f"{name}: {len(different)} of {len(ours)} predictions differ, largest difference {np.abs(ours - theirs).max():.2e}")
    assert len(different) <= 5
    if len(different):
        exact, bound = error_bounds(name, images[different])
        top = np.sort(exact, 1)
        assert (top[:, -1] - top[:, -2] < 2 * bound.max(1)).all()


@pytest.mark.parametrize("name,least", [("dense", 99.3), ("circulant", None)])
def test_accuracy_of_the_compiled_library(name, least, logits, data):
    accuracy = {n: 100 * (logits[n].argmax(1) == data[1]).mean() for n in logits}
    print(f"{name}: {accuracy[name]:.2f} %")
    assert accuracy[name] >= (least if least else accuracy["dense"] - 0.4)


@pytest.mark.parametrize("rules,lost", [("int8", 0.1), ("int4", 0.1), ("*Gemm: smartdeal(0.72); default: int8", 0.25)])
def test_accuracy_after_compression_without_training(rules, lost, logits, data, tmp_path):
    """1,000 training images are the calibration."""
    seen, _ = mnist.load(fetch.fetch(fetch.default_directory()), "train")
    light = compress_mlir.obtain(mnist.MODELS / "mnist_dense.onnx", tmp_path, rules, calibration=seen[:1000])
    accuracy, dense = (100 * (y.argmax(1) == data[1]).mean() for y in (light.load().run({"image": data[0]})["logits"], logits["dense"]))
    print(f"{rules}: {light.total['bytes_before'] / light.total['bytes_after']:.2f} times fewer bytes, {accuracy:.2f} % of {dense:.2f} %")
    assert accuracy >= dense - lost


def test_light_file_stores_thirty_times_fewer_weight_bytes():
    def stored(name):
        return sum(numpy_helper.to_array(t).nbytes for t in onnx.load(str(mnist.MODELS / f"mnist_{name}.onnx")).graph.initializer
                   if t.data_type == onnx.TensorProto.FLOAT)
    print(f"dense {stored('dense')} bytes, circulant {stored('circulant')} bytes: {stored('dense') / stored('circulant'):.1f} times")
    assert stored("dense") >= 30 * stored("circulant")


@pytest.mark.parametrize("name", ["dense", "circulant"])
def test_logits_are_within_the_bounds_of_numpy_in_double(name, logits, data):
    images = data[0][:500]
    exact, bound = error_bounds(name, images)
    fraction = (np.abs(logits[name][:500] - exact) / bound).max()
    print(f"{name}: fraction of the bound {fraction:.1e}")
    assert fraction <= 1


@pytest.mark.parametrize("name", ["dense", "circulant"])
def test_predictions_equal_those_of_onnx_runtime(name, logits, data):
    runtime = os.environ.get("ORT_LIB")
    if not runtime:
        pytest.skip("set ORT_LIB to libonnxruntime.so.1 (npm package onnxruntime-node)")
    theirs = run_onnx_runtime(runtime, mnist.MODELS / f"mnist_{name}.onnx", data[0], 10)
    assert_same_predictions(logits[name], theirs, data[0], name)


def run_onnx_runtime(runtime, model, images, classes):
    library = ctypes.CDLL(str(PEER))
    peer, error = ctypes.c_void_p(), ctypes.create_string_buffer(512)
    code = library.ort_peer_open(runtime.encode(), str(model).encode(), 1, ctypes.byref(peer), error, ctypes.c_size_t(512))
    assert code == 0, error.value
    result = np.empty((len(images), classes), np.float32)
    images, shape = np.ascontiguousarray(images), (ctypes.c_int64 * images.ndim)(*images.shape)
    code = library.ort_peer_run(peer, b"image", ctypes.c_void_p(images.ctypes.data), shape, ctypes.c_size_t(images.ndim),
                                b"logits", ctypes.c_void_p(result.ctypes.data), ctypes.c_size_t(result.size), error,
                                ctypes.c_size_t(512))
    assert code == 0, error.value
    library.ort_peer_close(peer)
    return result


def test_circulant_function_means_the_documented_matrix_in_onnx_runtime(tmp_path):
    """The function's own body, run by ONNX Runtime, on shapes that do not divide."""
    runtime = os.environ.get("ORT_LIB")
    if not runtime:
        pytest.skip("set ORT_LIB to libonnxruntime.so.1 (npm package onnxruntime-node)")
    from onnx import helper
    from test_import import make_model, save
    for rows, cols, k in ((7, 10, 4), (5, 9, 3), (6, 6, 1), (64, 64, 64)):
        c = np.random.default_rng(0).standard_normal((-(-rows // k), -(-cols // k), k)).astype(np.float32)
        nodes = [helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=rows, cols=cols),
                 helper.make_node("Gemm", ["image", "w"], ["logits"], transB=1)]
        path = save(make_model(nodes, {"image": ["n", cols]}, {"logits": ["n", rows]}, {"c": c}, circulant=True), tmp_path)
        x = np.random.default_rng(1).standard_normal((3, cols)).astype(np.float32)
        np.testing.assert_allclose(run_onnx_runtime(runtime, path, x, rows), x @ reference.circulant(c, rows, cols).T,
                                   rtol=1e-4, atol=1e-4)
