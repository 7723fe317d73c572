"""Order and counting: sorting, ranks, quantiles, running extremes, search, sets. Values take gradients, positions
none."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..backends import DTypeError, ShapeError
from ..backends import dtype as as_dtype
from ..core import Tensor, op
from .arithmetic import cast, ordered, where
from .compare import isnan
from .create import arange, full, tensor, zeros
from .elementwise import floor
from .index import gather_op, index_add_op
from .operands import axes, axis, common_type, number, numpy_names, tensor_of
from .reduce import amax_op, amin_op, any_op, sum, sum_op
from .results import EXTREMES, extreme, returned
from .shape import cat, expand, flatten, movedim, narrow, reshape, reshape_op, squeeze, unsqueeze


@op("general", name="argsort")
def argsort_op(b, x, *, dim, descending=False):
    """The positions along `dim` in the order of their values; equal ones stay in order, NaN counts as the largest"""
    return b.argsort(ordered(x), dim, descending)


@op("general", name="cummax_places")
def cummax_places_op(b, x, *, dim):
    """The position of the largest of x_0 ... x_i along `dim`: the last of equals, the last NaN if there is one"""
    return b.running_places(ordered(x), dim, "maximum")


@op("general", name="cummin_places")
def cummin_places_op(b, x, *, dim):
    """The position of the smallest of x_0 ... x_i along `dim`: the last of equals, the last NaN if there is one"""
    return b.running_places(ordered(x), dim, "minimum")


@op("general", name="searchsorted")
def searchsorted_op(b, line, values, *, right=False):
    """How many of each row's ascending numbers are < the value (<= if `right`); (..., n), (..., m) -> (..., m)"""
    return b.searchsorted(line, values, right)


@op("general", name="nonzero")
def nonzero_op(b, x):
    """The positions of the non-zero elements, one a row: (count, ndim)"""
    return b.xp.stack(b.xp.nonzero(x), axis=1)


# -- sorting ---------------------------------------------------------------------------------------------------------


def _line(who: str, x: Tensor, dim: int) -> tuple[Tensor, int]:
    """The input with at least one dimension, and the dimension as a non-negative int."""
    d = axis(who, dim, tensor_of(who, x).ndim)
    return (x if x.ndim else reshape_op(x, shape=(1,))), d


def _ranks(x: Tensor, d: int, descending: bool = False) -> Tensor:
    return argsort_op(cast(x, dtype="uint8") if x.dtype.kind == "bool" else x, dim=d, descending=descending)


def _picked(who: str, x: Tensor, index: Tensor, d: int, shape: Any = None) -> extreme:
    """(values, indices), the values taken from x so that their gradients go there."""
    values = gather_op(x, index, dim=d)
    return EXTREMES[who](*(t if shape is None else reshape_op(t, shape=tuple(shape)) for t in (values, index)))


@numpy_names
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> extreme:
    """(values, indices) in order along `dim`. Equal elements always stay in order; NaN counts as the largest."""
    x, d = _line("sort", input, dim)
    return _picked("sort", x, _ranks(x, d, descending), d, input.shape)


