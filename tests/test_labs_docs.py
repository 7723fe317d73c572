"""The labs' pages: their code runs, their links lead somewhere, every lab has its place with picture and verdict."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path
from unittest import mock

import pytest

from minigrad.labs import VERDICTS, check_report
from minigrad.labs.book import BLOCK, block, entered, main
from minigrad.labs.report import words

from .labs_support import LABS, report

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = [DOCS / "batchnorm.md", *sorted((DOCS / "tutorials").glob("*.md")), *sorted((DOCS / "labs").glob("*.md"))]
WITH_CODE = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
def test_the_code_of_a_page(page: Path, capsys: pytest.CaptureFixture) -> None:
    """The blocks run in order in one namespace; a comment after print(...) is what it prints."""
    space: dict = {"__name__": "page"}
    for code in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        capsys.readouterr()
        exec(compile(code, page.name, "exec"), space)
        printed = capsys.readouterr().out.splitlines()
        expected = [part for line in code.splitlines() if line.lstrip().startswith("print(") and "  # " in line
                    for part in line.split("  # ")[1].split(", then ")]  # fmt: skip
        assert [line for line in printed if line in expected] == expected, (expected, printed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("name", LABS)
def test_every_lab_has_its_block_and_picture(name: str) -> None:
    said = words(LABS[name])
    text = (DOCS / "labs" / f"{said.section.lower()}.md").read_text(encoding="utf-8")
    (mine,) = [match[0] for match in BLOCK.finditer(text) if match[1] == name]
    assert re.search(rf"\*\*Verdict: ({'|'.join(VERDICTS)})\.\*\*", mine)
    assert (DOCS / "labs" / "pictures" / f"{name}.png").stat().st_size > 5000
    assert said.claim in mine and said.changes in mine, "the page was filled before the lab's words changed"


def test_the_readme_s_lab_is_one(tmp_path: Path) -> None:
    text = (DOCS / "labs" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (code,) = [block for block in blocks if "def measure(" in block]
    path = tmp_path / "49_readme.py"
    path.write_text('"""Title\n\nClaim: c\n\nSource: s\n\nSet-up: u\n\nChanges: h\n"""\n' + code)
    with mock.patch.object(sys, "argv", [str(path), "--quick", "--seeds", "1", "--out", str(tmp_path)]):
        runpy.run_path(str(path), run_name="__main__")
    found = json.loads((tmp_path / "49_readme.json").read_text())
    check_report(found)
    assert len(found["tables"][0]["rows"]) == 4 and found["section"] == "D"


def test_blocks_are_renewed(tmp_path: Path) -> None:
    found = report("11_undo")
    page = "before\n<!-- lab 11_undo -->\nold\n<!-- end -->\nafter\n"
    assert entered(page, tmp_path, tmp_path) == (page, ["11_undo"])
    (tmp_path / "11_undo.json").write_text(json.dumps({**found, "picture": None}))
    quick, missing = entered(page, tmp_path, tmp_path)
    assert not missing and "\nold\n" not in quick and "`python -m minigrad lab 11_undo --quick`" in quick
    assert quick.startswith("before\n<!-- lab 11_undo -->\n**Claim.**") and quick.endswith("<!-- end -->\nafter\n")
    assert quick.count("\n| ") == 1 + len(found["findings"])
    full = block({**found, "settings": {**found["settings"], "quick": False}})
    assert "--quick" not in full and "pictures/11_undo.png" in full and len(BLOCK.findall(full)) == 1
    assert entered(full, tmp_path, tmp_path) == (full, ["11_undo"]), "a quick run replaces no full one"


def test_the_book_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "a.md").write_text("<!-- lab 11_undo -->\n<!-- end -->\n")
    main(str(tmp_path), str(tmp_path / "none"))
    assert "as it was; no new report for 11_undo" in capsys.readouterr().out
