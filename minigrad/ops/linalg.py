"""Linear algebra under PyTorch's names, `minigrad.linalg`: norms, solutions, factorizations. Matrices lie in the last
two
dimensions; further ones are stacks of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..backends import DTypeError, LinAlgError, ShapeError, finfo
from ..backends import dtype as as_dtype
from ..core import Tensor
from . import matmul as products
from .arithmetic import cast, where
from .compose import cross_along
from .create import eye, zeros
from .diagonal import diagonal as diagonal_of
from .diagonal import tril_op, triu_op
from .elementwise import abs
from .factor import (
    cholesky_op,
    det_sign,
    eigenvalues,
    eigenvectors,
    logabsdet,
    pinv_op,
    qr_complement,
    qr_q,
    singular_values,
    singular_vectors,
    solve_op,
    svd_complement,
)
from .factor import det as det_op
from .factor import inv as inv_op
from .operands import axes, axis, numpy_names, tensor_of
from .reduce import amax, amin, norm_op, sum_op
from .shape import cat, expand, movedim, mT, narrow, reshape, squeeze, unsqueeze  # fmt: skip


def _floating(who: str, x: Any, name: str = "input") -> Tensor:
    """`x`, a floating tensor. Raises TypeError or DTypeError."""
    if not tensor_of(who, x, name).dtype.is_floating_point:
        raise DTypeError(f"{who}: expected a floating tensor, got {x.dtype!r}. Hint: .float()")
    return x


def _matrix(who: str, A: Any, square: bool = False) -> Tensor:
    """`A`, one or more (square) floating matrices. Raises ShapeError that says the shape."""
    if _floating(who, A, "A").ndim < 2 or (square and A.shape[-1] != A.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., m, n)"
        raise ShapeError(f"{who}: expected {kind}, got shape {tuple(A.shape)}")
    return A


# -- norms -----------------------------------------------------------------------------------------------------------


@numpy_names
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """(sum |x|^ord)^(1/ord) over `dim` (all if None); inf the largest |x|, -inf the smallest, 0 the count of non-zeros.

    The slope at the zero vector, and that in elements that are 0, is 0, as in PyTorch; equal extremes share it.
    """
    return _vector_norm("vector_norm", x, ord, dim, keepdim, dtype)


def _vector_norm(who: str, x: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any = None) -> Tensor:
    if isinstance(ord, str):
        raise ValueError(f"{who}: ord must be a number for vectors, got {ord!r}")
    if dtype is not None:
        x = x if tensor_of(who, x).dtype is as_dtype(dtype) else cast(x, dtype=as_dtype(dtype))
    dims, ord = axes(who, dim, _floating(who, x).ndim), float(ord)
    if ord == 2:
        return norm_op(x, dim=dims, keepdim=keepdim)
    size = abs(x)
    if math.isinf(ord):
        return (amax if ord > 0 else amin)(size, dims, keepdim) if dims else size
    if ord == 0:
        return sum_op(cast(x != 0, dtype=x.dtype), dim=dims, keepdim=keepdim)
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
    return _matrix_norm("matrix_norm", A, ord, dim, keepdim, dtype)


def _matrix_norm(who: str, A: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any = None) -> Tensor:
    if dtype is not None:
        A = A if tensor_of(who, A).dtype is as_dtype(dtype) else cast(A, dtype=as_dtype(dtype))
    if not isinstance(dim, Sequence) or len(dim) != 2:
        raise ShapeError(f"{who}: dim must be two dimensions, got {dim!r}")
    row, column = (axis(who, d, _matrix(who, A).ndim) for d in dim)
    if row == column:
        raise ShapeError(f"{who}: dim must be two different dimensions, got {tuple(dim)}")
    if ord == "fro":
        return norm_op(A, dim=tuple(sorted((row, column))), keepdim=keepdim)
    x = movedim(A, (row, column), (-2, -1))
    if ord in ("nuc", 2, -2):
        s = _svdvals(x)
        y = sum_op(s, dim=(s.ndim - 1,)) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
    elif ord in (1, -1, math.inf, -math.inf):
        sums = sum_op(abs(x), dim=(x.ndim - 2 if ord in (1, -1) else x.ndim - 1,))
        y = (amax if ord > 0 else amin)(sums, -1)
    else:
        raise ValueError(f"{who}: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf for matrices, got {ord!r}")
    return reshape(y, tuple(1 if d in (row, column) else n for d, n in enumerate(A.shape))) if keepdim else y


@numpy_names
def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The vector norm over one dimension, the matrix norm over two; without `ord` the 2-norm of all elements over
    `dim`."""
    if ord is None:
        return _vector_norm("linalg.norm", A, 2, dim, keepdim, dtype)
    dims = (
        tuple(dim) if isinstance(dim, Sequence) else tuple(range(tensor_of("linalg.norm", A).ndim)) if dim is None else (dim,)
    )
    if len(dims) not in (1, 2):
        raise ShapeError(
            f"linalg.norm: with ord={ord!r} expected one or two dimensions, got shape {tuple(A.shape)} and dim={dim!r}"
        )
    if len(dims) == 2:
        return _matrix_norm("linalg.norm", A, ord, dims, keepdim, dtype)
    return _vector_norm("linalg.norm", A, ord, dims, keepdim, dtype)


