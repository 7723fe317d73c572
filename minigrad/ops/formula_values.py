"""The formulas of ops as numbers: the value of one for a call, with the call's tensors for its names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..core import OPS, Op
from .formulas import FORMULAS, Row
from .notation import Formula


def span(entry: Row, x: Any, options: Mapping[str, Any]) -> tuple[int, ...]:
    """The dimensions of x that the sums of a formula run over."""
    if entry.over in ("dim", "dims"):
        given = options[entry.over]
        return tuple(given) if isinstance(given, (tuple, list)) else (given,)
    every = tuple(range(x.ndim))
    found = {
        "channels": (0, *every[2:]),
        "groups": (2, 3),
        "rows": every[:-1],
        "classes": (1,),
        "matrix": every[-2:],
        "last": every[-1:],
    }
    return found.get(entry.over, ())


def in_groups(value: Any, groups: int) -> Any:
    """(N, C, ...) as (N, groups, channels of a group, cells of a channel), (C) to broadcast over it; no array as it is."""
    if not hasattr(value, "shape"):
        return value
    if value.ndim == 1:
        return OPS["reshape"](value, shape=(groups, value.shape[0] // groups, 1))
    n, c = value.shape[:2]
    return OPS["reshape"](value, shape=(n, groups, c // groups, math.prod(value.shape[2:])))


def computed(formula: Formula, op: Op, inputs: tuple, options: Mapping[str, Any], y: Any = None, g: Any = None) -> Any:
    """The value of one of an op's formulas for a call, in tensors; dimensions that it sums over are kept with size 1."""
    entry = FORMULAS[op.name]
    if entry.over == "groups":
        *inputs, y, g = (in_groups(v, options["groups"]) for v in (*inputs, y, g))  # type: ignore[assignment]
    first = inputs[0]
    over = span(entry, first, options) if entry.over else ()
    kept = tuple(1 if d in over else n for d, n in enumerate(first.shape)) if over else ()

    def laid(value: Any) -> Any:
        """A value that lacks the dimensions summed over, laid out along the others."""
        fits = over and entry.over not in ("dims", "groups") and hasattr(value, "ndim") and value.ndim < first.ndim
        return OPS["reshape"](value, shape=kept) if fits and value.array.size == math.prod(kept) else value

    values: dict[str, Any] = dict(op.defaults) | dict(options) | {"y": laid(y), "g": laid(g)}
    if over:
        values["n"] = math.prod(first.shape[d] for d in over)
        values["N"] = first.array.size // max(values["n"], 1)
    for name, value in zip(op.inputs, inputs, strict=False):
        values[name] = laid(value) if entry.over != "rows" else value
    for name, none in (("weight", 1.0), ("bias", 0.0), ("min", -math.inf), ("max", math.inf)):
        values[name] = none if values.get(name) is None else values[name]
    if entry.over == "classes":
        values["k"] = OPS["arange"](start=0, end=first.shape[1], step=1, dtype=inputs[1].dtype)
    cases = (0, 3) if entry.over == "groups" else tuple(d for d in range(first.ndim) if d not in over) if over else ()
    return formula.value(values, over, cases)
