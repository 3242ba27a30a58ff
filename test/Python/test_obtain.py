"""The fits of lib/Obtain against the NumPy reference, on 200 random weights each and on trained MNIST networks."""
import os
import pathlib
import struct
import subprocess

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compress_mlir import reference
from conftest import ROOT

COUNT = 200
PROGRAM = pathlib.Path(os.environ.get("COMPRESS_COMPILE", ROOT / "build-dev/bin/compress-compile")).parent / "compress-obtain-test"


def run(fit, weights, arguments, results):
    """Runs `fit` on each weight; for each, a list of `results` arrays."""
    sent = b"".join(struct.pack(f"={1 + w.ndim}q", w.ndim, *w.shape) + w.astype(float).tobytes() for w in weights)
    out = subprocess.run([PROGRAM, fit, *map(repr, map(float, arguments))], input=sent, stdout=subprocess.PIPE, check=True).stdout
    arrays, at = [], 0
    while at < len(out):
        rank, = struct.unpack_from("=q", out, at)
        shape = struct.unpack_from(f"={rank}q", out, at + 8)
        size = int(np.prod(shape))
        arrays.append(np.frombuffer(out, float, size, at + 8 + 8 * rank).reshape(shape))
        at += 8 + 8 * rank + 8 * size
    assert len(arrays) == results * len(weights)
    return [arrays[i : i + results] for i in range(0, len(arrays), results)]


def error(w, rebuilt):
    return np.linalg.norm(w - rebuilt)


def no_larger(mine, its, w):
    """Equal algorithms differ by the order of their additions."""
    return mine <= its + 1e-12 * np.linalg.norm(w)


def random_weight(rng):
    """A matrix or a kernel of a size that no slice height divides."""
    outs, ins, s = rng.integers(1, 4), rng.integers(1, 90), rng.choice([1, 3, 5, 7])
    shape = (outs, ins * 5) if s == 1 and rng.integers(2) else (outs, ins, s, s)
    return rng.normal(size=shape) * rng.choice([0.05, 0.15])


@pytest.mark.parametrize("theta,rows,scale", [(0.004, False, False), (0.02, True, False), (0.03, False, True)])
def test_smartdeal_errs_no_more_than_the_reference(rng, theta, rows, scale):
    weights = [random_weight(rng) for _ in range(COUNT)]
    same = 0
    for w, (coefficients, basis, infos) in zip(weights, run("smartdeal", weights, [theta, -8, -1, 30, rows, scale], 3)):
        c, b, _ = reference.fit_smartdeal(w, theta, rows=rows, scale=scale)
        assert coefficients.shape == c.shape and basis.shape == b.shape
        assert no_larger(error(w, reference.smartdeal(coefficients, basis, w.shape)), error(w, reference.smartdeal(c, b, w.shape)), w)
        same += np.array_equal(coefficients, c)
    print(f"{same} of {COUNT} weights have the reference's codes")


@pytest.mark.parametrize("iterate", [False, True])
def test_ternary_errs_no_more_than_the_reference(rng, iterate):
    weights = [rng.normal(size=(4, rng.integers(2, 50))) for _ in range(COUNT)]
    for w, (q, s, z) in zip(weights, run("ternary", weights, [0.7, iterate, 1, 16], 3)):
        its = reference.fit_per_scale(w, (1, 16), lambda v: reference.fit_ternary(v, 0.7, iterate))
        assert s.shape == its[1].shape and not z.any() and set(np.unique(q)) <= {-1, 0, 1}
        assert no_larger(error(w, reference.dequantize(q, s, (1, 16))), error(w, reference.dequantize(*its[:2], (1, 16))), w)


@pytest.mark.parametrize("low,high,symmetric", [(-8, 7, True), (-2, 1, True), (-128, 127, False), (0, 15, False)])
@pytest.mark.parametrize("search", [False, True])
def test_uniform_errs_no_more_than_the_reference(rng, low, high, symmetric, search):
    weights = [rng.normal(size=(1, rng.integers(2, 33))) + rng.normal() for _ in range(COUNT)]
    for w, (q, s, z) in zip(weights, run("uniform", weights, [low, high, symmetric, search, 1, 16], 3)):
        its = reference.fit_per_scale(w, (1, 16), lambda v: reference.fit_uniform(v, low, high, symmetric, search))
        assert np.all((q == np.round(q)) & (q >= low) & (q <= high)) and np.array_equal(z, its[2])
        assert no_larger(error(w, reference.dequantize(q, s, (1, 16), z)), error(w, reference.dequantize(*its[:2], (1, 16), its[2])), w)


