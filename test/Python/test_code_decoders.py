"""Every decoder of compress.coded_dot: codes of an ONNX file (compress.Dequantize) on activations that are rounded to int8.

Where activations are integers of which the largest of each group is 127, and the scales are 1, nothing is rounded: the output is the
integer product, bit by bit. Elsewhere the oracle is the product in double of the numbers that the codes stand for, to the bound of
scripts/bench, and of activations rounded as the op's description says.
"""
import sys

import numpy as np
import onnx
import pytest
from conftest import ROOT
from onnx import TensorProto, helper

from compress_mlir import onnx_functions

sys.path.insert(0, str(ROOT))
from benchmarks import cases, models  # noqa: E402

EMULATED, EXACT = 5e-4, 2e-2
MOST_PER_GROUP = 256


def powers(bits, zero, least=0):
    magnitudes = [0.0] * zero + [2.0**(least + m) for m in range((1 << (bits - 1)) - zero)]
    return magnitudes + [-m for m in magnitudes]


def signed(bits):
    return [float(c - (1 << bits) * (c >= 1 << (bits - 1))) for c in range(1 << bits)]


# Bits and what each raw code stands for; the number of fields, of a table and of the sign differ.
DECODERS = {
    "unsigned1": (1, [0.0, 1.0]), "signed2": (2, signed(2)), "ternary": (2, [0.0, 1.0, -2.0, -1.0]), "pow2_2": (2, powers(2, False)),
    "signed3": (3, signed(3)), "pow2_3": (3, powers(3, False)), "unsigned4": (4, [float(c) for c in range(16)]),
    "signed4": (4, signed(4)), "pow2_4": (4, powers(4, True)), "pow2_4_small": (4, powers(4, True, -9)),
    "signed5": (5, signed(5)), "signed8": (8, signed(8)), "unsigned8": (8, [float(c) for c in range(256)]),
    "codebook": (4, [-100.0, -64.0, -33.0, -20.0, -7.0, -3.0, -1.0, 0.0, 1.0, 2.0, 5.0, 11.0, 25.0, 50.0, 99.0, 155.0]),
    "positive_codebook": (2, [1.0, 7.0, 50.0, 255.0]), "quarters": (2, [-1.0, -0.25, 0.25, 1.0])}
# Inputs and outputs that fill no word, no vector and no panel, one group in part, two of them, and several scales.
SHAPES = [(3, 5), (31, 17), (33, 33), (100, 5), (128, 32), (300, 33), (600, 17)]
TARGETS = [{"vector_lanes": 1}, {"vector_lanes": 2}, {"vector_lanes": 4}, {"target_cpu": "haswell"}, {"target_cpu": "x86-64"},
           {"target_cpu": "nehalem"}]


class Layer:
    def __init__(self, rng, decoder, cols, rows, per_scale=None, integers=False):
        self.bits, self.table = DECODERS[decoder]
        self.cols, self.rows = cols, rows
        raws = [0, 1, 3] if decoder == "ternary" else range(1 << self.bits)
        self.codes = rng.choice(np.array(raws, np.uint8), (rows, cols))
        shape = rows, -(-cols // per_scale) if per_scale else 1
        unit = min(abs(v) for v in self.table if v) if decoder in ("pow2_4_small", "quarters") else 1.0
        self.scales = np.full(shape, 1 / unit, np.float32) if integers else rng.uniform(.5, 1.5, shape).astype(np.float32)
        self.group = per_scale or self.group_of(cols)

    def group_of(self, cols):
        """Inputs that share a scale of activations: as many as all groups need, and whole words of codes."""
        field = max(2, 1 << (self.bits - 1).bit_length())
        most = -(-cols // -(-cols // MOST_PER_GROUP))
        up = lambda to: -(-most // to) * to
        return up(64) if up(64) - most <= most // 16 else up(32 // field)

    @property
    def weight(self):
        scales = np.repeat(self.scales.astype(float), self.cols if self.scales.shape[1] == 1 else self.group, 1)[:, :self.cols]
        return np.array(self.table)[self.codes] * scales

    def save(self, folder):
        graph = helper.make_graph([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], "g",
                                  [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", self.cols])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", self.rows])])
        weights = onnx_functions.LightWeights(graph)
        weights.dequantize("w", self.codes, self.bits, self.table, self.scales)
        if self.scales.shape[1] > 1:  # the last group may be shorter
            (group,) = (a for a in weights.nodes[-1].attribute if a.name == "group")
            group.ints[:] = [1, self.group]
        weights.finish()
        model = onnx_functions.add_functions(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)]))
        onnx.save(model, str(folder / "layer.onnx"))
        return folder / "layer.onnx"

    def groups(self, x):
        padded = np.pad(x.astype(float), ((0, 0), (0, -self.cols % self.group)))
        return padded.reshape(len(x), -1, self.group)

    def rounded(self, x):
        blocks = self.groups(x)
        scale = np.abs(blocks).max(-1, keepdims=True) / 127
        return (np.rint(blocks / np.where(scale > 0, scale, 1)) * scale).reshape(len(x), -1)[:, :self.cols]

    def integers(self, rng, batch):
        """Activations from -127 to 127, one of them in each group."""
        x = rng.integers(-127, 128, (batch, self.cols)).astype(np.float32)
        x[:, ::self.group] = 127
        return x


