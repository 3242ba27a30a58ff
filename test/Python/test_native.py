"""The native library: its C functions, its header, its loaders, and what they refuse."""
import concurrent.futures
import ctypes
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

import compress_mlir
from conftest import ROOT
from test_import import floats, make_model, save
from onnx import helper

MODEL = ROOT / "examples" / "mnist" / "models" / "mnist_circulant.onnx"
RUN = pathlib.Path(compress_mlir.native._find_compiler()).parent / "compress-run"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("mnist")
    compress_mlir.compile(MODEL, out)
    compress_mlir.compile(MODEL, out, name="dense_meaning", expand=True)
    compress_mlir.compile(MODEL, out, name="oracle", reference=True)
    return out


@pytest.fixture
def library(folder):
    return compress_mlir.load(folder / "libmnist_circulant.so")


def test_tensors_are_described(library):
    assert [repr(t) for t in library.inputs] == ["image: float32 [None, 1, 28, 28]"]
    assert [repr(t) for t in library.outputs] == ["logits: float32 [None, 10]"]


def test_batches_beyond_the_chunk_equal_single_images(library, rng):
    images = floats(rng, 131, 1, 28, 28)
    together = library.run({"image": images})["logits"]
    singly = np.concatenate([library.run({"image": image[None]})["logits"] for image in images])
    np.testing.assert_allclose(together, singly, rtol=1e-4, atol=1e-4)


def test_workspace_is_one_of_two_sizes(library):
    sizes = {library.workspace_bytes(batch) for batch in range(2, 300)}
    assert len(sizes) == 1 and library.workspace_bytes(1) < sizes.pop()


def test_run_writes_nothing_beyond_its_buffers(library, rng):
    """Guard bytes around the output and the workspace stay as they were."""
    for batch in (1, 3, 64, 65):
        image = floats(rng, batch, 1, 28, 28)
        logits, need = np.full(batch * 10 + 32, 7, np.float32), library.workspace_bytes(batch)
        room = np.full(need + 256, 0xA5, np.uint8)
        start = -(-room.ctypes.data // 64) * 64
        code = library._run(batch, image.ctypes.data, logits.ctypes.data, start)
        assert code == 0
        assert (logits[batch * 10:] == 7).all()
        assert (room[start - room.ctypes.data + need:] == 0xA5).all()


def test_threads_share_a_library(library, rng):
    images = [floats(rng, 5, 1, 28, 28) for _ in range(16)]
    expected = [library.run({"image": x})["logits"] for x in images]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda x: library.run({"image": x})["logits"], images))
    assert all(np.array_equal(a, b) for a, b in zip(results, expected))


