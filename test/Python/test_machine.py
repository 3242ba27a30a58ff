"""Machine descriptions: measured, shown, and given to the compiler."""
import json
import os
import pathlib
import re
import subprocess
import time

import pytest

import compress_mlir
from conftest import ROOT

COMPILE = pathlib.Path(compress_mlir.native._find_compiler())
MODEL = ROOT / "examples" / "mnist" / "models" / "mnist_circulant.onnx"
DEFAULT = "xeon-sapphire-rapids"


def run(tool, *arguments, cache=None):
    env = dict(os.environ, **({"XDG_CACHE_HOME": str(cache)} if cache else {}))
    return subprocess.run([COMPILE.parent / tool, *map(str, arguments)], capture_output=True, text=True, env=env)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The cache folder in which one run of --measure left its description, what it printed, and its seconds."""
    cache = tmp_path_factory.mktemp("cache")
    start = time.monotonic()
    done = run("compress-machine", "--measure", cache=cache)
    seconds = time.monotonic() - start
    assert done.returncode == 0, done.stderr
    return cache, done.stdout, seconds


def test_measuring_takes_under_5_seconds_and_prints_a_table(measured):
    cache, printed, seconds = measured
    print(printed)
    assert seconds < 5
    rows = re.findall(r"^ *(\d+) (KiB|MiB) +([\d.]+)  (L1|L2|L3|memory)$", printed, re.M)
    assert [int(size) * (1024 if unit == "KiB" else 1 << 20) for size, unit, _, _ in rows] == [1 << n for n in range(13, 29)]
    assert rows[0][3] == "L1" and rows[-1][3] == "memory"
    assert f"wrote {cache / 'compress-mlir' / 'machine.json'}" in printed


def test_what_is_measured_is_a_description(measured):
    """Positive, and in order by a generous factor: a busy machine may slow each of them down."""
    cache, _, _ = measured
    machine = json.loads((cache / "compress-mlir" / "machine.json").read_text())
    assert 0 < machine["l1_bytes"] <= machine["l2_bytes"] <= machine["l3_bytes"]
    rates = [machine[f"{level}_bytes_per_second"] for level in ("l1", "l2", "l3", "memory")]
    assert min(rates) > 0 and machine["peak_f32_ops_per_second"] > 0
    for inner, outer in zip(rates, rates[1:]):
        assert inner >= 0.7 * outer
    shown = run("compress-machine", "--show", cache / "compress-mlir" / "machine.json")
    assert shown.returncode == 0, shown.stderr
    for key, value in machine.items():
        assert key == "name" or re.search(rf"^{key} +{value:.0f} ", shown.stdout, re.M), key


def test_native_is_what_was_measured_or_says_that_nothing_was(measured, tmp_path):
    cache, _, _ = measured
    name = json.loads((cache / "compress-mlir" / "machine.json").read_text())["name"]
    for tool, arguments in (("compress-machine", ["--show", "native"]),
                            ("compress-compile", [MODEL, "-o", tmp_path / "out", "--emit", "affine", "--machine", "native"])):
        done = run(tool, *arguments, cache=cache)
        assert done.returncode == 0 and f"{name}: L1" in done.stdout + done.stderr and "native: measured" in done.stdout + done.stderr
        done = run(tool, *arguments, cache=tmp_path / "empty")
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "not measured, the preset" in said and "compress-machine --measure" in said
        assert re.search(rf"\b(generic-(128|avx2|avx512)|{DEFAULT})\b", said)


def test_a_preset_is_copied_and_the_copy_is_the_preset(tmp_path):
    copy = tmp_path / "new" / "copy.json"
    assert run("compress-machine", "--show", DEFAULT, "-o", copy).returncode == 0
    preset, again = (run("compress-machine", "--show", what).stdout.splitlines() for what in (DEFAULT, copy))
    assert [preset[0]] + preset[2:] == [again[0]] + [line for line in again[2:] if not line.startswith("wrote")]


@pytest.mark.parametrize("arguments,message", [
    ([], "expects --measure, or --show"),
    (["--measure", "--show", "native"], "expects --measure, or --show"),
    (["--show", "pdp-11"], "unknown machine 'pdp-11'"),
    (["--show", MODEL], "is no JSON"),
])
def test_machine_refuses(arguments, message):
    done = run("compress-machine", *arguments)
    assert done.returncode == 1 and message in done.stderr, done.stderr


def report_of(tmp_path, **options):
    compress_mlir.compile(MODEL, tmp_path, report=tmp_path / "report.json", **options)
    return json.loads((tmp_path / "report.json").read_text())


def test_the_report_has_the_machine(tmp_path):
    machine = report_of(tmp_path, target_cpu="x86-64-v4,x86-64", machine=DEFAULT)["machine"]
    assert (machine["name"], machine["source"]) == (DEFAULT, "preset")
    # The numbers of release 0.1.0: what is chosen by default changes only with notice.
    assert (machine["l1_bytes"], machine["l2_bytes"], machine["l3_bytes"]) == (48 << 10, 2 << 20, 32 << 20)
    assert (machine["peak_f32_ops_per_second"], machine["memory_bytes_per_second"]) == (200e9, 13e9)


@pytest.mark.parametrize("cpus, triple, name, vector_bytes, has_bytes", [
    ("x86-64", "x86_64-linux-gnu", "generic-128", 16, False),
    ("haswell", "x86_64-linux-gnu", "generic-avx2", 32, True),
    ("x86-64-v4", "x86_64-linux-gnu", "generic-avx512", 64, False),
    ("icelake-server", "x86_64-linux-gnu", DEFAULT, 64, True),
    ("sapphirerapids,haswell", "x86_64-linux-gnu", f"{DEFAULT}-amx", 64, True),
    ("haswell,sapphirerapids", "x86_64-linux-gnu", "generic-avx2", 32, True),
    ("generic", "aarch64-linux-gnu", "generic-128", 16, False),
])
def test_the_default_is_the_preset_for_the_first_processor(cpus, triple, name, vector_bytes, has_bytes, tmp_path):
    done = run("compress-compile", MODEL, "-o", tmp_path, "--emit", "obj", "--target-cpu", cpus, "--target-triple", triple, "--report", tmp_path / "report.json")
    assert done.returncode == 0, done.stderr
    machine = json.loads((tmp_path / "report.json").read_text())["machine"]
    assert (machine["name"], machine["source"], machine["vector_bytes"]) == (name, "preset", vector_bytes)
    assert (machine["peak_int8_ops_per_second"] > 0) == has_bytes


def test_a_file_decides_what_is_chosen(tmp_path):
    """The layer of select-machine.mlir, whose head has the arithmetic, through the driver."""
    inputs = ROOT / "test" / "Dialect" / "Compress" / "Transforms"
    forms = {}
    for name in ("slow-memory", "fast-memory"):
        out = tmp_path / name
        compress_mlir.compile(inputs / "select-machine.mlir", out, report=out / "report.json",
                              machine=inputs / "Inputs" / f"{name}.json")
        report = json.loads((out / "report.json").read_text())
        assert report["machine"]["name"] == name
        forms[name] = [layer["kind"] for layer in report["layers"] if layer["pass"] == "select"]
    assert forms == {"slow-memory": ["passed"], "fast-memory": ["missed"]}


def test_a_bad_file_stops_the_compiler_and_names_the_key(tmp_path):
    bad = ROOT / "test" / "Dialect" / "Compress" / "Transforms" / "Inputs" / "negative-rate.json"
    with pytest.raises(compress_mlir.CompileError, match="negative-rate.json.*'l1_bytes_per_second' expects a number greater than 0"):
        compress_mlir.compile(MODEL, tmp_path / "out", machine=bad)
    assert not (tmp_path / "out").exists()
