"""The engine's own cost: ops on single numbers, where the arithmetic is nothing and the bookkeeping all."""

from __future__ import annotations

from typing import Any

from .workload import workload


@workload("chain of 1,000 scalar ops, forward and backward", parts=1000, unit="op", trains=False)
def scalar_chain(lib: Any) -> Any:
    w = lib.tensor(0.5, requires_grad=True)
    c = lib.tensor(0.25, requires_grad=True)

    def step() -> float:
        w.grad = c.grad = None
        x = w
        for _ in range(250):
            x = x * w
            x = x + c
            x = x.tanh()
            x = x.exp()
        x.backward()
        return w.grad.item()

    return step
