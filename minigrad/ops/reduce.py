"""Reductions over dimensions: sums and means, extremes and where they are, running sums."""

from __future__ import annotations

import math
from typing import Any

from ..backends import DTypeError, dtype_of, in_single, is_complex
from ..backends import dtype as as_dtype
from ..core import Tensor, op
from .arithmetic import cast, clone, expand, maximum, minimum, ordered, where
from .elementwise import exp, sqrt
from .index import gather
from .operands import also, axes, axis, numpy_names, tensor_of
from .results import EXTREMES
from .shape import cat_op, flip_op, reshape, reshape_op


def spread(g: Any, shape: tuple, dim: tuple, keepdim: bool) -> Any:
    """g of a reduction laid out again over the input's shape."""
    kept = tuple(1 if d in dim else n for d, n in enumerate(shape))
    return expand(g if keepdim else reshape_op(g, shape=kept), shape=tuple(shape))


def count(shape: tuple, dim: tuple) -> int:
    """How many elements each result of a reduction is made of."""
    return math.prod(shape[d] for d in dim)


@op("linear", name="sum")
def sum_op(b, x, *, dim, keepdim=False, quick=False):
    """y = sum of x over the dimensions `dim`; `quick`: by a product with ones, whose rounding errors grow faster"""
    xp = b.xp
    if quick and not keepdim and x.ndim == 2 and dim[-1] == 1 and dtype_of(x).name in ("float32", "float64"):
        x, dim = xp.matmul(x, xp.ones(x.shape[1], dtype=x.dtype)), dim[:-1]
    return xp.sum(x, axis=dim, keepdims=keepdim, dtype=x.dtype)


@op("linear", name="mean")
def mean_op(b, x, *, dim, keepdim=False):
    """y = sum of x over `dim` / n, n the number of elements averaged"""
    return b.mean(x, dim, keepdim)


@op("general", name="var")
def var_op(b, x, *, dim, correction=1.0, keepdim=False):
    """y = sum of (x - mean)^2 over `dim` / (n - correction), in two passes"""
    xp, size = b.xp, count(x.shape, dim)
    centred = x - xp.mean(x, axis=dim, keepdims=True)
    left = xp.mean(centred, axis=dim, keepdims=True) if centred.size else centred  # what rounding left of the mean
    centred *= centred
    total = xp.sum(centred, axis=dim, keepdims=True)
    if centred.size and xp.any(size * left * left > xp.finfo(x.dtype).eps / 8 * total):  # far from zero it counts
        centred = x - xp.mean(x, axis=dim, keepdims=True) - left
        total = xp.sum(centred * centred, axis=dim, keepdims=True)
    total = total if keepdim else xp.squeeze(total, axis=dim)
    n = size - correction
    return total / n if n > 0 else total / xp.zeros_like(total)


@op("general", name="prod")
def prod_op(b, x, *, dim, keepdim=False):
    """y = product of x along `dim`"""
    return b.xp.prod(x, axis=dim, keepdims=keepdim, dtype=x.dtype)


@op("general", name="amax")
def amax_op(b, x, *, dim, keepdim=False):
    """y = the largest of x over `dim`. Equal largest elements share the gradient evenly."""
    return b.xp.max(ordered(x), axis=dim, keepdims=keepdim)


@op("general", name="amin")
def amin_op(b, x, *, dim, keepdim=False):
    """y = the smallest of x over `dim`. Equal smallest elements share the gradient evenly."""
    return b.xp.min(ordered(x), axis=dim, keepdims=keepdim)


@op("general", name="logsumexp", floats=True)
def logsumexp_op(b, x, *, dim, keepdim=False):
    """y = ln sum of e^x over `dim`, with the largest x taken out first so that nothing overflows"""
    xp = b.xp
    if not count(x.shape, dim):
        return -xp.inf + xp.sum(x, axis=dim, keepdims=keepdim)  # of nothing
    top = xp.max(xp.real(x) if is_complex(x) else x, axis=dim, keepdims=True)
    safe = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    y = xp.log(xp.sum(xp.exp(x - safe), axis=dim, keepdims=True)) + safe
    return y if keepdim else xp.reshape(y, tuple(n for d, n in enumerate(x.shape) if d not in dim))


