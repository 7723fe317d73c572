"""Random programs of views, changes of shape in place, and writes, that run in minigrad and in PyTorch alike."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

VIEWS = ("row", "last", "transposed", "flat", "front", "new", "diagonal")
TURNS = ("t_", "transpose_", "unsqueeze_", "squeeze_", "swapaxes_")
WRITES = ("mul_", "add_", "assign", "number")


def program(seed: int, length: int = 12) -> list[tuple[str, int, int]]:
    """Steps (what, which tensor, which operand or dimension)."""
    rng = random.Random(seed)
    kinds = [rng.choice((VIEWS, TURNS, WRITES)) for _ in range(length)]
    return [(rng.choice(kind), rng.randrange(1 << 16), rng.randrange(1 << 16)) for kind in kinds]


def run(module: Any, steps: list, a: Any, w: Any, constant: bool) -> Any:
    """The weighted sum of the squares of all tensors at the end; the first is a * 2, or plain zeros if `constant`."""
    xs = [module.zeros(2, 3, dtype=module.float64) if constant else a * 2]
    for what, which, how in steps:
        x = xs[which % len(xs)]
        if what in VIEWS and x.ndim:
            xs.append(view(x, what, how))
        elif what in TURNS:
            turn(x, what, how)
        elif what in WRITES:
            put(x, what, how, w)
    total = 0.0
    for k, x in enumerate(xs):
        weights = np.cos(np.arange(x.numel()) + k).reshape(tuple(x.shape))
        total = total + (x * x * module.tensor(weights)).sum() + (x * module.tensor(weights)).sum()
    return total


def view(x: Any, what: str, how: int) -> Any:
    d = how % x.ndim
    if what == "row":
        return x.select(d, how % x.shape[d])
    if what == "last":
        return x.narrow(d, x.shape[d] - 1, 1)
    if what == "transposed":
        return x.transpose(d, -1)
    if what == "flat":
        return x.reshape(-1) if x.is_contiguous() else x.permute(*reversed(range(x.ndim)))
    if what == "front":
        return x[:1]
    return x[None] if what == "new" else x.diagonal() if x.ndim == 2 else x[...]


def turn(x: Any, what: str, how: int) -> None:
    if what == "t_":
        if x.ndim <= 2:
            x.t_()
    elif what == "squeeze_":
        x.squeeze_()
    elif what == "unsqueeze_":
        if x.ndim < 4:
            x.unsqueeze_(how % (x.ndim + 1))
    elif x.ndim:
        getattr(x, what)(how % x.ndim, -1)


def put(x: Any, what: str, how: int, w: Any) -> None:
    value = w[how % 3]
    if what == "mul_":
        x.mul_(value)
    elif what == "add_":
        x.add_(value)
    elif what == "number":
        x.mul_(0.5)
    elif x.ndim:
        x[how % x.shape[0]] = value
