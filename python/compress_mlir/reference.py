"""What compressed weights mean and how they are fitted, in NumPy: the reference of the tests, a function per step. `lib/Obtain` has
the same algorithms; sections are of the papers named."""
import numpy as np

RCOND = 1e-10  # singular values below this share of the largest count as zero


def circulant(c, rows, cols):
    """The dense weight of circulant vectors `c` (p x q x k, or p x q x k x taps), cropped to rows x cols (x taps).

    W[i*k + r, j*k + s, ...] = c[i, j, (r - s) mod k, ...]: the first column of each block is `c` (CirCNN, MICRO 2017).
    """
    c = np.asarray(c)
    p, q, k = c.shape[:3]
    index = (np.arange(k)[:, None] - np.arange(k)[None, :]) % k
    blocks = c[:, :, index]  # p x q x r x s x taps
    dense = np.swapaxes(blocks, 1, 2).reshape((p * k, q * k) + c.shape[3:])
    return dense[:rows, :cols]


def fit_circulant(w, k):
    """The circulant vectors nearest to w (rows x cols x taps): means over wrapped diagonals, of the entries inside of w."""
    w = np.asarray(w, dtype=float)
    p, q = -(-w.shape[0] // k), -(-w.shape[1] // k)
    total, count = np.zeros((p, q, k) + w.shape[2:]), np.zeros((p, q, k))
    for row in range(w.shape[0]):
        for col in range(w.shape[1]):
            at = row // k, col // k, (row - col) % k
            total[at] += w[row, col]
            count[at] += 1
    return total / np.maximum(count, 1).reshape(count.shape + (1,) * (w.ndim - 2))


# Low rank: plain, and ESCALATE's shared basis (MICRO 2021, section 3; the SVD is not centred).


def rank_for_energy(singular, energy):
    """The least rank whose squared singular values reach `energy` of their sum; at least 1."""
    kept = np.cumsum(np.square(singular))
    return int(np.searchsorted(kept, energy * kept[-1])) + 1 if kept[-1] > 0 else 1


def truncated_svd(x, rank=None, energy=None):
    """(coefficients m x r, basis r x n) nearest to x: orthonormal basis rows, the largest entry of each positive."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    rank = rank_for_energy(s, energy) if rank is None else rank
    v = v[:rank]
    largest = v[np.arange(len(v)), np.argmax(np.abs(v), axis=1)]
    v = v * np.where(largest < 0, -1.0, 1.0)[:, None]
    return x @ v.T, v


def fit_escalate(w, m=None, energy=None):
    """(coefficients K x C x M, basis M x R x S) of w (K x C x R x S)."""
    k, c, r, s = w.shape
    coefficients, basis = truncated_svd(w.reshape(k * c, r * s), m, energy)
    return coefficients.reshape(k, c, -1), basis.reshape(-1, r, s)


# Power-of-two coefficients times a small basis (SmartExchange, ISCA 2020; SmartDeal, arXiv 2101.01163).


def nearest_power_of_two(x, low, high, zero=True):
    """The nearest of 0 (if `zero`) and +-2^low … 2^high, in linear distance; ties go to the smaller magnitude."""
    magnitude = np.abs(x)
    mantissa, exponent = np.frexp(magnitude)  # magnitude = mantissa * 2^exponent, 1/2 <= mantissa < 1
    power = np.exp2(np.clip(exponent - 1 + (mantissa > 0.75), low, high))
    if not zero:
        return np.where(np.asarray(x) < 0, -power, np.where(magnitude == 0, np.exp2(low), power))
    return np.sign(x) * np.where(magnitude <= np.exp2(low - 1), 0, power)


def least_squares(a, y):
    """The x of least norm among those that minimise ||a x - y||."""
    return np.linalg.lstsq(a, y, rcond=RCOND)[0]


def smartdeal_slice(a, theta, low=-8, high=-1, cap=30, rows=False, scale=False, decay=0.5):
    """SmartDeal's alternating decomposition of a (m x r) into codes q (m x r, 0 or +-2^e) times a basis b (r x r).

    Returns q, b and a dict: `errors` (||a - q b|| after each iteration), `iterations`, `unchanged` (why it stopped),
    `theta` (after restarts), `restarts`.
    """
    restarts = 0
    while True:
        q, b, errors, unchanged = smartdeal_attempt(a, theta, low, high, cap, rows, scale)
        if q is not None:
            return q, b, dict(errors=errors, iterations=len(errors), unchanged=unchanged, theta=theta, restarts=restarts)
        restarts += 1
        theta = theta * decay if restarts < 60 else 0.0


def smartdeal_attempt(a, theta, low, high, cap, rows, scale):
    """One run at one theta; q is None where theta empties a column."""
    c, previous, errors = a, None, []
    while True:
        c = recentre_columns(c) if scale else c
        q = nearest_power_of_two(c, low, high)
        b = least_squares(q, a)
        errors.append(np.linalg.norm(a - q @ b))
        unchanged = previous is not None and np.array_equal(q, previous)
        if unchanged or len(errors) == cap:
            return q, b, errors, unchanged
        previous = q
        c = least_squares(b.T, a.T).T
        kept = np.abs(c) >= theta
        if rows:
            kept &= (np.sum(np.abs(c), axis=1) >= 5 * theta)[:, None]
        if np.any(np.any(c != 0, axis=0) & ~np.any(kept & (c != 0), axis=0)):
            return None, None, None, False
        c = np.where(kept, c, 0.0)


def recentre_columns(c):
    """Columns times 2^mean(round(lg |c|) - lg |c|) over their nonzeros: as near to powers of two as a scale brings them."""
    lg = np.log2(np.abs(c), where=c != 0, out=np.zeros_like(c))
    count = np.maximum(np.sum(c != 0, axis=0), 1)
    return c * np.exp2(np.sum(np.round(lg) - lg, axis=0) / count)


def smartdeal_slicing(shape, limit=192):
    """(slices, rows, r) of one output channel of a weight out x in (x R x S): r = S, or 3 where S is 1.

    The `rows` x r slices, in order, are the channel's numbers followed by zeros. Slices hold at most `limit` rows and,
    in a convolution, whole input channels.
    """
    r = shape[-1] if len(shape) > 2 and shape[-1] > 1 else 3
    unit = int(np.prod(shape[2:-1])) if len(shape) > 2 and shape[-1] > 1 else 1  # rows that stay together
    units = -(-int(np.prod(shape[1:])) // (unit * r))
    slices = -(-units // max(limit // unit, 1))
    return slices, -(-units // slices) * unit, r


def fit_smartdeal(w, theta, rows=None, limit=192, **options):
    """(coefficients out x slices x rows x r, basis out x slices x r x r, the dicts of the slices) of a weight."""
    slices, height, r = smartdeal_slicing(w.shape, limit)
    rows = (w.ndim > 2 and w.shape[-1] > 1) if rows is None else rows
    flat = np.zeros((w.shape[0], slices * height * r))
    flat[:, : w[0].size] = w.reshape(w.shape[0], -1)
    fits = [smartdeal_slice(a, theta, rows=rows, **options) for a in flat.reshape(-1, height, r)]
    stack = lambda i: np.stack([fit[i] for fit in fits]).reshape((w.shape[0], slices) + fits[0][i].shape)
    return stack(0), stack(1), [fit[2] for fit in fits]


def smartdeal(coefficients, basis, shape):
    """The dense weight of `shape` that SmartDeal's coefficients and bases stand for."""
    flat = (coefficients @ basis).reshape(shape[0], -1)
    return flat[:, : int(np.prod(shape[1:]))].reshape(shape)


# Numbers times scales. Along dimension d, one scale serves group[d] consecutive numbers.


def scale_of(shape, group):
    """(the number of the scale of each entry, the scales' shape)."""
    scales = tuple(-(-n // g) for n, g in zip(shape, group))
    return np.ravel_multi_index(np.ix_(*[np.arange(n) // g for n, g in zip(shape, group)]), scales), scales


def dequantize(numbers, scales, group, zeros=None):
    """W[i] = scales[i // group] * (numbers[i] - zeros[i // group])."""
    at, _ = scale_of(numbers.shape, group)
    return np.ravel(scales)[at] * (numbers if zeros is None else numbers - np.ravel(zeros)[at])


def fit_per_scale(w, group, fit):
    """`fit` takes the entries of one scale to (numbers, scale, zero): all (numbers, scales, zeros)."""
    at, shape = scale_of(w.shape, group)
    numbers, scales, zeros = np.zeros(w.shape), np.zeros(shape), np.zeros(shape)
    for i in range(scales.size):
        numbers[at == i], scales.flat[i], zeros.flat[i] = fit(w[at == i])
    return numbers, scales, zeros


def nearest_integer(x, low, high):
    """The nearest integer in low … high; halves go to the smaller magnitude."""
    return np.clip(np.copysign(np.ceil(np.abs(x) - 0.5), x), low, high)


def fit_ternary(v, threshold=0.7, iterate=False):
    """TWN (arXiv 1605.04711, 3.1): s = mean magnitude of what exceeds threshold * mean |v|. With `iterate`, what exceeds
    s / 2 is kept next, until it is the same. s is 1 where nothing is kept."""
    magnitude = np.abs(v)
    kept = magnitude > threshold * np.mean(magnitude)
    while True:
        if not kept.any():
            return np.zeros(len(v)), 1.0, 0.0
        scale = np.mean(magnitude[kept])
        again = magnitude > scale / 2
        if not iterate or np.array_equal(again, kept):
            return np.sign(v) * kept, scale, 0.0
        kept = again


def fit_uniform(v, low, high, symmetric=True, search=False):
    """Integers low … high: the largest magnitude is `high` or, if not `symmetric`, least and largest entry (and zero)
    are low and high. With `search`, the range of least squared error among 64 that are 1/64 … 64/64 of it, and then
    scale (by least squares) and integers in turn until these do not change, at most 20 times."""
    top, bottom = max(np.max(v), 0.0), min(np.min(v), 0.0)
    span = max(top, -bottom) / high if symmetric else (top - bottom) / (high - low)
    if span == 0:
        zero = 0.0 if symmetric else nearest_integer(low, low, high)
        return np.full(len(v), zero), 1.0, zero
    best = None
    for step in range(64, 0 if search else 63, -1):
        scale = span * step / 64
        zero = 0.0 if symmetric else nearest_integer(low - bottom / span, low, high)
        error = np.sum(np.square(v - scale * (nearest_integer(v / scale + zero, low, high) - zero)))
        if best is None or error < best[0]:
            best = error, scale, zero
    _, scale, zero = best
    q = nearest_integer(v / scale + zero, low, high)
    for _ in range(20 if search else 0):
        if not np.any(q != zero):
            break
        refit = np.dot(q - zero, v) / np.dot(q - zero, q - zero)
        again = nearest_integer(v / refit + zero, low, high)
        scale = refit
        if np.array_equal(again, q):
            break
        q = again
    return q, scale, zero


def fit_codebook(w, size, cap=100):
    """(indices in w's shape, sorted table): Lloyd's iteration from the means of `size` equal parts of the sorted entries;
    all distinct entries, if there are no more than `size`."""
    values = np.sort(w, axis=None)
    table = np.unique(values)
    if len(table) > size:
        table = np.array([np.mean(part) for part in np.array_split(values, size)])
        for _ in range(cap):
            owner = np.searchsorted((table[1:] + table[:-1]) / 2, values)
            again = np.array([np.mean(values[owner == i]) if np.any(owner == i) else table[i] for i in range(size)])
            if np.array_equal(again, table):
                break
            table = again
    return np.searchsorted((table[1:] + table[:-1]) / 2, w), table


# Structured zeros (SSL, NIPS 2016): each entry of a mask stands for one box of the weight.


def boxes(w, mask_shape):
    """w as mask_shape x box: the entries of each box together."""
    box = [n // m for n, m in zip(w.shape, mask_shape)]
    split = w.reshape([x for pair in zip(mask_shape, box) for x in pair])
    return np.moveaxis(split, range(0, 2 * w.ndim, 2), range(w.ndim))


def pack(w, mask_shape):
    """(kept boxes in row-major order, mask of boxes that are not all zero)."""
    split = boxes(w, mask_shape)
    mask = np.any(split != 0, axis=tuple(range(w.ndim, 2 * w.ndim)))
    return split[mask], mask


def unpack(values, mask, shape):
    """The weight of `shape` with `values` in the boxes of `mask`, and zero elsewhere."""
    w = np.zeros(shape)
    boxes(w, mask.shape)[mask] = values
    return w


# What the ops of the dialect stand for.


def slots_to_time(slots, axis):
    """The k numbers whose half spectrum, along `axis`, is slots: Re 0, for even k Re k/2, then pairs Re f, Im f."""
    slots = np.moveaxis(np.asarray(slots, dtype=float), axis, -1)
    k, real = slots.shape[-1], 2 - slots.shape[-1] % 2
    pairs = slots[..., real::2] + 1j * slots[..., real + 1 :: 2]
    spectrum = np.concatenate([slots[..., :1], pairs, slots[..., 1:real]], axis=-1)
    return np.moveaxis(np.fft.irfft(spectrum, k) if k > 1 else slots, -1, axis)


def decode_uniform(raw, bits, unsigned=False):
    """The integers of raw codes: themselves, or in two's complement."""
    return raw if unsigned else raw - (raw >> (bits - 1) << bits)


def decode_pow2(raw, bits, low, zero=False):
    """Sign bit and magnitude m: +-2^(low + m), or with `zero` +-2^(low + m - 1) and 0 for m = 0."""
    m = raw & (2 ** (bits - 1) - 1)
    power = np.where(zero & (m == 0), 0.0, np.exp2(low + m - 1.0 * zero))
    return np.where(raw >> (bits - 1) == 1, -power, power)


def factorized(c, b, shape, batch=0, collapse=None, expand=None, order=None):
    """sum_m c[batch, outer, m] b[batch, m, inner]; groups merged, cropped and split; order[i]: the result's dimension of i."""
    t = c.reshape(c.shape[:batch] + (-1, c.shape[-1])) @ b.reshape(b.shape[: batch + 1] + (-1,))
    t = t.reshape(c.shape[:-1] + b.shape[batch + 1 :])
    order = range(len(shape)) if order is None else order
    if collapse is not None:
        extents = [shape[d] for d in order]
        t = t.reshape([np.prod([t.shape[d] for d in group]) for group in collapse])
        t = t[tuple(slice(np.prod([extents[d] for d in group])) for group in expand)].reshape(extents)
    return np.transpose(t, np.argsort(order))
