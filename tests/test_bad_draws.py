"""Bad input drawn for every op of the case table: an error that says who speaks, and inputs that are left alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad

from .bad_draws import ARRAYS, CALLED, outcome, spoiled, unclear


@given(st.integers(0, 1 << 40))
@settings(max_examples=1500, deadline=None)
def test_a_spoiled_call_works_or_is_refused_clearly(seed: int) -> None:
    case, arrays, options, what = spoiled(seed)
    state = minigrad.get_rng_state().tolist()
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in arrays]
    found = outcome(minigrad, case, arrays, options)
    if isinstance(found, Exception):
        assert not (wrong := unclear(found)), f"{case.name}, {what}: {wrong}: {type(found).__name__}: {found}"
        assert minigrad.get_rng_state().tolist() == state
    for a, b in zip(arrays, before, strict=True):
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)


def test_the_draws_reach_the_table() -> None:
    cases = {spoiled(seed)[0].name for seed in range(20000)}
    assert cases == {case.name for case in CALLED} and len(ARRAYS) > 15
