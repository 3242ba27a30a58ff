"""Training on MNIST that all recipes share: data, the loop, accuracy.

SGD with Nesterov momentum 0.9, batch 128; the learning rate rises to its peak over the first tenth of the steps and falls linearly to 0.
Convolutional networks see random shifts by up to 2 pixels. Distillation: 0.3 cross-entropy + 0.7 T^2 KL divergence, T = 4.
"""
import sys
import time

import mnist  # finds compress_mlir
import torch
from compress_mlir import forms
from compress_mlir.nn import BlockCirculantConv2d, BlockCirculantLinear
from torch import nn
from torch.nn import functional as F

BATCH, WARM_UP, TEMPERATURE = 128, 0.1, 4.0
LAYERS = (nn.Conv2d, nn.Linear, BlockCirculantConv2d, BlockCirculantLinear)


class Data:
    """The training images without the last 5,000, these as `held_out`, on which choices are made, and the test images."""

    def __init__(self, folder):
        images, labels = (torch.from_numpy(a) for a in mnist.load(folder, "train"))
        self.images, self.labels = images[:-5000], labels[:-5000]
        self.held_out = images[-5000:], labels[-5000:]
        self.test = tuple(torch.from_numpy(a) for a in mnist.load(folder, "t10k"))


def layers(model):
    """The layers with weights, in order."""
    return [layer for layer in model.modules() if isinstance(layer, LAYERS)]


def parameter_groups(model, decay):
    """Weights decay, scales and biases do not; circulant vectors take the rate over sqrt(k)."""
    groups = []
    for layer in layers(model):
        rate = getattr(layer, "block_size", 1) ** -0.5
        groups.append(dict(params=forms.originals(layer), lr=0.0, scale=rate, weight_decay=decay))
        groups.append(dict(params=[layer.bias], lr=0.0, scale=1.0, weight_decay=0.0))
    return groups


def shifted(images, generator):
    """Crops of the images padded by 2 with background, each at a place of its own."""
    n = len(images)
    padded = F.pad(images, (2, 2, 2, 2), value=float(-mnist.MEAN / mnist.DEVIATION)).reshape(n, -1)
    place = torch.randint(0, 5, (n, 2), generator=generator)
    window = (torch.arange(28)[:, None] * 32 + torch.arange(28)[None]).reshape(1, -1)
    return padded.gather(1, window + place[:, :1] * 32 + place[:, 1:]).reshape(n, 1, 28, 28)


def accuracy(model, part):
    """Per cent of `part` = (images, labels) that the model labels rightly."""
    images, labels = part
    model.eval()
    with torch.no_grad():
        hits = sum(int((model(images[i:i + 500]).argmax(1) == labels[i:i + 500]).sum()) for i in range(0, len(images), 500))
    model.train()
    return 100 * hits / len(images)


def distilled(logits, labels, x, teacher):
    """The loss, with the teacher's part if there is one."""
    loss = F.cross_entropy(logits, labels)
    if teacher is None:
        return loss
    with torch.no_grad():
        soft = F.softmax(teacher(x) / TEMPERATURE, 1)
    divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), soft, reduction="batchmean")
    return 0.3 * loss + 0.7 * TEMPERATURE**2 * divergence


def fit(title, model, data, epochs, seed, peak=0.07, decay=1e-4, teacher=None, shift=True, warm_up=WARM_UP, penalty=None,
        before=None, on_gradients=None, after=None, each_epoch=None):
    """Trains `model` and returns the seconds it took.

    `penalty(model)` is added to the loss. `before(progress)` is called before each step, `on_gradients()` between its gradients and the
    optimizer, `after(rate)` after the optimizer, with its learning rate, `each_epoch()` after each epoch.
    """
    generator = torch.Generator().manual_seed(1000 + seed)
    optimizer = torch.optim.SGD(parameter_groups(model, decay), lr=0.0, momentum=0.9, nesterov=True)
    steps = len(data.images) // BATCH
    total, step, start = steps * epochs, 0, time.time()
    for epoch in range(epochs):
        order = torch.randperm(len(data.images), generator=generator)
        for b in range(steps):
            progress = step / total
            rate = peak * (progress / warm_up if progress < warm_up else (1 - progress) / (1 - warm_up))
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            if before:
                before(progress)
            chosen = order[b * BATCH:(b + 1) * BATCH]
            x = shifted(data.images[chosen], generator) if shift else data.images[chosen]
            x = torch.empty(x.shape, memory_format=torch.channels_last).copy_(x)
            loss = distilled(model(x), data.labels[chosen], x, teacher)
            if penalty:
                loss = loss + penalty(model)
            optimizer.zero_grad()
            loss.backward()
            if on_gradients:
                on_gradients()
            optimizer.step()
            if after:
                after(rate)
            step += 1
            show(title, epoch, epochs, step, total, steps, float(loss), start)
        if each_epoch:
            each_epoch()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return time.time() - start


def show(title, epoch, epochs, step, total, steps, loss, start):
    """The progress bar: 20 steps a time on a terminal, elsewhere a line per epoch."""
    if step % 20 == 0 and sys.stderr.isatty() or step % steps == 0:
        bar = "#" * (30 * step // total)
        left = (time.time() - start) / step * (total - step)
        print(f"\r{title:14} [{bar:30}] epoch {epoch + 1}/{epochs}  loss {loss:.3f}  {left:4.0f} s left ",
              end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
