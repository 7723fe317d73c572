"""Attention as one op, with all its gradients."""

from __future__ import annotations

import math
from typing import Any

from ..backends import backend_of
from ..core import op
from .arithmetic import where
from .create import ones
from .diagonal import tril
from .matmul import matmul_op
from .norm import softmax_op
from .reduce import sum_op


@op("general", name="attention", saves=("weights",))
def attention_op(b, query, key, value, *, scale, causal=False):
    """y = softmax(scale query key^T) value; with `causal` row i of query sees rows 0 ... i of key only

    (..., L, E), (..., S, E), (..., S, V) -> (..., L, V), the leading dimensions being the same. `weights` (..., L, S) is the
    softmax. Source: Vaswani et al. 2017, eq. 1.
    """
    return b.attention(query, key, value, scale, causal)


def scores_gradient(g: Any, value: Any, weights: Any, scale: float) -> Any:
    """The gradient of query key^T: through value, softmax and scale."""
    dw = matmul_op(g, value.mT)
    return scale * weights * (dw - sum_op(weights * dw, dim=(weights.ndim - 1,), keepdim=True))


attention_op.vjp(  # each asks for all inputs, so that the definition, which gives the second derivatives, has them
    query=lambda g, query, key, value, weights, scale: matmul_op(scores_gradient(g, value, weights, scale), key),
    key=lambda g, query, key, value, weights, scale: matmul_op(scores_gradient(g, value, weights, scale).mT, query),
    value=lambda g, query, key, value, weights: matmul_op(weights.mT, g),
)
attention_op.fused = lambda g, query, key, value, weights, scale, wanted: (
    backend_of(g).attention_backward(g, query, key, value, weights, scale, wanted)
)  # fmt: skip


@attention_op.define
def attention_definition(query, key, value, *, scale, causal=False):
    scores = matmul_op(query * scale, key.mT)
    if causal:
        scores = where(causal_mask(query, key), scores, -math.inf)
    return matmul_op(softmax_op(scores, dim=scores.ndim - 1), value)


def causal_mask(query: Any, key: Any) -> Any:
    """True where key j may be seen by query i, j <= i; (L, S)."""
    return tril(ones(query.shape[-2], key.shape[-2], dtype="bool", device=query.device))
