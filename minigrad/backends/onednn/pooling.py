"""Max pooling on oneDNN. It drops NaN where the reference keeps it, so arrays that hold one are left to the reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import windows
from ..windows import Window
from .library import DIFF_DST, DIFF_SRC, DST, POOL_MAX, SRC, TRAINING, WORKSPACE, WORKSPACE_MD, library
from .primitive import Primitive, as_channels_last, cached, channels_last, fits, new_channels_last

LOWEST = np.finfo(np.float32).min


class Pooling:
    """Max pooling of one shape; the workspace remembers where each window found its maximum."""

    def __init__(self, x: tuple, kernel: tuple, window: Window, sizes: tuple) -> None:
        lib = library()
        assert lib is not None
        self.y = (*x[:2], *sizes)
        reach = [
            (o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(sizes, window.stride, window.dilation, kernel, strict=True)
        ]
        after = [r - n - p for r, n, p in zip(reach, x[2:], window.padding, strict=True)]
        apart = [d - 1 for d in window.dilation]
        frame = [lib.dims(tuple(v)) for v in (window.stride, kernel, apart, window.padding, after)]
        src, dst = lib.desc(x, channels_last(x)), lib.desc(self.y, channels_last(self.y))
        hint = lib.make("pooling_forward_primitive_desc_create", lib.engine, TRAINING, POOL_MAX, src, dst, *frame, None)
        workspace = lib.chosen(hint, WORKSPACE_MD)
        self.forward = Primitive(lib, hint, [(SRC, src), (DST, dst), (WORKSPACE, workspace)])
        back = lib.make("pooling_backward_primitive_desc_create", lib.engine, POOL_MAX, src, dst, *frame, hint, None)
        self.backward = Primitive(lib, back, [(DIFF_DST, dst), (WORKSPACE, workspace), (DIFF_SRC, src)])
        self.workspace = np.empty(lib.size(workspace), dtype=np.uint8)

    def run(self, x: np.ndarray) -> np.ndarray:
        """The maxima; the workspace holds their places until the next run."""
        y = new_channels_last(self.y)
        self.forward.run(x, y, self.workspace)
        return y


def pooling(x: Any, kernel: tuple, window: Window, sizes: tuple) -> Pooling | None:
    """The compiled pooling of this shape, None where oneDNN has none or each window sees one element only."""
    if math.prod(kernel) == 1:
        return None
    key = ("max_pool", x.shape, tuple(kernel), window, tuple(sizes))
    return cached(key, lambda: Pooling(*key[1:]), 10.0 * x.size)


def max_pool(b: Any, x: Any, kernel: tuple, window: Window, sizes: tuple) -> Any:
    found = pooling(x, kernel, window, sizes) if fits(x) and np.isfinite(x.max()) else None
    y = None if found is None else found.run(as_channels_last(x))
    return windows.max_pool(b, x, kernel, window, sizes) if y is None or y.min() <= LOWEST else y  # instead of -inf


def max_pool_input(b: Any, g: Any, x: Any, best: Any, kernel: tuple, window: Window) -> Any:
    fine = fits(g, x, best) and np.isfinite(best.max()) and best.min() > LOWEST  # -inf could be padding's
    found = pooling(x, kernel, window, best.shape[2:]) if fine else None
    if found is None:
        return windows.max_pool_input(b, g, x, best, kernel, window)
    found.run(as_channels_last(x))  # once more, for the workspace: cheaper than keeping it
    dx = new_channels_last(x.shape)
    found.backward.run(as_channels_last(g), found.workspace, dx)
    return dx
