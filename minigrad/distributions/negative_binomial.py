"""How many successes there are before a number of failures."""

from __future__ import annotations

from typing import Any

from ..core import mode
from ..nn.functional import logsigmoid
from ..ops import functions
from .binomial import Counted
from .constraints import half_open_interval, nonnegative, nonnegative_integer, real
from .gamma import Gamma


class NegativeBinomial(Counted):
    """P(k) = Gamma(k + n) / (k! Gamma(n)) probs^k (1 - probs)^n, n = total_count > 0, not only whole"""

    arg_constraints = {"total_count": nonnegative, "probs": half_open_interval(0.0, 1.0), "logits": real}
    support = nonnegative_integer

    @property
    def mean(self) -> Any:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Any:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Any:
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Any = ()) -> Any:
        with mode(grad=False):
            rates = Gamma(self.total_count, (-self.logits).exp(), validate_args=False)
            return functions.poisson(rates.sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self.total_count
        ways = functions.lgamma(n + value) - functions.lgamma(1 + value) - functions.lgamma(n)
        ways = functions.where(n + value == 0, 0.0, ways)
        return ways + n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
