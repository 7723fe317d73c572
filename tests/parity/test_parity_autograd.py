"""minigrad.func, autograd.functional, forward mode, Function and checkpoint beside PyTorch's, on the same functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd import functional
from minigrad.autograd.tree import tensors

from ..checks import host

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

RNG = np.random.default_rng(0)
X, W, V = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal((4, 3))
IMAGES, KERNELS = RNG.standard_normal((5, 2, 6, 6)), RNG.standard_normal((5, 4, 2, 3, 3))


def net(m: Any, x: Any, w: Any) -> Any:
    """(…, 3), (3, 2) -> (…): products, softmax, reductions, indexing and broadcasting."""
    h = (x @ w).tanh()
    p = m.softmax(h * x[..., :2], -1)
    return (p.log() * h).sum(-1) + m.logsumexp(x, -1) * w[0, 1]


def scalar(m: Any, x: Any, w: Any) -> Any:
    return net(m, x, w).square().mean()


def both(build: Callable) -> tuple[Any, Any]:
    """What `build(module, func, tensor)` gives in minigrad and in PyTorch."""
    return build(minigrad, minigrad.func, minigrad.tensor), build(torch, torch.func, torch.tensor)


def equal(ours: Any, theirs: Any, tol: float = 1e-11) -> None:
    mine, other = tensors(ours), torch.utils._pytree.tree_leaves(theirs)
    assert len(mine) == len(other)
    for a, b in zip(mine, other, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(host(a), b.detach().numpy(), rtol=tol, atol=tol)


TRANSFORMS: dict[str, Callable] = {
    "grad": lambda f, s, x, w: f.grad(s, (0, 1))(x, w),
    "grad_and_value": lambda f, s, x, w: f.grad_and_value(s)(x, w),
    "jacrev": lambda f, s, x, w: f.jacrev(s, (0, 1))(x, w),
    "jacfwd": lambda f, s, x, w: f.jacfwd(s, (0, 1))(x, w),
    "hessian": lambda f, s, x, w: f.hessian(s, (0, 1))(x, w),
    "jacrev of jacfwd": lambda f, s, x, w: f.jacrev(f.jacfwd(s))(x, w),
    "jacrev of jacrev": lambda f, s, x, w: f.jacrev(f.jacrev(s), 1)(x, w),
    "jacfwd of jacfwd": lambda f, s, x, w: f.jacfwd(f.jacfwd(s, 1))(x, w),
    "jvp of grad": lambda f, s, x, w: f.jvp(lambda x: f.grad(s)(x, w), (x,), (x * 2,)),
    "grad of jvp": lambda f, s, x, w: f.grad(lambda x: f.jvp(lambda x: s(x, w), (x,), (x * 2,))[1])(x),
    "vmap of grad": lambda f, s, x, w: f.vmap(f.grad(s, (0, 1)), (0, None))(x, w),
    "grad of vmap": lambda f, s, x, w: f.grad(lambda x, w: f.vmap(s, (0, None))(x, w).sin().sum(), (0, 1))(x, w),
    "grad of vmap of grad": lambda f, s, x, w: f.grad(lambda w: f.vmap(f.grad(s), (0, None))(x, w).sin().sum())(w),
    "vmap of hessian": lambda f, s, x, w: f.vmap(f.hessian(s), (0, None))(x, w),
    "vmap of jvp": lambda f, s, x, w: f.vmap(lambda x: f.jvp(lambda x: s(x, w), (x,), (x,))[1])(x),
    "jvp of vmap": lambda f, s, x, w: f.jvp(lambda x: f.vmap(s, (0, None))(x, w), (x,), (x * x,)),
    "vjp": lambda f, s, x, w: f.vjp(s, x, w)[1](s(x, w) * 3),
    "vmap of vmap": lambda f, s, x, w: f.vmap(f.vmap(lambda x, c: s(x * c, w), (None, 0)), (0, None))(x, w[:, 0]),
    "vmap over columns": lambda f, s, x, w: f.vmap(lambda c: s(x, w + c.reshape(-1, 1)), 0, 0)(x),
    "vmap in chunks": lambda f, s, x, w: f.vmap(f.grad(s), (0, None), chunk_size=3)(x, w),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMS)
def test_func(name: str) -> None:
    equal(*both(lambda m, f, tensor: TRANSFORMS[name](f, lambda x, w: scalar(m, x, w), tensor(X), tensor(W))))


@pytest.mark.parametrize("name", ["jacrev", "jacfwd"])
def test_jacobians_of_a_map(name: str) -> None:
    equal(
        *both(lambda m, f, tensor: getattr(f, name)(lambda x, w: (net(m, x, w), {"s": x.sum(0)}), (0, 1))(tensor(X), tensor(W)))
    )


ROWS: dict[str, Callable] = {
    "conv": lambda m, x, k: m.nn.functional.conv2d(x[None], k, stride=2, padding=1),
    "depthwise conv": lambda m, x, k: m.nn.functional.conv2d(x[None], k[:, :1], groups=2),
    "transposed conv": lambda m, x, k: m.nn.functional.conv_transpose2d(x[None], k.transpose(0, 1), stride=2),
    "max_pool": lambda m, x, k: m.nn.functional.max_pool2d(x[None], 2),
    "avg_pool": lambda m, x, k: m.nn.functional.avg_pool2d(x[None], 3, 2, 1),
    "layer_norm": lambda m, x, k: m.nn.functional.layer_norm(x, (6, 6), k[0, 0, 0, 0] * x[0], x[1]),
    "einsum": lambda m, x, k: m.einsum("chw,fckl->fhl", x, k),
    "index": lambda m, x, k: x[:, [2, 0, 2]][..., 1:4] * x[0, 0, 0],
    "gather": lambda m, x, k: x.gather(2, x.argsort(2)[:, :, :2]),
    "cat": lambda m, x, k: m.cat([x, x.flip(1), k.reshape(2, 6, 6)], 1),
    "cumsum": lambda m, x, k: x.cumsum(1).roll(1, 2).amax(0),
    "sort": lambda m, x, k: x.sort(1)[0] * k.sum(),
    "where": lambda m, x, k: m.where(x > 0, x.exp(), k.mean()),
    "solve": lambda m, x, k: m.linalg.solve(x[0] + 9 * m.eye(6, dtype=x.dtype), x[1]),
    "matmul": lambda m, x, k: x @ k[0, 0, 0].new_ones(6) if hasattr(x, "new_ones") else x @ m.ones(6, dtype=x.dtype),
    "std": lambda m, x, k: x.std(1) + k.var((1, 2, 3), correction=0).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_vmap_and_its_gradients(name: str) -> None:
    def run(m: Any, f: Any, tensor: Any) -> tuple:
        def one(x: Any, k: Any) -> Any:
            return ROWS[name](m, x, k)

        def total(x: Any, k: Any) -> Any:
            return (one(x, k) ** 2).sum()

        x, k = tensor(IMAGES), tensor(KERNELS)
        return (f.vmap(one)(x, k), f.vmap(one, (0, None))(x, k[0]), f.vmap(f.grad(total, (0, 1)), (0, None))(x, k[0]),
                f.grad(lambda x, k: f.vmap(total)(x, k).sum(), (0, 1))(x, k))  # fmt: skip

    equal(*both(run), tol=1e-9)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("vectorize", [False, True])
def test_functional(create_graph: bool, vectorize: bool) -> None:
    ours, theirs = (minigrad.tensor(X), minigrad.tensor(W)), (torch.tensor(X), torch.tensor(W))
    v, tv = (minigrad.tensor(V), minigrad.tensor(W * 2)), (torch.tensor(V), torch.tensor(W * 2))
    other = torch.autograd.functional

    def f(m: Any) -> Callable:
        return lambda x, w: scalar(m, x, w)

    def g(m: Any) -> Callable:
        return lambda x, w: (net(m, x, w), w.exp())

    more = {"create_graph": create_graph}
    equal(
        functional.jacobian(g(minigrad), ours, vectorize=vectorize, **more),
        other.jacobian(g(torch), theirs, vectorize=vectorize, **more),
    )
    equal(
        functional.hessian(f(minigrad), ours, vectorize=vectorize, **more),
        other.hessian(f(torch), theirs, vectorize=vectorize, **more),
    )
    equal(functional.jvp(g(minigrad), ours, v, **more), other.jvp(g(torch), theirs, tv, **more))
    equal(functional.hvp(f(minigrad), ours, v, **more), other.hvp(f(torch), theirs, tv, **more))
    equal(functional.vhp(f(minigrad), ours, v, **more), other.vhp(f(torch), theirs, tv, **more))
    u, tu = (minigrad.tensor(V[:, 0]), minigrad.tensor(W)), (torch.tensor(V[:, 0]), torch.tensor(W))
    equal(functional.vjp(g(minigrad), ours, u, **more), other.vjp(g(torch), theirs, tu, **more))


def test_forward_mode_columns() -> None:
    def run(m: Any, f: Any, tensor: Any) -> Any:
        w = tensor(W)
        jacobian = m.autograd.functional.jacobian
        return jacobian(lambda x: net(m, x, w), tensor(X), vectorize=True, strategy="forward-mode")

    equal(*both(run))


def test_functional_call_and_ensembles() -> None:
    def run(m: Any, f: Any, tensor: Any) -> tuple:
        models = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            model = m.nn.Sequential(m.nn.Linear(3, 4), m.nn.Tanh(), m.nn.Linear(4, 1)).double()
            with m.no_grad():
                for p in model.parameters():
                    p.copy_(tensor(rng.standard_normal(tuple(p.shape))))
            models.append(model)
        parameters, buffers = f.stack_module_state(models)

        def loss(p: Any, b: Any, x: Any) -> Any:
            return (f.functional_call(models[0], (p, b), (x,)) ** 2).mean()

        return f.vmap(f.grad(loss), (0, 0, None))({k: p.detach() for k, p in parameters.items()}, buffers, tensor(X))

    equal(*both(run))


def test_the_same_function_class() -> None:
    """One source of a Function, run on both."""

    def run(m: Any, f: Any, tensor: Any) -> tuple:
        class Norm(m.autograd.Function):
            @staticmethod
            def forward(ctx, x, w, scale):
                size = (x * x).sum(-1, keepdim=True).sqrt()
                ctx.save_for_backward(x, w, size)
                ctx.scale = scale
                ctx.mark_non_differentiable(big := size > 1)
                return scale * x / size * w, size, big

            @staticmethod
            def backward(ctx, g, gs, _):
                x, w, size = ctx.saved_tensors
                gx = None
                u = x / size
                if ctx.needs_input_grad[0]:
                    gw = ctx.scale * g * w
                    gx = (gw - u * (gw * u).sum(-1, keepdim=True)) / size + gs * u
                return gx, (ctx.scale * g * u).sum(0), None

        x, w = tensor(X).requires_grad_(), tensor(W[:, 0]).requires_grad_()
        y, size, big = Norm.apply(x, w, 2.0)
        assert not big.requires_grad
        first = m.autograd.grad((y * y * y).sum() + size.sin().sum(), (x, w), create_graph=True)
        second = m.autograd.grad(sum((a * a).sum() for a in first), (x, w))
        return y, size, *first, *second

    equal(*both(run))


def test_checkpoint() -> None:
    from torch.utils.checkpoint import checkpoint as other  # noqa: PLC0415

    from minigrad.autograd.checkpoint import checkpoint  # noqa: PLC0415

    results = []
    for m, run in ((minigrad, checkpoint), (torch, other)):
        x, w = m.tensor(X).requires_grad_(), m.tensor(W).requires_grad_()
        run(lambda x, m=m, w=w: net(m, x, w), x, use_reentrant=False).sin().sum().backward()
        results.append((x.grad, w.grad))
    equal(*results)
