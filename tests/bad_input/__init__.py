"""Calls that must be refused, and how. `world()` is what they are made in; `tests/test_bad_input.py` makes them."""

from __future__ import annotations

from typing import Any

import numpy as np

import minigrad
from minigrad import data, nn, optim


def world() -> dict[str, Any]:
    """The names that the rows use, made anew: modules, tensors, a layer and an optimizer."""
    p = minigrad.ones(2, requires_grad=True)
    return {
        "mg": minigrad, "np": np, "nn": nn, "F": nn.functional, "optim": optim, "data": data, "sched": optim.lr_scheduler,
        "NAN": float("nan"), "INF": float("inf"),
        "x": minigrad.ones(2, 3), "whole": minigrad.arange(6).reshape(2, 3), "leaf": minigrad.ones(2, 3, requires_grad=True),
        "images": minigrad.ones(2, 3, 5, 5), "labels": minigrad.tensor([0, 2]), "p": p, "net": nn.Linear(3, 3),
        "opt": optim.SGD([p], lr=0.1),
    }  # fmt: skip
