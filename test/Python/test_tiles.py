"""Tile registers (AMX): who may use them, and what is computed in them. Without them in the processor, test/Emulator executes the instructions."""
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import compress_mlir
from conftest import ROOT
from test_cpu import functions
from tile_emulator import Emulator

NO_VARIANT, BAD_BATCH = 4, 1
PRODUCT = """
    func.func @main(%x: memref<16x64xi8>, %w: memref<16x64xi8>, %y: memref<16x16xi32> {compress.result}) {
      %c0 = arith.constant 0 : index
      %zero = amx.tile_zero : !amx.tile<16x16xi32>
      %a = amx.tile_load %x[%c0, %c0] : memref<16x64xi8> into !amx.tile<16x64xi8>
      %b = amx.tile_load %w[%c0, %c0] : memref<16x64xi8> into !amx.tile<16x64xi8>
      %c = amx.tile_muli %a, %b, %zero : !amx.tile<16x64xi8>, !amx.tile<16x64xi8>, !amx.tile<16x16xi32>
      amx.tile_store %y[%c0, %c0], %c : memref<16x16xi32>, !amx.tile<16x16xi32>
      return
    }"""


@pytest.fixture(scope="module")
def emulator():
    return Emulator()


@pytest.fixture
def product(tmp_path):
    """A library of one product of tiles."""
    path = tmp_path / "product.mlir"
    path.write_text(PRODUCT)
    return compress_mlir.load(compress_mlir.compile(path, tmp_path, target_cpu="sapphirerapids", target_triple="x86_64-linux-gnu"))


def feeds_of(rng):
    return {name: rng.integers(-128, 128, (16, 64)).astype(np.int8) for name in ("input0", "input1")}


#===-- The choice --------------------------------------------------------------------------------------------------===#


def test_product_of_tiles_is_that_of_integers(product, emulator, rng):
    assert emulator.choose(product)[0] == BAD_BATCH
    feeds = feeds_of(rng)
    results, counts = emulator.counted_run(product, feeds)
    words = feeds["input1"].reshape(16, 16, 4).transpose(0, 2, 1).reshape(64, 16)  # steps of four rows lie side by side
    np.testing.assert_array_equal(results["output0"], feeds["input0"].astype(np.int32) @ words.astype(np.int32))
    if emulator.is_emulating:
        assert (counts.configures, counts.releases, counts.products) == (1, 1, 1)


def test_system_is_asked_once(product, emulator):
    code, asked = emulator.choose(product)
    assert code == BAD_BATCH and asked.requests == 1 and asked.cpuid > 0 and asked.xgetbv == 1
    code, asked = emulator.choose(product)
    assert code == BAD_BATCH and (asked.requests, asked.cpuid, asked.xgetbv) == (0, 0, 0)


@pytest.mark.parametrize("machine", [{"permission": -1}, {"has_tiles": False}, {"saves_tiles": False}])
def test_refused_tiles_are_an_error_code(machine, product, emulator, rng):
    """The system says no (-EPERM); the processor has none; the system does not save them. Only the first was asked."""
    code, asked = emulator.choose(product, **machine)
    assert code == NO_VARIANT and asked.requests == ("permission" in machine)
    with pytest.raises(compress_mlir.LibraryError, match="or the system does not grant tile registers: sapphirerapids"):
        product.run(feeds_of(rng))


def test_filter_of_system_calls_is_an_error_code(product):
    """In a process of its own, which then may ask no more: seccomp answers the library's own system call."""
    program = textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(ROOT / "python")!r}, {str(ROOT / "test" / "Python")!r}]
        import compress_mlir
        from tile_emulator import Emulator
        emulator, library = Emulator(), compress_mlir.load({product._library._name!r})
        emulator.deny_requests()
        code, asked = emulator.choose(library, permission=Emulator.ASK_THE_SYSTEM)
        assert (code, asked.requests) == ({NO_VARIANT}, 1), (code, asked.requests)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_library_without_tiles_does_not_ask_for_them(tmp_path, emulator):
    """Nothing that it computes needs them: a system that refuses must not keep it from running."""
    library = compress_mlir.compile(ROOT / "examples/mnist/models/mnist_circulant.onnx", tmp_path, target_cpu="sapphirerapids")
    detect = functions(tmp_path / "libmnist_circulant.a")["__mnist_circulant_detect"]
    assert "cpuid" in detect and "syscall" not in detect
    assert emulator.choose(compress_mlir.load(library), permission=-1)[0] == BAD_BATCH
