"""The distribution of |x| for an x of Cauchy's around 0."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .cauchy import Cauchy
from .half import Half


class HalfCauchy(Half):
    """p(x) = 2 / (pi scale (1 + (x / scale)^2)) for x >= 0"""

    both = Cauchy

    @property
    def mean(self) -> Any:
        return functions.full_like(self.scale, math.inf)

    @property
    def variance(self) -> Any:
        return self.base_dist.variance
