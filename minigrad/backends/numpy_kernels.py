"""Kernels in NumPy's own calls, where these beat the reference: indexed writes, random numbers, results written in place."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from . import matrices, reference, special, steps
from .attention import NUMPY_ATTENTION
from .backend import claim
from .numpy_norm import NUMPY_NORM
from .numpy_windows import NUMPY_WINDOWS
from .reference import ARRAY, REFERENCE


def index_add(b: Any, n: int, index: np.ndarray, source: np.ndarray) -> np.ndarray:
    """out[index[i]] += source[i], for n rows."""
    if source.ndim == 1 and source.dtype == np.float64:
        return np.bincount(index, source, minlength=n)
    out = np.zeros((n, *source.shape[1:]), dtype=source.dtype)
    if source.ndim == 1 or source.size < BLOCK or source.dtype.kind != "f":
        np.add.at(out, index, source)
        return out
    order = np.argsort(index, kind="stable")  # rows that meet side by side: their sums take a fraction of the time
    places = index[order]
    starts = np.flatnonzero(np.diff(places, prepend=places[0] - 1))
    out[places[starts]] = np.add.reduceat(source[order], starts, axis=0)
    return out


def take_at(b: Any, x: np.ndarray, index: tuple) -> np.ndarray:
    return x[bare(index)]


def unfold(b: Any, x: np.ndarray, dim: int, size: int, step: int) -> np.ndarray:
    """The windows as a view that can be written."""
    shape = (*x.shape[:dim], (x.shape[dim] - size) // step + 1, *x.shape[dim + 1 :], size)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :], x.strides[dim])
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def bare(index: tuple) -> Any:
    """An index of one mask without the `...` behind it, which would keep NumPy from its faster way."""
    return index[0] if len(index) == 2 and index[1] is Ellipsis and index[0].dtype.kind == "b" else index


def add_at(b: Any, shape: tuple, index: tuple, source: np.ndarray) -> np.ndarray:
    out = np.zeros(shape, dtype=source.dtype)
    arrays = [i for i in index if hasattr(i, "dtype")]
    if len(arrays) == 1 and arrays[0].dtype.kind == "b":
        out[bare(index)] = source  # a mask names no element twice
        return out
    np.add.at(out, index, source)
    return out


def put_at(b: Any, x: np.ndarray, index: tuple, value: Any) -> np.ndarray:
    out = np.array(x)
    out[bare(index)] = value
    return out


def random_uniform(b: Any, generator: Any, shape: tuple, dtype: Any) -> np.ndarray:
    """Uniform on [0, 1) from a NumPy generator, in the type's own resolution."""
    if dtype in (np.float32, np.float64):
        return generator.random(shape, dtype=dtype)
    return generator.random(shape, dtype=np.float32).astype(dtype)


def random_normal(b: Any, generator: Any, shape: tuple, dtype: Any) -> np.ndarray:
    """Standard normal from a NumPy generator, in the type's own resolution."""
    if dtype in (np.float32, np.float64):
        return generator.standard_normal(shape, dtype=dtype)
    return generator.standard_normal(shape, dtype=np.float32).astype(dtype)


def assign_at_(b: Any, x: np.ndarray, value: Any, index: tuple, spec: tuple) -> np.ndarray:
    rest = iter(index)
    x[bare(tuple(next(rest) if item is ARRAY else item for item in spec))] = value
    return x


WHEN_BFLOAT16: list[Callable[[], None]] = []  # what is to be done when the type is first asked for


def bfloat16(b: Any) -> Any:
    """The element type bfloat16, which NumPy takes from the package ml_dtypes."""
    try:
        kind = importlib.import_module("ml_dtypes").bfloat16
    except ImportError:
        raise TypeError("bfloat16: NumPy has none of its own. Hint: pip install ml_dtypes") from None
    claim(b, kind)  # its scalars are this backend's too
    while WHEN_BFLOAT16:
        WHEN_BFLOAT16.pop()()
    return kind


