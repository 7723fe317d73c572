"""Connectionist temporal classification: the likelihood of a short text under a long sequence of predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...backends import DTypeError, ShapeError
from ...core import Tensor
from ...ops.arithmetic import cast, where
from ...ops.create import full_like, tensor
from ...ops.elementwise import clamp
from ...ops.index import gather_op
from ...ops.operands import tensor_of
from ...ops.reduce import mean, sum
from ...ops.shape import cat, expand, reshape_op, select
from ...ops.special import logaddexp
from .checks import reduction_of

NEVER = -1e30  # the logarithm of no chance at all: finite, so that no gradient is 0 times infinity


def ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:  # fmt: skip
    """-ln of the probability that the predictions, repeats merged and blanks left out, spell the target.

    log_probs (T, N, C) or (T, C), after `log_softmax`; targets (N, S), or all of them in one row (sum of their lengths);
    lengths (N). "mean" divides each loss by its target's length first. A target that cannot fit costs inf, or 0 with
    `zero_infinity`, and gives no gradient. Source: Graves et al. 2006, §4.1, equations 6 and 7.
    """
    reduction_of("ctc_loss", reduction, None, None)
    alone = tensor_of("ctc_loss", log_probs).ndim == 2
    x = reshape_op(log_probs, shape=(log_probs.shape[0], 1, log_probs.shape[1])) if alone else log_probs
    if x.ndim != 3:
        raise ShapeError(f"ctc_loss: log_probs must be (T, N, C) or (T, C), got {tuple(log_probs.shape)}")
    steps, n, classes = x.shape
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank must be in label range 0 ... {classes - 1}, got {blank}")
    spans, sizes = lengths("input_lengths", input_lengths, n, steps), lengths("target_lengths", target_lengths, n)
    texts = spelled(targets, sizes, n, classes)
    loss = -likelihood(x, texts, spans, sizes, blank)
    loss = where(loss > -NEVER / 2, 0.0 if zero_infinity else math.inf, loss)
    if reduction == "mean":
        return mean(loss / tensor(np.maximum(sizes, 1), dtype=loss.dtype, device=loss.device))
    return sum(loss) if reduction == "sum" else reshape_op(loss, shape=()) if alone else loss


def lengths(name: str, given: Any, n: int, most: int | None = None) -> np.ndarray:
    """Lengths as n whole numbers. Raises ShapeError for another count, ValueError for one out of range."""
    values = given.backend.to_host(given.array) if isinstance(given, Tensor) else np.asarray(given)
    if values.dtype.kind not in "iu":
        raise DTypeError(f"ctc_loss: {name} must be integers, got {values.dtype}")
    values = values.reshape(-1)
    if len(values) != n:
        raise ShapeError(f"ctc_loss: {name} must hold one length for each of {n} sequences, got {len(values)}")
    if n and (values.min() < 0 or (most is not None and values.max() > most)):
        limit = "" if most is None else f" and at most T = {most}"
        raise ValueError(f"ctc_loss: {name} must not be negative{limit}, got {values.tolist()}")
    return values


def spelled(targets: Any, sizes: Sequence[int] | np.ndarray, n: int, classes: int) -> np.ndarray:
    """The targets as (N, longest), filled up with 0. Raises ShapeError or ValueError for those that do not fit."""
    given = tensor_of("ctc_loss", targets, "targets")
    if given.dtype.kind != "int":
        raise DTypeError(f"ctc_loss: targets must hold classes (integers), got {given.dtype!r}. Hint: .long()")
    flat = given.backend.to_host(given.array)
    longest = int(max(sizes, default=0))
    texts = np.zeros((n, longest), dtype=np.int64)
    starts = np.cumsum([0, *sizes])
    fits = flat.ndim == 1 and flat.size == starts[-1] or flat.ndim == 2 and flat.shape[0] == n and flat.shape[1] >= longest
    if not fits:
        raise ShapeError(f"ctc_loss: targets must be (N, S) with S >= {longest}, or one row of {starts[-1]}, the sum of "
                         f"target_lengths, got {tuple(given.shape)}")  # fmt: skip
    for i, size in enumerate(sizes):
        texts[i, :size] = flat[i, :size] if flat.ndim == 2 else flat[starts[i] : starts[i] + size]
    if texts.size and (texts.min() < 0 or texts.max() >= classes):
        raise ValueError(f"ctc_loss: targets must be classes 0 ... {classes - 1}, got {texts.min()} ... {texts.max()}")
    return texts


def likelihood(x: Tensor, texts: np.ndarray, spans: np.ndarray, sizes: np.ndarray, blank: int) -> Tensor:
    """ln p of each text, by the forward recursion over texts with a blank between all letters; (T, N, C) -> (N)."""
    steps, n, _ = x.shape
    width = 2 * texts.shape[1] + 1
    letters = np.full((n, width), blank, dtype=np.int64)
    letters[:, 1::2] = texts
    skips = np.zeros((n, width), dtype=bool)  # from a letter to the next, unless it repeats: then a blank must part them
    skips[:, 3::2] = letters[:, 3::2] != letters[:, 1:-2:2]
    reach = tensor(letters, device=x.device)
    seen = gather_op(clamp(x, min=NEVER), expand(reshape_op(reach, shape=(1, n, width)), (steps, n, width)), dim=2)
    may_skip, late = tensor(skips, device=x.device), tensor(spans.reshape(-1, 1), device=x.device)
    start = tensor(np.where(np.arange(width) == 0, 0.0, NEVER), dtype=x.dtype, device=x.device)
    a = expand(reshape_op(start, shape=(1, width)), (n, width))  # before the first step: about to begin
    border = full_like(a[:, :1], NEVER)
    for t in range(steps):
        one = cat([border, a[:, :-1]], 1)
        two = where(may_skip, cat([border, one[:, :-1]], 1), NEVER)
        a = where(late > t, logaddexp(logaddexp(a, one), two) + select(seen, 0, t), a)
    last = cast(tensor(2 * sizes.reshape(-1, 1), device=x.device), dtype="int64")
    end = gather_op(a, last, dim=1)
    before = where(last > 0, gather_op(a, where(last > 0, last - 1, 0), dim=1), NEVER)
    return reshape_op(logaddexp(end, before), shape=(n,))
