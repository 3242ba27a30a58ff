"""Streams and windows between the tasks of HLS projects: numbers against the integer reference, one task after the other as the vendor's C
simulation runs them, and all at the same time with streams of the depths that are written."""
import json
import re
import subprocess

import numpy as np
import pytest
from onnx import helper

import fetch
import mnist
from test_hls import CXX, copy_of, csim, make_project
from test_import import floats, make_model, save


def conv_model(rng, tmp_path):
    """Convolutions with padding and strides, pooling that leaves columns, a dense layer behind a flattened tensor."""
    nodes = [helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
             helper.make_node("MaxPool", ["r1"], ["p1"], name="pool1", kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Conv", ["p1", "w2"], ["c2"], name="conv2", strides=[2, 1], dilations=[1, 2], pads=[1, 2, 1, 0]),
             helper.make_node("MaxPool", ["c2"], ["p2"], name="pool2", kernel_shape=[2, 2], strides=[1, 2]),
             helper.make_node("Flatten", ["p2"], ["f"], name="flat"), helper.make_node("Gemm", ["f", "w3"], ["y"], name="fc", transB=1)]
    # 11 x 13 -> 5 x 6 -> 3 x 4 -> 2 x 2
    constants = {"w1": floats(rng, 5, 1, 3, 3), "b1": floats(rng, 5), "w2": floats(rng, 3, 5, 3, 3), "w3": floats(rng, 4, 12)}
    return save(make_model(nodes, {"x": [1, 1, 11, 13]}, {"y": [1, 4]}, constants), tmp_path)


@pytest.fixture(scope="module")
def convs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    rng = np.random.default_rng(4)
    x = floats(rng, 30, 1, 11, 13)
    np.save(folder / "tests.npy", x)
    return make_project(conv_model(rng, folder), folder / "project", x, "--test-data", str(folder / "tests.npy"))


def run_together(project, change=lambda depth: depth):
    """The process of a test bench in which all tasks run at the same time and streams hold `change` of the numbers that are written; a reader
    of an array waits until it is all there, as its second half would."""
    path = project / "firmware" / "net.cpp"
    text = path.read_text()

    def bounded(match):
        return f"hls::stream<{match[1]}, {change(int(match[3]))}> {match[2]}(\"{match[2]}\");"
    text, count = re.subn(r"hls::stream<([^;]*?)> (\w+)\(\"\w+\"\);\s*#pragma HLS STREAM variable=\w+ depth=(\d+)", bounded, text)
    assert count > 0
    # Streams of any depth are one type in the functions.
    text = re.sub(r"hls::stream<(ap_int<\d+>) ?> ?&", r"hls::bounded<\1> &", text)
    text = re.sub(r"hls::stream<(net_\w+_t)> &(to|from)\b", r"hls::bounded<\1> &\2", text)
    text = text.replace('#include "weights.h"', """#include "weights.h"
namespace hls {
// A stream of any depth.
template <typename T> struct bounded {
  std::function<void(const T &)> give;
  std::function<T()> take;
  template <int N> bounded(stream<T, N> &s) : give([&s](const T &t) { s.write(t); }), take([&s] { return s.read(); }) {}
  void write(const T &t) { give(t); }
  T read() { return take(); }
  void read(T &t) { t = take(); }
};
}""")

    def together(match):
        head, body = match[1], match[2]
        calls = re.findall(r"^  (\w+)\(([^)]*)\);$", body, re.M)
        arrays = re.findall(r"^  \S+ (\w+)\[\w+\];$", body, re.M)
        lines = [line for line in body.splitlines() if not re.match(r"  (\w+)\(([^)]*)\);$|  return;", line)]
        lines += [f"  hls::stream<int, 1> {array}_there;" for array in arrays]
        tasks, seen = [], set()
        for name, operands in calls:
            names = [operand.strip() for operand in operands.split(",")]
            written = [a for a in arrays if a in names and a not in seen]  # a writer stands before its reader
            seen.update(written)
            waits = "".join(f"{a}_there.read(); " for a in arrays if a in names and a not in written)
            gives = "".join(f"{a}_there.write(1); " for a in written)
            tasks.append("[&] { " + waits + f"{name}({operands}); " + gives + "}")
        return head + "\n".join(lines) + "\n  hls_csim::run_together({" + ",\n    ".join(tasks) + "});\n}"
    text = re.sub(r"(void \w+\([^{}]*\) \{\n(?:#pragma[^\n]*\n|\s*)*#pragma HLS DATAFLOW\n)(.*?)\n\}", together, text, flags=re.S)
    text = re.sub(r"(hls::bounded<[^&]*> )&", r"\1", text)  # by value: they only refer to streams
    copy = project / "together"
    (copy / "firmware").mkdir(parents=True)
    for name in ("net.h", "weights.h"):
        (copy / "firmware" / name).write_text((project / "firmware" / name).read_text())
    (copy / "firmware" / "net.cpp").write_text(text)
    for name in ("tb", "csim_include", "Makefile"):
        subprocess.run(["cp", "-r", str(project / name), str(copy / name)], check=True)
    return subprocess.run(["make", "-s", "-C", str(copy), "csim", f"CXX={CXX}", "CXXFLAGS=-O1 -w"], capture_output=True, text=True)


def test_convolutions_keep_windows_and_are_bit_exact(convs):
    done = csim(convs)
    assert done.returncode == 0 and "30 samples, 0 of 120 numbers differ" in done.stdout, done.stdout + done.stderr
    code = (convs / "firmware" / "net.cpp").read_text()
    windows = {name: int(words) for name, words in re.findall(r"static void (\w+)\([^{]*\{\n  ap_int<\d+> \w+\[(\d+)\];", code)}
    # conv1: 2 rows of 15 and 3 numbers; pool1: a row of 13 and 2 pixels of 5 channels; conv2: 2 rows of 8 and 5 pixels of 5 channels
    assert windows["conv1_accumulate"] == 64 and windows["pool1_pool"] == 128 and windows["conv2_accumulate"] == 128, windows
    report = json.loads((convs / "report.json").read_text())
    assert report["arrays"]["value"] == 1  # in front of the dense layer
    inputs = {step["name"]: step["input"] for step in report["steps"]}
    assert inputs["relu1_relu"] == "stream of depth 2" and inputs["conv2_accumulate"] == "stream of depth 2, window of 128 words"
    assert inputs["fc_accumulate"] == "array of 12"
    assert report["buffer_bits"]["value"] < 8 * 2 * (11 * 13 + 13 * 15 + 2 * 5 * 11 * 13)  # what arrays of the first steps take


def test_tasks_run_together_in_streams_of_their_depths(convs, tmp_path):
    done = run_together(copy_of(convs, tmp_path))
    assert done.returncode == 0 and "30 samples, 0 of 120 numbers differ" in done.stdout, done.stdout + done.stderr


def test_half_a_window_fails(convs, tmp_path):
    """What is kept is needed: with half of the words, numbers are replaced before they are read."""
    project = copy_of(convs, tmp_path)
    path = project / "firmware" / "net.cpp"
    function = re.search(r"static void conv2_accumulate\(.*?\n\}", path.read_text(), re.S)[0]
    assert "[128];" in function and "& 127" in function
    path.write_text(path.read_text().replace(function, function.replace("[128];", "[64];").replace("& 127", "& 63")))
    done = csim(project)
    assert done.returncode != 0 and "expected" in done.stdout, done.stdout + done.stderr


def test_results_that_are_read_again_are_arrays(rng, tmp_path):
    """A split hands over whole arrays, so no task waits for one that waits for it."""
    nodes = [helper.make_node("Conv", ["x", "w1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c1"], ["r1"], name="relu1"),
             helper.make_node("Conv", ["r1", "w2"], ["c2"], name="conv2", pads=[1, 1, 1, 1]), helper.make_node("Add", ["r1", "c2"], ["s"], name="sum"),
             helper.make_node("Relu", ["s"], ["y"], name="relu2")]
    constants = {"w1": floats(rng, 3, 1, 3, 3), "w2": floats(rng, 3, 3, 3, 3)}
    model = save(make_model(nodes, {"x": [1, 1, 6, 6]}, {"y": [1, 3, 6, 6]}, constants), tmp_path)
    x = floats(rng, 8, 1, 6, 6)
    np.save(tmp_path / "tests.npy", x)
    project = make_project(model, tmp_path / "project", x, "--test-data", str(tmp_path / "tests.npy"))
    assert csim(project).returncode == 0
    code = (project / "firmware" / "net.cpp").read_text()
    assert re.search(r"static void split_2\(ap_int<8> \w+\[108\], ap_int<8> \w+\[108\], ap_int<8> \w+\[108\]\)", code)
    done = run_together(project)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lanes", [2, 3, 4])
def test_lanes_read_memories_of_their_own(lanes, tmp_path):
    """Runs the C++ and looks at the place of each number that a lane reads: those of one iteration are in different memories."""
    rng = np.random.default_rng(lanes)
    x = floats(rng, 4, 1, 11, 13)
    project = make_project(conv_model(rng, tmp_path), tmp_path / "project", x, "--hls-lanes", str(lanes))
    path = project / "firmware" / "net.cpp"
    functions = re.split(r"(?=^static )", path.read_text(), flags=re.M)
    checked = set()
    for f, text in enumerate(functions):
        head, *nests = re.split(r"(?=for \(size_t \w+ = 0; [^{]*\{\n\s*#pragma HLS PIPELINE II=1\n\s*#pragma HLS UNROLL)", text)
        for n, nest in enumerate(nests):
            for name, factor in re.findall(r"ARRAY_PARTITION variable=(\w+) cyclic factor=(\d+)", text):
                nest, count = re.subn(rf"= {name}\[([^]]+)\];", rf'= {name}[seen("{name}", {factor}, \1)];', nest)
                if count:
                    checked.add((f, name))
            nests[n] = re.sub(r"^(for \(size_t (\w+) = 0;[^{]*\{\n)", rf"\1if (\2 % {lanes} == 0) forget();\n", nest)
        text = head + "".join(nests)
        functions[f] = text
    path.write_text("".join(functions).replace('#include "weights.h"', """#include "weights.h"
#include <map>
#include <set>
#include <string>
static std::map<std::string, std::set<size_t>> memories;
static void forget() { memories.clear(); }
static size_t seen(const char *array, size_t factor, size_t place) {
  if (!memories[array].insert(place % factor).second) { std::printf("%s: two lanes in one of %zu memories\\n", array, factor); std::exit(5); }
  return place;
}"""))
    done = csim(project)
    assert done.returncode == 0, done.stdout + done.stderr
    # Windows of both convolutions, the array before the dense layer, and the weights of these.
    assert len(checked) == 6 and sum("weights" in name for _, name in checked) == 3, checked


@pytest.mark.parametrize("network, arrays, most", [("circulant", 545088, 65536), ("cnn_escalate", 2633984, 65536), ("mlp_smartdeal", 48568, 24284)])
def test_buffers_of_the_mnist_networks(network, arrays, most, tmp_path):
    """Bits of what tasks hand over, beside those of arrays that a vendor's tool doubles: sums over the shapes of the layers."""
    calibration = mnist.load(fetch.fetch(fetch.default_directory()), "train")[0][:64]
    model = tmp_path / "mnist.onnx"
    model.write_bytes((mnist.MODELS / f"mnist_{network}.onnx").read_bytes())
    project = make_project(model, tmp_path / "project", calibration)
    bits = json.loads((project / "report.json").read_text())["buffer_bits"]["value"]
    print(f"{network}: {bits} bits, arrays twice {arrays}")
    assert bits <= most < arrays
    assert csim(project).returncode == 0
