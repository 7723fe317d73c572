"""The report of a lab: its schema, the rule that judges, and the docstring it takes its words from."""

from __future__ import annotations

import ast
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..backends import report as kernels
from ..core import Tensor

SECTIONS = {
    "A": "Exact mechanics", "B": "Ellipse or circle", "C": "Mean field", "D": "Training behaviour", "E": "Batch size",
    "F": "Why it works", "G": "Relatives",
}  # fmt: skip
VERDICTS = ("holds", "partly", "fails", "depends")
NUMBER = (int, float, type(None))  # None where a number was not finite
SCHEMA: dict[str, Any] = {
    "schema": int, "name": str, "section": str, "title": str, "claim": str, "source": str, "setup": str, "changes": str,
    "settings": {"quick": bool, "seeds": list, "data": str, "device": str},
    "measurements": dict, "tables": list, "findings": list, "verdict": str, "sentence": str, "picture": (str, type(None)),
    "seconds": float, "machine": dict,
}  # fmt: skip
TABLE: dict[str, Any] = {"title": str, "columns": list, "rows": list, "featured": bool}
FINDING: dict[str, Any] = {"statement": str, "under": str, "holds": bool, "numbers": dict}


class Words(NamedTuple):
    """What a lab's docstring says."""

    name: str
    section: str
    title: str
    claim: str
    source: str
    setup: str
    changes: str


def words(path: str | os.PathLike) -> Words:
    """The words of the lab in a file, which is read but not run.

    The name is NN_name.py, whose first digit is the section (1 for A ... 7 for G). The docstring is a line with the title and
    then, each in a paragraph, `Claim:`, `Source:`, `Set-up:` and `Changes:` (what would change the verdict).
    Raises ValueError for a name or a docstring that is anything else.
    """
    name = Path(path).stem
    if not re.fullmatch(r"[1-7]\d_\w+", name):
        raise ValueError(f"lab: expected a file called NN_name.py with NN from 10 to 79, got {Path(path).name}")
    text = ast.get_docstring(ast.parse(Path(path).read_text(encoding="utf-8"))) or ""
    title, *paragraphs = re.split(r"\n\s*\n", text)
    found = {}
    for paragraph in paragraphs:
        key, colon, rest = paragraph.partition(":")
        if colon and key in ("Claim", "Source", "Set-up", "Changes"):
            found[key] = " ".join(rest.split())
    missing = [key for key in ("Claim", "Source", "Set-up", "Changes") if not found.get(key)]
    if missing:
        raise ValueError(f"lab: the docstring of {name}.py has no paragraph `{missing[0]}: ...`")
    section = "ABCDEFG"[int(name[0]) - 1]
    return Words(
        name, section, " ".join(title.split()).rstrip("."), found["Claim"], found["Source"], found["Set-up"], found["Changes"]
    )


def judged(findings: Iterable[Mapping[str, Any]]) -> str:
    """The verdict on findings: `holds` if all hold, `fails` if none does.

    In between it is `partly` true if some statement holds under no condition, and `depends` if each holds under some.
    Raises ValueError for no findings.
    """
    findings = list(findings)
    if not findings:
        raise ValueError("lab: nothing was checked, so there is no verdict. Hint: run.check(statement, holds, number=...)")
    held = {f["holds"] for f in findings}
    if len(held) == 1:
        return "holds" if held.pop() else "fails"
    somewhere = {f["statement"] for f in findings if f["holds"]}
    return "depends" if all(f["statement"] in somewhere for f in findings) else "partly"


def beyond_chance(agree: int, seeds: int, level: float = 0.05) -> bool:
    """Whether so many of the seeds agree that as many fair coins would do so in less than `level` of the cases (the sign test).

    Below five seeds even all of them can't be that sure; then all have to agree.
    """
    tail = sum(math.comb(seeds, k) for k in range(agree, seeds + 1)) / 2**seeds
    return tail < level if seeds >= 5 else agree == seeds


