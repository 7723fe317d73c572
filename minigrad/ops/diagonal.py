"""Diagonals and triangles of matrices, and rows and columns joined: diag, tril, stacks, grids, blocks."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from typing import Any

from ..backends import ShapeError
from ..core import Tensor, op
from .arithmetic import cast
from .create import arange, tensor
from .operands import axis, numpy_names, sizes, stored, tensor_of, whole
from .reduce import sum
from .shape import cat, expand, flatten, flip, joined, movedim, narrow, pad_op, reshape, stack, transpose, unsqueeze


@op("view", name="diagonal")
def diagonal_op(b, x, *, offset):
    """y[..., i] = x[..., i, i + offset] (x[..., i - offset, i] below the main diagonal): a view of the last two
    dimensions"""
    return b.diagonal(x, offset)


@op("linear")
def diagonal_adjoint(b, x, *, shape, offset):
    """Zeros of `shape` with x on a diagonal of the last two dimensions: the adjoint of `diagonal`"""
    return b.put_diagonal(x, shape, offset)


@op("linear", name="tril")
def tril_op(b, x, *, diagonal=0):
    """x on and below a diagonal of the last two dimensions, 0 above it"""
    return b.xp.tril(x, k=diagonal)


@op("linear", name="triu")
def triu_op(b, x, *, diagonal=0):
    """x on and above a diagonal of the last two dimensions, 0 below it"""
    return b.xp.triu(x, k=diagonal)


diagonal_op.vjp(x=lambda g, x_shape, offset: diagonal_adjoint(g, shape=tuple(x_shape), offset=offset))
diagonal_adjoint.vjp(x=lambda g, offset: diagonal_op(g, offset=offset))
tril_op.vjp(x=lambda g, diagonal: tril_op(g, diagonal=diagonal))
triu_op.vjp(x=lambda g, diagonal: triu_op(g, diagonal=diagonal))


# -- diagonals and triangles -----------------------------------------------------------------------------------------


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices in dimensions `dim1` and `dim2`, as a new last dimension: a view."""
    n = tensor_of("diagonal", input).ndim
    i, j = axis("diagonal", dim1, n), axis("diagonal", dim2, n)
    if i == j or n < 2:
        raise ShapeError(
            f"diagonal: dim1 and dim2 must be different dimensions of shape {tuple(input.shape)}, got {dim1} and {dim2}"
        )
    x = movedim(input, (i, j), (-2, -1)) if (i, j) != (n - 2, n - 1) else input
    return diagonal_op(x, offset=whole("diagonal", "offset", offset))


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices in dimensions `dim1` and `dim2` with the last dimension of `input` on a diagonal, 0 elsewhere."""
    n = tensor_of("diag_embed", input).ndim + 1
    i, j = axis("diag_embed", dim1, n), axis("diag_embed", dim2, n)
    if i == j:
        raise ShapeError(f"diag_embed: dim1 and dim2 must be different, got {dim1} and {dim2}")
    size = input.shape[-1] + builtins.abs(offset)
    y = diagonal_adjoint(input, shape=(*input.shape[:-1], size, size), offset=offset)
    return movedim(y, (-2, -1), (i, j)) if (i, j) != (n - 2, n - 1) else y


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A vector as the diagonal of a matrix; the diagonal of a matrix as a vector."""
    if tensor_of("diag", input).ndim not in (1, 2):
        raise ShapeError(f"diag: expected a vector or a matrix, got shape {tuple(input.shape)}. Hint: diagonal or diag_embed")
    return diag_embed(input, diagonal) if input.ndim == 1 else diagonal_op(input, offset=diagonal).clone()


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The flattened input as the diagonal of a matrix."""
    return diag_embed(flatten(tensor_of("diagflat", input)), offset)


def _matrices(who: str, x: Tensor) -> Tensor:
    if tensor_of(who, x).ndim < 2:
        raise ShapeError(f"{who}: expected at least 2 dimensions, got shape {tuple(x.shape)}")
    return x


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Each matrix of the last two dimensions on and below a diagonal, 0 above it."""
    return tril_op(_matrices("tril", input), diagonal=whole("tril", "diagonal", diagonal))


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Each matrix of the last two dimensions on and above a diagonal, 0 below it."""
    return triu_op(_matrices("triu", input), diagonal=whole("triu", "diagonal", diagonal))


def trace(input: Tensor) -> Tensor:
    """The sum of a matrix' main diagonal."""
    if tensor_of("trace", input).ndim != 2:
        raise ShapeError(f"trace: expected a matrix, got shape {tuple(input.shape)}")
    return sum(diagonal_op(input, offset=0))


