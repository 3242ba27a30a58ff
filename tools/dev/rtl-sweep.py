#!/usr/bin/python3
"""Compiles layers to Verilog, simulates and synthesizes them, and prints what the schedule says beside what came out.

  tools/dev/rtl-sweep.py --seed 7 --count 20          layers drawn by the seed
  tools/dev/rtl-sweep.py --seed 7 --convs 20          convolutions drawn by the seed, with pooling and a dense layer behind them
  tools/dev/rtl-sweep.py --seed 7 --sparse 20         layers without their zeros (zeros=skip) drawn by the seed
  tools/dev/rtl-sweep.py --seed 7 --residuals 20      residual blocks drawn by the seed
  tools/dev/rtl-sweep.py --fixed                      the 24 layers that are always looked at
  tools/dev/rtl-sweep.py --small                      the 8 layers that are small enough for --gates
  tools/dev/rtl-sweep.py --fixed --synth              also Yosys, synth_xilinx for 7 series: DSP, BRAM, LUT
  tools/dev/rtl-sweep.py --fixed --gates              also the netlist of Yosys, simulated with the same samples

Fails if a number differs from the integer reference, a sample ends in another cycle than scheduled, DSP or BRAM are not those of the report
(BRAM: more than one apart). Needs verilator and yosys.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
from compress_mlir import onnx_functions  # noqa: E402

# A convolution: `inputs` and `outputs` are channels, `k` the extent of its window; rows, columns, stride, padding, pooling behind it. A residual
# block, too: `outputs` are the channels that it adds to. `zeros` of 100 weights are left out: of integers, or of powers of two.
Layer = collections.namedtuple("Layer", "kind inputs outputs k lanes bias bits rows columns stride pad pool zeros", defaults=(0,) * 6)
# Lanes that do and do not divide the blocks of the input, odd and cut blocks, one block, with and without bias.
FIXED = [Layer(*fields) for fields in [
    ("circulant", 32, 32, 8, 1, 1, 8), ("circulant", 32, 32, 8, 2, 1, 8), ("circulant", 32, 32, 8, 4, 1, 8),
    ("circulant", 40, 24, 8, 2, 0, 8), ("circulant", 40, 24, 8, 3, 1, 8), ("circulant", 64, 64, 16, 4, 1, 8),
    ("circulant", 64, 48, 16, 3, 0, 8), ("circulant", 30, 20, 8, 2, 1, 8), ("circulant", 30, 20, 8, 3, 0, 8),
    ("circulant", 27, 18, 9, 2, 1, 8), ("circulant", 15, 10, 5, 2, 1, 8), ("circulant", 9, 12, 3, 2, 1, 8),
    ("circulant", 8, 8, 8, 1, 1, 8), ("circulant", 16, 4, 4, 4, 1, 8), ("circulant", 128, 64, 8, 8, 1, 8),
    ("circulant", 32, 32, 8, 2, 1, 12), ("pow2", 24, 10, 0, 1, 1, 8), ("pow2", 24, 10, 0, 4, 0, 8),
    ("pow2", 33, 7, 0, 5, 1, 8), ("dense", 20, 6, 0, 3, 1, 8), ("conv", 1, 4, 3, 1, 1, 8, 8, 9, 1, 1, 2), ("conv", 2, 3, 3, 2, 0, 8, 7, 7, 2, 1, 0),
    ("conv", 1, 3, 2, 2, 1, 6, 9, 7, 1, 0, 3), ("conv", 3, 2, 1, 3, 1, 8, 5, 6, 1, 0, 2)]]

# Each kind of layer once, odd blocks and lanes that do not divide among them: netlists of some thousand cells.
SMALL = [Layer(*fields) for fields in [
    ("circulant", 6, 6, 3, 2, 1, 6), ("circulant", 4, 8, 4, 1, 0, 6), ("circulant", 7, 5, 5, 2, 0, 6), ("pow2", 12, 4, 0, 3, 1, 8),
    ("dense", 9, 4, 0, 2, 1, 6), ("conv", 1, 2, 2, 1, 1, 6, 4, 5, 1, 0, 2), ("residual", 1, 2, 3, 1, 1, 6, 4, 3),
    ("sparse", 16, 5, 0, 2, 1, 6, 0, 0, 0, 0, 0, 75)]]


def drawn_sparse(rng):
    """Fully connected, of integers or powers of two, half to nine tenths of the weights zeros; lanes that need not divide what is left."""
    inputs = rng.randint(8, 96)
    return Layer(rng.choice(["sparse", "sparse pow2"]), inputs, rng.randint(2, 24), 0, rng.randint(1, min(6, inputs // 4)), rng.randint(0, 1),
                 rng.choice([8, 8, 6, 12]), zeros=rng.randint(50, 90))


def drawn_residual(rng):
    """A convolution, one that is added to what it reads, or a sum of both ways through one of one pixel; windows of 1 or 3."""
    return Layer("residual", 1, rng.randint(1, 4), rng.choice([1, 3, 3]), rng.randint(1, 3), rng.randint(0, 1), rng.choice([8, 8, 6, 12]),
                 rng.randint(3, 8), rng.randint(3, 8))


def drawn_convolution(rng):
    """Windows of 1 to 4, strides that leave columns, padding, pooling that leaves some; lanes that need not divide channels."""
    k, channels = rng.randint(1, 4), rng.randint(1, 4)
    return Layer("conv", channels, rng.randint(1, 5), k, rng.randint(1, 3), rng.randint(0, 1), rng.choice([8, 8, 6, 12]),
                 k + rng.randint(2, 7), k + rng.randint(2, 7), rng.randint(1, 3), rng.randint(0, k - 1), rng.choice([0, 2, 2, 3]))


def drawn(rng):
    """A layer: blocks of 3 to 16 points, odd ones as well; extents that blocks need not divide, lanes that need not divide blocks."""
    kind = rng.choice(["circulant"] * 4 + ["pow2", "dense"])
    bias, bits = rng.randint(0, 1), rng.choice([8, 8, 8, 6, 12])
    if kind != "circulant":
        inputs = rng.randint(2, 64)
        return Layer(kind, inputs, rng.randint(1, 24), 0, rng.randint(1, min(8, inputs)), bias, bits)
    k = rng.choice([3, 4, 5, 6, 7, 8, 8, 9, 12, 16])
    blocks, cut = rng.randint(1, 9), rng.randint(0, k - 1) if rng.random() < 0.4 else 0
    return Layer(kind, max(2, k * blocks - cut), max(1, k * rng.randint(1, 6) - (rng.randint(0, k - 1) if rng.random() < 0.4 else 0)), k,
                 rng.randint(1, blocks), bias, bits)


def write_convolution(layer, path, rng):
    """An ONNX file of a convolution, one of one pixel behind it, which moves along what it writes, and pooling in between if there is."""
    rows, columns = ((extent + 2 * layer.pad - layer.k) // layer.stride + 1 for extent in (layer.rows, layer.columns))
    constants = {"w": rng.standard_normal((layer.outputs, layer.inputs, layer.k, layer.k)), "v": rng.standard_normal((3, layer.outputs, 1, 1))}
    nodes = [helper.make_node("Conv", ["x", "w"] + ["b"] * layer.bias, ["c"], name="conv", strides=[layer.stride] * 2, pads=[layer.pad] * 4)]
    if layer.bias:
        constants["b"] = rng.standard_normal(layer.outputs)
    last = "c"
    if layer.pool and min(rows, columns) >= layer.pool:
        nodes.append(helper.make_node("MaxPool", ["c"], ["p"], name="pool", kernel_shape=[layer.pool] * 2, strides=[2, 2]))
        last, rows, columns = "p", (rows - layer.pool) // 2 + 1, (columns - layer.pool) // 2 + 1
    nodes += [helper.make_node("Relu", [last], ["r"], name="relu"), helper.make_node("Conv", ["r", "v"], ["m"], name="mix"),
              helper.make_node("Flatten", ["m"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "u"], ["y"], name="fc", transB=1)]
    constants["u"] = rng.standard_normal((4, 3 * rows * columns))
    save_graph(nodes, [1, layer.inputs, layer.rows, layer.columns], [1, 4], constants, path)


def write_residual(layer, path, rng):
    """An ONNX file of a convolution, one that is added to what it reads, relu, a fully connected layer."""
    pads, width = [layer.k // 2] * 4, layer.outputs
    constants = {"w": rng.standard_normal((width, layer.inputs, layer.k, layer.k)), "v": rng.standard_normal((width, width, layer.k, layer.k)),
                 "u": rng.standard_normal((3, width * layer.rows * layer.columns))}
    if layer.bias:
        constants["b"] = rng.standard_normal(width)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="stem", pads=pads), helper.make_node("Relu", ["c"], ["r"], name="relu"),
             helper.make_node("Conv", ["r", "v"] + ["b"] * layer.bias, ["d"], name="conv", pads=pads),
             helper.make_node("Add", ["r", "d"], ["s"], name="sum"), helper.make_node("Relu", ["s"], ["t"], name="relu2"),
             helper.make_node("Flatten", ["t"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "u"], ["y"], name="fc", transB=1)]
    save_graph(nodes, [1, layer.inputs, layer.rows, layer.columns], [1, 3], constants, path)


def save_graph(nodes, inputs, outputs, constants, path, isLight=False):
    """An ONNX file of `nodes` from x to y, of these shapes."""
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)],
                              [numpy_helper.from_array(np.float32(v), n) for n, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    onnx.save(onnx_functions.add_functions(model) if isLight else model, str(path))


def sparse_weights(layer, rng):
    """Integers or powers of two, `zeros` of 100 of them zeros; no output of zeros alone is asked for, and some may be."""
    shape = (layer.outputs, layer.inputs)
    w = rng.choice([-1.0, 1.0], shape) * 2.0**rng.integers(-4, 1, shape) if layer.kind == "sparse pow2" else rng.standard_normal(shape)
    return w * (rng.random(shape) * 100 >= layer.zeros)


def write_model(layer, path, rng):
    """An ONNX file of one fully connected layer, or of a convolution and what follows it."""
    if layer.kind in ("conv", "residual"):
        return (write_convolution if layer.kind == "conv" else write_residual)(layer, path, rng)
    names, constants = ["x", "w"] + (["b"] if layer.bias else []), {}
    nodes = []
    if layer.kind == "circulant":
        shape = (-(-layer.outputs // layer.k), -(-layer.inputs // layer.k), layer.k)
        constants["c"] = rng.standard_normal(shape)
        nodes.append(helper.make_node("Circulant", ["c"], ["w"], name="light", domain="compress", rows=layer.outputs, cols=layer.inputs))
    elif layer.kind == "pow2":
        exponents = rng.integers(-5, 1, (layer.outputs, layer.inputs))
        constants["w"] = rng.choice([-1.0, 0.0, 1.0], exponents.shape, p=[.4, .2, .4]) * 2.0**exponents
    else:
        constants["w"] = sparse_weights(layer, rng) if layer.zeros else rng.standard_normal((layer.outputs, layer.inputs))
    if layer.bias:
        constants["b"] = rng.standard_normal(layer.outputs)
    nodes.append(helper.make_node("Gemm", names, ["y"], name="fc", transB=1))
    save_graph(nodes, [1, layer.inputs], [1, layer.outputs], constants, path, isLight=layer.kind == "circulant")


def compile_layer(layer, folder, seed, compiler, *options):
    """The project of `layer` with random weights, calibrated on random samples and tested on larger ones, which saturate."""
    rng = np.random.default_rng(seed)
    write_model(layer, folder / "layer.onnx", rng)
    shape = (layer.inputs, layer.rows, layer.columns) if layer.rows else (layer.inputs,)
    x = rng.standard_normal((16, *shape)).astype(np.float32)
    np.save(folder / "calibration.npy", x)
    np.save(folder / "tests.npy", np.concatenate([x[:4], 3 * rng.standard_normal((2, *shape)).astype(np.float32)]))
    force = ["--force", "spectral"] if layer.kind == "circulant" else []
    command = [str(compiler), str(folder / "layer.onnx"), "-o", str(folder / "project"), "--target", "hls", "--quiet", "--hls-rtl",
               "--hls-lanes", str(layer.lanes), "--calibration", str(folder / "calibration.npy"), "--test-data", str(folder / "tests.npy"),
               "--fixed-point", f"activation-bits={layer.bits} weight-bits={layer.bits} spectrum-bits={layer.bits} "
               f"zeros={'skip' if layer.zeros else 'auto'}", *force, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{layer}: {done.stderr}")
    return folder / "project"


def simulate(project, seed=1, flags=""):
    """(succeeded, output) of make rtlsim."""
    done = subprocess.run(["make", "-s", "-C", str(project), "rtlsim", f"SEED={seed}", "RTL_OPT=-O0", f"VERILATOR_FLAGS={flags}"],
                          capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


def measured(output):
    """{latency, interval} of a run, cycles."""
    found = re.search(r"differ, latency (\d+), interval (\d+) cycles", output)
    return {"latency": int(found[1]), "interval": int(found[2])} if found else {}


def synthesize(project, netlist=None):
    """Cells of 7 series as Yosys counts them: dsp, bram18, lut, ff. Warnings that say that a netlist is wrong are errors."""
    top = json.loads((project / "report.json").read_text())["top"]
    # -nosrl: Yosys 0.23 loses the clock enable of shift registers (YosysHQ/yosys#6058), which the simulated netlist shows.
    script = f"read_verilog {top}.v; synth_xilinx -family xc7 -nosrl -flatten -noiopad -noclkbuf -top {top}; check -assert; stat"
    if netlist:
        script += f"; write_verilog -noattr {netlist}"
    done = subprocess.run(["yosys", "-p", script], cwd=project / "rtl", capture_output=True, text=True)
    text = done.stdout + done.stderr
    if done.returncode != 0 or re.search(r"Driver-driver conflict|\bLatch inferred", text):
        raise RuntimeError(f"yosys: {text[-2000:]}")
    cells = collections.Counter()
    for name, number in re.findall(r"^     (\w+) +(\d+)$", text[text.rindex("Number of cells"):], re.M):
        cells[name] += int(number)
    lut = sum(number for name, number in cells.items() if re.fullmatch(r"LUT\d", name))
    # Memories in LUTs, by the LUTs of a slice that they take.
    sizes = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1S": 4, "RAM128X1S": 2, "RAM32X1S": 1,
             "RAM64X1S": 1}
    lut += sum(cells[name] * size for name, size in sizes.items())
    unknown = [name for name in cells if name.startswith("RAM") and name not in sizes and not name.startswith("RAMB")]
    assert not unknown, unknown
    return {"dsp": cells["DSP48E1"], "bram18": cells["RAMB18E1"] + 2 * cells["RAMB36E1"], "lut": lut,
            "ff": sum(number for name, number in cells.items() if name.startswith("FD"))}


# The model of Yosys feeds bits of a vector to others of it, which Verilator 5.006 evaluates wrongly.
CARRY4 = """
module CARRY4(output [3:0] CO, output [3:0] O, input CI, input CYINIT, input [3:0] DI, input [3:0] S);
  wire c = CI | CYINIT, c0 = S[0] ? c : DI[0], c1 = S[1] ? c0 : DI[1], c2 = S[2] ? c1 : DI[2], c3 = S[3] ? c2 : DI[3];
  assign CO = {c3, c2, c1, c0};
  assign O = S ^ {c2, c1, c0, c};
