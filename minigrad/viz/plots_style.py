"""What all plots share: matplotlib when it is needed, a figure to draw on, two themes, numbers out of whatever holds them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from ..backends import backend_of
from ..core import Tensor
from .text import visible

WHO = "plots"


class Look(NamedTuple):
    """Colours of a plot: `colors` are Okabe and Ito's, toned for the paper that they are on."""

    paper: str
    ink: str
    faint: str
    grid: str
    colors: tuple[str, ...]
    scale: str  # matplotlib's names of colour maps: for amounts, and for numbers on both sides of 0
    signed: str


LIGHT = Look("#ffffff", "#17212b", "#586573", "#d5dbe1",
             ("#0072b2", "#d55e00", "#00805d", "#9a4f86", "#b87900", "#3a9bd6", "#6b6b6b"), "Blues", "RdBu_r")  # fmt: skip
DARK = Look("#161c23", "#e9eef3", "#a0adba", "#33404d",
            ("#56b4e9", "#f0985c", "#2bc79a", "#d793c1", "#e6b23c", "#8fd0ff", "#b5b5b5"), "cividis", "RdBu_r")  # fmt: skip
STYLES = ("-", "--", ":", "-.")  # what tells lines apart beside colour


def library(name: str) -> Any:
    """A module of matplotlib. Raises ImportError that says how to get it."""
    try:
        return importlib.import_module(f"matplotlib.{name}")
    except ImportError:
        raise ImportError(f"{WHO}: needs matplotlib, which is not installed. Hint: pip install minigrad[viz]") from None


def look_of(theme: str | None, ax: Any = None) -> Look:
    """The theme asked for; if none was, that of the axes given, by their paper, or light."""
    if theme not in (None, "light", "dark"):
        raise ValueError(f"{WHO}: theme must be 'light' or 'dark', got {theme!r}")
    if theme is None and ax is not None:
        red, green, blue = library("colors").to_rgb(ax.get_facecolor())
        return DARK if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.4 else LIGHT
    return DARK if theme == "dark" else LIGHT


def figure_of(width: float, height: float) -> Any:
    """A new figure: pyplot's if that was imported, so that plt.show() shows it; a notebook shows what is returned."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    shown = pyplot is not None and "inline" not in pyplot.get_backend()
    make: Any = pyplot.figure if pyplot is not None and shown else library("figure").Figure
    return make(figsize=(width, height), layout="constrained")


def one(ax: Any, theme: str | None, width: float = 6.0, height: float = 4.0, grid: str | None = None) -> tuple[Any, Any, Look]:
    """(figure, axes, look): on the axes given, else on those of a new figure. `grid`: "x", "y" or "both"."""
    if ax is not None and not hasattr(ax, "get_facecolor"):
        raise TypeError(f"{WHO}: ax must be matplotlib axes, got {type(ax).__name__}. Hint: fig, ax = plt.subplots()")
    look = look_of(theme, ax)
    if ax is None:
        figure = figure_of(width, height)
        figure.set_facecolor(look.paper)
        ax = figure.add_subplot()
    dress(ax, look, grid)
    return ax.figure, ax, look


def many(rows: int, columns: int, theme: str | None, width: float, height: float) -> tuple[Any, list[Any], Look]:
    """(figure, all its axes, look) of a new figure with a grid of axes, each so wide and high."""
    look = look_of(theme)
    figure = figure_of(width * columns, height * rows)
    figure.set_facecolor(look.paper)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat), look


def dress(ax: Any, look: Look, grid: str | None = None) -> None:
    """Paper, ink and lines of the look; no frame at the top and right."""
    ax.set_facecolor(look.paper)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(look.faint)
    ax.tick_params(colors=look.faint, which="both", labelcolor=look.ink)
    for part in (ax.xaxis.label, ax.yaxis.label, ax.title):
        part.set_color(look.ink)
    if grid:
        ax.grid(axis=grid, color=look.grid, linewidth=0.7)
        ax.set_axisbelow(True)


def bare(ax: Any) -> None:
    """No ticks and no frame: for pictures."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def legend(ax: Any, look: Look, **options: Any) -> None:
    box = ax.legend(frameon=False, **options)
    for text in box.get_texts():
        text.set_color(look.ink)


def scale_beside(figure: Any, picture: Any, ax: Any, look: Look, label: str) -> Any:
    """The colour scale of a picture, beside it."""
    bar = figure.colorbar(picture, ax=ax)
    bar.set_label(label, color=look.ink)
    bar.ax.tick_params(colors=look.faint, labelcolor=look.ink)
    bar.outline.set_edgecolor(look.grid)
    return bar


def array(given: Any, who: str, name: str, dims: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Numbers in NumPy, of a tensor, an array or lists. Raises TypeError or ValueError that says what came."""
    x = np.asarray(backend_of(given.array).to_host(given.array)) if isinstance(given, Tensor) else given
    try:
        x = np.asarray(x)
        x = x if x.dtype.kind in "biu" or x.dtype in (np.float32, np.float64) else x.astype(float)
    except (TypeError, ValueError):
        raise TypeError(f"{who}: {name} must hold real numbers, got {type(given).__name__} {given!r:.60}") from None
    allowed = (dims,) if isinstance(dims, int) else dims
    if allowed is not None and x.ndim not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise ValueError(f"{who}: {name} must have {wanted} dimension{'s' * (wanted != '1')}, got the shape {x.shape}")
    if not x.size:
        raise ValueError(f"{who}: {name} is empty")
    return x


def said(text: Any, longest: int = 40) -> str:
    """A name as matplotlib shows it: short, and no dollar sign starts a formula."""
    return visible(text, longest).replace("$", r"\$")


def names_of(given: Iterable | None, count: int, who: str) -> list[str]:
    """Names of `count` classes: those given, else their numbers."""
    names = [said(name) for name in (range(count) if given is None else given)]
    if len(names) < count:
        raise ValueError(f"{who}: {count} classes need {count} names, got {len(names)}")
    return names
