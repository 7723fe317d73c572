"""The case table against PyTorch: value, gradient and second gradient; then random shapes, types and indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.core import Tensor

from ..cases import CASES, Case, several
from ..checks import host

torch = pytest.importorskip("torch")
PAIRED = [case for case in CASES if case.torch is not None]


def in_torch(inputs: list) -> list:
    return [torch.tensor(host(x), requires_grad=x.requires_grad) if isinstance(x, Tensor) else x for x in inputs]


def close(ours: Any, theirs: Any, tol: float) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(host(ours), theirs.detach().numpy(), rtol=tol, atol=tol)


@pytest.mark.parametrize("case", PAIRED, ids=lambda c: c.name)
def test_value_and_both_gradients(case: Case) -> None:
    ours = case.tensors()
    theirs = in_torch(ours)
    ys, zs = several(case(*ours)), [*several(case.torch(torch, *theirs, **as_torch_options(case.options)))]
    assert len(ys) == len(zs)
    for y, z in zip(ys, zs, strict=True):
        close(y, z, max(case.tol, 1e-10))
        assert y.requires_grad == z.requires_grad
    bits = np.random.default_rng(1)
    seeds = [bits.standard_normal(tuple(y.shape)) for y in ys if y.requires_grad]
    if not seeds:
        return
    wanted = [(x, t) for x, t in zip(ours, theirs, strict=True) if isinstance(x, Tensor) and x.requires_grad]
    xs, ts = zip(*wanted, strict=True)
    first = minigrad.autograd.grad([y for y in ys if y.requires_grad], xs, [minigrad.tensor(s) for s in seeds], create_graph=True)
    second = torch.autograd.grad([z for z in zs if z.requires_grad], ts, [torch.tensor(s) for s in seeds], create_graph=True)
    for g, h in zip(first, second, strict=True):
        close(g, h, 1e-10)
    weights = [bits.standard_normal(tuple(g.shape)) for g in first]
    ours_total = sum((g * minigrad.tensor(w)).sum() for g, w in zip(first, weights, strict=True))
    theirs_total = sum((h * torch.tensor(w)).sum() for h, w in zip(second, weights, strict=True))
    if not theirs_total.requires_grad:
        return
    linear = not ours_total.requires_grad
    thirds = [None] * len(xs) if linear else minigrad.autograd.grad(ours_total, xs, allow_unused=True)
    for g, h in zip(thirds, torch.autograd.grad(theirs_total, ts, allow_unused=True), strict=True):
        one, other = (0.0 if g is None else host(g)), (0.0 if h is None else h.numpy(force=True))  # None stands for zeros
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def as_torch_options(options: dict) -> dict:
    """PyTorch wants a single dimension as an int where it takes but one."""
    return {k: v[0] if k == "dim" and isinstance(v, tuple) and len(v) == 1 else v for k, v in options.items()}
