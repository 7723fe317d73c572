"""The distribution of 1 / x for an x of the gamma distribution."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .constraints import positive
from .gamma import Gamma
from .transformed_distribution import Named
from .transforms import PowerTransform


class InverseGamma(Named):
    """p(x) = rate^concentration x^(-concentration - 1) exp(-rate / x) / Gamma(concentration) for x > 0"""

    arg_constraints = {"concentration": positive, "rate": positive}
    support = positive

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=False)
        self.concentration, self.rate = base.concentration, base.rate
        super().__init__(base, PowerTransform(base.rate.new_tensor(-1.0)), validate_args)

    @property
    def mean(self) -> Any:
        above = self.concentration > 1
        return functions.where(above, self.rate / functions.where(above, self.concentration - 1, 1.0), math.inf)

    @property
    def mode(self) -> Any:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Any:
        above = self.concentration > 2
        a = functions.where(above, self.concentration, 3.0)
        return functions.where(above, self.rate.square() / ((a - 1).square() * (a - 2)), math.inf)

    def entropy(self) -> Any:
        a = self.concentration
        return a + self.rate.log() + functions.lgamma(a) - (1 + a) * functions.digamma(a)
