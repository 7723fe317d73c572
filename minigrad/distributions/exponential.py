"""The exponential distribution."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..ops.create import empty
from .distribution import Distribution, broadcast


class Exponential(Distribution):
    """Density rate e^(-rate x) for x >= 0."""

    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast(rate)
        super().__init__(self.rate.shape, validate_args=validate_args)
        self._demand("parameter rate", self.rate, self.rate > 0, "above 0")

    @property
    def mean(self) -> Tensor:
        return 1 / self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate * 0

    @property
    def variance(self) -> Tensor:
        return 1 / self.rate**2

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        waits = empty(*self._extended_shape(sample_shape), dtype=self.rate.dtype, device=self.rate.device)
        return waits.exponential_() / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        self._demand("value", value, value >= 0, "at least 0")
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of at most `value`."""
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """Where the `cdf` is `value`."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        return 1 - self.rate.log()
