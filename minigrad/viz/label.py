"""What is written in the nodes and on the edges, as Graphviz's HTML labels."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import NamedTuple

from ..trace import Variable
from .picture import Item, Picture
from .style import Style
from .text import LONGEST, escape, number, numbers, shape_of, size, width
from .words import GREEK, formulas, role


class Look(NamedTuple):
    """What is shown of each item, and how."""

    style: Style
    direction: str = "TB"
    values: bool = False
    gradients: bool = False
    shapes: bool = True
    backward: bool = False  # edges in pairs, formulas in the nodes
    title: str = ""
    memory: bool = False


class Line(NamedTuple):
    """One line of text in an item, perhaps one that goes on from the line before."""

    text: str
    color: str
    size: int
    bold: bool = False
    goes_on: bool = False

    @property
    def html(self) -> str:
        text = escape(self.text)
        return font(f"<B>{text}</B>" if self.bold else text, self.color, self.size)

    @property
    def width(self) -> float:
        return width(self.text) * self.size * (0.7 if self.bold else 0.6)


def heading(item: Item, picture: Picture) -> list[str]:
    """What an item is, in words: its name, or what it does; of a closed module the class too."""
    if item.kind == "module":
        name, kind = picture.heading((*item.scope, item.name))
        each = " each" if (*item.scope, item.name) in picture.times else ""
        return [f"{name} · {kind}" if kind else name, *(text + each for text in parameters(item))]
    if item.call is None:
        return [item.name or ("y" if item.kind == "output" else item.kind)]
    name = picture.names.get(item.variable, "")  # results have a node with their name
    return [role(item.call), *[f"= {name}"] * bool(name and item.call.output is item.variable and item not in picture.ends())]


def parameters(item: Item) -> list[str]:
    """How many parameters a closed module holds."""
    count = sum(m.variable.size for m in item.members if m.kind == "parameter")
    return [f"{count:,} parameter{'s' * (count != 1)}"] if count else []


def kept(item: Item) -> int:
    """Bytes that an item keeps for the backward pass, parameters and inputs left out."""
    calls = [m.call for m in (item, *item.members) if m.call is not None]
    return sum(v.nbytes for v in {v for call in calls for v in call.saved.values()} if v.tensor is None)


def content(item: Item, picture: Picture, look: Look) -> list[Line]:
    """The lines of an item: what it is, its formula and local derivatives, shape, memory, numbers."""
    style, v, call = look.style, item.variable, item.call
    title, *more = heading(item, picture)
    lines = [Line(title, style.ink, 15 if look.backward else 13, True), *(Line(text, style.faint, 11) for text in more)]
    if look.backward and call is not None:
        formula, derivatives = formulas(call, picture.names, item.sends)
        said = [(formula, style.ink, 13), *((text, style.backward, 12) for text in derivatives)]
        for text, color, points in said:
            lines += [Line(part, color, points, goes_on=k > 0) for k, part in enumerate(wrap(text, LONGEST))]
    if look.shapes and not look.backward and item.kind not in ("rest", "update") and (shape := shape_of(v)):
        lines.append(Line(shape, style.faint, 10))
    if look.memory and item.computes and (held := kept(item)):
        lines.append(Line(f"keeps {size(held)}", style.faint, 10))
    if (look.values or look.gradients) and look.backward and item.kind != "output":
        lines.append(Line("", style.ink, 4))  # a little room
    if look.values and item.kind not in ("output", "rest"):
        after = (call.written or {}).get(0) if call is not None and item.kind == "update" else None
        lines += [Line(text, style.ink, 11) for text in (values_of(v) if after is None else numbers(after))]
        named = call.numbers.items() if call else ()
        lines += [Line(f"{GREEK.get(n, n)} = {number(call.inputs[k])}", style.ink, 11) for k, n in named]  # type: ignore[union-attr]
    if look.gradients and item.gradient is not None and item.kind != "output":
        lines += [Line(text, style.backward, 11) for text in values_of(item.gradient)]
    if look.backward and item.kind == "output" and item.gradient is not None:
        lines.append(Line(f"∂L/∂{item.name or 'y'}", style.backward, 11))
    return lines


def values_of(variable: Variable) -> list[str]:
    """A variable's numbers, or their statistics; nothing if they are not known any more."""
    return [] if (array := variable.recorded) is None else numbers(array)


