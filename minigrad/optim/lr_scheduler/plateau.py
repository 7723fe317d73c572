"""The schedule that watches a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from ...backends.source import advise
from ...core import Tensor
from ..optimizer import Optimizer, number
from .scheduler import LRScheduler, current, each, put, whole


class ReduceLROnPlateau(LRScheduler):
    """lr <- max(factor lr, min_lr) after more than `patience` steps without a better metric; `cooldown` steps of rest follow.

    mode            "min" if lower is better, or "max"
    threshold       by how much better counts: a part of the best if `threshold_mode` is "rel", a difference if "abs"
    min_lr          for all groups, or a list
    eps             smaller changes of the rate are not made

    Its step takes the metric: `scheduler.step(loss)`. Raises ValueError for options out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        who = "ReduceLROnPlateau"
        number(who, "factor", factor, 0)
        if factor >= 1:
            raise ValueError(f"{who}: Factor should be < 1.0, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"{who}: mode {mode!r} is unknown! Expected 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"{who}: threshold mode {threshold_mode!r} is unknown! Expected 'rel' or 'abs'")
        for name, value in (("threshold", threshold), ("eps", eps)):
            number(who, name, value, 0)
        self.min_lrs = each(who, "min_lr", optimizer, min_lr)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        for least in self.min_lrs:
            number(who, "min_lr", least, 0)
        self.optimizer, self.mode, self.factor = optimizer, mode, factor
        self.patience, self.cooldown = whole(who, "patience", patience, 0), whole(who, "cooldown", cooldown, 0)
        self.threshold, self.threshold_mode, self.eps = threshold, threshold_mode, eps
        self.best = self.mode_worse = math.inf if mode == "min" else -math.inf
        self.last_epoch = self.cooldown_counter = self.num_bad_epochs = 0
        self._last_lr = current(optimizer)

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Look at the metric (a number or a tensor of one) and reduce the rate if it is time."""
        if not isinstance(metrics, (Real, Tensor)):
            raise TypeError(f"ReduceLROnPlateau.step: expected a number or a tensor of one, got {metrics!r:.60}")
        value = float(metrics)
        if epoch is not None:
            advise("The epoch parameter in `scheduler.step()` is deprecated. Hint: scheduler.step(loss)")
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = current(self.optimizer)

    @property
    def in_cooldown(self) -> bool:
        """Whether steps still pass without counting after a reduction."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether the metric `a` is better than `best` by more than the threshold."""
        sign = -1 if self.mode == "min" else 1
        bound = best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else best + sign * self.threshold
        return a < bound if self.mode == "min" else a > bound

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):  # some were added
            if self.default_min_lr is None:
                raise ValueError(f"ReduceLROnPlateau: the optimizer now has {len(groups)} groups, min_lrs {len(self.min_lrs)}. "
                                 "Hint: set scheduler.min_lrs when a group is added")  # fmt: skip
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, lr, least in zip(groups, current(self.optimizer), self.min_lrs, strict=True):
            new = max(lr * self.factor, least)
            if lr - new > self.eps:
                put(group, "lr", new)
