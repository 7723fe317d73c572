"""Reference kernels of sliding windows: convolution and pooling in one, two and three dimensions alike.

Below, `S` stands for the spatial shape of an image, `oS` for that of the output, `K` for the kernel's taps.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

from .backend import dtype_of
from .special import in_single


class Window(NamedTuple):
    """How a kernel slides: one number a spatial dimension, and the groups of a convolution."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Positions of a window along one dimension: floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1."""
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def out_sizes(spatial: tuple, kernel: tuple, window: Window) -> tuple[int, ...]:
    """`out_size` of every spatial dimension."""
    return tuple(map(out_size, spatial, kernel, window.stride, window.padding, window.dilation))


def taps(kernel: tuple, sizes: tuple, window: Window) -> list[tuple[slice, ...]]:
    """For each tap of the kernel, the slices of the padded input that it sees at all output positions."""
    stride, dilation = window.stride, window.dilation
    return [
        tuple(slice(i * d, i * d + s * (o - 1) + 1, s) for i, d, s, o in zip(at, dilation, stride, sizes, strict=True))
        for at in product(*map(range, kernel))
    ]


def apart(kernel: tuple, window: Window) -> bool:
    """Whether no two windows share an element."""
    return all(k == 1 or s > d * (k - 1) for k, s, d in zip(kernel, window.stride, window.dilation, strict=True))


def padded(b: Any, x: Any, padding: tuple, value: float = 0) -> Any:
    """`x` with `padding` cells of `value` on both sides of its last dimensions."""
    if not any(padding):
        return x
    lead = x.ndim - len(padding)
    shape = x.shape[:lead] + tuple(n + 2 * p for n, p in zip(x.shape[lead:], padding, strict=True))
    out = b.xp.full(shape, value, dtype=x.dtype)
    out[(..., *(slice(p, p + n) for n, p in zip(x.shape[lead:], padding, strict=True)))] = x
    return out


def unpadded(x: Any, padding: tuple) -> Any:
    """The inner part of `x`, without its padding."""
    return x[(..., *(slice(p, n - p) for n, p in zip(x.shape[x.ndim - len(padding) :], padding, strict=True)))]


