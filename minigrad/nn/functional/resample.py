"""Images made larger or smaller, and images looked up at any point of a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from ...backends import ShapeError
from ...backends.source import advise
from ...core import Tensor
from ...ops.arithmetic import apart, cast, expand, minimum, where
from ...ops.conv import take_places
from ...ops.create import tensor
from ...ops.elementwise import abs, clamp, floor, remainder, round
from ...ops.index import index_select_op
from ...ops.matmul import matmul
from ...ops.operands import tensor_of
from ...ops.shape import reshape_op, select
from .checks import one_type
from .pool import adaptive_averaged

RANKS = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "linear": (1,), "bilinear": (2,), "trilinear": (3,),
         "bicubic": (2,), "area": (1, 2, 3)}  # fmt: skip
CUBIC = -0.75  # the slope of the cubic kernel at distance 1, PyTorch's and OpenCV's choice


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """An image of another size: (N, C, *S) -> (N, C, *size), or floor(S scale_factor), one number or one a dimension.

    "nearest" takes the cell at floor(i S/oS), "nearest-exact" that at floor((i + 1/2) S/oS); "linear", "bilinear" and
    "trilinear" weigh the 2 neighbours in each dimension, "bicubic" 4 (Keys 1981, a = -0.75); "area" is the mean of the
    cells. `align_corners` makes the centres of the corners meet instead of their edges.
    `antialias` ("bilinear" and "bicubic", here with a = -0.5) widens the kernel when it shrinks, so that all cells count.
    """
    x = tensor_of("interpolate", input)
    n = x.ndim - 2
    if mode not in RANKS or n not in RANKS[mode]:
        raise NotImplementedError(f"interpolate: got {x.ndim}D input for mode {mode!r}. Hint: "
                                  + ", ".join(f"{name} takes {'/'.join(f'{r + 2}D' for r in r_)}"
                                              for name, r_ in RANKS.items()))  # fmt: skip
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: Anti-alias option is restricted to bilinear and bicubic modes, got {mode!r}")
    smooth = mode in ("linear", "bilinear", "trilinear", "bicubic")
    if align_corners is not None and not smooth:
        raise ValueError("interpolate: align_corners option can only be set with the interpolating modes: linear | "
                         "bilinear | bicubic | trilinear")  # fmt: skip
    sizes, scales = goal(x, n, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return adaptive_averaged("interpolate", n, x, sizes)
    whole = smooth and x.dtype.kind in ("bool", "int")
    if whole and (x.dtype.name != "uint8" or n != 2):
        raise NotImplementedError(f"interpolate: mode {mode!r} is not possible for {x.dtype!r}, as in PyTorch. Hint: .float()")
    y = cast(x, dtype="float32") if whole else x
    for d, out, scale in reversed(list(zip(range(2, n + 2), sizes, scales, strict=True))):
        if not smooth:
            y = taken(y, d, nearest(y.shape[d], out, scale, mode == "nearest-exact"))
        elif y.shape[d] != out or scale is not None:
            into = smoothed if antialias else blended
            y = into(y, d, out, scale, bool(align_corners), mode == "bicubic")
            y = clamp(floor(y + 0.5), min=0, max=255) if whole else y  # bytes after each dimension, as in PyTorch
    return cast(y, dtype="uint8") if whole else apart(y, x)


def goal(x: Tensor, n: int, size: Any, factor: Any, recompute: Any) -> tuple[list[int], list[float | None]]:
    """The new sizes, and for each dimension the factor to compute positions with, None for the ratio of the sizes."""
    if (size is None) == (factor is None):
        given = (
            "only one of size or scale_factor should be defined"
            if size is not None
            else "either size or scale_factor should be defined"
        )
        raise ValueError(f"interpolate: {given}")
    if size is not None and recompute:
        raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size")
    name, value = ("size", size) if factor is None else ("scale_factor", factor)
    values = list(value) if isinstance(value, Sequence) else [value] * n
    if len(values) != n:
        raise ValueError(f"interpolate: {name} must be a number or {n} of them for input {tuple(x.shape)}, got {value!r}")
    sizes = values if factor is None else [math.floor(s * f) for s, f in zip(x.shape[2:], values, strict=True)]
    if not all(x.shape[2:]) or not all(isinstance(s, int) or hasattr(s, "__index__") for s in sizes) or min(sizes) < 1:
        raise ShapeError(f"interpolate: Input and output sizes should be greater than 0, got input {tuple(x.shape)} and "
                         f"{name}={value!r}")  # fmt: skip
    return [int(s) for s in sizes], [None] * n if factor is None or recompute else [float(f) for f in values]


def nearest(size: int, out: int, factor: float | None, exact: bool) -> np.ndarray:
    """The cell that each result copies. In float32, as in PyTorch, for positions that fall on a border."""
    step = np.float32(size / out if factor is None else 1 / factor)
    return np.minimum(np.floor((np.arange(out, dtype=np.float32) + np.float32(0.5 * exact)) * step), size - 1).astype(np.int64)


def taken(x: Tensor, d: int, cells: np.ndarray) -> Tensor:
    """The cells of x in dimension `d`."""
    return index_select_op(x, tensor(cells, device=x.device), dim=d)


def blended(x: Tensor, d: int, out: int, factor: float | None, align_corners: bool, cubic: bool) -> Tensor:
    """Dimension `d` in `out` steps, each a weighted sum of 2 or 4 neighbours; the border repeats."""
    size = x.shape[d]
    if align_corners:
        at = np.arange(out) * ((size - 1) / (out - 1) if out > 1 else 0.0)
    else:
        at = (np.arange(out) + 0.5) * (size / out if factor is None else 1 / factor) - 0.5
        at = at if cubic else np.maximum(at, 0.0)
    first = np.floor(at).astype(np.int64)
    t = at - first
    weights = cubic_weights(t) if cubic else (1 - t, t)
    y: Any = 0.0
    for k, w in enumerate(weights, -1 if cubic else 0):
        line = tensor(w.reshape(-1, *(1,) * (x.ndim - d - 1)), dtype=x.dtype, device=x.device)
        y = taken(x, d, np.clip(first + k, 0, size - 1)) * line + y
    return y


def smoothed(x: Tensor, d: int, out: int, factor: float | None, align_corners: bool, cubic: bool) -> Tensor:
    """Dimension `d` of an image, 2 or 3, in `out` steps, each a mean of the cells under a kernel as wide as a step."""
    size = x.shape[d]
    corners = (size - 1) / (out - 1) if out > 1 else 0.0
    step = corners if align_corners else size / out if factor is None else 1 / factor
    width = max(step, 1.0)
    centre = (np.arange(out) + 0.5) * step
    reach = (2 if cubic else 1) * width
    low = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + reach + 0.5).astype(np.int64), size)
    cells = np.arange(size)
    t = np.abs(cells + 0.5 - centre[:, None]) / width
    w = (np.where(t < 1, (1.5 * t - 2.5) * t * t + 1, np.where(t < 2, ((-0.5 * t + 2.5) * t - 4) * t + 2, 0.0)) if cubic
         else np.maximum(1 - t, 0.0))  # fmt: skip
    w = w * ((cells >= low[:, None]) & (cells < high[:, None]))
    weights = tensor(w / w.sum(1, keepdims=True), dtype=x.dtype, device=x.device)
    return matmul(x, weights.mT) if d == 3 else matmul(weights, x)


def cubic_weights(t: Any) -> tuple[Any, Any, Any, Any]:
    """The weights of the cells at -1, 0, 1 and 2 for a point at t in 0 ... 1. Source: Keys 1981, equation 8."""

    def near(s: Any) -> Any:
        return ((CUBIC + 2) * s - (CUBIC + 3)) * s * s + 1

    def far(s: Any) -> Any:
        return ((CUBIC * s - 5 * CUBIC) * s + 8 * CUBIC) * s - 4 * CUBIC

    return far(t + 1), near(t), near(1 - t), far(2 - t)


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None
) -> Tensor:
    """`interpolate` under its old name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


