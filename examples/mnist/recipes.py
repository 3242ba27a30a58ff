"""The recipes: each makes one network from scratch, or from the network that an earlier recipe made.

A recipe is a class with `start` (the recipe of the network it begins with, and learns from where it distils, or None), `build(dense)`, a
network of its layers and forms, and `train(run)`. RECIPES names them.
"""
import copy
import json
import time

import mnist  # finds compress_mlir
import residual
import torch
from compress_mlir import calibrated_forms, coded_forms, forms, regularizers, structured_forms
from torch import nn
from training import BATCH, accuracy, fit, layers


class Run:
    """What a recipe trains with: `model`, `teacher` (the network of the recipe's `teacher`, where it has none the one it starts from, or None),
    `data`, `seed`, `title`; and `curve`, pairs of what was done and the accuracy on the held-out images after it."""

    def __init__(self, title, model, teacher, data, seed):
        self.steps = len(data.images) // BATCH  # of an epoch
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
    """The start's weights in codes, the first layer in those of `first`, if it is another form; then `epochs` of quantization-aware training,
    distilled from the start where `distil`."""

    def __init__(self, start, form, epochs=0, decay=1e-4, first=lambda: forms.Uniform(8), distil=False, **options):
        self.start, self.form, self.epochs, self.decay, self.first, self.distil = start, form, epochs, decay, first, distil
        self.options = dict(peak=0.02) | options

    def build(self, dense):
        model = copy.deepcopy(dense)
        for i, layer in enumerate(layers(model)):
            forms.attach(layer, self.first() if i == 0 and self.first else self.form())
        return model

    def train(self, run):
        if self.epochs:
            run.fit(self.epochs, 50 + run.seed, decay=self.decay, teacher=run.teacher if self.distil else None, **self.options)


class SmartDeal:
    """Powers of two with many zeros: `ramp` projections, the zeros growing, with an epoch of the projected floats between; then `epochs` of
    codes and scales or bases, the zeros fixed. Distilled from the dense network all along.

    Codes are trained straight through; with `bar`, by bucket switching. Without `epochs`, the projections are all: alternating training.
    `form` makes the form for a share of zeros.
    """

    def __init__(self, start, sparsity, ramp, epochs, peak=0.05, shift=True, first=None, bar=None, form=forms.SmartDeal):
        self.start, self.sparsity, self.ramp, self.epochs, self.peak, self.shift = start, sparsity, ramp, epochs, peak, shift
        self.first = first  # the form of the first layer, if it is another one
        self.bar, self.form = bar, form

    def coded(self, model):
        """(layer, share of zeros) of the layers in powers of two: a small last layer keeps 7 of 10 codes."""
        chosen = layers(model)[1 if self.first else 0:]
        return [(layer, self.sparsity if self.first or i + 1 < len(chosen) else min(self.sparsity, 0.3)) for i, layer in enumerate(chosen)]

    def build(self, dense):
        model = copy.deepcopy(dense)
        if self.first:
            forms.attach(layers(model)[0], self.first())
        for layer, sparsity in self.coded(model):
            forms.attach(layer, self.form(sparsity))
        return model

    def ramped(self, run):
        """The dense network, projected and trained in turn; its last projection is that of `build`."""
        dense = copy.deepcopy(run.teacher)
        for turn in range(self.ramp - 1):
            for layer, sparsity in self.coded(dense):
                form = self.form(sparsity)
                form.shape = tuple(layer.weight.shape)
                projected = form.project(layer.weight, sparsity * (0.6 + 0.4 * (turn + 1) / self.ramp))
                layer.weight.data.copy_(form(*projected))
            run.note("projection", dense)
            # Alternating training ends with small steps: what is learnt last is not learnt again.
            peak = self.peak if self.epochs else self.peak * (1 - turn / self.ramp)
            run.fit(1, 100 * run.seed + turn, dense, "epoch of floats", peak=peak, decay=0.0, teacher=run.teacher, shift=self.shift,
                    warm_up=0.02)
        return dense

    def train(self, run):
        run.model.load_state_dict(self.build(self.ramped(run)).state_dict())
        run.note("projection")
        options = dict(peak=self.peak, decay=0.0, teacher=run.teacher, shift=self.shift)
        if self.bar:
            switching = forms.BucketSwitching([layer for layer, _ in self.coded(run.model)], self.bar, 8 * self.bar)
            run.fit(self.epochs, 500 + run.seed, what="epoch of switching", on_gradients=switching.step,
                    each_epoch=switching.raise_bar, **options)
        elif self.epochs:
            run.fit(self.epochs, 500 + run.seed, what="epoch of codes", **options)


