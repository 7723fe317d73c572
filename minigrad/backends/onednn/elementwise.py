"""Functions of each element on oneDNN, where it beats NumPy, and softmax. Its log softmax is right to five digits only, so that
is left to NumPy; the gradient is not.

tanh, exp and log are not here: NumPy's own are as fast at any size. The others pay from some thousand elements on.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy_kernels, reference
from .library import (
    DIFF_DST,
    DIFF_SRC,
    DST,
    GELU_ERF,
    GELU_TANH,
    LOG_SOFTMAX,
    LOGISTIC,
    RELU_BY_OUTPUT,
    SOFTMAX,
    SRC,
    TRAINING,
    Library,
)  # fmt: skip
from .primitive import FEW, FLOAT32, Primitive, compiled, finite, fits

COST = 100.0  # operations that take as long as one element here
ENOUGH = 1 << 16  # elements; below, NumPy's gradient of ReLU is as fast
FAINT = -80.0  # where its sigmoid is close to the least number of float32, below which it has 0


class Elementwise:
    """A function of each element of an array of some size; its slope by the input, or (RELU_BY_OUTPUT) by the output."""

    def __init__(self, lib: Library, size: int, function: int) -> None:
        data = lib.desc((size,), (1,))
        hint = lib.make("eltwise_forward_primitive_desc_create", lib.engine, TRAINING, function, data, data, 0.0, 0.0, None)
        self.forward = Primitive(lib, hint, [(SRC, data), (DST, data)])
        back = lib.make("eltwise_backward_primitive_desc_create", lib.engine, function, data, data, data, 0.0, 0.0, hint, None)
        by = DST if function == RELU_BY_OUTPUT else SRC
        self.backward = Primitive(lib, back, [(by, data), (DIFF_DST, data), (DIFF_SRC, data)])

    @staticmethod
    def work(size: int, function: int) -> float:
        return COST * size


def alike(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """g in the memory layout of x."""
    if g.strides == x.strides:
        return g
    out = np.empty_like(x)
    out[...] = g
    return out


def dense(x: np.ndarray) -> np.ndarray:
    """x if its elements lie side by side, in whatever order, else a copy for which they do."""
    return x.copy() if x.ravel("K").base is None else x


def relu_backward(b: Any, g: Any, y: Any) -> Any:
    if y.size < ENOUGH or not fits(g, y) or not finite(g, y):  # it multiplies by 0 and 1
        return reference.relu_backward(b, g, y)
    y = dense(y)
    dx = np.empty_like(y)
    compiled(Elementwise, y.size, RELU_BY_OUTPUT).backward.run(y, alike(g, y), dx)
    return dx


def sigmoid(b: Any, x: Any) -> Any:
    if x.size < FEW or not fits(x) or not x.min() > FAINT:
        return numpy_kernels.sigmoid(b, x)
    x = dense(x)
    y = np.empty_like(x)
    compiled(Elementwise, x.size, LOGISTIC).forward.run(x, y)
    return y


def gelu(b: Any, x: Any, approximate: str) -> Any:
    if not fits(x) or not finite(x):  # it makes NaN of infinity
        return reference.gelu(b, x, approximate)
    x = dense(x)
    y = np.empty_like(x)
    compiled(Elementwise, x.size, GELU_TANH if approximate == "tanh" else GELU_ERF).forward.run(x, y)
    return y


def gelu_backward(b: Any, g: Any, x: Any, approximate: str) -> Any:
    if not fits(g, x) or not finite(x) or (approximate == "tanh" and np.vdot(x, x) > 1e24):  # whose cubes may overflow
        return reference.gelu_backward(b, g, x, approximate)
    x = dense(x)
    dx = np.empty_like(x)
    compiled(Elementwise, x.size, GELU_TANH if approximate == "tanh" else GELU_ERF).backward.run(x, alike(g, x), dx)
    return dx


class Softmax:
    """Softmax or its logarithm along the rows of a matrix: forward, and backward by the output."""

    def __init__(self, lib: Library, rows: int, size: int, function: int) -> None:
        data = lib.desc((rows, size), (size, 1))
        hint = lib.make("softmax_forward_primitive_desc_create", lib.engine, TRAINING, function, data, data, 1, None)
        self.forward = Primitive(lib, hint, [(SRC, data), (DST, data)])
        back = lib.make("softmax_backward_primitive_desc_create", lib.engine, function, data, data, data, 1, hint, None)
        self.backward = Primitive(lib, back, [(DST, data), (DIFF_DST, data), (DIFF_SRC, data)])

    @staticmethod
    def work(rows: int, size: int, function: int) -> float:
        return COST * rows * size


def along(x: np.ndarray, dim: int) -> np.ndarray:
    """x with `dim` innermost: oneDNN is slow along any other."""
    return np.ascontiguousarray(x if dim in (-1, x.ndim - 1) else np.moveaxis(x, dim, -1))


def back(y: np.ndarray, dim: int) -> np.ndarray:
    """y with its last dimension at `dim` again."""
    return y if dim in (-1, y.ndim - 1) else np.moveaxis(y, -1, dim)


def backward(g: np.ndarray, y: np.ndarray, dim: int, function: int) -> np.ndarray:
    """The gradient through softmax or log_softmax."""
    g, y = along(g, dim), along(y, dim)
    dx = np.empty(y.shape, FLOAT32)
    compiled(Softmax, y.size // y.shape[-1], y.shape[-1], function).backward.run(y, g, dx)
    return back(dx, dim)


def softmax(b: Any, x: Any, dim: int) -> Any:
    if not fits(x) or not x.ndim or not math.isfinite(x.max()):  # oneDNN would lose a NaN or an infinity
        return numpy_kernels.NUMPY_KERNELS["softmax"](b, x, dim)
    x = along(x, dim)
    y = np.empty(x.shape, FLOAT32)
    compiled(Softmax, x.size // x.shape[-1], x.shape[-1], SOFTMAX).forward.run(x, y)
    return back(y, dim)


def softmax_backward(b: Any, g: Any, y: Any, dim: int) -> Any:
    fine = fits(g, y) and y.ndim
    return backward(g, y, dim, SOFTMAX) if fine else reference.softmax_backward(b, g, y, dim)


def log_softmax_backward(b: Any, g: Any, y: Any, dim: int) -> Any:
    fine = fits(g, y) and y.ndim and math.isfinite(y.max())
    return backward(g, y, dim, LOG_SOFTMAX) if fine else reference.log_softmax_backward(b, g, y, dim)
