"""Group norm in NumPy: a few cases at a time, so that what a step makes stays in the cache, in either layout of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from . import reference

MOST = 65_536  # elements at a time


class Layout(NamedTuple):
    """How images (N, C, S) lie in memory, channels first or last, and the groups of their channels."""

    last: bool
    n: int
    groups: int
    channels: int  # of a group
    cells: int  # of a channel

    def seen(self, x: np.ndarray) -> np.ndarray:
        """x as a dense (N, groups, channels, cells), or (N, cells, groups, channels) array."""
        if self.last:
            return np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(self.n, self.cells, self.groups, self.channels)
        return np.ascontiguousarray(x).reshape(self.n, self.groups, self.channels, self.cells)

    def room(self, x: np.ndarray) -> np.ndarray:
        """An empty array like x, which can be seen without a copy."""
        return np.empty_like(x) if self.last else np.empty(x.shape, x.dtype)

    def sums(self, *factors: np.ndarray) -> np.ndarray:
        """The sum over the cells of what was seen, or of the product of two: (N, groups, channels)."""
        if len(factors) == 1:
            return np.add.reduce(factors[0], axis=1 if self.last else 3)
        return np.einsum("nsgc,nsgc->ngc", *factors) if self.last else np.vecdot(*factors)

    def laid(self, v: np.ndarray) -> np.ndarray:
        """(N or 1, groups, channels or 1), shaped to broadcast over what was seen."""
        return v[:, None] if self.last else v[..., None]

    def parts(self) -> Iterator[slice]:
        """The cases, a few at a time."""
        many = max(1, MOST // (self.groups * self.channels * self.cells))
        return (slice(start, start + many) for start in range(0, self.n, many))


def layout(x: np.ndarray, groups: int) -> Layout | None:
    """How to see x; None for what is left to the reference."""
    if x.dtype not in (np.float32, np.float64) or not x.size:
        return None
    n, c = x.shape[:2]
    last = x.ndim > 2 and not x.flags.c_contiguous and np.moveaxis(x, 1, -1).flags.c_contiguous
    return Layout(last, n, groups, c // groups, x.size // (n * c))


@np.errstate(all="ignore")
def group_norm(b: Any, x: np.ndarray, weight: Any, bias: Any, groups: int, eps: float) -> tuple:
    found = layout(x, groups)
    if found is None:
        return reference.group_norm(b, x, weight, bias, groups, eps)
    seen, size = found.seen(x), found.channels * found.cells
    y, mean, rstd = found.room(x), *(np.empty((found.n, groups, 1), x.dtype) for _ in range(2))
    out = found.seen(y)
    w, c = (None if v is None else v.reshape(1, groups, -1) for v in (weight, bias))
    for part in found.parts():
        here, t = seen[part], out[part]
        mean[part] = found.sums(here).sum(axis=2, keepdims=True) / size
        np.subtract(here, found.laid(mean[part]), out=t)
        rstd[part] = 1 / np.sqrt(found.sums(t, t).sum(axis=2, keepdims=True) / size + eps)
        t *= found.laid(rstd[part] if w is None else rstd[part] * w)
        if c is not None:
            t += found.laid(c)
    return y, mean, rstd


@np.errstate(all="ignore")
def group_norm_backward(b: Any, g: np.ndarray, x: np.ndarray, weight: Any, mean: Any, rstd: Any, groups: int) -> tuple:
    found = layout(x, groups)
    if found is None:
        return reference.group_norm_backward(b, g, x, weight, mean, rstd, groups)
    seen, arrived, size = found.seen(x), found.seen(g), found.channels * found.cells
    dx, line = found.room(x), (found.n, groups, found.channels)
    out = found.seen(dx)
    shifts, slopes = np.empty(line, x.dtype), np.empty(line, x.dtype)
    w = np.ones((1, 1, 1), x.dtype) if weight is None else weight.reshape(1, groups, -1)
    for part in found.parts():
        g_, t, r = arrived[part], out[part], rstd[part]
        np.subtract(seen[part], found.laid(mean[part]), out=t)
        shift = shifts[part] = found.sums(g_)
        slope = slopes[part] = found.sums(g_, t) * r
        t *= found.laid((slope * w).sum(axis=2, keepdims=True) * r * r / -size)
        t -= found.laid((shift * w).sum(axis=2, keepdims=True) * r / size)
        t += g_ * found.laid(w * r)
    return dx, slopes.sum(axis=0).reshape(-1), shifts.sum(axis=0).reshape(-1)


_KERNELS: list[Callable] = [group_norm, group_norm_backward]
NUMPY_NORM: dict[str, Any] = {f.__name__: f for f in _KERNELS}
