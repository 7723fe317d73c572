"""Parametrizations, fractional pooling and adaptive softmax against PyTorch: states, values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad import nn

from .alike import drawn, same, torch

OURS, THEIRS = nn.utils.parametrizations, torch.nn.utils.parametrizations
CALLS = [("weight_norm", {"dim": dim}) for dim in (0, 1, None)]
CALLS += [("spectral_norm", options) for options in ({}, {"n_power_iterations": 3}, {"dim": 1})]
CALLS += [
    ("orthogonal", {"orthogonal_map": name, "use_trivialization": trivial})
    for name in (None, "matrix_exp", "cayley", "householder")
    for trivial in (True, False)
]


def taken_over(ours, theirs):
    """The state of theirs in ours, keys in one order."""
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({key: minigrad.tensor(value.numpy()) for key, value in state.items()})


def both(make):
    return make(nn).double(), make(torch.nn).double()


@pytest.mark.parametrize("make", [
    lambda nn: nn.Linear(4, 4), lambda nn: nn.Linear(4, 6), lambda nn: nn.Linear(6, 4), lambda nn: nn.Conv1d(3, 4, 2),
], ids=["square", "tall", "wide", "conv"])  # fmt: skip
@pytest.mark.parametrize(("name", "options"), CALLS, ids=str)
def test_parametrizations(name, options, make):
    ours, theirs = both(make)
    shape = (5, theirs.weight.shape[1], *([7] if theirs.weight.ndim > 2 else []))
    getattr(OURS, name)(ours, **options), getattr(THEIRS, name)(theirs, **options)
    taken_over(ours, theirs)
    for step in range(3):
        x = drawn(*shape, seed=step)
        mine, other = ours(minigrad.tensor(x)), theirs(torch.tensor(x))
        same(mine, other, "output")
        (mine * mine).sum().backward(), (other * other).sum().backward()
        for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            same(p.grad, q.grad, key)
    ours.eval(), theirs.eval()
    same(ours.weight, theirs.weight, "weight")
    nn.utils.parametrize.remove_parametrizations(ours, "weight")
    torch.nn.utils.parametrize.remove_parametrizations(theirs, "weight")
    assert set(ours.state_dict()) == set(theirs.state_dict())
    same(ours.weight, theirs.weight, "weight afterwards")


@pytest.mark.parametrize(("n", "image", "kernel", "size"), [
    (2, (9, 8), (2, 3), (5, 4)), (2, (5, 5), 2, 1), (2, (6, 7), 3, (4, 5)), (3, (7, 6, 8), (2, 2, 3), (3, 3, 4)),
], ids=str)  # fmt: skip
def test_fractional_pooling(n, image, kernel, size):
    x, samples = drawn(2, 3, *image), np.random.default_rng(1).random((2, 3, n))
    results = []
    for lib in (minigrad, torch):
        t = lib.tensor(x, requires_grad=True)
        pool = getattr(lib.nn.functional, f"fractional_max_pool{n}d")
        y, at = pool(t, kernel, output_size=size, return_indices=True, _random_samples=lib.tensor(samples))
        (y * y).sum().backward()
        results.append((y, at, t.grad))
    for mine, other in zip(*results, strict=True):
        same(mine, other, "fractional")


@pytest.mark.parametrize("head_bias", [False, True])
def test_adaptive_softmax(head_bias):
    ours, theirs = both(lambda nn: nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 10, 15], 2.0, head_bias))
    taken_over(ours, theirs)
    x, target = drawn(50, 16), np.random.default_rng(1).integers(0, 20, 50)
    mine, other = ours(minigrad.tensor(x), minigrad.tensor(target)), theirs(torch.tensor(x), torch.tensor(target))
    same(mine.output, other.output, "output")
    mine.loss.backward(), other.loss.backward()
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        same(p.grad, q.grad, key)
    same(ours.log_prob(minigrad.tensor(x)), theirs.log_prob(torch.tensor(x)), "log_prob")
    assert ours.predict(minigrad.tensor(x)).tolist() == theirs.predict(torch.tensor(x)).tolist()