@numpy_names
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The positions along `dim` in the order of their values."""
    return sort(input, dim, descending).indices


def msort(input: Tensor) -> Tensor:
    """The values in ascending order along dimension 0."""
    return sort(input, 0).values


@numpy_names
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> extreme:
    """(values, indices) of the k largest (or smallest) along `dim`, best first. Raises if there are fewer than k."""
    x, d = _line("topk", input, dim)
    if not 0 <= k <= x.shape[d]:
        raise ShapeError(
            f"topk: k must be 0 ... {x.shape[d]}, the size of dimension {d} of shape {tuple(input.shape)}, got {k}"
        )
    return _picked("topk", x, narrow(_ranks(x, d, largest), d, 0, k), d, None if input.ndim else ())


def _at_rank(who: str, x: Tensor, ranks: Tensor, place: Any, d: int, keepdim: bool, scalar: bool) -> extreme:
    """The element at one place (an int, or a tensor of one place a row) of the order along d."""
    at = narrow(ranks, d, place, 1) if isinstance(place, int) else gather_op(ranks, place, dim=d)
    shape = tuple(n for k, n in enumerate(at.shape) if k != d) if not keepdim or scalar else tuple(at.shape)
    return _picked(who, x, at, d, () if scalar else shape)


@numpy_names
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> extreme:
    """(value, index) of the k-th smallest along `dim`, k counted from 1. The gradient goes to the element at the
    index."""
    x, d = _line("kthvalue", input, dim)
    if not 1 <= k <= x.shape[d]:
        raise ShapeError(
            f"kthvalue: k must be 1 ... {x.shape[d]}, the size of dimension {d} of shape {tuple(input.shape)}, got {k}"
        )
    return _at_rank("kthvalue", x, _ranks(x, d), number(k) - 1, d, keepdim, not input.ndim)


@numpy_names
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two; with `dim` (values, indices). NaN if there is one.

    Equal elements share the gradient of the whole median; with `dim` it goes to the element at the index.
    """
    return _median("median", input, dim, keepdim, False)


