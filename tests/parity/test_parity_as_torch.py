"""The committed losses of the scripts are PyTorch's own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from ..as_torch.run import EXPECTED, SCRIPTS, under_minigrad, under_torch

pytest.importorskip("torch")


TOGETHER = 7  # scripts in one process


@cache
def of_group(k: int) -> dict[str, list[float]]:
    return under_torch(SCRIPTS[k * TOGETHER : (k + 1) * TOGETHER])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_prints_the_same_losses_under_both(script: Path) -> None:
    theirs = of_group(SCRIPTS.index(script) // TOGETHER)[script.stem]
    assert theirs == pytest.approx(json.loads(EXPECTED.read_text())[script.stem], rel=1e-4, abs=1e-6)
    assert under_minigrad(script) == pytest.approx(theirs, rel=1e-4, abs=1e-6)
