"""The same arguments for this package and for PyTorch, and the comparison of what comes out and of its derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
TOL = {"float32": {"rtol": 5e-7, "atol": 1e-7}, "float64": {"rtol": 1e-9, "atol": 1e-10}}


def drawn(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def unit(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).uniform(0.02, 0.98, shape)


def whole(high, *shape, seed=0):
    return np.random.default_rng([seed, *shape]).integers(0, high, shape)


def tensors(arrays):
    """The same arguments for both: arrays become tensors, floating ones ask for gradients."""
    ours, theirs = [], []
    for a in arrays:
        if isinstance(a, np.ndarray):
            wants = a.dtype.kind == "f"
            ours.append(minigrad.tensor(a, requires_grad=wants))
            theirs.append(torch.tensor(a, requires_grad=wants))
        else:
            ours.append(a)
            theirs.append(a)
    return ours, theirs


def listed(y):
    return list(y) if isinstance(y, (tuple, list)) else [y]


def same(ours, theirs, what=""):
    """Equal numbers, shapes and kinds of type."""
    got, want = ours.detach().numpy(), theirs.detach().numpy(force=True)
    assert got.shape == want.shape, f"{what}: shape {got.shape}, PyTorch {want.shape}"
    assert got.dtype == want.dtype, f"{what}: {got.dtype}, PyTorch {want.dtype}"
    np.testing.assert_allclose(got, want, **TOL.get(got.dtype.name, {"rtol": 0}), err_msg=what)


def compare(ours, theirs, inputs, their_inputs, second=True):
    """Outputs, gradients of a fixed weighting of them, and gradients of the squared gradients."""
    weighting = 0
    their_weighting = 0
    for k, (y, t) in enumerate(zip(listed(ours), listed(theirs), strict=True)):
        same(y, t, f"output {k}")
        if y.dtype.kind == "float":
            w = drawn(*y.shape, seed=99).astype(y.dtype.name)
            weighting = weighting + (y * minigrad.tensor(w)).sum()
            their_weighting = their_weighting + (t * torch.tensor(w)).sum()
    wanted = [x for x in inputs if isinstance(x, minigrad.Tensor) and x.requires_grad]
    their_wanted = [x for x in their_inputs if isinstance(x, torch.Tensor) and x.requires_grad]
    g = minigrad.autograd.grad(weighting, wanted, create_graph=second, allow_unused=True)
    tg = torch.autograd.grad(their_weighting, their_wanted, create_graph=second, allow_unused=True)
    for k, (a, b) in enumerate(zip(g, tg, strict=True)):
        assert (a is None) == (b is None), f"gradient {k}: {a} against {b}"
        if a is not None:
            same(a, b, f"gradient {k}")
    if not second or not any(b is not None and b.requires_grad for b in tg):
        return
    total = sum((a * a).sum() for a in g if a is not None)
    their_total = sum((b * b).sum() for b in tg if b is not None)
    if total.requires_grad:
        gg = minigrad.autograd.grad(total, wanted, materialize_grads=True)
    else:  # a function that is linear everywhere has no second derivative, and PyTorch's must be 0
        gg = tuple(minigrad.zeros_like(x) for x in wanted)
    tgg = torch.autograd.grad(their_total, their_wanted, allow_unused=True, materialize_grads=True)
    for k, (a, b) in enumerate(zip(gg, tgg, strict=True)):
        same(a, b, f"second gradient {k}")
