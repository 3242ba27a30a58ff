"""Penalties that lead training towards structured weights: groups that vanish together, and filters that point the same way.

    lasso = GroupLasso({layer: 0.01}, kinds=("filters", "shapes"))     # Structured Sparsity Learning, NIPS 2016
    loss = loss + lasso.penalty()                                      # or, between steps of the optimizer: lasso.shrink(rate)
    lasso = UnitLasso([(layer, next_layer, 20)], 0.2)                  # all units but 20 shrink, with what the next layer reads of them
    add_force({layer: 0.001})                                          # Coordinating Filters, ICCV 2017; after loss.backward()
    pull = RankForce({layer: 20})                                      # towards 20 directions; between steps: pull(0.01)

A weight is out x in, or out x in x kh x kw. What is trained so is stored by the forms of `compress_mlir.structured_forms`.
"""
import torch

# The dimensions over which a group of each kind extends, of a weight of 4 dimensions; those of 2 have no taps.
KINDS = {"filters": (1, 2, 3), "channels": (0, 2, 3), "shapes": (0,), "depth": (0, 1, 2, 3)}


def group_axes(weight, kind):
    """The dimensions of `weight` that a group of `kind` extends over: a filter's numbers, those of an input channel, those of a tap of an
    input channel in all filters (a column of the lowered matrix), or the whole weight."""
    if kind not in KINDS:
        raise ValueError(f"kinds of groups are {', '.join(KINDS)}, not '{kind}'")
    if weight.dim() not in (2, 4):
        raise ValueError(f"groups are those of a weight of 2 or 4 dimensions, not {weight.dim()}")
    return tuple(axis for axis in KINDS[kind] if axis < weight.dim())


def group_norms(weight, kind):
    """|W_g| of each group: a tensor of the weight's rank, with extent 1 where groups extend."""
    return weight.square().sum(group_axes(weight, kind), keepdim=True).sqrt()


@torch.no_grad()
def _shrink(weight, kind, step, spared=None):
    """W_g <- max(0, 1 - step sqrt(size) / |W_g|) W_g, in place, of all groups but those where `spared` is true."""
    norms = group_norms(weight, kind)
    factors = (1 - step * (weight.numel() / norms.numel()) ** 0.5 / norms.clamp_min(1e-30)).clamp_min(0)
    weight.mul_(factors if spared is None else torch.where(spared.reshape(norms.shape), torch.ones_like(factors), factors))


def _largest(scores, count):
    """Where the `count` largest of `scores` are: bool, of their shape."""
    flat = scores.flatten()
    return torch.zeros_like(flat, dtype=torch.bool).index_fill_(0, flat.topk(count).indices, True).reshape(scores.shape)


def _rms(weight):
    return float(weight.detach().square().mean().sqrt())


class GroupLasso:
    """lambda * sum over layers, kinds and groups of sqrt(size of g) |W_g| (Structured Sparsity Learning, arXiv 1608.03665, equation 2).

    `strengths` maps a layer to its lambda; `kinds` are of KINDS. The root of the group's size keeps large groups from being favoured: a
    group whose numbers are of root mean square r adds lambda * size * r, of whatever kind it is.
    """

    def __init__(self, strengths, kinds=("filters", "shapes")):
        self.strengths, self.kinds = dict(strengths), tuple(kinds)
        for layer, strength in self.strengths.items():
            if strength < 0:
                raise ValueError(f"a layer's strength is at least 0, not {strength}")
            for kind in self.kinds:
                group_axes(layer.weight, kind)

    def groups(self):
        """(weight, strength * sqrt(size), kind) for each layer and kind."""
        for layer, strength in self.strengths.items():
            for kind in self.kinds:
                norms = group_norms(layer.weight.detach(), kind)
                yield layer.weight, strength * (layer.weight.numel() / norms.numel()) ** 0.5, kind

    def penalty(self):
        """The penalty, a scalar that gradients flow through; a group of zeros takes part with gradient 0."""
        total = 0.0
        for weight, strength, kind in self.groups():
            square = weight.square().sum(group_axes(weight, kind))
            total = total + strength * torch.where(square > 0, square, torch.ones_like(square)).sqrt().mul(square > 0).sum()
        return total

    @torch.no_grad()
    def shrink(self, rate):
        """A proximal step of length `rate`, after one of the optimizer along the loss: W_g <- max(0, 1 - rate lambda sqrt(size) / |W_g|) W_g.

        It is exact for one kind, and leaves zeros that are exactly zero. Kinds, whose groups overlap, follow one another.
        """
        for layer, strength in self.strengths.items():
            for kind in self.kinds:
                _shrink(layer.weight, kind, rate * strength)


class TrimmedLasso:
    """A group lasso that leaves the `kept` largest groups of each layer alone: strength * rms * sum over all others of sqrt(size) |W_g|.

    The trimmed lasso (Bertsimas, Copenhaver and Mazumder, arXiv 1708.04527) is 0 just where at most `kept` groups are not, so that a large
    strength gives that many, and what stays is not shrunk. `kept` maps a layer to how many groups of `kind` it keeps; rms is that of the
    layer's weight when this is made.
    """

    def __init__(self, kept, strength, kind="shapes"):
        self.kept, self.kind = dict(kept), kind
        self.strengths = {layer: strength * _rms(layer.weight) for layer in self.kept}

    @torch.no_grad()
    def shrink(self, rate):
        """A proximal step of length `rate`: one of soft thresholding for the groups that are not among the largest."""
        for layer, kept in self.kept.items():
            spared = _largest(group_norms(layer.weight, self.kind), kept)
            _shrink(layer.weight, self.kind, rate * self.strengths[layer], spared)


