"""The normal distribution of vectors whose covariance is a matrix of low rank and a diagonal."""

from __future__ import annotations

import math
from typing import Any

from ..ops import functions, linalg
from .constraints import independent, positive, real, real_vector
from .distribution import Distribution, lazy_property


class LowRankMultivariateNormal(Distribution):
    """`MultivariateNormal` with C = W W^T + D: W is `cov_factor` (..., n, m), and D has `cov_diag` (..., n) on its diagonal

    Where m is far below n that is much cheaper: inverse and determinant come from K = I + W^T D^-1 W, m x m, by the identities
    of Woodbury, C^-1 = D^-1 - D^-1 W K^-1 W^T D^-1, and of the determinant of a product, det C = det K det D.
    """

    has_rsample = True
    arg_constraints = {"loc": real_vector, "cov_factor": independent(real, 2), "cov_diag": independent(positive, 1)}
    support = real_vector

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        who = "LowRankMultivariateNormal"
        if loc.ndim < 1:
            raise ValueError(f"{who}: loc must be at least one-dimensional.")
        n = loc.shape[-1]
        if cov_factor.ndim < 2:
            raise ValueError(f"{who}: cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2] != n:
            raise ValueError(f"{who}: cov_factor must be a batch of matrices with shape {n} x m, got {tuple(cov_factor.shape)}")
        if cov_diag.shape[-1:] != (n,):
            raise ValueError(f"{who}: cov_diag must be a batch of vectors with shape {n}, got {tuple(cov_diag.shape)}")
        batch = functions.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        self.loc, self.cov_diag = loc.expand(*batch, -1), cov_diag.expand(*batch, -1)
        self.cov_factor = cov_factor.expand(*batch, -1, -1)
        super().__init__(batch, (n,), validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Any:
        return self.cov_factor.square().sum(-1) + self.cov_diag

    @lazy_property
    def covariance_matrix(self) -> Any:
        """C"""
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy_property
    def scale_tril(self) -> Any:
        """L, lower triangular with a positive diagonal: C = L L^T"""
        return linalg.cholesky(self.covariance_matrix)

    @lazy_property
    def precision_matrix(self) -> Any:
        """C^-1"""
        part = linalg.solve_triangular(self._root, self._scaled, upper=False)
        return (1 / self.cov_diag).diag_embed() - part.mT @ part

    @property
    def _scaled(self) -> Any:
        """W^T D^-1"""
        return self.cov_factor.mT / self.cov_diag.unsqueeze(-2)

    @lazy_property
    def _root(self) -> Any:
        """The Cholesky factor of K"""
        inner = self._scaled @ self.cov_factor
        return linalg.cholesky(inner + functions.eye(inner.shape[-1], dtype=inner.dtype, device=inner.device))

    @property
    def _given(self) -> list[str]:
        return ["loc", "cov_factor", "cov_diag"]

    def expand(self, batch_shape: Any) -> LowRankMultivariateNormal:
        loc, diag = (x.expand(*batch_shape, -1) for x in (self.loc, self.cov_diag))
        return LowRankMultivariateNormal(loc, self.cov_factor.expand(*batch_shape, -1, -1), diag, validate_args=False)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        options: dict[str, Any] = {"dtype": self.loc.dtype, "device": self.loc.device}
        along, off = functions.randn(*shape[:-1], self.cov_factor.shape[-1], **options), functions.randn(*shape, **options)
        return self.loc + (self.cov_factor @ along.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * off

    def _half_log_det(self) -> Any:
        """log(det C) / 2"""
        return self._root.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self.cov_diag.log().sum(-1) / 2

    def distance(self, d: Any) -> Any:
        """d^T C^-1 d for d (..., n)"""
        part = self._scaled @ d.unsqueeze(-1)
        saved = linalg.solve_triangular(self._root.expand(*part.shape[:-2], -1, -1), part, upper=False)
        return (d.square() / self.cov_diag).sum(-1) - saved.square().sum((-2, -1))

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n = self.event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + self.distance(value - self.loc)) - self._half_log_det()

    def entropy(self) -> Any:
        return 0.5 * self.event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
