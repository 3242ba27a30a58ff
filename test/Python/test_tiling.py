"""Every linalg op that the importer and compress-expand emit computes the same when it is tiled by sizes that do not divide."""
import pathlib
import subprocess

import numpy as np
import pytest
from onnx import helper

import compress_mlir
from compress_mlir.native import _find_compiler
from test_import import floats, make_model, save

OPT = pathlib.Path(_find_compiler()).parent / "compress-opt"


def circulant(rows, cols):
    return helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=rows, cols=cols)


def networks(rng):
    """name: (nodes, input shape, constants)"""
    node = helper.make_node
    return {
        "fc": ([circulant(11, 13), node("Gemm", ["x", "w", "b"], ["z"], transB=1), node("Relu", ["z"], ["y"])], [3, 13],
               {"c": floats(rng, 3, 4, 4), "b": floats(rng, 11)}),
        "fc of an input's blocks": ([circulant(9, 7), node("Transpose", ["w"], ["t"]), node("MatMul", ["x", "t"], ["y"])],
                                    [3, 7], {"c": floats(rng, 3, 3, 3)}),
        "conv": ([circulant(7, 5), node("Conv", ["x", "w", "b"], ["y"], strides=[2, 1], pads=[1, 1, 0, 1], dilations=[1, 2])],
                 [2, 5, 9, 11], {"c": floats(rng, 2, 2, 4, 3, 3), "b": floats(rng, 7)}),
        "conv of groups": ([node("Conv", ["x", "w"], ["y"], group=3, pads=[1, 1, 1, 1])], [2, 9, 7, 5],
                           {"w": floats(rng, 12, 3, 3, 3)}),
        "conv of a row": ([node("Conv", ["x", "w"], ["y"], strides=[2])], [2, 5, 11], {"w": floats(rng, 7, 5, 3)}),
        "pooling": ([node("MaxPool", ["x"], ["m"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
                     node("AveragePool", ["m"], ["a"], kernel_shape=[2, 3], pads=[1, 0, 0, 1]),
                     node("GlobalAveragePool", ["a"], ["y"])], [2, 5, 11, 9], {}),
        "softmax": ([node("Softmax", ["x"], ["y"], axis=1)], [3, 7, 5], {}),
        "elementwise": ([node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["m"]), node("Add", ["m", "b"], ["a"]),
                         node("Tanh", ["a"], ["t"]), node("LeakyRelu", ["t"], ["l"]), node("Clip", ["l", "low"], ["y"])],
                        [3, 7, 5], {"b": floats(rng, 7, 1), "low": np.float32(-0.5)}),
        "moves": ([node("Transpose", ["x"], ["t"], perm=[2, 0, 1]), node("Concat", ["t", "t"], ["y"], axis=1)], [3, 7, 5], {}),
        "normalization": ([node("BatchNormalization", ["x", "s", "s", "b", "s"], ["y"])], [3, 7, 5],
                          {"s": np.abs(floats(rng, 7)), "b": floats(rng, 7)}),
        "products": ([node("MatMul", ["x", "v"], ["y"])], [3, 7, 5], {"v": floats(rng, 3, 5, 11)}),
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", networks(np.random.default_rng(0)))
def test_tiled_ops_compute_the_same(name, seed, rng, tmp_path):
    nodes, shape, constants = networks(rng)[name]
    print(f"tiling seed {seed}")
    path = save(make_model(nodes, {"x": shape}, {"y": None}, constants, circulant=True), tmp_path)
    subprocess.run([_find_compiler(), str(path), "-o", str(tmp_path), "--emit", "mlir", "--quiet"], check=True)
    # Nothing is folded: the expansion itself is tiled and executed.
    pipeline = f"""builtin.module(compress-expand,func.func(test-compress-tile{{seed={seed}}},compress-results-to-destinations),
        one-shot-bufferize{{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map}},
        convert-compress-copies-to-linalg,func.func(convert-linalg-to-loops),canonicalize,compress-package{{name=tiled}},compress-lower)"""
    tiled = build(tmp_path, " ".join(pipeline.split()).replace(", ", ","))
    plain = compress_mlir.load(compress_mlir.compile(path, tmp_path, name="plain", expand=True))
    x = floats(rng, *shape)
    np.testing.assert_allclose(tiled.run({"x": x})["y"], plain.run({"x": x})["y"], rtol=1e-4, atol=1e-5)


def build(folder, pipeline):
    """Runs passes on model.mlir and links what comes out."""
    def run(*command, **kwargs):
        done = subprocess.run([str(c) for c in command], capture_output=True, **kwargs)
        assert done.returncode == 0, done.stderr
        return done.stdout

    lowered = run(OPT, folder / "model.mlir", f"--pass-pipeline={pipeline}")
    text = run("mlir-translate-22", "--mlir-to-llvmir", input=lowered)
    run("clang-22", "-w", "-O1", "-fPIC", "-shared", "-x", "ir", "-", "-o", folder / "libtiled.so", "-lm", input=text)
    return compress_mlir.load(folder / "libtiled.so")
