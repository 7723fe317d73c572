"""The distribution of Laplace."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..ops import functions
from .distribution import Located


class Laplace(Located):
    """p(x) = exp(-|x - loc| / scale) / (2 scale)"""

    @property
    def stddev(self) -> Any:
        return math.sqrt(2) * self.scale

    @property
    def variance(self) -> Any:
        return 2 * self.scale.square()

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = self._noise(functions.rand, sample_shape, self.loc)
        return self.icdf(u.clamp(min=finfo(u.dtype).eps / 2))  # icdf(0) is -inf

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def entropy(self) -> Any:
        return 1 + (2 * self.scale).log()

    def cdf(self, value: Any) -> Any:
        self._check(value)
        z = value - self.loc
        return 0.5 - 0.5 * z.sign() * functions.expm1(-z.abs() / self.scale)

    def icdf(self, value: Any) -> Any:
        term = value - 0.5
        return self.loc - self.scale * term.sign() * functions.log1p(-2 * term.abs())