class UnitLasso:
    """A trimmed group lasso on the units of a chain of layers: (layer, next layer, how many units stay).

    A unit is a filter and what the next layer multiplies its output with, which vanish together (as in Intrinsic Sparse Structures, arXiv
    1709.05027). The largest units by the product of the two norms stay: with ReLU between them, a factor may go from one to the other, which
    changes neither the network nor the product. A flattened channel is several inputs of the next layer, next to each other.
    """

    def __init__(self, units, strength):
        self.units = []
        for layer, reader, kept in units:
            if reader.weight.shape[1] % len(layer.weight):
                raise ValueError(f"{reader.weight.shape[1]} inputs are not those of {len(layer.weight)} filters")
            self.units.append((layer, reader, kept, strength * _rms(layer.weight), strength * _rms(reader.weight)))

    @torch.no_grad()
    def shrink(self, rate):
        """A proximal step of length `rate` for the filters, and one for what is read of them."""
        for layer, reader, kept, filters, channels in self.units:
            read = reader.weight.view(len(reader.weight), len(layer.weight), -1, 1)
            spared = _largest(group_norms(layer.weight, "filters").flatten() * group_norms(read, "channels").flatten(), kept)
            _shrink(layer.weight, "filters", rate * filters, spared)
            _shrink(read, "channels", rate * channels, spared)


# The exponent p of the force 1/d^p between two directions at distance d, over which the difference is divided: "constant" has length 1.
FORCES = {"degradation": 0, "constant": 1, "linear": 2, "gravity": 3}


def force(weight, kind="constant", least=1e-3):
    """What is added to the gradient so that descent pulls the directions of filters together (Coordinating Filters, arXiv 1703.09746).

    With rows w_i of the weight, u_i = w_i / |w_i| and d_ij = |u_i - u_j|, row i gets |w_i| sum_j P_i (u_i - u_j) / d_ij^p, P_i the
    projection off u_i: lengths stay, to first order. Pairs nearer than `least`, which f32 cannot tell apart by their cosine, and rows that are zero
    take no part.
    """
    if kind not in FORCES:
        raise ValueError(f"forces are {', '.join(FORCES)}, not '{kind}'")
    rows = weight.detach().reshape(len(weight), -1)
    lengths = rows.norm(dim=1, keepdim=True)
    alive = (lengths > 0).to(rows.dtype)
    units = rows / torch.where(lengths > 0, lengths, torch.ones_like(lengths))
    cosines = units @ units.T
    # |u_i - u_j|^2 = 2 - 2 cos; the projection of u_i - u_j off u_i is cos u_i - u_j.
    distances = (2 - 2 * cosines).clamp_min(0).sqrt()
    taking_part = (distances > least) * alive * alive.T
    factors = taking_part * distances.clamp_min(least) ** -FORCES[kind]
    pulls = (factors * cosines).sum(1, keepdim=True) * units - factors @ units
    return (lengths * pulls).reshape(weight.shape)


@torch.no_grad()
def add_force(strengths, kind="constant"):
    """Adds strength * force to the gradient of each layer's weight: `strengths` maps layers to strengths. Call it after `backward`."""
    for layer, strength in strengths.items():
        layer.weight.grad.add_(force(layer.weight, kind), alpha=strength)


class RankForce:
    """A force that turns filters towards the directions that hold most of them: `ranks` maps a layer to how many directions there are.

    Forces between pairs turn all filters towards one direction. Here a filter w is pulled to its projection P w on the leading singular
    vectors of the layer's weight, a row for each filter: w <- w - step (t - (t . u) u), t = w - P w, u = w / |w|. Lengths stay, to first
    order, as by the forces of pairs. Directions are found again every `every` steps.
    """

    def __init__(self, ranks, every=20):
        self.ranks, self.every, self.steps, self.directions = dict(ranks), every, 0, {}

    @torch.no_grad()
    def pull(self, step):
        """Moves the filters by `step`, in [0, 1]: 1 is all the way, less what would change a length."""
        for layer, rank in self.ranks.items():
            rows = layer.weight.view(len(layer.weight), -1)
            if self.steps % self.every == 0:
                # W^T u / s of the singular values s, by the Gram matrix of the rows.
                squares, left = torch.linalg.eigh(rows @ rows.T)
                self.directions[layer] = rows.T @ (left[:, -rank:] / squares[-rank:].clamp_min(1e-30).sqrt())
            directions = self.directions[layer]
            tail = rows - (rows @ directions) @ directions.T
            along = (tail * rows).sum(1, keepdim=True) / rows.square().sum(1, keepdim=True).clamp_min(1e-30)
            rows.sub_(tail - along * rows, alpha=step)
        self.steps += 1
