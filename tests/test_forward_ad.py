"""Forward mode: every case's tangent, nesting, writing in place, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minigrad
from minigrad.autograd import forward_ad as fw
from minigrad.autograd import grad
from minigrad.core import Tensor
from minigrad.func import jvp

from .cases import CASES, Case, several
from .checks import host

SLOPED = [case for case in CASES if case.has_slope]


def directions(inputs: list) -> dict[int, Tensor]:
    """A random tangent for each input to differentiate by."""
    wanted = [k for k, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    return {k: minigrad.randn(*inputs[k].shape, dtype=inputs[k].dtype) for k in wanted}


def pushed(case: Case, inputs: list, tangents: dict[int, Tensor]) -> list[np.ndarray]:
    """The tangents of a case's outputs by forward mode, 0 where there is none."""
    with fw.dual_level():
        duals = [fw.make_dual(x, tangents[k]) if k in tangents else x for k, x in enumerate(inputs)]
        pairs = [fw.unpack_dual(y) for y in several(case(*duals))]
        return [host(p.tangent) if p.tangent is not None else np.zeros(p.primal.shape) for p in pairs]


def weighed(case: Case, inputs: list, tangents: dict[int, Tensor]) -> list[np.ndarray]:
    """The same by reverse mode twice: u -> u^T J t is linear in u, and its gradient is J t."""
    slopes = []
    for y in several(case(*inputs)):
        if not y.requires_grad:
            slopes.append(np.zeros(y.shape))
            continue
        u = minigrad.zeros_like(y, requires_grad=True)
        xs = [inputs[k] for k in tangents]
        found = grad(y, xs, u, create_graph=True, materialize_grads=True)
        total = sum((g * t).sum() for g, t in zip(found, tangents.values(), strict=True))
        slopes.append(host(grad(total, u)[0]) if total.requires_grad else np.zeros(y.shape))
    return slopes


@pytest.mark.parametrize("case", SLOPED, ids=lambda c: c.name)
def test_every_case(case: Case) -> None:
    inputs = case.tensors()
    tangents = directions(inputs)
    got, want = pushed(case, inputs, tangents), weighed(case, inputs, tangents)
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def push(f, x: Tensor, t: Tensor) -> Tensor | None:
    """The derivative of f at x in the direction t."""
    with fw.dual_level():
        return fw.unpack_dual(f(fw.make_dual(x, t))).tangent


def numbers(*size: int) -> Tensor:
    return minigrad.randn(*size, dtype="float64")


def wave(x: Tensor) -> Tensor:
    return (x.sin() * x.sum()).exp().prod()


def test_levels_nest_without_mixing() -> None:
    """d/dx (x d/dy (x + y)) = 1, not 2: each level sees its own tangents (Siskind and Pearlmutter 2005)."""
    one = minigrad.ones(())
    assert push(lambda x: x * push(lambda y: x + y, one, one), one, one).item() == 1
    x, t = numbers(3), numbers(3)
    step = 1e-5
    slopes = [push(wave, x + s * t, t) for s in (step, -step)]
    second = push(lambda x: push(wave, x, t), x, t)
    np.testing.assert_allclose(second.item(), (slopes[0] - slopes[1]).item() / (2 * step), rtol=1e-6)


def test_forward_over_reverse_and_reverse_over_forward() -> None:
    x, t = numbers(3), numbers(3)

    def slope(x: Tensor) -> Tensor:
        leaf = x.alias().requires_grad_() if not x.requires_grad else x
        return grad(wave(leaf), leaf)[0]

    forward = push(slope, x, t)
    leaf = x.clone().requires_grad_()
    reverse = grad(push(wave, leaf, t), leaf)[0]
    np.testing.assert_allclose(forward.numpy(), reverse.numpy(), rtol=1e-10)


def test_a_constant_has_no_tangent() -> None:
    with fw.dual_level():
        x = fw.make_dual(numbers(3), numbers(3))
        for y in (x.detach() * 2, numbers(3) * 2, x > 0, x.argmax(), minigrad.zeros_like(x)):
            assert fw.unpack_dual(y).tangent is None
        assert fw.unpack_dual(x.detach() * x).tangent is not None


def test_no_grad_does_not_stop_it() -> None:
    with minigrad.no_grad():
        assert push(minigrad.exp, minigrad.zeros(2), minigrad.ones(2)).tolist() == [1.0, 1.0]