endmodule
"""


def simulate_gates(project):
    """(succeeded, output, cells) of the test bench on the netlist of Yosys and its models of cells."""
    top = json.loads((project / "report.json").read_text())["top"]
    netlist = project / "build" / "netlist.v"
    netlist.parent.mkdir(exist_ok=True)
    counted = synthesize(project, netlist)
    cells = pathlib.Path(shutil.which("yosys")).resolve().parents[1] / "share" / "yosys" / "xilinx" / "cells_sim.v"
    (project / "build" / "cells.v").write_text(cells.read_text().replace("module CARRY4(", "module CARRY4_of_yosys(") + CARRY4)
    done = subprocess.run(["verilator", "--cc", "--exe", "--build", "-O3", "-Wno-fatal", "-Wno-lint", "--prefix", "Vnet", "--top-module", top,
                           "--Mdir", "build/gates", "-MAKEFLAGS", "OBJCACHE=ccache OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0" if shutil.which("ccache") else "OPT_FAST=-O0",
                           "-CFLAGS", f"-I{project / 'tb'}", "-o", "sim", "build/netlist.v",
                           "build/cells.v", str(project / "tb/rtl_tb.cpp")], cwd=project, capture_output=True, text=True,
                          errors="replace")  # Verilator cuts lines of a warning where it will
    if done.returncode != 0:
        return False, done.stdout + done.stderr, counted
    done = subprocess.run([str(project / "build/gates/sim")], cwd=project / "rtl", capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr, counted


def row(layer, seed, folder, options):
    """What is modelled and what came out for one layer, and whether they agree."""
    project = compile_layer(layer, folder, seed, options.compiler)
    report = json.loads((project / "report.json").read_text())
    isRight, output = simulate(project, seed)
    result = {"layer": layer, "right": isRight, "output": output, "model": {k: v["value"] for k, v in report.get("rtl", {}).items()
                                                                            if isinstance(v, dict) and "value" in v},
              "rtl": measured(output)}
    if options.gates:
        result["gates"], output, result["yosys"] = simulate_gates(project)
        result["output"] += output
    elif options.synth:
        result["yosys"] = synthesize(project)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default=os.environ.get("COMPRESS_COMPILE", ROOT / "build-dev/bin/compress-compile"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--convs", type=int, default=0)
    parser.add_argument("--sparse", type=int, default=0)
    parser.add_argument("--residuals", type=int, default=0)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--synth", action="store_true")
    parser.add_argument("--gates", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    layers = (FIXED if options.fixed else []) + (SMALL if options.small else [])
    for draw, count in ((drawn, options.count), (drawn_convolution, options.convs), (drawn_sparse, options.sparse), (drawn_residual, options.residuals)):
        layers += [draw(rng) for _ in range(count)]
    errors, wrong, rows = {"lut": [], "ff": []}, 0, []
    print(f"seed {options.seed}")
    print("| layer | latency: model, RTL | interval: model, RTL | DSP: model, Yosys | BRAM18: model, Yosys | LUT: model, Yosys | FF: model, Yosys |")
    print("|---|---|---|---|---|---|---|")
    for i, layer in enumerate(layers):
        with tempfile.TemporaryDirectory() as folder:
            result = row(layer, options.seed + i, pathlib.Path(folder), options)
        rows.append(result)
        model, rtl, yosys = result["model"], result["rtl"], result.get("yosys", {})
        isRight = result["right"] and result.get("gates", True)
        if yosys:
            isRight &= model["dsp"] == yosys["dsp"] and abs(model["bram18"] - yosys["bram18"]) <= 1
            for what, seen in errors.items():
                seen.append(abs(model[what] - yosys[what]) / yosys[what])
        name = f"{layer.kind} {layer.inputs} x {layer.outputs}" + (f", k = {layer.k}" if layer.k else "") + f", {layer.lanes} lanes, " \
               f"{layer.bits} bits" + (", bias" if layer.bias else "")
        if layer.kind == "residual":
            name += f", {layer.rows} x {layer.columns}"
        if layer.zeros:
            name += f", {layer.zeros} % zeros"
        if layer.kind == "conv":
            name += f", {layer.rows} x {layer.columns}, stride {layer.stride}, padding {layer.pad}" + (f", pool {layer.pool}" if layer.pool else "")
        pairs = [(model.get(key), rtl.get(key)) for key in ("latency", "interval")]
        pairs += [(model.get(key), yosys.get(key)) for key in ("dsp", "bram18", "lut", "ff")]
        print(f"| {name} | " + " | ".join(f"{a}, {b}" for a, b in pairs) + " |" + ("" if isRight else " WRONG"), flush=True)
        if not isRight:
            wrong += 1
            print(result["output"])
    print(f"{len(layers)} layers, {wrong} wrong")
    for what, seen in errors.items():
        if seen:
            print(f"{what.upper()} error: median {100 * statistics.median(seen):.0f} %, worst {100 * max(seen):.0f} %")
    if options.json:
        options.json.write_text(json.dumps([{k: (v._asdict() if k == "layer" else v) for k, v in r.items() if k != "output"} for r in rows],
                                           indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
