"""scripts/bench: names of cases, the peers' files, the roofline's figures, and one odd shape from the name to the JSON."""
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import batch_steps, cases, models, peers, roofline, run  # noqa: E402


def bench(*words):
    return subprocess.run(["/usr/bin/python3", str(ROOT / "scripts" / "bench"), *map(str, words)], capture_output=True, text=True)


@pytest.mark.parametrize("name, meaning", [
    ("circulant-fc-37x29-k5-b3", dict(kind="circulant-fc", rows=37, cols=29, k=5, batch=3, precision="", cold="")),
    ("circulant-fc-4096-k64-b1-i8", dict(rows=4096, cols=4096, k=64, precision="i8", bound=2e-2)),
    ("circulant-fc-96-k7-b2-bf16-l2cold", dict(precision="bf16", cold="l2cold", bound=4e-3, layer="circulant-fc-96-k7")),
    ("circulant-conv-6-10-9x11-r5-s2-k4", dict(cols=6, rows=10, height=9, width=11, taps=5, stride=2, k=4, batch=1)),
    ("circulant-conv-64-56-k8", dict(cols=64, rows=64, height=56, width=56, taps=3, stride=1, k=8)),
    ("circulant-mlp-8x4096-k64-b1", dict(depth=8, rows=4096, cols=4096)),
    ("dense-conv-3-7-9x11-r3-s1-dramcold", dict(k=0, cold="dramcold", bound=1e-5)),
    ("int8-fc-12x34-b5", dict(kind="int8-fc", bound=2e-2, peers=["ort-int8"])),
    ("int8-conv-4-6-9x11-r3-s2-nhwc", dict(kind="int8-conv", cols=4, rows=6, stride=2, channels_last=True, bound=2e-2, peers=["ort-int8"],
                                           layer="int8-conv-4-6-9x11-r3-s2-nhwc")),
    ("int4-fc-12x64-b5", dict(kind="int4-fc", rows=12, cols=64, batch=5, bound=2e-2, peers=["ort-int4", "ort-int8"])),
    ("rfft-k6-n10", dict(kind="rfft", k=6, batch=10, target_cpu="")),
    ("rfft-k6-n10-avx-l2cold", dict(k=6, batch=10, target_cpu="sandybridge", cold="l2cold", layer="rfft-k6", peers=["fftw"])),
    ("mnist-circulant-b64", dict(batch=64)),
])
def test_names_say_shapes(name, meaning):
    case = cases.parse(name)
    assert {key: getattr(case, key) for key in meaning} == meaning


@pytest.mark.parametrize("word", ["", "circulant-fc-37x29-k5", "circulant-fc-37x29-k0-b3", "dense-fc-8-k2-b1",
                                  "dense-fc-8-b1-f64", "int8-fc-8-b1-bf16", "dense-fc-8-b1-avx",
                                  "circulant-fc-8-k2-b1-l2cold-i8", "no-such-*", "circulant-fc-8-k2-b1 "])
def test_bad_names_are_refused_with_the_grammar(word):
    with pytest.raises(cases.UnknownCase, match="circulant-conv-CI-CO-HxW-rR-sS-kK"):
        cases.select([word])


def test_every_named_case_parses_and_globs_find_it():
    assert [case.name for case in cases.select([])] == list(cases.TARGETS)
    assert {case.k for case in cases.select(["rfft-k8", "rfft-k6?-n64"])} == {8, 64}
    assert [case.name for case in cases.select(["rfft-k5-avx"])] == ["rfft-k5-n64-avx", "rfft-k5-n4096-avx"]
    for case in cases.select([]):
        assert set(case.peers) <= set(peers.NAMES)


def test_the_command_refuses_a_bad_name():
    done = bench("circulant-fc-37x29")
    assert done.returncode == 2 and "circulant-fc-ROWSxCOLS-kK-bB" in done.stderr


