"""compress-fit, for every scheme: what it makes of what it made is the same, and no fit errs more than the reference."""
import json
import os
import pathlib
import re
import subprocess

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compress_mlir import reference
from conftest import ROOT

COMPILER = pathlib.Path(os.environ.get("COMPRESS_COMPILE", ROOT / "build-dev/bin/compress-compile"))
OPT = COMPILER.parent / "compress-opt"
COUNT = 200
# Consumers by the order of the weight's dimensions.
CONSUMERS = {
    "oi": """%y = linalg.matmul indexing_maps = [affine_map<(a, b, c) -> (a, c)>, affine_map<(a, b, c) -> (b, c)>, affine_map<(a, b, c) -> (a, b)>]
      ins(%x, %w : tensor<3x{I}xf32>, {W}) outs(%y0 : tensor<3x{O}xf32>) -> tensor<3x{O}xf32>""",
    "io": "%y = linalg.matmul ins(%x, %w : tensor<3x{I}xf32>, {W}) outs(%y0 : tensor<3x{O}xf32>) -> tensor<3x{O}xf32>",
    "oihw": "%y = linalg.conv_2d_nchw_fchw ins(%x, %w : tensor<1x{I}x9x9xf32>, {W}) outs(%y0 : tensor<1x{O}x{P}x{Q}xf32>) -> tensor<1x{O}x{P}x{Q}xf32>",
    "hwio": "%y = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x9x9x{I}xf32>, {W}) outs(%y0 : tensor<1x{P}x{Q}x{O}xf32>) -> tensor<1x{P}x{Q}x{O}xf32>",
}


def layer(number, order, w):
    """(function, resource) of a layer that consumes w, whose dimensions are in `order`."""
    extent = {role: n for role, n in zip(order, w.shape)}
    text = CONSUMERS[order].format(I=extent["i"], O=extent["o"], P=10 - extent.get("h", 1), Q=10 - extent.get("w", 1),
                                   W=f"tensor<{'x'.join(map(str, w.shape))}xf32>")
    x, y = re.search(r"ins\(%x, %w : (tensor<\w+>),", text)[1], re.search(r"outs\(%y0 : (tensor<\w+>)\)", text)[1]
    shape = "x".join(map(str, w.shape))
    function = f"""func.func @f{number}(%x: {x}, %y0: {y}) -> {y} {{
      %w = arith.constant dense_resource<w{number}> : tensor<{shape}xf32>
      {text}
      return %y : {y} }}"""
    return function, f'w{number}: "0x40000000{w.astype("<f4").tobytes().hex()}"'