class Fitted:
    """SmartDeal without training: each layer is fitted to its output in the start, on the first 20,000 training images, with the layers before it
    as they have become. A small last layer keeps 7 of 10 codes."""

    def __init__(self, start, sparsity):
        self.start, self.sparsity = start, sparsity

    def shares(self, model):
        *inner, last = layers(model)
        return [(layer, self.sparsity) for layer in inner] + [(last, min(self.sparsity, 0.3))]

    def build(self, dense):
        model = copy.deepcopy(dense)
        for layer, sparsity in self.shares(model):
            forms.attach(layer, forms.SmartDeal(sparsity))
        return model

    def train(self, run):
        model, images = copy.deepcopy(run.teacher), run.data.images[:20000]
        wanted = inputs_of(layers(run.teacher), run.teacher, images)
        for (layer, sparsity), dense_inputs in zip(self.shares(model), wanted):
            calibrated_forms.attach_smartdeal(layer, forms.SmartDeal(sparsity), inputs_of([layer], model, images)[0], dense_inputs)
        run.model.load_state_dict(model.state_dict())
        run.note("fit")


def inputs_of(chosen, model, images):
    """What the chosen layers of `model` get when it runs on `images`."""
    found = {}
    hooks = [layer.register_forward_hook(lambda module, given, _: found.update({module: given[0]})) for layer in chosen]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return [found[layer] for layer in chosen]


