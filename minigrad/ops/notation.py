"""A notation for formulas: Python expressions that are read as mathematics, in plain text and in LaTeX, and computed.

    g * (1 - y**2)           g · (1 − y²)           numbers, names, + - * / **
    g @ other.T              g zᵀ                   products and transposes of matrices
    x > other                [x > z]                1 where it holds, else 0
    g if x > 0 else 0        g if x > 0, else 0
    sum(x) / n, mean(x)      (Σ x)/n, mean(x)       over the dimensions that the formula is about; sum(x, cases): others
    x / s where s = norm(x)  x/s where s = norm(x)  names for parts, several separated by ";"
    `g`, reshaped back       g, reshaped back       words, with expressions between backquotes

One string serves pictures, documentation, explanations and the tests that hold it against the code.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ..core import OPS

LOOSE, SUM, SIGMA, PRODUCT, MATRIX, POWER, ATOM = range(7)  # how tightly what was written holds together
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
RELATIONS = {"Gt": ">", "Lt": "<", "GtE": "≥", "LtE": "≤", "Eq": "=", "NotEq": "≠"}
SYMBOLS = {
    "other": "z", "alpha": "α", "eps": "ε", "mu": "μ", "sigma": "σ", "xhat": "x̂", "pi": "π", "inf": "∞", "min": "lo",
    "max": "hi", "target": "t", "condition": "c", "gamma": "γ", "beta": "β",
}  # fmt: skip
TEX = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "ε": r"\varepsilon", "μ": r"\mu", "σ": r"\sigma", "π": r"\pi",
    "∞": r"\infty", "x̂": r"\hat{x}", "≥": r"\geq", "≤": r"\leq", "≠": r"\neq", "Σ": r"\sum", "Π": r"\prod", "ψ": r"\psi",
    "Γ": r"\Gamma", "log₂": r"\log_2", "log₁₀": r"\log_{10}",
}  # fmt: skip
SPECIAL = {c: rf"\{c}" for c in "#$%&_{}"} | {"\\": r"\backslash{}", "^": r"\hat{}", "~": r"\sim{}"}
NAMES = {
    "log": "ln", "log2": "log₂", "log10": "log₁₀", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "Gamma": "Γ",
    "polygamma": "ψ", "largest": "max", "smallest": "min", "diagonal_matrix": "diag",
}  # fmt: skip
UPRIGHT = {"ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "det", "max", "min"}
AROUND = {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}
EDGES = {"|": r"\vert ", "⌊": r"\lfloor ", "⌋": r" \rfloor", "⌈": r"\lceil ", "⌉": r" \rceil"}


def tex(text: str) -> str:
    """Any text as the content of LaTeX's \\text or \\mathrm, where nothing of it is a command."""
    return "".join(SPECIAL.get(c, c) for c in text)


# -- reading ---------------------------------------------------------------------------------------------------------


