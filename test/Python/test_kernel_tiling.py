"""Kernel ops compute the same when upstream transform scripts tile and fuse them by sizes that do not divide.

Each case is compiled untiled and tiled, in vectors and in scalars, and compared with NumPy in double. Bound per number,
eps = 2^-24, where |op| is the op with absolute values of factors, basis and operands:

    eps * terms * |op|(|x|)        terms: rounded operations on the longest path to a result
"""
import pathlib
import subprocess

import numpy as np
import pytest

import compress_mlir
from compress_mlir.native import _find_compiler
from test_import import floats

OPT = pathlib.Path(_find_compiler()).parent / "compress-opt"
EPS = 2.0**-24


# The ops in NumPy, as their descriptions define them.

def frequencies(k):
    """(frequency, is imaginary) of each slot."""
    pairs = [(f, imaginary) for f in range(1, (k + 1) // 2) for imaginary in (False, True)]
    return [(0, False)] + ([(k // 2, False)] if k % 2 == 0 else []) + pairs


def basis(k):
    t = np.arange(k)
    return np.array([-np.sin(2 * np.pi * f * t / k) if i else np.cos(2 * np.pi * f * t / k) for f, i in frequencies(k)])


def rfft(x, k, dim, table):
    x = np.moveaxis(x, dim, -1)
    x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % k)])
    planes = np.einsum("...bt,st->s...b", x.reshape(x.shape[:-1] + (-1, k)), table)
    return np.moveaxis(planes, -1, dim + 1)


def rfft_transpose(planes, m, dim, table):
    planes = np.moveaxis(planes, dim + 1, -1)
    x = np.einsum("s...b,st->...bt", planes, table)
    return np.moveaxis(x.reshape(x.shape[:-2] + (-1,))[..., :m], -1, dim)


def spectral(x, w, in_dim, out_dim, strides=(), dilations=(), magnitudes=False):
    taps = len(strides)
    x = np.moveaxis(x, in_dim + 1, 1)
    if taps:
        axes = tuple(range(x.ndim - taps, x.ndim))
        reach = [(t - 1) * d + 1 for t, d in zip(w.shape[1:1 + taps], dilations)]
        x = np.lib.stride_tricks.sliding_window_view(x, reach, axes)
        picks = [slice(None, None, s) for s in strides] + [slice(None, None, d) for d in dilations]
        x = x[(Ellipsis, *picks)]
    letters = "ijl"[:taps]
    multiply = lambda f, g: np.einsum(f"{letters}go,g...{letters}->o...", w[f], x[g])  # noqa: E731
    y, k = [], len(w)
    sign = 1 if magnitudes else -1
    real = 2 - k % 2 if k > 1 else 1
    y += [multiply(f, f) for f in range(real)]
    for f in range(real, k, 2):
        y += [multiply(f, f) + sign * multiply(f + 1, f + 1), multiply(f, f + 1) + multiply(f + 1, f)]
    return np.moveaxis(np.array(y), 1, out_dim + 1)


def transform_terms(k):
    """Products of a path and sums into a result, counted for the definition where the network has no shorter path."""
    return 2 * k + 2


# Cases: types of arguments, of the result, the body, NumPy (values, function), terms.

def shape_of(text):
    return [int(e) for e in text.replace("?", "5").split("x")]


class Case:
    def __init__(self, arguments, result, body, function, terms, script, loops=1):
        self.arguments, self.result, self.body = arguments, result, body
        self.function, self.terms, self.script, self.loops = function, terms, script, loops

    def module(self, values):
        """Weights are constants, so that the batch may be dynamic."""
        arguments = ", ".join(f'%{n}: tensor<{t}xf32> {{compress.name = "{n}"}}' for n, t in self.arguments.items() if n != "w")
        weights = ""
        if "w" in values:
            weights = f'%w = arith.constant dense<"0x{values["w"].tobytes().hex().upper()}"> : tensor<{self.arguments["w"]}xf32>'
        return f"""func.func @main({arguments}) -> (tensor<{self.result}xf32> {{compress.name = "r"}}) {{
          {weights}
          {self.body}
          return %r : tensor<{self.result}xf32>
        }}"""


def types(*names):
    return ", ".join(f"%{n}" for n, _ in names) + " : " + ", ".join(f"tensor<{t}xf32>" for _, t in names)


def op(name, ins, init, result="r"):
    return f"%{result} = compress.{name} ins({types(*ins)}) outs({types(init)}) -> tensor<{init[1]}xf32>"


def tile(name, sizes, kind="for"):
    """Tiles the op `name`; kind "for" makes a loop for each size that is not zero."""
    any_op = "!transform.any_op"
    count = sum(size > 0 for size in sizes) if kind == "for" else 1
    results = ", ".join([any_op] * (count + 1))
    return f"""%op = transform.structured.match ops{{["{name}"]}} in %root : ({any_op}) -> {any_op}
      %tiled, %loops:{count} = transform.structured.tile_using_{kind} %op tile_sizes {list(sizes)} : ({any_op}) -> ({results})"""


def fuse(name, sizes, producers):
    any_op = "!transform.any_op"
    count = sum(size > 0 for size in sizes)
    assert producers
    return f"""%op = transform.structured.match ops{{["{name}"]}} in %root : ({any_op}) -> {any_op}
      %tiled, %loops:{count} = transform.structured.fuse %op tile_sizes {list(sizes)} : ({any_op}) -> ({", ".join([any_op] * (count + 1))})"""


def containing(name, sizes, producers):
    any_op = "!transform.any_op"
    text = tile(name, sizes, "forall")
    loop = "%loops#0"
    for i, producer in enumerate(producers):
        text += f"""
      %p{i} = transform.structured.match ops{{["{producer}"]}} in %root : ({any_op}) -> {any_op}
      %f{i}, %l{i} = transform.structured.fuse_into_containing_op %p{i} into {loop} : ({any_op}, {any_op}) -> ({any_op}, {any_op})"""
        loop = f"%l{i}"
    return text


def transform(k, x, planes, n, dim, sizes, transposed=False, accumulate=False, kind="for"):
    """A transform of flat `x`, n long at `dim`, to `planes`, or back."""
    loops = sum(s > 0 for s in sizes) if kind == "for" else 1
    if not transposed:
        body = op(f"rfft dim = {dim}", [("x", x)], ("i", planes))
        return Case({"x": x, "i": planes}, planes, body,
                    lambda v, magnitudes: rfft(v["x"], k, dim, np.abs(basis(k)) if magnitudes else basis(k)),
                    transform_terms(k), tile("compress.rfft", sizes, kind), loops)

    def function(v, magnitudes):
        table = np.abs(basis(k)) if magnitudes else basis(k)
        return rfft_transpose(v["x"], n, dim, table) + (v["i"] if accumulate else 0)

    body = op(f"rfft_transpose {'accumulate' if accumulate else ''} dim = {dim}", [("x", planes)], ("i", x))
    return Case({"x": planes, "i": x}, x, body, function, transform_terms(k),
                tile("compress.rfft_transpose", sizes, kind), loops)


def product(x, w, y, in_dim, out_dim, sizes, strides=(), dilations=(), kind="for"):
    if strides:
        name = f"spectral_conv in_dim = {in_dim} out_dim = {out_dim} strides = {list(strides)} dilations = {list(dilations)}"
    else:
        name = f"spectral_matmul in_dim = {in_dim} out_dim = {out_dim}"
    body = op(name, [("x", x), ("w", w)], ("i", y))
    terms = 2 * int(np.prod(shape_of(w)[1:-1])) + 2
    loops = sum(s > 0 for s in sizes) if kind == "for" else 1
    return Case({"x": x, "w": w, "i": y}, y, body,
                lambda v, magnitudes: v["i"] + spectral(v["x"], v["w"], in_dim, out_dim, strides, dilations, magnitudes),
                terms, tile("compress." + name.split()[0], sizes, kind), loops)


def panels(x, w, y, sizes):
    """A product whose weights, k x q x p, are in panels: k x p / P x q x P."""
    k, count, q, width = shape_of(w)
    plain = product(x, f"{k}x{q}x{count * width}", y, 1, 1, sizes)

    def function(v, magnitudes):
        return plain.function(dict(v, w=v["w"].swapaxes(1, 2).reshape(k, q, count * width)), magnitudes)

    body = op("spectral_matmul in_dim = 1 out_dim = 1", [("x", x), ("w", w)], ("i", y))
    return Case({"x": x, "w": w, "i": y}, y, body, function, 2 * q + 2, plain.script, 1)


def lists(sizes, kind="for"):
    """3 x 3 kernels that are ternary combinations of 2, 6 channels to 4, padded by a row."""
    rng = np.random.default_rng(0)
    signs, kernels = rng.integers(-1, 2, (4, 6, 2)), rng.standard_normal((2, 3, 3)).astype(np.float32)
    of = [[[np.flatnonzero(signs[k, :, m] == sign).tolist() for sign in (1, -1)] for m in range(2)] for k in range(4)]
    channels = [c for output in of for base in output for entries in base for c in entries]
    counts = [[[len(entries) for entries in base] for base in output] for output in of]
    x, y = "5x6x7x20", "5x4x7x18"
    body = f"""%l = arith.constant dense<{channels}> : tensor<{len(channels)}xi8>
      %c = arith.constant dense<{counts}> : tensor<4x2x2xi8>
      %s = arith.constant dense<2.0> : tensor<1x1xf32>
      %b = arith.constant dense<"0x{kernels.tobytes().hex().upper()}"> : tensor<2x3x3xf32>
      %r = compress.basis_conv padding = [1, 0] strides = [1, 1] dilations = [1, 1]
        ins(%x, %l, %c, %s, %b : tensor<{x}xf32>, tensor<{len(channels)}xi8>, tensor<4x2x2xi8>, tensor<1x1xf32>, tensor<2x3x3xf32>)
        outs(%i : tensor<{y}xf32>) -> tensor<{y}xf32>"""

    def function(v, magnitudes):
        factors = (np.abs(signs), np.abs(kernels)) if magnitudes else (signs, kernels)
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(v["x"], ((0, 0), (0, 0), (1, 1), (0, 0))), (3, 3), (2, 3))
        return v["i"] + np.einsum("ncyxrs,kcm,mrs->nkyx", windows, 2.0 * factors[0], factors[1].astype(float), optimize=True)

    return Case({"x": x, "i": y}, y, body, function, 6 + 2 * 9 + 4, tile("compress.basis_conv", sizes, kind), 1)


def chain(script, accumulate=False, n=18, m=14, batch=6):
    """A circulant layer of blocks of 4, `n` numbers to `m`, and an epilogue."""
    k, q, p = 4, -(-n // 4), -(-m // 4)
    flat, out, xs, ys = f"{batch}x{n}", f"{batch}x{m}", f"{k}x{batch}x{q}", f"{k}x{batch}x{p}"
    extent = "%batch" if batch == "?" else ""
    body = f"""%c0 = arith.constant 0 : index
      %batch = tensor.dim %x, %c0 : tensor<{flat}xf32>
      %xse = tensor.empty({extent}) : tensor<{xs}xf32>
      %yse = tensor.empty({extent}) : tensor<{ys}xf32>
      %ye = tensor.empty({extent}) : tensor<{out}xf32>
      %zero = arith.constant 0.0 : f32
      %z = linalg.fill ins(%zero : f32) outs(%yse : tensor<{ys}xf32>) -> tensor<{ys}xf32>
      {op("rfft dim = 1", [("x", flat)], ("xse", xs), "xs")}
      {op("spectral_matmul in_dim = 1 out_dim = 1", [("xs", xs), ("w", f"{k}x{q}x{p}")], ("z", ys), "ys")}
      {op(f"rfft_transpose {'accumulate' if accumulate else ''} dim = 1", [("ys", ys)], ("b" if accumulate else "ye", out), "t")}
      %r = linalg.add ins(%t, %b : tensor<{out}xf32>, tensor<{out}xf32>) outs(%ye : tensor<{out}xf32>) -> tensor<{out}xf32>"""

    def function(v, magnitudes):
        table = np.abs(basis(k)) if magnitudes else basis(k)
        xs = rfft(v["x"], k, 1, table)
        y = rfft_transpose(spectral(xs, v["w"], 1, 1, magnitudes=magnitudes), m, 1, table)
        return y + v["b"] * (2 if accumulate else 1)

    return Case({"x": flat, "w": f"{k}x{q}x{p}", "b": out}, out, body, function,
                2 * transform_terms(k) + 2 * q + 4, script, 1)


CHAIN = ["compress.rfft_transpose", "compress.spectral_matmul", "compress.rfft"]
CASES = {
    "rfft": lambda: transform(4, "3x18", "4x3x5", 18, 1, [2, 3]),
    "rfft of odd blocks": lambda: transform(5, "3x27", "5x3x6", 27, 1, [0, 4]),
    "rfft of one number": lambda: transform(1, "3x7", "1x3x7", 7, 1, [2, 3]),
    "rfft along lanes": lambda: transform(8, "2x43x37", "8x2x6x37", 43, 1, [0, 4, 20]),
    "rfft of the outermost": lambda: transform(4, "18x5", "4x5x5", 18, 0, [2, 3]),
    "rfft forall": lambda: transform(4, "3x18", "4x3x5", 18, 1, [2, 3], kind="forall"),
    "rfft_transpose": lambda: transform(4, "3x18", "4x3x5", 18, 1, [2, 3], transposed=True),
    "rfft_transpose, accumulate": lambda: transform(4, "3x18", "4x3x5", 18, 1, [2, 2], transposed=True, accumulate=True),
    "rfft_transpose of odd blocks": lambda: transform(7, "3x40", "7x3x6", 40, 1, [0, 5], transposed=True, accumulate=True),
    "rfft_transpose along lanes": lambda: transform(8, "2x43x37", "8x2x6x37", 43, 1, [0, 4, 20], transposed=True),
    "rfft_transpose along lanes, accumulate": lambda: transform(8, "2x43x37", "8x2x6x37", 43, 1, [0, 4, 20], transposed=True,
                                                                accumulate=True),
    "rfft_transpose forall": lambda: transform(4, "3x18", "4x3x5", 18, 1, [2, 3], transposed=True, kind="forall"),
    "matmul": lambda: product("4x3x7", "4x7x5", "4x3x5", 1, 1, [2, 3, 4]),
    "matmul, in blocks": lambda: product("4x3x7", "4x7x5", "4x3x5", 1, 1, [0, 0, 3]),
    "matmul of odd blocks": lambda: product("5x3x7", "5x7x5", "5x3x5", 1, 1, [2, 2, 2]),
    "matmul along lanes": lambda: product("4x3x7", "4x7x87", "4x3x87", 1, 1, [0, 50, 0]),
    "matmul, out blocks outside": lambda: product("4x7x5", "4x7x9", "4x9x5", 0, 0, [3, 4, 2]),
    "matmul in panels": lambda: panels("4x5x7", "4x3x7x16", "4x5x48", [2]),
    "matmul in panels of odd blocks": lambda: panels("5x5x7", "5x2x7x4", "5x5x8", [3]),
    "matmul forall": lambda: product("4x3x7", "4x7x5", "4x3x5", 1, 1, [2, 3], kind="forall"),
    "conv, stride and dilation": lambda: product("4x2x3x20x12", "4x3x3x3x5", "4x2x5x7x8", 1, 1, [0, 3, 5, 3, 2], (2, 1), (3, 2)),
    "conv along lanes": lambda: product("4x2x3x7x39", "4x3x3x3x11", "4x2x11x5x37", 1, 1, [0, 2, 20, 9, 2], (1, 1), (1, 1)),
    "conv of stride 2 along lanes": lambda: product("4x2x3x9x75", "4x3x3x3x11", "4x2x11x4x37", 1, 1, [0, 2, 20, 3, 2], (2, 2), (1, 1)),
    "conv of stride 2 and dilation along lanes": lambda: product("5x2x3x7x79", "5x3x3x3x11", "5x2x11x5x37", 1, 1, [0, 2, 0, 9, 2],
                                                                 (1, 2), (1, 3)),
    "conv, channels last": lambda: product("5x2x9x3", "5x3x3x37", "5x2x7x37", 2, 2, [0, 3, 20, 2], (1,), (1,)),
    "matmul, tiles divide": lambda: product("4x4x6", "4x6x40", "4x4x40", 1, 1, [2, 20, 3]),
    "conv, tiles divide": lambda: product("4x2x4x9x39", "4x3x3x4x10", "4x2x10x4x37", 1, 1, [1, 2, 0, 5, 2], (2, 1), (1, 1)),
    "sums of listed channels": lambda: lists([2]),
    "sums of listed channels forall": lambda: lists([3], kind="forall"),
    "fuse, tiles cut blocks": lambda: chain(fuse("linalg.add", [4, 6], CHAIN)),
    "fuse, tiles are blocks": lambda: chain(fuse("linalg.add", [4, 8], CHAIN)),
    "fuse, tiles divide": lambda: chain(fuse("linalg.add", [2, 8], CHAIN), m=16, n=12),
    "fuse, dynamic batch": lambda: chain(fuse("linalg.add", [2, 6], CHAIN), batch="?"),
    "fuse, accumulate": lambda: chain(fuse("linalg.add", [4, 6], CHAIN), accumulate=True),
    "fuse into forall": lambda: chain(containing("linalg.add", [4, 6], CHAIN)),
}


def run(*command, **kwargs):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout


def apply(case, values, folder):
    """The module, with the transform script applied."""
    source, script = folder / "plain.mlir", folder / "script.mlir"
    source.write_text(case.module(values))
    script.write_text(f"""module attributes {{transform.with_named_sequence}} {{
      transform.named_sequence @__transform_main(%root: !transform.any_op {{transform.readonly}}) {{
        {case.script}
        transform.yield
      }}
    }}""")
    passes = f"builtin.module(transform-preload-library{{transform-library-paths={script}}},transform-interpreter,canonicalize,cse)"
    tiled = folder / "tiled.mlir"
    tiled.write_text(run(OPT, source, f"--pass-pipeline={passes}"))
    return source, tiled


@pytest.mark.parametrize("name", CASES)
def test_tiled_kernels_compute_the_same(name, rng, tmp_path):
    case = CASES[name]()
    values = {n: floats(rng, *shape_of(t)) for n, t in case.arguments.items()}
    plain, tiled = apply(case, values, tmp_path)
    text = tiled.read_text()
    assert text.count("scf.for") >= case.loops, text
    if "fuse" in name:
        before, loop = text.split("scf.for", 1)
        assert all(producer not in before and producer in loop for producer in CHAIN), text
    doubles = {n: v.astype(np.float64) for n, v in values.items()}
    expected = case.function(doubles, False)
    bound = EPS * case.terms * case.function({n: np.abs(v) for n, v in doubles.items()}, True) + np.finfo(np.float32).tiny
    inputs = {n: v for n, v in values.items() if n != "w"}
    used = {}
    for path in (plain, tiled):
        for lanes in (None, 1):
            library = compress_mlir.load(compress_mlir.compile(path, tmp_path, name=f"{path.stem}{lanes}", vector_lanes=lanes))
            used[path.stem, lanes] = float((np.abs(library.run(inputs)["r"] - expected) / bound).max())
    print(f"{name}: fraction of the bound:", {n: round(f, 3) for n, f in used.items()})
    assert all(fraction <= 1 for fraction in used.values()), used
