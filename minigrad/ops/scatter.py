"""Writing at positions, out of place: scatter and its reductions, index_add, index_put, masks. All composed of few
ops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Number
from typing import Any

from ..backends import ARRAY, DTypeError, ShapeError, iinfo
from ..core import Tensor
from .arithmetic import cast, clone, where
from .compose import broadcast_shapes
from .create import arange, full_like, held, ones_like, tensor
from .index import from_start, getitem, in_range, index_add_op, is_whole, nonnegative, parse, scatter_add_op, setitem_op
from .operands import axis, numpy_names, tensor_of
from .reduce import amax_op, amin_op, prod_op
from .shape import expand, flatten, reshape, reshape_op, stack
from .update import setitem

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _checked(who: str, x: Tensor, dim: int, index: Tensor, source: Any) -> tuple[int, Tensor, Tensor, Any]:
    """The dimension, and input, index and source with one dimension at least, the source cut to the index's shape."""
    d = axis(who, dim, tensor_of(who, x).ndim)
    if tensor_of(who, index, "index").dtype.kind != "int":
        raise DTypeError(f"{who}: index must hold integers, got {index.dtype!r}. Hint: .long()")
    if isinstance(source, Tensor) and source.dtype is not x.dtype:
        raise DTypeError(f"{who}: the source must be of the input's type {x.dtype!r}, got {source.dtype!r}. Hint: .to(dtype)")
    lifted = [t if not isinstance(t, Tensor) or t.ndim else reshape_op(t, shape=(1,)) for t in (x, index, source)]
    x, index, source = lifted
    fits = index.ndim == x.ndim and all(n <= m or k == d for k, (n, m) in enumerate(zip(index.shape, x.shape, strict=True)))
    if isinstance(source, Tensor):
        fits = fits and source.ndim == index.ndim and all(n <= m for n, m in zip(index.shape, source.shape, strict=True))
    if index.array.size and not fits:
        got = f" and source {tuple(source.shape)}" if isinstance(source, Tensor) else ""
        raise ShapeError(f"{who}: the index of shape {tuple(index.shape)} must not exceed the input "
                         f"{tuple(x.shape)}{got} outside dimension {d}, and have as many dimensions")  # fmt: skip
    from_start(who, index, x.shape[d], d)
    if isinstance(source, Tensor):
        source = source[tuple(slice(0, n) for n in index.shape)]
    return d, x, index, source


def _places(index: Tensor, d: int) -> list[Tensor]:
    """The index tensors of every dimension that point where an index along d points: index along d, its own place
    else."""
    out = []
    for k, n in enumerate(index.shape):
        line = tuple(n if j == k else 1 for j in range(index.ndim))
        out.append(index if k == d else expand(reshape(arange(n, device=index.device), line), index.shape))
    return out


def _placed(x: Tensor, index: Tensor, d: int, source: Any) -> Tensor:
    """x with the source at [..., index, ...] of dimension d."""
    return setitem_op(x, source, *_places(index, d), spec=(ARRAY,) * x.ndim) if index.array.size else clone(x)


@numpy_names
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Tensor:
    """`input` with `src` (a tensor or a number) at index[i, j, k] of dimension `dim`: out[index[i,j,k], j, k] =
    src[i,j,k] for dim 0.

    Of several writes to one place one stays; `reduce` "add" or "multiply" combines them with the input instead.
    """
    source = value if src is None else src
    if source is None:
        raise TypeError("scatter: src or value must be given")
    if reduce is not None:
        if reduce not in ("add", "multiply"):
            raise ValueError(f"scatter: reduce must be 'add' or 'multiply', got {reduce!r}")
        if not isinstance(source, Tensor):
            source = full_like(index, source, dtype=input.dtype)
        return scatter_reduce(input, dim, index, source, {"add": "sum", "multiply": "prod"}[reduce])
    d, x, index, source = _checked("scatter", input, dim, index, source)
    return reshape(_placed(x, index, d, source), input.shape)


@numpy_names
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """`input` with `src` added at index[i, j, k] of dimension `dim`; several at one place add up."""
    d, x, index, source = _checked("scatter_add", input, dim, index, tensor_of("scatter_add", src, "src"))
    return reshape(x + scatter_add_op(source, index, dim=d, shape=tuple(x.shape)), input.shape)


