"""The importer on models written here: batches, circulant nodes, folding, and its report on what it cannot take."""
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT
import compress_mlir
from compress_mlir import onnx_functions, reference


def make_model(nodes, inputs, outputs, constants=(), opset=15, circulant=False):
    """`inputs` and `outputs` are {name: shape}; a string in a shape is symbolic. Constants are {name: array}."""
    info = [[helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in group.items()] for group in (inputs, outputs)]
    tensors = [numpy_helper.from_array(np.asarray(v), n) for n, v in dict(constants).items()]
    graph = helper.make_graph(nodes, "g", *info, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return onnx_functions.add_functions(model) if circulant else model


def save(model, folder, name="model.onnx"):
    onnx.save(model, str(folder / name))
    return folder / name


def floats(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def test_batch_is_a_run_time_value(rng, tmp_path, compile_and_load):
    w, b = floats(rng, 7, 5), floats(rng, 7)
    path = save(make_model([helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)], {"x": ["n", 5]}, {"y": ["n", 7]},
                           {"w": w, "b": b}), tmp_path)
    library = compile_and_load(path)
    for batch in (0, 1, 3, 64, 65, 200):
        x = floats(rng, batch, 5)
        y = library.run({"x": x})["y"]
        assert y.shape == (batch, 7)
        np.testing.assert_allclose(y, x @ w.T + b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lanes", [None, 2, 4, 8, 16])
def test_dense_layers_at_the_borders_of_panels(lanes, rng, tmp_path, compile_and_load):
    """Panels of 3 vectors of outputs, blocks of 256 steps of the sum in groups of 8, tiles of 4 or 8 rows: one less, all, one more."""
    rows = [12, 13, 96, 97, 144, 191, 385, 393, 417]
    cols = [1, 7, 8, 255, 256, 257, 265, 519, 5]
    constants = {f"w{i}": floats(rng, *((n, k) if i % 2 else (k, n))) for i, (n, k) in enumerate(zip(rows, cols))}
    nodes = [helper.make_node("Gemm", [f"x{i}", f"w{i}"], [f"y{i}"], transB=i % 2) for i in range(len(rows))]
    path = save(make_model(nodes, {f"x{i}": ["n", k] for i, k in enumerate(cols)}, {f"y{i}": ["n", n] for i, n in enumerate(rows)},
                           constants), tmp_path)
    library = compile_and_load(path, vector_lanes=lanes)
    for batch in (0, 1, 3, 7, 8, 9, 17, 64):
        feeds = {f"x{i}": floats(rng, batch, k) for i, k in enumerate(cols)}
        results = library.run(feeds)
        for i, k in enumerate(cols):
            w = constants[f"w{i}"].astype(np.float64)
            w = w.T if i % 2 else w
            bound = 2.0**-24 * (k + 1) * (np.abs(feeds[f"x{i}"]).astype(np.float64) @ np.abs(w))
            assert (np.abs(results[f"y{i}"] - feeds[f"x{i}"] @ w) <= bound).all(), (rows[i], k, batch)


@pytest.mark.parametrize("batch", [1, 3, 8, 19])
def test_dense_layers_of_a_fixed_batch(batch, rng, tmp_path, compile_and_load):
    w, x = floats(rng, 393, 265), floats(rng, batch, 265)
    path = save(make_model([helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)], {"x": ["n", 265]}, {"y": ["n", 393]}, {"w": w}),
                tmp_path)
    exact = x.astype(np.float64) @ w.T.astype(np.float64)
    bound = 2.0**-24 * 266 * (np.abs(x).astype(np.float64) @ np.abs(w.T).astype(np.float64))
    assert (np.abs(compile_and_load(path, batch=batch).run({"x": x})["y"] - exact) <= bound).all()


def test_biases_and_activations_are_done_once_over_blocks(rng, compile_and_load, tmp_path):
    """The first block of 256 steps starts from the bias, and only the last one is followed by the activation."""
    cols = [255, 256, 257, 511, 512, 513, 768, 800]
    constants = {f"w{i}": floats(rng, 97, k) for i, k in enumerate(cols)} | {f"b{i}": 30 * floats(rng, 97) for i in range(len(cols))}
    nodes = [node for i in range(len(cols)) for node in (helper.make_node("Gemm", [f"x{i}", f"w{i}", f"b{i}"], [f"z{i}"], transB=1),
                                                         helper.make_node("Relu", [f"z{i}"], [f"y{i}"]))]
    path = save(make_model(nodes, {f"x{i}": ["n", k] for i, k in enumerate(cols)}, {f"y{i}": ["n", 97] for i in range(len(cols))},
                           constants), tmp_path)
    library = compile_and_load(path)
    for batch in (1, 3, 8, 17):
        feeds = {f"x{i}": floats(rng, batch, k) for i, k in enumerate(cols)}
        results = library.run(feeds)
        for i, k in enumerate(cols):
            x, w, b = (v.astype(np.float64) for v in (feeds[f"x{i}"], constants[f"w{i}"], constants[f"b{i}"]))
            bound = 2.0**-24 * (k + 2) * (np.abs(x) @ np.abs(w.T) + np.abs(b))
            assert (np.abs(results[f"y{i}"] - np.maximum(x @ w.T + b, 0)) <= bound).all(), (k, batch)


@pytest.mark.parametrize("nodes", [
    pytest.param([helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "zero"], ["n"]),
                  helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
                  helper.make_node("Concat", ["n1", "rest"], ["target"], axis=0),
                  helper.make_node("Reshape", ["x", "target"], ["y"])], id="x.view(x.size(0), -1)"),
    pytest.param([helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Identity", ["s"], ["i"]),
                  helper.make_node("Gather", ["i", "zero"], ["n"]), helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
                  helper.make_node("Concat", ["n1", "rest"], ["target"], axis=0),
                  helper.make_node("Reshape", ["x", "target"], ["y"])], id="identity of a shape"),
    pytest.param([helper.make_node("Reshape", ["x", "copied"], ["y"])], id="copied"),
    pytest.param([helper.make_node("Reshape", ["x", "fixed"], ["y"])], id="fixed"),
    pytest.param([helper.make_node("Flatten", ["x"], ["y"])], id="flatten"),
])
def test_reshapes_keep_the_batch(nodes, rng, tmp_path, compile_and_load):
    constants = {"zero": np.int64(0), "axis": np.array([0]), "rest": np.array([-1]), "copied": np.array([0, -1]),
                 "fixed": np.array([-1, 12])}
    library = compile_and_load(save(make_model(nodes, {"x": ["n", 3, 4]}, {"y": ["n", 12]}, constants), tmp_path))
    x = floats(rng, 5, 3, 4)
    np.testing.assert_array_equal(library.run({"x": x})["y"], x.reshape(5, 12))


