"""Multilayer perceptrons with batch norm or layer norm, batch 128."""

from __future__ import annotations

from typing import Any

from .workload import adam, pictures, sgd, training, workload


def mlp(lib: Any, *widths: int, norm: str = "BatchNorm1d") -> Any:
    """Linear layers between the `widths`, all but the last followed by a normalization and ReLU."""
    nn = lib.nn
    layers = []
    for before, after in zip(widths[:-2], widths[1:-1], strict=True):
        layers += [nn.Linear(before, after), getattr(nn, norm)(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]))


@workload("MLP 64-128-128-10, batch norm, SGD with momentum, batch 128")
def mlp_sgd(lib: Any) -> Any:
    model = mlp(lib, 64, 128, 128, 10)
    return training(lib, model, sgd(lib, model), pictures(128, 64))


@workload("MLP 64-128-128-10, batch norm, Adam, batch 128")
def mlp_adam(lib: Any) -> Any:
    model = mlp(lib, 64, 128, 128, 10)
    return training(lib, model, adam(lib, model), pictures(128, 64))


@workload("MLP 784-256-256-10, batch norm, Adam, batch 128")
def mlp_784(lib: Any) -> Any:
    model = mlp(lib, 784, 256, 256, 10)
    return training(lib, model, adam(lib, model), pictures(128, 784))


@workload("MLP 784-256-128-10, batch norm, SGD with momentum, batch 128")
def mlp_mnist_sgd(lib: Any) -> Any:
    model = mlp(lib, 784, 256, 128, 10)
    return training(lib, model, sgd(lib, model), pictures(128, 784))


@workload("MLP 784-256-128-10, batch norm, Adam, batch 128")
def mlp_mnist_adam(lib: Any) -> Any:
    model = mlp(lib, 784, 256, 128, 10)
    return training(lib, model, adam(lib, model), pictures(128, 784))


@workload("MLP 784-256-128-10, layer norm, SGD with momentum, batch 128")
def mlp_ln(lib: Any) -> Any:
    model = mlp(lib, 784, 256, 128, 10, norm="LayerNorm")
    return training(lib, model, sgd(lib, model), pictures(128, 784))
