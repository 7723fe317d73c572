"""A picture as DOT text, built with the `graphviz` package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .circuit import RADIUS, beside, circuit, spline, straight
from .label import Look, content, framed, height, label, legend, note, shape_label, stacked, table, text_of, title_of
from .picture import Item, Picture, Wire
from .style import FONT
from .text import escape, width

LARGE = 100  # items from which Graphviz does not seek the best places to the end: a loop of 60 steps would take it a minute
PATIENCE = "4"  # its rounds, in numbers of nodes


def dot_of(picture: Picture, look: Look) -> str:
    """The DOT text of a picture. Names appear in labels only; ids are numbers."""
    try:
        import graphviz  # noqa: PLC0415 (optional, and only for drawing)
    except ImportError:
        raise ImportError("draw: the graphviz package is not installed. Hint: pip install minigrad[viz]") from None
    style = look.style
    graph = graphviz.Digraph("minigrad")
    graph.attr("graph", rankdir=look.direction, bgcolor=style.paper, fontname=FONT, fontcolor=style.ink, fontsize="16")
    graph.attr("graph", nodesep="0.3", ranksep="0.3", pad="0.25", labelloc="t", charset="UTF-8", newrank="true")
    graph.attr("node", shape="plain", fontname=FONT, fontcolor=style.ink, fontsize="12")
    graph.attr("edge", fontname=FONT, fontsize="10", color=style.forward, fontcolor=style.forward)
    graph.attr("edge", arrowsize="0.7", penwidth="1.2")
    if look.backward and look.direction == "LR" and draw_circuit(graph, picture, look):
        return graph.source
    if len(picture.items) > LARGE:
        graph.attr("graph", nslimit=PATIENCE, nslimit1=PATIENCE)
    heading = [title_of(look)] * bool(look.title) + [note(text, look) for text in picture.notes]
    heading += [note(text, look) for text in meanings(picture, look)]
    heading += [legend(look)] * look.backward
    if heading:
        graph.attr(label=f"<{table(stacked(f'<TD>{row}</TD>' for row in heading))}>")
    draw_boxes(graph, picture, look)
    for wire in picture.wires:
        draw_wire(graph, wire, look)
    return graph.source


def meanings(picture: Picture, look: Look) -> list[str]:
    """What arrows mean that the legend does not say."""
    sent_on = any(w.variable.kind == "gradient" and not w.writes for w in picture.wires)
    parts = ["red arrows: gradients"] * (sent_on and not look.backward)
    parts += ["dashed arrows: what is overwritten"] * any(w.writes for w in picture.wires)
    return ["; ".join(parts)] if parts else []


# -- boxes -----------------------------------------------------------------------------------------------------------


def draw_boxes(graph: Any, picture: Picture, look: Look) -> None:
    """Items in nested boxes, one for each scope that holds several of them, but not one around everything."""
    held_in = picture.nested()
    style = look.style
    todo: list[tuple[Any, Iterable]] = [(graph, iter(held_in[()]))]
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
            box = type(graph)(f"cluster_{len(opened)}")
            box.attr(label=f"<{box_title(entry, picture)}>", style="rounded,filled", fillcolor=style.box)
            box.attr(color=style.box_edge, fontcolor=style.faint, fontsize="11", labeljust="l", margin="10")
            opened.append(box)
            todo.append((box, iter(held_in.get(entry, []))))


def box_title(path: tuple, picture: Picture) -> str:
    name, kind = picture.heading(path)
    return f"<B>{escape(name)}</B>" + (f" · {escape(kind)}" if kind else "")


# -- as a circuit ----------------------------------------------------------------------------------------------------

PADDING = 22.0
LOWEST = 58.0  # so that wires on both lanes end in the item
LEGEND = (395.0, 110.0)


def draw_circuit(graph: Any, picture: Picture, look: Look) -> bool:
    """Draw the picture in the places that `circuit` gives; False if it gives none."""
    if any(wire.writes for wire in picture.wires) or not any(item.computes for item in picture.items):
        return False
    lines = {item: content(item, picture, look) for item in picture.items}
    sizes = {}
    for item, own in lines.items():
        sizes[item] = (max(line.width for line in own) + 24, height(own) + PADDING)
    calls = [sizes[item] for item in picture.items if item.computes]
    between = 4 * max(beside(wire.variable) for wire in picture.wires) + 20  # between the wires below an item lies a label
    usual = (max(between, *(w for w, _ in calls)), max(h for _, h in calls))  # calls are of one size, and no leaf is narrower
    for item, (w, h) in sizes.items():
        if item.kind != "output":
            sizes[item] = (max(w, usual[0]), usual[1] if item.computes else max(h, LOWEST))
    notes = [note(text, look) for text in picture.notes]
    room = (max(LEGEND[0], *(width(text) * 6.6 for text in picture.notes)) if notes else LEGEND[0], LEGEND[1] + 20 * len(notes))
    layout = circuit(picture, sizes, 30.0, room)
    if layout is None:
        return False
    style = look.style
    graph.attr(layout="nop2", splines="true")
    for item in picture.items:
        w, h = sizes[item]
        text = text_of(lines[item], slack=h - PADDING - height(lines[item]))
        inside = f'<TR><TD FIXEDSIZE="TRUE" WIDTH="{w - 4:.0f}" HEIGHT="{h - 4:.0f}">{text}</TD></TR>'
        graph.node(item.id, label=f"<{framed(item, inside, look)}>", pos=at(layout.centres[item]))
    red, badge = style.backward, {"shape": "circle", "style": "filled", "fixedsize": "true", "fontsize": "13"}
    for item, place in layout.badges.items():
        graph.node(f"{item.id}sum", label="+=", fillcolor=red, color=red, fontcolor=style.backward_paper,
                   width=f"{2 * RADIUS / 72:.3f}", pos=at(place), **badge)  # fmt: skip
        edge = straight((place[0] - RADIUS, place[1]), (layout.centres[item][0] + sizes[item][0] / 2, place[1]))
        graph.edge(f"{item.id}sum", item.id, pos=spline(edge), color=red)
    for wire in picture.wires:
        there, back = layout.forward[wire], layout.backward[wire]
        text = shape_label(wire.variable, style.forward, look)
        graph.edge(wire.source.id, wire.target.id, pos=spline(there.points), lp=at(there.label), label=text)
        if wire.gradient is not None:
            into = f"{wire.source.id}sum" if wire.source in layout.badges else wire.source.id
            text = shape_label(wire.gradient, red, look)
            graph.edge(wire.target.id, into, pos=spline(back.points), lp=at(back.label), color=red, label=text)
    if look.title:
        graph.node("title", label=f"<{title_of(look)}>", pos=at(layout.title))
    graph.node("legend", label=f"<{legend(look, notes)}>", pos=at(layout.legend))
    return True


def at(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


# -- wires -----------------------------------------------------------------------------------------------------------


def draw_wire(graph: Any, wire: Wire, look: Look) -> None:
    """A black arrow, or a red one for a gradient on its way forward; with gradients drawn, a red one back beside it."""
    style = look.style
    if wire.writes:
        graph.edge(wire.source.id, wire.target.id, style="dashed", color=style.edge["update"], constraint="false",
                   arrowhead="vee")  # fmt: skip
        return
    moves = not look.backward or wire.target.kind == "update"
    color = style.backward if wire.variable.kind == "gradient" and moves else style.forward
    if not look.backward:
        graph.edge(wire.source.id, wire.target.id, color=color)
        return
    out, into = ("e", "w") if look.direction == "LR" else ("s", "n")
    k = wire.position
    text = shape_label(wire.variable, color, look)
    graph.edge(f"{wire.source.id}:y:{out}", f"{wire.target.id}:a{k}:{into}", color=color, label=text)
    if wire.gradient is not None:
        graph.edge(f"{wire.source.id}:g:{out}", f"{wire.target.id}:b{k}:{into}", dir="back", color=style.backward,
                   label=shape_label(wire.gradient, style.backward, look))  # fmt: skip
