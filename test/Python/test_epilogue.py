"""What fills a kernel's result and what changes it after, done in the kernel's loops, computes the same.

Kernels on shapes whose loops differ (lanes of blocks, of pixels, masked, blocks cut short, single numbers) start from a bias, and
are followed by the sum with another tensor, a maximum and a scale; compared with NumPy in double. Bound per number, eps = 2^-24:

    eps * terms * |kernel|(...)        terms: roundings on the longest path to a result, as in test_kernel_tiling
"""
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from compress_mlir import onnx_functions, reference
from test_import import floats
from test_kernel_tiling import EPS, basis, rfft, rfft_transpose, shape_of, transform_terms


def tensor(shape):
    return f"tensor<{'x'.join(map(str, shape))}xf32>"


def check(shape, bias_dim, kernel, arguments, meaning, terms, rng, tmp_path, compile_and_load):
    """`kernel` is the text of an op from %start to %sums, `meaning` what it adds to; a shape of "?" first is a batch of 5."""
    static, type = shape_of("x".join(map(str, shape))), tensor(shape)
    rank, dims = len(shape), ", ".join(f"d{d}" for d in range(len(shape)))
    maps = ", ".join(f"affine_map<({dims}) -> ({results})>" for results in (dims, dims, f"d{rank - 1}", dims))
    arguments = dict(arguments, bias=[static[bias_dim]], x=shape, scale=[static[-1]])
    values = {n: floats(rng, *shape_of("x".join(map(str, s)))) for n, s in arguments.items()}
    constants = {n: v for n, v in values.items() if shape[0] == "?" and arguments[n][0] != "?"}  # a library has one batch
    feeds = {n: v for n, v in values.items() if n not in constants}
    text = f"""func.func @main({', '.join(f'%{n}: {tensor(arguments[n])} {{compress.name = "{n}"}}' for n in feeds)})
        -> ({type} {{compress.name = "r"}}) {{
      {chr(10).join(f'%{n} = arith.constant dense<"0x{v.tobytes().hex()}"> : {tensor(v.shape)}' for n, v in constants.items())}
      %c0 = arith.constant 0 : index
      %zero = arith.constant 0.0 : f32
      %n = tensor.dim %x, %c0 : {type}
      %e = tensor.empty({"%n" if shape[0] == "?" else ""}) : {type}
      %start = linalg.broadcast ins(%bias : {tensor(arguments["bias"])}) outs(%e : {type})
          dimensions = {[d for d in range(rank) if d != bias_dim]}
      {kernel}
      %r = linalg.generic {{indexing_maps = [{maps}], iterator_types = [{', '.join(['"parallel"'] * rank)}]}}
          ins(%sums, %x, %scale : {type}, {type}, {tensor(arguments["scale"])}) outs(%e : {type}) {{
      ^bb0(%sum: f32, %other: f32, %factor: f32, %out: f32):
        %0 = arith.addf %sum, %other : f32
        %1 = arith.maximumf %0, %zero : f32
        %2 = arith.mulf %1, %factor : f32
        linalg.yield %2 : f32
      }} -> {type}
      return %r : {type}
    }}"""
    path = tmp_path / "model.mlir"
    path.write_text(text)

    def compute(v, magnitudes):
        bias = np.broadcast_to(v["bias"].reshape([-1 if d == bias_dim else 1 for d in range(rank)]), static)
        y = meaning(v, bias, magnitudes) + v["x"]
        return (y if magnitudes else np.maximum(y, 0)) * v["scale"]

    result = compile_and_load(path).run(feeds)["r"]
    expected = compute({n: v.astype(np.float64) for n, v in values.items()}, False)
    bound = EPS * (terms + 4) * compute({n: np.abs(v).astype(np.float64) for n, v in values.items()}, True)
    assert (np.abs(result - expected) <= bound).all(), np.abs(result - expected).max()


TRANSFORMS = {  # shape, points, dimension
    "lanes of blocks": ([3, 296], 8, 1),
    "blocks beyond registers": ([3, 512], 32, 1),
    "a block cut short": ([3, 37], 8, 1),
    "batch": (["?", 272], 16, 1),
    "pixels": ([2, 20, 6, 7], 4, 1),
    "pixels, masked": ([2, 24, 1, 7], 8, 1),
    "pixels, a block cut short": ([2, 19, 5, 5], 8, 1),
    "blocks of one": ([3, 37], 1, 1),
    "the outermost": ([12, 35], 4, 0),
}


