"""The tables of the explorer's data: each text once, and each array once, as statistics and the numbers that can be shown."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from ..trace import Variable
from ..trace.statistics import Statistics, thumbnail_of
from .text import number, visible

SHOWN = 5000  # arrays up to which each shows 16 x 16 numbers; beyond it shows 8 x 8
DIGITS = 7  # significant digits of a number in the page


class Texts:
    """Texts by number, each kept once: formulas repeat from call to call."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        if text not in self.known:
            self.known[text] = len(self.rows)
            self.rows.append(text)
        return self.known[text]

    def all(self, told: dict[str, Any]) -> dict[str, Any]:
        """A dict of texts and lists of texts, by their numbers."""
        return {k: self(v) if isinstance(v, str) else [self(text) for text in v] for k, v in told.items()}


class Numbers:
    """Variables by number, each kept once."""

    def __init__(self, many: bool = False) -> None:
        self.step = 2 if many else 1
        self.rows: list[dict[str, Any]] = []
        self.known: dict[Variable, int] = {}

    def of(self, v: Variable | None) -> int | None:
        if v is None:
            return None
        if v not in self.known:
            self.known[v] = len(self.rows)
            self.rows.append(self.row(v))
        return self.known[v]

    def row(self, v: Variable) -> dict[str, Any]:
        shape = None if v.kind == "results" else list(v.shape)
        told: dict[str, Any] = {"shape": shape, "dtype": v.dtype.name, "eps": epsilon(v), "bytes": v.nbytes}
        told |= {"stats": None, "histogram": [], "counted": 0, "rows": [], "words": None, "at": None, "of": None}
        stats, small = v.statistics, v.thumbnail
        if stats is None or small is None:
            return told
        told["stats"] = summary(stats) | {"size": stats.size, "zeros": stats.zeros, "nonfinite": stats.nonfinite}
        told["histogram"], told["counted"] = list(stats.histogram), stats.counted
        step = self.step if stats.size > 64 else 1
        told["rows"] = [[clean(x) for x in row[::step]] for row in small.rows[::step]]
        if v.dtype.is_complex and (array := v.recorded) is not None:
            parts = [thumbnail_of(part) for part in (array.real, array.imag)]
            told["words"] = [[number(complex(*z)) for z in zip(*pair, strict=True)][::step]
                             for pair in zip(*(part.rows for part in parts), strict=True)][::step]  # fmt: skip
        rows, columns = list(small.row_index[::step]), list(small.column_index[::step])
        if stats.size > len(rows) * len(columns):
            told["at"] = [rows, columns]
        told["of"] = [small.height, small.width]
        return told


def summary(stats: Statistics) -> dict[str, Any]:
    """Mean, standard deviation, least, largest and norm, for JSON."""
    return {name: clean(getattr(stats, name)) for name in ("mean", "std", "min", "max", "norm")}


def epsilon(v: Variable) -> float:
    """The machine epsilon of a variable's type; 0 for integers and truths, which are exact."""
    if not (v.dtype.is_floating_point or v.dtype.is_complex):
        return 0.0
    bits = {"float16": 10, "bfloat16": 7, "float32": 23, "complex64": 23}.get(v.dtype.name, 52)
    return 2.0**-bits


def clean(x: float) -> float | str:
    """A number for JSON, which knows neither nan nor infinity: these as words."""
    if not math.isfinite(x):
        return "nan" if math.isnan(x) else "∞" if x > 0 else "−∞"
    return float(f"{x:.{DIGITS}g}")


def plain(value: Any) -> str:
    """An option's value in words."""
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(plain, value))}{',' * (len(value) == 1)})"
    if isinstance(value, float):
        return f"{value:g}"
    return type(value).__name__ if type(value).__repr__ is object.__repr__ else visible(value)  # no addresses


def place(source: str) -> str:
    """A "file:line" below the current folder as it is from there, any other by its last two names: pages are passed on."""
    path = Path(source)
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else "/".join(path.parts[-2:])
