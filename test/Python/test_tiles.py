"""Tile registers (AMX): who may use them, and what is computed in them. Without them in the processor, test/Emulator executes the instructions."""
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import compress_mlir
import test_code_decoders
import test_coded_dot
from conftest import ROOT, need_to_run
from onnx import TensorProto, helper, numpy_helper
from quantized_graphs import Ops, evaluate
from test_cpu import functions
from test_import import make_model, save
from test_precision import EMULATED, emulate_fc, relative, to_bf16
from test_precision import save as save_circulant
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
    need_to_run("sapphirerapids")
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


#===-- Products of bytes -------------------------------------------------------------------------------------------===#


def compile_for_tiles(model, folder, **options):
    return compress_mlir.load(compress_mlir.compile(save(model, folder), folder, target_cpu="sapphirerapids", target_triple="x86_64-linux-gnu", **options))


def assert_equals_the_definition(model, library, emulator, feeds):
    """Runs on tiles; every integer as ONNX defines it. Returns what was executed."""
    results, counts = emulator.counted_run(library, feeds)
    expected = evaluate(model, feeds)
    for name, result in results.items():
        np.testing.assert_array_equal(result, expected[name])
    if emulator.is_emulating:
        assert counts.configures == counts.releases
    return counts


def product_model(rng, inputs, outputs, batch="n", dtype=TensorProto.UINT8):
    """y = (x - 3) * w of bytes, in i32."""
    constants = {"w": rng.integers(-128, 128, (inputs, outputs)).astype(np.int8), "z": np.array(3, TENSOR_DTYPES[dtype])}
    return typed_model([helper.make_node("MatMulInteger", ["x", "w", "z"], ["y"])], {"x": (dtype, [batch, inputs])}, {"y": (TensorProto.INT32, None)}, constants)


TENSOR_DTYPES = {TensorProto.UINT8: np.uint8, TensorProto.INT8: np.int8}


def typed_model(nodes, inputs, outputs, constants):
    def infos(tensors):
        return [helper.make_tensor_value_info(name, *info) for name, info in tensors.items()]
    graph = helper.make_graph(nodes, "g", infos(inputs), infos(outputs), [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)])
    model.ir_version = 8
    return model


@pytest.mark.parametrize("inputs,outputs", [(64, 32), (256, 96), (128, 40), (68, 32), (100, 33), (252, 90), (124, 64), (60, 32)])
def test_any_batch_of_a_product_of_bytes(inputs, outputs, emulator, rng, tmp_path):
    """Rows in whole blocks, in one tile, in a tile that overlaps the one before, and too few for any; steps that 16 words do not divide."""
    model = product_model(rng, inputs, outputs)
    library = compile_for_tiles(model, tmp_path)
    assert emulator.choose(library)[0] == BAD_BATCH
    for batch in (1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 130):
        x = rng.integers(0, 256, (batch, inputs)).astype(np.uint8)
        counts = assert_equals_the_definition(model, library, emulator, {"x": x})
        assert not emulator.is_emulating or (counts.products > 0) == (batch >= 16 and inputs > 60)


@pytest.mark.parametrize("batch", [16, 17, 24, 31, 32, 40, 50])
def test_stated_batch_of_a_product_of_bytes(batch, emulator, rng, tmp_path):
    model = product_model(rng, 148, 70, batch=batch, dtype=TensorProto.INT8)
    library = compile_for_tiles(model, tmp_path)
    assert emulator.choose(library)[0] == BAD_BATCH
    counts = assert_equals_the_definition(model, library, emulator, {"x": rng.integers(-128, 128, (batch, 148)).astype(np.int8)})
    assert not emulator.is_emulating or counts.products > 0


def test_extreme_bytes_do_not_saturate(emulator, tmp_path, rng):
    model = product_model(rng, 512, 32)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((512, 32), -128, np.int8), "w"))
    library = compile_for_tiles(model, tmp_path)
    assert emulator.choose(library)[0] == BAD_BATCH
    assert_equals_the_definition(model, library, emulator, {"x": np.full((16, 512), 255, np.uint8)})


@pytest.mark.parametrize("size,channels,filters,taps,stride,pad", [(20, 64, 32, 3, 1, 1), (35, 64, 64, 3, 2, 1), (17, 128, 32, 1, 1, 0), (24, 68, 32, 3, 1, 0)])
def test_convolutions_of_bytes(size, channels, filters, taps, stride, pad, emulator, rng, tmp_path):
    """Rows of pixels, taps, strides; channels that 16 words do not divide."""
    constants = {"w": rng.integers(-128, 128, (filters, channels, taps, taps)).astype(np.int8), "z": np.array(7, np.uint8)}
    node = helper.make_node("ConvInteger", ["x", "w", "z"], ["y"], pads=[pad] * 4, strides=[stride] * 2)
    model = typed_model([node], {"x": (TensorProto.UINT8, ["n", channels, size, size])}, {"y": (TensorProto.INT32, None)}, constants)
    library = compile_for_tiles(model, tmp_path)
    assert emulator.choose(library)[0] == BAD_BATCH
    x = rng.integers(0, 256, (2, channels, size, size)).astype(np.uint8)
    counts = assert_equals_the_definition(model, library, emulator, {"x": x})
    assert not emulator.is_emulating or counts.products > 0


