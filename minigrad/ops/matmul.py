"""Products of matrices, and the linear map of a layer."""

from __future__ import annotations

import math
from typing import Any

from ..backends import DTypeError, ShapeError, backend_of
from ..core import Tensor, op
from .elementwise import relu, through_relu
from .operands import axis, tensor_of
from .reduce import sum_op
from .shape import reshape_op


@op("batched", name="matmul")
def matmul_op(b, x, other):
    """y = x other, for matrices in the last two dimensions; (..., n, k) (..., k, m) -> (..., n, m)"""
    return b.matmul(x, other)


@op("general", name="linear")
def linear_op(b, x, weight, bias=None):
    """y = x weight^T + bias; (..., in), (out, in), (out) -> (..., out)"""
    return b.linear(x, weight, bias)


matmul_op.vjp(x=lambda g, other: matmul_op(g, other.mT), other=lambda g, x: matmul_op(x.mT, g))
linear_op.vjp(
    x=lambda g, weight: as_shape(matmul_op(as_rows(g), weight), (*g.shape[:-1], weight.shape[1])),
    weight=lambda g, x: matmul_op(as_rows(g).mT, as_rows(x)),
    bias=lambda g: sum_op(as_rows(g), dim=(0,)),
)


linear_op.fused = lambda g, x, weight, wanted: backend_of(g).linear_backward(g, x, weight, wanted)


@linear_op.define
def linear_definition(x, weight, bias=None):
    y = matmul_op(as_rows(x), weight.mT)
    y = y if bias is None else y + bias
    return reshape_op(y, shape=(*x.shape[:-1], weight.shape[0]))


@op("general", name="linear_relu")
def linear_relu_op(b, x, weight, bias=None):
    """y = max(x weight^T + bias, 0): the linear map of a layer with the ReLU that follows it, in one call"""
    return b.linear_relu(x, weight, bias)


linear_relu_op.vjp(
    x=lambda g, y, weight: as_shape(matmul_op(as_rows(through_relu(g, y)), weight), (*g.shape[:-1], weight.shape[1])),
    weight=lambda g, y, x: matmul_op(as_rows(through_relu(g, y)).mT, as_rows(x)),
    bias=lambda g, y: sum_op(as_rows(through_relu(g, y)), dim=(0,)),
)
linear_relu_op.fused = lambda g, y, x, weight, wanted: (
    (b := backend_of(g)).linear_backward(b.relu_backward(g, y), x, weight, wanted)
)  # fmt: skip


@linear_relu_op.define
def linear_relu_definition(x, weight, bias=None):
    return relu(linear_op(x, weight, bias))


def as_shape(x: Any, shape: tuple) -> Any:
    """x in another shape, if it is another."""
    return x if x.shape == shape else reshape_op(x, shape=shape)


def as_rows(x: Any) -> Any:
    """x as a matrix: all dimensions but the last made one."""
    return x if x.ndim == 2 else reshape_op(x, shape=(math.prod(x.shape[:-1]), x.shape[-1]))


# -- what users call -----------------------------------------------------------------------------------------------------


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """The matrix product; a vector counts as a row at the left and a column at the right, stacks broadcast.

    Raises ShapeError naming both shapes if the inner sizes differ or an operand has no dimension.
    """
    tensor_of("matmul", input), tensor_of("matmul", other, "other")
    x, w = input, other
    if not x.ndim or not w.ndim:
        raise ShapeError(f"matmul: both operands need at least 1 dimension, got shapes {tuple(x.shape)} and {tuple(w.shape)}")
    if x.shape[-1] != w.shape[max(w.ndim - 2, 0)]:
        k, other_k = x.shape[-1], w.shape[max(w.ndim - 2, 0)]
        raise ShapeError(f"matmul: expected (..., n, k) and (..., k, m), got {tuple(x.shape)} and {tuple(w.shape)}: the inner "
                         f"sizes {k} and {other_k} differ. Hint: transpose one with .mT")  # fmt: skip
    if x.dtype is not w.dtype:
        raise DTypeError(f"matmul: expected operands of one type, got {x.dtype!r} and {w.dtype!r}. Hint: .to(dtype)")
    x = reshape_op(x, shape=(1, *x.shape)) if input.ndim == 1 else x
    w = reshape_op(w, shape=(*w.shape, 1)) if other.ndim == 1 else w
    y = matmul_op(x, w)
    if input.ndim > 1 and other.ndim > 1:
        return y
    shape = y.shape[:-2] + (y.shape[-2:-1] if input.ndim > 1 else ()) + (y.shape[-1:] if other.ndim > 1 else ())
    return reshape_op(y, shape=tuple(shape))