class Formula:
    """A formula or rule in the notation.

    words    whether it is in words, at least in part, and so has no value
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.words = "`" in source
        main, _, rest = source.partition(" where ")
        self.tree = None if self.words else tree_of(main)
        pairs = [part.split(" = ", 1) for part in rest.split("; ")] if rest and not self.words else []
        self.parts = {name.strip(): tree_of(text) for name, text in pairs}

    def text(self, symbols: Mapping[str, str] | None = None, parts: bool = True) -> str:
        """In plain text; `symbols` says how names are written, `parts` whether the definitions after "where" are too."""
        return self.written(Plain(symbols), parts)

    def latex(self, symbols: Mapping[str, str] | None = None, parts: bool = True) -> str:
        """In LaTeX, for math mode."""
        return self.written(Latex(symbols), parts)

    def written(self, writer: Plain, parts: bool) -> str:
        if self.words:
            pieces = enumerate(self.source.split("`"))
            return "".join(writer.test(read(s).tree) if k % 2 else writer.words(s) for k, s in pieces if s)
        named = list(self.definitions(writer).values()) if parts else []
        return writer.write(self.tree)[0] + (writer.words(" where ") + ", ".join(named) if named else "")

    def definitions(self, writer: Plain) -> dict[str, str]:
        """What follows "where", by name."""
        return {name: f"{writer.symbol(name)} = {writer.write(tree)[0]}" for name, tree in self.parts.items()}

    def value(self, values: Mapping[str, Any], over: tuple = (), cases: tuple = ()) -> Any:
        """What it comes to, for tensors and numbers by name; sums and means run over the dimensions `over` and keep them."""
        if self.words:
            raise ValueError(f"formula: {self.source!r} is in words and has no value")
        machine = Machine(dict(values) | {"cases": cases}, over)
        for name, tree in self.parts.items():
            machine.values[name] = machine.value(tree)
        return machine.value(self.tree)

    def names(self) -> set[str]:
        """The names that it uses, but for those it defines."""
        pieces = self.source.split("`")[1::2] if self.words else []
        found = set().union(*(read(s).names() for s in pieces)) if pieces else set()
        trees = [self.tree, *self.parts.values()] if self.tree is not None else []
        called = {id(n.func) for t in trees for n in ast.walk(t) if isinstance(n, ast.Call)}
        found |= {n.id for t in trees for n in ast.walk(t) if isinstance(n, ast.Name) and id(n) not in called}
        return found - set(self.parts)


read = lru_cache(None)(Formula)


def tree_of(text: str) -> Any:
    """The expression that a text is."""
    return Tidy().visit(ast.parse(text.strip(), mode="eval").body)


class Tidy(ast.NodeTransformer):
    """Puts a sign before the whole product that it is in, and makes g * (1 / x) g / x."""

    def visit_BinOp(self, tree: ast.BinOp) -> Any:
        left, right = self.visit(tree.left), self.visit(tree.right)
        if isinstance(tree.op, (ast.Mult, ast.Div, ast.MatMult)):
            if isinstance(left, ast.UnaryOp):
                return ast.UnaryOp(left.op, self.visit(ast.BinOp(left.operand, tree.op, right)))
            if isinstance(right, ast.UnaryOp):
                return ast.UnaryOp(right.op, self.visit(ast.BinOp(left, tree.op, right.operand)))
            inverse = isinstance(tree.op, ast.Mult) and isinstance(right, ast.BinOp) and isinstance(right.op, ast.Div)
            if inverse and isinstance(right.left, ast.Constant) and right.left.value == 1:
                return ast.BinOp(left, ast.Div(), right.right)
        return ast.BinOp(left, tree.op, right)


# -- writing -----------------------------------------------------------------------------------------------------------


class Plain:
    """Writes an expression in plain text. Each method returns what it wrote and how tightly it holds together."""

    def __init__(self, symbols: Mapping[str, str] | None = None) -> None:
        self.symbols = SYMBOLS | dict(symbols or {})

    def write(self, tree: Any) -> tuple[str, int]:
        return getattr(self, type(tree).__name__.lower())(tree)

    def at(self, tree: Any, least: int) -> str:
        """Written, in parentheses if it holds less tightly than `least`."""
        text, level = self.write(tree)
        return text if level >= least else self.enclosed(text)

    def words(self, text: str) -> str:
        return text

    def enclosed(self, text: str) -> str:
        return f"({text})"

    def symbol(self, name: str) -> str:
        return self.symbols.get(name, name)

    def name(self, tree: ast.Name) -> tuple[str, int]:
        text = self.symbol(tree.id)
        return text, SUM if text.startswith(("-", "−")) else ATOM

    def constant(self, tree: ast.Constant) -> tuple[str, int]:
        return f"{tree.value:g}", ATOM  # type: ignore[str-bytes-safe]

    def unaryop(self, tree: ast.UnaryOp) -> tuple[str, int]:
        return f"−{self.at(tree.operand, SIGMA)}", SUM

    def binop(self, tree: ast.BinOp) -> tuple[str, int]:
        kind, left, right = type(tree.op).__name__, tree.left, tree.right
        ends = [self.write(left)[0], self.write(right)[0]]
        if kind == "Mult" and self.one in ends:  # a factor whose symbol is 1
            return self.write(right if ends[0] == self.one else left)
        if kind in ("Add", "Sub") and ends[1] == self.zero:
            return self.write(left)
        return getattr(self, kind.lower())(left, right)

    def add(self, left: Any, right: Any) -> tuple[str, int]:
        return f"{self.at(left, SUM)} + {self.at(right, SIGMA)}", SUM

    def sub(self, left: Any, right: Any) -> tuple[str, int]:
        return f"{self.at(left, SUM)} {self.minus} {self.at(right, SIGMA)}", SUM

    minus, dot, star, one, zero = "−", " · ", "∗", "1", "0"

    def mult(self, left: Any, right: Any) -> tuple[str, int]:
        text, level = self.write(right)
        joint = self.dot
        if isinstance(left, ast.Constant) and (text[0].isalpha() or level < SIGMA) and not isinstance(right, ast.Call):
            joint = ""  # 2x, 2(x - y)
        text, level = (text, level) if level >= SIGMA else (self.enclosed(text), ATOM)
        return f"{self.at(left, PRODUCT)}{joint}{text}", min(PRODUCT, level)

    def div(self, left: Any, right: Any) -> tuple[str, int]:
        return f"{self.at(left, PRODUCT)}/{self.at(right, POWER)}", PRODUCT

    def matmult(self, left: Any, right: Any) -> tuple[str, int]:
        return f"{self.at(left, MATRIX)} {self.at(right, POWER)}", MATRIX

    def pow(self, base: Any, exponent: Any) -> tuple[str, int]:
        if isinstance(exponent, ast.Constant):
            return self.at(base, ATOM) + str(exponent.value).translate(RAISED), POWER
        return f"{self.at(base, ATOM)}^{self.at(exponent, ATOM)}", POWER

    def attribute(self, tree: ast.Attribute) -> tuple[str, int]:
        """A transpose, x.T"""
        if isinstance(tree.value, ast.Call) and getattr(tree.value.func, "id", "") == "inv":
            return f"{self.at(tree.value.args[0], ATOM)}⁻ᵀ", POWER
        return f"{self.at(tree.value, ATOM)}ᵀ", POWER

    def subscript(self, tree: ast.Subscript) -> tuple[str, int]:
        return f"{self.at(tree.value, ATOM)}[{self.listed(tree.slice)}]", ATOM

    def listed(self, tree: Any) -> str:
        return ", ".join(self.write(t)[0] for t in (tree.elts if isinstance(tree, ast.Tuple) else [tree]))

    def relation(self, tree: ast.Compare) -> str:
        signs = [RELATIONS[type(op).__name__] for op in tree.ops]
        rest = "".join(f" {sign} {self.at(t, SUM)}" for sign, t in zip(signs, tree.comparators, strict=True))
        return self.at(tree.left, SUM) + rest

    def compare(self, tree: ast.Compare) -> tuple[str, int]:
        return f"[{self.relation(tree)}]", ATOM

    def test(self, tree: Any) -> str:
        """A condition or an equation, without brackets."""
        return self.relation(tree) if isinstance(tree, ast.Compare) else self.write(tree)[0]

    def ifexp(self, tree: ast.IfExp) -> tuple[str, int]:
        return f"{self.at(tree.body, SUM)} if {self.test(tree.test)}, else {self.at(tree.orelse, SUM)}", LOOSE

    def call(self, tree: ast.Call) -> tuple[str, int]:
        name, args = tree.func.id, tree.args  # type: ignore[attr-defined]
        if name == "exp":
            return self.pow(ast.Name("e"), args[0])
        if name in ("sum", "prod"):
            return self.large("Σ" if name == "sum" else "Π", args), SIGMA
        if name == "inv":
            return self.pow(args[0], ast.Constant(-1))
        if name == "conv":
            return f"{self.at(args[0], POWER)} {self.star} {self.at(args[1], POWER)}", PRODUCT
        if name == "sqrt":
            return self.root(args[0])
        if name in AROUND:
            left, right = AROUND[name]
            return self.between(left, self.write(args[0])[0], right), ATOM
        inside = ", ".join(self.write(a)[0] for a in args)
        if name == "derivative":  # derivative(n, f(x)) is the n-th derivative of f at x
            inner: Any = args[1]
            function = self.high(self.function(inner.func.id), self.write(args[0])[0])
            return function + self.enclosed(self.write(inner.args[0])[0]), ATOM
        return self.function(name) + self.enclosed(inside), ATOM

    def large(self, sign: str, args: list) -> str:
        where = f"[{self.write(args[1])[0]}]" if len(args) > 1 else ""
        return f"{sign}{where} {self.at(args[0], PRODUCT)}"

    def root(self, tree: Any) -> tuple[str, int]:
        return f"√{self.at(tree, ATOM)}", POWER

    def between(self, left: str, text: str, right: str) -> str:
        return f"{left}{text}{right}"

    def function(self, name: str) -> str:
        return NAMES.get(name, name)

    def high(self, function: str, order: str) -> str:
        return f"{function}⁽{order.translate(RAISED)}⁾" if order.isdigit() else f"{function}^({order})"


class Latex(Plain):
    """Writes an expression in LaTeX."""

    minus, dot, star = "-", r" \cdot ", r"\ast"

    def words(self, text: str) -> str:
        return rf"\text{{{tex(text)}}}"

    def enclosed(self, text: str) -> str:
        return rf"\left({text}\right)"

    def symbol(self, name: str) -> str:
        text = super().symbol(name)
        if text in TEX:
            return TEX[text]
        if re.fullmatch(r"[−-]?[\d.]+(e[+-]?\d+)?|\w", text):
            return text.replace("−", "-")
        return rf"\mathrm{{{tex(text)}}}"

    def unaryop(self, tree: ast.UnaryOp) -> tuple[str, int]:
        return f"-{self.at(tree.operand, SIGMA)}", SUM

    def div(self, left: Any, right: Any) -> tuple[str, int]:
        return rf"\frac{{{self.write(left)[0]}}}{{{self.write(right)[0]}}}", PRODUCT

    def matmult(self, left: Any, right: Any) -> tuple[str, int]:
        return rf"{self.at(left, MATRIX)}\,{self.at(right, POWER)}", MATRIX

    def pow(self, base: Any, exponent: Any) -> tuple[str, int]:
        power = str(exponent.value) if isinstance(exponent, ast.Constant) else self.write(exponent)[0]
        return f"{{{self.at(base, ATOM)}}}^{{{power}}}", POWER

    def attribute(self, tree: ast.Attribute) -> tuple[str, int]:
        if isinstance(tree.value, ast.Call) and getattr(tree.value.func, "id", "") == "inv":
            return rf"{{{self.at(tree.value.args[0], ATOM)}}}^{{-\top}}", POWER
        return rf"{{{self.at(tree.value, ATOM)}}}^{{\top}}", POWER

    def subscript(self, tree: ast.Subscript) -> tuple[str, int]:
        return f"{{{self.at(tree.value, ATOM)}}}_{{{self.listed(tree.slice)}}}", ATOM

    def relation(self, tree: ast.Compare) -> str:
        text = super().relation(tree)
        return "".join(TEX.get(c, c) if c in "≥≤≠" else c for c in text)

    def ifexp(self, tree: ast.IfExp) -> tuple[str, int]:
        body, rest = self.write(tree.body)[0], self.write(tree.orelse)[0]
        return rf"\begin{{cases}}{body} & \text{{if }}{self.test(tree.test)}\\{rest} & \text{{else}}\end{{cases}}", ATOM

    def large(self, sign: str, args: list) -> str:
        where = rf"_{{{self.write(args[1])[0]}}}" if len(args) > 1 else ""
        return TEX[sign] + where + " " + self.at(args[0], PRODUCT)

    def root(self, tree: Any) -> tuple[str, int]:
        return rf"\sqrt{{{self.write(tree)[0]}}}", ATOM

    def between(self, left: str, text: str, right: str) -> str:
        return EDGES[left] + text + EDGES[right]

    def function(self, name: str) -> str:
        name = super().function(name)
        return TEX.get(name) or (rf"\{name}" if name in UPRIGHT else rf"\operatorname{{{tex(name)}}}")

    def high(self, function: str, order: str) -> str:
        return f"{{{function}}}^{{({order})}}"


# -- computing ---------------------------------------------------------------------------------------------------------


class Machine:
    """Computes an expression on tensors and numbers."""

    def __init__(self, values: dict, over: tuple) -> None:
        self.values = {"pi": math.pi, "inf": math.inf} | values
        self.over = over

    def value(self, tree: Any) -> Any:
        return getattr(self, type(tree).__name__.lower())(tree)

    def name(self, tree: ast.Name) -> Any:
        return self.values[tree.id]

    def constant(self, tree: ast.Constant) -> Any:
        return tree.value

    def unaryop(self, tree: ast.UnaryOp) -> Any:
        return -self.value(tree.operand)

    def binop(self, tree: ast.BinOp) -> Any:
        return ARITHMETIC[type(tree.op).__name__](self.value(tree.left), self.value(tree.right))

    def attribute(self, tree: ast.Attribute) -> Any:
        return self.value(tree.value).mT

    def holds(self, tree: Any) -> Any:
        """A condition, as truths."""
        if not isinstance(tree, ast.Compare):
            return self.value(tree)
        ends = [self.value(t) for t in (tree.left, *tree.comparators)]
        pairs = zip(tree.ops, ends, ends[1:], strict=False)
        truths = [ARITHMETIC[type(op).__name__](a, b) for op, a, b in pairs]
        return truths[0] if len(truths) == 1 else truths[0] & truths[1]

    def compare(self, tree: ast.Compare) -> Any:
        return OPS["cast"](self.holds(tree), dtype="float64")

    def ifexp(self, tree: ast.IfExp) -> Any:
        return OPS["where"](self.holds(tree.test), self.value(tree.body), self.value(tree.orelse))

    def call(self, tree: ast.Call) -> Any:
        name = tree.func.id  # type: ignore[attr-defined]
        if name == "derivative":
            inner = tree.args[1]
            return OPS[inner.func.id](self.value(inner.args[0]), n=self.value(tree.args[0]))  # type: ignore[attr-defined]
        args = [self.value(a) for a in tree.args]
        if all(isinstance(a, (int, float)) for a in args):
            return getattr(math, name)(*args)
        if name in REDUCTIONS:
            return REDUCTIONS[name](args[0], args[1] if len(args) > 1 else self.over)
        return FUNCTIONS.get(name, OPS.get(name))(*args)  # type: ignore[misc]


def diagonal_of(x: Any) -> Any:
    """x on its diagonal, 0 elsewhere."""
    return OPS["triu"](OPS["tril"](x))


def determinant(x: Any) -> Any:
    """A number for each matrix, laid out to multiply it."""
    y = OPS["det"](x)
    return OPS["reshape"](y, shape=(*y.shape, 1, 1))


def softmax_over(x: Any, dim: tuple) -> Any:
    e = OPS["exp"](x)
    return e / OPS["sum"](e, dim=dim, keepdim=True)


ARITHMETIC: dict[str, Callable] = {
    "Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mult": lambda a, b: a * b, "Div": lambda a, b: a / b,
    "Pow": lambda a, b: a**b, "MatMult": lambda a, b: a @ b, "Gt": lambda a, b: a > b, "Lt": lambda a, b: a < b,
    "GtE": lambda a, b: a >= b, "LtE": lambda a, b: a <= b, "Eq": lambda a, b: a == b, "NotEq": lambda a, b: a != b,
}  # fmt: skip
REDUCTIONS: dict[str, Callable] = {
    "sum": lambda x, dim: OPS["sum"](x, dim=dim, keepdim=True),
    "mean": lambda x, dim: OPS["mean"](x, dim=dim, keepdim=True),
    "var": lambda x, dim: OPS["var"](x, dim=dim, correction=0.0, keepdim=True),
    "largest": lambda x, dim: OPS["amax"](x, dim=dim, keepdim=True),
    "smallest": lambda x, dim: OPS["amin"](x, dim=dim, keepdim=True),
    "prod": lambda x, dim: OPS["prod"](x, dim=dim[0], keepdim=True),
    "softmax": softmax_over,
}  # fmt: skip
FUNCTIONS: dict[str, Callable] = {
    "max": lambda a, b: OPS["maximum"](a, b), "min": lambda a, b: OPS["minimum"](a, b), "diag": diagonal_of, "det": determinant,
    "diagonal_matrix": lambda v: OPS["diagonal_adjoint"](v, shape=(*v.shape, v.shape[-1]), offset=0),
}  # fmt: skip
