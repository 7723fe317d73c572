"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler, current, put, whole


class _Several(LRScheduler):
    """What holds several schedules of one optimizer. Raises ValueError or TypeError for anything else."""

    def _take(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> None:
        who = type(self).__name__
        self._schedulers = list(schedulers)
        if not self._schedulers:
            raise ValueError(f"{who}: expects at least one scheduler, but got no scheduler")
        for i, scheduler in enumerate(self._schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{who}: expected schedulers, got {type(scheduler).__name__} at index {i}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{who} does not support ReduceLROnPlateau (at index {i}), whose step needs a metric")
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{who}: expects all schedulers to belong to the same optimizer, but the one at index {i} "
                                 f"({type(scheduler).__name__}) has another")  # fmt: skip
        self.optimizer = self._schedulers[0].optimizer

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        kept = self._schedulers
        parts = state_dict.get("_schedulers") if isinstance(state_dict, dict) else kept
        if not isinstance(parts, list) or len(parts) != len(kept):
            raise ValueError(f"{type(self).__name__}.load_state_dict: expected the states of {len(kept)} schedulers")
        super().load_state_dict(state_dict)
        self._schedulers = kept
        for scheduler, state in zip(kept, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class ChainedScheduler(_Several):
    """All schedules at once: each changes the rate that the one before it left."""

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._take(schedulers, optimizer)
        self._last_lr = current(self.optimizer)

    def step(self, epoch: int | None = None) -> None:
        """One step of each."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = current(self.optimizer)


class SequentialLR(_Several):
    """One schedule after the other: the next begins, at its own start, at each of the `milestones`."""

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int],
                 last_epoch: int = -1) -> None:  # fmt: skip
        self._take(schedulers, optimizer)
        if len(milestones) != len(self._schedulers) - 1:
            raise ValueError("SequentialLR: expected one milestone less than schedulers, got "
                             f"{len(milestones)} milestones for {len(self._schedulers)} schedulers")  # fmt: skip
        self._milestones = [whole("SequentialLR", "each milestone", m, 0) for m in milestones]
        if self._milestones != sorted(self._milestones):
            raise ValueError(f"SequentialLR: milestones must not decrease, got {self._milestones}")
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:  # take back the first steps that the schedules made when they were made
            put(group, "lr", group["initial_lr"])
        undo(self)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """One step of the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def undo(scheduler: LRScheduler) -> None:
    """Set all schedules within this one back by a step."""
    for part in scheduler._schedulers if isinstance(scheduler, _Several) else ():
        undo(part)
    if not isinstance(scheduler, _Several):
        scheduler.last_epoch -= 1
