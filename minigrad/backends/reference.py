"""Every kernel once, in the plain Array API: the meaning of the fast ones, and the oracle they are tested against.

A kernel takes the backend first, then arrays; windows (`Window`) and sizes come as keywords. Spatial kernels serve one,
two and three dimensions alike: below, `oS` stands for the output's spatial shape and `K` for the kernel's taps.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np


ARRAY = "array"  # stands in the spec of an index for the next index array


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


def linear(b: Any, x: Any, weight: Any, bias: Any) -> Any:
    """y = x weight^T + bias."""
    y = b.xp.matmul(b.xp.reshape(x, (-1, x.shape[-1])) if x.shape[-1] and x.ndim != 2 else x, weight.T)
    if bias is not None:
        y = y + bias
    return b.xp.reshape(y, (*x.shape[:-1], weight.shape[0]))


def conv_input(b: Any, g: Any, w: Any, shape: tuple, window: Window) -> Any:
    """The adjoint of `conv` in x: every output spreads back over the window that it came from."""
    xp, groups = b.xp, window.groups
    f, kernel = w.shape[0], w.shape[2:]
    n, c, sizes = shape[0], shape[1], g.shape[2:]
    wt = xp.permute_dims(xp.reshape(w, (groups, f // groups, -1)), (0, 2, 1))  # (G, C/G * K, F/G)
    cols = xp.reshape(xp.matmul(wt, rows(b, g, groups)), (c, -1, n, *sizes))  # (C, K, N, oS)
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


def max_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> tuple[Any, Any]:
    """The largest value under each window, and its flat position in the image (the first of equals; NaN wins)."""
    xp = b.xp
    low = -xp.inf if xp.isdtype(x.dtype, "real floating") else xp.iinfo(x.dtype).min
    spatial = x.shape[2:]
    x = widened(b, padded(b, x, window.padding, low), kernel, window, sizes, low)
    place = xp.reshape(xp.arange(math.prod(spatial), dtype=xp.int64), spatial)
    place = widened(b, padded(b, place, window.padding, -1), kernel, window, sizes, -1)
    best, where = None, None
    for tap in taps(kernel, sizes, window):
        here = x[(..., *tap)]
        at = xp.broadcast_to(place[tap], here.shape)
        if best is None:
            best, where = here, at
        else:
            better = xp.logical_or(here > best, xp.logical_and(here != here, best == best))
            better = xp.logical_or(better, xp.logical_and(where < 0, at >= 0))
            best, where = xp.where(better, here, best), xp.where(better, at, where)
    return best, where


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
    at = xp.reshape(xp.reshape(places, (planes, -1)) + start, (-1,))
    return xp.reshape(b.index_add(planes * size, at, xp.reshape(x, (-1,))), shape)


def sum_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> Any:
    """The sum under each window; padding counts as zero."""
    x = widened(b, padded(b, x, window.padding), kernel, window, sizes, 0)
    return sum(x[(..., *tap)] for tap in taps(kernel, sizes, window))


def sum_pool_input(b: Any, g: Any, shape: tuple, kernel: tuple, window: Window) -> Any:
    """The adjoint of `sum_pool`: every output spreads back over its window."""
    sizes = g.shape[2:]
    ends = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(sizes, window.stride, window.dilation, kernel, strict=True)]
    big = [max(n + 2 * p, e) for n, p, e in zip(shape[2:], window.padding, ends, strict=True)]
    x = b.xp.zeros((*shape[:2], *big), dtype=g.dtype)
    for tap in taps(kernel, sizes, window):
        x[(..., *tap)] = x[(..., *tap)] + g
    return x[(..., *(slice(p, p + n) for n, p in zip(shape[2:], window.padding, strict=True)))]


def batch_norm(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any]:
    """x normalised over all dimensions but 1, with the batch mean and the (biased) variance it used."""
    xp = b.xp
    dims = (0, *range(2, x.ndim))
    mean = xp.mean(x, axis=dims, keepdims=True)
    centred = x - mean
    var = xp.mean(centred * centred, axis=dims, keepdims=True)
    y = centred * per_channel(b, weight, x, 1 / xp.sqrt(var + eps))
    if bias is not None:
        y = y + xp.reshape(bias, mean.shape)
    return y, mean, var


def per_channel(b: Any, weight: Any, x: Any, scale: Any) -> Any:
    """`scale`, times the weight of each channel if there is one."""
    return scale if weight is None else scale * b.xp.reshape(weight, scale.shape)


def batch_norm_input(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> Any:
    """dx = w/s (g - mean(g) - xhat mean(g xhat)), with s = sqrt(var + eps)."""
    xp = b.xp
    dims = (0, *range(2, x.ndim))
    rstd = 1 / xp.sqrt(var + eps)
    centred = x - mean
    slope = xp.mean(g * centred, axis=dims, keepdims=True) * rstd * rstd
    return per_channel(b, weight, x, rstd) * (g - xp.mean(g, axis=dims, keepdims=True) - centred * slope)


def layer_norm(b: Any, x: Any, weight: Any, bias: Any, dims: tuple, eps: float) -> tuple[Any, Any, Any]:
    """x normalised over its last dimensions `dims`, with the mean and 1/sqrt(var + eps) of every case."""
    xp = b.xp
    mean = xp.mean(x, axis=dims, keepdims=True)
    centred = x - mean
    rstd = 1 / xp.sqrt(xp.mean(centred * centred, axis=dims, keepdims=True) + eps)
    y = centred * rstd
    if weight is not None:
        y = y * weight
    if bias is not None:
        y = y + bias
    return y, mean, rstd


def softmax(b: Any, x: Any, dim: int) -> Any:
    e = b.xp.exp(x - b.xp.max(x, axis=dim, keepdims=True))
    return e / b.xp.sum(e, axis=dim, keepdims=True)


def log_softmax(b: Any, x: Any, dim: int) -> Any:
    x = x - b.xp.max(x, axis=dim, keepdims=True)
    return x - b.xp.log(b.xp.sum(b.xp.exp(x), axis=dim, keepdims=True))


def cross_entropy_input(b: Any, g: Any, target: Any, logp: Any) -> Any:
    """dx = g (softmax - onehot(target)) for each row; 0 where the target is < 0."""
    xp = b.xp
    here = xp.reshape(xp.arange(logp.shape[1], dtype=target.dtype), (1, -1)) == xp.reshape(target, (-1, 1))
    g = xp.reshape(xp.where(target < 0, 0.0, g), (-1, 1))
    return g * xp.where(here, xp.exp(logp) - 1, xp.exp(logp))


def lerp_(b: Any, x: Any, end: Any, weight: Any) -> None:
    """x <- x + weight (end - x), in place."""
    x += weight * (end - x)


def assign_at_(b: Any, x: Any, value: Any, index: tuple, spec: tuple) -> Any:
    """x[index] <- value, in place."""
    rest = iter(index)
    x[...] = b.put_at(x, tuple(next(rest) if item is ARRAY else item for item in spec), value)
    return x


def positions(b: Any, shape: tuple, index: tuple) -> np.ndarray:
    """The flat positions that an index selects in an array of `shape`; integers, so found on the host."""
    host = tuple(b.to_host(i) if hasattr(i, "dtype") else i for i in index)
    return np.arange(math.prod(shape)).reshape(shape)[host]


def take_at(b: Any, x: Any, index: tuple) -> Any:
    """x[index] for any mix of slices, integers, None and index arrays."""
    at = positions(b, x.shape, index)
    return b.xp.reshape(b.xp.take(b.xp.reshape(x, (-1,)), b.from_host(at.reshape(-1)), axis=0), at.shape)


def add_at(b: Any, shape: tuple, index: tuple, source: Any) -> Any:
    """Zeros of `shape` with the source added at [index]; an element named twice adds up."""
    at = b.from_host(positions(b, shape, index).reshape(-1))
    return b.xp.reshape(b.index_add(math.prod(shape), at, b.xp.reshape(source, (-1,))), shape)


def put_at(b: Any, x: Any, index: tuple, value: Any) -> Any:
    """x with the value, broadcast, at [index]; of an element named twice one write stays."""
    xp, at = b.xp, positions(b, x.shape, index)
    value = xp.reshape(xp.broadcast_to(xp.asarray(value, dtype=x.dtype), at.shape), (-1,))
    out = xp.reshape(xp.asarray(x, copy=True), (-1,))
    for i, place in enumerate(at.reshape(-1).tolist()):
        out[place] = value[i]
    return xp.reshape(out, x.shape)


def index_add(b: Any, n: int, index: Any, source: Any) -> Any:
    """out[index[i]] += source[i], for n rows."""
    xp = b.xp
    out = xp.zeros((n, *source.shape[1:]), dtype=source.dtype)
    for i in range(index.shape[0]):
        row = int(index[i])
        out[row, ...] = out[row, ...] + source[i, ...]
    return out


def random_uniform(b: Any, generator: Any, shape: tuple, dtype: Any) -> Any:
    """Uniform on [0, 1), drawn on the host so that every backend sees the same numbers."""
    return b.xp.astype(b.from_host(generator.random(shape)), dtype)


def random_normal(b: Any, generator: Any, shape: tuple, dtype: Any) -> Any:
    """Standard normal, drawn on the host so that every backend sees the same numbers."""
    return b.xp.astype(b.from_host(generator.standard_normal(shape)), dtype)


REFERENCE = {
    f.__name__: f
    for f in (conv, conv_input, conv_weight, linear, max_pool, put_places, sum_pool, sum_pool_input, batch_norm, batch_norm_input,
              layer_norm, softmax, log_softmax, take_at, add_at, put_at, index_add, cross_entropy_input, lerp_,
              assign_at_, random_uniform, random_normal)
}  # fmt: skip
