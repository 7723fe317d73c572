"""Parametrizations that come with PyTorch: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

import math
from typing import Any

from ...backends import ShapeError
from ...core import Tensor, mode
from ...ops.arithmetic import cast, clone
from ...ops.create import eye, randn, zeros
from ...ops.diagonal import diagonal, tril
from ...ops.linalg import qr, solve
from ...ops.linalg import tensor_norm as norm
from ...ops.matmul import dot, matmul_op, mv
from ...ops.reduce import sum as sum_of
from ...ops.shape import cat, permute_op, reshape_op
from ...ops.update import assign_
from .. import functional as F
from ..conv import TransposedConvolution
from ..module import Module
from .parametrize import register_parametrization


def parameter_of(who: str, module: Module, name: str) -> Tensor:
    """The tensor `name`. Raises ValueError if there is none."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"{who}: Module '{type(module).__name__}' has no parameter or buffer with name '{name}'")
    return weight


# -- weight norm -----------------------------------------------------------------------------------------------------


class _WeightNorm(Module):
    """(g, v) -> g v / |v|."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = dim

    def length(self, v: Tensor) -> Tensor:
        """The norm of each slice along `dim`, or of the whole."""
        if self.dim is None or self.dim == -1:
            return norm(v)
        return norm(v, 2, [d for d in range(v.ndim) if d != self.dim % v.ndim], keepdim=True)

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / self.length(weight_v))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The length and the direction of a weight."""
        return self.length(weight), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """w = g v / |v|, the length g (original0) and the direction v (original1) trained apart; the norm is of each slice
    along `dim`, None of all. Source: Salimans & Kingma 2016, equation 2."""
    parameter_of("weight_norm", module, name)
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