def build(compile_and_load, layer, folder, **options):
    return compile_and_load(layer.save(folder), force="coded", precision="i8", **options)


def check_exact(layer, library, rng, batches):
    for batch in batches:
        x = layer.integers(rng, batch)
        np.testing.assert_array_equal(library.run({"x": x})["y"], x.astype(float) @ layer.weight.T)


@pytest.mark.parametrize("cols,rows", SHAPES)
@pytest.mark.parametrize("decoder", DECODERS)
def test_integers_are_multiplied_exactly(decoder, cols, rows, rng, compile_and_load, tmp_path):
    layer = Layer(rng, decoder, cols, rows, integers=True)
    check_exact(layer, build(compile_and_load, layer, tmp_path), rng, (0, 1, 3, 4, 17))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("decoder", ["signed2", "ternary", "pow2_2", "signed4", "pow2_4", "codebook", "signed8"])
def test_other_processors_multiply_exactly(decoder, target, rng, compile_and_load, tmp_path):
    layer = Layer(rng, decoder, 300, 33, integers=True)
    check_exact(layer, build(compile_and_load, layer, tmp_path, **target), rng, (1, 4, 7))


@pytest.mark.parametrize("per_scale", [None, 32, 64])
@pytest.mark.parametrize("decoder", ["ternary", "pow2_4", "signed4", "signed8"])
def test_numbers_are_rounded_as_the_op_says(decoder, per_scale, rng, compile_and_load, tmp_path):
    for cols, rows in (100, 17), (288, 40):
        layer = Layer(rng, decoder, cols, rows, per_scale)
        library = build(compile_and_load, layer, tmp_path)
        for batch in (1, 3, 17):
            x = rng.standard_normal((batch, cols)).astype(np.float32)
            y, norm = library.run({"x": x})["y"], np.linalg.norm
            assert norm(y - layer.rounded(x) @ layer.weight.T) < EMULATED * norm(y)
            assert norm(y - x @ layer.weight.T) < EXACT * norm(y)


def test_a_large_activation_spoils_its_group_alone(rng, compile_and_load, tmp_path):
    layer = Layer(rng, "pow2_4", 1024, 32)
    x = rng.standard_normal((2, 1024)).astype(np.float32)
    x[:, 5], layer.codes[:, 5] = 1e4, 0
    library = build(compile_and_load, layer, tmp_path)
    exact = x.astype(float) @ layer.weight.T
    # Of four groups, one is lost.
    assert np.linalg.norm(library.run({"x": x})["y"] - exact) < 0.6 * np.linalg.norm(exact)


def test_scales_of_groups_may_be_codes_themselves(rng, compile_and_load, tmp_path):
    """4-bit integers in groups of 32, whose scales are 4-bit integers times one of the output: nodes compose."""
    network = models.network(cases.parse("int4mult-fc-33x96-b3"))
    library = compile_and_load(network.write(tmp_path / "layer.onnx"), force="coded", precision="i8")
    (weight,) = network.dense_weights()
    x = rng.standard_normal((3, 96)).astype(np.float32)
    exact = x.astype(float) @ weight.T
    assert np.linalg.norm(library.run({"x": x})["y"] - exact) < EXACT * np.linalg.norm(exact)
