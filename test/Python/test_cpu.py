"""Code for several processors in one library, chosen where it runs; emulated processors (qemu-user) that have more and less."""
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

import compress_mlir
from conftest import ROOT
from test_import import floats, make_model, save
from test_mnist import error_bounds
from onnx import helper

MODELS = ROOT / "examples" / "mnist" / "models"
DRIVER = pathlib.Path(__file__).parent / "Inputs" / "driver.c"
RUN = pathlib.Path(compress_mlir.native._find_compiler()).parent / "compress-run"
BATCH = 3


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed (packages qemu-user, clang-22, lld-22)")


def compile_model(name, folder, **options):
    """The report of examples/mnist/models/mnist_<name>.onnx as library mnist_<name>."""
    folder.mkdir(exist_ok=True)
    report = folder / "report.json"
    compress_mlir.compile(MODELS / f"mnist_{name}.onnx", folder, report=report, **options)
    return json.loads(report.read_text())


class Driver:
    """A static program around lib<name>.a, for this architecture or another one."""

    def __init__(self, name, folder, triple="x86_64-linux-gnu"):
        need("clang-22", "ld.lld-22")
        header = (folder / f"mnist_{name}.h").read_text()
        room = max(map(int, re.search(r"(\d+) for 1, (\d+) for more", header).groups()))
        self.program = folder / "driver"
        constants = {"NAME": f"mnist_{name}", "BATCH": BATCH, "IN": 28 * 28, "OUT": 10, "ROOM": room}
        subprocess.run(["clang-22", f"--target={triple}", "-std=c11", "-O1", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
                        "-fno-pic", "-Wall", "-Werror", "-c", str(DRIVER), "-o", str(folder / "driver.o")]
                       + [f"-D{key}={value}" for key, value in constants.items()], check=True)
        subprocess.run(["ld.lld-22", "-static", "-o", str(self.program), str(folder / "driver.o"), str(folder / f"libmnist_{name}.a")],
                       check=True)

    def run(self, images, emulator, cpu=None):
        """(status, output) on an emulated processor."""
        need(emulator)
        command = [emulator] + (["-cpu", cpu] if cpu else []) + [str(self.program)]
        done = subprocess.run(command, input=images.tobytes(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
        return done.returncode, done.stdout

    def logits(self, images, emulator, cpu=None):
        status, output = self.run(images, emulator, cpu)
        assert status == 0, (status, output)
        return np.frombuffer(output, np.float32).reshape(BATCH, 10)


def assert_within_the_bound(name, images, logits):
    exact, bound = error_bounds(name, images)
    fraction = (np.abs(logits - exact) / bound).max()
    print(f"{name}: fraction of the bound {fraction:.1e}")
    assert fraction <= 1


@pytest.fixture
def images(rng):
    return floats(rng, BATCH, 1, 28, 28)


#===-- The choice --------------------------------------------------------------------------------------------------===#


@pytest.mark.parametrize("name", ["circulant", "dense"])
def test_variant_for_avx2_is_taken_where_there_is_no_avx512(name, images, tmp_path):
    """No code of the list runs without AVX2, and the first one not without AVX-512: that it ran says which one."""
    compile_model(name, tmp_path, target_cpu="x86-64-v4,haswell")
    driver = Driver(name, tmp_path)
    assert_within_the_bound(name, images, driver.logits(images, "qemu-x86_64", "Haswell"))
    status, text = driver.run(images, "qemu-x86_64", "qemu64")
    assert status == 4 and text.decode().endswith("compiled for: x86-64-v4, haswell")


@pytest.mark.parametrize("name", ["circulant", "dense"])
def test_variant_for_the_baseline_runs_on_what_has_nothing(name, images, tmp_path):
    compile_model(name, tmp_path, target_cpu="x86-64-v4,haswell,x86-64")
    driver = Driver(name, tmp_path)
    for cpu in ("qemu64", "Haswell"):
        assert_within_the_bound(name, images, driver.logits(images, "qemu-x86_64", cpu))


def test_codes_are_looked_up_alike_by_each_processor(images, tmp_path):
    """Powers of two as bytes: selects of SSE2, pshufb of SSSE3, pshufb and pairs of products of AVX2. An activation that another order of
    f32 sums puts across a tie is a step of 1/127 off, in one of many products."""
    compile_model("dense", tmp_path, target_cpu="haswell,nehalem,x86-64", compress="default: pow2", precision="i8")
    driver = Driver("dense", tmp_path)
    first, *others = [driver.logits(images, "qemu-x86_64", cpu) for cpu in ("qemu64", "Nehalem", "Haswell")]
    for logits in others:
        assert np.abs(logits - first).max() < 1e-2 * np.abs(first).max()


@pytest.mark.parametrize("cpu", ["qemu64", "Nehalem", "SandyBridge", "Haswell,-fma", "Haswell,-bmi2", "Haswell,-abm", "Haswell,-movbe",
                                 "Haswell,-f16c", "Haswell,-avx2", "Haswell,-xsave"])
def test_processor_that_lacks_one_extension_is_told_so(cpu, images, tmp_path):
    """Without XSAVE the operating system cannot save ymm, and XGETBV itself is an illegal instruction."""
    compile_model("circulant", tmp_path, target_cpu="haswell")
    status, text = Driver("circulant", tmp_path).run(images, "qemu-x86_64", cpu)
    assert status == 4 and text.decode().endswith(": haswell")


def test_library_for_this_machine_alone_is_no_illegal_instruction_elsewhere(images, tmp_path):
    report = compile_model("circulant", tmp_path)
    if not report["target_triple"].startswith("x86_64") or not report["variants"][0]["extensions"]:
        pytest.skip("this machine has nothing beyond its baseline")
    status, text = Driver("circulant", tmp_path).run(images, "qemu-x86_64", "qemu64")
    assert status == 4 and text.decode().endswith(": " + report["target_cpu"])


def test_run_tool_says_why_nothing_runs(images, tmp_path):
    need("qemu-x86_64")
    if "asan" in str(RUN):
        pytest.skip("sanitizers do not run in the emulator")
    compile_model("circulant", tmp_path, target_cpu="haswell")
    np.save(tmp_path / "x.npy", images)
    done = subprocess.run(["qemu-x86_64", "-cpu", "qemu64", str(RUN), str(tmp_path / "libmnist_circulant.so"), "--input",
                           f"image={tmp_path}/x.npy"], capture_output=True, text=True)
    assert done.returncode == 1 and "error: mnist_circulant_run failed: the processor lacks instructions" in done.stderr


def test_order_of_the_list_is_the_preference(images, tmp_path):
    """The baseline before all runs everywhere: nothing else is in the way, and the compiler says that the rest is dead."""
    done = subprocess.run([compress_mlir.native._find_compiler(), str(MODELS / "mnist_circulant.onnx"), "-o", str(tmp_path), "--quiet",
                           "--target-cpu", "x86-64,haswell"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ("warning: code for 'haswell' never runs: 'x86-64', which --target-cpu names before it, runs wherever it does\n")
    assert_within_the_bound("circulant", images, Driver("circulant", tmp_path).logits(images, "qemu-x86_64", "qemu64"))


def test_first_of_those_that_fit_is_taken(images, tmp_path):
    """Code with fused multiply-adds rounds otherwise than code without: bits say which one ran."""
    bits = {}
    for number, cpus in enumerate(("haswell", "x86-64", "haswell,x86-64", "x86-64-v4,haswell,sandybridge,x86-64")):
        folder = tmp_path / str(number)
        compile_model("circulant", folder, target_cpu=cpus, target_triple="x86_64-linux-gnu", machine="generic-avx2")
        bits[cpus] = Driver("circulant", folder).logits(images, "qemu-x86_64", "Haswell").tobytes()
    one, other, *several = bits.values()
    assert one != other and all(found == one for found in several)


def test_this_machine_runs_a_variant_of_its_own(images, tmp_path, monkeypatch):
    compile_model("circulant", tmp_path, target_cpu="native,x86-64-v2" if "x86" in host() else "native")
    library = compress_mlir.load(tmp_path / "libmnist_circulant.so")
    assert_within_the_bound("circulant", images, library.run({"image": images})["logits"])
    # What the loader's exception says where none runs.
    monkeypatch.setattr(library, "_run", lambda *arguments: 4)
    with pytest.raises(compress_mlir.LibraryError, match="mnist_circulant_run: the processor lacks instructions of every"):
        library.run({"image": images})


def host():
    return subprocess.run(["uname", "-m"], capture_output=True, text=True).stdout


#===-- What is in the library --------------------------------------------------------------------------------------===#


@pytest.mark.parametrize("name", ["circulant", "dense"])
def test_variants_share_their_weights(name, tmp_path):
    x86 = {"target_triple": "x86_64-linux-gnu", "machine": "generic-avx2"}  # else forms are chosen for the first processor
    one = compile_model(name, tmp_path, target_cpu="haswell", **x86)
    three = compile_model(name, tmp_path, target_cpu="x86-64-v4,haswell,x86-64", **x86)
    print(f"{name}: {one['weight_bytes']} bytes in one variant, {three['weight_bytes']} in three")
    assert 0 < three["weight_bytes"] <= 1.05 * one["weight_bytes"]
    assert [v["target_cpu"] for v in three["variants"]] == ["x86-64-v4", "haswell", "x86-64"]
    assert [v["vector_bytes"] for v in three["variants"]] == [64, 32, 16]
    assert three["layers"] == one["layers"]  # forms are chosen once


def functions(path):
    """{function: its instructions} of a library, by symbols."""
    text = subprocess.run(["llvm-objdump-22", "-d", "--no-show-raw-insn", str(path)], capture_output=True, text=True, check=True).stdout
    parts = re.split(r"^[0-9a-f]+ <(.+)>:$", text, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def test_only_variants_use_more_than_the_baseline(tmp_path):
    compile_model("circulant", tmp_path, target_cpu="x86-64-v4,haswell,x86-64", target_triple="x86_64-linux-gnu")
    code = functions(tmp_path / "libmnist_circulant.a")
    wide = {name for name, text in code.items() if re.search(r"\b[yz]mm|\bv[a-z]+ps\b", text)}
    assert len(wide) == 2 and not any(name.startswith("mnist_circulant_") for name in wide)
    assert any("zmm" in code[name] for name in wide) and any("zmm" not in code[name] for name in wide)


def test_known_processor_costs_one_load_and_two_tests(tmp_path):
    """What a call does before the arguments are checked. cpuid is elsewhere, behind the branch that is not taken."""
    compile_model("circulant", tmp_path, target_cpu="haswell", target_triple="x86_64-linux-gnu")
    code = functions(tmp_path / "libmnist_circulant.a")
    assert "cpuid" in code["__mnist_circulant_detect"] and "xgetbv" in code["__mnist_circulant_detect"]
    run = [line.split(":")[1].split() for line in code["mnist_circulant_run"].splitlines() if ":" in line]
    assert not any(line[0] == "cpuid" for line in run if line)
    loads = [i for i, line in enumerate(run) if line and line[0] == "movl" and "(%rip)" in line[1]]
    assert len(loads) == 1 and run[loads[0] + 1][0] == "testl" and run[loads[0] + 2][0] == "je"


def test_header_and_report_name_the_processors(tmp_path):
    report = compile_model("circulant", tmp_path, target_cpu="haswell,x86-64", target_triple="x86_64-linux-gnu")
    header = (tmp_path / "mnist_circulant.h").read_text()
    assert " *   haswell\n *   x86-64\n" in header and "compiled for: haswell, x86-64" in header
    haswell, baseline = report["variants"]
    assert {"avx2", "fma", "bmi2"} <= set(haswell["extensions"]) and baseline["extensions"] == []


def test_functions_beside_main_are_kept_apart(rng, tmp_path):
    """A model with a function of its own: each variant calls its own copy."""
    path = tmp_path / "parts.mlir"
    path.write_text("""
    func.func private @scale(%x: memref<4xf32>, %y: memref<4xf32>) {
      %two = arith.constant 2.0 : f32
      affine.for %i = 0 to 4 {
        %v = affine.load %x[%i] : memref<4xf32>
        %w = arith.mulf %v, %two : f32
        affine.store %w, %y[%i] : memref<4xf32>
      }
      return
    }
    func.func @main(%x: memref<4xf32>, %y: memref<4xf32> {compress.result}) {
      call @scale(%x, %y) : (memref<4xf32>, memref<4xf32>) -> ()
      return
    }""")
    target = "native,x86-64" if "x86" in host() else "native"
    library = compress_mlir.load(compress_mlir.compile(path, tmp_path, target_cpu=target))
    x = floats(rng, 4)
    np.testing.assert_array_equal(library.run({"input0": x})["output0"], 2 * x)


#===-- Another machine ---------------------------------------------------------------------------------------------===#


@pytest.mark.parametrize("name,cpu", [("circulant", None), ("dense", "cortex-a72")])
def test_library_for_aarch64_is_within_the_bound(name, cpu, images, tmp_path):
    need("ld.lld-22", "llvm-objdump-22")
    report = compile_model(name, tmp_path, target_triple="aarch64-linux-gnu", target_cpu=cpu)
    assert report["variants"] == [{"target_cpu": cpu or "generic", "vector_bytes": 16, "extensions": []}]
    shared = tmp_path / f"libmnist_{name}.so"
    header = subprocess.run(["llvm-readelf-22", "-h", str(shared)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Machine:\s+AArch64", header) and re.search(r"Type:\s+DYN", header)
    assert any(re.search(r"\bfmla\s+v\d+\.4s", text) for text in functions(shared).values())
    driver = Driver(name, tmp_path, "aarch64-linux-gnu")
    assert_within_the_bound(name, images, driver.logits(images, "qemu-aarch64"))


@pytest.mark.parametrize("options,message", [
    (["--target-triple", "aarch64-linux-gnu", "--target-cpu", "native"], "--target-cpu native is this machine"),
    (["--target-triple", "aarch64-linux-gnu", "--target-cpu", "cortex-a72,generic"], "expects one processor"),
    (["--target-triple", "aarch64-linux-gnu", "--target-cpu", "haswell"], "unknown processor 'haswell'"),
    (["--target-triple", "riscv64-linux-gnu"], "no triple of x86-64 or AArch64"),
    (["--target-triple", "x86_64-linux-gnu", "--target-cpu", "haswell,abacus"], "unknown processor 'abacus'"),
    (["--target-triple", "x86_64-linux-gnu", "--target-cpu", "pentium4"], "does not run x86-64"),
])
def test_machine_that_cannot_be_built_for_is_refused(options, message, tmp_path):
    if "aarch64" in host() and "native" in options:
        pytest.skip("this machine is that one")
    done = subprocess.run([compress_mlir.native._find_compiler(), str(MODELS / "mnist_circulant.onnx"), "-o", str(tmp_path / "out"), *options],
                          capture_output=True, text=True)
    assert done.returncode == 1 and message in done.stderr
    assert not (tmp_path / "out").exists()
