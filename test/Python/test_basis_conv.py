"""Convolutions whose kernels are ternary combinations of basis kernels (ESCALATE), by lists of channels (compress.basis_conv).

Where images, bases and scales are integers that the sums of f32 hold, nothing is rounded: the output is the convolution bit by bit. So
it is with rounded activations where the largest magnitude of each row is 127. test_forms.py compares other numbers with the oracle.
"""
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from conftest import ROOT, need_to_run
from onnx import TensorProto, helper, numpy_helper

import compress_mlir
from compress_mlir import onnx_functions
from compress_mlir.native import _find_compiler

sys.path.insert(0, str(ROOT))
from benchmarks import models  # noqa: E402

EMULATED, EXACT = 5e-4, 2e-2
TARGETS = [{"vector_lanes": 1}, {"vector_lanes": 4}, {"target_cpu": "haswell"}, {"target_cpu": "x86-64"}, {"target_cpu": "skylake-avx512"}]
SIGNS = [0.0, 1.0, -2.0, -1.0]


class Layer:
    """K x C x taps from coefficients K x C x M, of which the share `zeros` is 0; scales of (k, m), or of filters apart."""

    def __init__(self, rng, outs, ins, bases, taps=(3, 3), zeros=0.8, integers=True, per_filter=False, strides=(1, 1), dilations=(1, 1)):
        self.outs, self.ins, self.taps, self.strides, self.dilations = outs, ins, taps, strides, dilations
        shape = outs, ins, bases
        signs = rng.choice([-1, 1], shape)
        self.signs = signs * (rng.random(shape) >= zeros)
        draw = (lambda *s: rng.integers(-2, 3, s)) if integers else (lambda *s: rng.standard_normal(s))
        self.basis = draw(bases, *taps).astype(np.float32)
        scales = (outs, 1, 1) if per_filter else (outs, 1, bases)
        self.scales = (rng.integers(1, 3, scales) if integers else rng.uniform(.5, 2, scales)).astype(np.float32)
        self.per_filter = per_filter

    @property
    def weight(self):
        return np.tensordot(self.signs * self.scales.astype(float), self.basis.astype(float), 1)

    def save(self, folder, height, width, pads, bias=None):
        """`pads` as of ONNX: top, left, bottom, right. With a bias there is a ReLU behind."""
        rows, columns = self.exact(np.zeros((1, self.ins, height, width)), pads).shape[2:]
        attributes = dict(pads=pads, strides=self.strides, dilations=self.dilations)
        nodes = [helper.make_node("Conv", ["x", "w"], ["y"], **attributes)]
        if bias is not None:
            nodes = [helper.make_node("Conv", ["x", "w", "bias"], ["z"], **attributes), helper.make_node("Relu", ["z"], ["y"])]
        graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", self.ins, height, width])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", self.outs, rows, columns])],
                                  [] if bias is None else [numpy_helper.from_array(bias, "bias")])
        weights = onnx_functions.LightWeights(graph)
        ones = np.ones((1, 1, 1), np.float32)
        coefficients = weights.dequantize("c", self.signs & 3, 2, SIGNS, ones if self.per_filter else self.scales)
        basis = weights.tensor("b", self.basis)
        if self.per_filter:  # as examples/mnist's training writes it
            kernels = weights.factorized("kernels", coefficients, basis, expand=[[self.outs, 1], [self.ins]] + [[t] for t in self.taps])
            weights.factorized("w", weights.tensor("s", self.scales.reshape(-1, 1)), kernels, batch=1,
                               expand=[[self.outs], [self.ins]] + [[t] for t in self.taps])
        else:
            weights.factorized("w", coefficients, basis)
        weights.finish()
        model = onnx_functions.add_functions(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)]))
        onnx.save(model, str(folder / "layer.onnx"))
        return folder / "layer.onnx"

    def exact(self, x, pads):
        padded = np.pad(x.astype(float), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        (u, v), (d, e) = self.strides, self.dilations
        spans = [(taps - 1) * dilation + 1 for taps, dilation in zip(self.taps, self.dilations)]
        windows = np.lib.stride_tricks.sliding_window_view(padded, spans, (2, 3))[:, :, ::u, ::v, ::d, ::e]
        return np.einsum("ncyxij,ocij->noyx", windows, self.weight, optimize=True)


def rounded(x):
    scale = np.abs(x.astype(float)).max((1, 3), keepdims=True) / 127
    return np.rint(x / np.where(scale > 0, scale, 1)) * scale


def images(rng, shape):
    """Integers from -127 to 127, one of the largest in each row."""
    x = rng.integers(-127, 128, shape).astype(np.float32)
    x[:, rng.integers(shape[1]), :, rng.integers(shape[3])] = -127
    return x


# outs, ins, bases, taps; height, width; pads: rows of one pixel, of several tiles, that fill vectors or not, pads of more than the taps.
SHAPES = [((3, 5, 1, (3, 3)), (7, 9), (1, 1, 1, 1)), ((7, 11, 3, (3, 3)), (5, 14), (1, 1, 1, 1)), ((5, 3, 2, (2, 4)), (3, 61), (0, 3, 1, 0)),
          ((4, 6, 5, (3, 3)), (4, 95), (1, 1, 1, 1)), ((2, 300, 2, (3, 1)), (3, 1), (2, 0, 1, 0)), ((3, 4, 2, (1, 7)), (1, 33), (0, 3, 0, 3)),
          ((3, 2, 2, (3, 3)), (1, 1), (4, 5, 3, 4)), ((8, 8, 4, (3, 3)), (6, 30), (0, 0, 0, 0)), ((2, 3, 2, (5, 5)), (9, 64), (2, 2, 2, 2))]


def build(compile_and_load, layer, folder, size, pads, precision=None, **options):
    form = "lists_i16" if precision else "lists"
    return compile_and_load(layer.save(folder, *size, pads), force=form, precision=precision, **options)


@pytest.mark.parametrize("precision", [None, "i8"], ids=["f32", "i16"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape[0][:3] + shape[1])))
def test_integers_are_summed_exactly(shape, precision, rng, compile_and_load, tmp_path):
    layer, size, pads = Layer(rng, *shape[0]), *shape[1:]
    library = build(compile_and_load, layer, tmp_path, size, pads, precision)
    for batch in (0, 1, 3):
        x = images(rng, (batch, layer.ins, *size))
        np.testing.assert_array_equal(library.run({"x": x})["y"], layer.exact(x, pads))


