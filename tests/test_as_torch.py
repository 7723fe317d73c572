"""Scripts written for PyTorch, run on minigrad: the same losses; and clear answers about what is missing."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad import as_torch

from .as_torch.run import EXPECTED, SCRIPTS, under_minigrad

LOSSES = json.loads(EXPECTED.read_text())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_gives_the_losses_it_gives_under_pytorch(script: Path) -> None:
    assert under_minigrad(script) == pytest.approx(LOSSES[script.stem], rel=1e-4, abs=1e-6)


def test_the_redirection_ends() -> None:
    before = sys.modules.get("torch")
    with as_torch.redirected():
        import torch  # noqa: PLC0415

        assert torch is minigrad
    assert sys.modules.get("torch") is before


def test_a_missing_name_is_told_with_the_nearest_and_the_line() -> None:
    with pytest.raises(AttributeError, match=r"no 'Lineer' \(.*test_as_torch.py, line \d+.*Nearest: minigrad.nn.Linear"):
        minigrad.nn.Lineer  # noqa: B018
    with pytest.raises(AttributeError, match=r"Tensor has no 'flaten'.*Nearest: Tensor.flatten"):
        minigrad.ones(2).flaten()
    assert not hasattr(minigrad, "fft")


def test_the_report_lists_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    script = tmp_path / "script.py"
    script.write_text("import torch\nfrom torch import nn\nx = torch.fft.fft(torch.ones(2))\nnn.Linear(2, 3, biass=True)\n")
    assert as_torch.main(["--report", str(script)]) == 1
    told = capsys.readouterr().out
    assert "torch.fft.fft" in told and "(line 3)" in told
    assert "torch.nn.Linear(..., biass=...)  (line 4)" in told
    script.write_text("import torch\ntorch.nn.Linear(2, 3, bias=False)\n")
    assert as_torch.main(["--report", str(script)]) == 0


def test_old_constructors() -> None:
    x = minigrad.FloatTensor([[1, 2], [3, 4]])
    assert isinstance(x, minigrad.FloatTensor) and isinstance(x, minigrad.Tensor)
    assert not isinstance(x, minigrad.LongTensor) and type(x) == minigrad.Tensor  # noqa: E721
    assert x.type(minigrad.LongTensor).dtype is minigrad.int64
    assert tuple(minigrad.LongTensor(2, 3).shape) == (2, 3) and minigrad.Tensor([2, 3]).tolist() == [2.0, 3.0]
    assert issubclass(minigrad.nn.Parameter, minigrad.Tensor)
    with pytest.raises(TypeError, match="FloatTensor: expected sizes"):
        minigrad.FloatTensor("ab")


def test_losses_broadcast_with_a_warning_only_as_torch() -> None:
    x, y = minigrad.ones(3, 1), minigrad.zeros(3)
    with pytest.raises(RuntimeError, match="one shape"):
        minigrad.nn.functional.mse_loss(x, y)
    with as_torch.redirected(), pytest.warns(UserWarning, match="broadcast"):
        assert minigrad.nn.functional.mse_loss(x, y).item() == 1


def test_state_goes_through_open_files() -> None:
    file = io.BytesIO()
    minigrad.save({"epoch": 3, "w": minigrad.arange(3.0)}, file)
    file.seek(0)
    back = minigrad.load(file, weights_only=True)
    assert back["epoch"] == 3 and back["w"].tolist() == [0, 1, 2]


def test_assert_close_says_where_values_differ() -> None:
    a = minigrad.tensor([1.0, 2.0])
    minigrad.testing.assert_close(a, a + 1e-7)
    with pytest.raises(AssertionError, match="1 of 2 values differ, most at"):
        minigrad.testing.assert_close(a, minigrad.tensor([1.0, 2.1]))
