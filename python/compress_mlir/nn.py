"""Block-circulant layers for PyTorch, drop-in for nn.Linear and nn.Conv2d, trained from scratch.

A weight of out x in numbers becomes p x q blocks of k x k numbers, each block circulant: it is given by its first column of k
numbers (CirCNN, MICRO 2017). `weight` has shape p x q x k, or p x q x k x kh x kw, the layout of the ONNX contract
(docs/LightONNX.md). In training, circulant vectors want a learning rate divided by sqrt(k): each number
collects the gradients of k places.
"""
import math

import torch
from torch import nn
from torch.nn import functional as F


class _ExpandBlocks(torch.autograd.Function):
    """(…, k) -> (…, k, k), W[r, s] = c[(r - s) mod k], by a view of the doubled vector; no index is gathered."""

    @staticmethod
    def forward(ctx, c):
        k = c.shape[-1]
        doubled = torch.cat([c, c], -1).contiguous()
        strides = list(doubled.stride())[:-1]
        # Row r, reversed column t: doubled[r + t + 1] = c[(r - s) mod k] with s = k - 1 - t.
        return doubled.as_strided(list(c.shape) + [k], strides + [1, 1], 1).flip(-1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        # The adjoint sums each wrapped diagonal: with the columns doubled, diagonals are rows of a view.
        k = gradient.shape[-1]
        doubled = torch.cat([gradient, gradient], -1).contiguous()
        strides = list(doubled.stride())[:-2]
        diagonals = doubled.as_strided(list(gradient.shape), strides + [2 * k + 1, 1], 1)
        return diagonals.sum(-2).flip(-1)


class _Circulant(torch.autograd.Function):
    """Exists for its ONNX symbol: one node of the model-local function compress.Circulant."""

    @staticmethod
    def forward(ctx, c, rows, cols):
        return _expand(c, rows, cols)

    @staticmethod
    def symbolic(g, c, rows, cols):
        taps = list(c.type().sizes())[3:]
        node = g.op("compress::Circulant", c, rows_i=rows, cols_i=cols)
        node.setType(c.type().with_sizes([rows, cols] + taps))
        return node


def _expand(c, rows, cols):
    p, q, k = c.shape[:3]
    taps = list(c.shape[3:])
    last = c.reshape(p, q, k, -1).transpose(2, 3)  # p q T k
    blocks = _ExpandBlocks.apply(last)  # p q T r s
    dense = blocks.permute(0, 3, 1, 4, 2).reshape([p * k, q * k] + taps)
    return dense[:rows, :cols]


def expand(c, rows, cols):
    """The dense weight, rows x cols (x taps), of circulant vectors `c`: p x q x k (x taps)."""
    if torch.onnx.is_in_onnx_export():
        return _Circulant.apply(c, rows, cols)
    return _expand(c, rows, cols)


class _BlockCirculant(nn.Module):
    """Parameters and the choice of method, shared by the layers."""

    def __init__(self, out_extent, in_extent, taps, block_size, bias, method, device, dtype):
        super().__init__()
        if block_size < 1 or out_extent < 1 or in_extent < 1:
            raise ValueError("extents and block_size must be at least 1")
        if method not in ("auto", "fft", "expand"):
            raise ValueError(f"method must be 'auto', 'fft' or 'expand', not '{method}'")
        self.block_size, self.method = block_size, method
        p, q = -(-out_extent // block_size), -(-in_extent // block_size)
        self.weight = nn.Parameter(torch.empty([p, q, block_size] + list(taps), device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(out_extent, device=device, dtype=dtype)) if bias else None
        self.fan_in = in_extent * math.prod(taps)
        self.reset_parameters()

    def reset_parameters(self):
        """He's initialization with the fan-in of the dense layer; biases 0."""
        nn.init.normal_(self.weight, std=math.sqrt(2 / self.fan_in))
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def _uses_fft(self, is_faster):
        return not torch.onnx.is_in_onnx_export() and (self.method == "fft" or self.method == "auto" and is_faster)


class BlockCirculantLinear(_BlockCirculant):
    """y = x W^T + b with a block-circulant W, out_features x in_features; neither need be a multiple of block_size.

    method: 'expand' builds W in each call, 'fft' never does, 'auto' takes the faster one.
    """

    def __init__(self, in_features, out_features, block_size, bias=True, method="auto", device=None, dtype=None):
        self.in_features, self.out_features = in_features, out_features
        super().__init__(out_features, in_features, [], block_size, bias, method, device, dtype)

    def dense_weight(self):
        """W, out_features x in_features."""
        return expand(self.weight, self.out_features, self.in_features)

    def forward(self, x):
        # Expanding touches every entry of W however few samples there are; transforms cost per sample.
        samples = x.numel() // x.shape[-1]
        if not self._uses_fft(is_faster=self.block_size >= 32 and samples <= 256):
            return F.linear(x, self.dense_weight(), self.bias)
        p, q, k = self.weight.shape
        blocks = F.pad(x, (0, q * k - self.in_features)).reshape(*x.shape[:-1], q, k)
        spectra = torch.einsum("...qf,pqf->...pf", torch.fft.rfft(blocks), torch.fft.rfft(self.weight))
        y = torch.fft.irfft(spectra, n=k).reshape(*x.shape[:-1], p * k)[..., : self.out_features]
        return y if self.bias is None else y + self.bias

    def extra_repr(self):
        return (f"in_features={self.in_features}, out_features={self.out_features}, block_size={self.block_size}, "
                f"bias={self.bias is not None}")


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


class BlockCirculantConv2d(_BlockCirculant):
    """A convolution whose kernel is block-circulant over channels, for each tap; no groups, zero padding."""

    def __init__(self, in_channels, out_channels, kernel_size, block_size, stride=1, padding=0, dilation=1, bias=True,
                 method="auto", device=None, dtype=None):
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = _pair(kernel_size), _pair(stride)
        self.padding, self.dilation = _pair(padding), _pair(dilation)
        super().__init__(out_channels, in_channels, self.kernel_size, block_size, bias, method, device, dtype)

    def dense_weight(self):
        """The kernel, out_channels x in_channels x kh x kw."""
        return expand(self.weight, self.out_channels, self.in_channels)

    def forward(self, x):
        # A dense convolution is hard to beat in training: the kernel is small against the pixels it meets.
        if not self._uses_fft(is_faster=False):
            return F.conv2d(x, self.dense_weight(), self.bias, self.stride, self.padding, self.dilation)
        p, q, k = self.weight.shape[:3]
        n, _, height, width = x.shape
        channels = F.pad(x, (0, 0, 0, 0, 0, q * k - self.in_channels)).reshape(n, q, k, height, width)
        spectra, kernel = torch.fft.rfft(channels, dim=2), torch.fft.rfft(self.weight, dim=2)
        # One group per frequency; (Re, Im) are channels, multiplied by [[Re, -Im], [Im, Re]].
        real, imag = kernel.real, kernel.imag
        matrix = torch.cat([torch.cat([real, -imag], 1), torch.cat([imag, real], 1)], 0)  # 2p 2q f kh kw
        frequencies = matrix.shape[2]
        inputs = torch.cat([spectra.real, spectra.imag], 1).transpose(1, 2).reshape(n, frequencies * 2 * q, height, width)
        weights = matrix.permute(2, 0, 1, 3, 4).reshape(frequencies * 2 * p, 2 * q, *self.kernel_size)
        z = F.conv2d(inputs, weights, None, self.stride, self.padding, self.dilation, frequencies)
        z = z.reshape(n, frequencies, 2, p, *z.shape[2:])
        y = torch.fft.irfft(torch.complex(z[:, :, 0], z[:, :, 1]), n=k, dim=1)  # n k p h w
        y = y.transpose(1, 2).reshape(n, p * k, *y.shape[3:])[:, : self.out_channels]
        return y if self.bias is None else y + self.bias.view(-1, 1, 1)

    def extra_repr(self):
        return (f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, block_size={self.block_size}, "
                f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, bias={self.bias is not None}")
