"""Functions with an inverse and a known Jacobian, of which `TransformedDistribution` is made."""

from __future__ import annotations

import math
from typing import Any

from ..backends import finfo
from ..nn.functional import logsigmoid, pad, softplus
from ..ops import functions, linalg
from .constraints import (
    corr_cholesky,
    independent,
    interval,
    lower_cholesky,
    positive,
    positive_definite,
    real,
    real_vector,
    simplex,
    unit_interval,
)
from .distribution import Distribution, summed
from .transform import (
    CatTransform,
    ComposeTransform,
    Fixed,
    IndependentTransform,
    ReshapeTransform,
    StackTransform,
    Transform,
    identity_transform,
    wider,
)
from .utils import tril_matrix_to_vec, vec_to_tril_matrix

# -- of each element -------------------------------------------------------------------------------------------------------


class ExpTransform(Fixed):
    """y = exp x"""

    codomain = positive
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class PowerTransform(Transform):
    """y = x^exponent for x > 0"""

    domain = positive
    codomain = positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = functions.as_tensor(exponent)

    @property
    def sign(self) -> Any:
        return self.exponent.sign()

    def with_cache(self, cache_size: int = 1) -> Any:
        return PowerTransform(self.exponent, cache_size)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, PowerTransform) and bool((self.exponent == other.exponent).all())

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()


class SigmoidTransform(Fixed):
    """y = 1 / (1 + exp(-x))"""

    codomain = unit_interval
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        eps = finfo(x.dtype)
        return x.sigmoid().clamp(min=eps.tiny, max=1 - eps.eps)

    def _inverse(self, y: Any) -> Any:
        eps = finfo(y.dtype)
        y = y.clamp(min=eps.tiny, max=1 - eps.eps)
        return y.log() - functions.log1p(-y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(Fixed):
    """y = log(1 + exp x)"""

    codomain = positive
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return y + (-functions.expm1(-y)).log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class TanhTransform(Fixed):
    """y = tanh x"""

    codomain = interval(-1.0, 1.0)
    bijective = True
    sign = 1

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2 * (math.log(2) - x - softplus(-2 * x))  # log(1 - tanh^2 x), which rounds to log 0 soon


class AbsTransform(Fixed):
    """y = |x|, which has two inverses: `inv` gives the positive one."""

    codomain = positive

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y


class AffineTransform(Transform):
    """y = loc + scale x; with `event_dim` 1 or more a value has as many dimensions."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return wider(real, self._event_dim)

    codomain = domain

    @property
    def sign(self) -> Any:
        return math.copysign(1, self.scale) if isinstance(self.scale, (int, float)) else self.scale.sign()

    def with_cache(self, cache_size: int = 1) -> Any:
        return AffineTransform(self.loc, self.scale, self._event_dim, cache_size)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, AffineTransform):
            return False
        return all(bool(functions.as_tensor(a == b).all()) for a, b in ((self.loc, other.loc), (self.scale, other.scale)))

    __hash__ = None  # type: ignore[assignment]

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        scale = functions.as_tensor(self.scale, dtype=x.dtype, device=x.device).abs().log()
        return summed(scale.expand(functions.broadcast_shapes(x.shape, scale.shape)), self._event_dim)

    def forward_shape(self, shape: Any) -> Any:
        return functions.broadcast_shapes(shape, *(getattr(v, "shape", ()) for v in (self.loc, self.scale)))

    inverse_shape = forward_shape


# -- of vectors and matrices -----------------------------------------------------------------------------------------------


class SoftmaxTransform(Fixed):
    """y = softmax x, along the last dimension; not one to one: `inv` gives log y."""

    domain = real_vector
    codomain = simplex

    def _call(self, x: Any) -> Any:
        return x.softmax(-1)

    def _inverse(self, y: Any) -> Any:
        return y.log()


class StickBreakingTransform(Fixed):
    """K numbers as K + 1 that sum to 1: part sigmoid(x_k - log(K - k)) of what is left, one after the other."""

    domain = real_vector
    codomain = simplex
    bijective = True

    def _offset(self, x: Any) -> Any:
        n = x.shape[-1]
        return functions.arange(n, 0, -1, dtype=x.dtype, device=x.device).log()

    def _call(self, x: Any) -> Any:
        z = (x - self._offset(x)).sigmoid()
        return pad(z, [0, 1], value=1) * pad((1 - z).cumprod(-1), [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        y_cut = y[..., :-1]
        left = (1 - y_cut.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)
        return y_cut.log() - left.log() + self._offset(y_cut)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - self._offset(x)
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Any) -> Any:
        return (*shape[:-1], shape[-1] - 1)


class LowerCholeskyTransform(Fixed):
    """A matrix as a lower triangular one with a positive diagonal, exp of what it was."""

    domain = independent(real, 2)
    codomain = lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Fixed):
    """A matrix as L L^T, L the factor that `LowerCholeskyTransform` makes of it."""

    domain = independent(real, 2)
    codomain = positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(linalg.cholesky(y))


class CorrCholeskyTransform(Transform):
    """D (D - 1) / 2 numbers as the Cholesky factor of a D x D matrix of correlations: tanh of each below the diagonal, row by
    row, as its part of what the squares before it in the row leave of 1; the diagonal takes the rest.

    Source: Stan Development Team, Stan Reference Manual, Cholesky factors of correlation matrices.
    """

    domain = real_vector
    codomain = corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = finfo(x.dtype).eps
        part = vec_to_tril_matrix(x.tanh().clamp(min=eps - 1, max=1 - eps), diag=-1)
        left = (1 - part.square()).sqrt().cumprod(-1)
        return (part + functions.eye(part.shape[-1], dtype=x.dtype, device=x.device)) * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        left = pad(1 - y.square().cumsum(-1)[..., :-1], [1, 0], value=1)
        part = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (functions.log1p(part) - functions.log1p(-part)) / 2  # atanh

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        left = tril_matrix_to_vec(1 - y.square().cumsum(-1), diag=-2)
        return left.log().sum(-1) / 2 - 2 * (x + softplus(-2 * x) - math.log(2)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        size = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != shape[-1]:
            raise ValueError(f"CorrCholeskyTransform: Input is not a flattened lower-diagonal number: {shape[-1]}")
        return (*shape[:-1], size, size)

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2 or shape[-2] != shape[-1]:
            raise ValueError(f"CorrCholeskyTransform: Input is not square: {tuple(shape)}")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


# -- of a distribution -----------------------------------------------------------------------------------------------------


class CumulativeDistributionTransform(Transform):
    """y = F(x), the `cdf` of a distribution, uniform for an x that is drawn from it; `inv` is the `icdf`."""

    codomain = unit_interval
    bijective = True
    sign = 1

    def __init__(self, distribution: Distribution, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:  # type: ignore[override]
        return self.distribution.support

    def with_cache(self, cache_size: int = 1) -> Any:
        return self if self._cache_size == cache_size else CumulativeDistributionTransform(self.distribution, cache_size)

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)


__all__ = ["AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
           "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
           "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
           "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform",
           "identity_transform"]  # fmt: skip