# strides, dilations; taps; height, width; pads: rows of the result that no row of a tile reaches, tiles of several columns.
STEPS = [((2, 2), (1, 1), (3, 3), (9, 14), (1, 1, 1, 1)), ((2, 2), (1, 1), (3, 3), (8, 70), (1, 1, 0, 1)), ((3, 1), (1, 2), (2, 3), (10, 40), (0, 2, 0, 2)),
         ((1, 3), (2, 1), (3, 2), (7, 31), (2, 0, 2, 1)), ((2, 2), (1, 1), (1, 1), (5, 7), (0, 0, 0, 0)), ((1, 1), (3, 4), (3, 3), (11, 20), (3, 4, 3, 4)),
         ((4, 5), (2, 3), (2, 3), (13, 37), (1, 6, 3, 2))]


@pytest.mark.parametrize("precision", [None, "i8"], ids=["f32", "i16"])
@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: "-".join(map(str, sum(steps[:3], ()))))
def test_strides_and_dilations_are_exact(steps, precision, rng, compile_and_load, tmp_path):
    strides, dilations, taps, size, pads = steps
    layer = Layer(rng, 5, 9, 3, taps, strides=strides, dilations=dilations)
    for lanes in (None, 4):
        library = build(compile_and_load, layer, tmp_path, size, pads, precision, vector_lanes=lanes)
        x = images(rng, (2, 9, *size))
        np.testing.assert_array_equal(library.run({"x": x})["y"], layer.exact(x, pads))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("precision", [None, "i8"], ids=["f32", "i16"])
def test_other_processors_sum_exactly(precision, target, rng, compile_and_load, tmp_path):
    need_to_run(target.get("target_cpu"))
    layer, size, pads = Layer(rng, 5, 9, 3), (4, 37), [1, 1, 1, 1]
    library = build(compile_and_load, layer, tmp_path, size, pads, precision, **target)
    x = images(rng, (2, 9, *size))
    np.testing.assert_array_equal(library.run({"x": x})["y"], layer.exact(x, pads))


@pytest.mark.parametrize("precision", [None, "i8"], ids=["f32", "i16"])
@pytest.mark.parametrize("zeros", [0.0, 1.0, "plus", "minus", "one"])
def test_lists_may_be_empty_or_whole(zeros, precision, rng, compile_and_load, tmp_path):
    layer, size, pads = Layer(rng, 3, 6, 2, zeros=zeros if isinstance(zeros, float) else 0.0), (5, 12), [1, 1, 1, 1]
    if zeros in ("plus", "minus"):
        layer.signs = np.full_like(layer.signs, 1 if zeros == "plus" else -1)
    if zeros == "one":
        layer.signs *= 0
        layer.signs[1, 4, 1] = -1
    library = build(compile_and_load, layer, tmp_path, size, pads, precision)
    x = images(rng, (2, 6, *size))
    np.testing.assert_array_equal(library.run({"x": x})["y"], layer.exact(x, pads))


@pytest.mark.parametrize("precision", [None, "i8"], ids=["f32", "i16"])
def test_sums_start_from_a_bias(precision, rng, compile_and_load, tmp_path):
    layer, size, pads = Layer(rng, 5, 6, 3), (8, 33), [1, 1, 1, 1]
    bias = rng.integers(-50, 50, 5).astype(np.float32)
    form = "lists_i16" if precision else "lists"
    library = compile_and_load(layer.save(tmp_path, *size, pads, bias), force=form, precision=precision)
    x = images(rng, (3, 6, *size))
    np.testing.assert_array_equal(library.run({"x": x})["y"], np.maximum(layer.exact(x, pads) + bias[:, None, None], 0))


