"""HLS projects of networks whose weights are codes: powers of two, ternary, scaled integers, SmartDeal's and ESCALATE's factors; and
sums of two activations. Every golden number is what exact arithmetic on the weights says, which this file knows without the compiler;
csim computes the same."""
import json
from fractions import Fraction

import numpy as np
import pytest
from onnx import helper

import fetch
import mnist
from test_hls import csim, fractions, make_project, most_fraction_bits, saturated, test_data
from test_import import floats, make_model, save

SCALE_BITS = 16


def whole(x, fraction, width):
    """`x` as multiples of 2^-fraction in `width` bits, Python integers."""
    convert = np.vectorize(lambda v: saturated(Fraction(float(v)) * Fraction(2)**fraction, width), otypes=[object])
    return convert(np.asarray(x))


def rounded(sums, fraction, to, width=16):
    """Exact integers with `fraction` bits behind the point, to a port with `to`."""
    convert = np.vectorize(lambda s: saturated(Fraction(int(s)) / Fraction(2)**(fraction - to), width), otypes=[object])
    return convert(sums).astype(int)


def project_of(model, tmp_path, x, *options):
    np.save(tmp_path / "tests.npy", 1.5 * x)  # beyond the calibrated range: numbers saturate
    return make_project(model, tmp_path / "project", x, "--test-data", str(tmp_path / "tests.npy"), *options)


def steps(project):
    return json.loads((project / "report.json").read_text())["steps"]


def passes(project):
    done = csim(project, "-O0")  # small networks: compiling takes longer than running
    return done.returncode == 0 or pytest.fail(done.stdout + done.stderr)


def gemm(w, b, tmp_path):
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="fc", transB=1)
    return save(make_model([node], {"x": [1, w.shape[1]]}, {"y": [1, w.shape[0]]}, {"w": w, "b": b}), tmp_path)


def powers(rng, *shape, low=-5, high=1, zeros=0.2):
    signs = rng.choice([-1.0, 1.0], shape) * (rng.random(shape) >= zeros)
    return (signs * 2.0**rng.integers(low, high + 1, shape)).astype(np.float32)


# --- one layer -----------------------------------------------------------------------------------------------------------------

def test_powers_of_two_shift_and_add(rng, tmp_path):
    w, b, x = powers(rng, 6, 20), floats(rng, 6), floats(rng, 30, 20)
    project = project_of(gemm(w, b, tmp_path), tmp_path, x, "--compress", "default: pow2")
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    sums = inputs.astype(object) @ whole(w, 5, 20).T + whole(b, fx + 5, 48)  # no product is rounded
    np.testing.assert_array_equal(golden, rounded(sums, fx + 5, fy))
    (step,) = steps(project)
    assert step["multiplications"]["value"] == 0 and step["shift_products"]["value"] == w.size
    # A sign and 7 exponents or zero: 4 bits of each stored number.
    bias_bits = max(int(n).bit_length() for n in np.abs(whole(b, fx + 5, 48))) + 1
    assert step["rom_bits"]["value"] in (4 * w.size + (bias_bits - 1) * b.size, 4 * w.size + bias_bits * b.size)
    passes(project)


@pytest.mark.parametrize("zeros, density", [("auto", 0.25), ("auto", 0.95), ("skip", 0.95)])
def test_zeros_are_left_out_where_that_costs_less(zeros, density, rng, tmp_path):
    """Cycles times bits of memory: of places and codes, or of codes alone, and of two samples. Numbers are those of exact arithmetic."""
    w, b, x = powers(rng, 6, 40, zeros=1 - density), floats(rng, 6), floats(rng, 30, 40)
    project = project_of(gemm(w, b, tmp_path), tmp_path, x, "--compress", "default: pow2", "--fixed-point", f"zeros={zeros}")
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    np.testing.assert_array_equal(golden, rounded(inputs.astype(object) @ whole(w, 5, 20).T + whole(b, fx + 5, 48), fx + 5, fy))
    most, samples = int((w != 0).sum(1).max()), 2 * 40 * 8
    skips = most * (6 * most * (4 + 7) + samples) < 40 * (6 * 40 * 4 + samples)  # 4 bits of code, 6 of place and its sign
    assert skips == (density < 0.5) or zeros == "skip"
    products = 6 * (most if skips or zeros == "skip" else 40)
    (step,) = steps(project)
    assert step["shift_products"]["value"] == products and step["multiplications"]["value"] == 0
    bias_bits = step["rom_bits"]["value"] - products * (4 + 7 * (products < 240 or zeros == "skip"))
    assert 0 < bias_bits <= 6 * 16, bias_bits
    assert ("_places[" in (project / "firmware" / "weights.h").read_text()) == (skips or zeros == "skip")
    passes(project)


