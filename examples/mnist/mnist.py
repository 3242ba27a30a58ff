"""MNIST as arrays, and the dense and circulant networks."""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

MODELS = pathlib.Path(__file__).resolve().parent / "models"
SEEDS = MODELS / "seeds"  # what docs/Accuracy.md has in its tables, RECIPE-seedN.onnx
MEAN, DEVIATION = 0.1307, 0.3081


def read_idx(path):
    """An IDX file of bytes as an array."""
    data = pathlib.Path(path).read_bytes()
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"'{path}' is no IDX file of bytes")
    rank = data[3]
    shape = np.frombuffer(data, ">i4", rank, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(directory, part):
    """(images, labels) of part 'train' or 't10k': float32 n x 1 x 28 x 28, normalized, and int64 n."""
    directory = pathlib.Path(directory)
    images = read_idx(directory / f"{part}-images-idx3-ubyte")
    labels = read_idx(directory / f"{part}-labels-idx1-ubyte")
    normalized = ((images.astype(np.float32) / 255 - MEAN) / DEVIATION).astype(np.float32)
    return normalized[:, None], labels.astype(np.int64)


def lenet(circulant):
    """LeNet 16-64-512; with `circulant`, blocks of 8 in the second convolution, 64 and 2 in the last two layers."""
    from torch import nn
    from compress_mlir.nn import BlockCirculantConv2d, BlockCirculantLinear

    conv1 = nn.Conv2d(1, 16, 5)
    conv2 = BlockCirculantConv2d(16, 64, 5, block_size=8) if circulant else nn.Conv2d(16, 64, 5)
    fc1 = BlockCirculantLinear(1024, 512, block_size=64) if circulant else nn.Linear(1024, 512)
    fc2 = BlockCirculantLinear(512, 10, block_size=2) if circulant else nn.Linear(512, 10)
    return initialized(nn.Sequential(conv1, nn.MaxPool2d(2), nn.ReLU(), conv2, nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), fc1,
                                     nn.ReLU(), fc2))


def mlp():
    """784-256-256-10."""
    from torch import nn

    return initialized(nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(),
                                     nn.Linear(256, 10)))


def small():
    """Three 3 x 3 convolutions of 12, 24 and 24 filters without padding, and a layer: 10,114 parameters."""
    from torch import nn

    return initialized(nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3), nn.ReLU(),
                                     nn.MaxPool2d(2), nn.Conv2d(24, 24, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 10)))


def cnn():
    """Three padded 3 x 3 convolutions of 16, 64 and 64 filters, each pooled, and a layer: 52,138 parameters."""
    from torch import nn

    parts = []
    for channels, filters in ((1, 16), (16, 64), (64, 64)):
        parts += [nn.Conv2d(channels, filters, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
    return initialized(nn.Sequential(*parts, nn.Flatten(), nn.Linear(576, 10)))


def initialized(model):
    """Dense weights by He's rule, the last layer's halved, biases 0."""
    from torch import nn

    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    model[-1].weight.data *= 0.5
    return model
