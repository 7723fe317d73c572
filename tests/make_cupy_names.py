"""Writes cupy_names.json: the parameters of those of CuPy's functions that minigrad calls, for the stand-in in strict_cupy.py.

`python -m tests.make_cupy_names`, where CuPy is installed; it needs no GPU.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from operator import attrgetter
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("cupy_names.json")
PACKAGE = Path(__file__).parents[1] / "minigrad"
NOT_ALL = {"apply", "vjp"}  # what follows `xp.` in the prose of a docstring, or in another name


def used() -> set[str]:
    """The names that minigrad asks an array namespace for."""
    found = re.findall(r"\b(?:xp|cupy)\.((?:linalg\.)?[a-z]\w*)", "\n".join(f.read_text() for f in PACKAGE.rglob("*.py")))
    return set(found) - NOT_ALL


def parameters(function: Any) -> list | None:
    """[name, kind, whether it may be left out] of each, or None for a ufunc, which has no signature."""
    try:
        found = inspect.signature(function).parameters.values()
    except ValueError:
        return None
    return [[p.name, int(p.kind), p.default is not p.empty] for p in found]


def main() -> None:
    cupy = importlib.import_module("cupy")
    lines = [f'"version": {json.dumps(cupy.__version__)}', f'"methods": {json.dumps(sorted(dir(cupy.ndarray)))}']
    for name in sorted(used()):
        try:
            found = attrgetter(name)(cupy)
        except AttributeError:
            continue
        if callable(found) and not isinstance(found, type):
            lines.append(f"{json.dumps(name)}: {json.dumps(parameters(found))}")
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines) - 2} functions of CuPy {cupy.__version__}")


if __name__ == "__main__":
    main()
