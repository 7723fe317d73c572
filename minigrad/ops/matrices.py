"""Linear algebra under the names that PyTorch has beside `linalg`: `minigrad.det(input)`, `minigrad.svd(input)` ..."""

from __future__ import annotations

from typing import NamedTuple

from ..backends import ShapeError
from ..core import Tensor
from . import linalg
from .arithmetic import clone
from .create import eye, randn, zeros
from .diagonal import tril_op, triu_op
from .factor import dagger, pivot_rows, solve_op
from .operands import tensor_of
from .order import argsort
from .reduce import mean
from .results import returned
from .shape import flip, narrow


def det(input: Tensor) -> Tensor:
    """The determinant. Its first and second derivatives are right for singular matrices too; the third needs a regular one."""
    return linalg.det(input)


def slogdet(input: Tensor) -> linalg.solutions.slogdet_result:
    """(sign, ln |det|); (0, -inf) for a singular matrix, which has no gradient."""
    return linalg.slogdet(input)


def inverse(input: Tensor) -> Tensor:
    """The inverse. Raises LinAlgError for a singular matrix."""
    return linalg.inv(input)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """The pseudo-inverse; singular values up to rcond s_max count as 0."""
    return linalg.pinv(input, rcond)


def matrix_power(input: Tensor, n: int) -> Tensor:
    """The product of n copies, by repeated squaring; of the inverse if n < 0; the identity for n = 0."""
    return linalg.matrix_power(input, n)


def matrix_exp(input: Tensor) -> Tensor:
    """e^A = 1 + A + A^2 / 2! + ... of square matrices."""
    return linalg.matrix_exp(input)


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of several matrices in the order of fewest multiplications."""
    return clone(matrices[0]) if len(matrices) == 1 else linalg.multi_dot(matrices)


def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """L lower triangular with L L^H = input (U with U^H U if `upper`), for Hermitian positive definite matrices."""
    return linalg.cholesky(input, upper=upper)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with A X = B, from the Cholesky factor of A, of which one triangle is read."""
    lower = _lower("cholesky_solve", L, upper)
    if tensor_of("cholesky_solve", B, "B").ndim < 2 or B.shape[-2] != L.shape[-1]:
        raise ShapeError(f"cholesky_solve: for L {tuple(L.shape)} expected B (..., {L.shape[-1]}, k), got {tuple(B.shape)}")
    return solve_op(dagger(lower), solve_op(lower, B))


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """A^-1, from the Cholesky factor of A, of which one triangle is read."""
    lower = _lower("cholesky_inverse", L, upper)
    return solve_op(dagger(lower), solve_op(lower, eye(L.shape[-1], dtype=L.dtype, device=L.device)))


def _lower(who: str, L: Tensor, upper: bool) -> Tensor:
    x = linalg.checks.matrix(who, L, square=True)
    return dagger(triu_op(x)) if upper else tril_op(x)


@returned("qr")
class qr_result(NamedTuple):
    """What `qr` returns."""

    Q: Tensor
    R: Tensor


def qr(input: Tensor, some: bool = True) -> qr_result:
    """(Q, R) with input = Q R, Q's columns orthonormal, R upper triangular; Q is square unless `some`."""
    return qr_result(*linalg.qr(input, "reduced" if some else "complete"))


@returned("svd")
class svd_result(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    V: Tensor


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> svd_result:
    """(U, S, V) with input = U diag(S) V^H, S descending; U and V are square unless `some`, zeros unless `compute_uv`."""
    u, s, vh = linalg.svd(input, full_matrices=not some and compute_uv)
    if compute_uv:
        return svd_result(u, s, dagger(vh))
    sizes = [(*input.shape[:-2], n, n) for n in input.shape[-2:]]
    left, right = (zeros(*size, dtype=input.dtype, device=input.device) for size in sizes)
    return svd_result(left, s, right)


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple:
    """(LU, pivots), as `linalg.lu_factor`; with `get_infos` also which pivot is 0."""
    found = linalg.lu_factor_ex(A, pivot=pivot, check_errors=not get_infos)
    return tuple(found) if get_infos else tuple(found)[:2]


def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X with A X = b, from what `linalg.lu_factor` made of A."""
    return linalg.lu_solve(LU_data, LU_pivots, b)


@returned("lu_unpack")
class lu_unpack_result(NamedTuple):
    """What `lu_unpack` returns."""

    P: Tensor
    L: Tensor
    U: Tensor


def lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> lu_unpack_result:
    """(P, L, U), with A = P L U, from what `linalg.lu_factor` made of A; what is not asked for is empty."""
    none = zeros(0, dtype=LU_data.dtype, device=LU_data.device)
    lower, upper = linalg.lu_factors.parts("lu_unpack", LU_data) if unpack_data else (none, none)
    if not unpack_pivots:
        return lu_unpack_result(none, lower, upper)
    m = LU_data.shape[-2]
    rows = argsort(pivot_rows(LU_pivots, m=m), -1)
    p = linalg.lu_factors.rows_in(eye(m, dtype=LU_data.dtype, device=LU_data.device), rows)
    return lu_unpack_result(p, lower, upper)


def svd_lowrank(A: Tensor, q: int = 6, niter: int = 2, M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, V), the first q (or what fits) singular values and vectors of A (of A - M), from q random combinations of the
    columns, made exact for a matrix of rank q. Source: Halko et al. 2011, Algorithms 4.4 and 5.1"""
    x = linalg.checks.matrix("svd_lowrank", A if M is None else A - M)
    if q < 0:
        raise ValueError(f"svd_lowrank: q must be non-negative, got {q}")
    q = min(q, *x.shape[-2:])
    basis = linalg.qr(x @ randn(*x.shape[:-2], x.shape[-1], q, dtype=x.dtype, device=x.device)).Q
    for _ in range(niter):
        basis = linalg.qr(x @ linalg.qr(dagger(x) @ basis).Q).Q
    u, s, vh = linalg.svd(dagger(basis) @ x, full_matrices=False)
    return basis @ u, s, dagger(vh)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, V): the rows of A are cases, the columns of V the first q principal directions; q is 6 or what fits."""
    side = min(linalg.checks.matrix("pca_lowrank", A).shape[-2:])
    q = min(6, side) if q is None else q
    if not 0 <= q <= side:
        raise ValueError(f"pca_lowrank: q must be from 0 to the smaller side of {tuple(A.shape)}, got {q}")
    return svd_lowrank(A - mean(A, -2, keepdim=True) if center else A, q, niter)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers N - 1 ... 0 (0 ... N - 1 if `increasing`) of each number, as rows: (n) -> (n, N)."""
    if tensor_of("vander", x, "x").ndim != 1:
        raise ShapeError(f"vander: expected a vector, got shape {tuple(x.shape)}")
    n = x.shape[0] if N is None else N
    if n < 0:
        raise ValueError(f"vander: N must not be negative, got {n}")
    y = narrow(linalg.vander(x, N=max(n, 2)), -1, 0, n)
    return y if increasing else flip(y, -1)


def adjoint(input: Tensor) -> Tensor:
    """Each matrix of the last two dimensions transposed; of complex numbers also conjugated."""
    return dagger(tensor_of("adjoint", input))


orgqr = linalg.householder_product
