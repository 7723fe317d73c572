"""How tensors are printed: PyTorch's way, with its `set_printoptions`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import Tensor

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": 2**62, "edgeitems": 3, "linewidth": 80},
}
_options: dict[str, Any] = {**PROFILES["default"], "sci_mode": None}


def set_printoptions(
    precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None, linewidth: int | None = None,
    profile: str | None = None, sci_mode: bool | None = None,
) -> None:  # fmt: skip
    """How tensors are printed from now on: digits after the point, the number of elements from which only `edgeitems` at each
    end are shown, characters in a line, and whether numbers are written as 1.2e+03 (None: if they need it).

    `profile` is "default", "short" or "full". Raises ValueError for another one.
    """
    if profile is not None and profile not in PROFILES:
        raise ValueError(f"set_printoptions: profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update(PROFILES.get(profile or "", {}) | {key: value for key, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


def text(self: Tensor) -> str:
    """PyTorch's way of printing a tensor."""
    host = self.backend.to_host(self.array)
    lead = "tensor("
    more = [] if self.dtype.name in ("float32", "int64", "bool") else [f"dtype={self.dtype!r}"]
    if self.device.type != "cpu":
        more.insert(0, f"device='{self.device}'")
    if self.node is not None:
        more.append(f"grad_fn=<{self.node.op.name}>")
    elif self.wants:
        more.append("requires_grad=True")
    if not host.size:
        more.insert(0, f"size={tuple(self.shape)}")
    return f"{lead}{', '.join([body(host, lead), *more])})"


def body(host: np.ndarray, lead: str) -> str:
    """The numbers of a tensor, in brackets."""
    p, scientific = _options["precision"], _options["sci_mode"]
    if not host.ndim:
        return number(host.item(), p, scientific)
    written = {True: lambda v: f"{v:.{p}e}", False: lambda v: f"{v:.{p}f}"}.get(scientific)  # type: ignore[arg-type]
    return np.array2string(
        host, separator=", ", prefix=lead, precision=p, suppress_small=None, threshold=int(min(_options["threshold"], 2**62)),
        edgeitems=_options["edgeitems"], max_line_width=_options["linewidth"],
        formatter={"float_kind": written} if written else None,
    )  # fmt: skip


def number(value: Any, precision: int, scientific: bool | None) -> str:
    """One number, as a tensor without dimensions shows it."""
    if not isinstance(value, float):
        return str(value)
    if scientific is None:
        return f"{value:.{precision}f}" if 1e-4 <= abs(value) < 1e5 else f"{value:.{precision}g}"
    return f"{value:.{precision}{'e' if scientific else 'f'}}"