@op("general", name="argmax")
def argmax_op(b, x, *, dim, keepdim=False):
    """The index of the largest element along `dim` (the first of equals, the first NaN if there is one)"""
    return b.xp.argmax(ordered(x), axis=dim, keepdims=keepdim)


@op("general", name="argmin")
def argmin_op(b, x, *, dim, keepdim=False):
    """The index of the smallest element along `dim` (the first of equals, the first NaN if there is one)"""
    return b.xp.argmin(ordered(x), axis=dim, keepdims=keepdim)


@op("general", name="all")
def all_op(b, x, *, dim, keepdim=False):
    """Whether every element over `dim` is non-zero"""
    return b.xp.all(x, axis=dim, keepdims=keepdim)


@op("general", name="any")
def any_op(b, x, *, dim, keepdim=False):
    """Whether some element over `dim` is non-zero"""
    return b.xp.any(x, axis=dim, keepdims=keepdim)


@op("linear", name="cumsum")
def cumsum_op(b, x, *, dim):
    """y_i = x_0 + ... + x_i along `dim`"""
    return b.xp.cumulative_sum(x, axis=dim, dtype=x.dtype)


sum_op.vjp(x=lambda g, x_shape, dim, keepdim: spread(g, x_shape, dim, keepdim))
mean_op.vjp(x=lambda g, x_shape, dim, keepdim: spread(g * (1.0 / (count(x_shape, dim) or 1)), x_shape, dim, keepdim))
var_op.vjp(
    x=lambda g, x, dim, correction, keepdim: (
        spread(g, x.shape, dim, keepdim)
        * (x - mean_op(x, dim=dim, keepdim=True))
        * (2.0 / (count(x.shape, dim) - correction) if count(x.shape, dim) > correction else math.nan)
    )
)
prod_op.vjp(x=lambda g, x, dim, keepdim: spread(g, x.shape, (dim,), keepdim) * product_of_others(x, dim))
amax_op.vjp(x=lambda g, y, x, dim, keepdim: shared_among(g, y, x, dim, keepdim))
amin_op.vjp(x=lambda g, y, x, dim, keepdim: shared_among(g, y, x, dim, keepdim))
logsumexp_op.vjp(
    x=lambda g, y, x, dim, keepdim: spread(g, x.shape, dim, keepdim) * exp(x - finite(spread(y, x.shape, dim, keepdim)))
)
cumsum_op.vjp(x=lambda g, dim: flip_op(cumsum_op(flip_op(g, dims=(dim,)), dim=dim), dims=(dim,)))


def product_of_others(x: Any, dim: int) -> Any:
    """For each element the product of all others along `dim`: running products from both ends, so zeros are no trouble."""
    n = x.shape[dim]
    before: list[Any] = [None] * n
    after: list[Any] = [None] * n
    for i in range(1, n):
        before[i] = one(x, dim, i - 1) if before[i - 1] is None else before[i - 1] * one(x, dim, i - 1)
        j = n - 1 - i
        after[j] = one(x, dim, j + 1) if after[j + 1] is None else after[j + 1] * one(x, dim, j + 1)
    if n < 2:
        return x * 0.0 + 1.0
    return cat_op(*[q if p is None else p if q is None else p * q for p, q in zip(before, after, strict=True)], dim=dim)


def one(x: Any, dim: int, i: int) -> Any:
    """The i-th slice along `dim`, with the dimension kept."""
    return x[(*(slice(None),) * dim, slice(i, i + 1), ...)]


def shared_among(g: Any, y: Any, x: Any, dim: tuple, keepdim: bool) -> Any:
    """g for every element equal to the extreme y, divided by how many there are."""
    best = where(x == spread(y, x.shape, dim, keepdim), 1.0, 0.0 * spread(g, x.shape, dim, keepdim))
    return spread(g, x.shape, dim, keepdim) * (best / sum_op(best, dim=dim, keepdim=True))


def finite(y: Any) -> Any:
    """y with -inf as 0: where all of x is -inf, e^(x - y) is 0 and not NaN."""
    return where(y == -math.inf, 0.0, y)


# -- what users call -----------------------------------------------------------------------------------------------------


