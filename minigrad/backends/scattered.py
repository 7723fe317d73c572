"""The sum of gradients of slices, put together once, and not as an array of zeros for each slice."""

from __future__ import annotations

import math
from operator import itemgetter
from typing import Any

from .backend import backend_of


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
        """The sum itself, with `other` added: an array, or the one piece of another sum."""
        more = other.pieces if isinstance(other, Scattered) else [((...,), other)]
        self.pieces += more
        self.aside += sum(math.prod(piece.shape) for _, piece in more)
        if self.aside > math.prod(self.shape):
            self.whole()
        return self

    def whole(self) -> Any:
        """The array, which may be written."""
        tiles = self.tiles() if self.sum is None else None
        if tiles is not None:
            self.sum = self.xp.concat(tiles[0], axis=tiles[1])
        else:
            self.sum = self.xp.zeros(self.shape, dtype=self.dtype) if self.sum is None else self.sum
            for place, piece in self.pieces:
                self.sum[place] += piece
        self.pieces, self.aside = [], 0
        return self.sum

    def tiles(self) -> tuple[list, int] | None:
        """The pieces in order, and the axis along which they lie one after another and fill the whole; None if they don't."""
        found: list[tuple] = []
        for place, piece in self.pieces:
            part = span(place, self.shape)
            if part is None or part[0] != (found[0] if found else part)[0]:
                return None
            found.append((*part, piece))
        found.sort(key=itemgetter(1))
        axis = found[0][0]
        starts, stops = [start for _, start, _, _ in found], [stop for _, _, stop, _ in found]
        fill = [*starts, self.shape[axis]] == [0, *stops]
        return ([piece for *_, piece in found], axis) if fill else None


class Rows:
    """A gradient of some rows only, as an embedding's may be: an array of zeros with piece[k] added to row index[k]."""

    __array_ufunc__ = None  # an array beside it leaves the sum to it

    def __init__(self, b: Any, shape: tuple, index: Any, piece: Any) -> None:
        self.b, self.shape, self.dtype, self.index, self.piece = b, shape, piece.dtype, index, piece

    def __add__(self, other: Any) -> Any:
        if type(other) is not Rows:
            return self.whole() + (other.whole() if type(other) is Scattered else other)
        index, piece = (self.b.xp.concat(pair) for pair in ((self.index, other.index), (self.piece, other.piece)))
        return Rows(self.b, self.shape, index, piece)

    __radd__ = __add__

    def whole(self) -> Any:
        """The array, which may be written."""
        return self.b.index_add(self.shape[0], self.index, self.piece)


SUMS = (Scattered, Rows)  # what stands for an array on the way back


def joined(total: Any, part: Any, held: tuple | None) -> Any:
    """total + part. A sum of pieces takes the other as one more piece. An array that is no view, nor one of those `held`
    elsewhere, takes the sum into its own memory; with None it may be anybody's."""
    if type(total) is Rows or type(part) is Rows:
        return total + part if type(total) is Rows else part + total
    if type(part) is Scattered and type(total) is not Scattered:
        return part + total
    if type(total) is Scattered or held is None or id(part) in map(id, held) or not backend_of(part).owns(part):
        return total + part
    part += total
    return part


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
