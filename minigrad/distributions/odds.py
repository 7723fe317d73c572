"""What is given by the probability of one event, or by the logarithm of its odds."""

from __future__ import annotations

from typing import Any

from .distribution import Distribution, either, lazy_property, together
from .utils import probs_to_logits


class OfOdds(Distribution):
    """The base of distributions with `probs` = sigmoid(`logits`), of which one is given and the other computed when asked for.

    Raises ValueError unless one of the two is given.
    """

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        who = type(self).__name__
        self._is = either(who, probs, logits)
        (value,) = together(who, logits if probs is None else probs)
        vars(self)[self._is] = value
        super().__init__(value.shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        """The probability of the event."""
        return self.logits.sigmoid()

    @lazy_property
    def logits(self) -> Any:
        """log(probs / (1 - probs))"""
        return probs_to_logits(self.probs, is_binary=True)

    @property
    def _given(self) -> list[str]:
        return [self._is]