def sentence(findings: Iterable[Mapping[str, Any]]) -> str:
    """The findings in a line: each statement, whether it holds (and under what), and the numbers that say so."""
    outcomes: dict[str, list[str]] = {}
    for f in findings:
        word = "yes" if f["holds"] else "NO"
        details = [f["under"], *(f"{name.replace('_', ' ')} {short(x)}" for name, x in f["numbers"].items())]
        inside = ", ".join(filter(None, details))
        outcomes.setdefault(f["statement"], []).append(f"{word} ({inside})" if inside else word)
    return "; ".join(f"{statement}: {', '.join(words)}" for statement, words in outcomes.items())


def short(x: Any) -> str:
    """A number in a few digits; None, which stands for one that is not finite, as a dash."""
    if isinstance(x, bool) or not isinstance(x, (int, float)):
        return "–" if x is None else str(x)
    return f"{x:,}" if isinstance(x, int) else f"{x:.3g}"


def plain(x: Any) -> Any:
    """x in what JSON knows: tensors and arrays as lists, numbers that are not finite as None."""
    if isinstance(x, Tensor):
        return plain(x.detach().tolist())
    if isinstance(x, (np.ndarray, np.generic)):
        return plain(x.tolist())
    if isinstance(x, Mapping):
        return {str(key): plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple, set, range)):
        return [plain(value) for value in x]
    if isinstance(x, float):
        return x if math.isfinite(x) else None
    if x is None or isinstance(x, (bool, int, str)):
        return x
    raise TypeError(f"lab: expected numbers, texts, tensors, or lists and dicts of them, got {type(x).__name__}")


def machine() -> dict[str, Any]:
    """What the measurements were made on."""
    return {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count(), "python": platform.python_version(),
            "numpy": np.__version__, "kernels": str(kernels()).splitlines()[0]}  # fmt: skip


def check_report(report: Any) -> None:
    """Raise ValueError that names the first thing in a lab's report that is not as the schema says.

    schema         1
    name, section, title, claim, source, setup, changes   the lab's words
    settings       quick, seeds (ints), data, device
    measurements   {name: anything}: numbers, lists and dicts; null for a number that is not finite
    tables         [{title, columns, rows, featured}], each row as long as the columns
    findings       [{statement, under, holds, numbers}]: what was checked, and the numbers it was decided by
    verdict        holds, partly, fails or depends, which `judged` finds from the findings
    sentence       verdict and findings in words
    picture        the picture's file beside the report, or null without matplotlib
    seconds        what the run took
    machine        system, cores, python, numpy, kernels
    """
    typed("report", report, SCHEMA)
    typed("report.settings", report["settings"], SCHEMA["settings"])
    if report["schema"] != 1 or report["section"] not in SECTIONS:
        raise ValueError(f"report: unknown schema {report['schema']!r} or section {report['section']!r}")
    seeds = report["settings"]["seeds"]
    if not seeds or not all(type(s) is int and s >= 0 for s in seeds):
        raise ValueError(f"report.settings.seeds: expected integers >= 0, got {seeds!r}")
    for k, table in enumerate(report["tables"]):
        typed(f"report.tables[{k}]", table, TABLE)
        if any(len(row) != len(table["columns"]) for row in table["rows"]):
            raise ValueError(f"report.tables[{k}]: a row is not as long as the columns")
    for k, finding in enumerate(report["findings"]):
        typed(f"report.findings[{k}]", finding, FINDING)
        if not all(isinstance(x, NUMBER) for x in finding["numbers"].values()):
            raise ValueError(f"report.findings[{k}].numbers: expected numbers, got {finding['numbers']!r}")
    if report["verdict"] != judged(report["findings"]):
        raise ValueError(f"report.verdict: the findings say {judged(report['findings'])!r}, got {report['verdict']!r}")


def typed(where: str, given: Any, kinds: Mapping[str, Any]) -> None:
    """Raise ValueError unless `given` is a dict with exactly these keys, of these types."""
    if not isinstance(given, dict) or given.keys() != kinds.keys():
        got = sorted(given) if isinstance(given, dict) else type(given).__name__
        raise ValueError(f"{where}: expected the keys {', '.join(kinds)}, got {got}")
    for key, kind in kinds.items():
        kind = dict if isinstance(kind, dict) else kind
        if not isinstance(given[key], kind) or (kind is int and isinstance(given[key], bool)):
            raise ValueError(f"{where}.{key}: a {type(given[key]).__name__} is of no use there")
