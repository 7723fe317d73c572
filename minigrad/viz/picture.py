"""A Program as a picture: items joined by wires, in the boxes of their scopes. No layout, no text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..trace import Call, Program, Variable

FOLDED = ("reshape", "alias")  # of a leaf, or to the same shape, these say nothing that the edge does not


@dataclass(eq=False)
class Item:
    """One node of the picture.

    kind   "op", "composite", "update", "parameter", "input", "constant", "output" or "rest" (calls left out)
    meets  how many gradients meet in it
    sends  the positions of the inputs that it sends a gradient to
    """

    number: int
    kind: str
    variable: Variable
    call: Call | None = None
    name: str = ""
    scope: tuple[str, ...] = ()
    gradient: Variable | None = None
    meets: int = 0
    sends: set[int] = field(default_factory=set)

    @property
    def id(self) -> str:
        return f"n{self.number}"


@dataclass(eq=False)
class Wire:
    """An array on its way from one item to input `position` of another, and the gradient that comes back."""

    source: Item
    target: Item
    position: int
    variable: Variable
    gradient: Variable | None = None


@dataclass(eq=False)
class Picture:
    items: list[Item] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    modules: Mapping[tuple[str, ...], Any] = field(default_factory=dict)
    names: dict[Variable, str] = field(default_factory=dict)


def picture_of(program: Program, goal: Variable | None, backward: bool, names: dict[Variable, str], limit: int) -> Picture:
    """The forward calls that lead to `goal` (to every result if None), with gradients if `backward`.

    Of more than `limit` calls the last ones are drawn, and one item stands for the rest.
    """
    drawn = Builder(program, goal, names)
    ends = [drawn.made[goal]] if goal is not None else unused(drawn.feeding)
    kept = behind(ends, drawn.feeding)
    picture = Picture([i for i in drawn.items if i in kept], [], program.modules, names)
    picture.wires = [w for i in picture.items for w in drawn.feeding.get(i, ())]
    leave_out(picture, limit)
    used = {w.source for w in picture.wires}
    for end in ends:
        out = Item(len(drawn.items), "output", end.variable, name=drawn.name(end.variable), gradient=end.gradient)
        drawn.items.append(out)
        picture.items.append(out)
        picture.wires.append(Wire(end, out, 0, end.variable, None if end in used else end.gradient))
    for wire in picture.wires:
        wire.gradient = wire.gradient if backward else None
        if wire.gradient is not None:
            wire.source.meets += 1
            wire.target.sends.add(wire.position)
    place_leaves(picture)
    return picture


class Builder:
    """Turns the forward and update calls of a program into items and wires, one after the other."""

    def __init__(self, program: Program, goal: Variable | None, names: dict[Variable, str]) -> None:
        self.program, self.names = program, names
        self.items: list[Item] = []
        self.made: dict[Variable, Item] = {}  # what a variable was last made by
        self.feeding: dict[Item, list[Wire]] = {}  # the wires into each call
        self.folds: dict[Variable, Call] = {}
        self.uses = Counter(a for call in program.calls if call.phase == "forward" for a in arrays_of(call))
        seeds = set(program.gradients.values()) - set(self.uses)  # what backpropagation started from
        later: set[Variable] = set()  # computed from gradients, such as an optimizer's step
        for call in program.calls:
            arrays = arrays_of(call)
            if call.phase == "backward" or call.output in seeds or any(a in later or a.kind == "gradient" for a in arrays):
                later.add(call.output)
            elif self.says_nothing(call) and call.output is not goal:
                self.folds[call.output] = call
                self.made[call.output] = self.source(arrays[0])
            else:
                self.enter(call)

    def says_nothing(self, call: Call) -> bool:
        """Whether a call is better left out: its input's edge goes straight to whoever takes its output."""
        x = next(iter(arrays_of(call)), None)
        return call.op.name in FOLDED and x is not None and (x.maker is None or x.shape == call.output.shape)

    def enter(self, call: Call) -> None:
        """One call: its item, and the wires to it."""
        kind = "update" if call.phase == "update" else "composite" if call.op.definition is not None else "op"
        sources = [(k, a, self.source(a)) for k, a in enumerate(call.inputs) if isinstance(a, Variable)]
        item = self.add(kind, call.output, call=call, scope=call.scope)
        item.gradient = self.program.gradients.get(call.node)
        self.feeding[item] = [Wire(source, item, k, *self.carried(call, k, a)) for k, a, source in sources]
        self.made[call.output] = item

    def carried(self, call: Call, k: int, a: Variable) -> tuple[Variable, Variable | None]:
        """What goes along a wire, and what comes back; both as they are beyond a folded call."""
        sent = self.program.sent
        part = sent.get((call.node, k))  # type: ignore[arg-type]
        fold = self.folds.get(a)
        if fold is None:
            return a, part
        alone = part is not None and self.uses[a] == 1
        return fold.inputs[0], sent.get((fold.node, 0), part) if alone else part  # type: ignore[arg-type]

    def source(self, v: Variable) -> Item:
        """The item that made a variable; a leaf's item is entered when first met."""
        if v not in self.made:
            kind = v.kind if v.kind in ("parameter", "input") else "constant"
            self.made[v] = self.add(kind, v, name=self.name(v), gradient=self.program.gradients.get(v))
        return self.made[v]

    def add(self, kind: str, variable: Variable, **more: Any) -> Item:
        self.items.append(Item(len(self.items), kind, variable, **more))
        return self.items[-1]

    def name(self, v: Variable) -> str:
        return self.names.get(v, v.name)


