"""Independent distributions as one, of all of their values together."""

from __future__ import annotations

from typing import Any

from .constraints import Constraint, dependent_property, independent
from .distribution import Distribution, summed


class Independent(Distribution):
    """`base` with the last `reinterpreted_batch_ndims` dimensions of its batch taken as dimensions of a value: log_prob and
    entropy are summed over them."""

    def __init__(
        self, base_distribution: Distribution, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        base, n = base_distribution, reinterpreted_batch_ndims
        if n > len(base.batch_shape):
            raise ValueError("Independent: Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                             f"actual {n} vs {len(base.batch_shape)}")  # fmt: skip
        self.base_dist, self.reinterpreted_batch_ndims, shape = base, n, base.batch_shape + base.event_shape
        self.has_rsample = base.has_rsample  # type: ignore[misc]
        start = len(base.batch_shape) - n
        super().__init__(shape[:start], shape[start:], validate_args)

    @dependent_property
    def support(self) -> Constraint:
        return independent(self.base_dist.support, self.reinterpreted_batch_ndims)

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape)

    def expand(self, batch_shape: Any) -> Independent:
        n = self.reinterpreted_batch_ndims
        kept = self.base_dist.batch_shape[len(self.base_dist.batch_shape) - n :]
        return Independent(self.base_dist.expand((*batch_shape, *kept)), n, validate_args=False)

    def summed(self, x: Any) -> Any:
        """x summed over its last dimensions, those that became a value's."""
        return summed(x, self.reinterpreted_batch_ndims)

    def log_prob(self, value: Any) -> Any:
        return self.summed(self.base_dist.log_prob(value))

    def entropy(self) -> Any:
        return self.summed(self.base_dist.entropy())

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
