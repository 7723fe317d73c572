"""Function: derivatives of any order, several results, what is freed and refused, and where exceptions go."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import Function, forward_ad, grad, gradcheck, gradgradcheck
from minigrad.autograd.function import once_differentiable
from minigrad.core import MODE, Mode
from minigrad.func import grad as slope
from minigrad.func import hessian, jacfwd, jacrev, jvp, vmap


class Cube(Function):
    """x^3"""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


class Exp(Function):
    """e^x, with what is saved said apart"""

    @staticmethod
    def forward(x):
        return x.exp()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


class Both(Function):
    """(k x y, x + y, x > 0)"""

    seen: list = []

    @staticmethod
    def forward(ctx, x, y, k):
        product = x * y
        ctx.save_for_backward(x, y, product)
        ctx.k = k
        return product * k, x + y, x > 0

    @staticmethod
    def backward(ctx, product, total, sign):
        x, y, _ = ctx.saved_tensors
        Both.seen.append((product, total, sign, ctx.needs_input_grad))
        return ctx.k * product * y + total, ctx.k * product * x + total, None


def numbers(*size: int) -> Tensor:
    return minigrad.randn(*size, dtype="float64").requires_grad_()


@pytest.mark.parametrize("function", [Cube, Exp])
def test_derivatives_of_one_result(function: type[Function]) -> None:
    x = numbers(2, 3)
    assert gradcheck(function.apply, x)
    assert gradgradcheck(function.apply, x)
    assert function.apply(x).grad_fn.name() == f"{function.__name__}Backward"


def test_derivatives_of_several_results() -> None:
    def floats(x: Tensor, y: Tensor) -> tuple:
        return Both.apply(x, y, 2.0)[:2]

    assert gradcheck(floats, (numbers(3), numbers(3)))
    assert gradgradcheck(floats, (numbers(3), numbers(3)))


def test_backward_runs_once_for_all_results_and_arguments() -> None:
    x, y = numbers(3), numbers(3)
    a, b, c = Both.apply(x, y, 2.0)
    assert not c.requires_grad and c.dtype is minigrad.bool
    Both.seen.clear()
    (a.sum() + 2 * b.sum()).backward()
    assert len(Both.seen) == 1 and Both.seen[0][3] == (True, True, False)
    np.testing.assert_allclose(x.grad.numpy(), 2 * y.detach().numpy() + 2)
    np.testing.assert_allclose(y.grad.numpy(), 2 * x.detach().numpy() + 2)


def test_results_without_a_gradient_are_zeros_or_none() -> None:
    x, y = numbers(3), numbers(3)
    Both.seen.clear()
    Both.apply(x, y, 1.0)[1].sum().backward()
    product, total, sign, _ = Both.seen[0]
    assert not product.numpy().any() and total.numpy().all() and sign.dtype is minigrad.bool

    class Raw(Both):
        @staticmethod
        def forward(ctx, x, y, k):
            ctx.set_materialize_grads(False)
            return Both.forward(ctx, x, y, k)

        @staticmethod
        def backward(ctx, product, total, sign):
            Both.seen.append((product, sign))
            return total, None, None

    Both.seen.clear()
    y.grad = None
    Raw.apply(x, y, 1.0)[1].sum().backward()
    assert Both.seen == [(None, None)] and y.grad is None


@pytest.mark.parametrize("function", [Cube.apply, Exp.apply, lambda x: Both.apply(x, x, 2.0)[0]])
def test_forward_mode_comes_from_backward(function) -> None:
    x, t = numbers(4).detach(), numbers(4).detach()
    leaf = x.clone().requires_grad_()
    want = grad(function(leaf).sum(), leaf)[0] * t  # each is elementwise
    np.testing.assert_allclose(jvp(function, (x.detach(),), (t,))[1].numpy(), want.numpy(), rtol=1e-12)


def test_forward_mode_of_a_made_up_slope_is_made_up_too() -> None:
    """A straight-through rounding: forward's own ops have slope 0, its backward says 1."""

    class Round(Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, g):
            return g

    x = minigrad.tensor([0.3, 1.7])
    assert jvp(Round.apply, (x,), (minigrad.tensor([2.0, 3.0]),))[1].tolist() == [2.0, 3.0]


