"""compress_mlir.regularizers against mathematics: penalties and their gradients, proximal steps, forces; masks that stay zero in training;
networks without dead filters."""
import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from compress_mlir import export, forms, structured_forms  # noqa: E402
from compress_mlir.regularizers import FORCES, KINDS, GroupLasso, RankForce, TrimmedLasso, UnitLasso, add_force, force  # noqa: E402

LAYERS = (lambda: nn.Linear(7, 5), lambda: nn.Conv2d(3, 4, (2, 3)))


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def groups_of(weight, kind):
    """The groups as the paper lists them: W[n], W[:, c], W[:, c, i, j], W."""
    lowered = weight.reshape(len(weight), -1)
    return {"filters": list(weight), "channels": list(weight.swapaxes(0, 1)), "shapes": list(lowered.T), "depth": [weight]}[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("build", LAYERS)
def test_penalty_is_the_sum_of_the_groups_norms(build, kind):
    layer = build()
    weight = layer.weight.detach().numpy().astype(float)
    expected = 0.3 * sum(np.sqrt(group.size) * np.linalg.norm(group) for group in groups_of(weight, kind))
    assert float(GroupLasso({layer: 0.3}, [kind]).penalty()) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_the_penalty_is_that_of_finite_differences():
    layer = nn.Conv2d(2, 3, 2).double()
    layer.weight.data[1] = 0  # no direction: gradient 0 of this group
    lasso = GroupLasso({layer: 0.7}, ["filters"])
    lasso.penalty().backward()
    gradient, step = layer.weight.grad.clone(), 1e-6
    assert not gradient[1].any()
    for place in [(0, 0, 0, 0), (2, 1, 1, 0), (0, 1, 0, 1)]:
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                layer.weight[place] += sign * step
                values.append(float(lasso.penalty()))
                layer.weight[place] -= sign * step
        assert float(gradient[place]) == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("build", LAYERS)
def test_a_proximal_step_minimises_distance_and_penalty(build, kind):
    """w = argmin 1/2 |w - v|^2 + t |w|: w = 0 where |v| <= t, else v - w = t w / |w|, the conditions of optimality."""
    layer = build()
    v, rate, strength = layer.weight.detach().clone(), 0.5, 0.45
    GroupLasso({layer: strength}, [kind]).shrink(rate)
    zeros = 0
    for before, after in zip(groups_of(v.numpy(), kind), groups_of(layer.weight.detach().numpy(), kind)):
        bound = rate * strength * np.sqrt(before.size)
        if not after.any():
            zeros += 1
            assert np.linalg.norm(before) <= bound * (1 + 1e-6)
        else:
            np.testing.assert_allclose(before - after, bound * after / np.linalg.norm(after), atol=1e-6)
    if kind == "shapes":
        assert zeros  # or nothing was tested


def test_shrinking_and_the_penalty_fall_alike():
    """A short proximal step is one of gradient descent along the penalty."""
    layer = nn.Linear(6, 4).double()
    descended = copy.deepcopy(layer)
    GroupLasso({descended: 0.2}, ["channels"]).penalty().backward()
    GroupLasso({layer: 0.2}, ["channels"]).shrink(1e-3)
    torch.testing.assert_close(layer.weight, descended.weight - 1e-3 * descended.weight.grad)


@pytest.mark.parametrize("kind", ["filters", "shapes"])
@pytest.mark.parametrize("build", LAYERS)
def test_a_trimmed_step_leaves_the_largest_groups_alone(build, kind):
    """v has the proximal point of the trimmed penalty: the largest groups as they are, of the others v - w = t w / |w|, or 0 where |v| <= t."""
    layer = build()
    v, rate, strength, kept = layer.weight.detach().clone().numpy(), 0.5, 0.9, 3
    rms = float(np.sqrt((v**2).mean()))
    TrimmedLasso({layer: kept}, strength, kind).shrink(rate)
    before, after = groups_of(v, kind), groups_of(layer.weight.detach().numpy(), kind)
    largest = np.argsort([-np.linalg.norm(group) for group in before])[:kept]
    for i, (old, new) in enumerate(zip(before, after)):
        bound = 0 if i in largest else rate * strength * rms * np.sqrt(old.size)
        if new.any():
            np.testing.assert_allclose(old - new, bound * new / np.linalg.norm(new), atol=1e-6)
        else:
            assert i not in largest and np.linalg.norm(old) <= bound * (1 + 1e-6)


def test_steps_of_a_trimmed_lasso_leave_as_many_groups_as_are_kept():
    layer = nn.Linear(20, 12)
    kept = layer.weight.detach().norm(dim=0).topk(5).indices
    expected = layer.weight.detach()[:, kept].clone()
    lasso = TrimmedLasso({layer: 5}, 0.3)
    for _ in range(50):
        lasso.shrink(0.1)
    assert int((layer.weight.norm(dim=0) > 0).sum()) == 5 and torch.equal(layer.weight[:, kept], expected)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_units_vanish_with_what_reads_them_whatever_their_scale(scale):
    """A channel of 3 x 2 pixels is 6 inputs of the linear layer. Filter 2 is made small and what reads it large, which computes the same."""
    first, second, last = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(24, 5), nn.Linear(5, 2)
    with torch.no_grad():
        first.weight[1] *= 0.1
        second.weight[:, 18:] *= 0.1
        first.weight[2] /= scale
        second.weight[:, 12:18] *= scale
    lasso = UnitLasso([(first, second, 2), (second, last, 4)], 0.3)
    for _ in range(400):
        lasso.shrink(1.0)
    assert [bool(w.any()) for w in first.weight] == [True, False, True, False]
    assert [bool(second.weight[:, 6 * i : 6 * i + 6].any()) for i in range(4)] == [True, False, True, False]
    gone = (second.weight == 0).all(1)
    assert int(gone.sum()) == 1 and torch.equal((last.weight == 0).all(0), gone)


# The energy of a pair whose gradient, times |w|^2, is the force of the kind.
ENERGY = {"degradation": lambda d: d**2 / 2, "constant": lambda d: d, "linear": torch.log, "gravity": lambda d: -1 / d}


@pytest.mark.parametrize("kind", FORCES)
@pytest.mark.parametrize("shape", [(5, 8), (4, 3, 2, 2)])
def test_forces_are_gradients_of_the_energy_of_pairs(kind, shape):
    """With u = w / |w|, d/dw_i of phi(|u_i - u_j|) is P_i (u_i - u_j) phi'(d) / (d |w_i|); the force is |w_i|^2 times that."""
    weight = torch.randn(shape, dtype=torch.double, requires_grad=True)
    rows = weight.reshape(len(weight), -1)
    units = rows / rows.norm(dim=1, keepdim=True)
    energy = sum(ENERGY[kind]((units[i] - units[j]).norm()) for i in range(len(rows)) for j in range(i))
    energy.backward()
    expected = rows.detach().norm(dim=1, keepdim=True) ** 2 * weight.grad.reshape(len(weight), -1)
    torch.testing.assert_close(force(weight, kind).reshape(len(weight), -1), expected, rtol=1e-6, atol=1e-9)


def test_a_constant_force_of_two_filters_is_the_papers():
    """By hand: u = (1, 0), (0, 1); t = (1, -1) / sqrt 2, off u_1: (0, -1) / sqrt 2, times |w_1| = 2."""
    expected = torch.tensor([[0.0, -2.0], [-3.0, 0.0]]) / 2**0.5
    torch.testing.assert_close(force(torch.tensor([[2.0, 0.0], [0.0, 3.0]])), expected)


@pytest.mark.parametrize("kind", FORCES)
def test_descent_along_a_force_turns_filters_together_and_keeps_their_lengths(kind):
    """A step t along g, which is at right angles to w: |w - t g|^2 = |w|^2 + t^2 |g|^2, second order in t."""
    layer, step = nn.Linear(6, 2, bias=False).double(), 1e-3
    before = layer.weight.detach().clone()
    layer.weight.grad = torch.zeros_like(layer.weight)
    add_force({layer: 1.0}, kind)
    layer.weight.data -= step * layer.weight.grad
    growth = layer.weight.detach().square().sum(1) - before.square().sum(1)
    torch.testing.assert_close(growth, step**2 * layer.weight.grad.square().sum(1), rtol=1e-6, atol=1e-12)
    cosine = lambda rows: float(nn.functional.cosine_similarity(*rows, dim=0))
    assert cosine(layer.weight.detach()) > cosine(before) + 1e-5


@pytest.mark.parametrize("shape", [(12, 30), (30, 4, 2, 1)])
def test_the_force_to_a_rank_turns_filters_into_leading_directions(shape):
    """Against NumPy: off each filter the part that the 3 leading right singular vectors do not have, at right angles to the filter."""
    layer = nn.Linear(1, 1).double()
    layer.weight = nn.Parameter(torch.randn(shape, dtype=torch.double))
    rows = layer.weight.detach().reshape(shape[0], -1).numpy().copy()
    right = np.linalg.svd(rows, full_matrices=False)[2][:3]
    tail = rows - rows @ right.T @ right
    off = tail - (tail * rows).sum(1, keepdims=True) / (rows**2).sum(1, keepdims=True) * rows
    force, step = RankForce({layer: 3}), 1e-3
    force.pull(step)
    moved = layer.weight.detach().reshape(shape[0], -1).numpy()
    np.testing.assert_allclose(moved, rows - step * off, rtol=1e-9, atol=1e-12)
    growth = (moved**2).sum(1) - (rows**2).sum(1)  # second order in the step: it is at right angles
    np.testing.assert_allclose(growth, step**2 * (off**2).sum(1), rtol=1e-6, atol=1e-12)
    for _ in range(300):
        force.pull(0.2)
    values = np.linalg.svd(layer.weight.detach().reshape(shape[0], -1).numpy())[1]
    assert values[3] < 1e-6 * values[2]


def test_filters_of_the_rank_are_not_moved():
    layer = nn.Linear(9, 7)
    layer.weight.data = torch.randn(7, 2) @ torch.randn(2, 9)
    before = layer.weight.detach().clone()
    RankForce({layer: 2}).pull(1.0)
    torch.testing.assert_close(layer.weight.detach(), before, rtol=1e-4, atol=1e-5)


def test_zeros_and_equal_directions_take_no_part():
    weight = torch.tensor([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])
    assert not force(weight).any()


@pytest.mark.parametrize("act,reason", [
    (lambda: GroupLasso({nn.Linear(2, 2): 1}, ["rows"]), "kinds of groups are filters, channels, shapes, depth, not 'rows'"),
    (lambda: GroupLasso({nn.Linear(2, 2): -1.0}), "at least 0"),
    (lambda: UnitLasso([(nn.Linear(2, 3), nn.Linear(4, 2), 1)], 0.1), "4 inputs are not those of 3 filters"),
    (lambda: GroupLasso({nn.Conv1d(2, 2, 3): 1.0}), "2 or 4 dimensions"),
    (lambda: force(torch.ones(2, 2), "strong"), "forces are"),
    (lambda: structured_forms.without_dead_filters(nn.Sequential(nn.Linear(2, 2), nn.Softmax(1))), "layer 1 is a Softmax"),
])
def test_what_cannot_be_is_refused(act, reason):
    with pytest.raises(ValueError, match=reason):
        act()


def test_masked_numbers_are_zero_after_each_step():
    """With momentum, weight decay and gradients everywhere: what was zero is exactly zero, what was not moves."""
    model = nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 4))
    model[0].weight.data[1] = 0
    model[0].weight.data[:, 1, 2] = 0
    model[3].weight.data[:, ::5] = 0
    masks = [(layer, (layer.weight == 0).clone()) for layer in (model[0], model[3])]
    for layer, _ in masks:
        forms.attach(layer, structured_forms.Masked())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2)
    for step in range(12):
        before = [forms.originals(layer)[0].detach().clone() for layer, _ in masks]
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(torch.randn(8, 2, 6, 6)), torch.randint(0, 4, (8,))).backward()
        optimizer.step()
        for (layer, zero), old in zip(masks, before):
            floats = forms.originals(layer)[0].detach()
            assert not floats[zero].any() and not layer.weight[zero].any() and bool((floats != old)[~zero].all())