@numpy_names
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """`input` with each place that `index` names replaced by the sum, prod, mean, amax or amin of what `src` sends
    there
    (and of the input's own value if `include_self`). Equal extremes share the gradient."""
    if reduce not in REDUCTIONS:
        raise ValueError(f"scatter_reduce: reduce must be one of {', '.join(REDUCTIONS)}, got {reduce!r}")
    if tensor_of("scatter_reduce", input).dtype.kind == "bool" and tensor_of("scatter_reduce", src, "src").dtype is input.dtype:
        reduce = {"prod": "amin", "sum": "amax"}.get(reduce, reduce)  # whether all hold, or any
        whole = scatter_reduce(input.byte(), dim, index, src.byte(), reduce, include_self=include_self)
        return cast(whole, dtype="bool")
    d, x, index, source = _checked("scatter_reduce", input, dim, index, tensor_of("scatter_reduce", src, "src"))
    if not index.array.size:
        return clone(input)
    counts = scatter_add_op(ones_like(index, dtype="int64"), index, dim=d, shape=tuple(x.shape))
    own = x if include_self else where(counts > 0, 0, x)
    if reduce in ("sum", "mean"):
        total = own + scatter_add_op(source, index, dim=d, shape=tuple(x.shape))
        n = (counts + int(include_self)).clamp(min=1)
        if reduce == "mean":
            total = total / n if total.dtype.is_floating_point else total // n
        return reshape(cast(total, dtype=x.dtype) if total.dtype is not x.dtype else total, input.shape)
    return reshape(_layered(x, index, source, d, counts, reduce, include_self), input.shape)


def _layered(x: Tensor, index: Tensor, source: Tensor, d: int, counts: Tensor, reduce: str, include_self: bool) -> Tensor:
    """The reduction of x and of layers that hold, of what goes to each place, the first value, the second ..."""
    low, high = (-math.inf, math.inf) if x.dtype.is_floating_point else (iinfo(x.dtype).min, iinfo(x.dtype).max)
    neutral = {"prod": 1, "amax": low, "amin": high}[reduce]
    line = index.movedim(d, 0)
    earlier = stack([(line[:i] == line[i]).sum(0) for i in range(line.shape[0])]).movedim(0, d)  # others there before it
    blank = full_like(x, neutral)
    own = x if include_self else where(counts > 0, neutral, x)
    layers = [own]
    for rank in range(int(earlier.max().item()) + 1):
        here = earlier == rank
        places = [p[here] for p in _places(index, d)]
        layers.append(setitem_op(blank, source[here], *places, spec=(ARRAY,) * x.ndim))
    stacked = stack(layers)
    if reduce == "prod":
        return prod_op(stacked, dim=0)
    return (amax_op if reduce == "amax" else amin_op)(stacked, dim=(0,))


# -- whole slices ----------------------------------------------------------------------------------------------------


def _sliced(who: str, x: Tensor, dim: int, index: Tensor, least: int | None = None) -> tuple[int, Tensor]:
    """The dimension and the vector of positions along it, which may be from `least` (-n) on, counted from the start."""
    d = axis(who, dim, tensor_of(who, x).ndim)
    if tensor_of(who, index, "index").ndim > 1 or index.dtype.kind != "int":
        raise ShapeError(f"{who}: index must be a vector of integers, got {index.dtype!r} of shape {tuple(index.shape)}")
    at = reshape_op(index, shape=(-1,)) if index.ndim == 0 else index
    n = x.shape[d] if x.ndim else 1
    return d, nonnegative(in_range(who, at, n, d, least), n)


def _slices(who: str, x: Tensor, d: int, at: Tensor, source: Tensor) -> Tensor:
    """The source, checked to be one slice of x a position."""
    tensor_of(who, source, "source")
    if source.dtype is not x.dtype:
        raise DTypeError(f"{who}: the source must be of the input's type {x.dtype!r}, got {source.dtype!r}. Hint: .to(dtype)")
    want = tuple(at.shape[0] if k == d else n for k, n in enumerate(x.shape))
    if tuple(source.shape) != want:
        raise ShapeError(f"{who}: the source must have the shape {want}, got {tuple(source.shape)}")
    return source


@numpy_names
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """`input` with alpha times the slices of `source` added at the positions `index` of dimension `dim`."""
    d, at = _sliced("index_add", input, dim, index, least=0)
    if not input.ndim:
        return input + (reshape(source, -1) * alpha).sum(dtype=input.dtype)
    source = _slices("index_add", input, d, at, source)
    return input + index_add_op(source if alpha == 1 else source * alpha, at, n=input.shape[d], dim=d)


@numpy_names
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """`input` with the slices of `source` at the positions `index` of dimension `dim`."""
    d, at = _sliced("index_copy", input, dim, index, least=0)
    if not input.ndim:
        return reshape(source, ())
    source = _slices("index_copy", input, d, at, source)
    return setitem_op(input, source, at, spec=((slice(None),) * d) + (ARRAY, ...))


