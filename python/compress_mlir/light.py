"""Light networks from dense ones: each layer's weight is replaced by what a scheme fits to it. docs/Obtain.md.

    light = compress_mlir.obtain("mnist.onnx", "out", "*Conv: escalate(bases=4, sparsity=0.85); default: int8")
    print(light)                                    # a row per layer
    logits = light.load().run({"image": x})["logits"]
"""
import json
import os
import pathlib
import tempfile

import numpy as np

from . import native

_COLUMNS = (("layer", "layer"), ("scheme", "scheme"), ("numbers", "numbers_before"), ("stored", "numbers_after"),
            ("bytes", "bytes_before"), ("stored", "bytes_after"), ("error", "relative_error"),
            ("output", "output_error"), ("multiplies", "multiplies"), ("adds", "adds"), ("us", "predicted_us"), ("form", "form"))


class Obtained:
    """A light network: `library` (the path of the shared library), `rows` (a dict per layer) and `total` (their sums)."""

    def __init__(self, library, report):
        self.library, self.report = library, report
        self.rows, self.total = report["compressed"]["rows"], report["compressed"]["total"]
        self.weight_bytes = report["weight_bytes"]  # of the library's weight section

    def load(self):
        """The library, to run."""
        return native.load(self.library)

    def __str__(self):
        cell = lambda value: f"{value:.4g}" if isinstance(value, float) else str(value)
        table = [[head for head, _ in _COLUMNS]] + [[cell(row.get(key, "-")) for _, key in _COLUMNS] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*table)]
        lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in table]
        after = self.total["bytes_after"]
        against = (f"{name} {self.total[key]} bytes ({self.total[key] / max(after, 1):.2f}x)"
                   for name, key in (("fp32", "bytes_before"), ("int8", "bytes_int8"), ("int4(32)", "bytes_int4")))
        return "\n".join(lines + [f"weights take {after} bytes; " + ", ".join(against)])


def obtain(model, out_dir, rules, calibration=None, **options):
    """Compresses `model`, a path or an onnx.ModelProto, by `rules`, and compiles it into `out_dir`: an Obtained.

    `calibration` is an array of samples of the network's input, or a .npy file: errors of outputs on them are minimised.

    `options` are those of `compress_mlir.compile`; with `activations` ("minmax", "percentile(99.99)" or "mse", which need a calibration)
    what layers of 8 bits take has 8 bits, too, and integers are multiplied. Raises CompileError where the rules cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if hasattr(model, "SerializeToString"):
            path = folder / ((options.get("name") or model.graph.name or "model") + ".onnx")
            path.write_bytes(model.SerializeToString())
        else:
            path = pathlib.Path(model)
        if calibration is not None and not isinstance(calibration, (str, os.PathLike)):
            np.save(folder / "calibration.npy", np.ascontiguousarray(calibration))
            calibration = folder / "calibration.npy"
        report = pathlib.Path(options.pop("report", None) or folder / "report.json")
        library = native.compile(path, out_dir, compress=rules, calibration=calibration, report=report, **options)
        return Obtained(library, json.loads(report.read_text()))
