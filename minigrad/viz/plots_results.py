"""Plots of what a model learned: confusion, predictions, filters, decision boundaries, the loss around a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import Tensor, mode
from ..ops.create import as_tensor
from .plots_style import array, bare, legend, library, many, names_of, one, said, scale_beside

MOST_CELLS = 40  # rows of a confusion matrix up to which numbers are written into it


def confusion_matrix(
    y_true: Any, y_pred: Any, *, labels: Sequence | None = None, display_labels: Sequence | None = None,
    normalize: str | None = None, include_values: bool = True, values_format: str | None = None, cmap: Any = None,
    colorbar: bool = True, ax: Any = None, theme: str | None = None,
) -> Any:  # fmt: skip
    """How often each true class (row) was predicted as each class (column). Arguments as in scikit-learn's display.

    y_true, y_pred   classes, numbers or names (N); `y_pred` may be scores (N, K), whose largest counts
    labels           the classes and their order; those that occur, sorted, if None
    normalize        "true", "pred" or "all": shares of the row, the column or everything, in place of counts
    Raises ValueError for lengths that differ and an unknown `normalize`.
    """
    who = "confusion_matrix"
    true, pred = classes_of(y_true, who, "y_true"), classes_of(y_pred, who, "y_pred")
    if len(true) != len(pred):
        raise ValueError(f"{who}: y_true and y_pred must have one length, got {len(true)} and {len(pred)}")
    if normalize not in (None, "true", "pred", "all"):
        raise ValueError(f"{who}: normalize must be 'true', 'pred', 'all' or None, got {normalize!r}")
    if (true.dtype.kind == "U") != (pred.dtype.kind == "U"):
        raise TypeError(f"{who}: y_true and y_pred must both be numbers or both be names")
    known = np.unique(np.concatenate([true, pred])) if labels is None else np.asarray(labels)
    place = {value: k for k, value in enumerate(known.tolist())}
    if not set(true.tolist()) & place.keys():
        raise ValueError(f"{who}: none of the labels is in y_true")
    counts = np.zeros((len(known), len(known)))
    for t, p in zip(true.tolist(), pred.tolist(), strict=True):
        if t in place and p in place:
            counts[place[t], place[p]] += 1
    sums = {"true": counts.sum(1, keepdims=True), "pred": counts.sum(0, keepdims=True), "all": counts.sum()}
    cells = counts if normalize is None else counts / np.maximum(sums[normalize], 1)
    side = min(11.0, max(3.6, 1.6 + 0.42 * len(known)))
    figure, ax, look = one(ax, theme, side + 0.9, side)
    picture = ax.imshow(cells, cmap=cmap or look.scale, vmin=0, vmax=cells.max() or 1)
    names = names_of(known.tolist() if display_labels is None else display_labels, len(known), who)
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
    ax.set_xticks(range(len(known)), names, **turned)
    ax.set_yticks(range(len(known)), names)
    ax.set(xlabel="Predicted label", ylabel="True label")
    if include_values and len(known) <= MOST_CELLS:
        for i, k in np.ndindex(*cells.shape):
            red, green, blue, _ = picture.cmap(picture.norm(cells[i, k]))
            ink = "#ffffff" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else "#17212b"
            text = format(cells[i, k], values_format or (".2g" if normalize else "g"))
            ax.text(k, i, text, ha="center", va="center", color=ink, fontsize=9 if len(known) <= 20 else 6)
    if colorbar:
        scale_beside(figure, picture, ax, look, "cases" if normalize is None else "share")
    return figure


def classes_of(given: Any, who: str, name: str) -> np.ndarray:
    """Classes (N): whole numbers or names; the largest of scores (N, K)."""
    if not isinstance(given, Tensor):
        x = np.asarray(given)
        if x.dtype.kind in "US" and x.ndim == 1 and x.size:
            return x.astype(str)
    x = array(given, who, name, (1, 2))
    if x.ndim == 2:
        return x.argmax(1)
    if x.dtype.kind == "f" and not (x == np.round(x)).all():
        raise ValueError(f"{who}: {name} must hold classes, got numbers that are not whole. Hint: scores are (N, K)")
    return x.astype(np.int64)


def sample_predictions(
    images: Any, predictions: Any, targets: Any = None, *, classes: Sequence | None = None, limit: int = 20, columns: int = 5,
    only_wrong: bool = False, theme: str | None = None,
) -> Any:  # fmt: skip
    """Images with what the model says they are; a wrong one is marked and says what it is.

    images        (N, H, W), (N, 1, H, W) or (N, 3, H, W); each is stretched over its own range
    predictions   classes (N) or scores (N, K)
    targets       the true classes, if known
    Raises ValueError for shapes that don't fit, and if `only_wrong` leaves none.
    """
    who = "sample_predictions"
    x = array(images, who, "images", (3, 4)).astype(float)
    x = x[:, None] if x.ndim == 3 else x
    if x.shape[1] not in (1, 3):
        raise ValueError(f"{who}: images must have 1 or 3 channels, (N, C, H, W), got the shape {x.shape}")
    for option, given in (("limit", limit), ("columns", columns)):
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise ValueError(f"{who}: {option} must be an integer >= 1, got {given!r}")
    pred = classes_of(predictions, who, "predictions")
    true = pred if targets is None else classes_of(targets, who, "targets")
    if not len(x) == len(pred) == len(true):
        raise ValueError(
            f"{who}: expected as many predictions and targets as images, got {len(pred)} and {len(true)} for {len(x)}"
        )
    chosen = np.flatnonzero(pred != true) if only_wrong else np.arange(len(x))
    if not chosen.size:
        raise ValueError(f"{who}: no prediction is wrong")
    chosen = chosen[:limit]
    columns = min(columns, len(chosen))
    figure, axes, look = many(-(-len(chosen) // columns), columns, theme, 1.5, 1.75)

    def name(k: Any) -> str:
        return said(classes[int(k)] if classes is not None and 0 <= int(k) < len(classes) else k, 16)

    for ax in axes:
        bare(ax)
        ax.set_facecolor(look.paper)
    for ax, k in zip(axes, chosen, strict=False):
        ax.imshow(stretched(x[k]), cmap="gray", interpolation="nearest")
        wrong = pred[k] != true[k]
        words = f"✗ {name(pred[k])}, is {name(true[k])}" if wrong else name(pred[k])
        ax.set_title(words, fontsize=9, color=look.colors[1] if wrong else look.ink, fontweight="bold" if wrong else "normal")
    return figure


def stretched(image: np.ndarray) -> np.ndarray:
    """(C, H, W) as matplotlib shows it, from 0 to 1; numbers that are not finite become 0."""
    sound = image[np.isfinite(image)]
    low, high = (sound.min(), sound.max()) if sound.size else (0.0, 1.0)
    image = np.where(np.isfinite(image), (image - low) / (high - low or 1.0), 0.0)
    return image[0] if len(image) == 1 else image.transpose(1, 2, 0)


def conv_filters(layer: Any, *, limit: int = 64, ax: Any = None, theme: str | None = None) -> Any:
    """The weights of a convolution: one picture a filter if it has one input channel or (in colour) three, else a row a filter
    and a column an input channel.

    layer   a Conv1d or Conv2d, or its weight (out, in, [H,] W)
    limit   at most so many filters, and so many channels
    The scale of grey and of two-sided pictures is one for all; a filter in colour is stretched over its own range.
    """
    who = "conv_filters"
    w = array(getattr(layer, "weight", layer), who, "the weight", (3, 4)).astype(float)
    w = w[:, :, None] if w.ndim == 3 else w
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ValueError(f"{who}: limit must be an integer >= 1, got {limit!r}")
    colour, total = w.shape[1] == 3 and w.shape[2] > 1, w.shape[:2]
    w = w[:limit, : 3 if colour else limit]
    if colour:
        tiles: list[list[Any]] = grid([stretched(one_filter) for one_filter in w])
    elif w.shape[1] == 1:
        tiles = grid([one_filter[0] for one_filter in w])
    else:
        tiles = [list(row) for row in w]
    rows, columns, (high, wide) = len(tiles), len(tiles[0]), w.shape[2:]
    sheet = np.full((rows * (high + 1) - 1, columns * (wide + 1) - 1, *([4] if colour else [])), 0.0 if colour else np.nan)
    for i, row in enumerate(tiles):
        for k, tile in enumerate(row):
            part = sheet[i * (high + 1) : i * (high + 1) + high, k * (wide + 1) : k * (wide + 1) + wide]
            part[..., :3] = tile if colour else part[..., :3]
            if colour:
                part[..., 3] = 1.0
            else:
                part[...] = tile
    unit = min(0.1, 6.0 / max(sheet.shape[:2]))
    figure, ax, look = one(ax, theme, max(2.4, unit * sheet.shape[1] + 1.5), max(2.0, unit * sheet.shape[0] + 0.8))
    most = np.nanmax(np.abs(np.where(np.isfinite(w), w, np.nan)), initial=0.0) or 1.0
    picture = ax.imshow(sheet if colour else np.ma.masked_invalid(sheet), cmap=look.signed, vmin=-most, vmax=most)
    bare(ax)
    matrix = not colour and w.shape[1] > 1
    ax.set_xlabel("input channel" if matrix else "filters")
    if matrix:
        ax.set_ylabel("filter")
        for set_ticks, count, length in ((ax.set_xticks, columns, wide), (ax.set_yticks, rows, high)):
            shown = range(0, count, -(-count // 16))
            set_ticks([k * (length + 1) + (length - 1) / 2 for k in shown], list(map(str, shown)), fontsize=8)
        ax.tick_params(length=0)
    if total != w.shape[:2]:
        ax.set_title(f"{w.shape[0]} of {total[0]} filters, {w.shape[1]} of {total[1]} channels", fontsize=9, color=look.faint)
    if not colour:
        scale_beside(figure, picture, ax, look, "weight")
    return figure


def grid(tiles: list[Any]) -> list[list[Any]]:
    """A list as rows, about as many as there are columns."""
    columns = int(np.ceil(np.sqrt(len(tiles))))
    return [tiles[k : k + columns] for k in range(0, len(tiles), columns)]


def decision_boundary(
    model: Callable[[Tensor], Tensor], X: Any, y: Any = None, *, grid_resolution: int = 200, eps: float = 0.5,
    threshold: float = 0.0, classes: Sequence | None = None, ax: Any = None, theme: str | None = None,
) -> Any:  # fmt: skip
    """Which class a model gives to each point of the plane around the data `X` (N, 2), and the data with their classes `y`.

    model            gives scores (N, K), whose largest counts, or one score a case, (N) or (N, 1): class 1 above `threshold`.
                     A module is asked in evaluation mode, without gradients
    grid_resolution  points along each side
    eps              how far the plane goes beyond the data
    """
    who = "decision_boundary"
    points = array(X, who, "X", 2).astype(float)
    if points.shape[1] != 2:
        raise ValueError(f"{who}: X must be of shape (N, 2), got {points.shape}")
    if not callable(model):
        raise TypeError(f"{who}: expected a model or a function of a tensor, got {type(model).__name__}")
    if isinstance(grid_resolution, bool) or not isinstance(grid_resolution, int) or grid_resolution < 2:
        raise ValueError(f"{who}: grid_resolution must be an integer >= 2, got {grid_resolution!r}")
    true = (
        None
        if y is None
        else classes_of(np.ravel(array(y, who, "y")) if not isinstance(y, Tensor) else y.reshape(-1), who, "y")
    )
    if true is not None and len(true) != len(points):
        raise ValueError(f"{who}: X and y must have one length, got {len(points)} and {len(true)}")
    (left, low), (right, high) = points.min(0) - eps, points.max(0) + eps
    across, up = np.linspace(left, right, grid_resolution), np.linspace(low, high, grid_resolution)
    plane = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    scores = scored(model, plane, who)
    margins = margins_of(scores, threshold).reshape(grid_resolution, grid_resolution, -1)
    found = margins.argmax(-1)
    figure, ax, look = one(ax, theme, 5.4, 4.6)
    shades = np.array([library("colors").to_rgb(look.colors[k % len(look.colors)]) for k in range(margins.shape[-1])])
    ax.imshow(np.dstack([shades[found], np.full(found.shape, 0.26)]), extent=(left, right, low, high), origin="lower",
              aspect="auto", interpolation="nearest")  # fmt: skip
    for k in range(margins.shape[-1] if margins.shape[-1] > 2 else 1):
        if margins[..., k].min() < 0 < margins[..., k].max():
            ax.contour(across, up, margins[..., k], levels=[0.0], colors=[look.ink], linewidths=1.0)
    for k in range(margins.shape[-1] if true is not None else 0):
        own = points[true == k]
        name = said(classes[k]) if classes is not None and k < len(classes) else f"class {k}"
        style = {"color": look.colors[k % len(look.colors)], "marker": "os^Dvp*"[k % 7], "edgecolor": look.paper}
        ax.scatter(*own.T, s=20, linewidth=0.6, label=name, zorder=3, **style)
    if true is None:
        ax.scatter(*points.T, s=12, color=look.faint, zorder=3)
    elif margins.shape[-1] <= 12:
        legend(ax, look, fontsize=8)
    ax.set(xlabel="first feature", ylabel="second feature", xlim=(left, right), ylim=(low, high))
    return figure


def scored(model: Any, plane: np.ndarray, who: str) -> np.ndarray:
    """What a model gives for points (N, 2), in evaluation mode; its mode comes back."""
    first = next(iter(model.parameters()), None) if callable(getattr(model, "parameters", None)) else None
    given = as_tensor(plane.astype(np.float32))
    given = given if first is None else given.to(device=first.device, dtype=first.dtype)
    modes = [(m, m.training) for m in model.modules()] if callable(getattr(model, "modules", None)) else []
    try:
        for m, _ in modes:
            m.training = False
        with mode(grad=False):
            scores = array(model(given), who, "the model's output", (1, 2)).astype(float)
    finally:
        for m, training in modes:
            m.training = training
    if len(scores) != len(plane):
        raise ValueError(f"{who}: the model gave the shape {scores.shape} for {len(plane)} points. Hint: a row a point")
    return scores


def margins_of(scores: np.ndarray, threshold: float) -> np.ndarray:
    """(N, K): by how much each class's score is above the best of the others."""
    if scores.ndim == 1 or scores.shape[1] == 1:
        above = scores.reshape(-1) - threshold
        return np.stack([-above, above], 1)
    return np.stack([scores[:, k] - np.delete(scores, k, 1).max(1) for k in range(scores.shape[1])], 1)