_BITS: dict[Any, Any] = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def where(b: Any, condition: Any, x: Any, other: Any) -> np.ndarray:
    """np.where; keeping an array where a condition holds, and 0 elsewhere, is a product of its bits with 0 or 1."""
    keep, zero, array = (condition, other, x) if isinstance(other, float) else (None, x, other)
    if isinstance(zero, float) and zero == 0 and getattr(array, "shape", None) == condition.shape and array.dtype in _BITS:
        bits = array.view(_BITS[array.dtype])
        return np.multiply(bits, ~condition if keep is None else keep).view(array.dtype)
    return np.where(condition, x, other)


def relu(b: Any, x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0) if x.size < BLOCK // 2 else rectify(x, np.empty_like(x))


def rectify(x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """max(x, 0) into `out`, which may be x. NumPy takes a quarter of the time if the zeros are an array, and not a number."""
    flat, into = x.ravel("K"), out.ravel("K")
    if x.dtype.kind != "f" or flat.base is None or into.base is None or x.strides != out.strides:
        return np.maximum(x, 0, out=out)
    zeros = zeros_of(x.dtype)
    whole = x.size - x.size % BLOCK
    if whole:
        np.maximum(flat[:whole].reshape(-1, BLOCK), zeros, out=into[:whole].reshape(-1, BLOCK))
    if whole < x.size:
        np.maximum(flat[whole:], zeros[: x.size - whole], out=into[whole:])
    return out


@functools.cache
def zeros_of(dtype: Any) -> np.ndarray:
    """As many zeros as stay in the cache."""
    return np.zeros(BLOCK, dtype)


def linear(b: Any, x: np.ndarray, weight: np.ndarray, bias: Any) -> np.ndarray:
    """x weight^T + bias, the bias added in place."""
    y = np.matmul(x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), weight.T)
    if bias is not None:
        y += bias
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], weight.shape[0])


def all_below(b: Any, x: np.ndarray, count: int) -> bool:
    """In one pass: as numbers without a sign, those below 0 are huge."""
    return int(np.maximum.reduce(x.view(UNSIGNED[x.dtype]), axis=None)) < count


UNSIGNED = {np.dtype(f"{kind}{size}"): np.dtype(f"u{size}") for kind in "iu" for size in (1, 2, 4, 8)}


