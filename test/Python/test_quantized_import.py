"""Quantized ONNX graphs: compiled libraries against what ONNX says in integers, against ONNX Runtime where it is there, and refusals."""
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT, need_to_run
import compress_mlir
from compress_mlir.native import _find_compiler
import quantized_graphs as quantized
from test_precision import section_bytes

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402


def compare(graphs, results, expected, what):
    """Prints the rate of elements that differ; fails if one is off by more than a step."""
    differing = total = 0
    worst = {}
    for name, step in graphs.steps.items():
        differ, count, largest = quantized.off_by(results[name], expected[name], step)
        differing, total = differing + differ, total + count
        if largest > 1:
            worst[name] = largest
    print(f"{what}: {graphs.count} graphs, {differing} of {total} elements differ ({100 * differing / total:.4f} %)")
    nodes = {name: [node.op_type for node in graphs.nodes if node.name.startswith(name.split("_")[0] + "_")] for name in worst}
    assert not worst, {name: (worst[name], nodes[name]) for name in worst}


@pytest.mark.parametrize("family", quantized.KINDS)
def test_200_graphs_are_right_within_a_step(family, rng, tmp_path, compile_and_load):
    graphs = quantized.draw(rng, family)
    model, path = graphs.model(), tmp_path / "graphs.onnx"
    onnx.save(model, str(path))
    results = compile_and_load(path).run(graphs.feeds)
    compare(graphs, results, quantized.evaluate(model, graphs.feeds), f"{family} against NumPy")
    library = peers.runtime("ort-int8")
    if library and not peers.multiplies_bytes_exactly():
        print("ONNX Runtime is not asked: without VNNI its sums of byte products saturate at 16 bits")
    elif library:  # scripts/fetch-peers gets it
        session = onnx_runtime.Session(path, library, graphs.steps, quantized.ORT_OPTIMIZATIONS.get(family, 99))
        compare(graphs, results, session.run(graphs.feeds), f"{family} against ONNX Runtime")


@pytest.mark.parametrize("options", [{}, dict(target_cpu="haswell"), dict(vector_lanes=4), dict(target_cpu="x86-64")], ids=str)
def test_sums_of_the_largest_bytes_are_exact(options, rng, tmp_path, compile_and_load):
    """A sum of two products does not fit 16 bits. The convolution is one that takes fewer products where there are instructions for pairs."""
    x, image = (rng.choice([0, 255], shape).astype(np.uint8) for shape in ((5, 132), (2, 64, 12, 12)))
    w, filters = (rng.choice([-128, 127], shape).astype(np.int8) for shape in ((132, 45), (32, 64, 3, 3)))
    w[:, 0], w[:, 1], x[0], image[0, :, 3:] = 127, -128, 255, 255
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"]), helper.make_node("ConvInteger", ["image", "filters"], ["z"])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.UINT8, value.shape) for name, value in (("x", x), ("image", image))]
    outputs = [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name, shape in (("y", (5, 45)), ("z", (2, 32, 10, 10)))]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [numpy_helper.from_array(w, "w"), numpy_helper.from_array(filters, "filters")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(tmp_path / "sums.onnx"))
    results = compile_and_load(tmp_path / "sums.onnx", **options).run({"x": x, "image": image})
    np.testing.assert_array_equal(results["y"], x.astype(int) @ w.astype(int))
    windows = np.lib.stride_tricks.sliding_window_view(image.astype(int), (3, 3), (2, 3))
    np.testing.assert_array_equal(results["z"], np.einsum("ncyxij,ocij->noyx", windows, filters.astype(int)))


@pytest.mark.parametrize("options", [dict(expand=True), dict(reference=True), dict(vector_lanes=1), dict(target_cpu="x86-64")],
                         ids=lambda options: next(iter(options)))
def test_every_kind_is_right_however_it_is_compiled(options, rng, tmp_path, compile_and_load):
    graphs = quantized.Graphs(rng, opset=21)
    for kind in (kind for kinds in quantized.KINDS.values() for kind in kinds):
        kind(graphs)
        graphs.count += 1
    path = tmp_path / "graphs.onnx"
    onnx.save(graphs.model(), str(path))
    library = compile_and_load(path, **options)
    results = library.run({tensor.name: graphs.feeds[tensor.name].astype(tensor.dtype) for tensor in library.inputs})
    compare(graphs, results, quantized.evaluate(graphs.model(), graphs.feeds), str(options))