# -- sampling at the points of a grid --------------------------------------------------------------------------------


def corner_default(who: str, align_corners: bool | None) -> bool:
    """False if nothing is said, with PyTorch's warning."""
    if align_corners is None:
        advise(f"Default {who} behavior has changed to align_corners=False since 1.3.0. Please specify "
               f"align_corners=True if the old behavior is desired.")  # fmt: skip
    return bool(align_corners)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The points theta (x, y, 1) for every cell of an image, coordinates from -1 to 1: what `grid_sample` takes.

    theta (N, 2, 3), size (N, C, H, W) -> (N, H, W, 2); theta (N, 3, 4), size (N, C, D, H, W) -> (N, D, H, W, 3).
    Source: Jaderberg et al. 2015, equation 1.
    """
    n = len(size) - 2
    if n not in (2, 3) or tuple(tensor_of("affine_grid", theta, "theta").shape) != (size[0], n, n + 1):
        raise ShapeError(f"affine_grid: expected theta (N, 2, 3) with size (N, C, H, W), or (N, 3, 4) with (N, C, D, H, W), "
                         f"got {tuple(theta.shape)} and {tuple(size)}")  # fmt: skip
    corners, shape = corner_default("affine_grid", align_corners), tuple(size[2:])
    lines = []
    for s in shape:
        line = np.linspace(-1, 1, s) if s > 1 else np.zeros(1)
        lines.append(line if corners else line * (s - 1) / s)
    points = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(shape)], -1).reshape(1, -1, n + 1)
    base = tensor(points, dtype=theta.dtype, device=theta.device)
    return reshape_op(matmul(base, theta.permute(0, 2, 1)), shape=(size[0], *shape, n))


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """y[n,c,o] = the input at the point grid[n,o] = (x, y) or (x, y, z), -1 one end of the image and 1 the other.

    (N, C, H, W), (N, oH, oW, 2) -> (N, C, oH, oW), and with D for 3-d images. `mode` "bilinear" (also for 3-d),
    "nearest" or "bicubic"; outside is 0 ("zeros"), the "border", or the "reflection". With `align_corners` -1 is the
    centre of the first cell, else its edge. Source: Jaderberg et al. 2015, §3.3.
    """
    x, points = tensor_of("grid_sample", input), tensor_of("grid_sample", grid, "grid")
    n = x.ndim - 2
    if mode not in ("bilinear", "nearest", "bicubic") or padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError("grid_sample: expected mode 'bilinear', 'nearest' or 'bicubic' and padding_mode 'zeros', 'border' or "
                         f"'reflection', got {mode!r} and {padding_mode!r}")  # fmt: skip
    if n not in (2, 3) or points.ndim != x.ndim or points.shape[0] != x.shape[0] or points.shape[-1] != n:
        raise ShapeError(f"grid_sample: expected input (N, C, H, W) and grid (N, oH, oW, 2), or with D and 3, got "
                         f"{tuple(x.shape)} and {tuple(points.shape)}")  # fmt: skip
    if mode == "bicubic" and n == 3:
        raise ValueError("grid_sample: bicubic interpolation only supports 4D input")
    if not all(x.shape[2:]):
        raise ShapeError(f"grid_sample: expected input to have non-empty spatial dimensions, got {tuple(x.shape)}")
    one_type("grid_sample", x, points, "grid")
    corners, shape = corner_default("grid_sample", align_corners), tuple(x.shape[2:])
    at = []  # for each spatial dimension the place in cells, (N, *oS)
    for d, s in enumerate(shape):
        p = select(points, -1, n - 1 - d)
        p = (p + 1) * ((s - 1) / 2) if corners else ((p + 1) * s - 1) * 0.5
        at.append(p if mode == "bicubic" else put_back(p, s, padding_mode, corners))
    if mode == "nearest":
        neighbours = [[(round(p.detach()), 1.0)] for p in at]
    elif mode == "bilinear":
        lows = [floor(p.detach()) for p in at]
        neighbours = [[(low, 1 - (p - low)), (low + 1, p - low)] for p, low in zip(at, lows, strict=True)]
    else:
        lows = [floor(p.detach()) for p in at]
        neighbours = [[(put_back(low + k, s, padding_mode, corners), w) for k, w in enumerate(cubic_weights(p - low), -1)]
                      for p, low, s in zip(at, lows, shape, strict=True)]  # fmt: skip
    y: Any = None
    for cells in product(*neighbours):
        part = looked_up(x, [cell for cell, _ in cells], [weight for _, weight in cells])
        y = part if y is None else y + part
    return y


def put_back(p: Tensor, size: int, padding_mode: str, corners: bool) -> Tensor:
    """Places outside of 0 ... size - 1 brought inside, unless they are to count as 0."""
    if padding_mode == "zeros":
        return p
    if padding_mode == "reflection":
        low, span = (0.0, size - 1.0) if corners else (-0.5, float(size))
        if span == 0:
            p = p * 0.0
        else:
            around = remainder(abs(p - low), 2 * span)
            p = minimum(around, 2 * span - around) + low
    return clamp(p, min=0.0, max=size - 1.0)


def looked_up(x: Tensor, cells: list[Tensor], weights: list) -> Tensor:
    """x at whole-numbered cells (N, *oS), times the product of the weights; 0 outside of the image."""
    shape = tuple(x.shape[2:])
    flat: Any = 0
    inside: Any = None
    for cell, size in zip(cells, shape, strict=True):
        fits = (cell >= 0) & (cell <= size - 1)  # not so for NaN, whose weight then says it
        flat = flat * size + cast(where(fits, cell, 0.0), dtype="int64")
        inside = fits if inside is None else inside & fits
    weight = cast(inside, dtype=x.dtype)
    for w in weights:
        weight = weight * w
    n, *out = flat.shape
    places = expand(reshape_op(flat, shape=(n, 1, *out)), shape=(n, x.shape[1], *out))
    return take_places(x, places) * reshape_op(weight, shape=(n, 1, *out))
