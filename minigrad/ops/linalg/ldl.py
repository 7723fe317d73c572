"""LDL factorization of symmetric matrices that need not be positive definite, and solutions by it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...backends import DTypeError, GradError, LinAlgError, ShapeError
from ...core import MODE, Tensor
from ..create import tensor
from ..results import returned
from .checks import matrix

GROWTH = (1 + 17**0.5) / 8  # what keeps elements from growing most


@returned("linalg_ldl_factor")
class ldl_factor_result(NamedTuple):
    """What `ldl_factor` returns."""

    LD: Tensor
    pivots: Tensor


@returned("linalg_ldl_factor_ex")
class ldl_factor_ex_result(NamedTuple):
    """What `ldl_factor_ex` returns."""

    LD: Tensor
    pivots: Tensor
    info: Tensor


def ldl_factor(A: Tensor, *, hermitian: bool = False) -> ldl_factor_result:
    """A = L D L^T (L^H if `hermitian`) up to exchanges: L lower triangular, D of blocks of 1 or 2, packed as LAPACK's sytrf.

    (..., n, n) -> LD (..., n, n), pivots (..., n). Only the lower triangle of A is read. Raises LinAlgError for a block of D
    that is 0, GradError where a gradient is wanted: there is none, as in PyTorch. Source: Bunch & Kaufman 1977.
    """
    return ldl_factor_result(*packed("linalg.ldl_factor", A, hermitian, True)[:2])


def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> ldl_factor_ex_result:
    """`ldl_factor`, and for each matrix the place of the first block of D that is 0, or 0; raises only if `check_errors`."""
    return ldl_factor_ex_result(*packed("linalg.ldl_factor_ex", A, hermitian, check_errors))


def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X with A X = B, by what `ldl_factor` gave: (..., n, n), (..., n), (..., n, k) -> (..., n, k)."""
    who = "linalg.ldl_solve"
    host, b = numbers(who, matrix(who, LD, square=True)), numbers(who, matrix(who, B))
    if pivots.dtype.kind != "int" or tuple(pivots.shape) != host.shape[:-1]:
        raise DTypeError(f"{who}: pivots must be whole numbers of shape {host.shape[:-1]}, got {pivots.dtype!r} of "
                         f"{tuple(pivots.shape)}")  # fmt: skip
    if b.shape[-2] != host.shape[-1] or b.dtype != host.dtype:
        raise ShapeError(
            f"{who}: B must be (..., {host.shape[-1]}, k) of {LD.dtype!r} as LD is, got {tuple(B.shape)} {B.dtype!r}"
        )
    lead = np.broadcast_shapes(host.shape[:-2], b.shape[:-2])
    order = np.broadcast_to(numbers(who, pivots), (*lead, host.shape[-1]))
    every = np.broadcast_to(host, (*lead, *host.shape[-2:]))
    out = np.broadcast_to(b, (*lead, *b.shape[-2:])).copy()
    for i in np.ndindex(lead):
        solved(every[i], order[i], out[i], hermitian)
    return tensor(out, device=B.device)


def numbers(who: str, x: Tensor) -> np.ndarray:
    """A tensor's numbers, of which no gradient is wanted."""
    if x.requires_grad and MODE.get().grad:
        raise GradError(f"{who}: has no derivative. Hint: .detach(), or linalg.solve")
    return x.backend.to_host(x.array)


def packed(who: str, A: Tensor, hermitian: bool, check: bool) -> tuple[Tensor, Tensor, Tensor]:
    """LD, pivots and the places of blocks that are 0."""
    host = np.tril(numbers(who, matrix(who, A, square=True)))
    pivots = np.zeros(host.shape[:-1], dtype=np.int32)
    found = [eliminated(host[i], pivots[i], hermitian) for i in np.ndindex(host.shape[:-2])]
    if check and any(found):
        raise LinAlgError(f"{who}: the block {max(found)} of D is exactly 0: it can't be divided by")
    info = np.array(found, dtype=np.int32).reshape(host.shape[:-2])
    return tuple(tensor(x, device=A.device) for x in (host, pivots, info))  # type: ignore[return-value]


