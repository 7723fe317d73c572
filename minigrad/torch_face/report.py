"""What a script needs of PyTorch, and what of it is missing here: found by reading it, without running it."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from .missing import nearest
from .places import HOMES, home


class Need(NamedTuple):
    """A dotted name that a script uses, such as "torch.nn.Linear", a keyword it gives to it ("" for none), and the line."""

    name: str
    keyword: str
    line: int


def report(script: Path) -> tuple[str, int]:
    """(a text for people, the number of missing names and keywords) of a script. Raises SyntaxError if it is no Python."""
    uses = list(needs(ast.parse(script.read_text(encoding="utf-8"), str(script))))
    lines: dict[tuple[str, str], list[int]] = {}
    for use in uses:
        lines.setdefault((use.name, use.keyword), []).append(use.line)
    names = sorted({use.name for use in uses})
    faults = []
    for (name, keyword), at in sorted(lines.items()):
        fault = lacking(name, keyword)
        if fault is not None:
            faults.append(f"  {fault}  (line {', '.join(map(str, sorted(set(at))))})")
    head = f"{script} needs {len(names)} names of torch; "
    told = ["missing:", *faults] if faults else ["nothing is missing."]
    return "\n".join([head + told[0], *told[1:], "all names: " + ", ".join(names)]), len(faults)


def needs(tree: ast.Module) -> Iterator[Need]:
    """Every name of torch that a script imports or reads through an import, and every keyword it calls one with."""
    known: dict[str, str] = {}  # the script's own name for a part of torch
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                name = item.name.replace("minigrad", "torch", 1)
                root = name.partition(".")[0]
                if root in HOMES:
                    known[item.asname or root] = name if item.asname else root
                    yield Need(name, "", node.lineno)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            module = node.module.replace("minigrad", "torch", 1)
            if home(module):
                for item in node.names:
                    name = module if item.name == "*" else f"{module}.{item.name}"
                    known[item.asname or item.name] = name
                    yield Need(name, "", node.lineno)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            found = dotted(node, known)
            if found:
                yield Need(found, "", node.lineno)
        elif isinstance(node, ast.Call):
            found = dotted(node.func, known)
            for keyword in node.keywords if found else ():
                if keyword.arg:
                    yield Need(str(found), keyword.arg, node.lineno)


def dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    """The name in torch of `torch.nn.Linear`, or of a name that was imported; None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in known:
        return ".".join([known[node.id], *parts])
    return None


def lacking(name: str, keyword: str) -> str | None:
    """What of a need is missing, in words; None if it is met."""
    found: Any = None
    parts = name.split(".")
    for k, part in enumerate(parts):
        here = str(home(".".join(parts[: k + 1])))
        if k == 0:
            found = importlib.import_module(here)
        elif hasattr(found, part):
            found = getattr(found, part)
        elif isinstance(found, ModuleType):
            try:
                found = importlib.import_module(here)
            except ModuleNotFoundError:
                near = nearest(part, [n for n in dir(found) if not n.startswith("_")])
                return None if keyword else name + (f"; nearest: {'.'.join([*parts[:k], near])}" if near else "")
        else:
            return None  # an attribute of a value, which reading can't know
    if not keyword or takes(found, keyword):
        return None
    return f"{name}(..., {keyword}=...)"


def takes(function: Any, keyword: str) -> bool:
    """Whether `function` has such a keyword; True where it can't be known."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    return keyword in parameters or any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters.values())
