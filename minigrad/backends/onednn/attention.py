"""Attention on oneDNN: stacks of matrix products, and softmax between them."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from .. import attention as plain
from .elementwise import Softmax
from .library import DST, SOFTMAX, SRC, WEIGHTS, Library
from .primitive import FLOAT32, Primitive, compiled, copied, finite, fits
from .product import FEW


class Products:
    """factor x w for two dense stacks of n matrices, (rows, inner) and (inner, columns), each of them possibly turned. In the
    memory of the result so many `heads` lie inside of a row."""

    def __init__(
        self, lib: Library, n: int, heads: int, rows: int, inner: int, columns: int, x_turned: bool, w_turned: bool,
        factor: float,
    ) -> None:  # fmt: skip
        src, weights, dst = (
            lib.desc((n // heads, heads, down, across), (heads * down * across, *steps))
            for down, across, steps in (
                (rows, inner, (rows * inner, *((1, rows) if x_turned else (inner, 1)))),
                (inner, columns, (inner * columns, *((1, inner) if w_turned else (columns, 1)))),
                (rows, columns, (columns, heads * columns, 1)),
            )
        )
        attributes = None if factor == 1 else lib.with_factor(factor)
        desc = lib.make("matmul_primitive_desc_create", lib.engine, src, weights, None, dst, attributes)
        self.primitive = Primitive(lib, desc, [(SRC, src), (WEIGHTS, weights), (DST, dst)])

    @staticmethod
    def work(n: int, heads: int, rows: int, inner: int, columns: int, *options: Any) -> float:
        return 4.0 * n * rows * inner * columns  # small matrices take their time


def products(
    x: np.ndarray, w: np.ndarray, like: np.ndarray | None = None, x_turned: bool = False, w_turned: bool = False,
    factor: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """factor x w, after turning x or w, (n, rows, columns); or in the shape of `like`, its heads where they lie there."""
    n, rows, inner = x.shape if not x_turned else (x.shape[0], x.shape[2], x.shape[1])
    columns, heads = w.shape[1 if w_turned else 2], 1 if like is None else heads_within(like)
    y = np.empty((n // heads, rows, heads, columns), FLOAT32)
    compiled(Products, n, heads, rows, inner, columns, x_turned, w_turned, factor).primitive.run(x, w, y)
    return y.transpose(0, 2, 1, 3).reshape((n, rows, columns) if like is None else (*like.shape[:-1], columns))


def heads_within(x: np.ndarray) -> int:
    """How many heads of an array (N, heads, rows, columns) lie within a row, as after `.view(...).transpose(1, 2)`; else 1."""
    return x.shape[1] if x.ndim == 4 and x.strides[1] < x.strides[2] else 1


@functools.cache
def hiding(size: int) -> np.ndarray:
    """-inf above the diagonal, else 0: what to add to finite scores, so that no key comes after its query."""
    return np.where(plain.triangle(size), np.float32(-math.inf), np.float32(0))


def stack(x: np.ndarray) -> np.ndarray:
    """x as one dense stack of matrices, (n, rows, columns)."""
    return (x if x.flags.c_contiguous else copied(x, np.empty(x.shape, FLOAT32))).reshape(-1, *x.shape[-2:])


def attention(b: Any, query: Any, key: Any, value: Any, scale: float, causal: bool) -> Any:
    if not fits(query, key, value) or query.size * key.shape[-2] < FEW or abs(scale) > 1:
        return plain.numpy_attention(b, query, key, value, scale, causal)
    q, k, v = stack(query), stack(key), stack(value)
    if not finite(q, k):  # softmax would lose a NaN
        return plain.numpy_attention(b, query, key, value, scale, causal)
    weights = products(q, k, w_turned=True, factor=scale)
    if causal:
        queries, keys = weights.shape[1:]
        weights += hiding(plain.room_for(queries, keys))[:queries, :keys]
    compiled(Softmax, weights.size // k.shape[1], k.shape[1], SOFTMAX).forward.run(weights, weights)
    return products(weights, v, query), weights.reshape(*query.shape[:-1], k.shape[1])


def attention_backward(
    b: Any, g: Any, query: Any, key: Any, value: Any, weights: Any, scale: float, wanted: tuple
) -> Any:  # fmt: skip
    if not fits(g, query, key, value, weights) or query.size * key.shape[-2] < FEW:
        return plain.attention_backward(b, g, query, key, value, weights, scale, wanted)
    g, w = stack(g), stack(weights)
    grads: list[Any] = [None, None, None]
    if wanted[0] or wanted[1]:
        dw = products(g, stack(value), w_turned=True)
        compiled(Softmax, w.size // w.shape[2], w.shape[2], SOFTMAX).backward.run(w, dw, dw)
        if wanted[0]:
            grads[0] = products(dw, stack(key), query, factor=scale)
        if wanted[1]:
            grads[1] = products(dw, stack(query), key, x_turned=True, factor=scale)
    if wanted[2]:
        grads[2] = products(w, g, value, x_turned=True)
    return grads
