"""The beta distribution."""

from __future__ import annotations

from typing import Any

from ..ops import functions
from .constraints import positive, unit_interval
from .dirichlet import Dirichlet
from .distribution import together
from .exp_family import ExponentialFamily


class Beta(ExponentialFamily):
    """p(x) = x^(concentration1 - 1) (1 - x)^(concentration0 - 1) / B(concentration1, concentration0) for 0 < x < 1"""

    has_rsample = True
    arg_constraints = {"concentration1": positive, "concentration0": positive}
    support = unit_interval

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1, self.concentration0 = together("Beta", concentration1, concentration0)
        super().__init__(self.concentration1.shape, validate_args=validate_args)
        both = functions.stack([self.concentration1, self.concentration0], -1)
        self._dirichlet: Any = Dirichlet(both, validate_args=False)

    @property
    def mean(self) -> Any:
        return self._dirichlet.mean[..., 0]

    @property
    def mode(self) -> Any:
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Any:
        return self._dirichlet.variance[..., 0]

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._dirichlet.rsample(sample_shape)[..., 0]

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return self._dirichlet.log_prob(functions.stack([value, 1 - value], -1))

    def entropy(self) -> Any:
        return self._dirichlet.entropy()
