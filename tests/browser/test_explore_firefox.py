"""The explorer's page in Firefox: it draws, opens, steps to the end, and shows the numbers of `.grad`."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from minigrad import viz

from . import programs
from .firefox import FIREFOX, Firefox

CLICK = "document.querySelector('.node.composite').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
RIGHT = "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))"
TITLES = "[...document.querySelectorAll('#nodes .title')].map(title => title.textContent)"
FIND = "const box = document.getElementById('search'); box.focus(); box.value = 'x'; box.dispatchEvent(new Event('input'))"
TAKE = "document.getElementById('search').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))"
CELLS = "[...document.querySelectorAll('#panel .heat')].at(-1).querySelectorAll('.cell title')"


@pytest.mark.skipif(not FIREFOX, reason="no Firefox on the path")
def test_firefox(tmp_path: Path) -> None:
    program, _, x = programs.norm()
    path = viz.explore(program, tmp_path / "norm.html")
    with Firefox() as firefox:
        firefox.do("WebDriver:Navigate", url=path.as_uri())
        end = time.monotonic() + 60
        while not firefox.run("return document.body.dataset.ready") and time.monotonic() < end:
            time.sleep(0.1)
        before = firefox.run(f"return {TITLES}")
        assert {"x", "batch norm", "weight", "bias"} <= set(before)
        firefox.run(CLICK)
        assert {"mean", "centre", "variance", "divide"} <= set(firefox.run(f"return {TITLES}"))
        steps = int(firefox.run("return document.getElementById('time').max"))
        for _ in range(steps):
            firefox.run(RIGHT)
        assert int(firefox.run("return document.getElementById('time').value")) == steps
        assert "whole" in firefox.run("return document.querySelector('.step').textContent")
        firefox.run(FIND)
        firefox.run(TAKE)
        cells = firefox.run(f"return [...{CELLS}].map(title => title.textContent)")
        shown = [float(cell.split("] ")[1].split(",")[0].replace("−", "-")) for cell in cells]
        np.testing.assert_allclose(shown, x.grad.numpy().reshape(-1), rtol=1e-6)
