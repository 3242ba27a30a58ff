"""Transforms whose slots a transpose makes innermost compute the same, for any block size, batch and shape.

Against NumPy in double; bound per number as in test_kernel_tiling: eps * terms * |basis| |x|.
"""
import numpy as np
import pytest

from test_import import floats
from test_kernel_tiling import EPS, basis, rfft, transform_terms


def check(result, x, k, permutation):
    planes, most = (rfft(a.astype(np.float64), k, x.ndim - 1, table) for a, table in
                    ((x, basis(k)), (np.abs(x), np.abs(basis(k)))))
    error = np.abs(result - np.transpose(planes, permutation).reshape(result.shape))
    assert (error <= EPS * transform_terms(k) * np.transpose(most, permutation).reshape(result.shape)).all(), error.max()


@pytest.mark.parametrize("k", [*range(1, 17), 20, 48, 64, 100, 256])
def test_rows_of_a_batch(k, rng, tmp_path, compile_and_load):
    rows, planes, folded = f"tensor<?x{k}xf32>", f"tensor<{k}x?x1xf32>", f"tensor<{k}x?xf32>"
    path = tmp_path / "model.mlir"
    path.write_text(f"""func.func @main(%x: {rows} {{compress.name = "x"}}) -> ({rows} {{compress.name = "y"}}) {{
      %c0 = arith.constant 0 : index
      %n = tensor.dim %x, %c0 : {rows}
      %i = tensor.empty(%n) : {planes}
      %s = compress.rfft dim = 1 ins(%x : {rows}) outs(%i : {planes}) -> {planes}
      %f = tensor.collapse_shape %s [[0], [1, 2]] : {planes} into {folded}
      %e = tensor.empty(%n) : {rows}
      %y = linalg.transpose ins(%f : {folded}) outs(%e : {rows}) permutation = [1, 0]
      return %y : {rows}
    }}""")
    library = compile_and_load(path)
    assert library.run({"x": floats(rng, 0, k)})["y"].shape == (0, k)
    for n in (1, 15, 16, 17, 70):
        x = floats(rng, n, k)
        check(library.run({"x": x})["y"], x, k, (1, 2, 0))


@pytest.mark.parametrize("shape, k, permutation", [
    ((3, 40), 8, (1, 2, 0)), ((3, 37), 8, (1, 2, 0)), ((3, 37), 8, (2, 1, 0)), ((19, 21), 8, (2, 1, 0)), ((2, 300), 12, (1, 2, 0)),
    ((5, 18, 70), 32, (2, 3, 1, 0)), ((23, 5, 20), 20, (1, 3, 2, 0)), ((2, 1100), 64, (1, 2, 0)), ((3, 7, 40), 8, (1, 0, 2, 3))])
def test_blocks_of_rows(shape, k, permutation, rng, tmp_path, compile_and_load):
    """Several blocks of a row, of which the last may be cut short; lanes are blocks or rows, whichever are more."""
    text = lambda extents: f"tensor<{'x'.join(map(str, extents))}xf32>"  # noqa: E731
    planes = (k, *shape[:-1], -(-shape[-1] // k))
    result = tuple(planes[p] for p in permutation)
    path = tmp_path / "model.mlir"
    path.write_text(f"""func.func @main(%x: {text(shape)} {{compress.name = "x"}}) -> ({text(result)} {{compress.name = "y"}}) {{
      %i = tensor.empty() : {text(planes)}
      %s = compress.rfft dim = {len(shape) - 1} ins(%x : {text(shape)}) outs(%i : {text(planes)}) -> {text(planes)}
      %e = tensor.empty() : {text(result)}
      %y = linalg.transpose ins(%s : {text(planes)}) outs(%e : {text(result)}) permutation = {list(permutation)}
      return %y : {text(result)}
    }}""")
    x = floats(rng, *shape)
    check(compile_and_load(path).run({"x": x})["y"], x, k, permutation)
