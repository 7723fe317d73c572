"""Fifty steps of every schedule beside PyTorch's: rates, momenta, groups, tensors as rates, restored state."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")


SWALR = {module.optim.lr_scheduler: module.optim.swa_utils.SWALR for module in (minigrad, torch)}


def optimizer(module: Any, kind: str = "SGD", tensor: bool = False) -> Any:
    params = [module.zeros(2, requires_grad=True) for _ in range(2)]
    for p in params:
        p.grad = module.ones(2)
    rates = [module.tensor(x, dtype=module.float64) if tensor else x for x in (0.1, 0.03)]
    options = dict(momentum=0.9) if kind == "SGD" else {}
    return getattr(module.optim, kind)([{"params": [p], "lr": lr} for p, lr in zip(params, rates, strict=True)], **options)


class Growing:
    """A function with state."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, t: int) -> float:
        self.calls += 1
        return 0.99 ** (t * self.calls % 7)


def one(name: str, *args: Any, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda s, o: getattr(s, name)(o, *args, **options)


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "lambda": one("LambdaLR", [lambda t: 0.9**t, lambda t: 1 / (1 + t)]),
    "lambda-object": lambda s, o: s.LambdaLR(o, Growing()),
    "multiplicative": one("MultiplicativeLR", lambda t: 0.9 if t % 2 else 1.05),
    "step": one("StepLR", 7, 0.3),
    "multistep": one("MultiStepLR", [3, 9, 9, 30], 0.5),
    "exponential": one("ExponentialLR", 0.93),
    "constant": one("ConstantLR", 0.25, 6),
    "linear": one("LinearLR", 0.2, 0.7, 11),
    "linear-default": one("LinearLR"),
    "polynomial": one("PolynomialLR", 20, 1.7),
    "cosine": one("CosineAnnealingLR", 12, 0.001),
    "restarts": one("CosineAnnealingWarmRestarts", 5, 2, 0.002),
    "restarts-equal": one("CosineAnnealingWarmRestarts", 8),
    "one-cycle": one("OneCycleLR", [0.3, 0.2], 60),
    "one-cycle-three": one("OneCycleLR", 0.3, epochs=6, steps_per_epoch=10, three_phase=True, anneal_strategy="linear"),
    "one-cycle-plain": one("OneCycleLR", 0.3, 50, cycle_momentum=False, pct_start=0.5, div_factor=5, final_div_factor=10),
    "cyclic": one("CyclicLR", 0.01, 0.1, 5),
    "cyclic-2": one("CyclicLR", [0.01, 0.02], [0.1, 0.3], 4, 7, "triangular2", base_momentum=0.6),
    "cyclic-exp": one("CyclicLR", 0.01, 0.1, 5, mode="exp_range", gamma=0.97, cycle_momentum=False),
    "cyclic-own": one("CyclicLR", 0.01, 0.1, 5, scale_fn=lambda n: 1 / n),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 4), s.ExponentialLR(o, 0.9)]),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20), s.StepLR(o, 3)], [5, 25]
    ),
    "sequential-restarts": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.5, 3), s.CosineAnnealingWarmRestarts(o, 4, 2)], [10]
    ),
}


def trace(o: Any, scheduler: Any, count: int, metrics: Any = None) -> list:
    """What each step sets: rates, momenta, and what the scheduler says they are."""
    seen = []
    for i in range(count):
        o.step()
        scheduler.step() if metrics is None else scheduler.step(metrics[i])
        momenta = [group.get("momentum", group.get("betas", (0,))[0]) for group in o.param_groups]
        seen.append([float(g["lr"]) for g in o.param_groups] + momenta + [float(x) for x in scheduler.get_last_lr()])
    return seen


def close(got: list, want: list) -> None:
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("tensor", [False, True], ids=["number", "tensor"])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", CASES)
def test_fifty_steps(name: str, kind: str, tensor: bool) -> None:
    traces = []
    for module in (minigrad, torch):
        o = optimizer(module, kind, tensor)
        scheduler = CASES[name](module.optim.lr_scheduler, o)
        start = [float(g["lr"]) for g in o.param_groups]
        traces.append([start + start + start, *trace(o, scheduler, 50)])
        if tensor:
            assert all(isinstance(g["lr"], module.Tensor) for g in o.param_groups)
    close(*traces)


@pytest.mark.parametrize("name", CASES)
def test_restored_state_goes_on(name: str) -> None:
    """Twenty steps, saved and loaded into a new scheduler and optimizer, then thirty more, as in an unbroken run."""
    module = minigrad
    whole = optimizer(module)
    scheduler = CASES[name](module.optim.lr_scheduler, whole)
    trace(whole, scheduler, 20)
    saved, options = copy.deepcopy(scheduler.state_dict()), copy.deepcopy(whole.state_dict())
    other = optimizer(module)
    again = CASES[name](module.optim.lr_scheduler, other)
    other.load_state_dict(options)
    again.load_state_dict(saved)
    assert trace(other, again, 30) == trace(whole, scheduler, 30)


PLATEAU = {"plateau": one("ReduceLROnPlateau", patience=1), "plateau-list": one("ReduceLROnPlateau", min_lr=[0.01, 0.02])}
SWA = {"swa": lambda s, o: SWALR[s](o, 0.05, anneal_epochs=30)}


