"""The distribution of the failures before the first success."""

from __future__ import annotations

from typing import Any

from ..backends import finfo
from ..core import mode
from ..nn.functional import binary_cross_entropy_with_logits
from ..ops import functions
from .constraints import Interval, nonnegative_integer, real
from .odds import OfOdds


class Success(Interval):
    """0 < x <= 1"""

    def check(self, value: Any) -> Any:
        return super().check(value) & (value > 0)


class Geometric(OfOdds):
    """P(k) = (1 - probs)^k probs, probs = sigmoid(logits)"""

    arg_constraints = {"probs": Success(0, 1), "logits": real}
    support = nonnegative_integer

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
        self._validate_sample(value)
        value, probs = functions.broadcast_tensors(value, self.probs)
        certain = (probs == 1) & (value == 0)  # where 0 log 0 is 0
        return value * functions.log1p(-functions.where(certain, 0.0, probs)) + self.probs.log()

    def entropy(self) -> Any:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
