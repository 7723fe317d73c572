"""Moving elements about: views of the same memory, joining, padding, and their adjoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ..backends import Scattered, ShapeError, backend_of
from ..core import Tensor, op
from .arithmetic import cast, in_rows
from .arithmetic import expand as expand_op
from .operands import also, axes, axis, common_type, named, numpy_names, sizes, tensor_of


@op("view", name="reshape")
def reshape_op(b, x, *, shape):
    """The same elements, in row-major order, in another shape. A view where the memory allows."""
    return b.xp.reshape(x, shape)


@op("view", name="permute")
def permute_op(b, x, *, dims):
    """y[i_dims[0], i_dims[1], ...] = x[i_0, i_1, ...]: the dimensions in another order."""
    return b.xp.permute_dims(x, dims)


@op("view", name="slice")
def slice_op(b, x, *, index):
    """x[index] for integers, slices, None and ...: a view."""
    return x[index]


@op("linear")
def slice_adjoint(b, x, *, shape, index):
    """Zeros of `shape` with x at [index]: the adjoint of `slice`."""
    out, (place, piece) = b.xp.zeros(shape, dtype=x.dtype), placed(b, x, index)
    out[place] = piece
    return out


def scattered(g: Any, shape: tuple, index: tuple) -> Scattered:
    """As `slice_adjoint`, for arrays: what is added to it needs no array of zeros of its own."""
    b = backend_of(g)
    return Scattered(b.xp, shape, *placed(b, g, index))


def placed(b: Any, x: Any, index: tuple) -> tuple[tuple, Any]:
    """The index without None, which the Array API knows in reading only, and x without the dimensions that None has made."""
    place = tuple(i for i in index if i is not None)
    if len(place) < len(index):
        made = [i for i in index if i is None or i is ... or isinstance(i, slice)]
        at = made.index(...) if ... in made else len(made)
        made[at : at + 1] = [...] * (x.ndim - len(made) + (at < len(made)))
        x = b.xp.reshape(x, tuple(n for n, i in zip(x.shape, made, strict=True) if i is not None))
    return place, x


@op("linear", name="flip")
def flip_op(b, x, *, dims):
    """The elements in reverse order along `dims`."""
    return b.xp.asarray(b.xp.flip(x, axis=dims), copy=True)  # in NumPy it is a view, in PyTorch none


@op("linear", name="roll")
def roll_op(b, x, *, shifts, dims):
    """The elements moved on by `shifts` along `dims`; what leaves at the end comes in at the start."""
    return b.xp.roll(x, shifts, axis=dims)


@op("linear", name="cat")
def cat_op(b, *xs, dim):
    """The tensors one after another along `dim`."""
    return b.xp.concat(xs, axis=dim)


@op("linear", name="stack")
def stack_op(b, *xs, dim):
    """The tensors one after another along a new dimension `dim`."""
    return b.xp.stack(xs, axis=dim)


@op("view", name="unfold")
def unfold_op(b, x, *, dim, size, step):
    """y[..., i, ..., k] = x[..., i step + k, ...]: the windows of `size` along `dim`, `step` apart: a view"""
    return b.unfold(x, dim, size, step)


@op("linear")
def unfold_adjoint(b, x, *, shape, dim, step):
    """Zeros of `shape` with each window of x added where it was taken: the adjoint of `unfold`"""
    out, lead = b.xp.zeros(shape, dtype=x.dtype), (slice(None),) * dim
    span = (x.shape[dim] - 1) * step + 1
    for k in range(x.shape[-1]):
        out[(*lead, slice(k, k + span, step), ...)] += x[..., k]
    return out


@op("general", name="pad")
def pad_op(b, x, *, before, after, value=0.0):
    """x with `before` and `after` cells of `value` around each dimension."""
    shape = tuple(p + n + q for p, n, q in zip(before, x.shape, after, strict=True))
    out = b.xp.full(shape, value, dtype=x.dtype)
    out[tuple(slice(p, p + n) for p, n in zip(before, x.shape, strict=True))] = x
    return out


reshape_op.vjp(x=lambda g, x_shape: reshape_op(g, shape=x_shape))
permute_op.vjp(x=lambda g, dims: permute_op(g, dims=inverse(dims)))
slice_op.vjp(x=lambda g, x_shape, index: slice_adjoint(g, shape=x_shape, index=index))
slice_op.fused = lambda g, x_shape, index: [scattered(g, x_shape, index)]
slice_adjoint.vjp(x=lambda g, index: slice_op(g, index=index))
unfold_op.vjp(x=lambda g, x_shape, dim, step: unfold_adjoint(g, shape=tuple(x_shape), dim=dim, step=step))
unfold_adjoint.vjp(x=lambda g, x_shape, dim, step: unfold_op(g, dim=dim, size=x_shape[-1], step=step))
flip_op.vjp(x=lambda g, dims: flip_op(g, dims=dims))
roll_op.vjp(x=lambda g, shifts, dims: roll_op(g, shifts=tuple(-s for s in shifts), dims=dims))
cat_op.vjp(xs=lambda g, i, xs_shapes, dim: slice_op(g, index=part(xs_shapes, i, dim)))
stack_op.vjp(xs=lambda g, i, dim: slice_op(g, index=(slice(None),) * dim + (i, ...)))
pad_op.vjp(x=lambda g, x_shape, before: slice_op(g, index=tuple(slice(p, p + n) for p, n in zip(before, x_shape, strict=True))))


def inverse(dims: tuple) -> tuple:
    """The order of dimensions that undoes `permute(dims)`."""
    return tuple(dims.index(d) for d in range(len(dims)))


def part(shapes: list, i: int, dim: int) -> tuple:
    """Where the i-th of several tensors lies in their `cat` along `dim`."""
    global _ends
    if _ends[0] is not shapes:  # the ends of all parts are found once, though each part's rule asks
        _ends = (shapes, [*accumulate((shape[dim] for shape in shapes), initial=0)])
    start, end = _ends[1][i : i + 2]
    return (*(slice(None),) * dim, slice(start, end), ...)


_ends: tuple[Any, list[int]] = (None, [])  # the shapes that were asked about last, and the running sums of their sizes


# -- what users call -----------------------------------------------------------------------------------------------------


@named("shape", 1)
def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements of `input` in another shape; one size may be -1. Raises ShapeError if the counts differ."""
    tensor_of("reshape", input)
    given = sizes("reshape", shape)
    n = input.array.size
    if -1 in given:
        rest = -math.prod(given)
        if given.count(-1) > 1 or min(given) < -1:
            raise ShapeError(f"reshape: only one size can be -1, got {given}")
        if rest == 0 or n % rest:
            raise ShapeError(f"reshape: shape {given} is invalid for input of size {n}, shape {tuple(input.shape)}")
        given = tuple(n // rest if s == -1 else s for s in given)
    elif math.prod(given) != n or any(s < 0 for s in given):
        raise ShapeError(f"reshape: shape {given} is invalid for input of size {n}, shape {tuple(input.shape)}. "
                         "Hint: the products of both shapes must agree; one size may be -1")  # fmt: skip
    return reshape_op(input, shape=given)


@named("dims", 1)
def permute(input: Tensor, *dims: Any) -> Tensor:
    """`input` with its dimensions in the order `dims`: y.shape[i] = x.shape[dims[i]]."""
    tensor_of("permute", input)
    order = tuple(axis("permute", d, input.ndim) for d in sizes("permute", dims))
    if sorted(order) != list(range(input.ndim)):
        raise ShapeError(f"permute: dims must name each of the {input.ndim} dimensions once, got {order}")
    return permute_op(input, dims=order)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """`input` with two dimensions exchanged."""
    tensor_of("transpose", input)
    order = list(range(input.ndim))
    i, j = axis("transpose", dim0, input.ndim), axis("transpose", dim1, input.ndim)
    if order:
        order[i], order[j] = j, i
    return permute_op(input, dims=tuple(order))


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; vectors and scalars stay as they are."""
    if input.ndim > 2:
        raise ShapeError(f"t: expected at most 2 dimensions, got shape {tuple(input.shape)}. Hint: .mT or .transpose()")
    return permute_op(input, dims=tuple(reversed(range(input.ndim))))


def mT(input: Tensor) -> Tensor:
    """Each matrix of the last two dimensions transposed."""
    if input.ndim < 2:
        raise ShapeError(f"mT: expected at least 2 dimensions, got shape {tuple(input.shape)}")
    n = input.ndim
    return permute_op(input, dims=(*range(n - 2), n - 1, n - 2))


@numpy_names
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """`input` without its dimensions of size 1, or without those in `dim` that have size 1."""
    tensor_of("squeeze", input)
    drop = axes("squeeze", dim, input.ndim) if dim is None or not isinstance(dim, Sequence) or dim else ()
    return reshape_op(input, shape=tuple(n for d, n in enumerate(input.shape) if d not in drop or n != 1))


@numpy_names
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """`input` with a new dimension of size 1 at `dim`."""
    tensor_of("unsqueeze", input)
    d = axis("unsqueeze", dim, input.ndim + 1)
    return reshape_op(input, shape=(*input.shape[:d], 1, *input.shape[d:]))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """`input` with the dimensions from `start_dim` to `end_dim` made one; `input` itself if that is one already."""
    tensor_of("flatten", input)
    first, last = axis("flatten", start_dim, input.ndim), axis("flatten", end_dim, input.ndim)
    if first > last:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    if first == last and input.ndim:
        return input
    shape = input.shape
    return reshape_op(input, shape=(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@numpy_names
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """`input` with dimension `dim` taken apart into `sizes`, one of which may be -1."""
    d = axis("unflatten", dim, tensor_of("unflatten", input).ndim)
    return reshape(
        unsqueeze(input, 0) if not input.ndim else input,
        *input.shape[:d],
        *_filled(sizes, input.shape[d]),
        *input.shape[d + 1 :],
    )


def _filled(sizes: Sequence[int], n: int) -> tuple:
    known = -math.prod(sizes) if -1 in sizes else math.prod(sizes)
    if known != n if -1 not in sizes else known == 0 or n % known:
        raise ShapeError(f"unflatten: sizes {tuple(sizes)} do not multiply to {n}")
    return tuple(n // known if s == -1 else s for s in sizes)


@named("size", 1)
def expand(input: Tensor, *size: Any) -> Tensor:
    """`input` repeated without copying to `size`; -1 keeps a dimension. Only dimensions of size 1 can grow."""
    given = sizes("expand", size)
    lead = len(given) - tensor_of("expand", input).ndim
    if lead < 0:
        raise ShapeError(f"expand: {given} has fewer dimensions than the input's shape {tuple(input.shape)}")
    shape = tuple(input.shape[d - lead] if n == -1 and d >= lead else n for d, n in enumerate(given))
    for d, n in enumerate(shape):
        if n < 0 or (d >= lead and input.shape[d - lead] not in (1, n)):
            raise ShapeError(f"expand: {given} does not fit the input's shape {tuple(input.shape)}. "
                             "Hint: only a dimension of size 1 can grow; -1 keeps one")  # fmt: skip
    return expand_op(input, shape=shape)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """`input` repeated without copying to `size`."""
    return expand(input, size)


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """`input` with the dimensions `source` moved to the places `destination`."""
    n = tensor_of("movedim", input).ndim
    froms, tos = ([axis("movedim", d, n) for d in (ds if isinstance(ds, Sequence) else [ds])] for ds in (source, destination))
    if len(froms) != len(tos) or len(set(froms)) < len(froms) or len(set(tos)) < len(tos):
        raise ShapeError(f"movedim: source {source} and destination {destination} must pair different dimensions")
    rest = iter([d for d in range(n) if d not in froms])
    return permute_op(input, dims=tuple(froms[tos.index(d)] if d in tos else next(rest) for d in range(n)))


@named("dims", 1)
def flip(input: Tensor, *dims: Any) -> Tensor:
    """The elements in reverse order along `dims`."""
    if not dims:
        raise TypeError("flip: missing argument 'dims'. Expected flip(input, dims). Hint: dims=(0,)")
    given = sizes("flip", dims)
    return flip_op(input, dims=axes("flip", given, tensor_of("flip", input).ndim) if given else ())


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved on by `shifts` along `dims` (along the flattened tensor if None), the last coming in first."""
    tensor_of("roll", input)
    by = tuple(shifts) if isinstance(shifts, Sequence) else (shifts,)
    if dims is None or dims == ():
        if len(by) != 1:
            raise ShapeError(f"roll: {len(by)} shifts need as many dims, got none")
        return reshape(roll_op(reshape(input, -1), shifts=by, dims=(0,)), input.shape)
    along = tuple(axis("roll", d, input.ndim) for d in (dims if isinstance(dims, Sequence) else (dims,)))
    if len(by) != len(along):
        raise ShapeError(f"roll: {len(by)} shifts for {len(along)} dims")
    if along and not input.ndim:
        raise IndexError("roll: a 0-d tensor has no dimension to roll along. Hint: dims=None")
    return roll_op(input, shifts=by, dims=along)


def joined(who: str, tensors: Any) -> list[Tensor]:
    """A list of tensors to join, brought to one type. Raises if it is empty or holds something else."""
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence):
        raise TypeError(f"{who}: expected a list or tuple of tensors, got {type(tensors).__name__}")
    if not tensors:
        raise ShapeError(f"{who}: expected a non-empty list of tensors")
    common = common_type([tensor_of(who, x, f"tensors[{i}]") for i, x in enumerate(tensors)])
    return [x if x.dtype is common else cast(x, dtype=common) for x in tensors]


