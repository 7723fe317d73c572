"""The normal distribution of vectors."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions, linalg
from .constraints import lower_cholesky, real_vector
from .distribution import Distribution


class MultivariateNormal(Distribution):
    """p(x) = exp(-(x - loc)^T C^-1 (x - loc) / 2) / sqrt(det(2 pi C)), with one of C, its inverse, or its Cholesky factor"""

    has_rsample = True
    arg_constraints = {"loc": real_vector, "scale_tril": lower_cholesky}
    support = real_vector

    def __init__(
        self, loc: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.ndim < 1:
            raise ValueError("MultivariateNormal: loc must be at least one-dimensional.")
        given = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
        if len(given) != 1:
            raise ValueError(
                "MultivariateNormal: Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        if given[0].ndim < 2:
            raise ValueError(
                "MultivariateNormal: the matrix must be at least two-dimensional, with optional leading batch dimensions"
            )
        if covariance_matrix is not None:
            scale_tril = linalg.cholesky(covariance_matrix)
        elif precision_matrix is not None:
            scale_tril = linalg.cholesky(linalg.inv(precision_matrix))
        batch = functions.broadcast_shapes(scale_tril.shape[:-2], loc.shape[:-1])
        self.loc, self.scale_tril = loc.expand(*batch, -1), scale_tril.expand(*batch, -1, -1)
        super().__init__(batch, self.loc.shape[-1:], validate_args)

    @property
    def covariance_matrix(self) -> Any:
        """C = L L^T"""
        return self.scale_tril @ self.scale_tril.mT

    @property
    def precision_matrix(self) -> Any:
        """C^-1"""
        return linalg.inv(self.covariance_matrix)

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Any:
        return self.scale_tril.square().sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Any:
        noise = self._noise(functions.randn, sample_shape, self.loc)
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def _half_log_det(self) -> Any:
        """log(det C) / 2, the sum of log L[i, i]"""
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        d = (value - self.loc).unsqueeze(-1)
        factor = self.scale_tril.expand(*d.shape[:-2], -1, -1)
        distance = linalg.solve_triangular(factor, d, upper=False).square().sum((-2, -1))
        return -0.5 * (self.event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self) -> Any:
        return 0.5 * self.event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
