"""What trained networks reach: rows measured from their ONNX files and compiled libraries, the table and the plot of docs/Accuracy.md."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import mnist
import numpy as np
import onnx
import recipes

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
import compress_mlir  # noqa: E402
from benchmarks import onnx_runtime, peers  # noqa: E402
from compress_mlir import export, native, onnx_functions  # noqa: E402

# Networks of one topology, by the recipe of the dense one: how they are called, and what is compared with it.
FAMILIES = {
    "mlp": ("MLP 784-256-256-10", ("mlp", "mlp-int8", "mlp-int4", "mlp-int4-groups", "mlp-int4-multipliers", "mlp-pow2", "mlp-ternary",
                                   "mlp-smartdeal-obtained", "mlp-smartdeal-post", "mlp-smartdeal", "mlp-smartdeal-half", "mlp-smartdeal-vectors",
                                   "mlp-switching", "mlp-alternating")),
    "dense": ("LeNet 16-64-512", ("dense", "dense-int8", "dense-int4", "dense-smartdeal", "dense-lasso", "dense-ssl", "dense-ssl-int8",
                                  "dense-lowrank", "dense-force", "dense-force-lowrank", "circulant", "circulant-spectra8",
                                  "circulant-spectra4")),
    "cnn": ("3x3 CNN 16-64-64", ("cnn", "cnn-int8", "cnn-int4", "cnn-escalate", "cnn-escalate-balanced", "cnn-escalate-alternating")),
    "small": ("3x3 CNN 12-24-24, the plain small one", ("small", "small-int8", "small-int4")),
    "residual": ("Residual 3x3 CNN 16, four blocks", ("residual", "residual-lasso", "residual-depth")),
}
# Networks without training: compress-compile fits these rules to the network of a recipe, on 1,000 calibration images.
OBTAINED = {"mlp-smartdeal-obtained": ("mlp", "default: smartdeal(0.5)")}
# Recipes of a format that kernels want, and the recipe of the freer one that it restricts.
FREE = {"mlp-int4-multipliers": "mlp-int4-groups", "mlp-smartdeal-vectors": "mlp-smartdeal-half", "cnn-escalate-balanced": "cnn-escalate",
        "mlp-pow2": "mlp", "mlp-ternary": "mlp", "mlp-int4-groups": "mlp"}


def write_onnx(model, path):
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    export.to_onnx(model, torch.zeros(2, 1, 28, 28), path, "image", "logits")


def evaluate(path, folder, test):
    """Compiles an ONNX file and runs it on all test images: a dict of accuracy and bytes, and where ONNX Runtime is there, how many of
    its predictions differ and its accuracy."""
    images, labels = test
    compiled = {}
    for objective in ("bytes", "time"):
        report = folder / f"{path.stem}.{objective}.json"
        library = compress_mlir.compile(path, folder / objective, objective=objective, report=report)
        compiled[objective] = json.loads(report.read_text())["weight_bytes"]
    library = compress_mlir.load(library)
    run = lambda network: np.concatenate([network.run({"image": part})["logits"] for part in np.array_split(images, 40)])
    ours = run(library).argmax(1)
    row = dict(accuracy=100 * float((ours == labels).mean()), tensor_bytes=onnx_functions.tensor_bytes(onnx.load(str(path))),
               file_bytes=path.stat().st_size, weight_bytes=compiled["time"], least_bytes=compiled["bytes"])
    runtime = peers.runtime("ort-fp32")
    if runtime:
        theirs = run(onnx_runtime.Session(path, runtime, ["logits"])).argmax(1)
        row.update(onnxruntime_accuracy=100 * float((theirs == labels).mean()), different=int((ours != theirs).sum()))
    return row


def measure(work, name, seed, data, test):
    """The row of one trained network, made once: `work` keeps it, the ONNX file and the checkpoint."""
    path, file = (work / f"{name}-seed{seed}.{kind}" for kind in ("json", "onnx"))
    if not path.exists():
        if name in OBTAINED:
            start, rules = OBTAINED[name]
            measure(work, start, seed, data, test)
            obtain(work / f"{start}-seed{seed}.onnx", rules, data.images[:1000].numpy(), file)
            made = dict(seconds=0.0)
        else:
            from training import accuracy

            model = recipes.make(work, name, seed, data)
            write_onnx(recipes.finished(name, model), file)
            made = dict(seconds=recipes.record(work, name, seed)["seconds"], held_out=accuracy(model, data.held_out))
        row = dict(recipe=name, seed=seed, **made, **evaluate(file, work / "libraries", test))
        path.write_text(json.dumps(row, indent=2) + "\n")
    return json.loads(path.read_text())


def obtain(dense, rules, calibration, file):
    """Writes the light ONNX file that compress-compile makes of the file of a dense network, without training."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/calibration.npy", calibration)
        subprocess.run([native._find_compiler(), dense, "-o", folder, "--name", "made", "--quiet", "--emit", "onnx", "--compress", rules,
                        "--calibration", f"{folder}/calibration.npy"], check=True)
        shutil.copy(f"{folder}/made.light.onnx", file)


def time(work, name, test, seen):
    """Times the network of seed 0, and writes what came out to `work`; `seen` calibrates ONNX Runtime's int8."""
    import timing

    row = timing.measure(work / f"{name}-seed0.onnx", name, test, seen if name in FAMILIES else None)
    (work / f"{name}.time").write_text(json.dumps(row, indent=2) + "\n")
    return row


