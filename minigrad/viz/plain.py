"""A picture as plain text: one line for each call, in order, with what it takes and the shape of what it gives."""

from __future__ import annotations

from .label import Look, content, heading
from .picture import Item, Picture
from .text import shape_of, visible


def plain_of(picture: Picture, look: Look) -> str:
    """The text of a picture: `%2 = linear(x, weight, bias)  32×16`, modules as indented blocks, backward below."""
    names = {i: visible(i.name or i.kind) if i.leaf else f"%{i.number}" for i in picture.items}
    fed: dict[Item, list[str]] = {}
    written: dict[Item, list[str]] = {}
    for wire in picture.wires:
        if wire.writes:
            written.setdefault(wire.source, []).append(names[wire.target])
        else:
            fed.setdefault(wire.target, []).append(names[wire.source])
    rows: list[tuple[str, str, str]] = []
    nested = picture.nested()
    todo: list = [iter(nested[()])]
    while todo:
        entry = next(todo[-1], None)
        indent = "  " * (len(todo) - 1)
        if entry is None:
            todo.pop()
        elif isinstance(entry, Item):
            text, *more = [visible(line) for line in heading(entry, picture)]
            for line in content(entry, picture, look._replace(shapes=False))[len(more) + 1 :]:
                if line.goes_on:
                    more[-1] += f" {visible(line.text)}"
                elif line.text:
                    more.append(visible(line.text))
            more += [f"writes {', '.join(written[entry])}"] if entry in written else []
            shape = shape_of(entry.variable) if look.shapes and entry.kind not in ("rest", "update") else ""
            rows.append((indent + line_of(entry, text, names, fed), shape, "; ".join(more)))
        else:
            rows.append((f"{indent}[{visible(' · '.join(filter(None, picture.heading(entry))))}]", "", ""))
            todo.append(iter(nested[entry]))
    widths = [max(len(row[k]) for row in rows) for k in (0, 1)]
    lines = [visible(look.title, 200)] * bool(look.title) + [visible(text, 200) for text in picture.notes]
    lines += [f"{a:{widths[0]}}  {b:{widths[1]}}  {c}".rstrip() for a, b, c in rows]
    return "\n".join(lines + backward(picture, names)) + "\n"


def line_of(item: Item, text: str, names: dict[Item, str], fed: dict[Item, list[str]]) -> str:
    if item.leaf:
        return names[item] if names[item] == item.kind else f"{names[item]}  ({item.kind})"
    taken = ", ".join(fed.get(item, ()))
    return f"return {taken}  ({text})" if item.kind == "output" else f"{names[item]} = {text}({taken})"


def backward(picture: Picture, names: dict[Item, str]) -> list[str]:
    """What each item sends back, last first; "+=" where something has arrived before."""
    lines: list[str] = []
    met: set[Item] = set()
    at = {item: k for k, item in enumerate(picture.items)}
    for wire in sorted(picture.wires, key=lambda w: -at[w.target]):
        if wire.gradient is not None:
            sign = "+=" if wire.source in met else "="
            met.add(wire.source)
            sender = "seed" if wire.target.kind == "output" else names[wire.target]
            lines.append(f"grad {names[wire.source]} {sign} from {sender}  {shape_of(wire.gradient)}".rstrip())
    return ["backward:", *(f"  {line}" for line in lines)] if lines else []
