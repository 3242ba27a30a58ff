"""Static quantization by --activations: ranges against formulas in NumPy, networks against what their exported QDQ graphs say, by
NumPy and by ONNX Runtime."""
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT
import compress_mlir
import fetch
import mnist
from compress_mlir.native import _find_compiler
import quantized_graphs as quantized
from test_import import make_model

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402

F32 = np.float32
BINS = 2**14  # of the histogram: percentiles are exact up to one of them


def export(path, folder, calibration, rule, **options):
    """The QDQ graph that --emit onnx writes."""
    np.save(folder / "x.npy", calibration)
    command = [_find_compiler(), str(path), "-o", str(folder), "--name", "m", "--emit", "onnx", "--quiet", "--compress", "default: int8",
               "--calibration", str(folder / "x.npy"), "--activations", rule]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "m.light.onnx"


def scales_of(path):
    """(scale, zero point) of each activation that the graph rounds, by its name."""
    model = onnx.load(str(path))
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return {n.input[0]: (tensors[n.input[1]], tensors[n.input[2]]) for n in model.graph.node if n.op_type == "QuantizeLinear"}


# Formulas ------------------------------------------------------------------------------------------------------------------------

def scale_of(low, high):
    """As onnxruntime.quantization.quant_utils.compute_scale_zp, asymmetric, of uint8."""
    low, high = min(F32(low), F32(0)), max(F32(high), F32(0))
    scale = F32((np.float64(high) - np.float64(low)) / 255)
    return scale, np.uint8(np.round(0 - low / scale))


def squared_error(x, low, high):
    scale, zero = scale_of(low, high)
    rounded = (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * np.float64(scale)
    return np.sum((rounded - x) ** 2)


def network(rng, folder):
    """relu(x w0 + b0) w1: (file, activations of its layers by name, as functions of x)."""
    w = [rng.normal(size=shape).astype(F32) / 4 for shape in ((16, 24), (24, 8))]
    b = rng.normal(size=24).astype(F32)
    nodes = [helper.make_node("Gemm", ["x", "w0", "b"], ["g"], name="first"), helper.make_node("Relu", ["g"], ["r"], name="relu"),
             helper.make_node("MatMul", ["r", "w1"], ["y"], name="second")]
    path = folder / "net.onnx"
    onnx.save(make_model(nodes, {"x": ["n", 16]}, {"y": None}, {"w0": w[0], "w1": w[1], "b": b}), str(path))
    return path, {"x": lambda x: x, "r": lambda x: np.maximum(x @ w[0] + b, 0)}


def samples(rng, count=500):
    """Some numbers are far from all others."""
    x = rng.standard_normal((count, 16)) * np.where(rng.random((count, 16)) < .002, 20, 1)
    return x.astype(F32)


def test_ranges_of_all_numbers(rng, tmp_path):
    path, activations = network(rng, tmp_path)
    x = samples(rng)
    found = scales_of(export(path, tmp_path, x, "minmax"))
    assert found.keys() == activations.keys()
    for name, activation in activations.items():
        values = activation(x)
        scale, zero = scale_of(values.min(), values.max())
        assert found[name][0] == pytest.approx(scale, rel=1e-6) and found[name][1] == zero, name


def test_ranges_of_all_numbers_are_those_of_onnx_runtime(rng, tmp_path):
    """DynamicQuantizeLinear of the calibration data as one tensor has the same formula."""
    library = peers.runtime("ort-int8")
    if not library:
        pytest.skip("no ONNX Runtime: scripts/fetch-peers")
    path, _ = network(rng, tmp_path)
    x = samples(rng)
    model = make_model([helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])], {"x": list(x.shape)}, {}, {})
    del model.graph.output[:]
    kinds = {"q": TensorProto.UINT8, "s": TensorProto.FLOAT, "z": TensorProto.UINT8}
    model.graph.output.extend(helper.make_tensor_value_info(n, k, None) for n, k in kinds.items())
    onnx.save(model, str(tmp_path / "dynamic.onnx"))
    theirs = onnx_runtime.Session(tmp_path / "dynamic.onnx", library, ["s", "z"]).run({"x": x})
    scale, zero = scales_of(export(path, tmp_path, x, "minmax"))["x"]
    assert scale == theirs["s"] and zero == theirs["z"]


