"""What a shape or type error inside a model adds to its message: the way to the place where it happened, as a small graph."""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sys
from types import CodeType, FrameType, TracebackType
from typing import Any

from ..backends.source import PACKAGE, user_line
from ..core import Node, Tensor, node_of, walk

LAST = 8  # so many calls before the failure are shown
WIDE = 60


def note(error: BaseException, called: CodeType) -> None:
    """Add the note to an error that leaves the outermost module; `called` is the code of `Module.__call__`.

    Everything is read off the traceback and the graph behind the tensors in it, so nothing is kept while all goes well.
    """
    above: FrameType | None = sys._getframe(2)
    while above is not None:
        if above.f_code is called:
            return  # another module is still to be left
        above = above.f_back
    modules: list[FrameType] = []
    tensors: list[Tensor] = []
    file, line = "", 0
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        tensors = given(frame) or tensors
        if frame.f_code is called:
            modules.append(frame)
        if not frame.f_code.co_filename.startswith(PACKAGE):
            file, line = frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
    if not file:  # the model is the user's only in that the user called it
        file, _, number = user_line().rpartition(":")
        line = int(number or 0)
    what = str(error).partition(":")[0]
    what = what if what.replace(".", "").isidentifier() else type(modules[-1].f_locals["self"]).__name__
    place = f"  at {file}:{line}  {shown(linecache.getline(file, line).strip())}".rstrip()
    with contextlib.suppress(Exception):  # whatever state the model is in, the note must not hide the error
        error.add_note("\n".join([*story(modules, tensors, what), *[place] * bool(file)]))


def given(frame: FrameType) -> list[Tensor]:
    """The tensors among the arguments of a call, those in *args too."""
    names, rest, _, local = inspect.getargvalues(frame)
    values = [*(local.get(name) for name in names), *(local.get(rest, ()) if rest else ())]
    return [x for x in values if isinstance(x, Tensor)]


def story(modules: list[FrameType], tensors: list[Tensor], what: str) -> list[str]:
    """The lines of the graph: the modules on the way, the last calls before, the failing one with its tensors."""
    outer = modules[0].f_locals["self"]
    names: dict[int, str] = {}
    for path, t in (*outer.named_parameters(), *outer.named_buffers()):
        names[id(t)] = path
    for k, x in enumerate(modules[0].f_locals["args"]):
        if isinstance(x, Tensor):
            names.setdefault(id(x), "input" if k == 0 else f"input {k}")
            names[id(x.array)] = names[id(x)]  # nodes save bare arrays
    lines = ["The way to the failure:"]
    paths = {id(m): path for path, m in outer.named_modules()}
    for depth, frame in enumerate(modules):
        module = frame.f_locals["self"]
        path = paths.get(id(module)) or type(module).__name__
        shapes = ", ".join(sizes(x.shape) for x in frame.f_locals["args"] if isinstance(x, Tensor))
        kind = "" if path == type(module).__name__ else f" · {type(module).__name__}"
        lines.append(f"{'  ' * depth}  {shown(path + kind)}({shapes})")
    indent = "  " * len(modules) + "  "
    tops = [node for x in tensors if (node := node_of(x)) is not None]
    nodes = list(reversed(walk(tops)))
    said = {node: f"%{k}" for k, node in enumerate(nodes, 1)}
    if len(nodes) > LAST:
        lines.append(f"{indent}… {len(nodes) - LAST:,} earlier calls")
    for node in nodes[-LAST:]:
        saved = dict(zip(node.plan.sources, node.saved or (), strict=False))
        parents = [saved.get(("input", k)) if parent is None else parent for k, parent in enumerate(node.parents)]
        taken = ", ".join(operand(parent, names, said) for parent in parents if hasattr(parent, "shape"))
        lines.append(f"{indent}{said[node]} = {node.op.name}({taken})  {sizes(node.shape)}")
    taken = ", ".join(operand(node_of(x) or x, names, said) for x in tensors)
    return [*lines, f"{indent}✗ {shown(what)}({taken})"]


def operand(x: Any, names: dict[int, str], said: dict[Node, str]) -> str:
    """An input of a call: the call that made it, or its name and shape."""
    known = said.get(x) if isinstance(x, Node) else None
    return f"{known or shown(names.get(id(x), 'constant'))} {sizes(x.shape)}"


def sizes(shape: Any) -> str:
    return "×".join(map(str, shape)) or "scalar"


def shown(name: str, wide: int = WIDE) -> str:
    """A name in one short line without anything that a terminal would obey."""
    short = name if len(name) <= wide else name[: wide - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in short)
