"""Section B of the labs: conditions, Hessians and slices, as far as they are robust."""

from __future__ import annotations

import pytest

from .labs_support import held, report


def test_the_table_of_four_people() -> None:
    found = report("21_table")
    ways = found["measurements"]["ways"]
    r = found["measurements"]["correlation"]
    assert ways["z-scored"]["condition"] == pytest.approx((1 + r) / (1 - r), rel=1e-6)
    assert ways["raw"]["condition"] > 1e5 * ways["z-scored"]["condition"] > 1e7
    assert ways["centred"]["condition"] > ways["raw"]["condition"], "centring alone made it worse"
    assert ways["whitened"]["steps"] == 1
    assert held(found, "turns the ellipse into a circle") == [False, True]
    assert held(found, "steps up to 2/λ₁ are stable") == [True]


def test_real_tables() -> None:
    found = report("22_real_tables")
    for conditions in found["measurements"]["conditions"].values():
        assert conditions["raw"] > 1e5 * conditions["z-scored"]
    assert held(found, "a plain net on raw columns", "wine") == [True]
    assert held(found, "raw columns train as well", "wine, in the hidden layers only") == [False]
    assert held(found, "raw columns train as well", "wine, also before the first layer") == [True]


def test_hessians() -> None:
    found = report("23_hessian")
    assert all(held(found, "hidden second moments rounder"))
    for cell in found["measurements"]["cells"]:
        for when in ("start", "trained"):
            spectrum = cell[when]["spectrum"]
            assert spectrum == sorted(spectrum, reverse=True) and spectrum[-1] < 0 < spectrum[0]


def test_slices() -> None:
    found = report("24_loss_slices")
    assert held(found, "times 10 leave the loss as it is") == [True]
    assert held(found, "the same for the same function", "directions of fixed length") == [False]
    assert held(found, "the same for the same function", "directions normalized by filter") == [True]
    assert held(found, "has the flatter slice", "he first weights") == [True]
