"""The distribution of numbers between 0 and 1 with the likelihood of a coin's throw."""

from __future__ import annotations

import math
from typing import Any

from ..nn.functional import binary_cross_entropy_with_logits
from ..ops import functions
from .constraints import real, unit_interval
from .distribution import clamped, lazy_property
from .exp_family import ExponentialFamily
from .odds import OfOdds


class ContinuousBernoulli(OfOdds, ExponentialFamily):
    """p(x) = C probs^x (1 - probs)^(1 - x) on 0 ... 1, with C = 2 atanh(1 - 2 probs) / (1 - 2 probs) and 2 at probs = 1 / 2

    lims   between these probs, where C divides 0 by 0, series around 1 / 2 stand for it and for the moments

    `probs` is no probability of anything. Source: Loaiza-Ganem & Cunningham 2019, The continuous Bernoulli.
    """

    has_rsample = True
    arg_constraints = {"probs": unit_interval, "logits": real}
    support = unit_interval

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(probs, logits, validate_args)
        if probs is not None:
            self.probs = clamped(self.probs)
        self._lims = lims

    @lazy_property
    def probs(self) -> Any:
        """sigmoid(logits), kept off 0 and 1"""
        return clamped(self.logits.sigmoid())

    def expand(self, batch_shape: Any) -> ContinuousBernoulli:
        value = {self._is: vars(self)[self._is].expand(*batch_shape)}
        return ContinuousBernoulli(**value, lims=self._lims, validate_args=False)

    @property
    def param_shape(self) -> Any:
        """The shape of `probs`."""
        return self.batch_shape

    def _sides(self) -> tuple[Any, Any, Any]:
        """Where probs is off the middle, probs there and another in the middle, and how far from 1 / 2 probs is."""
        off = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return off, functions.where(off, self.probs, self._lims[0]), self.probs - 0.5

    def _log_norm(self) -> Any:
        """log C"""
        off, p, x = self._sides()
        found = ((functions.log1p(-p) - p.log()) / (1 - 2 * p)).log()
        return functions.where(off, found, math.log(2) + (4 / 3 + 104 / 45 * x**2) * x**2)

    @property
    def mean(self) -> Any:
        off, p, x = self._sides()
        found = p / (2 * p - 1) + 1 / (functions.log1p(-p) - p.log())
        return functions.where(off, found, 0.5 + (1 / 3 + 16 / 45 * x**2) * x)

    @property
    def variance(self) -> Any:
        off, p, x = self._sides()
        found = p * (p - 1) / (1 - 2 * p) ** 2 + 1 / (functions.log1p(-p) - p.log()) ** 2
        return functions.where(off, found, 1 / 12 - (1 / 15 - 128 / 945 * x**2) * x**2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.icdf(self._noise(functions.rand, sample_shape, self.probs))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        logits, value = functions.broadcast_tensors(self.logits, value)
        return self._log_norm() - binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        off, p, _ = self._sides()
        found = (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        return functions.where(off, found, value).clamp(min=0, max=1)

    def icdf(self, value: Any) -> Any:
        off, p, _ = self._sides()
        rest = functions.log1p(-p)
        return functions.where(off, (functions.log1p(value * (2 * p - 1) - p) - rest) / (p.log() - rest), value)

    def entropy(self) -> Any:
        rest = functions.log1p(-self.probs)
        return self.mean * (rest - self.probs.log()) - self._log_norm() - rest
