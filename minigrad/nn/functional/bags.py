"""Bags: sums, means and maxima of embeddings."""

from __future__ import annotations

import math
from typing import Any

from ...backends import DTypeError, ShapeError
from ...core import Tensor
from ...ops.arithmetic import where
from ...ops.create import ones_like, tensor
from ...ops.elementwise import clamp
from ...ops.functions import max as largest
from ...ops.index import embedding_rows, index_add_op
from ...ops.operands import tensor_of
from ...ops.reduce import any_op
from ...ops.shape import reshape_op
from .linear import embedding, padding_index

WHO = "embedding_bag"


def embedding_bag(
    input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None, norm_type: float = 2,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Tensor:  # fmt: skip
    """The "sum", "mean" or "max" of the rows of `weight` in each bag of whole numbers; (B, L), (V, D) -> (B, D).

    Or `input` is (n), all bags one after another, and `offsets` (B) says where each begins; with `include_last_offset`
    also where the last one ends. `per_sample_weights`, of the input's shape, multiply the rows (for "sum" only). The row
    `padding_idx` counts nowhere. An empty bag gives 0. For the other arguments see `embedding`.
    Raises ShapeError, IndexError or ValueError that says what does not fit.
    """
    ids, starts = as_bags(input, offsets, include_last_offset)
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{WHO}: mode has to be one of sum, mean or max, got {mode!r}")
    if mode == "max" and (scale_grad_by_freq or sparse):
        raise ValueError(f"{WHO}: max mode supports neither scale_grad_by_freq nor sparse")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(f"{WHO}: per_sample_weights is only supported for mode='sum', got mode={mode!r}")
        if tensor_of(WHO, per_sample_weights, "per_sample_weights").shape != input.shape:
            raise ShapeError(f"{WHO}: per_sample_weights must have the input's shape {tuple(input.shape)}, got "
                             f"{tuple(per_sample_weights.shape)}")  # fmt: skip
    rows = embedding(ids, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    share = ones_like(ids, dtype=weight.dtype)
    if padding_idx is not None:
        share = where(ids == padding_index(padding_idx, weight.shape[0]), 0.0, share)
    sizes = [end - start for start, end in zip(starts, starts[1:], strict=False)]
    if mode == "max":
        return maxima(rows, share, starts, sizes)
    bag = tensor([k for k, n in enumerate(sizes) for _ in range(n)], dtype="int64", device=ids.device)
    if per_sample_weights is not None:
        share = share * reshape_op(per_sample_weights, shape=(-1,))
    total = index_add_op(rows * reshape_op(share, shape=(-1, 1)), bag, n=len(sizes), dim=0)
    if mode == "sum":
        return total
    return total / reshape_op(clamp(index_add_op(share, bag, n=len(sizes), dim=0), min=1), shape=(-1, 1))


def as_bags(input: Tensor, offsets: Any, include_last_offset: bool) -> tuple[Tensor, list[int]]:
    """The input as (n), and where each bag begins; at the end of the list where the last one ends."""
    if tensor_of(WHO, input).ndim == 2:
        if offsets is not None:
            raise ValueError(f"{WHO}: if input is 2D, then offsets has to be None, as each row is a bag")
        return reshape_op(input, shape=(-1,)), [k * input.shape[1] for k in range(input.shape[0] + 1)]
    if input.ndim != 1:
        raise ValueError(f"{WHO}: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None or tensor_of(WHO, offsets, "offsets").ndim != 1:
        raise ValueError(f"{WHO}: offsets has to be a 1D Tensor, got {offsets if offsets is None else tuple(offsets.shape)}")
    if offsets.dtype.kind != "int":
        raise DTypeError(f"{WHO}: offsets must be integers, got {offsets.dtype!r}. Hint: .long()")
    starts = offsets.tolist() if include_last_offset else [*offsets.tolist(), input.shape[0]]
    if not starts or starts[0] != 0 or starts != sorted(starts) or starts[-1] != input.shape[0]:
        raise ShapeError(f"{WHO}: offsets must begin with 0, not decrease and not exceed the {input.shape[0]} entries of the "
                         f"input; with include_last_offset they end there. Got {offsets.tolist()}")  # fmt: skip
    return input, starts


def maxima(rows: Tensor, share: Tensor, starts: list[int], sizes: list[int]) -> Tensor:
    """The largest of the rows of each bag whose share is not 0; (n, D), (n) -> (B, D)."""
    width = max(sizes, default=0)
    if not width:
        return index_add_op(rows, tensor([], dtype="int64", device=rows.device), n=len(sizes), dim=0)
    places = [start + t if t < n else start for start, n in zip(starts, sizes, strict=False) for t in range(width)]
    there = [t < n for n in sizes for t in range(width)]
    shape = (len(sizes), width, 1)
    at = reshape_op(tensor([min(p, rows.shape[0] - 1) for p in places], device=rows.device), shape=shape[:2])
    counts = reshape_op(tensor(there, device=rows.device), shape=shape) & (
        embedding_rows(reshape_op(share, shape=(-1, 1)), at) > 0
    )
    best, _ = largest(where(counts, embedding_rows(rows, at), -math.inf), 1)
    return where(any_op(counts, dim=(1,)), best, 0.0)
