"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions, linalg
from .constraints import lower_cholesky, positive_definite, real_vector
from .distribution import Distribution, lazy_property


class OfCovariance(Distribution):
    """The base of distributions with a matrix C, of which C, its inverse, or its Cholesky factor is given and the others are
    computed when asked for."""

    arg_constraints: Any = {
        "covariance_matrix": positive_definite, "precision_matrix": positive_definite, "scale_tril": lower_cholesky,
    }  # fmt: skip

    def _take(self, batch_shape: Any, **matrices: Any) -> Any:
        """Keep the matrix that was given, for a batch that its own is broadcast with, which is returned. Raises ValueError
        unless it is one."""
        who, given = type(self).__name__, {name: m for name, m in matrices.items() if m is not None}
        if len(given) != 1:
            raise ValueError(f"{who}: Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        ((self._is, matrix),) = given.items()
        if matrix.ndim < 2:
            raise ValueError(f"{who}: {self._is} must be at least two-dimensional, with optional leading batch dimensions")
        batch = functions.broadcast_shapes(matrix.shape[:-2], batch_shape)
        vars(self)[self._is] = matrix.expand(*batch, -1, -1)
        return batch

    def _expanded(self, batch_shape: Any) -> dict[str, Any]:
        """The matrix that was given, for a larger batch."""
        return {self._is: vars(self)[self._is].expand(*batch_shape, -1, -1)}

    @lazy_property
    def scale_tril(self) -> Any:
        """L, lower triangular with a positive diagonal: C = L L^T"""
        given = vars(self)
        return linalg.cholesky(linalg.inv(given["precision_matrix"]) if self._is[0] == "p" else given["covariance_matrix"])

    @lazy_property
    def covariance_matrix(self) -> Any:
        """C = L L^T"""
        return self.scale_tril @ self.scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Any:
        """C^-1"""
        return linalg.inv(self.covariance_matrix)

    def _half_log_det(self) -> Any:
        """log(det C) / 2, the sum of log L[i, i]"""
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class MultivariateNormal(OfCovariance):
    """p(x) = exp(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt(det(2 pi C)), with one of C, its inverse, or its Cholesky factor"""

    has_rsample = True
    arg_constraints = {"loc": real_vector, **OfCovariance.arg_constraints}
    support = real_vector

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.ndim < 1:
            raise ValueError("MultivariateNormal: loc must be at least one-dimensional.")
        batch = self._take(loc.shape[:-1], covariance_matrix=covariance_matrix, precision_matrix=precision_matrix,
                           scale_tril=scale_tril)  # fmt: skip
        self.loc = loc.expand(*batch, -1)
        super().__init__(batch, self.loc.shape[-1:], validate_args)

    @property
    def _given(self) -> list[str]:
        return ["loc", self._is]

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Any:
        return self.scale_tril.square().sum(-1)

    def expand(self, batch_shape: Any) -> MultivariateNormal:
        return MultivariateNormal(self.loc.expand(*batch_shape, -1), **self._expanded(batch_shape), validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Any:
        noise = self._noise(functions.randn, sample_shape, self.loc)
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        d = (value - self.loc).unsqueeze(-1)
        factor = self.scale_tril.expand(*d.shape[:-2], -1, -1)
        distance = linalg.solve_triangular(factor, d, upper=False).square().sum((-2, -1))
        return -0.5 * (self.event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Any:
        return 0.5 * self.event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
