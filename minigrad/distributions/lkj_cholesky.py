"""The distribution of Lewandowski, Kurowicka and Joe, of matrices of correlations, by their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..core import mode
from ..ops import functions, linalg
from .beta import Beta
from .constraints import corr_cholesky, positive
from .distribution import Distribution, together


class LKJCholesky(Distribution):
    """L with L L^T a `dim` x `dim` matrix R of correlations, whose density is proportional to det(R)^(concentration - 1):

    p(L) = prod L_ii^(dim - i + 2 (concentration - 1)) / Z, i = 2 ... dim. Uniform over R at concentration 1.
    Raises ValueError for a `dim` below 2. Source: Lewandowski, Kurowicka & Joe 2009, Generating random correlation matrices
    based on vines and extended onion method.
    """

    arg_constraints = {"concentration": positive}
    support = corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if not isinstance(dim, int) or dim < 2:
            raise ValueError(f"LKJCholesky: Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = together("LKJCholesky", concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def expand(self, batch_shape: Any) -> LKJCholesky:
        return LKJCholesky(self.dim, self.concentration.expand(*batch_shape), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Row i points anywhere, and Beta(i / 2, ...) of its length 1 lies left of the diagonal: the onion method."""
        a = self.concentration.unsqueeze(-1)
        i = functions.arange(self.dim, dtype=a.dtype, device=a.device).clamp(min=1)  # row 0 draws as well, and has no use of it
        with mode(grad=False):
            part = Beta(i / 2, a + (self.dim - 1 - i) / 2, validate_args=False).sample(sample_shape)
            rows = self._noise(functions.randn, sample_shape, a).tril(-1)
            length = linalg.vector_norm(rows, dim=-1, keepdim=True)
            below = rows / functions.where(length > 0, length, 1) * part.sqrt().unsqueeze(-1)
            return below + (1 - below.square().sum(-1)).clamp(min=finfo(a.dtype).tiny).sqrt().diag_embed()

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        n, a = self.dim - 1, self.concentration
        power = 2 * (a - 1).unsqueeze(-1) + functions.arange(n - 1, -1, -1, dtype=a.dtype, device=a.device)
        density = (power * value.diagonal(dim1=-2, dim2=-1)[..., 1:].log()).sum(-1)
        top = a + n / 2
        return density - n * math.log(math.pi) / 2 - functions.mvlgamma(top - 0.5, n) + n * functions.lgamma(top)