@pytest.mark.parametrize("arguments,code,text", [
    ((-1, 1, 1, 64), 1, "batch"), ((1, 0, 1, 64), 2, "NULL"), ((1, 1, 0, 64), 2, "NULL"), ((1, 1, 1, 0), 3, "workspace"),
    ((1, 1, 1, 8), 3, "64 bytes"),
])
def test_bad_calls_return_their_error(library, arguments, code, text):
    """1 stands for a good pointer, 0 for NULL, 64 and 8 for the alignment of the workspace."""
    batch, image, logits, workspace = arguments
    x, y = np.zeros((1, 1, 28, 28), np.float32), np.zeros((1, 10), np.float32)
    room = np.zeros(library.workspace_bytes(1) + 128, np.uint8)
    aligned = -(-room.ctypes.data // 64) * 64
    place = {0: None, 8: aligned + 8, 64: aligned}[workspace]
    assert library._run(batch, x.ctypes.data if image else None, y.ctypes.data if logits else None, place) == code
    assert text in library._error(code).decode()


def test_python_loader_refuses_what_does_not_fit(library, tmp_path):
    good = np.zeros((2, 1, 28, 28), np.float32)
    with pytest.raises(TypeError, match="expects float32, but got float64"):
        library.run({"image": good.astype(np.float64)})
    with pytest.raises(ValueError, match=r"expects shape \[None, 1, 28, 28\], but got \[2, 28, 28\]"):
        library.run({"image": good[:, 0]})
    with pytest.raises(KeyError, match="image"):
        library.run({"picture": good})
    with pytest.raises(compress_mlir.LibraryError, match="lib<name>.so"):
        compress_mlir.load(tmp_path / "model.so")
    with pytest.raises(compress_mlir.LibraryError, match="cannot load"):
        compress_mlir.load(tmp_path / "libmodel.so")


def test_renamed_library_is_explained(folder, tmp_path):
    shutil.copy(folder / "libmnist_circulant.so", tmp_path / "libother.so")
    with pytest.raises(compress_mlir.LibraryError, match="not renamed"):
        compress_mlir.load(tmp_path / "libother.so")


def test_fixed_batch_library_takes_that_batch_only(rng, tmp_path, compile_and_load):
    path = save(make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": [3, 5]}, {"y": [3, 5]}), tmp_path)
    library = compile_and_load(path)
    x = floats(rng, 3, 5)
    np.testing.assert_array_equal(library.run({"x": x})["y"], np.maximum(x, 0))
    assert library._run(2, x.ctypes.data, x.ctypes.data, None) == 1


def test_several_inputs_and_outputs_keep_their_order(rng, tmp_path, compile_and_load):
    nodes = [helper.make_node("Sub", ["a", "b"], ["d"]), helper.make_node("Add", ["a", "b"], ["s"]),
             helper.make_node("Identity", ["a"], ["same"])]
    shape = ["n", 4]
    path = save(make_model(nodes, {"b": shape, "a": shape}, {"s": shape, "d": shape, "same": shape}), tmp_path)
    library = compile_and_load(path)
    assert [t.name for t in library.inputs] == ["b", "a"] and [t.name for t in library.outputs] == ["s", "d", "same"]
    a, b = floats(rng, 3, 4), floats(rng, 3, 4)
    results = library.run({"a": a, "b": b})
    for name, expected in (("s", a + b), ("d", a - b), ("same", a)):
        np.testing.assert_array_equal(results[name], expected)


def test_inputs_are_never_written(rng, tmp_path, compile_and_load):
    """An input that is the destination of a layer was once computed in place."""
    path = tmp_path / "accumulate.mlir"
    path.write_text("""
    func.func @main(%x: tensor<3x4xf32>, %w: tensor<4x5xf32>, %y0: tensor<3x5xf32>) -> tensor<3x5xf32> {
      %y = linalg.matmul ins(%x, %w : tensor<3x4xf32>, tensor<4x5xf32>) outs(%y0 : tensor<3x5xf32>) -> tensor<3x5xf32>
      return %y : tensor<3x5xf32>
    }""")
    library = compile_and_load(path)
    x, w, y0 = floats(rng, 3, 4), floats(rng, 4, 5), floats(rng, 3, 5)
    kept = y0.copy()
    y = library.run({"input0": x, "input1": w, "input2": y0})["output0"]
    np.testing.assert_array_equal(y0, kept)
    np.testing.assert_allclose(y, y0 + x @ w, rtol=1e-5, atol=1e-5)


#===-- Files -------------------------------------------------------------------------------------------------------===#


def symbols(path, *flags):
    done = subprocess.run(["llvm-nm-22", *flags, str(path)], capture_output=True, text=True, check=True)
    return [line.split()[-1] for line in done.stdout.splitlines() if line.strip()]


def test_library_exports_its_functions_and_needs_libm_at_most(folder):
    path = folder / "libmnist_circulant.so"
    exported = set(symbols(path, "-D", "--defined-only"))
    prefix = "mnist_circulant_"
    assert exported == {prefix + s for s in ("abi_version", "workspace_bytes", "run", "error", "inputs", "outputs")}
    text = subprocess.run(["llvm-readelf-22", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    needed = [line.split("[")[1].split("]")[0] for line in text.splitlines() if "NEEDED" in line]
    assert set(needed) <= {"libm.so.6", "libc.so.6"}
    assert "TEXTREL" not in text
    undefined = {name.split("@")[0] for name in symbols(path, "-D", "--undefined-only")}
    assert not {"malloc", "free", "aligned_alloc"} & undefined


def test_c_program_builds_against_header_and_static_library(folder, tmp_path, library):
    program = tmp_path / "mnist"
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", str(ROOT / "examples/c/mnist.c"), "-I",
                    str(folder), str(folder / "libmnist_circulant.a"), "-lm", "-o", str(program)], check=True)
    lines = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout.splitlines()
    printed = np.array([float(line.split(": ")[1]) for line in lines])
    expected = library.run({"image": np.zeros((1, 1, 28, 28), np.float32)})["logits"][0]
    np.testing.assert_allclose(printed, expected, atol=1e-4)


def test_header_is_c_and_cpp(folder, tmp_path):
    for language in ("c", "c++"):
        subprocess.run(["cc", "-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic",
                        str(folder / "mnist_circulant.h")], check=True)


#===-- compress-run ------------------------------------------------------------------------------------------------===#


def run_tool(*arguments):
    return subprocess.run([str(RUN), *map(str, arguments)], capture_output=True, text=True)


def test_run_tool_writes_what_python_computes(folder, library, rng, tmp_path):
    x = floats(rng, 3, 1, 28, 28)
    np.save(tmp_path / "x.npy", x)
    done = run_tool(folder / "libmnist_circulant.so", "--input", f"image={tmp_path}/x.npy", "--output-dir", tmp_path / "y")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "y" / "logits.npy"), library.run({"image": x})["logits"])