def size(x: np.ndarray) -> np.ndarray:
    """How large numbers are, as LAPACK measures it."""
    return np.abs(x.real) + np.abs(x.imag)


def turned(x: np.ndarray, hermitian: bool) -> np.ndarray:
    return x.conj() if hermitian else x


def pivot_of(a: np.ndarray, k: int) -> tuple[int, int]:
    """The row that comes to the place of the next block, and the size of the block."""
    own, below = size(a[k, k]), size(a[k + 1 :, k])
    most = below.max(initial=0.0)
    if own >= GROWTH * most:
        return k, 1
    r = k + 1 + int(below.argmax())
    across = max(size(a[r, k:r]).max(initial=0.0), size(a[r + 1 :, r]).max(initial=0.0))
    if own >= GROWTH * most * (most / across):
        return k, 1
    return (r, 1) if size(a[r, r]) >= GROWTH * across else (r, 2)


def eliminated(a: np.ndarray, pivots: np.ndarray, hermitian: bool) -> int:
    """Write L and D into the lower triangle of one matrix, and the exchanges into `pivots`; where D is 0 first, or 0."""
    n, k, zero = len(a), 0, 0
    while k < n:
        if hermitian:
            a[k, k] = a[k, k].real
        if not size(a[k:, k]).any():
            zero, pivots[k], k = zero or k + 1, k + 1, k + 1
            continue
        p, width = pivot_of(a, k)
        exchange(a, k, k + width - 1, p, hermitian)
        pivots[k : k + width] = p + 1 if width == 1 else -(p + 1)
        rest = slice(k + width, n)
        columns = a[rest, k : k + width].copy()
        a[rest, k : k + width] = columns @ np.linalg.inv(block(a, k, width, hermitian))
        a[rest, rest] -= np.tril(a[rest, k : k + width] @ turned(columns, hermitian).T)
        k += width
    return zero


def block(a: np.ndarray, k: int, width: int, hermitian: bool) -> np.ndarray:
    """A whole block of D, of which the lower triangle is kept."""
    lower = np.tril(a[k : k + width, k : k + width])
    return lower + turned(np.tril(lower, -1), hermitian).T


def exchange(a: np.ndarray, k: int, to: int, p: int, hermitian: bool) -> None:
    """Exchange rows and columns `to` and p of the part of a symmetric matrix from k on, of which the lower triangle is kept."""
    if p == to:
        return
    a[p + 1 :, [to, p]] = a[p + 1 :, [p, to]]
    between = a[to + 1 : p, to].copy()
    a[to + 1 : p, to] = turned(a[p, to + 1 : p], hermitian)
    a[p, to + 1 : p] = turned(between, hermitian)
    a[p, to] = turned(a[p, to], hermitian)
    a[[to, p], [to, p]] = a[[p, to], [p, to]]
    if to > k:
        a[[to, p], k] = a[[p, to], k]


def solved(a: np.ndarray, pivots: np.ndarray, x: np.ndarray, hermitian: bool) -> None:
    """Write the solution over the right-hand side x (n, k): by L, by D, and by its transpose, with the exchanges."""
    n, k, steps = len(a), 0, []
    while k < n:
        width = 1 if pivots[k] > 0 else 2
        last, p = k + width - 1, abs(int(pivots[k])) - 1
        x[[last, p]] = x[[p, last]]
        x[last + 1 :] -= a[last + 1 :, k : last + 1] @ x[k : last + 1]
        x[k : last + 1] = np.linalg.solve(block(a, k, width, hermitian), x[k : last + 1])
        steps.append((k, last, p))
        k += width
    for k, last, p in reversed(steps):
        x[k : last + 1] -= turned(a[last + 1 :, k : last + 1], hermitian).T @ x[last + 1 :]
        x[[last, p]] = x[[p, last]]