def test_the_worst_step_is_the_batch_above_its_neighbours(monkeypatch):
    times = object.__new__(batch_steps.BatchTimes)
    times.seconds = np.array([np.inf, 1, 2, 3, 8, 5, 6])  # of no sample, then of 1 to 6
    assert times.worst_step() == (2, 4)


def test_batch_steps_times_each_batch():
    done = subprocess.run([ROOT / "scripts" / "batch-steps", "--most", "4", "--rounds", "1", "circulant-fc-16x24-k8-b1"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"circulant-fc-16x24-k8-b1: worst step [\d.]+ at batch [23]; us of batch 1: [\d.]+, 2: .*, 4: [\d.]+\n", done.stdout)
    refused = subprocess.run([ROOT / "scripts" / "batch-steps", "nonsense"], capture_output=True, text=True)
    assert refused.returncode == 2 and "'nonsense' is no case" in refused.stderr


def test_code_for_the_peers_instruction_set_has_no_fma(tmp_path):
    """rfft-*-avx: vectors of 256 bits, products and sums apart, and no call of a library's fma."""
    case = cases.parse("rfft-k16-n10-avx")
    bench_of = run.Bench(tmp_path, machine=None, rounds=1, seconds=0)
    library, _, _ = bench_of.compile_ours(case, models.network(case))
    code = subprocess.run(["llvm-objdump-22", "-d", str(library)], capture_output=True, text=True, check=True).stdout
    assert "%ymm" in code and "vmulps" in code
    assert "vfmadd" not in code and "fmaf" not in code


def naive(case, network, x):
    """The layer by its definition, in loops."""
    (w,) = network.dense_weights()
    if not case.height:
        return x.astype(float) @ w.astype(float).T
    y = np.zeros([case.batch] + network.output_shape)
    padded = np.pad(x.astype(float), ((0, 0), (0, 0)) + ((network.pads, network.pads),) * 2)
    for i, j in np.ndindex(*y.shape[2:]):
        at = padded[:, :, i * case.stride:i * case.stride + case.taps, j * case.stride:j * case.stride + case.taps]
        y[:, :, i, j] = np.einsum("ncuv,ocuv->no", at, w)
    return y


@pytest.mark.parametrize("name", ["circulant-fc-37x29-k5-b3", "circulant-fc-16-k8-b1", "dense-fc-7x12-b2",
                                  "circulant-conv-6-10-9x11-r3-s2-k4", "dense-conv-3-5-8x7-r5-s1", "pow2-fc-7x12-b2",
                                  "ternary-fc-16x33-b1", "smartdeal-fc-64x50-b2", "smartdeal-fc-5x7-b1", "int4mult-fc-6x70-b3",
                                  "escalate-conv-5-6-9x11-r3-s1-f32", "escalate-conv-33-4-7x5-r2-s2-i16",
                                  "ternary-conv-5-6-9x11-r3-s2-f32"])
def test_the_exact_outputs_are_the_definition(name, tmp_path):
    case = cases.parse(name)
    network = models.network(case)
    x = network.inputs()[0]
    exact = models.Evaluator(network.write(tmp_path / "m.onnx"))(x)
    np.testing.assert_allclose(exact, naive(case, network, x), rtol=0, atol=1e-12 * np.abs(exact).max())


LEVELS = (("L1", 1e4, 4e11), ("L2", 1e6, 2e11), ("L3", 1e8, 1e11), ("memory", 0, 1e10))
MACHINE = dict(last_cache_bytes=10**8, peak_flops=dict(f32=1e12, bf16=0, i8=0),
               levels=[dict(name=n, bytes=b, read_bytes_per_s=r) for n, b, r in LEVELS])


def test_the_floor_counts_the_cheaper_form_and_reads_from_the_level_that_fits():
    # Of a pair of blocks: DC and Nyquist, 2 operations each, and 31 complex products of 8; 2 x 64 transforms.
    spectral = 64 * 64 * (2 * 2 + 8 * 31) + 2 * 64 * (2 * 64 * 6 - 4 * 64 + 6)
    assert roofline.product_operations(4096, 4096, 1, 64, 1, 1) == spectral
    assert roofline.product_operations(3, 3, 1, 0, 5, 5) == 90
    assert roofline.product_operations(4, 4, 9, 1, 25, 25) == 2 * 4 * 4 * 9 * 25
    case = cases.parse("dense-fc-256-b1")
    figures = roofline.floor(case, MACHINE, [(256, 256, 1, 0, 1, 1)], 4 * 256 * 256, models.network(case), 10.0)
    assert figures["floor_us"] == pytest.approx((4 * 256 * 256 + 2 * 4 * 256) / 2e11 * 1e6)
    assert figures["percent"] == pytest.approx(10 * figures["floor_us"])


def test_the_floor_of_a_convolution_of_bytes_counts_fewer_products():
    case = cases.parse("int8-conv-16-9")  # 9 x 9 results: 3 x 3 tiles of 36 products, each as long as 2 of bytes
    assert roofline.fewer_operations(case, 10**9) == 2 * 2 * 36 * 9 * 16 * 16
    assert roofline.fewer_operations(case, 1000) == 1000
    assert roofline.fewer_operations(cases.parse("int8-conv-16-16-9x9-r3-s2"), 10**9) == 10**9


KEYS = {"case", "ours_us", "peer", "peer_us", "ratio", "load", "ratio_median", "err", "peer_err", "weights_bytes", "asked",
        "floor_us", "percent"}


def test_an_odd_shape_is_timed_and_checked_and_a_refused_format_says_so(tmp_path):
    name = "circulant-fc-37x29-k5-b3"
    done = bench("--json", tmp_path / "rows.json", "--rounds", 2, "--seconds", 0.001, name, name + "-bf16")
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [(row["case"], row["peer"]) for row in rows] == [(case, f"ort-{form}") for case in (name, name + "-bf16")
                                                            for form in ("fp32", "int8", "int4")]
    assert done.stdout.count(name) == 6 and "floor_us" in done.stdout
    for row in rows:
        assert KEYS <= set(row)
        if row["case"].endswith("bf16") and row["status"] == "unsupported":
            assert "precision" in row["note"] and row["ours_us"] is None and row["err"] is None
            continue
        assert row["status"] == "ok" and row["ours_us"] > 0 and row["weights_bytes"] >= 0
        assert 0 < row["err"] <= (4e-3 if row["case"].endswith("bf16") else 1e-5)
        if not peers.runtime(row["peer"]):
            assert "scripts/fetch-peers" in row["note"] and row["peer_us"] is None
            continue
        assert row["ratio"] == pytest.approx(row["peer_us"] / row["ours_us"])
        # 127 and 7 levels of Gaussian weights, 4.5 deviations wide, give about 1 % and 10 %.
        int8 = 3e-2 if peers.multiplies_bytes_exactly() else 0.2  # sums that saturate
        assert row["peer_err"] < {"ort-fp32": 1e-5, "ort-int8": int8, "ort-int4": 0.2}[row["peer"]]


def test_a_wrong_output_fails_the_row(tmp_path, monkeypatch):
    monkeypatch.setattr(cases.Case, "bound", 0.0)
    case = cases.parse("circulant-fc-6x5-k2-b1")
    (row,) = run.Bench(tmp_path, MACHINE, 1, 0.001, []).run(case)
    assert row["status"] == "failed" and "wrong output" in row["note"]


def test_a_crash_while_timing_fails_the_row_and_the_next_case_runs(tmp_path, monkeypatch):
    bench_of = run.Bench(tmp_path, MACHINE, 1, 0.001, [])
    with monkeypatch.context() as patch:
        patch.setattr(run, "driver", lambda: "/bin/false")
        (row,) = bench_of.run(cases.parse("circulant-fc-6x5-k2-b1"))
        assert row["status"] == "failed" and "nothing was timed" in row["note"]
    (row,) = bench_of.run(cases.parse("circulant-fc-6x5-k2-b2"))
    assert row["status"] == "ok" and row["err"] <= 1e-5
