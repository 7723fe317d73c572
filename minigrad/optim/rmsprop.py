"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.optimizers import rmsprop_
from .optimizer import Optimizer, counter, flag, number, plain, rate


class RMSprop(Optimizer):
    """p <- p - lr g / (sqrt(v) + eps), with v <- alpha v + (1 - alpha) g^2: each step has about the size lr.

    `centered` takes the square of the running mean of g off v; `momentum` sums the steps in a buffer. Raises ValueError
    or TypeError for options out of range. Source: Tieleman & Hinton 2012, Lecture 6.5; Graves 2013, eq. 38-45.
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
                                      weight_decay=weight_decay, capturable=capturable, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay", "momentum"):
            number("RMSprop", name, group[name], 0)
        number("RMSprop", "alpha", group["alpha"], 0, 1)
        for name in ("centered", "maximize"):
            flag("RMSprop", name, group[name])
        plain("RMSprop", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, square = self.kept(p, "step", counter), self.kept(p, "square_avg")
        buf = self.kept(p, "momentum_buffer") if group["momentum"] else None
        mean = self.kept(p, "grad_avg") if group["centered"] else None
        options = {name: group[name] for name in ("alpha", "eps", "weight_decay", "momentum", "maximize")}
        rmsprop_(p, g, step, square, mean, buf, rate(group["lr"], p), **options)
