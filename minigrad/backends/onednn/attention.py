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
    """factor x w for two stacks of n matrices, (n, rows, inner) and (n, inner, columns), each of them possibly turned."""

    def __init__(
        self, lib: Library, n: int, rows: int, inner: int, columns: int, x_turned: bool, w_turned: bool, factor: float
    ) -> None:  # fmt: skip
        src, weights, dst = (
            lib.desc((n, down, across), (down * across, 1, down) if turned else (down * across, across, 1))
            for down, across, turned in ((rows, inner, x_turned), (inner, columns, w_turned), (rows, columns, False))
        )
        attributes = None if factor == 1 else lib.with_factor(factor)
        desc = lib.make("matmul_primitive_desc_create", lib.engine, src, weights, None, dst, attributes)
        self.primitive = Primitive(lib, desc, [(SRC, src), (WEIGHTS, weights), (DST, dst)])

    @staticmethod
    def work(n: int, rows: int, inner: int, columns: int, *options: Any) -> float:
        return 4.0 * n * rows * inner * columns  # small matrices take their time


def products(x: np.ndarray, w: np.ndarray, x_turned: bool = False, w_turned: bool = False, factor: float = 1.0) -> np.ndarray:
    """factor x w, after turning x or w."""
    n, rows, inner = x.shape if not x_turned else (x.shape[0], x.shape[2], x.shape[1])
    y = np.empty((n, rows, w.shape[1 if w_turned else 2]), FLOAT32)
    compiled(Products, n, rows, inner, y.shape[2], x_turned, w_turned, factor).primitive.run(x, w, y)
    return y


@functools.lru_cache(64)
def hiding(queries: int, keys: int) -> np.ndarray:
    """-inf where a key comes after its query, else 0: what to add to finite scores."""
    return np.where(plain.unseen(queries, keys), -math.inf, 0).astype(FLOAT32)


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
        weights += hiding(*weights.shape[1:])
    compiled(Softmax, weights.size // k.shape[1], k.shape[1], SOFTMAX).forward.run(weights, weights)
    y = products(weights, v)
    lead = query.shape[:-2]
    return y.reshape(*lead, *y.shape[1:]), weights.reshape(*lead, *weights.shape[1:])


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
            grads[0] = products(dw, stack(key), factor=scale).reshape(query.shape)
        if wanted[1]:
            grads[1] = products(dw, stack(query), x_turned=True, factor=scale).reshape(key.shape)
    if wanted[2]:
        grads[2] = products(w, g, x_turned=True).reshape(value.shape)
    return grads
