"""The engine: backward and grad with all their arguments, modes, hooks, accumulation, version checks, and scale."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import backward, grad
from minigrad.backends import GradError
from minigrad.nn import functional as F


def leaf(*values: float) -> Tensor:
    return minigrad.tensor(list(values), dtype="float64", requires_grad=True)


def scalar(value: float) -> Tensor:
    return minigrad.tensor(value, dtype="float64", requires_grad=True)


# -- backward --------------------------------------------------------------------------------------------------------


def test_a_leaf_that_was_frozen_meanwhile_gets_no_gradient() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    loss = (x * w).sum()
    x.requires_grad_(False)
    loss.backward()
    assert x.grad is None and w.grad.tolist() == [1, 2]


@pytest.mark.parametrize("f", [
    minigrad.relu, F.leaky_relu, F.hardtanh, F.relu6, F.hardshrink, F.softshrink, F.rrelu, lambda x: F.threshold(x, 0.1, 0.0),
    lambda x: F.max_pool1d(3 * x[None], 1), lambda x: F.relu(x * minigrad.tensor(2.0, requires_grad=True)),
])  # fmt: skip
def test_the_second_derivative_of_what_is_linear_in_pieces_is_zero_and_not_missing(f) -> None:
    x = leaf(1, -2, 0)
    (g,) = grad(f(x).sum(), x, create_graph=True)
    (h,) = grad(g.sum(), x, create_graph=True)
    assert h.tolist() == [0, 0, 0]
    f(x).sum().backward(create_graph=True)
    (h,) = grad(x.grad.sum(), x)
    assert x.grad.tolist() == g.tolist() and h.tolist() == [0, 0, 0]
    (g,) = grad((3 * x).sum(), x, create_graph=True)
    assert not g.requires_grad


def test_numpy_of_a_leaf_where_no_gradient_is_recorded() -> None:
    x = leaf(1, 2)
    with minigrad.no_grad():
        x.numpy()[0] = 5.0
        assert np.asarray(x).tolist() == [5, 2] and x.requires_grad
    with pytest.raises(RuntimeError, match="requires grad"):
        x.numpy()


def test_backward_reaches_every_leaf_by_every_path() -> None:
    x, w = leaf(1, 2), leaf(3, 5)
    y = x * w + x.sin()
    ((y * y).sum() + x.sum()).backward()
    v, u = np.array([1.0, 2.0]), np.array([3.0, 5.0])
    inner = 2 * (v * u + np.sin(v))
    np.testing.assert_allclose(x.grad.numpy(), inner * (u + np.cos(v)) + 1)
    np.testing.assert_allclose(w.grad.numpy(), inner * v)
    assert y._grad is None and not x.grad.requires_grad


def test_the_gradient_of_what_is_no_leaf_is_asked_for_with_a_warning() -> None:
    x = leaf(1, 2)
    y, z = x * 2, x * 3
    z.retain_grad()
    (y * z).sum().backward()
    with pytest.warns(UserWarning, match=r"output of mul. Hint: .retain_grad\(\)"):
        assert y.grad is None
    assert z.grad.tolist() == [2, 4] and x.detach().grad is None  # pytest makes an error of any further warning


def test_backward_of_a_vector_takes_a_gradient() -> None:
    x = leaf(1, 2)
    (x * 3).backward(minigrad.tensor([1.0, 10.0], dtype="float64"))
    assert x.grad.tolist() == [3, 30]
    (x * 3).backward(gradient=minigrad.tensor([1, 1]))  # another type is cast
    assert x.grad.tolist() == [6, 33]


def test_backward_of_a_leaf_is_its_seed() -> None:
    x = scalar(2.0)
    x.backward()
    assert x.grad.item() == 1


def test_backward_of_several_tensors_adds_up() -> None:
    x = leaf(1, 2)
    backward([x.sum(), (x * x).sum()])
    assert x.grad.tolist() == [3, 5]
    y = x.sum()
    backward([y, y])
    assert x.grad.tolist() == [5, 7]


def test_backward_into_chosen_inputs_only() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    y = x * w
    y.sum().backward(inputs=[x], retain_graph=True)
    assert x.grad.tolist() == [3, 4] and w.grad is None
    y.sum().backward(inputs=w)
    assert x.grad.tolist() == [3, 4] and w.grad.tolist() == [1, 2]


def test_backward_into_an_intermediate_input() -> None:
    x = leaf(1, 2)
    y = x * 2
    (y * y).sum().backward(inputs=[y])
    assert y.grad.tolist() == [4, 8] and x.grad is None


def test_gradients_accumulate_in_the_same_memory() -> None:
    x = leaf(1, 2)
    x.sum().backward()
    first = x.grad
    (x * 2).sum().backward()
    assert x.grad is first and first.tolist() == [3, 3]
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_the_gradient_of_a_number_accumulates() -> None:
    x = minigrad.tensor(2.0, requires_grad=True)
    for total in (3.0, 6.0, 9.0):
        (x * 3).backward()
        assert x.grad.item() == total


@pytest.mark.parametrize("f", [lambda x: x * x, lambda x: x + 2 * x, lambda x: x / x.sqrt(), lambda x: (x * 1) * (x * 1)])
def test_the_gradient_of_a_number_that_is_used_twice_accumulates(f: Callable) -> None:
    x = scalar(4.0)
    f(x).backward()
    once = x.grad.item()
    x.grad = None
    x.register_hook(lambda g: g.mul_(2))
    for total in (2 * once, 4 * once, 6 * once):
        f(x).backward()
        assert x.grad.item() == total


def test_backward_of_one_number_given_twice_accumulates() -> None:
    x = scalar(4.0)
    for total in (2.0, 4.0):
        backward([x, x])
        assert x.grad.item() == total


def test_accumulated_gradients_share_no_memory() -> None:
    """`.grad` may be written in place: it is no view of a seed, of another gradient or of a saved value."""
    x, w = leaf(1, 2), leaf(3, 4)
    seed = minigrad.ones(2, dtype="float64")
    (x + w).backward(seed)
    x.grad.mul_(7)
    assert seed.tolist() == [1, 1] and w.grad.tolist() == [1, 1]
    z = leaf(5, 6)
    (z * w).sum().backward()
    z.grad.mul_(0)
    assert w.tolist() == [3, 4]


def test_a_gradient_has_the_type_and_shape_of_its_tensor() -> None:
    x = minigrad.ones(3, requires_grad=True)
    w = minigrad.ones(2, 1, dtype="float64", requires_grad=True)
    (x * w).sum().backward()
    assert x.grad.dtype.name == "float32" and x.grad.tolist() == [2, 2, 2]
    assert w.grad.dtype.name == "float64" and w.grad.tolist() == [[3], [3]]


# -- grad ------------------------------------------------------------------------------------------------------------


def test_grad_leaves_grad_alone() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    gx, gw = grad((x * w).sum(), [x, w])
    assert gx.tolist() == [3, 4] and gw.tolist() == [1, 2]
    assert x.grad is None and w.grad is None


def test_grad_by_an_intermediate_and_by_the_output_itself() -> None:
    x = leaf(1, 2)
    y = x * 2
    z = (y * y).sum()
    gy, gx, gz = grad(z, [y, x, z])
    assert gy.tolist() == [4, 8] and gx.tolist() == [8, 16] and gz.item() == 1


def test_grad_with_grad_outputs() -> None:
    x = leaf(1, 2)
    seeds = [minigrad.tensor([1.0, 2.0], dtype="float64"), None]
    (g,) = grad([x * 3, x.sum()], x, seeds)
    assert g.tolist() == [4, 7]


def test_grad_of_grad() -> None:
    x = scalar(2.0)
    y = x**3
    for want in (12.0, 12.0, 6.0):
        (y,) = grad(y, x, create_graph=True)
        assert y.item() == want


def test_create_graph_makes_grad_differentiable() -> None:
    x = scalar(3.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = grad(x.grad, x, retain_graph=True)
    assert second.item() == 18
    (x**2).backward(create_graph=True)  # accumulated out of place, so the sum has a history too
    (second,) = grad(x.grad, x)
    assert second.item() == 20


def test_unused_inputs() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    y = x.sum()
    with pytest.raises(GradError, match="input 1, of shape \\(2,\\), appears to not have been used"):
        grad(y, [x, w], retain_graph=True)
    assert grad(y, [x, w], retain_graph=True, allow_unused=True)[1] is None
    g = grad(y, [x, w], materialize_grads=True)[1]
    assert g.tolist() == [0, 0] and g.dtype is w.dtype


def test_is_grads_batched() -> None:
    x = leaf(1, 2)
    (rows,) = grad(x * x, x, minigrad.eye(2, dtype="float64"), is_grads_batched=True)
    assert rows.tolist() == [[2, 0], [0, 4]]


def test_hessian_by_two_grads_equals_the_formula() -> None:
    a = np.array([[2.0, 1.0], [1.0, 4.0]])
    x = leaf(1, -1)
    (g,) = grad(x @ minigrad.tensor(a) @ x, x, create_graph=True)
    rows = [grad(g[i], x, retain_graph=True)[0].tolist() for i in range(2)]
    np.testing.assert_allclose(rows, 2 * a)


# -- retaining and freeing -------------------------------------------------------------------------------------------


def test_backward_twice_needs_retain_graph() -> None:
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8]
    with pytest.raises(
        GradError,
        match="mul saved were freed by an earlier backward, .*test_engine.py:[0-9]+. Hint: call backward.retain_graph=True",
    ):
        y.backward()
    assert x.grad.tolist() == [4, 8]


def test_a_second_loss_over_a_freed_part_raises_first() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    shared = x * x
    shared.sum().backward()
    with pytest.raises(GradError, match="freed"):
        (shared * w).sum().backward()
    assert x.grad.tolist() == [2, 4] and w.grad is None


def test_a_graph_that_saved_nothing_can_be_walked_again() -> None:
    x = leaf(1, 2)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2, 2]


def test_saved_values_go_with_backward() -> None:
    x = leaf(1, 2)
    y = x.sin()
    z = y * y
    z.sum().backward()
    assert z.grad_fn.saved is None and y.grad_fn.saved is None


def test_retain_grad() -> None:
    x = leaf(1, 2)
    y = x * 3
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad and not x.retains_grad
    (y * y).sum().backward()
    assert y.grad.tolist() == [6, 12] and x.grad.tolist() == [18, 36]
    with pytest.raises(GradError, match="can't retain_grad on Tensor that has requires_grad=False"):
        minigrad.zeros(2).retain_grad()


# -- modes -----------------------------------------------------------------------------------------------------------


def test_no_grad_and_enable_grad_nest() -> None:
    x = leaf(1, 2)
    with minigrad.no_grad():
        assert not minigrad.is_grad_enabled() and not (x * 2).requires_grad
        with minigrad.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_no_grad_as_a_decorator_and_after_an_exception() -> None:
    @minigrad.no_grad()
    def double(x: Tensor) -> Tensor:
        return x * 2

    @minigrad.no_grad
    def fail() -> None:
        raise KeyError("mine")

    assert not double(leaf(1)).requires_grad
    with pytest.raises(KeyError, match="mine"):
        fail()
    assert minigrad.is_grad_enabled()


def test_set_grad_enabled() -> None:
    minigrad.set_grad_enabled(False)
    assert not minigrad.is_grad_enabled()
    minigrad.set_grad_enabled(True)
    with minigrad.set_grad_enabled(False):
        assert not minigrad.is_grad_enabled()
    assert minigrad.is_grad_enabled()


def test_the_mode_belongs_to_its_thread() -> None:
    inside, outside = threading.Event(), threading.Event()
    seen: list[bool] = []

    def other() -> None:
        seen.append(minigrad.is_grad_enabled())
        with minigrad.no_grad():
            inside.set()
            assert outside.wait(5)
            seen.append(minigrad.is_grad_enabled())

    with minigrad.no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(5)
    assert minigrad.is_grad_enabled()
    outside.set()
    thread.join(5)
    assert seen == [True, False]


def test_the_mode_belongs_to_its_async_task() -> None:
    async def quiet(log: list) -> None:
        with minigrad.no_grad():
            await asyncio.sleep(0)
            log.append(minigrad.is_grad_enabled())
            await asyncio.sleep(0)

    async def loud(log: list) -> None:
        for _ in range(3):
            log.append(minigrad.is_grad_enabled())
            await asyncio.sleep(0)

    async def both() -> tuple[list, list]:
        logs: tuple[list, list] = ([], [])
        await asyncio.gather(quiet(logs[0]), loud(logs[1]))
        return logs

    assert asyncio.run(both()) == ([False], [True, True, True])


def test_graphs_in_threads_are_independent() -> None:
    results: dict[int, list] = {}

    def work(k: int) -> None:
        for _ in range(50):
            x = leaf(k, k + 1)
            (x * x).sum().backward()
            results[k] = x.grad.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {k: [2 * k, 2 * k + 2] for k in range(4)}


def test_detach_shares_memory_and_ends_the_graph() -> None:
    x = leaf(1, 2)
    y = x * 2
    d = y.detach()
    assert not d.requires_grad and d.is_leaf and d.array is y.array
    (y * d).sum().backward()
    assert x.grad.tolist() == [4, 8]


def test_leaves_and_requires_grad() -> None:
    x = leaf(1)
    assert x.is_leaf and x.grad_fn is None and x.requires_grad
    y = x * 2
    assert not y.is_leaf and y.grad_fn.name() == "MulBackward0"
    (end, at), constant = y.grad_fn.next_functions
    assert end.variable is x and end.next_functions == () and at == 0 and constant == (None, 0)
    assert not minigrad.zeros(2).requires_grad and minigrad.zeros(2).requires_grad_().requires_grad
    with pytest.raises(GradError, match="leaf"):
        y.requires_grad = False


# -- hooks -----------------------------------------------------------------------------------------------------------


def test_hooks_see_and_replace_the_whole_gradient() -> None:
    x = leaf(1, 2)
    y = x * 2
    seen: list[list] = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y.sum() + (y * y).sum()).backward()
    assert seen == [[5, 9], [50, 90]] and x.grad.tolist() == [100, 180]


def test_hooks_on_leaves_and_their_removal() -> None:
    x = leaf(1, 2)
    handle = x.register_hook(lambda g: -g)
    x.sum().backward()
    assert x.grad.tolist() == [-1, -1]
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert x.grad.tolist() == [0, 0]
    with x.register_hook(lambda g: g * 5):
        x.sum().backward()
    x.sum().backward()
    assert x.grad.tolist() == [6, 6]


def test_a_hook_that_raises_comes_through_and_leaves_the_engine_usable() -> None:
    x = leaf(1, 2)

    def fail(g: Tensor) -> None:
        raise KeyError("mine")

    handle = x.register_hook(fail)
    with pytest.raises(KeyError, match="mine"):
        (x * 2).sum().backward()
    assert minigrad.is_grad_enabled()
    handle.remove()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize("answer", [minigrad.ones(3), 5.0])
def test_a_hook_must_return_a_gradient(answer: object) -> None:
    x = leaf(1, 2)
    x.register_hook(lambda g: answer)
    with pytest.raises(GradError, match="hook: expected None or a gradient of shape \\(2,\\)"):
        x.sum().backward()


# -- raises first and changes nothing --------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[Tensor, Tensor], object], str]] = {
    "not a scalar": (lambda x, y: y.backward(), "only for scalar outputs, got shape \\(2,\\)"),
    "gradient of another shape": (lambda x, y: y.backward(minigrad.ones(3)), "shape \\(2,\\), got \\(3,\\)"),
    "no graph": (lambda x, y: minigrad.ones(1).backward(), "does not require grad"),
    "one of two without a graph": (lambda x, y: backward([y.sum(), minigrad.ones(1)]), "element 1"),
    "too few gradients": (lambda x, y: backward([y, y], [minigrad.ones(2)]), "expected 2 gradients"),
    "inputs empty": (lambda x, y: y.sum().backward(inputs=[]), "inputs is empty"),
    "inputs without grad": (lambda x, y: y.sum().backward(inputs=[minigrad.ones(1)]), "does not require grad"),
    "grad by nothing": (lambda x, y: grad(y.sum(), []), "inputs is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_backward_changes_nothing(name: str) -> None:
    ask, message = REFUSED[name]
    x = leaf(1, 2)
    y = x * x
    with pytest.raises(RuntimeError, match=message):
        ask(x, y)
    assert x.grad is None and y._grad is None
    y.sum().backward()  # nothing was freed
    assert x.grad.tolist() == [2, 4]


def test_a_leaf_written_in_place_raises_before_anything_changes() -> None:
    x, w = leaf(1, 2), leaf(3, 4)
    loss = (x * w).sum() + x.sum()
    with minigrad.no_grad():
        w.add_(1)
    with pytest.raises(GradError, match="mul saved .* is at version 1; expected version 0"):
        loss.backward()
    assert x.grad is None and w.grad is None and w.tolist() == [4, 5]