@pytest.mark.parametrize("node", [
    helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0, 2], name="mixes"),
    helper.make_node("Softmax", ["x"], ["y"], axis=0, name="mixes"),
    helper.make_node("Concat", ["x", "x"], ["y"], axis=0, name="mixes"),
    helper.make_node("Flatten", ["x"], ["y"], axis=2, name="mixes"),
    helper.make_node("Reshape", ["x", "target"], ["y"], name="mixes"),
    helper.make_node("Add", ["x", "three"], ["y"], name="mixes"),
    helper.make_node("Pad", ["x", "pads"], ["y"], name="mixes"),
    helper.make_node("Unsqueeze", ["x", "axes"], ["y"], name="mixes"),
    helper.make_node("ReduceMean", ["x"], ["y"], axes=[0, 2], name="mixes"),
    helper.make_node("Slice", ["x", "one", "two"], ["y"], name="mixes"),
], ids=lambda node: node.op_type)
def test_mixing_samples_is_refused_and_a_stated_batch_taken(node, rng, tmp_path, compile_and_load):
    constants = {"target": np.array([4, -1]), "three": floats(rng, 3, 4, 2), "pads": np.array([1, 0, 0, 0, 0, 0]),
                 "axes": np.array([0]), "one": np.array([1]), "two": np.array([2])}
    path = save(make_model([node], {"x": ["n", 4, 2]}, {"y": None}, constants), tmp_path)
    with pytest.raises(compress_mlir.CompileError, match=r"node 'mixes' .*--batch N"):
        compile_and_load(path)
    library = compile_and_load(path, batch=3)
    x = floats(rng, 3, 4, 2)
    with np.errstate(over="ignore"):
        exponential = np.exp(x - x.max(0))
    expected = {"Transpose": x.transpose(1, 0, 2), "Softmax": exponential / exponential.sum(0),
                "Concat": np.concatenate([x, x]), "Flatten": x.reshape(12, 2), "Reshape": x.reshape(4, -1),
                "Add": x + constants["three"], "Pad": np.pad(x, ((1, 0), (0, 0), (0, 0))), "Unsqueeze": x[None],
                "ReduceMean": x.mean((0, 2), keepdims=True), "Slice": x[1:2]}
    np.testing.assert_allclose(library.run({"x": x})["y"], expected[node.op_type], rtol=1e-6)


