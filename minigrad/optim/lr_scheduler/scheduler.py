"""LRScheduler: what all schedules share; and the checks of their arguments."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from ...backends.source import advise
from ...core import Tensor, mode
from ..optimizer import Optimizer


class LRScheduler:
    """The base of all schedules; one of them gives `get_lr()`: the new rate of each group, at `self.last_epoch`.

    optimizer    whose groups' "lr" is set, at once and by each `step()`
    last_epoch   the number of steps so far, -1 to begin; to resume with another, groups must have their "initial_lr"
    base_lrs     the rate each group began with

    Raises TypeError for anything but an optimizer, KeyError for a group without "initial_lr" in a resumed run.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        who = type(self).__name__
        self.optimizer = an_optimizer(who, optimizer)
        if isinstance(last_epoch, bool) or not isinstance(last_epoch, int) or last_epoch < -1:
            raise ValueError(f"{who}: last_epoch must be an integer >= -1, got {last_epoch!r}")
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"{who}: param 'initial_lr' is not specified in param_groups[{i}] when resuming with "
                               f"last_epoch={last_epoch}. Hint: load the optimizer's state first")  # fmt: skip
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count, self._is_initial = 0, True
        try:
            self.step()
        finally:
            self._is_initial = False

    def get_lr(self) -> list[float]:
        """The rate of each group at `last_epoch`; called by `step()`."""
        raise NotImplementedError(f"{type(self).__name__}: a scheduler must define get_lr()")

    def get_last_lr(self) -> list[float]:
        """The rates that the last step set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on by one, or (deprecated) to `epoch`. Warns if the optimizer has made no step yet."""
        if self._step_count == 1 and not self.optimizer.stepped:
            advise("Detected call of `lr_scheduler.step()` before `optimizer.step()`: the first value of the schedule "
                   "is skipped. Hint: optimizer.step() first, then scheduler.step()")  # fmt: skip
        self._step_count += 1
        if epoch is not None:
            advise("The epoch parameter in `scheduler.step()` is deprecated. Hint: scheduler.step()")
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else getattr(self, "_get_closed_form_lr", None)
        self._get_lr_called_within_step = True
        try:
            rates = (closed or self.get_lr)()
        finally:
            self._get_lr_called_within_step = False
        self._set(rates)

    def _set(self, rates: list[float]) -> None:
        """Give each group its rate."""
        if len(rates) != len(self.optimizer.param_groups):
            raise ValueError(f"{type(self).__name__}: expected {len(self.optimizer.param_groups)} rates, one for each group, "
                             f"got {len(rates)}. Hint: add groups before making the scheduler")  # fmt: skip
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            put(group, "lr", rate)
        self._last_lr = current(self.optimizer)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict()` gave; the optimizer's rates come with its own state.

        Raises TypeError for anything but a dict, and ValueError for the state of another kind of schedule.
        """
        who = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state_dict, dict):
            raise TypeError(f"{who}: expected a dict, got {type(state_dict).__name__}")
        mine, theirs = ({key for key in state if key[:1] != "_"} for state in (self.state_dict(), state_dict))
        if mine != theirs:
            raise ValueError(f"{who}: expected the state of such a schedule, {sorted(mine - theirs)} are missing and "
                             f"{sorted(theirs - mine)} unexpected")  # fmt: skip
        self.__dict__.update(state_dict)


_LRScheduler = LRScheduler  # its name before PyTorch 2


def put(group: dict[str, Any], name: str, value: float) -> None:
    """Set an option of a group; a tensor is written into, so that a recorded step sees it."""
    if isinstance(group[name], Tensor):
        with mode(grad=False):
            group[name].fill_(float(value))
    else:
        group[name] = value


def current(optimizer: Optimizer) -> list[float]:
    """The rates of the groups as they are."""
    return [float(group["lr"]) if isinstance(group["lr"], Tensor) else group["lr"] for group in optimizer.param_groups]


# -- checks ------------------------------------------------------------------------------------------------------------


def an_optimizer(who: str, optimizer: Any) -> Optimizer:
    """Raise TypeError unless it is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{who}: expected an optimizer, {type(optimizer).__name__} is not an Optimizer")
    return optimizer


def whole(who: str, name: str, value: Any, least: int = 1, floats: bool = True) -> int:
    """`value` as an integer. Raises ValueError unless it is one of at least `least`; with `floats`, as 0.5 * epochs, 5.0 is."""
    fine = isinstance(value, int) or floats and (isinstance(value, Integral) or isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not fine or value < least:
        raise ValueError(f"{who}: Expected {name} to be an integer >= {least}, but got {value!r}")
    return int(value)


def each(who: str, name: str, optimizer: Optimizer, value: Any) -> list:
    """One value for each group: a list of as many, or one for all."""
    n = len(an_optimizer(who, optimizer).param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{who}: Expected {n} values for {name}, one for each group, but got {len(value)}")
    return list(value)
