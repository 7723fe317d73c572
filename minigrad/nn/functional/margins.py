"""Losses that ask for a margin between right and wrong, and the likelihoods of counts and of normal errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...backends import DTypeError, ShapeError
from ...core import Tensor
from ...ops.arithmetic import cast, minimum, where
from ...ops.create import full_like
from ...ops.elementwise import clamp, exp, log, softplus, sqrt, square
from ...ops.index import gather_op
from ...ops.operands import broadcastable, tensor_of
from ...ops.reduce import mean, sum
from ...ops.running import cumprod
from ...ops.shape import reshape_op
from .activations import logsigmoid
from .checks import at_least, reduced, reduction_of, same_shape, vector
from .classification import check_classes, weights_of
from .distance import pairwise_distance
from .linear import one_hot


def hinge(x: Tensor) -> Tensor:
    """max(x, 0), with slope 1 at 0."""
    return clamp(x, min=0)


def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """x where t = 1, max(0, margin - x) where t = -1: x is a distance of two that are alike (1) or not (-1)."""
    reduction = reduction_of("hinge_embedding_loss", reduction, size_average, reduce)
    same_shape("hinge_embedding_loss", input, target)
    return reduced(where(target == -1, 0.0, input) + where(target == 1, 0.0, hinge(margin - input)), reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """1 - cos(x1, x2) where t = 1, max(0, cos(x1, x2) - margin) where t = -1; (N, D), (N, D), (N) or (D), (D), ()."""
    who = "cosine_embedding_loss"
    reduction = reduction_of(who, reduction, size_average, reduce)
    same_shape(who, input1, input2, "input2")
    if input1.ndim not in (1, 2) or tensor_of(who, target, "target").shape != input1.shape[:-1]:
        raise ShapeError(f"{who}: expected inputs (N, D) and target (N), or (D) and (), got {tuple(input1.shape)} and "
                         f"{tuple(target.shape)}")  # fmt: skip
    lengths = (sum(square(input1), -1) + 1e-12) * (sum(square(input2), -1) + 1e-12)
    cosine = sum(input1 * input2, -1) / sqrt(lengths)
    return reduced(where(target == 1, 1 - cosine, 0.0) + where(target == -1, hinge(cosine - margin), 0.0), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, margin - t (x1 - x2)): t = 1 wants x1 to rank higher, t = -1 wants x2. Sizes of 1 broadcast."""
    reduction = reduction_of("margin_ranking_loss", reduction, size_average, reduce)
    shapes = [tensor_of("margin_ranking_loss", x).shape for x in (input1, input2, target)]
    if len({len(shape) for shape in shapes}) > 1 or not broadcastable(shapes):
        same_shape("margin_ranking_loss", input1, input2, "input2")
        same_shape("margin_ranking_loss", input1, target)
    return reduced(hinge(-target * (input1 - input2) + margin), reduction)