@stored
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = "int64", device: Any = None) -> Tensor:
    """The positions on and below a diagonal of a row by col matrix, row by row: (2, count)."""
    return _positions("tril_indices", row, col, lambda i, j: j - i <= offset, dtype, device)


@stored
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = "int64", device: Any = None) -> Tensor:
    """The positions on and above a diagonal of a row by col matrix, row by row: (2, count)."""
    return _positions("triu_indices", row, col, lambda i, j: j - i >= offset, dtype, device)


def _positions(who: str, row: int, col: int, chosen: Any, dtype: Any, device: Any) -> Tensor:
    row, col = sizes(who, (row, col))
    if row < 0 or col < 0:
        raise ShapeError(f"{who}: row and col must be >= 0, got {row} and {col}")
    i, j = meshgrid(arange(row, device=device), arange(col, device=device))
    here = chosen(i, j)
    return cast(stack([i[here], j[here]]), dtype=dtype)


# -- rows and columns ------------------------------------------------------------------------------------------------


def _each(tensors: tuple, lift: Any) -> Any:
    """`lift` of one tensor, or of each of several."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(lift(x) for x in tensors[0])
    return lift(tensors[0]) if len(tensors) == 1 else tuple(lift(x) for x in tensors)


def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector; everything else as it is. Several tensors give a tuple."""
    return _each(tensors, lambda x: reshape(x, 1) if not x.ndim else x)


def atleast_2d(*tensors: Any) -> Any:
    """Numbers and vectors as a matrix of one row; everything else as it is."""
    return _each(tensors, lambda x: reshape(x, (1, -1 if x.numel() else 0)) if x.ndim < 2 else x)


