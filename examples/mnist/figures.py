"""What trained networks reach: rows measured from their ONNX files and compiled libraries, the table and the plot of docs/Accuracy.md."""
import json
import math
import pathlib
import sys

import mnist
import numpy as np
import onnx
import recipes

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import compress_mlir  # noqa: E402
from benchmarks import onnx_runtime, peers  # noqa: E402
from compress_mlir import export, onnx_functions  # noqa: E402

# Networks of one topology, by the recipe of the dense one: how they are called, and what is compared with it.
FAMILIES = {
    "mlp": ("MLP 784-256-256-10", ("mlp", "mlp-int8", "mlp-int4", "mlp-smartdeal", "mlp-switching", "mlp-alternating")),
    "dense": ("LeNet 16-64-512", ("dense", "dense-int8", "dense-int4", "dense-smartdeal", "circulant", "circulant-spectra8",
                                  "circulant-spectra4")),
    "cnn": ("3x3 CNN 16-64-64", ("cnn", "cnn-int8", "cnn-int4", "cnn-escalate")),
    "small": ("3x3 CNN 12-24-24, the plain small one", ("small", "small-int8", "small-int4")),
}


def write_onnx(model, path):
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    export.to_onnx(model, torch.zeros(2, 1, 28, 28), path, "image", "logits")


def evaluate(path, folder, test):
    """Compiles an ONNX file and runs it on all test images: a dict of accuracy and bytes, and where ONNX Runtime is there, how many of
    its predictions differ and its accuracy."""
    images, labels = test
    report = folder / f"{path.stem}.report.json"
    library = compress_mlir.load(compress_mlir.compile(path, folder, report=report))
    run = lambda network: np.concatenate([network.run({"image": part})["logits"] for part in np.array_split(images, 40)])
    ours = run(library).argmax(1)
    row = dict(accuracy=100 * float((ours == labels).mean()), tensor_bytes=onnx_functions.tensor_bytes(onnx.load(str(path))),
               file_bytes=path.stat().st_size, weight_bytes=json.loads(report.read_text())["weight_bytes"])
    runtime = peers.runtime("ort-fp32")
    if runtime:
        theirs = run(onnx_runtime.Session(path, runtime, ["logits"])).argmax(1)
        row.update(onnxruntime_accuracy=100 * float((theirs == labels).mean()), different=int((ours != theirs).sum()))
    return row


def measure(work, name, seed, data, test):
    """The row of one trained network, made once: `work` keeps it, the ONNX file and the checkpoint."""
    path = work / f"{name}-seed{seed}.json"
    if not path.exists():
        from training import accuracy

        model = recipes.make(work, name, seed, data)
        file = work / f"{name}-seed{seed}.onnx"
        write_onnx(model, file)
        row = dict(recipe=name, seed=seed, held_out=accuracy(model, data.held_out), **evaluate(file, work / "libraries", test))
        path.write_text(json.dumps(row, indent=2) + "\n")
    return json.loads(path.read_text())


def family_of(name):
    return next(dense for dense, (_, members) in FAMILIES.items() if name in members)


def summaries(rows):
    """A dict for each recipe: means over the seeds that both it and its dense network have."""
    by_key = {(row["recipe"], row["seed"]): row for row in rows}
    result = []
    for dense, (_, members) in FAMILIES.items():
        for name in members:
            seeds = [seed for recipe, seed in sorted(by_key) if recipe == name]
            seeds = [seed for seed in seeds if (dense, seed) in by_key]
            if not seeds:
                continue
            mine, theirs = ([by_key[which, seed] for seed in seeds] for which in (name, dense))
            each = [row["accuracy"] for row in mine]
            mean = lambda key, of: float(np.mean([row[key] for row in of]))
            result.append(dict(recipe=name, seeds=seeds, accuracy=float(np.mean(each)), least=min(each), most=max(each),
                               lost=mean("accuracy", theirs) - float(np.mean(each)), tensor_bytes=mean("tensor_bytes", mine),
                               factor=mean("tensor_bytes", theirs) / mean("tensor_bytes", mine),
                               weight_bytes=mean("weight_bytes", mine),
                               different=max((row["different"] for row in mine if "different" in row), default=None)))
    return result


