"""Random programs of views, changes of shape in place and writes, in minigrad and in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad

from ..view_programs import program, run

torch = pytest.importorskip("torch")


def outcome(module: Any, steps: list) -> list[np.ndarray]:
    a = module.tensor(np.linspace(0.5, 1.5, 6).reshape(2, 3), requires_grad=True)
    w = module.tensor(np.array([0.8, 1.1, -0.9]), requires_grad=True)
    loss = run(module, steps, a, w, constant=False)
    grads = module.autograd.grad(loss, [a, w], allow_unused=True, materialize_grads=True)
    return [np.asarray(loss.item()), *[g.numpy() for g in grads]]


@given(st.integers(0, 1 << 30))  # of a constant base that got a history PyTorch refuses some views: finite differences do it
@settings(max_examples=300, deadline=None)
def test_random_programs(seed: int) -> None:
    steps = program(seed)
    ours, theirs = outcome(minigrad, steps), outcome(torch, steps)
    for got, want in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * (1 + abs(theirs[0])))
