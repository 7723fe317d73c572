"""A mixture of distributions of one family."""

from __future__ import annotations

from typing import Any

from ..core import mode
from ..ops import functions
from .categorical import Categorical
from .constraints import Constraint, MixtureSameFamilyConstraint, dependent_property
from .distribution import Distribution


class MixtureSameFamily(Distribution):
    """p(x) = sum_k P(k) p_k(x): P is `mixture_distribution`, and k runs along the last dimension of the batch of
    `component_distribution`."""

    def __init__(
        self, mixture_distribution: Categorical, component_distribution: Distribution, validate_args: bool | None = None
    ) -> None:
        who = "MixtureSameFamily"
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(f"{who}: The Mixture distribution needs to be an instance of minigrad.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError(f"{who}: The Component distribution need to be an instance of minigrad.distributions.Distribution")
        mixed, parts = mixture_distribution.batch_shape, component_distribution.batch_shape
        if any(a not in (1, b) for a, b in zip(reversed(mixed), reversed(parts[:-1]), strict=False)):
            raise ValueError(f"{who}: `mixture_distribution.batch_shape` ({mixed}) is not compatible with "
                             f"`component_distribution.batch_shape`({parts})")  # fmt: skip
        if mixture_distribution._num_events != parts[-1]:
            raise ValueError(f"{who}: `mixture_distribution component` ({mixture_distribution._num_events}) does not equal "
                             f"`component_distribution.batch_shape[-1]` ({parts[-1]})")  # fmt: skip
        self.mixture_distribution: Any = mixture_distribution
        self.component_distribution: Any = component_distribution
        super().__init__(parts[:-1], component_distribution.event_shape, validate_args)

    @dependent_property
    def support(self) -> Constraint:
        return MixtureSameFamilyConstraint(self.component_distribution.support)

    def _mixed(self, x: Any) -> Any:
        """What each part gives, weighed."""
        probs = self.mixture_distribution.probs
        return (probs.reshape(*probs.shape, *[1] * len(self.event_shape)) * x).sum(-1 - len(self.event_shape))

    @property
    def mean(self) -> Any:
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Any:
        apart = self.component_distribution.mean - self._spread(self.mean)
        return self._mixed(self.component_distribution.variance) + self._mixed(apart.square())

    def _spread(self, x: Any) -> Any:
        return x.unsqueeze(-1 - len(self.event_shape))

    def expand(self, batch_shape: Any) -> MixtureSameFamily:
        parts = self.component_distribution.expand((*batch_shape, self.component_distribution.batch_shape[-1]))
        return MixtureSameFamily(self.mixture_distribution.expand(batch_shape), parts, validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            chosen = self.mixture_distribution.expand(self.batch_shape).sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            place = chosen.reshape(*chosen.shape, *[1] * (1 + len(self.event_shape)))
            place = place.expand(*chosen.shape, 1, *self.event_shape)
            return drawn.gather(len(chosen.shape), place).squeeze(len(chosen.shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        each = self.component_distribution.log_prob(self._spread(value))
        return (each + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        each = self.component_distribution.cdf(self._spread(value))
        return functions.sum(each * self.mixture_distribution.probs, -1)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
