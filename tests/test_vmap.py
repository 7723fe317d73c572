"""vmap: every case on many examples at once against a loop, nesting, in place, random ops, and what is refused."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from minigrad.testing import assert_close

import minigrad
import minigrad.func
from minigrad.autograd import grad
from minigrad.autograd.batching import KINDS, RULES
from minigrad.core import MODE, OPS, Mode, Tensor
from minigrad.func import grad as grad_of
from minigrad.func import hessian, jacfwd, jacrev, jvp, vmap

from .cases import CASES, Case, several
from .checks import host

SIZE = 3


def examples(case: Case, which: tuple[bool, ...]) -> list:
    """The case's inputs with SIZE examples of those chosen stacked in front."""
    drawn = [case.tensors(seed=seed) for seed in range(SIZE)]
    return [minigrad.stack([row[k].detach() for row in drawn]) if many else drawn[0][k] for k, many in enumerate(which)]


SHARED = {"assign_", "assign_at_", "add_", "lerp_", "batch_norm-5"}  # what they write must differ between examples, too
STEPS = {name for name, op in OPS.items() if op.kernel.__module__ == "minigrad.ops.optimizers"}
# The shape of nonzero's result depends on the numbers; a step of an optimizer is not mapped; recurrent layers are mapped by
# their definitions, and so are their gradients.
UNKNOWN = {"nonzero", *STEPS}


def choices(case: Case) -> list[tuple[bool, ...]]:
    """Which inputs may differ between examples: each alone, and all of them."""
    first, *rest = [case.tensors(seed=seed) for seed in range(SIZE)]
    free = [isinstance(x, Tensor) and all(x.shape == row[k].shape for row in rest) for k, x in enumerate(first)]
    free = [f and not (case.name == "getitem-2" and k) for k, f in enumerate(free)]  # a mask is one for all examples
    alone = [tuple(k == one for k in range(len(free))) for one in range(len(free)) if free[one]]
    if case.name in SHARED:
        return [tuple(free)]
    return [*alone, tuple(free)] if sum(free) > 1 else alone


RANDOM = {"poisson", "binomial", "log_gamma_draw"}  # refused unless vmap is told how to draw
BATCHED = [case for case in CASES if case.name.split("-")[0] not in UNKNOWN | RANDOM and choices(case)]


@pytest.mark.parametrize("case", BATCHED, ids=lambda c: c.name)
def test_every_case(case: Case) -> None:
    for which in choices(case):
        inputs = examples(case, which)
        got = several(vmap(case, in_dims=tuple(0 if many else None for many in which))(*inputs))
        for i in range(SIZE):
            want = several(case(*[x[i] if many else x for x, many in zip(inputs, which, strict=True)]))
            for one, other in zip(got, want, strict=True):
                assert one.dtype is other.dtype
                np.testing.assert_allclose(host(one[i]), host(other), rtol=1e-10, atol=1e-10)


SLOPED = [case for case in BATCHED if case.has_slope]


