"""The generalized distribution of Pareto, of what lies beyond a threshold."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .constraints import Constraint, dependent_property, interval, positive, real
from .distribution import Distribution, together


class GeneralizedPareto(Distribution):
    """p(x) = (1 + k z)^(-1 / k - 1) / scale with z = (x - loc) / scale >= 0 and k = concentration; exp(-z) / scale at k = 0,
    and no x above loc - scale / k where k is below 0"""

    has_rsample = True
    arg_constraints = {"loc": real, "scale": positive, "concentration": real}

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = together("GeneralizedPareto", loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        bounded = self.concentration < 0
        slope = functions.where(bounded, self.concentration, -1.0)
        return interval(self.loc, functions.where(bounded, self.loc - self.scale / slope, math.inf))

    def _slope(self) -> tuple[Any, Any]:
        """Where k is 0 to rounding, and k with 1 in these places."""
        none = functions.isclose(self.concentration, functions.zeros_like(self.concentration))
        return none, functions.where(none, 1.0, self.concentration)

    @property
    def mean(self) -> Any:
        known = self.concentration < 1
        found = self.loc + self.scale / (1 - functions.where(known, self.concentration, 0.5))
        return functions.where(known, found, float("nan"))

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        known = self.concentration < 0.5
        k = functions.where(known, self.concentration, 0.25)
        return functions.where(known, self.scale.square() / ((1 - k).square() * (1 - 2 * k)), float("nan"))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(self._noise(functions.rand, sample_shape, self.loc))

    def log_prob(self, value: Any) -> Any:
        power, log = 1 + self.concentration, self.log_survival_function(value)
        return functions.where(power == 0, 0.0, power * log) - self.scale.log()

    def log_survival_function(self, value: Any) -> Any:
        """log(1 - cdf), exact far out."""
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        none, k = self._slope()
        return -functions.where(none, z, functions.log1p(k * functions.where(none, 0.0, z)) / k)

    def log_cdf(self, value: Any) -> Any:
        """log(cdf)"""
        return functions.log1p(-self.log_survival_function(value).exp())

    def cdf(self, value: Any) -> Any:
        return -functions.expm1(self.log_survival_function(value))

    def icdf(self, value: Any) -> Any:
        none, k = self._slope()
        left = functions.log1p(-value)
        return self.loc + self.scale * functions.where(none, -left, functions.expm1(-k * left) / k)

    def entropy(self) -> Any:
        return self.scale.log() + self.concentration + 1
