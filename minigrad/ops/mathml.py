"""Formulas as MathML, which browsers draw: one more writer of the notation in `notation.py`.

Every method returns markup of one element, so that it can stand in a fraction, under a root or as an exponent.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from .notation import ATOM, LOOSE, MATRIX, POWER, PRODUCT, RELATIONS, SIGMA, SUM, Formula, Plain, read

NUMBER = re.compile(r"[−-]?\d[\d.,]*(e[+−-]?\d+)?")

POWER_OF_TEN = re.compile(r"e([+−-]?)0*(\d+)")


def mathml(formula: Formula, symbols: Mapping[str, str] | None = None, left: str = "") -> str:
    """A formula as a `<math>` element, without what follows "where"; `left` is MathML to stand before an equals sign.

    `symbols` says how names are written: plain text, or MathML of its own if it starts with "<m".
    """
    writer = Mathml(symbols)
    if formula.words:
        pieces = enumerate(formula.source.split("`"))
        body = row(*(writer.test(read(s).tree) if k % 2 else writer.words(s) for k, s in pieces if s))
    else:
        body = writer.write(formula.tree)[0]
    return f"<math>{writer.equal(left, body) if left else body}</math>"


def definitions(formula: Formula, symbols: Mapping[str, str] | None = None) -> list[str]:
    """What follows "where", each a `<math>` element."""
    writer = Mathml(symbols)
    pairs = ((writer.symbol(name), writer.write(tree)[0]) for name, tree in formula.parts.items())
    return [f"<math>{writer.equal(left, right)}</math>" for left, right in pairs]


def row(*pieces: str) -> str:
    return f"<mrow>{''.join(pieces)}</mrow>"


def sign(text: str) -> str:
    return f"<mo>{escape(text)}</mo>"


def matrix(rows: list[list[str]]) -> str:
    """Numbers, already in words, as a matrix in brackets."""
    cells = "".join("<mtr>" + "".join(f"<mtd>{leaf(text)}</mtd>" for text in line) + "</mtr>" for line in rows)
    return row(sign("["), f"<mtable>{cells}</mtable>", sign("]"))


def tidy(found: re.Match) -> str:
    """An exponent without a plus and leading zeros: e−6 for e-06."""
    return f"e{'−' if found[1] in ('-', '−') and found[1] else ''}{found[2]}"


def leaf(text: str) -> str:
    """A name, a number, or a letter with a hat."""
    if text.startswith("<m") and text.endswith(">"):
        return text
    if NUMBER.fullmatch(text):
        digits = f"<mn>{POWER_OF_TEN.sub(tidy, text.lstrip('−-'))}</mn>"
        return row(sign("−"), digits) if text[0] in "−-" else digits
    if len(text) == 2 and text[1] == "\u0302":
        return f'<mover accent="true"><mi>{escape(text[0])}</mi><mo>^</mo></mover>'
    return f"<mi>{escape(text)}</mi>"


class Mathml(Plain):
    """Writes an expression in MathML."""

    minus, dot, star, one, zero = sign("−"), sign("·"), sign("∗"), "<mn>1</mn>", "<mn>0</mn>"

    def words(self, text: str) -> str:
        return f"<mtext>{escape(text)}</mtext>".replace("<mtext> ", "<mtext>&#160;").replace(" </mtext>", "&#160;</mtext>")

    def enclosed(self, text: str) -> str:
        return row(sign("("), text, sign(")"))

    def joined(self, pieces: list[str]) -> str:
        return row(sign(",").join(pieces))

    def equal(self, left: str, right: str) -> str:
        return row(left, sign("="), right)

    def symbol(self, name: str) -> str:
        return leaf(super().symbol(name))

    def name(self, tree: ast.Name) -> tuple[str, int]:
        return self.symbol(tree.id), SUM if super().symbol(tree.id).startswith(("-", "−")) else ATOM

    def constant(self, tree: ast.Constant) -> tuple[str, int]:
        return leaf(f"{tree.value:g}"), ATOM  # type: ignore[str-bytes-safe]

    def unaryop(self, tree: ast.UnaryOp) -> tuple[str, int]:
        return row(self.minus, self.at(tree.operand, SIGMA)), SUM

    def add(self, left: Any, right: Any) -> tuple[str, int]:
        return row(self.at(left, SUM), sign("+"), self.at(right, SIGMA)), SUM

    def sub(self, left: Any, right: Any) -> tuple[str, int]:
        return row(self.at(left, SUM), self.minus, self.at(right, SIGMA)), SUM

    def mult(self, left: Any, right: Any) -> tuple[str, int]:
        text, level = self.write(right)
        close = isinstance(left, ast.Constant) and not isinstance(right, (ast.Call, ast.Constant)) and "<mn>" not in text[:10]
        text, level = (text, level) if level >= SIGMA else (self.enclosed(text), ATOM)
        return row(self.at(left, PRODUCT), "" if close else self.dot, text), min(PRODUCT, level)

    def div(self, left: Any, right: Any) -> tuple[str, int]:
        return f"<mfrac>{self.write(left)[0]}{self.write(right)[0]}</mfrac>", PRODUCT

    def matmult(self, left: Any, right: Any) -> tuple[str, int]:
        return row(self.at(left, MATRIX), '<mspace width="0.2em"/>', self.at(right, POWER)), MATRIX

    def pow(self, base: Any, exponent: Any) -> tuple[str, int]:
        return f"<msup>{self.at(base, ATOM)}{self.write(exponent)[0]}</msup>", POWER

    def attribute(self, tree: ast.Attribute) -> tuple[str, int]:
        if isinstance(tree.value, ast.Call) and getattr(tree.value.func, "id", "") == "inv":
            return f"<msup>{self.at(tree.value.args[0], ATOM)}{row(sign('−'), sign('⊤'))}</msup>", POWER
        return f"<msup>{self.at(tree.value, ATOM)}{sign('⊤')}</msup>", POWER

    def subscript(self, tree: ast.Subscript) -> tuple[str, int]:
        return f"<msub>{self.at(tree.value, ATOM)}{row(self.listed(tree.slice))}</msub>", ATOM

    def listed(self, tree: Any) -> str:
        return self.joined([self.write(t)[0] for t in (tree.elts if isinstance(tree, ast.Tuple) else [tree])])

    def relation(self, tree: ast.Compare) -> str:
        signs = [RELATIONS[type(op).__name__] for op in tree.ops]
        rest = [sign(s) + self.at(t, SUM) for s, t in zip(signs, tree.comparators, strict=True)]
        return row(self.at(tree.left, SUM), *rest)

    def compare(self, tree: ast.Compare) -> tuple[str, int]:
        return row(sign("["), self.relation(tree), sign("]")), ATOM

    def ifexp(self, tree: ast.IfExp) -> tuple[str, int]:
        cases = ((tree.body, row(self.words("if "), self.test(tree.test))), (tree.orelse, self.words("else")))
        lines = "".join(f"<mtr><mtd>{self.write(body)[0]}</mtd><mtd>{when}</mtd></mtr>" for body, when in cases)
        return row(sign("{"), f'<mtable columnalign="left">{lines}</mtable>'), LOOSE

    def call(self, tree: ast.Call) -> tuple[str, int]:
        name = tree.func.id  # type: ignore[attr-defined]
        if name == "conv":
            return row(self.at(tree.args[0], POWER), self.star, self.at(tree.args[1], POWER)), PRODUCT
        if name == "derivative":
            return row(*super().call(tree)[:1]), ATOM
        if name in FENCED:
            return super().call(tree)
        return row(self.function(name), self.enclosed(self.joined([self.write(a)[0] for a in tree.args]))), ATOM

    def large(self, sign_: str, args: list) -> str:
        sigma = sign(sign_)
        where = f"<munder>{sigma}{self.write(args[1])[0]}</munder>" if len(args) > 1 else sigma
        return row(where, self.at(args[0], PRODUCT))

    def root(self, tree: Any) -> tuple[str, int]:
        return f"<msqrt>{self.write(tree)[0]}</msqrt>", ATOM

    def between(self, left: str, text: str, right: str) -> str:
        return row(sign(left), text, sign(right))

    def function(self, name: str) -> str:
        return f"<mi>{escape(super().function(name))}</mi>"

    def high(self, function: str, order: str) -> str:
        return f"<msup>{function}{row(sign('('), order, sign(')'))}</msup>"


FENCED = ("exp", "sum", "prod", "inv", "sqrt", "abs", "floor", "ceil")
