"""Every spelling of a linear layer that MLIR 22.1 and its front ends produce is selected, and computes what its dense
meaning computes: vector code against the oracle, which expands and computes in double by the loops of the linalg op itself."""
import json

import numpy as np
import pytest

import compress_mlir
from test_import import floats

# name: (circulant vectors, `order` and result of the op, types of arguments, result type, body with %x, %w, %y0 -> %y)
# Blocks of 4: out 10 (3 blocks), in 7 (2 blocks).
FC, CONV = (3, 2, 4), (3, 2, 4, 3, 2)
OUT_IN, IN_OUT = ("", "10x7"), ("order = [1, 0]", "7x10")
MATMUL = "%y = linalg.matmul {maps} ins(%x, %w : tensor<{x}xf32>, tensor<{w}xf32>) outs(%y0 : tensor<{y}xf32>) -> tensor<{y}xf32>"


def maps(*results, loops="m, n, k"):
    return "indexing_maps = [" + ", ".join(f"affine_map<({loops}) -> ({r})>" for r in results) + "]"


def matmul(x, w, y, *results):
    return MATMUL.format(maps=maps(*results) if results else "", x=x, w=w, y=y)


def named(op, x, w, y, attributes=""):
    return (f"%y = linalg.{op} {attributes} ins(%x, %w : tensor<{x}xf32>, tensor<{w}xf32>) outs(%y0 : tensor<{y}xf32>)"
            f" -> tensor<{y}xf32>")


def generic(x, w, y, loops, iterators, *results):
    kinds = ", ".join('"reduction"' if kind == "r" else '"parallel"' for kind in iterators)
    return f"""%y = linalg.generic {{{maps(*results, loops=loops)}, iterator_types = [{kinds}]}}
        ins(%x, %w : tensor<{x}xf32>, tensor<{w}xf32>) outs(%y0 : tensor<{y}xf32>) {{
      ^bb0(%a: f32, %b: f32, %acc: f32):
        %p = arith.mulf %a, %b : f32
        %s = arith.addf %acc, %p : f32
        linalg.yield %s : f32
      }} -> tensor<{y}xf32>"""


def swapped(body):
    """The weight as the first factor."""
    i, j = body.index("ins(%x, %w : "), body.index(") outs")
    x, w = body[i + 13:j].split(", ")
    return body[:i] + f"ins(%w, %x : {w}, {x}" + body[j:]


WINDOW = "strides = dense<{s}> : tensor<2xi64>, dilations = dense<{d}> : tensor<2xi64>"


def conv(op, x, w, y, stride=1, dilation=1):
    return named(op, x, w, y, "{" + WINDOW.format(s=stride, d=dilation) + "}")


def padded(body, before, after, low, high):
    """The activation behind a zero tensor.pad; `before` and `after` are its shapes."""
    return f"""%zero = arith.constant 0.0 : f32
      %p = tensor.pad %x0 low[{low}] high[{high}] {{
      ^bb0(%i0: index, %i1: index, %i2: index, %i3: index):
        tensor.yield %zero : f32
      }} : tensor<{before}xf32> to tensor<{after}xf32>
      {body.replace("%x,", "%p,")}"""


def transposed(body, permutation, source, target):
    """The weight behind a linalg.transpose."""
    return f"""%te = tensor.empty() : tensor<{target}xf32>
      %wt = linalg.transpose ins(%w : tensor<{source}xf32>) outs(%te : tensor<{target}xf32>) permutation = {permutation}
      {body.replace(", %w :", ", %wt :")}"""


def torch_transpose(body, source, target):
    """The weight behind a transpose as torch-mlir writes it."""
    return f"""%te = tensor.empty() : tensor<{target}xf32>
      %wt = linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, i)>],
                            iterator_types = ["parallel", "parallel"]}}
        ins(%w : tensor<{source}xf32>) outs(%te : tensor<{target}xf32>) {{
      ^bb0(%a: f32, %b: f32):
        linalg.yield %a : f32
      }} -> tensor<{target}xf32>
      {body.replace(", %w :", ", %wt :")}"""


def expanded(body, w, to, groups):
    return f"""%we = tensor.expand_shape %w {groups} output_shape [{to.replace("x", ", ")}] : tensor<{w}xf32> into tensor<{to}xf32>
      {body.replace(", %w :", ", %we :")}"""


