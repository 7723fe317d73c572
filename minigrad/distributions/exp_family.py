"""Exponential families: what follows for all of them from the logarithm of their normalizer."""

from __future__ import annotations

from typing import Any

from ..autograd import grad
from ..core import mode
from .distribution import Distribution, summed


class ExponentialFamily(Distribution):
    """p(x) = exp(t(x) . natural - F(natural) + k(x)): the base of distributions of that kind.

    Of your own: `_natural_params`, a tuple of tensors, `_log_normalizer(*natural)`, which is F, and `_mean_carrier_measure`,
    E k(x). Then the entropy is F - natural . dF - E k. Source: Nielsen & Nock 2010, Entropies and cross-entropies of
    exponential families.
    """

    _mean_carrier_measure: Any = None

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        raise NotImplementedError(f"{type(self).__name__}: _natural_params")

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: _log_normalizer")

    def _normalizer(self) -> tuple[Any, list[Any], list[Any]]:
        """F, the natural parameters, and F's derivatives by them, which have a gradient."""
        with mode(grad=True):
            natural = [p.detach().requires_grad_() if not p.requires_grad else p * 1 for p in self._natural_params]
            found = self._log_normalizer(*natural)
            return found, natural, list(grad(found.sum(), natural, create_graph=True))

    def entropy(self) -> Any:
        if self._mean_carrier_measure is None:
            raise NotImplementedError(f"{type(self).__name__}: entropy")
        found, natural, slopes = self._normalizer()
        count = len(self.event_shape)
        return found - self._mean_carrier_measure - sum(summed(p * d, count) for p, d in zip(natural, slopes, strict=True))
