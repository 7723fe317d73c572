"""Averaged stochastic gradient descent, and resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.create import full, full_like
from ..ops.optimizers import asgd_, rprop_
from .optimizer import Optimizer, counter, flag, number, plain, rate


class ASGD(Optimizer):
    """p <- (1 - lambd eta) p - eta g, with eta <- lr / (1 + lambd lr t)^alpha; `state[p]["ax"]` is the average of p.

    The average begins `t0` steps after the first; until then it is p itself. Raises ValueError or TypeError for options out of
    range. Source: Polyak & Juditsky 1992, Acceleration of stochastic approximation by averaging.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable,
                                      capturable=capturable))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "weight_decay"):
            number("ASGD", name, group[name], 0)
        for name in ("lambd", "alpha", "t0"):
            number("ASGD", name, group[name])
        flag("ASGD", "maximize", group["maximize"])
        plain("ASGD", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, lr = self.kept(p, "step", counter), rate(group["lr"], p)
        eta = self.kept(p, "eta", lambda p: full((), float(group["lr"]), dtype=p.dtype, device=p.device))
        mu = self.kept(p, "mu", lambda p: full((), 1.0, dtype=p.dtype, device=p.device))
        options = {name: group[name] for name in ("lambd", "alpha", "t0", "weight_decay", "maximize")}
        asgd_(p, g, step, eta, mu, self.kept(p, "ax"), lr, **options)


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
        size = self.kept(p, "step_size", lambda p: full_like(p, float(group["lr"])))
        rprop_(p, g, step, prev, size, etas=tuple(group["etas"]), step_sizes=tuple(group["step_sizes"]),
               maximize=group["maximize"])  # fmt: skip