@numpy_names
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not NaN."""
    return _median("nanmedian", input, dim, keepdim, True)


def _median(who: str, input: Tensor, dim: int | None, keepdim: bool, skip: bool) -> Any:
    if dim is None:
        x = flatten(tensor_of(who, input))
        if not x.shape[0]:
            return sum(x) * math.nan
        value = _median(who, x.detach(), 0, False, skip).values
        if not x.dtype.is_floating_point:
            return value
        broken = isnan(x)
        share = sum(where(broken, x, 0.0)) / sum(broken).clamp(min=1)
        return where(isnan(value), share, amax_op(where(x == value, x, -math.inf), dim=(0,)))
    x, d = _line(who, input, dim)
    n = x.shape[d]
    if not n:
        raise IndexError(f"{who}: expected a non-empty dimension to reduce, got shape {tuple(input.shape)}")
    broken = isnan(x).sum(d, keepdim=True)  # NaN comes last in the order
    if skip:
        place = (n - broken - 1).clamp(min=0) // 2
    else:
        place = where(broken > 0, n - broken, (n - 1) // 2)  # the first NaN, if there is one
    return _at_rank(who, x, _ranks(x, d), place, d, keepdim, not input.ndim)


@numpy_names
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> extreme:
    """(values, indices) of the most frequent element along `dim`, the smallest of several; the index is its last
    place."""
    x, d = _line("mode", input, dim)
    n = x.shape[d]
    if not n:
        raise IndexError(f"mode: expected a non-empty dimension to reduce, got shape {tuple(input.shape)}")
    ranks = _ranks(x, d)
    inorder = gather_op(x.detach(), ranks, dim=d)
    counts = sum_op(cast(unsqueeze(inorder, d) == unsqueeze(inorder, d + 1), dtype="int64"), dim=(d,))
    first = counts.argmax(d, keepdim=True)
    return _at_rank("mode", x, ranks, first + gather_op(counts, first, dim=d) - 1, d, keepdim, not input.ndim)


@numpy_names
def quantile(input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Tensor:
    """The q-quantiles along `dim` (of all elements if None), interpolated between neighbours in the order.

    `interpolation`: linear, lower, higher, midpoint or nearest. NaN if there is one. q (a number or a vector, 0 ...
    1) adds
    a leading dimension if it is a vector.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@numpy_names
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """`quantile` of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def _quantile(who: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, how: str, skip: bool) -> Tensor:
    if not tensor_of(who, input).dtype.is_floating_point:
        raise DTypeError(f"{who}: expected a floating tensor, got {input.dtype!r}. Hint: .float()")
    if how not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise ValueError(f"{who}: interpolation must be linear, lower, higher, midpoint or nearest, got {how!r}")
    if not input.array.size:
        raise ShapeError(f"{who}: expected a non-empty tensor, got shape {tuple(input.shape)}")
    q = q if isinstance(q, Tensor) else tensor(q, dtype=input.dtype, device=input.device)
    if q.ndim > 1:
        raise ShapeError(f"{who}: q must be a number or a vector, got shape {tuple(q.shape)}")
    if q.dtype is not input.dtype:
        raise DTypeError(f"{who}: q must be of the input's type {input.dtype!r}, got {q.dtype!r}")
    if q.array.size and not bool(((q >= 0) & (q <= 1)).all()):
        raise ValueError(f"{who}: q must lie in 0 ... 1, got {q.tolist()}")
    d = 0 if dim is None else axis(who, dim, input.ndim)
    x = flatten(input) if dim is None or not input.ndim else input
    x = movedim(sort(x, d).values, d, -1)  # (..., n)
    broken = isnan(x).sum(-1, keepdim=True)  # (..., 1)
    last = (x.shape[-1] - broken).clamp(min=1) - 1 if skip else expand(tensor(x.shape[-1] - 1, device=x.device), broken.shape)
    at = flatten(q.detach()) * last  # (..., Q)
    at = at if skip else where(broken > 0, cast(last, dtype=at.dtype), at)
    low = {"higher": at.ceil(), "nearest": at.round()}.get(how, floor(at))
    y = gather_op(x, low.long(), dim=x.ndim - 1)
    if how in ("linear", "midpoint"):
        above = gather_op(x, at.ceil().long(), dim=x.ndim - 1)
        weight = 0.5 * cast(at.ceil() - low > 0, dtype=x.dtype) if how == "midpoint" else flatten(q) * last - low
        y = y + (above - y) * where(broken > 0, 0.0, weight) if not skip else y + (above - y) * weight
    if keepdim:
        y = unsqueeze(y, 0).movedim(-1, 0)
        shape = (1,) * input.ndim if dim is None else tuple(1 if k == d else n for k, n in enumerate(input.shape))
        y = reshape(y, (q.numel(), *shape))
    else:
        y = movedim(y, -1, 0)
    return y if q.ndim else squeeze(y, 0)


@numpy_names
def cummax(input: Tensor, dim: int) -> extreme:
    """(values, indices) of the largest so far along `dim`; the index of the last of equals, where the gradient goes."""
    x, d = _line("cummax", input, dim)
    return _picked("cummax", x, cummax_places_op(_ordered(x), dim=d), d, input.shape)


@numpy_names
def cummin(input: Tensor, dim: int) -> extreme:
    """(values, indices) of the smallest so far along `dim`; the index of the last of equals, where the gradient
    goes."""
    x, d = _line("cummin", input, dim)
    return _picked("cummin", x, cummin_places_op(_ordered(x), dim=d), d, input.shape)


def _ordered(x: Tensor) -> Tensor:
    """Booleans as numbers, which have an order."""
    return cast(x, dtype="uint8") if x.dtype.kind == "bool" else x


@returned("aminmax")
class aminmax_result(NamedTuple):
    """What `aminmax` returns."""

    min: Tensor
    max: Tensor


@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> aminmax_result:
    """(smallest, largest) along `dim` or of all; equal ones share the gradient."""
    dims = axes("aminmax", dim, tensor_of("aminmax", input).ndim)
    if not all(input.shape[d] for d in dims):
        raise ShapeError(f"aminmax: expected a non-empty dimension to reduce, got shape {tuple(input.shape)}")
    return aminmax_result(amin_op(input, dim=dims, keepdim=keepdim), amax_op(input, dim=dims, keepdim=keepdim))


# -- search and sets -------------------------------------------------------------------------------------------------


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Where each value of `input` would go into the ascending `sorted_sequence`: before its equals, after them if
    `right`.

    A vector serves all values; otherwise all dimensions but the last must agree. `sorter` gives the order of an
    unsorted
    sequence.
    """
    line = tensor_of("searchsorted", sorted_sequence, "sorted_sequence")
    values = input if isinstance(input, Tensor) else tensor(input, device=line.device)
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ValueError(f"searchsorted: side must be 'left' or 'right' and agree with right={right}, got {side!r}")
    if line.ndim != 1 and tuple(line.shape[:-1]) != tuple(values.shape[:-1]):
        raise ShapeError(
            f"searchsorted: expected a vector or equal leading sizes, got {tuple(line.shape)} and {tuple(values.shape)}"
        )
    if sorter is not None:
        line = gather_op(line, sorter, dim=line.ndim - 1)
    wide = values.shape if line.ndim > 1 else (values.numel(),)
    common = common_type((line, values))
    line, values = (x.detach() if x.dtype is common else cast(x, dtype=common).detach() for x in (line, values))
    y = searchsorted_op(line, reshape(values, wide), right=right or side == "right")
    return cast(reshape(y, values.shape), dtype="int32" if out_int32 else "int64")


