"""Multilayer perceptrons with batch norm, batch 128."""

from __future__ import annotations

from typing import Any

from .workload import classification, workload


def mlp(lib: Any, inputs: int, hidden: int) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


@workload("MLP 64-128-128-10, batch norm, SGD with momentum, batch 128")
def mlp_sgd(lib: Any) -> Any:
    model = mlp(lib, 64, 128)
    return classification(lib, model, lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), (128, 64))


@workload("MLP 64-128-128-10, batch norm, Adam, batch 128")
def mlp_adam(lib: Any) -> Any:
    model = mlp(lib, 64, 128)
    return classification(lib, model, lib.optim.Adam(model.parameters(), lr=1e-3), (128, 64))


@workload("MLP 784-256-256-10, batch norm, Adam, batch 128")
def mlp_784(lib: Any) -> Any:
    model = mlp(lib, 784, 256)
    return classification(lib, model, lib.optim.Adam(model.parameters(), lr=1e-3), (128, 784))
