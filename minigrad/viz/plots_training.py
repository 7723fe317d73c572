"""Plots of what happens while a model trains: curves, gradients by layer, activations, dead units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .plots_style import STYLES, Look, array, dress, legend, library, many, one, said, scale_beside
from .watch_log import BINS, activations_of, norm

HELD_OUT = ("held-out ", "val_", "validation ", "test_")
MOST_NAMES = 40  # beyond, not every layer's name fits


def learning_curves(
    history: Any, quantities: str | Iterable[str] | None = None, *, per: str | None = None, smooth: float = 0.0,
    log: bool = False, ax: Any = None, theme: str | None = None,
) -> Any:  # fmt: skip
    """The curves of a training: an axes for each quantity, held-out curves dashed.

    history      what `train.fit` returns; or numbers, the loss of each step; or {name: numbers}, where "val_loss" or "held-out
                 loss" goes with "loss"; or {name of a run: its history}, to compare runs
    quantities   which to draw, all if None; on `ax` one only, the first
    per          "epoch" or "step": which of the two that a History has; epochs if there are any
    smooth       in [0, 1): the share that a moving average keeps of itself each step, the curve itself is drawn faintly then
    Raises TypeError or ValueError for what holds no curve.
    """
    who = "learning_curves"
    if not 0 <= smooth < 1:
        raise ValueError(f"{who}: smooth must be in [0, 1), got {smooth!r}")
    if per not in (None, "epoch", "step"):
        raise ValueError(f"{who}: per must be 'epoch' or 'step', got {per!r}")
    panels, unit = panels_of(history, per, who)
    wanted = list(panels) if quantities is None else [quantities] if isinstance(quantities, str) else list(quantities)
    unknown = [name for name in wanted if name not in panels]
    if unknown or not wanted:
        raise ValueError(f"{who}: expected quantities among {', '.join(panels)}, got {', '.join(map(said, unknown)) or 'none'}")
    if ax is not None:
        figure, first, look = one(ax, theme, grid="both")
        drawn = [(wanted[0], first)]
    else:
        figure, axes, look = many(1, len(wanted), theme, 5.2, 3.6)
        drawn = list(zip(wanted, axes, strict=True))
    for quantity, axes in drawn:
        dress(axes, look, "both")
        curves(axes, panels[quantity], smooth, look)
        axes.set(xlabel=unit, ylabel=said(quantity))
        if log:
            axes.set_yscale("log")
        if unit == "epoch":
            axes.xaxis.set_major_locator(library("ticker").MaxNLocator(integer=True))
        if len(panels[quantity]) > 1:
            legend(axes, look)
    return figure


def panels_of(history: Any, per: str | None, who: str) -> tuple[dict[str, list[tuple[str, np.ndarray]]], str]:
    """{quantity: [(label, values)]} in any of the ways that a history comes, and what is counted along the bottom."""
    panels: dict[str, list[tuple[str, np.ndarray]]] = {}

    def add(name: str, values: Any, run: str = "") -> None:
        quantity = next((name.removeprefix(start) for start in HELD_OUT if name.startswith(start)), name)
        kind = "held-out" if quantity != name else "training"
        label = f"{run}, {kind}" if run and kind == "held-out" else run or kind
        panels.setdefault(quantity, []).append((label, array(values, who, said(name), 1).astype(float)))

    runs = history.items() if isinstance(history, Mapping) else [("", history)]
    units = set()
    for name, given in runs:
        if hasattr(given, "epochs") and hasattr(given, "loss"):
            epochs = bool(given.epochs) if per is None else per == "epoch"
            units.add("epoch" if epochs else "step")
            if not (given.epochs if epochs else given.loss):
                raise ValueError(f"{who}: the history has no {'epoch' if epochs else 'step'} yet")
            if epochs:
                for key in dict.fromkeys(key for epoch in given.epochs for key in epoch):
                    add(key, [epoch.get(key, np.nan) for epoch in given.epochs], str(name))
            else:
                add("loss", given.loss, str(name))
        elif isinstance(given, (str, bytes)) or not (hasattr(given, "__len__") or hasattr(given, "__array__")):
            raise TypeError(f"{who}: expected a History, numbers or a dict of them, got {type(given).__name__}. "
                            "Hint: learning_curves(train.fit(...))")  # fmt: skip
        else:
            units.add(per or "step")
            add(str(name) or "loss", given)
    if not panels:
        raise ValueError(f"{who}: there is no curve to draw")
    if len(units) > 1:
        raise ValueError(f"{who}: some of the histories have epochs and some not. Hint: per='step'")
    return panels, units.pop()


def curves(ax: Any, lines: list[tuple[str, np.ndarray]], smooth: float, look: Look) -> None:
    runs = list(dict.fromkeys(label.removesuffix(", held-out") for label, _ in lines if label != "held-out"))
    single = len(runs) <= 1
    for k, (label, values) in enumerate(lines):
        apart = label.endswith("held-out")
        run = label.removesuffix(", held-out")
        color = look.colors[(int(apart) if single else runs.index(run)) % len(look.colors)] if run in runs or single else None
        x = np.arange(1, len(values) + 1)
        style = {"color": color or look.colors[k % len(look.colors)], "linestyle": "--" if apart else "-"}
        marker = "o" if len(values) < 30 and not smooth else None
        if smooth:
            ax.plot(x, values, **{**style, "alpha": 0.25, "linewidth": 0.8})
            values = averaged(values, smooth)
        ax.plot(x, values, label=said(label), linewidth=1.8, marker=marker, markersize=3.5, **style)


def averaged(values: np.ndarray, keep: float) -> np.ndarray:
    """m_t = keep m_(t-1) + (1 - keep) x_t, over 1 - keep^t so that it starts at x_1; what is not finite is passed over.

    Source: Kingma & Ba 2015, section 3 (the correction).
    """
    result, total, weight = np.empty(len(values)), 0.0, 0.0
    for k, x in enumerate(values):
        if np.isfinite(x):
            total, weight = keep * total + (1 - keep) * x, keep * weight + (1 - keep)
        result[k] = total / weight if weight else np.nan
    return result


def gradient_flow(source: Any, *, ax: Any = None, theme: str | None = None) -> Any:
    """The gradient's norm in each layer, in the order of the model: whether it vanishes or explodes on its way back.

    source   a model after `backward()`: a bar for each parameter; {name: norm}, as `diagnose.measure.gradient_norms` gives it;
             or what `viz.watch` returned: a map of layers by steps
    Raises TypeError for anything else, ValueError if there is nothing to show.
    """
    who = "gradient_flow"
    if hasattr(source, "records"):
        return flow_map(source, ax, theme, who)
    without = set()
    if callable(getattr(source, "named_parameters", None)):
        without = {name for name, p in source.named_parameters() if p.grad is None}
        norms = {name: 0.0 if name in without else norm([array(p.grad, who, name)]) for name, p in source.named_parameters()}
        if without == norms.keys():
            raise ValueError(f"{who}: no parameter has a gradient. Hint: loss.backward() first")
    elif isinstance(source, Mapping):
        norms = {str(name): float(array(value, who, said(name), 0)) for name, value in source.items()}
    else:
        raise TypeError(f"{who}: expected a model, a dict of norms or a watch, got {type(source).__name__}")
    if not norms:
        raise ValueError(f"{who}: there is no layer to show")
    values = np.array(list(norms.values()))
    sound = np.isfinite(values) & (values > 0)
    figure, ax, look = one(ax, theme, 6.4, max(2.2, 0.9 + 0.24 * min(len(values), 80)), grid="x")
    places = np.arange(len(values))
    low, high = (values[sound].min() / 3, values[sound].max() * 3) if sound.any() else (0.1, 1.0)
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.barh(places[sound], values[sound] - low, left=low, color=look.colors[0], height=0.72)
    for place, name in zip(places, norms, strict=True):
        if sound[place]:
            continue
        word = "no gradient" if name in without else "0" if values[place] == 0 else "not finite"
        ax.text(0.01, place, word, transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=look.colors[1])
    ax.set(xlabel="norm of the gradient", ylim=(len(values) - 0.4, -0.6))
    layer_ticks(ax, list(norms))
    return figure


def flow_map(watch: Any, ax: Any, theme: str | None, who: str) -> Any:
    """The gradient's norm by colour, layers by watched steps."""
    records = records_of(watch, who)
    names = [layer.name for layer in watch.log.layers if any(layer.name in r.gradients for r in records)]
    if not names:
        raise ValueError(f"{who}: no gradient was seen. Hint: watch.step() belongs before zero_grad()")
    values = np.array([[r.gradients.get(name, np.nan) for r in records] for name in names])
    sound = values[np.isfinite(values) & (values > 0)]
    if not sound.size:
        raise ValueError(f"{who}: every gradient is 0 or not finite")
    figure, ax, look = one(ax, theme, 7.0, max(2.6, 1.1 + 0.24 * min(len(names), 60)))
    norms = library("colors").LogNorm(sound.min(), max(sound.max(), sound.min() * 1.001))
    shown = np.ma.masked_where(~(np.isfinite(values) & (values > 0)), values)
    picture = ax.imshow(shown, aspect="auto", cmap="cividis", norm=norms, interpolation="nearest")
    ax.set_facecolor(look.grid)  # what shows where there is no gradient
    step_ticks(ax, records)
    layer_ticks(ax, names)
    scale_beside(figure, picture, ax, look, "norm of the gradient")
    return figure


