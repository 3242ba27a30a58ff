"""The Verilog of a network: every number against the integer reference, and the cycle in which each sample ends against the schedule;
the netlist of Yosys, with its models of cells, the same way. tools/dev/rtl-sweep.py does it for many layers."""
import importlib.util
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from onnx import helper

from compress_mlir import hls
from compress_mlir.native import _find_compiler
from conftest import ROOT
import test_hls_streams
from test_hls import compile_and_run, copy_of, csim, run_compiler, test_data
from test_import import floats, make_model, save

spec = importlib.util.spec_from_file_location("rtl_sweep", ROOT / "tools" / "dev" / "rtl-sweep.py")
sweep = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sweep)

SEED = int(os.environ.get("COMPRESS_SEED", "1"))
needs_verilator = pytest.mark.skipif(not shutil.which("verilator"), reason="verilator is not installed")
needs_yosys = pytest.mark.skipif(not shutil.which("yosys"), reason="yosys is not installed")


def make(layer, folder, *options):
    folder.mkdir(exist_ok=True)
    return sweep.compile_layer(layer, folder, SEED, _find_compiler(), *options)


@pytest.fixture(scope="module")
def circulant(tmp_path_factory):
    """A circulant layer with cut blocks, 3 lanes on 4 blocks."""
    return make(sweep.Layer("circulant", 30, 20, 8, 3, 1, 8), tmp_path_factory.mktemp("rtl"))


@needs_verilator
def test_circulant_layer_is_exact_in_every_cycle(circulant):
    isRight, output = sweep.simulate(circulant, SEED)
    print("seed", SEED)
    assert isRight, output
    assert "10 samples, 0 numbers differ" in output and "every sample as scheduled" in output
    assert output.count("6 samples, 0 numbers differ") == 4, output


@needs_verilator
def test_operations_of_layers_are_those_of_sums(tmp_path):
    """A dense layer of 12 x 5: 60 products and as many additions, and those of a bias, in the cycles of a sample that rtlsim measures."""
    project = make(sweep.Layer("dense", 12, 5, 0, 2, 1, 8), tmp_path)
    isRight, output = sweep.simulate(project, SEED)
    assert isRight, output
    report = json.loads((project / "report.json").read_text())
    (layer,), rate = report["layers"], report["clock_mhz"]["value"] * 1e6 / sweep.measured(output)["interval"]
    assert layer["name"] == "fc" and layer["dense_operations"]["value"] == 2 * 60 and layer["operations"]["value"] == 2 * 60 + 5
    assert layer["dense_operations_per_second"]["value"] == pytest.approx(120 * rate, rel=1e-12)
    assert layer["operations_per_second"]["value"] == pytest.approx(125 * rate, rel=1e-12)
    assert layer["dense_operations_per_second"]["label"].startswith("modelled")
    assert layer["dsp"]["value"] == report["rtl"]["dsp"]["value"] == 2


@needs_verilator
def test_power_of_two_dot_is_exact_in_every_cycle(tmp_path):
    project = make(sweep.Layer("pow2", 33, 7, 0, 5, 1, 8), tmp_path)
    code = (project / "rtl" / "layer.v").read_text()
    assert "$signed(" in code and "*" not in re.sub(r"\(\*.*?\*\)|always @\*|//.*", "", code)  # it shifts
    isRight, output = sweep.simulate(project, SEED)
    assert isRight, output


@needs_verilator
def test_layers_in_a_chain_are_exact_in_every_cycle(rng, tmp_path):
    """A circulant layer of odd blocks, relu, a dense layer."""
    nodes = [helper.make_node("Circulant", ["c"], ["w1"], name="light", domain="compress", rows=9, cols=11),
             helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], name="fc1", transB=1), helper.make_node("Relu", ["h"], ["r"], name="relu"),
             helper.make_node("Gemm", ["r", "w2"], ["y"], name="fc2", transB=1)]
    constants = {"c": floats(rng, 2, 3, 5), "b1": floats(rng, 9), "w2": floats(rng, 4, 9)}
    model = save(make_model(nodes, {"x": [1, 11]}, {"y": [1, 4]}, constants, circulant=True), tmp_path)
    done = run_compiler(model, tmp_path / "project", floats(rng, 12, 11), "--force", "spectral", "--hls-rtl", "--hls-lanes", "2")
    assert done.returncode == 0, done.stderr
    isRight, output = sweep.simulate(tmp_path / "project", SEED)
    assert isRight, output


