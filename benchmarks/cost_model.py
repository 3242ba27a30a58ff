"""How good the cost model's choices are: layers drawn from a seed, each form of them timed beside the predictions."""
import json
import re
import subprocess

import numpy as np

from compress_mlir.native import _find_compiler

from . import cases, models, run

FORMS = ("spectral", "dense")
# Near the best, never far from it, and how near a prediction is: the bars, and which part of the layers has to reach each.
NEAR, FAR, PREDICTED = 1.15, 1.5, 1.5


def draw(rng):
    """The name of a circulant layer: two of five are convolutions; extents are log-uniform."""
    def extent(low, high):
        return int(round(2 ** rng.uniform(np.log2(low), np.log2(high))))

    if rng.random() < 0.6:
        rows, cols = extent(48, 4096), extent(48, 4096)
        return f"circulant-fc-{rows}x{cols}-k{extent(2, min(128, rows, cols))}-b1"
    rows, cols, image = extent(12, 256), extent(12, 256), extent(7, 56)
    taps, stride = rng.choice([1, 3, 3, 5]), rng.choice([1, 1, 2])
    return f"circulant-conv-{cols}-{rows}-{image}x{image}-r{taps}-s{stride}-k{extent(2, min(32, rows, cols))}"


class CostModel:
    """Layers in one folder for scratch, predicted for `machine`, a file of compress-machine."""

    def __init__(self, folder, machine, rounds):
        self.bench = run.Bench(folder, run.measure_machine(), rounds, seconds=0.01, only_peers=[])
        self.folder, self.machine = self.bench.folder, machine

    def compile(self, model, name, *options):
        """(library, text of the choice) of a model's only layer."""
        report = self.folder / f"{name}.json"
        done = subprocess.run([_find_compiler(), str(model), "-o", str(self.folder), "--name", name, "--quiet", "--report", str(report),
                               "--machine", str(self.machine), *options], capture_output=True, text=True)
        if done.returncode != 0:
            raise run.Refused(done.stderr.strip())
        said = [layer["text"] for layer in json.loads(report.read_text())["layers"] if layer["pass"] == "select"]
        return self.folder / f"lib{name}.so", said[0]

    def judge(self, name):
        """A row: what was predicted and measured of each form, in us, and which form was chosen. None: there is one form."""
        case = cases.parse(name)
        network = models.network(case)
        model = self.bench.model(case, network, "ours")
        _, said = self.compile(model, "chosen")
        predicted = {form: float(us) for form, us in re.findall(r"(\w+)(?: form does not pay)?: ([\d.]+) us predicted", said)}
        if set(predicted) != set(FORMS):
            return None
        contestants = {form: ["library", self.compile(model, form, "--force", form)[0]] for form in FORMS}
        timed, _ = self.bench.time(case, network, network.inputs(), contestants)
        return dict(case=name, chosen="dense" if "does not pay" in said else "spectral", predicted=predicted,
                    measured={form: min(timed[form]["min_us"]) for form in FORMS})


def loss(row):
    """The time of what was chosen over that of the best."""
    return row["measured"][row["chosen"]] / min(row["measured"].values())


def misses(row):
    """How far each prediction is off, as a factor from 1."""
    return [max(ratio, 1 / ratio) for ratio in (row["predicted"][form] / row["measured"][form] for form in FORMS)]


def header():
    return f"{'case':44} {'chosen':>9} " + " ".join(f"{form + ' us':>12} {'predicted':>9}" for form in FORMS) + "  over best"


def line(row):
    forms = " ".join(f"{row['measured'][form]:12.2f} {row['predicted'][form]:9.2f}" for form in FORMS)
    return f"{row['case']:44} {row['chosen']:>9} {forms} {loss(row):10.2f}"


def summary(rows):
    losses, off = np.array([loss(row) for row in rows]), np.array([miss for row in rows for miss in misses(row)])
    return (f"# {len(rows)} layers: chosen within {NEAR} of the best in {100 * np.mean(losses <= NEAR):.0f} % (asked 90), at worst "
            f"{losses.max():.2f} (asked {FAR}); predicted within {PREDICTED} times in {100 * np.mean(off <= PREDICTED):.0f} % (asked 80), "
            f"median {np.median(off):.2f}")
