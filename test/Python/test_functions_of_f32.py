"""exp and tanh of f32 are polynomials in a library (compress-approximate-functions): how far they are from the exact functions.

The exact values are NumPy's in double. A unit in the last place is the distance of f32 numbers at the exact value. Inputs are all over the
range in which the result is a normal number, drawn by seed and evenly spaced, and those where a polynomial would be wrong: zeros, the
ends of the range, infinities, NaN."""
import numpy as np
import pytest
from onnx import TensorProto, helper

COUNT, SEED = 1 << 16, 20261130
ENDS = np.array([0, -0.0, 1e-30, -1e-30, 1e-7, 0.5, -0.5, 1, -1, np.inf, -np.inf, np.nan], np.float32)


def run(op, values, tmp_path, compile_and_load):
    """`op` by a library, `values` padded to two extents: one that lanes divide, and rows of 7."""
    results = []
    for width in (64, 7):
        rows = -(-values.size // width)
        padded = np.zeros((rows, width), np.float32)
        padded.ravel()[:values.size] = values
        graph = helper.make_graph([helper.make_node(op, ["x"], ["y"])], "f", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])])
        path = tmp_path / f"{op}{width}.onnx"
        path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
        results.append(compile_and_load(path).run({"x": padded})["y"].ravel()[:values.size])
    np.testing.assert_array_equal(*results)
    return results[0]


@pytest.mark.parametrize("op,exact,low,high,units", [("Exp", np.exp, -87.3, 88.7, 4), ("Tanh", np.tanh, -20, 20, 5)])
def test_within_units_of_the_last_place(op, exact, low, high, units, tmp_path, compile_and_load):
    rng = np.random.default_rng(SEED)
    values = np.concatenate([rng.uniform(low, high, COUNT), np.linspace(low, high, COUNT), rng.normal(0, 1, COUNT)]).astype(np.float32)
    result = run(op, values, tmp_path, compile_and_load)
    expected = exact(values.astype(np.float64))
    error = np.abs(result - expected) / np.spacing(np.abs(expected).astype(np.float32))
    worst = error.argmax()
    assert error[worst] <= units, (SEED, values[worst], result[worst], expected[worst], error[worst])


@pytest.mark.parametrize("op,exact", [("Exp", np.exp), ("Tanh", np.tanh)])
def test_ends(op, exact, tmp_path, compile_and_load):
    result = run(op, ENDS, tmp_path, compile_and_load)
    expected = exact(ENDS.astype(np.float64))
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(result[~finite & ~np.isnan(expected)], expected[~finite & ~np.isnan(expected)].astype(np.float32))
    np.testing.assert_allclose(result[finite], expected[finite], rtol=5 * 2.0**-23, atol=1e-38)


def test_exp_beyond_the_range_is_infinite_or_nearly_zero(tmp_path, compile_and_load):
    result = run("Exp", np.array([89, 1000, -104, -1000], np.float32), tmp_path, compile_and_load)
    assert np.isinf(result[:2]).all() and (result[2:] >= 0).all() and (result[2:] < 1.2e-38).all(), result
