"""Layers of codes times a small basis (SmartDeal) on activations that are rounded to int8 (compress.basis_dot).

Where activations are integers of which the largest of each slice is 127, and bases are integers, nothing is rounded: the output is the
product bit by bit. Elsewhere the oracles are those of test_code_decoders.py.
"""
import subprocess
import sys

import numpy as np
import onnx
import pytest
from conftest import ROOT, need_to_run
from onnx import TensorProto, helper, numpy_helper

from compress_mlir import onnx_functions
from compress_mlir.native import _find_compiler

sys.path.insert(0, str(ROOT))
from benchmarks import models  # noqa: E402

EMULATED, EXACT = 5e-4, 2e-2
POWERS = [sign * m for sign in (1.0, -1.0) for m in (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)]
INTEGERS = [float(c - 16 * (c > 7)) for c in range(16)]
TERNARY = [0.0, 1.0, -2.0, -1.0]
TARGETS = [{"vector_lanes": 1}, {"vector_lanes": 4}, {"target_cpu": "haswell"}, {"target_cpu": "x86-64"}, {"target_cpu": "skylake-avx512"}]


class Layer:
    """`outs` x cols from `slices` of `rows` rows: r codes each, times r x columns. `mask`: whole, element, or shared by 32 outputs."""

    def __init__(self, rng, outs, slices, rows, r=3, columns=3, cropped=0, table=POWERS, mask="shared", integers=False):
        self.outs, self.slices, self.rows, self.columns = outs, slices, rows, columns
        self.cols, self.table, self.bits = slices * rows * columns - cropped, table, (len(table) - 1).bit_length()
        self.shape = outs, slices, rows, r
        raws = np.array([0, 1, 3] if table is TERNARY else range(len(table)), np.uint8)
        self.codes = rng.choice(raws, self.shape)
        per = 32 if mask == "shared" and outs % 32 == 0 else 1
        self.mask = rng.random((outs // per, slices, rows, 1)) < (1.1 if mask == "whole" else 0.5)
        self.mask[0, 0, 0] = True
        self.per = per
        draw = (lambda *shape: rng.integers(-3, 4, shape)) if integers else (lambda *shape: rng.standard_normal(shape))
        self.basis = draw(outs, slices, r, columns).astype(np.float32)
        self.scales = np.ones((1, 1, 1, 1), np.float32)
        if mask == "whole" and not integers:
            self.scales = rng.uniform(.5, 2, (outs, 1, 1, 1)).astype(np.float32)

    @property
    def weight(self):
        kept = np.repeat(self.mask, self.per, 0)
        coefficients = np.array(self.table)[self.codes] * kept * self.scales
        return (coefficients @ self.basis.astype(float)).reshape(self.outs, -1)[:, :self.cols]

    def save(self, folder):
        graph = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], "g",
                                  [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", self.cols])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", self.outs])])
        weights = onnx_functions.LightWeights(graph)
        if self.mask.all():
            coefficients = weights.dequantize("c", self.codes, self.bits, self.table, self.scales)
        else:
            boxes = self.codes.reshape(-1, self.per, *self.shape[1:])
            boxes = np.moveaxis(boxes, 1, 3)[self.mask[..., 0]][:, :, None, None]
            values = weights.dequantize("v", boxes, self.bits, self.table, np.ones((1,) * 5, np.float32))
            coefficients = weights.unpack("c", values, self.mask, self.shape)
        weights.factorized("w", coefficients, weights.tensor("b", self.basis), batch=2, collapse=[[0], [1, 2, 3]],
                           expand=[[self.outs], [self.cols]])
        weights.finish()
        model = onnx_functions.add_functions(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)]))
        onnx.save(model, str(folder / "layer.onnx"))
        return folder / "layer.onnx"

    def rounded(self, x):
        slice = self.rows * self.columns
        blocks = np.pad(x.astype(float), ((0, 0), (0, self.slices * slice - self.cols))).reshape(len(x), self.slices, slice)
        scale = np.abs(blocks).max(-1, keepdims=True) / 127
        return (np.rint(blocks / np.where(scale > 0, scale, 1)) * scale).reshape(len(x), -1)[:, :self.cols]

    def integers(self, rng, batch):
        """Activations from -127 to 127, one of them in each slice."""
        x = rng.integers(-127, 128, (batch, self.cols)).astype(np.float32)
        x[:, ::self.rows * self.columns] = 127
        return x


