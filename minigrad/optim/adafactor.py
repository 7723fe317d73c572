"""Adafactor: adaptive rates from the means of a matrix's squared gradient by row and by column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core import Tensor
from ..ops.create import zeros
from ..ops.optimizers import adafactor_
from .optimizer import Optimizer, counter, flag, number, rate, real


class Adafactor(Optimizer):
    """p <- p - alpha u / max(1, RMS(u) / d), with u = g / sqrt(v) and alpha = min(lr, 1 / sqrt(t)) max(eps[1], RMS(p)).

    v estimates g^2. For a matrix only its means by row and by column are kept, over the last two dimensions, so the state is a
    row and a column; for a vector it is whole. `eps[0]`, by default the type's own epsilon, keeps the root from 0. Weight decay
    is decoupled. Raises ValueError or TypeError for options out of range.
    Source: Shazeer & Stern 2018, Adafactor: adaptive learning rates with sublinear memory cost, Algorithms 4 and 5.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
                                      foreach=foreach, maximize=maximize))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "weight_decay"):
            number("Adafactor", name, group[name], 0)
        number("Adafactor", "d", group["d"], 1)
        number("Adafactor", "beta2_decay", group["beta2_decay"])
        if group["beta2_decay"] > 0:
            raise ValueError(f"Adafactor: beta2_decay should be <= 0, got {group['beta2_decay']}")
        if not isinstance(group["eps"], (tuple, list)) or len(group["eps"]) != 2:
            raise TypeError(f"Adafactor: eps must be two numbers, of which the first may be None, got {group['eps']!r:.60}")
        for value in group["eps"][group["eps"][0] is None :]:
            number("Adafactor", "eps", value, 0)
        flag("Adafactor", "maximize", group["maximize"])
        real("Adafactor", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        def part(name: str) -> Tensor:
            return self.kept(p, name, lambda p: zeros(self.shape_of(p, name), dtype=p.dtype, device=p.device))

        step = self.kept(p, "step", counter)
        parts = (part("row_var"), part("col_var"), None) if p.ndim > 1 else (None, None, part("variance"))
        adafactor_(p, g, step, *parts, rate(group["lr"], p), beta2_decay=group["beta2_decay"], eps=tuple(group["eps"]),
                   d=group["d"], weight_decay=group["weight_decay"], maximize=group["maximize"])  # fmt: skip

    def shape_of(self, p: Tensor, name: str) -> tuple[int, ...]:
        shape = tuple(p.shape)
        return {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, *shape[-1:])}.get(name, shape)
