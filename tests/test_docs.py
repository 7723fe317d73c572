"""What the documentation shows runs as it stands, and every benchmark takes its steps."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

import minigrad
import minigrad.nn
import minigrad.optim
from benchmarks.workloads import WORKLOADS, Workload

ROOT = Path(__file__).resolve().parent.parent
README, LAYERS = (
    re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    for page in ("README.md", "docs/layers.md")
)


@pytest.mark.parametrize("code", [*README, *LAYERS])
def test_what_is_shown_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "page", "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out
    for line in code.splitlines():  # a comment after print(...) is what it prints
        if line.startswith("print(") and "  # " in line:
            assert line.split("  # ")[1] in printed
    for name in re.findall(r'"([\w.]+\.svg)"', code):
        assert (tmp_path / name).read_text().rstrip().endswith("</svg>")


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / "README.md").read_text()))
def test_links(link: str) -> None:
    assert (ROOT / link).exists(), link


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_workload(workload: Workload) -> None:
    step = workload.build(minigrad)
    first, second = step(), step()
    assert math.isfinite(first)
    assert not workload.trains or second < first  # a training step on the same batch lowers the loss
