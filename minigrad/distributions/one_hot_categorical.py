"""The distribution of a choice among several, as vectors with a 1 where the choice fell."""

from __future__ import annotations

from typing import Any

from ..nn.functional import one_hot as hot
from .categorical import Categorical
from .constraints import one_hot


class OneHotCategorical(Categorical):
    """`Categorical`, whose values are one-hot vectors of K numbers."""

    support = one_hot

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(probs, logits, validate_args)
        self.event_shape = self._param.shape[-1:]

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return self._vector(self.probs.argmax(-1))

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def _vector(self, places: Any) -> Any:
        return hot(places, self._num_events).to(self._param.dtype)

    def sample(self, sample_shape: Any = ()) -> Any:
        return self._vector(Categorical(probs=self.probs.detach(), validate_args=False).sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return Categorical(logits=self.logits, validate_args=False).log_prob(value.argmax(-1))

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._vector(super().enumerate_support(expand))


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """`OneHotCategorical`, whose `rsample` passes the gradient on to `probs` as it comes. Source: Bengio et al. 2013."""

    has_rsample = True

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn = self.sample(sample_shape)
        return drawn + (self.probs - self.probs.detach())
