"""The distribution of |x| for a normal x of mean 0."""

from __future__ import annotations

import math
from typing import Any

from .half import Half
from .normal import Normal


class HalfNormal(Half):
    """p(x) = 2 exp(-(x / scale)^2 / 2) / (scale sqrt(2 pi)) for x >= 0"""

    both = Normal

    @property
    def mean(self) -> Any:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Any:
        return self.scale.pow(2) * (1 - 2 / math.pi)
