"""Muon: momentum made orthogonal, for the matrices of hidden layers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..ops.optimizers import muon_
from .optimizer import Optimizer, flag, number, rate, real


class Muon(Optimizer):
    """p <- (1 - lr weight_decay) p - lr scale o, with o near U V^T for the momentum U S V^T: no direction is left behind.

    m <- momentum m + (1 - momentum) g, or its look ahead with `nesterov`, goes through `ns_steps` of Newton and Schulz with
    `ns_coefficients`. scale is sqrt(max(1, rows / columns)) (adjust_lr_fn "original" or None), or 0.2 sqrt(max(rows, columns)),
    with which Adam's rates do ("match_rms_adamw"). For matrices only: other parameters go to another optimizer.
    Raises ValueError or TypeError for options out of range, ShapeError for parameters that are no matrices.
    Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks; Liu et al. 2025, Muon is scalable for
    LLM training.
    """

    def __init__(
        self,
        params: Iterable,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
                                      ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps,
                                      adjust_lr_fn=adjust_lr_fn))  # fmt: skip

    def check(self, group: dict[str, Any]) -> None:
        for name in ("lr", "weight_decay", "momentum", "eps"):
            number("Muon", name, group[name], 0)
        number("Muon", "ns_steps", group["ns_steps"], 0, 100)
        flag("Muon", "nesterov", group["nesterov"])
        if group["adjust_lr_fn"] not in SCALES:
            raise ValueError(f"Muon: Adjust learning rate function {group['adjust_lr_fn']!r} is not supported. "
                             f"Hint: {', '.join(map(repr, SCALES))}")  # fmt: skip
        if not isinstance(group["ns_coefficients"], (tuple, list)) or len(group["ns_coefficients"]) != 3:
            raise ValueError(f"Muon: ns_coefficients must be a tuple of exactly 3 values, got {group['ns_coefficients']!r:.60}")
        for p in group["params"]:
            if p.ndim != 2:
                raise ShapeError(f"Muon: only supports 2D parameters whereas we found a parameter with size: {tuple(p.shape)}. "
                                 "Hint: AdamW for the others")  # fmt: skip
        real("Muon", group)

    def update(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        muon_(p, g, self.kept(p, "momentum_buffer"), rate(group["lr"], p), momentum=group["momentum"],
              nesterov=group["nesterov"], weight_decay=group["weight_decay"], coefficients=tuple(group["ns_coefficients"]),
              eps=group["eps"], rounds=group["ns_steps"], scale=SCALES[group["adjust_lr_fn"]](*p.shape))  # fmt: skip


def original(rows: int, columns: int) -> float:
    return math.sqrt(max(1, rows / max(columns, 1)))


def as_adamw(rows: int, columns: int) -> float:
    return 0.2 * math.sqrt(max(rows, columns))


SCALES = {None: original, "original": original, "match_rms_adamw": as_adamw}
