"""The distribution of Dirichlet."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..nn.functional import one_hot
from ..ops import functions
from .constraints import independent, positive, simplex
from .exp_family import ExponentialFamily
from .gamma import log_standard_gamma


class Dirichlet(ExponentialFamily):
    """p(x) = Gamma(sum a) / prod Gamma(a_i) prod x_i^(a_i - 1), for x that sum to 1 and a = concentration: (..., K)"""

    has_rsample = True
    arg_constraints = {"concentration": independent(positive, 1)}
    support = simplex

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if not isinstance(concentration, Tensor) or concentration.ndim < 1:
            raise ValueError("Dirichlet: `concentration` parameter must be at least one-dimensional.")
        self.concentration: Any = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Any:
        above = (self.concentration - 1).clamp(min=0)
        mode = above / above.sum(-1, keepdim=True)
        corner = one_hot(mode.argmax(-1), mode.shape[-1]).to(mode.dtype)
        return functions.where((self.concentration < 1).all(-1, keepdim=True), corner, mode)

    @property
    def variance(self) -> Any:
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total.square() * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return log_standard_gamma(self.concentration.expand(self._extended_shape(sample_shape))).softmax(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        a = self.concentration
        return functions.xlogy(a - 1, value).sum(-1) + functions.lgamma(a.sum(-1)) - functions.lgamma(a).sum(-1)

    def entropy(self) -> Any:
        a, total = self.concentration, self.concentration.sum(-1)
        spread = (total - a.shape[-1]) * functions.digamma(total) - ((a - 1) * functions.digamma(a)).sum(-1)
        return functions.lgamma(a).sum(-1) - functions.lgamma(total) + spread