def test_own_jvp_is_used() -> None:
    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_forward(x)
            return x * 2

        @staticmethod
        def jvp(ctx, t):
            assert ctx.saved_tensors[0].shape == t.shape
            return t * 5

    with forward_ad.dual_level():
        y = Twice.apply(forward_ad.make_dual(minigrad.ones(2), minigrad.ones(2)))
        assert forward_ad.unpack_dual(y).tangent.tolist() == [5.0, 5.0]


def test_higher_orders_and_vmap() -> None:
    x = numbers(3).detach()
    want = np.diag(6 * x.numpy())
    np.testing.assert_allclose(hessian(lambda x: Cube.apply(x).sum())(x).numpy(), want, rtol=1e-12)
    np.testing.assert_allclose(jacrev(jacfwd(lambda x: Cube.apply(x).sum()))(x).numpy(), want, rtol=1e-12)
    rows = numbers(4, 3).detach()
    np.testing.assert_allclose(vmap(slope(lambda x: Cube.apply(x).sum()))(rows).numpy(), 3 * rows.numpy() ** 2, rtol=1e-12)
    np.testing.assert_allclose(vmap(Cube.apply)(rows).numpy(), rows.numpy() ** 3, rtol=1e-12)


def test_a_derivative_of_vmap_uses_the_backward_too() -> None:
    """Its own slope, made up on purpose, is seen through vmap; a shared argument gets the sum over the examples."""

    class Scale(Function):
        @staticmethod
        def forward(ctx, x, w):
            y = x * w
            ctx.save_for_backward(x, w, y)
            return y, y.sum()

        @staticmethod
        def backward(ctx, g, total):
            x, w, y = ctx.saved_tensors
            assert x.shape == w.shape == y.shape == (3,)
            return 10 * (g + total) * w, (g + total) * x

    rows, w = numbers(4, 3), numbers(3)
    a, b = vmap(Scale.apply, in_dims=(0, None))(rows, w)
    (a.sum() + b.sum()).backward()
    np.testing.assert_allclose(rows.grad.numpy(), np.tile(20 * w.detach().numpy(), (4, 1)))
    np.testing.assert_allclose(w.grad.numpy(), 2 * rows.detach().numpy().sum(0))
    x, t = rows.detach(), numbers(4, 3).detach()
    tangent = jvp(lambda x: vmap(Scale.apply, in_dims=(0, None))(x, w.detach())[0], (x,), (t,))[1]
    np.testing.assert_allclose(tangent.numpy(), 10 * t.numpy() * w.detach().numpy())
    assert gradgradcheck(lambda x: vmap(Cube.apply)(x), numbers(4, 3))
    assert gradgradcheck(lambda x: vmap(slope(lambda x: Cube.apply(x).sum()))(x), numbers(4, 3))
    assert gradgradcheck(lambda x: vmap(vmap(Exp.apply))(x), numbers(2, 3, 2))


def test_saved_tensors_are_freed_and_guarded() -> None:
    contexts = []

    class Keep(Cube):
        @staticmethod
        def forward(ctx, x):
            contexts.append(ctx)
            return Cube.forward(ctx, x)

    x = numbers(3)
    y = Keep.apply(x).sum()
    assert contexts[0].saved_tensors[0] is x
    y.backward()
    with pytest.raises(RuntimeError, match="Keep: the saved tensors were freed"):
        contexts[0].saved_tensors  # noqa: B018
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        y.backward()
    w = numbers(3)
    z = w * 1
    out = Keep.apply(z)
    z.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
    assert w.grad is None


def test_no_cycle_is_left() -> None:
    gc.collect()
    gc.disable()
    try:
        for function in (Cube.apply, Exp.apply, lambda x: Both.apply(x, x, 2.0)[0]):
            node = weakref.ref(function(numbers(3)).grad_fn)
            assert node() is None
        y = vmap(Cube.apply)(numbers(2, 3))
        node = weakref.ref(y.grad_fn)
        y.sum().backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_mark_dirty() -> None:
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = numbers(3)
    y = x * 3
    z = Double.apply(y)
    assert z is y and z.grad_fn.name() == "DoubleBackward"
    (z * z).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 72 * x.detach().numpy())
    with pytest.raises(RuntimeError, match="leaf"):
        Double.apply(numbers(2))


