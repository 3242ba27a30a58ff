"""Light forms of a layer's weight for training in PyTorch: parametrizations of `weight`, one class per scheme.

    attach(layer, Uniform(bits=4))        # layer.weight is now 4-bit codes times a scale per output
    attach(layer, SmartDeal(sparsity=0.72))

Attaching fits the form to the weight that the layer has. `layer.weight` is what the light file will hold: numbers are rounded in the
forward pass, scales to f16, and gradients go straight through (STE). Floats that are trained are `layer.parametrizations.weight.original*`.
`codes()` of a form are the numbers to store, NumPy arrays, and `nodes()` makes of them the weight in an ONNX file. docs/Accuracy.md has
what the forms reach.
"""
import math

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize


class _StraightThrough(torch.autograd.Function):
    """The value of `rounded`, the gradient of `x`."""

    @staticmethod
    def forward(ctx, x, rounded):
        return rounded

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def half(x):
    """x as f16 stores it."""
    return x.half().float()


def attach(layer, form):
    """Replaces `layer.weight` by `form`, fitted to it; returns the form."""
    parametrize.register_parametrization(layer, "weight", form)
    return form


def form_of(layer):
    """The form attached to `layer`, or None."""
    return layer.parametrizations.weight[0] if parametrize.is_parametrized(layer, "weight") else None


def originals(layer):
    """The trained floats behind `layer.weight`: a list of parameters."""
    if not parametrize.is_parametrized(layer, "weight"):
        return [layer.weight]
    return list(layer.parametrizations.weight.parameters())


class Uniform(nn.Module):
    """Integers of `bits` times one f16 scale per output (axis 0): symmetric, the largest magnitude is 2^(bits-1) - 1."""

    def __init__(self, bits):
        super().__init__()
        if not 2 <= bits <= 8:
            raise ValueError(f"bits must be 2 to 8, not {bits}")
        self.bits = bits

    def split(self, w):
        """(integers, scales) of w."""
        most = 2 ** (self.bits - 1) - 1
        scale = half(w.detach().abs().amax(tuple(range(1, w.dim())), keepdim=True) / most).clamp_min(2.0**-24)
        return (w.detach() / scale).round().clamp(-most, most), scale

    def forward(self, w):
        numbers, scale = self.split(w)
        return _StraightThrough.apply(w, numbers * scale)

    def right_inverse(self, weight):
        return weight.detach().clone()

    def codes(self, w):
        """numbers: int8 in w's shape; scales: f16, out x 1 x ..."""
        numbers, scale = self.split(w)
        return dict(numbers=numbers.to(torch.int8).numpy(), scales=scale.half().numpy())

    def nodes(self, weights, name, w):
        """The weight, made by `weights` (onnx_functions.LightWeights): the name of a tensor. The same of every form."""
        codes = self.codes(w)
        if self.bits == 8:
            return weights.int8(name, codes["numbers"], codes["scales"], axis=0)
        return weights.dequantize(name, *_unsigned(codes["numbers"], self.bits), codes["scales"])


def _unsigned(numbers, bits):
    """(raw codes, bits, table) of integers in two's complement."""
    raw = np.arange(2**bits)
    return numbers.astype(int) & (2**bits - 1), bits, np.where(raw < 2 ** (bits - 1), raw, raw - 2**bits)


def _unpacked(weights, name, raw, bits, table, mask):
    """The tensor of `raw` codes where the bits of `mask` are set, and zero elsewhere."""
    one = (1,) * mask.ndim
    values = weights.dequantize(name + "_values", raw.reshape((-1,) + one), bits, table, np.ones((1,) + one, np.float16))
    return weights.unpack(name + "_unpacked", values, mask)


def _signs(weights, name, signs):
    """The tensor of signs -1, 0, 1: a bit for each, and one more for each that is not zero."""
    return _unpacked(weights, name, (signs[signs != 0] > 0).astype(int), 1, [-1, 1], signs != 0)


