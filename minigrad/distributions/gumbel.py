"""The distribution of Gumbel: that of a maximum."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..ops import functions
from .constraints import positive, real
from .distribution import Distribution, together

EULER = 0.57721566490153286


class Gumbel(Distribution):
    """p(x) = exp(-z - exp(-z)) / scale with z = (x - loc) / scale"""

    has_rsample = True
    arg_constraints = {"loc": real, "scale": positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = together("Gumbel", loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc + self.scale * EULER

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def stddev(self) -> Any:
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Any:
        return self.stddev.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = self._noise(functions.rand, sample_shape, self.loc)
        least, most = finfo(u.dtype).tiny, 1 - finfo(u.dtype).eps  # log 0 else
        return self.icdf(u * (most - least) + least)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return y - y.exp() - self.scale.log()

    def entropy(self) -> Any:
        return self.scale.log() + (1 + EULER)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return (-((self.loc - value) / self.scale).exp()).exp()

    def icdf(self, value: Any) -> Any:
        return self.loc - self.scale * (-value.log()).log()