@needs_verilator
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("bits", ["powers", "integers"])
def test_zero_weights_take_no_cycle(bits, lanes, rng, tmp_path):
    """A sum takes as many products as the output with most weights that are not zero has; numbers are those of the dense codes."""
    shape, density = (9, 50), 0.2
    w = rng.choice([-1.0, 1.0], shape) * 2.0**rng.integers(-4, 1, shape) if bits == "powers" else rng.integers(-100, 101, shape) / 100
    w = (w * (rng.random(shape) < density)).astype(np.float32)
    w[3] = 0  # which adds zeros alone
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="fc", transB=1)]
    model = save(make_model(nodes, {"x": [1, 50]}, {"y": [1, 9]}, {"w": w, "b": floats(rng, 9)}), tmp_path)
    x, golden = floats(rng, 12, 50), {}
    for zeros in ("codes", "auto"):
        done = run_compiler(model, tmp_path / zeros, x, "--hls-rtl", "--hls-lanes", str(lanes), "--fixed-point", f"zeros={zeros}")
        assert done.returncode == 0, done.stderr
        golden[zeros] = (tmp_path / zeros / "tb" / "data.h").read_text()
    assert golden["auto"] == golden["codes"]
    most = int((w != 0).sum(1).max())
    assert rtl_of(tmp_path / "auto")[1] == max(50, 9 * -(-most // lanes)) and rtl_of(tmp_path / "codes")[1] == 9 * -(-50 // lanes)
    isRight, output = sweep.simulate(tmp_path / "auto", SEED)
    assert isRight, output


@needs_verilator
@pytest.mark.parametrize("lanes", [1, 2])
def test_zero_weights_behind_a_convolution_take_no_cycle(lanes, rng, tmp_path):
    """What is flattened comes pixel by pixel, and places count channel by channel: numbers are those of the dense codes."""
    w = floats(rng, 4, 5 * 3 * 4) * (rng.random((4, 5 * 3 * 4)) < 0.2)
    nodes = [helper.make_node("Conv", ["x", "v"], ["c"], name="conv"), helper.make_node("Relu", ["c"], ["r"], name="relu"),
             helper.make_node("Flatten", ["r"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "w"], ["y"], name="fc", transB=1)]
    constants = {"v": floats(rng, 5, 1, 3, 3), "w": w.astype(np.float32)}
    model = save(make_model(nodes, {"x": [1, 1, 5, 6]}, {"y": [1, 4]}, constants), tmp_path)
    x, golden = floats(rng, 12, 1, 5, 6), []
    for zeros in ("codes", "skip"):
        done = run_compiler(model, tmp_path / zeros, x, "--hls-rtl", "--hls-lanes", str(lanes), "--fixed-point", f"fc: zeros={zeros}")
        assert done.returncode == 0, done.stderr
        golden.append(test_data(tmp_path / zeros)[1])
    np.testing.assert_array_equal(*golden)
    steps = {step["name"]: step for step in hls.read_report(tmp_path / "skip")["steps"]}
    assert steps["fc_accumulate"]["multiplications"]["value"] == 4 * int((w != 0).sum(1).max())
    isRight, output = sweep.simulate(tmp_path / "skip", SEED)
    assert isRight, output
    done = csim(tmp_path / "skip", "-O0")
    assert done.returncode == 0, done.stdout + done.stderr


@needs_verilator
def test_a_wrong_place_fails(rng, tmp_path):
    """Places are needed as they are: one of them moved by one reads another number."""
    w = (rng.standard_normal((5, 40)) * (rng.random((5, 40)) < 0.2)).astype(np.float32)
    model = save(make_model([helper.make_node("Gemm", ["x", "w"], ["y"], name="fc", transB=1)], {"x": [1, 40]}, {"y": [1, 5]}, {"w": w}), tmp_path)
    done = run_compiler(model, tmp_path / "project", floats(rng, 12, 40), "--hls-rtl", "--hls-lanes", "1", "--fixed-point", "zeros=skip")
    assert done.returncode == 0, done.stderr
    roms = sorted((tmp_path / "project" / "rtl").glob("*.hex"))
    places = next(rom for rom in roms if [int(line, 16) for line in rom.read_text().split()][:1] == [int(np.flatnonzero(w[0])[0])])
    words = places.read_text().split("\n")
    words[0] = format(int(words[0], 16) + 1, "x")
    places.write_text("\n".join(words))
    isRight, output = sweep.simulate(tmp_path / "project", SEED)
    assert not isRight and "expected" in output, output


def rtl_of(project):
    """What the report has of the Verilog: DSPs, the interval, lanes of each step."""
    report = json.loads((project / "report.json").read_text())
    return (report["rtl"]["dsp"]["value"], report["rtl"]["interval"]["value"],
            {step["name"]: step["rtl"]["lanes"]["value"] for step in report["steps"]})


@needs_verilator
def test_chosen_lanes_are_the_fewest_of_the_least_interval(tmp_path):
    """No number of lanes that is the same in all steps is faster than the chosen ones, or as fast with fewer multipliers."""
    shape = ("circulant", 30, 40, 8)
    chosen = make(sweep.Layer(*shape, 0, 1, 8), tmp_path / "chosen")
    dsp, interval, lanes = rtl_of(chosen)
    assert max(lanes.values()) > 1, lanes
    for uniform in range(1, 6):
        other_dsp, other_interval, _ = rtl_of(make(sweep.Layer(*shape, uniform, 1, 8), tmp_path / str(uniform)))
        assert other_interval >= interval and (other_interval > interval or other_dsp >= dsp), (uniform, other_dsp, other_interval, dsp, interval)
    isRight, output = sweep.simulate(chosen, SEED)
    assert isRight, output


@needs_verilator
def test_lanes_are_as_many_as_the_device_has_multipliers(rng, tmp_path):
    """Two layers of 64 x 64: their streams allow a sample every 64 cycles, with 64 products in each, but xc7z010 has 80 multipliers. So it
    is every 128 cycles, with 32 in each."""
    nodes = [helper.make_node("Gemm", ["x", "w1"], ["h"], name="fc1", transB=1), helper.make_node("Gemm", ["h", "w2"], ["y"], name="fc2", transB=1)]
    model = save(make_model(nodes, {"x": [1, 64]}, {"y": [1, 64]}, {"w1": floats(rng, 64, 64), "w2": floats(rng, 64, 64)}), tmp_path)

    def compile_with(name, *options):
        return run_compiler(model, tmp_path / name, floats(rng, 12, 64), "--hls-rtl", *options)

    assert compile_with("large", "--hls-device", "xczu7ev").returncode == 0
    dsp, interval, lanes = rtl_of(tmp_path / "large")
    assert (dsp, interval) == (128, 64) and set(lanes.values()) == {64}
    assert compile_with("small", "--hls-device", "xc7z010").returncode == 0
    dsp, interval, lanes = rtl_of(tmp_path / "small")
    assert (dsp, interval) == (64, 128) and set(lanes.values()) == {32}
    isRight, output = sweep.simulate(tmp_path / "small", SEED)
    assert isRight, output
    done = compile_with("refused", "--hls-device", "xc7z010", "--target-interval", "64")
    assert done.returncode != 0 and "takes 128 multipliers (DSP48E1) for a sample every 64 cycles, and there are 80, with which a sample takes " \
        "128 cycles" in done.stderr and not (tmp_path / "refused").exists()
    done = compile_with("refused", "--hls-device", "xc7z010", "--hls-lanes", "64")
    assert done.returncode != 0 and "its products take 128 DSP48E1" in done.stderr and not (tmp_path / "refused").exists()


@needs_verilator
@pytest.mark.parametrize("layer", [layer for layer in sweep.FIXED if layer.kind == "conv"], ids=str)
def test_convolutions_are_exact_in_every_cycle(layer, tmp_path):
    """A convolution, pooling, one of one pixel, a dense layer: all of them in a chain."""
    project = make(layer, tmp_path)
    isRight, output = sweep.simulate(project, SEED)
    assert isRight, output
    if layer.inputs == 1:  # its input arrives pixel by pixel
        code = (project / "rtl" / "layer.v").read_text()
        assert re.search(r"module conv_accumulate .*?\$signed\(arrived\) >= \$signed\(need\)", code, re.S)


@needs_verilator
def test_an_input_of_channels_last_needs_a_window(tmp_path):
    """A first convolution of 3 x 3 on 2 channels of 7 x 7 pixels, padded to 9 x 9: it keeps 2 * 9 + 3 pixels of 2 numbers, instead of the
    whole first channel and 2 * 9 + 3 numbers of the second; a power of two of words. The same integers come in another order, and results
    are the same."""
    layer = next(layer for layer in sweep.FIXED if layer.kind == "conv" and layer.inputs == 2)
    orders = {order: make(layer, tmp_path / order, "--hls-input-order", order) for order in ("row-major", "channels-last")}
    reports = {order: hls.read_report(project) for order, project in orders.items()}
    banks = {order: next(step for step in report["steps"] if step["name"] == "conv_accumulate")["input"] for order, report in reports.items()}
    words = {order: int(re.search(r"window of (\d+) words", text)[1]) for order, text in banks.items()}
    assert 32 < 2 * (2 * 9 + 3) <= words["channels-last"] == 64 < 9 * 9 + 2 * 9 + 3 <= words["row-major"] == 128
    assert reports["channels-last"]["buffer_bits"]["value"] < reports["row-major"]["buffer_bits"]["value"]
    assert reports["channels-last"]["rtl"]["latency"]["value"] < reports["row-major"]["rtl"]["latency"]["value"]
    (rows, golden), (pixels, same) = (test_data(orders[order]) for order in ("row-major", "channels-last"))
    np.testing.assert_array_equal(golden, same)
    np.testing.assert_array_equal(pixels.reshape(-1, 7, 7, 2), rows.reshape(-1, 2, 7, 7).transpose(0, 2, 3, 1))
    port = reports["channels-last"]["input"]
    assert port["order"] == [0, 2, 3, 1] and "order" not in reports["row-major"]["input"]
    data, last = hls.beats(rows[0].reshape(1, 2, 7, 7), port)
    np.testing.assert_array_equal(hls.from_beats(data, port), pixels[0])
    places = compile_and_run(orders["channels-last"], "int main() { for (int i = 0; i < NET_INPUTS; ++i) std::printf(\"%d \", net_input_place(i)); }")
    np.testing.assert_array_equal(rows[0][[int(place) for place in places.split()]], pixels[0])
    isRight, output = sweep.simulate(orders["channels-last"], SEED)
    assert isRight, output
    done = csim(orders["channels-last"], "-O0")
    assert done.returncode == 0, done.stdout + done.stderr


def test_channels_last_is_right_where_a_sample_is_kept(rng, tmp_path):
    """A fully connected layer as the first one: an array in the C++, whose numbers come pixel by pixel."""
    nodes = [helper.make_node("Flatten", ["x"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "w"], ["y"], name="fc", transB=1)]
    model = save(make_model(nodes, {"x": [1, 3, 2, 4]}, {"y": [1, 5]}, {"w": floats(rng, 5, 24)}), tmp_path)
    x, golden = floats(rng, 6, 3, 2, 4), []
    for order in ("row-major", "channels-last"):
        done = run_compiler(model, tmp_path / order, x, "--hls-input-order", order)
        assert done.returncode == 0, done.stderr
        golden.append(test_data(tmp_path / order)[1])
        done = csim(tmp_path / order, "-O0")
        assert done.returncode == 0, done.stdout + done.stderr
    np.testing.assert_array_equal(*golden)
    done = run_compiler(model, tmp_path / "no", x, "--hls-input-order", "channels-last", "--hls-ports", "memory")
    assert done.returncode != 0 and "numbers of an array have places, not an order" in done.stderr
    flat = save(make_model(nodes[1:], {"f": [1, 24]}, {"y": [1, 5]}, {"w": floats(rng, 5, 24)}), tmp_path, "flat.onnx")
    done = run_compiler(flat, tmp_path / "no", floats(rng, 6, 24), "--hls-input-order", "channels-last")
    assert done.returncode != 0 and "an input of channels last has 3 or more dimensions, not 2" in done.stderr and not (tmp_path / "no").exists()


@needs_verilator
@pytest.mark.parametrize("order", ["order_a", "order_b_whole"])
def test_escalate_convolution_is_exact_in_every_cycle(order, rng, tmp_path):
    """Sums over channels, then the stencil of the basis on the rows that it keeps of them, or the other way round; streams between all."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["r"], name="relu"),
             helper.make_node("Conv", ["r", "v"], ["d"], name="light", pads=[0, 1, 1, 0]), helper.make_node("MaxPool", ["d"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Flatten", ["p"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "u"], ["y"], name="fc", transB=1)]
    constants = {"w": floats(rng, 4, 1, 3, 3), "v": floats(rng, 6, 4, 3, 3), "u": floats(rng, 3, 6 * 3 * 4)}
    model = save(make_model(nodes, {"x": [1, 1, 7, 9]}, {"y": [1, 3]}, constants), tmp_path)
    done = run_compiler(model, tmp_path / "project", floats(rng, 12, 1, 7, 9), "--compress", "light: escalate(bases=3)", "--force", f"light={order}",
                        "--hls-rtl", "--hls-lanes", "3")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "project" / "report.json").read_text())
    interval, used = report["rtl"]["interval"]["value"], []
    for step in report["steps"]:
        products, lanes = step["multiplications"]["value"] + step["shift_products"]["value"], step["rtl"]["lanes"]["value"]
        used.append(step["rtl"]["utilisation"]["value"])
        if "_accumulate" in step["name"]:  # lanes that do not divide channels have iterations without a product
            assert products / lanes <= used[-1] * interval * (1 + 1e-9) and used[-1] * interval <= products * (1 + 1e-9), step
    assert 0.9 < max(used) <= 1, used  # that of the slowest step
    inputs = [step["input"] for step in report["steps"] if step["name"].startswith("light_accumulate")]
    assert len(inputs) == 2 and all("window of" in text for text in inputs), inputs
    isRight, output = sweep.simulate(tmp_path / "project", SEED)
    assert isRight, output


@needs_verilator
def test_half_a_window_fails(tmp_path):
    """The first window of 3 rows of 11 numbers keeps 2 * 11 + 3 of them in 32 words; half of them is not enough."""
    project = make(sweep.Layer("conv", 1, 4, 3, 1, 1, 8, 8, 9, 1, 1, 2), tmp_path)
    path = project / "rtl" / "layer.v"
    module = re.search(r"module conv_accumulate .*?endmodule", path.read_text(), re.S)[0]
    assert "bank0 [0:31]" in module
    halved, count = re.subn(r"bank0\[bank0_(next|at)\]", r"bank0[{1'b0, bank0_\1[3:0]}]", module)
    assert count == 2
    path.write_text(path.read_text().replace(module, halved))
    isRight, output = sweep.simulate(project)
    assert not isRight and "expected" in output, output


@needs_verilator
def test_a_flipped_weight_fails(circulant, tmp_path):
    assert sweep.simulate(circulant)[0]
    project = copy_of(circulant, tmp_path)
    rom = next((project / "rtl").glob("*_accumulate_*.hex"))
    words = rom.read_text().split("\n")
    words[0] = format(int(words[0], 16) ^ 64, "x")
    rom.write_text("\n".join(words))
    done = subprocess.run([str(project / "build" / "rtl" / "sim")], cwd=project / "rtl", capture_output=True, text=True)
    assert done.returncode == 1 and "expected" in done.stdout


@needs_verilator
def test_a_shorter_stream_slows_or_deadlocks(circulant, tmp_path):
    """The depths are the least: each stream of more than one number, made one shorter, delays a sample or stops."""
    code = (circulant / "rtl" / "layer.v").read_text()
    streams = [(m.start(1), m.end(1), int(m[1])) for m in re.finditer(r"\.DEPTH\((\d+)\)", code) if int(m[1]) > 1]
    begin, end, depth = max(streams, key=lambda stream: stream[2])
    project = copy_of(circulant, tmp_path)
    (project / "rtl" / "layer.v").write_text(code[:begin] + str(depth - 1) + code[end:])
    isRight, output = sweep.simulate(project, flags="-Wno-WIDTH")
    assert not isRight and ("deadlock" in output or "OTHER CYCLES" in output), output


@needs_verilator
def test_an_interval_for_two_ports_fails(circulant, tmp_path):
    """The transform takes 8 numbers of a stream, which gives one a cycle. An interval of 4, as for a stream with two ports, reads and
    writes two in one cycle."""
    code = (circulant / "rtl" / "layer.v").read_text()
    assert "an iteration every 8 cycles" in code
    changed, count = re.subn(r"(_transform \(.*?pause <= 3'd)7;(.*?endmodule)", r"\g<1>3;\2", code, count=1, flags=re.S)
    assert count == 1
    project = copy_of(circulant, tmp_path)
    (project / "rtl" / "layer.v").write_text(changed)
    isRight, output = sweep.simulate(project)
    assert not isRight and ("expected" in output or "OTHER CYCLES" in output), output


@needs_verilator
@needs_yosys
@pytest.mark.parametrize("layer", [sweep.Layer("circulant", 4, 4, 4, 1, 0, 6), next(layer for layer in sweep.SMALL if layer.zeros)], ids=lambda layer: layer.kind)
def test_the_netlist_is_exact_and_takes_what_the_report_says(layer, tmp_path):
    """A small circulant layer, and one without its zeros, as DSP48E1, LUTs and flip-flops. `rtl-sweep.py --small --gates` has more."""
    project = make(layer, tmp_path)
    isRight, output, cells = sweep.simulate_gates(project)
    assert isRight, output
    model = json.loads((project / "report.json").read_text())["rtl"]
    assert model["dsp"]["value"] == cells["dsp"] and abs(model["bram18"]["value"] - cells["bram18"]) <= 1, (model, cells)


@needs_yosys
def test_a_constant_factor_of_minus_four_takes_no_multiplier(tmp_path):
    """Blocks of 5 whose real slot has the one weight -4: Yosys drops the zeros of a constant, and what is left is a sign."""
    layer = next(layer for layer in sweep.SMALL if layer.kind == "circulant" and layer.k == 5)
    project = sweep.compile_layer(layer, tmp_path, 3, _find_compiler())
    assert "* $signed(3'h4);" in (project / "rtl" / "layer.v").read_text()
    assert hls.read_report(project)["rtl"]["dsp"]["value"] == sweep.synthesize(project)["dsp"]


def residual(rng, path, rows=6, columns=7):
    """Two residual blocks, each a convolution that is added to what it reads; a sum with the input of the network around the first; pooling, a
    dense layer."""
    nodes = [helper.make_node("Conv", ["x", "w0"], ["c0"], name="stem", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c0"], ["r0"], name="relu0"),
             helper.make_node("Conv", ["r0", "w1", "b1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]), helper.make_node("Add", ["r0", "c1"], ["s1"], name="sum1"),
             helper.make_node("Relu", ["s1"], ["r1"], name="relu1"), helper.make_node("Conv", ["r1", "w2"], ["c2"], name="conv2"),
             helper.make_node("Sub", ["c2", "r1"], ["s2"], name="sum2"), helper.make_node("MaxPool", ["s2"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Flatten", ["p"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "u"], ["y"], name="fc", transB=1)]
    constants = {"w0": floats(rng, 3, 1, 3, 3), "w1": floats(rng, 3, 3, 3, 3), "b1": floats(rng, 3), "w2": floats(rng, 3, 3, 1, 1),
                 "u": floats(rng, 4, 3 * (rows // 2) * (columns // 2))}
    return save(make_model(nodes, {"x": [1, 1, rows, columns]}, {"y": [1, 4]}, constants), path)


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("residual"), np.random.default_rng(SEED)
    done = run_compiler(residual(rng, folder), folder / "project", floats(rng, 12, 1, 6, 7), "--hls-rtl", "--hls-lanes", "3")
    assert done.returncode == 0, done.stderr
    return folder / "project"


@needs_verilator
def test_residual_blocks_are_exact_in_every_cycle(blocks):
    """What is read twice goes into two streams, and a sum takes from two: one of them is as long as the other way is behind."""
    isRight, output = sweep.simulate(blocks, SEED)
    assert isRight, output
    assert "10 samples, 0 numbers differ" in output and output.count(" 3 samples, 0 numbers differ") == 4, output
    report = json.loads((blocks / "report.json").read_text())
    depths = {step["name"]: step["rtl"]["stream_depth"]["value"] for step in report["steps"]}
    # conv1 needs a row of 7 + 2 pixels of 3 channels before its first sum, beside which r0 waits
    assert max(depths["sum1_sum"]) > 3 * 9 and min(depths["sum1_sum"]) < 9, depths


@needs_verilator
def test_a_shorter_way_around_a_block_slows_or_deadlocks(blocks, tmp_path):
    """The stream around a convolution is as short as it may be."""
    report = json.loads((blocks / "report.json").read_text())
    depth = max(next(step for step in report["steps"] if step["name"] == "sum1_sum")["rtl"]["stream_depth"]["value"])
    outputs = []
    for other in (depth - 1, depth // 2):
        (tmp_path / str(other)).mkdir()
        project = copy_of(blocks, tmp_path / str(other))
        path = next((project / "rtl").glob("*.v"))
        code, count = re.subn(rf"\.DEPTH\({depth}\)", f".DEPTH({other})", path.read_text())
        assert count == 1
        path.write_text(code)
        isRight, output = sweep.simulate(project, flags="-Wno-WIDTH")
        assert not isRight and ("deadlock" in output or "OTHER CYCLES" in output), output
        outputs.append(output)
    assert "deadlock" in outputs[1], outputs[1]


def test_the_c_of_a_residual_network_does_not_deadlock(blocks, tmp_path):
    """The streams of the schedule, between tasks that run at the same time."""
    project = copy_of(blocks, tmp_path)
    assert "static void split_2(hls::stream<" in (project / "firmware" / "net.cpp").read_text()
    done = test_hls_streams.run_together(project)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_has_no_schedule_is_refused(rng, tmp_path):
    """The input comes channel by channel, what a convolution writes pixel by pixel: their sum would have to keep one of them."""
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["r"], name="relu"),
             helper.make_node("Conv", ["r", "v"], ["d"], name="conv2", pads=[1, 1, 1, 1]), helper.make_node("Add", ["d", "x"], ["s"], name="sum"),
             helper.make_node("Flatten", ["s"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "u"], ["y"], name="fc", transB=1)]
    constants = {"w": floats(rng, 3, 2, 3, 3), "v": floats(rng, 2, 3, 3, 3), "u": floats(rng, 4, 2 * 5 * 4)}
    model = save(make_model(nodes, {"x": [1, 2, 5, 4]}, {"y": [1, 4]}, constants), tmp_path)
    done = run_compiler(model, tmp_path / "project", floats(rng, 4, 2, 5, 4), "--hls-rtl")
    assert done.returncode != 0 and "has no schedule: it reads several inputs" in done.stderr and not (tmp_path / "project").exists()
    done = run_compiler(model, tmp_path / "project", floats(rng, 4, 4), "--hls-lanes", "65")
    assert done.returncode != 0 and "--hls-lanes expects 1 to 64, or 0 with --hls-rtl" in done.stderr
    done = run_compiler(model, tmp_path / "project", floats(rng, 4, 4), "--hls-rtl", "--hls-lanes", "2", "--target-interval", "9")
    assert done.returncode != 0 and "--target-interval expects 0 or more cycles, with --hls-rtl and without --hls-lanes" in done.stderr
