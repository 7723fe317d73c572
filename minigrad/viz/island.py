"""A Program as the data of the explorer's page: plain lists, dicts, strings and numbers, ready for JSON.

The whole is a tree of groups (modules, opened ops, runs of calls) with items (calls and leaves) in it. `schema.py` says what
every field is; the page reads nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from ..trace import Call, Program, Variable
from ..trace.behind import run_definition
from .equations import Equations
from .norms import NORMS, norm_of, sizes_of
from .picture import arrays_of, common, computed_later
from .tables import SHOWN, Numbers, Texts, place, plain, summary
from .text import visible
from .words import Names, role

MAPPED = 24  # normalizations whose maps of derivatives are drawn: each takes many backward passes
SLOW = 1000  # calls from which a progress bar is shown


class Island:
    """Builds the page's data from a program.

    made     by variable: the item that it was last made by, at the deepest level
    nodes    by the number of a recorded node: its item
    uses     by a leaf's item: the groups of the calls that take it
    current  by scope: the group that its calls go to now; `begun` is how many of the program's entries were seen
    """

    def __init__(self, program: Program, names: dict[Variable, str]) -> None:
        self.original, self.names = program, Names(names, program.variables)
        self.program = dataclasses.replace(program, calls=[], variables=list(program.variables), modules=dict(program.modules),
                                           gradients=dict(program.gradients), sent=dict(program.sent))  # fmt: skip
        self.texts = Texts()
        self.texts("")
        self.numbers = Numbers(many=len(program.variables) > SHOWN)
        self.items: list[dict[str, Any]] = []
        self.groups: list[dict[str, Any]] = [group(0, None, "", "root", "")]
        self.made: dict[Variable, int] = {}
        self.nodes: dict[int, int] = {}
        self.norms: list[dict[str, Any]] = []
        self.uses: dict[int, list[int]] = {}
        self.current: dict[tuple[str, ...], int] = {(): 0}
        self.begun = 0
        later, left_out = computed_later(program), bookkeeping(program) | insides(program)
        for call in tqdm(program.calls, "explore", unit="call", leave=False, disable=len(program.calls) < SLOW):
            self.begin_modules(call)
            if call not in later and call not in left_out:
                self.enter(call, self.group_of(call.scope))
        self.updates = [self.update(call) for call in program.calls if call.phase == "update" and call in later]
        self.backward = [found for key in program.gradients if (found := self.item_of(key)) is not None]
        self.place_leaves()

    # -- groups --------------------------------------------------------------------------------------------------------
    def begin_modules(self, call: Call) -> None:
        """Modules that began before a call get new groups, so that a module used twice has two."""
        for path in self.original.entries[self.begun : call.entered]:
            self.current = {scope: g for scope, g in self.current.items() if scope[: len(path)] != path}
        self.begun = max(self.begun, call.entered)

    def group_of(self, scope: tuple[str, ...]) -> int:
        """The group of the calls of a scope."""
        if scope not in self.current:
            parent = self.group_of(scope[:-1])
            module = self.program.modules.get(scope)
            title = "" if module is None else type(module).__name__
            self.current[scope] = self.add_group(parent, scope[-1], "module", title)
        return self.current[scope]

    def add_group(self, parent: int, label: str, kind: str, title: str) -> int:
        self.groups.append(group(len(self.groups), parent, visible(label), kind, visible(title)))
        self.groups[parent]["children"].append({"group": len(self.groups) - 1})
        return len(self.groups) - 1

    def path(self, at: int | None) -> tuple[int, ...]:
        """The groups from the root to a group."""
        path: list[int] = []
        while at is not None:
            path.append(at)
            at = self.groups[at]["parent"]
        return tuple(reversed(path))

    # -- items ---------------------------------------------------------------------------------------------------------
    def enter(self, call: Call, where: int) -> int:
        """A forward call: its item and, if it is composite, the calls of its definition in a group of their own."""
        composite = call.op.definition is not None and call.phase == "forward"
        inputs = [(k, a, self.source(a, where)) for k, a in enumerate(call.inputs) if isinstance(a, Variable)]
        kind = "update" if call.phase == "update" else "composite" if composite else "op"
        at = self.add(kind, role(call), where, call.output)
        item = self.items[at]
        total = self.program.gradients.get(call.node) if call.node is not None else None
        equations = Equations(call, self.names)
        item |= self.about(call, equations) | {"gradient": self.numbers.of(total)}
        item["inputs"] = [self.input(call, equations, total, *each) for each in inputs]
        if call.node is not None:
            self.nodes[call.node] = at
        if composite:
            self.open(call, at, where)
        self.made[call.output] = item["last"] = self.last_inside(at)
        return at

    def input(
        self, call: Call, equations: Equations, total: Variable | None, k: int, a: Variable, source: int
    ) -> dict[str, Any]:
        """Input `k` of a call, made by item `source`: what came, and what was sent back if a gradient arrived."""
        part = self.program.sent.get((call.node, k))  # type: ignore[arg-type]
        name = call.op.inputs[min(k, len(call.op.inputs) - 1)]
        letter = equations.letters[k] if k < len(equations.letters) else name
        rule = None
        if part is not None and total is not None:
            rule = self.texts.all(equations.rule(k, total.array, part.array))
        return {"k": k, "name": name, "letter": letter, "variable": self.numbers.of(a), "source": source,
                "sent": self.numbers.of(part), "rule": rule}  # fmt: skip

    def open(self, call: Call, at: int, where: int) -> None:
        """The insides of a composite call."""
        sent = self.program.sent.get((call.node, 0))  # type: ignore[arg-type]
        inside = run_definition(self.program, call, 1)
        if inside is None:
            return
        item = self.items[at]
        self.groups.append(group(len(self.groups), where, item["title"], "op", call.op.name))
        item["inside"] = g = len(self.groups) - 1
        self.groups[g]["item"] = at
        forward = [c for c in inside if c.phase != "backward"]
        items = [self.enter(c, g) for c in forward]
        order = sorted((c.node, i) for c, i in zip(forward, items, strict=True) if self.items[i]["gradient"] is not None)
        item["backward"] = [i for _, i in reversed(order)]
        if call.op.name in NORMS:
            item["norm"] = len(self.norms)
            self.norms.append(norm_of(call, inside, self.program, sent, mapped=len(self.norms) < MAPPED))
        else:  # a normalization in other clothes, such as group norm or batch norm with a ReLU
            item["norm"] = next((self.items[i]["norm"] for i in items if self.items[i]["norm"] is not None), None)
            if item["norm"] is not None:
                self.norms[item["norm"]]["sizes"] = sizes_of(call.inputs[0].shape)

    def last_inside(self, at: int) -> int:
        """The item that makes an item's output, at the deepest level."""
        inside = self.items[at]["inside"]
        while inside is not None:
            output = self.items[at]["variable"]
            makers = [c["item"] for c in self.groups[inside]["children"] if "item" in c]
            at = next((i for i in reversed(makers) if self.items[i]["variable"] == output), makers[-1])
            inside = self.items[at]["inside"]
        return at

    def source(self, v: Variable, where: int) -> int:
        """The item that made a variable; a leaf's item is entered when first met."""
        if v not in self.made:
            kind = v.kind if v.kind in ("parameter", "input") else "constant"
            self.made[v] = at = self.add(kind, self.names.get(v, v.name) or ("g" if v.kind == "gradient" else kind), None, v)
            self.items[at]["gradient"] = self.numbers.of(self.original.gradients.get(v))
        at = self.made[v]
        if at in self.uses or self.items[at]["group"] is None:
            self.uses.setdefault(at, []).append(where)
        return at

    def add(self, kind: str, title: str, where: int | None, v: Variable) -> int:
        at = len(self.items)
        self.items.append({"id": at, "kind": kind, "title": visible(title), "group": where, "variable": self.numbers.of(v),
                           "gradient": None, "inputs": [], "inside": None, "backward": [], "norm": None, "op": "", "source": 0,
                           "options": "", "formula": None, "saved": [], "savedBytes": 0, "doc": 0, "last": at})  # fmt: skip
        if where is not None:
            self.groups[where]["children"].append({"item": at})
        return at

    def about(self, call: Call, equations: Equations) -> dict[str, Any]:
        """What is said about a call beside its values and gradients."""
        options = ", ".join(f"{name}={plain(value)}" for name, value in call.options.items())
        saved = [{"name": name, "variable": self.numbers.of(v)} for name, v in call.saved.items()]
        return {"op": call.op.name, "source": self.texts(visible(place(call.source), 300)), "options": visible(options, 200),
                "formula": self.texts.all(equations.formula()), "saved": saved, "savedBytes": call.saved_bytes,
                "doc": self.texts(first_line(call))}  # fmt: skip

    def update(self, call: Call) -> dict[str, Any]:
        """One call of the optimizer: which leaf it moves."""
        leaf = call.inputs[0]
        at = self.made.get(leaf) if isinstance(leaf, Variable) else None
        after = next(iter(call.after.values()), None)
        formula = self.texts.all(Equations(call, self.names).formula())
        return {"item": at, "op": call.op.name, "doc": self.texts(first_line(call)), "formula": formula,
                "after": None if after is None else summary(after)}  # fmt: skip

    def item_of(self, key: Any) -> int | None:
        """The item of a node number or leaf variable."""
        return self.made.get(key) if isinstance(key, Variable) else self.nodes.get(key)

    def place_leaves(self) -> None:
        """A leaf lies in the innermost group that holds all its uses; inputs lie outside."""
        for at, users in self.uses.items():
            item = self.items[at]
            paths: Iterable[tuple] = map(self.path, users)
            shared: tuple = next(iter(paths))
            for path in paths:
                shared = common(shared, path)
            where = shared[-1] if item["kind"] != "input" else 0
            item["group"] = where
            self.groups[where]["children"].insert(0, {"item": at})
            lead = ".".join(self.groups[g]["label"] for g in shared[2:])
            item["short"] = item["title"].removeprefix(f"{lead}.") if lead else item["title"]

    def data(self) -> dict[str, Any]:
        return {"items": self.items, "groups": self.groups, "backward": self.backward, "updates": self.updates,
                "variables": self.numbers.rows, "texts": self.texts.rows, "norms": self.norms}  # fmt: skip


def group(at: int, parent: int | None, label: str, kind: str, title: str) -> dict[str, Any]:
    return {"id": at, "parent": parent, "label": label, "kind": kind, "title": title, "children": [], "item": None}


def bookkeeping(program: Program) -> set[Call]:
    """Updates in the forward pass whose result nothing reads, such as the count of batches."""
    read = {a for call in program.calls if call.phase != "update" for a in arrays_of(call)}
    return {call for call in program.calls if call.phase == "update" and call.output not in read}


def insides(program: Program) -> set[Call]:
    """The calls inside of Functions, whose own calls stand for them."""
    return {call for call in program.calls if call.phase == "inside"}


def first_line(call: Call) -> str:
    """What an op says of itself, in a line."""
    return visible(((call.op.__doc__ or "").strip().splitlines() or [""])[0], 200)
