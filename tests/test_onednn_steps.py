"""Optimizers' steps on oneDNN: the reference's numbers for every option, odd values and odd arrays too."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.backends import NUMPY
from minigrad.backends.onednn import ONEDNN, library
from minigrad.backends.reference import REFERENCE

steps = importlib.import_module("minigrad.backends.onednn.steps")
pytestmark = [
    pytest.mark.skipif(library() is None, reason="oneDNN is not installed: pip install minigrad[fast]"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


@pytest.fixture(autouse=True)
def from_one_element_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ENOUGH", 1)


@pytest.fixture
def spared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of kernels that were left to others."""
    names: list[str] = []

    def noted(name: str):
        kernel = steps.NUMBA_KERNELS[name]
        return lambda *args: (names.append(name), kernel(*args))[1]

    monkeypatch.setattr(steps, "NUMBA_KERNELS", {name: noted(name) for name in ("sgd_", "adam_")})
    return names


def numbers(count: int, shape: tuple = (6, 77)) -> list[np.ndarray]:
    """Normal numbers with zeros, infinities and NaN among them."""
    x = np.random.default_rng(count).standard_normal((count, *shape)).astype("float32")
    x.reshape(count, -1)[:, :4] = 0.0, -0.0, np.inf, np.nan
    return list(x)


def close(found: list, expected: list) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4,), (7,), (6, 77), (300, 500)])
def test_sgd(shape: tuple, spared: list) -> None:
    choices = itertools.product((0, 0.9), (0, 0.3), (0, 0.1), (False, True), (False, True))
    for momentum, dampening, decay, nesterov, maximize in choices:
        p, g, buf = numbers(3, shape)
        found, expected = [p.copy(), buf.copy()], [p.copy(), buf.copy()]
        for kernels, (p, buf) in ((ONEDNN, found), (REFERENCE, expected)):
            for lr in (0.1, np.asarray(0.3, "float32")):
                kernels["sgd_"](NUMPY, p, g, buf if momentum else None, lr, momentum, dampening, decay, nesterov, maximize)
        close(found, expected)
    assert not spared


def test_adam(spared: list) -> None:
    for decay, decoupled, maximize in itertools.product((0, 0.1), (False, True), (False, True)):
        p, g, m, v = numbers(4)
        made = [p, m, np.abs(v), np.asarray(2, "float32")]
        found, expected = ([a.copy() for a in made] for _ in range(2))
        for kernels, (p, m, v, step) in ((ONEDNN, found), (REFERENCE, expected)):
            for beta2 in (0.999, 0.9):
                kernels["adam_"](NUMPY, p, g, m, v, step, None, 1e-2, (0.9, beta2), 1e-8, decay, decoupled, maximize)
        close(found, expected)
    assert not spared


@pytest.mark.parametrize("case", ["float64", "columns", "turned gradient", "amsgrad", "many", "lr"])
def test_what_it_does_not_serve_is_left_to_others(case: str, spared: list, monkeypatch: pytest.MonkeyPatch) -> None:
    p, g, m, v, largest = numbers(5, (8, 8))
    if case == "float64":
        p, g, m, v, largest = (a.astype("float64") for a in (p, g, m, v, largest))
    if case == "columns":
        p = np.asfortranarray(p)
    if case == "turned gradient":
        g = g.T
    if case == "many":
        monkeypatch.setattr(steps, "MANY", 64)
    lr = np.asarray(0.1, "float64") if case == "lr" else 0.1
    options = (np.asarray(0, p.dtype), np.abs(largest) if case == "amsgrad" else None, lr, (0.9, 0.99), 1e-8, 0, False, False)
    found, expected = ([a.copy("K") for a in (p, m, np.abs(v))] for _ in range(2))
    for kernels, (p, m, v) in ((ONEDNN, found), (REFERENCE, expected)):
        kernels["adam_"](NUMPY, p, g, m, v, options[0].copy(), *options[1:])
    close(found, expected)
    assert spared == ["adam_"]


@pytest.mark.parametrize(
    "make", [lambda p: optim.AdamW(p, lr=1e-2), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)]
)
def test_training_goes_as_with_numpys_kernels(make) -> None:
    """Over a hundred steps with a learning rate that changes at each."""
    losses = []
    for provider in ("auto", "numpy"):
        minigrad.backends.use(provider)
        try:
            minigrad.manual_seed(0)
            model = nn.Sequential(nn.Linear(20, 50), nn.Tanh(), nn.Linear(50, 1))
            x, optimizer = minigrad.randn(64, 20), make(model.parameters())
            y = x.sin().sum(1, keepdim=True)
            schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
            for _ in range(100):
                optimizer.zero_grad()
                loss = ((model(x) - y) ** 2).mean()
                loss.backward()
                optimizer.step()
                schedule.step()
            losses.append(loss.item())
        finally:
            minigrad.backends.use("auto")
    assert losses[0] == pytest.approx(losses[1], rel=1e-3) and losses[0] < 1


def test_a_primitive_that_fails_when_it_is_made_changes_nothing(spared: list, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise importlib.import_module("minigrad.backends.onednn.library").Unsupported("a test")

    monkeypatch.setattr(steps, "arithmetic", fail)
    monkeypatch.setattr(importlib.import_module("minigrad.backends.onednn.primitive"), "_warned", ["said"])
    p, g, buf = np.random.default_rng(0).standard_normal((3, 12345)).astype("float32")
    expected = p - np.float32(0.1) * (np.float32(0.9) * buf + g)
    ONEDNN["sgd_"](NUMPY, p, g, buf, 0.1, 0.9, 0, 0, False, False)
    np.testing.assert_allclose(p, expected, rtol=1e-5, atol=1e-6)
    assert spared == ["sgd_"]
