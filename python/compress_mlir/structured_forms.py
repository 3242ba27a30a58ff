"""Light forms of weights that regularization has made structured (compress_mlir.regularizers), beside those of compress_mlir.forms.

`Masked` keeps what group lasso has made zero at zero while the rest is trained; `without_dead_filters` takes out filters that are zero, and
those that the next layer does not read; `LowRank` are two factors. Files hold `compress.unpack` of the columns that are left, and
`compress.factorized`.
"""
import copy

import torch
from torch import nn

from .forms import _StraightThrough, form_of, half
from .regularizers import group_norms


class Masked(nn.Module):
    """The weight where no group has vanished, and exactly 0 elsewhere, also in training: gradients are masked, too.

    Groups of `kinds` whose largest magnitude is at most `threshold` vanish when the form is attached. A file holds the columns of the lowered
    matrix (`in x kh x kw`) that are left, of all outputs, in f32, or in 8 bits with a f16 scale per output where `bits` is 8.
    """

    def __init__(self, kinds=("filters", "shapes"), threshold=0.0, bits=None):
        super().__init__()
        if bits not in (None, 8):
            raise ValueError(f"bits must be None or 8, not {bits}")
        self.kinds, self.threshold, self.bits = tuple(kinds), threshold, bits

    def right_inverse(self, weight):
        weight = weight.detach()
        mask = torch.ones_like(weight)
        for kind in self.kinds:
            mask *= group_norms(weight * (weight.abs() > self.threshold), kind) > 0
        self.register_buffer("mask", mask)
        return weight * mask

    def split(self, w):
        """(integers, scales) of w: as in forms.Uniform(8)."""
        scale = half(w.detach().abs().amax(tuple(range(1, w.dim())), keepdim=True) / 127).clamp_min(2.0**-24)
        return (w.detach() / scale).round().clamp(-127, 127), scale

    def forward(self, w):
        w = w * self.mask
        if not self.bits:
            return w
        numbers, scale = self.split(w)
        return _StraightThrough.apply(w, numbers * scale)

    def columns(self):
        """1 x in (x kh x kw): where a column of the lowered matrix has a number that is kept."""
        return self.mask.amax(0, keepdim=True) > 0

    def codes(self, w):
        """columns: bool, 1 x in x …; values: columns x out, float32, or int8 with scales, f16, 1 x out."""
        columns = self.columns()
        packed = lambda x: x.detach()[:, columns[0]].T.contiguous()
        if not self.bits:
            return dict(columns=columns.numpy(), values=packed(w * self.mask).numpy())
        numbers, scale = self.split(w * self.mask)
        return dict(columns=columns.numpy(), values=packed(numbers).to(torch.int8).numpy(), scales=scale.reshape(1, -1).half().numpy())

    def nodes(self, weights, name, w):
        codes = self.codes(w)
        dense = bool(codes["columns"].all())
        values = (codes["values"].T if dense else codes["values"]).reshape(tuple(w.shape) if dense else (-1, len(w)) + (1,) * (w.dim() - 1))
        packed = name if dense else name + "_values"
        made = weights.int8(packed, values, codes["scales"], axis=0 if dense else 1) if self.bits else weights.tensor(packed, values)
        return made if dense else weights.unpack(name, made, codes["columns"], tuple(w.shape))


