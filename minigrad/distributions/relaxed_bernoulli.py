"""The throw of a coin, relaxed to a number between 0 and 1 that has a gradient."""

from __future__ import annotations

from typing import Any

from ..nn.functional import softplus
from ..ops import functions
from .constraints import real, unit_interval
from .distribution import clamped
from .odds import OfOdds
from .relaxed import Relaxed
from .transforms import SigmoidTransform


class LogitRelaxedBernoulli(OfOdds):
    """x = (logits + L) / temperature, L logistic. Source: Maddison et al. 2017, The Concrete Distribution."""

    has_rsample = True
    arg_constraints = {"probs": unit_interval, "logits": real}
    support = real

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)

    def expand(self, batch_shape: Any) -> LogitRelaxedBernoulli:
        value = {self._is: vars(self)[self._is].expand(*batch_shape)}
        return LogitRelaxedBernoulli(self.temperature, **value, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = clamped(self._noise(functions.rand, sample_shape, vars(self)[self._is]))
        return (u.log() - functions.log1p(-u) + self.logits) / self.temperature

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        apart = self.logits - value * self.temperature
        return functions.as_tensor(self.temperature).log() + apart - 2 * softplus(apart)


class RelaxedBernoulli(Relaxed):
    """sigmoid((logits + L) / temperature), L logistic: nearer to 0 and 1 the lower the temperature.
    Source: Maddison et al. 2017; Jang, Gu & Poole 2017."""

    arg_constraints = {"probs": unit_interval, "logits": real}

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        base = LogitRelaxedBernoulli(temperature, probs, logits, validate_args)
        super().__init__(base, SigmoidTransform(), validate_args)