@numpy_names
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """`input` with one value (a number or a 0-d tensor) in the slices at the positions `index` of dimension `dim`."""
    if not tensor_of("index_fill", input).ndim:
        return reshape(index_fill(reshape(input, 1), dim, index, value), ())
    d, at = _sliced("index_fill", input, dim, index)
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError(f"index_fill: value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    value = value if isinstance(value, Tensor) else tensor(value, dtype=input.dtype, device=input.device)
    line = tuple(n if k == d else 1 for k, n in enumerate(input.shape))
    here = index_add_op(ones_like(at), at, n=input.shape[d], dim=0) > 0  # a place that is named twice is filled once
    return where(reshape(here, line), cast(value, dtype=input.dtype) if value.dtype is not input.dtype else value, input)


def index_put(input: Tensor, indices: Sequence[Tensor], values: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with `values` (broadcast) at input[indices]; `accumulate` adds instead, and several at one place add
    up."""
    at = tuple(slice(None) if i is None else i for i in indices)
    basic, spec, tensors = parse(tensor_of("index_put", input), at)
    tensor_of("index_put", values, "values")
    if values.dtype is not input.dtype:
        raise DTypeError(
            f"index_put: values must be of the input's type {input.dtype!r}, got {values.dtype!r}. Hint: .to(dtype)"
        )
    if not accumulate and is_whole(basic):
        return setitem_op(input, values, *tensors, spec=spec)
    if not accumulate:  # a 0-d index names a view
        out = clone(input)
        setitem(out, at, values)
        return out
    places = reshape(arange(input.numel(), device=input.device), input.shape)[at]
    added = index_add_op(flatten(expand(values, places.shape)), flatten(places), n=input.numel(), dim=0)
    return input + reshape(added, input.shape)


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """`input` with `source` at the flat positions `index`; `accumulate` adds instead."""
    if index.numel() != source.numel():
        raise ShapeError(
            f"put: index and source must have as many elements, got {tuple(index.shape)} and {tuple(source.shape)}"
        )
    return reshape(index_put(flatten(input), [flatten(index)], flatten(source), accumulate), input.shape)


def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at the flat positions `index`, in the shape of `index`."""
    if tensor_of("take", index, "index").dtype.name != "int64":
        raise DTypeError(f"take: index must be int64, got {index.dtype!r}. Hint: .long()")
    flat = flatten(tensor_of("take", input))
    at = nonnegative(in_range("take", flatten(index), flat.shape[0], 0), flat.shape[0])
    return reshape(getitem(flat, at), index.shape)


# -- masks -----------------------------------------------------------------------------------------------------------


def _mask(who: str, mask: Tensor) -> Tensor:
    if tensor_of(who, mask, "mask").dtype.kind != "bool":
        raise DTypeError(f"{who}: mask must be boolean, got {mask.dtype!r}. Hint: mask != 0")
    return mask


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """`input` with `value` (a number or a 0-d tensor) where the mask, broadcast, is true."""
    if not isinstance(value, (Tensor, Number)):
        raise TypeError(f"masked_fill: value must be a number or a 0-d tensor, got {type(value).__name__}")
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError(f"masked_fill: value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    if isinstance(value, Tensor) and value.dtype.is_complex and not input.dtype.is_complex:
        value = value.item() if value.item().imag else value.real
    if isinstance(value, Tensor):
        value = cast(value, dtype=input.dtype) if value.dtype is not input.dtype else value
    else:
        value = held("masked_fill", value, tensor_of("masked_fill", input).dtype)
    return where(_mask("masked_fill", mask), value, tensor_of("masked_fill", input))


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, as a vector; input and mask broadcast."""
    shape = broadcast_shapes(tensor_of("masked_select", input).shape, _mask("masked_select", mask).shape)
    x, mask = (t if tuple(t.shape) == shape else expand(t, shape) for t in (input, mask))
    return getitem(x, mask)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with the elements of `source`, in order, where the mask is true."""
    shape = broadcast_shapes(tensor_of("masked_scatter", input).shape, _mask("masked_scatter", mask).shape)
    mask = expand(mask, shape)
    if tensor_of("masked_scatter", source, "source").dtype is not input.dtype:
        raise DTypeError(f"masked_scatter: source must be of the input's type {input.dtype!r}, got {source.dtype!r}")
    need = int(mask.sum().item())
    if source.numel() < need:
        raise ShapeError(f"masked_scatter: the mask names {need} elements, the source of shape {tuple(source.shape)} has fewer")
    return setitem_op(expand(input, shape), flatten(source)[:need], mask, spec=(ARRAY,))
