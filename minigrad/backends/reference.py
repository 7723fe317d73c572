"""Every kernel once, in the plain Array API: the meaning of the fast ones, and the oracle they are tested against.

A kernel takes the backend first, then arrays, then options. Families with a file of their own: windows.py (convolution,
pooling), attention.py, special.py and gamma.py (special functions), steps.py (optimizer steps).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from .adaptive import ADAPTIVE
from .attention import ATTENTION
from .gamma import GAMMA
from .matrices import MATRICES
from .order import ORDER
from .recurrent import RECURRENT
from .special import erf, erfc, erfinv, in_single, sigmoid
from .steps import STEPS
from .windows import WINDOWS

ARRAY = "array"  # stands in the spec of an index for the next index array


def matmul(b: Any, x: Any, other: Any) -> Any:
    """The product of matrices in the last two dimensions; the others broadcast."""
    return b.xp.matmul(x, other)


def linear(b: Any, x: Any, weight: Any, bias: Any) -> Any:
    """y = x weight^T + bias."""
    y = b.xp.matmul(b.xp.reshape(x, (-1, x.shape[-1])) if x.shape[-1] and x.ndim != 2 else x, weight.T)
    if bias is not None:
        y = y + bias
    return b.xp.reshape(y, (*x.shape[:-1], weight.shape[0]))


def linear_relu(b: Any, x: Any, weight: Any, bias: Any) -> Any:
    """y = max(x weight^T + bias, 0)."""
    return relu(b, linear(b, x, weight, bias))


def conv_relu(b: Any, x: Any, w: Any, bias: Any, window: Any) -> Any:
    """max(conv(x, w) + bias, 0)."""
    return relu(b, b.conv(x, w, bias, window))


def conv_backward(
    b: Any, g: Any, x: Any, w: Any, x_shape: tuple, w_shape: tuple, window: Any, wanted: tuple
) -> tuple[Any, Any, Any]:  # fmt: skip
    """The wanted ones of the gradients of x, weight and bias; x or weight is None where it is not needed."""
    dx = b.conv_input(g, w, x_shape, window) if wanted[0] else None
    dw = b.conv_weight(x, g, w_shape[2:], window) if wanted[1] else None
    db = b.xp.sum(g, axis=(0, *range(2, g.ndim)), dtype=g.dtype) if len(wanted) > 2 and wanted[2] else None
    return dx, dw, db


def relu(b: Any, x: Any) -> Any:
    """y = max(x, 0)."""
    return b.xp.maximum(x, 0)


def relu_backward(b: Any, g: Any, y: Any) -> Any:
    """dx = g where y = max(x, 0) is positive; where y is NaN too, as in PyTorch."""
    return b.where(y <= 0, 0.0, g)


def gelu(b: Any, x: Any, approximate: str) -> Any:
    """y = x Phi(x); Phi is the normal distribution function, or ("tanh") the bend that comes close to it."""
    return x * gelu_weight(b, x, approximate)


def gelu_weight(b: Any, x: Any, approximate: str) -> Any:
    """(1 + erf(x / sqrt 2)) / 2, or (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2."""
    if approximate == "tanh":
        return 0.5 + 0.5 * b.xp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
    return 0.5 + 0.5 * b.erf(x * math.sqrt(0.5))


def gelu_backward(b: Any, g: Any, x: Any, approximate: str) -> Any:
    """dx = g (Phi(x) + x Phi'(x)), with Phi' = e^(-x^2/2) / sqrt(2 pi), or the slope of its approximation."""
    phi = gelu_weight(b, x, approximate)
    if approximate == "tanh":  # Phi = (1 + tanh u) / 2, so Phi' = 2 Phi (1 - Phi) u'
        slope = 2 * phi * (1 - phi) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    else:
        slope = b.xp.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return g * (phi + x * slope)


def linear_backward(b: Any, g: Any, x: Any, weight: Any, wanted: tuple) -> list:
    """The wanted ones of the gradients of x, weight and bias; x or weight is None where it is not needed."""
    xp, found = b.xp, []
    rows = g if g.ndim == 2 else xp.reshape(g, (-1, g.shape[-1]) if g.size else (math.prod(g.shape[:-1]), g.shape[-1]))
    if wanted[0]:
        dx = b.matmul(rows, weight)
        found.append(dx if g.ndim == 2 else xp.reshape(dx, (*g.shape[:-1], dx.shape[1])))
    else:
        found.append(None)
    found.append(b.matmul(rows.T, x if x.ndim == 2 else xp.reshape(x, (rows.shape[0], x.shape[-1]))) if wanted[1] else None)
    found.append(xp.sum(rows, axis=0, dtype=rows.dtype) if len(wanted) > 2 and wanted[2] else None)
    return found


with_statistics = partial(in_single, kept=2)  # a mean and a variance, or what stands for it


@with_statistics
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


@in_single
def batch_norm_input(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> Any:
    """dx = w/s (g - mean(g) - xhat mean(g xhat)), with s = sqrt(var + eps)."""
    xp = b.xp
    dims = (0, *range(2, x.ndim))
    rstd = 1 / xp.sqrt(var + eps)
    centred = x - mean
    slope = xp.mean(g * centred, axis=dims, keepdims=True) * rstd * rstd
    return per_channel(b, weight, x, rstd) * (g - xp.mean(g, axis=dims, keepdims=True) - centred * slope)


@in_single
def batch_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> tuple[Any, Any, Any]:
    """The gradients of x, weight and bias at once: dbias = sum(g) and dweight = sum(g xhat) serve dx too."""
    xp = b.xp
    dims = (0, *range(2, x.ndim))
    rstd = 1 / xp.sqrt(var + eps)
    xhat = (x - mean) * rstd
    shift = xp.sum(g, axis=dims, keepdims=True)
    slope = xp.sum(g * xhat, axis=dims, keepdims=True)
    n = x.size // x.shape[1]
    dx = per_channel(b, weight, x, rstd) * (g - (shift + xhat * slope) * (1.0 / n))
    return dx, xp.reshape(slope, (-1,)), xp.reshape(shift, (-1,))


def batch_norm_relu(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> tuple[Any, Any, Any, Any]:
    """max(batch_norm(x), 0), the mean, the variance, and what a provider's backward kernel wants to find again."""
    y, mean, var = batch_norm(b, x, weight, bias, eps)
    return b.xp.maximum(y, 0), mean, var, b.xp.empty(0, dtype=b.xp.uint8)


def batch_norm_relu_backward(
    b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, y: Any, workspace: Any, eps: float
) -> tuple[Any, Any, Any]:
    """`batch_norm_backward` of the g where y > 0: nothing flows back through a ReLU that is off."""
    return batch_norm_backward(b, relu_backward(b, g, y), x, weight, mean, var, eps)


@with_statistics
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


@in_single
def layer_norm_input(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> Any:
    """dx = rstd (gw - mean(gw) - xhat mean(gw xhat)), with gw = g weight."""
    xp = b.xp
    xhat = (x - mean) * rstd
    gw = g if weight is None else g * weight
    slope = xp.mean(gw * xhat, axis=dims, keepdims=True)
    return (gw - xp.mean(gw, axis=dims, keepdims=True) - xhat * slope) * rstd


@in_single
def layer_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> tuple[Any, Any, Any]:
    """The gradients of x, weight and bias at once."""
    rest = tuple(d for d in range(x.ndim) if d not in dims)
    dw = b.xp.sum(g * ((x - mean) * rstd), axis=rest)
    return layer_norm_input(b, g, x, weight, mean, rstd, dims), dw, b.xp.sum(g, axis=rest)


def in_groups(b: Any, x: Any, groups: int) -> Any:
    """Images (N, C, S) as (N, groups, cells of a group)."""
    return b.xp.reshape(x, (x.shape[0], groups, math.prod(x.shape[1:]) // groups))


@with_statistics
def group_norm(b: Any, x: Any, weight: Any, bias: Any, groups: int, eps: float) -> tuple[Any, Any, Any]:
    """Each group of channels normalised, then scaled and shifted by channel; mean and 1/sqrt(var + eps) of every group."""
    y, mean, rstd = layer_norm(b, in_groups(b, x, groups), None, None, (2,), eps)
    line = (1, x.shape[1], *(1,) * (x.ndim - 2))
    y = b.xp.reshape(y, x.shape) * per_channel(b, weight, x, b.xp.ones(line, dtype=x.dtype))
    return (y if bias is None else y + b.xp.reshape(bias, line)), mean, rstd


@in_single
def group_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, groups: int) -> tuple[Any, Any, Any]:
    """The gradients of x, weight and bias at once."""
    line, rest = (1, x.shape[1], *(1,) * (x.ndim - 2)), (0, *range(2, x.ndim))
    rows = in_groups(b, x, groups)
    gw = in_groups(b, g * per_channel(b, weight, x, b.xp.ones(line, dtype=x.dtype)), groups)
    dx = b.xp.reshape(layer_norm_input(b, gw, rows, None, mean, rstd, (2,)), x.shape)
    return dx, b.xp.sum(g * b.xp.reshape((rows - mean) * rstd, x.shape), axis=rest), b.xp.sum(g, axis=rest)


@in_single
def softmax(b: Any, x: Any, dim: int) -> Any:
    e = b.xp.exp(x - b.xp.max(x, axis=dim, keepdims=True))
    return e / b.xp.sum(e, axis=dim, keepdims=True)


@in_single
def log_softmax(b: Any, x: Any, dim: int) -> Any:
    x = x - b.xp.max(x, axis=dim, keepdims=True)
    return x - b.xp.log(b.xp.sum(b.xp.exp(x), axis=dim, keepdims=True))


@in_single
def softmax_backward(b: Any, g: Any, y: Any, dim: int) -> Any:
    """dx = y (g - sum(g y)) along `dim`."""
    return y * (g - b.xp.sum(g * y, axis=dim, keepdims=True))


@in_single
def log_softmax_backward(b: Any, g: Any, y: Any, dim: int) -> Any:
    """dx = g - e^y sum(g) along `dim`."""
    return g - b.xp.exp(y) * b.xp.sum(g, axis=dim, keepdims=True)


def move_(b: Any, running: Any, value: Any, weight: Any, factor: float) -> None:
    """running <- (1 - weight) running + weight factor value: a running statistic moves towards that of a batch."""
    running *= 1 - weight
    running += weight * factor * b.xp.reshape(value, running.shape)


def where(b: Any, condition: Any, x: Any, other: Any) -> Any:
    """x where the condition holds, else other."""
    return b.xp.where(condition, x, other)


def cross_entropy(b: Any, x: Any, target: Any) -> tuple[Any, Any]:
    """-log softmax(x_n)[target_n], 0 where the target is < 0; and all the logarithms."""
    xp = b.xp
    logp = b.log_softmax(x, 1)
    at = xp.reshape(xp.where(target < 0, 0, target), (-1, 1))
    y = -xp.reshape(xp.take_along_axis(logp, at, axis=1), (-1,))
    return xp.where(target < 0, 0.0, y), logp


def cross_entropy_input(b: Any, g: Any, target: Any, logp: Any) -> Any:
    """dx = g (softmax - onehot(target)) for each row; 0 where the target is < 0."""
    xp = b.xp
    here = xp.reshape(xp.arange(logp.shape[1], dtype=target.dtype), (1, -1)) == xp.reshape(target, (-1, 1))
    g = xp.reshape(xp.where(target < 0, 0.0, g), (-1, 1))
    return g * xp.where(here, xp.exp(logp) - 1, xp.exp(logp))


def all_below(b: Any, x: Any, count: int) -> bool:
    """Whether all integers are 0 ... count - 1."""
    return bool(b.xp.min(x) >= 0) and bool(b.xp.max(x) < count)


def mean(b: Any, x: Any, dim: tuple, keepdim: bool) -> Any:
    """The mean over the dimensions `dim`."""
    return b.xp.mean(x, axis=dim, keepdims=keepdim)


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


def take(b: Any, x: Any, index: Any, dim: int) -> Any:
    """The slices of x along `dim` at checked positions."""
    return b.xp.take(x, index, axis=dim)


def random_uniform(b: Any, generator: Any, shape: tuple, dtype: Any) -> Any:
    """Uniform on [0, 1), drawn on the host so that every backend sees the same numbers."""
    return b.xp.astype(b.from_host(generator.random(shape)), dtype)


def random_normal(b: Any, generator: Any, shape: tuple, dtype: Any) -> Any:
    """Standard normal, drawn on the host so that every backend sees the same numbers."""
    return b.xp.astype(b.from_host(generator.standard_normal(shape)), dtype)


_KERNELS = [
    move_, where, matmul, linear, linear_backward, linear_relu, conv_relu, conv_backward, relu, relu_backward, gelu,
    gelu_backward, batch_norm, batch_norm_input, batch_norm_backward, batch_norm_relu, batch_norm_relu_backward,
    layer_norm, layer_norm_input, layer_norm_backward, group_norm, group_norm_backward, softmax, softmax_backward,
    log_softmax, log_softmax_backward,
    take, take_at, add_at, put_at, index_add, cross_entropy, cross_entropy_input, all_below, mean, lerp_,
    assign_at_, random_uniform, random_normal, erf, erfc, erfinv, sigmoid,
]  # fmt: skip
_FAMILIES = WINDOWS | STEPS | ADAPTIVE | ATTENTION | GAMMA | MATRICES | ORDER | RECURRENT
REFERENCE: dict[str, Any] = _FAMILIES | {f.__name__: f for f in _KERNELS}