@numpy_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after another along `dim`; their other sizes must agree (an empty 1-d tensor fits anything)."""
    xs = joined("cat", tensors)
    xs = [x for x in xs if tuple(x.shape) != (0,)] or xs[:1]
    d = axis("cat", dim, xs[0].ndim)
    for i, x in enumerate(xs):
        if x.ndim == 0:
            raise ShapeError("cat: zero-dimensional tensors cannot be joined. Hint: stack")
        if x.ndim != xs[0].ndim or any(m != n for k, (m, n) in enumerate(zip(x.shape, xs[0].shape, strict=True)) if k != d):
            raise ShapeError(f"cat: sizes must match except in dimension {d}: expected {tuple(xs[0].shape)}, "
                             f"got {tuple(x.shape)} for tensor {i}")  # fmt: skip
    return cat_op(*xs, dim=d)


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors, all of one shape, one after another along a new dimension `dim`."""
    xs = joined("stack", tensors)
    for i, x in enumerate(xs):
        if x.shape != xs[0].shape:
            raise ShapeError(f"stack: expected each tensor to be of shape {tuple(xs[0].shape)}, got {tuple(x.shape)} for "
                             f"tensor {i}")  # fmt: skip
    return stack_op(*xs, dim=axis("stack", dim, xs[0].ndim + 1))