def atleast_3d(*tensors: Any) -> Any:
    """Numbers (1, 1, 1), vectors (1, n, 1) and matrices (n, m, 1); everything else as it is."""
    return _each(tensors, lambda x: unsqueeze(atleast_2d(x), -1) if x.ndim < 3 else x)


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side: along dimension 1, vectors along 0."""
    xs = atleast_1d(joined("hstack", tensors))
    return cat(xs, 0 if xs[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors below each other; a vector is a row."""
    return cat(atleast_2d(joined("vstack", tensors)), 0)


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors behind each other, along dimension 2."""
    return cat(atleast_3d(joined("dstack", tensors)), 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The tensors side by side; a vector is a column."""
    return cat([reshape(x, (-1 if x.numel() else 0, 1)) if x.ndim < 2 else x for x in joined("column_stack", tensors)], 1)


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices (numbers and vectors as rows) along the diagonal of one matrix, 0 elsewhere."""
    xs = [atleast_2d(x) for x in joined("block_diag", list(tensors))]
    if any(x.ndim > 2 for x in xs):
        raise ShapeError(f"block_diag: expected at most 2 dimensions, got shapes {[tuple(x.shape) for x in xs]}")
    widths = [x.shape[1] for x in xs]
    total = builtins.sum(widths)
    starts = [builtins.sum(widths[:k]) for k in range(len(xs))]
    return cat([pad_op(x, before=(0, s), after=(0, total - s - x.shape[1]), value=0) for x, s in zip(xs, starts, strict=True)])


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Each vector laid out over the grid of all: y_k[i_0, i_1, ...] = x_k[i_k]; indexing "xy" exchanges the first
    two."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    if not given or any(tensor_of("meshgrid", x).ndim > 1 for x in given):
        raise ShapeError(f"meshgrid: expected vectors, got shapes {[tuple(x.shape) for x in given]}")
    xs = [atleast_1d(x) for x in given]
    shape = tuple(x.shape[0] for x in xs)
    grid = [
        expand(reshape(x, (1,) * k + (-1 if x.numel() else 0,) + (1,) * (len(xs) - 1 - k)), shape) for k, x in enumerate(xs)
    ]
    return tuple(transpose(y, 0, 1) for y in grid) if indexing == "xy" and len(xs) > 1 else tuple(grid)


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of an element of each vector, one a row; one vector alone stays as it is."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([flatten(x) for x in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, in order, one a row."""
    if tensor_of("combinations", input).ndim != 1 or r < 0:
        raise ShapeError(f"combinations: expected a vector and r >= 0, got shape {tuple(input.shape)} and {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    places = list(choose(range(input.shape[0]), r)) if r else []
    at = tensor([k for row in places for k in row], dtype="int64", device=input.device)
    return reshape(input[at], (len(places), r) if r else (0,))


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """The plane of two dimensions turned by k quarter turns, from the first towards the second."""
    plane = [axis("rot90", d, tensor_of("rot90", input).ndim) for d in dims]
    if len(plane) != 2 or plane[0] == plane[1]:
        raise ShapeError(f"rot90: dims must be two different dimensions, got {tuple(dims)}")
    i, j = plane
    turns = k % 4
    if turns == 0:
        return input.clone()
    if turns == 2:
        return flip(input, i, j)
    return transpose(flip(input, j), i, j) if turns == 1 else flip(transpose(input, i, j), j)


def fliplr(input: Tensor) -> Tensor:
    """The columns in reverse order: dimension 1."""
    return flip(_matrices("fliplr", input), 1)


def flipud(input: Tensor) -> Tensor:
    """The rows in reverse order: dimension 0."""
    if not tensor_of("flipud", input).ndim:
        raise ShapeError("flipud: expected at least 1 dimension, got a 0-d tensor")
    return flip(input, 0)


@numpy_names
def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None, sections: int | None = None
) -> tuple[Tensor, ...]:
    """Views along `dim`: in n parts of nearly equal size, or cut before each of the given positions.

    Which of the two it is may be said by name: `sections` or `indices`. Raises TypeError unless one of the three is given.
    """
    told = [x for x in (indices_or_sections, indices, sections) if x is not None]
    if len(told) != 1:
        raise TypeError(f"tensor_split: expected one of indices_or_sections, indices and sections, got {len(told)}")
    d = axis("tensor_split", dim, tensor_of("tensor_split", input).ndim)
    if not input.ndim:
        raise ShapeError("tensor_split: expected at least 1 dimension, got a 0-d tensor")
    n, given = input.shape[d], told[0]
    given = given.tolist() if isinstance(given, Tensor) else given
    if isinstance(given, int):
        if given < 1:
            raise ShapeError(f"tensor_split: the number of sections must be positive, got {given}")
        small, more = divmod(n, given)
        cuts = [0, *itertools.accumulate([small + 1] * more + [small] * (given - more))]
    else:
        cuts = [0, *(min(c + n if c < 0 else c, n) for c in given), n]
    return tuple(narrow(input, d, a, max(b - a, 0)) for a, b in itertools.pairwise(cuts))


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 1 (0 for a vector)."""
    return _even("hsplit", input, indices_or_sections, 0 if input.ndim == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 0."""
    return _even("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 2."""
    return _even("dsplit", input, indices_or_sections, 2, 3)


def _even(who: str, x: Tensor, given: Any, d: int, least: int) -> tuple[Tensor, ...]:
    if tensor_of(who, x).ndim < least:
        raise ShapeError(f"{who}: expected at least {least} dimensions, got shape {tuple(x.shape)}")
    if isinstance(given, int) and (given < 1 or x.shape[d] % given):
        raise ShapeError(f"{who}: dimension {d} of size {x.shape[d]} can't be split into {given} equal parts")
    return tensor_split(x, given, d)