def records_of(watch: Any, who: str) -> list[Any]:
    records = list(watch.records)
    if not records:
        raise ValueError(f"{who}: the watch has seen no step. Hint: watch.step(loss=loss) in the training loop")
    return records


def layer_ticks(ax: Any, names: list[str]) -> None:
    by = -(-len(names) // MOST_NAMES)
    ax.set_yticks(range(0, len(names), by), [said(name) for name in names[::by]], fontsize=8)


def step_ticks(ax: Any, records: list[Any]) -> None:
    at = np.unique(np.linspace(0, len(records) - 1, min(6, len(records))).round().astype(int))
    ax.set_xticks(at, [f"{records[k].step:,}" for k in at])
    ax.set_xlabel("step")


def activation_histograms(
    source: Any, layer: str | None = None, *, bins: int = BINS, ridges: int = 24, ax: Any = None, theme: str | None = None
) -> Any:
    """One layer's activations over training as ridges: a histogram for each step, the first at the back.

    source   what `viz.watch` returned, with the `layer` to show, whose zeros are left out; or {step: activations}; or a list of
             activations, counted from 0
    bins     of each histogram, if `source` holds activations
    ridges   at most so many, evenly spaced
    Raises ValueError for a layer that is not there and for activations of which none is finite.
    """
    who = "activation_histograms"
    for name, given in (("bins", bins), ("ridges", ridges)):
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise ValueError(f"{who}: {name} must be an integer >= 1, got {given!r}")
    shapes = shapes_of(source, layer, bins, who)
    if not shapes:
        raise ValueError(f"{who}: no activation is finite, or there is none")
    shapes = [shapes[k] for k in np.unique(np.linspace(0, len(shapes) - 1, min(ridges, len(shapes))).round().astype(int))]
    figure, ax, look = one(ax, theme, 5.6, 5.0, grid="x")
    peak = float(np.quantile([density.max() for _, density, _ in shapes], 0.8)) or 1.0
    shades = library("colors").LinearSegmentedColormap.from_list("ridges", [look.grid, look.colors[0]])
    for k, (edges, density, _) in enumerate(shapes):
        base, x = -float(k), (edges[1:] + edges[:-1]) / 2
        x, tall = np.r_[edges[0], x, edges[-1]], np.r_[0.0, np.minimum(density / peak, 1.4) * 2.4, 0.0]
        shade = shades(0.25 + 0.75 * k / max(1, len(shapes) - 1))
        ax.fill_between(x, base, base + tall, color=shade, linewidth=0, zorder=2 + k)
        ax.plot(x, base + tall, color=look.paper, linewidth=0.9, zorder=2 + k)
    by = -(-len(shapes) // 12)
    ax.set_yticks([-float(k) for k in range(0, len(shapes), by)], [f"{step:,}" for _, _, step in shapes[::by]])
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    named = f"activation of {said(layer)}" if layer else "activation"
    ax.set(xlabel=named, ylabel="step", ylim=(-len(shapes) + 0.6, 3.6), xlim=most_of(shapes))
    return figure


def shapes_of(source: Any, layer: str | None, bins: int, who: str) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """(edges, density, step) for each step."""
    counted: list[tuple[Any, Any, int]] = []
    if hasattr(source, "records"):
        records = records_of(source, who)
        known = list(dict.fromkeys(name for r in records for name in r.activations))
        if layer not in known:
            given = "none" if layer is None else repr(said(layer))
            raise ValueError(f"{who}: expected a layer among {', '.join(map(said, known))}, got {given}")
        for r in records:
            found = r.activations.get(layer)
            if found is not None and np.isfinite(found.min):
                counted.append((np.array(found.counts), np.linspace(found.min, found.max, len(found.counts) + 1), r.step))
    else:
        items = (
            source.items() if isinstance(source, Mapping) else enumerate(source) if isinstance(source, (list, tuple)) else None
        )
        if items is None:
            raise TypeError(f"{who}: expected a watch, a dict or a list of activations, got {type(source).__name__}")
        for step, given in items:
            x = array(given, who, f"step {step}").reshape(-1).astype(float)
            x = x[np.isfinite(x)]
            if x.size:
                counted.append((*np.histogram(x, bins), int(step)))
    return [(edges, counts / max(1, counts.sum()) / max(edges[1] - edges[0], 1e-300), step) for counts, edges, step in counted]


def most_of(shapes: list[tuple[np.ndarray, np.ndarray, int]]) -> tuple[float, float]:
    """From where to where all but half a percent of each histogram lies, at either end."""
    ends = []
    for edges, density, _ in shapes:
        part = np.r_[0.0, np.cumsum(density * np.diff(edges))]
        ends.append(np.interp([0.005, 0.995], part, edges))
    low, high = float(np.min(ends)), float(np.max(ends))
    room = 0.04 * (high - low) or 0.5
    return low - room, high + room


def dead_units(source: Any, *, ax: Any = None, theme: str | None = None) -> Any:
    """The share of units (channels) that are 0 for every case of a batch, which no gradient passes.

    source   what `viz.watch` returned: a line for each layer over the steps; or {layer: activations (N, C, ...)}: a bar each
    Raises TypeError for anything else, ValueError if there is nothing to show.
    """
    who = "dead_units"
    if hasattr(source, "records"):
        records = records_of(source, who)
        lines = {layer.name: [share(r.activations.get(layer.name)) for r in records] for layer in source.log.layers}
        lines = {name: line for name, line in lines.items() if np.nanmax([0.0, *line]) > 0}
        figure, ax, look = one(ax, theme, grid="y")
        for k, (name, line) in enumerate(lines.items()):
            style = {"color": look.colors[k % len(look.colors)], "linestyle": STYLES[k // len(look.colors) % len(STYLES)]}
            ax.plot([r.step for r in records], line, label=said(name), linewidth=1.8, **style)
        if lines:
            legend(ax, look, fontsize=8, ncols=1 + len(lines) // 12)
        else:
            ax.text(0.5, 0.5, "no dead unit in any layer", transform=ax.transAxes, ha="center", color=look.faint)
        ax.set(xlabel="step", ylabel="dead units", ylim=(0, 1))
        ax.yaxis.set_major_formatter(library("ticker").PercentFormatter(1.0))
        return figure
    if not isinstance(source, Mapping):
        raise TypeError(f"{who}: expected a watch or a dict of activations by layer, got {type(source).__name__}")
    if not source:
        raise ValueError(f"{who}: there is no layer to show")
    shares = {name: share(activations_of(array(x, who, said(name)), 1 if np.ndim(x) > 1 else 0)) for name, x in source.items()}
    figure, ax, look = one(ax, theme, 6.0, max(2.0, 0.9 + 0.3 * len(shares)), grid="x")
    ax.barh(range(len(shares)), list(shares.values()), color=look.colors[3], height=0.7)
    for k, part in enumerate(shares.values()):
        ax.text(part + 0.01, k, f"{100 * part:.3g}%", va="center", fontsize=8, color=look.ink)
    ax.set(xlabel="dead units", xlim=(0, 1.12), ylim=(len(shares) - 0.4, -0.6))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(library("ticker").PercentFormatter(1.0))
    layer_ticks(ax, list(map(str, shares)))
    return figure


def share(found: Any) -> float:
    """The part of the units that is dead; nan where a layer did not run."""
    return found.dead / found.units if found is not None and found.units else np.nan
