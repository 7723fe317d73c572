"""A composite op's kernel and its definition in primitives: equal in value, gradient and second gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd import grad
from minigrad.core import OPS, Op, Tensor, listening

from .cases import CASES, Case
from .checks import host

COMPOSITE = [case for case in CASES if isinstance(case.what, Op) and case.what.definition is not None]


def derivatives(case: Case, inputs: list) -> list[np.ndarray]:
    """The value, the gradients by all inputs that want one, and the gradients of a weighted sum of those."""
    wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    y = case(*inputs)
    if not wanted:  # an op of the backward pass, whose derivatives come from its definition
        return [host(y)]
    seed = minigrad.randn(*y.shape, dtype="float64").requires_grad_()
    first = grad(y, wanted, seed, create_graph=True)
    weighed = sum((g * minigrad.randn(*g.shape, dtype="float64")).sum() for g in first)
    second = grad(weighed, [*wanted, seed], materialize_grads=True, allow_unused=True)
    return [host(t) for t in (y, *first, *second)]


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda c: c.name)
def test_kernel_equals_definition(case: Case) -> None:
    closed = derivatives(case, case.tensors())
    minigrad.manual_seed(0)
    with minigrad.decompose():
        opened = derivatives(case, case.tensors())
    for one, other in zip(closed, opened, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", COMPOSITE, ids=lambda c: c.name)
def test_decompose_runs_the_definition(case: Case) -> None:
    closed, opened = Names(), Names()
    with listening(closed):
        case(*case.tensors())
    with minigrad.decompose(), listening(opened):
        case(*case.tensors())
    assert case.what.name in closed.names
    assert case.what.name not in opened.names and opened.names
    assert all(OPS[name].definition is None for name in opened.names)


def test_every_composite_op_is_here() -> None:
    """Those that are called by rules alone are in `test_vmap.py`, which their definitions are for."""
    composite = {name for name, op in OPS.items() if op.definition is not None}
    assert {case.what.name for case in COMPOSITE} == {name for name in composite if not name.endswith("_gradient")}


def test_running_statistics_move_alike() -> None:
    """The kernel and the definition of batch norm write the same running mean and variance."""
    x = minigrad.randn(5, 2, 3, dtype="float64")
    ends = []
    for switch in (minigrad.enable_grad, minigrad.decompose):
        mean, var = minigrad.zeros(2, dtype="float64"), minigrad.ones(2, dtype="float64")
        with switch():
            OPS["batch_norm"](x, None, None, mean, var, 0.1, eps=1e-5)
        ends.append((mean.numpy(), var.numpy()))
    host_x = np.moveaxis(x.numpy(), 1, 0).reshape(2, -1)
    for mean, var in ends:
        np.testing.assert_allclose(mean, 0.1 * host_x.mean(1), rtol=1e-12)
        np.testing.assert_allclose(var, 0.9 + 0.1 * host_x.var(1, ddof=1), rtol=1e-12)


class Names:
    """A listener that notes the names of the ops it hears."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def heard(self, op: Any, args: tuple, options: dict, output: Any, extras: Any) -> None:
        self.names.add(op.name)
