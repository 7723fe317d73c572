"""Products of matrices and vectors, powers, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...backends import ShapeError
from ...core import Tensor
from .. import matmul as products
from ..arithmetic import clone, conjugate, where
from ..compose import cross_along
from ..create import arange, eye, full_like
from ..diagonal import diagonal as diagonal_of
from ..elementwise import abs
from ..factor import solve_op
from ..operands import axis, numpy_names, tensor_of
from ..reduce import sum_op
from ..shape import reshape, unsqueeze
from .checks import largest, matrix
from .solutions import inv


def matrix_power(A: Tensor, n: int) -> Tensor:
    """The product of n copies of A, by repeated squaring; of its inverse if n < 0; the identity for n = 0."""
    x = matrix("matrix_power", A, square=True)
    if n == 0:
        # with a gradient, of zeros
        return where(full_like(x, True, dtype="bool"), eye(x.shape[-1], dtype=x.dtype, device=x.device), x)
    x, n = (inv(x), -n) if n < 0 else (x, n)
    y = None
    while n:
        if n & 1:
            y = clone(x) if y is None else y @ x
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


@numpy_names
def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The vector product along a dimension of size 3; the others broadcast."""
    return cross_along("linalg.cross", input, other, dim)


@numpy_names
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """The sum of products along `dim`, those of x conjugated if complex; the other dimensions broadcast."""
    both = conjugate(x) * y
    return sum_op(both, dim=(axis("vecdot", dim, both.ndim),))


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product."""
    return products.matmul(input, other)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of the matrices, as a new last dimension: a view."""
    return diagonal_of(A, offset, dim1, dim2)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers 0 ... N - 1 of each number, as rows: (..., n) -> (..., n, N), N = n unless given."""
    n = (tensor_of("linalg.vander", x, "x").shape or (1,))[-1] if N is None else N
    if (N is not None or not x.ndim) and (not isinstance(n, int) or n <= 1):
        raise ValueError(f"linalg.vander: N must be an int above 1, got {n!r}")
    kind = "int64" if x.dtype.kind in ("bool", "int") else x.dtype
    return reshape(x.to(kind), (*(x.shape or (1,)), 1)) ** arange(n, dtype=kind, device=x.device)


# The Pade approximant of e^x of degree 13, for norms up to THETA. Source: Higham 2005, The scaling and squaring method for
# the matrix exponential revisited, Table 2.3
PADE = (64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
        670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1)  # fmt: skip
THETA = 5.371920351148152


def matrix_exp(A: Tensor) -> Tensor:
    """e^A = 1 + A + A^2 / 2! + ... of square matrices: a Pade approximant of A / 2^s, squared s times."""
    x = matrix("linalg.matrix_exp", A, square=True)
    if not x.array.size:
        return x.clone()
    size = float(largest(sum_op(abs(x.detach()), dim=(x.ndim - 2,))))
    if not math.isfinite(size):
        return x * math.nan
    s = max(0, math.ceil(math.log2(size / THETA))) if size else 0
    x = x * 0.5**s
    c, one, x2 = [p / PADE[0] for p in PADE], eye(x.shape[-1], dtype=x.dtype, device=x.device), x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x @ (x6 @ (c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * one)
    even = x6 @ (c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * one
    y = solve_op(even - odd, even + odd)
    for _ in range(s):
        y = y @ y
    return y