def test_there_are_200_graphs():
    assert sum(sum(kinds.values()) for kinds in quantized.KINDS.values()) == 200


F32, U8, I8 = np.float32, np.uint8, np.int8


def make(nodes, inputs, outputs, constants, opset=15):
    """`inputs` are {name: (dtype, shape)}; constants may be arrays or tensors."""
    info = [helper.make_tensor_value_info(n, helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(d)], s) for n, (d, s) in inputs.items()]
    out = [helper.make_tensor_value_info(n, helper.mapping.NP_TYPE_TO_TENSOR_TYPE[np.dtype(d)], None) for n, d in outputs.items()]
    tensors = [v if isinstance(v, TensorProto) else numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()]
    model = helper.make_model(helper.make_graph(nodes, "g", info, out, tensors),
                              opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)])
    model.ir_version = 8
    return model


def save(model, folder):
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


# Bytes of weights ----------------------------------------------------------------------------------------------------------------

ROWS, COLS = 256, 512


def weight_bytes(model, folder):
    """Of an object file's weight section."""
    path = save(model, folder)
    subprocess.run([_find_compiler(), str(path), "-o", str(folder), "--name", "m", "--emit", "obj", "--quiet"], check=True)
    return section_bytes(folder / "m.o")


def codes(rng, *shape):
    return rng.integers(-128, 128, shape).astype(np.int8)


