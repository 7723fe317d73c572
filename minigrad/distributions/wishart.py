"""The distribution of Wishart, of matrices of covariances."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..core import Tensor
from ..ops import functions, linalg
from .chi2 import Chi2
from .constraints import greater_than, positive_definite
from .exp_family import ExponentialFamily
from .multivariate_normal import OfCovariance
from .utils import vec_to_tril_matrix


class Wishart(OfCovariance, ExponentialFamily):
    """The sum of x x^T over df normal vectors x of p numbers, df > p - 1 not only whole:

    p(X) = det(X)^((df - p - 1) / 2) exp(-tr(C^-1 X) / 2) / (2^(df p / 2) det(C)^(df / 2) Gamma_p(df / 2)),
    with one of C, its inverse, or its Cholesky factor. Raises ValueError for a df of p - 1 or less.
    """

    has_rsample = True
    support = positive_definite

    def __init__(
        self, df: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        batch = self._take(df.shape if isinstance(df, Tensor) else (), covariance_matrix=covariance_matrix,
                           precision_matrix=precision_matrix, scale_tril=scale_tril)  # fmt: skip
        matrix = vars(self)[self._is]
        p = matrix.shape[-1]
        self.df = functions.as_tensor(df, dtype=matrix.dtype, device=matrix.device).expand(*batch)
        if (self.df <= p - 1).any():
            raise ValueError(f"Wishart: Value of df={df} expected to be greater than ndim - 1 = {p - 1}.")
        super().__init__(batch, (p, p), validate_args)

    @property
    def arg_constraints(self) -> Any:  # type: ignore[override]
        return {"df": greater_than(self.event_shape[-1] - 1), **OfCovariance.arg_constraints}

    @property
    def _given(self) -> list[str]:
        return ["df", self._is]

    def expand(self, batch_shape: Any) -> Wishart:
        return Wishart(self.df.expand(*batch_shape), **self._expanded(batch_shape), validate_args=False)

    @property
    def mean(self) -> Any:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Any:
        above = self.df - self.event_shape[-1] - 1
        return functions.where(above > 0, above, float("nan"))[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Any:
        c = self.covariance_matrix
        diagonal = c.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (c.square() + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _halves(self) -> Any:
        """(df - i) / 2 for i = 0 ... p - 1: (..., p)"""
        p = self.event_shape[-1]
        return (self.df.unsqueeze(-1) - functions.arange(p, dtype=self.df.dtype, device=self.df.device)) / 2

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Any:
        """L A A^T L^T: A is lower triangular, normal below the diagonal, the roots of Chi2(df - i) on it.

        `max_try_correction` is accepted and not used: what would be drawn again here keeps a diagonal above 0.
        Source: Bartlett 1933; Odell & Feiveson 1966.
        """
        roots = Chi2(2 * self._halves(), validate_args=False).rsample(sample_shape).sqrt().clamp(min=finfo(self.df.dtype).eps)
        p = roots.shape[-1]
        below = functions.randn(*roots.shape[:-1], p * (p - 1) // 2, dtype=roots.dtype, device=roots.device)
        factor = self.scale_tril @ (vec_to_tril_matrix(below, -1) + roots.diag_embed())
        return factor @ factor.mT

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        p = self.event_shape[-1]
        trace = functions.cholesky_solve(value, self.scale_tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return ((self.df - p - 1) / 2 * linalg.slogdet(value).logabsdet - trace / 2 - self.df * self._half_log()
                - functions.mvlgamma(self.df / 2, p))  # fmt: skip

    def _half_log(self) -> Any:
        """log det(2 C) / 2"""
        return self._half_log_det() + self.event_shape[-1] * math.log(2) / 2

    def entropy(self) -> Any:
        p = self.event_shape[-1]
        spread = (self.df - p - 1) / 2 * functions.digamma(self._halves()).sum(-1)
        return (p + 1) * self._half_log() + functions.mvlgamma(self.df / 2, p) - spread + self.df * p / 2