@numpy_names
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` elements of dimension `dim`, from `start` on: a view."""
    d = axis("narrow", dim, tensor_of("narrow", input).ndim)
    if not input.ndim:
        raise ShapeError("narrow: a 0-d tensor has no dimension to narrow")
    if isinstance(start, Tensor) and start.dtype.kind != "int":
        raise TypeError(f"narrow: start must be an int, got a tensor of {start.dtype!r}")
    n = input.shape[d]
    first = int(start) + n if start < 0 else int(start)
    if not 0 <= first <= n or length < 0 or first + length > n:
        raise IndexError(f"narrow: start {int(start)} and length {length} exceed dimension {d} of size {n}")
    return slice_op(input, index=(*(slice(None),) * d, slice(first, first + length), ...))


@also(split_size="split_size_or_sections")
@numpy_names
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of `tensor` along `dim`: chunks of one size (the last may be smaller), or of the given sizes."""
    d = axis("split", dim, tensor_of("split", tensor).ndim)
    n = tensor.shape[d]
    given = split_size_or_sections
    if hasattr(given, "__index__"):
        step = given.__index__()
        if step < 0 or (step == 0 and n):
            raise ShapeError(f"split: split_size must be positive, got {step}")
        given = [min(step, n - i) for i in range(0, n, step)] if n else [0]
    elif sum(given) != n or any(s < 0 for s in given):
        raise ShapeError(f"split: sizes {list(given)} must be non-negative and add up to {n}, the size of dimension {d}")
    starts = [sum(given[:i]) for i in range(len(given))]
    return tuple(narrow(tensor, d, start, size) for start, size in zip(starts, given, strict=True))


@numpy_names
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`input` in at most `chunks` views of equal size along `dim`; the last may be smaller."""
    if chunks < 1:
        raise ShapeError(f"chunk: chunks must be positive, got {chunks}")
    n = input.shape[axis("chunk", dim, tensor_of("chunk", input).ndim)]
    return split(input, max(-(-n // chunks), 1), dim) if n else split(input, [0] * chunks, dim)


@numpy_names
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices of `input` along `dim`, each without that dimension."""
    d = axis("unbind", dim, tensor_of("unbind", input).ndim)
    if not input.ndim:
        raise IndexError("unbind: a 0-d tensor has no dimension to part")
    return tuple(select(input, d, i) for i in range(input.shape[d]))


@numpy_names
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The slice of `input` at `index` of dimension `dim`: a view without that dimension."""
    d = axis("select", dim, tensor_of("select", input).ndim)
    n = input.shape[d] if input.ndim else 0
    if not -n <= index < n:
        raise IndexError(f"select: index {index} is out of bounds for dimension {d} of size {n}")
    return slice_op(input, index=(*(slice(None),) * d, int(index), ...))


@named("repeats", 1)
def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """`input` laid out `repeats` times along each dimension, copied."""
    times = sizes("repeat", repeats)
    lead = len(times) - tensor_of("repeat", input).ndim
    if lead < 0 or any(n < 0 for n in times):
        raise ShapeError(f"repeat: {times} must have at least {input.ndim} non-negative numbers for shape {tuple(input.shape)}")
    shape = (1,) * lead + tuple(input.shape)
    apart = tuple(m for n in shape for m in (1, n))
    wide = tuple(m for k, n in zip(times, shape, strict=True) for m in (k, n))
    out = expand_op(reshape_op(input, shape=apart), shape=wide)
    return in_rows(reshape_op(out, shape=tuple(k * n for k, n in zip(times, shape, strict=True))))  # not in an expanded layout
