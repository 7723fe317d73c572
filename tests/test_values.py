"""Every case's value against an independent answer: NumPy, or loops in `references.py`."""

from __future__ import annotations

import numpy as np
import pytest

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
