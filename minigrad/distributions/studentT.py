"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .chi2 import Chi2
from .constraints import positive, real
from .distribution import Distribution, together


class StudentT(Distribution):
    """p(x) = (1 + z^2 / df)^(-(df + 1) / 2) / (scale sqrt(df) B(df / 2, 1 / 2)), z = (x - loc) / scale"""

    has_rsample = True
    arg_constraints = {"df": positive, "loc": real, "scale": positive}

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = together("StudentT", df, loc, scale)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return functions.where(self.df <= 1, float("nan"), self.loc)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        heavy = self.df <= 2
        df = functions.where(heavy, 3.0, self.df)
        found = functions.where(heavy, math.inf, self.scale.square() * df / (df - 2))
        return functions.where(self.df <= 1, float("nan"), found)

    def rsample(self, sample_shape: Any = ()) -> Any:
        z = self._noise(functions.randn, sample_shape, self.loc)
        return self.loc + self.scale * z * (Chi2(self.df, validate_args=False).rsample(sample_shape) / self.df).rsqrt()

    def _log_beta(self) -> Any:
        return functions.lgamma(self.df / 2) + math.log(math.pi) / 2 - functions.lgamma((self.df + 1) / 2)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        norm = self.scale.log() + 0.5 * self.df.log() + self._log_beta()
        return -0.5 * (self.df + 1) * functions.log1p(z.square() / self.df) - norm

    def entropy(self) -> Any:
        half = (self.df + 1) / 2
        spread = half * (functions.digamma(half) - functions.digamma(self.df / 2))
        return self.scale.log() + spread + 0.5 * self.df.log() + self._log_beta()
