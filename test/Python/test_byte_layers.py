"""Layers of bytes on both sides as products of integers: QDQ graphs of several layers against NumPy and ONNX Runtime, what is stored
between layers, and --precision i8 for convolutions of codes."""
import json
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper

from conftest import ROOT
import compress_mlir
from compress_mlir.native import _find_compiler
import quantized_graphs as quantized
from test_quantized_import import make

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402

F32, U8, I8 = np.float32, np.uint8, np.int8


class Chain:
    """Layers between bytes: each operand and result of a layer is decoded and rounded, as quantize_static writes it."""

    def __init__(self, rng, x_type, result_type):
        self.rng, self.x_type, self.result_type = rng, x_type, result_type
        self.nodes, self.constants, self.last, self.scale = [], {}, "x", F32(.02)
        self.add_scale("x", self.scale, self.zero_of(x_type))

    def zero_of(self, dtype):
        return dtype(self.rng.integers(100, 130) - (128 if dtype == I8 else 0))

    def add_scale(self, name, scale, zero):
        self.constants |= {f"{name}.s": F32(scale), f"{name}.z": zero}

    def decode(self, name):
        self.nodes.append(helper.make_node("DequantizeLinear", [name, f"{name}.s", f"{name}.z"], [f"{name}.d"], name=f"{name}.d"))
        return f"{name}.d"

    def round(self, name, scale, zero):
        self.add_scale(f"{name}.q", scale, zero)
        self.nodes.append(helper.make_node("QuantizeLinear", [name, f"{name}.q.s", f"{name}.q.z"], [f"{name}.q"], name=f"{name}.q"))
        self.last, self.scale = f"{name}.q", F32(scale)

    def layer(self, op, name, shape, axis, terms, relu=True, bias=True, **attributes):
        """Weights of 8 bits with a scale for each of `shape[axis]` results, that sums of random codes fill the range of."""
        w_scale = self.rng.uniform(.5, 2, shape[axis]).astype(F32) / F32(100)
        self.constants |= {f"{name}.w": self.rng.integers(-128, 128, shape).astype(I8), f"{name}.w.s": w_scale}
        self.nodes.append(helper.make_node("DequantizeLinear", [f"{name}.w", f"{name}.w.s"], [f"{name}.w.d"], axis=axis, name=f"{name}.w.d"))
        operands = [self.decode(self.last), f"{name}.w.d"]
        if bias:
            self.constants |= {f"{name}.b": self.rng.integers(-3000, 3000, shape[axis]).astype(np.int32), f"{name}.b.s": self.scale * w_scale}
            self.nodes.append(helper.make_node("DequantizeLinear", [f"{name}.b", f"{name}.b.s"], [f"{name}.b.d"], axis=0, name=f"{name}.b.d"))
            operands.append(f"{name}.b.d")
        self.nodes.append(helper.make_node(op, operands, [name], name=name, **attributes))
        if relu:
            self.nodes.append(helper.make_node("Relu", [name], [f"{name}.r"], name=f"{name}.r"))
        self.round(f"{name}.r" if relu else name, self.scale * .012 * 3000 * np.sqrt(terms) / 45, self.zero_of(self.result_type))

    def move(self, op, name, operands=(), **attributes):
        """An op that rounds by the scale of its operand."""
        scale, zero = self.scale, self.constants[f"{self.last}.z"]
        self.nodes.append(helper.make_node(op, [self.decode(self.last), *operands], [name], name=name, **attributes))
        self.round(name, scale, zero)


