"""compress_mlir.calibrated_forms: what is fitted to samples is in the codebook, and gives their outputs better than what is fitted to the weight."""
import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from compress_mlir import calibrated_forms, forms  # noqa: E402


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def samples(count, extent):
    """Inputs that depend on each other, some of which hardly vary, about a mean."""
    mixed = torch.randn(count, extent) @ torch.randn(extent, extent) / extent**0.5
    return mixed * torch.linspace(0.02, 2, extent) + torch.randn(extent)


def test_the_factor_is_that_of_the_inverse():
    x = samples(500, 12)
    factor = calibrated_forms.inverse_factor(x, 0.1).double()
    covariance = np.cov(x.numpy().T.astype(float), bias=True)
    covariance += 0.1 * covariance.diagonal().mean() * np.eye(12)
    np.testing.assert_allclose((factor.T @ factor).numpy() @ covariance, np.eye(12), atol=1e-3)
    assert torch.equal(factor, factor.triu())


@pytest.mark.parametrize("sparsity", [0.3, 0.5, 0.7])
def test_held_out_outputs_are_nearer_than_by_projection(sparsity):
    x = samples(1500, 48)
    seen, held_out = x[:1000], x[1000:]
    dense = nn.Linear(48, 20)
    light, projected = copy.deepcopy(dense), copy.deepcopy(dense)
    form = calibrated_forms.attach_smartdeal(light, forms.SmartDeal(sparsity), seen)
    forms.attach(projected, forms.SmartDeal(sparsity))
    error = lambda layer: float((layer(held_out) - dense(held_out)).norm() / dense(held_out).norm())
    print(f"{sparsity}: {error(light):.4f}, by projection {error(projected):.4f}")
    assert error(light) < 0.6 * error(projected)
    codes, _ = forms.originals(light)
    assert torch.equal(codes, form.round(codes) * form.mask)
    assert abs(1 - form.mask.mean() - sparsity) < 0.01
    # The mean error is the bias's.
    torch.testing.assert_close(light(seen).mean(0), dense(seen).mean(0), rtol=1e-3, atol=1e-3)


def test_inputs_that_do_not_vary_cost_nothing():
    """Their weights are the first that become zero, however large they are, and the bias keeps what they gave."""
    x = torch.randn(400, 30)
    x[:, ::3] = 1.5
    layer = nn.Linear(30, 8)
    layer.weight.data = layer.weight.sign() * (0.1 + layer.weight.abs()).detach()
    layer.weight.data[:, ::3] *= 5
    dense = copy.deepcopy(layer)
    calibrated_forms.attach_smartdeal(layer, forms.SmartDeal(1 / 3), x, damping=1e-6)
    assert not layer.weight[:, ::3].any()
    torch.testing.assert_close(layer(x).mean(0), dense(x).mean(0), rtol=1e-3, atol=1e-3)


def test_outputs_are_those_of_the_dense_inputs():
    """Where the layers before have moved the mean, the bias takes it back."""
    wanted = samples(400, 30)
    layer = nn.Linear(30, 8)
    dense = copy.deepcopy(layer)
    calibrated_forms.attach_smartdeal(layer, forms.SmartDeal(0.3), wanted + 0.7, wanted)
    torch.testing.assert_close(layer(wanted + 0.7).mean(0), dense(wanted).mean(0), rtol=1e-3, atol=1e-3)


def test_convolutions_are_refused():
    with pytest.raises(ValueError, match="a Conv2d is not fitted to samples"):
        calibrated_forms.attach_smartdeal(nn.Conv2d(2, 2, 3), forms.SmartDeal(0.5), torch.ones(4, 2))
