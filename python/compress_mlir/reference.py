"""What circulant weights mean, in NumPy: the reference of the tests."""
import numpy as np


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