def text_of(lines: list[Line], slack: float = 0) -> str:
    """Lines below one another; the empty line takes up the slack."""
    rows = (f"<TD>{line.html}</TD>" if line.text else f'<TD HEIGHT="{6 + max(slack, 0):.0f}"></TD>' for line in lines)
    return table(stacked(rows), 'CELLPADDING="1"')


def height(lines: list[Line]) -> float:
    return sum(line.size * 1.22 + 2 for line in lines)


def table(inside: str, options: str = "") -> str:
    """An HTML table without lines."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" {options}>{inside}</TABLE>'


def stacked(cells: Iterable[str]) -> str:
    """Cells below one another."""
    return "".join(f"<TR>{c}</TR>" for c in cells)


def framed(item: Item, inside: str, look: Look, options: str = "") -> str:
    """The table that an item's frame is."""
    style = look.style
    thick = 2 if item.kind in ("composite", "module", "parameter", "input", "output") else 1
    return (f'<TABLE BORDER="{thick}" CELLBORDER="0" CELLSPACING="0" COLOR="{style.edge[item.kind]}" '
            f'BGCOLOR="{style.fill[item.kind]}" STYLE="ROUNDED" {options}>{inside}</TABLE>')  # fmt: skip


def label(item: Item, picture: Picture, look: Look) -> str:
    """The HTML of an item; with gradients drawn, it has a port for each arrow."""
    body = f"<TD>{text_of(content(item, picture, look))}</TD>"
    if not look.backward:
        return framed(item, f"<TR>{body}</TR>", look, 'CELLPADDING="6"')
    arriving = [cell(f"{what}{k}") for k in sorted(set(item.places)) for what in "ab"]
    leaving = [] if item.kind == "output" else [cell("y"), sum_cell(item, look.style)]
    if look.direction == "LR":
        sides = [f"<TD>{table(stacked(cells))}</TD>" if cells else "" for cells in (arriving, leaving)]
        return framed(item, f"<TR>{sides[0]}{body}{sides[1]}</TR>", look, 'CELLPADDING="2"')
    sides = [f"<TR><TD>{table('<TR>' + ''.join(cells) + '</TR>')}</TD></TR>" if cells else "" for cells in (arriving, leaving)]
    return framed(item, f"{sides[0]}<TR>{body}</TR>{sides[1]}", look, 'CELLPADDING="2"')


def cell(port: str) -> str:
    return f'<TD PORT="{port}" HEIGHT="14" WIDTH="5"></TD>'


def sum_cell(item: Item, style: Style) -> str:
    """Where gradients come back: marked += where several meet."""
    if item.meets < 2:
        return cell("g")
    plus = font("<B>+=</B>", style.backward_paper, 13)
    return f'<TD PORT="g" BGCOLOR="{style.backward}" STYLE="ROUNDED" HEIGHT="18">{plus}</TD>'


def font(text: str, color: str, size: int) -> str:
    return f'<FONT COLOR="{color}" POINT-SIZE="{size}">{text}</FONT>'


def legend(look: Look, notes: Iterable[str] = ()) -> str:
    """What the arrows, colours and numbers mean; notes below."""
    style = look.style
    rows = [font("<B>→</B>  forward, with the shape of the value", style.forward, 12),
            font("<B>←</B>  backward, with the shape of the gradient", style.backward, 12),
            font("<B>+=</B>  gradients meet and add up", style.backward, 12),
            font("∂/∂a  local derivative: what the gradient g is multiplied by", style.backward, 12)]  # fmt: skip
    if look.values or look.gradients:
        value, gradient = font("value", style.forward, 12), font("gradient", style.backward, 12)
        rows.append(
            ", ".join([value] * look.values + [gradient] * look.gradients)
            + font(":  all numbers, or mean ± std and least … largest", style.faint, 12)
        )
    return table(stacked(f'<TD ALIGN="LEFT">{row}</TD>' for row in (*rows, *notes)), 'CELLPADDING="2"')


def title_of(look: Look) -> str:
    return f'<FONT POINT-SIZE="20"><B>{escape(look.title, 200)}</B></FONT>'


def note(text: str, look: Look) -> str:
    return font(escape(text, 200), look.style.faint, 12)


def shape_label(variable: Variable, color: str, look: Look) -> str:
    return f"<{font(shape, color, 11)}>" if look.shapes and (shape := shape_of(variable)) else ""
