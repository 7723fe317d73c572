"""Every case's value against an independent answer: NumPy, or loops in `references.py`."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad

from .cases import CASES, Case, several
from .checks import assert_same


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_value(case: Case) -> None:
    outputs, answers = several(case(*case.tensors())), case.answer(case.arrays())
    assert len(outputs) == len(answers)
    for got, want in zip(outputs, answers, strict=True):
        assert_same(got, want, case.tol)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_inputs_are_left_alone(case: Case) -> None:
    inputs = case.tensors()
    case(*inputs)
    for x, before in zip(inputs, case.arrays(), strict=True):
        if isinstance(before, np.ndarray) and not case.name.startswith("batch_norm"):  # running statistics do move
            np.testing.assert_array_equal(x.detach().numpy(), before)


def test_f_strings_format_the_number_of_a_tensor_without_dimensions() -> None:
    loss = minigrad.tensor(0.5, requires_grad=True) * 2
    assert f"{loss} {loss:.2f} {minigrad.tensor(3)}" == "1.0 1.00 3" and str(loss) == "tensor(1., grad_fn=<mul>)"
    assert f"{minigrad.tensor([0.25, 2])}" == "tensor([0.2500, 2.0000])"
