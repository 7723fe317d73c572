"""minigrad's kernels without its engine: the calls of one training step, made again and again with the arrays of that step.

What they take is what a step would take if tensors, records, checks and the backward pass cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import minigrad
from minigrad.backends.numpy_backend import NUMPY

from ..worker import CHECKED
from ..workloads import WORKLOADS, Workload


class Calls:
    """The calls of kernels while this is a context, but for those that a kernel makes itself."""

    def __init__(self) -> None:
        self.made: list[tuple[Callable, tuple, dict]] = []
        self.inside = False
        self.plain = dict(NUMPY.kernels)

    def __enter__(self) -> Calls:
        NUMPY.replace_kernels({name: self.noted(kernel) for name, kernel in self.plain.items()})
        return self

    def __exit__(self, *error: object) -> None:
        NUMPY.replace_kernels(self.plain)

    def noted(self, kernel: Callable) -> Callable:
        def call(*args: Any, **options: Any) -> Any:
            if self.inside:
                return kernel(*args, **options)
            self.made.append((kernel, args, options))
            self.inside = True
            try:
                return kernel(*args, **options)
            finally:
                self.inside = False

        return call


def replayed(workload: Workload) -> Callable[[], float]:
    """A function that takes real steps as long as results are compared, and makes the calls of the last one from then on."""
    step = workload.build(minigrad)
    results = [step() for _ in range(CHECKED - 1)]
    with Calls() as calls:
        results.append(step())
    made, left = calls.made, iter(results)

    def again() -> float:
        for kernel, args, options in made:
            kernel(*args, **options)
        return next(left, results[-1])

    return again


STEPS = {name: partial(replayed, workload) for name, workload in WORKLOADS.items()}