def test_each_product_loads_one_tile(emulator, rng, tmp_path):
    """The floor of 2 x 2 blocks, counted as executed: 64 rows, 32 columns, 512 inputs are 2 * 2 * 2 * 8 products; one store of each sum."""
    model = product_model(rng, 512, 32)
    library = compile_for_tiles(model, tmp_path)
    assert emulator.choose(library)[0] == BAD_BATCH
    counts = assert_equals_the_definition(model, library, emulator, {"x": rng.integers(0, 256, (64, 512)).astype(np.uint8)})
    if emulator.is_emulating:
        assert (counts.products, counts.loads, counts.stores, counts.zeros, counts.configures) == (64, 64, 8, 8, 1), counts


def test_refused_tiles_leave_the_next_variant(emulator, rng, tmp_path):
    """One library, loaded anew for each answer: on tiles where they are granted, in vectors where they are not; the same integers."""
    model = product_model(rng, 256, 64)
    path = save(model, tmp_path)
    x = rng.integers(0, 256, (32, 256)).astype(np.uint8)
    for number, (permission, uses_tiles) in enumerate([(Emulator.GRANTED, True), (-1, False)]):
        built = compress_mlir.compile(path, tmp_path / str(number), target_cpu="sapphirerapids,x86-64-v4,x86-64", target_triple="x86_64-linux-gnu")
        library = compress_mlir.load(built)
        code, asked = emulator.choose(library, permission=permission)
        assert (code, asked.requests) == (BAD_BATCH, 1)
        counts = assert_equals_the_definition(model, library, emulator, {"x": x})
        assert not emulator.is_emulating or (counts.products > 0) == uses_tiles


@pytest.mark.parametrize("batch", [17, 64])
def test_layers_that_round_their_activations(batch, emulator, rng, tmp_path):
    """What the benchmark int8-fc runs: DynamicQuantizeLinear, a product of bytes, scales and a bias after it, in the loop that stores the tiles."""
    inputs, outputs = 256, 96
    constants = {"w": rng.integers(-127, 128, (inputs, outputs)).astype(np.int8), "s": rng.uniform(1e-3, 2e-3, outputs).astype(np.float32),
                 "b": rng.standard_normal(outputs).astype(np.float32)}
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]), helper.make_node("MatMulInteger", ["q", "w", "qz"], ["i"]),
             helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT), helper.make_node("Mul", ["qs", "s"], ["qss"]),
             helper.make_node("Mul", ["f", "qss"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])]
    model = typed_model(nodes, {"x": (TensorProto.FLOAT, [batch, inputs])}, {"y": (TensorProto.FLOAT, None)}, constants)
    library = compile_for_tiles(model, tmp_path)
    assert emulator.choose(library)[0] == BAD_BATCH
    x = rng.standard_normal((batch, inputs)).astype(np.float32)
    results, counts = emulator.counted_run(library, {"x": x})
    q, scale, zero = Ops().DynamicQuantizeLinear(x)
    sums = Ops().MatMulInteger(q, constants["w"], zero)
    expected = sums.astype(np.float64) * np.float64(scale) * constants["s"] + constants["b"]
    # Three roundings, of magnitudes that the terms bound.
    bound = 3 * 2.0**-24 * (np.abs(expected - constants["b"]) + np.abs(constants["b"]))
    assert (np.abs(results["y"] - expected) <= bound).all()
    assert not emulator.is_emulating or counts.products > 0


#===-- Products of bf16 --------------------------------------------------------------------------------------------===#


def assert_within_f32_of_the_rounded(library, emulator, x, rounded, uses_tiles):
    """`rounded` is the product in double of numbers that are rounded as the op says; what is left is the order of sums in f32."""
    results, counts = emulator.counted_run(library, {"x": x})
    error = relative(results["y"], rounded)
    print(f"{x.shape}: relative error {error:.1e}; {counts}")
    assert error <= EMULATED["bf16"]
    assert not emulator.is_emulating or (counts.products > 0) == uses_tiles
    return counts


@pytest.mark.parametrize("rows,cols", [(96, 128), (40, 100), (64, 1000)])
def test_dense_layers_of_bf16(rows, cols, emulator, rng, tmp_path):
    w = rng.standard_normal((rows, cols)).astype(np.float32)
    model = make_model([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], {"x": ["n", cols]}, {"y": ["n", rows]}, {"w": w})
    library = compile_for_tiles(model, tmp_path, precision="bf16")
    assert emulator.choose(library)[0] == BAD_BATCH
    for batch in (1, 15, 16, 33, 64):
        x = rng.standard_normal((batch, cols)).astype(np.float32)
        assert_within_f32_of_the_rounded(library, emulator, x, to_bf16(x) @ to_bf16(w).T, batch >= 16)


