"""minigrad.func and autograd.functional: closed forms, every nesting, nests of arguments, history, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

import minigrad
import minigrad.func as func
from minigrad import Tensor
from minigrad.autograd import functional, gradcheck
from minigrad.core import MODE, Mode


def numbers(*size: int) -> Tensor:
    return minigrad.randn(*size, dtype="float64")


def wave(x: Tensor) -> Tensor:
    return (x.sin() * x.sum()).exp().sum()


def bend(x: Tensor) -> Tensor:
    return minigrad.stack([x[0] * x[1], x.sin().sum()])


# -- func ----------------------------------------------------------------------------------------------------------------


def test_grad_of_a_quadratic_form() -> None:
    a, x = numbers(3, 3), numbers(3)

    def form(x: Tensor) -> Tensor:
        return x @ a @ x

    symmetric = (a + a.T).numpy()
    np.testing.assert_allclose(func.grad(form)(x).numpy(), symmetric @ x.numpy(), rtol=1e-12)
    np.testing.assert_allclose(func.hessian(form)(x).numpy(), symmetric, rtol=1e-12)
    np.testing.assert_allclose(func.hvp(form, (x,), (x,)).numpy(), symmetric @ x.numpy(), rtol=1e-12)
    assert x.grad is None and not func.grad(form)(x).requires_grad


def test_repeated_grad() -> None:
    x = minigrad.tensor(0.7, dtype="float64")
    f: Callable = minigrad.sin
    for want in (np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7), np.cos(0.7)):
        f = func.grad(f)
        assert f(x).item() == pytest.approx(want, rel=1e-12)


JACOBIANS = {"jacrev": func.jacrev, "jacfwd": func.jacfwd}


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobian_of_a_map(name: str) -> None:
    x = numbers(3)
    want = np.array([[x[1].item(), x[0].item(), 0], np.cos(x.numpy())])
    np.testing.assert_allclose(JACOBIANS[name](bend)(x).numpy(), want, rtol=1e-12)


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobian_shapes_and_nests(name: str) -> None:
    d = {"a": numbers(2), "b": numbers(3)}

    def f(d: dict, y: Tensor) -> tuple:
        return d["a"].sum() * y, {"b": d["b"] * 2}

    first, second = JACOBIANS[name](f, argnums=(0, 1))(d, numbers(4))
    assert first[0]["a"].shape == (4, 2) and first[0]["b"].shape == (4, 3) and first[1].shape == (4, 4)
    np.testing.assert_array_equal(second["b"][0]["b"].numpy(), 2 * np.eye(3))
    assert not second["b"][1].numpy().any() and second["b"][1].shape == (3, 4)
    only = JACOBIANS[name](f)(d, numbers(4))
    assert only[0]["a"].shape == (4, 2)


@pytest.mark.parametrize(("outer", "inner"), list(product(JACOBIANS, [*JACOBIANS, "grad"])))
def test_every_second_derivative_agrees(outer: str, inner: str) -> None:
    x = numbers(3)
    first = func.grad(wave) if inner == "grad" else JACOBIANS[inner](wave)
    want = functional.hessian(wave, x)
    np.testing.assert_allclose(JACOBIANS[outer](first)(x).numpy(), want.numpy(), rtol=1e-10)


@pytest.mark.parametrize("order", list(product(JACOBIANS, repeat=3)), ids="-".join)
def test_every_third_derivative_agrees(order: tuple) -> None:
    x = numbers(2)
    f: Callable = wave
    for name in order:
        f = JACOBIANS[name](f)
    third = func.grad(lambda x: func.grad(lambda x: func.grad(wave)(x)[0])(x)[1])(x)
    np.testing.assert_allclose(f(x)[0, 1].numpy(), third.numpy(), rtol=1e-9)


def test_jacobians_in_chunks_and_with_aux() -> None:
    x = numbers(5)
    whole = func.jacrev(minigrad.sin)(x)
    np.testing.assert_array_equal(func.jacrev(minigrad.sin, chunk_size=2)(x).numpy(), whole.numpy())
    for jac in JACOBIANS.values():
        j, aux = jac(lambda x: (x.sin(), {"cos": x.cos()}), has_aux=True)(x)
        np.testing.assert_allclose(j.numpy(), np.diag(aux["cos"].numpy()), rtol=1e-12)
        assert not aux["cos"].requires_grad


def test_grad_and_value_with_aux() -> None:
    x = numbers(3)
    (g, (value, aux)) = func.grad_and_value(lambda x: ((x * x).sum(), "note"), has_aux=True)(x)
    np.testing.assert_allclose(g.numpy(), 2 * x.numpy())
    assert aux == "note" and value.item() == pytest.approx((x.numpy() ** 2).sum())
    assert func.grad(lambda x: (x.sum(), 3), has_aux=True)(x)[1] == 3


def test_vjp_and_jvp_are_adjoint() -> None:
    x, t, u = numbers(3), numbers(3), numbers(2)
    y, pull = func.vjp(bend, x)
    same, slope = func.jvp(bend, (x,), (t,))
    np.testing.assert_array_equal(y.numpy(), same.numpy())
    assert (u * slope).sum().item() == pytest.approx((pull(u)[0] * t).sum().item(), rel=1e-12)
    assert len(pull(u)) == 1 and pull(u)[0].numpy() == pytest.approx(pull(u)[0].numpy())


def test_vjp_of_nests() -> None:
    x, y = numbers(2), numbers(3)
    out, pull, aux = func.vjp(lambda x, d: ({"s": x.sum() * d["y"]}, 5), x, {"y": y}, has_aux=True)
    gx, gd = pull({"s": minigrad.ones_like(y)})
    np.testing.assert_allclose(gx.numpy(), np.full(2, y.numpy().sum()))
    np.testing.assert_allclose(gd["y"].numpy(), np.full(3, x.numpy().sum()))
    assert aux == 5 and out["s"].shape == (3,)


def test_history_leads_out_where_something_outside_wants_a_gradient() -> None:
    w, x = numbers(3).requires_grad_(), numbers(3)

    def f(x: Tensor) -> Tensor:
        return (w * x * x).sum()

    for g in (
        func.grad(f)(x),
        func.jacrev(f)(x),
        func.jacfwd(f)(x),
        func.jvp(f, (x,), (x,))[1],
        func.vjp(f, x)[1](minigrad.ones((), dtype="float64"))[0],
    ):
        assert g.requires_grad
    (func.grad(f)(x) * x).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * x.numpy() ** 2)
    with minigrad.no_grad():
        assert not func.grad(f)(x).requires_grad and not func.jacrev(f)(x).requires_grad
    assert not func.grad(lambda x: x.sin().sum())(x).requires_grad


@pytest.mark.parametrize("transform", [func.grad(wave), func.jacrev(bend), func.jacfwd(bend), func.hessian(wave)])
def test_results_can_be_differentiated_from_outside(transform: Callable) -> None:
    assert gradcheck(transform, numbers(3).requires_grad_(), rtol=1e-4)


def test_no_grad_inside_stops_the_gradient_and_outside_does_not() -> None:
    x = numbers(3)

    def f(x: Tensor) -> Tensor:
        with minigrad.no_grad():
            c = x.sin()
        return (x * c).sum()

    np.testing.assert_allclose(func.grad(f)(x).numpy(), np.sin(x.numpy()))
    with minigrad.no_grad():
        np.testing.assert_allclose(func.grad(f)(x).numpy(), np.sin(x.numpy()))


def test_the_caller_is_left_as_it_was() -> None:
    x = numbers(3).requires_grad_()
    func.grad(wave)(x), func.jacfwd(bend)(x), func.jacrev(bend)(x)
    assert x.grad is None and x.is_leaf and MODE.get() == Mode()

    def bad(x: Tensor) -> Tensor:
        raise KeyError("mine")

    for transform in (func.grad, func.jacrev, func.jacfwd, func.hessian):
        with pytest.raises(KeyError, match="mine"):
            transform(bad)(x)
        assert MODE.get() == Mode()


def test_functional_call() -> None:
    model = minigrad.nn.Sequential(minigrad.nn.Linear(3, 2), minigrad.nn.BatchNorm1d(2))
    x = minigrad.randn(4, 3)
    before = {name: p.tolist() for name, p in model.state_dict().items()}
    given = {"0.weight": minigrad.zeros(2, 3, requires_grad=True), "0.bias": minigrad.tensor([1.0, 2.0])}
    model.eval()
    y = func.functional_call(model, given, x)
    np.testing.assert_allclose(y.detach().numpy(), np.tile([1.0, 2.0], (4, 1)), rtol=1e-4)
    assert {name: p.tolist() for name, p in model.state_dict().items()} == before
    np.testing.assert_array_equal(func.functional_call(model, {**given, "0.wait": x}, x).detach(), y.detach())
    with pytest.raises(RuntimeError, match="strict=True .* of Sequential, but some are unexpected: 0.wait; missing: 1.weight"):
        func.functional_call(model, {**given, "0.wait": x}, x, strict=True)
    with pytest.raises(ValueError, match="0.weight appeared in multiple dictionaries"):
        func.functional_call(model, (given, {"0.weight": x}), x)
    tied = minigrad.nn.Sequential(minigrad.nn.Linear(3, 3), minigrad.nn.Linear(3, 3))
    tied[1].bias = tied[0].bias
    with pytest.raises(ValueError, match="different tensors for 1.bias"):
        func.functional_call(tied, {"0.bias": x[0], "1.bias": x[1]}, x)


@pytest.mark.parametrize(
    ("run", "kind", "message"),
    [
        (lambda x: func.grad(minigrad.sin)(x), ValueError, r"grad: the function must return a scalar tensor, got shape \(2,\)"),
        (lambda x: func.grad(lambda x: 3.0)(x), TypeError, "must return tensors, got float"),
        (lambda x: func.grad(wave, 1)(x), RuntimeError, "argnum 1, but only 1 positional"),
        (lambda x: func.grad(wave)(minigrad.arange(2)), RuntimeError, "must hold floating tensors.*got minigrad.int64"),
        (lambda x: func.grad(wave, has_aux=True)(x), RuntimeError, r"must return \(output, aux\)"),
        (lambda x: func.jvp(wave, x, x), TypeError, "primals and tangents must be tuples"),
        (lambda x: func.jvp(wave, (x,), (minigrad.ones(3),)), ValueError, "the tangent must have the tensor"),
        (lambda x: func.jvp(lambda x: minigrad.ones(2), (x,), (x,), strict=True), RuntimeError, "every output must depend"),
        (lambda x: func.vjp(minigrad.sin, x)[1](minigrad.ones(3)), ValueError, r"shapes of the output, \[\(2,\)\]"),
        (lambda x: functional.vjp(minigrad.sin, x), RuntimeError, "v can only be left out"),
        (lambda x: functional.hessian(minigrad.sin, x), ValueError, "one tensor of a single element"),
        (lambda x: functional.jacobian(minigrad.sin, x, strategy="sideways"), ValueError, "strategy must be"),
        (lambda x: functional.jacobian(minigrad.sin, x, strategy="forward-mode"), NotImplementedError, "vectorize=True"),
        (lambda x: functional.jacobian(lambda x: minigrad.ones(2), x, strict=True), RuntimeError, "every output must depend"),
        (lambda x: functional.vjp(lambda x, y: x.sum(), (x, x), strict=True), RuntimeError, "but not on input 1"),
    ],
)  # fmt: skip
def test_refused(run: Callable, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        run(minigrad.ones(2))
    assert MODE.get() == Mode()


# -- autograd.functional -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vectorize", [False, True])
def test_functional_derivatives_agree_with_func(vectorize: bool) -> None:
    x, t, u = numbers(3), numbers(3), numbers(2)
    np.testing.assert_allclose(
        functional.jacobian(bend, x, vectorize=vectorize).numpy(), func.jacrev(bend)(x).numpy(), rtol=1e-12
    )
    np.testing.assert_allclose(
        functional.hessian(wave, x, vectorize=vectorize).numpy(), func.hessian(wave)(x).numpy(), rtol=1e-10
    )
    h = func.hessian(wave)(x).numpy()
    np.testing.assert_allclose(functional.vhp(wave, x, t)[1].numpy(), t.numpy() @ h, rtol=1e-10)
    np.testing.assert_allclose(functional.hvp(wave, x, t)[1].numpy(), h @ t.numpy(), rtol=1e-10)
    np.testing.assert_allclose(functional.vjp(bend, x, u)[1].numpy(), func.vjp(bend, x)[1](u)[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(functional.jvp(bend, x, t)[1].numpy(), func.jvp(bend, (x,), (t,))[1].numpy(), rtol=1e-12)


def test_functional_results_have_a_history_only_if_asked() -> None:
    x = numbers(3).requires_grad_()
    assert not functional.jacobian(bend, x).requires_grad
    for vectorize in (False, True):
        assert gradcheck(lambda x, v=vectorize: functional.jacobian(bend, x, create_graph=True, vectorize=v), x)
    assert gradcheck(lambda x: functional.hvp(wave, x, minigrad.ones(3, dtype="float64"), create_graph=True)[1], x)
    assert gradcheck(lambda x: functional.vhp(wave, x, minigrad.ones(3, dtype="float64"), create_graph=True)[1], x, rtol=1e-4)


def test_an_output_that_depends_on_nothing_is_zero() -> None:
    x = numbers(2)
    jac = functional.jacobian(lambda x, y: (x * 2, minigrad.ones(3, dtype="float64")), (x, numbers(4)))
    assert [[tuple(block.shape) for block in row] for row in jac] == [[(2, 2), (2, 4)], [(3, 2), (3, 4)]]
    assert not jac[0][1].numpy().any() and not jac[1][0].numpy().any()
    assert functional.jacobian(lambda x: x[:0], x).shape == (0, 2)