def lenet(rng, x_type, result_type, channels=3):
    """Channels that are no words, pooling with padding, a flattened product of 33 results, one of 10."""
    chain = Chain(rng, x_type, result_type)
    chain.layer("Conv", "c0", (16, channels, 3, 3), 0, 9 * channels, pads=[1] * 4)
    chain.move("MaxPool", "p0", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    chain.layer("Conv", "c1", (12, 16, 3, 3), 0, 144, strides=[2, 2], bias=False)
    chain.constants["flat"] = np.array([-1, 12 * 3 * 3])
    chain.move("Reshape", "f", ["flat"])
    chain.layer("MatMul", "m", (108, 33), 1, 108, bias=False)
    chain.layer("Gemm", "g", (10, 33), 0, 33, relu=False, transB=1)
    model = make(chain.nodes, {"x": (x_type, ["n", channels, 14, 14])}, {chain.last: result_type}, chain.constants)
    limits = np.iinfo(x_type)
    return model, {"x": rng.integers(limits.min, limits.max + 1, (5, channels, 14, 14)).astype(x_type)}, chain.last


def mobile(rng, x_type, result_type, channels=3):
    """Channels with taps of their own, between convolutions of one tap: strides and dilations that differ, padding at one end, no bias."""
    chain, more = Chain(rng, x_type, result_type), 2 * channels + 1
    chain.layer("Conv", "d0", (channels, 1, 3, 3), 0, 9, group=channels, pads=[1] * 4)
    chain.layer("Conv", "p0", (more, channels, 1, 1), 0, channels)
    chain.layer("Conv", "d1", (more, 1, 3, 2), 0, 6, group=more, strides=[2, 1], dilations=[1, 3], pads=[1, 0, 0, 3], bias=False)
    chain.layer("Conv", "p1", (channels, more, 1, 1), 0, more, relu=False)
    chain.layer("Conv", "d2", (channels, 1, 5, 5), 0, 25, group=channels, relu=False, pads=[2] * 4)
    model = make(chain.nodes, {"x": (x_type, ["n", channels, 11, 10])}, {chain.last: result_type}, chain.constants)
    limits = np.iinfo(x_type)
    return model, {"x": rng.integers(limits.min, limits.max + 1, (3, channels, 11, 10)).astype(x_type)}, chain.last


NETWORKS = {"lenet": lenet, **{f"mobile{n}": lambda *args, n=n: mobile(*args, channels=n) for n in (2, 5, 16, 29, 40)}}


@pytest.mark.parametrize("options", [{}, {"vector_lanes": 1}, {"target_cpu": "x86-64"}], ids=["", "scalar", "baseline"])
@pytest.mark.parametrize("x_type, result_type", [(U8, U8), (I8, U8), (I8, I8)])
@pytest.mark.parametrize("network", NETWORKS)
def test_chains_are_right_within_a_step(network, x_type, result_type, options, rng, tmp_path, compile_and_load):
    model, feeds, last = NETWORKS[network](rng, x_type, result_type)
    onnx.save(model, str(tmp_path / "chain.onnx"))
    result = compile_and_load(tmp_path / "chain.onnx", **options).run(feeds)[last]
    expected = {"NumPy": quantized.evaluate(model, feeds)[last]}
    library = peers.runtime("ort-int8")
    if library and not options and peers.multiplies_bytes_exactly():
        expected["ONNX Runtime"] = onnx_runtime.Session(tmp_path / "chain.onnx", library, [last]).run(feeds)[last]
    for who, other in expected.items():
        differing, count, largest = quantized.off_by(result, other, 1)
        print(f"{x_type.__name__} to {result_type.__name__} {options}: {differing} of {count} differ from {who}")
        assert largest <= 1 and len(np.unique(result)) > 10


@pytest.mark.parametrize("network, layers", [(lenet, ["c0", "c1", "m", "g"]), (mobile, ["d0", "p0", "d1", "p1", "d2"])])
def test_chains_stay_in_bytes(network, layers, rng, tmp_path):
    """Every layer is a product of bytes, and no float of an activation is stored."""
    model, _, _ = network(rng, U8, U8, channels=16)
    onnx.save(model, str(tmp_path / "chain.onnx"))
    report = tmp_path / "report.json"
    compress_mlir.compile(tmp_path / "chain.onnx", tmp_path, report=report)
    products = [remark["layer"] for remark in json.loads(report.read_text())["layers"] if remark["pass"] == "multiply-bytes"]
    assert products == layers
    subprocess.run([_find_compiler(), str(tmp_path / "chain.onnx"), "-o", str(tmp_path), "--name", "c", "--emit", "affine", "--quiet"], check=True)
    stored = re.findall(r"memref\.alloc\(.*memref<(.*?)>", (tmp_path / "c.affine.mlir").read_text())
    assert stored and not [kind for kind in stored if kind.endswith("f32")], stored


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("batch", [1, 3])
def test_precision_i8_multiplies_convolutions_of_codes(bits, batch, padding, rng, tmp_path):
    """Activations rounded over the range of a sample and 0; with padding, by the largest magnitude over 127."""
    w = (rng.normal(size=(20, 12, 3, 3)) / 10).astype(F32)
    bias = rng.normal(size=20).astype(F32)
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", pads=[padding] * 4)]
    onnx.save(make(nodes, {"x": (F32, ["n", 12, 9, 10])}, {"y": F32}, {"w": w, "b": bias}), str(tmp_path / "conv.onnx"))
    scheme = {8: "default: int8", 4: "default: #compress.fit_uniform<bits = 4>"}[bits]
    light = compress_mlir.obtain(tmp_path / "conv.onnx", tmp_path / "out", scheme, precision="i8")
    assert light.rows[0]["form"] == "bytes"
    x = (rng.normal(size=(batch, 12, 9, 10)) + .7).astype(F32) * rng.uniform(.1, 10, (batch, 1, 1, 1)).astype(F32)
    x[0] = np.abs(x[0])  # 0 is in its range
    result = light.load().run({"x": x})["y"]
    ends = [np.minimum(x.min((1, 2, 3), keepdims=True), 0), np.maximum(x.max((1, 2, 3), keepdims=True), 0)]
    step = (np.maximum(-ends[0], ends[1]) / F32(127) if padding else (ends[1] - ends[0]) / F32(255)).astype(F32)
    zero = 128 if padding else np.rint(-ends[0] / step)
    rounded = (np.clip(np.rint(x / step) + zero, 0, 255) - zero) * step
    plain = compress_mlir.obtain(tmp_path / "conv.onnx", tmp_path / "plain", scheme, expand=True).load()
    expected = plain.run({"x": rounded.astype(F32)})["y"]  # of the same weights, in f32
    one = step[:, 0] * np.abs(w).max()
    off = np.abs(result - expected)
    print(f"{bits} bits: at most {(off / one[:, None]).max():.2e} of what one step makes")
    assert (off <= 2 * one[:, None]).all() and np.mean(off > 1e-3 * one[:, None]) < 0.02
