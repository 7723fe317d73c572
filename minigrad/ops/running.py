"""Running products and log-sums along a dimension, and the linear recurrence that their gradients are made of."""

from __future__ import annotations

import math
from typing import Any

from ..backends import dtype as as_dtype
from ..core import Tensor, op
from .arithmetic import cast, clone, where
from .elementwise import abs, exp
from .operands import axis, numpy_names, tensor_of
from .shape import flip_op, pad_op, roll_op, slice_op


@op("general")
def recurrence(b, a, u, *, dim):
    """h_i = u_i + a_i h_(i-1) along `dim`, with h_(-1) = 0; the adjoint is another one, from the end"""
    return b.recurrence(a, u, dim)


@op("general", name="cumprod")
def cumprod_op(b, x, *, dim):
    """y_i = x_0 x_1 ... x_i along `dim`"""
    return b.accumulate(x, dim, "multiply")


@op("general", name="logcumsumexp", floats=True)
def logcumsumexp_op(b, x, *, dim):
    """y_i = ln(e^x_0 + ... + e^x_i) along `dim`, without overflow"""
    return b.log_accumulate(x, dim)


def later(a: Any, u: Any, dim: int) -> Any:
    """s_i = u_i + a_(i+1) s_(i+1) along `dim`: the recurrence from the end."""
    ahead = roll_op(a, shifts=(-1,), dims=(dim,))
    return flip_op(recurrence(flip_op(ahead, dims=(dim,)), flip_op(u, dims=(dim,)), dim=dim), dims=(dim,))


def delayed(h: Any, dim: int, first: float) -> Any:
    """h_(i-1) along `dim`, and `first` for i = 0."""
    n = h.shape[dim]
    if not n:
        return h
    early = slice_op(h, index=(*(slice(None),) * dim, slice(0, n - 1), ...))
    return pad_op(early, before=tuple(int(d == dim) for d in range(h.ndim)), after=(0,) * h.ndim, value=first)


recurrence.vjp(
    a=lambda g, y, a, dim: later(a, g, dim) * delayed(y, dim, 0.0),
    u=lambda g, a, dim: later(a, g, dim),
)
cumprod_op.vjp(x=lambda g, y, x, dim: delayed(y, dim, 1.0) * later(x, g, dim))  # no division, so zeros are no trouble
logcumsumexp_op.vjp(
    # sum over j >= i of g_j e^(x_i - y_j), as e^(x_i - y_i) s_i with s_i = g_i + e^(y_i - y_(i+1)) s_(i+1)
    x=lambda g, y, x, dim: exp(x - bounded(y)) * later(exp(delayed(bounded(y), dim, 0.0) - bounded(y)), g, dim)
)


def bounded(y: Any) -> Any:
    """y with infinities as 0: where all of x so far is -inf, e^(x - y) is 0 and not NaN."""
    return where(abs(y) == math.inf, 0.0, y)


# -- what users call -------------------------------------------------------------------------------------------------


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """y_i = x_0 ... x_i along `dim`. Integers and booleans multiply in int64."""
    d = axis("cumprod", dim, tensor_of("cumprod", input).ndim)
    kind = as_dtype(dtype) if dtype is not None else input.dtype if input.dtype.is_inexact else as_dtype("int64")
    x = input if input.dtype is kind else cast(input, dtype=kind)
    return cumprod_op(x, dim=d) if x.ndim else clone(x)


@numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """ln(e^x_0 + ... + e^x_i) along `dim`, without overflow."""
    d = axis("logcumsumexp", dim, tensor_of("logcumsumexp", input).ndim)
    return logcumsumexp_op(input, dim=d) if input.ndim else clone(input)