def test_ternary_weights_add_and_scale_once(rng, tmp_path):
    t, b, x = rng.integers(-1, 2, (5, 24)), floats(rng, 5), floats(rng, 30, 24)
    scale = np.float32(0.3712)
    project = project_of(gemm((scale * t).astype(np.float32), b, tmp_path), tmp_path, x, "--compress", "default: ternary")
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fs = most_fraction_bits(SCALE_BITS, scale)
    sums = (inputs.astype(object) @ t.T.astype(object)) * whole(scale, fs, SCALE_BITS)[()] + whole(b, fx + fs, 48)
    np.testing.assert_array_equal(golden, rounded(sums, fx + fs, fy))
    assert steps(project)[0]["multiplications"]["value"] == 5  # one for each output
    passes(project)


@pytest.mark.parametrize("bits, group", [(8, 24), (4, 8)])
def test_scaled_integers_are_summed_exactly(bits, group, rng, tmp_path):
    """A scale for each output, or for each output and group of inputs: integers are summed in a group, then scaled, then added."""
    limit = 2**(bits - 1) - 1
    q, b, x = rng.integers(-limit, limit + 1, (5, 24)), floats(rng, 5), floats(rng, 30, 24)
    q[:, ::group] = limit  # every group has one number of the largest magnitude, which its scale comes from
    scales = (0.01 * (1 + rng.random((5, 24 // group)))).astype(np.float32)
    w = (q * np.repeat(scales, group, axis=1)).astype(np.float32)
    project = project_of(gemm(w, b, tmp_path), tmp_path, x, "--compress", f"default: int{bits}(group={group})" if group < 24 else "default: int8")
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fs = most_fraction_bits(SCALE_BITS, scales.max())
    s = whole(scales, fs, SCALE_BITS)
    inner = np.einsum("nig,oig->noi", inputs.reshape(len(inputs), -1, group), q.reshape(5, -1, group)).astype(object)
    sums = (inner * s).sum(axis=2) + whole(b, fx + fs, 48)
    # A scale that the fit states differs from ours by its float: one unit of its 16 bits may change the last bit of a result.
    difference = abs(golden - rounded(sums, fx + fs, fy))
    assert difference.max() <= 1 and (difference == 0).mean() > 0.8
    passes(project)


def test_sums_of_two_activations_are_aligned(rng, tmp_path):
    """A residual: x has other bits behind the point than what is added; the sum is rounded once."""
    w, b, x = floats(rng, 6, 6), floats(rng, 6), 0.05 * floats(rng, 40, 6)
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"], name="fc", transB=1), helper.make_node("Relu", ["h"], ["r"], name="relu"),
             helper.make_node("Add", ["r", "x"], ["s"], name="residual"), helper.make_node("Sub", ["s", "r"], ["y"], name="difference")]
    model = save(make_model(nodes, {"x": [1, 6]}, {"y": [1, 6]}, {"w": w, "b": b}), tmp_path)
    project = project_of(model, tmp_path, x)
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    # What calibration sees, in float32 as the network computes it.
    r = np.maximum(x @ w.T + b, 0)
    fr, fs = most_fraction_bits(8, r.max()), most_fraction_bits(8, abs(r + x).max())
    fw = most_fraction_bits(8, abs(w).max())
    hidden = np.maximum(rounded(inputs.astype(object) @ whole(w, fw, 8).T + whole(b, fx + fw, 48), fx + fw, fr, 8), 0).astype(object)
    common = max(fr, fx)
    total = rounded(hidden * 2**(common - fr) + inputs * 2**(common - fx), common, fs, 8).astype(object)
    common = max(fr, fs)
    np.testing.assert_array_equal(golden, rounded(total * 2**(common - fs) - hidden * 2**(common - fr), common, fy))
    assert "split_" in (project / "firmware" / "net.cpp").read_text()  # x and r are read twice
    passes(project)


# --- factors -------------------------------------------------------------------------------------------------------------------

LEAST = -4


def pow2_codes(numbers):
    """The stored i4 of `#compress.pow2<bits = 4, min_exponent = LEAST, zero = true>`, as signed integers."""
    magnitude = np.where(numbers == 0, 0, np.log2(np.abs(np.where(numbers == 0, 1, numbers))).astype(int) - LEAST + 1)
    return np.where(numbers < 0, magnitude - 8, magnitude)


def dense(array):
    return f"dense<{np.asarray(array).tolist()}>".replace("'", "")


def tensor(array, element="f32"):
    return f"tensor<{'x'.join(map(str, array.shape))}x{element}>"


def exact_floats(array):
    """float32 as MLIR reads it without loss."""
    return f"dense<{np.vectorize(lambda v: repr(float(v)), otypes=[object])(array).tolist()}>".replace("'", "")


CONV = """linalg.conv_2d_nchw_fchw {{dilations = dense<1> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}}
    ins(%x, %w : {x}, {w}) outs(%f : {y}) -> {y}"""
MATMUL = """linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
    ins(%x, %w : {x}, {w}) outs(%f : {y}) -> {y}"""


def write_layer(tmp_path, weight, product, x, w, y, stride=1):
    """A network of one layer with `weight`, lines that define %w."""
    text = "func.func @main(%x: {x} {{compress.name = \"x\"}}) -> ({y} {{compress.name = \"y\"}}) {{\n" + weight.replace("{", "{{").replace("}", "}}")
    text += "\n  %zero = arith.constant 0.0 : f32\n  %e = tensor.empty() : {y}\n"
    text += "  %f = linalg.fill ins(%zero : f32) outs(%e : {y}) -> {y}\n  %y = " + product + "\n  return %y : {y}\n}}\n"
    path = tmp_path / "layer.mlir"
    path.write_text(text.format(x=x, w=w, y=y, stride=stride))
    return path


def convolution(x, w, stride):
    """Exact: of object arrays, n x c x h x w and o x c x kh x kw."""
    height, width = ((x.shape[2 + i] - w.shape[2 + i]) // stride + 1 for i in (0, 1))
    result = np.zeros((len(x), len(w), height, width), dtype=object)
    for i, j in np.ndindex(height, width):
        window = x.astype(np.int64)[:, :, i * stride:i * stride + w.shape[2], j * stride:j * stride + w.shape[3]]
        result[:, :, i, j] = np.einsum("ncuv,ocuv->no", window, w.astype(np.int64))
    return result


def smartdeal_factors(rng, outputs, slices, rows):
    return powers(rng, outputs, slices, rows, 3, low=LEAST, high=2, zeros=0.5), floats(rng, outputs, slices, 3, 3)


def smartdeal_text(c, b, groups, expand, w):
    return f"""  %codes = arith.constant {dense(pow2_codes(c))} : {tensor(c, "i4")}
  %one = arith.constant dense<1.0> : tensor<1x1x1x1xf32>
  %c = compress.dequantize %codes, %one code(#compress.pow2<bits = 4, min_exponent = {LEAST}, zero = true>) : {tensor(c, "i4")}, tensor<1x1x1x1xf32> -> {tensor(c)}
  %b = arith.constant {exact_floats(b)} : {tensor(b)}
  %w = compress.factorized %c, %b batch = 2 collapse = {groups} expand = {expand} : {tensor(c)}, {tensor(b)} -> {w}"""


def test_smartdeal_fully_connected(rng, tmp_path):
    """Coefficients shift what is summed, then 9 multiplications for each slice: 24 rows of 3 numbers, of which 22 are inputs."""
    c, b = smartdeal_factors(rng, 5, 2, 4)
    x = floats(rng, 30, 22)
    text = smartdeal_text(c, b, "[[0], [1, 2, 3]]", "[[0], [1]]", "tensor<5x22xf32>")
    model = write_layer(tmp_path, text, MATMUL, "tensor<1x22xf32>", "tensor<5x22xf32>", "tensor<1x5xf32>")
    project = project_of(model, tmp_path, x)
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fb = most_fraction_bits(8, abs(b).max())
    w = (whole(c, -LEAST, 20) @ whole(b, fb, 8)).reshape(5, 24)[:, :22]
    np.testing.assert_array_equal(golden, rounded(inputs.astype(object) @ w.T, fx - LEAST + fb, fy))
    first, second = steps(project)[-2:]
    assert first["multiplications"]["value"] == first["roundings"]["value"] == 0
    assert first["shift_products"]["value"] == 5 * 24 * 3 and second["multiplications"]["value"] == 5 * 2 * 9
    passes(project)


@pytest.mark.parametrize("slices", [1, 2])
def test_smartdeal_convolution(slices, rng, tmp_path):
    """Rows are channels and rows of taps; the sums over them are made once for each column of the input, whatever tap reads it."""
    channels, stride = 4, 2
    c, b = smartdeal_factors(rng, 3, slices, 12 // slices)
    x = floats(rng, 10, channels, 7, 9)
    w_type, y_type = "tensor<3x4x3x3xf32>", "tensor<1x3x3x4xf32>"
    text = smartdeal_text(c, b, "[[0], [1, 2], [3]]", "[[0], [1, 2], [3]]", w_type)
    model = write_layer(tmp_path, text, CONV, "tensor<1x4x7x9xf32>", w_type, y_type, stride)
    project = project_of(model, tmp_path, x)
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fb = most_fraction_bits(8, abs(b).max())
    w = (whole(c, -LEAST, 20) @ whole(b, fb, 8)).reshape(3, channels, 3, 3)
    sums = convolution(inputs.reshape(-1, channels, 7, 9).astype(object), w, stride)
    np.testing.assert_array_equal(golden, rounded(sums, fx - LEAST + fb, fy).reshape(len(golden), -1))
    first, second = steps(project)[-2:]
    assert first["shift_products"]["value"] == c.size * 3 * 9 and second["multiplications"]["value"] == 3 * slices * 9 * 3 * 4
    passes(project)


@pytest.mark.parametrize("order", ["order_a", "order_b_whole"])
def test_escalate_convolution(order, rng, tmp_path):
    """Basis convolutions first, or channels first: exact either way, so both are the same numbers."""
    outputs, channels, bases = 4, 3, 2
    t = rng.integers(-1, 2, (outputs, channels, bases))
    scales = (0.5 + rng.random((outputs, 1, bases))).astype(np.float32)
    b, x = floats(rng, bases, 3, 3), floats(rng, 10, channels, 6, 5)
    w_type, y_type = f"tensor<{outputs}x{channels}x3x3xf32>", f"tensor<1x{outputs}x4x3xf32>"
    text = f"""  %codes = arith.constant {dense(t)} : {tensor(t, "i2")}
  %scales = arith.constant {exact_floats(scales)} : {tensor(scales)}
  %c = compress.dequantize %codes, %scales code(#compress.ternary) : {tensor(t, "i2")}, {tensor(scales)} -> {tensor(t)}
  %b = arith.constant {exact_floats(b)} : {tensor(b)}
  %w = compress.factorized %c, %b : {tensor(t)}, {tensor(b)} -> {w_type}"""
    model = write_layer(tmp_path, text, CONV, f"tensor<1x{channels}x6x5xf32>", w_type, y_type)
    project = project_of(model, tmp_path, x, "--force", order)
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fb, fs = most_fraction_bits(8, abs(b).max()), most_fraction_bits(SCALE_BITS, scales.max())
    w = np.einsum("kcm,muv->kcuv", (t * whole(scales, fs, SCALE_BITS)).astype(np.int64), whole(b, fb, 8).astype(np.int64))
    sums = convolution(inputs.reshape(-1, channels, 6, 5).astype(object), w, 1)
    np.testing.assert_array_equal(golden, rounded(sums, fx + fs + fb, fy).reshape(len(golden), -1))
    passes(project)


def test_escalate_with_a_scale_per_filter(rng, tmp_path):
    """Signs with zeros, a basis, a scale for each filter and a bias: all sums are exact until the scaled one is rounded, once."""
    outputs, channels, bases = 4, 3, 2
    t = rng.integers(-1, 2, (outputs, channels, bases))
    t[0, 0, 0] = 1
    scales, bias = (0.5 + rng.random((outputs, 1))).astype(np.float32), floats(rng, outputs)
    b, x = floats(rng, bases, 3, 3), floats(rng, 10, channels, 6, 5)
    kept = t[t != 0].reshape(-1, 1, 1, 1)
    w_type, y_type = f"tensor<{outputs}x{channels}x3x3xf32>", f"tensor<1x{outputs}x4x3xf32>"
    text = f"""  %codes = arith.constant {dense(kept)} : {tensor(kept, "i2")}
  %one = arith.constant dense<1.0> : tensor<1x1x1x1xf32>
  %v = compress.dequantize %codes, %one code(#compress.ternary) : {tensor(kept, "i2")}, tensor<1x1x1x1xf32> -> {tensor(kept)}
  %t = compress.unpack %v mask = {dense(t != 0).lower()} : {tensor(t, "i1")} : {tensor(kept)} -> {tensor(t)}
  %b = arith.constant {exact_floats(b)} : {tensor(b)}
  %k = compress.factorized %t, %b collapse = [[0], [1], [2], [3]] expand = [[0, 1], [2], [3], [4]] : {tensor(t)}, {tensor(b)} -> tensor<{outputs}x1x{channels}x3x3xf32>
  %s = arith.constant {exact_floats(scales)} : {tensor(scales)}
  %bias = arith.constant {exact_floats(bias)} : {tensor(bias)}
  %w = compress.factorized %s, %k batch = 1 collapse = [[0], [1], [2], [3]] expand = [[0], [1], [2], [3]]
      : {tensor(scales)}, tensor<{outputs}x1x{channels}x3x3xf32> -> {w_type}"""
    model = write_layer(tmp_path, text, CONV, f"tensor<1x{channels}x6x5xf32>", w_type, y_type)
    fill = f"linalg.fill ins(%zero : f32) outs(%e : {y_type}) -> {y_type}"
    assert fill in model.read_text()
    model.write_text(model.read_text().replace(
        fill, f"linalg.broadcast ins(%bias : {tensor(bias)}) outs(%e : {y_type}) dimensions = [0, 2, 3]"))
    project = project_of(model, tmp_path, x)
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fb, fs = most_fraction_bits(8, abs(b).max()), most_fraction_bits(SCALE_BITS, scales.max())
    w = np.einsum("kcm,muv->kcuv", t, whole(b, fb, 8).astype(np.int64)).astype(object)
    sums = convolution(inputs.reshape(-1, channels, 6, 5).astype(object), w, 1)
    sums = sums * whole(scales, fs, SCALE_BITS).reshape(outputs, 1, 1) + whole(bias, fx + fb + fs, 48).reshape(outputs, 1, 1)
    np.testing.assert_array_equal(golden, rounded(sums, fx + fb + fs, fy).reshape(len(golden), -1))
    scaled = steps(project)[-1]
    assert scaled["multiplications"]["value"] == outputs * 4 * 3
    passes(project)
