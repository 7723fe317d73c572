"""The distribution of Fisher and Snedecor, F, of a ratio of variances."""

from __future__ import annotations

from typing import Any

from ..backends import finfo
from ..ops import functions
from .constraints import positive
from .distribution import Distribution, together
from .gamma import Gamma


class FisherSnedecor(Distribution):
    """The ratio of two Chi2 numbers, each divided by its df:

    p(x) = r^(df1 / 2) x^(df1 / 2 - 1) (1 + r x)^(-(df1 + df2) / 2) / B(df1 / 2, df2 / 2) for x > 0, r = df1 / df2
    """

    has_rsample = True
    arg_constraints = {"df1": positive, "df2": positive}
    support = positive

    def __init__(self, df1: Any, df2: Any, validate_args: bool | None = None) -> None:
        self.df1, self.df2 = together("FisherSnedecor", df1, df2)
        super().__init__(self.df1.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        above = self.df2 > 2
        df2 = functions.where(above, self.df2, 3.0)
        return functions.where(above, df2 / (df2 - 2), float("nan"))

    @property
    def mode(self) -> Any:
        found = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return functions.where(self.df1 > 2, found, float("nan"))

    @property
    def variance(self) -> Any:
        above = self.df2 > 4
        df2 = functions.where(above, self.df2, 5.0)
        found = 2 * df2.square() * (self.df1 + df2 - 2) / (self.df1 * (df2 - 2).square() * (df2 - 4))
        return functions.where(above, found, float("nan"))

    def rsample(self, sample_shape: Any = ()) -> Any:
        above, below = (Gamma(df / 2, df / 2, validate_args=False).rsample(sample_shape) for df in (self.df1, self.df2))
        return (above / below).clamp(min=finfo(above.dtype).tiny)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a, b, ratio = self.df1 / 2, self.df2 / 2, self.df1 / self.df2
        log_beta = functions.lgamma(a) + functions.lgamma(b) - functions.lgamma(a + b)
        return a * ratio.log() + (a - 1) * value.log() - (a + b) * functions.log1p(ratio * value) - log_beta