def loss_slice(at: Any, losses: Any, *, log: bool = False, ax: Any = None, theme: str | None = None) -> Any:
    """The loss along a direction, as `diagnose.measure.slice_along` gives it.

    at       distances along the direction (n)
    losses   (n), or several of them, (k, n) or {name: (n)}; where one is not finite, the line has a gap
    """
    who = "loss_slice"
    x = array(at, who, "at", 1).astype(float)
    named = losses if isinstance(losses, Mapping) else {"": losses}
    lines = [(str(name), line) for name, given in named.items() for line in np.atleast_2d(array(given, who, "losses", (1, 2)))]
    for _, line in lines:
        if len(line) != len(x):
            raise ValueError(f"{who}: expected {len(x)} losses, one for each of `at`, got {len(line)}")
    if not any(np.isfinite(line).any() for _, line in lines):
        raise ValueError(f"{who}: no loss is finite")
    figure, ax, look = one(ax, theme, grid="both")
    for k, (name, line) in enumerate(lines):
        ax.plot(x, np.where(np.isfinite(line), line, np.nan), color=look.colors[k % len(look.colors)], linewidth=1.8,
                label=said(name) or None)  # fmt: skip
    ax.axvline(0.0, color=look.faint, linewidth=0.9, linestyle=":")
    ax.set(xlabel="distance along the direction", ylabel="loss")
    if log:
        ax.set_yscale("log")
    if any(name for name, _ in lines):
        legend(ax, look)
    return figure


