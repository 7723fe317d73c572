"""checkpoint: the same gradients and random numbers, less memory, no cycle, and what is refused."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn
from minigrad.autograd import grad
from minigrad.autograd.checkpoint import CheckpointError, checkpoint, checkpoint_sequential
from minigrad.core import MODE, Mode


def tower() -> nn.Sequential:
    """Eight blocks with dropout: much is saved inside of each, little between them."""
    blocks = [nn.Sequential(nn.Linear(32, 32), nn.Tanh(), nn.Dropout(0.3), nn.Linear(32, 32), nn.Tanh()) for _ in range(8)]
    return nn.Sequential(*blocks)


def block_by_block(model: nn.Sequential, x: Tensor) -> Tensor:
    for block in model:
        x = checkpoint(block, x, use_reentrant=False)
    return x


WAYS: dict[str, Callable] = {
    "block by block": block_by_block,
    "nested": lambda model, x: checkpoint(block_by_block, model, x),
    "sequential": lambda model, x: checkpoint_sequential(model, 4, x),
    "one by keyword": lambda model, x: checkpoint(lambda *, x: model(x), x=x),
}

LESS = {"block by block": 3, "nested": 4, "sequential": 2.5, "one by keyword": 4}  # times less memory held


def step(model: nn.Sequential, x: Tensor, run: Callable) -> tuple[list[np.ndarray], list, int]:
    """One pass: all gradients, the generator's place after it, and the bytes held between forward and backward."""
    minigrad.manual_seed(3)
    model.zero_grad()
    x.grad = None
    gc.collect()
    tracemalloc.start()
    loss = run(model, x).square().sum()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    loss.backward()
    return [t.grad.numpy().copy() for t in (x, *model.parameters())], minigrad.get_rng_state().tolist(), held


@pytest.mark.parametrize("way", WAYS)
def test_same_gradients_and_random_numbers_with_less_memory(way: str) -> None:
    model, x = tower(), minigrad.randn(256, 32, requires_grad=True)
    want, state, all_held = step(model, x, lambda model, x: model(x))
    got, after, held = step(model, x, WAYS[way])
    for one, other in zip(got, want, strict=True):
        np.testing.assert_array_equal(one, other)
    assert after == state
    assert held < all_held / LESS[way]


def test_without_the_random_state_the_masks_differ() -> None:
    x = minigrad.ones(1000, requires_grad=True)
    y = checkpoint(lambda x: nn.functional.dropout(x * 1.0).square(), x, preserve_rng_state=False)
    y.sum().backward()
    assert ((x.grad != 0) != (y.detach() != 0)).any()


def test_grad_and_second_derivatives() -> None:
    w = minigrad.randn(3, dtype="float64", requires_grad=True)

    def second(run: Callable) -> Tensor:
        (g,) = grad(run(w).sum(), w, create_graph=True)
        return grad(g.sum(), w)[0]

    def f(w: Tensor) -> Tensor:
        return (w * 2).exp().sin()

    np.testing.assert_array_equal(second(lambda w: checkpoint(f, w)).numpy(), second(f).numpy())


def test_nests_of_results_and_constants() -> None:
    x = minigrad.ones(2, requires_grad=True)
    out = checkpoint(lambda x, k: {"a": x.exp(), "b": [x * x, k, "text"]}, x, 5)
    (out["a"].sum() + out["b"][0].sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), np.e + 2, rtol=1e-6)
    assert out["b"][1:] == [5, "text"]


def test_backward_twice_with_retain_graph_and_not_without() -> None:
    x = minigrad.ones(2, requires_grad=True)
    y = checkpoint(minigrad.exp, x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.e, rtol=1e-6)
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        y.backward()


def test_the_function_runs_once_more_and_only_when_asked() -> None:
    runs = []

    def f(x: Tensor) -> Tensor:
        runs.append(minigrad.is_grad_enabled())
        return (x.exp() + x.sin()).exp()

    y = checkpoint(f, minigrad.ones(2, requires_grad=True))
    assert len(runs) == 1
    y.sum().backward()
    assert runs == [True, True]
    with minigrad.no_grad():
        checkpoint(f, minigrad.ones(2, requires_grad=True))
    assert runs == [True, True, False]


def test_another_second_run_is_refused() -> None:
    runs: list[int] = []

    def fickle(x: Tensor) -> Tensor:
        runs.append(1)
        return x.exp() if len(runs) == 1 else x.exp().exp()

    y = checkpoint(fickle, minigrad.ones(2, requires_grad=True))
    with pytest.raises(CheckpointError, match=r"recorded 2 calls \(exp, exp\), but 1 \(exp\) the first time"):
        y.sum().backward()


def test_an_argument_written_in_between_is_refused() -> None:
    x = minigrad.ones(2, requires_grad=True)
    given = x * 1
    y = checkpoint(minigrad.exp, given)
    given.mul_(3)
    with pytest.raises(CheckpointError, match="written in place"):
        y.sum().backward()
    assert x.grad is None


def test_an_exception_in_the_second_run_comes_through() -> None:
    runs: list[int] = []

    def f(x: Tensor) -> Tensor:
        runs.append(1)
        if len(runs) == 2:
            raise KeyError("mine")
        return x.exp()

    state = minigrad.get_rng_state().tolist()
    y = checkpoint(f, minigrad.ones(2, requires_grad=True))
    with pytest.raises(KeyError, match="mine"):
        y.sum().backward()
    assert MODE.get() == Mode() and minigrad.get_rng_state().tolist() == state


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(minigrad.exp, minigrad.ones(1), determinism_check="sometimes")
    with pytest.raises(ValueError, match="segments must be 1 ... 2"):
        checkpoint_sequential([minigrad.exp, minigrad.sin], 3, minigrad.ones(1))


def test_contexts_of_both_runs() -> None:
    entered = []

    class Note:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            entered.append(self.name)

        def __exit__(self, *error: object) -> None: ...

    x = minigrad.ones(2, requires_grad=True)
    checkpoint(minigrad.exp, x, context_fn=lambda: (Note("first"), Note("again"))).sum().backward()
    assert entered == ["first", "again"]


def test_no_cycle_is_left() -> None:
    x = minigrad.ones(2, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        y = checkpoint(lambda x: x.exp().sin(), x)
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
        y = checkpoint(lambda x: x.exp().sin(), x)
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_recorded_step_plays_again_with_its_dropout() -> None:
    x = minigrad.ones(50, requires_grad=True)
    with minigrad.record(x) as program:
        y = checkpoint(lambda x: nn.functional.dropout(x * 2.0).square(), x)
        y.sum().backward()
    values = program.run(x)
    new = values[y].numpy()
    np.testing.assert_allclose(x.grad.numpy(), 2 * new, rtol=1e-6)  # d(k x)^2/dx = 2 (k x)^2 at x = 1: one mask in both