def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """max(0, margin + |a - p| - |a - n|), the p-norm over the last dimension; `swap` takes |p - n| if that is less.

    Raises ValueError unless margin > 0. Source: Balntas et al. 2016.
    """
    reduction = reduction_of("triplet_margin_loss", reduction, size_average, reduce)

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return pairwise_distance(x, y, p, eps)

    return triplet_margin_with_distance_loss(
        anchor, positive, negative, distance_function=distance, margin=margin, swap=swap, reduction=reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: bool = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """`triplet_margin_loss` with any distance of two tensors; `pairwise_distance` if none is given."""
    reduction_of("triplet_margin_loss", reduction, None, None)
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    same_shape("triplet_margin_loss", anchor, positive, "positive")
    same_shape("triplet_margin_loss", anchor, negative, "negative")
    distance = distance_function or pairwise_distance
    far = distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(hinge(margin + distance(anchor, positive) - far), reduction)


def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """ln(1 + e^(-t x)), t = 1 or -1."""
    reduction = reduction_of("soft_margin_loss", reduction, size_average, reduce)
    same_shape("soft_margin_loss", input, target)
    return reduced(softplus(-target * input), reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-mean over classes of t ln sigmoid(x) + (1 - t) ln sigmoid(-x), each class times `weight`; (N, C) -> (N)."""
    reduction = reduction_of("multilabel_soft_margin_loss", reduction, size_average, reduce)
    same_shape("multilabel_soft_margin_loss", input, target)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced(mean(loss if weight is None else loss * weight, -1), reduction)


def rows_of(who: str, input: Any, target: Any, wanted: str, fits: bool) -> Tensor:
    """The scores (N, C), or (C) or () made (1, C). Raises unless they are that, `fits`, and the target is of integers."""
    if tensor_of(who, target, "target").dtype.kind != "int":
        raise DTypeError(f"{who}: target must hold classes (integers), got {target.dtype!r}. Hint: .long()")
    if input.ndim > 2 or 0 in input.shape[-1:] or not fits:
        raise ShapeError(f"{who}: expected {wanted}, got {tuple(input.shape)} and {tuple(target.shape)}")
    return input if input.ndim == 2 else reshape_op(input, shape=(1, input.array.size))


def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """weight[t] sum over i != t of max(0, margin - x[t] + x[i])^p / C, p = 1 or 2; (N, C), (N) or (C), () or (1).

    Raises IndexError for a class out of range. Source: Crammer & Singer 2001.
    """
    who = "multi_margin_loss"
    reduction = reduction_of(who, reduction, size_average, reduce)
    if p not in (1, 2):
        raise ValueError(f"{who}: only p == 1 and p == 2 supported, got {p}")
    shape = tuple(tensor_of(who, target, "target").shape)
    fits = shape == tuple(input.shape[:-1]) or (input.ndim < 2 and shape in ((), (1,)))
    rows = rows_of(who, tensor_of(who, input), target, "input (N, C) and target (N), or (C) and ()", fits)
    count = rows.shape[1]
    vector(who, "weight", weight, count)
    check_classes(who, target, count, -100)
    classes = reshape_op(target, shape=(rows.shape[0],))
    right = gather_op(rows, reshape_op(classes, shape=(rows.shape[0], 1)), dim=1)
    short = where(one_hot(classes, count) == 1, 0.0, hinge(margin - right + rows))
    loss = sum(short if p == 1 else square(short), 1) / count
    return reduced(reshape_op(loss if weight is None else loss * weights_of(classes, weight), shape=shape), reduction)


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Sum over labels j and other classes i of max(0, 1 - x[j] + x[i]) / C; (N, C) or (C), target of the same shape.

    A row of the target names its labels first, then -1, after which nothing counts.
    """
    who = "multilabel_margin_loss"
    reduction = reduction_of(who, reduction, size_average, reduce)
    same = tensor_of(who, input).shape == tensor_of(who, target, "target").shape
    rows = rows_of(who, input, target, "input (N, C) and target (N, C), or (C) and (C)", same)
    n, count = rows.shape
    check_classes(who, target, count, -1)
    named = reshape_op(target, shape=(n, count))
    counts = cumprod(cast(named >= 0, dtype=rows.dtype), 1)  # 1 up to the first -1
    labels = where(counts == 0, 0, named)
    is_label = sum(cast(one_hot(labels, count), dtype=rows.dtype) * reshape_op(counts, shape=(n, count, 1)), 1) > 0
    right = reshape_op(gather_op(rows, labels, dim=1), shape=(n, count, 1))
    short = hinge(1 - right + reshape_op(rows, shape=(n, 1, count))) * reshape_op(counts, shape=(n, count, 1))
    loss = sum(where(reshape_op(is_label, shape=(n, 1, count)), 0.0, short), (1, 2)) / count  # (N, labels, C) -> (N)
    return reduced(reshape_op(loss, shape=tuple(input.shape[:-1])), reduction)


# -- likelihoods -----------------------------------------------------------------------------------------------------


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: Any = None,
    eps: float = 1e-8, reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """e^x - t x, the negative log-likelihood of a count t where e^x is expected; x - t ln(x + eps) unless `log_input`.

    `full` adds ln t! for t > 1, by Stirling's formula t ln t - t + ln(2 pi t)/2.
    """
    reduction = reduction_of("poisson_nll_loss", reduction, size_average, reduce)
    same_shape("poisson_nll_loss", input, target)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        t = where(target > 1, target, 1.0) if target.dtype.is_floating_point else target.float().clamp(min=1.0)
        loss = loss + where(target > 1, t * log(t) - t + log(t * (2 * math.pi)) * 0.5, 0.0)
    return reduced(loss, reduction)


def stands_for(x: Tensor, other: Tensor) -> bool:
    """Whether x has the other's shape, but for sizes of 1."""
    return x.ndim == other.ndim and all(m in (1, n) for m, n in zip(x.shape, other.shape, strict=True))


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(ln v + (x - t)^2 / v) / 2, v = max(var, eps): the negative log-likelihood of a normal error of variance `var`.

    Input and target broadcast. `var` is of the input's shape, or that with sizes 1, or it lacks the last size, or is a
    number. `full` adds ln(2 pi)/2. The limit eps has no part in the gradient. Raises ValueError for a negative variance.
    Source: Nix & Weigend 1994.
    """
    who = "gaussian_nll_loss"
    reduction_of(who, reduction, None, None)
    if not broadcastable([tensor_of(who, input).shape, tensor_of(who, target, "target").shape]):
        same_shape(who, input, target)
    spread = var if isinstance(var, Tensor) else full_like(input, float(var))
    if not stands_for(spread, input):
        if spread.shape != input.shape[:-1]:
            raise ShapeError(f"{who}: var is of incorrect size: expected {tuple(input.shape)}, one size 1 or the last left "
                             f"out, got {tuple(spread.shape)}")  # fmt: skip
        spread = reshape_op(spread, shape=(*spread.shape, 1))
    if spread.array.size and float(spread.backend.xp.min(spread.array)) < 0:
        raise ValueError(f"{who}: var has negative entry/entries. Hint: exp or softplus of what the network gives")
    spread = at_least(spread, eps)
    loss = (log(spread) + square(input - target) / spread) * 0.5
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