@pytest.mark.parametrize("percentile", [99, 99.9])
def test_ranges_of_percentiles(percentile, rng, tmp_path):
    path, activations = network(rng, tmp_path)
    x = samples(rng, 4000)
    found = scales_of(export(path, tmp_path, x, f"percentile({percentile})"))
    cut = (100 - percentile) / 2
    for name, activation in activations.items():
        values = activation(x).astype(np.float64)
        reach = 2.0 ** np.ceil(np.log2(np.abs(values).max()))
        low, high = (np.percentile(values, [cut, 100 - cut], method=method) for method in ("lower", "higher"))
        widths = [min(b, 0) * -1 + max(a, 0) for a, b in ((low[1], high[0]), (high[1], low[0]))]
        slack = 2 * (2 * reach / BINS)  # a bin at either end
        assert (min(widths) - slack) / 255 <= found[name][0] <= (max(widths) + slack) / 255, name


def test_ranges_of_least_error(rng, tmp_path):
    """No range of a grid errs less than by a hundredth."""
    path, activations = network(rng, tmp_path)
    x = samples(rng)
    found = scales_of(export(path, tmp_path, x, "mse"))
    for name, activation in activations.items():
        values = activation(x).astype(np.float64)
        scale, zero = (float(v) for v in found[name])
        ours = squared_error(values, -zero * scale, (255 - zero) * scale)
        ends = [np.linspace(0, 1, 41)[1:] * end for end in (min(values.min(), 0), max(values.max(), 0))]
        grid = min(squared_error(values, low, high) for low in ends[0] for high in ends[1])
        whole = squared_error(values, values.min(), values.max())
        print(f"{name}: squared error {ours:.4f}, on a grid {grid:.4f}, of all numbers {whole:.4f}")
        assert ours <= 1.01 * grid and ours <= whole * (1 + 1e-9)
        assert name != "x" or ours < 0.99 * whole  # whose outliers are left out


# Networks ------------------------------------------------------------------------------------------------------------------------

def conv_network(rng, folder):
    """Convolutions, a maximum, a residual sum, a grouped convolution, a product: 4 x 12 x 12 to 10."""
    shapes = {"w0": (8, 4, 3, 3), "w1": (8, 8, 3, 3), "w2": (8, 1, 3, 3), "w3": (288, 10)}
    constants = {n: (rng.normal(size=s) / np.sqrt(np.prod(s[1:]) if len(s) == 4 else s[0])).astype(F32) for n, s in shapes.items()}
    constants |= {f"b{i}": rng.normal(size=8).astype(F32) / 4 for i in range(3)}
    constants["flat"] = np.array([-1, 288])
    nodes = [helper.make_node("Conv", ["x", "w0", "b0"], ["c0"], name="c0", pads=[1] * 4), helper.make_node("Relu", ["c0"], ["r0"], name="r0"),
             helper.make_node("MaxPool", ["r0"], ["p"], name="p", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 0, 0]),
             helper.make_node("Conv", ["p", "w1", "b1"], ["c1"], name="c1", pads=[1] * 4), helper.make_node("Add", ["c1", "p"], ["a"], name="a"),
             helper.make_node("Conv", ["a", "w2", "b2"], ["c2"], name="c2", pads=[1] * 4, group=8),
             helper.make_node("Reshape", ["c2", "flat"], ["v"], name="v"), helper.make_node("MatMul", ["v", "w3"], ["y"], name="m")]
    path = folder / "conv.onnx"
    onnx.save(make_model(nodes, {"x": ["n", 4, 12, 12]}, {"y": None}, constants), str(path))
    return path


@pytest.mark.parametrize("rule", ["minmax", "percentile(99.9)", "mse"])
@pytest.mark.parametrize("options", [{}, {"vector_lanes": 1}, {"expand": True}], ids=["", "scalar", "expanded"])
def test_a_network_is_what_its_graph_says(rule, options, rng, tmp_path):
    """A code that is nearest to a half may be the other one: results may differ by what one step of the last layer's input makes."""
    path = conv_network(rng, tmp_path)
    seen, x = (rng.normal(size=(n, 4, 12, 12)).astype(F32) for n in (64, 7))
    graph = export(path, tmp_path, seen, rule)
    light = compress_mlir.obtain(path, tmp_path / "out", "default: int8", calibration=seen, activations=rule, **options)
    result = light.load().run({"x": x})["y"]
    model = onnx.load(str(graph))
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    step = scales_of(graph)["v"][0] * np.abs(tensors["w3/codes"] * tensors["w3/scales"]).max()
    expected = [quantized.evaluate(model, {"x": x})["y"]]
    if library := peers.runtime("ort-fp32"):
        expected.append(onnx_runtime.Session(graph, library, ["y"], 1).run({"x": x})["y"])
    for other in expected:
        largest = np.abs(result - other).max()
        print(f"{rule} {options}: at most {largest:.2e} off, a step is {step:.2e}")
        assert largest <= step


