"""The distribution of Cauchy, also of Lorentz: without a mean."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .constraints import positive, real
from .distribution import Distribution, together


class Cauchy(Distribution):
    """p(x) = 1 / (pi scale (1 + ((x - loc) / scale)^2))"""

    has_rsample = True
    arg_constraints = {"loc": real, "scale": positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together("Cauchy", loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return functions.full_like(self.loc, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        return functions.full_like(self.loc, math.inf)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.loc + self._noise(functions.empty, sample_shape, self.loc).cauchy_() * self.scale

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -math.log(math.pi) - self.scale.log() - functions.log1p(((value - self.loc) / self.scale).square())

    def entropy(self) -> Any:
        return math.log(4 * math.pi) + self.scale.log()

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return functions.atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        return functions.tan(math.pi * (value - 0.5)) * self.scale + self.loc