# -- spectral norm ---------------------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    """w -> w / sigma, sigma the largest singular value of w as a matrix with `dim` first."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"spectral_norm: Dimension out of range (expected to be in range of [-{weight.ndim}, "
                             f"{weight.ndim - 1}] but got {dim})")  # fmt: skip
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim % weight.ndim, eps
        if weight.ndim > 1:
            with mode(grad=False):
                for name, size in zip(("_u", "_v"), self.matrix(weight).shape, strict=True):
                    start = randn(size, dtype=weight.dtype, device=weight.device)
                    self.register_buffer(name, F.normalize(start, dim=0, eps=eps))
                self.iterate(self.matrix(weight), 15)

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as (size of `dim`, all others)."""
        order = (self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        rows = weight if self.dim == 0 else permute_op(weight, dims=order)
        return reshape_op(rows, shape=(rows.shape[0], rows.numel() // rows.shape[0]))

    def iterate(self, matrix: Tensor, times: int) -> None:
        """Power iteration: u and v move towards the first singular vectors."""
        with mode(grad=False):
            for _ in range(times):
                assign_(self._u, F.normalize(mv(matrix, self._v), dim=0, eps=self.eps))
                assign_(self._v, F.normalize(mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self.matrix(weight)
        if self.training:
            self.iterate(matrix, self.n_power_iterations)
        return weight / dot(clone(self._u), mv(matrix, clone(self._v)))  # copies: the next forward writes into u and v

    def right_inverse(self, value: Tensor) -> Tensor:
        """Any weight: what is assigned is normalised when it is read."""
        return value


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """w / sigma, sigma the largest singular value of the weight as a matrix with `dim` first (0, or 1 for transposed
    convolutions), by `n_power_iterations` in each reading in training. Source: Miyato et al. 2018, Algorithm 1."""
    weight = parameter_of("spectral_norm", module, name)
    dim = int(isinstance(module, TransposedConvolution)) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


# -- orthogonal matrices ---------------------------------------------------------------------------------------------

MAPS = ("matrix_exp", "cayley", "householder")


def transposed(x: Tensor) -> Tensor:
    """x with its last two dimensions swapped."""
    return permute_op(x, dims=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def exponential(a: Tensor) -> Tensor:
    """I + A + A A / 2 + ...: of A / 2^s by fifteen terms of the series, then squared s times. Source: Higham 2005."""
    largest = float(a.detach().abs().sum(-1).amax()) if a.numel() else 0.0
    s = max(0, math.ceil(math.log2(largest)) + 1) if largest > 0 else 0
    a = a * 0.5**s
    one = eye(a.shape[-1], dtype=a.dtype, device=a.device)
    y = one
    for k in range(15, 0, -1):
        y = one + matmul_op(a, y) * (1 / k)
    for _ in range(s):
        y = matmul_op(y, y)
    return y


def reflections(a: Tensor, tau: Tensor) -> Tensor:
    """The first columns of H_1 H_2 ... with H_i = I - tau_i v_i v_i^T, v_i the i-th column of `a` below a 1."""
    n, k = a.shape[-2:]
    one = eye(n, k, dtype=a.dtype, device=a.device)
    columns = tril(a, -1) + one
    q = one
    for i in range(k - 1, -1, -1):
        v = columns[..., :, i : i + 1]
        q = q - tau[..., i : i + 1].unsqueeze(-1) * matmul_op(v, matmul_op(transposed(v), q))
    return q


def decomposed(q: Tensor) -> Tensor:
    """The reflections of which a matrix with orthonormal columns is the product, with signs on the diagonal: what
    `reflections` needs. Source: Golub & Van Loan, Matrix Computations, §5.2."""
    n, k = q.shape[-2:]
    columns, rest = [], q
    for i in range(k):
        x = rest[..., i:, i]
        sign = -1.0 + 2.0 * cast(x[..., :1] >= 0, dtype=q.dtype)
        first = x[..., :1] + sign * norm(x, 2, [-1], keepdim=True)
        v = cat([zeros(*x.shape[:-1], i, dtype=q.dtype), first * 0 + 1, x[..., 1:] / first], -1).unsqueeze(-1)
        scale = 2 / sum_of(v * v, -2, keepdim=True)
        rest = rest - scale * matmul_op(v, matmul_op(transposed(v), rest))
        columns.append(v)
    below = tril(cat(columns, -1), -1)
    signs = diagonal(rest, 0, -2, -1)
    signs = -1.0 + 2.0 * cast(signs >= 0, dtype=q.dtype)
    return below + eye(n, k, dtype=q.dtype) * signs.unsqueeze(-2)


class _Orthogonal(Module):
    """X -> a matrix with orthonormal columns, or rows if it is wide."""

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        self.shape, self.orthogonal_map, self.use_trivialization = weight.shape, orthogonal_map, use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        x = transposed(X) if wide else X
        n, k = x.shape[-2:]
        if self.orthogonal_map == "householder":
            below = tril(x, -1)
            q = reflections(below, 2.0 / (1.0 + sum_of(below * below, -2)))
            q = q * diagonal(x.detach(), 0, -2, -1).trunc().unsqueeze(-2)  # 1 or -1, not trained
        else:
            x = tril(x)
            if n != k:
                x = cat([x, zeros(*x.shape[:-2], n, n - k, dtype=x.dtype, device=x.device)], -1)
            skew = x - transposed(x)
            if self.orthogonal_map == "matrix_exp":
                q = exponential(skew)
            else:  # (I + A/2) (I - A/2)^-1; the two commute
                one = eye(n, dtype=x.dtype, device=x.device)
                q = solve(one - 0.5 * skew, one + 0.5 * skew)
            q = q[..., :k]
        if self.use_trivialization and self.base is not None:
            q = matmul_op(self.base, q)
        return transposed(q) if wide else q

    def right_inverse(self, Q: Tensor) -> Tensor:
        """What to start from. A matrix that is not orthogonal is made so by its QR decomposition."""
        if Q.shape != self.shape:
            raise ShapeError(f"orthogonal: Expected a matrix or batch of matrices of shape {tuple(self.shape)}, "
                             f"got {tuple(Q.shape)}")  # fmt: skip
        if not self.use_trivialization and self.orthogonal_map != "householder":
            raise NotImplementedError("orthogonal: It is not possible to assign to the matrix exponential or the Cayley "
                                      "parametrizations when use_trivialization=False.")  # fmt: skip
        wide = Q.shape[-2] < Q.shape[-1]
        q = transposed(Q) if wide else Q
        n, k = q.shape[-2:]
        if not self.use_trivialization:
            x = decomposed(orthonormal(q))
            return transposed(x) if wide else x
        if n != k:
            q = cat([q, randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)], -1)
        self.base = orthonormal(q).detach()
        return zeros(*Q.shape, dtype=Q.dtype, device=Q.device) - eye(*Q.shape[-2:], dtype=Q.dtype, device=Q.device)


def orthonormal(q: Tensor) -> Tensor:
    """q itself if its columns are orthonormal, else the Q of its QR decomposition, with R's signs."""
    gap = matmul_op(transposed(q), q) - eye(q.shape[-1], dtype=q.dtype, device=q.device)
    if float(gap.abs().amax()) < q.shape[-1] * 10 * (1e-7 if q.dtype.itemsize < 8 else 1e-16):
        return clone(q)
    found, r = qr(q)
    signs = diagonal(r, 0, -2, -1)
    return found * (-1.0 + 2.0 * cast(signs >= 0, dtype=q.dtype)).unsqueeze(-2)


def orthogonal(module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True) -> Any:
    """Q with orthonormal columns (rows if wide), from the tensor's lower triangle by one of three maps: "matrix_exp",
    exp(A) of A = X - X^T; "cayley", (I + A/2) (I - A/2)^-1; "householder", a product of reflections. By default
    matrix_exp for square matrices, else householder. With `use_trivialization` the map starts at the present value,
    kept in the buffer `base`. Raises ValueError for another map or a tensor of fewer than 2 dimensions.
    Source: Lezcano-Casado & Martinez-Rubio 2019; Lezcano-Casado 2019.
    """
    weight = parameter_of("orthogonal", module, name)
    if weight.ndim < 2:
        raise ValueError(f"orthogonal: Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(f"orthogonal: orthogonal_map has to be one of {', '.join(MAPS)}. Got: {orthogonal_map}")
    held = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, held, unsafe=True)
