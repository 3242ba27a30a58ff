#!/usr/bin/python3
"""Runs compiled MNIST networks over the 10,000 test images and prints a table.

  evaluate.py [--models DIR] [--out DIR] [--data DIR] [--json FILE]

Accuracy is that of the compiled libraries; weight bytes are read from their object files, library bytes from the file
system; times are medians over single images, on one thread.
"""
import argparse
import json
import os
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
import compress_mlir  # noqa: E402
import fetch  # noqa: E402
import mnist  # noqa: E402

NETWORKS = (("dense", "mnist_dense.onnx"), ("circulant", "mnist_circulant.onnx"))


def predictions(library, images, title):
    """Logits of all images, in batches of 250, with a progress bar."""
    logits = []
    for first in range(0, len(images), 250):
        logits.append(library.run({"image": images[first:first + 250]})["logits"])
        done = (first + 250) / len(images)
        if sys.stderr.isatty():
            print(f"\r    {title:10} [{'#' * int(30 * done):30}] {int(100 * done):3} %", end="", file=sys.stderr, flush=True)
    print(f"\r    {title:10} {len(images)} images done{'':24}", file=sys.stderr)
    return np.concatenate(logits)


def median_microseconds(library, images, repetitions=200):
    """Median time of a call on one image; the first calls are not counted."""
    times = []
    for i in range(repetitions + 10):
        feed = {"image": images[i % len(images)][None]}
        start = time.perf_counter()
        library.run(feed)
        times.append(time.perf_counter() - start)
    return 1e6 * float(np.median(times[10:]))


def evaluate(models, out, data):
    images, labels = mnist.load(data, "t10k")
    rows = []
    for name, file in NETWORKS:
        report = out / f"{name}.json"
        library_path = compress_mlir.compile(models / file, out, name=f"mnist_{name}", report=report)
        figures = json.loads(report.read_text())
        library = compress_mlir.load(library_path)
        logits = predictions(library, images, name)
        rows.append(dict(network=name, accuracy=100 * float((logits.argmax(1) == labels).mean()),
                         onnx_bytes=(models / file).stat().st_size, weight_bytes=figures["weight_bytes"],
                         library_bytes=library_path.stat().st_size, workspace_bytes=library.workspace_bytes(1),
                         workspace_bytes_most=library.workspace_bytes(64),
                         us_per_image=median_microseconds(library, images)))
    return rows


def print_table(rows):
    print(f"{'network':10} {'accuracy %':>10} {'weight bytes':>13} {'library bytes':>14} {'workspace bytes':>16} {'us/image':>9}")
    for row in rows:
        print(f"{row['network']:10} {row['accuracy']:10.2f} {row['weight_bytes']:13} {row['library_bytes']:14} "
              f"{row['workspace_bytes']:16} {row['us_per_image']:9.1f}")
    dense, light = rows
    print(f"circulant against dense: {dense['weight_bytes'] / light['weight_bytes']:.1f} times fewer weight bytes, "
          f"{dense['accuracy'] - light['accuracy']:+.2f} points lost, "
          f"{dense['us_per_image'] / light['us_per_image']:.1f} times faster; load {os.getloadavg()[0]:.2f}")
    print("workspace and time are for a batch of one image. On MNIST a plain small int4 CNN is smaller still: see README.md.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=mnist.MODELS, type=pathlib.Path, help="folder of the two ONNX files")
    parser.add_argument("--out", default=pathlib.Path("out/mnist"), type=pathlib.Path, help="folder for the libraries")
    parser.add_argument("--data", default=fetch.default_directory(), help="folder of the IDX files; fetched if missing")
    parser.add_argument("--json", type=pathlib.Path, help="also write the rows to a file")
    options = parser.parse_args()
    rows = evaluate(options.models, options.out, fetch.fetch(options.data))
    print_table(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
