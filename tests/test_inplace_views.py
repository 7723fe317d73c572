"""A tensor whose shape is changed in place, and the views that were taken of it before and after."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad
from minigrad.backends import GradError
from minigrad.func import jvp

from .test_engine import leaf
from .view_programs import program, run


@given(st.integers(0, 1 << 30), st.booleans())
@settings(max_examples=150, deadline=None)
def test_derivatives_of_random_programs_agree_with_finite_differences(seed: int, constant: bool) -> None:
    steps = program(seed)
    a, w = np.linspace(0.5, 1.5, 6).reshape(2, 3), np.array([0.8, 1.1, -0.9])

    def value(a: np.ndarray, w: np.ndarray) -> Tensor:
        return run(minigrad, steps, minigrad.tensor(a), minigrad.tensor(w), constant)

    xs = [minigrad.tensor(a, requires_grad=True), minigrad.tensor(w, requires_grad=True)]
    loss = run(minigrad, steps, *xs, constant)
    found = grad(loss, xs, allow_unused=True, materialize_grads=True) if loss.requires_grad else [0 * x for x in xs]
    for k, (g, x) in enumerate(zip(found, (a, w), strict=True)):
        for at in np.ndindex(x.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [a.copy(), w.copy()]
                moved[k][at] += step
                ends.append(value(*moved).item())
            want = (ends[0] - ends[1]) / 2e-6
            assert abs(g[at].item() - want) <= 1e-6 * (1 + abs(want) + abs(loss.item()))
    directions = [minigrad.tensor(np.cos(x)) for x in (a, w)]
    slope = jvp(lambda *xs: run(minigrad, steps, *xs, constant), (minigrad.tensor(a), minigrad.tensor(w)), tuple(directions))[1]
    backward = sum((g * d).sum().item() for g, d in zip(found, directions, strict=True))
    assert abs(slope.item() - backward) <= 1e-9 * (1 + abs(backward) + abs(loss.item()))


def test_a_view_taken_before_reaches_the_tensor_as_it_is_now() -> None:
    a, w = leaf(1, 2, 3, 4, 5, 6), leaf(10, 20, 30)
    x = (a * 1).reshape(2, 3).clone()
    row = x[0]
    x.t_()
    row.mul_(w)
    assert x.tolist() == [[10, 4], [40, 5], [90, 6]]
    x[1].sum().backward()
    assert a.grad.tolist() == [0, 20, 0, 0, 1, 0] and w.grad.tolist() == [0, 2, 0]


def test_the_gradient_of_a_base_counts_the_views_it_was_written_through() -> None:
    a = leaf(1, 2, 3)
    base = a * 2
    seen = []
    view = base[:2]
    view.retain_grad()
    view.mul_(3)
    base.register_hook(lambda g: seen.append(g.tolist()))
    base.retain_grad()
    ((view**2).sum() + (base**2).sum()).backward()
    assert base.grad.tolist() == [24, 48, 12] and seen == [[24, 48, 12]]
    assert view.grad.tolist() == [12, 24] and a.grad.tolist() == [144, 288, 24]


def test_what_a_view_retains_goes_with_it_when_its_base_is_written() -> None:
    base = leaf(1, 2, 3) * 2
    view = base[:2]
    view.retain_grad()
    base.mul_(3)
    (view**2).sum().backward()
    assert view.grad.tolist() == [12, 24]


def test_under_no_grad_the_history_goes_on() -> None:
    a = leaf(1, 2, 3)
    x = (a * 2)[None]
    with minigrad.no_grad():
        x.t_()
    (x * minigrad.tensor([[1.0], [2.0], [3.0]])).sum().backward()
    assert a.grad.tolist() == [2, 4, 6]


def test_what_a_flat_view_overwrites_has_no_gradient_however_the_gradient_lies() -> None:
    a = leaf(1, 2, 3, 4, 5, 6)
    base = a.reshape(2, 3) * 1
    base.reshape(-1).zero_()
    (base.t() * minigrad.ones(3, 2, dtype="float64")).sum().backward()
    assert a.grad.tolist() == [0] * 6


def test_a_constant_turned_under_no_grad_can_be_written_with_gradients() -> None:
    w, x = leaf(1, 2), minigrad.zeros(2, 3, dtype="float64")
    row = x[:, 0]
    with minigrad.no_grad():
        x.t_()
    row.add_(w)
    x.mul_(w)
    assert x.tolist() == [[1, 4], [0, 0], [0, 0]]
    x.sum().backward()
    assert w.grad.tolist() == [2, 4]


def test_turned_tensors_stay_what_they_were_to_the_user() -> None:
    a = leaf(1, 2)
    x = (a * 1)[None]
    own = x.clone()
    own.t_()
    assert own.detach_().is_leaf and not own.requires_grad
    with pytest.raises(GradError, match="can't detach a view"):
        x.t_().detach_()
    plain = minigrad.zeros(2, 3)
    row = plain[0]
    plain.t_().requires_grad_()
    for tensor in (plain, row, plain[0]):
        with pytest.raises(GradError, match="leaf tensor that requires grad"):
            tensor.mul_(2)
    plain.sum().backward()
    assert plain.grad.shape == (3, 2) and row.tolist() == [0, 0, 0]


def test_a_view_knows_the_tensor_whose_memory_it_lies_in() -> None:
    x = minigrad.ones(2, 3)
    row = x[0]
    assert row._base is x and row[1:]._base is x and row._is_view()
    assert x._base is None and not x._is_view() and x.clone()._base is None and row.detach()._base is None
    x.t_()
    assert x._base is None and not x._is_view() and x[0]._base is x


def test_a_view_that_is_a_leaf_is_not_written() -> None:
    row = minigrad.zeros(2, 3)[0].requires_grad_()
    with pytest.raises(GradError, match="leaf tensor that requires grad"):
        row.mul_(2)
    assert row._version == 0


def test_a_view_of_memory_that_was_replaced_is_on_its_own() -> None:
    w, x = leaf(1, 2), minigrad.zeros(2, 2, dtype="float64")
    row = x[0]
    x.data = minigrad.ones(2, 2, dtype="float64")
    row.add_(w)
    assert not x.requires_grad and x.tolist() == [[1, 1], [1, 1]]
    row.sum().backward()
    assert w.grad.tolist() == [1, 1]
