"""Determinants, inverses, and solutions of linear equations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...backends import LinAlgError, ShapeError, finfo
from ...core import Tensor
from ..arithmetic import maximum, where
from ..create import as_tensor, eye, zeros
from ..diagonal import tril_op, triu_op
from ..elementwise import abs, log
from ..factor import det as det_op
from ..factor import det_phase, det_sign, logabsdet, mirrored, pinv_op, solve_op
from ..factor import inv as inv_op
from ..operands import tensor_of
from ..reduce import amax, sum_op
from ..results import returned
from ..shape import movedim, mT, reshape, squeeze, unsqueeze
from .checks import floating, largest, matrix
from .factorizations import svdvals
from .lu_factors import lu_factor_ex


def det(A: Tensor) -> Tensor:
    """The determinant. Its first and second derivatives are right for singular matrices too; the third needs a regular one."""
    return det_op(matrix("det", A, square=True))


@returned("linalg_slogdet")
class slogdet_result(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(A: Tensor) -> slogdet_result:
    """(sign, ln |det A|); (0, -inf) for a singular matrix, which has no gradient."""
    x = matrix("slogdet", A, square=True)
    return slogdet_result(det_phase(x) if x.dtype.is_complex else det_sign(x), logabsdet(x))


def logdet(input: Tensor) -> Tensor:
    """ln det; NaN if the determinant of real matrices is negative, -inf if it is 0."""
    sign, value = slogdet(input)
    if input.dtype.is_complex:
        return log(sign) + value
    return where(sign < 0, math.nan, value)


def inv(A: Tensor) -> Tensor:
    """The inverse. Raises LinAlgError for a singular matrix."""
    return inv_op(matrix("inv", A, square=True))


@returned("linalg_inv_ex")
class inv_ex_result(NamedTuple):
    """What `inv_ex` returns."""

    inverse: Tensor
    info: Tensor


def inv_ex(A: Tensor, *, check_errors: bool = False) -> inv_ex_result:
    """`inv`, and for each matrix 0, or the place (from 1) of the pivot that is 0. A singular matrix raises only if
    `check_errors`; its inverse is NaN."""
    x, info = regular("linalg.inv_ex", matrix("linalg.inv_ex", A, square=True), check_errors)
    return inv_ex_result(unless(info, inv_op(x)), info)


@returned("linalg_solve_ex")
class solve_ex_result(NamedTuple):
    """What `solve_ex` returns."""

    result: Tensor
    info: Tensor


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> solve_ex_result:
    """`solve`, and for each matrix 0, or the place (from 1) of the pivot that is 0. A singular matrix raises only if
    `check_errors`; its solution is NaN."""
    x, info = regular("linalg.solve_ex", matrix("linalg.solve_ex", A, square=True), check_errors)
    y = solved("linalg.solve_ex", x, B, left)
    return solve_ex_result(unless(info, y) if y.ndim >= A.ndim else where(unsqueeze(info, -1) > 0, math.nan, y), info)


def regular(who: str, x: Tensor, check_errors: bool) -> tuple[Tensor, Tensor]:
    """Square matrices with singular ones replaced by the identity, and which these are."""
    info = lu_factor_ex(x.detach()).info
    if not largest(info):
        return x, info
    if check_errors:
        raise LinAlgError(f"{who}: pivot {largest(info)} is 0: the matrix is singular")
    return where(info[..., None, None] > 0, eye(x.shape[-1], dtype=x.dtype, device=x.device), x), info


def unless(info: Tensor, y: Tensor) -> Tensor:
    """Matrices, NaN where something is the matter with them."""
    return where(info[..., None, None] > 0, math.nan, y) if largest(info) else y


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B (X A = B unless `left`). B holds vectors if it has the shape of A without its last dimension.

    Raises LinAlgError for a singular A.
    """
    return solved("solve", matrix("solve", A, square=True), B, left)