def test_run_tool_compares_libraries_and_times_calls(folder, rng, tmp_path):
    np.save(tmp_path / "x.npy", floats(rng, 3, 1, 28, 28))
    done = run_tool(folder / "libmnist_circulant.so", "--input", f"image={tmp_path}/x.npy", "--check-against",
                    folder / "liboracle.so", "--benchmark", "--repetitions", 3)
    assert done.returncode == 0, done.stderr
    assert "largest difference" in done.stdout and "min" in done.stdout and "median" in done.stdout and "p90" in done.stdout
    assert float(done.stdout.split("largest difference ")[1].split(",")[0]) < 1e-3


@pytest.mark.parametrize("arguments,message", [
    (["--input", "image=DIR/double.npy"], "expects float32, but got float64"),
    (["--input", "image=DIR/flat.npy"], r"expects shape [batch, 1, 28, 28], but got [784]"),
    (["--input", "picture=DIR/flat.npy"], "input 'image' is missing"),
    (["--input", "image=DIR/good.npy", "--input", "extra=DIR/good.npy"], "no input 'extra'; it has: image"),
    (["--input", "image=DIR/nowhere.npy"], "cannot be read"), (["--input", "image=DIR/text.npy"], "is no .npy file"),
    (["--input", "image=DIR/cut.npy"], "should hold 3136 bytes"), (["--input", "image"], "expects NAME=FILE.npy"),
    (["--input", "image=DIR/good.npy", "--benchmark", "--repetitions", "0"], "1 or more"), (["--magic"], "--help"),
    (["--input", "image=DIR/fortran.npy"], "Fortran order"),
])
def test_run_tool_refuses(folder, arguments, message, tmp_path):
    good = np.zeros((1, 1, 28, 28), np.float32)
    np.save(tmp_path / "good.npy", good)
    np.save(tmp_path / "double.npy", good.astype(np.float64))
    np.save(tmp_path / "flat.npy", good.ravel())
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.zeros((2, 1, 28, 28), np.float32)))
    (tmp_path / "text.npy").write_text("hello, this is text")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "good.npy").read_bytes()[:-8])
    done = run_tool(folder / "libmnist_circulant.so", *[a.replace("DIR", str(tmp_path)) for a in arguments])
    assert done.returncode == 1 and message in done.stderr, done.stderr


def test_run_tool_without_inputs_describes_the_library(folder):
    done = run_tool(folder / "libmnist_circulant.so")
    assert done.returncode == 0 and "input image: float32 [batch, 1, 28, 28]" in done.stdout


#===-- compress-compile --------------------------------------------------------------------------------------------===#


def compile_tool(*arguments):
    return subprocess.run([compress_mlir.native._find_compiler(), *map(str, arguments)], capture_output=True, text=True)


def test_compile_prints_cpu_phases_and_layers(tmp_path):
    done = compile_tool(MODEL, "-o", tmp_path)
    assert done.returncode == 0
    assert "-bit vectors" in done.stderr and "[6/6] link" in done.stderr
    assert done.stderr.count("compress.circulant: spectral") == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["libmnist_circulant.a", "libmnist_circulant.so", "mnist_circulant.h"]


@pytest.mark.parametrize("emit,suffix", [("mlir", ".mlir"), ("affine", ".affine.mlir"), ("llvm", ".ll"), ("asm", ".s")])
def test_compile_stops_where_asked(emit, suffix, tmp_path):
    assert compile_tool(MODEL, "-o", tmp_path, "--emit", emit, "--quiet").returncode == 0
    assert [p.name for p in tmp_path.iterdir()] == ["mnist_circulant" + suffix]


def test_emitted_ir_compiles_to_the_same_library(folder, library, rng, tmp_path, compile_and_load):
    assert compile_tool(MODEL, "-o", tmp_path, "--emit", "mlir", "--quiet").returncode == 0
    again = compile_and_load(tmp_path / "mnist_circulant.mlir")
    x = floats(rng, 3, 1, 28, 28)
    np.testing.assert_array_equal(again.run({"image": x})["logits"], library.run({"image": x})["logits"])


@pytest.mark.parametrize("arguments,message", [
    (["--target-cpu", "abacus"], "unknown processor 'abacus'"), (["--name", "7 up"], "no C identifier"),
    (["--batch", "0"], "1 or more"), (["--max-batch", "0"], "1 or more"), (["--force", "magic"], "magic"),
    (["--expand", "--force", "spectral"], "does not go with"),
])
def test_compile_refuses_and_writes_nothing(arguments, message, tmp_path):
    done = compile_tool(MODEL, "-o", tmp_path / "out", *arguments)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_other_processors_are_chosen_by_name(tmp_path, rng):
    path = compress_mlir.compile(MODEL, tmp_path, target_cpu="x86-64", name="plain")
    text = subprocess.run(["llvm-objdump-22", "-d", str(path)], capture_output=True, text=True, check=True).stdout
    assert "ymm" not in text and "zmm" not in text