def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket between ascending `boundaries` that each value falls into, as in `searchsorted`."""
    if tensor_of("bucketize", boundaries, "boundaries").ndim != 1:
        raise ShapeError(f"bucketize: boundaries must be a vector, got shape {tuple(boundaries.shape)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@numpy_names
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different elements (or slices along `dim`) in ascending order; also where each element's value stands among
    them, and how often each occurs, if asked for. No gradient."""
    tensor_of("unique", input)
    lines = reshape(input.detach(), (-1, 1)) if dim is None else _as_lines("unique", input.detach(), dim)
    order = arange(lines.shape[0], device=input.device)
    for column in reversed(range(lines.shape[1])):  # a stable sort by the last column first leaves rows in order
        order = order[_ranks(lines[:, column][order], 0)]
    rows, run = _runs(lines[order])
    inverse = _scattered(run, order)
    return _unique_answer(input, rows, inverse, run, dim, return_inverse, return_counts)


@numpy_names
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """`unique` of each run of equal neighbours: only repetitions next to each other are dropped."""
    tensor_of("unique_consecutive", input)
    lines = reshape(input.detach(), (-1, 1)) if dim is None else _as_lines("unique_consecutive", input.detach(), dim)
    rows, run = _runs(lines)
    return _unique_answer(input, rows, run, run, dim, return_inverse, return_counts)


def _as_lines(who: str, x: Tensor, dim: int) -> Tensor:
    first = movedim(x, axis(who, dim, x.ndim), 0)
    return reshape(first, (first.shape[0], math.prod(first.shape[1:])))


def _runs(lines: Tensor) -> tuple[Tensor, Tensor]:
    """The first of each run of equal rows, and the number of the run that each row is in."""
    if not lines.shape[0]:
        return lines, zeros(0, dtype="int64", device=lines.device)
    new = any_op(lines[1:] != lines[:-1], dim=(1,))
    new = cat([full((1,), True, device=lines.device), new])
    return lines[new], cast(new, dtype="int64").cumsum(0) - 1


def _scattered(values: Tensor, order: Tensor) -> Tensor:
    """values, taken in `order`, back in their old places."""
    return index_add_op(values, order, n=order.shape[0], dim=0)


