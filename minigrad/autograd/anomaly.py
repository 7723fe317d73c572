"""Anomaly mode: the first NaN or Inf stops the program and names the op, the line, the numbers and the likely cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..backends import GradError
from ..backends.source import user_line
from ..core import MODE, Node, Op, Tensor, listening
from .listener import Listener


class AnomalyError(GradError):
    """A NaN or Inf that anomaly mode found."""


class Numbers:
    """What the report says about one operand."""

    def __init__(self, name: str, x: Any) -> None:
        array = x.backend.to_host(x.array) if isinstance(x, Tensor) else np.asarray(x)
        self.name, self.shape, self.kind = name, array.shape, array.dtype.name
        self.values = np.asarray(array, dtype=np.float64).reshape(-1)
        self.finite = self.values[np.isfinite(self.values)]

    def has(self, test: Callable) -> int:
        """How many elements satisfy a test."""
        with np.errstate(invalid="ignore"):
            return int(np.count_nonzero(test(self.values)))

    @property
    def nans(self) -> int:
        return self.has(np.isnan)

    @property
    def infs(self) -> int:
        return self.has(np.isinf)

    def __str__(self) -> str:
        """One line: shape, type, range and how many elements are zero, negative, infinite or NaN."""
        f = self.finite
        spread = f"min {f.min():.4g}, max {f.max():.4g}, mean {f.mean():.4g}" if f.size else "no finite element"
        counts = {
            "zero": self.has(lambda v: v == 0),
            "negative": self.has(lambda v: v < 0),
            "inf": self.infs,
            "nan": self.nans,
        }
        found = "".join(f", {n} {what}" for what, n in counts.items() if n)
        return f"{self.name}: {self.kind} {self.shape}, {spread}{found}"


def zero(v: np.ndarray) -> np.ndarray:
    return v == 0


def negative(v: np.ndarray) -> np.ndarray:
    return v < 0


def outside_one(v: np.ndarray) -> np.ndarray:
    return np.abs(v) > 1


def up_to_minus_one(v: np.ndarray) -> np.ndarray:
    return v <= -1


# (ops, position of the operand, what to look for, what it means), for the forward and for the backward pass
FORWARD: list[tuple[str, int, Callable, str]] = [
    ("div floor_divide remainder fmod", 1, zero, "a division by 0. Hint: x / (other + eps)"),
    ("reciprocal rsqrt", 0, zero, "a division by 0. Hint: x + eps"),
    (
        "log log2 log10 logit",
        0,
        zero,
        "the logarithm of 0. Hint: log(x + eps), log1p, or log_softmax in the place of log(softmax)",
    ),
    ("log log2 log10 sqrt rsqrt xlogy", 0, negative, "a negative number, which {op} is not defined for"),
    ("log1p", 0, up_to_minus_one, "1 + x is not positive"),
    ("asin acos atanh erfinv", 0, outside_one, "a number outside of [-1, 1], which {op} is not defined for"),
    ("pow", 0, negative, "a negative number to a power that is not whole"),
    ("pow", 0, zero, "0 to a negative power"),
]
BACKWARD: list[tuple[str, int, Callable, str]] = [
    ("sqrt norm", 0, zero, "the slope of {op} at 0 is infinite. Hint: {op}(x + eps)"),
    ("log log2 log10 reciprocal rsqrt", 0, zero, "the slope of {op} at 0 is infinite. Hint: {op}(x + eps)"),
    ("div", 1, zero, "a division by 0 in forward. Hint: x / (other + eps)"),
    ("pow", 0, zero, "the slope of x^p at 0 is infinite for p < 1"),
    ("asin acos atanh erfinv", 0, lambda v: np.abs(v) >= 1, "the slope of {op} at -1 and 1 is infinite"),
]


def cause(op: str, table: list, operands: list[Numbers], kind: str) -> str:
    """The likely cause, from the op and the numbers that went in."""
    for name in operands:
        if name.nans and kind == "NaN":
            return f"{name.name} held NaN already ({name.nans} of {name.values.size} elements)"
    for ops, k, test, text in table:
        if op in ops.split() and k < len(operands) and (n := operands[k].has(test)):
            fact, _, hint = text.format(op=op).partition(". ")
            return f"{fact} ({n} of {operands[k].values.size} elements of {operands[k].name}){hint and '. '}{hint}"
    if any(name.infs for name in operands):
        return "Inf - Inf, 0 * Inf or Inf / Inf: " + " and ".join(f"{x.name} held Inf" for x in operands if x.infs)
    if op == "var":
        return "the variance of one element with correction 1. Hint: correction=0"
    if op in ("mean", "std") or any(not name.values.size for name in operands):
        return "a statistic of no elements"
    wide = max((x for x in operands if x.finite.size), key=lambda x: np.abs(x.finite).max(), default=None)
    size = f" (the largest operand: {np.abs(wide.finite).max():.4g} in {wide.name})" if wide is not None else ""
    return f"overflow: the result is larger than the type can hold{size}. Hint: smaller learning rate, float64, or clamp"


class Watch(Listener):
    """Looks at every result and every gradient until it has found one that is not finite."""

    def __init__(self, check: bool) -> None:
        self.check, self.found = check, False
        self.lines: WeakKeyDictionary[Node, str] = WeakKeyDictionary()
        self.arriving: Any = None

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        if self.found:
            return
        line = user_line()
        if output.node is not None:
            self.lines[output.node] = line
        if MODE.get().rule is not None:  # in backpropagation, of which `contributed` hears
            return
        kind = trouble(output) if self.check and op.kind != "create" else None
        if kind is None:
            return
        some = args[1:] if op.kind == "update" else args
        offset = len(args) - len(some)
        operands = [Numbers(op.inputs[min(k + offset, len(op.inputs) - 1)], a) for k, a in enumerate(some)
                    if isinstance(a, (Tensor, int, float)) and not isinstance(a, bool)]  # fmt: skip
        given = [v for v in options.values() if isinstance(v, float) and not np.isfinite(v)]
        if kind == "Inf" and (given or any(x.infs for x in operands)):
            return  # an Inf that was put in on purpose, as in a mask
        self.fail(f"forward of {op.name} gave {kind}{where(output)}", line, operands, cause(op.name, FORWARD, operands, kind))

    def made(self, node: Node) -> None:
        """A call of a Function, of which `heard` does not hear, made a node."""
        self.lines[node] = user_line()

    def arrived(self, key: Any, g: Any) -> None:
        self.arriving = g

    def contributed(self, node: Node, k: int, part: Any) -> None:
        kind = trouble(part) if self.check and not self.found and isinstance(part, Tensor) else None
        if kind is None:
            return
        g = [Numbers("g", self.arriving)] if isinstance(self.arriving, Tensor) else []
        if kind == "Inf" and any(x.infs for x in g):
            return
        names = node.op.inputs
        saved = zip(node.plan.sources, node.saved or (), strict=True)
        operands = [Numbers("y" if what == "y" else names[min(which, len(names) - 1)], Tensor(value))
                    for (what, which), value in saved if what in ("y", "input") and hasattr(value, "dtype")]  # fmt: skip
        ours = operands or g
        line = self.lines.get(node, "a line outside of the anomaly mode's block")
        why = cause(node.op.name, BACKWARD, [*ours, *g] if operands else ours, kind)
        if getattr(node.op, "custom", False) and not any(x.nans or x.infs for x in g):
            why = f"the backward of {node.op.name} itself, since the gradient that it was given is finite"
        if kind == "NaN" and "held NaN" not in why and any(x.has(zero) for x in g):
            why += "; a gradient of 0 met an infinite slope. Hint: where() must guard the input of the op, not its result"
        name = names[min(k, len(names) - 1)]
        self.fail(f"backward of {node.op.name} gave {kind} for {name}{where(part)}", line, [*g, *operands], why)

    def fail(self, what: str, line: str, operands: list[Numbers], why: str) -> None:
        self.found = True
        facts = "".join(f"\n  {x}" for x in operands)
        raise AnomalyError(f"detect_anomaly: {what}\n  called at {line}{facts}\n  likely cause: {why}")


def trouble(x: Tensor) -> str | None:
    """ "NaN" or "Inf" if there is one, else None."""
    if not x.dtype.is_inexact:
        return None
    host = np.asarray(x.backend.to_host(x.array))
    if np.isfinite(host).all():
        return None
    return "NaN" if np.isnan(host).any() else "Inf"


def where(x: Tensor) -> str:
    """Which elements are not finite."""
    host = np.asarray(x.backend.to_host(x.array))
    bad = np.argwhere(~np.isfinite(host))
    return f" ({len(bad)} of {host.size} elements, the first at {tuple(int(i) for i in bad[0])})" if host.ndim else ""


class detect_anomaly:
    """`with detect_anomaly():` the first NaN or Inf, forward or backward, raises AnomalyError at once.

    The message names the op, the user's line, shapes and statistics of what went in, and the likely cause. An Inf that
    was put in (a mask's -inf) is left alone. Run forward inside too, so that backward knows the lines. Slow: for
    debugging. It is off after the block, and after the error it raised. `check_nan=False` only notes the lines.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self.watch = Watch(check_nan)

    def __enter__(self) -> None:
        self.block = listening(self.watch)
        self.block.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.block.__exit__(*error)


class set_detect_anomaly:
    """`set_detect_anomaly(True)` acts at once, until `set_detect_anomaly(False)`; as a `with` block, to its end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        now = MODE.get()
        self.before = now.listeners
        others = tuple(x for x in now.listeners if not isinstance(x, Watch))
        MODE.set(now._replace(listeners=(*others, Watch(check_nan)) if mode else others))

    def __enter__(self) -> None: ...

    def __exit__(self, *error: Any) -> None:
        MODE.set(MODE.get()._replace(listeners=self.before))


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return any(isinstance(x, Watch) and not x.found for x in MODE.get().listeners)


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode is on and looks for NaN and Inf."""
    return any(isinstance(x, Watch) and not x.found and x.check for x in MODE.get().listeners)
