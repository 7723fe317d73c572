"""The law of the house: which floor may import which, how long files may be, and a case for every op."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import minigrad
from minigrad.core import OPS, Op

from .cases import CASES

ROOT = Path(minigrad.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = {
    "backends": 1, "late": 1, "command": 1, "plain_pickle": 1, "core": 2, "ops": 3, "trace": 3, "autograd": 3, "guard": 3,
    "nn": 4, "optim": 4, "data": 4, "amp": 4, "viz": 4, "io": 4, "diagnose": 5, "distributions": 5, "func": 5, "vision": 5,
    "torch_face": 6, "labs": 6,
}  # fmt: skip
TOP = 7  # every other module: the public face and the command line
SIDEWAYS = {("autograd", "ops"), ("autograd", "trace"), ("guard", "ops")}  # what the list of floors allows on one floor


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[tuple[ast.stmt, str]]:
    """(statement, absolute module) of every import in a file."""
    package = ["minigrad", *path.relative_to(ROOT).parent.parts]
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield statement, alias.name
        elif isinstance(statement, ast.ImportFrom):
            base = package[: len(package) - statement.level + 1] if statement.level else []
            module = ".".join([*base, statement.module] if statement.module else base)
            for alias in statement.names:
                yield statement, f"{module}.{alias.name}" if statement.module is None else module


def floor_of(part: str) -> int:
    """The floor of a folder, or a file, of minigrad."""
    return FLOORS.get(part.removesuffix(".py"), TOP)


@pytest.mark.parametrize("path", FILES, ids=names)
def test_imports_run_down_the_floors(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0]
    if floor_of(here) == TOP:
        return
    for statement, module in imports(path):
        package, there = [*module.split("."), "__init__"][:2]
        if package == "minigrad" and there != here:
            where = f"{names(path)}:{statement.lineno} imports {module}"
            assert floor_of(there) < floor_of(here) or (here.removesuffix(".py"), there) in SIDEWAYS, where


@pytest.mark.parametrize("path", FILES, ids=names)
def test_no_import_inside_a_function(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and (inner.level or (inner.module or "").startswith("minigrad")):
                    pytest.fail(f"{names(path)}:{inner.lineno} imports the project inside a function")


@pytest.mark.parametrize("path", FILES, ids=names)
def test_no_file_is_over_500_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 500


def test_core_is_under_600_lines() -> None:
    lines = {names(path): len(path.read_text().splitlines()) for path in FILES if path.parent.name == "core"}
    assert sum(lines.values()) < 600, lines


def test_core_knows_neither_numpy_nor_an_op() -> None:
    allowed = ("minigrad.core", "minigrad.backends")
    for path in FILES:
        if path.parent.name == "core":
            for statement, module in imports(path):
                where = f"{names(path)}:{statement.lineno} imports {module}"
                assert module.split(".")[0] != "numpy", where
                assert not module.startswith("minigrad") or module.startswith(allowed), where


def test_every_registered_op_has_a_case() -> None:
    cased = {case.what.name for case in CASES if isinstance(case.what, Op)} | {case.name.split("-")[0] for case in CASES}
    ours = {name for name in OPS if not name.startswith("test_")}
    assert ours <= cased, f"no case in tests/cases.py for {sorted(ours - cased)}"


def test_every_registered_op_says_what_it_computes() -> None:
    mute = [name for name, op in OPS.items() if not (op.__doc__ or "").strip()]
    assert not mute
    long = [name for name, op in OPS.items() if len(op.__doc__.strip().splitlines()) > 12]
    assert not long


def test_case_names_are_different() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