def thinned(padding=0):
    """A network with zero filters, filters that nothing reads, and biases."""
    model = nn.Sequential(nn.Conv2d(1, 6, 3, padding=padding), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=padding), nn.ReLU(),
                          nn.Flatten(), nn.Linear(8 * (5 if padding else 3) ** 2, 9), nn.ReLU(), nn.Linear(9, 4)).eval()
    for layer in (model[0], model[3], model[6]):
        nn.init.uniform_(layer.bias, 0.1, 0.5)
    with torch.no_grad():
        model[0].weight[[1, 4]] = 0                                                        # constants
        model[3].weight[:, 2] = 0                                                          # not read
        model[3].weight[5] = 0
        model[6].weight.reshape(9, 8, -1)[:, 3] = 0
        model[6].weight[7] = 0
        model[6].bias[7] = -1                                                              # a constant that ReLU ends
    return model


@pytest.mark.parametrize("masked", [False, True])
def test_networks_without_dead_filters_compute_the_same(masked):
    model, x = thinned(), torch.randn(5, 1, 12, 12)
    expected = model(x)
    for layer in (model[0], model[3], model[6], model[8]) if masked else ():
        forms.attach(layer, structured_forms.Masked())
    small = structured_forms.without_dead_filters(model)
    torch.testing.assert_close(small(x), expected, rtol=1e-5, atol=1e-5)
    assert [tuple(small[i].weight.shape) for i in (0, 3, 6, 8)] == [(3, 1, 3, 3), (6, 3, 3, 3), (8, 54), (4, 8)]
    assert torch.equal(model(x), expected)  # which is another one


