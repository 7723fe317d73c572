"""as_strided: a view that steps through memory as it is told."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..core import Tensor, op
from ..core.tensor import base_of
from .operands import sizes, tensor_of, whole


def places(size: tuple, stride: tuple, offset: int) -> np.ndarray:
    """The place in memory of each element."""
    at = np.full((1,) * len(size), offset, dtype=np.int64)
    for d, (n, step) in enumerate(zip(size, stride, strict=True)):
        at = at + (np.arange(n) * step).reshape(tuple(-1 if k == d else 1 for k in range(len(size))))
    return at


def within(n: int, size: tuple, stride: tuple, offset: int) -> None:
    """Raise ShapeError unless the places are among n elements: beyond them lies memory of somebody else."""
    fits = len(size) == len(stride) and all(k >= 0 for k in (*size, *stride, offset))
    last = offset + sum((k - 1) * step for k, step in zip(size, stride, strict=False)) if all(size) else 0
    if not fits or last >= max(n, 1):
        raise ShapeError(f"as_strided: size {size}, stride {stride} and storage_offset {offset} do not lie within the {n} "
                         "elements there are")  # fmt: skip


@op("view", name="as_strided")
def as_strided_op(b, x, *, size, stride, offset):
    """y[i, j, ...] = the element offset + i stride[0] + j stride[1] + ... of x in row-major order: a view"""
    within(math.prod(x.shape), size, stride, offset)
    if isinstance(x, np.ndarray) and x.flags.c_contiguous:
        steps = tuple(n * x.itemsize for n in stride)
        return np.lib.stride_tricks.as_strided(x.reshape(-1)[offset:], size, steps)
    at = b.from_host(np.broadcast_to(places(size, stride, offset), size).reshape(-1))
    return b.xp.reshape(b.xp.take(b.xp.reshape(x, (-1,)), at), size)


@op("linear")
def as_strided_adjoint(b, x, *, shape, size, stride, offset):
    """Zeros of `shape` with each element of x added where `as_strided` took it: the adjoint of that"""
    within(math.prod(shape), size, stride, offset)
    at = b.from_host(np.broadcast_to(places(size, stride, offset), size).reshape(-1))
    return b.xp.reshape(b.add_at((math.prod(shape),), (at,), b.xp.reshape(x, (-1,))), shape)


as_strided_op.vjp(
    x=lambda g, x_shape, size, stride, offset: as_strided_adjoint(
        g, shape=tuple(x_shape), size=size, stride=stride, offset=offset
    )
)
as_strided_adjoint.vjp(x=lambda g, size, stride, offset: as_strided_op(g, size=size, stride=stride, offset=offset))


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of `input` in another shape, whose neighbours along dimension d lie stride[d] elements apart, from the element
    `storage_offset` on. Raises ShapeError unless `input` is contiguous and the view lies within it."""
    x = tensor_of("as_strided", input)
    shape, steps = sizes("as_strided", (tuple(size),)), sizes("as_strided", (tuple(stride),))
    plain = not hasattr(x.array, "strides") or x.is_contiguous()  # a namespace without strides has no other arrays
    if not plain or (storage_offset is not None and base_of(x) is not None):
        raise ShapeError(f"as_strided: expected a contiguous tensor, and no storage_offset for a view"
                         f", got shape {tuple(x.shape)}. Hint: .contiguous(), .clone()")  # fmt: skip
    return as_strided_op(x, size=shape, stride=steps, offset=whole("as_strided", "storage_offset", storage_offset or 0))