def fit(scheme, weights):
    """Dense values of what compress-fit makes of `weights`, pairs (order, array)."""
    layers = [layer(i, *pair) for i, pair in enumerate(weights)]
    module = "\n".join(f for f, _ in layers) + "\n{-# dialect_resources: { builtin: { " + ", ".join(r for _, r in layers) + " } } #-}"
    passes = f'builtin.module(func.func(compress-fit{{schemes="{scheme}"}}),compress-expand,compress-fold-weights)'
    done = subprocess.run([str(OPT), "--pass-pipeline=" + passes], input=module, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "touched no weight" not in done.stderr, done.stderr
    resources = dict(re.findall(r'(\w+): "0x[0-9A-Fa-f]{8}([0-9A-Fa-f]*)"', done.stdout))
    found = []
    for (_, w), function in zip(weights, done.stdout.split("func.func @f")[1:]):
        assert "compress." not in function
        shape = "x".join(map(str, w.shape))
        # The weight: the constant that the product consumes.
        name = re.search(r"linalg\.(?:matmul|conv)[^\n]*?ins\(%\w+, (%[\w#]+) :", function)[1]
        kind, value = re.search(re.escape(name) + r" = arith\.constant (dense|dense_resource)<(.*?)> : tensor<" + shape + "xf32>", function).groups()
        if kind == "dense_resource":
            data = np.frombuffer(bytes.fromhex(resources[value]), "<f4")
        elif value.startswith('"0x'):
            data = np.frombuffer(bytes.fromhex(value[3:-1]), "<f4")
        else:
            data = np.array([float(x) for x in re.findall(r"[-+.\dEe]+", value)], dtype=np.float32)
        found.append(np.broadcast_to(data.astype(float), w.size).reshape(w.shape) if data.size == 1 else data.astype(float).reshape(w.shape))
    return found


def ulp4(w):
    return 4 * np.spacing(np.float32(np.max(np.abs(w))))


def as_order(w, order):
    """w, whose dimensions are out, in (, h, w), in `order`."""
    return np.ascontiguousarray(np.transpose(w, [{"o": 0, "i": 1, "h": 2, "w": 3}[role] for role in order]))


def random_shape(rng, order):
    shape = rng.integers(2, 14, 2)
    return tuple(shape) + ((3, 3) if "h" in order else ())


def circulant(rng, order):
    shape = random_shape(rng, order)
    c = rng.normal(size=(-(-shape[0] // 4), -(-shape[1] // 4), 4) + shape[2:])
    return reference.circulant(c, *shape[:2])


def low_rank(rng, order):
    shape = random_shape(rng, order)
    shape = (shape[0] + 4, shape[1] + 4) + shape[2:]
    cols = int(np.prod(shape[1:]))
    return (rng.normal(size=(shape[0], 2)) @ rng.normal(size=(2, cols))).reshape(shape)


def zeros(rng, order):
    w = rng.normal(size=random_shape(rng, order))
    w[rng.integers(1, w.shape[0])] = 0
    w[:, rng.integers(1, w.shape[1])] = 0
    return w


def integers(rng, order):
    shape = random_shape(rng, order)
    q = rng.integers(-7, 8, shape)
    q[:, 0] = 7  # the largest code is there, so that the range says the scale
    return q * np.float32(rng.uniform(0.01, 2, (shape[0],) + (1,) * (len(shape) - 1)))


PROJECTIONS = [
    ("#compress.fit_circulant<k = 4>", circulant, ["oi", "io", "oihw", "hwio"]),
    ("#compress.fit_low_rank<rank = 2>", low_rank, ["oi", "io", "oihw", "hwio"]),
    ("#compress.fit_escalate<bases = 9>", lambda rng, order: rng.normal(size=random_shape(rng, order)), ["oihw", "hwio"]),
    ("#compress.fit_packed<pattern = elements>", zeros, ["oi", "hwio"]),
    ("#compress.fit_packed<pattern = columns>", zeros, ["io", "oihw"]),
    ("#compress.fit_packed<pattern = taps>", zeros, ["oihw", "hwio"]),
    ("#compress.fit_uniform<bits = 4>", integers, ["oi", "io", "oihw", "hwio"]),
]


@pytest.mark.parametrize("scheme,draw,orders", PROJECTIONS, ids=[s.split("_", 1)[1] for s, _, _ in PROJECTIONS])
def test_fit_of_what_a_representation_stands_for_is_itself(rng, scheme, draw, orders):
    weights = []
    for i in range(COUNT):
        order = orders[i % len(orders)]
        weights.append((order, as_order(draw(rng, order), order).astype(np.float32)))
    once = fit(scheme, weights)
    twice = fit(scheme, [(order, w) for (order, _), w in zip(weights, once)])
    for (order, w), first, second in zip(weights, once, twice):
        assert np.max(np.abs(first - w)) <= ulp4(w), (order, w.shape)
        assert np.max(np.abs(second - first)) <= ulp4(w), (order, w.shape)


def canonical(w, order):
    return np.transpose(w, [order.index(role) for role in "oihw" if role in order])


ALTERNATING = [
    ("#compress.fit_smartdeal<theta = 0.02>", None),
    ("#compress.fit_uniform<bits = 3, per_tensor = true, search = true>", lambda v: reference.fit_uniform(v, -4, 3, search=True)),
    ("#compress.fit_ternary", reference.fit_ternary),
    ("#compress.fit_codebook<bits = 3>", None),
]


@pytest.mark.parametrize("scheme,its", ALTERNATING, ids=[s.split("_", 1)[1] for s, _ in ALTERNATING])
def test_fit_errs_no_more_than_the_reference(rng, scheme, its):
    weights = []
    for i in range(COUNT):
        order = ["oi", "io", "oihw", "hwio"][i % 4]
        weights.append((order, as_order(rng.normal(size=random_shape(rng, order)) / 4, order).astype(np.float32)))
    for (order, w), mine in zip(weights, fit(scheme, weights)):
        w = canonical(w.astype(float), order)
        if "smartdeal" in scheme:
            high = int(np.log2(reference.nearest_power_of_two(np.max(np.abs(w)), -20, 20)))
            c, b, _ = reference.fit_smartdeal(w, 0.02, rows=False, low=high - 6, high=high)
            rebuilt = reference.smartdeal(c, b, w.shape)
        elif "codebook" in scheme:
            index, table = reference.fit_codebook(w, 8)
            rebuilt = table[index]
        else:
            numbers, scales, _ = reference.fit_per_scale(w, w.shape, its)
            rebuilt = reference.dequantize(numbers, scales, w.shape)
        # Parameters are stored in f32: an error of 2^-24 in each factor of a term of the sum.
        rounding = 2.0**-22 * np.linalg.norm(w)
        assert np.linalg.norm(canonical(mine, order) - w) <= np.linalg.norm(rebuilt - w) + rounding


def test_figures_of_each_layer_are_in_the_report(tmp_path):
    """Relative error and bytes of the trained LeNet's layers, as numbers; the bytes are counted by hand."""
    rules = "/7/Gemm: lowrank(rank=16); *Gemm: #compress.fit_uniform<bits = 4>; *Conv: #compress.fit_escalate<bases = 25>"
    report = tmp_path / "report.json"
    command = [COMPILER, ROOT / "examples/mnist/models/mnist_dense.onnx", "-o", tmp_path, "--emit", "mlir", "--compress", rules, "--report", report, "--quiet"]
    subprocess.run([str(x) for x in command], check=True)
    layers = {r["layer"]: r for r in json.loads(report.read_text())["layers"] if r["pass"] == "fit"}
    bytes_after = {"/7/Gemm": 4 * 16 * (512 + 1024), "/9/Gemm": 10 * 512 // 2 + 4 * 10,
                   "/0/Conv": 4 * (16 * 16 + 16 * 25),  # 16 kernels span no more
                   "/3/Conv": 4 * (64 * 16 * 25 + 25 * 25)}
    assert {name: layer["bytes_after"] for name, layer in layers.items()} == bytes_after
    assert layers["/7/Gemm"]["bytes_before"] == 4 * 512 * 1024
    model = onnx.load(ROOT / "examples/mnist/models/mnist_dense.onnx")
    w = {t.name: numpy_helper.to_array(t).astype(float) for t in model.graph.initializer}["7.weight"]
    c, b = reference.truncated_svd(w, 16)
    assert np.isclose(layers["/7/Gemm"]["relative_error"], np.linalg.norm(w - c @ b) / np.linalg.norm(w), rtol=1e-5)
    assert layers["/3/Conv"]["relative_error"] < 1e-6


def with_zeros(w, share, groups):
    """-s, 0 and s: in each row of w.reshape(groups, -1) the `share` of least magnitudes is zero, the rest shares a mean."""
    rows = w.reshape(groups, -1)
    fitted = np.zeros(rows.shape)
    for row, out in zip(rows, fitted):
        kept = np.argsort(np.abs(row), kind="stable")[int(share * row.size):]
        out[kept] = np.sign(row[kept]) * np.mean(np.abs(row[kept]))
    return fitted.reshape(w.shape)


def sums_of_powers(w, terms):
    """The nearest of all signed sums of `terms`, times what makes the largest of them the largest of |w|."""
    table = np.array([0.0])
    for term in terms:
        table = np.add.outer(table, term).ravel()
    table = np.unique(np.concatenate([table, -table])) * np.max(np.abs(w)) / table.max()
    return table[np.argmin(np.abs(w[..., None] - table), axis=-1)]


def without_boxes(w, share, axes):
    """The `share` of boxes, which span `axes`, with the least sums of squares is zero."""
    squares = np.sum(np.square(w), axis=axes, keepdims=True)
    dropped = np.argsort(squares, axis=None, kind="stable")[: int(share * squares.size)]
    kept = np.ones(squares.size)
    kept[dropped] = 0
    return w * kept.reshape(squares.shape)


def ternary_kernels(w, bases, share):
    """ESCALATE with coefficients of -s, 0, s by filter and basis kernel; the same number of each is zero. The basis is exact here."""
    coefficients, basis = reference.truncated_svd(w.reshape(-1, 9), bases)
    c = np.moveaxis(coefficients.reshape(w.shape[:2] + (-1,)), 1, 2)  # out, basis kernel, in
    fitted = np.moveaxis(with_zeros(c, share, c.shape[0] * c.shape[1]), 2, 1)
    return (fitted.reshape(-1, basis.shape[0]) @ basis).reshape(w.shape)


KNOBS = [
    ("ternary(0.6)", lambda w: with_zeros(w, 0.6, 1)),
    ("#compress.fit_ternary<sparsity = 0.6, balanced = true, axes = 0>", lambda w: with_zeros(w, 0.6, len(w))),
    ("pow2(4, terms=2)", lambda w: sums_of_powers(w, [[0, 1, 1 / 4, 1 / 16], [0, 1 / 2]])),
    ("pow2(bits=6, terms=2)", lambda w: sums_of_powers(w, [[0, *(4.0 ** -np.arange(7))], [0, 1 / 2, 1 / 8, 1 / 32]])),
    ("structured(rows, sparsity=0.4)", lambda w: without_boxes(w, 0.4, (1, 2, 3))),
    ("structured(columns, 0.4)", lambda w: without_boxes(w, 0.4, (0, 2, 3))),
    ("structured(taps, 0.4)", lambda w: without_boxes(w, 0.4, 0)),
    ("structured(elements, 0.4)", lambda w: without_boxes(w, 0.4, ())),
    ("#compress.fit_escalate<bases = 3, coefficients = #compress.fit_ternary<sparsity = 0.5, balanced = true, axes = 0, 2>>",
     lambda w: ternary_kernels(w, 3, 0.5)),
]


@pytest.mark.parametrize("scheme,expected", KNOBS, ids=[s for s, _ in KNOBS])
def test_sparsity_drops_what_is_least(rng, scheme, expected):
    weights = [("oihw", rng.normal(size=tuple(rng.integers(3, 9, 2)) + (3, 3)).astype(np.float32)) for _ in range(20)]
    for (_, w), mine in zip(weights, fit(scheme, weights)):
        assert np.max(np.abs(mine - expected(w.astype(float)))) <= 4 * ulp4(w)


@pytest.mark.parametrize("sparsity", [0.2, 0.5, 0.72])
def test_smartdeal_reaches_its_sparsity(rng, tmp_path, sparsity):
    """Counted in the IR: codes that are 0, or entries of the mask. Never more, and no less than the next theta would give."""
    w = rng.normal(size=(40, 120)).astype(np.float32) / 8
    function, resource = layer(0, "oi", w)
    module = function + "\n{-# dialect_resources: { builtin: { " + resource + " } } #-}"
    passes = f"builtin.module(func.func(compress-fit{{schemes=\"smartdeal({sparsity}, mask=true)\"}}))"
    done = subprocess.run([str(OPT), "--pass-pipeline=" + passes], input=module, capture_output=True, text=True)
    kept = int(re.search(r"compress.unpack %\w+ .* : tensor<(\d+)x1x1x1x1xf32>", done.stdout)[1])
    assert sparsity - 0.03 <= 1 - kept / w.size <= sparsity
