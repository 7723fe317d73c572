"""Schedules: the values they promise, worked out by hand, and what they refuse when they are made."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import optim
from minigrad.optim import lr_scheduler as s

NAN = float("nan")


def sgd(**options: Any) -> optim.Optimizer:
    p = minigrad.zeros(1, requires_grad=True)
    p.grad = minigrad.ones(1)
    return optim.SGD([p], lr=1.0, **options)


def rates(o: optim.Optimizer, scheduler: Any, n: int) -> list[float]:
    seen = [o.param_groups[0]["lr"]]
    for _ in range(n):
        o.step()
        scheduler.step()
        seen.append(round(scheduler.get_last_lr()[0], 12))
    return seen


def test_by_hand() -> None:
    o = sgd()
    assert rates(o, s.StepLR(o, 2, 0.5), 5) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    o = sgd()
    assert rates(o, s.LinearLR(o, 0.25, total_iters=3), 4) == [0.25, 0.5, 0.75, 1, 1]
    o = sgd()
    assert rates(o, s.CosineAnnealingLR(o, 2), 4) == [1, 0.5, 0, 0.5, 1]
    o = sgd()
    assert rates(o, s.SequentialLR(o, [s.ConstantLR(o, 0.5, 9), s.ExponentialLR(o, 0.1)], [2]), 4) == [0.5, 0.5, 1, 0.1, 0.01]
    o = sgd(momentum=0.9)
    assert rates(o, s.CyclicLR(o, 0, 1, 2), 5) == [0, 0.5, 1, 0.5, 0, 0.5]
    assert o.param_groups[0]["momentum"] == pytest.approx(0.85)


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda o: s.StepLR(o, 0), ValueError, "StepLR: Expected step_size to be an integer >= 1, but got 0"),
    (lambda o: s.StepLR(o, 2, NAN), ValueError, "StepLR: Invalid gamma"),
    (lambda o: s.StepLR(3, 2), TypeError, "StepLR: expected an optimizer, int is not an Optimizer"),
    (lambda o: s.StepLR(o, 2, last_epoch=-2), ValueError, "last_epoch must be an integer >= -1"),
    (lambda o: s.StepLR(o, 2, last_epoch=1), KeyError, "initial_lr"),
    (lambda o: s.MultiStepLR(o, [1, -2]), ValueError, "each milestone"),
    (lambda o: s.LambdaLR(o, 0.5), TypeError, "LambdaLR: lr_lambda should be a function, but got float"),
    (lambda o: s.LambdaLR(o, [abs, abs]), ValueError, "Expected 1 values for lr_lambda"),
    (lambda o: s.ConstantLR(o, 0), ValueError, "factor expected to be above 0"),
    (lambda o: s.LinearLR(o, 1.5), ValueError, "start_factor expected"),
    (lambda o: s.LinearLR(o, total_iters=0), ValueError, "total_iters"),
    (lambda o: s.PolynomialLR(o, 0), ValueError, "total_iters"),
    (lambda o: s.CosineAnnealingLR(o, 0), ValueError, "T_max must be above 0"),
    (lambda o: s.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "T_mult"),
    (lambda o: s.OneCycleLR(o, 1.0), ValueError, "either total_steps OR"),
    (lambda o: s.OneCycleLR(o, 1.0, 5, pct_start=2.0), ValueError, "between 0 and 1 pct_start"),
    (lambda o: s.CyclicLR(o, 0.1, 1.0, 0), ValueError, "step_size_up must be above 0"),
    (lambda o: s.CyclicLR(o, 0.1, 1.0, mode="saw"), ValueError, "mode is invalid"),
    (lambda o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
    (lambda o: s.ReduceLROnPlateau(o, "low"), ValueError, "mode 'low' is unknown"),
    (lambda o: s.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
    (lambda o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]), ValueError, "one milestone less"),
    (lambda o: s.ChainedScheduler([s.StepLR(o, 1), s.StepLR(sgd(), 1)]), ValueError, "the same optimizer"),
    (lambda o: s.ChainedScheduler([s.ReduceLROnPlateau(o)]), ValueError, "does not support ReduceLROnPlateau"),
])  # fmt: skip
def test_refused_when_made(make: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make(sgd())


def test_steps_counted_by_whole_floats_and_numpy_integers() -> None:
    def after(make: Callable) -> list:
        o = sgd()
        return rates(o, make(o), 8)

    assert after(lambda o: s.StepLR(o, 2.0)) == after(lambda o: s.StepLR(o, 2))  # as PyTorch's tutorial on transformers has it
    want = after(lambda o: s.MultiStepLR(o, [2, 4]))
    for milestones in ([0.25 * 8, 0.5 * 8], np.arange(2, 5, 2)):
        assert want == after(lambda o, given=milestones: s.MultiStepLR(o, given))
    with pytest.raises(ValueError, match=r"T_0 to be an integer >= 1, but got 10.0"):  # there PyTorch wants an int, too
        s.CosineAnnealingWarmRestarts(sgd(), 10.0)


def test_a_step_too_many() -> None:
    o = sgd(momentum=0.9)
    scheduler = s.OneCycleLR(o, 1.0, 3)
    rates(o, scheduler, 3)
    with pytest.raises(ValueError, match="Tried to step 4 times. The specified number of total steps is 3"):
        scheduler.step()


def test_the_wrong_order_warns_once() -> None:
    scheduler = s.StepLR(sgd(), 2)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_saved_to_a_file(tmp_path: Any) -> None:
    o = sgd()
    scheduler = s.MultiStepLR(o, [2, 3, 3])
    rates(o, scheduler, 2)
    minigrad.save(scheduler.state_dict(), tmp_path / "s")
    other = s.MultiStepLR(o, [7])
    other.load_state_dict(minigrad.load(tmp_path / "s"))
    other.step()
    assert other.last_epoch == 3
    assert other._get_closed_form_lr() == pytest.approx([1e-3])