def test_slices_keep_the_batch(rng, tmp_path, compile_and_load):
    """Bounds from behind, beyond the ends, with a step, and of a shape, from which a reshape is made."""
    constants = {"starts": np.array([-6, 1]), "ends": np.array([100, -1]), "axes": np.array([2, 1]), "steps": np.array([2, 1]),
                 "first": np.array([0]), "second": np.array([1]), "rest": np.array([-1])}
    nodes = [helper.make_node("Slice", ["x", "starts", "ends", "axes", "steps"], ["s"]), helper.make_node("Shape", ["s"], ["shape"]),
             helper.make_node("Slice", ["shape", "first", "second"], ["n"]), helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
             helper.make_node("Reshape", ["s", "target"], ["y"])]
    library = compile_and_load(save(make_model(nodes, {"x": ["n", 4, 7]}, {"y": None}, constants), tmp_path))
    x = floats(rng, 5, 4, 7)
    np.testing.assert_array_equal(library.run({"x": x})["y"], x[:, 1:-1, -6::2].reshape(5, -1))


@pytest.mark.parametrize("node,reason", [
    (helper.make_node("Slice", ["x", "x", "x"], ["y"], name="bad"), "its bounds are computed at run time"),
    (helper.make_node("Slice", ["x", "one", "pair"], ["y"], name="bad"), "not as many starts, ends and steps as axes"),
    (helper.make_node("Slice", ["x", "one", "one", "far"], ["y"], name="bad"), "9 is out of range"),
    (helper.make_node("Slice", ["x", "one", "one", "one", "back"], ["y"], name="bad"), "a step of -2 is not supported"),
    (helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, -2], name="bad"), "an axis is given twice"),
], ids=str)
def test_bounds_and_axes_are_checked(node, reason, rng, tmp_path, compile_and_load):
    constants = {"one": np.array([1]), "pair": np.array([1, 2]), "far": np.array([9]), "back": np.array([-2])}
    path = save(make_model([node], {"x": ["n", 4, 2]}, {"y": None}, constants), tmp_path)
    with pytest.raises(compress_mlir.CompileError, match=f"node 'bad' .*{reason}"):
        compile_and_load(path)


def test_a_stated_shape_fixes_open_dimensions(rng, tmp_path, compile_and_load):
    node = helper.make_node("ReduceMean", ["x"], ["y"], axes=[-1], keepdims=0)
    path = save(make_model([node], {"x": ["n", 3, "width"]}, {"y": None}, {}), tmp_path)
    with pytest.raises(compress_mlir.CompileError, match=r"dimension 2 \('width'\) is not fixed.*--shape"):
        compile_and_load(path)
    x = floats(rng, 5, 3, 7)
    for batch in (None, 5):
        y = compile_and_load(path, shapes={"x": (batch, 3, 7)}).run({"x": x})["y"]
        np.testing.assert_allclose(y, x.mean(-1), rtol=1e-6)
    for shapes, reason in [({"x": (None, 3)}, "it has 3 dimensions, but the shape that is stated for it 2"),
                           ({"x": (None, 4, 7)}, "dimension 1 is 3, not 4 as is stated"), ({"x": (None, 3, 7), "z": (1,)}, "'z', which is no input"),
                           ({"x": (None, None, 7)}, "--shape expects"), ({"x": (0, 3, 7)}, "--shape expects")]:
        with pytest.raises(compress_mlir.CompileError, match=reason):
            compile_and_load(path, shapes=shapes)


