"""Matrix products on oneDNN, also with the bias and the ReLU of a layer, and its gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy_kernels, reference
from .library import BIAS, DST, SRC, WEIGHTS, Library, Unsupported, library
from .primitive import FLOAT32, SMALL, Primitive, compiled, finite, fits, given, obey, place


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


FEW = SMALL / 2  # multiplications; below, NumPy's product is done before oneDNN's has begun


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
    return x if has_rows(x) or has_rows(x.T) else x.copy()  # np.ascontiguousarray may leave a stride of 0


def has_rows(x: np.ndarray) -> bool:
    """Whether a matrix's rows are dense and do not overlap."""
    return x.strides[1] == 4 and x.strides[0] >= 4 * x.shape[1]


def matmul(b: Any, x: Any, other: Any) -> Any:
    worth = x.ndim == other.ndim == 2 and x.shape[1] == other.shape[0] and x.size * other.shape[1] >= FEW
    if not worth or x.shape[0] == 1 or not fits(x, other):
        return reference.matmul(b, x, other)
    other = in_lines(other)
    y = sgemm(x, other) if has_rows(other) else product(x, other)  # of which the primitive is the faster there
    return reference.matmul(b, x, other) if y is None else y


def sgemm(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """x other, by oneDNN's function of BLAS. Raises Unsupported if it fails."""
    x, other, lib = in_lines(x), in_lines(other), library()
    (n, k), m = x.shape, other.shape[1]
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


def as_rows(x: np.ndarray) -> np.ndarray:
    """x as a matrix: all dimensions but the last made one."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
