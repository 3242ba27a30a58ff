"""Light weights in ONNX files: what the functions mean in NumPy, in ONNX Runtime and to the compiler, and files that are malformed."""
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT
from compress_mlir import onnx_functions, reference
from compress_mlir.native import _find_compiler

sys.path.insert(0, str(ROOT))
from benchmarks import onnx_runtime, peers  # noqa: E402


class Weights:
    """A model with an output `x * weight` for each weight, and what the weights should be."""

    def __init__(self, opset=15):
        self.graph, self.expected, self.opset = onnx.GraphProto(name="g"), {}, opset
        self.light = onnx_functions.LightWeights(self.graph)
        self.graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1]))

    def add(self, name, expected):
        """The weight of this name times x, flat, so that it is an activation with a batch."""
        assert self.light.shapes[name] == expected.shape
        flat, y = self.light.tensor(name + "_flat", np.asarray([1, -1])), f"y{len(self.expected)}"
        self.graph.node.append(helper.make_node("Reshape", [name, flat], [name + "_row"]))
        self.graph.node.append(helper.make_node("MatMul", ["x", name + "_row"], [y]))
        self.graph.output.append(helper.make_tensor_value_info(y, TensorProto.FLOAT, ["n", expected.size]))
        self.expected[y] = expected.reshape(1, -1)

    def model(self):
        self.light.finish()
        model = helper.make_model(self.graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 8
        onnx_functions.add_functions(model)
        if self.opset <= 17:  # the newest that this package of ONNX knows
            onnx.checker.check_model(model)
        return model


def half_spectrum(c):
    """The slots of the transforms along dimension 2, by NumPy."""
    k, spectrum = c.shape[2], np.fft.rfft(c, axis=2)
    slots = [spectrum[:, :, 0].real] + ([spectrum[:, :, k // 2].real] if k % 2 == 0 else [])
    for f in range(1, (k + 1) // 2):
        slots += [spectrum[:, :, f].real, spectrum[:, :, f].imag]
    return np.stack(slots, axis=2)


def random_weights(rng, opset=15):
    weights = Weights(opset)
    light, floats = weights.light, lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for k in (*range(1, 10), 16, 33):
        for taps in ((), (3, 2)):
            c = floats(2, 3, k, *taps)
            rows, cols = 2 * k - rng.integers(0, k), 3 * k - rng.integers(0, k)
            expected = reference.circulant(c.astype(np.float64), rows, cols)
            for spectrum in (False, True):
                stored = half_spectrum(c.astype(np.float64)).astype(np.float32) if spectrum else c
                name = f"circulant{len(weights.expected)}"
                weights.add(light.circulant(name, light.tensor(name + "_c", stored), rows, cols, spectrum), expected)
    for bits in range(1, 9):
        for shape, counts in (((5, 7), (5, 1)), ((3, 10, 3), (1, 3, 1)), ((13,), (1,)), ((4, 33), (4, 2))):
            codes, table, scales = rng.integers(0, 1 << bits, shape), floats(1 << bits), rng.random(counts).astype(np.float32)
            if bits % 2:
                scales = scales.astype(np.float16)
            repeated = scales.astype(np.float32)
            for d, (n, count) in enumerate(zip(shape, counts)):
                repeated = np.repeat(repeated, -(-n // count), axis=d).take(range(n), axis=d)
            name = f"codes{len(weights.expected)}"
            weights.add(light.dequantize(name, codes, bits, table, scales), table[codes] * repeated)
    for shape, boxes in (((6, 5), (6, 5)), ((8, 9), (4, 1)), ((4, 6, 3, 3), (1, 6, 3, 3)), ((4, 6), (2, 1))):
        mask = rng.random(boxes) < 0.5
        mask.flat[rng.integers(mask.size)] = True
        box = tuple(n // m for n, m in zip(shape, boxes))
        values, rank, name = floats(int(mask.sum()), *box), len(shape), f"unpack{len(weights.expected)}"
        expected = np.zeros(boxes + box, np.float32)
        expected[mask] = values
        expected = expected.transpose([d for i in range(rank) for d in (i, rank + i)]).reshape(shape)
        weights.add(light.unpack(name, light.tensor(name + "_v", values), mask, shape), expected)
    c, b = floats(8, 2, 26, 3), floats(8, 2, 3, 3)
    product = np.matmul(c.astype(np.float64), b)
    for name, left, right, arguments, expected in (
            ("lowrank", c[0, 0], b[0, 0], {}, product[0, 0]),
            ("transposed", c[0, 0], b[0, 0], dict(order=[1, 0]), product[0, 0].T),
            ("kernel", c[0], b[0, 0].reshape(3, 3, 1), {}, (c[0] @ b[0, 0])[..., None]),
            ("shared", c, b[:, :1], dict(batch=2), np.matmul(c.astype(np.float64), b[:, :1])),
            ("slices", c, b, dict(batch=2, collapse=[[0], [1, 2], [3]], expand=[[8], [16, 3], [3]]),
             product.reshape(8, 52, 3)[:, :48].reshape(8, 16, 3, 3)),
            ("moved", c, b, dict(batch=2, collapse=[[0], [1, 2], [3]], expand=[[8], [16, 3], [3]], order=[3, 0, 1, 2]),
             product.reshape(8, 52, 3)[:, :48].reshape(8, 16, 3, 3).transpose(1, 2, 3, 0))):
        name = light.factorized(name, light.tensor(name + "_c", left), light.tensor(name + "_b", right), **arguments)
        weights.add(name, np.asarray(expected))
    signs = light.dequantize("signs", rng.integers(0, 2, (40, 1, 1)), 1, [-1, 1], np.ones((1, 1, 1), np.float32))
    mask = np.arange(64).reshape(16, 4) % 8 < 5
    codes = numpy_helper.to_array(light.graph.initializer[[t.name for t in light.graph.initializer].index("signs_codes")])
    plus = np.unpackbits(codes, bitorder="little")[:40].astype(np.float64) * 2 - 1
    coefficients, basis = np.zeros((16, 4)), floats(4, 3, 3)
    coefficients[mask] = plus
    composed = light.factorized("composed", light.unpack("ternary", signs, mask), light.tensor("basis", basis))
    weights.add(composed, np.tensordot(coefficients, basis, 1))
    return weights


def check(results, weights, what):
    for name, expected in weights.expected.items():
        np.testing.assert_allclose(results[name], expected, rtol=1e-5, atol=2e-5, err_msg=f"{what}, {name}")


def test_light_weights_mean_what_the_contract_says(rng, tmp_path, compile_and_load):
    weights, path = random_weights(rng), tmp_path / "weights.onnx"
    onnx.save(weights.model(), str(path))
    check(compile_and_load(path).run({"x": np.ones((1, 1), np.float32)}), weights, "compiled")
    check(compile_and_load(path, expand=True).run({"x": np.ones((1, 1), np.float32)}), weights, "expanded")


@pytest.mark.parametrize("opset", [13, 15, 17, 21])
def test_the_functions_bodies_mean_the_same_in_onnx_runtime(opset, rng, tmp_path):
    library = peers.runtime("ort-fp32")
    if not library:
        pytest.skip("scripts/fetch-peers gets ONNX Runtime")
    weights, path = random_weights(rng, opset), tmp_path / "weights.onnx"
    onnx.save(weights.model(), str(path))
    check(onnx_runtime.Session(path, library, weights.expected).run({"x": np.ones((1, 1), np.float32)}), weights, "ONNX Runtime")


def test_codes_of_a_file_are_those_of_the_dialect(tmp_path, run_compiler):
    """A table says which code it is."""
    def imported(bits, table, codes):
        weights = Weights()
        weights.add(weights.light.dequantize("w", codes, bits, table, np.ones((1,), np.float32)), np.asarray(table, np.float32)[codes])
        onnx.save(weights.model(), str(tmp_path / "w.onnx"))
        text = run_compiler(tmp_path / "w.onnx", "--emit", "mlir")
        return text[text.index("code(") + 5:].split(")")[0]

    powers = [2.0**e for e in range(-7, 1)]
    four = np.arange(16)
    assert imported(4, list(range(8)) + list(range(-8, 0)), four) == "#compress.uniform<bits = 4>"
    assert imported(4, list(range(16)), four) == "#compress.uniform<bits = 4, unsigned_codes = true>"
    assert imported(4, powers + [-p for p in powers], four) == "#compress.pow2<bits = 4, min_exponent = -7>"
    assert imported(4, [0] + powers[1:] + [0] + [-p for p in powers[1:]], four) == \
        "#compress.pow2<bits = 4, min_exponent = -6, zero = true>"
    assert imported(2, [0, 1, -2, -1], np.asarray([0, 1, 3])) == "#compress.ternary"
    assert imported(2, [0, 1, -2, -1], np.asarray([0, 1, 2])) == "#compress.uniform<bits = 2>"
    assert imported(1, [-1, 1], np.asarray([0, 1])) == "#compress.codebook<[-1.000000e+00, 1.000000e+00]>"


@pytest.fixture
def run_compiler(tmp_path):
    """Runs compress-compile; returns the text of what it wrote with --emit mlir."""
    def run(path, *options):
        subprocess.run([_find_compiler(), str(path), "-o", str(tmp_path / "ir"), "--quiet", *options], check=True)
        return next((tmp_path / "ir").glob("*.mlir")).read_text()
    return run


#===----------------------------------------------------------------------===#
# Malformed nodes
#===----------------------------------------------------------------------===#

def node_of(weights, kind):
    return next(node for node in weights.light.nodes if node.op_type == kind)


def set_attribute(kind, name, value):
    def change(weights):
        node = node_of(weights, kind)
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend(kept + ([] if value is None else [helper.make_attribute(name, value)]))
    return change


def set_tensor(name, array):
    def change(weights):
        tensor = next(tensor for tensor in weights.graph.initializer if tensor.name == name)
        tensor.CopyFrom(numpy_helper.from_array(np.asarray(array), name))
    return change


def drop_operand(kind):
    def change(weights):
        del node_of(weights, kind).input[1:]
    return change


MALFORMED = [
    (set_attribute("CirculantSpectrum", "rows", 3), "rows = 3 and cols = 6 do not fit its operand"),
    (set_tensor("spectrum", np.ones((2, 4), np.float32)), "its operand is not p x q x k"),
    (set_attribute("Dequantize", "shape", None), "'shape' is no list of positive extents"),
    (set_attribute("Dequantize", "shape", [4, 0]), "'shape' is no list of positive extents"),
    (set_attribute("Dequantize", "shape", [1 << 20, 1 << 20]), "at most 2^28 numbers"),
    (set_attribute("Dequantize", "bits", 9), "'table' does not have 2^bits numbers"),
    (set_attribute("Dequantize", "table", [0.0, 1.0]), "'table' does not have 2^bits numbers"),
    (set_attribute("Dequantize", "table", [float("nan")] * 4), "'table' has a number that is not finite"),
    (set_attribute("Dequantize", "group", [1]), "'group' does not have an extent"),
    (set_attribute("Dequantize", "group", [1, 0]), "'group' does not have an extent"),
    (set_attribute("Dequantize", "group", [1, 3]), "its scales are not one per 'group'"),
    (set_tensor("codes_codes", np.zeros(5, np.uint8)), "its codes need 6 bytes, but it holds 5"),
    (set_tensor("codes_codes", np.zeros(6, np.int8)), "its codes are no constant of bytes"),
    (drop_operand("Dequantize"), "expects scales of floats"),
    (drop_operand("Factorized"), "expects two operands"),
    (set_attribute("Factorized", "batch", 2), "its operands are not batch x outer x r"),
    (set_tensor("right", np.ones((3, 5), np.float32)), "its operands are not batch x outer x r"),
    (set_attribute("Factorized", "collapse", [1]), "do not say how the product is reshaped"),
    (set_attribute("Factorized", "expand", [1, 2]), "do not say how the product is reshaped"),
    (set_attribute("Factorized", "perm", [0, 0]), "do not say how the product is reshaped"),
    (set_attribute("Factorized", "split", [6]), "do not say how the product is reshaped"),
    (set_attribute("Factorized", "merged", [6, 4]), "'merged' and 'cropped' are not what"),
    (set_attribute("Factorized", "cropped", [6, 6]), "'merged' and 'cropped' are not what"),
    (set_attribute("Unpack", "mask_shape", [4, 1]), "the extents of 'mask_shape' do not divide those of 'shape'"),
    (set_attribute("Unpack", "mask_shape", [3]), "'mask_shape' and 'shape' are no lists"),
    (set_tensor("sparse_mask", np.asarray([7], np.uint8)), "not one box for each of the 3 bits"),
    (set_tensor("sparse_mask", np.asarray([0], np.uint8)), "not one box for each of the 0 bits"),
    (set_tensor("sparse_mask", np.asarray([3, 0], np.uint8)), "its mask's bits need 1 bytes, but it holds 2"),
]


@pytest.mark.parametrize("change, reason", MALFORMED, ids=[reason for _, reason in MALFORMED])
def test_malformed_nodes_are_refused(change, reason, tmp_path):
    weights = Weights()
    light, ones = weights.light, lambda *shape: np.ones(shape, np.float32)
    light.circulant("circulant", light.tensor("spectrum", ones(2, 2, 4)), 6, 6, spectrum=True)
    light.dequantize("codes", np.zeros((3, 8), int), 2, [0, 1, 3, 4], ones(3, 4))
    light.factorized("product", light.tensor("left", ones(6, 2)), light.tensor("right", ones(2, 5)))
    light.unpack("sparse", light.tensor("boxes", ones(2, 2, 1)), np.asarray([[True], [True], [False]]), (6, 1))
    for name in ("circulant", "codes", "product", "sparse"):
        weights.add(name, np.ones(light.shapes[name]))
    change(weights)
    light.finish()
    model = helper.make_model(weights.graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.save(onnx_functions.add_functions(model), str(tmp_path / "bad.onnx"))
    run = subprocess.run([_find_compiler(), str(tmp_path / "bad.onnx"), "-o", str(tmp_path / "out")], capture_output=True, text=True)
    assert run.returncode == 1 and reason in run.stderr, run.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_halves_are_for_casts_of_constants(tmp_path):
    from test_import import make_model, save
    nodes = [helper.make_node("Mul", ["x", "h"], ["y"], name="product")]
    path = save(make_model(nodes, {"x": ["n", 3]}, {"y": ["n", 3]}, {"h": np.ones(3, np.float16)}), tmp_path)
    run = subprocess.run([_find_compiler(), str(path), "-o", str(tmp_path / "out")], capture_output=True, text=True)
    assert run.returncode == 1 and "element type FLOAT16 is not supported by this op" in run.stderr, run.stderr


def test_codes_that_do_not_fit_are_refused_where_they_are_made():
    with pytest.raises(ValueError, match="a code of 2 bits is 4"):
        onnx_functions.pack_bits([0, 4], 2)
    assert list(onnx_functions.pack_bits([1, 2, 3, 0, 3], 2)) == [0b00111001, 0b11]
    assert list(onnx_functions.pack_bits([5, 3, 7], 3)) == [0b11011101, 0b1]


#===----------------------------------------------------------------------===#
# What --emit onnx writes
#===----------------------------------------------------------------------===#

def network(rng, opset=15, transposed=True):
    """A convolution with BatchNormalization, a convolution whose weight is a Constant, two fully connected layers of one weight, a last one."""
    floats = lambda *shape: (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    last = floats(5, 32)
    constants = {"conv1.weight": floats(8, 3, 3, 3), "scale": 1 + 0.1 * floats(8), "shift": floats(8), "mean": floats(8),
                 "var": np.full(8, 0.5, np.float32), "fc.weight": floats(32, 32), "fc.bias": floats(32),
                 "last.weight": last if transposed else np.ascontiguousarray(last.T)}
    node = helper.make_node
    nodes = [node("Conv", ["x", "conv1.weight"], ["a"], name="conv1", pads=[1] * 4),
             node("BatchNormalization", ["a", "scale", "shift", "mean", "var"], ["b"], name="bn"),
             node("Relu", ["b"], ["c"]),
             node("Constant", [], ["conv2.weight"], value=numpy_helper.from_array(floats(8, 8, 3, 3))),
             node("Conv", ["c", "conv2.weight"], ["d"], name="conv2", strides=[3, 3]),
             node("Flatten", ["d"], ["e"]),
             node("Gemm", ["e", "fc.weight", "fc.bias"], ["f"], name="fc1", transB=1),
             node("Relu", ["f"], ["g"]),
             node("Gemm", ["g", "fc.weight"], ["h"], name="fc2", transB=1),
             node("Gemm", ["h", "last.weight"], ["y"], name="last", transB=int(transposed))]
    from test_import import make_model
    return make_model(nodes, {"x": ["n", 3, 7, 7]}, {"y": ["n", 5]}, constants, opset)


def write_light(path, rules, folder, *options):
    command = [_find_compiler(), str(path), "-o", str(folder), "--emit", "onnx", "--quiet", "--compress", rules, *options]
    return subprocess.run(command, capture_output=True, text=True)


SCHEMES = ["int8", "int8(group=16)", "int4(8)", "pow2(4)", "pow2(3, terms=2)", "ternary(0.5)", "codebook(3)", "circulant(4)",
           "smartdeal(0.5)", "smartdeal(0)", "conv*: escalate(bases=3, sparsity=0.5); default: lowrank(rank=3)", "lowrank(energy=0.8)",
           "structured(columns, sparsity=0.5)", "structured(elements, sparsity=0.8)", "conv*: none; default: int4",
           "#compress.fit_packed<pattern = columns, sparsity = 0.25, values = #compress.fit_pow2<bits = 4>>"]


@pytest.mark.parametrize("rules", SCHEMES)
def test_light_file_is_the_network_that_was_compressed(rules, rng, tmp_path, compile_and_load):
    path, report = tmp_path / "dense.onnx", tmp_path / "report.json"
    onnx.save(network(rng, transposed=rules != "int4(8)"), str(path))
    done = write_light(path, rules, tmp_path, "--report", str(report))
    assert done.returncode == 0 and not done.stderr, done.stderr
    light = onnx.load(str(tmp_path / "dense.light.onnx"))
    onnx.checker.check_model(light)
    x = rng.standard_normal((3, 3, 7, 7)).astype(np.float32)
    compressed = compile_and_load(path, compress=rules).run({"x": x})["y"]
    ours = compile_and_load(tmp_path / "dense.light.onnx").run({"x": x})["y"]
    np.testing.assert_array_equal(ours, compressed)
    library = peers.runtime("ort-fp32")
    if library:
        theirs = onnx_runtime.Session(tmp_path / "dense.light.onnx", library, ["y"]).run({"x": x})["y"]
        np.testing.assert_allclose(theirs, compressed, rtol=1e-4, atol=1e-4)
    # The bytes of the table are those of the file's tensors; a bit stream ends with a whole byte.
    weights = dict(conv1="conv1.weight", conv2="conv2.weight", fc1="fc.weight", last="last.weight")
    for row in json.loads(report.read_text())["compressed"]["rows"]:
        name = weights[row["layer"]]
        if row["scheme"] == "none":
            continue
        parts = [t for t in light.graph.initializer if t.name.startswith(name)]
        assert abs(sum(len(t.raw_data) for t in parts) - row["bytes_after"]) <= len(parts), (row, [(t.name, len(t.raw_data)) for t in parts])


def test_tensors_outside_of_the_file_come_in(rng, tmp_path):
    model = network(rng)
    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    (tmp_path / "dense").mkdir()
    onnx.save(model, str(tmp_path / "dense" / "net.onnx"), save_as_external_data=True, location="net.data", size_threshold=0)
    assert write_light(tmp_path / "dense" / "net.onnx", "fc1: int4", tmp_path).returncode == 0
    light = onnx.load(str(tmp_path / "net.light.onnx"))  # with no net.data beside it
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in light.graph.initializer}
    np.testing.assert_array_equal(tensors["last.weight"], expected["last.weight"])


@pytest.mark.parametrize("arguments, reason", [
    (["--compress", "int4", "--drop-dead-channels"], "--emit onnx writes an ONNX file again"), ([], "it needs --compress and an ONNX file"),
    (["--compress", "int4", "--machine", "circuit"], "--machine circuit goes with --target hls")])
def test_what_emit_onnx_does_not_go_with(arguments, reason, rng, tmp_path):
    onnx.save(network(rng), str(tmp_path / "dense.onnx"))
    done = subprocess.run([_find_compiler(), str(tmp_path / "dense.onnx"), "-o", str(tmp_path / "out"), "--emit", "onnx", *arguments],
                          capture_output=True, text=True)
    assert done.returncode == 1 and reason in done.stderr and not (tmp_path / "out").exists()


def test_files_of_old_opsets_are_refused(rng, tmp_path):
    onnx.save(network(rng, opset=12), str(tmp_path / "dense.onnx"))
    done = write_light(tmp_path / "dense.onnx", "int4", tmp_path / "out")
    assert done.returncode == 1 and "the model's opset is 12, but light weights are written with opset 13 and later" in done.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_weights_without_a_form_are_refused(rng, tmp_path):
    """Zero points: DequantizeLinear would say them of bytes alone, and no scheme with a name makes them."""
    onnx.save(network(rng), str(tmp_path / "dense.onnx"))
    done = write_light(tmp_path / "dense.onnx", "fc1: #compress.fit_uniform<bits = 4, symmetric = false>", tmp_path / "out")
    assert done.returncode == 1 and "'fc1': codes with zero points have no form in ONNX files" in done.stderr, done.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_layers_of_one_name_are_refused(rng, tmp_path):
    """ONNX does not ask for different names, and a weight must not go to another layer."""
    model = network(rng)
    for node in model.graph.node:
        if node.name in ("conv1", "last"):
            node.name = "layer"
    onnx.save(model, str(tmp_path / "dense.onnx"))
    done = write_light(tmp_path / "dense.onnx", "int4", tmp_path / "out")
    assert done.returncode == 1 and "'layer': other layers of the network have the name of this one" in done.stderr, done.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_a_light_file_may_be_made_lighter(rng, tmp_path, compile_and_load):
    """Weights that are light already stay, with the functions that they have."""
    onnx.save(network(rng), str(tmp_path / "net.onnx"))
    assert write_light(tmp_path / "net.onnx", "fc1: circulant(4)", tmp_path).returncode == 0
    assert write_light(tmp_path / "net.light.onnx", "conv*: int4; last: circulant(2)", tmp_path, "--name", "both").returncode == 0
    light = onnx.load(str(tmp_path / "both.light.onnx"))
    assert sorted(f.name for f in light.functions) == ["Circulant", "Dequantize"]
    x = rng.standard_normal((2, 3, 7, 7)).astype(np.float32)
    both = compile_and_load(tmp_path / "net.onnx", compress="fc1: circulant(4); conv*: int4; last: circulant(2)")
    np.testing.assert_array_equal(compile_and_load(tmp_path / "both.light.onnx").run({"x": x})["y"], both.run({"x": x})["y"])
