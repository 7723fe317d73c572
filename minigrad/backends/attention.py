"""Kernels of attention: the meaning in the plain Array API, and in NumPy's calls that write in place."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np


def attention(b: Any, query: Any, key: Any, value: Any, scale: float, causal: bool) -> tuple[Any, Any]:
    """softmax(scale query key^T) value, and the softmax; with `causal` a query sees no later keys."""
    xp = b.xp
    scores = scale * b.matmul(query, xp.matrix_transpose(key))
    if causal:
        visible = xp.tril(xp.ones(scores.shape[-2:], dtype=xp.bool))
        scores = b.where(visible, scores, -math.inf)
    weights = b.softmax(scores, scores.ndim - 1)
    return b.matmul(weights, value), weights


def attention_backward(
    b: Any, g: Any, query: Any, key: Any, value: Any, weights: Any, scale: float, wanted: tuple
) -> list:  # fmt: skip
    """The wanted ones of the gradients of query, key and value."""
    turned = b.xp.matrix_transpose
    dscores = dq = dk = None
    if wanted[0] or wanted[1]:
        dscores = scale * b.softmax_backward(b.matmul(g, turned(value)), weights, weights.ndim - 1)
        dq = b.matmul(dscores, key) if wanted[0] else None
        dk = b.matmul(turned(dscores), query) if wanted[1] else None
    return [dq, dk, b.matmul(turned(weights), g) if wanted[2] else None]


ATTENTION: dict[str, Any] = {f.__name__: f for f in (attention, attention_backward)}


def unseen(queries: int, keys: int) -> np.ndarray:
    """True where a key comes after its query."""
    return triangle(room_for(queries, keys))[:queries, :keys]


def room_for(queries: int, keys: int) -> int:
    """The power of two that holds both: sequences of every length then need few triangles, of which the largest is the most."""
    return 1 << max(queries - 1, keys - 1, 0).bit_length()


@functools.cache
def triangle(size: int) -> np.ndarray:
    """True above the diagonal."""
    return ~np.tri(size, dtype=bool)


def numpy_attention(b: Any, query: Any, key: Any, value: Any, scale: float, causal: bool) -> tuple[Any, Any]:
    scores = np.matmul(query * query.dtype.type(scale), key.swapaxes(-1, -2))
    if causal:
        np.copyto(scores, -math.inf, where=unseen(*scores.shape[-2:]))
    weights = b.softmax(scores, scores.ndim - 1)
    return np.matmul(weights, value), weights


NUMPY_ATTENTION: dict[str, Any] = {"attention": numpy_attention}
