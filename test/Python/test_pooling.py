"""Extrema of windows, whose loops take rows before columns, or shuffles before rows, are those of NumPy.

An extremum rounds nothing, so results are equal bit by bit but for the sign of a zero; a window with a NaN is NaN.
"""
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from onnx import helper

import compress_mlir
from test_import import floats, make_model, save


def windows(x, kernel, strides, pads):
    """[n, c, oh, ow, kh, kw] of x [n, c, h, w], with -infinity around it; pads: before and after of rows, then of columns."""
    padded = np.pad(x, [(0, 0), (0, 0), pads[:2], pads[2:]], constant_values=-np.inf)
    return sliding_window_view(padded, kernel, axis=(2, 3))[:, :, ::strides[0], ::strides[1]]


@pytest.mark.parametrize("width", [4, 5, 12, 13, 16, 24, 34, 50])
@pytest.mark.parametrize("kernel,strides,pads", [
    ((2, 2), (2, 2), (0, 0, 0, 0)),
    ((1, 2), (1, 2), (0, 0, 0, 0)),
    ((3, 2), (2, 2), (1, 0, 0, 1)),
    ((3, 3), (2, 2), (1, 1, 1, 1)),
    ((2, 2), (1, 1), (0, 0, 0, 0)),
    ((2, 4), (2, 2), (0, 0, 0, 0)),
])
def test_largest_of_windows(width, kernel, strides, pads, rng, tmp_path):
    nodes = [helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=kernel, strides=strides, pads=[pads[0], pads[2], pads[1], pads[3]])]
    path = save(make_model(nodes, {"x": [2, 3, 7, width]}, {"y": None}, {}), tmp_path)
    library = compress_mlir.load(compress_mlir.compile(path, tmp_path))
    x = floats(rng, 2, 3, 7, width)
    x[0, 0] = -np.abs(x[0, 0])  # larger than any fill but -infinity
    x.flat[rng.integers(0, x.size, 5)] = np.inf
    x.flat[rng.integers(0, x.size, 5)] = -np.inf
    x.flat[rng.integers(0, x.size, 5)] = np.nan
    np.testing.assert_array_equal(library.run({"x": x})["y"], windows(x, kernel, strides, pads).max((-2, -1)))
