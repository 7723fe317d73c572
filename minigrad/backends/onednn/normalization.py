"""Normalization on oneDNN, batch norm also with the ReLU behind it."""

from __future__ import annotations

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
from .primitive import FLOAT32, Primitive, as_channels_last, channels_last, compiled, finite, fits, given, new_channels_last


class BatchNorm:
    """Batch norm of one shape, (N, C) or (N, C, S), by the batch's statistics, with a ReLU or without; and backward."""

    def __init__(self, lib: Library, shape: tuple, eps: float, weight: bool, bias: bool, relu: bool) -> None:
        flags = (USE_SCALE if weight else 0) | (USE_SHIFT if bias else 0) | (FUSE_RELU if relu else 0)
        sizes = shape if len(shape) > 2 else (*shape, 1, 1)
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
        # Two threads meet at a spinning barrier several times here, which a busy machine makes expensive: large images only.
        return 2.0 * math.prod(shape)


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


def batch_norm(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    found = compiled(BatchNorm, x.shape, eps, weight is not None, bias is not None, False) if fits(x, weight, bias) else None
    if found is None:
        return reference.batch_norm(b, x, weight, bias, eps)
    return normalized(found, x, weight, bias)[:3]


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


def batch_norm_relu(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    found = compiled(BatchNorm, x.shape, eps, weight is not None, bias is not None, True) if fits(x, weight, bias) else None
    if found is not None:
        results = normalized(found, x, weight, bias)
        if finite(results[2], weight, bias):  # a NaN or infinity in x makes the variance NaN
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
    """Layer norm of a matrix's rows: forward, and backward to the rows alone or to weight and bias too."""

    def __init__(self, lib: Library, rows: int, size: int, eps: float, weight: bool, bias: bool) -> None:
        flags = (USE_SCALE if weight else 0) | (USE_SHIFT if bias else 0)
        data, each, line = lib.desc((rows, size), (size, 1)), lib.desc((rows,), (1,)), lib.desc((size,), (1,))
        statistics, scale = [(MEAN, each), (VARIANCE, each)], [(SCALE, line)] if weight else []
        hint = lib.make("layer_normalization_forward_primitive_desc_create", lib.engine, TRAINING, data, data, each, eps, flags,
                        None)  # fmt: skip
        shift = [(SHIFT, line)] if bias else []
        self.forward = Primitive(lib, hint, [(SRC, data), (DST, data), *statistics, *scale, *shift])
        both = weight and bias
        back = lib.make("layer_normalization_backward_primitive_desc_create", lib.engine, BACKWARD if both else BACKWARD_DATA,
                        data, data, data, each, eps, flags, hint, None)  # fmt: skip
        changes = [(SHIFT, line), (DIFF_SCALE, line), (DIFF_SHIFT, line)] if both else []
        self.backward = Primitive(lib, back, [(SRC, data), (DIFF_DST, data), *statistics, (DIFF_SRC, data), *scale, *changes])

    @staticmethod
    def work(rows: int, size: int, *options: Any) -> float:
        return 10.0 * rows * size


def split(x: np.ndarray, dims: tuple) -> tuple[int, int]:
    """The rows and their size of the matrix whose rows are the last dimensions `dims` of x."""
    size = math.prod(x.shape[d] for d in dims)
    return x.size // size, size


def layer_norm(b: Any, x: Any, weight: Any, bias: Any, dims: tuple, eps: float) -> Any:
    found = None
    if fits(x, weight, bias) and dims:
        found = compiled(LayerNorm, *split(x, dims), eps, weight is not None, bias is not None)
    if found is None:
        return numpy_kernels.layer_norm(b, x, weight, bias, dims, eps)
    x, line = np.ascontiguousarray(x), (*x.shape[: dims[0]], *(1,) * len(dims))
    y, mean, var = np.empty(x.shape, FLOAT32), np.empty(line, FLOAT32), np.empty(line, FLOAT32)
    found.forward.run(x, y, mean, var, *given(weight, bias))
    var += np.float32(eps)
    return y, mean, 1 / np.sqrt(var, out=var)


def to_rows(g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple, *changes: Any) -> np.ndarray | None:
    """The gradient of x, and of weight and bias into `changes` if these are given; None where oneDNN has none."""
    if not dims or not fits(g, x, weight, mean, rstd):
        return None
    # The variance that is handed over has its eps in it already.
    found = compiled(LayerNorm, *split(x, dims), 0.0, weight is not None, bool(changes))
    if found is None:
        return None
    dx = np.empty(x.shape, FLOAT32)
    x, g, mean, var = given(x, g, mean, 1 / (rstd * rstd))
    found.backward.run(x, g, mean, var, dx, *given(weight), *changes)
    return dx


def layer_norm_input(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> Any:
    dx = to_rows(g, x, weight, mean, rstd, dims)
    return reference.layer_norm_input(b, g, x, weight, mean, rstd, dims) if dx is None else dx


def layer_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> Any:
    line = tuple(x.shape[d] for d in dims)
    dw, db = np.empty(line, FLOAT32), np.empty(line, FLOAT32)
    scale = np.ones(line, FLOAT32) if weight is None else weight
    dx = to_rows(g, x, scale, mean, rstd, dims, db, dw, db)  # a bias must be there, though nothing depends on it
    return reference.layer_norm_backward(b, g, x, weight, mean, rstd, dims) if dx is None else (dx, dw, db)
