"""Adagrad and Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.optimizers import adadelta_, adagrad_
from .optimizer import Optimizer, counter, filled, flag, number, plain, rate


class Adagrad(Optimizer):
    """p <- p - lr / (1 + t lr_decay) g / (sqrt(sum) + eps), with sum <- sum + g^2 and t the steps before this one.

    `sum` starts at `initial_accumulator_value`. Raises ValueError or TypeError for options out of range.
    Source: Duchi, Hazan & Singer 2011, Adaptive subgradient methods, Figure 1.
    """

    elementwise = sparse = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                                      initial_accumulator_value=initial_accumulator_value, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, fused=fused))  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                self.sums(p, group)  # at once, as in PyTorch: code reads them before the first step

    def sums(self, p: Tensor, group: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """The count of steps and the sum of squares of a parameter."""
        return self.kept(p, "step", counter), self.kept(p, "sum", lambda p: filled(p, group["initial_accumulator_value"]))

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value"):
            number("Adagrad", name, group[name], 0)
        flag("Adagrad", "maximize", group["maximize"])
        plain("Adagrad", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step, total = self.sums(p, group)
        options = {name: group[name] for name in ("lr_decay", "eps", "weight_decay", "maximize")}
        adagrad_(p, g, step, total, rate(group["lr"], p), **options)


class Adadelta(Optimizer):
    """p <- p - lr d, with d = sqrt(D + eps) / sqrt(V + eps) g: V and D are running means of g^2 and d^2.

    `rho` is what the means keep. Raises ValueError or TypeError for options out of range.
    Source: Zeiler 2012, ADADELTA, Algorithm 1.
    """

    elementwise = True

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      capturable=capturable, foreach=foreach,
                                      differentiable=differentiable))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "eps", "weight_decay"):
            number("Adadelta", name, group[name], 0)
        number("Adadelta", "rho", group["rho"], 0, 1)
        flag("Adadelta", "maximize", group["maximize"])
        plain("Adadelta", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        step = self.kept(p, "step", counter)
        square, moved = self.kept(p, "square_avg"), self.kept(p, "acc_delta")
        options = {name: group[name] for name in ("rho", "eps", "weight_decay", "maximize")}
        adadelta_(p, g, step, square, moved, rate(group["lr"], p), **options)
