"""The distribution of exp x for a normal x."""

from __future__ import annotations

from typing import Any

from ..ops import functions
from .constraints import positive, real
from .distribution import Distribution, together
from .normal import Normal


class LogNormal(Distribution):
    """p(x) = exp(-((log x - loc) / scale)^2 / 2) / (x scale sqrt(2 pi)) for x > 0"""

    has_rsample = True
    arg_constraints = {"loc": real, "scale": positive}
    support = positive

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together("LogNormal", loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)
        self.base_dist = Normal(self.loc, self.scale, validate_args=False)

    @property
    def mean(self) -> Any:
        return (self.loc + self.scale.square() / 2).exp()

    @property
    def mode(self) -> Any:
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Any:
        square = self.scale.square()
        return functions.expm1(square) * (2 * self.loc + square).exp()

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape).exp()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return self.base_dist.log_prob(value.log()) - value.log()

    def entropy(self) -> Any:
        return self.base_dist.entropy() + self.loc

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return self.base_dist.cdf(value.log())

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf(value).exp()
