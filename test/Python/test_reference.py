"""The NumPy reference of the fits, checked against their mathematics."""
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from compress_mlir import reference
from conftest import ROOT


def ulp4(w):
    """4 units in the last place of the largest entry, in f32."""
    return 4 * np.spacing(np.float32(np.max(np.abs(w))))


def relative(error, w):
    return np.linalg.norm(error) / np.linalg.norm(w)


@pytest.mark.parametrize("rows,cols,k", [(8, 8, 4), (10, 7, 3), (5, 9, 8), (3, 3, 1)])
def test_circulant_fit_is_the_orthogonal_projection(rng, rows, cols, k):
    w = rng.normal(size=(rows, cols, 2))
    c = reference.fit_circulant(w, k)
    residual = w - reference.circulant(c, rows, cols)
    for index in np.ndindex(c.shape):  # orthogonal to every basis tensor of the representation
        unit = np.zeros(c.shape)
        unit[index] = 1
        assert abs(np.sum(residual * reference.circulant(unit, rows, cols))) < 1e-12
    again = reference.fit_circulant(reference.circulant(c, rows, cols), k)
    assert np.allclose(reference.circulant(again, rows, cols), w - residual, rtol=0, atol=ulp4(w))


def test_truncated_svd_leaves_the_discarded_energy(rng):
    x = rng.normal(size=(40, 9)) * np.geomspace(1, 1e-3, 9)
    singular = np.linalg.svd(x, compute_uv=False)
    for rank in range(1, 10):
        coefficients, basis = reference.truncated_svd(x, rank)
        assert np.allclose(basis @ basis.T, np.eye(rank), atol=1e-12)
        assert np.isclose(np.sum((x - coefficients @ basis) ** 2), np.sum(singular[rank:] ** 2), rtol=1e-9, atol=1e-18)
    kept = np.cumsum(singular**2) / np.sum(singular**2)
    for energy in (0.5, 0.9, 0.999):
        rank = reference.truncated_svd(x, energy=energy)[1].shape[0]
        assert kept[rank - 1] >= energy and (rank == 1 or kept[rank - 2] < energy)


def test_escalate_with_every_basis_is_exact(rng):
    w = rng.normal(size=(6, 5, 3, 3)).astype(np.float32)
    coefficients, basis = reference.fit_escalate(w.astype(float), m=9)
    rebuilt = np.einsum("kcm,mrs->kcrs", coefficients, basis)
    assert np.max(np.abs(rebuilt - w)) <= ulp4(w)


@pytest.mark.parametrize("x,expected", [(0.75, 0.5), (np.nextafter(0.75, 1), 1), (1.5, 1), (-1.5, -1), (1.6, 2), (9, 2), (0.125, 0),
                                        (0.126, 0.25), (0, 0), (-0.3, -0.25)])
def test_nearest_power_of_two(x, expected):
    assert reference.nearest_power_of_two(np.array(x), -2, 1) == expected


@pytest.mark.parametrize("shape,slicing", [((9, 4096), (8, 171, 3)), ((9, 512), (1, 171, 3)), ((9, 256), (1, 86, 3)), ((9, 64, 1, 1), (1, 22, 3)),
                                           ((9, 784), (2, 131, 3)), ((9, 128, 3, 3), (2, 192, 3)), ((9, 100, 5, 5), (3, 170, 5)), ((9, 1, 7, 7), (1, 7, 7))])
def test_smartdeal_slices_hold_every_number(rng, shape, slicing):
    assert reference.smartdeal_slicing(shape) == slicing
    slices, rows, r = slicing
    assert rows <= 192 and slices * rows * r >= np.prod(shape[1:])
    w = rng.normal(size=(1,) + shape[1:])
    w = np.sign(w) * 2.0 ** rng.integers(-8, 0, w.shape)  # codes already: their own fit, with the identity as basis
    coefficients, basis, _ = reference.fit_smartdeal(w, theta=0.0)
    assert np.allclose(reference.smartdeal(coefficients, basis, w.shape), w, atol=1e-12)


@pytest.mark.parametrize("rows,scale", [(False, False), (True, False), (False, True)])
def test_smartdeal_ends_with_the_least_squares_basis_of_its_codes(rng, rows, scale):
    for _ in range(20):
        a = rng.normal(size=(rng.integers(4, 60), rng.integers(2, 8))) / 8
        q, b, info = reference.smartdeal_slice(a, 0.02, rows=rows, scale=scale)
        assert set(np.unique(np.log2(np.abs(q[q != 0])))) <= set(range(-8, 0))
        assert np.max(np.abs(q.T @ (a - q @ b))) < 1e-12
        assert info["iterations"] <= 30 and (info["unchanged"] or info["iterations"] == 30)


