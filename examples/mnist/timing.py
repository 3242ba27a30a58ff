"""How long trained networks take: their compiled libraries beside ONNX Runtime, in one process, as scripts/bench times its cases."""
import json
import pathlib
import sys
import tempfile

import mnist  # finds compress_mlir
import numpy as np
import onnx
import rivals

sys.path.insert(0, str(mnist.MODELS.parents[2]))
import compress_mlir  # noqa: E402
from benchmarks import onnx_runtime, peers, run  # noqa: E402
from compress_mlir import onnx_functions  # noqa: E402

BATCHES = (1, 64)
NUM_INPUTS = 8


def contestants(path, folder, dense):
    """({name: driver's words}, forms by layer): our library by both objectives and in int8 arithmetic, ONNX Runtime on the same file, and, of a
    dense network, on its files in int8 and int4."""
    words, report = {}, folder / "report.json"
    for objective in ("bytes", "time"):
        library = compress_mlir.compile(path, folder, name=f"by_{objective}", objective=objective, report=report)
        words["ours" if objective == "time" else "ours-bytes"] = ["library", library]
    layers = json.loads(report.read_text())["layers"]
    forms = {row["layer"]: row["form"] for row in layers if row["pass"] == "select" and "form" in row}
    words["ours-i8"] = ["library", compress_mlir.compile(path, folder, name="in_i8", precision="i8")]
    runtime = peers.runtime("ort-fp32")
    if runtime:
        words["ort"] = ["ort", path, runtime]
        for name, other in (dense or {}).items():
            words[name] = ["ort", other, runtime]
    return words, forms


def rival_files(path, folder, images):
    """The int8 and int4 files of a dense network, {name: path}; nothing where ONNX Runtime is not there."""
    runtime = peers.runtime("ort-fp32")
    if not runtime:
        return {}
    session = lambda file, names: onnx_runtime.Session(file, runtime, names)
    return {"ort-int8": rivals.write_int8(path, folder / f"{path.stem}.ort-int8.onnx", session, images[:1000]),
            "ort-int4": rivals.write_int4(path, folder / f"{path.stem}.ort-int4.onnx")}


def accuracy(network, test):
    """Per cent of the test images that a session or a library labels rightly."""
    images, labels = test
    logits = np.concatenate([network.run({"image": part})["logits"] for part in np.array_split(images, 40)])
    return 100 * float((logits.argmax(1) == labels).mean())


def interleaved(words, images, batch, folder, rounds, seconds):
    """{name: least microseconds of a call} of contestants, which take turns."""
    images[: batch * NUM_INPUTS].tofile(folder / "inputs.bin")
    lines = [["batch", batch], ["type", "float32"], ["input", "image", folder / "inputs.bin", NUM_INPUTS, batch, 1, 28, 28],
             ["output", "logits", batch, 10], ["rounds", rounds], ["seconds", seconds], ["sweep", 0]]
    lines += [["contestant", name, *what] for name, what in words.items()]
    (folder / "case.txt").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    timed = run.run_driver(folder / "case.txt", folder)["contestants"]
    failed = [f"{entry['name']}: {entry['error']}" for entry in timed if entry["error"]]
    if failed:
        raise run.DriverError("; ".join(failed))
    return {entry["name"]: min(entry["min_us"]) for entry in timed}


def measure(path, name, test, seen=None, rounds=20, seconds=0.02):
    """A dict of a network's file: `us`, the least microseconds by batch and contestant, `forms`, those of its layers, `i8`, its accuracy in int8
    arithmetic. Of a dense network, for which `seen` is calibration images, also `rivals`: bytes and accuracy of its int8 and int4 files in ONNX
    Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = {} if seen is None else rival_files(path, folder, seen)
        words, forms = contestants(path, folder, files)
        session = lambda file: onnx_runtime.Session(file, peers.runtime("ort-fp32"), ["logits"])
        figures = {rival: dict(accuracy=accuracy(session(file), test), tensor_bytes=onnx_functions.tensor_bytes(onnx.load(str(file))))
                   for rival, file in files.items()}
        us = {batch: interleaved(words, test[0], batch, folder, rounds, seconds) for batch in BATCHES}
        return dict(recipe=name, forms=forms, us=us, rivals=figures, i8=accuracy(compress_mlir.load(words["ours-i8"][1]), test))
