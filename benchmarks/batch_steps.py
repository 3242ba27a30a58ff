"""Whether time grows with the batch without steps: each batch beside what its two neighbours lead to expect."""
import ctypes
import time

import compress_mlir
import numpy as np


class BatchTimes:
    """Least times of the library at `path` for 1 to `most` samples, in rounds over all batches."""

    def __init__(self, path, most):
        self.library, self.most = compress_mlir.load(path), most
        self.run = getattr(ctypes.CDLL(str(path)), f"{self.library.name}_run")
        self.run.argtypes = [ctypes.c_int64] + [ctypes.c_void_p] * (len(self.library.inputs) + len(self.library.outputs) + 1)
        library = self.library
        bytes_ = max(library.workspace_bytes(batch) for batch in (1, most))
        self.workspace = np.zeros(bytes_ + 64, np.uint8)
        self.seconds = np.full(most + 1, np.inf)
        rng = np.random.default_rng(0)
        self.feeds = [None] + [self._arrays(rng, batch) for batch in range(1, most + 1)]

    def _arrays(self, rng, batch):
        inputs = [rng.standard_normal((batch, *tensor.shape[1:]), dtype=np.float32) for tensor in self.library.inputs]
        return inputs + [np.zeros((batch, *tensor.shape[1:]), np.float32) for tensor in self.library.outputs]

    def time(self, rounds, seconds):
        aligned = -(-self.workspace.ctypes.data // 64) * 64
        for _ in range(rounds):
            for batch in range(1, self.most + 1):
                pointers = [array.ctypes.data for array in self.feeds[batch]]
                self.run(batch, *pointers, aligned)
                begin, calls = time.perf_counter(), 0
                while (spent := time.perf_counter() - begin) < seconds or calls == 0:
                    for _ in range(4):
                        self.run(batch, *pointers, aligned)
                    calls += 4
                self.seconds[batch] = min(self.seconds[batch], spent / calls)

    def worst_step(self):
        """(ratio, batch): the largest ratio of a batch's time to the mean of its neighbours'."""
        between = (self.seconds[1:-2] + self.seconds[3:]) / 2
        ratios = self.seconds[2:-1] / between
        at = int(ratios.argmax())
        return ratios[at], at + 2
