"""The programs whose pages are tested and pictured: batch norm alone, small networks, a training step on digits."""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.trace import Program, record


def norm() -> tuple[Program, nn.Module, mg.Tensor]:
    """Batch norm alone, on a batch of four."""
    mg.manual_seed(3)
    layer = nn.BatchNorm1d(2)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    x, target = mg.randn(4, 2).requires_grad_(), mg.randn(4, 2)
    with record(x=x, target=target, statistics=True) as program:
        F.mse_loss(layer(x), target).backward()
    return program, layer, x


def perceptron(normed: bool = True) -> tuple[Program, nn.Module, mg.Tensor]:
    """A multilayer perceptron, with batch norm or without; the inputs want gradients."""
    mg.manual_seed(0)
    layers = [nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 16), nn.BatchNorm1d(16), nn.ReLU()]
    layers += [nn.Linear(16, 3)]
    model = nn.Sequential(*(layer for layer in layers if normed or not isinstance(layer, nn.BatchNorm1d)))
    mg.manual_seed(1)
    x, target = mg.randn(32, 8).requires_grad_(), mg.randint(0, 3, (32,))
    with record(x=x, target=target, statistics=True) as program:
        F.cross_entropy(model(x), target).backward()
    return program, model, x


class CNN(nn.Module):
    """Two convolutions with batch norm, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.head = nn.Linear(64, 10)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.head(x.flatten(1))


def digits() -> tuple[Program, nn.Module, mg.Tensor]:
    """A training step of a convolutional network on handwritten digits, the optimizer's update included."""
    mg.manual_seed(0)
    images, labels = mg.data.digits(normalize=True)[0].tensors
    model = CNN()
    optimizer = mg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, target = images[:64], labels[:64]
    with record(x=x, target=target, statistics=True) as program:
        F.cross_entropy(model(x), target).backward()
        optimizer.step()
    return program, model, x


class Block(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x: mg.Tensor) -> mg.Tensor:
        return F.relu(x + self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


def residual() -> tuple[Program, nn.Module, mg.Tensor]:
    """A small residual network."""
    mg.manual_seed(0)
    stem, pool, head = nn.Conv2d(3, 8, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Linear(8, 10)
    model = nn.Sequential(stem, Block(8), Block(8), pool, nn.Flatten(), head)
    x, target = mg.randn(8, 3, 8, 8), mg.randint(0, 10, (8,))
    with record(x=x, target=target, statistics=True) as program:
        F.cross_entropy(model(x), target).backward()
    return program, model, x


def transformer() -> tuple[Program, nn.Module, mg.Tensor]:
    """A block of a transformer."""
    mg.manual_seed(0)
    model = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
    x, target = mg.randn(2, 5, 16).requires_grad_(), mg.randn(2, 5, 16)
    with record(x=x, target=target, statistics=True) as program:
        F.mse_loss(model(x), target).backward()
    return program, model, x


def recurrent() -> tuple[Program, nn.Module, mg.Tensor]:
    """An LSTM over six steps."""
    mg.manual_seed(0)
    model = nn.LSTM(3, 4)
    x = mg.randn(6, 2, 3).requires_grad_()
    with record(x=x, statistics=True) as program:
        model(x)[0].square().sum().backward()
    return program, model, x


def deep(calls: int = 4800) -> tuple[Program, None, mg.Tensor]:
    """Thousands of calls in no module."""
    mg.manual_seed(0)
    x = mg.randn(4, 4).requires_grad_()
    with record(x=x) as program:
        y = x
        for _ in range(calls // 3):
            y = (y * 1.2 + 0.01).tanh()
        y.sum().backward()
    return program, None, x