def loss_contour(
    across: Any, up: Any, losses: Any, *, levels: int = 24, log: bool | None = None, ax: Any = None, theme: str | None = None
) -> Any:
    """The loss over two directions, as `diagnose.measure.contour` gives it: filled contours, and the point in the middle.

    losses   (len(up), len(across)); what is not finite stays blank
    log      levels evenly in the logarithm; None: if the losses are positive and span a factor of 10
    """
    who = "loss_contour"
    x, y = array(across, who, "across", 1).astype(float), array(up, who, "up", 1).astype(float)
    z = array(losses, who, "losses", 2).astype(float)
    if z.shape != (len(y), len(x)) or min(z.shape) < 2:
        raise ValueError(f"{who}: expected losses of the shape (len(up), len(across)) = {(len(y), len(x))}, at least (2, 2), "
                         f"got {z.shape}")  # fmt: skip
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 2:
        raise ValueError(f"{who}: levels must be an integer >= 2, got {levels!r}")
    sound = z[np.isfinite(z)]
    if not sound.size:
        raise ValueError(f"{who}: no loss is finite")
    low, high = float(sound.min()), float(sound.max())
    if log and low <= 0:
        raise ValueError(f"{who}: log levels need positive losses, the least is {low:.3g}. Hint: log=False")
    logs = low > 0 and high / low > 10 if log is None else log
    high = high if high > low else low + (abs(low) or 1.0) * 1e-6
    at = np.geomspace(low, high, levels + 1) if logs else np.linspace(low, high, levels + 1)
    figure, ax, look = one(ax, theme, 5.8, 4.6)
    norm = library("colors").LogNorm(low, high) if logs else None
    masked = np.ma.masked_invalid(z)
    picture = ax.contourf(x, y, masked, levels=at, cmap="cividis", norm=norm)
    ax.contour(x, y, masked, levels=at[1:-1:2], colors=[look.paper], linewidths=0.4, alpha=0.6, norm=None)
    if x[0] <= 0 <= x[-1] and y[0] <= 0 <= y[-1]:
        ax.plot(0, 0, marker="*", markersize=13, color="#ffffff", markeredgecolor="#17212b", clip_on=False)
    ax.set(xlabel="first direction", ylabel="second direction")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(library("ticker").MaxNLocator(5))
    bar = scale_beside(figure, picture, ax, look, "loss")
    shown = at[:: max(1, levels // 6)]
    bar.set_ticks(shown, labels=[f"{value:.3g}" for value in shown])
    bar.minorticks_off()
    return figure