@pytest.mark.parametrize("rows,cols,k", [(8, 8, 4), (7, 10, 4), (5, 9, 3), (6, 6, 1)])
@pytest.mark.parametrize("spelling", ["Gemm transB", "Transpose MatMul", "Conv"])
def test_circulant_nodes_mean_the_documented_matrix(rows, cols, k, spelling, rng, tmp_path, compile_and_load):
    taps = (3, 2) if spelling == "Conv" else ()
    c = floats(rng, -(-rows // k), -(-cols // k), k, *taps)
    dense = reference.circulant(c, rows, cols)
    weight = helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=rows, cols=cols)
    if spelling == "Conv":
        nodes = [weight, helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 0, 0, 1], strides=[2, 1])]
        x = floats(rng, 2, cols, 6, 5)
        padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 2), (2, 3))[:, :, ::2]
        expected = np.einsum("ncyxij,ocij->noyx", windows, dense)
    else:
        x = floats(rng, 3, cols)
        expected = x @ dense.T
        nodes = ([weight, helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)] if spelling == "Gemm transB" else
                 [weight, helper.make_node("Transpose", ["w"], ["wt"]), helper.make_node("MatMul", ["x", "wt"], ["y"])])
    shapes = {"x": ["n"] + list(x.shape[1:])}, {"y": ["n"] + list(expected.shape[1:])}
    path = save(make_model(nodes, *shapes, {"c": c}, circulant=True), tmp_path)
    for options in (dict(), dict(expand=True)):
        library = compile_and_load(path, **options)
        np.testing.assert_allclose(library.run({"x": x})["y"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lanes", [None, 2, 4, 8, 16])
def test_circulant_layers_in_panels(lanes, rng, tmp_path, compile_and_load):
    """Panels of 4 vectors of out blocks where these divide: 2, 3, 8 and more of them, and numbers that they do not divide."""
    sizes = [(64, 12, 4), (96, 20, 3), (256, 9, 4), (384, 10, 3), (512, 33, 8), (130, 12, 2), (248, 7, 1)]
    constants = {f"c{i}": floats(rng, -(-n // k), -(-m // k), k) for i, (n, m, k) in enumerate(sizes)}
    nodes = []
    for i, (n, m, _) in enumerate(sizes):
        nodes += [helper.make_node("Circulant", [f"c{i}"], [f"w{i}"], domain="compress", rows=n, cols=m),
                  helper.make_node("Gemm", [f"x{i}", f"w{i}"], [f"y{i}"], transB=1)]
    path = save(make_model(nodes, {f"x{i}": ["n", m] for i, (_, m, _) in enumerate(sizes)},
                           {f"y{i}": ["n", n] for i, (n, _, _) in enumerate(sizes)}, constants, circulant=True), tmp_path)
    library = compile_and_load(path, vector_lanes=lanes, force="spectral")
    for batch in (0, 1, 3, 7, 17):
        feeds = {f"x{i}": floats(rng, batch, m) for i, (_, m, _) in enumerate(sizes)}
        results = library.run(feeds)
        for i, (n, m, k) in enumerate(sizes):
            dense = reference.circulant(constants[f"c{i}"].astype(np.float64), n, m)
            expected = feeds[f"x{i}"] @ dense.T
            size = np.abs(feeds[f"x{i}"]).astype(np.float64) @ np.abs(dense.T) + 1e-30
            np.testing.assert_array_less(np.abs(results[f"y{i}"] - expected), 1e-5 * size.max(initial=1e-30) + 1e-30, err_msg=f"{n} {m} {k} {batch}")


def test_shared_circulant_weight_is_stored_once(rng, tmp_path, compile_and_load):
    c = floats(rng, 2, 2, 8)
    nodes = [helper.make_node("Circulant", ["c"], ["w"], domain="compress", rows=16, cols=16),
             helper.make_node("Gemm", ["x", "w"], ["h"], transB=1), helper.make_node("Gemm", ["h", "w"], ["y"], transB=1)]
    path = save(make_model(nodes, {"x": ["n", 16]}, {"y": ["n", 16]}, {"c": c}, circulant=True), tmp_path)
    x, dense = floats(rng, 3, 16), reference.circulant(c, 16, 16)
    np.testing.assert_allclose(compile_and_load(path).run({"x": x})["y"], x @ dense.T @ dense.T, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("linear", ["Conv", "Gemm", "Gemm transB"])
def test_batch_normalization_folds_into_dense_weights(linear, rng, tmp_path, compile_and_load):
    w = floats(rng, 4, 3, 2, 2) if linear == "Conv" else floats(rng, 4, 3) if linear.endswith("transB") else floats(rng, 3, 4)
    scale, shift, mean = floats(rng, 4), floats(rng, 4), floats(rng, 4)
    variance = (0.5 + rng.random(4)).astype(np.float32)
    first = (helper.make_node("Conv", ["x", "w", "b"], ["z"]) if linear == "Conv" else
             helper.make_node("Gemm", ["x", "w", "b"], ["z"], transB=int(linear.endswith("transB"))))
    nodes = [first, helper.make_node("BatchNormalization", ["z", "s", "t", "m", "v"], ["y"], epsilon=0.01)]
    b = floats(rng, 4)
    constants = {"w": w, "b": b, "s": scale, "t": shift, "m": mean, "v": variance}
    shapes = ({"x": ["n", 3, 5, 5]}, {"y": ["n", 4, 4, 4]}) if linear == "Conv" else ({"x": ["n", 3]}, {"y": ["n", 4]})
    path = save(make_model(nodes, *shapes, constants), tmp_path)
    if linear == "Conv":
        x = floats(rng, 2, 3, 5, 5)
        windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), (2, 3))
        z = np.einsum("ncyxij,ocij->noyx", windows, w) + b[:, None, None]
        view = (slice(None), None, None)
    else:
        x = floats(rng, 2, 3)
        z = x @ (w.T if linear.endswith("transB") else w) + b
        view = slice(None)
    expected = (z - mean[view]) / np.sqrt(variance[view] + 0.01) * scale[view] + shift[view]
    np.testing.assert_allclose(compile_and_load(path).run({"x": x})["y"], expected, rtol=1e-4, atol=1e-5)
    # The normalization is gone: no square root is left to compute.
    text = compile_to_text(path, tmp_path)
    assert "math.sqrt" not in text


def compile_to_text(path, folder):
    import subprocess
    from compress_mlir.native import _find_compiler
    subprocess.run([_find_compiler(), str(path), "-o", str(folder), "--emit", "mlir", "--quiet"], check=True)
    return (folder / (path.stem + ".mlir")).read_text()


def test_batch_normalization_of_a_shared_result_is_not_folded(rng, tmp_path, compile_and_load):
    w, ones = floats(rng, 4, 3), np.ones(4, np.float32)
    nodes = [helper.make_node("Gemm", ["x", "w"], ["z"], transB=1),
             helper.make_node("BatchNormalization", ["z", "s", "t", "m", "s"], ["n"], epsilon=0.0),
             helper.make_node("Add", ["n", "z"], ["y"])]
    path = save(make_model(nodes, {"x": ["n", 3]}, {"y": ["n", 4]}, {"w": w, "s": ones, "t": ones, "m": 2 * ones}), tmp_path)
    x = floats(rng, 2, 3)
    np.testing.assert_allclose(compile_and_load(path).run({"x": x})["y"], 2 * (x @ w.T) - 1, rtol=1e-5, atol=1e-5)


def test_external_data_beside_the_model_is_read(rng, tmp_path, compile_and_load):
    w = floats(rng, 6, 5)
    model = make_model([helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": ["n", 6]}, {"y": ["n", 5]}, {"w": w})
    onnx.save(model, str(tmp_path / "model.onnx"), save_as_external_data=True, location="weights.bin", size_threshold=0)
    x = floats(rng, 2, 6)
    np.testing.assert_allclose(compile_and_load(tmp_path / "model.onnx").run({"x": x})["y"], x @ w, rtol=1e-5, atol=1e-6)


def test_newer_opset_is_taken_where_its_ops_are_known(rng, tmp_path, compile_and_load):
    path = save(make_model([helper.make_node("Relu", ["x"], ["y"])], {"x": ["n", 3]}, {"y": ["n", 3]}, opset=21), tmp_path)
    x = floats(rng, 2, 3)
    np.testing.assert_array_equal(compile_and_load(path).run({"x": x})["y"], np.maximum(x, 0))


def test_the_table_of_ops_is_complete(tmp_path):
    path = save(make_model([helper.make_node("LSTM", ["x"], ["y"])], {"x": [1]}, {"y": None}), tmp_path)
    with pytest.raises(compress_mlir.CompileError) as error:
        compress_mlir.compile(path, tmp_path / "out")
    supported = next(line for line in str(error.value).splitlines() if "supported ops:" in line).split(":")[1].split()
    rows = [line.split("|")[1] for line in (ROOT / "docs" / "ONNX.md").read_text().splitlines() if line.startswith("| `")]
    assert sorted(re.findall("`([^`]*)`", " ".join(rows))) == sorted(supported)


def test_one_report_lists_every_node_that_cannot_be_taken(tmp_path):
    nodes = [helper.make_node("LSTM", ["x", "w", "w"], ["h"], name="recurrent", hidden_size=2),
             helper.make_node("Relu", ["h"], ["r"], name="fine"),
             helper.make_node("Einsum", ["r"], ["e"], name="sum", equation="i->i"),
             helper.make_node("Conv", ["x", "w"], ["c"], name="mismatch", kernel_shape=[7]),
             helper.make_node("Add", ["e", "c"], ["y"], name="last")]
    path = save(make_model(nodes, {"x": [1, 2, 3]}, {"y": None}, {"w": np.ones((1, 2, 2), np.float32)}), tmp_path)
    with pytest.raises(compress_mlir.CompileError) as error:
        compress_mlir.compile(path, tmp_path / "out")
    lines = str(error.value).splitlines()
    assert lines[0].startswith("error: ") and "3 problems" in lines[0]
    assert any("node 'recurrent' (LSTM, opset 15): this op is not supported" in line for line in lines)
    assert any("node 'sum' (Einsum, opset 15): this op is not supported" in line for line in lines)
    assert any("node 'mismatch' (Conv, opset 15): kernel_shape differs" in line for line in lines)
    assert not (tmp_path / "out").exists()
