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
    trains  whether a step is a training step, after which the number, a loss, is lower
    """

    name: str
    title: str
    build: Callable[[Any], Callable[[], float]]
    parts: int = 1
    unit: str = "step"
    trains: bool = True


def workload(title: str, **more: Any) -> Callable[[Callable], Callable]:
    """Enter a building function in WORKLOADS under its own name."""

    def enter(build: Callable) -> Callable:
        WORKLOADS[build.__name__] = Workload(build.__name__, title, build, **more)
        return build

    return enter


def weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """The parameters every library starts from: of these shapes, in the order in which PyTorch lists them."""
    rng = np.random.default_rng(0)
    drawn = []
    for shape in shapes:
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        low, high = (-bound, bound) if len(shape) > 1 else (0.5, 1.5)
        drawn.append(rng.uniform(low, high, shape).astype(np.float32))
    return drawn


def pictures(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """A batch of normal numbers, and one of ten classes for each case."""
    rng = np.random.default_rng(1)
    return rng.standard_normal(shape, dtype=np.float32), rng.integers(0, 10, shape[0])


def prepared(lib: Any, function: Any) -> Any:
    """A model or function as the library runs it best: compiled, where the peer is a compiler."""
    return lib.prepared(function) if hasattr(lib, "prepared") else function


def training(lib: Any, model: Any, optimizer: Any, batch: tuple[np.ndarray, np.ndarray]) -> Callable[[], float]:
    """A training step of a classifier on one batch (inputs, classes), from weights equal in every library."""
    parameters = list(model.parameters())
    with lib.no_grad():
        for p, drawn in zip(parameters, weights([tuple(p.shape) for p in parameters]), strict=True):
            p.copy_(lib.from_numpy(drawn))
    x, target = (lib.from_numpy(array) for array in batch)
    loss_of, model = lib.nn.CrossEntropyLoss(), prepared(lib, model)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def sgd(lib: Any, model: Any) -> Any:
    return lib.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)


def adam(lib: Any, model: Any) -> Any:
    return lib.optim.Adam(model.parameters(), lr=1e-3)
