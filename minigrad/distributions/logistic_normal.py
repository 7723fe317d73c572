"""The distribution of normal numbers made to sum to 1."""

from __future__ import annotations

from typing import Any

from .constraints import positive, real, simplex
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform


class LogisticNormal(TransformedDistribution):
    """K normal numbers of `loc` and `scale` (..., K) as K + 1 that sum to 1, by `StickBreakingTransform`"""

    arg_constraints = {"loc": real, "scale": positive}
    support = simplex

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base: Any = Normal(loc, scale, validate_args=validate_args)
        super().__init__(base if base.batch_shape else base.expand([1]), StickBreakingTransform(), validate_args)

    @property
    def loc(self) -> Any:
        """The means of the K numbers."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Any:
        """Their standard deviations."""
        return self.base_dist.base_dist.scale

    def expand(self, batch_shape: Any) -> LogisticNormal:
        loc, scale = (x.expand(*batch_shape, x.shape[-1]) for x in (self.loc, self.scale))
        return LogisticNormal(loc, scale, validate_args=False)
