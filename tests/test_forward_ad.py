"""Forward mode: every case's tangent, nesting, writing in place, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad.autograd import forward_ad as fw
from minigrad.autograd import grad
from minigrad.core import Tensor

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
