"""Large graphs and long runs: no recursion, and no reference cycles, so memory is flat with the collector off."""

from __future__ import annotations

import gc
import weakref

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad

from .test_engine import leaf


def test_a_long_chain_of_views_written_in_place() -> None:
    x = leaf(1, 2)
    base = x * 1
    view = base
    for _ in range(3_000):
        view = view[:]
    view.mul_(3)
    assert base.tolist() == [3, 6]
    base.sum().backward()
    assert x.grad.tolist() == [3, 3]


def a_step(x: Tensor, w: Tensor) -> None:
    y = x @ w
    y[0] = 1.0
    view = y[1:]
    view.mul_(2)
    minigrad.log_softmax(y, 1).var().backward()
    (g,) = grad((minigrad.sigmoid(w) ** 2).sum(), w, create_graph=True)
    (g * g).sum().backward()
    w.grad = None


def test_memory_is_flat_with_the_collector_off() -> None:
    x, w = minigrad.randn(4, 3), minigrad.randn(3, 5, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            a_step(x, w)
        gc.collect()
        for _ in range(300):
            a_step(x, w)
        left = gc.collect()
    finally:
        gc.enable()
    assert left == 0, f"{left} objects were in reference cycles"


def test_retained_and_hooked_graphs_make_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1, 2)
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: g)
        y.sum().backward()
        gone = weakref.ref(y)
        del y
        assert gone() is None and gc.collect() == 0
    finally:
        gc.enable()