@pytest.mark.parametrize("bias_dim", [0, 1, -1])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_back(name, bias_dim, rng, tmp_path, compile_and_load):
    shape, k, dim = TRANSFORMS[name]
    bias_dim %= len(shape)
    if shape[bias_dim] == "?":
        pytest.skip("a bias is as long as its dimension, which is the batch")
    planes = [k] + [-(-e // k) if d == dim else e for d, e in enumerate(shape)]
    kernel = f"""%pe = tensor.empty({"%n" if "?" in planes else ""}) : {tensor(planes)}
      %p = compress.rfft dim = {dim} ins(%v : {tensor(shape)}) outs(%pe : {tensor(planes)}) -> {tensor(planes)}
      %sums = compress.rfft_transpose accumulate dim = {dim} ins(%p : {tensor(planes)}) outs(%start : {tensor(shape)})
          -> {tensor(shape)}"""

    def meaning(v, start, magnitudes):
        table = np.abs(basis(k)) if magnitudes else basis(k)
        return start + rfft_transpose(rfft(v["v"], k, dim, table), v["v"].shape[dim], dim, table)

    check(shape, bias_dim, kernel, {"v": shape}, meaning, 2 * transform_terms(k), rng, tmp_path, compile_and_load)


@pytest.mark.parametrize("shape, depth", [(["?", 83], 21), ([3, 16], 5), ([11, 7], 4), ([1, 40], 3)])
@pytest.mark.parametrize("bias_dim", [0, 1])
def test_products(shape, depth, bias_dim, rng, tmp_path, compile_and_load):
    if shape[bias_dim] == "?":
        pytest.skip("a bias is as long as its dimension, which is the batch")
    a, b = [shape[0], depth], [depth, shape[1]]
    kernel = f"""%sums = linalg.matmul ins(%a, %b : {tensor(a)}, {tensor(b)}) outs(%start : {tensor(shape)}) -> {tensor(shape)}"""
    check(shape, bias_dim, kernel, {"a": a, "b": b}, lambda v, start, _: start + v["a"] @ v["b"], 2 * depth, rng, tmp_path,
          compile_and_load)


@pytest.mark.parametrize("width", [4, 12, 13, 26, 40])
@pytest.mark.parametrize("window", [2, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name, bias_dim", [("pooling_nchw_max", 1), ("pooling_nchw_sum", 3)])
def test_reductions(name, bias_dim, stride, window, width, rng, tmp_path, compile_and_load):
    """Windows that are loops and those that are not; rows of one masked vector, of whole ones and of shorter ones."""
    shape = ["?", 3, 4, width]
    image = ["?", 3] + [(e - 1) * stride + window for e in shape[2:]]
    kernel = f"""%w = tensor.empty() : tensor<{window}x{window}xf32>
      %sums = linalg.{name} {{strides = dense<{stride}> : tensor<2xi64>, dilations = dense<1> : tensor<2xi64>}}
          ins(%v, %w : {tensor(image)}, tensor<{window}x{window}xf32>) outs(%start : {tensor(shape)}) -> {tensor(shape)}"""

    def meaning(v, start, magnitudes):
        windows = np.lib.stride_tricks.sliding_window_view(v["v"], (window, window), (2, 3))[:, :, ::stride, ::stride]
        if magnitudes or name.endswith("sum"):
            return start + windows.sum((4, 5))
        return np.maximum(start, windows.max((4, 5)))

    check(shape, bias_dim, kernel, {"v": image}, meaning, window**2 + 1, rng, tmp_path, compile_and_load)


@pytest.mark.parametrize("batch", [1, 19, 70])
def test_layers_with_a_skip(batch, rng, tmp_path, compile_and_load):
    """Activations that other layers read again are buffers of their own, beside the sums."""
    sizes = {"c": (5, 4, 16), "b0": (77,), "w1": (77, 77), "b1": (77,), "w2": (13, 77), "b2": (13,)}
    v = {n: floats(rng, *size) / np.float32(8) for n, size in sizes.items()}
    nodes = [helper.make_node("Circulant", ["c"], ["w0"], domain="compress", rows=77, cols=64)]
    for i, (x, y) in enumerate([("x", "h0"), ("r0", "h1"), ("r1", "h2")]):
        nodes += [helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [y], transB=1)]
        if i == 1:
            nodes += [helper.make_node("Add", ["h1", "r0"], ["s1"])]
        nodes += [helper.make_node("Relu", ["s1" if i == 1 else y], ["y" if i == 2 else f"r{i}"])]
    x = floats(rng, batch, 64)
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", e]) for n, e in (("x", 64), ("y", 13))]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], [numpy_helper.from_array(a, n) for n, a in v.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15), helper.make_opsetid("compress", 1)])
    path = tmp_path / "skip.onnx"
    path.write_bytes(onnx_functions.add_functions(model).SerializeToString())
    y = compile_and_load(path).run({"x": x})["y"]
    v = {n: a.astype(np.float64) for n, a in v.items()}
    r0 = np.maximum(x.astype(np.float64) @ reference.circulant(v["c"], 77, 64).T + v["b0"], 0)
    r1 = np.maximum(r0 @ v["w1"].T + v["b1"] + r0, 0)
    expected = np.maximum(r1 @ v["w2"].T + v["b2"], 0)
    assert np.linalg.norm(y - expected) <= 1e-6 * np.linalg.norm(expected)
