"""Kernels on matrices in the last two dimensions, in the plain Array API."""

from __future__ import annotations

from typing import Any


def diagonal(b: Any, x: Any, offset: int) -> Any:
    """The diagonal of each matrix."""
    return b.xp.linalg.diagonal(x, offset=offset)


def put_diagonal(b: Any, x: Any, shape: tuple, offset: int) -> Any:
    """Zeros of `shape` with x on a diagonal of each matrix."""
    xp, (n, m) = b.xp, shape[-2:]
    first = min(max(-offset, 0), n)
    lead = tuple(shape[:-2])
    above, below = (xp.zeros((*lead, k), dtype=x.dtype) for k in (first, n - first - x.shape[-1]))
    rows = xp.concat([above, x, below], axis=-1)[..., None]  # the element that each row holds
    return xp.where(xp.eye(n, m, k=offset, dtype=xp.bool), rows, xp.zeros_like(rows))


def cofactor(b: Any, x: Any) -> Any:
    """det(x) x^-T of each matrix: with x = U diag(s) V^T it is det(U) det(V) U diag(product of all other s) V^T."""
    xp, n = b.xp, x.shape[-1]
    u, s, vh = xp.linalg.svd(x)
    others = [xp.prod(xp.concat([s[..., :i], s[..., i + 1 :]], axis=-1), axis=-1) for i in range(n)]
    if not n:
        return x
    sign = xp.sign(xp.linalg.det(u) * xp.linalg.det(vh))
    return sign[..., None, None] * xp.matmul(u * xp.stack(others, axis=-1)[..., None, :], vh)


MATRICES = {f.__name__: f for f in (diagonal, put_diagonal, cofactor)}
