"""A small network with shortcuts: whole layers of it may go (SSL's depth)."""
from mnist import initialized
from torch import nn


class Residual(nn.Module):
    """x + relu(convolution of x), 3 x 3, padded: with a convolution of zeros and no bias, x."""

    def __init__(self, channels):
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.convolution(x).relu()


def network(blocks=4):
    """A padded 3 x 3 convolution of 16 filters, pooled, `blocks` of Residual(16), pooled, and a layer."""
    return initialized(nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), *(Residual(16) for _ in range(blocks)),
                                     nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)))


def convolutions(model):
    """The convolutions of the blocks."""
    return [part.convolution for part in model if isinstance(part, Residual)]