@pytest.mark.parametrize("name", [*CASES, *PLATEAU, *SWA])
def test_restored_from_pytorchs_state(name: str) -> None:
    """Twenty steps of PyTorch's, its states loaded here, then thirty more, as PyTorch goes on."""
    case = {**CASES, **PLATEAU, **SWA}[name]
    metrics = [float(k % 17) for k in range(30)] if name in PLATEAU else None
    theirs, ours = optimizer(torch), optimizer(minigrad)
    oracle = case(torch.optim.lr_scheduler, theirs)
    trace(theirs, oracle, 20, metrics)
    mine = case(minigrad.optim.lr_scheduler, ours)
    for a, b in ((ours, theirs), (mine, oracle)):
        saved = copy.deepcopy(b.state_dict())
        if a is ours:
            for values in saved["state"].values():
                values.update({key: minigrad.tensor(x.numpy()) for key, x in values.items()})
        a.load_state_dict(saved)
    close(trace(ours, mine, 30, metrics), trace(theirs, oracle, 30, metrics))


def test_a_rate_that_rounding_left_below_zero_can_be_restored() -> None:
    o = optimizer(minigrad, "Adam")
    trace(o, minigrad.optim.lr_scheduler.LinearLR(o, 0.1, end_factor=0.0, total_iters=15), 20)
    saved, other = o.state_dict(), optimizer(minigrad, "Adam")
    assert -1e-15 < saved["param_groups"][0]["lr"] < 0
    other.load_state_dict(saved)
    assert other.state_dict()["param_groups"] == saved["param_groups"]
    saved["param_groups"][0]["lr"] = -float("inf")
    with pytest.raises(ValueError, match="Invalid lr"):
        other.load_state_dict(saved)


def test_a_plateau_knows_the_least_rate_of_groups_that_are_added() -> None:
    for module in (minigrad, torch):
        o = optimizer(module)
        scheduler = module.optim.lr_scheduler.ReduceLROnPlateau(o, patience=0, min_lr=0.02)
        o.add_param_group({"params": [module.ones(1, requires_grad=True)], "lr": 1.0})
        for _ in range(3):
            scheduler.step(1.0)
        close([g["lr"] for g in o.param_groups], [0.02, 0.02, 0.02])


@pytest.mark.parametrize("name", ["step", "linear", "multistep", "exponential", "constant", "polynomial", "cosine", "restarts"])
def test_last_epoch_and_step_to_an_epoch(name: str) -> None:
    traces = []
    for module in (minigrad, torch):
        o = optimizer(module)
        scheduler = CASES[name](module.optim.lr_scheduler, o)
        seen = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for epoch in (3, 9, 30, 11):
                o.step()
                scheduler.step(epoch)
                seen.append(scheduler.get_last_lr())
        traces.append(seen)
    close(*traces)


@pytest.mark.parametrize("options", [
    dict(), dict(mode="max", patience=2, factor=0.5), dict(patience=0, cooldown=3, threshold=0.1, min_lr=[1e-3, 1e-2]),
    dict(patience=1, threshold_mode="abs", threshold=0.05), dict(mode="max", threshold_mode="abs", patience=1, eps=0.02),
])  # fmt: skip
def test_plateau(options: dict) -> None:
    metrics = np.random.default_rng(0).standard_normal(50).cumsum().tolist()
    traces = []
    for module in (minigrad, torch):
        o = optimizer(module)
        traces.append(trace(o, module.optim.lr_scheduler.ReduceLROnPlateau(o, **options), 50, metrics))
    close(*traces)


def test_resumed_with_last_epoch() -> None:
    traces = []
    for module in (minigrad, torch):
        o = optimizer(module)
        with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
            module.optim.lr_scheduler.StepLR(o, 3, last_epoch=4)
        first = module.optim.lr_scheduler.CosineAnnealingLR(o, 30)
        trace(o, first, 10)
        traces.append(trace(o, module.optim.lr_scheduler.CosineAnnealingLR(o, 30, last_epoch=first.last_epoch), 10))
    close(*traces)


def test_one_of_ones_own() -> None:
    traces = []
    for module in (minigrad, torch):

        class Warm(module.optim.lr_scheduler._LRScheduler):
            def get_lr(self) -> list:
                return [base * min(1, (self.last_epoch + 1) / 10) for base in self.base_lrs]

        o = optimizer(module)
        traces.append(trace(o, Warm(o), 20))
    close(*traces)


def test_stepped_in_the_wrong_order() -> None:
    for module in (minigrad, torch):
        scheduler = module.optim.lr_scheduler.StepLR(optimizer(module), 3)
        with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
            scheduler.step()
        with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
            scheduler.get_lr()


@pytest.mark.parametrize(("rate", "epochs", "strategy"), [
    (0.05, 10, "cos"), (0.05, 4, "linear"), ([0.2, 0.001], 0, "cos"), (0.3, 1, "linear"),
])  # fmt: skip
@pytest.mark.parametrize("before", [0, 7])
def test_swa_lr(rate: Any, epochs: int, strategy: str, before: int) -> None:
    seen = []
    for module in (minigrad, torch):
        o = optimizer(module)
        first = module.optim.lr_scheduler.ExponentialLR(o, 0.9)
        rows = trace(o, first, before)
        swa = module.optim.swa_utils.SWALR(o, rate, epochs, strategy)
        rows += [[float(x) for x in swa.get_last_lr()] * 3] + trace(o, swa, 15)
        seen.append(rows)
        for bad in (dict(anneal_strategy="x"), dict(anneal_epochs=-1), dict(swa_lr=[0.1])):
            with pytest.raises(ValueError):
                module.optim.swa_utils.SWALR(optimizer(module), **{"swa_lr": 0.1, **bad})
    close(*seen)
