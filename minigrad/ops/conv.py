"""Sliding windows: convolution with its two adjoints, and pooling, in one, two and three spatial dimensions.

`conv`, `conv_input` and `conv_weight` are one trilinear form seen from three sides: the rules of each are the other two.
"""

from __future__ import annotations

import math
from typing import Any

from ..backends import backend_of
from ..core import op
from .elementwise import relu, through_relu
from .reduce import sum_op


@op("general")
def conv(b, x, weight, bias=None, *, window):
    """y[n,f,o] = bias[f] + sum over c, k of weight[f,c,k] x[n,c,stride o + dilation k - padding].

    (N, C, S), (F, C/groups, K), (F) -> (N, F, oS). Source: Dumoulin & Visin 2016, A guide to convolution arithmetic.
    """
    return b.conv(x, weight, bias, window)


@op("general")
def conv_relu(b, x, weight, bias=None, *, window):
    """y = max(conv(x) + bias, 0): a convolution with the ReLU that follows it, in one pass over the memory"""
    return b.conv_relu(x, weight, bias, window)


@op("general")
def conv_input(b, out, weight, *, shape, window):
    """The adjoint of `conv` in x, also called transposed convolution; (N, F, oS), (F, C/groups, K) -> (N, C, S)"""
    return b.conv_input(out, weight, shape, window)


@op("general")
def conv_weight(b, x, out, *, kernel, window):
    """The adjoint of `conv` in the weight; (N, C, S), (N, F, oS) -> (F, C/groups, K)"""
    return b.conv_weight(x, out, kernel, window)


@op("general")
def max_pool(b, x, *, kernel, window, sizes):
    """y[n,c,o] = the largest x under the window at o; the gradient goes to the first of equals"""
    return b.max_pool(x, kernel, window, sizes)


@op("general")
def max_pool_places(b, x, best, *, kernel, window):
    """The flat position in the image of the x that each best = max_pool(x) is"""
    return b.max_pool_places(x, best, kernel, window)


@op("general")
def max_pool_input(b, out, x, best, *, kernel, window):
    """Zeros like x, with out[n,c,o] added where best = max_pool(x) took its value"""
    return b.max_pool_input(out, x, best, kernel, window)


@op("general")
def max_pool_take(b, v, x, best, *, kernel, window):
    """From each window of v the value at the place that best = max_pool(x) took: the adjoint of `max_pool_input`"""
    return b.max_pool_take(v, x, best, kernel, window)


@op("linear")
def take_places(b, x, places):
    """y[n,c,o] = x[n,c,places[n,c,o]], with flat positions in the image"""
    xp = b.xp
    lead = x.shape[:2]
    flat, at = (xp.reshape(v, (*lead, math.prod(v.shape[2:]))) for v in (x, places))
    flat = xp.take_along_axis(flat, at, axis=2)
    return xp.reshape(flat, places.shape)


@op("linear")
def put_places(b, x, places, *, shape):
    """Zeros of `shape` with x added at its places: the adjoint of `take_places`"""
    return b.put_places(x, places, shape)


@op("linear")
def sum_pool(b, x, *, kernel, window, sizes):
    """y[n,c,o] = the sum of x under the window at o; padding counts as 0"""
    return b.sum_pool(x, kernel, window, sizes)


@op("linear")
def sum_pool_input(b, x, *, shape, kernel, window):
    """Every element spread over its window: the adjoint of `sum_pool`"""
    return b.sum_pool_input(x, shape, kernel, window)


def channel_sum(g: Any) -> Any:
    """g summed over all dimensions but 1."""
    return sum_op(g, dim=(0, *range(2, g.ndim)))


conv.vjp(
    x=lambda g, weight, x_shape, window: conv_input(g, weight, shape=x_shape, window=window),
    weight=lambda g, x, weight_shape, window: conv_weight(x, g, kernel=weight_shape[2:], window=window),
    bias=lambda g: channel_sum(g),
)
conv_relu.vjp(
    x=lambda g, y, weight, x_shape, window: conv_input(through_relu(g, y), weight, shape=x_shape, window=window),
    weight=lambda g, y, x, weight_shape, window: conv_weight(x, through_relu(g, y), kernel=weight_shape[2:], window=window),
    bias=lambda g, y: channel_sum(through_relu(g, y)),
)


@conv_relu.define
def conv_relu_definition(x, weight, bias=None, *, window):
    return relu(conv(x, weight, bias, window=window))


conv.fused = lambda g, x, weight, x_shape, weight_shape, window, wanted: backend_of(g).conv_backward(
    g, x, weight, x_shape, weight_shape, window, wanted
)
conv_relu.fused = lambda g, y, x, weight, x_shape, weight_shape, window, wanted: (b := backend_of(g)).conv_backward(
    b.relu_backward(g, y), x, weight, x_shape, weight_shape, window, wanted
)
conv_input.vjp(
    out=lambda g, weight, window: conv(g, weight, window=window),
    weight=lambda g, out, weight_shape, window: conv_weight(g, out, kernel=weight_shape[2:], window=window),
)
conv_weight.vjp(
    x=lambda g, out, x_shape, window: conv_input(out, g, shape=x_shape, window=window),
    out=lambda g, x, window: conv(x, g, window=window),
)
max_pool.vjp(x=lambda g, y, x, kernel, window: max_pool_input(g, x, y, kernel=kernel, window=window))
max_pool_input.vjp(out=lambda g, x, best, kernel, window: max_pool_take(g, x, best, kernel=kernel, window=window))
max_pool_take.vjp(v=lambda g, x, best, kernel, window: max_pool_input(g, x, best, kernel=kernel, window=window))
take_places.vjp(x=lambda g, places, x_shape: put_places(g, places, shape=x_shape))
put_places.vjp(x=lambda g, places: take_places(g, places))
sum_pool.vjp(x=lambda g, x_shape, kernel, window: sum_pool_input(g, shape=x_shape, kernel=kernel, window=window))
sum_pool_input.vjp(x=lambda g, kernel, window, x_shape: sum_pool(g, kernel=kernel, window=window, sizes=x_shape[2:]))