@pytest.mark.parametrize("k,rows,cols", [(16, 512, 320), (4, 160, 128), (64, 1088, 1216), (8, 256, 130)])
def test_circulant_layers_of_bf16(k, rows, cols, emulator, rng, tmp_path):
    """Complex products: real and imaginary parts are the two numbers of a word."""
    c = rng.standard_normal((-(-rows // k), -(-cols // k), k)).astype(np.float32)
    path = save_circulant(tmp_path / "model.onnx", c, rows, cols)
    library = compress_mlir.load(compress_mlir.compile(path, tmp_path, target_cpu="sapphirerapids", target_triple="x86_64-linux-gnu",
                                                       precision="bf16", force="spectral"))
    assert emulator.choose(library)[0] == BAD_BATCH
    for batch in (3, 16, 40):
        x = rng.standard_normal((batch, cols)).astype(np.float32)
        assert_within_f32_of_the_rounded(library, emulator, x, emulate_fc(c, rows, x, "bf16"), batch >= 16)


def test_each_product_of_bf16_loads_one_tile(emulator, rng, tmp_path):
    """64 rows, 96 columns in panels of 32 (4 x 6 tiles of sums), 256 inputs in 8 steps of 32."""
    w = rng.standard_normal((96, 256)).astype(np.float32)
    model = make_model([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], {"x": ["n", 256]}, {"y": ["n", 96]}, {"w": w})
    library = compile_for_tiles(model, tmp_path, precision="bf16")
    assert emulator.choose(library)[0] == BAD_BATCH
    x = rng.standard_normal((64, 256)).astype(np.float32)
    counts = assert_within_f32_of_the_rounded(library, emulator, x, to_bf16(x) @ to_bf16(w).T, True)
    if emulator.is_emulating:
        assert (counts.products, counts.loads, counts.stores) == (192, 192, 24), counts


#===-- Products of codes -------------------------------------------------------------------------------------------===#


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("rows,cols,block", [(64, 96, 32), (40, 192, 64), (33, 512, 128), (100, 160, 32), (7, 64, 16)])
def test_layers_of_codes(rows, cols, block, zeros, emulator, rng, tmp_path):
    """Groups of a quarter of a tile, a half, one and two; panels of which some outputs exist; all kinds of rows."""
    layer = test_coded_dot.Layer(rng, rows, cols, block, zeros=zeros)
    library = compress_mlir.load(compress_mlir.compile(layer.save(tmp_path), tmp_path, target_cpu="sapphirerapids",
                                                       target_triple="x86_64-linux-gnu", force="coded"))
    assert emulator.choose(library)[0] == BAD_BATCH
    for batch in (1, 15, 16, 17, 32, 50):
        x = rng.standard_normal((batch, cols)).astype(np.float32)
        results, counts = emulator.counted_run(library, {"x": x})
        assert relative(results["y"], layer.rounded(x) @ layer.weight.T) < test_coded_dot.EMULATED
        assert not emulator.is_emulating or (counts.products > 0) == (batch >= 16)


@pytest.mark.parametrize("cols,rows", [(33, 33), (300, 33), (600, 17)])
@pytest.mark.parametrize("decoder", ["ternary", "pow2_4", "signed4", "signed8", "codebook"])
def test_integers_of_codes_are_multiplied_exactly(decoder, cols, rows, emulator, rng, tmp_path):
    layer = test_code_decoders.Layer(rng, decoder, cols, rows, integers=True)
    library = compress_mlir.load(compress_mlir.compile(layer.save(tmp_path), tmp_path, target_cpu="sapphirerapids",
                                                       target_triple="x86_64-linux-gnu", force="coded", precision="i8"))
    assert emulator.choose(library)[0] == BAD_BATCH
    for batch in (16, 35):
        x = layer.integers(rng, batch)
        results, counts = emulator.counted_run(library, {"x": x})
        np.testing.assert_array_equal(results["y"], x.astype(float) @ layer.weight.T)
        assert not emulator.is_emulating or counts.products > 0


def test_codes_are_decoded_once_for_all_rows(emulator, rng, tmp_path):
    """64 rows, 64 columns, 4 groups of 128 inputs: 4 x 4 tiles of sums for each group, of two products each, a load for each product."""
    layer = test_coded_dot.Layer(rng, 64, 512, 128)
    library = compress_mlir.load(compress_mlir.compile(layer.save(tmp_path), tmp_path, target_cpu="sapphirerapids",
                                                       target_triple="x86_64-linux-gnu", force="coded"))
    assert emulator.choose(library)[0] == BAD_BATCH
    _, counts = emulator.counted_run(library, {"x": rng.standard_normal((64, 512)).astype(np.float32)})
    if emulator.is_emulating:
        assert (counts.products, counts.loads, counts.stores, counts.zeros, counts.configures) == (128, 128, 64, 64, 1), counts
