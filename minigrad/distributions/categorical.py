"""The distribution of a choice among several."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..core import Tensor, mode
from ..ops import functions
from .constraints import Constraint, dependent_property, integer_interval, real_vector, simplex
from .distribution import Distribution, clamped, either, lazy_property


class OfChoices(Distribution):
    """The base of distributions with `probs` = softmax(`logits`), of which one is given; probs are divided by their sum."""

    arg_constraints = {"probs": simplex, "logits": real_vector}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        who = type(self).__name__
        self._is = either(who, probs, logits)
        value = logits if probs is None else probs
        if not isinstance(value, Tensor) or value.ndim < 1:
            raise ValueError(f"{who}: `{self._is}` parameter must be at least one-dimensional.")
        by_sum = logits is None
        self._param: Any = value / value.sum(-1, keepdim=True) if by_sum else value - value.logsumexp(-1, keepdim=True)
        vars(self)[self._is] = self._param
        self._num_events = value.shape[-1]
        super().__init__(value.shape[:-1], validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        """The probabilities."""
        return self.logits.softmax(-1)

    @lazy_property
    def logits(self) -> Any:
        """The logarithms of the probabilities."""
        return clamped(self.probs).log()

    @property
    def _given(self) -> list[str]:
        return [self._is]

    @property
    def param_shape(self) -> Any:
        """The shape of `probs`."""
        return self._param.shape


class Categorical(OfChoices):
    """P(k) = probs[..., k] = softmax(logits)[..., k], for k = 0 ... K - 1; probs are divided by their sum"""

    @dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        return integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Any:
        return functions.full(tuple(self.batch_shape), float("nan"), dtype=self.probs.dtype, device=self.probs.device)

    variance = mean

    @property
    def mode(self) -> Any:
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        count = math.prod(sample_shape)
        with mode(grad=False):
            drawn = functions.multinomial(self.probs.reshape(-1, self._num_events), count, True)
        return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        value, logits = functions.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)  # or 0 times -inf
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._listed(functions.arange(self._num_events, device=self._param.device), expand)
