"""Kernels of order: sorting, running results along a dimension, search; in the plain Array API."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from .backend import dtype_of


def argsort(b: Any, x: Any, dim: int, descending: bool) -> Any:
    """The positions along `dim` in the order of their values, equal ones in their old order either way."""
    xp = b.xp
    if not descending:
        return xp.argsort(x, axis=dim, stable=True)
    order = xp.argsort(xp.flip(x, axis=dim), axis=dim, stable=True)
    return x.shape[dim] - 1 - xp.flip(order, axis=dim)


def slices(x: Any, dim: int) -> list:
    """The slices of x along `dim`."""
    return [x[(*(slice(None),) * dim, i, ...)] for i in range(x.shape[dim])]


def accumulate(b: Any, x: Any, dim: int, combine: str) -> Any:
    """y_i = combine(y_(i-1), x_i) along `dim`, for a function of the namespace such as "maximum"."""
    return folded(b, x, dim, getattr(b.xp, combine))


def folded(b: Any, x: Any, dim: int, function: Callable) -> Any:
    """y_i = function(y_(i-1), x_i) along `dim`."""
    parts = slices(x, dim)
    for i in range(1, len(parts)):
        parts[i] = function(parts[i - 1], parts[i])
    return b.xp.stack(parts, axis=dim) if parts else x


def logaddexp(b: Any, x: Any, other: Any) -> Any:
    """ln(e^x + e^other); of complex numbers what has the larger real part is taken out first, so that nothing overflows."""
    xp = b.xp
    if not dtype_of(x).is_complex:
        return xp.logaddexp(x, other)
    ahead = xp.real(x) >= xp.real(other)
    top, rest = xp.where(ahead, x, other), xp.where(ahead, other, x)
    finite = xp.isfinite(xp.real(top)) | xp.isnan(rest)
    return xp.where(finite, top + xp.log1p(xp.exp(rest - top)), top)


def log_accumulate(b: Any, x: Any, dim: int) -> Any:
    """y_i = logaddexp(y_(i-1), x_i) along `dim`."""
    is_complex = dtype_of(x).is_complex
    return folded(b, x, dim, partial(logaddexp, b)) if is_complex else b.accumulate(x, dim, "logaddexp")


def running_places(b: Any, x: Any, dim: int, combine: str) -> Any:
    """The position of the running extreme: of the last of equals, and of the last NaN so far if there is one."""
    xp = b.xp
    best = b.accumulate(x, dim, combine)
    line = tuple(n if d == dim else 1 for d, n in enumerate(x.shape))
    here = xp.reshape(xp.arange(x.shape[dim], dtype=xp.int64), line)
    return b.accumulate(xp.where((x == best) | (x != x), here, xp.zeros_like(here)), dim, "maximum")


def recurrence(b: Any, a: Any, u: Any, dim: int) -> Any:
    """h_i = u_i + a_i h_(i-1) along `dim`, with h_(-1) = 0."""
    a, parts = slices(a, dim), slices(u, dim)
    for i in range(1, len(parts)):
        parts[i] = parts[i] + a[i] * parts[i - 1]
    return b.xp.stack(parts, axis=dim) if parts else u


def unfold(b: Any, x: Any, dim: int, size: int, step: int) -> Any:
    """The windows of `size` along `dim`, `step` apart, as a new last dimension; here a copy."""
    span = x.shape[dim] - size + 1
    lead = (slice(None),) * dim
    windows = [x[(*lead, slice(k, k + span, step), ...)] for k in range(size)]
    return (
        b.xp.stack(windows, axis=-1)
        if windows
        else b.xp.zeros((*x[(*lead, slice(0, span, step), ...)].shape, 0), dtype=x.dtype)
    )


def searchsorted(b: Any, line: Any, values: Any, right: bool) -> Any:
    """How many of each ascending row are below each value; one row serves all values, or one each."""
    xp, side = b.xp, "right" if right else "left"
    if line.ndim == 1:
        return xp.reshape(xp.searchsorted(line, xp.reshape(values, (-1,)), side=side), values.shape)
    rows = math.prod(line.shape[:-1])
    lines, asked = xp.reshape(line, (rows, line.shape[-1])), xp.reshape(values, (rows, values.shape[-1]))
    found = [xp.searchsorted(lines[i, :], asked[i, :], side=side) for i in range(rows)]
    return xp.reshape(xp.stack(found), values.shape) if found else xp.zeros(values.shape, dtype=xp.int64)


ORDER = {
    f.__name__: f for f in (argsort, accumulate, log_accumulate, logaddexp, running_places, recurrence, unfold, searchsorted)
}
