"""The formula and the rules of a recorded call as MathML: with symbols, and with this graph's numbers in their place."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ..backends import backend_of
from ..core import Tensor, mode
from ..ops.formula_values import computed
from ..ops.formulas import SPANS, Row, of
from ..ops.mathml import Mathml, definitions, leaf, mathml, matrix, row, sign
from ..ops.notation import ATOM, REDUCTIONS, SUM, Formula, read
from ..trace import Call, Variable
from .text import number
from .words import LEFT_OUT, Names, letters, symbols_of

ENTRIES = 16  # a matrix of up to so many numbers is written out
LARGEST = 1_000_000  # sums over larger arrays are not worth the time
SUMMED = ("dim", "dims", "channels")  # formulas of one element, with sums and means around it


class Equations:
    """What is written about one call.

    values  what the names in its formulas stand for: arrays, and the options that are numbers
    """

    def __init__(self, call: Call, names: Names) -> None:
        self.call, self.entry = call, of(call.op)
        self.letters = letters(call, names)
        self.symbols = symbols_of(call, names) if self.entry else {}
        given = {**call.op.defaults, **call.options, **dict(zip(call.op.inputs, call.inputs, strict=False)), "y": call.output}
        self.values = {name: array_of(v) for name, v in given.items()}

    def formula(self) -> dict[str, Any]:
        """The op's formula: {"math", "where", "over", "numbers"}."""
        if self.entry is None:
            return {"math": "", "where": [], "over": "", "numbers": ""}
        formula = self.entry.formula
        left = "" if "y" in names_of(formula) else leaf(self.symbols["y"])
        return self.written(formula, left, self.values["y"], {}) | {"over": SPANS.get(self.entry.over, "").replace("`", "")}

    def rule(self, k: int, gradient: Any, sent: Any) -> dict[str, Any]:
        """What is sent to input `k`, for the gradient that arrives and what was sent: {"math", "where", "numbers"}."""
        name = self.call.op.inputs[min(k, len(self.call.op.inputs) - 1)]
        if self.entry is None or name not in self.entry.rules:
            return {"math": "", "where": [], "numbers": ""}
        to = self.letters[k] if k < len(self.letters) else name
        left = f"<mfrac>{row(sign('∂'), leaf('L'))}{row(sign('∂'), leaf(to))}</mfrac>"
        return self.written(self.entry.rule(name), left, sent, {"g": gradient})

    def written(self, formula: Formula, left: str, result: Any, more: dict[str, Any]) -> dict[str, Any]:
        numbers = self.numbers(formula, self.values | more, result)
        math_, where = symbolic(formula, tuple(self.symbols.items()), left)
        return {"math": math_, "where": where, "numbers": numbers}

    def numbers(self, formula: Formula, values: Mapping[str, Any], result: Any) -> str:
        """The formula with numbers: matrices where they are small, else of the first element, and what it comes to."""
        assert self.entry is not None
        if formula.words or result is None or not result.size:
            return ""
        single = self.call.op.kind == "elementwise" or self.entry.over in SUMMED
        used = {name: values.get(name) for name in names_of(formula) - {"pi", "inf", "n"}}
        if any(value is None and name not in LEFT_OUT for name, value in used.items()):
            return ""
        if not single:
            return self.matrices(formula, used, result)
        with mode(listeners=(), grad=False), np.errstate(all="ignore"):
            writer = Inserted(self.call, self.entry, formula, values)
            text, end = writer.write(formula.tree)[0], leaf(number(first(result)))
        if writer.lost:
            return ""
        return "" if text == end else f"<math>{row(text, sign('='), end)}</math>"

    def matrices(self, formula: Formula, used: Mapping[str, Any], result: Any) -> str:
        """The formula with whole matrices, if all are small."""
        written = {name: matrix_of(value) for name, value in used.items()}
        end = matrix_of(result)
        plain = isinstance(formula.tree, (ast.BinOp, ast.Name, ast.UnaryOp))
        if not plain or not end or not all(written.values()) or result.size > ENTRIES:
            return ""
        return f"<math>{row(Mathml(self.symbols | written).write(formula.tree)[0], sign('='), end)}</math>"