CASES = {
    "matmul": (FC, IN_OUT, "5x7", "5x10", matmul("5x7", "7x10", "5x10")),
    "matmul, weight rows are outputs": (FC, OUT_IN, "5x7", "5x10", matmul("5x7", "10x7", "5x10", "m, k", "n, k", "m, n")),
    "matmul, activation transposed": (FC, OUT_IN, "7x5", "5x10", matmul("7x5", "10x7", "5x10", "k, m", "n, k", "m, n")),
    "matmul, result transposed": (FC, IN_OUT, "5x7", "10x5",
                                  generic("5x7", "7x10", "10x5", "m, n, k", "ppr", "m, k", "k, n", "n, m")),
    "matmul, weight first": (FC, OUT_IN, "7x5", "10x5", swapped(matmul("7x5", "10x7", "10x5"))),
    "matmul by the transposed weight": (FC, ("", "10x7"), "5x10", "5x7", matmul("5x10", "10x7", "5x7")),
    "matmul behind a transpose": (FC, OUT_IN, "5x7", "5x10",
                                  transposed(matmul("5x7", "7x10", "5x10"), "[1, 0]", "10x7", "7x10")),
    "matmul as torch-mlir writes linear": (FC, OUT_IN, "5x7", "5x10",
                                           torch_transpose(matmul("5x7", "7x10", "5x10"), "10x7", "7x10")),
    "contract": (FC, OUT_IN, "2x3x7", "2x3x10",
                 "%y = linalg.contract " + maps("b, m, k", "n, k", "b, m, n", loops="b, m, n, k") +
                 " ins(%x, %w : tensor<2x3x7xf32>, tensor<10x7xf32>) outs(%y0 : tensor<2x3x10xf32>) -> tensor<2x3x10xf32>"),
    "batch_matmul of one batch": (FC, IN_OUT, "1x5x7", "1x5x10",
                                  expanded(named("batch_matmul", "1x5x7", "1x7x10", "1x5x10"), "7x10", "1x7x10", "[[0, 1], [2]]")),
    "matvec": (FC, OUT_IN, "7", "10", swapped(named("matvec", "7", "10x7", "10"))),
    "vecmat": (FC, IN_OUT, "7", "10", named("vecmat", "7", "7x10", "10")),
    "generic": (FC, OUT_IN, "5x7", "5x10", generic("5x7", "10x7", "5x10", "m, n, k", "ppr", "m, k", "n, k", "m, n")),
    "generic, other loop order": (FC, OUT_IN, "5x7", "5x10",
                                  generic("5x7", "10x7", "5x10", "k, n, m", "rpp", "m, k", "n, k", "m, n")),
    "conv nchw_fchw": (CONV, ("", "10x7x3x2"), "2x7x6x5", "2x10x4x4", conv("conv_2d_nchw_fchw", "2x7x6x5", "10x7x3x2", "2x10x4x4")),
    "conv nchw_fchw, stride": (CONV, ("", "10x7x3x2"), "2x7x7x6", "2x10x3x3",
                               conv("conv_2d_nchw_fchw", "2x7x7x6", "10x7x3x2", "2x10x3x3", stride=2)),
    "conv nchw_fchw, stride, rows of several vectors": (
        CONV, ("", "10x7x3x2"), "2x7x7x76", "2x10x3x38", conv("conv_2d_nchw_fchw", "2x7x7x76", "10x7x3x2", "2x10x3x38", stride=2)),
    "conv nchw_fchw, stride, rows of a part of a vector": (
        CONV, ("", "10x7x3x2"), "2x7x9x12", "2x10x2x5", conv("conv_2d_nchw_fchw", "2x7x9x12", "10x7x3x2", "2x10x2x5", 2, 3)),
    "conv nchw_fchw, dilation": (CONV, ("", "10x7x3x2"), "2x7x8x5", "2x10x4x3",
                                 conv("conv_2d_nchw_fchw", "2x7x8x5", "10x7x3x2", "2x10x4x3", dilation=2)),
    "conv nchw_fchw, padding": (CONV, ("", "10x7x3x2"), "2x7x6x5", "2x10x6x6",
                                padded(conv("conv_2d_nchw_fchw", "2x7x8x7", "10x7x3x2", "2x10x6x6"), "2x7x6x5", "2x7x8x7",
                                       "0, 0, 1, 0", "0, 0, 1, 2")),
    "conv nhwc_hwcf": (CONV, ("order = [3, 2, 0, 1]", "3x2x7x10"), "2x6x5x7", "2x4x4x10",
                       conv("conv_2d_nhwc_hwcf", "2x6x5x7", "3x2x7x10", "2x4x4x10")),
    "conv nhwc_hwcf, padding, stride, dilation": (
        CONV, ("order = [3, 2, 0, 1]", "3x2x7x10"), "2x7x6x7", "2x3x3x10",
        padded(conv("conv_2d_nhwc_hwcf", "2x9x7x7", "3x2x7x10", "2x3x3x10", 2, 2), "2x7x6x7", "2x9x7x7", "0, 1, 0, 0",
               "0, 1, 1, 0")),
    "conv nhwc_fhwc": (CONV, ("order = [0, 3, 1, 2]", "10x3x2x7"), "2x6x5x7", "2x4x4x10",
                       conv("conv_2d_nhwc_fhwc", "2x6x5x7", "10x3x2x7", "2x4x4x10")),
    "conv nhwc_fhwc, padding": (CONV, ("order = [0, 3, 1, 2]", "10x3x2x7"), "2x6x5x7", "2x6x4x10",
                                padded(conv("conv_2d_nhwc_fhwc", "2x8x5x7", "10x3x2x7", "2x6x4x10"), "2x6x5x7", "2x8x5x7",
                                       "0, 1, 0, 0", "0, 1, 0, 0")),
    "conv nhwc_hwcf behind a transpose": (CONV, ("order = [0, 3, 1, 2]", "10x3x2x7"), "2x6x5x7", "2x4x4x10",
                                          transposed(conv("conv_2d_nhwc_hwcf", "2x6x5x7", "3x2x7x10", "2x4x4x10"),
                                                     "[1, 2, 3, 0]", "10x3x2x7", "3x2x7x10")),
    "conv nchw_fchw behind a transpose": (CONV, ("order = [3, 2, 0, 1]", "3x2x7x10"), "2x7x6x5", "2x10x4x4",
                                          transposed(conv("conv_2d_nchw_fchw", "2x7x6x5", "10x7x3x2", "2x10x4x4"),
                                                     "[3, 2, 0, 1]", "3x2x7x10", "10x7x3x2")),
}


