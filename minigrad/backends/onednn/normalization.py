"""Normalization on oneDNN, batch norm also with the ReLU behind it."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import numpy_kernels, reference
from .library import (
    BACKWARD,
    BACKWARD_DATA,
    DIFF_DST,
    DIFF_SCALE,
    DIFF_SHIFT,
    DIFF_SRC,
    DST,
    FUSE_RELU,
    MEAN,
    SCALE,
    SHIFT,
    SRC,
    TRAINING,
    USE_SCALE,
    USE_SHIFT,
    VARIANCE,
    WORKSPACE,
    WORKSPACE_MD,
    Library,
)  # fmt: skip
from .primitive import (
    FLOAT32,
    MOST,
    Primitive,
    as_channels_last,
    channels_last,
    compiled,
    finite,
    fits,
    given,
    new_channels_last,
)  # fmt: skip

MANY = 512  # values of a channel, from which on its mean and variance are looked at: see `steady`
FAR = 1e3  # of a squared mean, in variances


class BatchNorm:
    """Batch norm of one shape, (N, C) or (N, C, S), by the batch's statistics, with a ReLU or without; and backward."""

    def __init__(self, lib: Library, shape: tuple, eps: float, weight: bool, bias: bool, relu: bool) -> None:
        flags = (USE_SCALE if weight else 0) | (USE_SHIFT if bias else 0) | (FUSE_RELU if relu else 0)
        sizes = shape if len(shape) > 2 else (1, shape[1], shape[0])  # to oneDNN, many vectors are one image: twice as fast
        if len(shape) > 5:  # it takes them, and then writes where no array is
            sizes = (*shape[:2], math.prod(shape[2:]))
        data, line = lib.desc(sizes, channels_last(sizes)), lib.desc((shape[1],), (1,))
        statistics = [(MEAN, line), (VARIANCE, line)]
        scale, shift = ([(SCALE, line)] if weight else []), ([(SHIFT, line)] if bias else [])
        hint = lib.make("batch_normalization_forward_primitive_desc_create", lib.engine, TRAINING, data, data, eps, flags, None)
        workspace = [(WORKSPACE, lib.chosen(hint, WORKSPACE_MD))] if relu else []  # says where the ReLU was on
        self.workspace = lib.size(workspace[0][1]) if relu else 0
        self.forward = Primitive(lib, hint, [(SRC, data), (DST, data), *statistics, *workspace, *scale, *shift])
        back = lib.make("batch_normalization_backward_primitive_desc_create", lib.engine, BACKWARD, data, data, data, eps,
                        flags, hint, None)  # fmt: skip
        changes = [(arg, line) for arg, there in ((DIFF_SCALE, weight), (DIFF_SHIFT, bias)) if there]
        slots = [(SRC, data), (DIFF_DST, data), *statistics, (DIFF_SRC, data), *workspace, *scale, *changes]
        self.backward = Primitive(lib, back, slots)

    @staticmethod
    def work(shape: tuple, *options: Any) -> float:
        return 100.0 * math.prod(shape)


def dense(x: np.ndarray) -> np.ndarray:
    """x with its channels innermost: an (N, C) matrix in rows, an image channels-last."""
    return as_channels_last(x) if x.ndim > 2 else np.ascontiguousarray(x)


def like(x: np.ndarray) -> np.ndarray:
    """An empty array of that shape and layout."""
    return new_channels_last(x.shape) if x.ndim > 2 else np.empty(x.shape, FLOAT32)


def normalized(found: BatchNorm, x: np.ndarray, weight: Any, bias: Any) -> tuple:
    """y, mean, variance and workspace."""
    x, line = dense(x), (1, x.shape[1], *(1,) * (x.ndim - 2))
    y, mean, var = like(x), np.empty(line, FLOAT32), np.empty(line, FLOAT32)
    workspace = np.empty(found.workspace, dtype=np.uint8)
    found.forward.run(x, y, mean, var, *given(workspace if found.workspace else None, weight, bias))
    return y, mean, var, workspace


def gradients(found: BatchNorm, g: np.ndarray, x: np.ndarray, weight: Any, mean: Any, var: Any, *workspace: Any) -> tuple:
    """The gradients of x, weight and bias."""
    x, line = dense(x), x.shape[1]
    dx, dw, db = like(x), np.empty(line, FLOAT32), np.empty(line, FLOAT32)
    (weight,) = (np.ones(line, FLOAT32),) if weight is None else given(weight)
    found.backward.run(x, dense(g), mean, var, dx, *workspace, weight, dw, db)
    return dx, dw, db


def steady(x: np.ndarray, mean: np.ndarray, var: np.ndarray, eps: float) -> bool:
    """Whether plain sums in float32 were good enough. Over many values they are not, if the mean is far from 0 beside what
    the values differ by: 65,000 values around 1000, one apart, would be wrong in the third digit."""
    return x.size < MANY * x.shape[1] or not (mean * mean > FAR * (var + eps)).any()


