"""How tensors are printed: PyTorch's way, with its `set_printoptions`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backends import DType, get_default_dtype
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
    lead, host = "tensor(", self.backend.to_host(self.array)
    more = [f"device='{self.device}'"] if self.device.type != "cpu" else []
    if not host.size and host.ndim != 1:
        more.append(f"size={tuple(self.shape)}")
    if not usual(self.dtype) or (not host.size and self.dtype is not get_default_dtype()):
        more.append(f"dtype={self.dtype!r}")
    return suffixed(lead + body(host, len(lead)), len(lead), [*more, *history(self)])


def history(self: Tensor) -> list[str]:
    """In words whether a gradient is wanted, and which op made the tensor."""
    if self.node is not None:
        return [f"grad_fn=<{self.node.op.name}>"]
    return ["requires_grad=True"] if self.wants else []


def suffixed(written: str, indent: int, more: list[str], apart: bool = False) -> str:
    """What is printed of a tensor with more words behind it, in lines of the set width; the first on a new one if `apart`."""
    used = len(written) - written.rfind("\n") + 1  # of the last line, as PyTorch counts
    for k, word in enumerate(more):
        if used + len(word) + 2 > _options["linewidth"] or (apart and not k):
            written, used = f"{written},\n{' ' * indent}{word}", indent + len(word)
        else:
            written, used = f"{written}, {word}", used + len(word) + 2
    return f"{written})"


def usual(dtype: DType) -> bool:
    """Whether a tensor of this type is printed without it."""
    default = get_default_dtype()
    return dtype is default or dtype.name in ("int64", "bool", "complex128" if default.name == "float64" else "complex64")


def body(host: np.ndarray, indent: int) -> str:
    """The numbers of a tensor, in brackets; of a long dimension the two ends, if the tensor is large."""
    shape, edge = host.shape, _options["edgeitems"]
    if host.size <= _options["threshold"]:
        edge = host.size
    for dim, n in enumerate(shape):
        if n > 2 * edge:
            host = host.take([*range(edge), *range(n - edge, n)], dim)
    if not host.size:
        return "[...]" if math.prod(shape) else "[]"
    if host.dtype.kind == "c":
        (real, width), (imaginary, more) = words(host.real.ravel()), words(host.imag.ravel())
        found = [re + "+" * (im.lstrip()[0] != "-") + f"{im.lstrip()}j" for re, im in zip(real, imaginary, strict=True)]
        width += more + 1
    else:
        found, width = words(host.ravel())
    return nested(found, width, host.shape, [edge if n > 2 * edge else 0 for n in shape], indent)


def words(values: np.ndarray) -> tuple[list[str], int]:
    """Each number, and the width of one. All are written alike: 1. if they are whole, 1.2000e+03 if they are large, small or
    far apart, else 1.2000."""
    listed, p, scientific = values.tolist(), _options["precision"], _options["sci_mode"]
    if values.dtype.kind in "biu":
        written = long = [str(value) for value in listed]
    else:
        sized = [abs(value) for value in listed if value and math.isfinite(value)]
        whole = all(value == math.floor(value) for value in sized)
        if scientific is None or not sized:
            scientific = bool(sized) and (max(sized) / min(sized) > 1000 or max(sized) > 1e8 or min(sized) < 1e-4)
        form, point = (f".{p}e", "") if scientific else (".0f", ".") if whole else (f".{p}f", "")
        written = [format(value, form) + point * math.isfinite(value) for value in listed]
        long = [word for word, value in zip(written, listed, strict=True) if value and math.isfinite(value)]
    width = max(map(len, long), default=1)
    return [word.rjust(width) for word in written], width


def nested(found: list[str], width: int, shape: tuple, cuts: list[int], indent: int) -> str:
    """Words in the brackets of a shape; dots in each dimension whose middle was cut, after as many as `cuts` says."""
    if not shape:
        return found[0]
    (n, *rest), cut, last = shape, cuts[0], len(shape) == 1
    step = len(found) // n
    parts = found if last else [
        nested(found[i * step : (i + 1) * step], width, tuple(rest), cuts[1:], indent + 1) for i in range(n)
    ]  # fmt: skip
    if cut:
        parts = [*parts[:cut], " ..." if last else "...", *parts[cut:]]
    many = max(1, (_options["linewidth"] - indent) // (width + 2)) if last else 1
    lines = [", ".join(parts[i : i + many]) for i in range(0, len(parts), many)]
    return "[" + ("," + "\n" * max(1, len(shape) - 1) + " " * (indent + 1)).join(lines) + "]"
