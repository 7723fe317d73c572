"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.optimizers import sgd_
from .optimizer import Optimizer, flag, number, plain, rate


class SGD(Optimizer):
    """p <- p - lr buf, with buf <- momentum buf + (1 - dampening) g and g = gradient + weight_decay p.

    The buffer starts as the first g. `nesterov` steps along g + momentum buf instead; `maximize` climbs. `lr` may be a
    tensor of one element, to change it inside a recorded step. `foreach` and `fused` change nothing here.
    Raises ValueError or TypeError for options out of range. Source: Sutskever, Martens, Dahl & Hinton 2013, §2.
    """

    elementwise = sparse = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                                      nesterov=nesterov, maximize=maximize, foreach=foreach,
                                      differentiable=differentiable, fused=fused))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            number("SGD", name, group[name], 0)
        number("SGD", "dampening", group["dampening"])
        for name in ("nesterov", "maximize"):
            flag("SGD", name, group[name])
        plain("SGD", group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError("SGD: Nesterov momentum requires a momentum and zero dampening, got momentum="
                             f"{group['momentum']} and dampening={group['dampening']}")  # fmt: skip

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        options = {name: group[name] for name in ("momentum", "dampening", "weight_decay", "nesterov", "maximize")}
        buf = self.kept(p, "momentum_buffer", lambda p: first(p, g, **options)) if group["momentum"] else None
        sgd_(p, g, buf, rate(group["lr"], p), **options)


def first(
    p: Tensor, g: Tensor, *, momentum: float, dampening: float, weight_decay: float, maximize: bool, nesterov: bool
) -> Tensor:
    """The buffer before the first step: such that this step, like all others, makes it g. Zeros without dampening."""
    g = -g if maximize else g
    return (g + weight_decay * p) * (dampening / momentum)
