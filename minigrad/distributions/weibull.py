"""The distribution of Weibull, of lifetimes."""

from __future__ import annotations

from typing import Any

from ..ops import functions
from .constraints import positive
from .distribution import together
from .exponential import Exponential
from .gumbel import EULER
from .transformed_distribution import Named
from .transforms import AffineTransform, PowerTransform


class Weibull(Named):
    """p(x) = k / scale (x / scale)^(k - 1) exp(-(x / scale)^k) for x > 0, k = concentration"""

    arg_constraints = {"scale": positive, "concentration": positive}
    support = positive

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = together("Weibull", scale, concentration)
        base = Exponential(functions.ones_like(self.scale), validate_args=False)
        parts = [PowerTransform(1 / self.concentration), AffineTransform(0.0, self.scale)]
        super().__init__(base, parts, validate_args)

    def _moment(self, n: int) -> Any:
        """E (x / scale)^n"""
        return functions.lgamma(1 + n / self.concentration).exp()

    @property
    def mean(self) -> Any:
        return self.scale * self._moment(1)

    @property
    def mode(self) -> Any:
        return self.scale * ((self.concentration - 1) / self.concentration) ** (1 / self.concentration)

    @property
    def variance(self) -> Any:
        return self.scale.square() * (self._moment(2) - self._moment(1).square())

    def entropy(self) -> Any:
        return EULER * (1 - 1 / self.concentration) + (self.scale / self.concentration).log() + 1
