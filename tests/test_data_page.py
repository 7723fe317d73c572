"""The page about data runs from top to bottom, and prints what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs/data.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 6
    for code in blocks:
        exec(compile(code, str(PAGE), "exec"), names)
        printed = capsys.readouterr().out
        said = re.findall(r"print\(.*\) +# (.*)", code)
        assert len(said) == code.count("print(")
        for line in said:
            assert line in printed


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", PAGE.read_text()))
def test_links(link: str) -> None:
    assert (PAGE.parent / link).exists(), link
