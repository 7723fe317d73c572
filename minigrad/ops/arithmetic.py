"""Arithmetic with broadcasting, and the few ops that backpropagation itself asks for."""

from __future__ import annotations

from numbers import Number
from typing import Any

from ..backends import advise, backend_for, backend_of, dtype_of, is_complex
from ..backends import dtype as as_dtype
from ..core import Tensor, op


def times(alpha, x, other):
    """alpha other, for a number alpha; an integer to be added to integers x."""
    if not isinstance(alpha, Number):
        raise TypeError(f"alpha must be a number, got {type(alpha).__name__}")
    kind = dtype_of(x if hasattr(x, "dtype") else other)
    if isinstance(alpha, float) and kind.kind in ("bool", "int"):
        raise TypeError(f"alpha must not be a floating point number for integers, got {alpha}")
    return kind.filled(alpha) * other


@op("elementwise")
def add(b, x, other, *, alpha=1):
    """y = x + alpha other"""
    return b.xp.add(x, other if alpha == 1 else times(alpha, x, other))


@op("elementwise")
def sub(b, x, other, *, alpha=1):
    """y = x - alpha other"""
    return b.xp.subtract(x, other if alpha == 1 else times(alpha, x, other))


@op("elementwise")
def mul(b, x, other):
    """y = x other"""
    return b.xp.multiply(x, other)


@op("elementwise", floats=True, name="div")
def true_divide(b, x, other):
    """y = x / other"""
    return b.xp.divide(x, other)


@op("elementwise")
def neg(b, x):
    """y = -x"""
    return b.xp.negative(x)


def ordered(x, other=None):
    """x, unless it, or a number's partner, is complex: such numbers have no order."""
    if is_complex(x if hasattr(x, "dtype") else other):
        raise TypeError("complex numbers have no order. Hint: .abs() or .real")
    return x


@op("elementwise")
def maximum(b, x, other):
    """y = max(x, other), NaN if either is. Equal operands share the gradient."""
    return b.xp.maximum(ordered(x, other), other)


@op("elementwise")
def minimum(b, x, other):
    """y = min(x, other), NaN if either is. Equal operands share the gradient."""
    return b.xp.minimum(ordered(x, other), other)


@op("batched")
def where(b, condition, x, other):
    """y = x where the condition holds, else other"""
    return b.where(condition, x, other)


@op("linear")
def sum_to(b, x, *, shape):
    """The sum over the dimensions in which `shape` was broadcast to that of x: the adjoint of `expand`."""
    lead = x.ndim - len(shape)
    dims = tuple(d for d in range(x.ndim) if d < lead or (shape[d - lead] == 1 and x.shape[d] != 1))
    return b.xp.reshape(b.xp.sum(x, axis=dims), shape) if dims else b.xp.reshape(x, shape)


@op("view")
def expand(b, x, *, shape):
    """x repeated, without copying, along new dimensions and those of size 1; what repeats nothing can be written."""
    lead = len(shape) - x.ndim
    return x[(None,) * lead + (...,)] if shape == (1,) * lead + x.shape else b.xp.broadcast_to(x, shape)


@op("linear", name="cast")
def cast_op(b, x, *, dtype):
    """x with another element type; of complex numbers real ones keep the real part"""
    kind = as_dtype(dtype)
    return b.xp.astype(b.xp.real(x) if kind.kind in ("int", "float") and dtype_of(x).is_complex else x, b.native(kind))


def cast(x: Any, *, dtype: Any) -> Any:
    """x with another element type. No gradient passes through integers and booleans."""
    kind = as_dtype(dtype).kind
    if kind in ("int", "float") and isinstance(x, Tensor) and x.dtype.is_complex:
        advise("cast: casting complex values to real discards the imaginary part. Hint: .real")
    return cast_op(x.detach() if kind in ("bool", "int") and isinstance(x, Tensor) else x, dtype=dtype)


@op("linear", name="conj")
def conj_op(b, x):
    """Complex numbers with their imaginary parts negated"""
    return b.xp.conj(x)


def conjugate(x: Any) -> Any:
    """A tensor or array with the imaginary parts negated; one of real numbers itself.

    Backpropagation carries for complex numbers z = a + ib the derivative dL/da - i dL/db, by which dL = Re(g dz): so the rule
    of a function that has a complex derivative f' is g f', as for real numbers. What users give and see is its conjugate
    dL/da + i dL/db, as in PyTorch: the direction in which L grows.
    """
    return conj_op(x) if is_complex(getattr(x, "array", x)) else x


@op("linear")
def move(b, x, *, device):
    """x on another device"""
    return backend_for(device).from_host(b.to_host(x))


@op("view")
def alias(b, x):
    """x itself, as a new node."""
    return x[...]


@op("linear")
def clone(b, x):
    """A copy of x in memory of its own."""
    return in_rows.kernel(b, x) if 0 in getattr(x, "strides", ()) else b.xp.asarray(x, copy=True)  # an expanded one in rows


@op("linear", name="contiguous")
def in_rows(b, x):
    """x copied into memory of its own, its elements one after another in row-major order"""
    out = b.xp.empty(x.shape, dtype=x.dtype)
    out[...] = x
    return out


def apart(y: Tensor, x: Tensor) -> Tensor:
    """y, or a copy if it is x itself or a view: what computes gives memory of its own, even where it changed nothing."""
    return clone(y) if y is x or y.base is not None else y


add.vjp(x=lambda g: g, other=lambda g, alpha: g if alpha == 1 else g * alpha)
sub.vjp(x=lambda g: g, other=lambda g, alpha: -g if alpha == 1 else g * -alpha)
mul.vjp(x=lambda g, other: g * other, other=lambda g, x: g * x)
true_divide.vjp(x=lambda g, other: g / other, other=lambda g, y, other: -g * y / other)
neg.vjp(x=lambda g: -g)
maximum.vjp(
    x=lambda g, x, other: _shared(g, x < other, x == other), other=lambda g, x, other: _shared(g, other < x, x == other)
)
minimum.vjp(
    x=lambda g, x, other: _shared(g, x > other, x == other), other=lambda g, x, other: _shared(g, other > x, x == other)
)
where.vjp(x=lambda g, condition: where(condition, g, 0.0), other=lambda g, condition: where(condition, 0.0, g))
sum_to.vjp(x=lambda g, x_shape: expand(g, shape=x_shape))
expand.vjp(x=lambda g, x_shape: sum_to(g, shape=x_shape))
conj_op.vjp(x=lambda g: conj_op(g))
cast_op.vjp(x=lambda g: g)  # the engine casts a gradient to its input's type
alias.vjp(x=lambda g: g)
clone.vjp(x=lambda g: g)
in_rows.vjp(x=lambda g: g)
move.vjp(x=lambda g, x: move(g, device=str(backend_of(getattr(x, "array", x)).device)))


def _shared(g: Any, loses: Any, ties: Any) -> Any:
    """g for the winner, half of it for each of two equals; all of it for both beside NaN, as in PyTorch."""
    return where(loses, 0.0, where(ties, 0.5 * g, g))