def _ranked(who: str, n: int, m: int, x: Tensor, w: Tensor) -> Tensor:
    """`matmul` of operands that must have n and m dimensions."""
    if tensor_of(who, x).ndim != n or tensor_of(who, w, "other").ndim != m:
        raise ShapeError(f"{who}: expected {n} and {m} dimensions, got shapes {tuple(x.shape)} and {tuple(w.shape)}")
    return matmul(x, w)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """The product of two matrices, (n, k) (k, m) -> (n, m)."""
    return _ranked("mm", 2, 2, input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """The products of two stacks of matrices, (B, n, k) (B, k, m) -> (B, n, m)."""
    if input.shape[:1] != mat2.shape[:1]:
        raise ShapeError(f"bmm: both stacks must be of one size, got shapes {tuple(input.shape)} and {tuple(mat2.shape)}")
    return _ranked("bmm", 3, 3, input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """A matrix times a vector, (n, k) (k) -> (n)."""
    return _ranked("mv", 2, 1, input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """The inner product of two vectors, (n) (n) -> ()."""
    a, c = tuple(tensor_of("dot", input).shape), tuple(tensor_of("dot", tensor, "tensor").shape)
    if len(a) == len(c) == 1 and a != c:
        raise ShapeError(f"dot: expected two vectors of one length, got {a} and {c}")
    return _ranked("dot", 1, 1, input, tensor)


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors, (n) (m) -> (n, m)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise ShapeError(f"outer: expected two vectors, got shapes {tuple(input.shape)} and {tuple(vec2.shape)}")
    return reshape_op(input, shape=(input.shape[0], 1)) * reshape_op(vec2, shape=(1, vec2.shape[0]))


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The sum of products over pairs of dimensions: the last `dims` of a with the first of b, or dims=(of a, of b)."""
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: dims must be from 0 to {min(a.ndim, b.ndim)} for shapes {tuple(a.shape)} and "
                             f"{tuple(b.shape)}, got {dims}")  # fmt: skip
        pairs = [[*range(a.ndim - dims, a.ndim)], [*range(dims)]]
    else:
        given = [ds if isinstance(ds, (list, tuple)) else [ds] for ds in dims]
        pairs = [[axis("tensordot", d, t.ndim) for d in ds] for ds, t in zip(given, (a, b), strict=True)]
    left, right = ([d for d in range(t.ndim) if d not in p] for t, p in zip((a, b), pairs, strict=True))
    for i, j in zip(*pairs, strict=False):  # a dimension of one number is paired with any: its partner is summed
        if a.shape[i] == 1 != b.shape[j]:
            b = b.sum(j, keepdim=True, dtype=b.dtype)
        elif b.shape[j] == 1 != a.shape[i]:
            a = a.sum(i, keepdim=True, dtype=a.dtype)
    inner = [a.shape[d] for d in pairs[0]]
    if inner != [b.shape[d] for d in pairs[1]]:
        raise ShapeError(
            f"tensordot: paired dimensions must agree, got shapes {tuple(a.shape)} and {tuple(b.shape)} over {dims}"
        )
    n = 1
    for size in inner:
        n *= size
    x = a.permute(*left, *pairs[0]).reshape(-1, n) if a.ndim else a.reshape(1, 1)
    w = b.permute(*pairs[1], *right).reshape(n, -1) if b.ndim else b.reshape(1, 1)
    return (x @ w).reshape(*[a.shape[d] for d in left], *[b.shape[d] for d in right])