def mean(b: Any, x: np.ndarray, dim: tuple, keepdim: Any) -> np.ndarray:
    if x.dtype.itemsize < 4 or x.dtype.kind != "f" or not x.size:  # NumPy sums these in a wider type
        return b.xp.mean(x, axis=dim, keepdims=keepdim)
    total = np.add.reduce(x, axis=dim, keepdims=keepdim)
    return total / (x.size // max(total.size, 1))


def move_(b: Any, running: np.ndarray, value: np.ndarray, weight: Any, factor: float) -> None:
    running *= 1 - weight
    running += value.reshape(running.shape) * (weight * factor)


def softmax(b: Any, x: np.ndarray, dim: int) -> np.ndarray:
    y = x - x.max(axis=dim, keepdims=True)
    np.exp(y, out=y)
    y /= np.add.reduce(y, axis=dim, keepdims=True)
    return y


def log_softmax(b: Any, x: np.ndarray, dim: int) -> np.ndarray:
    y = x - x.max(axis=dim, keepdims=True)
    y -= np.log(np.add.reduce(np.exp(y), axis=dim, keepdims=True))
    return y


def cross_entropy(b: Any, x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    columns = is_narrow(x) and x.size <= BLOCK  # in which the logarithms then stay
    logp = log_softmax(b, np.ascontiguousarray(x.T), 0).T if columns else b.log_softmax(x, 1)
    at, ignored = chosen(target)
    y = -logp[at]
    if ignored is not None:
        y[ignored] = 0
    return y, logp


def cross_entropy_input(b: Any, g: np.ndarray, target: np.ndarray, logp: np.ndarray) -> np.ndarray:
    dx, (at, ignored) = np.exp(logp, order="C"), chosen(target)
    dx[at] -= 1
    dx *= g[:, None] if g.ndim else g
    if ignored is not None:
        dx[ignored] = 0
    return dx


def chosen(target: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray | None]:
    """The index of each row's class, and which rows to ignore; None if there are none."""
    rows = np.arange(len(target))
    if np.minimum.reduce(target, initial=0) == 0:
        return (rows, target), None
    return (rows, np.maximum(target, 0)), target < 0


@reference.with_statistics
def layer_norm(b: Any, x: np.ndarray, weight: Any, bias: Any, dims: tuple, eps: float) -> tuple:
    mean = b.xp.mean(x, axis=dims, keepdims=True)
    y = x - mean
    rstd = 1 / np.sqrt(b.xp.mean(np.square(y), axis=dims, keepdims=True) + eps)
    y *= rstd
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y, mean, rstd


def accumulate(b: Any, x: np.ndarray, dim: int, combine: str) -> np.ndarray:
    return getattr(np, combine).accumulate(x, axis=dim, dtype=x.dtype)  # without it small integers become int64


def diagonal(b: Any, x: np.ndarray, offset: int) -> np.ndarray:
    """The diagonal of each matrix, as a view that can be written."""
    y = np.diagonal(x, offset, -2, -1)
    y.flags.writeable = x.flags.writeable
    return y


def put_diagonal(b: Any, x: np.ndarray, shape: tuple, offset: int) -> np.ndarray:
    out = np.zeros(shape, dtype=x.dtype)
    diagonal(b, out, offset)[...] = x
    return out


def contract(b: Any, x: np.ndarray, other: np.ndarray, xs: tuple, others: tuple, out: tuple) -> np.ndarray:
    """Where rows meet columns a matrix product; else, being bound by memory, one pass over it without temporaries."""
    rows, columns, both = {*xs} - {*others}, {*others} - {*xs}, {*xs} & {*others}
    if (rows and columns and both - {*out}) or x.dtype.kind == "V":  # "V": bfloat16
        return matrices.contract(b, x, other, xs, others, out)
    if both and not both & {*out}:
        order = [c for c in (*xs, *others) if c in out]
        y = b.xp.tensordot(x, other, ([xs.index(c) for c in both], [others.index(c) for c in both]))
        return y.transpose([order.index(c) for c in out])
    return np.einsum(x, xs, other, others, out)


def take(b: Any, x: np.ndarray, index: np.ndarray, dim: int) -> np.ndarray:
    return x.take(index, dim, mode="clip")  # checked before, and NumPy's own check costs a further copy


def adam_(b: Any, p: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, step: Any, largest: Any, lr: Any, betas: tuple,
          eps: float, weight_decay: float, decoupled: bool, maximize: bool) -> np.ndarray:  # fmt: skip
    """The plain step, block by block, so that the twelve passes over a block find it in the cache."""
    flat = [a.reshape(-1) for a in (p, g, m, v)]
    if weight_decay or maximize or largest is not None or not all(a.flags.c_contiguous for a in (p, m, v)):
        return steps.adam_(b, p, g, m, v, step, largest, lr, betas, eps, weight_decay, decoupled, maximize)
    step += 1
    (beta1, beta2), n = betas, float(step)
    size, root = float(lr) / (1 - beta1**n), (1 - beta2**n) ** 0.5
    room = np.empty(min(4 * BLOCK, p.size), dtype=p.dtype)
    for start in range(0, p.size, 4 * BLOCK):
        p_, g_, m_, v_ = (a[start : start + 4 * BLOCK] for a in flat)
        t = room[: p_.size]
        np.subtract(g_, m_, out=t)
        t *= 1 - beta1
        m_ += t
        np.multiply(g_, g_, out=t)
        t *= 1 - beta2
        v_ *= beta2
        v_ += t
        np.sqrt(v_, out=t)
        t /= root
        t += eps
        np.divide(m_, t, out=t)
        t *= size
        p_ -= t
    return p


BLOCK = 16384


def in_blocks(kernel: Callable) -> Callable:
    """Let a kernel of each element, which passes over its input many times, find it in the cache."""

    def blockwise(b: Any, x: np.ndarray, *options: Any) -> np.ndarray:
        if x.size <= BLOCK:
            return kernel(b, x, *options)
        flat, out = x.reshape(-1), np.empty(x.size, x.dtype)
        for start in range(0, x.size, BLOCK):
            out[start : start + BLOCK] = kernel(b, flat[start : start + BLOCK], *options)
        return out.reshape(x.shape)

    return blockwise


# erf(x) = x P(x^2) / Q(x^2) for |x| < REACH, highest powers first: a least-squares fit of its relative error (3e-9). Beyond,
# erf rounds to 1 in float32.
REACH = 3.95
SINGLE = (
    (6.66292309696e-06, 0.000407910604998, 0.00421301853756, 0.0556651377658, 0.192775453646, 1.12837916813),
    (2.5331952796e-07, 7.16418260039e-05, 0.00141413245492, 0.0162570321554, 0.117390169054, 0.504176199272, 1.0),
)


@in_blocks
def erf(b: Any, x: np.ndarray) -> np.ndarray:
    """For float32 one quotient, in double precision and rounded once; wider types are the reference's."""
    if x.dtype not in (np.float16, np.float32):
        return special.erf(b, x)
    wide = np.clip(x.astype(np.float64), -REACH, REACH)
    return (wide * special.ratio(wide * wide, SINGLE)).astype(x.dtype)


@in_blocks
@special.in_single
def sigmoid(b: Any, x: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), in as few passes as can be: where e^-x is infinite, that is 0."""
    if x.dtype.kind == "c":
        return special.sigmoid(b, x)
    y = np.asarray(np.negative(x))
    np.exp(y, out=y)
    y += 1
    return np.divide(1.0, y, out=y)


def in_rows(kernel: Callable) -> Callable:
    """Let a kernel along a dimension find a few rows at a time in the cache, if that is the last."""

    def rowwise(b: Any, x: np.ndarray, dim: int) -> np.ndarray:
        if x.size <= BLOCK or dim not in (-1, x.ndim - 1):
            return kernel(b, x, dim)
        rows, many = x.reshape(-1, x.shape[-1]), max(1, BLOCK // x.shape[-1])
        out = np.empty(rows.shape, x.dtype)
        for start in range(0, len(rows), many):
            out[start : start + many] = kernel(b, rows[start : start + many], 1)
        return out.reshape(x.shape)

    return rowwise


def in_columns(kernel: Callable) -> Callable:
    """Let a kernel along short rows work on them as columns: NumPy's loops then run along what is long."""

    def columnwise(b: Any, x: np.ndarray, dim: int) -> np.ndarray:
        if x.ndim != 2 or dim not in (-1, 1) or not is_narrow(x):
            return kernel(b, x, dim)
        return np.ascontiguousarray(kernel(b, np.ascontiguousarray(x.T), 0).T)

    return columnwise


def is_narrow(x: np.ndarray) -> bool:
    """Whether a matrix has many rows, and short ones."""
    return 0 < x.shape[1] < SHORT <= x.shape[0]


SHORT = 32
SLOW = ("erfc", "erfinv", "gelu", "lgamma", "polygamma", "sinc")
BLOCKWISE = {name: in_blocks(REFERENCE[name]) for name in SLOW} | {"erf": erf, "sigmoid": sigmoid}
BLOCKWISE |= {f.__name__: special.in_single(in_rows(in_columns(f))) for f in (softmax, log_softmax)}

_KERNELS = [
    adam_, move_, linear, all_below, cross_entropy, cross_entropy_input, layer_norm, index_add, take_at, add_at,
    put_at, random_uniform, random_normal, assign_at_, bfloat16, where, mean, accumulate, diagonal,
    put_diagonal, contract, take, unfold, relu,
]  # fmt: skip
NUMPY_KERNELS: dict[str, Any] = BLOCKWISE | NUMPY_ATTENTION | NUMPY_NORM | NUMPY_WINDOWS | {f.__name__: f for f in _KERNELS}
