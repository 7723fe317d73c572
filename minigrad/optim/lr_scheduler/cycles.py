"""Schedules that go up and down: warm restarts, cycles, and one cycle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any

from ..optimizer import Optimizer, number
from .scheduler import LRScheduler, an_optimizer, current, each, put, whole

integer = partial(whole, floats=False)


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (base - eta_min) (1 + cos(pi T_cur / T_i)) / 2, begun anew after T_0 steps, then T_0 T_mult ...

    `step(epoch)` may be given fractions of an epoch, such as epoch + batch / batches. Raises ValueError for periods that
    are no positive integers. Source: Loshchilov & Hutter 2017, SGDR, eq. 5.
    """

    def __init__(self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        who = "CosineAnnealingWarmRestarts"
        number(who, "eta_min", eta_min, 0)
        self.T_0, self.T_mult = integer(who, "T_0", T_0), integer(who, "T_mult", T_mult)
        self.T_i, self.eta_min = T_0, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        part = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * part for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on by one, or to `epoch`."""
        self._step_count += 1
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = epoch or 0
            if not epoch >= 0:
                raise ValueError(f"CosineAnnealingWarmRestarts: Expected non-negative epoch, but got {epoch}")
            if self.T_mult == 1:
                self.T_cur = epoch % self.T_0
            else:
                n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
                self.T_i = self.T_0 * self.T_mult**n
                self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) // (self.T_mult - 1)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())


class _Cycle(LRScheduler):
    """What both kinds of cycles share: the momentum, or Adam's beta1, goes against the rate."""

    def _momenta(self, base_momentum: Any, max_momentum: Any, last_epoch: int) -> tuple[list[float], list[float]]:
        """Both ends of the momentum, one each for every group, which gets the upper one."""
        who, optimizer = type(self).__name__, self.optimizer
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(f"{who}: optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = "betas" in optimizer.defaults
        bases = each(who, "base_momentum", optimizer, base_momentum)
        tops = each(who, "max_momentum", optimizer, max_momentum)
        for value in (*bases, *tops):
            number(who, "momentum", value, 0, 1)
        if last_epoch == -1:
            for least, most, group in zip(bases, tops, optimizer.param_groups, strict=True):
                self._set_momentum(group, most)
                group.update(max_momentum=most, base_momentum=least)
        return bases, tops

    def _set_momentum(self, group: dict[str, Any], value: float) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_Cycle):
    """lr = base_lr + h (max_lr - base_lr), with h a triangle that rises in `step_size_up` steps, then falls in as many.

    Cycle n is scaled by 1 ("triangular"), 2^(1 - n) ("triangular2") or, at step t, gamma^t ("exp_range"), or by
    `scale_fn` of n or t as `scale_mode` is "cycle" or "iterations". Momentum falls from max to base as the rate rises.
    Raises ValueError or TypeError for options out of range. Source: Smith 2017, Cyclical learning rates.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        bases = each("CyclicLR", "base_lr", optimizer, base_lr)
        self.max_lrs = each("CyclicLR", "max_lr", optimizer, max_lr)
        for name, values in (("base_lr", bases), ("max_lr", self.max_lrs), ("gamma", [gamma])):
            for value in values:
                number("CyclicLR", name, value, 0)
        step_size_down = step_size_up if step_size_down is None else step_size_down
        for name, size in (("step_size_up", step_size_up), ("step_size_down", step_size_down)):
            number("CyclicLR", name, size, 0)
            if not size:
                raise ValueError(f"CyclicLR: {name} must be above 0")
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"CyclicLR: mode is invalid and scale_fn is None, got mode={mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        self.total_size = float(step_size_up) + float(step_size_down)
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.optimizer, self.cycle_momentum = optimizer, cycle_momentum
        if last_epoch == -1:
            for lr, group in zip(bases, optimizer.param_groups, strict=True):
                put(group, "lr", lr)
        if cycle_momentum:
            self.base_momentums, self.max_momentums = self._momenta(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = bases

    def scale_fn(self, x: float) -> float:
        """The height of a cycle."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return self.gamma**x
        return 0.5 ** (x - 1) if self.mode == "triangular2" else 1.0

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            for group, least, most in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True):
                self._set_momentum(group, most - (most - least) * height * scale)
        return [low + (high - low) * height * scale for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        custom = self._scale_fn_custom
        saved = None if custom is None or isinstance(custom, FunctionType) else dict(vars(custom))
        return {**super().state_dict(), "_scale_fn_custom": saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        custom = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = custom
        if custom is not None and state_dict["_scale_fn_custom"] is not None:
            vars(custom).update(state_dict["_scale_fn_custom"])


class OneCycleLR(_Cycle):
    """Up from max_lr / div_factor to max_lr in a part `pct_start` of the steps, then down to start / final_div_factor.

    The steps are `total_steps`, or `epochs` times `steps_per_epoch`; a step beyond them is a ValueError. `three_phase`
    falls to the start in as many steps as it rose, and then further. The way is half a cosine or "linear". Momentum falls
    from max to base as the rate rises. Raises ValueError or TypeError for options out of range.
    Source: Smith & Topin 2018, Super-convergence.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        who = "OneCycleLR"
        self.optimizer = an_optimizer(who, optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError(f"{who}: You must define either total_steps OR (epochs AND steps_per_epoch)")
            total_steps = integer(who, "epochs", epochs) * integer(who, "steps_per_epoch", steps_per_epoch)
        self.total_steps = integer(who, "total_steps", total_steps)
        number(who, "pct_start", pct_start, 0)
        if pct_start > 1:
            raise ValueError(f"{who}: Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{who}: anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy!r}")
        for name, value in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            number(who, name, value, 0)
            if not value:
                raise ValueError(f"{who}: {name} must be above 0")
        peaks = each(who, "max_lr", optimizer, max_lr)
        for peak in peaks:
            number(who, "max_lr", peak, 0)
        self._anneal_func_type, self.cycle_momentum = anneal_strategy, cycle_momentum
        rates, momenta = ["initial_lr", "max_lr", "min_lr"], ["max_momentum", "base_momentum", "max_momentum"]
        ends = [float(pct_start * self.total_steps) - 1, self.total_steps - 1]
        if three_phase:
            ends.insert(1, float(2 * pct_start * self.total_steps) - 2)
            rates.insert(2, "initial_lr")
            momenta.append("max_momentum")
        names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
        phases = zip(ends, rates, rates[1:], momenta, momenta[1:], strict=False)
        self._schedule_phases: list[dict[str, Any]] = [dict(zip(names, phase, strict=True)) for phase in phases]
        if last_epoch == -1:
            for peak, group in zip(peaks, optimizer.param_groups, strict=True):
                start = peak / div_factor
                group.update(initial_lr=start, max_lr=peak, min_lr=start / final_div_factor)
        if cycle_momentum:
            self._momenta(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, phases = self.last_epoch, self._schedule_phases
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: Tried to step {t} times. The specified number of total steps is {self.total_steps}")
        k = next((k for k, phase in enumerate(phases) if t <= phase["end_step"]), len(phases) - 1)
        now = phases[k]
        start, end = phases[k - 1]["end_step"] if k else 0.0, now["end_step"]
        part = (t - start) / (end - start) if end != start else 1.0
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[now["start_lr"]], group[now["end_lr"]], part))
            if self.cycle_momentum:
                momentum = self._between(group[now["start_momentum"]], group[now["end_momentum"]], part)
                self._set_momentum(group, momentum)
        return rates

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)


class SWALR(LRScheduler):
    """lr = a swa_lr + (1 - a) lr_0: from the rate lr_0 that it finds to `swa_lr`, a number or one for each group.

    a goes from 0 to 1 in `anneal_epochs` steps and stays there; `anneal_strategy` is "cos" (half a cosine) or "linear". With
    other schedules for the time before. Raises ValueError for options out of range. Source: Izmailov et al. 2018.
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos", last_epoch: int = -1
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy!r}")
        self.anneal_epochs, self._anneal_strategy = whole("SWALR", "anneal_epochs", anneal_epochs, 0), anneal_strategy
        for group, rate in zip(optimizer.param_groups, each("SWALR", "swa_lr", optimizer, swa_lr), strict=True):
            number("SWALR", "swa_lr", rate, 0)
            group["swa_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def share(self, step: int) -> float:
        """How far the way to `swa_lr` is after so many steps, 0 ... 1."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:  # lr_0 is found anew from the rate of now, since other schedules may have moved it
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before, now = self.share(step - 1), self.share(step)
        ends = [float(group["swa_lr"]) for group in self.optimizer.param_groups]
        starts = [end if before == 1 else (lr - before * end) / (1 - before)
                  for lr, end in zip(current(self.optimizer), ends, strict=True)]  # fmt: skip
        return [end * now + start * (1 - now) for start, end in zip(starts, ends, strict=True)]
