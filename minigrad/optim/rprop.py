"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.optimizers import rprop_
from .optimizer import Optimizer, counter, filled, flag, number, plain


class Rprop(Optimizer):
    """p <- p - size sign(g): size grows by etas[1] while the gradient keeps its sign, and shrinks by etas[0] where it turned.

    Where it turned the step is left out, too. Sizes begin at `lr` and stay in `step_sizes`. For whole batches: signs are noisy.
    Raises ValueError or TypeError for options out of range. Source: Riedmiller & Braun 1993, A direct adaptive method for
    faster backpropagation learning: the RPROP algorithm.
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, capturable=capturable))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        number("Rprop", "lr", group["lr"], 0)
        for name in ("etas", "step_sizes"):
            if not isinstance(group[name], (list, tuple)) or len(group[name]) != 2:
                raise TypeError(f"Rprop: {name} must be two numbers, got {group[name]!r:.60}")
            for value in group[name]:
                number("Rprop", name, value, 0)
        if not 0 < group["etas"][0] < 1 < group["etas"][1]:
            raise ValueError(f"Rprop: Invalid eta values: expected 0 < etas[0] < 1 < etas[1], got {group['etas']}")
        flag("Rprop", "maximize", group["maximize"])
        plain("Rprop", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, prev = self.kept(p, "step", counter), self.kept(p, "prev")
        size = self.kept(p, "step_size", lambda p: filled(p, float(group["lr"])))
        rprop_(p, g, step, prev, size, etas=tuple(group["etas"]), step_sizes=tuple(group["step_sizes"]),
               maximize=group["maximize"])  # fmt: skip