def test_a_layer_keeps_its_last_filter():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].weight.data.zero_()
    small = structured_forms.without_dead_filters(model)
    x = torch.randn(5, 3)
    torch.testing.assert_close(small(x), model(x))
    assert small[0].weight.shape == (1, 3)


def test_a_constant_that_padding_ends_is_refused():
    model = thinned(padding=1)
    with pytest.raises(ValueError, match="layer 3 pads the constant of a filter of layer 0"):
        structured_forms.without_dead_filters(model)


def test_structured_networks_run_packed_and_equal(tmp_path, compile_and_load):
    """Without dead filters and columns, the file holds what is left, and the library computes with no more."""
    model = nn.Sequential(nn.Conv2d(4, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 64, 10))
    with torch.no_grad():
        model[0].weight[::2] = 0
        model[2].weight[::4] = 0
        model[2].weight[:, :, 1] = 0
        model[5].weight[:, ::2] = 0
    for layer in (model[0], model[2], model[5]):
        forms.attach(layer, structured_forms.Masked())
        layer.bias.data = layer.bias.data.half().float()
    # A bias of a filter that is gone is part of the next layer's, which is stored as f16.
    for layer in (model[0], model[2]):
        layer.bias.data[::2] = 0
    path, x = tmp_path / "structured.onnx", torch.randn(2, 4, 12, 12)
    export.to_onnx(structured_forms.without_dead_filters(model), torch.zeros(2, 4, 12, 12), path)
    expected = model.eval()(x).detach().numpy()
    result = compile_and_load(path).run({"input": x.numpy()})["output"]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("energy,rank", [(0.5, 1), (0.85, 2), (0.99, 3)])
def test_the_rank_is_the_least_that_keeps_the_energy(energy, rank):
    """Singular values 3, 2, 1, 0.1: 9, 13 and 14 of 14.01."""
    u, v = (torch.linalg.qr(torch.randn(n, 4))[0] for n in (12, 9))
    layer = nn.Linear(9, 12)
    layer.weight.data = u @ torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.1])) @ v.T
    weight = layer.weight.detach().clone()
    forms.attach(layer, structured_forms.LowRank(energy))
    assert len(forms.originals(layer)[1]) == rank
    lost = float((layer.weight - weight).square().sum() / weight.square().sum())
    assert lost == pytest.approx(1 - [9, 13, 14][rank - 1] / 14.01, rel=1e-2)


def test_a_rank_that_is_given_is_the_forms():
    layer = nn.Linear(9, 12)
    singular = torch.linalg.svdvals(layer.weight.detach())
    weight = layer.weight.detach().clone()
    forms.attach(layer, structured_forms.LowRank(rank=4))
    torch.testing.assert_close((layer.weight - weight).square().sum(), singular[4:].square().sum())
