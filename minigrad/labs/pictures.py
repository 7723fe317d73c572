"""What the labs' pictures have in common: a figure if matplotlib is there, and lines with their spread over seeds."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLORS = {"none": "tab:orange", "bn": "tab:blue", "ln": "tab:green", "gn": "tab:red", "in": "tab:purple", "wn": "tab:brown"}
THEORY = {"color": "black", "linestyle": "--", "linewidth": 1.2}  # how a line of theory looks in every picture


def drawn(path: Path, draw: Callable, rows: int, columns: int, size: tuple[float, float] | None, title: str) -> bool:
    """Save what `draw(*axes)` draws to a PNG file; False, with a line that says what to install, without matplotlib."""
    try:
        Figure: Any = importlib.import_module("matplotlib.figure").Figure
    except ImportError:
        print(f"{path.name} is not drawn, matplotlib is missing. Hint: pip install matplotlib")
        return False
    figure = Figure(figsize=size or (5.2 * columns, 3.8 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    draw(*axes.flat)
    for part in axes.flat:
        part.grid(alpha=0.25, linewidth=0.6)
        part.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    figure.savefig(path, dpi=110)
    shrink(path)
    return True


def shrink(path: Path) -> None:
    """Write a PNG file again with a palette of 256 colours, which takes a third of the room."""
    pillow: Any = importlib.import_module("PIL.Image")  # matplotlib needs it too
    pillow.open(path).convert("RGB").quantize(256, dither=pillow.Dither.NONE).save(path, optimize=True)


def band(axes: Any, x: Sequence, runs: Any, label: str = "", **style: Any) -> None:
    """A line through the medians over the seeds, and a band from the least to the largest.

    x (n), runs (seeds, n): numbers, None or NaN where there is none. Further options go to `axes.plot`.
    """
    values = np.array([[np.nan if v is None else v for v in run] for run in runs], dtype=float)
    some = ~np.isnan(values).all(0)
    kept, places = values[:, some], np.asarray(x)[some]
    if not places.size:
        return
    (line,) = axes.plot(places, np.nanmedian(kept, 0), label=label or None, **style)
    axes.fill_between(places, np.nanmin(kept, 0), np.nanmax(kept, 0), color=line.get_color(), alpha=0.18, linewidth=0)
