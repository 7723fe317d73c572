"""LU factorization with row exchanges, A = P L U, and solutions by it."""

from __future__ import annotations

from typing import NamedTuple

from ...backends import LinAlgError, ShapeError
from ...core import Tensor
from ..compose import broadcast_shapes
from ..create import arange, eye, zeros
from ..diagonal import diagonal, tril_op, triu_op
from ..factor import dagger, lu_packed, lu_pivots, pivot_rows, solve_op
from ..index import gather
from ..operands import tensor_of
from ..order import argsort
from ..results import returned
from ..shape import expand, narrow, unsqueeze
from .checks import floating, largest, matrix


@returned("linalg_lu")
class lu_result(NamedTuple):
    """What `lu` returns."""

    P: Tensor
    L: Tensor
    U: Tensor


@returned("linalg_lu_factor")
class lu_factor_result(NamedTuple):
    """What `lu_factor` returns."""

    LU: Tensor
    pivots: Tensor


@returned("linalg_lu_factor_ex")
class lu_factor_ex_result(NamedTuple):
    """What `lu_factor_ex` returns."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


def rows_in(x: Tensor, order: Tensor) -> Tensor:
    """The rows of each matrix in another order."""
    lead = broadcast_shapes(x.shape[:-2], order.shape[:-1])
    x = expand(x, (*lead, *x.shape[-2:]))
    return gather(x, -2, expand(unsqueeze(order, -1), x.shape))


def parts(who: str, packed: Tensor) -> tuple[Tensor, Tensor]:
    """L (m, k) with ones on its diagonal and U (k, n), k = min(m, n), out of one matrix."""
    m, n = matrix(who, packed).shape[-2:]
    k = min(m, n)
    lower = tril_op(packed if m >= n else narrow(packed, -1, 0, k), diagonal=-1)
    one = eye(m, k, dtype=packed.dtype, device=packed.device)
    return lower + one, triu_op(packed if m <= n else narrow(packed, -2, 0, k))


def lu(A: Tensor, *, pivot: bool = True) -> lu_result:
    """(P, L, U) with A = P L U: P exchanges rows, L is lower triangular with ones on its diagonal, U upper triangular.

    (..., m, n) -> (..., m, m), (..., m, k), (..., k, n), k = min(m, n). Without `pivot` P is empty and A = L U. The gradient
    needs the first k columns (or rows) of A to be independent.
    """
    x = matrix("linalg.lu", A)
    if not pivot:
        return lu_result(zeros(0, dtype=x.dtype, device=x.device), *parts("linalg.lu", lu_packed(x)))
    order = pivot_rows(lu_pivots(x.detach()), m=x.shape[-2])
    one = eye(x.shape[-2], dtype=x.dtype, device=x.device)
    return lu_result(rows_in(one, argsort(order, -1)), *parts("linalg.lu", lu_packed(rows_in(x, order))))


def lu_factor(A: Tensor, *, pivot: bool = True) -> lu_factor_result:
    """(LU, pivots): L (without its ones) and U in one matrix, and with which row each was exchanged, counted from 1.

    Raises LinAlgError if a pivot is 0, by which `lu_solve` would divide.
    """
    return lu_factor_result(*lu_factor_ex(A, pivot=pivot, check_errors=True)[:2])


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> lu_factor_ex_result:
    """`lu_factor`, and for each matrix 0, or the place (from 1) of the first pivot that is 0; this raises if `check_errors`."""
    x = matrix("linalg.lu_factor", A)
    k = min(x.shape[-2:])
    if pivot:
        pivots = lu_pivots(x.detach())
        packed = lu_packed(rows_in(x, pivot_rows(pivots, m=x.shape[-2])))
    else:
        pivots = expand(arange(1, k + 1, dtype="int32", device=x.device), (*x.shape[:-2], k))
        packed = lu_packed(x)
    nought = diagonal(packed.detach(), 0, -2, -1) == 0
    first = nought.int().argmax(-1) + 1 if k else nought.sum(-1)
    info = (first * nought.any(-1)).int()
    if check_errors and (at := largest(info)):
        raise LinAlgError(f"linalg.lu_factor: the pivot U[{at},{at}] is 0, by which lu_solve would "
                          "divide. Hint: linalg.lu, or linalg.lu_factor_ex")  # fmt: skip
    return lu_factor_ex_result(packed, pivots, info)


def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X with A X = B (X A = B unless `left`; A^H in its place if `adjoint`), from what `lu_factor` made of square A."""
    packed = matrix("linalg.lu_solve", LU, square=True)
    if tensor_of("linalg.lu_solve", pivots, "pivots").dtype.kind != "int" or tuple(pivots.shape) != tuple(LU.shape[:-1]):
        raise ShapeError(f"linalg.lu_solve: for LU {tuple(LU.shape)} expected integer pivots {tuple(LU.shape[:-1])}, got "
                         f"{pivots.dtype!r} {tuple(pivots.shape)}")  # fmt: skip
    n = packed.shape[-1]
    if floating("linalg.lu_solve", B, "B").ndim < 2 or B.shape[-2 if left else -1] != n:
        want = f"(..., {n}, k)" if left else f"(..., k, {n})"
        raise ShapeError(f"linalg.lu_solve: for LU {tuple(LU.shape)} expected B {want}, got {tuple(B.shape)}")
    lower, upper = parts("linalg.lu_solve", packed)
    order = pivot_rows(pivots, m=n)
    rhs = B if left else dagger(B)
    if left != adjoint:  # A X = B
        y = solve_op(upper, solve_op(lower, rows_in(rhs, order)))
    else:
        y = rows_in(solve_op(dagger(lower), solve_op(dagger(upper), rhs)), argsort(order, -1))
    return y if left else dagger(y)
