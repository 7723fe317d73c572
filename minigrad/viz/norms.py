"""What the explorer shows of a normalization: its gradient by path, its normalised values, and which inputs each output hears.

The paths are read off the record of the opened op. Of the contributions to the centred values, one comes straight from the
division and one from the square under the variance; the third path is what the mean sends to x. They add up to the
gradient of x, since the centring has slope 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backends import backend_of
from ..core import OPS, mode, propagate
from ..ops.create import tensor
from ..trace import Call, Program, Variable
from .tables import clean

NORMS = ("batch_norm", "batch_norm_eval", "layer_norm")
SETS, MEMBERS = 8, 16  # channels (or cases) shown, and elements of each
SAMPLES, CHANNELS = 6, 4  # the map of derivatives is of so many samples and channels
BINS = 24


def norm_of(call: Call, inside: list[Call], program: Program, sent: Variable | None, mapped: bool) -> dict[str, Any]:
    """The data of one normalization: sizes, paths, histograms of normalised values, maps of derivatives.

    `inside` are the calls of its definition, `sent` is what its own rule gave the input, to be the sum of the paths.
    """
    x = call.inputs[0]
    told: dict[str, Any] = {"op": call.op.name, "sizes": sizes_of(x.shape), "axes": "", "sets": [], "paths": None, "maps": []}
    array = known(x)
    if array is None:
        return told
    lay = Layout(call, array)
    told["axes"] = lay.noun
    parts = paths_of(call, inside, program, sent)
    xhat = next((known(c.output) for c in inside if c.op.name == "div"), None)
    affine = [None if a is None else known(a) if isinstance(a, Variable) else None for a in call.inputs[1:3]]
    told["sets"] = [lay.set(c, parts, xhat, affine) for c in range(min(SETS, lay.count))]
    if parts is not None:
        told["paths"] = {name: clean(float(np.linalg.norm(part))) for name, part in parts.items()}
    told["maps"] = maps_of(call, array) if mapped else []
    return told


class Layout:
    """Which elements are normalised together: of batch norm those of a channel, of layer norm those of a case."""

    def __init__(self, call: Call, x: np.ndarray) -> None:
        self.cases = call.op.name == "layer_norm"
        self.noun = "case" if self.cases else "channel"
        self.dims = tuple(d % x.ndim for d in call.options["dims"]) if self.cases else (0, *range(2, x.ndim))
        self.front = tuple(d for d in range(x.ndim) if d not in self.dims)
        self.shape = x.shape
        self.count = math.prod(x.shape[d] for d in self.front)

    def table(self, x: np.ndarray) -> np.ndarray:
        """One row for each set."""
        return np.transpose(x, (*self.front, *self.dims)).reshape(self.count, -1)

    def set(self, c: int, parts: dict[str, np.ndarray] | None, xhat: np.ndarray | None, affine: list) -> dict[str, Any]:
        """Set number c: some of its elements' gradients by path, the histogram of its normalised values, γ and β."""
        told: dict[str, Any] = {"parts": {}, "histogram": None, "weight": None, "bias": None}
        if parts is not None:
            told["parts"] = {name: [clean(float(v)) for v in self.table(part)[c][:MEMBERS]] for name, part in parts.items()}
        if xhat is not None and xhat.size and not self.cases:
            row = self.table(xhat)[c].astype("float64")
            sound = row[np.isfinite(row)]
            if sound.size:
                counts, edges = np.histogram(sound, bins=min(BINS, max(8, sound.size)))
                told["histogram"] = {"counts": counts.tolist(), "low": clean(edges[0]), "high": clean(edges[-1])}
                told["weight"], told["bias"] = (
                    clean(float(v.reshape(-1)[c])) if v is not None else float(not k) for k, v in enumerate(affine)
                )
        return told


def paths_of(call: Call, inside: list[Call], program: Program, sent: Variable | None) -> dict[str, np.ndarray] | None:
    """The gradient of x by path, from what the calls of the definition sent; None if no gradient was recorded."""
    total = known(sent)
    if call.op.name == "batch_norm_eval" or total is None:
        return None
    forward = [c for c in inside if c.phase == "forward"]
    makers = [next((c for c in forward if c.op.name == name), None) for name in ("div", "square", "mean")]
    found = [None if c is None else known(program.sent.get((c.node, 0))) for c in makers]  # type: ignore[arg-type]
    parts = {name: part for name, part in zip(("direct", "variance", "mean"), found, strict=True) if part is not None}
    return parts | {"total": total} if len(parts) == 3 else None


def maps_of(call: Call, x: np.ndarray) -> list[dict[str, Any]]:
    """∂yᵢ/∂xⱼ for some elements of x, as this op has it and as its relatives would; rows are i, sample by sample."""
    if x.ndim < 2 or not x.size:
        return []
    samples, channels = min(SAMPLES, x.shape[0]), min(CHANNELS, x.shape[1])
    if call.op.name == "layer_norm" and (x.ndim != 2 or len(call.options["dims"]) != 1):
        return []
    eps = call.options["eps"]
    spread = tuple(range(1, x.ndim))
    stats = (0, *range(2, x.ndim))
    mean, var = x.mean(stats).astype(x.dtype), x.var(stats).astype(x.dtype)
    forms = {
        "batch norm, training": (x[:, :channels], lambda t: OPS["batch_norm"](t, None, None, None, None, None, eps=eps)),
        "batch norm, evaluation": (
            x[:samples, :channels],
            lambda t: OPS["batch_norm_eval"](t, None, None, tensor(mean[:channels]), tensor(var[:channels]), eps=eps),
        ),
        "layer norm": (x[:samples], lambda t: OPS["layer_norm"](t, None, None, dims=spread, eps=eps)),
    }
    return [{"name": name, "samples": samples, "channels": channels, "rows": derivatives(part, form, samples, channels)}
            for name, (part, form) in forms.items()]  # fmt: skip


def derivatives(x: np.ndarray, form: Any, samples: int, channels: int) -> list[list[Any]]:
    """The derivatives of some outputs by the same inputs, one backward pass for each output."""
    cells = [(n, c, *(0,) * (x.ndim - 2)) for n in range(samples) for c in range(channels)]
    rows = []
    with mode(grad=True, listeners=(), instead=None, rule=None):
        leaf = tensor(x)
        leaf.wants = True
        y = form(leaf)
        for cell in cells:
            seed = np.zeros_like(x)
            seed[cell] = 1.0
            found = propagate([y], [tensor(seed)], [leaf], True, False)[leaf]
            g = np.asarray(found.backend.to_host(found.array))
            rows.append([clean(float(g[other])) for other in cells])
    return rows


def sizes_of(shape: tuple[int, ...]) -> list[int]:
    """N, C, and everything else in one."""
    return [shape[0] if shape else 1, shape[1] if len(shape) > 1 else 1, math.prod(shape[2:])]


def known(v: Variable | None) -> np.ndarray | None:
    """What a variable held, on the host."""
    array = v.recorded if v is not None else None
    return None if array is None else np.asarray(backend_of(array).to_host(array))
