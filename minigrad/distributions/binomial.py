"""How many of a number of throws of a coin succeed."""

from __future__ import annotations

from typing import Any

from ..core import mode
from ..nn.functional import softplus
from ..ops import functions
from .constraints import Constraint, dependent_property, integer_interval, nonnegative_integer, real, unit_interval
from .distribution import Distribution, either, together
from .odds import OfOdds


class Counted(OfOdds):
    """The base of distributions of `total_count` and the odds of one throw."""

    def __init__(self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        who = type(self).__name__
        self._is = either(who, probs, logits)
        value, count = together(who, logits if probs is None else probs, total_count)
        vars(self)[self._is], self.total_count = value, count.to(value.dtype)
        Distribution.__init__(self, value.shape, validate_args=validate_args)

    @property
    def _given(self) -> list[str]:
        return ["total_count", self._is]


class Binomial(Counted):
    """P(k) = n! / (k! (n - k)!) probs^k (1 - probs)^(n - k), n = total_count"""

    arg_constraints = {"total_count": nonnegative_integer, "probs": unit_interval, "logits": real}

    def __init__(self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        return integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        with mode(grad=False):
            return functions.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self.total_count
        ways = functions.lgamma(n + 1) - functions.lgamma(value + 1) - functions.lgamma(n - value + 1)
        return ways + value * self.logits - n * softplus(self.logits)

    def entropy(self) -> Any:
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        n = int(self.total_count.max())
        if not bool((self.total_count == n).all()):
            raise NotImplementedError("Binomial: Inhomogeneous total count not supported by `enumerate_support`.")
        return self._listed(functions.arange(n + 1, dtype=self.total_count.dtype, device=self.total_count.device), expand)
