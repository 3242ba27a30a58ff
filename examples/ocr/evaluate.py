#!/usr/bin/python3
"""Compiles PP-OCRv4's text recognition in several light forms, and compares: bytes, recognized text, time beside ONNX Runtime in fp32 and
int8, and the output errors of its two largest layers by fits with and without calibration, at equal bytes, on lines that no fit saw.

Needs scripts/fetch-peers (ONNX Runtime), and python3-pil and fonts-dejavu-core, which draw the lines. Usage: evaluate.py [--lines N]"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "python"), str(ROOT / "examples" / "ocr")]
import int8_peer  # noqa: E402
import ocr  # noqa: E402

import compress_mlir  # noqa: E402
from benchmarks.onnx_runtime import Session  # noqa: E402

ORT = ROOT / "data" / "peers" / "libonnxruntime.so.1"
OUTPUT = "softmax_11.tmp_0"
CALIBRATION_SEED, TEST_SEED, CALIBRATION_LINES = 2, 1, 64
FORMS = {"fp32": {}, "int8": {"compress": "default: int8"}, "int8, calibrated": {"compress": "default: int8", "calibrated": True},
         "int8, calibrated, products in int8": {"compress": "default: int8", "calibrated": True, "precision": "i8"},
         "int8, static ranges": {"compress": "default: int8", "calibrated": True, "activations": "minmax"},
         "int8, static, least error": {"compress": "default: int8", "calibrated": True, "activations": "mse"},
         "int4(32)": {"compress": "default: int4(32)"}, "int4(32), calibrated": {"compress": "default: int4(32)", "calibrated": True}}
# The two largest layers: 120 x 6625, and the first of three of 480 x 480; what they multiply with is named by the file.
LAYERS = ("p2o.MatMul.24", "p2o.Conv.28")


def ort(path, outputs):
    return Session(path, str(ORT), outputs)


def weight_of(model, layer):
    """(input tensor, outputs x inputs) of a layer of an ONNX file, light weights decoded by ONNX Runtime."""
    node = next(n for n in model.graph.node if n.name == layer)
    del model.graph.output[:]
    model.graph.output.append(helper.make_empty_tensor_value_info(node.input[1]))
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(model, file.name)
        weight = ort(file.name, [node.input[1]]).run({"x": np.zeros(ocr.SHAPE, np.float32)})[node.input[1]]
    return node.input[0], (weight.reshape(len(weight), -1) if node.op_type == "Conv" else weight.T).astype(np.float64)


def layer_inputs(path, names, images):
    """Rows that the layers multiply with, by the name of their input."""
    model = onnx.load(str(path))
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(model, file.name)
        session = ort(file.name, names)
        rows = {name: [] for name in names}
        for image in images:
            for name, value in session.run({"x": image[None]}).items():
                channels = value[0].reshape(value.shape[1], -1).T if value.ndim == 4 else value[0]
                rows[name].append(channels.astype(np.float64))
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def light_file(path, folder, calibration, rule):
    command = [compress_mlir.native._find_compiler(), str(path), "-o", str(folder), "--name", "rec", "--quiet", "--emit", "onnx", "--shape",
               "x=" + "x".join(map(str, ocr.SHAPE)), "--compress", rule] + (["--calibration", str(calibration)] if calibration else [])
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return pathlib.Path(folder) / "rec.light.onnx"


def compare_layers(path, folder, calibration, images):
    """Relative output errors on `images` by the nearest and by the calibrated fit."""
    print(f"\n{'layer':16s} {'form':10s} {'nearest':>9s} {'calibrated':>11s} {'cut':>6s}")
    for rule in ("int4(32)", "int8"):
        files = {kind: light_file(path, folder / f"{kind}-{rule}", source, f"default: {rule}")
                 for kind, source in (("nearest", None), ("calibrated", calibration))}
        sizes = {kind: file.stat().st_size for kind, file in files.items()}
        for layer in LAYERS:
            name, exact = weight_of(onnx.load(str(path)), layer)
            rows = layer_inputs(path, [name], images)[name]
            error = {kind: np.linalg.norm(rows @ (weight_of(onnx.load(str(file)), layer)[1] - exact).T) / np.linalg.norm(rows @ exact.T)
                     for kind, file in files.items()}
            cut = 1 - error["calibrated"] / error["nearest"]
            print(f"{layer:16s} {rule:10s} {error['nearest']:9.5f} {error['calibrated']:11.5f} {cut:6.0%}   files: {sizes}", flush=True)


def timed(run, image, rounds=20):
    run(image)
    best = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        run(image)
        best = min(best, time.perf_counter() - begin)
    return best * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200, help="lines to recognize (default: 200)")
    options = parser.parse_args()
    if not ORT.exists():
        raise SystemExit("error: no ONNX Runtime to compare with; run scripts/fetch-peers")
    data = ocr.fetch()
    characters = ocr.read_characters(data)
    texts, images = ocr.lines(options.lines, TEST_SEED)
    _, calibration_images = ocr.lines(CALIBRATION_LINES, CALIBRATION_SEED)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        path = folder / ocr.MODEL
        graph = int8_peer.Graph(data / ocr.MODEL)
        int8_peer.use_opset_13(graph)  # that light weights can be written
        graph.save(path)
        calibration = folder / "calibration.npy"
        np.save(calibration, calibration_images)
        int8_peer.make(path, folder / "int8.onnx", lambda file, names: ort(file, names).run, calibration_images)
        runs = {"ort fp32": ort(path, [OUTPUT]).run, "ort int8": ort(folder / "int8.onnx", [OUTPUT]).run}
        stored = {"ort fp32": path.stat().st_size, "ort int8": (folder / "int8.onnx").stat().st_size}
        for name, form in FORMS.items():
            form = dict(form, calibration=calibration if form.get("calibrated") else None)
            form.pop("calibrated", None)
            report = folder / "report.json"
            library = compress_mlir.compile(path, folder / name.replace(" ", "_"), name="rec", shapes={"x": ocr.SHAPE}, report=report, **form)
            runs[name], stored[name] = compress_mlir.load(library).run, json.loads(report.read_text())["weight_bytes"]
            print(f"compiled {name}", file=sys.stderr, flush=True)
        recognized = {name: [ocr.decode(run({"x": image[None]})[OUTPUT][0], characters) for image in images] for name, run in runs.items()}
        print(f"{'network':36s} {'bytes':>10s} {'agrees':>7s} {'right':>6s} {'ms':>6s}")
        for name, run in runs.items():
            agrees = np.mean([a == b for a, b in zip(recognized[name], recognized["ort fp32"])])
            right = np.mean([a == b for a, b in zip(recognized[name], texts)])
            print(f"{name:36s} {stored[name]:10,d} {agrees:7.1%} {right:6.1%} {timed(lambda x: run({'x': x}), images[:1]):6.2f}", flush=True)
        compare_layers(path, folder, calibration, images[:50])


if __name__ == "__main__":
    main()
