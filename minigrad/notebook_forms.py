"""What notebooks show of tensors, modules and programs: see `minigrad/notebook.py`, which gives them these methods."""

from __future__ import annotations

from html import escape
from typing import Any

from .core import Tensor, node_of
from .nn import Module
from .ops.formulas import title
from .trace import Program, Statistics, Thumbnail, statistics_of, thumbnail_of
from .viz.draw import draw
from .viz.render import NoGraphviz, svg_of
from .viz.text import escape as dot_text
from .viz.text import number, shape_text, size, visible

LOW, HIGH = (0x21, 0x66, 0xAC), (0xB2, 0x18, 0x2B)  # blue and red of one lightness, told apart by colour-blind readers
WRITTEN = 8  # columns up to which the numbers stand in their cells
GRAPH = 200  # calls up to which a graph is drawn
CELL = "padding:1px 5px;text-align:right;font:12px monospace;border:0"


def said(text: Any, longest: int = 60) -> str:
    """Any text as the content of HTML, on one line."""
    return escape(visible(text, longest))


def shade(x: float, largest: float) -> str:
    """The colours of a cell: from blue over white to red, by the size of the number; grey where it is none."""
    if x - x != 0:  # infinite or nan
        return "background:#bbb;color:#000"
    part = min(abs(x) / largest, 1.0) if largest else 0.0
    red, green, blue = (round(255 + (c - 255) * part) for c in (HIGH if x > 0 else LOW))
    return f"background:rgb({red},{green},{blue});color:{'#fff' if part > 0.6 else '#000'}"


def heat_map(picture: Thumbnail) -> str:
    """A table of coloured cells, with the numbers in them where there is room."""
    largest = max((abs(x) for row in picture.rows for x in row if x - x == 0), default=0.0)
    wide = len(picture.column_index) <= WRITTEN
    rows = []
    for row in picture.rows:
        cells = (
            f'<td style="{CELL};{shade(x, largest)}" title="{number(x)}">{number(x) if wide else "&nbsp;"}</td>' for x in row
        )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table style="border-collapse:collapse">{"".join(rows)}</table>'


def summed_up(s: Statistics) -> str:
    """Statistics in one line."""
    parts = [f"mean {number(s.mean)}", f"std {number(s.std)}", f"{number(s.min)} … {number(s.max)}", f"norm {number(s.norm)}",
             f"{s.zeros:,} zeros" if s.zeros else "", f"<b>{s.nonfinite:,} not finite</b>" if s.nonfinite else ""]  # fmt: skip
    return ", ".join(part for part in parts if part)


def tensor_html(self: Tensor) -> str:
    """The tensor's shape and type, its statistics and at most 16 x 16 of its numbers."""
    node = node_of(self)
    facts = [shape_text(self.shape), str(self.dtype), "a leaf that wants a gradient" if node is None and self.wants else "",
             f"made by {title(node.op).strip()}" if node is not None else ""]  # fmt: skip
    head = f"<div><b>{type(self).__name__}</b> {said(' · '.join(fact for fact in facts if fact), 200)}</div>"
    if not self.array.size:
        return f"{head}<div>empty</div>"
    picture = thumbnail_of(self.array)
    shown = len(picture.rows) * len(picture.rows[0])
    rest = f"<div>{shown:,} of {self.array.size:,} elements, evenly spaced</div>" if shown < self.array.size else ""
    return f"{head}<div>{summed_up(statistics_of(self.array))}</div>{heat_map(picture)}{rest}"


def tensor_svg(self: Tensor) -> str | None:
    """The graph behind the tensor; None for a leaf, or where no Graphviz is found."""
    return draw(self, limit=GRAPH)._repr_svg_() if node_of(self) is not None else None


def module_html(self: Module) -> str:
    """A table of the modules: path, class and settings, parameters, bytes."""
    cell = '<td style="text-align:left;padding:1px 8px">'
    rows = []
    for path, module in self.named_modules():
        own = [p.array for p in module.parameters(recurse=False)]
        indent = "&nbsp;" * 4 * (path.count(".") + bool(path))
        kind = (
            f"{said(type(module).__name__)}({said(module.extra_repr(), 120)})"
            if not module._modules
            else said(type(module).__name__)
        )
        count, held = sum(a.size for a in own), sum(a.size * a.dtype.itemsize for a in own)
        columns = (
            f"{indent}<b>{said(path.rpartition('.')[2])}</b> {kind}",
            f"{count:,}" if own else "",
            size(held) if own else "",
        )
        rows.append(f"<tr>{''.join(f'{cell}{column}</td>' for column in columns)}</tr>")
    total = sum(p.array.size for p in self.parameters())
    head = "".join(f'<th style="text-align:left;padding:1px 8px">{text}</th>' for text in ("module", "parameters", "memory"))
    mode = "training" if self.training else "evaluation"
    return f"<table><tr>{head}</tr>{''.join(rows)}</table><div>{total:,} parameters, in {mode}</div>"


def module_svg(self: Module) -> str | None:
    """The tree of the modules; None for more than can be read, or where no Graphviz is found."""
    modules = dict(self.named_modules())
    ids = {path: f"m{k}" for k, path in enumerate(modules)}
    lines = ['node [shape=box style="rounded,filled" fillcolor="#e6f0fa" color="#0072b2" fontname="sans-serif"]']
    for path, module in modules.items():
        above, _, name = path.rpartition(".")
        count = sum(p.array.size for p in module.parameters())
        held = f"<BR/>{count:,} parameters" if count else ""
        lines.append(f"{ids[path]} [label=<<B>{dot_text(name)}</B> {dot_text(type(module).__name__)}{held}>]")
        lines += [f"{ids[above]} -> {ids[path]}"] * bool(path)
    try:
        dot = "digraph { rankdir=LR; nodesep=0.15; " + "\n".join(lines) + " }"
        return svg_of(dot) if len(modules) <= GRAPH else None
    except NoGraphviz:
        return None


def program_svg(self: Program) -> str | None:
    """The drawing of the program; None if it recorded no calls, or where no Graphviz is found."""
    return draw(self, limit=GRAPH)._repr_svg_() if any(call.phase == "forward" for call in self.calls) else None


def program_html(self: Program) -> str:
    """What was recorded, in a line, above its drawing (or its text, where no Graphviz is found)."""
    head = f"<div>{said(repr(self), 200)}; {size(self.saved_bytes)} kept for the backward pass</div>"
    if not any(call.phase == "forward" for call in self.calls):
        return head
    picture = draw(self, limit=GRAPH)
    return f'{head}<div style="overflow-x:auto">{picture._repr_svg_() or f"<pre>{escape(picture.text)}</pre>"}</div>'
