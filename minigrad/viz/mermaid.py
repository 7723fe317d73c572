"""A picture as a Mermaid flowchart, which GitHub and many editors draw where it stands in a page."""

from __future__ import annotations

from ..trace import Variable
from .label import Look, content
from .picture import Item, Picture
from .text import LONGEST, shape_of, visible

ENDS = {"parameter": ('[/"', '"/]'), "input": ('(["', '"])'), "output": ('(["', '"])'), "composite": ('[["', '"]]'),
        "module": ('[["', '"]]')}  # fmt: skip


def escape(text: str, longest: int = LONGEST) -> str:
    """Any text as the content of a quoted Mermaid label: whatever Mermaid, Markdown or HTML would read becomes a number.

    8203 is a space of no width: Mermaid takes no empty label, and ends the line at a backslash with an n.
    """
    numbers = (c if c.isalnum() or c in " ,.×·−+=∂/…±" else f"#{ord(c)};" for c in visible(text, longest))
    return "".join(numbers).replace("#92;", "#92;#8203;") or "#8203;"


def mermaid_of(picture: Picture, look: Look) -> str:
    """The Mermaid text of a picture. Names appear in labels only; ids are numbers."""
    style = look.style
    lines = ['%%{init: {"theme": "base", "themeVariables": {"background": "' + style.paper + '", "primaryTextColor": "'
             + style.ink + '", "lineColor": "' + style.forward + '", "clusterBkg": "' + style.box + '", "clusterBorder": "'
             + style.box_edge + '", "titleColor": "' + style.ink + '", "edgeLabelBackground": "' + style.paper + '"}}}%%',
             f"flowchart {look.direction}"]  # fmt: skip
    lines += boxes(picture, look)
    red = []
    links = 0
    for wire in picture.wires:
        arrow = '-. "writes" .->' if wire.writes else f"-->{label(wire.variable, look) if look.backward else ''}"
        if wire.variable.kind == "gradient" and not wire.writes:
            red.append(links)
        lines.append(f"    {wire.source.id} {arrow} {wire.target.id}")
        links += 1
        if wire.gradient is not None:
            lines.append(f"    {wire.target.id} -->{label(wire.gradient, look)} {wire.source.id}")
            red.append(links)
            links += 1
    if red:
        lines.append(f"    linkStyle {','.join(map(str, red))} stroke:{style.backward},color:{style.backward}")
    for kind in sorted({i.kind for i in picture.items}):
        members = ",".join(i.id for i in picture.items if i.kind == kind)
        lines.append(f"    classDef {kind} fill:{style.fill[kind]},stroke:{style.edge[kind]},color:{style.ink}")
        lines.append(f"    class {members} {kind}")
    heading = [look.title, *picture.notes] if look.title else picture.notes
    if heading:
        lines.append(f'    about["{"<br/>".join(escape(text, 200) for text in heading)}"]')
        lines.append(f"    style about fill:{style.paper},stroke:{style.paper},color:{style.ink}")
    return "\n".join(lines) + "\n"


def label(variable: Variable, look: Look) -> str:
    """What stands on an arrow."""
    return f'|"{shape}"|' if look.shapes and (shape := shape_of(variable)) else ""


def boxes(picture: Picture, look: Look) -> list[str]:
    """The nodes, in nested subgraphs."""
    nested = picture.nested()
    lines: list[str] = []
    todo: list = [iter(nested[()])]
    count = 0
    while todo:
        entry = next(todo[-1], None)
        indent = "    " * len(todo)
        if entry is None:
            todo.pop()
            if todo:
                lines.append(f"{indent[4:]}end")
        elif isinstance(entry, Item):
            lines.append(indent + node(entry, picture, look))
        else:
            lines.append(f'{indent}subgraph s{count}["{escape(" · ".join(filter(None, picture.heading(entry))))}"]')
            todo.append(iter(nested[entry]))
            count += 1
    return lines


def node(item: Item, picture: Picture, look: Look) -> str:
    left, right = ENDS.get(item.kind, ('["', '"]'))
    text = "<br/>".join(escape(line.text) for line in content(item, picture, look) if line.text)
    return f"{item.id}{left}{text}{right}"
