"""The page `docs/ops.md`: `python -m minigrad.reference [path]` writes every op's formula and rules from their one source."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .command import command
from .core import OPS, Op
from .ops.formulas import FORMULAS, SPANS, Row

HEAD = r"""# Every op and its rules

Written by `python -m minigrad.reference` from `minigrad/ops/formulas.py`. The tests compute every line that is not in words,
and compare it with the code.

$g$ is the gradient that arrives, $y$ the output, $z$ the second operand `other`; $[x > 0]$ is 1 where the condition holds,
else 0. $x \cdot z$ multiplies element by element, $x\,z$ matrices. A gradient for an operand that was broadcast is summed to
its shape afterwards.
For complex numbers $a + ib$ it is the derivative by $a$ minus $i$ times that by $b$, so a function with a complex
derivative has the same rule as for real numbers; users give and see the conjugate, as in PyTorch.
"""


def page() -> str:
    """The whole page, a table for each family of ops."""
    families: dict[str, list[str]] = {}
    for name, entry in FORMULAS.items():
        families.setdefault(OPS[name].kernel.__module__, []).append(line(OPS[name], entry))
    return HEAD + "".join(
        f"\n## {heading(module)}\n\n| op | what it computes | gradient of each input |\n|---|---|---|\n{''.join(lines)}"
        for module, lines in families.items()
    )


def heading(module: str) -> str:
    """The first sentence of a module's docstring."""
    return re.split(r"[.:](?:\s|$)", sys.modules[module].__doc__ or module, maxsplit=1)[0]


def line(op: Op, entry: Row) -> str:
    """An op's row."""
    said = (op.kernel.__doc__ or "").strip().splitlines()[0]
    what = "" if entry.formula.words else f"$y = {entry.formula.latex(entry.symbols)}$"
    said = said.partition(". ")[2] if what else said  # its first sentence is the formula
    over = f"{SPANS[entry.over].capitalize()}." if entry.over else ""
    rules = (f"{name}: ${entry.rule(name).latex(entry.symbols)}$" for name in entry.rules)
    return f"| `{op.name}` | {'<br>'.join(filter(None, (what, escaped(said), over)))} | {'<br>'.join(rules)} |\n"


def escaped(text: str) -> str:
    """Text of which nothing is Markdown."""
    return re.sub(r"([\\`*_|<>\[\]$])", r"\\\1", text)


def main(path: str = "docs/ops.md") -> None:
    """Write the page of every op's formula and rules."""
    Path(path).write_text(page(), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    command(main)
