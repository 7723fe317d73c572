"""The uniform distribution."""

from __future__ import annotations

from typing import Any

from ..ops import functions
from .constraints import Constraint, dependent_property, interval, real
from .distribution import Distribution, together


class Uniform(Distribution):
    """p(x) = 1 / (high - low) on low ... high"""

    has_rsample = True
    arg_constraints = {"low": real, "high": real}

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = together("Uniform", low, high)
        super().__init__(self.low.shape, validate_args=validate_args)
        if self._validate_args and not (self.low < self.high).all():
            raise ValueError(f"Uniform: Expected parameter low (Tensor of shape {tuple(self.low.shape)}) of distribution "
                             f"{self!r} to be below high, but found invalid values:\n{self.low}")  # fmt: skip

    @dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        return interval(self.low, self.high)

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Any:
        return float("nan") * self.high

    @property
    def variance(self) -> Any:
        return (self.high - self.low).square() / 12

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(self._noise(functions.rand, sample_shape, self.low))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        inside = (self.low <= value) & (self.high > value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def entropy(self) -> Any:
        return (self.high - self.low).log()

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Any) -> Any:
        return value * (self.high - self.low) + self.low
