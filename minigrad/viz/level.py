"""How much of a picture is shown: modules closed into one node each, and equal blocks in a row drawn once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from ..core import Op
from .picture import Item, Picture, Scope, Wire

Which = Any  # a name or pattern, a type, an Op, a function of (name, module), or several of these


def matches(which: Which, name: str, thing: Any) -> bool:
    """Whether a module or op is meant by what was given as `collapse` or `open`.

    A string means its path ("encoder.bn1") or the name of its class or op, also as a pattern ("encoder.*").
    Raises TypeError for anything else.
    """
    if which is None or isinstance(which, bool):
        return bool(which)
    if isinstance(which, str):
        kind = thing.name if isinstance(thing, Op) else type(thing).__name__
        return which in (name, kind) or fnmatchcase(name, which) or fnmatchcase(kind, which)
    if isinstance(which, type):
        return isinstance(thing, which)
    if isinstance(which, Op):
        return thing is which
    if callable(which):
        return bool(which(name, thing))
    if isinstance(which, Iterable):
        return any(matches(one, name, thing) for one in which)
    raise TypeError(f"draw: collapse and open take a name, a type, a function of (name, module) or several of these, got "
                    f"{type(which).__name__}. Hint: collapse=nn.BatchNorm2d")  # fmt: skip


def strays(which: Which, things: Iterable[tuple[str, Any]]) -> list[str]:
    """The names and patterns in what was given as `collapse` or `open` that mean none of these modules and ops."""
    if not isinstance(which, (str, list, tuple, set, frozenset)):
        return []
    given, known = [which] if isinstance(which, str) else which, list(things)
    return [one for one in given if isinstance(one, str) and not any(matches(one, *thing) for thing in known)]


def path_of(scope: Scope) -> str:
    """The name of a module's scope: its path in the outermost module, whose own name is its class."""
    return ".".join(scope[1:]) or (scope[0] if scope else "")


def closes(picture: Picture, depth: int | None, collapse: Which, open: Which) -> Callable[[Scope], bool]:
    """Which scopes are drawn as one node. `open` wins over `collapse`, which wins over `depth`; opening a module opens
    those around it."""
    opened = {
        path[:d]
        for path, module in picture.modules.items()
        if open is not None and matches(open, path_of(path), module)
        for d in range(1, len(path) + 1)
    }

    def closed(scope: Scope) -> bool:
        module = picture.modules.get(scope)
        if module is None or scope in opened:
            return False
        if depth is not None and (len(scope) > depth or not getattr(module, "_modules", ())):
            return True
        return collapse is not None and matches(collapse, path_of(scope), module)

    return closed


def deepest(picture: Picture, most: int) -> int | None:
    """The depth at which at most `most` nodes that are no leaves remain, as deep as possible; None to open everything."""
    scopes = [i.scope for i in picture.items if i.computes]
    if len(scopes) <= most:
        return None
    for depth in range(max(map(len, scopes)), 0, -1):
        closed = closes(picture, depth, None, None)
        if len({box_around(s, closed) or k for k, s in enumerate(scopes)}) <= most:
            return depth
    return 0


def box_around(scope: Scope, closed: Callable[[Scope], bool]) -> Scope | None:
    """The outermost closed scope around a scope."""
    return next((scope[:d] for d in range(1, len(scope) + 1) if closed(scope[:d])), None)


