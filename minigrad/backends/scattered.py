"""The sum of gradients of slices, put together once, and not as an array of zeros for each slice."""

from __future__ import annotations

import math
from typing import Any


class Scattered:
    """An array of zeros with pieces added at places (tuples of slices, ints and `...`); `whole()` makes it one array.

    Backpropagation adds such sums to each other, and arrays to them. What is put aside never takes more room than the whole.
    """

    def __init__(self, xp: Any, shape: tuple, place: tuple, piece: Any) -> None:
        self.xp, self.shape, self.dtype = xp, shape, piece.dtype
        self.pieces: list[tuple[tuple, Any]] = [(place, piece)]
        self.aside = math.prod(piece.shape)
        self.sum: Any = None  # an array of its own

    def __add__(self, other: Any) -> Scattered:
        more = other.pieces if isinstance(other, Scattered) else [((...,), other)]
        if isinstance(other, Scattered) and other.sum is not None:
            more = [((...,), other.sum), *more]
        self.pieces += more
        self.aside += sum(math.prod(piece.shape) for _, piece in more)
        if self.aside > math.prod(self.shape):
            self.whole()
        return self

    def whole(self) -> Any:
        """The array, which may be written."""
        axis = self.tiled() if self.sum is None else None
        if axis is not None:
            self.sum = self.xp.concat([piece for _, piece in self.pieces], axis=axis)
        else:
            self.sum = self.xp.zeros(self.shape, dtype=self.dtype) if self.sum is None else self.sum
            for place, piece in self.pieces:
                self.sum[place] += piece
        self.pieces, self.aside = [], 0
        return self.sum

    def tiled(self) -> int | None:
        """The axis along which the pieces, put in order here, lie one after another and fill the whole; None if they don't."""
        found = [span(place, self.shape) for place, _ in self.pieces]
        if len({part and part[0] for part in found}) > 1 or found[0] is None:
            return None
        order = sorted(range(len(found)), key=lambda k: found[k] or ())
        starts, stops = ([found[k][i] for k in order] for i in (1, 2))  # type: ignore[index]
        if [*starts, self.shape[found[0][0]]] != [0, *stops]:
            return None
        self.pieces = [self.pieces[k] for k in order]
        return found[0][0]


def whole(gradient: Any) -> Any:
    """A gradient as one array."""
    return gradient.whole() if type(gradient) is Scattered else gradient


def span(place: tuple, shape: tuple) -> tuple[int, int, int] | None:
    """(axis, start, stop) of a place that is a slice of one axis and all of the others; None for any other place."""
    at = place.index(...) if ... in place else len(place)
    full = (*place[:at], *[slice(None)] * (len(shape) - len(place) + (at < len(place))), *place[at + 1 :])
    if not all(isinstance(part, slice) for part in full):
        return None
    spans = [part.indices(n) for part, n in zip(full, shape, strict=True)]
    cut = [(axis, start, stop) for axis, (start, stop, step) in enumerate(spans) if (start, stop, step) != (0, shape[axis], 1)]
    return cut[0] if len(cut) == 1 and spans[cut[0][0]][2] == 1 else None
