"""Gradients of slices are put together once: the same numbers as an array of zeros for each slice, at the price of one."""

from __future__ import annotations

from collections.abc import Callable

import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.autograd import grad
from minigrad.backends import Scattered, joined
from minigrad.core import OPS, Tensor
from minigrad.nn import functional as F

from .checks import host

SHAPE = (4, 6, 3)


@st.composite
def places(draw: st.DrawFn) -> tuple:
    """An index of ints, slices, `...` and None into an array of SHAPE."""
    index: list = []
    for n in SHAPE[: draw(st.integers(0, 3))]:
        start, stop = draw(st.integers(0, n)), draw(st.integers(0, n))
        kinds = [draw(st.integers(-n, n - 1)), slice(start, stop), slice(None), slice(start, None, 2)]
        index.append(draw(st.sampled_from(kinds)))
    if draw(st.booleans()):
        index.append(...)
    for _ in range(draw(st.integers(0, 2))):
        index.insert(draw(st.integers(0, len(index))), None)
    return tuple(index)


@given(st.lists(st.one_of(places(), st.none()), min_size=1, max_size=9), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_slices_and_whole_uses_send_what_the_rule_says(indexes: list, leaf: bool) -> None:
    """Arrays take the way of pieces, a pass that is to be differentiated the rule's; None stands for a use of the whole."""
    x = minigrad.tensor(np.random.default_rng(0).standard_normal(SHAPE), requires_grad=True)
    y = x if leaf else x * 1.0
    used = [y if index is None else y[index] for index in indexes]
    total = sum(((part**2).sum() * k for k, part in enumerate(used, 1)), minigrad.zeros(()))
    (plain,) = grad(total, x, retain_graph=True)
    (ruled,) = grad(total, x, create_graph=True)
    np.testing.assert_allclose(host(plain), host(ruled.detach()), rtol=1e-13)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_what_split_takes_apart_is_joined_without_zeros(dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = minigrad.randn(*SHAPE, requires_grad=True)
    parts = (x * 1.0).split(1, dim)
    loss = sum((part.sum() * k for k, part in enumerate(parts)), minigrad.zeros(()))
    monkeypatch.setattr(OPS["slice"].fused.__globals__["backend_of"](x.array).xp, "zeros", None)  # nobody may call it
    loss.backward()
    expected = np.arange(SHAPE[dim]).reshape([-1 if k == dim % 3 else 1 for k in range(3)])
    np.testing.assert_array_equal(x.grad.numpy(), np.broadcast_to(expected, SHAPE))


def test_what_is_put_aside_is_never_more_than_the_whole() -> None:
    """A thousand windows that overlap: their gradients are added up as they come."""
    x = np.zeros(100)
    pieces = Scattered(np, x.shape, (slice(0, 90),), np.ones(90))
    for k in range(1000):
        pieces = pieces + Scattered(np, x.shape, (slice(k % 10, k % 10 + 90),), np.ones(90))
        assert sum(piece.size for _, piece in pieces.pieces) <= 100
    assert pieces.whole().sum() == 1001 * 90


def test_what_is_added_up_so_far_takes_each_new_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not the other way round, which would move all pieces again for each: the square of their number."""
    sizes, add = [], Scattered.__add__

    def counted(self: Scattered, other: object) -> Scattered:
        sizes.append(len(other.pieces) if isinstance(other, Scattered) else 0)
        return add(self, other)

    monkeypatch.setattr(Scattered, "__add__", counted)
    x = minigrad.randn(50, requires_grad=True)
    y = x * 1.0
    (minigrad.stack([y[k] for k in range(50)]).sum() + y.sum()).backward()
    assert x.grad.tolist() == [2] * 50
    assert len(sizes) == 50 and max(sizes) == 1


def test_an_array_is_added_and_left_alone() -> None:
    dense = np.ones(4)
    total = Scattered(np, (4,), (slice(0, 2),), np.full(2, 5.0)) + dense
    np.testing.assert_array_equal(total.whole(), [6, 6, 1, 1])
    np.testing.assert_array_equal(dense, 1)
    strict = array_api_strict.ones(4)
    total = Scattered(array_api_strict, (4,), (2,), array_api_strict.asarray(5.0, dtype=strict.dtype)) + strict
    assert [float(v) for v in total.whole()] == [1, 1, 6, 1]


def test_what_lands_in_grad_may_be_written() -> None:
    x = minigrad.randn(6, requires_grad=True)
    a, b = x.split(3)
    (a.sum() + b.sum()).backward()
    x.grad += 1
    assert x.grad.tolist() == [2] * 6 and not x.grad.requires_grad


def test_hooks_and_retained_gradients_see_whole_arrays() -> None:
    seen = []
    x = minigrad.randn(6, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: seen.append(g.tolist()))
    (y[0] + y[3:].sum()).backward()
    assert seen == [[1, 0, 0, 1, 1, 1], [2, 0, 0, 2, 2, 2]] and y.grad.tolist() == seen[0]
    z = minigrad.randn(3, requires_grad=True)
    node = z[1:]
    node.grad_fn.register_hook(lambda given, out: seen.append(given[0].tolist()))
    node.sum().backward()
    assert seen[-1] == [0, 1, 1]


def test_a_sum_takes_the_memory_of_a_new_array_alone() -> None:
    total, part = np.ones(4, "f"), np.full(4, 2, "f")
    assert joined(total, part, (total,)) is part and part.tolist() == [3] * 4 and total.tolist() == [1] * 4
    for held in (None, (part,)):
        assert joined(total, part, held) is not part and part.tolist() == [3] * 4
    view = np.zeros(8, "f")[::2]
    assert joined(total, view, ()) is not view and not view.any()


GROW: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "layer_norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "linear": lambda x: F.linear(x, minigrad.eye(5)),
}


@pytest.mark.parametrize("name", GROW)
def test_sums_in_place_leave_what_hooks_keep_alone(name: str) -> None:
    kept: list[Tensor] = []
    before: list[Tensor] = []

    def keep(g: Tensor) -> None:
        kept.append(g)
        before.append(g.clone())

    x = minigrad.randn(4, 5, requires_grad=True)
    middle, total = x * 2, minigrad.zeros(4, 5)
    for k in range(3):
        y = GROW[name](middle)
        y.register_hook(keep)
        total = total + (k + 1) * y
    total.sum().backward()
    found, x.grad = x.grad, None
    assert [g.equal(was) for g, was in zip(kept, before, strict=True)] == [True] * 3
    (6 * GROW[name](x * 2)).sum().backward()
    assert minigrad.allclose(found, x.grad, rtol=1e-5, atol=1e-6)