def _scaled(weights, name, scales, tensor):
    """`tensor` (a name), out x 1 x ..., times one of `scales` per output, without its second dimension."""
    extents = weights.shapes[tensor]
    return weights.factorized(name, weights.tensor(name + "_scales", scales.reshape(-1, 1)), tensor, batch=1,
                              expand=[[n] for n in extents[:1] + extents[2:]])


class Ternary(nn.Module):
    """-s, 0 or s with one f16 scale per output: the mean magnitude of its entries beyond the threshold.

    The threshold is the layer's `sparsity` quantile of magnitudes; it follows the weight at each `refresh`. Files hold a bit for each number
    and one for each that is not zero, or, with `mask` False, two bits for each number.
    """

    def __init__(self, sparsity, mask=True):
        super().__init__()
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), not {sparsity}")
        self.sparsity, self.mask = sparsity, mask
        self.register_buffer("threshold", torch.zeros(()))

    def refresh(self, w, share=1.0):
        """Sets the threshold for `share` of the wanted zeros."""
        self.threshold.copy_(torch.quantile(w.detach().abs().flatten(), self.sparsity * share))

    def split(self, w):
        """(signs, scales) of w."""
        w = w.detach()
        kept = (w.abs() > self.threshold).float()
        axes = tuple(range(1, w.dim()))
        scale = half((w.abs() * kept).sum(axes, keepdim=True) / kept.sum(axes, keepdim=True).clamp_min(1))
        return w.sign() * kept, scale

    def forward(self, w):
        signs, scale = self.split(w)
        return _StraightThrough.apply(w, signs * scale)

    def right_inverse(self, weight):
        self.refresh(weight)
        return weight.detach().clone()

    def codes(self, w):
        """signs: int8 in w's shape; scales: f16, out x 1 x ..."""
        signs, scale = self.split(w)
        return dict(signs=signs.to(torch.int8).numpy(), scales=scale.half().numpy())

    def nodes(self, weights, name, w):
        codes = self.codes(w)
        if not self.mask:
            return two_bits(weights, name, codes)
        return _scaled(weights, name, codes["scales"], _signs(weights, name, codes["signs"][:, None]))


def two_bits(weights, name, codes):
    """The tensor of `codes`, signs in two bits each, times scales."""
    return weights.dequantize(name, codes["signs"].astype(int) & 3, 2, [0, 1, -2, -1], codes["scales"])


class BalancedTernary(nn.Module):
    """out x in x bases: -s, 0 or s, with as many that are not zero for each output and basis kernel, those of largest magnitude, and a f16
    scale for each of these groups, the mean of these magnitudes."""

    def __init__(self, sparsity):
        super().__init__()
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), not {sparsity}")
        self.sparsity = sparsity
        self.register_buffer("share", torch.ones(()))

    def refresh(self, w, share=1.0):
        """Wants `share` of the zeros from now on."""
        self.share.fill_(share)

    def split(self, w):
        """(signs, scales) of w: out x in x bases, out x 1 x bases."""
        magnitude = w.detach().abs()
        count = w.shape[1] - int(w.shape[1] * self.sparsity * float(self.share))
        largest = magnitude.topk(count, dim=1)
        signs = torch.zeros_like(magnitude).scatter_(1, largest.indices, 1.0) * w.detach().sign()
        return signs, half(largest.values.mean(1, keepdim=True))

    def forward(self, w):
        signs, scale = self.split(w)
        return _StraightThrough.apply(w, signs * scale)

    def codes(self, w):
        """signs: int8 in w's shape; scales: f16, out x 1 x bases"""
        signs, scale = self.split(w)
        return dict(signs=signs.to(torch.int8).numpy(), scales=scale.half().numpy())


