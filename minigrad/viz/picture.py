"""A Program as a picture: items joined by wires, in the boxes of their scopes. No layout, no text format."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..trace import Call, Program, Variable
from ..trace.program import written_by
from .words import Names, is_parameter

FOLDED = ("reshape", "alias")  # of a leaf, or to the same shape, these say nothing that the edge does not

Scope = tuple[str, ...]


@dataclass(eq=False)
class Item:
    """One node of the picture.

    kind     "op", "composite", "update", "module" (closed), "parameter", "input", "constant", "output" or "rest" (left out)
    meets    how many gradients meet in it
    sends    the positions of the inputs that it sends a gradient to
    places   the positions of its incoming wires
    members  what a closed module holds
    """

    number: int
    kind: str
    variable: Variable
    call: Call | None = None
    name: str = ""
    scope: Scope = ()
    gradient: Variable | None = None
    meets: int = 0
    sends: set[int] = field(default_factory=set)
    places: list[int] = field(default_factory=list)
    members: list[Item] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"n{self.number}"

    @property
    def leaf(self) -> bool:
        """Whether it comes from outside."""
        return self.kind in ("parameter", "input", "constant")

    @property
    def computes(self) -> bool:
        """Whether it is a call or a closed module."""
        return self.call is not None or self.kind == "module"


@dataclass(eq=False)
class Wire:
    """An array on its way from one item to input `position` of another, and the gradient that comes back.

    writes  the target is a leaf, which the source overwrites
    """

    source: Item
    target: Item
    position: int
    variable: Variable
    gradient: Variable | None = None
    writes: bool = False


@dataclass(eq=False)
class Picture:
    """Items in the order of the calls, wires, and the modules of the boxes.

    times   for a scope that stands for several equal ones: how many, and the name of the last
    notes   what the reader should know about what is not drawn
    boxes   the scopes that are drawn as boxes
    """

    items: list[Item] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    modules: dict[Scope, Any] = field(default_factory=dict)
    names: Names = field(default_factory=lambda: Names({}, ()))
    times: dict[Scope, tuple[int, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    boxes: set[Scope] = field(default_factory=set)

    def nested(self) -> dict[Scope, list]:
        """What each box holds, items and boxes (scopes), in the order of the calls; () is the picture itself.

        A scope is a box if it holds several items, but not if it holds all calls, or the same as the box around it.
        """
        calls = sum(i.computes for i in self.items)
        inside: dict[Scope, list[Item]] = {}
        for item in self.items:
            for depth in range(1, len(item.scope) + 1):
                inside.setdefault(item.scope[:depth], []).append(item)
        boxes: dict[Scope, int] = {}
        for path in sorted(inside, key=len):
            held, drawn = len(inside[path]), sum(i.computes for i in inside[path])
            repeated = path in self.times
            if (held > 1 and drawn < calls and held != boxes.get(home(path[:-1], boxes))) or (repeated and held > 1):
                boxes[path] = held
        at = {item: k for k, item in enumerate(self.items)}
        found: dict[Scope, list] = {(): []}
        first: dict[Any, int] = {}
        for path in boxes:
            first[path] = min(at[i] for i in inside[path])
            found.setdefault(home(path[:-1], boxes), []).append(path)
        for item in self.items:
            first[item] = at[item]
            found.setdefault(home(item.scope, boxes), []).append(item)
        return {box: sorted(entries, key=lambda entry: first[entry]) for box, entries in found.items()}

    def heading(self, scope: Scope) -> tuple[str, str]:
        """The name of a box or closed module, seen from the box around it, and the class of its module (empty where it says
        the same), with the number of equal blocks."""
        module, outer = self.modules.get(scope), home(scope[:-1], self.boxes)
        name = ".".join(scope[max(len(outer), 1) :]) or scope[0]
        kind = type(module).__name__ if module is not None and type(module).__name__ != name.partition(" (")[0] else ""
        if scope not in self.times:
            return name, kind
        count, last = self.times[scope]
        return f"{name} … {name[: len(name) - len(scope[-1])]}{last}", f"{kind} ×{count}".strip()

    def ends(self) -> set[Item]:
        """The items that give the results."""
        return {w.source for w in self.wires if w.target.kind == "output"}

    def drop(self, gone: set[Item]) -> None:
        """Take items out, with their wires, and leaves that then feed nothing."""
        self.wires = [w for w in self.wires if w.source not in gone and w.target not in gone]
        used = {w.source for w in self.wires}
        self.items = [i for i in self.items if i not in gone and not (i.leaf and i not in used)]
        kept = set(self.items)
        self.wires = [w for w in self.wires if w.source in kept and w.target in kept]


def picture_of(program: Program, goal: Variable | None, names: Mapping[Variable, str], updates: bool = False) -> Picture:
    """The forward calls that lead to `goal` (to every result and update if None), and an item for each result.

    With `updates`, also what is computed from gradients, such as an optimizer's step.
    """
    drawn = Builder(program, goal, names, updates)
    ends = [drawn.made[goal]] if goal is not None else results(drawn.feeding)
    asked = [i for i in ends if is_question(i)] if not all(map(is_question, ends)) else []
    ends = [i for i in ends if i not in asked]
    written = [] if goal is not None else [i for i in drawn.feeding if i.kind == "update"]
    kept = behind([*ends, *written], drawn.feeding)
    picture = Picture([i for i in drawn.items if i in kept], [], drawn.modules, Names(names, program.variables))
    picture.wires = [w for i in picture.items for w in drawn.feeding.get(i, ())]
    heard = {w.source for w in picture.wires if w.gradient is not None}
    picture.wires += [w for w in drawn.writes if w.source in kept and w.target in kept]
    for end in ends:
        out = drawn.add("output", end.variable, name=names.get(end.variable, end.variable.name), gradient=end.gradient)
        picture.items.append(out)
        picture.wires.append(Wire(end, out, 0, end.variable, None if end in heard else end.gradient))
    if asked:
        picture.notes.append(f"left out: {len(asked)} yes or no that only Python asked for, as `if` does")
    return picture


def finish(picture: Picture, backward: bool, limit: int) -> None:
    """Count the gradients that meet, and put the leaves where they are used.

    Of more than `limit` calls the last ones are drawn, and one item stands for the rest.
    """
    leave_out(picture, limit)
    for wire in picture.wires:
        wire.gradient = wire.gradient if backward else None
        if not wire.writes:
            wire.target.places.append(wire.position)
        if wire.gradient is not None:
            wire.source.meets += 1
            wire.target.sends.add(wire.position)
    place_leaves(picture)
    picture.boxes = set(picture.nested())


class Builder:
    """Turns the forward and update calls of a program into items and wires, one after the other."""

    def __init__(self, program: Program, goal: Variable | None, names: Mapping[Variable, str], updates: bool) -> None:
        self.program, self.names = program, names
        self.items: list[Item] = []
        self.made: dict[Variable, Item] = {}  # what a variable was last made by
        self.feeding: dict[Item, list[Wire]] = {}  # the wires into each call
        self.writes: list[Wire] = []  # from a call to the leaf that it overwrites
        self.folds: dict[Variable, Call] = {}
        self.modules: dict[Scope, Any] = dict(program.modules)
        self.entries: dict[Scope, list[int]] = {}
        for at, path in enumerate(program.entries):
            self.entries.setdefault(path, []).append(at)
        self.uses = Counter(a for call in program.calls if call.phase == "forward" for a in arrays_of(call))
        gradients = [*program.gradients.items(), *((v, g) for g, v in program.arrivals.items())]
        self.owners = {g: v for v, g in gradients if isinstance(v, Variable)}  # by a gradient: its leaf
        later = computed_later(program)
        for call in program.calls:
            arrays = arrays_of(call)
            if call.phase == "inside":
                continue
            if call in later:
                asked = updates and call.phase != "backward" and call.output not in program.arrivals  # no `+=` into .grad
                if asked and all(a in self.made or a.maker is None or a in self.owners for a in arrays):
                    self.enter(call)
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
        """One call: its item, the wires to it, and to the leaves that it overwrites."""
        kind = "update" if call.phase == "update" else "composite" if call.op.definition is not None else "op"
        written = [k for k in written_by(call.op) if k < len(call.inputs) and isinstance(call.inputs[k], Variable)]
        state = set(written[1:]) if kind == "update" else set()  # an optimizer's moments would hide its parameter
        sources = [(k, a, self.source(a)) for k, a in enumerate(call.inputs) if isinstance(a, Variable) and k not in state]
        item = self.add(kind, call.output, call=call, scope=self.scope(call))
        item.gradient = self.program.gradients.get(call.node)
        self.feeding[item] = [Wire(source, item, k, *self.carried(call, k, a)) for k, a, source in sources]
        at = {k: source for k, _, source in sources}
        self.writes += [Wire(item, at[k], 0, call.inputs[k], None, True) for k in written if k in at and at[k].leaf]
        if kind != "update" or call.output.maker is not None:
            self.made[call.output] = item

    def scope(self, call: Call) -> Scope:
        """The scope of a call; of a module that ran several times, each time is a box of its own."""
        labels = list(call.scope)
        for depth in range(1, len(labels) + 1):
            path = call.scope[:depth]
            visit = bisect_right(self.entries.get(path, ()), call.entered - 1)
            labels[depth - 1] += f" ({visit})" if visit > 1 else ""
            if path in self.program.modules:
                self.modules[tuple(labels[:depth])] = self.program.modules[path]
        return tuple(labels)

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
        """The item that made a variable; a leaf's item is entered when first met. A leaf's gradient comes from the leaf."""
        if v in self.owners and v not in self.made:
            return self.source(self.owners[v])
        if v not in self.made:
            kind = v.kind if v.kind in ("parameter", "input") else "constant"
            name = self.names.get(v, v.name) or ("g" if v.kind == "gradient" else "")
            self.made[v] = self.add(kind, v, name=name, gradient=self.program.gradients.get(v))
        return self.made[v]

    def add(self, kind: str, variable: Variable, **more: Any) -> Item:
        self.items.append(Item(len(self.items), kind, variable, **more))
        return self.items[-1]


def computed_later(program: Program) -> set[Call]:
    """The calls that are no part of the forward graph: backpropagation, its seeds, and what was computed from gradients.

    A parameter stays what it is when an optimizer has moved it: what is computed from it then is the next forward pass.
    """
    taken = {a for call in program.calls if call.phase == "forward" for a in arrays_of(call)}
    seeds = program.arrivals.keys() - taken
    made = {call.output for call in program.calls if call.phase == "forward"}  # gradients too, of a pass differentiated again
    later: set[Variable] = {v for v in program.variables if v.kind == "gradient"} - made
    calls: set[Call] = set()
    for call in program.calls:
        moved = call.rule is None and bool(later & set(arrays_of(call)))
        if call.phase == "backward" or call.output in seeds or moved:
            calls.add(call)
            if not (call.phase == "update" and is_parameter(call.output)):
                later.add(call.output)
    return calls


def arrays_of(call: Call) -> list[Variable]:
    """The inputs of a call that are arrays."""
    return [a for a in call.inputs if isinstance(a, Variable)]


def results(feeding: dict[Item, list[Wire]]) -> list[Item]:
    """The results: forward calls whose output no other call takes, and those from which backpropagation began."""
    wires = [wire for fed in feeding.values() for wire in fed]
    taken, heard = {wire.source for wire in wires}, {wire.source for wire in wires if wire.gradient is not None}
    ends = [i for i in feeding if i.kind != "update" and (i not in taken or (i.gradient is not None and i not in heard))]
    return ends or list(feeding)[-1:]


def is_question(item: Item) -> bool:
    """Whether a result is a single truth value: what a condition or a loop asks for."""
    return item.kind == "op" and item.variable.dtype.kind == "bool" and item.variable.size == 1


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
    calls = [i for i in picture.items if i.computes]
    if len(calls) <= limit:
        return
    gone = set(calls[:-limit])
    rest = Item(calls[0].number, "rest", calls[0].variable, name=f"… {len(gone):,} earlier calls")
    for wire in picture.wires:
        wire.source = rest if wire.source in gone else wire.source
    picture.items.append(rest)
    picture.drop(gone)
    picture.items.remove(rest)
    picture.items.insert(0, rest)
    picture.notes.append(f"the last {limit:,} of {len(calls):,} calls; the earlier ones are one node")


def place_leaves(picture: Picture) -> None:
    """A leaf lies in the innermost box that holds all its uses; of several with one name outside, each names its module."""
    scopes: dict[Item, Scope] = {}
    owners: dict[Item, set[str]] = {}
    for wire in picture.wires:
        if wire.source.leaf:
            owners.setdefault(wire.source, set()).update(label.partition(" (")[0] for label in wire.target.scope[:1])
            scopes[wire.source] = common(scopes.get(wire.source, wire.target.scope), wire.target.scope)
    for item, scope in scopes.items():
        item.scope = scope if item.kind in ("parameter", "constant") else ()
        for depth in range(len(item.scope), 1, -1):  # the boxes say the rest of the name
            item.name = item.name.removeprefix(".".join(item.scope[1:depth]) + ".")
    names = Counter(item.name for item, scope in scopes.items() if not scope)
    for item, scope in scopes.items():
        if not scope and names[item.name] > 1 and item.name and len(owners[item]) == 1 and item.kind != "input":
            item.name = f"{next(iter(owners[item]))}.{item.name}"


def home(scope: Scope, boxes: Container[Scope]) -> Scope:
    """The innermost box around a scope."""
    while scope and scope not in boxes:
        scope = scope[:-1]
    return scope


def common(a: Scope, b: Scope) -> Scope:
    """The common beginning of two scopes."""
    n = next((k for k, (left, right) in enumerate(zip(a, b, strict=False)) if left != right), min(len(a), len(b)))
    return a[:n]