RULES = ["minmax", "percentile(99.99)", "mse"]


@pytest.fixture(scope="module")
def digits():
    folder = fetch.fetch(fetch.default_directory())
    return mnist.load(folder, "t10k"), mnist.load(folder, "train")[0][:1000]


def test_lenet_keeps_its_accuracy(digits, tmp_path):
    """All 10,000 test images, ranges of 1,000 training images: at most 0.1 point under f32."""
    (images, labels), seen = digits
    path = mnist.MODELS / "mnist_dense.onnx"
    right = {"f32": np.mean(compress_mlir.load(compress_mlir.compile(path, tmp_path / "f32")).run({"image": images})["logits"].argmax(1) == labels)}
    for rule in RULES:
        light = compress_mlir.obtain(path, tmp_path / rule, "default: int8", calibration=seen, activations=rule)
        assert [row["form"] for row in light.rows] == ["bytes"] * 4
        right[rule] = np.mean(light.load().run({"image": images})["logits"].argmax(1) == labels)
    print({name: f"{100 * share:.2f} %" for name, share in right.items()})
    assert all(share >= right["f32"] - 0.001 for share in right.values())


@pytest.mark.parametrize("rule", RULES)
def test_lenet_is_what_onnx_runtime_computes(rule, digits, tmp_path):
    """Of the exported graph: codes of the last layer's input within one step, logits within what the codes that differ make."""
    library = peers.runtime("ort-fp32")
    if not library:
        pytest.skip("no ONNX Runtime: scripts/fetch-peers")
    (images, _), seen = digits
    graph = export(mnist.MODELS / "mnist_dense.onnx", tmp_path, seen, rule)
    model = onnx.load(str(graph))
    codes = [node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"][-1]
    model.graph.output.append(helper.make_tensor_value_info(codes, TensorProto.UINT8, ["batch", 512]))
    onnx.save(model, str(graph))
    ours = compress_mlir.load(compress_mlir.compile(graph, tmp_path / "out")).run({"image": images[:2000]})
    theirs = onnx_runtime.Session(graph, library, ["logits", codes], 1).run({"image": images[:2000]})
    differing, count, largest = quantized.off_by(ours[codes], theirs[codes], 1)
    tensors = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    last = model.graph.node[-1].input[1]  # outputs by inputs
    step = list(scales_of(graph).values())[-1][0] * np.abs(tensors[last + "/codes"] * tensors[last + "/scales"].reshape(-1, 1)).max()
    flips = np.maximum((ours[codes] != theirs[codes]).sum(1, keepdims=True), 1)
    off = np.abs(ours["logits"] - theirs["logits"])
    print(f"{rule}: {differing} of {count} codes differ, logits by at most {off.max():.4f}")
    assert largest <= 1 and (off <= step * flips).all()


# Refusals ------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, reason", [
    (["--activations", "minmax"], "--activations needs --calibration"),
    (["--activations", "entropy", "--calibration", "x.npy"], "--activations expects minmax, percentile, percentile(99.9) or mse, not 'entropy'"),
    (["--activations", "percentile(20)", "--calibration", "x.npy"], "expects a percentile over 50, up to 100, not '20'"),
    (["--activations", "minmax", "--calibration", "x.npy", "--target", "hls"], "--activations does not go with --target hls")])
def test_what_is_refused(arguments, reason, rng, tmp_path):
    path, _ = network(rng, tmp_path)
    done = subprocess.run([_find_compiler(), str(path), "-o", str(tmp_path / "out"), "--compress", "default: int8", *arguments],
                          capture_output=True, text=True)
    assert done.returncode != 0 and reason in done.stderr
    assert not (tmp_path / "out").exists()