class SmartDeal(nn.Module):
    """Powers of two with many zeros, times one f16 scale per slice of an output's inputs (SmartDeal, arXiv 2101.01163, with 1 x 1 bases).

    Codes are 0 or +-2^e, e in a window of 8 exponents (`bits` 4 with the sign). A slice is at most `rows` * 3 inputs. Which codes are zero is
    chosen by `project`, by magnitude in the whole layer, and fixed in training; codes and scales are trained straight through.
    """

    def __init__(self, sparsity, bits=4, rows=192):
        super().__init__()
        if not 0 <= sparsity < 1:
            raise ValueError(f"sparsity must be in [0, 1), not {sparsity}")
        self.sparsity, self.window, self.rows = sparsity, 2 ** (bits - 1), rows
        self.bits = bits

    def slices(self, w):
        """w as out x slices x numbers, with zeros at the end of an output where slices do not divide it."""
        n = w[0].numel()
        slices = -(-n // (3 * self.rows))
        length = -(-n // slices)
        return nn.functional.pad(w.detach().reshape(w.shape[0], n), (0, slices * length - n)).reshape(w.shape[0], slices, length)

    def round(self, c):
        """The nearest power of two in the window for each number: zero becomes the least."""
        # An f32's exponent, after adding just under half to its mantissa: half way, the smaller power.
        bits = (c.detach().view(torch.int32) & 0x7FFFFFFF) + 0x3FFFFF & 0x7F800000
        magnitude = bits.view(torch.float32).clamp(2.0 ** (self.high - self.window + 1), 2.0**self.high)
        return torch.copysign(magnitude, c)

    def right_inverse(self, weight):
        self.shape = tuple(weight.shape)
        return self.project(weight, self.sparsity)

    def project(self, weight, sparsity):
        """(codes, scales) fitted to `weight`: scales by least squares. Sets the mask and the window."""
        a = self.slices(weight)
        # The window ends at the power of two that is nearest to the largest number.
        self.high = int(torch.frexp(a.abs().max() * (4 / 3))[1]) - 1
        kept = a.abs() > torch.quantile(weight.detach().abs().flatten()[:: max(1, weight.numel() // 1000000)], sparsity)
        if hasattr(self, "mask"):
            self.mask.copy_(kept.float())
        else:
            self.register_buffer("mask", kept.float())
        codes = self.round(a) * self.mask
        scale = (codes * a).sum(-1, keepdim=True) / codes.square().sum(-1, keepdim=True).clamp_min(1e-30)
        return codes, torch.where(scale == 0, torch.ones_like(scale), scale)

    def forward(self, c, scale):
        codes = _StraightThrough.apply(c, self.round(c)) * self.mask
        w = codes * _StraightThrough.apply(scale, half(scale.detach()))
        return w.reshape(self.shape[0], -1)[:, : math.prod(self.shape[1:])].reshape(self.shape)

    def get_extra_state(self):
        return dict(high=self.high)

    def set_extra_state(self, state):
        self.high = state["high"]

    def codes(self, c, scale):
        """signs (+-1) and exponents (0 ... window - 1): int8, of the codes that the mask keeps, in order; mask: bool, out x slices x
        numbers; low: what exponent 0 stands for; scales: f16, out x slices x 1."""
        kept = self.round(c)[self.mask > 0]
        low = self.high - self.window + 1
        return dict(signs=kept.sign().to(torch.int8).numpy(), exponents=(kept.abs().log2() - low).to(torch.int8).numpy(),
                    low=low, mask=self.mask.numpy() > 0, scales=scale.detach().half().numpy())

    def nodes(self, weights, name, c, scale):
        codes = self.codes(c, scale)
        raw = codes["exponents"].astype(int) + self.window * (codes["signs"] < 0)
        powers = 2.0 ** (codes["low"] + np.arange(self.window))
        coefficients = _unpacked(weights, name, raw, self.bits, [*powers, *-powers], codes["mask"][..., None])
        basis = weights.tensor(name + "_basis", codes["scales"])
        return weights.factorized(name, coefficients, basis, batch=2, collapse=[[0], [1, 2]],
                                  expand=[[self.shape[0]], list(self.shape[1:])])


class BucketSwitching:
    """Trains the codes of SmartDeal forms without floats: they never leave the codebook (SmartDeal, arXiv 2101.01163, section on training).

    Each code has a counter of the signs that its gradient, with momentum, would move it by. Where the counter reaches the bar, the exponent
    goes one step, if the window has that step, and the counter starts again. Signs and zeros stay. Call `step` between `backward` and the
    optimizer's step, which then leaves codes alone, and `raise_bar` after each epoch.
    """

    def __init__(self, layers, bar=64, highest=512, momentum=0.9):
        self.bar, self.highest, self.momentum, self.switched = bar, highest, momentum, 0
        self.states = []
        for layer in layers:
            form, codes = form_of(layer), originals(layer)[0]
            codes.data.copy_(form.round(codes) * form.mask)
            self.states.append((form, codes, torch.zeros_like(codes), torch.zeros_like(codes)))

    @torch.no_grad()
    def step(self):
        for form, codes, velocity, counter in self.states:
            velocity.mul_(self.momentum).sub_(codes.grad)
            codes.grad = None
            counter.add_(velocity.sign() * form.mask)
            fires = counter.abs() >= self.bar
            # A code grows in magnitude where it is pushed the way of its sign.
            factor = torch.where(fires, torch.exp2(counter.sign() * codes.sign()), torch.ones_like(codes))
            counter[fires] = 0
            self.switched += int(fires.sum())
            codes.copy_(codes.sign() * (codes.abs() * factor).clamp(2.0 ** (form.high - form.window + 1), 2.0**form.high))
            if not torch.equal(codes, form.round(codes) * form.mask):
                raise RuntimeError("a code has left the codebook")

    def raise_bar(self):
        """Doubles the bar, and starts all counters again."""
        self.bar = min(2 * self.bar, self.highest)
        for _, _, _, counter in self.states:
            counter.zero_()


class Escalate(nn.Module):
    """Kernels as combinations of `bases` basis kernels that a layer shares (ESCALATE, MICRO 2021): W[k, c] = s_k sum_m T[k, c, m] B[m].

    `stage` 'float': coefficients and basis are floats. 'ternary': T is -1, 0 or 1 with one f16 scale per filter, beyond the layer's
    `sparsity` quantile, and B is 8 bits with one f16 scale. Dead coefficients take gradients too and may come back. With `balanced`, each
    filter has as many coefficients that are not zero for each basis kernel, scales are per filter and basis kernel (s_km), and files hold two
    bits for each coefficient: what the kernels for 16-bit sums read.
    """

    def __init__(self, bases, sparsity, balanced=False):
        super().__init__()
        self.bases, self.stage, self.balanced = bases, "float", balanced
        self.ternary = BalancedTernary(sparsity) if balanced else Ternary(sparsity)

    def right_inverse(self, weight):
        """The uncentred SVD's leading kernels, scaled so that coefficients vary equally for each, and as much as the weight."""
        filters, channels, height, width = self.shape = tuple(weight.shape)
        x = weight.detach().reshape(filters * channels, height * width)
        basis = torch.linalg.svd(x, full_matrices=False)[2][: self.bases]
        coefficients = x @ basis.T
        spread = coefficients.std(0) / x.std()
        return (coefficients / spread).reshape(filters, channels, -1).contiguous(), (basis * spread[:, None]).contiguous()

    def split_basis(self, basis):
        """(integers, scale) of the basis."""
        scale = half(basis.detach().abs().max() / 127)
        return (basis.detach() / scale).round().clamp(-127, 127), scale

    def forward(self, coefficients, basis):
        if self.stage == "ternary":
            coefficients = self.ternary(coefficients)
            numbers, scale = self.split_basis(basis)
            basis = _StraightThrough.apply(basis, numbers * scale)
        return (coefficients.reshape(-1, self.bases) @ basis).reshape(self.shape)

    def get_extra_state(self):
        return dict(stage=self.stage)

    def set_extra_state(self, state):
        self.stage = state["stage"]

    def codes(self, coefficients, basis):
        """signs: int8, filters x channels x bases; scales: f16, filters x 1 x 1, or balanced filters x 1 x bases; basis: int8, bases x kh x kw,
        times basis_scale (f16)."""
        numbers, scale = self.split_basis(basis)
        return dict(self.ternary.codes(coefficients), basis=numbers.to(torch.int8).reshape(-1, *self.shape[2:]).numpy(),
                    basis_scale=scale.half().numpy())

    def nodes(self, weights, name, coefficients, basis):
        codes = self.codes(coefficients, basis)
        basis = weights.int8(name + "_basis", codes["basis"], codes["basis_scale"])
        if self.balanced:
            return weights.factorized(name, two_bits(weights, name + "_coefficients", codes), basis)
        filters, channels, height, width = self.shape
        kernels = weights.factorized(name + "_kernels", _signs(weights, name, codes["signs"]), basis,
                                     expand=[[filters, 1], [channels], [height], [width]])
        return _scaled(weights, name, codes["scales"], kernels)


class Spectrum(nn.Module):
    """For circulant layers: the half spectrum of each block's vector in integers of `bits`, with a f16 scale per two slots of the layer.

    Slots are Re 0, for even k Re k/2, then pairs Re f, Im f, unscaled. Slots 2i and 2i + 1 share a scale: for even k, a frequency.
    """

    def __init__(self, bits):
        super().__init__()
        self.bits = bits

    def slots(self, c):
        """p x q x k x taps in time to slots."""
        k = c.shape[2]
        spectrum = torch.view_as_real(torch.fft.rfft(c.detach(), dim=2).movedim(2, 0))  # f p q taps 2
        pairs = spectrum[1 : (k + 1) // 2]
        first = [spectrum[0, ..., 0]] + ([spectrum[k // 2, ..., 0]] if k % 2 == 0 else [])
        return torch.stack(first + [x for pair in pairs for x in (pair[..., 0], pair[..., 1])], dim=2)

    def time(self, slots):
        """Slots to p x q x k x taps in time."""
        k, real = slots.shape[2], 2 - slots.shape[2] % 2
        zero = torch.zeros_like(slots[:, :, 0])
        bins = [torch.complex(slots[:, :, 0], zero)]
        bins += [torch.complex(slots[:, :, i], slots[:, :, i + 1]) for i in range(real, k, 2)]
        bins += [torch.complex(slots[:, :, 1], zero)] if real == 2 else []
        return torch.fft.irfft(torch.stack(bins, 2), n=k, dim=2) if k > 1 else slots

    def split(self, c):
        """(integers, scales) of the slots: p x q x k x taps, and k, in pairs of equal ones."""
        slots, most = self.slots(c), 2 ** (self.bits - 1) - 1
        k = slots.shape[2]
        largest = nn.functional.pad(slots.abs().amax([d for d in range(slots.dim()) if d != 2]), (0, k % 2))
        scale = half(largest.reshape(-1, 2).amax(1) / most).clamp_min(2.0**-24).repeat_interleave(2)[:k]
        each = scale.reshape([-1] + [1] * (slots.dim() - 3))
        return (slots / each).round().clamp(-most, most), scale

    def forward(self, c):
        numbers, scale = self.split(c)
        return _StraightThrough.apply(c, self.time(numbers * scale.reshape([-1] + [1] * (numbers.dim() - 3))))

    def right_inverse(self, weight):
        return weight.detach().clone()

    def codes(self, c):
        """numbers: int8, slots, p x q x k x taps; scales: f16, one per slot."""
        numbers, scale = self.split(c)
        return dict(numbers=numbers.to(torch.int8).numpy(), scales=scale.half().numpy())

    def nodes(self, weights, name, c):
        """The slots; the exporter puts `CirculantSpectrum` in the place of the layer's `Circulant`."""
        codes = self.codes(c)
        if self.bits == 8:
            return weights.int8(name, codes["numbers"], codes["scales"], axis=2)
        scales = codes["scales"][::2].reshape([1, 1, -1] + [1] * (codes["numbers"].ndim - 3))
        return weights.dequantize(name, *_unsigned(codes["numbers"], self.bits), scales)