def family_of(name):
    return next(dense for dense, (_, members) in FAMILIES.items() if name in members)


def summaries(rows):
    """A dict for each recipe: means over the seeds that both it and its dense network have."""
    by_key = {(row["recipe"], row["seed"]): row for row in rows}
    mean = lambda key, of: float(np.mean([row[key] for row in of]))
    result = []
    for dense, (_, members) in FAMILIES.items():
        for name in members:
            seeds = [seed for recipe, seed in sorted(by_key) if recipe == name and (dense, seed) in by_key]
            if not seeds:
                continue
            mine, theirs = ([by_key[which, seed] for seed in seeds] for which in (name, dense))
            each = [row["accuracy"] for row in mine]
            free = [(by_key[name, seed], by_key[FREE[name], seed]) for seed in seeds if (FREE.get(name), seed) in by_key]
            result.append(dict(recipe=name, seeds=seeds, accuracy=float(np.mean(each)), least=min(each), most=max(each),
                               lost=mean("accuracy", theirs) - float(np.mean(each)), tensor_bytes=mean("tensor_bytes", mine),
                               lost_against_free=float(np.mean([f["accuracy"] - m["accuracy"] for m, f in free])) if free else None,
                               factor=mean("tensor_bytes", theirs) / mean("tensor_bytes", mine), seconds=mean("seconds", mine),
                               weight_bytes=mean("weight_bytes", mine), least_bytes=mean("least_bytes", mine),
                               different=max((row["different"] for row in mine if "different" in row), default=None)))
    return result


def markdown(heads, lines):
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(line) + " |" for line in lines)]


def table(rows):
    """The rows as Markdown, a table for each topology."""
    heads = ["recipe", "seeds", "accuracy % (least, most)", "lost", "lost against the free form", "light ONNX bytes", "fewer",
             "library bytes: least", "fastest", "other predictions in ONNX Runtime", "s"]
    parts = []
    for dense, (title, members) in FAMILIES.items():
        lines = []
        for row in [row for row in summaries(rows) if row["recipe"] in members]:
            spread = f" ({row['least']:.2f}, {row['most']:.2f})" if len(row["seeds"]) > 1 else ""
            free = "" if row["lost_against_free"] is None else f"{row['lost_against_free']:+.2f} (`{FREE[row['recipe']]}`)"
            lines.append([f"`{row['recipe']}`", str(len(row["seeds"])), f"{row['accuracy']:.2f}{spread}", f"{row['lost']:+.2f}", free,
                          f"{row['tensor_bytes']:,.0f}", f"{row['factor']:.1f}x", f"{row['least_bytes']:,.0f}", f"{row['weight_bytes']:,.0f}",
                          "-" if row["different"] is None else str(row["different"]), f"{row['seconds']:.0f}"])
        if lines:
            parts += [f"**{title}**", "", *markdown(heads, lines), ""]
    return "\n".join(parts)


def times(timed):
    """Times as Markdown: of each recipe that was timed ours and ONNX Runtime's on the same file, of a dense one also its rivals'."""
    lines = []
    us = lambda row, who, batch: f"{row['us'][batch][who]:,.1f}" if who in row["us"][batch] else "-"
    for name in (name for _, members in FAMILIES.values() for name in members):
        row = timed.get(name)
        if not row:
            continue
        forms = ", ".join(dict.fromkeys(row["forms"].values())) or "dense"
        lines.append([f"`{name}`", *(us(row, who, batch) for batch in ("1", "64") for who in ("ours", "ours-bytes", "ours-i8", "ort")),
                      f"{row['i8']:.2f}", forms])
        for rival, figures in row["rivals"].items():
            lines.append([f"ONNX Runtime's {rival.split('-')[1]} of `{name}`: {figures['tensor_bytes']:,} bytes, {figures['accuracy']:.2f} %",
                          "", "", "", us(row, rival, "1"), "", "", "", us(row, rival, "64"), "", ""])
    heads = ["network"] + [f"batch {batch}: {who}" for batch in (1, 64) for who in ("ours", "least bytes", "int8", "ONNX Runtime")]
    heads += ["accuracy in int8", "forms of its layers"]
    return "\n".join(markdown(heads, lines)) + "\n"


# Trainings whose curves are shown.
CURVES = ("mlp-smartdeal", "mlp-switching", "mlp-alternating", "cnn-escalate", "cnn-escalate-alternating", "dense-lasso", "dense-ssl")


def curves(work):
    """What the held-out accuracy was after each part of the trainings CURVES, as Markdown: the networks that have one in `work`."""
    lines = ["| network | accuracy on the held-out images, %, after each |", "|---|---|"]
    for path in sorted(path for name in CURVES for path in work.glob(f"{name}-seed*.run")):
        steps, parts = json.loads(path.read_text())["curve"], []
        for what, percent in steps:
            if not parts or parts[-1][0] != what:
                parts.append((what, []))
            parts[-1][1].append(f"{percent:.2f}")
        if steps:
            lines.append(f"| `{path.stem}` | " + "; ".join(f"{what} {', '.join(values)}" for what, values in parts) + " |")
    return "\n".join(lines) + "\n"
