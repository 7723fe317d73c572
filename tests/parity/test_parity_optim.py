"""Fifty steps of every optimizer, in float64, beside PyTorch's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import optim

torch = pytest.importorskip("torch")

A, B = np.random.default_rng(0).standard_normal((2, 4, 4))
START = [np.random.default_rng(1).standard_normal(shape) for shape in ((4, 3), (3,), ())]

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", dict(lr=0.02)),
    ("SGD", dict(lr=0.02, weight_decay=0.1, maximize=True)),
    ("SGD", dict(lr=0.01, momentum=0.9)),
    ("SGD", dict(lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.05)),
    ("SGD", dict(lr=0.01, momentum=0.9, dampening=0.3)),
    ("SGD", dict(lr=0.01, momentum=0.5, dampening=0.7, weight_decay=0.05, maximize=True)),
    ("Adam", dict()),
    ("Adam", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1)),
    ("Adam", dict(lr=0.05, amsgrad=True)),
    ("Adam", dict(lr=0.05, maximize=True, weight_decay=0.1)),
    ("Adam", dict(lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)),
    ("AdamW", dict()),
    ("AdamW", dict(lr=0.05, weight_decay=0.2, amsgrad=True)),
    ("AdamW", dict(lr=0.01, betas=(0.5, 0.6), maximize=True)),
]
IDS = [f"{name}-{'-'.join(options) or 'default'}" for name, options in CASES]


def loss_of(params: list, a: Any, b: Any) -> Any:
    """A smooth, bounded function of a matrix, a vector and a number."""
    w, v, s = params
    return ((a @ w).tanh() * v).sum() + ((b @ w).sigmoid() * s).sum() + (w * w).mean() * 0.1


def both() -> tuple[list, list]:
    return ([minigrad.tensor(x, requires_grad=True) for x in START],
            [torch.tensor(x, requires_grad=True) for x in START])  # fmt: skip


def steps(optimizer: Any, params: list, framework: Any, count: int = 50, closure: bool = False) -> list[float]:
    """The losses of `count` steps; the vector sits out every third step, so it has no gradient there."""
    a, b = framework.tensor(A), framework.tensor(B)
    losses = []
    for i in range(count):

        def compute(i: int = i) -> Any:
            optimizer.zero_grad()
            w, v, s = params
            loss = loss_of([w, v.detach() if i % 3 == 2 else v, s], a, b)
            loss.backward()
            return loss

        losses.append(optimizer.step(compute).item() if closure else compute().item())
        if not closure:
            optimizer.step()
    return losses


def same(ours: list, theirs: list, atol: float = 1e-12) -> None:
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=0, atol=atol)


@pytest.mark.parametrize("closure", [False, True], ids=["plain", "closure"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_trajectory(name: str, options: dict, closure: bool) -> None:
    ours, theirs = both()
    losses = steps(getattr(optim, name)(ours, **options), ours, minigrad, closure=closure)
    expected = steps(getattr(torch.optim, name)(theirs, **options), theirs, torch, closure=closure)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-11)
    same(ours, theirs)


@pytest.mark.parametrize(("name", "first", "second"), [
    ("SGD", dict(momentum=0.9, nesterov=True), dict(lr=0.001, weight_decay=0.3)),
    ("Adam", dict(lr=0.05), dict(betas=(0.5, 0.9), amsgrad=True, weight_decay=0.1)),
    ("AdamW", dict(eps=1e-3), dict(maximize=True)),
])  # fmt: skip
def test_groups_with_options_of_their_own(name: str, first: dict, second: dict) -> None:
    ours, theirs = both()
    optimizers = []
    for module, params in ((optim, ours), (torch.optim, theirs)):
        made = getattr(module, name)([{"params": params[0], **first}, {"params": [params[1]]}], lr=0.01)
        made.add_param_group({"params": [params[2]], **second})
        optimizers.append(made)
    steps(optimizers[0], ours, minigrad)
    steps(optimizers[1], theirs, torch)
    same(ours, theirs)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_restored_from_pytorchs_state(name: str, options: dict) -> None:
    """PyTorch's state after 20 steps, loaded here, continues PyTorch's trajectory; and its layout is ours."""
    ours, theirs = both()
    oracle = getattr(torch.optim, name)(theirs, **options)
    steps(oracle, theirs, torch, 20)
    saved = copy.deepcopy(oracle.state_dict())
    with minigrad.no_grad():
        for x, y in zip(ours, theirs, strict=True):
            x.copy_(minigrad.tensor(y.detach().numpy()))
    for values in saved["state"].values():
        values.update({key: minigrad.tensor(x.numpy()) for key, x in values.items() if x is not None})
    mine = getattr(optim, name)(ours, **options)
    mine.load_state_dict(saved)
    steps(oracle, theirs, torch, 30)
    steps(mine, ours, minigrad, 30)
    same(ours, theirs)
    state, expected = mine.state_dict(), oracle.state_dict()
    assert state["param_groups"] == expected["param_groups"]
    assert state["state"].keys() == expected["state"].keys()
    for i, values in expected["state"].items():
        same([state["state"][i][key] for key in values], list(values.values()))


def test_defaults_and_argument_order_are_pytorchs() -> None:
    ours, theirs = both()
    for name in ("SGD", "Adam", "AdamW"):
        mine, oracle = getattr(optim, name)(ours), getattr(torch.optim, name)(theirs)
        assert mine.defaults == oracle.defaults
        assert list(mine.state_dict()["param_groups"][0]) == list(oracle.state_dict()["param_groups"][0])
        assert repr(mine) == repr(oracle)


def test_float32_adam_counts_bias_in_double() -> None:
    ours = [minigrad.tensor(x, dtype="float32", requires_grad=True) for x in START]
    theirs = [torch.tensor(x, dtype=torch.float32, requires_grad=True) for x in START]
    for i in range(20):
        for x, y in zip(ours, theirs, strict=True):
            g = np.full(tuple(x.shape), 0.1 * (i + 1), np.float32)
            x.grad, y.grad = minigrad.tensor(g), torch.tensor(g)
        if i == 0:
            mine, oracle = optim.Adam(ours), torch.optim.Adam(theirs)
        mine.step()
        oracle.step()
    same(ours, theirs, atol=5e-7)