def solved(who: str, A: Tensor, B: Tensor, left: bool) -> Tensor:
    n = A.shape[-1]
    vector = floating(who, B, "B").ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    rhs = unsqueeze(B, -1) if vector else B
    if (not left and vector) or rhs.shape[-2 if left else -1] != n:
        want = f"(..., {n}, k)" if left else f"(..., k, {n})"
        raise ShapeError(f"{who}: for A {tuple(A.shape)} expected B {want}, got {tuple(B.shape)}")
    y = solve_op(A, rhs) if left else mT(solve_op(mT(A), mT(rhs)))
    return squeeze(y, -1) if vector else y


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X with A X = B (X A = B unless `left`), reading one triangle of A, with ones on its diagonal if
    `unitriangular`."""
    x = matrix("solve_triangular", A, square=True)
    inner = int(unitriangular)
    x = triu_op(x, diagonal=inner) if upper else tril_op(x, diagonal=-inner)
    x = x + eye(x.shape[-1], dtype=x.dtype, device=x.device) if unitriangular else x
    if tensor_of("solve_triangular", B, "B").ndim < 2:
        raise ShapeError(f"solve_triangular: B must be matrices, got shape {tuple(B.shape)}")
    return solved("solve_triangular", x, B, left)


@returned("linalg_lstsq")
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
    x = matrix("lstsq", A)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ValueError(f"lstsq: driver must be gels, gelsy, gelsd or gelss, got {driver!r}")
    m, n = x.shape[-2:]
    vector = floating("lstsq", B, "B").ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))
    rhs = unsqueeze(B, -1) if vector else B
    if rhs.shape[-2] != m:
        raise ShapeError(f"lstsq: for A {tuple(A.shape)} expected B (..., {m}, k), got {tuple(B.shape)}")
    rtol = finfo(x.dtype).eps * max(m, n) if rcond is None else rcond
    solution = pinv_op(x, rtol=rtol) @ rhs
    s = svdvals(x.detach())
    rank = (s > rtol * amax(s, -1, keepdim=True)).sum(-1)
    none = zeros(0, dtype=s.dtype, device=x.device)
    full = m > n and not largest(n - rank) and driver not in (None, "gelsy")
    residuals = sum_op(abs(x @ solution - rhs) ** 2, dim=(rhs.ndim - 2,)) if full else none
    return lstsq_result(
        squeeze(solution, -1) if vector else solution,
        squeeze(residuals, -1) if vector and full else residuals,
        rank if driver != "gels" else zeros(0, dtype="int64", device=x.device),
        s if driver in ("gelsd", "gelss") else none,
    )


def pinv(A: Tensor, rcond: float | None = None, hermitian: bool = False, *, atol: float | None = None,
         rtol: float | None = None) -> Tensor:  # fmt: skip
    """The pseudo-inverse; singular values up to max(atol, rtol s_max) count as 0 (rtol: eps max(m, n) unless atol is
    given; `rcond` is its former name). Of `hermitian` matrices the lower triangle is read."""
    x = matrix("pinv", A, square=hermitian)
    rtol = rcond if rtol is None else rtol
    if rtol is None:
        rtol = finfo(x.dtype).eps * max(x.shape[-2:]) if not atol else 0.0
    return pinv_op(x, rtol=float(rtol), atol=float(atol or 0.0), hermitian=hermitian)


def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values exceed max(atol, rtol s_max) (rtol: eps max(m, n) unless atol is given; `tol` is an atol
    with no rtol). Each is a number, or a tensor with one for each matrix. Of `hermitian` matrices the lower triangle is
    read. No gradient."""
    x = matrix("matrix_rank", A, square=hermitian).detach()
    s = svdvals(mirrored(x) if hermitian else x)
    if tol is not None:
        atol, rtol = tol, 0.0
    floor = as_tensor(0.0 if atol is None else atol, dtype=s.dtype, device=s.device)
    if rtol is None:
        rtol = where(floor > 0, 0.0, as_tensor(finfo(A.dtype).eps * max(A.shape[-2:]), dtype=s.dtype, device=s.device))
    if not s.shape[-1]:
        return s.sum(-1).long()
    return (s > maximum(rtol * amax(s, -1), floor)[..., None]).sum(-1)


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The X of shape A.shape[ind:] + A.shape[:ind] with tensordot(A, X, A.ndim - ind) the identity."""
    if not isinstance(ind, int) or ind <= 0:
        raise ValueError(f"linalg.tensorinv: ind must be a positive int, got {ind!r}")
    lead, rest = tuple(floating("linalg.tensorinv", A, "A").shape[:ind]), tuple(A.shape[ind:])
    if math.prod(lead) != math.prod(rest):
        raise ShapeError(f"linalg.tensorinv: the sizes before and from ind={ind} must have one product, got {lead} and {rest}")
    return reshape(inv(reshape(A, (math.prod(lead), math.prod(rest)))), (*rest, *lead))


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B, the dimensions `dims` of A first moved to its end."""
    x = floating("linalg.tensorsolve", A, "A")
    if dims is not None:
        x = movedim(x, tuple(dims), tuple(range(x.ndim - len(dims), x.ndim)))
    rest, n = tuple(x.shape[floating("linalg.tensorsolve", B, "B").ndim :]), math.prod(B.shape)
    if math.prod(x.shape[: B.ndim]) != n or math.prod(rest) != n:
        raise ShapeError(f"linalg.tensorsolve: the sizes of A {tuple(x.shape)}, the first {B.ndim} and the others, must have "
                         f"the product of those of B {tuple(B.shape)}")  # fmt: skip
    return reshape(solve(reshape(x, (n, n)), reshape(B, (n,))), rest)
