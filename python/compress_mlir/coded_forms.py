"""Light forms of weights in the formats that the kernels of small codes read (docs/Benchmarks.md), beside the free forms of compress_mlir.forms.

`GroupedUniform` has a scale per group of inputs, or an integer multiplier per group and a scale per output; `PowersOfTwo` one code per number and no
mask; `SmartDealBases` the 3 x 3 bases of the paper, with zeros one by one or in rows that outputs share. All round as compress_mlir.forms does.
"""
import math

import numpy as np
import torch
from torch import nn

from .forms import SmartDeal, _StraightThrough, _unpacked, _unsigned, half


def _is_matrix(weight, form):
    if weight.dim() != 2:
        raise ValueError(f"{type(form).__name__} is a form of a matrix, not of {weight.dim()} dimensions")


class GroupedUniform(nn.Module):
    """Symmetric integers of `bits`, out x in, times a f16 scale per output and about `group` inputs: groups are equal but for the last.

    With `multipliers`, a group's scale is an integer from 1 to 15 times a f16 scale of its output (as in QServe, arXiv 2405.04532), so that
    products of whole outputs are integers.
    """

    def __init__(self, bits=4, group=32, multipliers=False):
        super().__init__()
        if not 2 <= bits <= 7 or group < 1:
            raise ValueError(f"bits must be 2 to 7 and group at least 1, not {bits} and {group}")
        self.bits, self.group, self.multipliers = bits, group, multipliers

    def right_inverse(self, weight):
        _is_matrix(weight, self)
        blocks = -(-weight.shape[1] // self.group)
        self.length = -(-weight.shape[1] // blocks)
        return weight.detach().clone()

    def split(self, w):
        """(integers, steps, multipliers or None, scales): out x groups x length, and for each group a number, for multipliers an output."""
        cols = w.shape[1]
        groups = -(-cols // self.length)
        padded = nn.functional.pad(w.detach(), (0, groups * self.length - cols)).reshape(len(w), groups, self.length)
        most = 2 ** (self.bits - 1) - 1
        largest = padded.abs().amax(2, keepdim=True) / most
        if self.multipliers:
            scales = half(largest.amax(1, keepdim=True) / 15).clamp_min(2.0**-24)
            multipliers = (largest / scales).round().clamp(1, 15)
            steps = multipliers * scales
        else:
            multipliers, scales = None, half(largest).clamp_min(2.0**-24)
            steps = scales
        return (padded / steps).round().clamp(-most - 1, most), steps, multipliers, scales

    def forward(self, w):
        integers, steps, _, _ = self.split(w)
        return _StraightThrough.apply(w, (integers * steps).reshape(len(w), -1)[:, : w.shape[1]])

    def codes(self, w):
        """numbers: int8, out x in; scales: f16, out x groups, or with multipliers (uint8, out x groups) out x 1."""
        integers, _, multipliers, scales = self.split(w)
        codes = dict(numbers=integers.reshape(len(w), -1)[:, : w.shape[1]].to(torch.int8).numpy(), scales=scales[..., 0].half().numpy())
        return codes if multipliers is None else dict(codes, multipliers=multipliers[..., 0].to(torch.uint8).numpy())

    def nodes(self, weights, name, w):
        codes = self.codes(w)
        scales = codes["scales"]
        if self.multipliers:
            scales = weights.dequantize(name + "_steps", codes["multipliers"], 4, list(range(16)), scales)
        return weights.dequantize(name, *_unsigned(codes["numbers"], self.bits), scales)


class PowersOfTwo(nn.Module):
    """0 or +-2^e in 4 bits, e from -6 to 0, times a f16 scale per output, its largest magnitude. No mask: a zero is a code."""

    LEAST = 2.0**-6
    TABLE = [sign * magnitude for sign in (1, -1) for magnitude in (0, *(2.0**e for e in range(-6, 1)))]

    def split(self, w):
        """(powers, scales) of w, out x 1 x …"""
        scale = half(w.detach().abs().amax(tuple(range(1, w.dim())), keepdim=True)).clamp_min(2.0**-24)
        return self.nearest(w.detach() / scale), scale

    def nearest(self, x):
        """The nearest of the table; half way between two, the smaller magnitude."""
        magnitude = ((x.view(torch.int32) & 0x7FFFFFFF) + 0x3FFFFF & 0x7F800000).view(torch.float32).clamp(self.LEAST, 1)
        return torch.where(x.abs() > self.LEAST / 2, torch.copysign(magnitude, x), torch.zeros_like(x))

    def forward(self, w):
        powers, scale = self.split(w)
        return _StraightThrough.apply(w, powers * scale)

    def right_inverse(self, weight):
        return weight.detach().clone()

    def codes(self, w):
        """raw: uint8 in w's shape, places in TABLE; scales: f16, out x 1 x …"""
        powers, scale = self.split(w)
        exponents = powers.abs().clamp_min(self.LEAST).log2() + 7
        raw = torch.where(powers == 0, torch.zeros_like(powers), exponents + 8 * (powers < 0))
        return dict(raw=raw.to(torch.uint8).numpy(), scales=scale.half().numpy())

    def nodes(self, weights, name, w):
        codes = self.codes(w)
        return weights.dequantize(name, codes["raw"], 4, self.TABLE, codes["scales"])


class SmartDealBases(nn.Module):
    """Powers of two times small square bases (SmartDeal, arXiv 2101.01163): an output's numbers are slices of rows of r, r 3 or the kernel's
    width, and each slice is C B, with C of 0 and +-2^e in 4 bits and B of r x r in 8 bits with a f16 scale per output.

    `basis` 'layer': one B for the layer, 'slice': one for each slice. Zeros are the numbers of least magnitude, or, with `share` of 2 and more,
    whole rows, as many in each slice and the same ones for `share` outputs, where these divide the outputs (else each output has its own), and
    exponents are one fewer. They are
    chosen by `project` and fixed in training; C and B are trained straight through.
    """

    round = SmartDeal.round

    def __init__(self, sparsity, basis="slice", share=1, bits=4, rows=192):
        super().__init__()
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), not {sparsity}")
        if basis not in ("layer", "slice"):
            raise ValueError(f"basis must be 'layer' or 'slice', not '{basis}'")
        self.sparsity, self.basis, self.share, self.bits = sparsity, basis, share, bits
        # The kernel that reads shared rows wants a code that is 0, which takes the place of the least exponent.
        self.window, self.rows = 2 ** (bits - 1) - (share > 1), rows

    def slices(self, w):
        """w as out x slices x rows x r, zeros at the end of an output."""
        r = w.shape[-1] if w.dim() > 2 and w.shape[-1] > 1 else 3
        count = -(-w[0].numel() // r)
        slices = -(-count // self.rows)
        rows = -(-count // slices)
        flat = nn.functional.pad(w.detach().reshape(len(w), -1), (0, slices * rows * r - w[0].numel()))
        return flat.reshape(len(w), slices, rows, r)

    def chosen(self, a, sparsity):
        """The mask of slices `a`: 1 where a number, or a row of `share` outputs, is kept."""
        if self.share == 1:
            sample = a.abs().flatten()[:: max(1, a.numel() // 1000000)]
            return (a.abs() > torch.quantile(sample, sparsity)).float()
        share = self.share if len(a) % self.share == 0 else 1
        energy = a.square().sum(3).reshape(-1, share, *a.shape[1:3]).sum(1)  # groups x slices x rows
        kept = a.shape[2] - int(a.shape[2] * sparsity)
        mask = torch.zeros_like(energy).scatter_(2, energy.topk(kept, dim=2).indices, 1.0)
        return mask.repeat_interleave(share, 0)[..., None].expand_as(a).contiguous()

    def right_inverse(self, weight):
        self.shape = tuple(weight.shape)
        return self.project(weight, self.sparsity)

    def project(self, weight, sparsity, steps=12):
        """(codes, bases) fitted to `weight` by rounding, least squares for B, then for C, in turn. Sets the mask and the window."""
        a = self.slices(weight)
        self.high = int(torch.frexp(a.abs().max() * (4 / 3))[1]) - 1
        mask = self.chosen(a, sparsity)
        if hasattr(self, "mask"):
            self.mask.copy_(mask)
        else:
            self.register_buffer("mask", mask)
        c = a
        for step in range(steps):
            q = self.round(c) * self.mask
            basis = self.fitted(q, a)
            if step + 1 < steps:
                c = torch.linalg.solve(basis.transpose(-1, -2), a.transpose(-1, -2)).transpose(-1, -2)
        return q, basis

    def fitted(self, q, a):
        """The bases of least squares |a - q B|, with a ridge that keeps them regular: 1 x 1 x r x r, or out x slices x r x r."""
        left = q.reshape(1, 1, -1, q.shape[3]) if self.basis == "layer" else q
        right = a.reshape(left.shape)
        r, transposed = q.shape[3], left.transpose(-1, -2)
        gram = transposed @ left
        ridge = gram.diagonal(dim1=-2, dim2=-1).mean(-1).clamp_min(1e-12)[..., None, None] * 1e-3
        return torch.linalg.solve(gram + ridge * torch.eye(r), transposed @ right + ridge * torch.eye(r))

    def split_basis(self, basis):
        """(integers, scales) of the bases, a scale for each output."""
        scale = half(basis.detach().abs().amax((1, 2, 3), keepdim=True) / 127).clamp_min(2.0**-24)
        return (basis.detach() / scale).round().clamp(-127, 127), scale

    def forward(self, c, basis):
        numbers, scale = self.split_basis(basis)
        codes = _StraightThrough.apply(c, self.round(c)) * self.mask
        w = codes @ _StraightThrough.apply(basis, numbers * scale)
        return w.reshape(self.shape[0], -1)[:, : math.prod(self.shape[1:])].reshape(self.shape)

    def get_extra_state(self):
        return dict(high=self.high)

    def set_extra_state(self, state):
        self.high = state["high"]

    def codes(self, c, basis):
        """powers: f32, out x slices x rows x r, 0 or +-2^(low ... low + window - 1); mask: bool, the same; basis: int8, out (or 1) x slices
        (or 1) x r x r; basis_scales: f16, out (or 1) x 1 x 1 x 1."""
        numbers, scale = self.split_basis(basis)
        return dict(powers=(self.round(c) * self.mask).detach().numpy(), mask=self.mask.numpy() > 0, low=self.high - self.window + 1,
                    basis=numbers.to(torch.int8).numpy(), basis_scales=scale.half().numpy())

    def nodes(self, weights, name, c, basis):
        codes = self.codes(c, basis)
        coefficients = self.coefficients(weights, name, codes)
        options = dict(collapse=[[0], [1, 2, 3]], expand=[[self.shape[0]], list(self.shape[1:])])
        bases, scales = codes["basis"], codes["basis_scales"].reshape(-1)
        if self.basis == "layer":
            basis = weights.int8(name + "_basis", bases[0, 0], scales[0])
            return weights.factorized(name, coefficients, basis, **options)
        return weights.factorized(name, coefficients, weights.int8(name + "_basis", bases, scales, axis=0), batch=2, **options)

    def coefficients(self, weights, name, codes):
        """The tensor of powers of two: nibbles, and a bit for each number, or for each row of `share` outputs."""
        powers, mask = codes["powers"], codes["mask"]
        powers_of = 2.0 ** (codes["low"] + np.arange(self.window))
        zero = [0.0] * (self.share > 1)
        table, half_table = [*zero, *powers_of, *zero, *-powers_of], 2 ** (self.bits - 1)
        raw_of = lambda x: (np.log2(np.abs(x)) - codes["low"]).astype(int) + len(zero) + half_table * (x < 0)
        if self.share == 1:
            return _unpacked(weights, name, raw_of(powers[mask]), self.bits, table, mask)
        out, slices, rows, r = powers.shape
        share = self.share if out % self.share == 0 else 1
        grouped = np.moveaxis(powers.reshape(-1, share, slices, rows, r), 1, 3)  # groups x slices x rows x share x r
        kept = mask.reshape(-1, share, slices, rows, r)[:, 0, :, :, :1]
        raw = raw_of(grouped[kept[..., 0]])[:, :, None, None]
        values = weights.dequantize(name + "_values", raw, self.bits, table, np.ones((1,) * 5, np.float16))
        return weights.unpack(name + "_unpacked", values, kept, powers.shape)
