#!/usr/bin/python3
"""Trains the dense and the block-circulant LeNet on MNIST and exports both to ONNX: 3 to 4 minutes on one core.

  train.py [--out DIR] [--epochs 8] [--seed 0] [--data DIR]

SGD with Nesterov momentum 0.9, batch 128, random shifts by up to 2 pixels; the learning rate rises to 0.07 over the first
tenth of the steps and falls linearly to 0; circulant vectors take it divided by sqrt(k). The circulant network is distilled
from the dense one: 0.3 cross-entropy + 0.7 T^2 KL divergence, T = 4. Choices are made on the last 5,000 training images; the
test images are read once, at the end.
"""
import argparse
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import fetch  # noqa: E402
import mnist  # noqa: E402
from compress_mlir import export  # noqa: E402
from compress_mlir.nn import BlockCirculantConv2d, BlockCirculantLinear  # noqa: E402

BATCH, PEAK, WARM_UP, DECAY, TEMPERATURE = 128, 0.07, 0.1, 1e-4, 4.0


def parameter_groups(model):
    """Weights decay, biases do not; circulant vectors take the rate over sqrt(k)."""
    groups = []
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, BlockCirculantConv2d, BlockCirculantLinear)):
            scale = getattr(layer, "block_size", 1) ** -0.5
            groups.append(dict(params=[layer.weight], lr=0.0, scale=scale, weight_decay=DECAY))
            groups.append(dict(params=[layer.bias], lr=0.0, scale=1.0, weight_decay=0.0))
    return groups


def shifted(images, generator):
    """Crops of the images padded by 2 with background, each at a place of its own."""
    n = len(images)
    padded = F.pad(images, (2, 2, 2, 2), value=float(-mnist.MEAN / mnist.DEVIATION)).reshape(n, -1)
    place = torch.randint(0, 5, (n, 2), generator=generator)
    window = (torch.arange(28)[:, None] * 32 + torch.arange(28)[None]).reshape(1, -1)
    return padded.gather(1, window + place[:, :1] * 32 + place[:, 1:]).reshape(n, 1, 28, 28)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        hits = sum(int((model(images[i:i + 500]).argmax(1) == labels[i:i + 500]).sum()) for i in range(0, len(images), 500))
    model.train()
    return 100 * hits / len(images)


def train(title, model, images, labels, epochs, seed, teacher=None):
    generator = torch.Generator().manual_seed(1000 + seed)
    optimizer = torch.optim.SGD(parameter_groups(model), lr=0.0, momentum=0.9, nesterov=True)
    steps = len(images) // BATCH
    total, step, start = steps * epochs, 0, time.time()
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=generator)
        for b in range(steps):
            progress = step / total
            rate = PEAK * (progress / WARM_UP if progress < WARM_UP else (1 - progress) / (1 - WARM_UP))
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            chosen = order[b * BATCH:(b + 1) * BATCH]
            x = shifted(images[chosen], generator).contiguous(memory_format=torch.channels_last)
            logits = model(x)
            loss = F.cross_entropy(logits, labels[chosen])
            if teacher is not None:
                with torch.no_grad():
                    soft = F.softmax(teacher(x) / TEMPERATURE, 1)
                divergence = F.kl_div(F.log_softmax(logits / TEMPERATURE, 1), soft, reduction="batchmean")
                loss = 0.3 * loss + 0.7 * TEMPERATURE**2 * divergence
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step % 20 == 0 and sys.stderr.isatty() or step % steps == 0:
                bar = "#" * (30 * step // total)
                left = (time.time() - start) / step * (total - step)
                print(f"\r{title:10} [{bar:30}] epoch {epoch + 1}/{epochs}  loss {float(loss):.3f}  {left:4.0f} s left ",
                      end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return time.time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=mnist.MODELS, type=pathlib.Path, help="folder for the two ONNX files")
    parser.add_argument("--epochs", default=8, type=int)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--data", default=fetch.default_directory(), help="folder of the IDX files; fetched if missing")
    parser.add_argument("--threads", default=1, type=int)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    data = fetch.fetch(options.data)
    images, labels = (torch.from_numpy(a) for a in mnist.load(data, "train"))
    held_out = images[-5000:], labels[-5000:]
    images, labels = images[:-5000], labels[:-5000]
    test = tuple(torch.from_numpy(a) for a in mnist.load(data, "t10k"))

    rows, teacher = [], None
    for name, circulant in (("dense", False), ("circulant", True)):
        torch.manual_seed(options.seed)
        model = mnist.lenet(circulant)
        seconds = train(name, model, images, labels, options.epochs, options.seed, teacher)
        parameters = sum(p.numel() for p in model.parameters())
        rows.append((name, accuracy(model, *held_out), accuracy(model, *test), 4 * parameters, seconds))
        options.out.mkdir(parents=True, exist_ok=True)
        export.to_onnx(model, torch.zeros(2, 1, 28, 28), options.out / f"mnist_{name}.onnx", "image", "logits")
        teacher = model.eval() if teacher is None else teacher
    print(f"{'network':10} {'held out %':>10} {'test %':>8} {'f32 bytes':>10} {'seconds':>8}")
    for name, held, tested, size, seconds in rows:
        print(f"{name:10} {held:10.2f} {tested:8.2f} {size:10} {seconds:8.0f}")


if __name__ == "__main__":
    main()
