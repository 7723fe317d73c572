"""The distribution of a coin's throw."""

from __future__ import annotations

from typing import Any

from ..core import mode
from ..nn.functional import binary_cross_entropy_with_logits
from ..ops import functions
from .constraints import boolean, real, unit_interval
from .exp_family import ExponentialFamily
from .odds import OfOdds


class Bernoulli(OfOdds, ExponentialFamily):
    """P(1) = probs = sigmoid(logits), P(0) = 1 - probs"""

    arg_constraints = {"probs": unit_interval, "logits": real}
    support = boolean

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
            return functions.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = functions.broadcast_tensors(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value.to(logits.dtype), reduction="none")

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Any:
        return self._listed(functions.arange(2, dtype=self.probs.dtype, device=self.probs.device), expand)
