"""Factorizations into orthogonal and triangular matrices, eigenvalues and singular values."""

from __future__ import annotations

from typing import NamedTuple

from ...backends import LinAlgError, ShapeError
from ...core import Tensor
from ..arithmetic import where
from ..create import eye, tensor, zeros
from ..diagonal import tril_op, triu_op
from ..factor import (
    cholesky_op,
    complex_eigenvalues,
    complex_eigenvectors,
    dagger,
    eigenvalues,
    eigenvectors,
    qr_complement,
    qr_q,
    singular_values,
    singular_vectors,
    svd_complement,
)
from ..results import returned
from ..shape import cat, narrow
from .checks import matrix


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """L lower triangular with L L^H = A (L^H if `upper`), for Hermitian (real: symmetric) positive definite A, else
    LinAlgError."""
    y = cholesky_op(matrix("cholesky", A, square=True))
    return dagger(y) if upper else y


@returned("linalg_cholesky_ex")
class cholesky_ex_result(NamedTuple):
    """What `cholesky_ex` returns."""

    L: Tensor
    info: Tensor


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> cholesky_ex_result:
    """`cholesky`, and for each matrix the order of the first leading minor that is not positive, or 0.

    A matrix that is not positive definite raises only if `check_errors`; its L is NaN.
    """
    x = matrix("linalg.cholesky_ex", A, square=True)
    each = x.detach().flatten(0, -3) if x.ndim > 2 else [x.detach()]
    info = tensor([first_bad_minor(a) for a in each], dtype="int32", device=x.device)
    bad = info.reshape(x.shape[:-2]) > 0
    if bool(bad.any()):
        if check_errors:
            raise LinAlgError(f"linalg.cholesky_ex: the leading minor of order {int(info.max())} is not positive")
        x.backend.to_host(x.array)  # inside vmap, where one bad matrix spoils all, this raises
        x = where(bad[..., None, None], eye(x.shape[-1], dtype=x.dtype, device=x.device), x)
    y = where(bad[..., None, None], float("nan"), cholesky(x, upper=upper)) if bool(bad.any()) else cholesky(x, upper=upper)
    return cholesky_ex_result(y, info.reshape(x.shape[:-2]))


def first_bad_minor(a: Tensor) -> int:
    """The order of the first leading minor of one matrix that has no Cholesky factor, 0 if there is none."""
    for n in range(a.shape[-1], 0, -1):
        try:
            cholesky_op(a[:n, :n])
        except LinAlgError:
            continue
        return 0 if n == a.shape[-1] else n + 1
    return min(a.shape[-1], 1)


@returned("linalg_qr")
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
    x = matrix("qr", A)
    q = qr_q(x)
    r = triu_op(dagger(q) @ x)
    m, k = x.shape[-2], q.shape[-1]
    if mode == "complete" and m > k:
        q = cat([q, qr_complement(x)], -1)
        r = cat([r, zeros(*r.shape[:-2], m - k, r.shape[-1], dtype=x.dtype, device=x.device)], -2)
    return qr_result(zeros(0, dtype=x.dtype, device=x.device) if mode == "r" else q, r)


@returned("linalg_eigh")
class eigh_result(NamedTuple):
    """What `eigh` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eigh(A: Tensor, UPLO: str = "L") -> eigh_result:
    """(eigenvalues ascending, eigenvectors as columns) of symmetric or Hermitian matrices, of which one triangle is read.

    The gradient of the vectors needs different eigenvalues and should not depend on their signs; it raises GradError if it
    depends on the phases of complex ones.
    """
    if UPLO not in ("L", "U"):
        raise ValueError(f"eigh: UPLO must be 'L' or 'U', got {UPLO!r}")
    x = matrix("eigh", A, square=True)
    x = dagger(x) if UPLO == "U" else x
    v = eigenvectors(x)
    return eigh_result(eigenvalues(x, v), v)


@returned("linalg_eig")
class eig_result(NamedTuple):
    """What `eig` returns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def eig(A: Tensor) -> eig_result:
    """(eigenvalues, eigenvectors as columns of length 1) of square matrices, as complex numbers, in no particular order.

    The gradient needs different eigenvalues; it raises GradError if it depends on the phases of the vectors.
    """
    x = matrix("linalg.eig", A, square=True)
    v = complex_eigenvectors(x)
    return eig_result(complex_eigenvalues(x, v), v)


def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of square matrices, as complex numbers, in no particular order."""
    return eig(A).eigenvalues


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric or Hermitian matrices, ascending."""
    return eigh(A, UPLO).eigenvalues


@returned("linalg_svd")
class svd_result(NamedTuple):
    """What `svd` returns."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> svd_result:
    """(U, S, Vh) with A = U diag(S) Vh, S descending, U and V with orthonormal columns, square ones if `full_matrices`.

    The gradients of U and V need different singular values (and, if A is not square, none that is 0) and should not depend
    on signs; they raise GradError if they depend on the phases of complex vectors. The columns that make them square have
    none.
    """
    x = matrix("svd", A)
    m, n = x.shape[-2:]
    w = singular_vectors(x)
    u, v, s = narrow(w, -2, 0, m), narrow(w, -2, m, n), singular_values(x, w)
    if full_matrices and m != n:
        rest = svd_complement(x, left=m > n)
        u, v = (cat([u, rest], -1), v) if m > n else (u, cat([v, rest], -1))
    return svd_result(u, s, dagger(v))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """The singular values, descending. `driver` is accepted: it chooses among a GPU's methods."""
    return singular(matrix("svdvals", A))


def singular(x: Tensor) -> Tensor:
    return singular_values(x, singular_vectors(x))


def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first n columns of H_1 H_2 ... H_k, H_i = 1 - tau_i v_i v_i^H, v_i the i-th column of `input` below its diagonal,
    with a 1 on it and zeros above; (..., m, n), (..., k) -> (..., m, n), n <= m, k <= n."""
    x = matrix("linalg.householder_product", input)
    (m, n), k = x.shape[-2:], tau.shape[-1] if tau.ndim else 0
    if not k <= n <= m or tau.ndim != x.ndim - 1 or tuple(tau.shape[:-1]) != tuple(x.shape[:-2]) or tau.dtype is not x.dtype:
        raise ShapeError(f"linalg.householder_product: expected (..., m, n), m >= n, and tau (..., k), k <= n, of one type, "
                         f"got {x.dtype!r} {tuple(x.shape)} and {tau.dtype!r} {tuple(tau.shape)}")  # fmt: skip
    one = eye(m, n, dtype=x.dtype, device=x.device)
    v = tril_op(x, diagonal=-1) + one
    q = one.expand(x.shape)
    for i in reversed(range(k)):
        column = narrow(v, -1, i, 1)
        q = q - tau[..., i, None, None] * (column @ (dagger(column) @ q))
    return q
