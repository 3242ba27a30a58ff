"""Fits of light forms to a trained layer on samples of its input, without training: the error of the layer's output is what is small.

Masks and codes by the inverse of the inputs' second moments about their means, as in OBS, GPTQ (arXiv 2210.17323) and SparseGPT (arXiv 2301.00774):
inputs are taken one after the other, and the later ones make up for what zeros and rounding lost. The mean error goes into the bias.
"""
import torch
from torch import nn

from .forms import attach, half, originals


def inverse_factor(inputs, damping):
    """U, upper triangular, with U^T U the inverse of the covariance of `inputs` (samples x in), to whose diagonal `damping` times its mean is added."""
    centred = inputs - inputs.mean(0)
    covariance = centred.T @ centred / len(inputs)
    covariance += damping * covariance.diagonal().mean() * torch.eye(len(covariance))
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(covariance)), upper=True)


@torch.no_grad()
def attach_smartdeal(layer, form, inputs, dense_inputs=None, damping=0.1):
    """Attaches a `forms.SmartDeal` to a Linear layer, fitted to its output on `inputs` (samples x in); returns the form.

    What is to be given is W x + b on `dense_inputs`, the inputs in the dense network, by default `inputs`. A number's zero costs w^2 / U_jj^2: the
    share `form.sparsity` that costs least is zero. Each scale is that of least squares, weighted alike.
    """
    if not isinstance(layer, nn.Linear):
        raise ValueError(f"a {type(layer).__name__} is not fitted to samples: Linear layers are")
    weight = layer.weight.detach().clone()
    factor = inverse_factor(inputs, damping)
    sensitivity = (1 / factor.diagonal()).expand_as(weight)
    attach(layer, form)
    cost = (weight * sensitivity).abs()
    kept = (cost > torch.quantile(cost.flatten()[:: max(1, cost.numel() // 1000000)], form.sparsity)).float()
    form.mask.copy_(form.slices(kept))
    numbers, weights = form.slices(weight), form.slices(sensitivity).square() * form.mask
    codes = form.round(numbers)
    scale = (weights * codes * numbers).sum(-1, keepdim=True) / (weights * codes.square()).sum(-1, keepdim=True).clamp_min(1e-30)
    scale = half(torch.where(scale == 0, torch.ones_like(scale), scale))
    each = scale.expand_as(numbers).reshape(len(weight), -1)[:, : weight.shape[1]]
    codes = _rounded(form, weight, each, kept, factor)
    for parameter, value in zip(originals(layer), (form.slices(codes), scale)):
        parameter.copy_(value)
    target = (inputs if dense_inputs is None else dense_inputs).mean(0)
    layer.bias += weight @ target - layer.weight @ inputs.mean(0)
    return form


def _rounded(form, weight, scale, kept, factor):
    """The codes, out x in: each column is rounded, and its error over U_jj times row j of U is taken from the columns behind it."""
    left, codes = weight.clone(), torch.zeros_like(weight)
    for j in range(weight.shape[1]):
        codes[:, j] = form.round(left[:, j] / scale[:, j]) * kept[:, j]
        error = (left[:, j] - codes[:, j] * scale[:, j]) / factor[j, j]
        left[:, j + 1 :] -= error[:, None] * factor[j, j + 1 :]
    return codes
