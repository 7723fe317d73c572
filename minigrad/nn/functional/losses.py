"""Losses of numbers and probabilities: how far a prediction is from its target. They never broadcast."""

from __future__ import annotations

from typing import Any

from ...backends import DTypeError, is_complex
from ...backends.source import advise
from ...core import Tensor
from ...ops.arithmetic import where
from ...ops.elementwise import abs, exp, log, softplus, square
from ...ops.losses import binary_cross_entropy_op
from ...ops.operands import tensor_of
from ...ops.reduce import sum
from .checks import maker_of, reduced, reduction_of, same_shape


def weighted(who: str, loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Losses times their weights, reduced: the mean is the weighted one."""
    if weight is None:
        return reduced(loss, reduction)
    same_shape(who, loss, weight, "weight")
    return sum(loss * weight) / sum(weight) if reduction == "mean" else reduced(loss * weight, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(x - t)^2, its mean, or its sum ("none", "mean", "sum"). Raises ShapeError unless both have one shape."""
    reduction = reduction_of("mse_loss", reduction, size_average, reduce)
    same_shape("mse_loss", input, target)
    off = input - target
    if is_complex(off.array):
        raise DTypeError("mse_loss: not possible for complex numbers, whose square is no distance. Hint: view_as_real(x)")
    return weighted("mse_loss", square(off), weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|x - t|. Raises ShapeError unless both have one shape."""
    reduction = reduction_of("l1_loss", reduction, size_average, reduce)
    same_shape("l1_loss", input, target)
    return weighted("l1_loss", abs(input - target), weight, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """(x - t)^2 / (2 beta) where |x - t| < beta, else |x - t| - beta/2. Source: Girshick 2015, Fast R-CNN, §2.3."""
    reduction = reduction_of("smooth_l1_loss", reduction, size_average, reduce)
    same_shape("smooth_l1_loss", input, target)
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    size = abs(input - target)
    if beta == 0:
        return reduced(size, reduction)
    return reduced(where(size < beta, square(input - target) * (0.5 / beta), size - 0.5 * beta), reduction)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """(x - t)^2 / 2 where |x - t| <= delta, else delta (|x - t| - delta/2). Source: Huber 1964."""
    reduction_of("huber_loss", reduction, None, None)
    same_shape("huber_loss", input, target)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    size = abs(input - target)
    loss = where(size <= delta, square(input - target) * 0.5, (size - 0.5 * delta) * delta)
    if weight is not None:
        same_shape("huber_loss", input, weight, "weight")
        loss = loss * weight
    return reduced(loss, reduction)


def within_unit(name: str, x: Tensor, hint: str) -> None:
    """Raise ValueError unless all elements lie in 0 ... 1; NaN does not."""
    if x.array.size:
        xp = x.backend.xp
        low, high = float(xp.min(x.array)), float(xp.max(x.array))
        if not (low >= 0 and high <= 1):
            raise ValueError(f"binary_cross_entropy: all elements of {name} should be between 0 and 1, got "
                             f"{high if low >= 0 else low}. {hint}")  # fmt: skip


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """-(t ln x + (1 - t) ln(1 - x)) for probabilities x, each logarithm at least -100.

    `weight` multiplies it and broadcasts. Raises ValueError for x or t outside of 0 ... 1, ShapeError unless x and t
    have one shape.
    """
    reduction = reduction_of("binary_cross_entropy", reduction, size_average, reduce)
    same_shape("binary_cross_entropy", input, target)
    within_unit("input", input, "Hint: binary_cross_entropy_with_logits takes any number")
    within_unit("target", target, "Hint: targets are probabilities, too")
    loss = binary_cross_entropy_op(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """`binary_cross_entropy` of sigmoid(x), without overflow: (1 - t) x + (1 + (pos_weight - 1) t) ln(1 + e^-x).

    `pos_weight`, which broadcasts, multiplies the loss of positive targets; `weight` multiplies the whole.
    """
    who = "binary_cross_entropy_with_logits"
    reduction = reduction_of(who, reduction, size_average, reduce)
    same_shape(who, input, target)
    if (maker := maker_of(input)) in ("softmax", "sigmoid"):
        advise(f"{who}: the input is the output of {maker}, but the loss computes sigmoid itself, so training is slow and "
               f"goes wrong. Hint: leave {maker} away, or binary_cross_entropy")  # fmt: skip
    rest = softplus(-input)
    loss = (1 - target) * input + (rest if pos_weight is None else rest * (1 + (pos_weight - 1) * target))
    return reduced(loss if weight is None else loss * weight, reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """t (ln t - x), with x the logarithm of the predicted probabilities, and with `log_target` t that of the target's.

    "batchmean" divides the sum by the first size, which is the mathematical divergence; "mean" by all of them.
    Source: Kullback & Leibler 1951.
    """
    reduction = reduction_of("kl_div", reduction, size_average, reduce, ("batchmean",))
    same_shape("kl_div", input, target)
    if reduction == "mean":
        advise("reduction: 'mean' divides the total loss by both the batch size and the support size. "
               "'batchmean' divides only by the batch size, and aligns with the KL div math definition.")  # fmt: skip
    if log_target:
        loss = exp(target) * (target - input)
    else:
        loss = target * log(where(tensor_of("kl_div", target) == 0, 1.0, target)) - target * input
    return sum(loss) / input.shape[0] if reduction == "batchmean" and input.ndim else reduced(loss, reduction)
