"""compress-pullback of the circulant op: its IR, compiled and run, against finite differences and the dense Jacobian."""
import pathlib
import subprocess

import numpy as np
import pytest

import compress_mlir
from compress_mlir.native import _find_compiler

OPT = pathlib.Path(_find_compiler()).parent / "compress-opt"
CASES = [((2, 3, 4), "8x12", ""), ((2, 3, 4), "7x10", ""), ((3, 2, 5), "8x13", "order = [1, 0]"), ((1, 1, 1), "1x1", ""),
         ((2, 2, 3, 2, 2), "5x6x2x2", ""), ((2, 2, 3, 2, 2), "2x2x6x5", "order = [3, 2, 0, 1]"), ((2, 1, 8), "15x8", "")]


def meaning(params, weight, attributes, folder):
    """The op itself as a library: params -> dense weight, in double."""
    return build(params, weight, attributes, folder, "meaning", "")


def build(params, weight, attributes, folder, name, passes):
    p = "x".join(map(str, params))
    text = f"""
    func.func @main(%c: tensor<{p}xf64>{f', %g: tensor<{weight}xf64>' if passes else ''}) -> tensor<{weight}xf64> {{
      %w = compress.circulant %c {attributes} : tensor<{p}xf64> -> tensor<{weight}xf64>
      return %w : tensor<{weight}xf64>
    }}"""
    done = subprocess.run([str(OPT), *([passes] if passes else [])], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (folder / f"{name}.mlir").write_text(done.stdout)
    return compress_mlir.load(compress_mlir.compile(folder / f"{name}.mlir", folder))


@pytest.mark.parametrize("domain", ["", "domain = spectrum"])
@pytest.mark.parametrize("params,weight,order", CASES)
def test_pullback_is_the_transposed_jacobian(params, weight, order, domain, rng, tmp_path):
    shape = [int(e) for e in weight.split("x")]
    expand = meaning(params, weight, f"{domain} {order}", tmp_path)
    pullback = build(params, weight, f"{domain} {order}", tmp_path, "pullback", "--test-compress-pullback")
    gradient = rng.standard_normal(shape)
    feeds = dict(zip([t.name for t in pullback.inputs], [np.zeros(params), gradient]))
    computed = list(pullback.run(feeds).values())[0]

    # The op is linear: unit vectors give the Jacobian's columns exactly.
    def dense(c):
        return list(expand.run({expand.inputs[0].name: c}).values())[0]

    expected = np.zeros(params)
    for index in np.ndindex(*params):
        unit = np.zeros(params)
        unit[index] = 1
        expected[index] = (dense(unit) * gradient).sum()
    np.testing.assert_allclose(computed, expected, rtol=1e-12, atol=1e-12)

    # Finite differences of <gradient, W(c)>; exact up to rounding, as the function is linear.
    c, direction = rng.standard_normal(params), rng.standard_normal(params)
    difference = ((dense(c + 1e-3 * direction) - dense(c - 1e-3 * direction)) * gradient).sum() / 2e-3
    np.testing.assert_allclose((computed * direction).sum(), difference, rtol=1e-8)
