"""Fits that minimise the error of outputs: against the formulas in NumPy, and on inputs that no fit has seen."""
import json
import re
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import compress_mlir
from compress_mlir import reference, weighted_reference
from test_fit import OPT, canonical, as_order, layer
from test_import import make_model

COUNT = 24


def inputs(rng, samples, n):
    """Rows with strong correlations and a mean, as activations behind a relu have."""
    mixed = rng.normal(size=(samples, max(2, n // 4))) @ rng.normal(size=(max(2, n // 4), n))
    return np.maximum(mixed + 0.3 * rng.normal(size=(samples, n)), 0)


def moments(rng, n):
    x = inputs(rng, 4 * n, n)
    return x.T @ x / len(x)


def fit(scheme, weights):
    """Dense values that compress-fit makes of `weights`, triples (order, array, moments)."""
    functions, resources = [], []
    for i, (order, w, h) in enumerate(weights):
        function, resource = layer(i, order, w)
        n = len(h)
        attribute = f"{{compress.input_moments = dense_resource<h{i}> : tensor<{n}x{n}xf64>}}"
        functions.append(re.sub(r"(linalg\.\w+(?: indexing_maps = \[.*?\])?)\s+ins", rf"\1 {attribute} ins", function, flags=re.S))
        resources += [resource, f'h{i}: "0x40000000{h.astype("<f8").tobytes().hex()}"']
    module = "\n".join(functions) + "\n{-# dialect_resources: { builtin: { " + ", ".join(resources) + " } } #-}"
    passes = f'builtin.module(func.func(compress-fit{{schemes="{scheme}"}}),compress-expand,compress-fold-weights)'
    done = subprocess.run([str(OPT), "--pass-pipeline=" + passes], input=module, capture_output=True, text=True)
    assert done.returncode == 0 and "touched no weight" not in done.stderr, done.stderr
    assert "input_moments" not in done.stdout
    stored = dict(re.findall(r'(\w+): "0x[0-9A-Fa-f]{8}([0-9A-Fa-f]*)"', done.stdout))
    found = []
    for (_, w, _), function in zip(weights, done.stdout.split("func.func @f")[1:]):
        name = re.search(r"linalg\.(?:matmul|conv)[^\n]*?ins\(%\w+, (%[\w#]+) :", function)[1]
        kind, value = re.search(re.escape(name) + r" = arith\.constant (dense|dense_resource)<(.*?)> : tensor", function).groups()
        data = np.frombuffer(bytes.fromhex(stored[value] if kind == "dense_resource" else value[3:-1]), "<f4") \
            if kind == "dense_resource" or value.startswith('"0x') else np.array([float(x) for x in re.findall(r"[-+.\dEe]+", value)])
        found.append(np.broadcast_to(data.astype(float), w.size).reshape(w.shape))
    return found


def power_window(w, count=7):
    high = int(np.log2(reference.nearest_power_of_two(np.max(np.abs(w)), -40, 40)))
    return high - count + 1, high


def strongest(w, h, share, per_in):
    """Columns of the inputs that stay, by sums of squares times moments; `per_in` columns belong to an input."""
    score = np.sum(np.square(w) * np.diag(h), axis=0).reshape(-1, per_in).sum(1)
    dropped = np.argsort(score, kind="stable")[: int(share * len(score))]
    return np.flatnonzero(np.repeat(~np.isin(np.arange(len(score)), dropped), per_in))


FORMULAS = [
    ("pow2(4)", lambda w, h, taps: weighted_reference.gptq(w, h, lambda v: reference.nearest_power_of_two(v, *power_window(w)))),
    ("lowrank(rank=2)", lambda w, h, taps: weighted_reference.weighted_svd(w, h, 2)),
    ("structured(columns, 0.5)", lambda w, h, taps: weighted_reference.refit_columns(w, h, strongest(w, h, 0.5, taps))),
    ("structured(taps, 0.5)", lambda w, h, taps: weighted_reference.refit_columns(w, h, strongest(w, h, 0.5, 1))),
]


@pytest.mark.parametrize("scheme,formula", FORMULAS, ids=[s for s, _ in FORMULAS])
def test_fit_is_that_of_the_formula(rng, scheme, formula):
    weights = []
    for i in range(COUNT):
        order = ["oi", "io", "oihw", "hwio"][i % 4]
        shape = tuple(rng.integers(6, 14, 2)) + ((3, 3) if "h" in order else ())
        weights.append((order, as_order(rng.normal(size=shape), order).astype(np.float32), moments(rng, int(np.prod(shape[1:])))))
    for (order, w, h), mine in zip(weights, fit(scheme, weights)):
        w, mine = canonical(w.astype(float), order), canonical(mine, order)
        flat = w.reshape(len(w), -1)
        expected = formula(flat, h, int(np.prod(w.shape[2:]))).reshape(w.shape)
        assert np.max(np.abs(mine - expected)) <= 1e-4 * np.max(np.abs(expected)), (order, w.shape)


@pytest.mark.parametrize("order", ["oi", "io"])
def test_circulant_is_that_of_the_formula(rng, order):
    weights = [(order, as_order(rng.normal(size=rng.integers(4, 14, 2)), order).astype(np.float32)) for _ in range(COUNT)]
    weights = [(order, w, moments(rng, w.shape[order.index("i")])) for order, w in weights]
    for (order, w, h), mine in zip(weights, fit("circulant(4)", weights)):
        expected = weighted_reference.weighted_circulant(canonical(w.astype(float), order), h, 4)
        assert np.max(np.abs(canonical(mine, order) - expected)) <= 1e-4 * np.max(np.abs(expected)), w.shape


def test_int4_errs_no_more_than_gptq_at_scales_of_the_largest(rng):
    weights = [("oi", rng.normal(size=(8, 64)).astype(np.float32), moments(rng, 64)) for _ in range(COUNT)]
    for (_, w, h), mine in zip(weights, fit("int4", weights)):
        w = w.astype(float)
        scales = np.repeat(np.max(np.abs(w.reshape(8, 2, 32)), axis=2) / 7, 32, axis=1)
        columns = iter(range(64))
        its = weighted_reference.gptq(w, h, lambda v: (s := scales[:, next(columns)]) * reference.nearest_integer(v / s, -8, 7))
        assert weighted_reference.output_error(mine - w, h) <= weighted_reference.output_error(its - w, h) * (1 + 1e-4)


def network(rng, kind, n=64, outs=48):
    """An ONNX model of one layer, its weight as a matrix outs x n, and what makes rows x n of its input."""
    if kind == "fc":
        w = rng.normal(size=(outs, n)) / 8
        nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], name="layer", transB=1)]
        shapes = [n], [outs]
    else:
        w = rng.normal(size=(outs, n // 4, 3, 3)) / 8
        nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="layer", pads=[1, 1, 1, 1], strides=[2, 2])]
        shapes = [n // 4, 8, 8], [outs, 4, 4]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"] + shape) for name, shape in zip("xy", shapes)]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [numpy_helper.from_array(w.astype(np.float32), "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), shapes[0]


def samples(rng, mixing, count, shape):
    """Correlated over all of a sample; `mixing` is that of the network."""
    x = rng.normal(size=(count, mixing.shape[0])) @ mixing + 0.3 * rng.normal(size=(count, mixing.shape[1]))
    return np.maximum(x, 0).reshape([count] + shape).astype(np.float32)


SCHEMES = ["int4", "int4(16, search=true)", "ternary(0.3)", "pow2(4)", "pow2(4, terms=2)", "codebook(3)", "circulant(4)", "smartdeal(0.4)",
           "lowrank(rank=16)", "structured(columns, 0.5)"]


@pytest.mark.parametrize("kind,scheme", [("fc", s) for s in SCHEMES] + [("conv", s) for s in SCHEMES + ["escalate(4, 0.5)", "structured(taps, 0.5)"]])
def test_held_out_output_error_is_lower_at_equal_bytes(rng, tmp_path, kind, scheme):
    model, shape = network(rng, kind)
    path = tmp_path / "layer.onnx"
    onnx.save(model, str(path))
    size = int(np.prod(shape))
    mixing = rng.normal(size=(size // 6, size)) / 4
    seen, unseen = samples(rng, mixing, 1500, shape), samples(rng, mixing, 300, shape)
    dense = compress_mlir.load(compress_mlir.compile(path, tmp_path / "dense")).run({"x": unseen})["y"]
    plain = compress_mlir.obtain(path, tmp_path / "plain", scheme)
    light = compress_mlir.obtain(path, tmp_path / "light", scheme, calibration=seen)
    assert light.total["bytes_after"] == plain.total["bytes_after"] < plain.total["bytes_before"]
    errors = [np.linalg.norm(one.load().run({"x": unseen})["y"] - dense) / np.linalg.norm(dense) for one in (plain, light)]
    print(f"{kind} {scheme}: relative output error {errors[0]:.4f}, with calibration {errors[1]:.4f}")
    assert errors[1] < errors[0]
    # What the report says of the calibration's samples is about what others show.
    assert errors[1] / 1.5 < light.rows[0]["output_error"] < errors[1] * 1.5


@pytest.mark.parametrize("options", [dict(compress="first: int4; second: circulant(8)"), dict(precision="i8"), dict(precision="bf16"),
                                     dict(compress="second: circulant(8)", precision="bf16")], ids=str)
def test_measured_errors_are_those_of_the_outputs(tmp_path, rng, options):
    """Of each layer, with what the layers before it lost: both libraries run here, and NumPy."""
    node, floats = helper.make_node, lambda *shape: (rng.standard_normal(shape) / 8).astype(np.float32)
    nodes = [node("Conv", ["x", "w1"], ["y1"], name="first", pads=[1] * 4), node("Relu", ["y1"], ["r"]), node("Flatten", ["r"], ["f"]),
             node("Gemm", ["f", "w2"], ["y2"], name="second", transB=1)]
    path, x = tmp_path / "net.onnx", floats(300, 4, 6, 6)
    onnx.save(make_model(nodes, {"x": ["n", 4, 6, 6]}, {"y1": ["n", 8, 6, 6], "y2": ["n", 48]}, {"w1": floats(8, 4, 3, 3), "w2": floats(48, 288)}),
              str(path))
    np.save(tmp_path / "x.npy", x)
    report = tmp_path / "report.json"
    light = compress_mlir.load(compress_mlir.compile(path, tmp_path / "light", calibration=tmp_path / "x.npy", report=report, **options))
    dense = compress_mlir.load(compress_mlir.compile(path, tmp_path / "dense"))
    is_, was = light.run({"x": x[:256]}), dense.run({"x": x[:256]})  # as many as are looked at
    measured = {row["layer"]: row for row in json.loads(report.read_text())["layers"] if row["pass"] == "measure"}
    assert set(measured) == {"first", "second"}
    for layer, name in (("first", "y1"), ("second", "y2")):
        error = np.linalg.norm(is_[name].astype(float) - was[name]) / np.linalg.norm(was[name].astype(float))
        assert measured[layer]["measured_output_error"] == pytest.approx(error, rel=1e-3) and measured[layer]["samples"] == 256
        assert f"output is {measured[layer]['measured_output_error']:.6f} off, relatively, on 256 samples" == measured[layer]["text"]


def test_calibration_takes_samples_of_the_input_alone(tmp_path, rng):
    model, shape = network(rng, "fc")
    path = tmp_path / "layer.onnx"
    onnx.save(model, str(path))
    with pytest.raises(compress_mlir.CompileError, match=r"input 'x' expects shape \[batch, 64\], but got \[3, 5\]"):
        compress_mlir.obtain(path, tmp_path / "o", "int8", calibration=np.zeros((3, 5), np.float32))
    with pytest.raises(compress_mlir.CompileError, match="expects float32, but got float64"):
        compress_mlir.obtain(path, tmp_path / "o", "int8", calibration=np.zeros((3, 64)))
    with pytest.raises(compress_mlir.CompileError, match="has no samples"):
        compress_mlir.obtain(path, tmp_path / "o", "int8", calibration=np.zeros((0, 64), np.float32))
    with pytest.raises(compress_mlir.CompileError, match="--calibration is for --compress"):
        compress_mlir.compile(path, tmp_path / "o", calibration=tmp_path / "x.npy")
