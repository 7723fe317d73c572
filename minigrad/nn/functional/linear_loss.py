"""Cross entropy of a linear layer's scores."""

from __future__ import annotations

import math
from typing import Any

from ...backends import ShapeError
from ...core import Tensor
from ...ops.operands import tensor_of
from .classification import cross_entropy
from .linear import linear

WHO = "linear_cross_entropy"


def linear_cross_entropy(
    input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None, weight: Tensor | None = None,
    reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0, options: Any = None,
) -> Tensor:  # fmt: skip
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`; input (D) or (N, D), linear_weight (C, ..., D).

    Further dimensions of linear_weight are those of the loss: the scores are (N, C, ...). `options` say how PyTorch saves
    memory; here they change nothing. Raises ShapeError for what does not fit, RuntimeError for an `ignore_index` beside
    probabilities.
    """
    x, w = tensor_of(WHO, input), tensor_of(WHO, linear_weight, "linear_weight")
    if x.ndim not in (1, 2) or w.ndim < 2 or x.shape[-1] != w.shape[-1] or (w.ndim > 2 and x.ndim == 1):
        raise ShapeError(f"{WHO}: expected input (D) or (N, D) and linear_weight (C, D), or (N, D) and (C, ..., D), got "
                         f"{tuple(x.shape)} and {tuple(w.shape)}")  # fmt: skip
    classes = w.shape[:-1]
    if linear_bias is not None and tuple(tensor_of(WHO, linear_bias, "linear_bias").shape) != tuple(classes):
        raise ShapeError(f"{WHO}: expected linear_bias of shape {tuple(classes)}, got {tuple(linear_bias.shape)}")
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    scores = linear(x, w.reshape(math.prod(classes), -1), bias).reshape(*x.shape[:-1], *classes)
    if ignore_index is not None and tuple(tensor_of(WHO, target, "target").shape) == tuple(scores.shape):
        raise RuntimeError(f"{WHO}: ignore_index cannot be specified when target contains probabilities, got {ignore_index}")
    return cross_entropy(scores, target, weight, ignore_index=-100 if ignore_index is None else ignore_index,
                         reduction=reduction, label_smoothing=label_smoothing)  # fmt: skip
