"""A rule's parameters say what it needs, and exactly that is what a call saves."""

from __future__ import annotations

from inspect import signature
from itertools import combinations

import numpy as np
import pytest

import minigrad
from minigrad.core import OPS, Op, Tensor

from .cases import CASES, Case

RULED = [case for case in CASES if isinstance(case.what, Op) and case.what.rules and case.has_slope]


@pytest.mark.parametrize("case", RULED, ids=lambda c: c.name)
def test_saves_what_the_rules_name(case: Case) -> None:
    op = case.what
    positions = case.differentiable(case.arrays())
    for wanted in (c for n in range(1, len(positions) + 1) for c in combinations(positions, n)):
        inputs = [
            minigrad.tensor(a, requires_grad=k in wanted) if isinstance(a, np.ndarray) else a
            for k, a in enumerate(case.arrays())
        ]
        y = op(*inputs, **case.options)
        named = {op.inputs[min(k, len(op.inputs) - 1)] for k in wanted} & set(op.rules)
        needs = {need for name in named for need in signature(op.rules[name]).parameters}
        expected = []
        for k, x in enumerate(inputs):
            if op.inputs[min(k, len(op.inputs) - 1)] in needs:
                expected.append(x.array if isinstance(x, Tensor) else x)
        if "y" in needs:
            expected.append(y.array)
        kept = kept_arrays(y.node.saved) if named else []
        at_once = set(signature(op.fused).parameters) if op.fused and named else set()  # all rules in one function
        extras = len((needs | at_once) & set(op.saves))
        assert len(kept) == len([v for v in expected if isinstance(v, np.ndarray)]) + extras, (wanted, needs)
        known = {id(v) for v in expected}
        assert sum(id(v) in known for v in kept) == len(kept) - extras


def kept_arrays(saved: tuple) -> list[np.ndarray]:
    """The arrays among a node's saved values, those of a list of inputs included."""
    flat = [v for value in saved for v in (value if isinstance(value, tuple) else (value,))]
    return [v for v in flat if isinstance(v, np.ndarray)]


def test_nothing_is_kept_where_nothing_is_needed() -> None:
    x = minigrad.randn(1000, requires_grad=True)
    for y in (x + 1, x.sum(), x.reshape(10, 100), -x, minigrad.cat([x, x])):
        assert kept_arrays(y.node.saved) == [], y


def test_no_node_without_a_gradient() -> None:
    x = minigrad.randn(3)
    assert minigrad.tanh(x).node is None
    with minigrad.no_grad():
        assert minigrad.tanh(x.requires_grad_()).node is None


def test_a_rule_that_names_an_unknown_is_refused() -> None:
    with pytest.raises(AssertionError, match="test_unknown: the call has no {'z'}, which a rule asks for"):
        Op(lambda b, x: x, "test_unknown", "elementwise", (), False).vjp(x=lambda g, z: g)
    del OPS["test_unknown"]


@pytest.mark.parametrize("case", [c for c in CASES if isinstance(c.what, Op)], ids=lambda c: c.name)
def test_only_views_share_memory(case: Case) -> None:
    """Else a write into the result would reach an input behind the back of the version checks."""
    if case.what.kind in ("view", "update") or case.what.name in (
        "move",
        "sum_to",
        "detach",
    ):  # (the last three: on purpose)
        return
    inputs = case.tensors()
    y = case.what(*inputs, **case.options)
    assert not any(isinstance(x, Tensor) and np.shares_memory(y.array, x.array) for x in inputs)
