"""Text that goes into pictures: escaping, shapes, numbers."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import numpy as np

from ..backends import backend_of

LONGEST = 60
FEW = 6  # so many elements are written out


def escape(text: Any, longest: int = LONGEST) -> str:
    """Any text as the content of a DOT HTML label: one line, shortened, with nothing left that DOT or XML would read.

    Control characters, line ends and direction marks become visible escapes, and every character that means something to
    DOT's parser, to its own escapes (a backslash) or to XML becomes a character reference.
    """
    text = str(text)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return "".join(_escaped(c) for c in text)


def _escaped(c: str) -> str:
    if c in "&<>\"'\\{}|[]":
        return f"&#{ord(c)};"
    if c != " " and unicodedata.category(c)[0] in "CZ":  # controls, surrogates, formatting marks, odd spaces
        return "".join(f"&#{ord(d)};" if d == "\\" else d for d in c.encode("unicode_escape").decode())
    return c


def shape_text(shape: tuple) -> str:
    """(4, 3, 2, 2) as 4×3×2×2; a 0-d shape as "scalar"."""
    return "×".join(map(str, shape)) if shape else "scalar"


def number(x: float) -> str:
    """Three significant digits, with a real minus sign."""
    return f"{x:.3g}".replace("-", "−") if math.isfinite(x) else str(x)


def numbers(array: Any) -> list[str]:
    """The few numbers themselves, or mean, standard deviation, least and largest; and how many are not finite."""
    x = np.asarray(backend_of(array).to_host(array))
    if x.dtype.kind not in "biuf":
        return [str(v) for v in x.reshape(-1)[:1]]
    x = x.astype("float64").reshape(-1)
    if x.size <= FEW:
        words = [number(v) for v in x]
        return [", ".join(words[i : i + 3]) for i in range(0, len(words), 3)] or ["empty"]
    sound = x[np.isfinite(x)]
    lines = []
    if sound.size:
        with np.errstate(over="ignore"):
            lines = [f"{number(sound.mean())} ± {number(sound.std())}", f"{number(sound.min())} … {number(sound.max())}"]
    odd = x.size - sound.size
    return [*lines, f"{odd} not finite"] if odd else lines
