"""The distribution of Laplace."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..ops import functions
from .constraints import positive, real
from .distribution import Distribution, together


class Laplace(Distribution):
    """p(x) = exp(-|x - loc| / scale) / (2 scale)"""

    has_rsample = True
    arg_constraints = {"loc": real, "scale": positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together("Laplace", loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Any:
        return math.sqrt(2) * self.scale

    @property
    def variance(self) -> Any:
        return 2 * self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Any:
        least = finfo(self.loc.dtype).eps - 1  # log(1 - 1) is -inf
        u = self._noise(functions.empty, sample_shape, self.loc).uniform_(least, 1)
        return self.loc - self.scale * u.sign() * functions.log1p(-u.abs())

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def entropy(self) -> Any:
        return 1 + (2 * self.scale).log()

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        z = value - self.loc
        return 0.5 - 0.5 * z.sign() * functions.expm1(-z.abs() / self.scale)

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * functions.log1p(-2 * term.abs())
