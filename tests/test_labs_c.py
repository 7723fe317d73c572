"""Section C of the labs: gradients grow as mean-field theory says."""

from __future__ import annotations

import math

import pytest

from minigrad.diagnose.measure import batch_norm_growth

from .labs_support import held, report


def test_growth_per_layer_is_that_of_the_theory() -> None:
    found = report("31_growth")
    for cell in found["measurements"]["cells"]:
        assert cell["factor"] == pytest.approx(batch_norm_growth(cell["batch"], cell["act"]), rel=0.15)
    assert held(found, "keeps the gradient's size", "ReLU, B = 128") == [False]
    assert held(found, "He's first weights keep it") == [True]


def test_knobs() -> None:
    found = report("32_knobs")
    for cell in found["measurements"]["knobs"]["eps"]:
        critical = (1 - 1 / math.pi) / 2
        line = math.pi / (math.pi - 1) if cell["eps"] < critical else 1 / (2 * cell["eps"])
        assert cell["value"] == pytest.approx(line, rel=0.15)
    assert held(found, "small γ brings tanh") == held(found, "large β brings ReLU") == [True]
    assert held(found, "singular values") == [False, False]


def test_residuals() -> None:
    found = report("33_residuals")
    assert held(found, "without skips batch norm nets explode") == [True]
    assert held(found, "a skip tames the explosion", "with batch norm") == [True]
    assert held(found, "a skip tames the explosion", "He, without batch norm") == [False]


def test_trainable_depth() -> None:
    found = report("34_trainable_depth")
    assert held(found, "the deepest net learns", "with skips") == [True]
    assert held(found, "the deepest net learns", "without skips") == [False]


def test_the_first_step() -> None:
    found = report("35_first_step")
    assert held(found, "gradients grow going down as theory says") == [True]
    assert held(found, "one step of SGD", "rate 0.001") == [False]
    assert held(found, "one step of SGD", "rate 1") == [True]