def test_mark_non_differentiable() -> None:
    class Halves(Function):
        @staticmethod
        def forward(ctx, x):
            a, b = x * 0.5, x * 0.25
            ctx.mark_non_differentiable(b)
            return a, b

        @staticmethod
        def backward(ctx, a, b):
            assert not b.numpy().any()
            return 0.5 * a

    a, b = Halves.apply(numbers(2))
    assert a.requires_grad and not b.requires_grad


def test_an_input_returned_as_it_is_becomes_a_result_of_its_own() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = numbers(2)
    y = Same.apply(x)
    assert y is not x and x.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [10.0, 10.0]


def test_once_differentiable() -> None:
    class Once(Cube):
        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return minigrad.tensor(3 * g.numpy() * x.detach().numpy() ** 2)

    x = numbers(3)
    assert gradcheck(Once.apply, x)
    (g,) = grad(Once.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


class Broken(Cube):
    """A Cube whose backward returns what the test says."""

    answer: object = None

    @staticmethod
    def backward(ctx, g):
        if isinstance(Broken.answer, Exception):
            raise Broken.answer
        return Broken.answer


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (1.0, TypeError, "Broken: backward must return tensors or None, got float for argument 0"),
        (minigrad.ones(2), RuntimeError, r"Broken: .* invalid gradient for argument 0: got \(2,\), expected shape \(3,\)"),
        ((), RuntimeError, "Broken: backward returned an incorrect number of gradients .expected 1"),
        ((None, minigrad.ones(3)), RuntimeError, "incorrect number of gradients .expected 1"),
        (KeyError("mine"), KeyError, "mine"),
    ],
)  # fmt: skip
def test_a_wrong_backward(answer: object, kind: type, message: str) -> None:
    x = numbers(3)
    for listened in (False, True):
        y = Broken.apply(x).sum()
        Broken.answer = answer
        with pytest.raises(kind, match=message):
            if listened:
                with minigrad.record(x):
                    y.backward()
            y.backward()
        assert MODE.get() == Mode() and x.grad is None


@pytest.mark.parametrize("result", [1.0, None, (minigrad.ones(2), 3)])
def test_a_result_that_is_no_tensor(result: object) -> None:
    class Odd(Function):
        @staticmethod
        def forward(ctx, x):
            return result

    with pytest.raises(TypeError, match="Odd: forward must return tensors, got (float|NoneType|int)"):
        Odd.apply(numbers(2))


def test_an_exception_in_forward_comes_through() -> None:
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="^mine$"):
        Bad.apply(numbers(2))
    assert MODE.get() == Mode()


def test_save_for_backward_takes_tensors_only() -> None:
    class Odd(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, 3)

    with pytest.raises(TypeError, match="save_for_backward: can only save tensors, but argument 1 is of type int"):
        Odd.apply(numbers(2))


def test_forward_runs_without_recording_and_without_a_gradient_there_is_no_node() -> None:
    class Look(Cube):
        @staticmethod
        def forward(ctx, x):
            assert not minigrad.is_grad_enabled()
            return Cube.forward(ctx, x)

    x = numbers(2)
    assert Look.apply(x).requires_grad
    assert not Look.apply(x.detach()).requires_grad
    with minigrad.no_grad():
        assert not Look.apply(x).requires_grad


def test_keyword_arguments() -> None:
    x, y = numbers(2), numbers(2)
    np.testing.assert_array_equal(Both.apply(x, k=3.0, y=y)[0].detach().numpy(), Both.apply(x, y, 3.0)[0].detach().numpy())


def test_record_and_play_again() -> None:
    x, new = numbers(3), numbers(3)
    with minigrad.record(x) as program:
        a, b, _ = Both.apply(x, Cube.apply(x), 2.0)
        (a.sum() + b.sum()).backward()
    program.run(new)
    np.testing.assert_allclose(x.grad.numpy(), 8 * new.detach().numpy() ** 3 + 1 + 3 * new.detach().numpy() ** 2, rtol=1e-12)


def test_a_function_on_numpy_can_be_recorded_but_not_played_again() -> None:
    class Numpy(Cube):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return minigrad.tensor(x.detach().numpy() ** 3)

    x = numbers(3)
    with minigrad.record(x) as program:
        Numpy.apply(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * x.detach().numpy() ** 2)
    with pytest.raises(RuntimeError, match="Numpy: its forward computes outside of minigrad's ops"):
        program.run(numbers(3))
