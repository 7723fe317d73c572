"""The distribution of Kumaraswamy: much like beta's, with a `cdf` in plain powers."""

from __future__ import annotations

from typing import Any

from ..ops import functions
from .constraints import positive, unit_interval
from .distribution import together
from .gumbel import EULER
from .transformed_distribution import Named
from .transforms import AffineTransform, PowerTransform
from .uniform import Uniform


class Kumaraswamy(Named):
    """p(x) = a b x^(a - 1) (1 - x^a)^(b - 1) for 0 < x < 1, a = concentration1, b = concentration0"""

    arg_constraints = {"concentration1": positive, "concentration0": positive}
    support = unit_interval

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = a, b = together("Kumaraswamy", concentration1, concentration0)
        base = Uniform(functions.zeros_like(a), functions.ones_like(a), validate_args=False)
        parts = [PowerTransform(1 / b), AffineTransform(1.0, -1.0), PowerTransform(1 / a)]
        super().__init__(base, parts, validate_args)

    def _moment(self, n: int) -> Any:
        """E x^n = b B(1 + n / a, b)"""
        part, b = 1 + n / self.concentration1, self.concentration0
        return b * (functions.lgamma(part) + functions.lgamma(b) - functions.lgamma(part + b)).exp()

    @property
    def mean(self) -> Any:
        return self._moment(1)

    @property
    def mode(self) -> Any:
        """Where there is one inside: NaN for a or b below 1, or both 1."""
        a, b = self.concentration1, self.concentration0
        inside = (a >= 1) & (b >= 1) & (a * b > 1)
        ratio = functions.where(inside, a - 1, 1.0) / functions.where(inside, a * b - 1, 1.0)
        return functions.where(inside, ratio ** (1 / a), float("nan"))

    @property
    def variance(self) -> Any:
        return self._moment(2) - self._moment(1).square()

    def entropy(self) -> Any:
        a, b = self.concentration1, self.concentration0
        return 1 - 1 / b + (1 - 1 / a) * (functions.digamma(b + 1) + EULER) - a.log() - b.log()
