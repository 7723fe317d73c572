"""Kernels on oneDNN, of the same names and meaning as the reference's, which serves whatever these can't."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy_kernels, reference, windows
from ..windows import Window, out_sizes
from .library import (
    BACKWARD,
    BIAS,
    CONV_DIRECT,
    DIFF_DST,
    DIFF_SCALE,
    DIFF_SHIFT,
    DIFF_SRC,
    DIFF_WEIGHTS,
    DIFF_WEIGHTS_MD,
    DST,
    MEAN,
    SCALE,
    SHIFT,
    SRC,
    TRAINING,
    USE_SCALE,
    USE_SHIFT,
    VARIANCE,
    WEIGHTS,
    WEIGHTS_MD,
    library,
)  # fmt: skip
from .pooling import max_pool, max_pool_input
from .primitive import Primitive, Reorder, as_channels_last, cached, channels_last, fits, new_channels_last, strides


class Convolution:
    """Forward and both gradients of one convolution: shapes, window, and whether it has a bias."""

    def __init__(self, x: tuple, w: tuple, window: Window, bias: bool) -> None:
        lib = library()
        assert lib is not None
        groups = window.groups
        self.y = (x[0], w[0], *out_sizes(x[2:], w[2:], window))
        grouped = (groups, w[0] // groups, *w[1:]) if groups > 1 else w
        plain = [1]
        for n in reversed(grouped[1:]):
            plain.insert(0, plain[0] * n)
        ends = [lib.dims(v) for v in (window.stride, tuple(d - 1 for d in window.dilation), window.padding, window.padding)]
        src, dst = lib.desc(x, channels_last(x)), lib.desc(self.y, channels_last(self.y))
        weights, own = lib.any(grouped), lib.desc(grouped, tuple(plain))
        line = lib.desc((w[0],), (1,)) if bias else None
        hint = lib.make("convolution_forward_primitive_desc_create", lib.engine, TRAINING, CONV_DIRECT, src, weights, line, dst,
                        *ends, None)  # fmt: skip
        chosen = lib.chosen(hint, WEIGHTS_MD)
        slots = [(SRC, src), (WEIGHTS, chosen), (DST, dst)]
        self.forward = Primitive(lib, hint, slots + ([(BIAS, line)] if bias else []))
        self.weights = Reorder(lib, own, chosen)
        back = lib.make("convolution_backward_data_primitive_desc_create", lib.engine, CONV_DIRECT, src, weights, dst, *ends,
                        hint, None)  # fmt: skip
        chosen = lib.chosen(back, WEIGHTS_MD)
        self.data = Primitive(lib, back, [(DIFF_DST, dst), (WEIGHTS, chosen), (DIFF_SRC, src)])
        self.data_weights = Reorder(lib, own, chosen)
        back = lib.make("convolution_backward_weights_primitive_desc_create", lib.engine, CONV_DIRECT, src, weights, None, dst,
                        *ends, hint, None)  # fmt: skip
        chosen = lib.chosen(back, DIFF_WEIGHTS_MD)
        self.weight = Primitive(lib, back, [(SRC, src), (DIFF_DST, dst), (DIFF_WEIGHTS, chosen)])
        self.weight_back = Reorder(lib, chosen, own)


def convolution(x: tuple, w: tuple, window: Window, bias: bool) -> Convolution | None:
    """The compiled convolution of these shapes, None where oneDNN has none."""
    work = 2.0 * x[0] * math.prod(out_sizes(x[2:], w[2:], window)) * math.prod(w)
    return cached(("conv", x, w, window, bias), lambda: Convolution(x, w, window, bias), work)


def conv(b: Any, x: Any, w: Any, bias: Any, window: Window) -> Any:
    found = convolution(x.shape, w.shape, window, bias is not None) if fits(x, w, bias) else None
    if found is None:
        return windows.conv(b, x, w, bias, window)
    y = new_channels_last(found.y)
    found.forward.run(as_channels_last(x), found.weights.into(np.ascontiguousarray(w)), y, *(() if bias is None else (bias,)))
    return y


def conv_input(b: Any, g: Any, w: Any, shape: tuple, window: Window) -> Any:
    found = convolution(tuple(shape), w.shape, window, False) if fits(g, w) else None
    if found is None:
        return windows.conv_input(b, g, w, shape, window)
    x = new_channels_last(shape)
    found.data.run(as_channels_last(g), found.data_weights.into(np.ascontiguousarray(w)), x)
    return x


def conv_weight(b: Any, x: Any, g: Any, kernel: tuple, window: Window) -> Any:
    shape = (g.shape[1], x.shape[1] // window.groups, *kernel)
    found = convolution(x.shape, shape, window, False) if fits(x, g) else None
    if found is None:
        return windows.conv_weight(b, x, g, kernel, window)
    out = np.empty(shape, dtype=np.float32)
    found.weight.run(as_channels_last(x), as_channels_last(g), found.weight_back.room(out))
    return found.weight_back.back(out)


class Normalization:
    """Batch norm over (N, C) or (N, C, S) for one shape: forward with batch statistics, and backward."""

    def __init__(self, shape: tuple, eps: float, weight: bool, bias: bool) -> None:
        lib = library()
        assert lib is not None
        self.flags = (USE_SCALE if weight else 0) | (USE_SHIFT if bias else 0)
        sizes = shape if len(shape) > 2 else (*shape, 1, 1)
        data, line = lib.desc(sizes, channels_last(sizes)), lib.desc((shape[1],), (1,))
        statistics = [(MEAN, line), (VARIANCE, line)]
        scale, shift = ([(SCALE, line)] if weight else []), ([(SHIFT, line)] if bias else [])
        hint = lib.make("batch_normalization_forward_primitive_desc_create", lib.engine, TRAINING, data, data, eps, self.flags,
                        None)  # fmt: skip
        self.forward = Primitive(lib, hint, [(SRC, data), (DST, data), *statistics, *scale, *shift])
        back = lib.make("batch_normalization_backward_primitive_desc_create", lib.engine, BACKWARD, data, data, data, eps,
                        self.flags, hint, None)  # fmt: skip
        changes = [(arg, line) for arg, there in ((DIFF_SCALE, weight), (DIFF_SHIFT, bias)) if there]
        self.backward = Primitive(lib, back, [(SRC, data), (DIFF_DST, data), *statistics, *scale, (DIFF_SRC, data), *changes])


def dense(x: np.ndarray) -> np.ndarray:
    """x with its channels innermost: an (N, C) matrix in rows, an image channels-last."""
    return as_channels_last(x) if x.ndim > 2 else np.ascontiguousarray(x)


def like(x: np.ndarray) -> np.ndarray:
    """An empty array of that shape and layout."""
    return new_channels_last(x.shape) if x.ndim > 2 else np.empty(x.shape, dtype=np.float32)


def normalization(x: Any, eps: float, weight: bool, bias: bool) -> Normalization | None:
    """The compiled batch norm of this shape, None where oneDNN has none."""
    key = ("batch_norm", x.shape, eps, weight, bias)
    # Two threads meet at a spinning barrier several times here, which a busy machine makes expensive: large images only.
    return cached(key, lambda: Normalization(x.shape, eps, weight, bias), 2.0 * x.size)


def batch_norm(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    found = normalization(x, eps, weight is not None, bias is not None) if fits(x, weight, bias) else None
    if found is None:
        return reference.batch_norm(b, x, weight, bias, eps)
    x, line = dense(x), (1, x.shape[1], *(1,) * (x.ndim - 2))
    y, mean, var = like(x), np.empty(line, dtype=np.float32), np.empty(line, dtype=np.float32)
    found.forward.run(x, y, mean, var, *(v for v in (weight, bias) if v is not None))
    return y, mean, var


def batch_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> Any:
    found = normalization(x, eps, weight is not None, True) if fits(g, x, weight, mean, var) else None
    if found is None:
        return reference.batch_norm_backward(b, g, x, weight, mean, var, eps)
    x = dense(x)
    dx, dw, db = like(x), np.empty(x.shape[1], dtype=np.float32), np.empty(x.shape[1], dtype=np.float32)
    scale = () if weight is None else (weight,)
    found.backward.run(x, dense(g), mean, var, *scale, dx, *((dw, db) if scale else (db,)))
    return dx, (dw if scale else None), db


class Product:
    """The product of two matrices of given shapes and strides, with a bias for each column."""

    def __init__(self, x: tuple, w: tuple, bias: bool) -> None:
        lib = library()
        assert lib is not None
        self.y = (x[0][0], w[0][1])
        src, weights, dst = lib.desc(*x), lib.desc(*w), lib.desc(self.y, (self.y[1], 1))
        line = lib.desc((1, self.y[1]), (self.y[1], 1)) if bias else None
        desc = lib.make("matmul_primitive_desc_create", lib.engine, src, weights, line, dst, None)
        slots = [(SRC, src), (WEIGHTS, weights), (DST, dst)] + ([(BIAS, line)] if bias else [])
        self.primitive = Primitive(lib, desc, slots)


def product(x: np.ndarray, w: np.ndarray, bias: Any = None) -> np.ndarray | None:
    """x w + bias for matrices whose rows or columns are dense; None where oneDNN has no primitive."""
    key = ("matmul", (x.shape, strides(x)), (w.shape, strides(w)), bias is not None)
    if 1 not in key[1][1] or 1 not in key[2][1]:
        return None
    found = cached(key, lambda: Product(*key[1:]), 2.0 * x.size * w.shape[1])
    if found is None:
        return None
    y = np.empty(found.y, dtype=np.float32)
    found.primitive.run(x, w, y, *(() if bias is None else (bias,)))
    return y


def matmul(b: Any, x: Any, other: Any) -> Any:
    y = product(x, other) if x.ndim == other.ndim == 2 and x.shape[1] == other.shape[0] and fits(x, other) else None
    return reference.matmul(b, x, other) if y is None else y


def linear(b: Any, x: Any, weight: Any, bias: Any) -> Any:
    rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1]) if x.size else x
    y = product(rows, weight.T, bias) if fits(x, weight, bias) else None
    return numpy_kernels.linear(b, x, weight, bias) if y is None else y.reshape(*x.shape[:-1], weight.shape[0])


_KERNELS = [max_pool, max_pool_input, conv, conv_input, conv_weight, batch_norm, batch_norm_backward, matmul, linear]
ONEDNN: dict[str, Any] = {f.__name__: f for f in _KERNELS}
