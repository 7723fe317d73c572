"""Poisson's distribution."""

from __future__ import annotations

from typing import Any

from ..core import mode
from ..ops import functions
from .constraints import nonnegative, nonnegative_integer
from .distribution import together
from .exp_family import ExponentialFamily


class Poisson(ExponentialFamily):
    """P(k) = rate^k exp(-rate) / k!"""

    arg_constraints = {"rate": nonnegative}
    support = nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = together("Poisson", rate)
        super().__init__(self.rate.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.rate

    variance = mean

    @property
    def mode(self) -> Any:
        return self.rate.floor()

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            return functions.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return functions.xlogy(value, self.rate) - self.rate - functions.lgamma(value + 1)