def test_numbers_are_rounded_as_the_op_says(rng, compile_and_load, tmp_path):
    layer, size, pads = Layer(rng, 8, 40, 6, zeros=0.9, integers=False), (9, 30), [1, 1, 1, 1]
    library = build(compile_and_load, layer, tmp_path, size, pads, "i8")
    x = rng.standard_normal((3, 40, *size)).astype(np.float32)
    x[1, :, 4] = 0  # a row without a scale
    y, norm = library.run({"x": x})["y"], np.linalg.norm
    assert norm(y - layer.exact(rounded(x), pads)) < EMULATED * norm(y)
    assert norm(y - layer.exact(x, pads)) < EXACT * norm(y)


@pytest.mark.parametrize("signs", [1, -1, 0])
@pytest.mark.parametrize("entries", [258, 259, 700])
def test_the_largest_sums_fit_16_bits(entries, signs, rng, compile_and_load, tmp_path):
    """258 * 127 = 32766 is in 16 bits, and 259 * 127 is not: longer lists are summed in parts. `signs` 0: half of each, of largest sums."""
    size, pads = (2, 20), [0, 0, 0, 0]
    layer = Layer(rng, 2, 700, 1, (1, 2))
    layer.signs *= 0
    layer.signs[0, :entries] = signs or np.where(np.arange(entries) % 2, 1, -1)[:, None]
    layer.signs[1, 3] = 1
    x = np.full((1, 700, *size), 127, np.float32)
    if not signs:
        x[:, 0:entries:2] = -127
    library = build(compile_and_load, layer, tmp_path, size, pads, "i8")
    np.testing.assert_array_equal(library.run({"x": x})["y"], layer.exact(x, pads))


@pytest.mark.parametrize("precision", [None, "i8"], ids=["f32", "i16"])
def test_a_scale_for_each_filter_is_applied_after(precision, rng, compile_and_load, tmp_path):
    layer, size, pads = Layer(rng, 64, 64, 4, zeros=0.7, per_filter=True), (14, 14), [1, 1, 1, 1]
    report = tmp_path / "report.json"
    library = compile_and_load(layer.save(tmp_path, *size, pads), precision=precision, report=report)
    form = "lists_i16" if precision else "lists"
    assert any(f": {form}: " in entry["text"] for entry in json.loads(report.read_text())["layers"] if entry["kind"] == "passed")
    x = images(rng, (2, 64, *size))
    np.testing.assert_array_equal(library.run({"x": x})["y"], layer.exact(x, pads))


def test_order_b_holds_no_tensor_between_its_stages(rng, tmp_path):
    """Never K M H W or C M H W numbers: a vector for each channel and a few rows."""
    outs, ins, bases, size, pads = 24, 20, 4, (18, 40), [1, 1, 1, 1]
    path = Layer(rng, outs, ins, bases).save(tmp_path, *size, pads)

    def workspace(**options):
        report = tmp_path / "report.json"
        compress_mlir.compile(path, tmp_path, report=report, batch=1, **options)
        return json.loads(report.read_text())["workspace_bytes"]["most"]

    lanes, rows = 32, 4
    for bits, options in ((32, dict(force="lists")), (16, dict(force="lists_i16", precision="i8"))):
        used = workspace(**options)
        print(f"workspace of {bits} bits: {used} bytes")
        assert used <= ins * rows * lanes * bits // 8 + 256
        assert used < min(outs, ins) * bases * size[0] * size[1]


def test_what_the_scheme_makes_is_balanced_and_what_the_layer_computes(rng, compile_and_load, tmp_path):
    """escalate(balanced): as many coefficients for each output and basis kernel, in the file and in the library's lists."""
    weight = rng.standard_normal((12, 20, 3, 3)).astype(np.float32)
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1, 1, 1, 1])], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 20, 14, 14])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 12, 14, 14])],
                              [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.save(model, str(tmp_path / "net.onnx"))
    rules = "default: escalate(bases=5, sparsity=0.9, balanced=true)"
    subprocess.run([_find_compiler(), str(tmp_path / "net.onnx"), "-o", str(tmp_path), "--emit", "onnx", "--quiet", "--compress", rules],
                   check=True)
    light = tmp_path / "net.light.onnx"
    x = rng.standard_normal((2, 20, 14, 14)).astype(np.float32)
    exact = models.Evaluator(light)(x)
    codes = next(i for i in onnx.load(str(light)).graph.initializer if i.name == "w/coefficients/codes")
    raw = np.unpackbits(numpy_helper.to_array(codes), bitorder="little").reshape(12, 20, 5, 2)
    np.testing.assert_array_equal(raw[..., 0].sum(1), np.full((12, 5), 2))
    y = compile_and_load(light, force="lists").run({"x": x})["y"]
    assert np.linalg.norm(y - exact) < 1e-5 * np.linalg.norm(exact)
    y = compile_and_load(light, force="lists_i16", precision="i8").run({"x": x})["y"]
    assert np.linalg.norm(y - exact) < EXACT * np.linalg.norm(exact)