def test_smartdeal_restarts_when_theta_empties_a_column():
    a = np.array([[0.5, 0.01], [0.25, -0.012], [0.5, 0.009]])
    q, _, info = reference.smartdeal_slice(a, 0.1)
    assert info["restarts"] > 0 and info["theta"] == 0.1 * 0.5 ** info["restarts"]
    assert np.all(np.any(q != 0, axis=0))


def test_smartdeal_takes_zeros(rng):
    q, b, info = reference.smartdeal_slice(np.zeros((5, 3)), 0.02)
    assert not q.any() and not b.any() and info["unchanged"] and info["restarts"] == 0
    a = rng.normal(size=(9, 3)) * [1, 0, 1]
    q, b, _ = reference.smartdeal_slice(a, 0.02)
    assert np.all(np.isfinite(b)) and not q[:, 1].any()


def test_smartdeal_of_the_trained_mnist_network(rng):
    """Of the trained LeNet's slices, 97 in 100 keep their code within 30 iterations; the others stop at the cap."""
    model = onnx.load(ROOT / "examples/mnist/models/mnist_dense.onnx")
    weights = {t.name: numpy_helper.to_array(t).astype(float) for t in model.graph.initializer}
    infos = []
    for w in (weights["3.weight"], weights["7.weight"][:64], weights["9.weight"]):
        coefficients, basis, found = reference.fit_smartdeal(w, 0.004, rows=False)
        infos += found
        assert relative(reference.smartdeal(coefficients, basis, w.shape) - w, w) < 0.19
    share = np.mean([info["unchanged"] for info in infos])
    print(f"unchanged code: {share:.3f} of {len(infos)} slices, median {np.median([i['iterations'] for i in infos])} iterations")
    assert share >= 0.97


@pytest.mark.parametrize("symmetric", [True, False])
def test_uniform_errs_by_half_a_step_and_search_errs_less(rng, symmetric):
    w, group = rng.normal(size=(6, 33)) + 0.3, (1, 8)
    plain = lambda v: reference.fit_uniform(v, -8, 7, symmetric)
    searched = lambda v: reference.fit_uniform(v, -8, 7, symmetric, search=True)
    q, scales, zeros = reference.fit_per_scale(w, group, plain)
    assert scales.shape == (6, 5) and np.all((q >= -8) & (q <= 7) & (q == np.round(q)))
    error = np.abs(reference.dequantize(q, scales, group, zeros) - w)
    steps = np.repeat(scales, 8, axis=1)[:, :33]
    assert np.all(error <= steps * (0.5 if symmetric else 1.0) * (1 + 1e-12))  # the zero point is rounded too
    best = reference.dequantize(*[x for x in reference.fit_per_scale(w, group, searched)[:2]], group, reference.fit_per_scale(w, group, searched)[2])
    assert np.linalg.norm(best - w) <= np.linalg.norm(error)


def test_uniform_at_given_scales_changes_nothing_the_second_time(rng):
    for scale in 2.0 ** rng.uniform(-9, 3, 50):
        q, zero = rng.integers(-8, 8, 40), rng.integers(-8, 8)
        w = scale * (q - zero)
        assert np.array_equal(reference.nearest_integer(w / scale + zero, -8, 7), q)


def test_ternary_is_twn_and_iterates_to_the_nearest_codes(rng):
    v = rng.normal(size=500)
    q, scale, _ = reference.fit_ternary(v)
    kept = np.abs(v) > 0.7 * np.mean(np.abs(v))
    assert np.array_equal(q, np.sign(v) * kept) and np.isclose(scale, np.mean(np.abs(v)[kept]))
    q2, scale2, _ = reference.fit_ternary(v, iterate=True)
    assert np.array_equal(q2, np.sign(v) * (np.abs(v) > scale2 / 2))
    assert np.linalg.norm(v - scale2 * q2) <= np.linalg.norm(v - scale * q)
    again = reference.fit_ternary(scale * q)
    assert np.array_equal(again[0], q) and np.isclose(again[1], scale, rtol=1e-15)


def test_codebook_centres_are_means_and_few_numbers_are_kept(rng):
    w = rng.normal(size=(30, 11))
    index, table = reference.fit_codebook(w, 8)
    for i in range(8):
        assert np.isclose(table[i], np.mean(w[index == i]))
    assert np.array_equal(index, np.argmin(np.abs(w[..., None] - table), axis=-1))
    few = table[index]
    again, kept = reference.fit_codebook(few, 8)
    assert np.array_equal(kept[again], few)


@pytest.mark.parametrize("mask", [(6, 1, 1, 1), (1, 4, 1, 1), (1, 4, 3, 3), (3, 4, 1, 1), (6, 4, 3, 3)])
def test_packing_keeps_what_is_not_zero(rng, mask):
    w = rng.normal(size=(6, 4, 3, 3))
    reference.boxes(w, mask)[rng.random(mask) < 0.4] = 0
    values, kept = reference.pack(w, mask)
    assert values.size < w.size and np.array_equal(reference.unpack(values, kept, w.shape), w)
