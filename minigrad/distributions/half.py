"""The distributions of |x| for an x whose distribution is the same on both sides of 0."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .constraints import nonnegative, positive
from .distribution import Distribution, together


class Half(Distribution):
    """Twice the density of `both`, a distribution around 0, for x >= 0."""

    has_rsample = True
    arg_constraints = {"scale": positive}
    support = nonnegative
    both: type[Distribution]

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = together(type(self).__name__, scale)
        super().__init__(self.scale.shape, validate_args=validate_args)
        self.base_dist: Any = self.both(functions.zeros_like(self.scale), self.scale, validate_args=False)

    @property
    def mode(self) -> Any:
        return functions.zeros_like(self.scale)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape).abs()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return functions.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def entropy(self) -> Any:
        return self.base_dist.entropy() - math.log(2)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        return self.base_dist.icdf((value + 1) / 2)
