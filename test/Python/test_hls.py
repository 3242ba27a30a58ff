"""HLS projects: the emitted C++, compiled with g++, against the integer reference that the compiler ran, and both against rational
arithmetic."""
import json
import os
import pathlib
import re
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from onnx import helper

import compress_mlir
import fetch
import mnist
from compress_mlir.native import _find_compiler
from conftest import ROOT
from test_import import floats, make_model, save

CXX = os.environ.get("CXX", "g++")


def run_compiler(model, out, calibration, *options):
    command = [_find_compiler(), str(model), "-o", str(out), "--target", "hls", "--quiet", *options]
    if calibration is not None:
        path = pathlib.Path(f"{out}-calibration.npy")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, calibration)
        command += ["--calibration", str(path)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def make_project(model, out, calibration, *options):
    done = run_compiler(model, out, calibration, *options)
    assert done.returncode == 0, done.stderr
    return out


def csim(project, level="-O1"):
    return subprocess.run(["make", "-s", "-C", str(project), "csim", f"CXX={CXX}", f"CXXFLAGS={level} -Wall -Werror"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def compile_and_run(project, text):
    """The output of a program with `text` behind the project's C++."""
    source, program = project / "harness.cpp", project / "harness"
    source.write_text('#include "firmware/net.cpp"\n#include <cstdio>\n' + text)
    done = subprocess.run([CXX, "-std=c++14", "-O1", "-w", "-pthread", "-Icsim_include", "harness.cpp", "-o", str(program)], cwd=project,
                          stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return subprocess.run([str(program)], stdout=subprocess.PIPE, check=True, text=True).stdout


def test_data(project):
    """(inputs, golden results), integers."""
    arrays = (project / "tb" / "data.h").read_text().split("static const")[1:]
    count = int(re.search(r"TB_SAMPLES (\d+)", (project / "tb" / "data.h").read_text())[1])
    return [np.array([int(n) for n in re.findall(r"-?\d+", text.split("=", 1)[1])]).reshape(count, -1) for text in arrays]


test_data.__test__ = False


def fractions(project):
    """Bits behind the point of input and result."""
    report = json.loads((project / "report.json").read_text())
    return report["input"]["fraction"], report["result"]["fraction"]


def most_fraction_bits(width, largest):
    """The most bits behind the point with which numbers up to `largest` do not saturate."""
    fraction = 60
    while round(Fraction(float(largest)) * Fraction(2)**fraction) > 2**(width - 1) - 1:
        fraction -= 1
    return fraction


def saturated(number, width):
    return min(max(round(number), -2**(width - 1)), 2**(width - 1) - 1)  # Python rounds fractions half to even


def dense_model(rng, tmp_path, inputs=12, outputs=5):
    w, b = floats(rng, outputs, inputs), floats(rng, outputs)
    model = make_model([helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="fc", transB=1)], {"x": [1, inputs]}, {"y": [1, outputs]},
                       {"w": w, "b": b})
    return save(model, tmp_path, "dense.onnx"), w, b


def circulant_model(tmp_path):
    """A circulant layer of 8 x 8 blocks that do not divide its extents, relu, a smaller one."""
    import torch
    from compress_mlir.export import to_onnx
    from compress_mlir.nn import BlockCirculantLinear
    torch.manual_seed(5)
    net = torch.nn.Sequential(BlockCirculantLinear(30, 20, block_size=8), torch.nn.ReLU(), BlockCirculantLinear(20, 7, block_size=4))
    path = tmp_path / "light.onnx"
    to_onnx(net, torch.zeros(1, 30), path)
    return path, net


@pytest.fixture(scope="module")
def circulant(tmp_path_factory):
    """A project of a small circulant network with 40 samples."""
    folder = tmp_path_factory.mktemp("hls")
    path, net = circulant_model(folder)
    x = np.random.default_rng(3).standard_normal((40, 30)).astype(np.float32)
    np.save(folder / "tests.npy", x)
    return make_project(path, folder / "project", x, "--force", "spectral", "--test-data", str(folder / "tests.npy")), net, x


def copy_of(project, tmp_path):
    copy = tmp_path / "project"
    subprocess.run(["cp", "-r", str(project), str(copy)], check=True)
    return copy


# --- the emitted code ----------------------------------------------------------------------------------------------------------

def test_dense_layer_is_what_rational_arithmetic_says(rng, tmp_path):
    model, w, b = dense_model(rng, tmp_path)
    x = floats(rng, 50, 12)
    np.save(tmp_path / "tests.npy", 1.5 * x)  # beyond the calibrated range: numbers saturate
    project = make_project(model, tmp_path / "project", x, "--test-data", str(tmp_path / "tests.npy"))
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    fw = most_fraction_bits(8, abs(w).max())
    assert fx == most_fraction_bits(8, abs(x).max())
    quantize = np.vectorize(lambda v, f, width: saturated(Fraction(float(v)) * Fraction(2)**f, width), otypes=[object])
    np.testing.assert_array_equal(inputs, quantize((1.5 * x).astype(np.float32), fx, 8).astype(int))
    sums = inputs.astype(object) @ quantize(w, fw, 8).T + quantize(b, fx + fw, 48)
    expected = [[saturated(Fraction(int(s), 2**(fx + fw)) * Fraction(2)**fy, 16) for s in row] for row in sums]
    np.testing.assert_array_equal(golden, np.array(expected))
    done = csim(project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_circulant_network_is_bit_exact(circulant):
    project, _, _ = circulant
    done = csim(project)
    assert done.returncode == 0 and "40 samples, 0 of 280 numbers differ" in done.stdout, done.stdout + done.stderr


def test_errors_shrink_with_the_widths(circulant, tmp_path):
    """8 bits more of everything divide errors by 256, up to what single roundings do by chance: 32 is asked for."""
    project, net, x = circulant
    import torch
    exact = net(torch.from_numpy(x)).detach().numpy()
    path, _ = circulant_model(tmp_path)
    np.save(tmp_path / "tests.npy", x)
    wide = make_project(path, tmp_path / "wide", x, "--force", "spectral", "--test-data", str(tmp_path / "tests.npy"), "--fixed-point",
                        "activation-bits=16 weight-bits=16 spectrum-bits=16 guard-bits=10 result-bits=24")
    errors = [np.sqrt(np.mean((test_data(p)[1] * 2.0**-fractions(p)[1] - exact)**2)) for p in (project, wide)]
    assert errors[1] * 32 < errors[0] < 0.05 * abs(exact).max()
    assert csim(wide).returncode == 0


def test_every_rounding_is_half_to_even(circulant):
    project, _, _ = circulant
    code = (project / "firmware" / "net.cpp").read_text()
    names = sorted(set(re.findall(r"((?:saturate|round)_i\d+_by_m?\d+_to_i\d+)\(", code)))
    assert len(names) > 5
    body, cases = "int main() {\n", []
    for name in names:
        wide, shift, narrow = (int(n.replace("m", "-")) for n in re.findall(r"(?:_i|_by_)(m?\d+)", name))
        limit = 2**(wide - 1)
        numbers = range(-limit, limit) if wide <= 10 else sorted(
            {n for tie in range(-40, 40) for n in ((2 * tie + 1) * 2**max(shift - 1, 0) + d for d in (-1, 0, 1))} | {-limit, limit - 1})
        numbers = [n for n in numbers if -limit <= n < limit]
        exact = [round(Fraction(n) / Fraction(2)**shift) for n in numbers]
        if name.startswith("round"):  # only numbers that fit get there
            kept = [i for i, e in enumerate(exact) if -2**(narrow - 1) <= e < 2**(narrow - 1)]
            numbers, exact = [numbers[i] for i in kept], [exact[i] for i in kept]
        body += f"  static const long long n{len(cases)}[] = {{{', '.join(map(str, numbers))}}};\n"
        body += f'  for (long long n : n{len(cases)}) std::printf("%lld\\n", (long long){name}(ap_int<{wide}>(n)).to_int64());\n'
        cases.append((name, numbers, [saturated(e, narrow) for e in exact]))
    results = iter(compile_and_run(project, body + "}\n").split())
    for name, numbers, expected in cases:
        assert [int(next(results)) for _ in numbers] == expected, name


def test_the_shim_on_all_patterns_of_8_bits(circulant):
    """Each operation on all pairs of 8-bit numbers, in a result of 6 bits, which wraps, and of 20, which does not."""
    operators = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "&": lambda a, b: a & b}
    comparisons = {"<": int.__lt__, ">": int.__gt__, "<=": int.__le__, ">=": int.__ge__, "==": int.__eq__, "!=": int.__ne__}
    body = "int main() {\n  for (int i = -128; i < 128; ++i) for (int j = -128; j < 128; ++j) {\n    ap_int<8> a = i, b = j;\n"
    for op in operators:
        body += f'    std::printf("%d %d ", ap_int<6>(a {op} b).to_int(), ap_int<20>(a {op} b).to_int());\n'
    for op in comparisons:
        body += f'    std::printf("%d ", a {op} b);\n'
    body += '    std::printf("\\n");\n  }\n  for (int i = -128; i < 128; ++i) for (int s = 0; s < 12; ++s)\n'
    body += '    std::printf("%d %d\\n", (ap_int<8>(i) >> s).to_int(), (ap_int<8>(i) << s).to_int());\n}\n'
    lines = iter(compile_and_run(circulant[0], body).splitlines())

    def wrapped(n, bits):
        return (n + 2**(bits - 1)) % 2**bits - 2**(bits - 1)

    for a in range(-128, 128):
        for b in range(-128, 128):
            expected = [wrapped(op(a, b), bits) for op in operators.values() for bits in (6, 20)]
            expected += [int(op(a, b)) for op in comparisons.values()]
            assert [int(n) for n in next(lines).split()] == expected, (a, b)
    for a in range(-128, 128):
        for s in range(12):
            assert [int(n) for n in next(lines).split()] == [Fraction(a, 2**s).__floor__(), wrapped(a * 2**s, 8)], (a, s)


def test_layers_of_a_convolutional_network_are_bit_exact(rng, tmp_path):
    """Stride, padding, average and maximum pooling with padding, a factor, a circulant convolution of odd block
    size that does not divide its channels: csim is the reference, and 16 bits come close to fp32."""
    def nodes():
        yield helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="conv1", strides=[2, 2], pads=[1, 1, 1, 1])
        yield helper.make_node("Relu", ["c1"], ["r1"], name="relu1")
        yield helper.make_node("MaxPool", ["r1"], ["p1"], name="pool1", kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
        yield helper.make_node("Circulant", ["k2"], ["w2"], name="light", domain="compress", rows=5, cols=4)
        yield helper.make_node("Conv", ["p1", "w2", "b2"], ["c2"], name="conv2", dilations=[2, 1], pads=[2, 1, 2, 1])
        yield helper.make_node("AveragePool", ["c2"], ["a2"], name="average", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])
        yield helper.make_node("Mul", ["a2", "three"], ["m2"], name="factor")
        yield helper.make_node("GlobalAveragePool", ["m2"], ["g2"], name="mean")
        yield helper.make_node("Flatten", ["g2"], ["y"], name="flat")

    constants = {"w1": floats(rng, 4, 2, 3, 3), "b1": floats(rng, 4), "k2": floats(rng, 2, 2, 3, 3, 3), "b2": floats(rng, 5),
                 "three": np.float32(-3)}
    model = save(make_model(list(nodes()), {"x": ["n", 2, 8, 8]}, {"y": ["n", 5]}, constants, circulant=True), tmp_path)
    x = floats(rng, 20, 2, 8, 8)
    exact = compress_mlir.load(compress_mlir.compile(model, tmp_path / "cpu")).run({"x": x})["y"]
    np.save(tmp_path / "tests.npy", x)
    errors = []
    for bits, guard in ((8, 8), (16, 10)):
        widths = f"activation-bits={bits} weight-bits={bits} spectrum-bits={bits} guard-bits={guard} result-bits=24"
        project = make_project(model, tmp_path / f"p{bits}", x, "--test-data", str(tmp_path / "tests.npy"), "--force", "spectral",
                               "--fixed-point", widths)
        assert csim(project).returncode == 0
        errors.append(np.sqrt(np.mean((test_data(project)[1] * 2.0**-fractions(project)[1] - exact)**2)))
    assert errors[1] * 32 < errors[0] < 0.05 * abs(exact).max(), errors
    assert "_inverse" in (tmp_path / "p8" / "report.json").read_text()


def test_convolution_is_what_rational_arithmetic_says(rng, tmp_path):
    w, b, x = floats(rng, 3, 2, 3, 2), floats(rng, 3), floats(rng, 12, 2, 7, 6)
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="conv", strides=[2, 1], pads=[1, 0, 0, 1])
    model = save(make_model([node], {"x": [1, 2, 7, 6]}, {"y": [1, 3, 3, 6]}, {"w": w, "b": b}), tmp_path)
    project = make_project(model, tmp_path / "project", x)
    inputs, golden = test_data(project)
    assert len(inputs) == 3  # the first of the calibration data
    fx, fy = fractions(project)
    fw = most_fraction_bits(8, abs(w).max())
    wq = np.vectorize(lambda v: saturated(Fraction(float(v)) * Fraction(2)**fw, 8))(w).astype(int)
    padded = np.pad(inputs.reshape(3, 2, 7, 6), ((0, 0), (0, 0), (1, 0), (0, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 2), (2, 3))[:, :, ::2]
    sums = np.einsum("ncyxij,ocij->noyx", windows, wq)
    for n, o, i, j in np.ndindex(sums.shape):
        bias = round(Fraction(float(b[o])) * Fraction(2)**(fx + fw))
        expected = saturated(Fraction(int(sums[n, o, i, j]) + bias) / Fraction(2)**(fx + fw - fy), 16)
        assert golden.reshape(sums.shape)[n, o, i, j] == expected
    assert csim(project).returncode == 0


def test_widths_of_single_layers_are_what_rational_arithmetic_says(rng, tmp_path):
    """6 bits of weights and 12 of activations in the first layer, 10 and 5 elsewhere, 7 bits of input: formats are the finest that the
    largest numbers allow, and csim agrees."""
    w1, b1, w2, x = floats(rng, 6, 9), floats(rng, 6), floats(rng, 4, 6), floats(rng, 40, 9)
    nodes = [helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="first", transB=1), helper.make_node("Relu", ["h"], ["r"], name="relu"),
             helper.make_node("Gemm", ["r", "w2"], ["y"], name="second", transB=1)]
    model = save(make_model(nodes, {"x": [1, 9]}, {"y": [1, 4]}, {"w1": w1, "b1": b1, "w2": w2}), tmp_path)
    np.save(tmp_path / "tests.npy", 1.5 * x)  # saturates
    project = make_project(model, tmp_path / "project", x, "--test-data", str(tmp_path / "tests.npy"), "--fixed-point",
                           "fir*: weight-bits=6 activation-bits=12; x: activation-bits=7; default: weight-bits=10 result-bits=20 activation-bits=5")
    inputs, golden = test_data(project)
    fx, fy = fractions(project)
    # What calibration sees, in float32 as the network computes it.
    hidden = np.maximum(x @ w1.T + b1, 0)
    fh, f1, f2 = most_fraction_bits(12, hidden.max()), most_fraction_bits(6, abs(w1).max()), most_fraction_bits(10, abs(w2).max())
    assert (fx, fy) == (most_fraction_bits(7, abs(x).max()), most_fraction_bits(20, abs(hidden @ w2.T).max()))

    def quantized(numbers, fraction, width):
        return np.vectorize(lambda v: saturated(Fraction(float(v)) * Fraction(2)**fraction, width), otypes=[object])(numbers)

    def rescaled(numbers, fraction, to, width):
        return np.vectorize(lambda n: saturated(Fraction(int(n)) * Fraction(2)**(to - fraction), width), otypes=[object])(numbers)

    np.testing.assert_array_equal(inputs, quantized((1.5 * x).astype(np.float32), fx, 7).astype(int))
    sums = inputs.astype(object) @ quantized(w1, f1, 6).T + quantized(b1, fx + f1, 48)
    h = np.maximum(rescaled(sums, fx + f1, fh, 12), 0)
    np.testing.assert_array_equal(golden, rescaled(h @ quantized(w2, f2, 10).T, fh + f2, fy, 20).astype(int))
    assert csim(project).returncode == 0
    assert json.loads((project / "report.json").read_text())["input"]["bits"] == 7


# --- the test bench can fail -------------------------------------------------------------------------------------------------

def test_a_flipped_weight_fails(circulant, tmp_path):
    project = copy_of(circulant[0], tmp_path)
    path = project / "firmware" / "weights.h"
    text = path.read_text()
    at = re.search(r"_weights\[\d+\] = \{\s*(-?\d+)", text)
    flipped = (int(at[1]) ^ 64)
    path.write_text(text[:at.start(1)] + str(flipped) + text[at.end(1):])
    done = csim(project)
    assert done.returncode != 0 and "expected" in done.stdout, done.stdout + done.stderr


def test_another_rounding_fails(circulant, tmp_path):
    """Ties away from the even number: the lowest bit of what is kept is not looked at."""
    project = copy_of(circulant[0], tmp_path)
    path = project / "firmware" / "net.cpp"
    text, count = re.subn(r"(& ap_int<\d+>)\(1\)", r"\1(0)", path.read_text())
    assert count > 5
    path.write_text(text)
    assert csim(project).returncode != 0


# --- refusals --------------------------------------------------------------------------------------------------------------------

def test_refusals_leave_nothing_behind(rng, tmp_path):
    model, _, _ = dense_model(rng, tmp_path)
    out = tmp_path / "project"
    assert "--target hls needs --calibration" in run_compiler(model, out, None).stderr
    assert "a sample of the calibration data has 11 numbers, the input of the network 12" in run_compiler(model, out, floats(rng, 4, 11)).stderr
    (tmp_path / "text.npy").write_text("no array")
    done = run_compiler(model, out, None, "--calibration", str(tmp_path / "text.npy"))
    assert "is no NumPy file" in done.stderr
    done = run_compiler(model, out, floats(rng, 4, 12), "--fixed-point", "fc: weight-bits=40")
    assert done.returncode != 0 and "error: --fixed-point, column 17: 'weight-bits' expects 2 to 16, not '40'\n  fc: weight-bits=40\n" in done.stderr
    done = run_compiler(model, out, floats(rng, 4, 12), "--fixed-point", "wait-bits=4")
    assert done.returncode != 0 and "column 1: there is no 'wait-bits'; expects activation-bits, " in done.stderr
    unsupported = make_model([helper.make_node("Sigmoid", ["x"], ["y"], name="gate")], {"x": [1, 4]}, {"y": [1, 4]}, {})
    done = run_compiler(save(unsupported, tmp_path, "sigmoid.onnx"), out, floats(rng, 4, 4))
    assert done.returncode != 0 and "error: 'gate': has no fixed-point form" in done.stderr
    assert not out.exists()


def test_every_number_of_the_report_says_where_it_comes_from(circulant):
    report = json.loads((circulant[0] / "report.json").read_text())
    assert report["not_known"].startswith("cycles, DSP")

    def check(value, path):
        if isinstance(value, dict) and "value" in value:
            assert value["label"] == "assumed" or value["label"].startswith("counted from the "), path
        elif isinstance(value, dict):
            for key, inner in value.items():
                check(inner, f"{path}/{key}")
        elif isinstance(value, list):
            for inner in value:
                check(inner, path)
        else:  # what describes the project
            assert not isinstance(value, float) and (isinstance(value, str) or path.split("/")[-1] in ("beat_bits", "bits", "fraction", "shape", "version")), path
    check(report, "")
    # Two for each number of the dense weight, whatever blocks cover.
    dense = [layer["dense_operations"]["value"] for layer in report["layers"] if "dense_operations" in layer]
    assert dense == [2 * 30 * 20, 2 * 20 * 7]
    for what in ("rom_bits", "multiplications"):
        assert sum(step[what]["value"] for step in report["steps"]) == report[what]["value"]
    assert sum(layer["rom_bits"]["value"] for layer in report["layers"]) == report["rom_bits"]["value"]
    names = [step["name"] for step in report["steps"]]
    assert sum(name.endswith("_transform") for name in names) == 2 and sum(name.endswith("_relu") for name in names) == 1


# --- MNIST -----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("network, fp32", [("circulant", 0.9930), ("cnn_escalate", 0.9899), ("mlp_smartdeal", 0.9853)])
def test_mnist_in_fixed_point(network, fp32, tmp_path):
    """csim on 1,000 images; accuracy of the reference on all 10,000 within 0.2 points of that in fp32."""
    folder = fetch.fetch(fetch.default_directory())
    images, labels = mnist.load(folder, "t10k")
    calibration = mnist.load(folder, "train")[0][:256]
    model = tmp_path / "mnist.onnx"
    model.write_bytes((mnist.MODELS / f"mnist_{network}.onnx").read_bytes())
    np.save(tmp_path / "all.npy", images)
    np.save(tmp_path / "some.npy", images[:1000])
    project = make_project(model, tmp_path / "all", calibration, "--test-data", str(tmp_path / "all.npy"))
    logits = test_data(project)[1]
    assert logits.shape == (10000, 10)
    accuracy = (logits.argmax(1) == labels).mean()
    print(f"{network}: accuracy {accuracy}, fp32 {fp32}")
    assert accuracy >= fp32 - 0.002
    project = make_project(model, tmp_path / "some", calibration, "--test-data", str(tmp_path / "some.npy"))
    done = csim(project)
    assert done.returncode == 0 and "1000 samples, 0 of 10000 numbers differ" in done.stdout, done.stdout + done.stderr


def test_mnist_with_weights_of_6_bits_and_spectra_of_10(tmp_path):
    """Weights 6, inputs 8, spectra 10 bits: within 0.15 points of fp32 on all 10,000 images."""
    folder = fetch.fetch(fetch.default_directory())
    images, labels = mnist.load(folder, "t10k")
    np.save(tmp_path / "all.npy", images)
    project = make_project(mnist.MODELS / "mnist_circulant.onnx", tmp_path / "all", mnist.load(folder, "train")[0][:256], "--test-data",
                           str(tmp_path / "all.npy"), "--fixed-point", "activation-bits=8 weight-bits=6 spectrum-bits=10")
    accuracy = (test_data(project)[1].argmax(1) == labels).mean()
    print(f"accuracy {accuracy}")
    assert accuracy >= 0.9930 - 0.0015
