"""`explore`: a recorded Program as one HTML page to open, step through and read every number of."""

from __future__ import annotations

import json
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, cast

from ..trace import Program
from .compare import Union
from .draw import roles
from .inplace import told_apart
from .island import Island
from .passes import last_pass, notes_of
from .render import write
from .runs import split
from .schema import Page
from .text import visible

VERSION = 1  # of the data in the page
STYLES = ("base.css", "graph.css", "panel.css", "print.css")
SCRIPTS = ("data.js", "words.js", "sides.js", "tree.js", "steps.js", "layout.js", "curve.js", "graph.js", "camera.js",
           "heat.js", "charts.js", "cube.js", "norm.js", "timeline.js", "panel.js", "search.js", "main.js")  # fmt: skip


def explore(
    program: Program,
    path: str | PathLike,
    *,
    compare: Program | None = None,
    names: tuple[str, str] = ("first", "second"),
    title: str | None = None,
) -> Path:
    """Write a recorded program as an HTML page that needs nothing else: no network, no server, no other file.

    The page opens modules and composite ops, steps through the forward and the backward pass in the engine's order, and
    shows of each call its formula, rules, values and gradients. `compare` draws a second program on the same graph: the
    same model without batch norm, or after a step; `names` says what the two are called. Record with
    `minigrad.record(statistics=True)` if the block writes into what it read, as an optimizer's step does.
    Returns the path written. Raises TypeError for anything but a program, ValueError for one without calls, OSError if it
    can't write.
    """
    data = island(program, compare, title or Path(path).stem, names)
    path = Path(path)
    write(path, page(data).encode("utf-8"), "explore")
    return path


def island(
    program: Program, compare: Program | None = None, title: str = "", names: tuple[str, str] = ("first", "second")
) -> Page:
    """The data of the page; `schema.py` says what its fields are."""
    for given in (program, compare):
        if not isinstance(given, Program) and (given is program or given is not None):
            raise TypeError(f"explore: expected a recorded program, got {type(given).__name__}. "
                            "Hint: with minigrad.record() as program: ...")  # fmt: skip
        if given is not None and not any(call.phase == "forward" for call in given.calls):
            raise ValueError("explore: the program recorded no calls. Hint: compute inside `with minigrad.record()`")
    data = data_of(program)
    if compare is not None:
        Union(data, data_of(compare))
    split(data)
    sides = None if compare is None else {side: visible(name, 40) for side, name in zip("ab", names, strict=True)}
    return cast(Page, {"version": VERSION, "title": visible(title, 120), "compare": sides, **data})


def data_of(program: Program) -> dict[str, Any]:
    """One program's part of the data."""
    last = last_pass(program)
    told, _ = told_apart(last)
    return Island(told, roles(told)).data() | {"notes": notes_of(last, last is not program)}


def page(data: Page) -> str:
    """The whole page: markup, style, layout engine, scripts and the data, which can't end the element that it is in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for c in ("<", "\u2028", "\u2029"):
        text = text.replace(c, f"\\u{ord(c):04x}")
    parts = {
        "STYLE": "\n".join(read(f"page/{name}") for name in STYLES),
        "LAYOUT": read("assets/viz-global.js"),
        "SCRIPT": "\n".join(read(f"page/{name}") for name in SCRIPTS),
        "DATA": text.encode("utf-8", "replace").decode("utf-8"),
    }
    before, *rest = read("page/page.html").split("{{")
    return before + "".join(parts[name] + after for name, _, after in (piece.partition("}}") for piece in rest))


def read(name: str) -> str:
    """A file of the page, as it is: line ends too."""
    return (files(__package__) / name).read_bytes().decode("utf-8")