@pytest.mark.parametrize("case", SLOPED, ids=lambda c: c.name)
def test_the_gradient_of_every_case(case: Case) -> None:
    """vmap of a gradient against a loop, and the gradient of vmap against that of a loop."""
    which = choices(case)[-1]
    inputs = examples(case, which)
    wanted = [k for k in case.differentiable(case.arrays()) if which[k]]
    if not wanted:
        pytest.skip("what is differentiated is one for all")

    def total(*xs) -> Tensor:
        return sum((y * y).sum() for y in several(case(*xs)) if y.dtype.is_floating_point)

    dims = tuple(0 if many else None for many in which)
    plain = [x.detach() if isinstance(x, Tensor) else x for x in inputs]
    got = vmap(minigrad.func.grad(total, tuple(wanted)), dims)(*plain)
    leaves = [x.clone().requires_grad_() if k in wanted else x for k, x in enumerate(plain)]
    outside = grad(vmap(total, dims)(*leaves).sum(), [leaves[k] for k in wanted], materialize_grads=True)
    rows = [[x[i] if many else x for x, many in zip(leaves, which, strict=True)] for i in range(SIZE)]
    want = grad(sum(total(*row) for row in rows), [leaves[k] for k in wanted], materialize_grads=True)
    for one, two, other in zip(got, outside, want, strict=True):
        np.testing.assert_allclose(host(one), host(other), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(host(two), host(other), rtol=1e-9, atol=1e-9)


def numbers(*size: int) -> Tensor:
    return minigrad.randn(*size, dtype="float64")


def test_every_op_has_a_rule_or_a_definition() -> None:
    ours = {name: op for name, op in OPS.items() if op.kernel.__module__.startswith("minigrad.")}
    bare = {name for name, op in ours.items() if name not in RULES and op.kind not in (*KINDS, "create")}
    assert {name for name in bare if OPS[name].definition is None} == UNKNOWN


def test_in_and_out_dims() -> None:
    x, w = numbers(2, 5, 3), numbers(3)
    want = (x * w).numpy()
    assert vmap(lambda x, w: x * w, in_dims=(1, None))(x, w).shape == (5, 2, 3)
    np.testing.assert_array_equal(vmap(lambda x, w: x * w, (1, None), out_dims=-2)(x, w).numpy(), want)
    np.testing.assert_array_equal(vmap(lambda x, w: x * w, (-1, 0), out_dims=2)(x, w).numpy(), want)


def test_nests_of_arguments_and_results() -> None:
    def f(d: dict, pair: tuple) -> dict:
        return {"sum": d["a"] + pair[0], "both": (pair[1] * 2, d["a"])}

    a, b, c = numbers(3, 2), numbers(3, 2), numbers(2, 3)
    got = vmap(f, in_dims=(0, (0, 1)))({"a": a}, (b, c))
    np.testing.assert_array_equal(got["sum"].numpy(), (a + b).numpy())
    np.testing.assert_array_equal(got["both"][0].numpy(), (c.T * 2).numpy())
    out = vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(a)
    assert out[0].shape == (2, 3) and out[1].shape == (3,)


def test_keyword_arguments_and_constants_are_one_for_all() -> None:
    np.testing.assert_array_equal(vmap(lambda x, *, k: x * k)(minigrad.ones(3), k=minigrad.tensor(2.0)).numpy(), [2, 2, 2])
    assert vmap(lambda x: minigrad.arange(2) * 1.0)(minigrad.ones(3)).shape == (3, 2)


def test_chunks_give_the_same() -> None:
    x = numbers(7, 3)
    for size in (1, 2, 3, 7, 50):
        np.testing.assert_allclose(vmap(lambda x: x.softmax(0), out_dims=1, chunk_size=size)(x).numpy(), x.softmax(1).T.numpy())


def test_each_op_runs_once() -> None:
    """Not a loop: the calls that pass the door do not grow with the number of examples."""
    counts = []
    for size in (2, 50):
        with minigrad.record() as program:
            vmap(lambda x: (x @ x.T).softmax(-1).sum())(numbers(size, 3, 3))
        counts.append(len(program.calls))
    assert counts[0] == counts[1]


def test_vmap_of_vmap() -> None:
    x, y = numbers(3), numbers(4)
    outer = vmap(vmap(lambda a, b: (a - b) ** 2, (None, 0)), (0, None))(x, y)
    np.testing.assert_allclose(outer.numpy(), np.subtract.outer(x.numpy(), y.numpy()) ** 2)
    cube = numbers(2, 3, 4)
    deep = vmap(vmap(vmap(minigrad.sin)), in_dims=2, out_dims=2)(cube)
    np.testing.assert_array_equal(deep.numpy(), cube.sin().numpy())


def test_gradients_per_example() -> None:
    w, x, y = numbers(3), numbers(5, 3), numbers(5)

    def loss(w: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return ((x @ w - y) ** 2).mean()

    got = vmap(minigrad.func.grad(loss), (None, 0, 0))(w, x, y)
    residual = (x @ w - y).numpy()
    np.testing.assert_allclose(got.numpy(), 2 * residual[:, None] * x.numpy(), rtol=1e-12)


def test_a_whole_network_per_example() -> None:
    """Convolution, batch norm in eval mode, pooling and cross entropy: gradients per example equal those of one at a time."""
    nn = minigrad.nn
    model = nn.Sequential(nn.Conv2d(1, 4, 3, groups=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3, groups=2),
                          nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)).double().eval()  # fmt: skip
    state = {name: p.detach() for name, p in model.named_parameters()}
    images, targets = numbers(4, 1, 8, 8), minigrad.randint(3, (4,))

    def loss(state: dict, image: Tensor, target: Tensor) -> Tensor:
        scores = minigrad.func.functional_call(model, state, image.unsqueeze(0))
        return nn.functional.cross_entropy(scores, target.unsqueeze(0))

    slope = minigrad.func.grad(loss)
    got = vmap(slope, (None, 0, 0))(state, images, targets)
    for i in range(4):
        one = slope(state, images[i], targets[i])
        for name in state:
            np.testing.assert_allclose(got[name][i].numpy(), one[name].numpy(), rtol=1e-10, atol=1e-12)


def test_an_ensemble() -> None:
    nn = minigrad.nn
    models = [nn.Linear(3, 2).double() for _ in range(4)]
    parameters, buffers = minigrad.func.stack_module_state(models)
    x = numbers(5, 3)
    got = vmap(lambda p, b, x: minigrad.func.functional_call(models[0], (p, b), (x,)), (0, 0, None))(parameters, buffers, x)
    want = minigrad.stack([m(x) for m in models])
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-12)
    got.sum().backward()
    assert parameters["weight"].grad.shape == (4, 2, 3)