def test_unpack_gives_the_value_free_of_its_tangent() -> None:
    with fw.dual_level():
        x, t = numbers(3), numbers(3)
        dual = fw.make_dual(x, t)
        primal, tangent = fw.unpack_dual(dual)
        assert primal.tolist() == x.tolist() and tangent is t
        assert fw.unpack_dual(primal * 2).tangent is None
        assert fw.unpack_dual(x).tangent is None
    assert fw.unpack_dual(dual).tangent is None  # its level has ended


@pytest.mark.parametrize("which", ["dual", "tangent"])
def test_a_write_parts_a_tangent_from_the_one_that_was_given(which: str) -> None:
    with fw.dual_level():
        t = minigrad.ones(2)
        one, other = (fw.make_dual(minigrad.zeros(2), t) for _ in range(2))
        (one.mul_(3) if which == "dual" else t.mul_(3))
        assert fw.unpack_dual(one).tangent.tolist() == ([3, 3] if which == "dual" else [1, 1])
        assert fw.unpack_dual(other).tangent.tolist() == [1, 1]


def written(x: Tensor) -> Tensor:
    out = minigrad.zeros(4, dtype="float64")
    out[0] = x.sum()
    out[1:3] = x[:2]
    view = out[2:]
    view.mul_(x[1])
    out += 1
    out[minigrad.tensor([3, 1])] = x[1:] * 2
    out.mul_(out)
    return out


def test_writing_in_place_writes_the_tangent() -> None:
    x, t, step = numbers(3), numbers(3), 1e-6
    want = (written(x + step * t) - written(x - step * t)) / (2 * step)
    np.testing.assert_allclose(push(written, x, t).numpy(), want.numpy(), rtol=1e-7, atol=1e-9)


def test_the_tangent_given_is_not_written() -> None:
    t = minigrad.ones(2)
    assert push(lambda x: (x + 0).mul_(3) + (x * 1).add_(x), minigrad.ones(2), t).tolist() == [5.0, 5.0]
    assert push(lambda x: x.clone().zero_() + x, minigrad.ones(2), t).tolist() == [1.0, 1.0]
    assert t.tolist() == [1.0, 1.0]


def test_a_write_that_can_not_be_followed_is_refused() -> None:
    with fw.dual_level():
        x = fw.make_dual(numbers(2), numbers(2))
        view = minigrad.from_numpy(np.zeros(4)[:2])
        with pytest.raises(RuntimeError, match="written into a view whose base is not known"):
            view.copy_(x)


def test_a_recorded_derivative_plays_again() -> None:
    x, t = numbers(3), numbers(3)
    with minigrad.record(x, t) as program:
        y = push(wave, x, t)
    new, other = numbers(3), numbers(3)
    np.testing.assert_allclose(program.run(new, other)[y].item(), push(wave, new, other).item(), rtol=1e-12)


def test_by_hand() -> None:
    assert fw.enter_dual_level() == 0
    dual = fw.make_dual(minigrad.ones(2), minigrad.ones(2) * 3, level=0)
    assert fw.unpack_dual(dual * dual).tangent.tolist() == [6.0, 6.0]
    fw.exit_dual_level(level=0)
    with pytest.raises(RuntimeError, match="exit_dual_level: expected the innermost of 0 levels"):
        fw.exit_dual_level()


def test_bad_duals() -> None:
    one = minigrad.ones(2)
    with pytest.raises(RuntimeError, match="no level exists"):
        fw.make_dual(one, one)
    with fw.dual_level():
        with pytest.raises(TypeError, match="tensor must be a floating tensor, got minigrad.int64"):
            fw.make_dual(minigrad.arange(2), one)
        with pytest.raises(TypeError, match="tangent must be a floating tensor, got float"):
            fw.make_dual(one, 1.0)
        with pytest.raises(ValueError, match=r"the tensor's shape \(2,\), got \(3,\)"):
            fw.make_dual(one, minigrad.ones(3))
        assert fw.unpack_dual(fw.make_dual(one, one.double())).tangent.dtype is minigrad.float32
        with pytest.raises(RuntimeError, match="there is no dual level 3"):
            fw.make_dual(one, one, level=3)


@pytest.mark.parametrize("f", [lambda x: x.max() * x, lambda x: x.prod(), lambda x: x @ x])
def test_a_tangent_wants_a_gradient_only_if_what_it_comes_from_does(f: Callable) -> None:
    x = minigrad.tensor([0.7, 0.2])
    assert not jvp(f, (x,), (x,))[1].requires_grad
    z = x.clone().requires_grad_()
    assert jvp(f, (z,), (x,))[1].requires_grad and jvp(f, (x,), (z,))[1].requires_grad
