"""Shared by the Python tests: random numbers with printed seeds, compiled libraries, ONNX Runtime where there is one."""
import os
import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
sys.path.insert(0, str(ROOT / "examples" / "mnist"))

import compress_mlir  # noqa: E402


def need_to_run(target_cpu):
    """Skips a test that runs code for `target_cpu`, one of AVX-512, where this machine has none."""
    flags = pathlib.Path("/proc/cpuinfo").read_text() if pathlib.Path("/proc/cpuinfo").exists() else ""
    needed = {"x86-64-v4": ["avx512f"], "skylake-avx512": ["avx512f"], "sapphirerapids": ["avx512f", "avx512_vnni", "avx512_bf16"]}
    if missing := [flag for flag in needed.get(target_cpu, []) if flag not in flags.split()]:
        pytest.skip(f"this machine has no {missing[0]}, which {target_cpu} needs")


@pytest.fixture
def rng(request):
    """Numbers of this test alone; the seed is printed, and COMPRESS_SEED changes it."""
    seed = int(os.environ.get("COMPRESS_SEED", "0"))
    print(f"{request.node.name}: COMPRESS_SEED={seed}")
    return np.random.default_rng([seed] + list(request.node.name.encode()))


@pytest.fixture
def compile_and_load(tmp_path):
    """Compiles a model and loads the library; every call gets a folder of its own."""
    count = 0

    def build(model, **options):
        nonlocal count
        count += 1
        return compress_mlir.load(compress_mlir.compile(model, tmp_path / f"out{count}", **options))

    return build