def test_writing_in_place() -> None:
    def f(x: Tensor) -> Tensor:
        y = x * 1
        y[0] = 5.0
        y[1:].mul_(2)
        y.add_(x.sum())
        return y

    x = numbers(4, 3).requires_grad_()
    want = minigrad.stack([f(row) for row in x])
    got = vmap(f)(x)
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy())
    np.testing.assert_allclose(grad((got * got).sum(), x)[0].numpy(), grad((want * want).sum(), x)[0].numpy())
    shared = minigrad.zeros(3, dtype="float64")
    with pytest.raises(RuntimeError, match="can't write values that differ between examples into a tensor that is one for all"):
        vmap(lambda x: shared.add_(x))(x.detach())
    assert not shared.numpy().any()


def test_random_ops() -> None:
    zeros = minigrad.zeros(4, 3)
    with pytest.raises(RuntimeError, match="rand: vmap was called with randomness='error'"):
        vmap(lambda x: x + minigrad.rand(3))(zeros)
    same = vmap(lambda x: x + minigrad.rand(3), randomness="same")(zeros).numpy()
    assert (same == same[0]).all() and same[0].any()
    different = vmap(lambda x: x + minigrad.rand(3), randomness="different")(zeros).numpy()
    assert len(np.unique(different)) == 12
    masks = vmap(lambda x: minigrad.nn.functional.dropout(x + 1, 0.5), randomness="different")(minigrad.zeros(50, 20)).numpy()
    assert not (masks == masks[0]).all()
    orders = vmap(lambda x: minigrad.randperm(5), randomness="different")(zeros)
    assert orders.shape == (4, 5) and (orders.sort(1).values == minigrad.arange(5)).all()


def test_decompose_inside_changes_nothing() -> None:
    x = numbers(3, 4)
    with minigrad.decompose():
        a = vmap(lambda x: x.softmax(0))(x)
    with minigrad.enable_grad():
        b = vmap(minigrad.decompose(lambda x: x.softmax(0)))(x)
    np.testing.assert_allclose(a.numpy(), x.softmax(1).numpy())
    np.testing.assert_allclose(b.numpy(), x.softmax(1).numpy())