def batch_norm(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    found = compiled(BatchNorm, x.shape, eps, weight is not None, bias is not None, False) if fits(x, weight, bias) else None
    if found is not None:
        results = normalized(found, x, weight, bias)[:3]
        if steady(x, results[1], results[2], eps):
            return results
    return reference.batch_norm(b, x, weight, bias, eps)


def batch_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> Any:
    found = compiled(BatchNorm, x.shape, eps, True, True, False) if fits(g, x, weight, mean, var) else None
    if found is None:
        return reference.batch_norm_backward(b, g, x, weight, mean, var, eps)
    return gradients(found, g, x, weight, mean, var)


def batch_norm_input(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> Any:
    found = compiled(BatchNorm, x.shape, eps, True, True, False) if fits(g, x, weight, mean, var) else None
    if found is None:
        return reference.batch_norm_input(b, g, x, weight, mean, var, eps)
    return gradients(found, g, x, weight, mean, var)[0]


def sound(var: np.ndarray, weight: Any, bias: Any) -> bool:
    """Whether no array holds NaN or infinity; each would show in its products with another."""
    if weight is None or bias is None:
        return finite(var, weight, bias)
    return math.isfinite(np.vdot(var, var) + np.vdot(weight, bias))


def batch_norm_relu(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    found = compiled(BatchNorm, x.shape, eps, weight is not None, bias is not None, True) if fits(x, weight, bias) else None
    if found is not None:
        results = normalized(found, x, weight, bias)
        fine = sound(results[2], weight, bias)  # a NaN or infinity in x makes the variance NaN
        if fine and steady(x, results[1], results[2], eps):
            return results
    return reference.batch_norm_relu(b, x, weight, bias, eps)


def batch_norm_relu_backward(
    b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, y: Any, workspace: Any, eps: float
) -> Any:
    fine = workspace.size and fits(g, x, weight, mean, var)
    found = compiled(BatchNorm, x.shape, eps, True, True, True) if fine else None
    if found is None or found.workspace != workspace.size:
        return reference.batch_norm_relu_backward(b, g, x, weight, mean, var, y, workspace, eps)
    return gradients(found, g, x, weight, mean, var, workspace)


class LayerNorm:
    """Layer norm of a matrix's rows, with weight and bias or without: forward, and backward."""

    def __init__(self, lib: Library, rows: int, size: int, eps: float, affine: bool) -> None:
        flags, kind = (USE_SCALE | USE_SHIFT, BACKWARD) if affine else (0, BACKWARD_DATA)
        data, each, line = lib.desc((rows, size), (size, 1)), lib.desc((rows,), (1,)), lib.desc((size,), (1,))
        hint = lib.make("layer_normalization_forward_primitive_desc_create", lib.engine, TRAINING, data, data, each, eps, flags,
                        None)  # fmt: skip
        back = lib.make("layer_normalization_backward_primitive_desc_create", lib.engine, kind, data, data, data, each, eps,
                        flags, hint, None)  # fmt: skip
        statistics = [(MEAN, each), (VARIANCE, each)]
        vectors = [(SCALE, line), (SHIFT, line)] if affine else []
        changes = [(DIFF_SCALE, line), (DIFF_SHIFT, line)] if affine else []
        self.forward = Primitive(lib, hint, [(SRC, data), (DST, data), *statistics, *vectors])
        self.backward = Primitive(lib, back, [(SRC, data), (DIFF_DST, data), *statistics, (DIFF_SRC, data), *vectors, *changes])

    @staticmethod
    def work(rows: int, size: int, *options: Any) -> float:
        return 100.0 * rows * size


@functools.lru_cache(MOST)
def split(shape: tuple, dims: tuple) -> tuple[int, int]:
    """The rows and their size of the matrix whose rows are the last dimensions `dims` of an array."""
    size = math.prod(shape[d] for d in dims)
    return math.prod(shape) // size, size


def layer_norm(b: Any, x: Any, weight: Any, bias: Any, dims: tuple, eps: float) -> Any:
    affine = weight is not None or bias is not None
    found = compiled(LayerNorm, *split(x.shape, dims), eps, affine) if dims and fits(x, weight, bias) else None
    if found is None:
        return numpy_kernels.layer_norm(b, x, weight, bias, dims, eps)
    x, line = np.ascontiguousarray(x), (*x.shape[: dims[0]], *(1,) * len(dims))
    y, mean, var = np.empty(x.shape, FLOAT32), np.empty(line, FLOAT32), np.empty(line, FLOAT32)
    found.forward.run(x, y, mean, var, *(scale_and_shift(x, weight, bias, dims) if affine else ()))
    var += np.float32(eps)
    return y, mean, 1 / np.sqrt(var, out=var)


def scale_and_shift(x: np.ndarray, weight: Any, bias: Any, dims: tuple) -> tuple[np.ndarray, ...]:
    """Weight and bias, 1 and 0 where there is none."""
    line = tuple(x.shape[d] for d in dims)
    return given(np.ones(line, FLOAT32) if weight is None else weight, np.zeros(line, FLOAT32) if bias is None else bias)


def to_rows(found: LayerNorm, g: Any, x: Any, mean: Any, rstd: Any, *rest: Any) -> np.ndarray:
    """The gradient of x; the variance that is handed over has its eps in it already."""
    dx = np.empty(x.shape, FLOAT32)
    found.backward.run(*given(x, g, mean, 1 / (rstd * rstd)), dx, *rest)
    return dx


def layer_norm_input(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> Any:
    found = compiled(LayerNorm, *split(x.shape, dims), 0.0, False) if dims and fits(g, x, weight, mean, rstd) else None
    if found is None:
        return reference.layer_norm_input(b, g, x, weight, mean, rstd, dims)
    return to_rows(found, g if weight is None else g * weight, x, mean, rstd)


def layer_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> Any:
    found = compiled(LayerNorm, *split(x.shape, dims), 0.0, True) if dims and fits(g, x, weight, mean, rstd) else None
    if found is None:
        return reference.layer_norm_backward(b, g, x, weight, mean, rstd, dims)
    weight, bias = scale_and_shift(x, weight, None, dims)  # oneDNN wants a bias to be there, though nothing depends on it
    dw, db = np.empty_like(weight), np.empty_like(bias)
    return to_rows(found, g, x, mean, rstd, weight, bias, dw, db), dw, db
