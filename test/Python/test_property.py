"""Every way to compute a circulant layer stays within the error bounds of DESIGN section 6.

Spectral (vector and scalar loops) and expanded libraries are compared with the oracle, the library that expands by the
definition and computes in double. Bounds per output element, eps = 2^-24:

    direct    eps n       sum_j |W_ij| |x_j|            n: terms of the sum
    spectral  eps (q + d) sum_j ||c_ij|| ||x_j||        q: blocks (times taps), d: depth of the transform as Kernel/ counts it

Both factors are read from the compiler's report. The fraction of the bound that was used is printed.
"""
import json
import re

import numpy as np
import pytest
from onnx import helper

import compress_mlir
from compress_mlir import reference
from test_import import floats, make_model, save

SIZES = [1, 2, 3, 4, 5, 7, 8, 16, 32, 64, 128]
EPS = 2.0**-24
CONV = dict(strides=[2, 2], pads=[1, 1, 1, 1], dilations=[2, 2])


def shapes(k, divides):
    """rows, cols: three blocks by two, or just short of that."""
    return (3 * k, 2 * k) if divides or k == 1 else (3 * k - max(1, k // 3), 2 * k - 1)


def windows(x, taps, step=2):
    """Patches of stride `step`, padding 1 and dilation `step`: n x channels x oh x ow x kh x kw."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    reach = [step * (t - 1) + 1 for t in taps]
    return np.lib.stride_tricks.sliding_window_view(padded, reach, (2, 3))[:, :, ::step, ::step, ::step, ::step]


def block_norms(values, axis, k):
    """Norms of blocks of k along `axis`, which is padded with zeros."""
    values = np.moveaxis(np.abs(values.astype(np.float64)), axis, -1)
    short = -values.shape[-1] % k
    values = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, short)])
    return np.moveaxis(np.linalg.norm(values.reshape(values.shape[:-1] + (-1, k)), axis=-1), -1, axis)


def spectral_scale(c, x, rows, taps, step=2):
    """sum_j ||c_ij|| ||x_j|| for each output."""
    k = c.shape[2]
    norms = np.linalg.norm(c.astype(np.float64), axis=2)  # p q (taps)
    xs = block_norms(x, 1, k)
    scale = np.einsum("pqij,nqyxij->npyx", norms, windows(xs, taps, step)) if taps else xs @ norms.T
    return np.repeat(scale, k, axis=1)[:, :rows]


def direct_scale(c, x, rows, cols, taps):
    dense = np.abs(reference.circulant(c, rows, cols).astype(np.float64))
    x = np.abs(x.astype(np.float64))
    return np.einsum("ocij,ncyxij->noyx", dense, windows(x, taps)) if taps else x @ dense.T


def adversarial(rng, shape):
    """Zero-mean and positive numbers, and one outlier a thousand times larger."""
    x = floats(rng, *shape)
    x[1::3] = np.abs(x[1::3])
    x.reshape(-1)[rng.integers(x.size)] *= 1000
    return x


@pytest.mark.parametrize("kind", ["fc", "conv"])
@pytest.mark.parametrize("divides", [True, False], ids=["divides", "does-not-divide"])
@pytest.mark.parametrize("k", SIZES)
def test_every_form_is_within_its_bound(k, divides, kind, rng, tmp_path):
    rows, cols = shapes(k, divides)
    taps = (3, 2) if kind == "conv" else ()
    c = floats(rng, -(-rows // k), -(-cols // k), k, *taps)
    weight = helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=rows, cols=cols)
    extent = [7, 6] if kind == "conv" else []
    layer = (helper.make_node("Conv", ["x", "w"], ["y"], name="layer", **CONV) if kind == "conv" else
             helper.make_node("Gemm", ["x", "w"], ["y"], name="layer", transB=1))
    path = save(make_model([weight, layer], {"x": ["n", cols] + extent}, {"y": None}, {"c": c}, circulant=True), tmp_path)

    def build(name, **options):
        report = tmp_path / f"{name}.json"
        library = compress_mlir.load(compress_mlir.compile(path, tmp_path, name=name, report=report, **options))
        return library, json.loads(report.read_text())

    spectral, report = build("spectral", force="spectral")
    factors = [re.findall(r"error bound (\d+) eps", row["text"]) for row in report["layers"] if row["layer"] == "layer"]
    spectral_factor, direct_factor = (int(f) for f in factors[0])
    libraries = [("spectral", spectral, spectral_factor), ("spectral scalar", build("scalar", force="spectral", vector_lanes=1)[0], spectral_factor),
                 ("expanded", build("expanded", expand=True)[0], direct_factor)]
    oracle = build("oracle", reference=True)[0]

    used = {}
    for batch in (1, 3, 64):
        x = adversarial(rng, [batch, cols] + extent)
        expected = oracle.run({"x": x.astype(np.float64)})["y"]
        for name, library, factor in libraries:
            scale = (direct_scale(c, x, rows, cols, taps) if name == "expanded" else spectral_scale(c, x, rows, taps))
            bound = EPS * factor * scale + np.finfo(np.float32).tiny
            fraction = float((np.abs(library.run({"x": x})["y"] - expected) / bound).max())
            used[name] = max(used.get(name, 0), fraction)
    print(f"k {k}, {rows} x {cols}, {kind}: fraction of the bound:", {n: round(f, 3) for n, f in used.items()})
    assert all(fraction <= 1 for fraction in used.values()), used


# Blocks that are no multiple of the lanes, block sizes that are no multiple of a unit of registers, rows of a batch and of
# pixels that no tile holds. Pixels per side: 0 is a fully connected layer.
REMAINDERS = [(96, 80, 5, 0, 4), (600, 500, 12, 0, 5), (640, 700, 20, 0, 3), (480, 1056, 48, 0, 17), (1700, 2000, 100, 0, 2),
              (300, 290, 4, 0, 3), (300, 290, 8, 0, 9), (496, 528, 16, 0, 66), (112, 80, 16, 0, 66), (1024, 2048, 128, 0, 3),
              (64, 48, 8, 17, 2), (64, 64, 16, 28, 1), (40, 24, 8, 31, 3), (36, 20, 4, 7, 2), (24, 40, 8, 14, 5), (24, 40, 8, 4, 1),
              (72, 72, 8, 33, 1)]


@pytest.mark.parametrize("rows,cols,k,side,batch", REMAINDERS)
def test_remainders_of_tiles(rows, cols, k, side, batch, rng, tmp_path):
    """Against the definition in double, in vectors of 16, 8 and 4."""
    taps = (3, 3) if side else ()
    c = floats(rng, -(-rows // k), -(-cols // k), k, *taps)
    weight = helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=rows, cols=cols)
    layer = (helper.make_node("Conv", ["x", "w"], ["y"], name="layer", pads=[1, 1, 1, 1]) if side else
             helper.make_node("Gemm", ["x", "w"], ["y"], name="layer", transB=1))
    path = save(make_model([weight, layer], {"x": ["n", cols] + [side] * len(taps)}, {"y": None}, {"c": c}, circulant=True), tmp_path)
    dense = reference.circulant(c, rows, cols).astype(np.float64)
    used = {}
    for lanes in (16, 8, 4):
        report = tmp_path / f"{lanes}.json"
        library = compress_mlir.load(compress_mlir.compile(path, tmp_path, name=f"lanes{lanes}", report=report, force="spectral",
                                                           vector_lanes=lanes))
        factor = [int(re.findall(r"error bound (\d+) eps", row["text"])[0]) for row in json.loads(report.read_text())["layers"]
                  if row["pass"] == "select"][0]
        for n in sorted({1, batch}):
            x = adversarial(rng, [n, cols] + [side] * len(taps))
            wide = x.astype(np.float64)
            expected = np.einsum("ocij,ncyxij->noyx", dense, windows(wide, taps, 1), optimize=True) if taps else wide @ dense.T
            bound = EPS * factor * spectral_scale(c, x, rows, taps, 1) + np.finfo(np.float32).tiny
            used[lanes, n] = float((np.abs(library.run({"x": x})["y"] - expected) / bound).max())
    print(f"k {k}, {rows} x {cols}, side {side}: fraction of the bound:", {u: round(f, 3) for u, f in used.items()})
    assert all(fraction <= 1 for fraction in used.values()), used


@pytest.mark.parametrize("k", [1, 3, 8])
def test_oracle_is_the_definition(k, rng, tmp_path, compile_and_load):
    """The oracle itself, against NumPy in double."""
    rows, cols = shapes(k, False)
    c = floats(rng, -(-rows // k), -(-cols // k), k)
    nodes = [helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=rows, cols=cols),
             helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)]
    path = save(make_model(nodes, {"x": ["n", cols]}, {"y": None}, {"c": c}, circulant=True), tmp_path)
    x = rng.standard_normal((3, cols))
    expected = x @ reference.circulant(c, rows, cols).astype(np.float64).T
    np.testing.assert_allclose(compile_and_load(path, reference=True).run({"x": x})["y"], expected, rtol=1e-13, atol=1e-13)