def qdq_weights(rng, batch):
    nodes = [helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"]), helper.make_node("MatMul", ["x", "d"], ["y"])]
    return make(nodes, {"x": (np.float32, [batch, COLS])}, {"y": np.float32},
                {"w": codes(rng, COLS, ROWS), "s": np.full(ROWS, .5, np.float32), "z": np.arange(ROWS).astype(np.int8)})


def qdq_conv_weights(rng):
    nodes = [helper.make_node("DequantizeLinear", ["w", "s"], ["d"], axis=0),
             helper.make_node("Conv", ["x", "d"], ["y"], pads=[1, 1, 1, 1])]
    return make(nodes, {"x": (np.float32, ["n", 64, 28, 28])}, {"y": np.float32},
                {"w": codes(rng, 64, 64, 3, 3), "s": np.full(64, .5, np.float32)})


def qat_weights(rng):
    """Float weights that the file rounds itself, as fine-tuned networks have them."""
    nodes = [helper.make_node("QuantizeLinear", ["w", "s", "z"], ["q"]), helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
             helper.make_node("MatMul", ["x", "d"], ["y"])]
    return make(nodes, {"x": (np.float32, ["n", COLS])}, {"y": np.float32},
                {"w": rng.standard_normal((COLS, ROWS)).astype(np.float32), "s": np.float32(.03), "z": np.int8(0)})


def integer_product(rng):
    return make([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], {"x": (np.uint8, ["n", COLS])}, {"y": np.int32},
                {"w": codes(rng, COLS, ROWS)})


def integer_conv(rng):
    return make([helper.make_node("ConvInteger", ["x", "w"], ["y"])], {"x": (np.uint8, ["n", 64, 28, 28])}, {"y": np.int32},
                {"w": codes(rng, 64, 64, 3, 3)})


def blocks_of_4_bits(rng):
    # Where activations may not be rounded, floats are faster than decoding 4 bits to floats: without an objective of bytes, they are stored.
    node = helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=COLS, N=ROWS, bits=4, block_size=32, accuracy_level=4)
    return make([node], {"x": (np.float32, ["n", COLS])}, {"y": np.float32},
                {"w": rng.integers(0, 256, (ROWS, COLS // 32, 16)).astype(np.uint8), "s": np.ones(ROWS * COLS // 32, np.float32)})


@pytest.mark.parametrize("model,weights,scales", [
    # Bytes of codes; of scales, and of zero points as floats.
    pytest.param(lambda rng: qdq_weights(rng, "n"), ROWS * COLS, 8 * ROWS, id="weights, batch open"),
    pytest.param(qdq_conv_weights, 64 * 64 * 9, 4 * 64, id="convolution"),
    pytest.param(qat_weights, ROWS * COLS, 4, id="weights that the file rounds"),
    pytest.param(integer_product, ROWS * COLS, 0, id="MatMulInteger"),
    pytest.param(integer_conv, 64 * 64 * 9, 0, id="ConvInteger"),
    pytest.param(blocks_of_4_bits, ROWS * COLS // 2, 4 * ROWS * COLS // 32, id="MatMulNBits"),
])
def test_weights_stay_as_small_as_in_the_file(model, weights, scales, rng, tmp_path):
    stored = weight_bytes(model(rng), tmp_path)
    print(f"{stored} bytes; codes {weights}, scales {scales}")
    assert weights <= stored <= weights + scales + 4 * 64 + 4 * ROWS  # what sums start from; up to 1 KiB is no weight


# Types, and where rounding is decided --------------------------------------------------------------------------------------------

def test_bytes_without_sign_are_inputs_and_outputs(tmp_path, compile_and_load):
    nodes = [helper.make_node("MaxPool", ["x"], ["p"], kernel_shape=[2], strides=[2]), helper.make_node("Reshape", ["p", "shape"], ["y"]),
             helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT), helper.make_node("Cast", ["f"], ["u"], to=TensorProto.UINT8)]
    library = compile_and_load(save(make(nodes, {"x": (np.uint8, ["n", 1, 6])}, {"y": np.uint8, "f": np.float32, "u": np.uint8},
                                         {"shape": np.array([-1, 3])}), tmp_path))
    assert [t.dtype for t in library.inputs + library.outputs] == [np.uint8, np.uint8, np.float32, np.uint8]
    x = np.array([[[0, 200, 127, 128, 255, 3]]], np.uint8)
    results = library.run({"x": x})
    np.testing.assert_array_equal(results["y"], [[200, 128, 255]])
    np.testing.assert_array_equal(results["f"], x.astype(np.float32))
    np.testing.assert_array_equal(results["u"], x)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_halves_round_to_even_and_ends_saturate(dtype, tmp_path, compile_and_load):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    zero = dtype(3)
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"]), helper.make_node("QuantizeLinear", ["x", "s"], ["u"])]
    library = compile_and_load(save(make(nodes, {"x": (np.float32, ["n", 10])}, {"y": dtype, "u": np.uint8}, {"s": np.float32(.5), "z": zero}),
                                    tmp_path))
    x = np.array([[.25, .75, 1.25, -.25, -.75, 1e30, -1e30, np.inf, -np.inf, np.nan]], np.float32)
    rounded = np.array([0, 2, 2, 0, -2])  # of 0.5, 1.5, 2.5, -0.5, -1.5
    results = library.run({"x": x})
    np.testing.assert_array_equal(results["y"][0], [*np.clip(rounded + 3, low, high), high, low, high, low, low])
    np.testing.assert_array_equal(results["u"][0], [*np.clip(rounded, 0, 255), 255, 0, 255, 0, 0])


def test_a_tensor_of_zeros_has_scale_1(tmp_path, compile_and_load):
    path = save(make([helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])], {"x": (np.float32, [1, 6])},
                     {"q": np.uint8, "s": np.float32, "z": np.uint8}, {}), tmp_path)
    results = compile_and_load(path).run({"x": np.zeros((1, 6), np.float32)})
    assert results["s"] == 1 and results["z"] == 0 and not results["q"].any()


def test_sums_wrap_at_32_bits(tmp_path, compile_and_load):
    """4 x 140,000 products of 255 * -128: sums beyond 2^31."""
    k = 140_000
    path = save(make([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], {"x": (np.uint8, [1, k])}, {"y": np.int32},
                     {"w": np.full((k, 2), -128, np.int8)}), tmp_path)
    y = compile_and_load(path).run({"x": np.full((1, k), 255, np.uint8)})["y"]
    np.testing.assert_array_equal(y, np.full((1, 2), -k * 255 * 128 + 2**32 if -k * 255 * 128 < -2**31 else -k * 255 * 128))


@pytest.mark.parametrize("x_type", [np.uint8, np.int8])
def test_zero_points_of_weights_that_no_byte_holds(x_type, rng, tmp_path, compile_and_load):
    """Weights minus zero points from -200 to 200, one per filter or column; ONNX Runtime takes one for all only."""
    x, w = rng.integers(*((0, 256) if x_type == np.uint8 else (-128, 128)), (2, 4, 6, 6)).astype(x_type), rng.integers(0, 256, (5, 4, 3, 3)).astype(np.uint8)
    zeros = np.array([0, 255, 128, 7, 200], np.uint8)
    matrix = w.reshape(5, 36).T.copy()
    nodes = [helper.make_node("ConvInteger", ["x", "w", "xz", "wz"], ["c"], pads=[1, 0, 1, 2]),
             helper.make_node("MatMulInteger", ["v", "m", "xz", "wz"], ["y"])]
    v = rng.integers(-128, 128, (3, 36)).astype(np.int8).view(x_type)
    model = make(nodes, {"x": (x_type, x.shape), "v": (x_type, v.shape)}, {"c": np.int32, "y": np.int32},
                 {"w": w, "m": matrix, "xz": x_type(100), "wz": zeros})
    results = compile_and_load(save(model, tmp_path)).run({"x": x, "v": v})
    expected = quantized.evaluate(model, {"x": x, "v": v})
    for name in ("c", "y"):
        np.testing.assert_array_equal(results[name], expected[name])


@pytest.mark.parametrize("lanes", [None, 1, 4, 8])
def test_products_in_words_at_the_borders_of_panels(lanes, rng, tmp_path, compile_and_load):
    """Panels of 32 and 16 columns, fewer columns than lanes, one word; tiles of 4 or 8 rows, one less and one more. On 4 and 8
    lanes without dot product instructions of bytes."""
    shapes = [(4, 2), (8, 16), (36, 32), (64, 48), (40, 96), (12, 10), (16, 33), (260, 64)]
    weights = {f"w{i}": codes(rng, *shape) for i, shape in enumerate(shapes)}
    nodes = [helper.make_node("MatMulInteger", [f"x{i}", f"w{i}", f"z{i % 2}"], [f"y{i}"]) for i in range(len(shapes))]
    types = [np.uint8, np.int8]
    model = make(nodes, {f"x{i}": (types[i % 2], ["n", k]) for i, (k, _) in enumerate(shapes)}, {f"y{i}": np.int32 for i in range(len(shapes))},
                 weights | {"z0": np.uint8(77), "z1": np.int8(-100)})
    library = compile_and_load(save(model, tmp_path), vector_lanes=lanes, target_cpu="x86-64-v3" if lanes in (4, 8) else None)
    for batch in (1, 3, 7, 8, 9, 17):
        feeds = {f"x{i}": codes(rng, batch, k).view(types[i % 2]) for i, (k, _) in enumerate(shapes)}
        results, expected = library.run(feeds), quantized.evaluate(model, feeds)
        for i in range(len(shapes)):
            np.testing.assert_array_equal(results[f"y{i}"], expected[f"y{i}"], err_msg=str((shapes[i], batch)))


# (channels, filters, height, width, taps per side, stride, dilation, padding before, padding behind): extents that vectors, words,
# panels and tiles divide, and that they do not; channels that are no words are computed without.
CONVOLUTIONS = [(256, 64, 14, 14, 3, 1, 1, 1, 1), (4, 16, 5, 7, 3, 1, 1, 1, 1), (12, 33, 9, 11, 3, 2, 1, 0, 1), (8, 48, 13, 13, 3, 1, 2, 2, 2),
                (64, 32, 7, 5, 1, 1, 1, 0, 0), (20, 2, 15, 17, 5, 2, 1, 2, 2), (16, 96, 3, 29, 1, 2, 1, 0, 0), (6, 5, 9, 8, 3, 1, 1, 1, 0),
                (3, 32, 17, 18, 3, 2, 1, 1, 1), (32, 17, 2, 2, 3, 1, 1, 1, 1), (68, 80, 4, 31, 2, 1, 1, 0, 0), (64, 96, 30, 29, 3, 1, 1, 0, 1),
                (192, 80, 15, 26, 3, 1, 1, 1, 1)]
# Each channel with taps of its own: fewer channels than lanes, whole vectors, some more.
DEPTHWISE = [(2, 2, 5, 7, 3, 1, 1, 1, 1), (5, 5, 9, 8, 3, 2, 1, 1, 0), (16, 16, 6, 6, 3, 1, 1, 1, 1), (37, 37, 11, 4, 2, 1, 2, 0, 2),
             (64, 64, 10, 9, 5, 2, 1, 2, 2), (72, 72, 3, 3, 1, 1, 1, 0, 0), (100, 100, 7, 13, 3, 1, 3, 3, 3)]


def quantized_conv(rng, shape, ports, x_type, group=1):
    """QLinearConv between floats of channels first, or between bytes of channels last, whose transposes the file has."""
    c, f, h, w, taps, stride, dilation, before, after = shape
    zero = x_type(rng.integers(1, 120))
    constants = {"xs": F32(.021), "xz": zero, "w": codes(rng, f, c // group, taps, taps),
                 "ws": rng.uniform(.5, 2, f).astype(F32) / F32(taps * np.sqrt(c // group) * 64),
                 "wz": np.zeros(f, I8), "ys": F32(.04), "yz": x_type(113), "b": rng.integers(-5000, 5000, f).astype(np.int32)}
    first, last = ([0, 3, 1, 2], [0, 2, 3, 1])
    is_float = ports == "float"
    nodes = [layer("QuantizeLinear", ["x", "xs", "xz"]) if is_float else layer("Transpose", ["x"], perm=first),
             layer("QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], pads=[before] * 2 + [after] * 2,
                   strides=[stride] * 2, dilations=[dilation] * 2, group=group),
             layer("DequantizeLinear", ["c", "ys", "yz"]) if is_float else layer("Transpose", ["c"], perm=last)]
    for i, (node, y) in enumerate(zip(nodes, "qcy")):
        node.name, node.output[0] = f"n{i}", y
    x = (F32, ["n", c, h, w]) if is_float else (x_type, ["n", h, w, c])
    return make(nodes, {"x": x}, {"y": F32 if is_float else x_type}, constants)


@pytest.mark.parametrize("lanes, target", [(None, None), (16, "x86-64-v4"), (8, "x86-64-v3"), (4, "x86-64"), (1, None)])
@pytest.mark.parametrize("ports, x_type", [("float", np.uint8), ("float", np.int8), ("bytes", np.uint8), ("bytes", np.int8)])
def test_quantized_convolutions_at_the_borders_of_tiles(ports, x_type, lanes, target, rng, tmp_path, compile_and_load):
    """Bytes are those of NumPy and of ONNX Runtime; floats may be a step from them, where a product is nearest to a half."""
    need_to_run(target)
    for i, (shape, group) in enumerate([(shape, 1) for shape in CONVOLUTIONS] + [(shape, shape[0]) for shape in DEPTHWISE]):
        model = quantized_conv(rng, shape, ports, x_type, group)
        path = tmp_path / f"conv{i}.onnx"
        onnx.save(model, str(path))
        library = compile_and_load(path, vector_lanes=lanes, target_cpu=target)
        c, _, h, w = shape[:4]
        for batch in (1, 3):
            x = rng.uniform(-2.6, 2.6, (batch, c, h, w)).astype(F32) if ports == "float" else codes(rng, batch, h, w, c).view(x_type)
            expected = [quantized.evaluate(model, {"x": x})["y"]]
            if runtime := lanes is None and peers.multiplies_bytes_exactly() and peers.runtime("ort-int8"):
                expected.append(onnx_runtime.Session(path, runtime, ["y"], 1).run({"x": x})["y"])
            result = library.run({"x": x})["y"]
            for other in expected:
                differing, count, largest = quantized.off_by(result, other, .04 if ports == "float" else 1)
                assert largest <= 1 and differing <= 1e-3 * count, (shape, batch, differing, count, largest)


@pytest.mark.parametrize("channels", [64, 128])
def test_convolutions_of_the_largest_bytes_are_exact(channels, rng, tmp_path, compile_and_load):
    """Sums of 64 x 9 products of 255 and 127 are under 2^25, those of 128 x 9 beyond: there a transform into fewer products is not
    exact. Bytes of both ends in turn make the transforms themselves largest."""
    weights = np.where(rng.integers(0, 2, (64, channels, 3, 3)), 127, -128).astype(np.int8)
    weights[0], weights[1] = 127, -128
    model = make([helper.make_node("ConvInteger", ["x", "w", "z"], ["y"])], {"x": (np.uint8, ["n", channels, 30, 32])}, {"y": np.int32},
                 {"w": weights, "z": np.uint8(0)})
    x = np.where(rng.integers(0, 2, (3, channels, 30, 32)), 255, 0).astype(np.uint8)
    x[1] = 255
    result = compile_and_load(save(model, tmp_path)).run({"x": x})["y"]
    np.testing.assert_array_equal(result, quantized.evaluate(model, {"x": x})["y"])


# Refusals ------------------------------------------------------------------------------------------------------------------------

QLINEAR = {"xs": F32(1), "xz": U8(0), "w": np.ones((4, 4), I8), "ws": F32(1), "wz": I8(0), "ys": F32(1), "yz": U8(0)}
NBITS = {"w": np.zeros((8, 1, 16), U8), "s": np.ones(8, F32)}


def nbits(inputs=("x", "w", "s"), **attributes):
    return helper.make_node("MatMulNBits", list(inputs), ["y"], name="layer", domain="com.microsoft",
                            **{**dict(K=32, N=8, bits=4, block_size=32), **attributes})


def layer(op, inputs, domain="", **attributes):
    return helper.make_node(op, inputs, ["y"], name="layer", domain=domain, **attributes)


@pytest.mark.parametrize("node,x,constants,reason", [
    (layer("QuantizeLinear", ["x", "s"]), (np.float64, [2, 4]), {"s": F32(1)}, "operand 0 has element type f64, but only f32"),
    (layer("QuantizeLinear", ["x", "s"]), (F32, [2, 4]), {"s": np.ones(3, F32)}, "nor one per entry of dimension 1"),
    (layer("QuantizeLinear", ["x", "s", "z"]), (F32, [2, 4]), {"s": F32(1), "z": np.int32(0)}, "operand 2 has element type i32"),
    (layer("QuantizeLinear", ["x", "s", "z"]), (F32, [2, 4]), {"s": np.ones(4, F32), "z": np.zeros(2, I8)}, "differ in shape"),
    (layer("QuantizeLinear", ["x", "s"], axis=5), (F32, [2, 4]), {"s": np.ones(4, F32)}, "axis 5 is out of range"),
    (layer("DequantizeLinear", ["x", "s"]), (F32, [2, 4]), {"s": F32(1)}, "none of the element types UINT4, INT4, UINT8, INT8"),
    (layer("DequantizeLinear", ["x", "s", "z"]), (U8, [2, 4]), {"s": F32(1), "z": I8(0)}, "have different element types"),
    (helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "y", "z"], name="layer"), (F32, ["n", 4]), {}, "one scale for a tensor mixes the samples"),
    (layer("MatMulInteger", ["x", "w"]), (F32, [2, 4]), {"w": np.ones((4, 4), I8)}, "operand 0 has element type f32"),
    (layer("MatMulInteger", ["x", "w"]), (U8, [2, 3]), {"w": np.ones((4, 4), I8)}, "inner extents 3 and 4"),
    (layer("MatMulInteger", ["x", "w", "z"]), (U8, [2, 4]), {"w": np.ones((4, 4), I8), "z": np.zeros(2, U8)}, "is not one number"),
    (layer("MatMulInteger", ["x", "w", "", "z"]), (U8, [2, 4]), {"w": np.ones((4, 4), I8), "z": np.zeros(3, I8)}, "nor one per result"),
    (layer("ConvInteger", ["x", "x"]), (U8, [1, 1, 3, 3]), {}, "weights that are no constant"),
    (layer("ConvInteger", ["x", "w"]), (U8, [1, 2, 3, 3]), {"w": np.ones((1, 1, 2, 2), I8)}, "input channels per group"),
    (layer("QLinearMatMul", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"]), (U8, [2, 4]), QLINEAR | {"ws": np.ones(3, F32)},
     "neither one number, nor of weights one per result"),
    (layer("QLinearMatMul", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"]), (U8, [2, 4]), QLINEAR | {"ys": np.float64(1)},
     "is no constant of element type FLOAT"),
    (layer("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]), (U8, [1, 4, 3, 3]),
     QLINEAR | {"w": np.ones((4, 4, 1, 1), I8), "b": np.zeros(3, np.int32)}, "one INT32 value per result"),
    (layer("Add", ["x", "x"]), (U8, [2, 4]), {}, "element type UINT8 is not supported by this op"),
    (layer("Concat", ["x", "w"], axis=0), (U8, [2, 4]), {"w": np.ones((2, 4), I8)}, "element type UINT8 is not supported by this op"),
    (layer("QGemm", ["x", "xs", "xz", "w", "ws", "wz"], "com.microsoft", transA=1), (U8, [4, 2]), QLINEAR, "transA is not supported"),
    (layer("DynamicQuantizeMatMul", ["x", "w", "s"], "com.microsoft"), (F32, ["n", 4]), {"w": np.ones((4, 4), I8), "s": F32(1)}, "one scale for a tensor mixes the samples"),
    (layer("MatMulIntegerToFloat", ["x", "w", "s", "t"], "com.microsoft"), (U8, [2, 4]),
     {"w": np.ones((4, 4), I8), "s": F32(1), "t": np.ones(3, F32)}, "neither one number, nor one per result"),
    (nbits(bits=2), (F32, [1, 32]), NBITS, "bits = 2 is not supported; 4 and 8 are"),
    (nbits(block_size=24), (F32, [1, 32]), NBITS, "block_size = 24 is no power of two"),
    (nbits(K=0), (F32, [1, 32]), NBITS, "N and K are not positive"),
    (nbits(), (F32, [1, 31]), NBITS, "does not have K = 32 columns"),
    (nbits(), (F32, [1, 32]), NBITS | {"w": np.zeros((8, 1, 15), U8)}, "needs 128 bytes of codes, but it holds 120"),
    (nbits(), (F32, [1, 32]), NBITS | {"s": np.ones(7, F32)}, "a scale per row and block"),
    (nbits(("x", "w", "s", "z")), (F32, [1, 32]), NBITS | {"z": np.ones(8, F32)}, "zero points are no constant of element type i8"),
    (nbits(("x", "w", "s", "", "g")), (F32, [1, 32]), NBITS | {"g": np.zeros(32, np.int32)}, "g_idx"),
], ids=lambda value: value.op_type if isinstance(value, onnx.NodeProto) else value if isinstance(value, str) else "")
def test_what_is_not_supported_is_refused_by_name(node, x, constants, reason, tmp_path):
    model = make([node], {"x": x}, {"y": np.float32}, constants)
    with pytest.raises(compress_mlir.CompileError, match="node 'layer' .*" + reason.replace("(", r"\(")):
        compress_mlir.compile(save(model, tmp_path), tmp_path / "out")


def test_blocks_are_refused_where_they_are_no_weights(tmp_path):
    for nodes in ([layer("DequantizeLinear", ["x", "s"], axis=1, block_size=2)], [layer("QuantizeLinear", ["f", "s"], axis=1, block_size=2)]):
        model = make(nodes, {"x": (U8, [2, 4]), "f": (F32, [2, 4])}, {"y": np.float32}, {"s": np.ones((2, 2), F32)}, opset=21)
        with pytest.raises(compress_mlir.CompileError, match="node 'layer' .*blocks"):
            compress_mlir.compile(save(model, tmp_path), tmp_path / "out")
