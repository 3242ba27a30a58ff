"""Malformed files: a clear error each, status 1, no crash, and nothing written."""
import os
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress_mlir.native import _find_compiler
from test_import import make_model


def gemm(**changes):
    """A good model of one layer, and its weight for changes."""
    model = make_model([helper.make_node("MatMul", ["x", "w"], ["y"], name="layer")], {"x": ["n", 4]}, {"y": ["n", 3]},
                       {"w": np.ones((4, 3), np.float32)})
    return model, model.graph.initializer[0]


def truncated():
    return gemm()[0].SerializeToString()[:-25]


def text():
    return b"this is no model\n" * 100


def empty():
    return b""


def image():
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def too_few_bytes():
    model, w = gemm()
    w.raw_data = w.raw_data[:-4]
    return model


def too_many_bytes():
    model, w = gemm()
    w.raw_data += b"\0\0\0\0"
    return model


def huge_claim():
    model, w = gemm()
    w.dims[0] = 2**40
    return model


def overflowing_claim():
    model, w = gemm()
    del w.dims[:]
    w.dims.extend([2**33, 2**33, 2**33])
    return model


def negative_extent():
    model, w = gemm()
    w.dims[0] = -4
    return model


def unknown_dtype():
    model, w = gemm()
    w.data_type = 99
    return model


def cycle():
    return make_model([helper.make_node("Add", ["x", "b"], ["a"], name="one"), helper.make_node("Relu", ["a"], ["b"], name="two")],
                      {"x": [2]}, {"b": [2]})


def undefined_operand():
    return make_model([helper.make_node("Add", ["x", "nowhere"], ["y"], name="lost")], {"x": [2]}, {"y": [2]})


def defined_twice():
    return make_model([helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Tanh", ["x"], ["y"])], {"x": [2]}, {"y": [2]})


def no_graph():
    return onnx.ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 15)])


def no_opset():
    model, _ = gemm()
    del model.opset_import[:]
    return model


def old_opset():
    model, _ = gemm()
    model.opset_import[0].version = 5
    return model


def missing_attribute():
    return make_model([helper.make_node("Concat", ["x", "x"], ["y"], name="joined")], {"x": [2]}, {"y": [4]})


def too_few_operands():
    return make_model([helper.make_node("MatMul", ["x"], ["y"], name="half")], {"x": [2, 2]}, {"y": [2, 2]})


def wrong_extents():
    return make_model([helper.make_node("MatMul", ["x", "w"], ["y"], name="layer")], {"x": ["n", 5]}, {"y": ["n", 3]},
                      {"w": np.ones((4, 3), np.float32)})


def huge_padding():
    return make_model([helper.make_node("Conv", ["x", "w"], ["y"], name="wide", pads=[2**40] * 4)], {"x": [1, 1, 4, 4]},
                      {"y": None}, {"w": np.ones((1, 1, 2, 2), np.float32)})


def huge_average():
    return make_model([helper.make_node("AveragePool", ["x"], ["y"], name="mean", kernel_shape=[2, 2], pads=[0, 0, 1, 1])],
                      {"x": [1, 1, 4, 2**31]}, {"y": None})


def circulant_of_wrong_rows():
    return make_model([helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=99, cols=4, name="blocks"),
                       helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], {"x": ["n", 4]}, {"y": None},
                      {"c": np.ones((1, 1, 4), np.float32)}, circulant=True)


def symbolic_inner_dimension():
    return make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": [1, 3, "height", "width"]}, {"y": None})


CASES = [
    (truncated, "truncated, or is no ONNX file"), (text, "no ONNX"), (empty, "no ONNX model"), (image, "no ONNX"),
    (too_few_bytes, "'w': its shape needs 48 bytes, but it holds 44"),
    (too_many_bytes, "'w': its shape needs 48 bytes, but it holds 52"),
    (huge_claim, "'w'"), (overflowing_claim, "'w': claims more bytes than any memory holds"),
    (negative_extent, "'w': has a negative extent"), (unknown_dtype, "'w': element type number 99 is not supported"),
    (cycle, "the graph has a cycle"), (undefined_operand, "node 'lost' .*'nowhere'"), (defined_twice, "'y' is defined twice"),
    (no_graph, "no graph"), (no_opset, "no opset"), (old_opset, "its opset is 5"),
    (missing_attribute, "node 'joined' .*axis"), (too_few_operands, "node 'half' "),
    (wrong_extents, "node 'layer' .*inner extents 5 and 4"), (huge_padding, "node 'wide' .*out of range"),
    (huge_average, "node 'mean' .*places"),
    (circulant_of_wrong_rows, "node 'blocks' .*rows = 99"), (symbolic_inner_dimension, "'height'.* is not fixed"),
]


def compile_fails(path, folder, pattern):
    done = subprocess.run([_find_compiler(), str(path), "-o", str(folder / "out")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    errors = [line for line in done.stderr.splitlines() if "error: " in line]
    assert len(errors) == 1, done.stderr
    import re
    assert re.search(pattern, done.stderr), done.stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize("make,pattern", CASES, ids=[make.__name__ for make, _ in CASES])
def test_malformed_file_gets_one_clear_error(make, pattern, tmp_path):
    content = make()
    path = tmp_path / "bad.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    compile_fails(path, tmp_path, pattern)


def test_missing_model(tmp_path):
    compile_fails(tmp_path / "nowhere.onnx", tmp_path, "does not exist")


def test_directory_as_model(tmp_path):
    compile_fails(tmp_path, tmp_path, "cannot be read|no ONNX")


EXTERNAL = [
    ("nowhere.bin", {}, "cannot be read"), ("../outside.bin", {}, "outside of the model's folder"),
    ("link.bin", {}, "outside of the model's folder"), ("sub/../../outside.bin", {}, "outside of the model's folder"),
    ("/etc/hostname", {}, "no path relative"), ("", {}, "no path relative"), ("sub", {}, "no regular file"),
    ("weights.bin", {"offset": "8"}, "has 48 bytes, but bytes 8 to 56"),
    ("weights.bin", {"length": "8"}, "its external length is 8"), ("weights.bin", {"offset": "-1"}, "is no number"),
    ("weights.bin", {"offset": "18446744073709551615"}, "has 48 bytes"), ("linked/outside.bin", {}, "outside of the model's folder"),
]


@pytest.mark.parametrize("location,extra,pattern", EXTERNAL, ids=[repr(row[:2]) for row in EXTERNAL])
def test_external_data_stays_inside_the_folder(location, extra, pattern, tmp_path):
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    for path in (tmp_path / "outside.bin", folder / "weights.bin"):
        path.write_bytes(np.ones(12, np.float32).tobytes())
    os.symlink(tmp_path / "outside.bin", folder / "link.bin")
    os.symlink(tmp_path, folder / "linked")
    model, w = gemm()
    w.ClearField("raw_data")
    w.data_location = TensorProto.EXTERNAL
    for key, value in dict(location=location, **extra).items():
        w.external_data.add(key=key, value=value)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    compile_fails(path, folder, pattern)


def test_every_prefix_of_a_model_is_refused_or_taken(tmp_path):
    """Cutting a file anywhere never crashes the compiler."""
    whole = gemm()[0].SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        done = subprocess.run([_find_compiler(), str(path), "-o", str(tmp_path / "out"), "--emit", "mlir", "--quiet"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), (length, done.returncode, done.stderr)
        assert done.returncode == 0 or "error: " in done.stderr
