"""How often each of several is chosen."""

from __future__ import annotations

import math
from typing import Any

from ..core import mode
from ..nn.functional import one_hot
from ..ops import functions
from .binomial import Binomial
from .categorical import Categorical, OfChoices
from .constraints import Constraint, dependent_property, multinomial


class Multinomial(OfChoices):
    """P(x) = n! prod probs_k^x_k / x_k!, for x that sum to n = total_count; probs or logits as `Categorical` has them"""

    def __init__(self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("Multinomial: inhomogeneous total_count is not supported")
        super().__init__(probs, logits, validate_args)
        self.total_count, self.event_shape = total_count, self._param.shape[-1:]

    @dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Constraint:
        return multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def expand(self, batch_shape: Any) -> Multinomial:
        value = vars(self)[self._is].expand(*batch_shape, -1)
        return Multinomial(self.total_count, **{self._is: value}, validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            chosen = Categorical(probs=self.probs, validate_args=False).sample((self.total_count, *sample_shape))
            return one_hot(chosen, self._num_events).sum(0).to(self._param.dtype)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = functions.broadcast_tensors(self.logits, value)
        powers = functions.where((value == 0) & (logits == -float("inf")), 0.0, logits * value).sum(-1)
        return functions.lgamma(value.sum(-1) + 1) - functions.lgamma(value + 1).sum(-1) + powers

    def entropy(self) -> Any:
        n = self.total_count
        each = Binomial(n, probs=self.probs, validate_args=False)
        counts = each.enumerate_support(False)
        spread = (each.log_prob(counts).exp() * functions.lgamma(counts + 1)).sum(0).sum(-1)
        return n * Categorical(logits=self.logits, validate_args=False).entropy() - math.lgamma(n + 1) + spread
