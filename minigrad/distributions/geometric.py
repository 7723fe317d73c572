"""The distribution of the failures before the first success."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..backends import finfo
from ..core import mode
from ..nn.functional import binary_cross_entropy_with_logits
from ..ops import functions
from .distribution import Condition, Distribution, clamped, either, nonnegative_integer, real, together, unit

success = Condition("GreaterThan(lower_bound=0)", lambda x: (x > 0) & unit.check(x))


class Geometric(Distribution):
    """P(k) = (1 - probs)^k probs, probs = sigmoid(logits)"""

    arg_constraints = {"probs": success, "logits": real}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._is = either("Geometric", probs, logits)
        (value,) = together("Geometric", logits if probs is None else probs)
        vars(self)[self._is] = value
        super().__init__(value.shape, validate_args=validate_args)

    @cached_property
    def probs(self) -> Any:
        """The probability of a success."""
        return self.logits.sigmoid()

    @cached_property
    def logits(self) -> Any:
        """log(probs / (1 - probs))"""
        probs = clamped(self.probs)
        return probs.log() - functions.log1p(-probs)

    @property
    def _given(self) -> list[str]:
        return [self._is]

    @property
    def support(self) -> Condition:
        return nonnegative_integer

    @property
    def mean(self) -> Any:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Any:
        return functions.zeros_like(self.probs)

    @property
    def variance(self) -> Any:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            u = self._noise(functions.rand, sample_shape, self.probs)
            return (u.clamp(min=finfo(u.dtype).tiny).log() / functions.log1p(-self.probs)).floor()

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        value, probs = functions.broadcast_tensors(value, self.probs)
        certain = (probs == 1) & (value == 0)  # where 0 log 0 is 0
        return value * functions.log1p(-functions.where(certain, 0.0, probs)) + self.probs.log()

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
