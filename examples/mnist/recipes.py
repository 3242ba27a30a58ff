"""The recipes: each makes one network from scratch, or from the network that an earlier recipe made.

A recipe is a class with `start` (the recipe of the network it begins with, and learns from where it distils, or None), `build(dense)`, a
network of its layers and forms, and `train(run)`. RECIPES names them.
"""
import copy
import json

import mnist  # finds compress_mlir
import torch
from compress_mlir import forms
from training import accuracy, fit, layers


class Run:
    """What a recipe trains with: `model`, `teacher` (the network it starts from, or None), `data`, `seed`, `title`; and `curve`, pairs of
    what was done and the accuracy on the held-out images after it."""

    def __init__(self, title, model, teacher, data, seed):
        self.title, self.model, self.teacher, self.data, self.seed, self.curve = title, model, teacher, data, seed, []

    def note(self, what, model=None):
        self.curve.append((what, accuracy(model or self.model, self.data.held_out)))

    def fit(self, epochs, seed=None, model=None, what="epoch", each_epoch=None, **options):
        def ended():
            self.note(what, model)
            if each_epoch:
                each_epoch()

        fit(self.title, model or self.model, self.data, epochs, self.seed if seed is None else seed, each_epoch=ended, **options)


class Plain:
    """A dense (or circulant) network from scratch."""

    def __init__(self, build, epochs, distil_from=None, **options):
        self.start, self.network, self.epochs, self.options = distil_from, build, epochs, options

    def build(self, dense):
        return self.network()

    def train(self, run):
        run.fit(self.epochs, teacher=run.teacher, **self.options)


class Rounded:
    """The start's weights in codes, the first layer in 8 bits; then `epochs` of quantization-aware training."""

    def __init__(self, start, form, epochs=0, decay=1e-4):
        self.start, self.form, self.epochs, self.decay = start, form, epochs, decay

    def build(self, dense):
        model = copy.deepcopy(dense)
        for i, layer in enumerate(layers(model)):
            forms.attach(layer, forms.Uniform(8) if i == 0 else self.form())
        return model

    def train(self, run):
        if self.epochs:
            run.fit(self.epochs, 50 + run.seed, peak=0.02, decay=self.decay)


class SmartDeal:
    """Powers of two with many zeros: `ramp` projections, the zeros growing, with an epoch of the projected floats between; then `epochs` of
    codes and scales, the zeros fixed. Distilled from the dense network all along.

    Codes are trained straight through; with `bar`, by bucket switching. Without `epochs`, the projections are all: alternating training.
    """

    def __init__(self, start, sparsity, ramp, epochs, peak, shift, first=None, bar=None):
        self.start, self.sparsity, self.ramp, self.epochs, self.peak, self.shift = start, sparsity, ramp, epochs, peak, shift
        self.first = first  # the form of the first layer, if it is another one
        self.bar = bar

    def coded(self, model):
        """(layer, share of zeros) of the layers in powers of two: a small last layer keeps 7 of 10 codes."""
        chosen = layers(model)[1 if self.first else 0:]
        return [(layer, self.sparsity if self.first or i + 1 < len(chosen) else min(self.sparsity, 0.3)) for i, layer in enumerate(chosen)]

    def build(self, dense):
        model = copy.deepcopy(dense)
        if self.first:
            forms.attach(layers(model)[0], self.first())
        for layer, sparsity in self.coded(model):
            forms.attach(layer, forms.SmartDeal(sparsity))
        return model

    def ramped(self, run):
        """The dense network, projected and trained in turn; it ends projected."""
        dense = copy.deepcopy(run.teacher)
        for turn in range(self.ramp):
            for layer, sparsity in self.coded(dense):
                form = forms.SmartDeal(sparsity)
                form.shape = tuple(layer.weight.shape)
                projected = form.project(layer.weight, sparsity * (0.6 + 0.4 * (turn + 1) / self.ramp))
                layer.weight.data.copy_(form(*projected))
            run.note("projection", dense)
            if turn + 1 < self.ramp:
                # Alternating training ends with small steps: what is learnt last is not learnt again.
                peak = self.peak if self.epochs else self.peak * (1 - turn / self.ramp)
                run.fit(1, 100 * run.seed + turn, dense, "epoch of floats", peak=peak, decay=0.0, teacher=run.teacher,
                        shift=self.shift, warm_up=0.02)
        return dense

    def train(self, run):
        dense = self.ramped(run)
        run.model.load_state_dict(self.build(dense).state_dict())
        options = dict(peak=self.peak, decay=0.0, teacher=run.teacher, shift=self.shift)
        if self.bar:
            switching = forms.BucketSwitching([layer for layer, _ in self.coded(run.model)], self.bar, 8 * self.bar)
            run.fit(self.epochs, 500 + run.seed, what="epoch of switching", on_gradients=switching.step,
                    each_epoch=switching.raise_bar, **options)
        elif self.epochs:
            run.fit(self.epochs, 500 + run.seed, what="epoch of codes", **options)


