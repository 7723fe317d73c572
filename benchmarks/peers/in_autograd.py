"""autograd: differentiates NumPy, eagerly. It has no fast convolution, so nine shifted images and a product make one here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import autograd.numpy as np
from autograd import grad, value_and_grad

from .numpy_like import chain, cross_entropy, nets, start, update


def conv(x: Any, w: Any) -> Any:
    """3x3 convolution, padded by 1: the shifted images side by side as channels, times the weights."""
    _, _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "constant")
    shifted = [padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    columns = np.concatenate(shifted, axis=1)  # (N, 9 C, H, W)
    rows = np.reshape(np.transpose(w, (0, 2, 3, 1)), (w.shape[0], -1))
    return np.transpose(np.tensordot(rows, columns, axes=([1], [1])), (1, 0, 2, 3))


def training(model: Callable, parameters: list, rule: Callable, batch: tuple) -> Callable[[], float]:
    x, target = batch
    states = [start(p, rule) for p in parameters]
    differentiated = value_and_grad(lambda p: cross_entropy(np, model(p, x), target))

    def step() -> float:
        nonlocal parameters, states
        loss, gradients = differentiated(parameters)
        parameters, states = update(rule, parameters, gradients, states)
        return float(loss)

    return step


def scalar_chain() -> Any:
    slope = grad(partial(chain, np))
    return lambda: float(slope(0.5, 0.25))


STEPS = {"scalar_chain": scalar_chain, **nets(np, conv, training)}
