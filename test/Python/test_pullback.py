"""compress-pullback, compiled and run in double: against the transposed Jacobian of the function itself, and finite differences.

Circulant layers after compress-select count their transforms: p new ones, the spectra of the forward pass are reused.
"""
import pathlib
import re
import subprocess

import numpy as np
import pytest

import compress_mlir
from compress_mlir.native import _find_compiler

OPT = pathlib.Path(_find_compiler()).parent / "compress-opt"


# Stored integers stay as they are: their scales are arguments, so nothing folds, and a kernel op for every use is not the matter here.
TO_LLVM = ("builtin.module(symbol-dce,compress-expand,func.func(compress-results-to-destinations),eliminate-empty-tensors,"
           "one-shot-bufferize{{bufferize-function-boundaries=true function-boundary-type-conversion=identity-layout-map}},"
           "convert-compress-copies-to-linalg,convert-compress-to-affine,func.func(convert-linalg-to-affine-loops),canonicalize,"
           "compress-package{{name={name}}},compress-lower)")


def run(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def opt(text, *passes):
    return run([str(OPT), *passes], text)


def tensor(shape, element="f64"):
    return "tensor<" + "".join(f"{e}x" for e in shape) + element + ">"


def function(arguments, result, body):
    given = ", ".join(f'%{n}: {tensor(s)} {{compress.name = "{n}"}}' for n, s in arguments.items())
    return f"func.func @f({given}) -> ({tensor(result)} {{compress.name = \"y\"}}) {{\n{body}\n  return %y : {tensor(result)}\n}}"


def load(text, entry, folder):
    """The function `entry` of a module as a library; the others go."""
    others = re.sub(rf"func\.func @(?!{entry}\()", "func.func private @", text)
    lowered = opt(others.replace(f"@{entry}(", "@main("), f"--pass-pipeline={TO_LLVM.format(name=entry)}")
    text = run(["mlir-translate-22", "--mlir-to-llvmir"], lowered)
    library = folder / f"lib{entry}.so"
    run(["clang-22", "-w", "-O1", "-march=native", "-fPIC", "-shared", "-x", "ir", "-", "-o", str(library), "-lm"], text)
    return compress_mlir.load(library)


def check(arguments, result, body, rng, folder, passes=()):
    """Pullback against the transposed Jacobian, of which unit vectors give the columns, and against central differences.

    The function must be of degree 1 in each of its arguments.
    """
    text = opt(function(arguments, result, body), *passes)
    value = load(text, "f", folder)
    pullback = load(opt(text, "--compress-pullback"), "f_pullback", folder)
    at = {n: rng.standard_normal(s) for n, s in arguments.items()}
    gradient = rng.standard_normal(result)

    def f(**changed):
        return value.run({**at, **changed})["y"]

    computed = pullback.run({**at, "gradient": gradient})
    assert set(computed) == {f"{n}_gradient" for n in arguments}
    for name, shape in arguments.items():
        base, expected = f(**{name: np.zeros(shape)}), np.zeros(shape)
        for index in np.ndindex(*shape):
            unit = np.zeros(shape)
            unit[index] = 1
            expected[index] = ((f(**{name: unit}) - base) * gradient).sum()
        actual, size = computed[f"{name}_gradient"], np.abs(expected).max() + 1
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * size * np.sqrt(gradient.size), err_msg=name)
        direction = rng.standard_normal(shape)
        plus, minus = (f(**{name: at[name] + h * direction}) for h in (1e-3, -1e-3))
        difference = ((plus - minus) * gradient).sum() / 2e-3
        assert abs((actual * direction).sum() - difference) <= 1e-8 * (abs(difference) + np.abs(expected).sum()), name


# --- representations ---------------------------------------------------------------------------------------------------------

def constant(name, rng, shape, bits, unsigned=False):
    low, high = (0, 2 ** bits) if unsigned else (-2 ** (bits - 1), 2 ** (bits - 1))
    codes = rng.integers(low, high, shape)
    return f"  %{name} = arith.constant dense<{codes.tolist()}> : {tensor(shape, f'i{bits}')}"