def _ready(who: str, x: Tensor, dim: Any, dtype: Any, widen: bool = False) -> tuple[Tensor, tuple]:
    """The input in the type to reduce in, and the dimensions."""
    dims = axes(who, dim, tensor_of(who, x).ndim)
    if dtype is not None:
        x = x if x.dtype is as_dtype(dtype) else cast(x, dtype=as_dtype(dtype))
    elif widen and x.dtype.kind in ("bool", "int"):
        x = x if x.dtype.name == "int64" else cast(x, dtype="int64")
    return x, dims


@numpy_names
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` (all if None). Integers and booleans add up in int64."""
    x, dims = _ready("sum", input, dim, dtype, widen=True)
    return sum_op(x, dim=dims, keepdim=keepdim)


def _floating(who: str, x: Tensor) -> None:
    if x.dtype.kind in ("bool", "int"):
        raise DTypeError(f"{who}: expected a floating tensor, got {x.dtype!r}. Hint: .float() or dtype=")


@numpy_names
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over `dim` (all if None) of a floating tensor; NaN over no elements."""
    x, dims = _ready("mean", input, dim, dtype)
    _floating("mean", x)
    return mean_op(x, dim=dims, keepdim=keepdim)


def _correction(unbiased: Any, correction: Any) -> float:
    if unbiased is not None and not isinstance(unbiased, bool):
        raise TypeError(f"var: unbiased must be True or False, got {type(unbiased).__name__}. Hint: correction=, or dim=(0, 1)")
    return float(unbiased) if unbiased is not None else 1.0 if correction is None else float(correction)


@numpy_names
def var(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """sum (x - mean)^2 / (n - correction) over `dim`; correction 1 (the unbiased estimate) unless told otherwise."""
    if isinstance(dim, bool):  # PyTorch's var(input, unbiased)
        dim, unbiased = None, dim
    x, dims = _ready("var", input, dim, None)
    _floating("var", x)
    n = _correction(unbiased, correction)
    if x.dtype.is_complex:
        a, c = (var_op(part, dim=dims, correction=n, keepdim=keepdim) for part in (x.real, x.imag))
        return a + c
    return var_op(x, dim=dims, correction=n, keepdim=keepdim)


@numpy_names
def std(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> Tensor:
    """The square root of `var`. The slope where it is 0 is 0, as in PyTorch."""
    if tensor_of("std", input).dtype.name == "float16":  # the variance may overflow
        return cast(std(cast(input, dtype="float32"), dim, unbiased, keepdim, correction=correction), dtype="float16")
    v = var(input, dim, unbiased, keepdim, correction=correction)
    nought = v == 0
    return where(nought, 0.0, sqrt(where(nought, 1.0, v)))


@numpy_names
def var_mean(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """(`var`, `mean`) over `dim`."""
    all_dims = isinstance(dim, bool)
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, None if all_dims else dim, keepdim)


@numpy_names
def std_mean(
    input: Tensor, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """(`std`, `mean`) over `dim`."""
    all_dims = isinstance(dim, bool)
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, None if all_dims else dim, keepdim)


@numpy_names
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product along `dim`, or of all elements."""
    x, _ = _ready("prod", input, None, dtype, widen=True)
    if dim is None:
        return prod_op(reshape(x, -1), dim=0)
    d = axis("prod", dim, x.ndim)
    return prod_op(x, dim=d, keepdim=keepdim) if x.ndim else clone(x)


def _some(who: str, x: Tensor, dims: tuple) -> tuple:
    if not x.array.size and not count(x.shape, dims):
        raise IndexError(f"{who}: expected a non-empty dimension to reduce, got shape {tuple(x.shape)}")
    return dims


@numpy_names
def amax(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The largest element over `dim`; equal ones share the gradient evenly."""
    return amax_op(input, dim=_some("amax", input, axes("amax", dim, tensor_of("amax", input).ndim)), keepdim=keepdim)


@numpy_names
def amin(input: Tensor, dim: Any = (), keepdim: bool = False) -> Tensor:
    """The smallest element over `dim`; equal ones share the gradient evenly."""
    return amin_op(input, dim=_some("amin", input, axes("amin", dim, tensor_of("amin", input).ndim)), keepdim=keepdim)


def _extreme(who: str, whole: Any, at: Any, both: Any, x: Tensor, dim: Any, keepdim: bool) -> Any:
    tensor_of(who, x)
    if isinstance(dim, Tensor):
        return both(x, dim)
    if dim is None:
        return whole(x, dim=_some(who, x, axes(who, None, x.ndim)))
    d = axis(who, dim, x.ndim)
    if not x.ndim:
        return EXTREMES[who](clone(x), argmax_op(reshape_op(x, shape=(1,)), dim=0))
    _some(who, x, (d,))
    index = at(x, dim=d, keepdim=True)
    values = gather(x, d, index)
    if not keepdim:
        shape = tuple(n for k, n in enumerate(x.shape) if k != d)
        values, index = reshape_op(values, shape=shape), reshape_op(index, shape=shape)
    return EXTREMES[who](values, index)


@also(other="dim")
@numpy_names
def max(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """max(x): the largest element (equal ones share the gradient). max(x, dim): (values, indices), the gradient going to
    the element at the index. max(x, other): `maximum`."""
    return _extreme("max", amax_op, argmax_op, maximum, input, dim, keepdim)


@also(other="dim")
@numpy_names
def min(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """min(x): the smallest element. min(x, dim): (values, indices). min(x, other): `minimum`."""
    return _extreme("min", amin_op, argmin_op, minimum, input, dim, keepdim)


def _arg(who: str, at: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    tensor_of(who, x)
    x = cast(x, dtype="uint8") if x.dtype.kind == "bool" else x
    if dim is None:
        _some(who, x, axes(who, None, x.ndim))
        y = at(reshape(x, -1), dim=0)
        return reshape_op(y, shape=(1,) * x.ndim) if keepdim else y
    if not x.ndim:
        axis(who, dim, 0)
        return at(reshape_op(x, shape=(1,)), dim=0)
    d = axis(who, dim, x.ndim)
    return at(x, dim=_some(who, x, (d,))[0], keepdim=keepdim)


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest element along `dim`, or in the flattened tensor; the first of equals."""
    return _arg("argmax", argmax_op, input, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest element along `dim`, or in the flattened tensor; the first of equals."""
    return _arg("argmin", argmin_op, input, dim, keepdim)


@numpy_names
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether every element over `dim` is non-zero; dim=() reduces nothing, as in PyTorch."""
    return _told("all", all_op, input, dim, keepdim)


@numpy_names
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether some element over `dim` is non-zero; dim=() reduces nothing, as in PyTorch."""
    return _told("any", any_op, input, dim, keepdim)


def _told(who: str, reduction: Any, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """Booleans, but uint8 for uint8, as in PyTorch."""
    y = reduction(tensor_of(who, x), dim=() if dim == () else axes(who, dim, x.ndim), keepdim=keepdim)
    return cast(y, dtype="uint8") if x.dtype.name == "uint8" else y


@numpy_names
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """ln sum e^x over `dim`, without overflow."""
    return logsumexp_op(input, dim=axes("logsumexp", dim, tensor_of("logsumexp", input).ndim), keepdim=keepdim)


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """y_i = x_0 + ... + x_i along `dim`. Integers and booleans add up in int64."""
    x, _ = _ready("cumsum", input, None, dtype, widen=True)
    d = axis("cumsum", dim, x.ndim)
    return cumsum_op(x, dim=d) if x.ndim else clone(x)


@op("general", name="norm")
def norm_op(b, x, *, dim, keepdim=False):
    """y = sqrt sum x^2 over `dim`, without overflow or underflow; the slope at 0 is 0"""
    xp, limits = b.xp, b.xp.finfo(x.dtype)
    total = xp.sum(x * x, axis=dim, keepdims=keepdim)
    if not x.size or not xp.any((total == xp.inf) | (total < limits.smallest_normal / limits.eps)):
        return xp.sqrt(total)
    top = xp.max(xp.abs(x), axis=dim, keepdims=True)
    top = xp.where((top == 0) | ~xp.isfinite(top), xp.ones_like(top), top)
    share = x / top
    return xp.reshape(top, total.shape) * xp.sqrt(xp.sum(share * share, axis=dim, keepdims=keepdim))


for each in (sum_op, mean_op, var_op, prod_op, logsumexp_op, cumsum_op, norm_op):
    each.kernel = in_single(each.kernel)

norm_op.vjp(x=lambda g, y, x, dim, keepdim: x * spread(g / where(y == 0, 1.0, y), x.shape, dim, keepdim))