def _unique_answer(
    input: Tensor, rows: Tensor, inverse: Tensor, run: Tensor, dim: int | None, with_inverse: bool, with_counts: bool
) -> Any:
    if dim is None:
        out, inverse = flatten(rows), reshape(inverse, input.shape)
    else:
        d = axis("unique", dim, input.ndim)
        shape = (rows.shape[0], *(n for k, n in enumerate(input.shape) if k != d))
        out = movedim(reshape(rows, shape), 0, d)
    counts = bincount(run, minlength=rows.shape[0])
    more = ([inverse] if with_inverse else []) + ([counts] if with_counts else [])
    return (out, *more) if more else out


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2 ... occurs in a vector of integers, or the sum of its `weights`."""
    if tensor_of("bincount", input).ndim != 1 or input.dtype.kind != "int":
        raise ShapeError(f"bincount: expected a vector of integers >= 0, got {input.dtype!r} of shape {tuple(input.shape)}")
    if minlength < 0:
        raise ShapeError(f"bincount: minlength must be >= 0, got {minlength}")
    if weights is not None and tuple(weights.shape) != tuple(input.shape):
        raise ShapeError(f"bincount: weights must have the input's shape {tuple(input.shape)}, got {tuple(weights.shape)}")
    if input.shape[0] and int(input.min().item()) < 0:
        raise ShapeError(f"bincount: expected integers >= 0, got {input.min().item()}")
    n = max(minlength, int(input.max().item()) + 1 if input.shape[0] else 0)
    if weights is None:
        weights = full((input.shape[0],), 1, device=input.device)
    elif weights.dtype.name != "float32":
        weights = weights.double()
    return index_add_op(weights.detach(), input.long(), n=n, dim=0)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of `bins` equal cells from `min` to `max` (the input's own range if both are
    0)."""
    if bins < 1 or min > max:
        raise ShapeError(f"histc: expected bins >= 1 and min <= max, got {bins}, {min} and {max}")
    if not tensor_of("histc", input).dtype.is_floating_point:
        raise DTypeError(f"histc: expected a floating tensor, got {input.dtype!r}. Hint: .float()")
    x = flatten(input.detach())
    if min == max and x.shape[0]:
        min, max = x.min().item(), x.max().item()
    if min == max:
        min, max = min - 1, max + 1
    if not (math.isfinite(min) and math.isfinite(max)):
        raise ShapeError(f"histc: the range [{min}, {max}] is not finite")
    x = x[(x >= min) & (x <= max)]
    cell = floor((x - min) * (bins / (max - min))).long().clamp(max=bins - 1)
    return cast(bincount(cell, minlength=bins), dtype=input.dtype)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """For each of `elements` whether it is among `test_elements` (not among them if `invert`)."""
    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError("isin: elements or test_elements must be a tensor, got two numbers")
    x = elements if isinstance(elements, Tensor) else tensor(elements, device=test_elements.device)
    pool = test_elements if isinstance(test_elements, Tensor) else tensor(test_elements, device=x.device)
    found = any_op(unsqueeze(x, -1) == flatten(pool), dim=(x.ndim,))
    return ~found if invert else found


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the non-zero elements, one a row: (count, ndim); as a tuple of one vector a dimension if
    asked."""
    x = tensor_of("nonzero", input).detach()
    if as_tuple:
        x = x if x.ndim else reshape_op(x, shape=(1,))
        return tuple(nonzero_op(x)[:, d] for d in range(x.ndim))
    return nonzero_op(x) if x.ndim else zeros(int(bool(x)), 0, dtype="int64", device=x.device)


def argwhere(input: Tensor) -> Tensor:
    """The positions of the non-zero elements, one a row."""
    return nonzero(input)


@numpy_names
def count_nonzero(input: Tensor, dim: Any = None) -> Tensor:
    """How many elements over `dim` are not zero."""
    return sum(tensor_of("count_nonzero", input) != 0, dim)


@numpy_names
def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` with NaN as 0; NaN elements have the slope 0."""
    x = tensor_of("nansum", input)
    return sum(where(isnan(x), 0.0, x) if x.dtype.is_floating_point else x, dim, keepdim, dtype=dtype)


@numpy_names
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over `dim` of the elements that are not NaN."""
    if not tensor_of("nanmean", input).dtype.is_floating_point and dtype is None:
        raise DTypeError(f"nanmean: expected a floating tensor, got {input.dtype!r}. Hint: .float()")
    x = input if dtype is None or input.dtype is as_dtype(dtype) else cast(input, dtype=as_dtype(dtype))
    return nansum(x, dim, keepdim) / cast(sum(~isnan(x), dim, keepdim), dtype=x.dtype)