class LowRank(nn.Module):
    """A product of two thin f32 matrices, out x rank and rank x (in x kh x kw), by the singular value decomposition: of `rank`, or of the least one
    that keeps `energy` of the sum of squares. Both are trained. Where they have not fewer numbers than the weight, it stays one."""

    def __init__(self, energy=1.0, rank=None):
        super().__init__()
        if not 0 < energy <= 1:
            raise ValueError(f"energy must be in (0, 1], not {energy}")
        if rank is not None and rank < 1:
            raise ValueError(f"rank must be at least 1, not {rank}")
        self.energy, self.rank = energy, rank

    def right_inverse(self, weight):
        self.shape = tuple(weight.shape)
        left, singular, right = torch.linalg.svd(weight.detach().reshape(len(weight), -1), full_matrices=False)
        kept = singular.square().cumsum(0) / singular.square().sum()
        rank = min(self.rank or int((kept < self.energy).sum()) + 1, len(singular))
        root = singular[:rank].sqrt()
        return (left[:, :rank] * root).contiguous(), (root[:, None] * right[:rank]).contiguous()

    def forward(self, left, right):
        return (left @ right).reshape(self.shape)

    def codes(self, left, right):
        """left: float32, out x rank; right: float32, rank x numbers of an output."""
        return dict(left=left.detach().numpy(), right=right.detach().numpy())

    def nodes(self, weights, name, left, right):
        codes = self.codes(left, right)
        out, rank = codes["left"].shape
        if rank * (out + codes["right"].shape[1]) >= out * codes["right"].shape[1]:
            return weights.tensor(name, (codes["left"] @ codes["right"]).reshape(self.shape))
        right = weights.tensor(name + "_right", codes["right"].reshape((rank,) + self.shape[1:]))
        return weights.factorized(name, weights.tensor(name + "_left", codes["left"]), right)


# Layers between two with weights that map channels one by one, and constants to constants.
CHANNELWISE = (nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten, nn.Identity)


def without_dead_filters(model):
    """A copy of a Sequential of Conv2d, Linear and CHANNELWISE layers without filters that are zero or that the next layer does not read.

    A zero filter gives its bias everywhere: what the next layer makes of it is added to the next layer's bias. The copy computes the same.
    Layers with `Masked` forms keep them; other forms are not taken apart. Raises ValueError for a network of another shape, and where
    padding would make such a constant end at the border.
    """
    model = copy.deepcopy(model).eval()
    weighted = [i for i, layer in enumerate(model) if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for i, layer in enumerate(model):
        if i not in weighted and not isinstance(layer, CHANNELWISE):
            raise ValueError(f"layer {i} is a {type(layer).__name__}, through which channels are not followed")
    # Backwards: filters that go are inputs that an earlier layer need not have.
    for first, second in reversed(list(zip(weighted, weighted[1:]))):
        _drop_between(model, first, second)
    return model


@torch.no_grad()
def _drop_between(model, first, second):
    layer, reader = model[first], model[second]
    weight, read = layer.weight, reader.weight
    zero = weight.reshape(len(weight), -1).abs().amax(1) == 0
    # A flattened channel is several inputs of the reader, next to each other.
    by_channel = read.reshape(len(read), len(weight), -1)
    kept = ~zero & (by_channel.abs().amax((0, 2)) > 0)
    if bool(kept.all()):
        return
    kept[0] |= not kept.any()
    constant = torch.zeros_like(layer.bias)
    constant[zero] = layer.bias[zero]
    for between in model[first + 1 : second]:
        constant = constant.relu() if isinstance(between, nn.ReLU) else constant
    constant[kept] = 0
    if constant.any() and isinstance(reader, nn.Conv2d) and any(reader.padding):
        raise ValueError(f"layer {second} pads the constant of a filter of layer {first}")
    reader.bias += by_channel.sum(2) @ constant
    _select(layer, kept.nonzero().flatten(), 0)
    size = by_channel.shape[2] if isinstance(reader, nn.Linear) else 1
    _select(reader, (kept.nonzero() * size + torch.arange(size)).flatten(), 1)


def _select(layer, indices, axis):
    """Keeps these filters (axis 0) or inputs (axis 1) of a layer."""
    form = form_of(layer)
    if form is not None and not isinstance(form, Masked):
        raise ValueError(f"a {type(form).__name__} weight is not taken apart")
    held = layer.parametrizations.weight if form is not None else layer
    name = "original" if form is not None else "weight"
    setattr(held, name, nn.Parameter(getattr(held, name).index_select(axis, indices)))
    if form is not None:
        form.mask = form.mask.index_select(axis, indices)
    if axis == 0:
        layer.bias = nn.Parameter(layer.bias[indices])
    names = ("out_channels", "in_channels") if isinstance(layer, nn.Conv2d) else ("out_features", "in_features")
    setattr(layer, names[axis], len(indices))
