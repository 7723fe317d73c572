"""Pooling on oneDNN. Its maximum drops NaN where the reference keeps it, so arrays that hold one are left to the reference."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import numpy_windows, windows
from ..windows import Window
from .library import DIFF_DST, DIFF_SRC, DST, POOL_AVERAGE, POOL_MAX, SRC, TRAINING, WORKSPACE, WORKSPACE_MD, Library
from .primitive import Primitive, as_channels_last, channels_last, compiled, fits, new_channels_last

LOWEST = np.finfo(np.float32).min


class Pooling:
    """Pooling of one shape, forward and backward; for the maximum, a workspace remembers where each window found it."""

    def __init__(self, lib: Library, x: tuple, kernel: tuple, window: Window, sizes: tuple, function: int) -> None:
        self.y = (*x[:2], *sizes)
        reach = [
            (o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(sizes, window.stride, window.dilation, kernel, strict=True)
        ]
        after = [r - n - p for r, n, p in zip(reach, x[2:], window.padding, strict=True)]
        apart = [d - 1 for d in window.dilation]
        frame = [lib.dims(tuple(v)) for v in (window.stride, kernel, apart, window.padding, after)]
        src, dst = lib.desc(x, channels_last(x)), lib.desc(self.y, channels_last(self.y))
        hint = lib.make("pooling_forward_primitive_desc_create", lib.engine, TRAINING, function, src, dst, *frame, None)
        places = [(WORKSPACE, lib.chosen(hint, WORKSPACE_MD))] if function == POOL_MAX else []
        self.forward = Primitive(lib, hint, [(SRC, src), (DST, dst), *places])
        back = lib.make("pooling_backward_primitive_desc_create", lib.engine, function, src, dst, *frame, hint, None)
        self.backward = Primitive(lib, back, [(DIFF_DST, dst), (DIFF_SRC, src), *places])
        self.workspace = [np.empty(lib.size(desc), dtype=np.uint8) for _, desc in places]
        self.last: Callable[[], Any] = lambda: None  # the result that the workspace belongs to, while it lives

    @staticmethod
    def work(x: tuple, *options: Any) -> float:
        return 10.0 * math.prod(x)

    def run(self, x: np.ndarray) -> np.ndarray:
        """The maxima or means; the workspace holds the places of the maxima until the next run."""
        y = new_channels_last(self.y)
        self.forward.run(as_channels_last(x), y, *self.workspace)
        self.last = weakref.ref(y)
        return y

    def spread(self, g: np.ndarray, shape: tuple) -> np.ndarray:
        """The gradient of the input."""
        dx = new_channels_last(shape)
        self.backward.run(as_channels_last(g), dx, *self.workspace)
        return dx


def pooling(x: tuple, kernel: tuple, window: Window, sizes: tuple, function: int) -> Pooling | None:
    """The compiled pooling of this shape, None where oneDNN has none or each window sees one element only."""
    return None if math.prod(kernel) == 1 else compiled(Pooling, tuple(x), tuple(kernel), window, tuple(sizes), function)


def max_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> Any:
    fine = fits(x) and np.isfinite(x.max())
    found = pooling(x.shape, kernel, window, sizes, POOL_MAX) if fine else None
    y = None if found is None else found.run(x)
    return windows.max_pool(b, x, kernel, window, sizes) if y is None or y.min() <= LOWEST else y  # instead of -inf


def max_pool_input(b: Any, g: Any, x: Any, best: Any, kernel: tuple, window: Window) -> Any:
    fine = fits(g, x, best) and np.isfinite(best.max()) and best.min() > LOWEST  # -inf could be padding's
    found = pooling(x.shape, kernel, window, best.shape[2:], POOL_MAX) if fine else None
    if found is None:
        return numpy_windows.max_pool_input(b, g, x, best, kernel, window)
    if found.last() is not best:  # another pooling of this shape came between; a workspace for each would take memory
        found.run(x)
    return found.spread(g, x.shape)


def sum_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> Any:
    found = pooling(x.shape, kernel, window, sizes, POOL_AVERAGE) if fits(x) else None
    if found is None:
        return windows.sum_pool(b, x, kernel, window, sizes)
    y = found.run(x)  # the mean over all cells of a window, those of the padding too
    y *= math.prod(kernel)
    return y


def sum_pool_input(b: Any, g: Any, shape: tuple, kernel: tuple, window: Window) -> Any:
    found = pooling(shape, kernel, window, g.shape[2:], POOL_AVERAGE) if fits(g) else None
    if found is None:
        return windows.sum_pool_input(b, g, shape, kernel, window)
    return found.spread(as_channels_last(g) * math.prod(kernel), tuple(shape))
