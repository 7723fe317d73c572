"""Likely mistakes are warned of, once, at the user's line, and with the fix; what is right is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim

F = nn.functional


def told(call: Callable[[], object]) -> list[warnings.WarningMessage]:
    """The warnings of ten calls, under Python's own filter."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.simplefilter("default")
        for _ in range(10):
            call()
    return caught


def only(call: Callable[[], object]) -> str:
    """The text of the one warning there is."""
    (caught,) = told(call)
    assert caught.filename == __file__ and caught.category is UserWarning
    return str(caught.message)


def test_softmax_before_cross_entropy() -> None:
    x, target = minigrad.randn(4, 3, requires_grad=True), minigrad.tensor([0, 1, 2, 0])
    text = only(lambda: F.cross_entropy(x.softmax(1), target))
    assert "the input is the output of softmax" in text and "Hint: leave softmax away" in text
    net = nn.Sequential(nn.Linear(3, 3), nn.Softmax(1), nn.Unflatten(0, (2, 2)), nn.Flatten(0, 1))
    assert "softmax" in only(lambda: nn.CrossEntropyLoss()(net(x), target))
    assert not told(lambda: F.cross_entropy(x, target))
    assert not told(lambda: F.cross_entropy(x.softmax(1) @ minigrad.ones(3, 3), target))
    assert not told(lambda: F.nll_loss(x.log_softmax(1), target))


@pytest.mark.parametrize("before", ["softmax", "sigmoid"])
def test_a_loss_that_expects_logits_gets_probabilities(before: str) -> None:
    x, classes, shares = minigrad.randn(4, 3, requires_grad=True), minigrad.tensor([0, 1, 2, 0]), minigrad.full((4, 3), 1 / 3)
    made = x.softmax(1) if before == "softmax" else x.sigmoid()
    for loss, target in ((F.cross_entropy, classes), (F.cross_entropy, shares), (F.binary_cross_entropy_with_logits, shares)):
        text = only(lambda loss=loss, target=target: loss(made, target))
        assert text.startswith(f"{loss.__name__}: the input is the output of {before}") and f"leave {before} away" in text
        assert not told(lambda loss=loss, target=target: loss(x * 2, target))
    assert not told(lambda: F.binary_cross_entropy(made, shares))
    assert not told(lambda: F.mse_loss(made, shares))


def test_a_loss_that_expects_logarithms_gets_something_else() -> None:
    x, target = minigrad.randn(4, 3, requires_grad=True), minigrad.tensor([0, 1, 2, 0])
    for made in (x.softmax(1), x.sigmoid(), nn.Linear(3, 3)(x)):
        assert "not logarithms of probabilities" in only(lambda made=made: F.nll_loss(made, target))
    assert not told(lambda: F.nll_loss(x.softmax(1).log(), target))
    assert not told(lambda: F.nll_loss(x, target))


def test_float64_creeping_in() -> None:
    w = minigrad.ones(3, requires_grad=True)
    numbers = minigrad.tensor(np.ones(3))
    text = only(lambda: w * numbers)
    assert text.startswith("mul: a float32 tensor that requires grad meets a float64 constant") and "Hint: .float()" in text
    assert "sub" in only(lambda: F.mse_loss(w * 2, numbers))
    assert not told(lambda: w * numbers.float())
    assert not told(lambda: w.detach() * numbers)
    assert not told(lambda: w * 2.0 * np.float64(3) * minigrad.tensor(1.0, dtype=minigrad.float64))


def test_a_parameter_that_the_optimizer_does_not_have() -> None:
    def training(late: bool) -> Callable[[], object]:
        def run() -> None:
            body, head = nn.Linear(3, 4), nn.Linear(4, 1)
            optimizer = optim.SGD([*body.parameters(), *(() if late else head.parameters())], lr=0.1)
            for _ in range(3):
                optimizer.zero_grad()
                head.zero_grad()
                head(body(minigrad.ones(2, 3))).sum().backward()
                optimizer.step()

        return run

    text = only(training(late=True))
    assert "no optimizer has the parameter of shape (1, 4) (2 in all)" in text and "Hint: make the optimizer last" in text
    assert not told(training(late=False))


def test_parameters_of_another_optimizer_or_frozen_ones_are_not_lost() -> None:
    def run() -> None:
        one, two, frozen = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3).requires_grad_(False)
        first, second = optim.SGD(one.parameters(), lr=0.1), optim.Adam(two.parameters())
        x = minigrad.ones(2, 3, requires_grad=True)  # wants a gradient, but is no parameter
        two(frozen(one(x))).sum().backward()
        first.step()
        second.step()

    assert not told(run)


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, nn.BatchNorm2d, nn.InstanceNorm2d])
def test_a_momentum_as_in_keras(kind: type) -> None:
    text = only(lambda: kind(3, momentum=0.9))
    assert "looks like Keras' convention" in text and "Hint: nn.utils.momentum_from_keras(0.9) is 0.1" in text
    assert not told(lambda: kind(3, momentum=0.1))
    assert not told(lambda: kind(3, momentum=None))
