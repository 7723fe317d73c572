"""`python -m minigrad.labs.book [docs/labs] [runs/labs]` enters what the labs found into the documentation's pages.

A page has, between what is written by hand, blocks that begin with the line `<!-- lab NN_name -->` and end with `<!-- end -->`.
What stands between these two is replaced by the lab's claim, verdict, findings and picture, from its report; the report of a
quick run says so, and replaces nothing that came from a full one.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from ..command import command
from .page import read
from .report import short

BLOCK = re.compile(r"<!-- lab (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def cell(text: str) -> str:
    """Text that stays within a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("*", "\\*")


def block(report: dict[str, Any]) -> str:
    """A lab's block, of its report."""
    name, seeds, quick = report["name"], report["settings"]["seeds"], report["settings"]["quick"]
    held = sum(f["holds"] for f in report["findings"])
    lines = [
        f"<!-- lab {name} -->", f"**Claim.** {report['claim']} ({report['source'].rstrip('.')}.)", "",
        f"**Verdict: {report['verdict']}.** {held} of {len(report['findings'])} findings hold; "
        f"{len(seeds)} seed{'s' * (len(seeds) > 1)}, `python -m minigrad lab {name}{' --quick' * quick}`.", "",
        "| | finding | numbers |", "|---|---|---|",
    ]  # fmt: skip
    for f in report["findings"]:
        numbers = ", ".join(f"{key.replace('_', ' ')} {short(x)}" for key, x in f["numbers"].items())
        under = f" — {f['under']}" if f["under"] else ""
        lines.append(f"| {'yes' if f['holds'] else '**no**'} | {cell(f['statement'] + under)} | {cell(numbers)} |")
    if report["picture"]:
        lines += ["", f"![{report['title']}](pictures/{report['picture']})"]
    return "\n".join([*lines, "", f"Would change it: {report['changes']}", "<!-- end -->"])


def entered(text: str, reports: Path, pictures: Path) -> tuple[str, list[str]]:
    """A page with its blocks renewed, and the names of the labs that stay as they were; pictures are copied."""
    missing = []

    def renewed(match: re.Match) -> str:
        report = read(reports, match[1])
        full = "Verdict:" in match[0] and "--quick`" not in match[0]
        if report is None or (full and report["settings"]["quick"]):
            missing.append(match[1])
            return match[0]
        if report["picture"]:
            pictures.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(reports / report["picture"], pictures / report["picture"])
        return block(report)

    return BLOCK.sub(renewed, text), missing


def main(docs: str = "docs/labs", reports: str = "runs/labs") -> None:
    """Renew every page of a folder."""
    for path in sorted(Path(docs).glob("*.md")):
        before = path.read_text(encoding="utf-8")
        after, missing = entered(before, Path(reports), Path(docs) / "pictures")
        path.write_text(after, encoding="utf-8")
        state = "renewed" if after != before else "as it was"
        print(f"{path}: {state}" + (f"; no new report for {', '.join(missing)}" if missing else ""))


if __name__ == "__main__":
    command(main)