class Escalate:
    """Basis kernels and coefficients together: an epoch in floats with an l1 penalty, then `epochs` with ternary coefficients, the zeros
    growing from 40 % of their share over the first 60 % of the steps. The first layer is 8 bits, the last ternary."""

    def __init__(self, start, bases, sparsity, last_sparsity, epochs):
        self.start, self.bases, self.sparsity, self.last_sparsity, self.epochs = start, bases, sparsity, last_sparsity, epochs

    def build(self, dense):
        model = copy.deepcopy(dense)
        first, *middle, last = layers(model)
        for layer in middle:
            forms.attach(layer, forms.Escalate(self.bases, self.sparsity)).stage = "ternary"
        forms.attach(first, forms.Uniform(8))
        forms.attach(last, forms.Ternary(self.last_sparsity))
        return model

    def train(self, run):
        _, *middle, last = layers(run.model)
        pairs = [(forms.form_of(layer), layer.parametrizations.weight.original0) for layer in middle]
        ternary = [(form.ternary, floats) for form, floats in pairs]
        ternary.append((forms.form_of(last), last.parametrizations.weight.original))

        def refresh(progress):
            for form, floats in ternary:
                form.refresh(floats, 0.4 + 0.6 * min(1.0, progress / 0.6))

        def stage(name):
            for form, _ in pairs:
                form.stage = name

        steps = iter(range(10**9))
        stage("float")
        refresh(0)
        run.fit(1, 200 + run.seed, peak=0.03, decay=1e-5, penalty=lambda _: 1e-4 * sum(floats.abs().sum() for _, floats in pairs))
        stage("ternary")
        run.fit(self.epochs, 300 + run.seed, peak=0.05, decay=1e-5,
                before=lambda progress: refresh(progress) if next(steps) % 20 == 0 else None)
        refresh(1)


RECIPES = {
    "mlp": Plain(mnist.mlp, 10, shift=False),
    "mlp-int8": Rounded("mlp", lambda: forms.Uniform(8)),
    "mlp-int4": Rounded("mlp", lambda: forms.Uniform(4)),
    "mlp-smartdeal": SmartDeal("mlp", 0.72, ramp=5, epochs=6, peak=0.05, shift=False),
    "mlp-switching": SmartDeal("mlp", 0.72, ramp=5, epochs=6, peak=0.05, shift=False, bar=64),
    "mlp-alternating": SmartDeal("mlp", 0.72, ramp=7, epochs=0, peak=0.03, shift=False),
    "small": Plain(mnist.small, 12, peak=0.05, decay=1e-5),
    "small-int8": Rounded("small", lambda: forms.Uniform(8)),
    "small-int4": Rounded("small", lambda: forms.Uniform(4), epochs=2, decay=1e-5),
    "dense": Plain(lambda: mnist.lenet(False), 8),
    "dense-int8": Rounded("dense", lambda: forms.Uniform(8)),
    "dense-int4": Rounded("dense", lambda: forms.Uniform(4)),
    "dense-smartdeal": SmartDeal("dense", 0.8, ramp=1, epochs=4, peak=0.03, shift=True, first=lambda: forms.Uniform(8)),
    "circulant": Plain(lambda: mnist.lenet(True), 8, distil_from="dense"),
    "circulant-spectra8": Rounded("circulant", lambda: forms.Spectrum(8)),
    "circulant-spectra4": Rounded("circulant", lambda: forms.Spectrum(4), epochs=2),
    "cnn": Plain(mnist.cnn, 2),
    "cnn-int8": Rounded("cnn", lambda: forms.Uniform(8)),
    "cnn-int4": Rounded("cnn", lambda: forms.Uniform(4)),
    "cnn-escalate": Escalate("cnn", bases=4, sparsity=0.85, last_sparsity=0.6, epochs=4),
}


def checkpoint(folder, name, seed):
    return folder / f"{name}-seed{seed}.pt"


def load(folder, name, seed):
    """The trained network of a recipe, from its checkpoint."""
    start = RECIPES[name].start
    model = RECIPES[name].build(None if isinstance(RECIPES[name], Plain) else load(folder, start, seed))
    model.load_state_dict(torch.load(checkpoint(folder, name, seed)))
    return model.eval()


def make(folder, name, seed, data):
    """Trains what has no checkpoint, the recipe's start first; returns the network."""
    path = checkpoint(folder, name, seed)
    if path.exists():
        return load(folder, name, seed)
    recipe = RECIPES[name]
    start = make(folder, recipe.start, seed, data) if recipe.start else None
    torch.manual_seed(seed)
    model = recipe.build(start)
    run = Run(name, model, start, data, seed)
    recipe.train(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".curve").write_text(json.dumps(run.curve) + "\n")
    part = path.with_suffix(".part")
    torch.save(model.state_dict(), part)
    part.rename(path)
    return model.eval()
