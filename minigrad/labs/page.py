"""The page of all labs: every claim, picture, measured number and verdict, from the reports in a folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from ..viz.render import write
from .report import SECTIONS, VERDICTS, Words, check_report, short

STYLE = """
:root { color-scheme: light dark; --line: #8884; --holds: #2a7d3f; --partly: #9a6700; --fails: #b3261e; --depends: #5b55c9; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 1rem; }
nav { columns: 26rem 2; } nav h3 { margin: .5rem 0 0; break-after: avoid; }
nav ul { list-style: none; padding: 0; margin: .2rem 0; break-inside: avoid; }
nav li { padding-left: 4.8rem; text-indent: -4.8rem; }
nav .verdict { text-indent: 0; display: inline-block; width: 4.2rem; text-align: center; }
details pre { max-height: 24rem; overflow: auto; font-size: .8rem; }
article { border-top: 1px solid var(--line); padding: .6rem 0 1.4rem; }
h3 { margin-bottom: .2rem; }
.verdict { color: #fff; border-radius: .7rem; padding: .1rem .6rem; font-size: .85rem; vertical-align: .1rem; }
.holds { background: var(--holds); } .partly { background: var(--partly); } .fails { background: var(--fails); }
.depends { background: var(--depends); } .missing { background: #777; }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .2rem .8rem; } dt { opacity: .7; } dd { margin: 0; }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; } }
img { max-width: 100%; height: auto; background: #fff; border-radius: .3rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; margin: .4rem 0 .8rem; }
caption { text-align: left; font-weight: 600; }
td, th { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
td:first-child, th:first-child { text-align: left; padding-left: 0; }
ul.findings { padding-left: 1.1rem; }
.no { color: var(--fails); font-weight: 600; } .yes { color: var(--holds); font-weight: 600; }
footer, .small { opacity: .75; font-size: .85rem; }
""".strip()


def table(t: dict[str, Any]) -> str:
    head = "".join(f"<th>{escape(str(c))}</th>" for c in t["columns"])
    body = "".join("<tr>" + "".join(f"<td>{escape(short(x))}</td>" for x in row) + "</tr>" for row in t["rows"])
    return f'<div class="wide"><table><caption>{escape(t["title"])}</caption><tr>{head}</tr>{body}</table></div>'


def finding(f: dict[str, Any]) -> str:
    numbers = ", ".join(f"{name.replace('_', ' ')} {short(x)}" for name, x in f["numbers"].items())
    under = f" <i>– {escape(f['under'])}</i>" if f["under"] else ""
    word = '<span class="yes">yes</span>' if f["holds"] else '<span class="no">no</span>'
    return f"<li>{word} {escape(f['statement'])}{under}" + (f" ({escape(numbers)})" if numbers else "") + "</li>"


def article(said: Words, report: dict[str, Any] | None) -> str:
    """One lab: its words, and its results if it was run."""
    verdict = report["verdict"] if report else "missing"
    lines = [
        f'<article id="{escape(said.name)}"><h3>{escape(said.title)} '
        f'<span class="verdict {verdict}">{verdict if report else "not run"}</span></h3>',
        f"<dl><dt>Claim</dt><dd>{escape(said.claim)}</dd><dt>Source</dt><dd>{escape(said.source)}</dd>"
        f"<dt>Set-up</dt><dd>{escape(said.setup)}</dd><dt>Would change it</dt><dd>{escape(said.changes)}</dd></dl>",
    ]
    if report:
        settings = report["settings"]
        kind = "quick" if settings["quick"] else "full"
        lines += [f'<ul class="findings">{"".join(map(finding, report["findings"]))}</ul>']
        if report["picture"]:
            lines += [f'<img src="{escape(report["picture"], True)}" alt="{escape(said.title, True)}" loading="lazy">']
        lines += [
            *map(table, report["tables"]),
            f'<p class="small">{kind} run, seeds {escape(str(settings["seeds"]))}, data {escape(settings["data"])}, device '
            f"{escape(settings['device'])}, {report['seconds']:.1f} s; "
            f'<a href="{escape(said.name, True)}.json">everything measured</a></p>',
        ]
    return "\n".join([*lines, "</article>"])


def measured(x: Any) -> str:
    """Measurements as JSON, lists of numbers in a line and with few digits."""
    text = json.dumps(rounded(x), indent=1, ensure_ascii=False)
    return re.sub(r"\[[^\[\]{}]*\]", lambda match: " ".join(match[0].split()), text)


def rounded(x: Any) -> Any:
    """x with its numbers in five digits."""
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    if isinstance(x, list):
        return [rounded(value) for value in x]
    return float(f"{x:.5g}") if isinstance(x, float) else x


def glance(said: Words, report: dict[str, Any] | None) -> str:
    """One lab in a line of the list at the top."""
    verdict = report["verdict"] if report else "missing"
    return (f'<li><span class="verdict {verdict}">{verdict if report else "not run"}</span> '
            f'<a href="#{escape(said.name, True)}">{escape(said.title)}</a></li>')  # fmt: skip


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """A lab's report, or None if there is no valid one."""
    try:
        report = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        check_report(report)
    except (OSError, ValueError):
        return None
    return report


def page(said: Iterable[Words], reports: dict[str, dict[str, Any]]) -> str:
    """The page's HTML, of labs' words and those reports that there are."""
    said = list(said)
    counts = ", ".join(f"{sum(r['verdict'] == v for r in reports.values())} {v}" for v in VERDICTS)
    machines = sorted({f"{r['machine']['system']}, {r['machine']['cores']} cores" for r in reports.values()})
    featured = [(w, t) for w in said if w.name in reports for t in reports[w.name]["tables"] if t["featured"]]
    sections = {s: [w for w in said if w.section == s] for s in SECTIONS}
    lists = {s: "".join(glance(w, reports.get(w.name)) for w in some) for s, some in sections.items() if some}
    menu = "".join(f'<h3><a href="#{s}">{s}. {escape(SECTIONS[s])}</a></h3><ul>{lines}</ul>' for s, lines in lists.items())
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Batch normalization, measured</title>',
        f"<style>{STYLE}</style></head><body><h1>Batch normalization, measured</h1>",
        f"<p>What articles and papers claim about batch normalization, measured by minigrad: of {len(reports)} labs, {counts}. "
        "Verdicts follow from the findings by one rule: the claim holds if all do and fails if none does; it holds partly "
        "if some statement is true under no condition; else it depends on conditions. Nets are compared seed by seed; where "
        "the seeds agree no more than chance would have them, a statement counts as not shown.</p>"
        f"<nav>{menu}</nav>",
        *(f'<section><h2>{escape(t["title"])}</h2><p>From <a href="#{escape(w.name)}">{escape(w.title)}</a>.</p>'
          f'{table({**t, "title": ""})}</section>' for w, t in featured),
    ]  # fmt: skip
    for section, some in sections.items():
        parts += [f'<h2 id="{section}">{section}. {escape(SECTIONS[section])}</h2>'] * bool(some)
        parts += [article(w, reports.get(w.name)) for w in some]
    return "\n".join([*parts, f"<footer>Measured on {escape('; '.join(machines))}.</footer></body></html>\n"])


def write_page(folder: Path, said: Iterable[Words]) -> Path:
    """Write index.html from the reports in a folder; its path."""
    said = list(said)
    reports = {w.name: report for w in said if (report := read(folder, w.name)) is not None}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    write(path, page(said, reports).encode("utf-8"), "lab")
    return path
