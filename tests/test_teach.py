"""Backpropagation with a rule switched off: the gradients are wrong as foretold, and right again after the block."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim, teach
from minigrad.autograd import Function, GradcheckError, grad, gradcheck
from minigrad.autograd.backward import PASS
from minigrad.backends import GradError
from minigrad.core import propagate
from minigrad.nn import functional as F


def number(value: float) -> minigrad.Tensor:
    return minigrad.tensor(value, dtype="float64", requires_grad=True)


def slope(loss: minigrad.Tensor, x: minigrad.Tensor, *rules: str) -> float:
    with teach.broken(*rules):
        (g,) = grad(loss, x)
    return g.item()


# -- the pass with nothing off is the engine's --------------------------------------------------------------------------


def test_whole_pass_is_the_engines() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 6 * 6, 3))
    x, target = minigrad.randn(4, 1, 8, 8), minigrad.tensor([0, 1, 2, 1])
    loss = F.cross_entropy(model(x), target)
    parameters = list(model.parameters())
    want = grad(loss, parameters, retain_graph=True)
    got = teach.backpropagate([loss.grad_fn], [np.ones((), "float32")], frozenset())
    for p, g in zip(parameters, want, strict=True):
        np.testing.assert_allclose(got[p], g.array, rtol=1e-4, atol=1e-6)


def test_a_function_of_ones_own_passes_through() -> None:
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = number(3.0)
    assert slope(Twice.apply(x) * x, x, "zeroing") == 12.0
    assert slope(Twice.apply(x) * x, x, "accumulation") == 6.0


# -- what each rule is for -----------------------------------------------------------------------------------------------


def test_accumulation() -> None:
    x = number(3.0)
    assert slope(x * x + 5 * x, x, "accumulation") in (3.0, 5.0)  # one of the paths instead of 11


def test_order() -> None:
    x = number(2.0)
    h = x * 3
    assert slope(h * 5 + h.sin() * 0 + h * 7, x, "order") != pytest.approx(36.0)
    with teach.broken("order"):
        (g,) = grad((x * 3).exp(), x)  # a chain has only one order
    assert g.item() == pytest.approx(3 * np.exp(6.0))


def test_broadcast() -> None:
    x, b = minigrad.ones(4, 3, requires_grad=True), minigrad.zeros(3, requires_grad=True)
    w = minigrad.tensor([[1.0], [2.0], [3.0], [4.0]])
    with teach.broken("broadcast"):
        gx, gb = grad(((x + b) * w).sum(), [x, b])
    np.testing.assert_array_equal(gb.array, [1.0] * 3)  # the first row, not the 10 of all rows
    np.testing.assert_array_equal(gx.array, np.broadcast_to(w.array, (4, 3)))


@pytest.mark.parametrize("to_none", [True, False])
def test_zeroing(to_none: bool) -> None:
    p = nn.Parameter(minigrad.tensor([1.0]))
    optimizer = optim.SGD([p], lr=0.0)
    with teach.broken("zeroing"):
        for step in (1, 2, 3):
            optimizer.zero_grad(set_to_none=to_none)
            (p * 2).sum().backward()
            assert p.grad.item() == 2.0 * step
    optimizer.zero_grad()
    (p * 2).sum().backward()
    assert p.grad.item() == 2.0


def test_zeroing_does_not_count_twice_what_nobody_zeroed() -> None:
    p = nn.Parameter(minigrad.tensor([1.0]))
    with teach.broken("zeroing"):
        (p * 2).sum().backward()
        (p * 2).sum().backward()
    assert p.grad.item() == 4.0


@pytest.mark.parametrize("layer", ["batch", "layer"])
def test_paths_of_a_norm(layer: str) -> None:
    rng = np.random.default_rng(0)
    x = minigrad.tensor(rng.standard_normal((6, 4)), requires_grad=True)
    g = minigrad.tensor(rng.standard_normal((6, 4)))
    y = F.batch_norm(x, None, None, training=True) if layer == "batch" else F.layer_norm(x, (4,))
    dims = 0 if layer == "batch" else 1
    values, seed = x.array, g.array
    std = np.sqrt(values.var(dims, keepdims=True) + 1e-5)
    xhat = (values - values.mean(dims, keepdims=True)) / std
    through = xhat * (seed * xhat).mean(dims, keepdims=True)
    want = {"variance path": (seed - seed.mean(dims, keepdims=True)) / std, "mean path": (seed - through) / std}
    for rule, value in want.items():
        with teach.broken(rule):
            (found,) = grad(y, x, g, retain_graph=True)
        np.testing.assert_allclose(found.array, value, rtol=1e-10, atol=1e-12)


# -- never on by accident ------------------------------------------------------------------------------------------------


def test_it_ends_with_the_block_and_with_an_exception() -> None:
    x = number(3.0)
    assert PASS.get() is propagate
    with pytest.raises(KeyError), teach.broken("accumulation"):
        raise KeyError
    assert PASS.get() is propagate
    teach.broken("accumulation")  # without `with` it does nothing
    (g,) = grad(x * x, x)
    assert g.item() == 6.0


def test_it_belongs_to_one_thread_and_one_task() -> None:
    x, seen = number(3.0), []
    with teach.broken("accumulation"):
        thread = threading.Thread(target=lambda: seen.append(grad(x * x, x)[0].item()))
        thread.start()
        thread.join()

    async def wrong(ready: asyncio.Event, done: asyncio.Event) -> float:
        with teach.broken("accumulation"):
            ready.set()
            await done.wait()
            return grad(x * x, x)[0].item()

    async def right(ready: asyncio.Event, done: asyncio.Event) -> float:
        await ready.wait()
        found = grad(x * x, x)[0].item()
        done.set()
        return found

    async def both() -> list[float]:
        events = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(wrong(*events), right(*events))

    assert seen == [6.0]
    assert asyncio.run(both()) == [3.0, 6.0]


def test_nesting() -> None:
    with teach.broken("accumulation"):
        with pytest.raises(GradError, match="accumulation is off already"), teach.broken("accumulation", "order"):
            pass
        with teach.broken("broadcast") as inner:
            assert inner.off == {"accumulation", "broadcast"}
            assert "off: broadcast" in repr(inner)
    block = teach.broken("order")
    with block, pytest.raises(GradError, match="order is off already"):
        block.__enter__()
    with block:  # but one after the other is fine
        pass
    assert PASS.get() is propagate


@pytest.mark.parametrize("rules", [(), ("gravity",), ("order", "gravity")])
def test_unknown_rules(rules: tuple) -> None:
    with pytest.raises(ValueError, match="teach.broken: expected rules out of 'order', 'accumulation'"):
        teach.broken(*rules)


def test_what_cannot_be_done_in_the_block() -> None:
    x = number(2.0)
    with teach.broken("order"), pytest.raises(GradError, match="first derivatives only, got create_graph=True"):
        grad(x * x, x, create_graph=True)
    with minigrad.record(), teach.broken("order"), pytest.raises(GradError, match="nothing can record or watch it"):
        grad(x * x, x)
    y = x.exp()
    y.backward()
    with teach.broken("order"), pytest.raises(GradError, match="freed"):
        y.backward()
    assert x.grad.item() == pytest.approx(np.exp(2.0))


def test_gradcheck_sees_it() -> None:
    x = number(3.0)
    assert gradcheck(lambda x: x * x, x)
    with teach.broken("accumulation"), pytest.raises(GradcheckError, match="analytic 3, numeric 6"):
        gradcheck(lambda x: x * x, x)


def test_backward_frees_the_graph_as_ever() -> None:
    x = number(3.0)
    y = x * x
    with teach.broken("accumulation"):
        y.backward()
    with pytest.raises(GradError, match="freed"):
        y.backward()


# -- side by side --------------------------------------------------------------------------------------------------------

LOSSES = {
    "order": lambda x: ((x * x).exp() * (x * x) + (x * x)).sum() + twice_used(x),
    "accumulation": lambda x: (x * x.sin()).sum(),
    "broadcast": lambda x: (x * minigrad.arange(6).double().reshape(2, 3)).sum(),
    "zeroing": lambda x: (x * x.sin()).sum(),
    "mean path": lambda x: (normed(x) * minigrad.arange(12).double().reshape(4, 3)).sum(),
    "variance path": lambda x: (normed(x) * minigrad.arange(12).double().reshape(4, 3)).sum(),
}


def twice_used(x: minigrad.Tensor) -> minigrad.Tensor:
    h = x * 2
    return (h.exp() + h.sin() * h).sum()


def normed(x: minigrad.Tensor) -> minigrad.Tensor:
    return F.batch_norm(x * minigrad.tensor([[1.0], [2.0], [4.0], [-1.0]]), None, None, training=True)


@pytest.mark.parametrize("rule", teach.RULES)
def test_compare(rule: str) -> None:
    x = minigrad.tensor([0.5, -1.0, 1.5])  # float32, and no requires_grad: compare takes copies
    found = teach.compare(LOSSES[rule], x, broken=rule)
    assert found.names == ["x"] and found.differs
    np.testing.assert_allclose(found.right[0], found.numeric[0], rtol=1e-6, atol=1e-7)
    assert np.abs(found.wrong[0] - found.right[0]).max() > 1e-2
    lines = str(found).splitlines()
    assert lines[0] == f"{rule} off: {teach.RULES[rule]}" and lines[1].split() == ["right", "broken", "finite", "difference"]
    assert len(lines) == 5 and lines[2].startswith("x[0]") and any(line.endswith("<- wrong") for line in lines[2:])
    assert x.grad is None and not x.requires_grad


def test_compare_says_when_nothing_is_broken() -> None:
    found = teach.compare(lambda x: (x * 2).sum(), [minigrad.ones(2)], broken="mean path")
    assert not found.differs and "no use for the rule" in str(found)


def test_compare_shows_the_worst_of_many() -> None:
    found = teach.compare(lambda x, w: (x * x * w).sum(), [minigrad.randn(50), minigrad.ones(1)], broken="accumulation")
    assert len(str(found).splitlines()) == 2 + 36 + 1 + 1 and "x: 14 more" in str(found)


def test_compare_refuses() -> None:
    with pytest.raises(ValueError, match=r"the loss must be a scalar tensor, got \(2,\)"):
        teach.compare(lambda x: x * 2, minigrad.ones(2), broken="order")
    with pytest.raises(ValueError, match="expected rules out of"):
        teach.compare(lambda x: x.sum(), minigrad.ones(2), broken="nothing")
    with teach.broken("order"), pytest.raises(GradError, match="a rule is off already"):
        teach.compare(lambda x: x.sum(), minigrad.ones(2), broken="broadcast")
    for wrong in (3.0, [3.0], None):
        with pytest.raises(TypeError, match=r"inputs must be a tensor or a list with tensors, got .* Hint: minigrad.tensor"):
            teach.compare(lambda x: x.sum(), wrong, broken="order")
