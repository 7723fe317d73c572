"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from ..backends import finfo
from ..core import Tensor, mode
from ..nn import functional as F
from ..ops import functions
from .distribution import Distribution, broadcast


class Bernoulli(Distribution):
    """1 with probability `probs` = sigmoid(logits), else 0; one of the two is given."""

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Bernoulli: Either `probs` or `logits` must be specified, but not both.")
        (given,) = broadcast(probs if logits is None else logits)
        super().__init__(given.shape, validate_args=validate_args)
        if logits is None:
            self._demand("parameter probs", given, (given >= 0) & (given <= 1), "in 0 ... 1")
            least = finfo(given.dtype).eps
            self.probs, kept = given, given.clamp(min=least, max=1 - least)
            self.logits = kept.log() - (-kept).log1p()
        else:
            self.probs, self.logits = given.sigmoid(), given

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return functions.where(self.probs == 0.5, float("nan"), (self.probs >= 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with mode(grad=False):
            return functions.bernoulli(self.probs.expand(*self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._demand("value", value, (value == 0) | (value == 1), "0 or 1")
        logits, value = functions.broadcast_tensors(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")