class Escalate:
    """Basis kernels and coefficients: an epoch in floats with an l1 penalty, then `epochs` with ternary coefficients, the zeros growing from 40 %
    of their share over the first 60 % of the steps. The first layer is 8 bits, the last ternary.

    Both are trained together, or, with `turns`, one of them in each turn, coefficients first, so many turns an epoch (PENNI, ICML 2020).
    """

    def __init__(self, start, bases, sparsity, last_sparsity, epochs, balanced=False, turns=None):
        self.start, self.bases, self.sparsity, self.last_sparsity, self.epochs = start, bases, sparsity, last_sparsity, epochs
        self.balanced, self.turns = balanced, turns

    def build(self, dense):
        model = copy.deepcopy(dense)
        first, *middle, last = layers(model)
        for layer in middle:
            forms.attach(layer, forms.Escalate(self.bases, self.sparsity, self.balanced)).stage = "ternary"
        forms.attach(first, forms.Uniform(8))
        forms.attach(last, forms.Ternary(self.last_sparsity))
        return model

    def train(self, run):
        _, *middle, last = layers(run.model)
        pairs = [(forms.form_of(layer), forms.originals(layer)) for layer in middle]
        ternary = [(form.ternary, coefficients) for form, (coefficients, _) in pairs]
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
        run.note("decomposition")
        run.fit(1, 200 + run.seed, what="epoch of floats", peak=0.03, decay=1e-5, on_gradients=self.freezing(run, pairs),
                penalty=lambda _: 1e-4 * sum(floats.abs().sum() for _, (floats, _) in pairs))
        stage("ternary")
        run.fit(self.epochs, 300 + run.seed, what="ternary epoch", peak=0.05, decay=1e-5, on_gradients=self.freezing(run, pairs),
                before=lambda progress: refresh(progress) if next(steps) % 20 == 0 else None)
        refresh(1)

    def freezing(self, run, pairs):
        """Takes the gradients of what does not have its turn away, so that the optimizer leaves it and its momentum alone; or None."""
        if not self.turns:
            return None
        steps, each = iter(range(10**9)), max(1, run.steps // self.turns)

        def freeze():
            idle = 1 - next(steps) // each % 2
            for _, originals in pairs:
                originals[idle].grad = None
        return freeze


class DepthLasso:
    """The start, trained with a group lasso on whole weights of `chosen` layers: proximal steps after those of the optimizer. A layer's strength
    is `strength` times the root mean square of its weights, so that all layers shrink at like rates."""

    def __init__(self, start, strength, epochs, peak, chosen):
        self.start, self.strength, self.epochs, self.peak, self.chosen = start, strength, epochs, peak, chosen

    def build(self, dense):
        return copy.deepcopy(dense)

    def train(self, run):
        rms = lambda layer: float(layer.weight.detach().square().mean().sqrt())
        lasso = regularizers.GroupLasso({layer: self.strength * rms(layer) for layer in self.chosen(run.model)}, ["depth"])
        run.fit(self.epochs, 600 + run.seed, what="epoch with lasso", peak=self.peak, decay=0.0, after=lasso.shrink)


class TrimmedLasso:
    """The start, trained with group lassos that leave the largest groups alone, distilled from itself: `units` are how many filters of each layer
    but the last stay, `columns` how many columns of the layers after the first one."""

    def __init__(self, start, units, columns, strength, epochs, peak):
        self.start, self.units, self.columns, self.strength, self.epochs, self.peak = start, units, columns, strength, epochs, peak

    def build(self, dense):
        return copy.deepcopy(dense)

    def train(self, run):
        chosen = layers(run.model)
        units = regularizers.UnitLasso(zip(chosen, chosen[1:], self.units), self.strength)
        columns = regularizers.TrimmedLasso(dict(zip(chosen[1:], self.columns)), self.strength)

        def shrink(rate):
            units.shrink(rate)
            columns.shrink(rate)

        run.fit(self.epochs, 600 + run.seed, what="epoch with lasso", peak=self.peak, decay=0.0, teacher=run.teacher, after=shrink)


class Masked:
    """What group lasso has left, trained with everything else fixed at zero, distilled from the network of recipe `teacher`; filters that are zero
    or not read are taken out in the end."""

    def __init__(self, start, epochs, peak, teacher, bits=None):
        self.start, self.epochs, self.peak, self.teacher, self.bits = start, epochs, peak, teacher, bits

    def build(self, lasso):
        model = copy.deepcopy(lasso)
        for layer in layers(model):
            forms.attach(layer, structured_forms.Masked(bits=self.bits))
        return model

    def train(self, run):
        run.note("masked")
        if self.epochs:
            run.fit(self.epochs, 700 + run.seed, what="masked epoch", peak=self.peak, teacher=run.teacher)

    def finished(self, model):
        return structured_forms.without_dead_filters(model)


class EightBits:
    """A network of Masked forms with what they keep in 8 bits, without training."""

    def __init__(self, start):
        self.start = start

    def build(self, masked):
        model = copy.deepcopy(masked)
        for layer in layers(model):
            forms.form_of(layer).bits = 8
        return model

    def train(self, run):
        run.note("8 bits")

    finished = Masked.finished


class Blocks:
    """A residual network whose blocks that group lasso has made zero are taken out, trained on."""

    def __init__(self, start, epochs, peak):
        self.start, self.epochs, self.peak = start, epochs, peak

    def build(self, lasso):
        model = copy.deepcopy(lasso)
        for i, part in enumerate(model):
            if isinstance(part, residual.Residual) and not part.convolution.weight.any():
                model[i] = nn.Identity()
        return model

    def train(self, run):
        run.note("without blocks")
        run.fit(self.epochs, 700 + run.seed, peak=self.peak)


class Forced:
    """The start, trained on with forces that turn the filters of a layer towards the directions of its rank in `ranks`, None for those that are
    left alone: between pairs of filters, `strength` over their number, each of which all others pull, and to the leading directions, `pull` a
    step in the end, from 0 on. Distilled from the start."""

    def __init__(self, start, ranks, strength, pull, epochs, peak, kind="constant"):
        self.start, self.ranks, self.strength, self.pull = start, ranks, strength, pull
        self.epochs, self.peak, self.kind = epochs, peak, kind

    def build(self, dense):
        return copy.deepcopy(dense)

    def train(self, run):
        ranks = {layer: rank for layer, rank in zip(layers(run.model), self.ranks) if rank}
        strengths = {layer: self.strength / len(layer.weight) for layer in ranks}
        force = regularizers.RankForce(ranks)
        run.fit(self.epochs, 800 + run.seed, what="epoch with force", peak=self.peak, teacher=run.teacher,
                before=lambda progress: force.pull(self.pull * progress),
                on_gradients=lambda: regularizers.add_force(strengths, self.kind))


class LowRank:
    """Factors of these ranks, None for layers that stay as they are; then `epochs` of both factors, distilled from the network of recipe
    `teacher`."""

    def __init__(self, start, ranks, epochs, peak, teacher):
        self.start, self.ranks, self.epochs, self.peak, self.teacher = start, ranks, epochs, peak, teacher

    def build(self, dense):
        model = copy.deepcopy(dense)
        for layer, rank in zip(layers(model), self.ranks):
            if rank:
                forms.attach(layer, structured_forms.LowRank(rank=rank))
        return model

    def train(self, run):
        run.note("factors")
        run.fit(self.epochs, 900 + run.seed, what="epoch of factors", peak=self.peak, decay=1e-5, teacher=run.teacher)


# Of the LeNet's second convolution and first large layer; the others have few numbers.
RANKS = (None, 20, 48, None)

RECIPES = {
    "mlp": Plain(mnist.mlp, 10, shift=False),
    "mlp-int8": Rounded("mlp", lambda: forms.Uniform(8)),
    "mlp-int4": Rounded("mlp", lambda: forms.Uniform(4), first=None),
    "mlp-int4-groups": Rounded("mlp", coded_forms.GroupedUniform, 2, first=None, distil=True, shift=False),
    "mlp-int4-multipliers": Rounded("mlp", lambda: coded_forms.GroupedUniform(multipliers=True), 2, first=None, distil=True, shift=False),
    "mlp-pow2": Rounded("mlp", coded_forms.PowersOfTwo, 4, first=None, distil=True, shift=False),
    "mlp-ternary": Rounded("mlp", lambda: forms.Ternary(0.45, mask=False), 4, first=None, distil=True, shift=False, peak=0.05),
    "mlp-smartdeal-post": Fitted("mlp", 0.45),
    "mlp-smartdeal": SmartDeal("mlp", 0.72, ramp=5, epochs=6, shift=False),
    "mlp-smartdeal-half": SmartDeal("mlp", 0.5, ramp=2, epochs=3, shift=False, form=coded_forms.SmartDealBases),
    "mlp-smartdeal-vectors": SmartDeal("mlp", 0.5, ramp=2, epochs=3, shift=False,
                                       form=lambda sparsity: coded_forms.SmartDealBases(sparsity, share=32)),
    "mlp-switching": SmartDeal("mlp", 0.72, ramp=5, epochs=6, shift=False, bar=64),
    "mlp-alternating": SmartDeal("mlp", 0.72, ramp=7, epochs=0, peak=0.03, shift=False),
    "small": Plain(mnist.small, 10, peak=0.05, decay=1e-5),
    "small-int8": Rounded("small", lambda: forms.Uniform(8)),
    "small-int4": Rounded("small", lambda: forms.Uniform(4), epochs=2, decay=1e-5),
    "dense": Plain(lambda: mnist.lenet(False), 8),
    "dense-int8": Rounded("dense", lambda: forms.Uniform(8)),
    "dense-int4": Rounded("dense", lambda: forms.Uniform(4)),
    "dense-smartdeal": SmartDeal("dense", 0.8, ramp=1, epochs=3, peak=0.03, first=lambda: forms.Uniform(8)),
    "dense-lasso": TrimmedLasso("dense", units=(10, 32, 192), columns=(160, 320), strength=0.3, epochs=2, peak=0.02),
    "dense-ssl": Masked("dense-lasso", epochs=3, peak=0.05, teacher="dense"),
    "dense-ssl-int8": EightBits("dense-ssl"),
    "dense-force": Forced("dense", RANKS, strength=0.01, pull=0.05, epochs=2, peak=0.03),
    "dense-force-lowrank": LowRank("dense-force", RANKS, epochs=2, peak=0.03, teacher="dense"),
    "dense-lowrank": LowRank("dense", RANKS, epochs=2, peak=0.03, teacher="dense"),
    "circulant": Plain(lambda: mnist.lenet(True), 6, distil_from="dense", peak=0.03),
    "circulant-spectra8": Rounded("circulant", lambda: forms.Spectrum(8)),
    "circulant-spectra4": Rounded("circulant", lambda: forms.Spectrum(4), epochs=2),
    "cnn": Plain(mnist.cnn, 4),
    "cnn-int8": Rounded("cnn", lambda: forms.Uniform(8)),
    "cnn-int4": Rounded("cnn", lambda: forms.Uniform(4)),
    "cnn-escalate": Escalate("cnn", bases=4, sparsity=0.85, last_sparsity=0.6, epochs=4),
    "cnn-escalate-balanced": Escalate("cnn", bases=4, sparsity=0.85, last_sparsity=0.6, epochs=4, balanced=True),
    "cnn-escalate-alternating": Escalate("cnn", bases=4, sparsity=0.85, last_sparsity=0.6, epochs=4, turns=2),
    "residual": Plain(residual.network, 3),
    "residual-lasso": DepthLasso("residual", 0.05, epochs=2, peak=0.03, chosen=residual.convolutions),
    "residual-depth": Blocks("residual-lasso", epochs=1, peak=0.02),
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
    teacher = make(folder, recipe.teacher, seed, data) if getattr(recipe, "teacher", None) else start
    torch.manual_seed(seed)
    model = recipe.build(start)
    run, began = Run(name, model, teacher, data, seed), time.process_time()
    recipe.train(run)
    record = dict(seconds=time.process_time() - began, curve=run.curve)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".run").write_text(json.dumps(record) + "\n")
    part = path.with_suffix(".part")
    torch.save(model.state_dict(), part)
    part.rename(path)
    return model.eval()


def record(folder, name, seed):
    """What making a network took and gave: `seconds` of processor time without those of its start, and `curve`."""
    return json.loads((folder / f"{name}-seed{seed}.run").read_text())


def finished(name, model):
    """The network of a recipe as it is exported."""
    finish = getattr(RECIPES[name], "finished", None)
    return finish(model) if finish else model
