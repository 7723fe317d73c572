"""Workload: a function that builds one step for a library; and the training step that most of them are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

WORKLOADS: dict[str, Workload] = {}


@dataclass(frozen=True)
class Workload:
    """`build(lib)` returns a function that runs one step and returns a number that all libraries must agree on.

    parts   into how many equal parts the time of a step is divided in the report, and `unit`, what one of them is
    """

    name: str
    title: str
    build: Callable[[Any], Callable[[], float]]
    parts: int = 1
    unit: str = "step"


def workload(title: str, parts: int = 1, unit: str = "step") -> Callable[[Callable], Callable]:
    """Enter a building function in WORKLOADS under its own name."""

    def enter(build: Callable) -> Callable:
        WORKLOADS[build.__name__] = Workload(build.__name__, title, build, parts, unit)
        return build

    return enter


def classification(lib: Any, model: Any, optimizer: Any, shape: tuple[int, ...]) -> Callable[[], float]:
    """A training step of a classifier of ten classes on one random batch, from weights equal in every library."""
    rng = np.random.default_rng(0)
    with lib.no_grad():
        for p in model.parameters():
            bound = 1 / np.sqrt(np.prod(p.shape[1:]))
            drawn = rng.uniform(-bound, bound, tuple(p.shape)) if p.ndim > 1 else rng.uniform(0.5, 1.5, tuple(p.shape))
            p.copy_(lib.from_numpy(drawn.astype(np.float32)))
    x = lib.from_numpy(rng.standard_normal(shape, dtype=np.float32))
    target = lib.from_numpy(rng.integers(0, 10, shape[0]))
    loss_of = lib.nn.CrossEntropyLoss()

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