def tensor_norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """(sum |x|^p)^(1/p) over `dim` (all if None); "fro" is 2, "nuc" the sum of the singular values of matrices.

    The slope at 0 is 0, as in PyTorch.
    """
    if p == "nuc":
        return _matrix_norm("norm", input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype)
    return _vector_norm("norm", input, 2 if p in ("fro", None) else p, dim, keepdim, dtype)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return _vector_norm("dist", input - other, p, None, False)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-norm of the difference of each row of x1 and each of x2; (..., n, d), (..., m, d) -> (..., n, m)."""
    _matrix("cdist", x1), _matrix("cdist", x2)
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(f"cdist: rows must be of one length, got shapes {tuple(x1.shape)} and {tuple(x2.shape)}")
    if p < 0:
        raise ValueError(f"cdist: p must be >= 0, got {p}")
    between = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    if not between.shape[-1]:
        return sum_op(between, dim=(between.ndim - 1,))
    return _vector_norm("cdist", between, p, -1, False)


# -- determinants and solutions --------------------------------------------------------------------------------------


def det(A: Tensor) -> Tensor:
    """The determinant. Its first and second derivatives are right for singular matrices too; the third needs a regular one."""
    return det_op(_matrix("det", A, square=True))


class slogdet_result(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(A: Tensor) -> slogdet_result:
    """(sign, ln |det A|); (0, -inf) for a singular matrix, which has no gradient."""
    x = _matrix("slogdet", A, square=True)
    return slogdet_result(det_sign(x), logabsdet(x))


def logdet(input: Tensor) -> Tensor:
    """ln det; NaN if the determinant is negative, -inf if it is 0."""
    sign, value = slogdet(input)
    return where(sign < 0, math.nan, value)


def inv(A: Tensor) -> Tensor:
    """The inverse. Raises LinAlgError for a singular matrix."""
    return inv_op(_matrix("inv", A, square=True))


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B (X A = B unless `left`). B holds vectors if it has the shape of A without its last dimension.

    Raises LinAlgError for a singular A.
    """
    return _solved("solve", _matrix("solve", A, square=True), B, left)


