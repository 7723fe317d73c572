"""Modes as decorators of generators and coroutines, inference mode, hooks after accumulation and on saved tensors."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import Variable, grad
from minigrad.autograd.graph import save_on_cpu, saved_tensors_hooks
from minigrad.core import MODE, Mode

# -- decorators ----------------------------------------------------------------------------------------------------------


@minigrad.no_grad()
def steps(n: int) -> Iterator[bool]:
    """Whether recording is on at each step; what is sent comes back, an error is answered."""
    for _ in range(n):
        try:
            given = yield minigrad.is_grad_enabled()
            if given is not None:
                yield given
        except KeyError:
            yield "caught"
    return "end"


def test_a_generator_is_in_the_mode_at_its_steps_only() -> None:
    run = steps(3)
    assert next(run) is False and minigrad.is_grad_enabled()
    assert run.send(5) == 5 and minigrad.is_grad_enabled()
    assert next(run) is False
    assert run.throw(KeyError()) == "caught" and minigrad.is_grad_enabled()
    assert next(run) is False
    with pytest.raises(StopIteration) as end:
        next(run)
    assert end.value.value == "end"
    assert list(steps(2)) == [False, False] and MODE.get() == Mode()


def test_a_generator_that_is_closed_or_raises() -> None:
    closed = []

    @minigrad.inference_mode()
    def run() -> Iterator[int]:
        try:
            yield 1
            raise ZeroDivisionError("mine")
        finally:
            closed.append(minigrad.is_inference_mode_enabled())

    one = run()
    next(one)
    one.close()
    other = run()
    next(other)
    with pytest.raises(ZeroDivisionError, match="mine"):
        next(other)
    assert closed == [True, True] and MODE.get() == Mode()


def test_a_coroutine_is_in_the_mode_while_it_runs() -> None:
    @minigrad.no_grad
    async def off() -> bool:
        await asyncio.sleep(0)
        return minigrad.is_grad_enabled()

    async def on() -> bool:
        await asyncio.sleep(0)
        return minigrad.is_grad_enabled()

    async def both() -> list:
        return await asyncio.gather(off(), on(), off())

    assert asyncio.run(both()) == [False, True, False]


def test_decorators_with_and_without_parentheses() -> None:
    for decorate in (minigrad.no_grad, minigrad.no_grad(), minigrad.inference_mode, minigrad.inference_mode()):

        @decorate
        def f(x: Tensor) -> Tensor:
            return x * 2

        assert f.__name__ == "f"
        assert not f(minigrad.ones(1, requires_grad=True)).requires_grad


# -- inference mode --------------------------------------------------------------------------------------------------------


def test_what_is_made_in_inference_mode_can_not_be_saved_for_backward() -> None:
    w = minigrad.ones(2, requires_grad=True)
    with minigrad.inference_mode():
        x = w * 2
        view = x[:1]
        normal = w[:1]
        x.add_(1)
    assert x.is_inference() and view.is_inference() and not w.is_inference() and not normal.is_inference()
    assert not x.requires_grad
    for use in (lambda: w * x, lambda: w[:1] * view):
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
            use()
    with pytest.raises(RuntimeError, match="nor written in place, outside of inference mode"):
        x.add_(1)
    assert x.tolist() == [3.0, 3.0]
    (w + x).sum().backward()  # an op that saves nothing
    (w * x.clone()).sum().backward()
    assert w.grad.tolist() == [4.0, 4.0]
    assert MODE.get() == Mode()


def test_inference_mode_false_changes_nothing_and_nests() -> None:
    w = minigrad.ones(2, requires_grad=True)
    with minigrad.inference_mode(False):
        assert (w * 2).requires_grad and not minigrad.is_inference_mode_enabled()
    with minigrad.inference_mode(), minigrad.inference_mode():
        assert minigrad.is_inference_mode_enabled()
        assert (w * 2).is_inference()


# -- hooks -----------------------------------------------------------------------------------------------------------------


def test_a_hook_after_accumulation_sees_the_sum() -> None:
    x = minigrad.ones(2, requires_grad=True)
    seen: list = []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, p.grad.tolist())))
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert seen == [(True, [2.0, 2.0]), (True, [5.0, 5.0])]
    handle.remove()
    (x * 3).sum().backward()
    assert len(seen) == 2
    grad((x * 2).sum(), x)
    with pytest.raises(RuntimeError, match="expected a leaf tensor that requires grad"):
        (x * 2).register_post_accumulate_grad_hook(print)


def test_an_optimizer_step_in_the_hook_frees_each_gradient() -> None:
    w = minigrad.ones(2, requires_grad=True)

    def step(p: Tensor) -> None:
        with minigrad.no_grad():
            p.sub_(p.grad * 0.5)
        p.grad = None

    w.register_post_accumulate_grad_hook(step)
    (w * 2).sum().backward()
    assert w.tolist() == [0.0, 0.0] and w.grad is None


def test_hooks_on_saved_tensors() -> None:
    packed: list = []

    def pack(x: Tensor) -> np.ndarray:
        packed.append(tuple(x.shape))
        return x.numpy().astype("float32")

    x = minigrad.randn(3, dtype="float64", requires_grad=True)
    with saved_tensors_hooks(pack, lambda kept: minigrad.tensor(kept, dtype="float64")):
        y = ((x * 2).exp() * x.sin()).sum()
    y.backward()
    assert packed == [(3,)] * 4  # of exp its output, of sin its input, of mul both factors
    want = (2 * np.exp(2 * x.detach().numpy()) * np.sin(x.detach().numpy())) + np.exp(2 * x.detach().numpy()) * np.cos(
        x.detach().numpy()
    )
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-5)
    assert MODE.get() == Mode()


def test_save_on_cpu_and_second_derivatives() -> None:
    x = minigrad.randn(3, dtype="float64", requires_grad=True)
    with save_on_cpu():
        y = (x * 2).exp().sum()
    (g,) = grad(y, x, create_graph=True)
    np.testing.assert_allclose(grad(g.sum(), x)[0].numpy(), 4 * np.exp(2 * x.detach().numpy()), rtol=1e-12)


def test_is_grads_batched_runs_one_pass() -> None:
    x = minigrad.randn(3, dtype="float64", requires_grad=True)
    y = x.sin() * 2
    counts = []
    for n in (3, 30):
        seeds = minigrad.randn(n, 3, dtype="float64")
        with minigrad.record() as program:
            (rows,) = grad(y, x, seeds, retain_graph=True, is_grads_batched=True)
        counts.append(len(program.calls))
        np.testing.assert_allclose(rows.numpy(), seeds.numpy() * 2 * np.cos(x.detach().numpy()), rtol=1e-12)
    assert counts[0] == counts[1]
    z = minigrad.ones(2, requires_grad=True)
    found = grad(y, (x, z), minigrad.ones(4, 3, dtype="float64"), is_grads_batched=True, allow_unused=True)
    assert found[0].shape == (4, 3) and found[1] is None


def test_variable() -> None:
    x = Variable(minigrad.ones(2), requires_grad=True)
    assert isinstance(x, Tensor) and isinstance(x, Variable) and x.requires_grad
    assert not isinstance(3, Variable)
    with pytest.raises(TypeError, match="Variable: data must be a tensor"):
        Variable([1.0])


def test_no_cycle_is_left_by_listeners() -> None:
    gc.collect()
    gc.disable()
    try:
        with saved_tensors_hooks(lambda x: x, lambda x: x):
            node = weakref.ref((minigrad.ones(2, requires_grad=True) * 2).exp().grad_fn)
        assert node() is None
    finally:
        gc.enable()
