"""Sweeps: a function at every combination of settings, of which an interruption loses only the cell at work."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm


def sweep(
    function: Callable[..., Any], axes: Mapping[str, Iterable], path: str | Path | None = None, key: str = "",
    name: str = "sweep", progress: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """`function(**values)` at every combination of the axes; the rows {**values, **result}, the last axis moving fastest.

    A result is a dict, or a number that is entered as `value`. With `path`, each finished cell is added to that file at once,
    as a line of JSON, and a cell that is there already under the same `key` is not computed again; results then are what
    JSON knows. A line that was cut short by an interruption counts as not there. Raises ValueError for an empty axis,
    or a result that has the name of one.
    """
    axes = {axis: list(values) for axis, values in axes.items()}
    empty = [axis for axis, values in axes.items() if not values]
    if empty or not axes:
        raise ValueError(f"sweep: no values for {', '.join(empty) or 'any axis'}")
    done = kept(Path(path), key) if path is not None else {}
    cells = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    rows = []
    for cell in tqdm(cells, desc=name, unit="cell", dynamic_ncols=True, mininterval=0.3, leave=False, disable=not progress):
        mark = json.dumps(cell, sort_keys=True)
        if mark not in done:
            result = function(**cell)
            done[mark] = result if isinstance(result, Mapping) else {"value": result}
            if clash := axes.keys() & done[mark].keys():
                raise ValueError(
                    f"sweep: the results have names of axes, {', '.join(sorted(clash))}. Hint: call them otherwise"
                )
            if path is not None:
                line = json.dumps({"key": key, "cell": mark, "result": done[mark]})
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                with open(path, "a", encoding="utf-8") as file:
                    file.write(f"\n{line}\n")  # the first line break ends a line that was cut short
                done[mark] = json.loads(line)["result"]
        rows.append({**cell, **done[mark]})
    return rows


def kept(path: Path, key: str) -> dict[str, Any]:
    """The finished cells of a file that were kept under `key`."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("key") == key and isinstance(entry.get("result"), dict):
            found[str(entry.get("cell"))] = entry["result"]
    return found


def column(rows: Iterable[Mapping[str, Any]], name: str, **where: Any) -> list:
    """What the rows of a sweep have under `name`, of those rows whose values are as `where` says."""
    return [row[name] for row in rows if all(row[axis] == value for axis, value in where.items())]


def spread(values: Iterable[float | None]) -> dict[str, float | int | None]:
    """count, mean, sd (over n - 1; None for one value), median, low and high of numbers; None and NaN are left out."""
    x = np.array([v for v in values if v is not None and not math.isnan(v)], dtype=float)
    if not x.size:
        return {"count": 0, "mean": None, "sd": None, "median": None, "low": None, "high": None}
    sd = float(x.std(ddof=1)) if x.size > 1 else None
    middle = float(np.median(x))
    return {"count": x.size, "mean": float(x.mean()), "sd": sd, "median": middle, "low": float(x.min()), "high": float(x.max())}
