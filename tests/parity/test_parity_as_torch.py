"""The committed losses of the scripts are PyTorch's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..as_torch.run import EXPECTED, SCRIPTS, under_minigrad, under_torch

pytest.importorskip("torch")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_prints_the_same_losses_under_both(script: Path) -> None:
    theirs = under_torch([script])[script.stem]
    assert theirs == pytest.approx(json.loads(EXPECTED.read_text())[script.stem], rel=1e-4, abs=1e-6)
    assert under_minigrad(script) == pytest.approx(theirs, rel=1e-4, abs=1e-6)
