"""Labs, run quickly and once for all tests that look at what they found."""

from __future__ import annotations

import json
import runpy
import sys
import tempfile
from functools import cache
from pathlib import Path
from unittest import mock

from minigrad.core import Mode, mode
from minigrad.labs import check_report

LABS = {path.stem: path for path in sorted((Path(__file__).parent.parent / "examples" / "labs").glob("[1-7][0-9]_*.py"))}


@cache
def report(name: str, *options: str) -> dict:
    """The report of a lab's --quick run in this process, once the schema has been checked; further options as on the line."""
    with tempfile.TemporaryDirectory() as out, mode(**Mode()._asdict()):
        with mock.patch.object(sys, "argv", [str(LABS[name]), "--quick", "--out", out, *options]):
            runpy.run_path(str(LABS[name]), run_name="__main__")
        found = json.loads((Path(out) / f"{name}.json").read_text(encoding="utf-8"))
        check_report(found)
        assert {path.name for path in Path(out).iterdir()} == {f"{name}.json"} | {found["picture"]} - {None}
    return found


def held(found: dict, statement: str, under: str | None = None) -> list[bool]:
    """Whether findings hold whose statement contains a text, and whose condition is `under` if that is given."""
    outcomes = [f["holds"] for f in found["findings"] if statement in f["statement"] and under in (None, f["under"])]
    assert outcomes, f"no finding says {statement!r}"
    return outcomes