def close(picture: Picture, closed: Callable[[Scope], bool]) -> None:
    """Put the items of each closed scope into one, with the parameters and constants that only they use."""
    inside: dict[Scope, list[Item]] = {}
    for item in picture.items:
        box = box_around(item.scope, closed)
        if box is not None and item.computes:
            inside.setdefault(box, []).append(item)
    into: dict[Item, Item] = {}
    for scope, members in inside.items():
        last = members[-1]
        shut = Item(members[0].number, "module", last.variable, None, scope[-1], scope[:-1], last.gradient, members=members)
        into |= dict.fromkeys(members, shut)
    users: dict[Item, set[Item]] = {}
    for wire in picture.wires:
        leaf, other = (wire.target, wire.source) if wire.writes else (wire.source, wire.target)
        if leaf.leaf and leaf.kind != "input":
            users.setdefault(leaf, set()).add(into.get(other, other))
    for leaf, their in users.items():
        (user, *others) = their
        if not others and user.kind == "module":
            into[leaf] = user
            user.members.append(leaf)
    merged: dict[tuple, Wire] = {}
    for wire in picture.wires:
        source, target = into.get(wire.source, wire.source), into.get(wire.target, wire.target)
        if source is target:
            continue
        if wire.source in into and not wire.writes:
            source.variable = wire.source.variable  # what leaves the module, even where its last call is another
            source.gradient = wire.source.gradient
        key = (source, target, wire.variable if target.kind == "module" else wire.position, wire.writes)
        first = merged.setdefault(key, wire)
        first.gradient = first.gradient or wire.gradient
        first.source, first.target = source, target
    arrived: dict[Item, int] = {}
    for wire in merged.values():
        if wire.target.kind == "module" and not wire.writes:
            wire.position = arrived[wire.target] = arrived.get(wire.target, -1) + 1
    picture.wires = list(merged.values())
    picture.items = list(dict.fromkeys(into.get(i, i) for i in picture.items))


# -- equal blocks --------------------------------------------------------------------------------------------------------


def fold(picture: Picture) -> None:
    """Draw equal modules that follow one another once, outermost first; the node or box then stands for several."""
    for depth in range(1, 1 + max((len(i.scope) + (i.kind == "module") for i in picture.items), default=0)):
        blocks: dict[Scope, list[Item]] = {}
        for item in picture.items:
            place = (*item.scope, item.name) if item.kind == "module" else item.scope
            if item.computes and len(place) >= depth and place[:depth] in picture.modules:
                blocks.setdefault(place[:depth], []).append(item)
        into: dict[Item, list[Wire]] = {}
        users: dict[Item, set[Item]] = {}
        for wire in picture.wires:
            if not wire.writes:
                into.setdefault(wire.target, []).append(wire)
                users.setdefault(wire.source, set()).add(wire.target)
        looks = {scope: (type(picture.modules[scope]), signature(block, into)) for scope, block in blocks.items()}
        run: list[Scope] = []
        for scope in [*blocks, ()]:
            alike = run and scope and scope[:-1] == run[-1][:-1] and looks[scope] == looks[run[-1]]
            if alike and follows(blocks[run[-1]], blocks[scope], users):
                run.append(scope)
                continue
            if len(run) > 1:
                keep_first(picture, [blocks[s] for s in run])
                picture.times[run[0]] = (len(run), run[-1][-1])
            run = [scope]


def follows(first: list[Item], second: list[Item], users: dict[Item, set[Item]]) -> bool:
    """Whether what a block gives goes to the second one, and nowhere else."""
    leaving = {user for item in first for user in users.get(item, ())} - set(first)
    return bool(leaving) and leaving <= set(second)


def signature(items: list[Item], into: dict[Item, list[Wire]]) -> list:
    """What a block looks like, without names."""
    at = {item: f"item {k}" for k, item in enumerate(items)}
    looks: list[Any] = []
    for item in items:
        held = [(m.kind, m.call.op.name if m.call else "", m.variable.shape) for m in item.members]
        joins = [(at.get(w.source, w.source.kind == "parameter"), w.position, w.variable.shape) for w in into.get(item, ())]
        looks.append((item.kind, item.call.op.name if item.call else held, item.variable.shape, joins))
    return looks


def keep_first(picture: Picture, blocks: list[list[Item]]) -> None:
    """Let the first of equal blocks stand for all: what the last gives, the first gives."""
    first, last = blocks[0], blocks[-1]
    stands = dict(zip(last, first, strict=True))
    gone = {item for block in blocks[1:] for item in block}
    for wire in picture.wires:
        if wire.source in stands and wire.target not in gone:
            wire.source = stands[wire.source]
    picture.drop(gone)