def table(rows):
    """The rows as Markdown, a table for each topology."""
    lines = []
    for dense, (title, members) in FAMILIES.items():
        mine = [row for row in summaries(rows) if row["recipe"] in members]
        if not mine:
            continue
        lines += [f"**{title}**", "", "| recipe | seeds | accuracy % (least, most) | lost | light ONNX bytes | fewer | library bytes | "
                  "other predictions in ONNX Runtime |", "|---|---|---|---|---|---|---|---|"]
        for row in mine:
            spread = f" ({row['least']:.2f}, {row['most']:.2f})" if len(row["seeds"]) > 1 else ""
            different = "-" if row["different"] is None else row["different"]
            lines.append(f"| `{row['recipe']}` | {len(row['seeds'])} | {row['accuracy']:.2f}{spread} | {row['lost']:+.2f} | "
                         f"{row['tensor_bytes']:,.0f} | {row['factor']:.1f}x | {row['weight_bytes']:,.0f} | {different} |")
        lines.append("")
    return "\n".join(lines)


def curves(work):
    """What the held-out accuracy was after each part of SmartDeal's trainings, as Markdown: the networks that have a curve in `work`."""
    lines = ["| network | accuracy on the held-out images, %, after each |", "|---|---|"]
    for path in sorted(work.glob("mlp-*-seed*.curve")):
        steps, parts = json.loads(path.read_text()), []
        for what, percent in steps:
            if not parts or parts[-1][0] != what:
                parts.append((what, []))
            parts[-1][1].append(f"{percent:.2f}")
        if steps:
            lines.append(f"| `{path.stem}` | " + "; ".join(f"{what} {', '.join(values)}" for what, values in parts) + " |")
    return "\n".join(lines) + "\n"


COLOURS = {"mlp": "#7f7f7f", "dense": "#1f77b4", "cnn": "#d62728", "small": "#2ca02c"}


def plot(rows):
    """Accuracy against bytes of the light ONNX file, as SVG text."""
    points = summaries(rows)
    width, height, left, bottom = 720, 440, 60, 50
    least, most = (f([row["tensor_bytes"] for row in points]) for f in (min, max))
    low, high = math.floor(min(row["least"] for row in points) * 5) / 5, math.ceil(max(row["most"] for row in points) * 5) / 5
    span = math.log(most / least) or 1.0
    x = lambda size: left + 30 + (width - left - 150) * math.log(size / least) / span
    y = lambda percent: height - bottom - (height - bottom - 20) * (percent - low) / (high - low)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for i in range(round((high - low) * 5) + 1):
        percent = low + i / 5
        parts.append(f'<path d="M{left} {y(percent):.1f}H{width - 10}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y(percent) + 4:.1f}" text-anchor="end">{percent:.1f}</text>')
    for power in range(3, 8):
        for size in (10**power, 3 * 10**power):
            if least <= size <= most:
                parts.append(f'<path d="M{x(size):.1f} 20V{height - bottom}" stroke="#eee"/>'
                             f'<text x="{x(size):.1f}" y="{height - bottom + 16}" text-anchor="middle">{size:,}</text>')
    for row in points:
        colour = COLOURS[family_of(row["recipe"])]
        at = x(row["tensor_bytes"])
        parts.append(f'<path d="M{at:.1f} {y(row["least"]):.1f}V{y(row["most"]):.1f}" stroke="{colour}"/>'
                     f'<circle cx="{at:.1f}" cy="{y(row["accuracy"]):.1f}" r="4" fill="{colour}"/>'
                     f'<text x="{at + 7:.1f}" y="{y(row["accuracy"]) + 4:.1f}" fill="{colour}">{row["recipe"]}</text>')
    parts.append(f'<text x="{width / 2}" y="{height - 12}" text-anchor="middle">bytes of the ONNX file\'s tensors</text>'
                 f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">accuracy on the test images, %</text>')
    return "\n".join(parts + ["</svg>", ""])
