"""Losses of classes: the likelihood of the right one."""

from __future__ import annotations

import math
from typing import Any

from ...backends import DTypeError, ShapeError, dtype
from ...backends.source import advise
from ...core import MODE, Tensor
from ...ops.arithmetic import cast, where
from ...ops.index import embedding_rows, gather_op
from ...ops.norm import cross_entropy_mean_op, cross_entropy_op, log_softmax_op
from ...ops.operands import tensor_of
from ...ops.reduce import mean_op, sum_op
from ...ops.shape import permute_op, reshape_op
from .checks import maker_of, reduced, reduction_of, vector


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-weight[t] x[t] for logarithms of probabilities x; (C) and (), (N, C) and (N), or (N, C, ...) and (N, ...).

    Targets equal to `ignore_index` count as 0; "mean" is the mean weighted by weight[t].
    Raises IndexError for a class out of range.
    """
    reduction = reduction_of("nll_loss", reduction, size_average, reduce)
    rows, classes, whole = as_rows("nll_loss", input, target, weight, ignore_index)
    if (maker := maker_of(input)) in ("softmax", "sigmoid", "linear"):
        advise(f"nll_loss: the input is the output of {maker}, and so not logarithms of probabilities. Hint: "
               "log_softmax before it, or cross_entropy of what comes before softmax")  # fmt: skip
    loss = where(classes < 0, 0.0, -picked(rows, classes))
    return finished(loss, classes, whole, weight, reduction, tuple(target.shape))


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """-ln softmax(x)[t], weighted by weight[t]; (C) and (), (N, C) and (N), or (N, C, ...) and (N, ...).

    `target` holds classes, or, with the shape of the input, probabilities of all classes. Targets equal to
    `ignore_index` count as 0; "mean" is the mean weighted by weight[t]. `label_smoothing` moves that share of the
    target evenly to all classes. Raises IndexError for a class out of range, ShapeError that names both shapes, DTypeError for
    an `ignore_index` of at least 0 beside probabilities. Source of smoothing: Szegedy et al. 2016, §7.
    """
    reduction = reduction_of("cross_entropy", reduction, size_average, reduce)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0, got {label_smoothing}")
    goal = tensor_of("cross_entropy", target, "target").array.shape
    if (maker := maker_of(tensor_of("cross_entropy", input))) in ("softmax", "sigmoid"):
        advise(f"cross_entropy: the input is the output of {maker}, but cross_entropy computes softmax itself, so training is "
               f"slow and goes wrong. Hint: leave {maker} away, or nll_loss of log_softmax")  # fmt: skip
    if goal == tensor_of("cross_entropy", input).array.shape and target.dtype.is_floating_point:
        if ignore_index >= 0:
            raise DTypeError(f"cross_entropy: ignore_index={ignore_index} is for classes, and the target holds probabilities")
        return of_probabilities(input, target, weight, reduction, label_smoothing)
    rows, classes, whole = as_rows("cross_entropy", input, target, weight, ignore_index)
    plain = whole and weight is None and not label_smoothing and rows.array.size and not MODE.get().listeners
    if plain and reduction == "mean":
        return cross_entropy_mean_op(rows, classes)
    if not label_smoothing:
        return finished(cross_entropy_op(rows, classes), classes, whole, weight, reduction, goal)
    logp = log_softmax_op(rows, dim=1)
    loss = where(classes < 0, 0.0, -picked(logp, classes))
    if weight is not None:
        loss = loss * weights_of(classes, weight)
    spread = sum_op(logp if weight is None else logp * weight, dim=(1,)) * (-label_smoothing / rows.shape[1])
    loss = loss * (1 - label_smoothing) + where(classes < 0, 0.0, spread)
    return divided(loss, classes, whole, weight, reduction, goal)


def of_probabilities(x: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float) -> Tensor:
    """Cross entropy with a target that gives each class its probability; the mean is over cases."""
    at = 0 if x.ndim == 1 else 1
    classes = x.shape[at]
    vector("cross_entropy", "weight", weight, classes)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    logp = log_softmax_op(x, dim=at)
    if weight is not None:
        logp = logp * reshape_op(weight, shape=(-1, *(1,) * (x.ndim - 1 - at)))
    return reduced(-sum_op(logp * target, dim=(at,)), reduction)


CLASSES = ("int64", "uint8")


def as_rows(who: str, x: Any, target: Any, weight: Tensor | None, ignore_index: int) -> tuple[Tensor, Tensor, bool]:
    """The input as (M, C), one row a decision; the classes as (M), with -1 for those to ignore; whether there are none."""
    shape, goal = tuple(tensor_of(who, x).array.shape), tuple(tensor_of(who, target, "target").array.shape)
    if target.dtype.name not in CLASSES:
        hint = "probabilities need the input's shape" if target.dtype.kind == "float" and who == "cross_entropy" else ".long()"
        raise DTypeError(f"{who}: target must hold classes (int64 or uint8), got {target.dtype!r} of shape {goal} for input "
                         f"{shape}. Hint: {hint}")  # fmt: skip
    if not shape or goal != shape[:-1][:1] + shape[2:]:
        hint = "target.squeeze(1)" if goal == (*shape[:1], 1) else "the classes are dimension 1 of the input"
        raise ShapeError(f"{who}: expected input (N, C, ...) and target (N, ...), or (C) and (), got {shape} and {goal}. "
                         f"Hint: {hint}")  # fmt: skip
    if x.dtype.kind != "float":
        raise DTypeError(f"{who}: input must hold floating scores, got {x.dtype!r} of shape {shape}. Hint: .float()")
    count = shape[0] if len(shape) == 1 else shape[1]
    vector(who, "weight", weight, count)
    whole = check_classes(who, target, count, ignore_index)
    if len(shape) > 2:
        x = permute_op(x, dims=(0, *range(2, len(shape)), 1))
    rows = x if len(shape) == 2 else reshape_op(x, shape=(math.prod(goal), count))
    classes = target if len(goal) == 1 else reshape_op(target, shape=(math.prod(goal),))
    if ignore_index >= 0:
        classes = where(classes == ignore_index, -1, cast(classes, dtype=dtype("int64")))
    return rows, classes, whole and ignore_index < 0


def check_classes(who: str, target: Tensor, count: int, ignore_index: int) -> bool:
    """Whether all targets are classes. Raises IndexError that names one which is neither a class nor ignore_index."""
    array = target.array
    if not array.size or target.backend.all_below(array, count):
        return True
    wrong = array[((array < 0) | (array >= count)) & (array != ignore_index)]
    if wrong.size:
        raise IndexError(f"{who}: Target {int(wrong[0])} is out of bounds: classes are 0 ... {count - 1}, as in the "
                         f"input, or ignore_index={ignore_index}")  # fmt: skip
    return False


def picked(rows: Tensor, classes: Tensor) -> Tensor:
    """rows[i, classes[i]]; (M, C), (M) -> (M)."""
    at = reshape_op(where(classes < 0, 0, classes), shape=(-1, 1) if classes.array.size else (0, 1))
    return reshape_op(gather_op(rows, at, dim=1), shape=tuple(classes.shape))


def weights_of(classes: Tensor, weight: Tensor) -> Tensor:
    """weight[classes[i]], and 0 for a class to ignore."""
    return where(classes < 0, 0.0, embedding_rows(weight, where(classes < 0, 0, classes)))


def finished(
    loss: Tensor, classes: Tensor, whole: bool, weight: Tensor | None, reduction: str, shape: tuple
) -> Tensor:  # fmt: skip
    """Losses of rows, weighted by their class and reduced."""
    loss = loss if weight is None else loss * weights_of(classes, weight)
    return divided(loss, classes, whole, weight, reduction, shape)


def divided(
    loss: Tensor, classes: Tensor, whole: bool, weight: Tensor | None, reduction: str, shape: tuple
) -> Tensor:  # fmt: skip
    """Weighted losses of rows reduced; the mean divides by the weights of the classes that count.

    `whole`: all do, so that it is the plain mean; a recorded step counts them all the same, as it may see others when it is
    played again.
    """
    if reduction == "none":
        return loss if len(shape) == 1 else reshape_op(loss, shape=shape)
    if reduction == "mean" and whole and weight is None and loss.array.size and not MODE.get().listeners:
        return mean_op(loss, dim=(0,))
    total = sum_op(loss, dim=(0,))
    if reduction == "sum":
        return total
    share = cast(classes >= 0, dtype=loss.dtype) if weight is None else weights_of(classes, weight)
    return total / sum_op(share, dim=(0,))
