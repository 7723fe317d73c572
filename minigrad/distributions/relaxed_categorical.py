"""A choice among several, relaxed to a vector of parts that has a gradient."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions
from .categorical import OfChoices
from .constraints import real_vector, simplex
from .distribution import clamped
from .relaxed import Relaxed
from .transforms import ExpTransform


class ExpRelaxedCategorical(OfChoices):
    """x = log softmax((logits + G) / temperature), G of Gumbel's. Source: Maddison et al. 2017, The Concrete Distribution."""

    has_rsample = True
    support = real_vector

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        self.temperature = temperature
        super().__init__(probs, logits, validate_args)
        self.event_shape = self._param.shape[-1:]

    def expand(self, batch_shape: Any) -> ExpRelaxedCategorical:
        value = {self._is: vars(self)[self._is].expand(*batch_shape, -1)}
        return ExpRelaxedCategorical(self.temperature, **value, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Any:
        u = clamped(self._noise(functions.rand, sample_shape, self._param))
        return ((self.logits - (-u.log()).log()) / self.temperature).log_softmax(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        k, temperature = self._num_events, functions.as_tensor(self.temperature)
        score = (self.logits - value * temperature).log_softmax(-1).sum(-1)
        return score + math.lgamma(k) + (k - 1) * temperature.log()


class RelaxedOneHotCategorical(Relaxed):
    """softmax((logits + G) / temperature), G of Gumbel's: nearer to one-hot the lower the temperature. Source: Maddison et al.
    2017; Jang, Gu & Poole 2017."""

    arg_constraints = {"probs": simplex, "logits": real_vector}
    support = simplex

    def __init__(self, temperature: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args)
        super().__init__(base, ExpTransform(), validate_args)