def test_a_recorded_vmap_plays_again() -> None:
    x, new = numbers(4, 3), numbers(4, 3)
    with minigrad.record(x) as program:
        y = vmap(minigrad.func.grad(lambda x: x.sin().prod()))(x)
    want = vmap(minigrad.func.grad(lambda x: x.sin().prod()))(new)
    np.testing.assert_allclose(program.run(new)[y].numpy(), want.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("run", "kind", "message"),
    [
        (lambda x: vmap(lambda x, y: x, (0, 0))(x, minigrad.ones(5)), ValueError, r"of one size, got sizes \[3, 5\]"),
        (lambda x: vmap(lambda x: x, None)(x), ValueError, "no sliced argument"),
        (lambda x: vmap(lambda x, k: x)(x, 2), ValueError, "in_dim=0 for an argument of type int"),
        (lambda x: vmap(lambda x: x, (0, 0))(x), ValueError, "in_dims.*does not match"),
        (lambda x: vmap(lambda x: x, 7)(x), ValueError, "in_dim must be in the range"),
        (lambda x: vmap(lambda x: x, out_dims=None)(x), ValueError, "differs between examples"),
        (lambda x: vmap(lambda x: 3)(x), ValueError, "must return tensors, got int"),
        (lambda x: vmap(lambda x: x.sum().item())(x), RuntimeError, "this tensor stands for another one in each example"),
        (lambda x: vmap(lambda x: x if x.sum() > 0 else -x)(x), RuntimeError, "minigrad.where in the place of if"),
        (lambda x: vmap(lambda x: x[x > 0])(x), RuntimeError, "mask that differs between examples"),
        (lambda x: vmap(minigrad.nonzero)(x), NotImplementedError, "nonzero: vmap has no batching rule for this op"),
        (lambda x: vmap(minigrad.sin, randomness="yes")(x), ValueError, "randomness must be"),
        (lambda x: vmap(minigrad.sin, chunk_size=0)(x), ValueError, "chunk_size must be None or positive"),
    ],
)  # fmt: skip
def test_refused(run, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        run(minigrad.ones(3, 2))
    assert MODE.get() == Mode()


def test_a_tensor_that_escapes_is_refused() -> None:
    kept = []
    vmap(lambda x: kept.append(x) or x)(minigrad.ones(3))
    with pytest.raises(RuntimeError, match="a tensor of a vmapped function is used outside of it"):
        kept[0] * 2


def test_the_users_exception_comes_through() -> None:
    def bad(x: Tensor) -> Tensor:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        vmap(bad)(minigrad.ones(3))
    assert MODE.get() == Mode()


def test_no_cycle_is_left() -> None:
    gc.collect()
    gc.disable()
    try:
        x = numbers(3, 2).requires_grad_()
        node = weakref.ref(vmap(lambda x: (x.sin() * x).sum())(x).grad_fn)
        assert node() is None
        level = weakref.ref(minigrad.func.grad(lambda x: vmap(minigrad.sin)(x).sum())(x).grad_fn)
        assert level() is None
    finally:
        gc.enable()


def test_values_that_are_one_for_all_can_be_read() -> None:
    """What does not depend on the sliced argument may steer the program."""
    assert vmap(lambda x, w: x if w.sum().item() > 0 else -x, (0, None))(minigrad.ones(2), minigrad.ones(2)).tolist() == [1, 1]


@pytest.mark.parametrize("make", ["new_zeros", "new_ones", "new_empty", "new_full"])
def test_what_a_new_method_makes_can_be_written_for_each_example(make: str) -> None:
    """The way out that PyTorch's documentation names: `vec.new_zeros` in the place of `zeros`."""

    def embedded(vec: Tensor) -> Tensor:
        out = vec.new_full((3, 3), 0.0) if make == "new_full" else getattr(vec, make)(3, 3)
        out.diagonal().copy_(vec)
        return out

    rows = minigrad.arange(6.0).reshape(2, 3)
    want = np.stack([np.where(np.eye(3, dtype=bool), np.diag(row), float(make == "new_ones")) for row in rows.numpy()])
    np.testing.assert_array_equal(vmap(embedded)(rows).numpy(), want)
    slopes = vmap(minigrad.func.grad(lambda vec: embedded(vec * vec).sum()))(rows)
    np.testing.assert_array_equal(slopes.numpy(), 2 * rows.numpy())


def test_a_jacobian_by_forward_mode_of_what_writes_into_zeros() -> None:
    def squares(x: Tensor) -> Tensor:
        out = minigrad.zeros(3)
        out[1:] = x * x
        out[0] = x[0] * x[1]
        return out

    x = minigrad.tensor([2.0, 5.0])
    assert minigrad.func.jacfwd(squares)(x).tolist() == [[5, 2], [4, 0], [0, 10]]
    assert minigrad.func.jacrev(squares)(x).tolist() == [[5, 2], [4, 0], [0, 10]]


def written(x: Tensor, t: Tensor | float = 1.0) -> Tensor:
    """x is written in every way there is: through the whole, a slice and a list of places."""
    y = x.clone()
    y.mul_(2.0)
    y[0] = 3 * y[1]
    y[minigrad.tensor([1])] = y[0] + x[1]
    y.index_add_(0, minigrad.tensor([0, 1]), x)
    return (y * y * x * t).sum()


def apart(x: Tensor, t: Tensor | float = 1.0) -> Tensor:
    """What `written` computes, without a write."""
    a = 3 * 2 * x[1]
    y = minigrad.stack([a + x[0], a + x[1] + x[1]])
    return (y * y * x * t).sum()


@pytest.mark.parametrize("transform", [
    lambda f: grad_of(lambda x: vmap(lambda t: f(x, t))(minigrad.ones(3)).sum()),
    lambda f: grad_of(lambda x: jacfwd(f)(x).sum()),
    lambda f: grad_of(lambda x: hessian(f)(x).sum()), lambda f: jacfwd(hessian(f)),
    lambda f: lambda x: vmap(hessian(f))(minigrad.stack([x, 2 * x])),
    lambda f: grad_of(lambda x: vmap(f)(minigrad.stack([x, 2 * x])).sum()),
    lambda f: grad_of(lambda x: vmap(hessian(f))(minigrad.stack([x, 2 * x])).sum()),
    lambda f: lambda x: jvp(lambda z: vmap(lambda t: f(z, t))(minigrad.ones(3)).sum(), (x,), (x + 1,))[1],
])  # fmt: skip
def test_writes_of_what_is_one_for_all_examples_have_their_history_outside(transform: Callable) -> None:
    x = minigrad.tensor([0.7, 0.2], dtype="float64")
    np.testing.assert_allclose(transform(written)(x).numpy(), transform(apart)(x).numpy(), rtol=1e-12)


def test_indices_are_checked_and_used_in_nested_vmaps() -> None:
    w = minigrad.arange(12.0, dtype="float64").reshape(4, 3).sin()
    i = minigrad.tensor([[0, 1], [1, 1]])
    for f in (
        lambda x, i: (x[i] ** 3).sum(),
        lambda x, i: (x.index_select(0, i) ** 3).sum(),
        lambda x, i: x.scatter(0, i[:, None], x[:2, :1] ** 2).pow(3).sum(),
    ):
        found = vmap(hessian(f), in_dims=(None, 0))(w, i)
        np.testing.assert_allclose(found.numpy(), [hessian(f)(w, row).numpy() for row in i], rtol=1e-12)
        with pytest.raises(IndexError, match="out of bounds"):
            vmap(hessian(f), in_dims=(None, 0))(w, i + 3)


@pytest.mark.parametrize(
    "inner", [grad_of, jacfwd, jacrev, hessian, lambda f: grad_of(grad_of(f)), lambda f: jacrev(jacrev(f))]
)
def test_derivatives_of_what_is_differentiated_for_each_example(inner: Callable) -> None:
    x = minigrad.tensor([0.7, 0.2], dtype="float64")

    def total(xs: Tensor) -> Tensor:
        return (vmap(inner(lambda x: x**4))(xs) * xs).sum()

    def plain(xs: Tensor) -> Tensor:
        return (12 * xs**3 if inner not in (grad_of, jacfwd, jacrev) else 4 * xs**4).sum()

    expected = grad(plain(z := x.clone().requires_grad_()), z)[0].numpy()
    np.testing.assert_allclose(grad_of(total)(x).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(jacrev(total)(x).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(jacfwd(total)(x).numpy(), expected, rtol=1e-12)
    total(y := x.clone().requires_grad_()).backward()
    np.testing.assert_allclose(y.grad.numpy(), expected, rtol=1e-12)
    frozen = x.clone().requires_grad_()
    with minigrad.no_grad():
        assert not total(frozen).requires_grad


@pytest.mark.parametrize("transform", [jacfwd, hessian, lambda f: jacfwd(jacfwd(f)), lambda f: jacrev(jacfwd(f))])
def test_forward_mode_through_a_write_inside_of_vmap(transform: Callable) -> None:
    x = minigrad.tensor([[0.7, 0.2], [0.3, -0.4]], dtype="float64")
    assert_close(vmap(transform(lambda x: x.clone().mul_(x)))(x), vmap(transform(lambda x: x * x))(x))


class Power(minigrad.autograd.Function):
    """x^n with a vmap of its own."""

    batches = 0

    @staticmethod
    def forward(x: Tensor, n: int) -> Tensor:
        return x**n

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        x, ctx.n = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        (x,) = ctx.saved_tensors
        return ctx.n * x ** (ctx.n - 1) * g, None

    @staticmethod
    def jvp(ctx: Any, t: Tensor, _: None) -> Tensor:
        (x,) = ctx.saved_tensors
        return ctx.n * x ** (ctx.n - 1) * t

    @staticmethod
    def vmap(info: Any, in_dims: tuple, x: Tensor, n: int) -> tuple:
        Power.batches += 1
        return Power.apply(x.movedim(in_dims[0], 0), n), 0


@pytest.mark.parametrize("transform", [
    lambda f: vmap(grad_of(f)), lambda f: vmap(hessian(f)), lambda f: vmap(jacfwd(f)), lambda f: vmap(jacrev(jacrev(f))),
    lambda f: grad_of(lambda x: vmap(grad_of(f))(x).sum()), lambda f: grad_of(lambda x: vmap(f)(x).sum()),
    lambda f: vmap(lambda x: jvp(f, (x,), (x,))[1]), lambda f: lambda x: vmap(vmap(grad_of(f)))(x[None])[0],
])  # fmt: skip
def test_derivatives_inside_of_vmap_pass_a_function_that_brings_its_own(transform: Callable) -> None:
    x = minigrad.tensor([[0.7, 0.2], [0.3, 0.5]], dtype="float64")
    found = transform(lambda x: Power.apply(x, 4).sum())(x)
    assert_close(found, transform(lambda x: (x * x * x * x).sum())(x))


def test_a_derivative_inside_of_vmap_runs_the_vmap_that_a_function_brings() -> None:
    before = Power.batches
    vmap(grad_of(lambda x: Power.apply(x, 4).sum()))(minigrad.ones(2, 2))
    assert Power.batches == before + 1
