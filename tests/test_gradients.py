"""Every case's first and second derivative against finite differences."""

from __future__ import annotations

import pytest

import minigrad
from minigrad.autograd import GradcheckError, gradcheck, gradgradcheck
from minigrad.core import op
from minigrad.ops.elementwise import cos

from .cases import CASES, Case

SLOPED = [case for case in CASES if case.has_slope]


@pytest.mark.parametrize("case", SLOPED, ids=lambda c: c.name)
def test_gradcheck(case: Case) -> None:
    assert gradcheck(case, case.tensors(), atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("case", SLOPED, ids=lambda c: c.name)
def test_gradgradcheck(case: Case) -> None:
    assert gradgradcheck(case, case.tensors(), atol=1e-6, rtol=1e-6)


def test_gradcheck_reports_the_worst_entry() -> None:
    x = minigrad.tensor([0.5, 2.0], requires_grad=True)  # float32: gradcheck works on a float64 copy
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong_sin, x)
    message = str(caught.value)
    entry = "output 0 by input 0, worst at output entry (0,) by input entry (0,)"
    for part in (entry, "analytic -0.877582562", "numeric 0.877582562", "2 of 4 entries differ"):
        assert part in message
    assert gradcheck(wrong_sin, x, raise_exception=False) is False
    assert x.grad is None


def test_gradgradcheck_finds_a_wrong_second_derivative() -> None:
    x = minigrad.tensor([0.5, 2.0], requires_grad=True)
    assert gradcheck(frozen_sin, x)
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(frozen_sin, x)


def test_gradcheck_wants_an_input_that_requires_grad() -> None:
    for check in (gradcheck, gradgradcheck):
        with pytest.raises(ValueError, match=f"{check.__name__}: at least one input"):
            check(minigrad.sin, minigrad.zeros(2))


def test_gradcheck_sees_a_constant_output_that_is_none() -> None:
    """An output cut from its graph has the analytic slope 0, and finite differences say otherwise."""
    with pytest.raises(GradcheckError, match="analytic 0"):
        gradcheck(lambda x: x.detach() * 2, minigrad.ones(2, requires_grad=True))


def test_gradgradcheck_takes_grad_outputs() -> None:
    x = minigrad.tensor([0.5, 2.0], requires_grad=True)
    assert gradgradcheck(minigrad.sin, x, minigrad.tensor([1.0, -2.0]))


@op("elementwise", name="test_wrong_sin")
def wrong_sin(b, x):
    """sin with a wrong sign in its rule"""
    return b.xp.sin(x)


@op("elementwise", name="test_frozen_sin")
def frozen_sin(b, x):
    """sin with a rule that cannot be differentiated again"""
    return b.xp.sin(x)


wrong_sin.vjp(x=lambda g, x: -g * cos(x))
frozen_sin.vjp(x=lambda g, x: g * cos(x.detach() if hasattr(x, "detach") else x))
