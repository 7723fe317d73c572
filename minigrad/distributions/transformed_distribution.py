"""What is obtained by drawing from one distribution and computing from that."""

from __future__ import annotations

from typing import Any

from ..core import mode
from .constraints import Constraint, dependent_property, independent
from .distribution import Distribution, summed
from .independent import Independent
from .transforms import ComposeTransform, Transform


class TransformedDistribution(Distribution):
    """The distribution of y = t(x) for x drawn from `base_distribution`: log p(y) = log p(x) - log |det dy/dx|

    transforms   one, or a list of them, the first of which is applied first
    """

    def __init__(self, base_distribution: Distribution, transforms: Any, validate_args: bool | None = None) -> None:
        who = type(self).__name__
        transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(transforms, (list, tuple)) or not all(isinstance(t, Transform) for t in transforms):
            raise ValueError(f"{who}: transforms must be a Transform or list, but was {transforms}")
        self.transforms = list(transforms)
        shape, transform = base_distribution.batch_shape + base_distribution.event_shape, ComposeTransform(self.transforms)
        domain, codomain, own = transform.domain.event_dim, transform.codomain.event_dim, len(base_distribution.event_shape)
        if len(shape) < domain:
            raise ValueError(f"{who}: base_distribution needs to have shape with size at least {domain}, but got {shape}.")
        final = transform.forward_shape(shape)
        wide = tuple(transform.inverse_shape(final))
        if wide != tuple(shape):
            base_distribution = base_distribution.expand(wide[: len(wide) - own])
        missing = domain - own
        self.base_dist: Any = Independent(base_distribution, missing) if missing > 0 else base_distribution
        cut = len(final) - max(codomain, own + codomain - domain)
        self.has_rsample = base_distribution.has_rsample  # type: ignore[misc]
        super().__init__(final[:cut], final[cut:], validate_args)

    @dependent_property
    def support(self) -> Constraint:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        missing = len(self.event_shape) - last.event_dim
        return independent(last, missing) if missing > 0 else last

    def expand(self, batch_shape: Any) -> TransformedDistribution:
        transform = ComposeTransform(self.transforms)
        shape = transform.inverse_shape((*batch_shape, *self.event_shape))
        base = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return TransformedDistribution(base, self.transforms, validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        dims, total, y = len(self.event_shape), 0.0, value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            total = total - summed(transform.log_abs_det_jacobian(x, y), dims - transform.domain.event_dim)
            y = x
        return total + summed(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def _side(self, value: Any) -> Any:
        """A probability counted from the other side, where the transforms as a whole fall."""
        sign = ComposeTransform(self.transforms).sign
        return sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        return self._side(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._forward(self.base_dist.icdf(self._side(value)))


class Named(TransformedDistribution):
    """The base of those that have a name and parameters of their own, by which they are expanded."""

    expand: Any = Distribution.expand
