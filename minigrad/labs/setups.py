"""The labs' common set-ups: networks with any normalization, two ways to draw first weights, and a training loop.

Networks take `norm`: "none", "bn", "ln" (for images over C, H, W, with a weight for each channel), "gn" (8 groups, or the
largest divisor of 8 that fits), "in", or a function of (channels, spatial dimensions) that gives a layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import nn, optim
from ..autograd import no_grad
from ..core import Tensor
from ..ops.functions import randperm
from ..ops.random import Generator
from .images import Images, images

Norm = str | Callable[[int, int], nn.Module]
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "linear": nn.Identity}
EPS = 1e-5


def normalization(norm: Norm, channels: int, spatial: int = 0) -> list[nn.Module]:
    """The layers, one or none, that `norm` means for (N, channels) or, with spatial=2, (N, channels, H, W)."""
    if callable(norm):
        return [norm(channels, spatial)]
    if norm == "none":
        return []
    if norm == "bn":
        return [nn.BatchNorm2d(channels, EPS) if spatial else nn.BatchNorm1d(channels, EPS)]
    if norm == "ln":
        return [nn.GroupNorm(1, channels, EPS) if spatial else nn.LayerNorm(channels, EPS)]
    if norm == "gn":
        return [nn.GroupNorm(math.gcd(8, channels), channels, EPS)]
    if norm == "in" and spatial:
        return [nn.InstanceNorm2d(channels, EPS, affine=True)]
    raise ValueError(f"norm: expected none, bn, ln, gn, in (for images) or a function, got {norm!r}")


def mlp(sizes: list[int], norm: Norm = "none", act: str = "relu", after: bool = False) -> nn.Sequential:
    """Linear layers of these sizes; between them the normalization and the activation (`after` it: the other way round)."""
    layers: list[nn.Module] = []
    for k, (wide, next_wide) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        layers.append(nn.Linear(wide, next_wide))
        if k < len(sizes) - 2:
            middle = [*normalization(norm, next_wide), ACTIVATIONS[act]()]
            layers += reversed(middle) if after else middle
    return nn.Sequential(*layers)


def mlp3(norm: Norm = "none", act: str = "relu", inputs: int = 64, classes: int = 10) -> nn.Sequential:
    """MLP3: 64-128-128-128-10."""
    return mlp([inputs, 128, 128, 128, classes], norm, act)


def convolution(before: int, channels: int, norm: Norm, stride: int = 1) -> list[nn.Module]:
    """A 3 x 3 convolution with its normalization and a ReLU."""
    return [nn.Conv2d(before, channels, 3, stride, padding=1), *normalization(norm, channels, 2), nn.ReLU()]


def vggs(norm: Norm = "none", shape: tuple[int, ...] = (1, 8, 8), classes: int = 10) -> nn.Sequential:
    """VGGs: conv 16, 16, pool, 32, 32, pool, fc 64, fc 10, with the normalization after each convolution.

    shape   of an image, (C, H, W)
    """
    channels, height, width = shape
    return nn.Sequential(
        *convolution(channels, 16, norm), *convolution(16, 16, norm), nn.MaxPool2d(2),
        *convolution(16, 32, norm), *convolution(32, 32, norm), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * (height // 4) * (width // 4), 64), nn.ReLU(), nn.Linear(64, classes),
    )  # fmt: skip


def cnn3(norm: Norm = "none", shape: tuple[int, ...] = (1, 8, 8), classes: int = 10) -> nn.Sequential:
    """CNN3: conv 16, conv 32 with stride 2, conv 32 with stride 2, the mean of each channel, fc 10."""
    return nn.Sequential(
        *convolution(shape[0], 16, norm), *convolution(16, 32, norm, 2), *convolution(32, 32, norm, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes),
    )  # fmt: skip


@no_grad()
def initialise(model: nn.Module, init: str = "default", gain: float = 1.0) -> Any:
    """Draw the weights of linear layers and convolutions anew, with bias 0; returns the model.

    "default" is uniform on -1/sqrt(fan_in) ... 1/sqrt(fan_in), as PyTorch has it; "he" is normal of variance 2/fan_in, for
    ReLU (He et al. 2015). `gain` multiplies them.
    """
    for layer in model.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            fan_in = math.prod(layer.weight.shape[1:])
            if init == "default":
                layer.weight.uniform_(-gain / math.sqrt(fan_in), gain / math.sqrt(fan_in))
            elif init == "he":
                layer.weight.normal_(0.0, gain * math.sqrt(2 / fan_in))
            else:
                raise ValueError(f"init: expected default or he, got {init!r}")
            if layer.bias is not None:
                layer.bias.zero_()
    return model


def batches(data: Images, batch: int, generator: Generator) -> list[tuple[Tensor, Tensor]]:
    """One epoch's batches in a random order; a ragged last one is dropped."""
    order = randperm(len(data.y), generator=generator).to(data.y.device)
    x, y = data.x[order], data.y[order]
    return [(x[k : k + batch], y[k : k + batch]) for k in range(0, len(y) - batch + 1, batch)]


@no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor, training: bool = False) -> float:
    """The part of the images that the model names right, in evaluation mode unless `training`."""
    was = model.training
    model.train(training)
    right = (model(x).argmax(1) == y).sum().item()
    model.train(was)
    return right / len(y)


def train(
    model: nn.Module,
    data: Images,
    *,
    lr: float,
    epochs: int,
    batch: int = 64,
    seed: int = 0,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    optimizer: Any = None,
    watch: Callable[[int, float], None] | None = None,
    evaluate: bool = True,
) -> dict[str, Any]:
    """Train by SGD (or `optimizer`) on softmax cross-entropy; what was seen.

    loss        of each step, up to the first that is not finite
    train, test accuracy in evaluation mode after each epoch (with `evaluate`)
    diverged    whether the loss stopped being finite, which ends the run; the accuracies then stay at the share of one class

    `watch(step, loss)` is called after each step's backward pass, before the update. `seed` decides the order of the images.
    """
    step_of = optimizer or optim.SGD(model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay)
    generator, loss_of = Generator().manual_seed(seed), nn.CrossEntropyLoss()
    seen: dict[str, Any] = {"loss": [], "train": [], "test": [], "diverged": False}
    model.train()
    for _ in range(epochs):
        for x, y in batches(data, batch, generator):
            loss = loss_of(model(x), y)
            step_of.zero_grad()
            loss.backward()
            number = loss.item()
            if not math.isfinite(number):
                seen["diverged"] = True
                break
            if watch is not None:
                watch(len(seen["loss"]), number)
            step_of.step()
            seen["loss"].append(number)
        if evaluate:
            seen["train"].append(accuracy(model, data.x, data.y))
            seen["test"].append(accuracy(model, data.test_x, data.test_y))
        if seen["diverged"]:
            break
    if evaluate:
        for part in ("train", "test"):
            seen[part] += [seen[part][-1]] * (epochs - len(seen[part]))
    return seen


__all__ = ["ACTIVATIONS", "Images", "accuracy", "batches", "cnn3", "images", "initialise", "mlp", "mlp3", "normalization",
           "train", "vggs"]  # fmt: skip
