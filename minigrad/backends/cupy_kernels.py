"""Kernels for NVIDIA GPUs: elementwise passes fused into one, convolution as tiles of patches and cuBLAS.

`fused(cupy)` and `CONVOLUTION` are put in the place of the reference kernels of the same names by `cupy_backend.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from .reference import REFERENCE
from .windows import Window, columns, out_sizes, rows

TILE = 2**28  # bytes of patches at a time: enough to keep cuBLAS busy, little beside the memory of a GPU

# (name, inputs, outputs, C++ for one element); T is the type of the elements, `raw` arrays are read as they are
ELEMENTWISE: dict[str, tuple[str, str, str]] = {
    "relu_backward": ("T g, T y", "T dx", "dx = y <= (T)0 ? (T)0 : g"),  # a NaN lets the gradient through, as in PyTorch
    "gelu_erf": ("T x", "T y", "y = x * ((T)0.5 + (T)0.5 * erf(x * (T)0.7071067811865476))"),
    "gelu_erf_backward": (
        "T g, T x", "T dx",
        "T phi = (T)0.5 + (T)0.5 * erf(x * (T)0.7071067811865476);"
        "dx = g * (phi + x * exp((T)-0.5 * x * x) * (T)0.3989422804014327)",
    ),
    "normalize": ("T x, T mean, T scale, T shift", "T y", "y = (x - mean) * scale + shift"),
    "normalize_relu": (
        "T x, T mean, T scale, T shift", "T y",
        "T z = (x - mean) * scale + shift; y = z <= (T)0 ? (T)0 : z",
    ),
    "normalize_backward": (
        "T g, T x, T mean, T rstd, T scale, T shift, T slope", "T dx",
        "dx = scale * (g - (shift + (x - mean) * rstd * slope))",
    ),
    "softmax_backward": ("T g, T y, T total", "T dx", "dx = y * (g - total)"),
    "log_softmax_backward": ("T g, T y, T total", "T dx", "dx = g - exp(y) * total"),
    "sgd": ("T g0, T lr, T decay, T sign", "T p", "p -= lr * (sign * g0 + decay * p)"),
    "sgd_momentum": (
        "T g0, T lr, T momentum, T rest, T decay, T sign, bool nesterov", "T p, T buf",
        "T g = sign * g0 + decay * p; buf = momentum * buf + rest * g;"
        "p -= lr * (nesterov ? g + momentum * buf : buf)",
    ),
    "adam": (
        "T g0, T lr, T size, T root, T beta1, T beta2, T eps, T decay, bool decoupled, T sign", "T p, T m, T v",
        "if (decoupled) p *= (T)1 - lr * decay;"
        "T g = sign * g0 + (decoupled ? (T)0 : decay * p);"
        "m += ((T)1 - beta1) * (g - m); v = beta2 * v + ((T)1 - beta2) * g * g;"
        "p -= size * m / (sqrt(v) / root + eps)",
    ),
}  # fmt: skip


def fused(cupy: Any) -> dict[str, Callable]:
    """The kernels made of `ELEMENTWISE`; each computes what the reference kernel of its name does, in fewer passes."""
    k = {name: cupy.ElementwiseKernel(*parts, name=f"minigrad_{name}") for name, parts in ELEMENTWISE.items()}

    def single(*arrays: Any) -> bool:
        """Whether all arrays are of one type that the kernels compute in."""
        types = {a.dtype for a in arrays if a is not None}
        return len(types) == 1 and next(iter(types)).name in ("float32", "float64")

    def number(x: Any, like: Any) -> Any:
        """A number in the type of an array, as the kernels want it; one that lies on the GPU stays there."""
        return x.astype(like.dtype) if isinstance(x, cupy.ndarray) else like.dtype.type(x)

    def relu_backward(b: Any, g: Any, y: Any) -> Any:
        return k["relu_backward"](g, y) if single(g, y) else REFERENCE["relu_backward"](b, g, y)

    def gelu(b: Any, x: Any, approximate: str) -> Any:
        return k["gelu_erf"](x) if approximate == "none" and single(x) else REFERENCE["gelu"](b, x, approximate)

    def gelu_backward(b: Any, g: Any, x: Any, approximate: str) -> Any:
        exact = approximate == "none" and single(g, x)
        return k["gelu_erf_backward"](g, x) if exact else REFERENCE["gelu_backward"](b, g, x, approximate)

    def statistics(x: Any) -> tuple[Any, Any]:
        dims = (0, *range(2, x.ndim))
        mean = cupy.mean(x, axis=dims, keepdims=True)
        return mean, cupy.mean(cupy.square(x - mean), axis=dims, keepdims=True)

    def scaled(name: str, x: Any, weight: Any, bias: Any, mean: Any, var: Any, eps: float) -> Any:
        scale, shift = 1 / cupy.sqrt(var + x.dtype.type(eps)), cupy.zeros_like(mean)
        scale = scale if weight is None else scale * weight.reshape(mean.shape)
        return k[name](x, mean, scale, shift if bias is None else bias.reshape(mean.shape))

    def batch_norm(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> tuple:
        if not single(x, weight, bias):
            return REFERENCE["batch_norm"](b, x, weight, bias, eps)
        mean, var = statistics(x)
        return scaled("normalize", x, weight, bias, mean, var, eps), mean, var

    def batch_norm_relu(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> tuple:
        if not single(x, weight, bias):
            return REFERENCE["batch_norm_relu"](b, x, weight, bias, eps)
        mean, var = statistics(x)
        y = scaled("normalize_relu", x, weight, bias, mean, var, eps)
        return y, mean, var, cupy.empty(0, dtype=cupy.uint8)

    def batch_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> tuple:
        if not single(g, x, weight, mean, var):
            return REFERENCE["batch_norm_backward"](b, g, x, weight, mean, var, eps)
        dims, n = (0, *range(2, x.ndim)), x.dtype.type(x.size // x.shape[1])
        rstd = 1 / cupy.sqrt(var + x.dtype.type(eps))
        shift = cupy.sum(g, axis=dims, keepdims=True)
        slope = cupy.sum(g * (x - mean), axis=dims, keepdims=True) * rstd
        scale = rstd if weight is None else rstd * weight.reshape(rstd.shape)
        dx = k["normalize_backward"](g, x, mean, rstd, scale, shift / n, slope / n)
        return dx, slope.reshape(-1), shift.reshape(-1)

    def softmax_backward(b: Any, g: Any, y: Any, dim: int) -> Any:
        if not single(g, y):
            return REFERENCE["softmax_backward"](b, g, y, dim)
        return k["softmax_backward"](g, y, cupy.sum(g * y, axis=dim, keepdims=True))

    def log_softmax_backward(b: Any, g: Any, y: Any, dim: int) -> Any:
        if not single(g, y):
            return REFERENCE["log_softmax_backward"](b, g, y, dim)
        return k["log_softmax_backward"](g, y, cupy.sum(g, axis=dim, keepdims=True))

    def sgd_(b: Any, p: Any, g: Any, buf: Any, lr: Any, momentum: float, dampening: float, weight_decay: float,
             nesterov: bool, maximize: bool) -> Any:  # fmt: skip
        if not single(p, g, buf):
            return REFERENCE["sgd_"](b, p, g, buf, lr, momentum, dampening, weight_decay, nesterov, maximize)
        kind, sign = p.dtype.type, p.dtype.type(-1.0 if maximize else 1.0)
        if buf is None:
            k["sgd"](g, number(lr, p), kind(weight_decay), sign, p)
        else:
            k["sgd_momentum"](g, number(lr, p), *map(kind, (momentum, 1 - dampening, weight_decay)), sign, nesterov, p, buf)
        return p

    def adam_(b: Any, p: Any, g: Any, m: Any, v: Any, step: Any, largest: Any, lr: Any, betas: tuple, eps: float,
              weight_decay: float, decoupled: bool, maximize: bool) -> Any:  # fmt: skip
        if largest is not None or not single(p, g, m, v):
            return REFERENCE["adam_"](b, p, g, m, v, step, largest, lr, betas, eps, weight_decay, decoupled, maximize)
        kind, (beta1, beta2) = p.dtype.type, betas
        n = step.astype(cupy.float64) + 1  # in double: 1 - 0.999 has three digits left in single precision
        size, root = (lr / (1 - beta1**n)).astype(p.dtype), ((1 - beta2**n) ** 0.5).astype(p.dtype)
        numbers = map(kind, (beta1, beta2, eps, weight_decay))
        k["adam"](g, number(lr, p), size, root, *numbers, decoupled, kind(-1.0 if maximize else 1.0), p, m, v)
        step += 1  # last: what may run out of memory is behind us
        return p

    made = (relu_backward, gelu, gelu_backward, batch_norm, batch_norm_relu, batch_norm_backward, softmax_backward,
            log_softmax_backward, sgd_, adam_)  # fmt: skip
    return {f.__name__: f for f in made}


# -- convolution, a few images at a time -----------------------------------------------------------------------------------


def tiles(x_shape: tuple, itemsize: int, kernel: tuple, window: Window) -> Iterator[slice]:
    """The cases in parts whose patches take no more than TILE bytes; at least one case each."""
    n, c = x_shape[:2]
    one = c * math.prod(kernel) * math.prod(out_sizes(x_shape[2:], kernel, window)) * itemsize
    many = max(1, TILE // max(one, 1))
    return (slice(start, min(start + many, n)) for start in range(0, n, many))


def conv(b: Any, x: Any, w: Any, bias: Any, window: Window) -> Any:
    """The reference's convolution of a few cases at a time, so that the patches fit beside everything else."""
    parts = list(tiles(x.shape, x.dtype.itemsize, w.shape[2:], window))
    if len(parts) < 2:
        return REFERENCE["conv"](b, x, w, bias, window)
    return b.xp.concat([REFERENCE["conv"](b, x[part], w, bias, window) for part in parts], axis=0)


def conv_input(b: Any, g: Any, w: Any, shape: tuple, window: Window) -> Any:
    parts = list(tiles(shape, g.dtype.itemsize, w.shape[2:], window))
    if len(parts) < 2:
        return REFERENCE["conv_input"](b, g, w, shape, window)
    found = [REFERENCE["conv_input"](b, g[p], w, (p.stop - p.start, *shape[1:]), window) for p in parts]
    return b.xp.concat(found, axis=0)


def conv_weight(b: Any, x: Any, g: Any, kernel: tuple, window: Window) -> Any:
    """Products of patches and gradients, summed over the parts."""
    xp, groups, total = b.xp, window.groups, None
    for part in tiles(x.shape, x.dtype.itemsize, kernel, window):
        cols = xp.permute_dims(columns(b, x[part], kernel, window), (0, 2, 1))
        product = xp.matmul(rows(b, g[part], groups), cols)
        total = product if total is None else total + product
    if total is None:
        return REFERENCE["conv_weight"](b, x, g, kernel, window)
    return xp.reshape(total, (g.shape[1], x.shape[1] // groups, *kernel))


CONVOLUTION = {f.__name__: f for f in (conv, conv_input, conv_weight)}
