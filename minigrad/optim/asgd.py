"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.create import full
from ..ops.optimizers import asgd_
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
        eta = self.kept(p, "eta", lambda p: full((), float(group["lr"]), dtype=p.dtype.to_real(), device=p.device))
        mu = self.kept(p, "mu", lambda p: full((), 1.0, dtype=p.dtype.to_real(), device=p.device))
        options = {name: group[name] for name in ("lambd", "alpha", "t0", "weight_decay", "maximize")}
        asgd_(p, g, step, eta, mu, self.kept(p, "ax"), lr, **options)