def module(case, rng):
    shape, (order, weight), x, y, body = case
    c = floats(rng, *shape)
    hexadecimal = c.tobytes().hex().upper()
    dims = "x".join(map(str, shape))
    argument = "%x0" if "%x0" in body else "%x"
    return f"""
    func.func @main({argument}: tensor<{x}xf32> {{compress.name = "x"}}, %y0: tensor<{y}xf32> {{compress.name = "y0"}})
        -> (tensor<{y}xf32> {{compress.name = "y"}}) {{
      %c = arith.constant dense<"0x{hexadecimal}"> : tensor<{dims}xf32>
      %w = compress.circulant %c {order} : tensor<{dims}xf32> -> tensor<{weight}xf32>
      {body}
      return %y : tensor<{y}xf32>
    }}"""


@pytest.mark.parametrize("name", CASES)
def test_consumer_is_selected_and_right(name, rng, tmp_path):
    path = tmp_path / "consumer.mlir"
    path.write_text(module(CASES[name], rng))

    def build(kind, **options):
        report = tmp_path / f"{kind}.json"
        library = compress_mlir.load(compress_mlir.compile(path, tmp_path, name=kind, report=report, **options))
        return library, [(r["kind"], r["text"]) for r in json.loads(report.read_text())["layers"] if r["pass"] == "select"]

    spectral, remarks = build("spectral", force="spectral")
    assert len(remarks) == 1 and remarks[0][0] == "passed", remarks
    oracle, _ = build("oracle", reference=True)
    expanded_library, _ = build("expanded", expand=True)
    x, y0 = (floats(rng, *(int(e) for e in CASES[name][i].split("x"))) for i in (2, 3))
    expected = oracle.run({"x": x.astype(np.float64), "y0": y0.astype(np.float64)})["y"]
    for library in (spectral, expanded_library):
        np.testing.assert_allclose(library.run({"x": x, "y0": y0})["y"], expected, rtol=1e-4, atol=2e-5)


def test_oracle_multiplies_by_the_documented_matrix(rng, tmp_path):
    """The oracle's own meaning, by NumPy, for one case of each kind."""
    from compress_mlir import reference
    for name in ("matmul, weight rows are outputs", "conv nchw_fchw"):
        text = module(CASES[name], rng)
        path = tmp_path / "consumer.mlir"
        path.write_text(text)
        shape, _, x_shape, y_shape, _ = CASES[name]
        data = text.split('dense<"0x')[1].split('"')[0]
        c = np.frombuffer(bytes.fromhex(data), np.float32).reshape(shape).astype(np.float64)
        dense = reference.circulant(c, 10, 7)
        x, y0 = (rng.standard_normal([int(e) for e in s.split("x")]) for s in (x_shape, y_shape))
        if x.ndim == 2:
            expected = y0 + x @ dense.T
        else:
            windows = np.lib.stride_tricks.sliding_window_view(x, (3, 2), (2, 3))
            expected = y0 + np.einsum("ncyxij,ocij->noyx", windows, dense)
        library = compress_mlir.load(compress_mlir.compile(path, tmp_path, name="o" + str(x.ndim), reference=True))
        np.testing.assert_allclose(library.run({"x": x, "y0": y0})["y"], expected, rtol=1e-12)
