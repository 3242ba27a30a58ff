"""Fits that look at a layer's output, in NumPy: with second moments h of its inputs, w - v errs by trace((w - v) h (w - v)^T). The
definitions that the compiler's are tested against."""
import numpy as np

from .reference import circulant, truncated_svd


def damped(h):
    """h plus a hundredth of its mean diagonal (or 1) on the diagonal."""
    mean = np.trace(h) / len(h)
    return h + np.eye(len(h)) * (0.01 * mean if mean > 0 else 1.0)


def output_error(difference, h):
    return np.einsum("on,nm,om", difference, h, difference, optimize=True)


def gptq(w, h, nearest):
    """GPTQ (arXiv 2210.17323): column by column, what `nearest` errs is made up for by the columns to come."""
    w, rounded = np.array(w, float), np.zeros(w.shape)
    u = np.linalg.cholesky(np.linalg.inv(damped(h))).T  # h^-1 = u^T u
    for j in range(w.shape[1]):
        rounded[:, j] = nearest(w[:, j])
        w[:, j:] -= np.outer((w[:, j] - rounded[:, j]) / u[j, j], u[j, j:])
    return rounded


def weighted_svd(w, h, rank):
    """The matrix of a rank that errs least."""
    l = np.linalg.cholesky(damped(h))
    coefficients, basis = truncated_svd(w @ l, rank)
    return coefficients @ np.linalg.solve(l.T, basis.T).T


def weighted_circulant(w, h, k):
    """The block-circulant matrix that errs least, by normal equations of its free numbers, each spread to its places."""
    outs, ins = w.shape
    q = -(-ins // k)
    v = np.zeros(w.shape)
    for begin in range(0, outs, k):
        rows = w[begin : begin + k]
        places = np.array([circulant(np.eye(q * k)[i].reshape(1, q, k), len(rows), ins) for i in range(q * k)])
        left = np.einsum("arn,nm,brm->ab", places, h, places, optimize=True)
        right = np.einsum("arn,nm,rm->a", places, h, rows, optimize=True)
        count = np.sum(places, axis=(1, 2))
        start = np.einsum("arn,rn->a", places, rows) / np.maximum(count, 1)
        pull = 0.01 * np.trace(left) / len(left)
        c = np.linalg.solve(left + pull * np.eye(len(left)), right + pull * start)
        v[begin : begin + k] = np.einsum("a,arn->rn", c, places)
    return v


def refit_columns(w, h, kept):
    """The best w of which only the columns `kept` are not zero."""
    h, v = damped(h), np.zeros(w.shape)
    v[:, kept] = np.linalg.solve(h[np.ix_(kept, kept)], (w @ h[:, kept]).T).T
    return v