def _solved(who: str, A: Tensor, B: Tensor, left: bool) -> Tensor:
    n = A.shape[-1]
    vector = _floating(who, B, "B").ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    rhs = unsqueeze(B, -1) if vector else B
    if (not left and vector) or rhs.shape[-2 if left else -1] != n:
        want = f"(..., {n}, k)" if left else f"(..., k, {n})"
        raise ShapeError(f"{who}: for A {tuple(A.shape)} expected B {want}, got {tuple(B.shape)}")
    y = solve_op(A, rhs) if left else mT(solve_op(mT(A), mT(rhs)))
    return squeeze(y, -1) if vector else y


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X with A X = B (X A = B unless `left`), reading one triangle of A, with ones on its diagonal if
    `unitriangular`."""
    x = _matrix("solve_triangular", A, square=True)
    inner = int(unitriangular)
    x = triu_op(x, diagonal=inner) if upper else tril_op(x, diagonal=-inner)
    x = x + eye(x.shape[-1], dtype=x.dtype, device=x.device) if unitriangular else x
    if tensor_of("solve_triangular", B, "B").ndim < 2:
        raise ShapeError(f"solve_triangular: B must be matrices, got shape {tuple(B.shape)}")
    return _solved("solve_triangular", x, B, left)


class lstsq_result(NamedTuple):
    """What `lstsq` returns."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> lstsq_result:
    """X that makes |A X - B| smallest, the smallest such X: (solution, residuals, rank, singular_values).

    Residuals (sums of squares) are given for tall matrices of full rank with the drivers "gels", "gelsd" and "gelss",
    the
    singular values with the last two, the rank with all but "gels"; else they are empty.
    """
    x = _matrix("lstsq", A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ValueError(f"lstsq: driver must be gels, gelsy, gelsd or gelss, got {driver!r}")
    m, n = x.shape[-2:]
    vector = _floating("lstsq", B, "B").ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    rhs = unsqueeze(B, -1) if vector else B
    if rhs.shape[-2] != m:
        raise ShapeError(f"lstsq: for A {tuple(A.shape)} expected B (..., {m}, k), got {tuple(B.shape)}")
    rtol = finfo(x.dtype).eps * max(m, n) if rcond is None else rcond
    solution = pinv_op(x, rtol=rtol) @ rhs
    s = svdvals(x.detach())
    rank = (s > rtol * amax(s, -1, keepdim=True)).sum(-1)
    none = zeros(0, dtype=x.dtype, device=x.device)
    full = m > n and bool((rank == n).all()) and driver not in (None, "gelsy")
    residuals = sum_op((x @ solution - rhs) ** 2, dim=(rhs.ndim - 2,)) if full else none
    return lstsq_result(
        squeeze(solution, -1) if vector else solution,
        squeeze(residuals, -1) if vector and full else residuals,
        rank if driver != "gels" else zeros(0, dtype="int64", device=x.device),
        s if driver in ("gelsd", "gelss") else none,
    )


def pinv(A: Tensor, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """The pseudo-inverse; singular values up to max(atol, rtol s_max) count as 0 (rtol: eps max(m, n) unless atol is
    given)."""
    x = _matrix("pinv", A)
    if rtol is None:
        rtol = finfo(x.dtype).eps * max(x.shape[-2:]) if not atol else 0.0
    return pinv_op(x, rtol=float(rtol), atol=float(atol or 0.0))


def matrix_rank(A: Tensor, *, atol: float | None = None, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """How many singular values exceed max(atol, rtol s_max) (rtol: eps max(m, n) unless atol is given). No gradient."""
    s = svdvals(_matrix("matrix_rank", A).detach())
    if rtol is None:
        rtol = finfo(A.dtype).eps * max(A.shape[-2:]) if not atol else 0.0
    return (s > (rtol * amax(s, -1, keepdim=True)).clamp(min=atol or 0.0)).sum(-1)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """The product of n copies of A, by repeated squaring; of its inverse if n < 0; the identity for n = 0."""
    x = _matrix("matrix_power", A, square=True)
    if n == 0:
        return expand(eye(x.shape[-1], dtype=x.dtype, device=x.device), x.shape).clone()
    x, n = (inv(x), -n) if n < 0 else (x, n)
    y = None
    while n:
        if n & 1:
            y = x if y is None else y @ x
        n >>= 1
        x = x @ x if n else x
    return y  # type: ignore[return-value]


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of several matrices in the order of fewest multiplications; the first and last may be vectors."""
    if len(tensors) < 2:
        raise ShapeError(f"multi_dot: expected at least 2 tensors, got {len(tensors)}")
    xs = list(tensors)
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    xs[0] = unsqueeze(xs[0], 0) if row else xs[0]
    xs[-1] = unsqueeze(xs[-1], 1) if column else xs[-1]
    if any(x.ndim != 2 for x in xs) or any(x.shape[1] != w.shape[0] for x, w in zip(xs, xs[1:], strict=False)):
        raise ShapeError(f"multi_dot: expected matrices whose inner sizes agree, got {[tuple(t.shape) for t in tensors]}")
    y = _chain(xs, _cuts([x.shape[0] for x in xs] + [xs[-1].shape[1]]), 0, len(xs) - 1)
    return reshape(y, tuple(n for n, gone in zip(y.shape, (row, column), strict=True) if not gone))


def _cuts(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut each product of a chain so that it takes the fewest multiplications. Source: CLRS 2009, 15.2"""
    n = len(sizes) - 1
    cost: dict[tuple[int, int], int] = {(i, i): 0 for i in range(n)}
    cuts = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            work = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cuts[i, j] = min(work, key=lambda k: work[k])
            cost[i, j] = work[cuts[i, j]]
    return cuts


def _chain(xs: list[Tensor], cuts: dict, i: int, j: int) -> Tensor:
    """The product of xs[i] ... xs[j], cut as planned."""
    return xs[i] if i == j else _chain(xs, cuts, i, cuts[i, j]) @ _chain(xs, cuts, cuts[i, j] + 1, j)


# -- factorizations --------------------------------------------------------------------------------------------------


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L lower triangular with L L^T = A (its transpose if `upper`), for symmetric positive definite A, else
    LinAlgError."""
    y = cholesky_op(_matrix("cholesky", A, square=True))
    return mT(y) if upper else y


class qr_result(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


def qr(A: Tensor, mode: str = "reduced") -> qr_result:
    """(Q, R) with A = Q R, Q's columns orthonormal, R upper triangular; mode "complete": Q square; "r": Q left empty.

    The gradient needs the first min(m, n) columns to be independent; the further columns of a complete Q have none.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"qr: mode must be reduced, complete or r, got {mode!r}")
    x = _matrix("qr", A)
    q = qr_q(x)
    r = triu_op(mT(q) @ x)
    m, k = x.shape[-2], q.shape[-1]
    if mode == "complete" and m > k:
        q = cat([q, qr_complement(x)], -1)
        r = cat([r, zeros(*r.shape[:-2], m - k, r.shape[-1], dtype=x.dtype, device=x.device)], -2)
    return qr_result(zeros(0, dtype=x.dtype, device=x.device) if mode == "r" else q, r)


class eigh_result(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(A: Tensor, UPLO: str = "L") -> eigh_result:
    """(eigenvalues ascending, eigenvectors as columns) of symmetric matrices, of which one triangle is read.

    The gradient of the vectors needs different eigenvalues and should not depend on their signs.
    """
    if UPLO not in ("L", "U"):
        raise ValueError(f"eigh: UPLO must be 'L' or 'U', got {UPLO!r}")
    x = _matrix("eigh", A, square=True)
    x = mT(x) if UPLO == "U" else x
    v = eigenvectors(x)
    return eigh_result(eigenvalues(x, v), v)


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, ascending."""
    return eigh(A, UPLO).eigenvalues


class svd_result(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(A: Tensor, full_matrices: bool = True) -> svd_result:
    """(U, S, Vh) with A = U diag(S) Vh, S descending, U and V with orthonormal columns, square ones if `full_matrices`.

    The gradients of U and V need different singular values (and, if A is not square, none that is 0) and should not
    depend
    on signs; the columns that make them square have none.
    """
    x = _matrix("svd", A)
    m, n = x.shape[-2:]
    w = singular_vectors(x)
    u, v, s = narrow(w, -2, 0, m), narrow(w, -2, m, n), singular_values(x, w)
    if full_matrices and m != n:
        rest = svd_complement(x, left=m > n)
        u, v = (cat([u, rest], -1), v) if m > n else (u, cat([v, rest], -1))
    return svd_result(u, s, mT(v))


def svdvals(A: Tensor) -> Tensor:
    """The singular values, descending."""
    return _svdvals(_matrix("svdvals", A))


def _svdvals(x: Tensor) -> Tensor:
    return singular_values(x, singular_vectors(x))


# -- products --------------------------------------------------------------------------------------------------------


@numpy_names
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along a dimension of size 3; the others broadcast."""
    return cross_along("linalg.cross", input, other, dim)


@numpy_names
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sum of products along `dim`; the other dimensions broadcast."""
    both = x * y
    return sum_op(both, dim=(axis("vecdot", dim, both.ndim),))


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product."""
    return products.matmul(input, other)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of the matrices, as a new last dimension: a view."""
    return diagonal_of(A, offset, dim1, dim2)


__all__ = [
    "LinAlgError", "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals", "vecdot", "vector_norm",
]  # fmt: skip
