"""Matrix products on oneDNN, also with the bias and the ReLU of a layer, and its gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy_kernels, reference
from .library import (
    BIAS,
    DIFF_BIAS,
    DIFF_DST,
    DIFF_SRC,
    DIFF_WEIGHTS,
    DST,
    SRC,
    TRAINING,
    WEIGHTS,
    Library,
    Unsupported,
    library,
)  # fmt: skip
from .primitive import FLOAT32, Primitive, compiled, finite, fits, given, obey, place


class Product:
    """The product of two matrices of given shapes and strides (in bytes), with a bias for each column, and a ReLU."""

    def __init__(self, lib: Library, x: tuple, x_strides: tuple, w: tuple, w_strides: tuple, bias: bool, relu: bool) -> None:
        self.y = (x[0], w[1])
        src, weights = (lib.desc(shape, tuple(s // 4 for s in strides)) for shape, strides in ((x, x_strides), (w, w_strides)))
        dst = lib.desc(self.y, (w[1], 1))
        line = lib.desc((1, w[1]), (w[1], 1)) if bias else None
        desc = lib.make("matmul_primitive_desc_create", lib.engine, src, weights, line, dst, lib.with_relu() if relu else None)
        slots = [(SRC, src), (WEIGHTS, weights), (DST, dst)] + ([(BIAS, line)] if bias else [])
        self.primitive = Primitive(lib, desc, slots)

    @staticmethod
    def work(x: tuple, x_strides: tuple, w: tuple, *options: Any) -> float:
        return 2.0 * x[0] * x[1] * w[1]


FEW = 2e5  # multiplications; below, NumPy's product is done before oneDNN's has begun
MANY = 5e6  # multiplications; beyond, oneDNN's function of BLAS beats its primitive, if the second matrix lies in rows


def product(x: np.ndarray, w: np.ndarray, bias: Any = None, relu: bool = False) -> np.ndarray | None:
    """x w + bias for two matrices; None where oneDNN has no primitive, or is no faster."""
    if x.shape[0] == 1:
        return None
    x, w = in_lines(x), in_lines(w)
    found = compiled(Product, x.shape, x.strides, w.shape, w.strides, bias is not None, relu)
    if found is None:
        return None
    y = np.empty(found.y, FLOAT32)
    found.primitive.run(x, w, y, *given(bias))
    return y


def in_lines(x: np.ndarray) -> np.ndarray:
    """x if its rows or its columns are dense and do not overlap, else a copy."""
    return x if has_rows(x) or has_rows(x.T) else np.ascontiguousarray(x)


def has_rows(x: np.ndarray) -> bool:
    """Whether a matrix's rows are dense and do not overlap."""
    return x.strides[1] == 4 and x.strides[0] >= 4 * x.shape[1]


def matmul(b: Any, x: Any, other: Any) -> Any:
    worth = x.ndim == other.ndim == 2 and x.size * other.shape[1] >= FEW
    fine = worth and x.shape[1] == other.shape[0] and fits(x, other)
    large = fine and x.size * other.shape[1] >= MANY and x.shape[0] > 1
    if large and lines(other := in_lines(other))[0] == b"N":
        return sgemm(in_lines(x), other)
    y = product(x, other) if fine else None
    return reference.matmul(b, x, other) if y is None else y


def sgemm(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """x other, by oneDNN's function of BLAS. Raises Unsupported if it fails."""
    (n, k), m, lib = x.shape, other.shape[1], library()
    y = np.empty((n, m), FLOAT32)
    (turned, step), (other_turned, other_step) = lines(x), lines(other)
    assert lib is not None
    obey()
    status = lib.sgemm(turned, other_turned, n, m, k, 1.0, place(x), step, place(other), other_step, 0.0, place(y), m)
    if status:
        raise Unsupported(f"dnnl_sgemm failed with status {status}")
    return y


def lines(x: np.ndarray) -> tuple[bytes, int]:
    """N if a matrix's rows are dense, T if its columns are; and the step from one to the next, in elements."""
    return (b"N", x.strides[0] // 4) if has_rows(x) else (b"T", x.strides[1] // 4)


def linear(b: Any, x: Any, weight: Any, bias: Any) -> Any:
    y = product(as_rows(x), weight.T, bias) if x.size * weight.shape[0] >= FEW and fits(x, weight, bias) else None
    if y is None:
        return numpy_kernels.linear(b, x, weight, bias)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], weight.shape[0])


def linear_relu(b: Any, x: Any, weight: Any, bias: Any) -> Any:
    # The ReLU in the product loses NaN, and to look for one costs more than a ReLU behind it where the output is small.
    small = x.size * weight.shape[0] < FEW or x.size + weight.size > 6 * math.prod(x.shape[:-1]) * weight.shape[0]
    if not small and fits(x, weight, bias) and finite(x, weight, bias):
        y = product(as_rows(x), weight.T, bias, relu=True)
        if y is not None:
            return y if x.ndim == 2 else y.reshape(*x.shape[:-1], weight.shape[0])
    y = linear(b, x, weight, bias)
    return numpy_kernels.rectify(y, y)


class LinearBackward:
    """The gradients of y = x weight^T + bias, x of n rows and k columns, y of m; the bias's in one pass with the weight's."""

    def __init__(self, lib: Library, n: int, k: int, m: int, bias: bool) -> None:
        x, weight, y = (lib.desc(shape, (shape[1], 1)) for shape in ((n, k), (m, k), (n, m)))
        line = lib.desc((m,), (1,)) if bias else None
        hint = lib.make("inner_product_forward_primitive_desc_create", lib.engine, TRAINING, x, weight, line, y, None)
        back = lib.make("inner_product_backward_data_primitive_desc_create", lib.engine, x, weight, y, hint, None)
        self.data = Primitive(lib, back, [(DIFF_DST, y), (WEIGHTS, weight), (DIFF_SRC, x)])
        back = lib.make("inner_product_backward_weights_primitive_desc_create", lib.engine, x, weight, line, y, hint, None)
        slots = [(DIFF_DST, y), (SRC, x), (DIFF_WEIGHTS, weight)]
        self.weight = Primitive(lib, back, slots + ([(DIFF_BIAS, line)] if bias else []))

    @staticmethod
    def work(n: int, k: int, m: int, bias: bool) -> float:
        return 2.0 * n * k * m


def linear_backward(b: Any, g: Any, x: Any, weight: Any, wanted: tuple) -> list:
    k = 0 if x is weight is None else (weight if x is None else x).shape[-1]
    m, bias = g.shape[-1], len(wanted) > 2 and wanted[1] and wanted[2]
    worth = g.size * k >= FEW and g.size > m and fits(g, x, weight)
    found = compiled(LinearBackward, g.size // m, k, m, bias) if worth else None
    if found is None:
        return reference.linear_backward(b, g, x, weight, wanted)
    (rows,), dx, dw = given(as_rows(g)), None, None
    db = np.empty(m, FLOAT32) if bias else np.add.reduce(rows, axis=0) if wanted[2:] == (True,) else None
    if wanted[0]:
        dx = np.empty((*g.shape[:-1], k), FLOAT32)
        found.data.run(rows, *given(weight), dx)
    if wanted[1]:
        dw = np.empty((m, k), FLOAT32)
        found.weight.run(rows, *given(as_rows(x)), dw, *((db,) if bias else ()))
    return [dx, dw, db]


def as_rows(x: np.ndarray) -> np.ndarray:
    """x as a matrix: all dimensions but the last made one."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
