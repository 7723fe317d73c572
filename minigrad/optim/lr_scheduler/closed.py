"""Schedules that go one way: each new rate from the last one, so that several can be chained."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

from ...backends.source import advise
from ..optimizer import Optimizer, number
from .scheduler import LRScheduler, current, each, whole


class _Stepwise(LRScheduler):
    """A schedule given by `after(lr, base)`: the rate of a group at `last_epoch` from the last one and the first."""

    def get_lr(self) -> list[float]:
        if not self._get_lr_called_within_step:
            advise("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.")
        return [self.after(lr, base) for lr, base in zip(current(self.optimizer), self.base_lrs, strict=True)]

    def after(self, lr: float, base: float) -> float:
        raise NotImplementedError


class _Closed(_Stepwise):
    """Such a schedule with a closed form: `at(base)` is the rate at `last_epoch`, whatever came before."""

    def _get_closed_form_lr(self) -> list[float]:
        return [self.at(base) for base in self.base_lrs]

    def at(self, base: float) -> float:
        raise NotImplementedError


class LambdaLR(LRScheduler):
    """lr_t = base f(t), with `lr_lambda` one function f for all groups or a list of one for each.

    The state of a function that is an object with attributes is saved with the schedule's.
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
                 last_epoch: int = -1) -> None:  # fmt: skip
        who = type(self).__name__
        self.lr_lambdas = each(who, "lr_lambda", optimizer, lr_lambda)
        for f in self.lr_lambdas:
            if not callable(f):
                raise TypeError(f"{who}: lr_lambda should be a function, but got {type(f).__name__}")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        functions = [None if isinstance(f, FunctionType) else dict(vars(f)) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": functions}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        kept = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = kept
        for f, values in zip(kept, state_dict["lr_lambdas"], strict=True):
            if values is not None:
                vars(f).update(values)


class MultiplicativeLR(LambdaLR):
    """lr_t = lr_t-1 f(t). Arguments as in `LambdaLR`."""

    def get_lr(self) -> list[float]:
        rates = current(self.optimizer)
        return rates if self._is_initial else [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, rates, strict=True)]


class StepLR(_Closed):
    """lr_t = base gamma^floor(t / step_size)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = whole("StepLR", "step_size", step_size)
        number("StepLR", "gamma", gamma, 0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        return lr if self.last_epoch == 0 or self.last_epoch % self.step_size else lr * self.gamma

    def at(self, base: float) -> float:
        return base * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(_Closed):
    """lr_t = base gamma^n, with n the number of milestones that t has reached."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        number("MultiStepLR", "gamma", gamma, 0)
        self.milestones = Counter(whole("MultiStepLR", "each milestone", m, 0) for m in milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        return lr * self.gamma ** self.milestones[self.last_epoch] if self.last_epoch in self.milestones else lr

    def at(self, base: float) -> float:
        return base * self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)  # a file gives a plain dict


class ConstantLR(_Closed):
    """lr_t = base factor before `total_iters`, then base."""

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        number("ConstantLR", "factor", factor)
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: factor expected to be above 0 and at most 1, got {factor}")
        self.factor, self.total_iters = factor, whole("ConstantLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        if self.last_epoch == 0:
            return lr * self.factor
        return lr * (1 / self.factor) if self.last_epoch == self.total_iters else lr

    def at(self, base: float) -> float:
        return base * (self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor))


class LinearLR(_Closed):
    """lr_t = base (start + (end - start) min(t, n) / n), with n = `total_iters`: a warm-up by default."""

    def __init__(self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5,
                 last_epoch: int = -1) -> None:  # fmt: skip
        number("LinearLR", "start_factor", start_factor)
        number("LinearLR", "end_factor", end_factor)
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor expected to be above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor expected to be between 0 and 1, got {end_factor}")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = whole("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))

    def at(self, base: float) -> float:
        rise = self.end_factor - self.start_factor
        return base * (self.start_factor + rise * min(self.total_iters, self.last_epoch) / self.total_iters)


class ExponentialLR(_Closed):
    """lr_t = base gamma^t."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        number("ExponentialLR", "gamma", gamma, 0)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        return lr if self._is_initial else lr * self.gamma

    def at(self, base: float) -> float:
        return base * self.gamma**self.last_epoch


class PolynomialLR(_Closed):
    """lr_t = base (1 - min(t, n) / n)^power, with n = `total_iters`."""

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        number("PolynomialLR", "power", power, 0)
        self.total_iters, self.power = whole("PolynomialLR", "total_iters", total_iters), power
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        left, before = (1 - t / self.total_iters for t in (self.last_epoch, self.last_epoch - 1))
        return lr * (left / before) ** self.power

    def at(self, base: float) -> float:
        return base * (1 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power


class CosineAnnealingLR(_Closed):
    """lr_t = eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2: down to `eta_min` in `T_max` steps, then up again.

    Source: Loshchilov & Hutter 2017, SGDR, eq. 5, without restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        number("CosineAnnealingLR", "T_max", T_max, 0)
        if not T_max:
            raise ValueError("CosineAnnealingLR: T_max must be above 0, got 0")
        number("CosineAnnealingLR", "eta_min", eta_min, 0)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def after(self, lr: float, base: float) -> float:
        if self._is_initial:
            return lr
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the last rate was the lowest: a ratio would be 0/0
            return lr + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        height, before = (1 + math.cos(math.pi * t / self.T_max) for t in (self.last_epoch, self.last_epoch - 1))
        return height / before * (lr - self.eta_min) + self.eta_min

    def at(self, base: float) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