def test_codebook_errs_no_more_than_the_reference(rng):
    weights = [rng.normal(size=(rng.integers(1, 9), rng.integers(1, 60))) for _ in range(COUNT)]
    for w, (index, table) in zip(weights, run("codebook", weights, [8], 2)):
        i, t = reference.fit_codebook(w, 8)
        assert no_larger(error(w, table[index.astype(int)]), error(w, t[i]), w)


def test_truncated_svd_errs_no_more_than_the_reference(rng):
    weights = [rng.normal(size=rng.integers(1, 100, 2)) for _ in range(COUNT)]
    for w, (c, b) in zip(weights, run("svd", weights, [0, 0.9], 2)):
        its = reference.truncated_svd(w, energy=0.9)
        assert b.shape == its[1].shape and no_larger(error(w, c @ b), error(w, its[0] @ its[1]), w)


def check_smartdeal(w, theta, low, high):
    """Fits w; what holds of every fit. Returns the slices' (error, iterations, unchanged, theta, restarts)."""
    (coefficients, basis, infos), = run("smartdeal", [w], [theta, low, high, 30], 3)
    nonzero = coefficients[coefficients != 0]
    assert set(np.log2(np.abs(nonzero))) <= set(range(low, high + 1))  # exponents stay in the window
    slices, rows, r = reference.smartdeal_slicing(w.shape)
    a = np.zeros((len(w), slices * rows * r))
    a[:, : w[0].size] = w.reshape(len(w), -1)
    residual = a.reshape(coefficients.shape) - coefficients @ basis
    orthogonal = np.max(np.abs(np.swapaxes(coefficients, -1, -2) @ residual))
    assert orthogonal < 1e-13 * np.linalg.norm(w)  # the basis is the least-squares one
    assert np.all(infos[:, 1] <= 30)
    rebuilt = reference.smartdeal(coefficients, basis, w.shape)
    print(f"{w.shape} theta {theta}: relative error {error(w, rebuilt) / np.linalg.norm(w):.3f}, {np.mean(coefficients == 0):.2f} zeros, "
          f"{int(infos[:, 2].sum())} of {len(infos)} unchanged, iterations {int(infos[:, 1].min())} to {int(infos[:, 1].max())}")
    return infos


@pytest.mark.parametrize("theta", [0.0, 0.004, 0.02])
def test_smartdeal_of_a_network_trained_in_its_form_reaches_an_unchanged_code(theta):
    """784-256-256-10, trained by SmartDeal: every slice keeps its code within 30 iterations."""
    stored = np.load(ROOT / "test/Python/Inputs/smartdeal_mlp.npz")
    for layer, shape in enumerate([(256, 784), (256, 256), (10, 256)]):
        codes = stored[f"codes{layer}"].astype(float)
        # A code is sign * (exponent + 10).
        coefficients = np.where(codes == 0, 0, np.sign(codes) * np.exp2(np.abs(codes) - 10))
        slices = coefficients.shape[0] // shape[0]
        split = lambda x: x.reshape((shape[0], slices) + x.shape[1:])
        w = reference.smartdeal(split(coefficients), split(stored[f"basis{layer}"].astype(float)), shape)
        high = int(np.log2(reference.nearest_power_of_two(np.max(np.abs(w)), -20, 20)))
        assert np.all(check_smartdeal(w, theta, high - 7, high)[:, 2] == 1)


def test_smartdeal_of_a_network_trained_dense():
    """LeNet, 98 in 100 slices keep their code within 30 iterations; the others stop at the cap, as SmartDeal's code does."""
    model = onnx.load(ROOT / "examples/mnist/models/mnist_dense.onnx")
    weights = {t.name: numpy_helper.to_array(t).astype(float) for t in model.graph.initializer}
    infos = np.concatenate([check_smartdeal(weights[name], 0.004, -9, -2) for name in ("3.weight", "7.weight", "9.weight")])
    assert np.mean(infos[:, 2]) >= 0.98
