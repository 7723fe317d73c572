"""Convolution and max pooling's gradient on NumPy: a few images at a time, so that what a step makes stays in the cache.

Convolution is a matrix product with the patches under the kernel as columns (im2col), its batch shared out among threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from . import windows
from .threads import shared_out
from .windows import Window, apart, out_sizes

TILE = 60_000  # elements of columns and outputs at a time: a quarter of a megabyte, which any core's cache holds


class Tiles:
    """Buffers for `many` images, and their patches as columns.

    With stride 1 the outputs are as wide as the padded image. Then all that a tap sees of an image is one run of its
    memory, which is copied many times faster than its rows; the surplus at the end of each row is cut off afterwards.
    The padding behind a row is that before the next one, and the padding below an image that above the next one.
    """

    def __init__(self, shape: tuple, filters: int, kernel: tuple, window: Window, sizes: tuple, dtype: Any) -> None:
        n, c = shape[:2]
        big = [s + p for s, p in zip(shape[2:], window.padding, strict=True)]
        apart = [math.prod(big[d + 1 :]) * dtype.itemsize for d in range(len(big))]
        wide = max(window.stride) == 1 and all(o <= s for o, s in zip(sizes, big, strict=True))
        frame = (sizes[0], *big[1:]) if wide else sizes
        length = math.prod(frame)
        count = -(-n * (c * math.prod(kernel) + filters) * length // TILE)
        self.n, self.many = n, -(-n // min(count, n))
        image, width = math.prod(big), dtype.itemsize
        reach = sum((k - 1) * d * a for k, d, a in zip(kernel, window.dilation, apart, strict=True)) // width
        last = sum((o - 1) * s * a for o, s, a in zip(sizes, window.stride, apart, strict=True)) // width + 1
        beyond = max(0, reach + (length if wide else last) - image)  # the last image's windows reach out of it
        memory = np.zeros(self.many * c * image + beyond, dtype)
        self.padded = memory[: self.many * c * image].reshape(self.many, c, *big)
        inside: Any = (..., *(slice(p, None) for p in window.padding))
        self.images = self.padded[inside]
        run: tuple = (sizes, tuple(a * s for a, s in zip(apart, window.stride, strict=True)))
        if wide:
            run = ((length,), (width,))
        steps = (image * width, *(a * d for a, d in zip(apart, window.dilation, strict=True)))
        self.seen = as_strided(memory, (c, *kernel, self.many, *run[0]), (*steps, c * image * width, *run[1]))
        self.patches = np.empty(self.seen.shape, dtype)
        self.columns = self.patches.reshape(window.groups, -1, self.many * length)
        outputs = np.zeros((filters, self.many, *frame), dtype)
        self.rows = outputs.reshape(window.groups, -1, self.many * length)
        proper: Any = (..., *map(slice, sizes))
        self.outputs = outputs[proper].swapaxes(0, 1)  # (many, F, oS)

    def parts(self) -> Iterator[tuple[slice, slice]]:
        """Which images of the batch come next, and where they are in the buffers."""
        for start in range(0, self.n, self.many):
            stop = min(start + self.many, self.n)
            yield slice(start, stop), slice(stop - start)


def fits(*arrays: Any) -> bool:
    """Whether BLAS can multiply these, and there is something to multiply."""
    return all(a is None or (a.dtype in (np.float32, np.float64) and a.size) for a in arrays)


def conv(b: Any, x: np.ndarray, w: np.ndarray, bias: Any, window: Window) -> np.ndarray:
    if not fits(x, w, bias):
        return windows.conv(b, x, w, bias, window)
    sizes = out_sizes(x.shape[2:], w.shape[2:], window)
    y = np.empty((x.shape[0], w.shape[0], *sizes), x.dtype)
    matrix = w.reshape(window.groups, w.shape[0] // window.groups, -1)
    line = None if bias is None else bias.reshape(-1, *(1,) * len(sizes))

    def some(x: np.ndarray, y: np.ndarray) -> None:
        tiles = Tiles(x.shape, w.shape[0], w.shape[2:], window, sizes, x.dtype)
        for part, here in tiles.parts():
            tiles.images[here] = x[part]
            tiles.patches[...] = tiles.seen
            np.matmul(matrix, tiles.columns, out=tiles.rows)
            if line is None:
                y[part] = tiles.outputs[here]
            else:
                np.add(tiles.outputs[here], line, out=y[part])

    shared_out(some, x, y)
    return y


def conv_input(b: Any, g: np.ndarray, w: np.ndarray, shape: tuple, window: Window) -> np.ndarray:
    if not fits(g, w) or not np.isfinite(np.vdot(w, w)):  # what is infinite would come back from the surplus as NaN
        return windows.conv_input(b, g, w, shape, window)
    kernel, (groups, f, c) = w.shape[2:], (window.groups, w.shape[0] // window.groups, w.shape[1])
    padding = tuple(d * (k - 1) - p for d, k, p in zip(window.dilation, kernel, window.padding, strict=True))
    if max(window.stride) == 1 and min(padding) >= 0 and f <= 2 * c:  # a convolution of g itself, with the taps turned round
        turned = np.flip(w.reshape(groups, f, c, *kernel), tuple(range(3, 3 + len(kernel)))).swapaxes(1, 2)
        return conv(b, g, turned.reshape(groups * c, f, *kernel), None, window._replace(padding=padding))
    dx = np.empty(shape, g.dtype)
    matrix = w.reshape(groups, f, -1).swapaxes(1, 2)

    def some(g: np.ndarray, dx: np.ndarray) -> None:
        tiles = Tiles(dx.shape, g.shape[1], kernel, window, g.shape[2:], g.dtype)
        for part, here in tiles.parts():
            tiles.outputs[here] = g[part]
            np.matmul(matrix, tiles.rows, out=tiles.columns)
            tiles.padded[...] = 0
            for tap in np.ndindex(*kernel):
                view = tiles.seen[(slice(None), *tap)]
                np.add(view, tiles.patches[(slice(None), *tap)], out=view)
            dx[part] = tiles.images[here]

    shared_out(some, g, dx)
    return dx


def conv_weight(b: Any, x: np.ndarray, g: np.ndarray, kernel: tuple, window: Window) -> np.ndarray:
    if not fits(x, g):
        return windows.conv_weight(b, x, g, kernel, window)

    def some(x: np.ndarray, g: np.ndarray) -> np.ndarray:
        tiles = Tiles(x.shape, g.shape[1], kernel, window, g.shape[2:], g.dtype)
        total = np.zeros((), x.dtype)
        for part, here in tiles.parts():
            tiles.images[here] = x[part]
            tiles.outputs[here] = g[part]
            tiles.outputs[here.stop :] = 0
            tiles.patches[...] = tiles.seen
            total = total + np.matmul(tiles.columns, tiles.rows.swapaxes(1, 2))  # faster than the other way round
        return total

    dw = np.add.reduce(shared_out(some, x, g), axis=0).swapaxes(1, 2).reshape(g.shape[1], x.shape[1] // window.groups, *kernel)
    return dw if np.isfinite(np.vdot(dw, dw)) else windows.conv_weight(b, x, g, kernel, window)  # 0 times what is infinite


def max_pool_input(b: Any, g: np.ndarray, x: np.ndarray, best: np.ndarray, kernel: tuple, window: Window) -> np.ndarray:
    sizes = best.shape[2:]
    # Left to the reference: windows that don't overlap (it is as fast there), NaN, and what could be the padding's.
    if apart(kernel, window) or not best.size or not np.isfinite(best.max()) or best.min() <= windows.lowest(b, x):
        return windows.max_pool_input(b, g, x, best, kernel, window)
    many = -(-TILE * x.shape[0] // x.size)
    dx = np.empty(x.shape, g.dtype)
    for start in range(0, x.shape[0], many):
        part = slice(start, start + many)
        sent, free, top = [], np.ones(best[part].shape, bool), best[part]
        for view in windows.under_window(b, x[part], kernel, window, sizes, windows.lowest(b, x)):
            hit = view == top
            hit &= free  # the first of equals
            free ^= hit
            sent.append(b.where(hit, g[part], 0.0))
        dx[part] = windows.spread_back(b, sent, dx[part].shape, kernel, window, sizes)
    return dx


_KERNELS: list[Callable] = [conv, conv_input, conv_weight, max_pool_input]
NUMPY_WINDOWS: dict[str, Any] = {f.__name__: f for f in _KERNELS}