def arrays_of(call: Call) -> list[Variable]:
    """The inputs of a call that are arrays."""
    return [a for a in call.inputs if isinstance(a, Variable)]


def unused(feeding: dict[Item, list[Wire]]) -> list[Item]:
    """The results: forward calls whose output no other call takes."""
    taken = {wire.source for wires in feeding.values() for wire in wires}
    ends = [i for i in feeding if i not in taken and i.kind != "update"]
    return ends or list(feeding)[-1:]


def behind(ends: list[Item], feeding: dict[Item, list[Wire]]) -> set[Item]:
    """The `ends` and all items that lead to them."""
    seen, stack = set(ends), list(ends)
    while stack:
        for wire in feeding.get(stack.pop(), ()):
            if wire.source not in seen:
                seen.add(wire.source)
                stack.append(wire.source)
    return seen


def leave_out(picture: Picture, limit: int) -> None:
    """Keep the last `limit` calls, and let one item stand for the others."""
    calls = [i for i in picture.items if i.call is not None]
    if len(calls) <= limit:
        return
    gone = set(calls[:-limit])
    kept = [w for w in picture.wires if w.target not in gone]
    rest = Item(calls[0].number, "rest", calls[0].variable, name=f"… {len(gone):,} earlier calls")
    for wire in kept:
        wire.source = rest if wire.source in gone else wire.source
    linked = {w.source for w in kept} | {w.target for w in kept}
    picture.wires = kept
    picture.items = [rest, *(i for i in picture.items if i in linked and i is not rest)]


def place_leaves(picture: Picture) -> None:
    """A leaf lies in the innermost box that holds all its uses."""
    scopes: dict[Item, tuple[str, ...]] = {}
    for wire in picture.wires:
        if wire.source.call is None:
            scopes[wire.source] = common(scopes.get(wire.source, wire.target.scope), wire.target.scope)
    for item, scope in scopes.items():
        item.scope = scope if item.kind in ("parameter", "constant") else ()
        for depth in range(len(item.scope), 1, -1):  # the boxes say the rest of the name
            item.name = item.name.removeprefix(".".join(item.scope[1:depth]) + ".")


def common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """The common beginning of two scopes."""
    n = next((k for k, (left, right) in enumerate(zip(a, b, strict=False)) if left != right), min(len(a), len(b)))
    return a[:n]
