"""A picture as DOT text, built with the `graphviz` package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..trace import Variable
from .picture import Item, Picture, Wire
from .style import FONT, Style
from .text import escape, numbers, shape_text
from .words import formulas, role

SHAPES = {"parameter": "ROUNDED", "input": "ROUNDED", "output": "ROUNDED", "op": "", "composite": "", "constant": ""}


class Look(NamedTuple):
    """What is shown of each item, and how."""

    style: Style
    direction: str = "TB"
    values: bool = False
    gradients: bool = False
    shapes: bool = True
    backward: bool = False  # edges in pairs, formulas in the nodes
    title: str = ""


def dot_of(picture: Picture, look: Look) -> str:
    """The DOT text of a picture. Names appear in labels only; ids are numbers."""
    try:
        import graphviz
    except ImportError:
        raise ImportError("draw: needs the graphviz package. Hint: pip install minigrad[viz]") from None
    style = look.style
    graph = graphviz.Digraph("minigrad", graph_attr={
        "rankdir": look.direction, "bgcolor": style.paper, "fontname": FONT, "fontcolor": style.ink, "fontsize": "16",
        "nodesep": "0.3" if look.backward else "0.25", "ranksep": "0.3", "pad": "0.25", "labelloc": "t", "charset": "UTF-8",
        "newrank": "true",
    }, node_attr={"shape": "plain", "fontname": FONT, "fontcolor": style.ink, "fontsize": "12"},
       edge_attr={"fontname": FONT, "fontsize": "10", "color": style.forward, "fontcolor": style.forward, "arrowsize": "0.7",
                  "penwidth": "1.2"})  # fmt: skip
    if look.title or look.backward:
        graph.attr(label=f"<{heading(look)}>")
    draw_boxes(graph, picture, look)
    for wire in picture.wires:
        draw_wire(graph, wire, look)
    return graph.source


# -- boxes ---------------------------------------------------------------------------------------------------------------


def draw_boxes(graph: Any, picture: Picture, look: Look) -> None:
    """Items in nested boxes, one for each scope that holds several of them, but not one around everything."""
    calls = [i for i in picture.items if i.call is not None]
    inside: dict[tuple, list[Item]] = {}
    for item in picture.items:
        for depth in range(1, len(item.scope) + 1):
            inside.setdefault(item.scope[:depth], []).append(item)
    boxes = {path for path, held in inside.items() if len(held) > 1 and sum(i.call is not None for i in held) < len(calls)}
    held_in: dict[tuple, list] = {}
    for item in picture.items:
        held_in.setdefault(home(item.scope, boxes), []).append(item)
    for path in boxes:
        held_in.setdefault(home(path[:-1], boxes), []).append(path)
    style = look.style
    todo: list[tuple[Any, Iterable]] = [(graph, iter(held_in.get((), [])))]
    opened: list[Any] = []
    while todo:
        at, rest = todo[-1]
        entry = next(rest, None)  # type: ignore[call-overload]
        if entry is None:
            todo.pop()
            if todo:
                todo[-1][0].subgraph(at)
        elif isinstance(entry, Item):
            at.node(entry.id, label=f"<{label(entry, picture, look)}>")
        else:
            box = type(graph)(f"cluster_{len(opened)}", graph_attr={
                "label": f"<{box_title(entry, picture)}>", "style": "rounded,filled", "fillcolor": style.box, "color": style.box_edge,
                "fontcolor": style.faint, "fontsize": "11", "labeljust": "l", "margin": "10"})  # fmt: skip
            opened.append(box)
            todo.append((box, iter(held_in.get(entry, []))))


def home(scope: tuple, boxes: set) -> tuple:
    """The innermost box around a scope."""
    while scope and scope not in boxes:
        scope = scope[:-1]
    return scope


def box_title(path: tuple, picture: Picture) -> str:
    module = picture.modules.get(path)
    kind = f" · {escape(type(module).__name__)}" if module is not None and type(module).__name__ != path[-1] else ""
    return f"<B>{escape(path[-1])}</B>{kind}"


# -- nodes ---------------------------------------------------------------------------------------------------------------


def label(item: Item, picture: Picture, look: Look) -> str:
    """The HTML table of an item; with gradients drawn, it has a port for each arrow."""
    style = look.style
    rows = "".join(f"<TR><TD>{row}</TD></TR>" for row in content(item, picture, look))
    frame = f'COLOR="{style.edge[item.kind]}" BGCOLOR="{style.fill[item.kind]}" STYLE="ROUNDED"'
    thick = 2 if item.kind in ("composite", "parameter", "input", "output") else 1
    body = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
    if not look.backward:
        return f'<TABLE BORDER="{thick}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="5" {frame}><TR><TD>{body}</TD></TR></TABLE>'
    places = [k for k, a in enumerate(item.call.inputs) if isinstance(a, Variable)] if item.call else [0] * (item.kind == "output")
    arriving = [cell(f"{what}{k}") for k in places for what in "ab"]
    leaving = [] if item.kind == "output" else [cell("y"), sum_cell(item, style)]
    if look.direction in ("TB", "BT"):
        across = [across_row(arriving), f"<TR><TD>{body}</TD></TR>", across_row(leaving)]
        return f'<TABLE BORDER="{thick}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" {frame}>{"".join(across)}</TABLE>'
    middle = f"<TD>{body}</TD>"
    columns = f"<TR>{column(arriving)}{middle}{column(leaving)}</TR>"
    return f'<TABLE BORDER="{thick}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" {frame}>{columns}</TABLE>'


def cell(port: str) -> str:
    return f'<TD PORT="{port}" HEIGHT="14" WIDTH="4"></TD>'


def sum_cell(item: Item, style: Style) -> str:
    """Where gradients come back: marked += where several meet."""
    if item.meets < 2:
        return cell("g")
    return (f'<TD PORT="g" BGCOLOR="{style.backward}" STYLE="ROUNDED" HEIGHT="18"><FONT COLOR="{style.backward_paper}" '
            'POINT-SIZE="13"><B>+=</B></FONT></TD>')  # fmt: skip


def column(cells: list[str]) -> str:
    rows = "".join(f"<TR>{c}</TR>" for c in cells)
    return f'<TD CELLPADDING="0"><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{rows}</TABLE></TD>' if cells else ""


def across_row(cells: list[str]) -> str:
    inside = "".join(cells)
    return f'<TR><TD><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0"><TR>{inside}</TR></TABLE></TD></TR>' if cells else ""


def font(text: str, color: str, size: int) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{text}</FONT>'


def content(item: Item, picture: Picture, look: Look) -> list[str]:
    """The lines of an item, as HTML."""
    style, v = look.style, item.variable
    call = item.call
    if call is None:
        lines = [f"<B>{escape(item.name or item.kind)}</B>"]
    else:
        lines = [f"<B>{escape(role(call))}</B>"]
        if look.backward:
            formula, derivatives = formulas(call, picture.names)
            lines += [escape(formula)] if formula else []
            lines += [font(escape(f"∂/∂{a} = {d}" if not d.startswith("g") else f"to {a}: {d}"), style.backward, 10) for a, d in derivatives]
    if look.shapes and not look.backward and item.kind != "rest":
        lines.append(font(shape_text(v.shape), style.faint, 10))
    if look.values and v.array is not None and item.kind not in ("output", "rest"):
        lines += [font(escape(line), style.ink, 9) for line in numbers(v.array)]
    if look.gradients and item.gradient is not None and item.gradient.array is not None and item.kind != "output":
        lines += [font(escape(line), style.backward, 9) for line in numbers(item.gradient.array)]
    return lines


def heading(look: Look) -> str:
    """The title, and the legend of the arrows."""
    style = look.style
    rows = [f'<TR><TD><FONT POINT-SIZE="18"><B>{escape(look.title, 200)}</B></FONT></TD></TR>'] if look.title else []
    if look.backward:
        rows.append("<TR><TD>" + font("→ forward", style.forward, 11) + font("    ← backward", style.backward, 11) + "</TD></TR>")
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0">{"".join(rows)}</TABLE>'


# -- wires ---------------------------------------------------------------------------------------------------------------


def draw_wire(graph: Any, wire: Wire, look: Look) -> None:
    """A black arrow; with gradients drawn, a red one back beside it."""
    style = look.style
    text = font(shape_text(wire.variable.shape), style.forward, 10) if look.shapes and look.backward else ""
    if not look.backward:
        graph.edge(wire.source.id, wire.target.id)
        return
    out, into = ("e", "w") if look.direction == "LR" else ("s", "n")
    k = wire.position
    graph.edge(f"{wire.source.id}:y:{out}", f"{wire.target.id}:a{k}:{into}", label=f"<{text}>" if text else "")
    if wire.gradient is not None:
        text = font(shape_text(wire.gradient.shape), style.backward, 10) if look.shapes else ""
        graph.edge(f"{wire.source.id}:g:{out}", f"{wire.target.id}:b{k}:{into}", label=f"<{text}>" if text else "",
                   dir="back", color=style.backward)  # fmt: skip
