"""Text that goes into pictures: escaping, shapes, numbers."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import numpy as np

from ..backends import backend_of
from ..trace import Variable

LONGEST = 60
FEW = 6  # so many elements are written out


def escape(text: Any, longest: int = LONGEST) -> str:
    """Any text as the content of a DOT HTML label, where nothing is left that DOT or XML would read.

    A backslash is doubled, since Graphviz reads backslash escapes even in HTML labels, after the character references. An
    empty text becomes a space, since Graphviz takes no empty elements.
    """
    return "".join(f"&#{ord(c)};" * (1 + (c == "\\")) if c in "&<>\"'\\{}|[]" else c for c in visible(text, longest) or " ")


def visible(text: Any, longest: int = LONGEST) -> str:
    """Any text in one short line: controls, line ends, direction marks and the like become escapes that one can see."""
    text = str(text)
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    odd = {c for c in text if c != " " and unicodedata.category(c)[0] in "CZ"}
    return "".join(c.encode("unicode_escape").decode() if c in odd else c for c in text)


def width(text: str) -> float:
    """About how wide a text is, in letters."""
    return sum(1.7 if unicodedata.east_asian_width(c) in "WF" else 1.0 for c in visible(text))


def shape_text(shape: tuple) -> str:
    """(4, 3, 2, 2) as 4×3×2×2; a 0-d shape as "scalar"."""
    return "×".join(map(str, shape)) if shape else "scalar"


def shape_of(variable: Variable) -> str:
    """The shape of a variable in words, nothing for one that stands for several results."""
    return "" if variable.kind == "results" else shape_text(variable.shape)


def number(x: complex) -> str:
    """Three significant digits, with a real minus sign; of complex numbers for each part."""
    if isinstance(x, complex):
        return f"{number(x.real)} {'−' if x.imag < 0 else '+'} {number(abs(x.imag))}i"
    return f"{x:.3g}".replace("-", "−") if math.isfinite(x) else str(x)


def size(count: int) -> str:
    """A number of bytes: 512 B, 4.1 kB, 1.2 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} B"


def numbers(array: Any) -> list[str]:
    """The few numbers themselves, the one that all are, or mean, standard deviation, least and largest (of complex numbers, of
    their moduli |z|); and how many are not finite."""
    x = np.asarray(backend_of(array).to_host(array))
    if x.dtype.kind not in "biufc":
        return [str(v) for v in x.reshape(-1)[:1]]
    of = "|z| " if x.dtype.kind == "c" else ""
    x = x.astype("complex128" if of else "float64").reshape(-1)
    if x.size <= FEW:
        words = [number(v) for v in x.tolist()]
        row = len(words) if len(words) <= 3 else (len(words) + 1) // 2
        return [", ".join(words[i : i + row]) for i in range(0, len(words), row or 1)] or ["empty"]
    sound = x[np.isfinite(x)]
    sound = abs(sound) if of else sound
    lines = []
    if sound.size:
        with np.errstate(over="ignore"):
            mean, spread = float(sound.mean()), float(sound.std())
        mean = 0.0 if abs(mean) < 1e-7 * spread else mean  # what rounding left of an exact 0
        lines = [f"{of}{number(mean)} ± {number(spread)}", f"{of}{number(sound.min())} … {number(sound.max())}"]
        if not of and sound.size == x.size and sound.min() == sound.max():
            lines = [f"all {number(sound[0])}"]
    odd = x.size - sound.size
    return [*lines, f"{odd} not finite"] if odd else lines
