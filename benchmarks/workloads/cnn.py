"""Convolutional nets with batch norm."""

from __future__ import annotations

from typing import Any

from .workload import classification, workload


def cnn(lib: Any, side: int) -> Any:
    """Two blocks of convolution, batch norm, ReLU and pooling, then a linear layer; images (N, 1, side, side)."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (side // 4) ** 2, 10),
    )


@workload("CNN on 8x8 digits, conv 16 and 32, batch norm, Adam, batch 128")
def cnn_digits(lib: Any) -> Any:
    model = cnn(lib, 8)
    return classification(lib, model, lib.optim.Adam(model.parameters(), lr=1e-3), (128, 1, 8, 8))


@workload("CNN on 28x28 images, conv 16 and 32, batch norm, SGD with momentum, batch 64")
def cnn_28(lib: Any) -> Any:
    model = cnn(lib, 28)
    return classification(lib, model, lib.optim.SGD(model.parameters(), lr=0.001, momentum=0.9), (64, 1, 28, 28))
