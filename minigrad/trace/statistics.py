"""What is said about an array without showing all of it: statistics, a histogram, a small picture of its numbers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..backends import backend_of

BINS = 16
COUNTED = 4096  # so many elements are counted in a histogram at most
SIDE = 16  # a thumbnail's rows and columns, at most


class Statistics(NamedTuple):
    """Of the finite elements: mean, (population) standard deviation, least, largest, Euclidean norm; nan if there are none.

    size, zeros, nonfinite   how many elements there are, are 0, are infinite or nan
    histogram                counts of the finite elements in 16 equal bins from min to max, empty if there are none
    counted                  of how many: all, or an evenly spaced sample of at most 4096
    Complex numbers count by their modulus.
    """

    size: int
    mean: float
    std: float
    min: float
    max: float
    norm: float
    zeros: int
    nonfinite: int
    histogram: tuple[int, ...]
    counted: int


class Thumbnail(NamedTuple):
    """At most 16 x 16 elements of an array, evenly spaced: `rows` of numbers, and which rows and columns they are.

    An array of one dimension is one row, of more than two dimensions `height` rows that are its first two dimensions and
    `width` columns that are the others: (N C) x (H W).
    """

    rows: tuple[tuple[float, ...], ...]
    row_index: tuple[int, ...]
    column_index: tuple[int, ...]
    height: int
    width: int


def real(array: Any) -> np.ndarray:
    """The array on the host, in floating numbers that NumPy can add up: complex ones by their modulus."""
    x = np.asarray(backend_of(array).to_host(array))
    if x.dtype.kind == "c":
        return np.abs(x)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def statistics_of(array: Any) -> Statistics:
    """The statistics of a backend's array."""
    x = real(array).reshape(-1)
    size, zeros = x.size, int(x.size - np.count_nonzero(x))
    low, high = (float(x.min()), float(x.max())) if size else (math.nan, math.nan)
    if size and not math.isfinite(low + high):
        x = x[np.isfinite(x)]
        low, high = (float(x.min()), float(x.max())) if x.size else (math.nan, math.nan)
    if not x.size:
        none = math.nan
        return Statistics(size, none, none, none, none, none, zeros, size, (), 0)
    largest = max(-low, high)
    scale = largest if largest > 1e15 or 0 < largest < 1e-15 else 1.0  # so that no square over- or underflows
    scaled = x if scale == 1 else x / x.dtype.type(scale)
    mean = float(scaled.sum()) / x.size
    square = float(scaled @ scaled) / x.size
    spread = square - mean * mean
    if spread < 1e-3 * square:  # the difference of two near numbers: take the mean out first
        mean = float(scaled.mean(dtype=np.float64))
        spread = float(np.square(scaled - mean).mean(dtype=np.float64)) if low < high else 0.0
    counts, counted = histogram(x, low, high)
    return Statistics(size, mean * scale, math.sqrt(max(spread, 0.0)) * scale, low, high, math.sqrt(square * x.size) * scale,
                      zeros, size - x.size, counts, counted)  # fmt: skip


def histogram(x: np.ndarray, low: float, high: float) -> tuple[tuple[int, ...], int]:
    """Counts in equal bins from low to high, and how many elements were counted."""
    x = x[:: -(-x.size // COUNTED)]
    step = high / BINS - low / BINS
    if not step:
        return (*[0] * (BINS // 2), x.size, *[0] * (BINS - BINS // 2 - 1)), x.size
    if not 1e-30 < step < 1e30:
        x = x.astype(np.float64) / step
        low, step = low / step, 1.0
    bins = ((x - x.dtype.type(low)) * x.dtype.type(1 / step)).astype(np.uint8)
    return tuple(np.bincount(np.minimum(bins, BINS - 1, out=bins), minlength=BINS).tolist()), x.size


def thumbnail_of(array: Any) -> Thumbnail:
    """The thumbnail of a backend's array."""
    x = real(array)
    height = math.prod(x.shape[: min(2, x.ndim - 1)]) if x.ndim > 1 else 1
    width = math.prod(x.shape[min(2, x.ndim - 1) :]) if x.ndim else 1
    rows, columns = spaced(height), spaced(width)
    small = x.reshape(height, width)
    small = small if height <= SIDE else small[rows, :]
    small = small if width <= SIDE else small[:, columns]
    return Thumbnail(tuple(map(tuple, small.tolist())), rows, columns, height, width)


def spaced(n: int) -> tuple[int, ...]:
    """At most 16 indices out of n, the first and the last among them."""
    return tuple(range(n)) if n <= SIDE else tuple(i * (n - 1) // (SIDE - 1) for i in range(SIDE))