class Inserted(Mathml):
    """Writes numbers for names: of each array its first element, of each sum, mean and named part what it comes to.

    `lost` says that a number was not to be had.
    """

    def __init__(self, call: Call, entry: Row, formula: Formula, values: Mapping[str, Any]) -> None:
        super().__init__()
        self.of, self.entry, self.formula, self.given = call, entry, formula, values
        self.lost = False

    def number(self, value: Any) -> tuple[str, int]:
        unknown = value is None or getattr(value, "size", 1) == 0
        self.lost = self.lost or unknown
        text = number(0.0 if unknown else first(value))
        return leaf(text), SUM if text.startswith("−") or text.endswith("i") else ATOM

    def computed(self, text: str) -> Any:
        """What a part of the formula comes to; None where that would take too long or an input is not known."""
        _, _, parts = self.formula.source.partition(" where ")
        whole = read(f"{text} where {parts}" if parts else text)
        arrays = [tensor_of(array_of(a)) for a in self.of.inputs]
        for name, x, was in zip(self.of.op.inputs, arrays, self.of.inputs, strict=False):
            if isinstance(was, Variable) and name in names_of(whole) and (x is None or x.array.size > LARGEST):
                return None
        y, g = (tensor_of(self.given.get(name)) for name in ("y", "g"))
        value = computed(whole, self.of.op, tuple(arrays), self.of.options, y, g)
        return value.array if isinstance(value, Tensor) else value

    def call(self, tree: ast.Call) -> tuple[str, int]:
        if tree.func.id in REDUCTIONS:  # type: ignore[attr-defined]
            return self.number(self.computed(ast.unparse(tree)))
        return super().call(tree)

    def name(self, tree: ast.Name) -> tuple[str, int]:
        if tree.id in ("pi", "inf", "e"):
            return super().name(tree)
        if tree.id in self.formula.parts or tree.id == "n":
            return self.number(self.computed(tree.id) if tree.id != "n" or self.entry.over else None)
        value, left_out = self.given.get(tree.id), LEFT_OUT.get(tree.id)
        return self.number(float(left_out) if value is None and left_out else value)


@lru_cache(None)
def names_of(formula: Formula) -> frozenset[str]:
    """The names in a formula."""
    return frozenset(formula.names())


@lru_cache(10_000)
def symbolic(formula: Formula, symbols: tuple, left: str) -> tuple[str, list[str]]:
    """A formula with symbols, and the definitions that it uses."""
    return mathml(formula, dict(symbols), left), definitions(formula, dict(symbols))


def array_of(value: Any) -> Any:
    """The array of a variable, None where it is not known; any other value as it is."""
    return value.recorded if isinstance(value, Variable) else value


def tensor_of(value: Any) -> Any:
    """An array as a tensor; any other value as it is."""
    return Tensor(value) if hasattr(value, "dtype") and hasattr(value, "shape") else value


def first(value: Any) -> complex:
    """The first element of an array, or the number itself."""
    if hasattr(value, "shape"):
        value = np.asarray(backend_of(value).to_host(value[(0,) * value.ndim]))
    return complex(value) if isinstance(value, complex) or np.iscomplexobj(value) else float(value)


def matrix_of(value: Any) -> str:
    """A small array as a matrix, a number as itself, "" for anything larger."""
    if not hasattr(value, "shape"):
        return leaf(number(float(value))) if isinstance(value, (int, float)) and math.isfinite(value) else ""
    if value.size > ENTRIES or value.ndim > 2 or not value.size or np.iscomplexobj(value):
        return ""
    x = np.asarray(backend_of(value).to_host(value)).astype("float64")
    if x.ndim == 0:
        return leaf(number(float(x)))
    return matrix([[number(float(v)) for v in line] for line in np.atleast_2d(x)])