def columns(b: Any, x: Any, kernel: tuple, window: Window) -> Any:
    """The patches under the kernel, as the columns of a matrix per group: (G, C/G * K, N * oS)."""
    xp, groups = b.xp, window.groups
    n, c = x.shape[:2]
    sizes = out_sizes(x.shape[2:], kernel, window)
    x = padded(b, xp.permute_dims(x, (1, 0, *range(2, x.ndim))), window.padding)  # (C, N, S)
    cols = xp.stack([x[(..., *tap)] for tap in taps(kernel, sizes, window)], axis=1)  # (C, K, N, oS)
    return xp.reshape(cols, (groups, c // groups * math.prod(kernel), n * math.prod(sizes)))


def rows(b: Any, y: Any, groups: int) -> Any:
    """An output or its gradient, (N, F, oS), as a matrix per group: (G, F/G, N * oS)."""
    n, f = y.shape[:2]
    y = b.xp.permute_dims(y, (1, 0, *range(2, y.ndim)))  # (F, N, oS)
    return b.xp.reshape(y, (groups, f // groups, n * math.prod(y.shape[2:])))


def conv(b: Any, x: Any, w: Any, bias: Any, window: Window) -> Any:
    """y[n,f,o] = bias[f] + sum over c, k of w[f,c,k] x[n,c,stride o + dilation k - padding]."""
    xp, g = b.xp, window.groups
    n, f, kernel = x.shape[0], w.shape[0], w.shape[2:]
    sizes = out_sizes(x.shape[2:], kernel, window)
    y = xp.matmul(xp.reshape(w, (g, f // g, -1)), columns(b, x, kernel, window))  # (G, F/G, N * oS)
    if bias is not None:
        y = y + xp.reshape(bias, (g, f // g, 1))
    return xp.permute_dims(xp.reshape(y, (f, n, *sizes)), (1, 0, *range(2, 2 + len(sizes))))


def conv_input(b: Any, g: Any, w: Any, shape: tuple, window: Window) -> Any:
    """The adjoint of `conv` in x: every output spreads back over the window that it came from."""
    xp, groups = b.xp, window.groups
    f, kernel = w.shape[0], w.shape[2:]
    n, c, sizes = shape[0], shape[1], g.shape[2:]
    wt = xp.permute_dims(xp.reshape(w, (groups, f // groups, -1)), (0, 2, 1))  # (G, C/G * K, F/G)
    cols = xp.reshape(xp.matmul(wt, rows(b, g, groups)), (c, math.prod(kernel), n, *sizes))  # (C, K, N, oS)
    big = tuple(s + 2 * p for s, p in zip(shape[2:], window.padding, strict=True))
    x = xp.zeros((c, n, *big), dtype=g.dtype)
    for k, tap in enumerate(taps(kernel, sizes, window)):
        x[(..., *tap)] = x[(..., *tap)] + cols[:, k, ...]
    return xp.permute_dims(unpadded(x, window.padding), (1, 0, *range(2, x.ndim)))


def conv_weight(b: Any, x: Any, g: Any, kernel: tuple, window: Window) -> Any:
    """The adjoint of `conv` in w: each tap's input against the gradient, summed over cases and positions."""
    xp, groups = b.xp, window.groups
    cols = xp.permute_dims(columns(b, x, kernel, window), (0, 2, 1))  # (G, N * oS, C/G * K)
    return xp.reshape(xp.matmul(rows(b, g, groups), cols), (g.shape[1], x.shape[1] // groups, *kernel))


def under_window(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple, value: float) -> list[Any]:
    """For each tap of the kernel, what it sees of `x` at all output positions; `value` outside of x."""
    x = widened(b, padded(b, x, window.padding, value), kernel, window, sizes, value)
    return [x[(..., *tap)] for tap in taps(kernel, sizes, window)]


def lowest(b: Any, x: Any) -> Any:
    """The smallest value of the type of x, which is what max pooling pads with."""
    return -b.xp.inf if dtype_of(x).kind == "float" else b.xp.iinfo(x.dtype).min


def max_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> Any:
    """The largest value under each window; NaN if there is one."""
    views = under_window(b, x, kernel, window, sizes, lowest(b, x))
    best = b.xp.asarray(views[0], copy=True) if len(views) == 1 else views[0]
    for view in views[1:]:
        best = b.xp.maximum(best, view)
    return best


def taken(b: Any, x: Any, best: Any, kernel: tuple, window: Window) -> list[Any]:
    """For each tap, whether max pooling took its value: the first of equals inside x, the first NaN."""
    xp, sizes = b.xp, best.shape[2:]
    low = lowest(b, x)
    inside = None
    if xp.any(best == low):  # only then could padding be mistaken for a value of x
        ones = xp.ones((1, 1, *x.shape[2:]), dtype=xp.int8)
        inside = [view > 0 for view in under_window(b, ones, kernel, window, sizes, 0)]
    has_nan = bool(xp.any(best != best))
    free, found = None, []
    for k, view in enumerate(under_window(b, x, kernel, window, sizes, low)):
        hit = view == best
        if has_nan:
            hit = xp.logical_or(hit, xp.logical_and(view != view, best != best))
        if inside is not None:
            hit = xp.logical_and(hit, inside[k])
        if free is not None:
            hit = xp.logical_and(hit, free)
        free = xp.logical_not(hit) if free is None else xp.logical_and(free, xp.logical_not(hit))
        found.append(hit)
    return found


def max_pool_places(b: Any, x: Any, best: Any, kernel: tuple, window: Window) -> Any:
    """The flat position in the image of the value that each window took."""
    xp, spatial = b.xp, x.shape[2:]
    places = xp.zeros(best.shape, dtype=xp.int64)
    image = xp.reshape(xp.arange(math.prod(spatial), dtype=xp.int64), (1, 1, *spatial))
    at = under_window(b, image, kernel, window, best.shape[2:], 0)
    for hit, place in zip(taken(b, x, best, kernel, window), at, strict=True):
        places = xp.where(hit, place, places)
    return places


def max_pool_input(b: Any, g: Any, x: Any, best: Any, kernel: tuple, window: Window) -> Any:
    """The adjoint of `max_pool_take`: each output goes to the place of the one value its window took."""
    parts = [b.where(hit, g, 0.0) for hit in taken(b, x, best, kernel, window)]
    return spread_back(b, parts, x.shape, kernel, window, best.shape[2:])


def max_pool_take(b: Any, v: Any, x: Any, best: Any, kernel: tuple, window: Window) -> Any:
    """From each window of `v` the value at the place that max pooling of x took."""
    views = under_window(b, v, kernel, window, best.shape[2:], 0)
    return sum(b.where(hit, view, 0.0) for hit, view in zip(taken(b, x, best, kernel, window), views, strict=True))


def widened(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple, value: float) -> Any:
    """`x` grown at its end where the last window (ceil_mode) reaches beyond it."""
    xp, lead = b.xp, x.ndim - len(kernel)
    for d, (k, s, o, dil) in enumerate(zip(kernel, window.stride, sizes, window.dilation, strict=True)):
        lack = (o - 1) * s + dil * (k - 1) + 1 - x.shape[lead + d]
        if lack > 0:
            shape = (*x.shape[: lead + d], lack, *x.shape[lead + d + 1 :])
            x = xp.concat([x, xp.full(shape, value, dtype=x.dtype)], axis=lead + d)
    return x


def put_places(b: Any, x: Any, places: Any, shape: tuple) -> Any:
    """Zeros of `shape` with x added at its flat positions in the image."""
    xp, planes, size = b.xp, math.prod(shape[:2]), math.prod(shape[2:])
    start = xp.reshape(xp.arange(planes, dtype=xp.int64) * size, (planes, 1))
    at = xp.reshape(xp.reshape(places, (planes, math.prod(places.shape[2:]))) + start, (-1,))
    return xp.reshape(b.index_add(planes * size, at, xp.reshape(x, (-1,))), shape)


@in_single
def sum_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> Any:
    """The sum under each window; padding counts as zero."""
    return sum(under_window(b, x, kernel, window, sizes, 0))


@in_single
def sum_pool_input(b: Any, g: Any, shape: tuple, kernel: tuple, window: Window) -> Any:
    """The adjoint of `sum_pool`: every output spreads back over its window."""
    return spread_back(b, [g] * math.prod(kernel), shape, kernel, window, g.shape[2:])


def spread_back(b: Any, parts: list, shape: tuple, kernel: tuple, window: Window, sizes: tuple) -> Any:
    """Zeros of `shape` with a part for each tap added where that tap looked: the adjoint of `under_window`."""
    ends = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(sizes, window.stride, window.dilation, kernel, strict=True)]
    big = [max(n + 2 * p, e) for n, p, e in zip(shape[2:], window.padding, ends, strict=True)]
    x = b.xp.zeros((*shape[:2], *big), dtype=parts[0].dtype)
    alone = apart(kernel, window)
    for part, tap in zip(parts, taps(kernel, sizes, window), strict=True):
        x[(..., *tap)] = part if alone else x[(..., *tap)] + part
    return x[(..., *(slice(p, p + n) for n, p in zip(shape[2:], window.padding, strict=True)))]


_KERNELS = [conv, conv_input, conv_weight, max_pool, max_pool_places, max_pool_input, max_pool_take, put_places, sum_pool,
            sum_pool_input]  # fmt: skip
WINDOWS = {f.__name__: f for f in _KERNELS}