def circulant(rng, name, source, shape, attributes=""):
    """A random circulant of `shape` (out, in, taps) whose params are `source(…)`; returns arguments and lines."""
    k = int(rng.integers(1, 7))
    p, q = -(-shape[0] // k), -(-shape[1] // k)
    params = (p, q, k, *shape[2:])
    arguments, lines = source(rng, name + "_c", params)
    lines.append(f"  %{name} = compress.circulant %{name}_c {attributes} : {tensor(params)} -> {tensor(shape)}")
    return arguments, lines


def dense(rng, name, shape):
    return {name: shape}, []


def dequantized(rng, name, shape, scales=None):
    code, bits, unsigned, zeros = [("#compress.uniform<bits = 4>", 4, False, False),
                                   ("#compress.uniform<bits = 3, unsigned_codes = true>", 3, True, True),
                                   ("#compress.pow2<bits = 4, min_exponent = -5, zero = true>", 4, False, False),
                                   ("#compress.codebook<[-1.0, -0.25, 0.5, 2.0]>", 2, False, False)][rng.integers(4)]
    group = [int(rng.integers(1, e + 2)) for e in shape]
    counts = tuple(-(-e // g) for e, g in zip(shape, group))
    lines = [constant(name + "_codes", rng, shape, bits, unsigned)]
    if zeros:
        lines.append(constant(name + "_zeros", rng, counts, bits, unsigned))
    lines.append(f"  %{name} = compress.dequantize %{name}_codes, %{name}_s{f', %{name}_zeros' if zeros else ''} code({code}) "
                 f"group = {group} : {tensor(shape, f'i{bits}')}, {tensor(counts)}"
                 f"{', ' + tensor(counts, f'i{bits}') if zeros else ''} -> {tensor(shape)}")
    return {name + "_s": counts}, lines


def unpacked(source):
    def build(rng, name, shape):
        counts = [int(rng.choice([d for d in range(1, e + 1) if e % d == 0])) for e in shape]
        mask = rng.random(counts) < 0.6
        mask.flat[0] = True
        box = [e // c for e, c in zip(shape, counts)]
        values = (int(mask.sum()), *box)
        arguments, lines = source(rng, name + "_v", values)
        text = str(mask.tolist()).lower()
        lines.append(f"  %{name} = compress.unpack %{name}_v mask = dense<{text}> : {tensor(counts, 'i1')} : {tensor(values)} "
                     f"-> {tensor(shape)}")
        return arguments, lines
    return build


def factorized(left, right):
    def build(rng, name, shape):
        """One outer dimension times the rest."""
        r = int(rng.integers(1, 4))
        first, lines = left(rng, name + "_l", (shape[0], r))
        second, more = right(rng, name + "_r", (r, *shape[1:]))
        lines = lines + more + [f"  %{name} = compress.factorized %{name}_l, %{name}_r : {tensor((shape[0], r))}, "
                                f"{tensor((r, *shape[1:]))} -> {tensor(shape)}"]
        return {**first, **second}, lines
    return build


def circulant_over(source, attributes=""):
    return lambda rng, name, shape: circulant(rng, name, source, shape, attributes)


REPRESENTATIONS = {
    "circulant": circulant_over(dense), "spectrum": circulant_over(dense, "domain = spectrum"), "dequantize": dequantized,
    "unpack": unpacked(dense), "factorized": factorized(dense, dense), "circulant of codes": circulant_over(dequantized),
    "spectrum of codes": circulant_over(dequantized, "domain = spectrum"), "unpack of codes": unpacked(dequantized),
    "factorized of codes": factorized(dequantized, dense), "factorized of both": factorized(unpacked(dequantized), dequantized),
    "unpack of factors": unpacked(factorized(dense, dense)),
}


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_representation_alone(name, rng, tmp_path):
    shape = (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 2)
    arguments, lines = REPRESENTATIONS[name](rng, "y", shape)
    check(arguments, shape, "\n".join(lines), rng, tmp_path)


def test_slices_of_factors(rng, tmp_path):
    """SmartDeal's slices, with rows cropped and dimensions moved."""
    body = """  %y = compress.factorized %c, %b batch = 2 collapse = [[0], [1, 2], [3]] expand = [[0], [1, 2], [3]] order = [1, 0, 2, 3]
      : tensor<3x2x5x2xf64>, tensor<1x2x2x3xf64> -> tensor<4x3x2x3xf64>"""
    check({"c": (3, 2, 5, 2), "b": (1, 2, 2, 3)}, (4, 3, 2, 3), body, rng, tmp_path)


# --- layers -------------------------------------------------------------------------------------------------------------------

def matmul(arguments, lines, batch, rows, cols):
    """y = b + x W^T."""
    lines = lines + [f"  %e = tensor.empty() : {tensor((batch, rows))}",
                     f"  %y0 = linalg.broadcast ins(%b : {tensor((rows,))}) outs(%e : {tensor((batch, rows))}) dimensions = [0]",
                     "  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, "
                     f"affine_map<(m, n, k) -> (m, n)>] ins(%x, %w : {tensor((batch, cols))}, {tensor((rows, cols))}) "
                     f"outs(%y0 : {tensor((batch, rows))}) -> {tensor((batch, rows))}"]
    return {"x": (batch, cols), "b": (rows,), **arguments}, (batch, rows), "\n".join(lines)


def convolution(arguments, lines, rng, rows, cols):
    stride, dilation, pad = [int(v) for v in rng.integers(1, 3, 2)] + [int(rng.integers(0, 2))]
    taps, extent = (2, 3), (6, 7)
    padded = [e + pad for e in extent]
    out = [(e - (t - 1) * dilation - 1) // stride + 1 for e, t in zip(padded, taps)]
    x, xp, y = (2, cols, *extent), (2, cols, *padded), (2, rows, *out)
    lines = lines + [
        "  %zero = arith.constant 0.0 : f64", f"  %p = tensor.pad %x low[0, 0, {pad}, 0] high[0, 0, 0, {pad}] {{",
        "  ^bb0(%i: index, %j: index, %k: index, %l: index):", "    tensor.yield %zero : f64", f"  }} : {tensor(x)} to {tensor(xp)}",
        f"  %e = tensor.empty() : {tensor(y)}", f"  %y0 = linalg.fill ins(%zero : f64) outs(%e : {tensor(y)}) -> {tensor(y)}",
        f"  %y = linalg.conv_2d_nchw_fchw {{strides = dense<{stride}> : tensor<2xi64>, dilations = dense<{dilation}> : tensor<2xi64>}}"
        f" ins(%p, %w : {tensor(xp)}, {tensor((rows, cols, *taps))}) outs(%y0 : {tensor(y)}) -> {tensor(y)}"]
    print(f"stride {stride}, dilation {dilation}, pad {pad}")
    return {"x": x, **arguments}, y, "\n".join(lines)


STAGES = {"linalg": [], "selected": ["--compress-select"], "spectral": ["--compress-select=force=spectral"],
          "dense": ["--compress-select=force=dense"]}
SPECTRAL = ["circulant", "spectrum", "circulant of codes", "spectrum of codes"]
# What unpack expands to reads a table: its pullback is taken before that.
LAYERS = ([(name, "linalg") for name in (*SPECTRAL, "dequantize", "factorized", "factorized of codes", "unpack", "unpack of codes")] +
          # A product that decodes at load has no gradient: the pullback of codes is taken before select, or of a dense layer.
          [("dequantize", "dense")] + [(name, "selected") for name in ("factorized", "factorized of codes")] +
          [(name, "spectral") for name in SPECTRAL])


@pytest.mark.parametrize("name,stage", LAYERS)
def test_fully_connected(name, stage, rng, tmp_path):
    rows, cols = int(rng.integers(3, 9)), int(rng.integers(3, 9))
    arguments, lines = REPRESENTATIONS[name](rng, "w", (rows, cols))
    check(*matmul(arguments, lines, 3, rows, cols), rng, tmp_path, STAGES[stage])


@pytest.mark.parametrize("name,stage", LAYERS)
def test_convolution(name, stage, rng, tmp_path):
    rows, cols = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    arguments, lines = REPRESENTATIONS[name](rng, "w", (rows, cols, 2, 3))
    check(*convolution(arguments, lines, rng, rows, cols), rng, tmp_path, STAGES[stage])


def test_spectra_in_panels(rng, tmp_path):
    """Their gradient is in panels, too."""
    body = """  %y = compress.spectral_matmul in_dim = 1 out_dim = 1 ins(%x, %w : tensor<4x2x3xf64>, tensor<4x3x3x2xf64>)
      outs(%i : tensor<4x2x6xf64>) -> tensor<4x2x6xf64>"""
    check({"x": (4, 2, 3), "w": (4, 3, 3, 2), "i": (4, 2, 6)}, (4, 2, 6), body, rng, tmp_path)


def test_circulant_layer_has_p_new_transforms():
    """Beside the weights', q transforms forward for x, and p more for the gradient; transposed: p for the value, q for dx."""
    p, q, k = 3, 2, 4
    body = ("  %w = compress.circulant %c : tensor<3x2x4xf64> -> tensor<12x8xf64>\n" +
            matmul({}, [], 5, 12, 8)[2])
    text = function({"x": (5, 8), "b": (12,), "c": (p, q, k)}, (5, 12), body)
    text = opt(text, "--compress-select=force=spectral", "--compress-pullback=with-value", "--canonicalize", "--cse")
    forward, both = text.split("func.func @f_pullback")

    def blocks(text, op, batch):
        """Transforms of the ops whose planes have the batch: slots x batch x blocks."""
        shape = r"outs\([^:]*: tensor<4x5x(\d+)xf64>" if op == "rfft" else r"ins\([^:]*: tensor<4x5x(\d+)xf64>"
        return sorted(int(n) for line in text.splitlines() if f"compress.{op} " in line for n in re.findall(shape, line))

    assert blocks(forward, "rfft", 5) == [q] and blocks(forward, "rfft_transpose", 5) == [p]
    assert blocks(both, "rfft", 5) == sorted([q, p]) and blocks(both, "rfft_transpose", 5) == sorted([p, q])
    # The weights': once to spectra, and their gradient's sum over the batch once back.
    assert both.count("compress.rfft ") == 3 and both.count("compress.rfft_transpose ") == 3


# --- nonlinear ops -------------------------------------------------------------------------------------------------------------

def test_elementwise_bodies(rng, tmp_path):
    """y = tanh(relu(x) * a / b - exp(-a)), against central differences in double."""
    body = """  %e = tensor.empty() : tensor<4x3xf64>
  %zero = arith.constant 0.0 : f64
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (j)>,
       affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
       ins(%x, %a, %b : tensor<4x3xf64>, tensor<3xf64>, tensor<3xf64>) outs(%e : tensor<4x3xf64>) {
  ^bb0(%p: f64, %q: f64, %r: f64, %out: f64):
    %0 = arith.maximumf %p, %zero : f64
    %1 = arith.mulf %0, %q : f64
    %2 = arith.divf %1, %r : f64
    %3 = arith.negf %q : f64
    %4 = math.exp %3 : f64
    %5 = arith.subf %2, %4 : f64
    %6 = math.tanh %5 : f64
    linalg.yield %6 : f64
  } -> tensor<4x3xf64>"""
    arguments = {"x": (4, 3), "a": (3,), "b": (3,)}
    text = opt(function(arguments, (4, 3), body), "--compress-pullback")
    pullback = load(text, "f_pullback", tmp_path)
    at = {"x": rng.standard_normal((4, 3)), "a": rng.standard_normal(3), "b": rng.uniform(1, 2, 3)}
    at["x"][0, 0] = 0.0  # a tie: neither takes the gradient
    gradient = rng.standard_normal((4, 3))

    def f(x, a, b):
        return (np.tanh(np.maximum(x, 0) * a / b - np.exp(-a)) * gradient).sum()

    computed = pullback.run({**at, "gradient": gradient})
    assert computed["x_gradient"][0, 0] == 0
    for name, shape in arguments.items():
        for index in np.ndindex(*shape):
            if name == "x" and index == (0, 0):
                continue
            step = np.zeros(shape)
            step[index] = 1e-5
            difference = (f(**{**at, name: at[name] + step}) - f(**{**at, name: at[name] - step})) / 2e-5
            assert abs(computed[f"{name}_gradient"][index] - difference) <= 1e-7 * (1 + abs(difference)), (name, index)


# --- fake_quantize --------------------------------------------------------------------------------------------------------------

CODES = {  # attribute: (numbers, bits, takes zeros)
    "#compress.uniform<bits = 4>": (np.arange(-8.0, 8), 4, True),
    "#compress.uniform<bits = 3, unsigned_codes = true>": (np.arange(0.0, 8), 3, True),
    "#compress.ternary": (np.array([-1.0, 0, 1]), 2, False),
    "#compress.pow2<bits = 4, min_exponent = -5, zero = true>": (np.array([0] + [s * 2.0 ** e for e in range(-5, 2) for s in (1, -1)]), 4, False),
    "#compress.pow2<bits = 3, min_exponent = -2>": (np.array([s * 2.0 ** e for e in range(-2, 2) for s in (1, -1)]), 3, False),
    "#compress.codebook<[-1.0, -0.25, 0.25, 1.0]>": (np.array([-1.0, -0.25, 0.25, 1.0]), 2, False),
}


def nearest(numbers, u, code):
    """The definition: the nearest number; of two, the even one (uniform), else that of smaller magnitude, then the first."""
    if "uniform" in code:
        return np.clip(np.round(u), numbers.min(), numbers.max())
    distance = np.abs(u[..., None] - numbers)
    ties = distance == distance.min(-1, keepdims=True)
    return numbers[np.where(ties, np.abs(numbers), np.inf).argmin(-1)]


@pytest.mark.parametrize("code", CODES)
def test_rounding_at_every_number_and_tie(code, rng, tmp_path):
    numbers = np.sort(CODES[code][0])
    ties = (numbers[1:] + numbers[:-1]) / 2
    u = np.concatenate([numbers, ties, ties + 1e-9, ties - 1e-9, [numbers[0] * 3 - 1, numbers[-1] * 3 + 1, 0.0],
                        rng.uniform(numbers[0] - 1, numbers[-1] + 1, 50)])
    body = f"  %y = compress.fake_quantize %x, %s code({code}) : {tensor(u.shape)}, tensor<1xf64> -> {tensor(u.shape)}"
    library = load(function({"x": u.shape, "s": (1,)}, u.shape, body), "f", tmp_path)
    np.testing.assert_array_equal(library.run({"x": u, "s": np.ones(1)})["y"], nearest(CODES[code][0], u, code))


@pytest.mark.parametrize("code", CODES)
def test_gradient_is_that_of_the_stated_surrogate(code, rng, tmp_path):
    numbers, bits, takes_zeros = CODES[code]
    shape, group, counts = (5, 7), [2, 3], (3, 3)
    zeros = rng.integers(-1 if numbers.min() < 0 else 0, 3, counts) if takes_zeros else np.zeros(counts, int)
    lines = [f"  %z = arith.constant dense<{zeros.tolist()}> : {tensor(counts, f'i{bits}')}"] if takes_zeros else []
    lines.append(f"  %y = compress.fake_quantize %x, %s{', %z' if takes_zeros else ''} code({code}) group = {group} : {tensor(shape)}, "
                 f"{tensor(counts)}{', ' + tensor(counts, f'i{bits}') if takes_zeros else ''} -> {tensor(shape)}")
    text = opt(function({"x": shape, "s": counts}, shape, "\n".join(lines)), "--compress-pullback")
    x, s, gradient = rng.standard_normal(shape) * np.abs(numbers).max(), rng.uniform(0.5, 2, counts), rng.standard_normal(shape)

    def spread(v):
        return v.repeat(group[0], 0).repeat(group[1], 1)[:shape[0], :shape[1]]

    z = spread(zeros)
    u = x / spread(s) + z
    rounded = nearest(numbers, u, code)
    np.testing.assert_allclose(load(text, "f", tmp_path).run({"x": x, "s": s})["y"], spread(s) * (rounded - z), rtol=1e-15)

    held = rounded - np.clip(u, numbers.min(), numbers.max())

    def surrogate(x, s):
        return (spread(s) * (np.clip(x / spread(s) + z, numbers.min(), numbers.max()) + held - z) * gradient).sum()

    computed = load(text, "f_pullback", tmp_path).run({"x": x, "s": s, "gradient": gradient})
    for name, at in (("x", x), ("s", s)):
        for index in np.ndindex(*at.shape):
            step = np.zeros(at.shape)
            step[index] = 1e-6
            both = [surrogate(**{**{"x": x, "s": s}, name: at + sign * step}) for sign in (1, -1)]
            assert abs(computed[f"{name}_gradient"][index] - (both[0] - both[1]) / 2e-6) <= 1e-6, (name, index)
