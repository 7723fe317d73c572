"""The categorical distribution."""

from __future__ import annotations

from typing import Any

from ..backends import finfo
from ..core import Tensor, mode
from ..nn import functional as F
from ..ops import functions
from .distribution import Distribution


class Categorical(Distribution):
    """Class k of K with probability probs[..., k]; `probs` are brought to a sum of 1, or `logits` (..., K) are given."""

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Categorical: Either `probs` or `logits` must be specified, but not both.")
        given: Any = probs if logits is None else logits
        if given.ndim < 1:
            raise ValueError("Categorical: `probs` or `logits` must be at least one-dimensional, got one number")
        super().__init__(given.shape[:-1], validate_args=validate_args)
        if logits is None:
            self.probs = given / given.sum(-1, keepdim=True)
            self._demand("parameter probs", given, given >= 0, "at least 0")
            self._demand("parameter probs", given, self.probs == self.probs, "positive in sum")
            least = finfo(given.dtype).eps
            self.logits = self.probs.clamp(min=least, max=1 - least).log()
        else:
            self._demand("parameter logits", given, given == given, "real")
            self.logits = F.log_softmax(given, -1)
            self.probs = self.logits.exp()
        self._num_events = given.shape[-1]

    @property
    def mean(self) -> Tensor:
        return functions.full_like(self.probs[..., 0], float("nan"))

    @property
    def variance(self) -> Tensor:
        return self.mean

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        count = 1
        for n in sample_shape:
            count *= n
        with mode(grad=False):
            drawn = functions.multinomial(self.probs.reshape(-1, self._num_events), count, replacement=True)
        return drawn.T.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._demand("value", value, (value >= 0) & (value < self._num_events) & (value == value.floor()), "a class")
        value, logits = functions.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        least = finfo(self.logits.dtype).min
        return -(self.logits.clamp(min=least) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All classes, along a new first dimension."""
        values = functions.arange(self._num_events).reshape(-1, *(1,) * len(self.batch_shape))
        return values.expand(-1, *self.batch_shape) if expand else values
