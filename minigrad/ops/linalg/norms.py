"""Norms of vectors and matrices, distances, and the condition number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...backends import LinAlgError, ShapeError
from ...backends import dtype as as_dtype
from ...core import Tensor
from ..arithmetic import cast, where
from ..diagonal import triu_indices
from ..elementwise import abs, sign
from ..factor import inv
from ..operands import also, axes, axis, numpy_names, tensor_of
from ..reduce import amax, amin, norm_op, sum_op
from ..shape import movedim, reshape, stack, unsqueeze
from .checks import floating, matrix
from .factorizations import singular


@numpy_names
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(sum |x|^ord)^(1/ord) over `dim` (all if None); inf the largest |x|, -inf the smallest, 0 the count of non-zeros.

    The slope at the zero vector, and that in elements that are 0, is 0, as in PyTorch; equal extremes share it.
    """
    return norm_of_vectors("vector_norm", x, ord, dim, keepdim, dtype)


def norm_of_vectors(who: str, x: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any = None) -> Tensor:
    if isinstance(ord, str):
        raise ValueError(f"{who}: ord must be a number for vectors, got {ord!r}")
    if dtype is not None:
        x = x if tensor_of(who, x).dtype is as_dtype(dtype) else cast(x, dtype=as_dtype(dtype))
    dims, ord = axes(who, dim, floating(who, x).ndim), float(ord)
    if x.dtype.name in ("float16", "bfloat16") and math.isfinite(ord) and ord not in (0, 1, 2):  # powers overflow
        return cast(norm_of_vectors(who, cast(x, dtype="float32"), ord, dim, keepdim), dtype=x.dtype)
    size = abs(x) if ord != 2 or x.dtype.is_complex else x
    if ord == 2:
        return norm_op(size, dim=dims, keepdim=keepdim)
    if math.isinf(ord):
        return (amax if ord > 0 else amin)(size, dims, keepdim) if dims else size
    if ord == 0:
        return sum_op(where(x != 0, 1.0, sign(size)), dim=dims, keepdim=keepdim)  # with a gradient, of zeros
    if ord == 1:
        return sum_op(size, dim=dims, keepdim=keepdim)
    total = sum_op(_power(size, ord), dim=dims, keepdim=keepdim)
    return _power(total, 1 / ord)


def _power(size: Tensor, p: float) -> Tensor:
    """size^p with the slope 0 where size = 0."""
    nought = size == 0
    return where(nought, 0.0 if p > 0 else math.inf, where(nought, 1.0, size) ** p)


@numpy_names
def matrix_norm(A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """A norm of each matrix: "fro" sqrt sum a^2, "nuc" sum s, 2 and -2 the largest and smallest singular value s, 1
    and -1
    the largest and smallest column sum of |a|, inf and -inf row sum."""
    return norm_of_matrices("matrix_norm", A, ord, dim, keepdim, dtype)


def norm_of_matrices(who: str, A: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any = None) -> Tensor:
    if dtype is not None:
        A = A if tensor_of(who, A).dtype is as_dtype(dtype) else cast(A, dtype=as_dtype(dtype))
    if not isinstance(dim, Sequence) or len(dim) != 2:
        raise ShapeError(f"{who}: dim must be two dimensions, got {dim!r}")
    row, column = (axis(who, d, matrix(who, A).ndim) for d in dim)
    if row == column:
        raise ShapeError(f"{who}: dim must be two different dimensions, got {tuple(dim)}")
    if ord == "fro":
        return norm_op(abs(A) if A.dtype.is_complex else A, dim=tuple(sorted((row, column))), keepdim=keepdim)
    x = movedim(A, (row, column), (-2, -1))
    if ord in ("nuc", 2, -2):
        s = singular(x)
        y = sum_op(s, dim=(s.ndim - 1,)) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
    elif ord in (1, -1, math.inf, -math.inf):
        sums = sum_op(abs(x), dim=(x.ndim - 2 if ord in (1, -1) else x.ndim - 1,))
        y = (amax if ord > 0 else amin)(sums, -1)
    else:
        raise ValueError(f"{who}: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf for matrices, got {ord!r}")
    return reshape(y, tuple(1 if d in (row, column) else n for d, n in enumerate(A.shape))) if keepdim else y


@also(input="A")
@numpy_names
def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The vector norm over one dimension, the matrix norm over two; without `ord` the 2-norm of all elements over
    `dim`."""
    if ord is None:
        return norm_of_vectors("linalg.norm", A, 2, dim, keepdim, dtype)
    dims = (
        tuple(dim) if isinstance(dim, Sequence) else tuple(range(tensor_of("linalg.norm", A).ndim)) if dim is None else (dim,)
    )
    if len(dims) not in (1, 2):
        raise ShapeError(
            f"linalg.norm: with ord={ord!r} expected one or two dimensions, got shape {tuple(A.shape)} and dim={dim!r}"
        )
    if len(dims) == 2:
        return norm_of_matrices("linalg.norm", A, ord, dims, keepdim, dtype)
    return norm_of_vectors("linalg.norm", A, ord, dims, keepdim, dtype)


def tensor_norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """(sum |x|^p)^(1/p) over `dim` (all if None); "fro" is 2, "nuc" the sum of the singular values of matrices.

    The slope at 0 is 0, as in PyTorch.
    """
    if p == "nuc":
        return norm_of_matrices("norm", input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype)
    return norm_of_vectors("norm", input, 2 if p in ("fro", None) else p, dim, keepdim, dtype)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm_of_vectors("dist", input - other, p, None, False)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norm of the difference of each row of x1 and each of x2; (..., n, d), (..., m, d) -> (..., n, m)."""
    matrix("cdist", x1), matrix("cdist", x2)
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"cdist: rows must be of one length, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    if p < 0:
        raise ValueError(f"cdist: p must be >= 0, got {p}")
    between = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if not between.shape[-1]:
        return sum_op(between, dim=(between.ndim - 1,))
    return norm_of_vectors("cdist", between, p, -1, False)


def pdist(input: Tensor, p: float = 2) -> Tensor:
    """The p-norms of the differences of each two rows, (0, 1), (0, 2) ... (1, 2) ...; (n, d) -> (n (n - 1) / 2)."""
    x = matrix("pdist", input)
    if x.ndim != 2 or not p >= 0:
        raise ShapeError(f"pdist: expected a matrix and p >= 0, got shape {tuple(x.shape)} and p={p}")
    i, j = triu_indices(x.shape[0], x.shape[0], 1, device=x.device)
    between = x[i] - x[j]
    return norm_of_vectors("pdist", between, p, -1, False) if x.shape[1] else sum_op(between, dim=(1,))


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number |A| |A^-1| in the matrix norm `p`; for None and 2 it is s_max / s_min of any shape, for -2 its
    inverse. inf for a singular matrix."""
    x = matrix("linalg.cond", A, square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        s = singular(x)
        largest, smallest = amax(s, -1), amin(s, -1)
        return smallest / largest if p == -2 else largest / smallest
    size = norm_of_matrices("linalg.cond", x, p, (-2, -1), False)
    try:
        return size * norm_of_matrices("linalg.cond", inv(x), p, (-2, -1), False)
    except LinAlgError:
        if x.ndim == 2:
            return size * 0.0 + math.inf
        return reshape(stack([cond(a, p) for a in reshape(x, (-1, *x.shape[-2:]))]), x.shape[:-2])
