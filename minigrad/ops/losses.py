"""Losses whose gradient is not that of their formula: the logarithm is bounded where the slope is wanted exactly."""

from __future__ import annotations

from typing import Any

from ..core import op
from .arithmetic import where
from .elementwise import clamp, log


@op("elementwise", floats=True, name="binary_cross_entropy")
def binary_cross_entropy_op(b, x, target):
    """y = -(target ln x + (1 - target) ln(1 - x)), with each logarithm at least -100, as in PyTorch"""
    return -(target * bounded_log(x) + (1 - target) * bounded_log(1 - x))


binary_cross_entropy_op.vjp(
    x=lambda g, x, target: g * (x - target) / clamp(x * (1 - x), min=1e-12),
    target=lambda g, x: g * (bounded_log(1 - x) - bounded_log(x)),
)


def bounded_log(x: Any) -> Any:
    """max(ln x, -100), also at x = 0."""
    return where(x == 0, -100.0, clamp(log(where(x == 0, 1.0, x)), min=-100.0))
