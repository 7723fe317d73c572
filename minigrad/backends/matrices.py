"""Kernels on matrices in the last two dimensions, in the plain Array API."""

from __future__ import annotations

import math
from typing import Any

from .dtypes import is_complex


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
    """det(x) x^-T of each matrix: with x = U diag(s) V^T it is det(U) det(V) U diag(product of all other s) V^T.

    For complex x = U diag(s) V^H it is det(U) det(V^H) times the conjugates of U and V^H, diag(...) between them.
    """
    xp, n = b.xp, x.shape[-1]
    u, s, vh, sign = turned(xp, x)
    others = [xp.prod(xp.concat([s[..., :i], s[..., i + 1 :]], axis=-1), axis=-1) for i in range(n)]
    if not n:
        return x
    return sign[..., None, None] * xp.matmul(u * xp.stack(others, axis=-1)[..., None, :], vh)


def cofactor_change(b: Any, x: Any, other: Any) -> Any:
    """The second derivative of det along `other`: with x = U diag(s) V^T, A = U^T other V and P_ij the product of all s but
    s_i and s_j it is det(U) det(V) U R V^T, where R_jj = sum over i != j of P_ij A_ii, and R_ji = -P_ij A_ij for i != j."""
    xp, n = b.xp, x.shape[-1]
    if n < 2:
        return xp.zeros_like(x)
    u, s, vh, sign = turned(xp, x)
    a = xp.matmul(xp.matmul(u.mT, other), vh.mT)
    product = xp.stack([xp.stack([xp.prod(xp.concat([s[..., k : k + 1] for k in range(n) if k not in (i, j)]
                                  or [xp.ones_like(s[..., :1])], axis=-1), axis=-1) * float(i != j)
                                  for j in range(n)], axis=-1) for i in range(n)], axis=-2)  # fmt: skip
    straight = xp.sum(product * xp.linalg.diagonal(a)[..., None], axis=-2)
    r = straight[..., None] * xp.eye(n, dtype=x.dtype) - product * a.mT
    return sign[..., None, None] * xp.matmul(xp.matmul(u, r), vh)


def turned(xp: Any, x: Any) -> tuple:
    """The conjugates of U and V^H of x = U diag(s) V^H, s between them, and det(U) det(V^H), of size 1."""
    u, s, vh = xp.linalg.svd(x)
    sign = xp.sign(xp.linalg.det(u) * xp.linalg.det(vh))
    return (xp.conj(u), s, xp.conj(vh), sign) if is_complex(x) else (u, s, vh, sign)


def contract(b: Any, x: Any, other: Any, xs: tuple, others: tuple, out: tuple) -> Any:
    """The sum of products over the labels that `out` lacks, as a stack of matrix products; each label of an operand is in
    the other or in `out`."""
    xp = b.xp
    both = [c for c in xs if c in others]
    stacked, inner = [c for c in both if c in out], [c for c in both if c not in out]
    rows, columns = [c for c in xs if c not in both], [c for c in others if c not in both]
    sizes = dict(zip((*xs, *others), (*x.shape, *other.shape), strict=True))
    s, r, k, c = (math.prod(sizes[label] for label in labels) for labels in (stacked, rows, inner, columns))
    left = xp.reshape(xp.permute_dims(x, tuple(xs.index(c) for c in (*stacked, *rows, *inner))), (s, r, k))
    right = xp.reshape(xp.permute_dims(other, tuple(others.index(c) for c in (*stacked, *inner, *columns))), (s, k, c))
    y = xp.matmul(left, right) if stacked else xp.reshape(b.matmul(left[0, ...], right[0, ...]), (1, r, c))
    order = (*stacked, *rows, *columns)
    return xp.permute_dims(xp.reshape(y, tuple(sizes[c] for c in order)), tuple(order.index(c) for c in out))


MATRICES = {f.__name__: f for f in (diagonal, put_diagonal, cofactor, cofactor_change, contract)}
