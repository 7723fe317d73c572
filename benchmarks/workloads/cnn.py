"""Convolutional nets with batch norm."""

from __future__ import annotations

from typing import Any

from .workload import adam, pictures, sgd, training, workload


def cnn(lib: Any, side: int, *channels: int) -> Any:
    """Blocks of convolution, batch norm, ReLU and pooling, then a linear layer; images (N, 1, side, side)."""
    nn, layers = lib.nn, []
    for before, after in zip((1, *channels), channels, strict=False):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * (side // 2 ** len(channels)) ** 2, 10))


@workload("CNN on 8x8 digits, conv 16 and 32, batch norm, Adam, batch 128")
def cnn_digits(lib: Any) -> Any:
    model = cnn(lib, 8, 16, 32)
    return training(lib, model, adam(lib, model), pictures(128, 1, 8, 8))


@workload("CNN on 28x28 images, conv 16 and 32, batch norm, SGD with momentum, batch 64")
def cnn_28(lib: Any) -> Any:
    model = cnn(lib, 28, 16, 32)
    return training(lib, model, sgd(lib, model), pictures(64, 1, 28, 28))


@workload("CNN on 28x28 images, conv 32 and 64, batch norm, SGD with momentum, batch 64")
def cnn_28_wide(lib: Any) -> Any:
    model = cnn(lib, 28, 32, 64)
    return training(lib, model, sgd(lib, model), pictures(64, 1, 28, 28))


@workload("VGG-like, 3x3 conv 64-64-128-128-256-256, batch norm, SGD with momentum, 32 images 32x32")
def vgg(lib: Any) -> Any:
    nn, layers, widths = lib.nn, [], (64, 64, 128, 128, 256, 256)
    for k, (before, after) in enumerate(zip((3, *widths), widths, strict=False)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if k % 2 else []
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * 16, 10))
    return training(lib, model, sgd(lib, model), pictures(32, 3, 32, 32))


@workload("ResNet-like, six residual blocks 16-32-64, batch norm, SGD with momentum, 32 images 32x32")
def resnet(lib: Any) -> Any:
    nn = lib.nn

    def conv(before: int, after: int, side: int, stride: int = 1) -> Any:
        return nn.Sequential(nn.Conv2d(before, after, side, stride, side // 2, bias=False), nn.BatchNorm2d(after))

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int = 1) -> None:
            super().__init__()
            self.body = nn.Sequential(conv(before, after, 3, stride), nn.ReLU(), conv(after, after, 3))
            self.short = nn.Identity() if before == after else conv(before, after, 1, stride)

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.body(x) + self.short(x))

    blocks = [Block(16, 16), Block(16, 16), Block(16, 32, 2), Block(32, 32), Block(32, 64, 2), Block(64, 64)]
    model = nn.Sequential(
        conv(3, 16, 3), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)
    )  # fmt: skip
    return training(lib, model, sgd(lib, model), pictures(32, 3, 32, 32))
