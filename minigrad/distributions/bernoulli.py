"""The distribution of a coin's throw."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..core import mode
from ..nn.functional import binary_cross_entropy_with_logits
from ..ops import functions
from .distribution import Condition, Distribution, boolean, clamped, either, real, together, unit


class Bernoulli(Distribution):
    """P(1) = probs = sigmoid(logits), P(0) = 1 - probs"""

    arg_constraints = {"probs": unit, "logits": real}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self._is = either("Bernoulli", probs, logits)
        (value,) = together("Bernoulli", logits if probs is None else probs)
        vars(self)[self._is] = value
        super().__init__(value.shape, validate_args=validate_args)

    @cached_property
    def probs(self) -> Any:
        """The probabilities of 1."""
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
        return boolean

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def mode(self) -> Any:
        return functions.where(self.probs == 0.5, float("nan"), (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            return functions.bernoulli(self.probs.expand(self._shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        logits, value = functions.broadcast_tensors(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value.to(logits.dtype), reduction="none")

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._listed(functions.arange(2, dtype=self.probs.dtype, device=self.probs.device), expand)
