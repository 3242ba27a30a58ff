"""Layers of 4-bit codes on activations that are rounded to int8 when they run (compress.coded_dot): MatMulNBits with accuracy_level 4.

Two oracles. The first rounds as the description of the op says, and computes in double; what is left are f32 sums, and numbers so close
to a tie that they round the other way. The second is the exact product: its bound is that of scripts/bench.
"""
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import compress_mlir

EMULATED, EXACT = 5e-4, 2e-2
TARGETS = [{}, {"vector_lanes": 1}, {"vector_lanes": 4}, {"target_cpu": "haswell"}, {"target_cpu": "x86-64"}]


class Layer:
    """Codes without sign, a scale for each output and block, and zero points, 8 unless they are drawn."""

    def __init__(self, rng, rows, cols, block, bits=4, zeros=False):
        self.rows, self.cols, self.block, self.bits = rows, cols, block, bits
        blocks = cols // block
        self.codes = rng.integers(0, 1 << bits, (rows, blocks, block)).astype(np.uint8)
        self.scales = rng.uniform(.5, 1.5, (rows, blocks)).astype(np.float32)
        self.zeros = rng.integers(0, 1 << bits, (rows, blocks)).astype(np.uint8) if zeros else None

    @property
    def weight(self):
        zeros = 1 << (self.bits - 1) if self.zeros is None else self.zeros[:, :, None].astype(float)
        return ((self.codes.astype(float) - zeros) * self.scales[:, :, None].astype(float)).reshape(self.rows, self.cols)

    def pack(self, codes):
        if self.bits == 8:
            return codes
        codes = np.pad(codes, [(0, 0)] * (codes.ndim - 1) + [(0, codes.shape[-1] % 2)])
        return codes[..., ::2] | codes[..., 1::2] << 4

    def save(self, folder, bias=None, lead=("n",), accuracy_level=4):
        constants = {"w": self.pack(self.codes), "s": self.scales.reshape(-1)}
        inputs = ["x", "w", "s"]
        if self.zeros is not None:
            constants["z"] = self.pack(self.zeros).reshape(-1)
            inputs.append("z")
        if bias is not None:
            constants["b"] = bias
            inputs += ["", "", "b"][len(inputs) - 3:]
        node = helper.make_node("MatMulNBits", inputs, ["y"], domain="com.microsoft", K=self.cols, N=self.rows, bits=self.bits,
                                block_size=self.block, accuracy_level=accuracy_level)
        graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [*lead, self.cols])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, [*lead, self.rows])],
                                  [numpy_helper.from_array(value, name) for name, value in constants.items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("com.microsoft", 1)])
        model.ir_version = 8
        path = folder / "layer.onnx"
        onnx.save(model, str(path))
        return path

    def rounded(self, x):
        """Each block of a sample as multiples of its largest magnitude over 127."""
        blocks = x.reshape(*x.shape[:-1], -1, self.block).astype(float)
        scale = np.abs(blocks).max(-1, keepdims=True) / 127
        return (np.rint(blocks / np.where(scale > 0, scale, 1)) * scale).reshape(x.shape)


def relative(y, exact):
    return np.linalg.norm(y - exact) / np.linalg.norm(exact)


def check(layer, library, x, bias=0.0):
    y = library.run({"x": x})["y"]
    assert y.shape == x.shape[:-1] + (layer.rows,)
    if y.size:
        assert relative(y, layer.rounded(x) @ layer.weight.T + bias) < EMULATED
        assert relative(y, x.astype(float) @ layer.weight.T + bias) < EXACT


# Outputs that do not fill a panel, a vector, or a word; odd numbers of groups; as many words in a group as are unrolled, and more.
@pytest.mark.parametrize("rows,cols,block", [(1, 32, 32), (15, 64, 16), (17, 96, 32), (100, 192, 64), (100, 384, 128), (33, 4128, 32),
                                             (64, 512, 256), (40, 576, 64)])
@pytest.mark.parametrize("zeros", [False, True])
def test_fc_is_its_definition(rows, cols, block, zeros, rng, compile_and_load, tmp_path):
    layer = Layer(rng, rows, cols, block, zeros=zeros)
    library = compile_and_load(layer.save(tmp_path), force="coded")
    for batch in (0, 1, 3, 17):
        check(layer, library, rng.standard_normal((batch, cols)).astype(np.float32))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("bits", [4, 8])
def test_other_processors_compute_the_same(target, bits, rng, compile_and_load, tmp_path):
    layer = Layer(rng, 45, 160, 32, bits)
    library = compile_and_load(layer.save(tmp_path), force="coded", **target)
    for batch in (1, 6):
        check(layer, library, rng.standard_normal((batch, 160)).astype(np.float32))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("block", [16, 32, 128])
def test_the_largest_sums_fit(target, block, rng, compile_and_load, tmp_path):
    """Codes and activations of one sign: with AVX2 eight pairs of products add up to 30480 in 16 bits."""
    layer = Layer(rng, 33, 256, block)
    layer.codes[:17], layer.codes[17:] = 15, 0
    library = compile_and_load(layer.save(tmp_path), force="coded", **target)
    for sign in (1, -1):
        x = np.full((5, 256), sign, np.float32)
        np.testing.assert_allclose(library.run({"x": x})["y"], x.astype(float) @ layer.weight.T, rtol=1e-5)


def test_bias_and_more_dimensions(rng, compile_and_load, tmp_path):
    layer, bias = Layer(rng, 40, 64, 32), rng.standard_normal(40).astype(np.float32)
    library = compile_and_load(layer.save(tmp_path, bias, ("n", 5)), force="coded")
    for batch in (1, 3):
        check(layer, library, rng.standard_normal((batch, 5, 64)).astype(np.float32), bias)


def test_groups_of_very_different_size_have_their_own_scales(rng, compile_and_load, tmp_path):
    layer = Layer(rng, 32, 128, 32)
    x = rng.standard_normal((4, 128)).astype(np.float32)
    x[:, 32:64] *= 1e-4
    x[:, 64:96] = 0
    x[:, 96:] *= 1e-35  # below what has a scale
    layer.codes[:, 0] = 8  # the large ones are not part of the product
    library = compile_and_load(layer.save(tmp_path), force="coded")
    check(layer, library, x)


@pytest.mark.parametrize("accuracy_level,precision,rounds", [(4, "f32", True), (0, "f32", False), (0, "i8", True)])
def test_activations_are_rounded_where_the_file_or_the_user_asks(accuracy_level, precision, rounds, rng, compile_and_load, tmp_path):
    layer = Layer(rng, 64, 128, 32)
    library = compile_and_load(layer.save(tmp_path, accuracy_level=accuracy_level), force="coded", precision=precision)
    x = rng.standard_normal((2, 128)).astype(np.float32)
    error = relative(library.run({"x": x})["y"], x.astype(float) @ layer.weight.T)
    assert error > 1e-3 if rounds else error < 1e-6
