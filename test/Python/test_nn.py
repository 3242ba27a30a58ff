"""The PyTorch layers: both methods agree with the dense layer of the expanded weight, and so do their gradients."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from compress_mlir import reference
from compress_mlir.nn import BlockCirculantConv2d, BlockCirculantLinear, expand

LINEAR = [(8, 8, 4), (10, 7, 3), (9, 20, 1), (5, 6, 8), (16, 12, 5), (7, 130, 64)]
CONV = [(4, 6, 2, dict()), (5, 7, 3, dict(stride=2, padding=1)), (3, 4, 4, dict(dilation=2, padding=2)), (6, 5, 5, dict(bias=False))]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_expand_is_the_documented_matrix(k):
    c = torch.randn(2, 3, k, 2, 2, dtype=torch.float64)
    rows, cols = 2 * k - (k > 1), 3 * k - (k > 2)
    assert np.array_equal(expand(c, rows, cols).numpy(), reference.circulant(c.numpy(), rows, cols))


@pytest.mark.parametrize("method", ["fft", "expand"])
@pytest.mark.parametrize("inputs,outputs,k", LINEAR)
def test_linear_is_the_dense_layer_of_its_weight(inputs, outputs, k, method):
    layer = BlockCirculantLinear(inputs, outputs, k, method=method, dtype=torch.float64)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(3, 2, inputs, dtype=torch.float64)
    weight = torch.from_numpy(reference.circulant(layer.weight.detach().numpy(), outputs, inputs).copy())
    torch.testing.assert_close(layer(x), F.linear(x, weight, layer.bias))


@pytest.mark.parametrize("method", ["fft", "expand"])
@pytest.mark.parametrize("inputs,outputs,k,options", CONV)
def test_convolution_is_the_dense_layer_of_its_weight(inputs, outputs, k, options, method):
    layer = BlockCirculantConv2d(inputs, outputs, (3, 2), k, method=method, dtype=torch.float64, **options)
    x = torch.randn(2, inputs, 9, 8, dtype=torch.float64)
    weight = torch.from_numpy(reference.circulant(layer.weight.detach().numpy(), outputs, inputs).copy())
    expected = F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("method", ["fft", "expand"])
@pytest.mark.parametrize("make,shape", [
    (lambda method: BlockCirculantLinear(7, 5, 3, method=method, dtype=torch.float64), (2, 7)),
    (lambda method: BlockCirculantConv2d(3, 5, 2, 4, padding=1, method=method, dtype=torch.float64), (2, 3, 4, 4)),
])
def test_gradients_match_finite_differences(make, shape, method):
    layer = make(method)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)

    def call(x, weight, bias):
        layer.weight.data, layer.bias.data = weight.data, bias.data
        del layer.weight, layer.bias
        layer.weight, layer.bias = weight, bias
        return layer(x)

    weight, bias = layer.weight.detach().requires_grad_(), layer.bias.detach().requires_grad_()
    layer._parameters.clear()
    layer.weight, layer.bias = weight, bias
    assert torch.autograd.gradcheck(call, (x, weight, bias))


@pytest.mark.parametrize("method", ["fft", "expand"])
def test_gradient_is_the_dense_one_summed_over_equal_entries(method):
    inputs, outputs, k = 10, 9, 4
    layer = BlockCirculantLinear(inputs, outputs, k, method=method, dtype=torch.float64)
    x, upstream = torch.randn(6, inputs, dtype=torch.float64), torch.randn(6, outputs, dtype=torch.float64)
    layer(x).backward(upstream)
    dense = (upstream.T @ x).numpy()
    expected = np.zeros(layer.weight.shape)
    for r in range(outputs):
        for s in range(inputs):
            expected[r // k, s // k, (r - s) % k] += dense[r, s]
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="block_size"):
        BlockCirculantLinear(4, 4, 0)
    with pytest.raises(ValueError, match="method"):
        BlockCirculantLinear(4, 4, 2, method="magic")