def build(compile_and_load, layer, folder, **options):
    return compile_and_load(layer.save(folder), force="basis_dot", precision="i8", **options)


def check_exact(layer, library, rng, batches):
    for batch in batches:
        x = layer.integers(rng, batch)
        np.testing.assert_array_equal(library.run({"x": x})["y"], x.astype(float) @ layer.weight.T)


# Rows that fill no word, no chunk of 64 and more; outputs that fill no vector and no panel; inputs cropped; other bases than 3 x 3.
SHAPES = [dict(outs=5, slices=1, rows=3), dict(outs=17, slices=2, rows=31), dict(outs=33, slices=2, rows=70, cropped=4),
          dict(outs=64, slices=3, rows=130, cropped=1), dict(outs=64, slices=2, rows=64, r=2, columns=3),
          dict(outs=40, slices=2, rows=40, r=1, columns=2), dict(outs=96, slices=1, rows=33, r=4, columns=4),
          dict(outs=32, slices=2, rows=20, r=1, columns=1)]


@pytest.mark.parametrize("mask", ["whole", "element", "shared"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(map(str, shape.values())))
def test_integers_are_multiplied_exactly(shape, mask, rng, compile_and_load, tmp_path):
    layer = Layer(rng, **shape, mask=mask, integers=True)
    check_exact(layer, build(compile_and_load, layer, tmp_path), rng, (0, 1, 3, 4, 17))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("table", [POWERS, INTEGERS, TERNARY], ids=["powers", "integers", "ternary"])
def test_other_processors_multiply_exactly(table, target, rng, compile_and_load, tmp_path):
    need_to_run(target.get("target_cpu"))
    layer = Layer(rng, 64, 2, 70, cropped=4, table=table, integers=True)
    check_exact(layer, build(compile_and_load, layer, tmp_path, **target), rng, (1, 4))


@pytest.mark.parametrize("mask", ["whole", "shared"])
def test_numbers_are_rounded_as_the_op_says(mask, rng, compile_and_load, tmp_path):
    layer = Layer(rng, 96, 3, 50, cropped=2, mask=mask)
    library = build(compile_and_load, layer, tmp_path)
    for batch in (1, 3, 17):
        x = rng.standard_normal((batch, layer.cols)).astype(np.float32)
        y, norm = library.run({"x": x})["y"], np.linalg.norm
        assert norm(y - layer.rounded(x) @ layer.weight.T) < EMULATED * norm(y)
        assert norm(y - x @ layer.weight.T) < EXACT * norm(y)


def test_what_the_scheme_makes_is_what_the_layer_computes(rng, compile_and_load, tmp_path):
    """smartdeal(share=32): half of the rows, as many in each slice, for 32 outputs at once; by the file that the tool writes."""
    weight = rng.standard_normal((64, 300)).astype(np.float32)
    graph = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=1)], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 300])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 64])],
                              [numpy_helper.from_array(weight, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.save(model, str(tmp_path / "net.onnx"))
    rules = "default: smartdeal(sparsity=0.5, rows=50, share=32)"
    subprocess.run([_find_compiler(), str(tmp_path / "net.onnx"), "-o", str(tmp_path), "--emit", "onnx", "--quiet", "--compress", rules],
                   check=True)
    light = onnx.load(str(tmp_path / "net.light.onnx"))
    (unpack,) = (node for node in light.graph.node if node.op_type == "Unpack")
    mask = next(numpy_helper.to_array(i) for i in light.graph.initializer if i.name == unpack.input[1])
    kept = np.unpackbits(mask, bitorder="little")[:2 * 2 * 50].reshape(4, 50)
    np.testing.assert_array_equal(kept.sum(1), 25)
    x = rng.standard_normal((5, 300)).astype(np.float32)
    exact = models.Evaluator(tmp_path / "net.light.onnx")(x)
    assert np.linalg.norm(exact - x @ weight.T) < np.linalg.norm(exact)  # half of the weights is gone
    for model in (tmp_path / "net.light.onnx", dict(compress=rules)):
        path, options = (tmp_path / "net.onnx", model) if isinstance(model, dict) else (model, {})
        y = compile_and_load(path, force="basis_dot", precision="i8", **options).run({"x": x})["y"]
        assert np.linalg.norm(y - exact) < EXACT * np.linalg.norm(exact)
