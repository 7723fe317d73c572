"""Tensors with one piece replaced, pieces of given sizes, parts of complex numbers, and questions about types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backends import DTypeError, ShapeError, get_default_dtype
from ..backends import dtype as as_dtype
from ..backends import result_type as type_of_all
from ..core import Tensor, op
from .arithmetic import alias, cast, clone, conj_op, sum_to, where
from .compare import isfinite, isnan, ne
from .compose import broadcast_shapes
from .create import arange, as_tensor, full_like, full_like_op, tensor
from .diagonal import diagonal, diagonal_adjoint
from .elementwise import direction, floor_divide, remainder, sign
from .index import setitem_op
from .operands import axis, floating, named, sizes, stored, tensor_of, whole
from .scatter import scatter_reduce
from .shape import expand, movedim, narrow, reshape, split
from .special import atan2
from .update import write

KINDS = ("bool", "int", "float", "complex")


@op("view", name="real")
def real_op(b, x):
    """The real parts of complex numbers"""
    return b.xp.real(x)


@op("view", name="imag")
def imag_op(b, x):
    """The imaginary parts of complex numbers"""
    return b.xp.imag(x)


@op("linear", name="complex")
def complex_op(b, x, other):
    """x + i other"""
    out = np.empty(x.shape, dtype="complex128" if x.dtype == b.xp.float64 else "complex64")
    out.real, out.imag = b.to_host(x), b.to_host(other)  # not by a product with i, which NaN and infinities don't survive
    return b.from_host(out)


@op("view", name="view_as_complex")
def as_complex_op(b, x):
    """(..., 2) real and imaginary parts as complex numbers: a view, if the two lie side by side"""
    if isinstance(x, np.ndarray) and x.strides[-1] == x.itemsize and not any(n % (2 * x.itemsize) for n in x.strides[:-1]):
        return x.view(f"c{2 * x.itemsize}")[..., 0]
    return complex_op.kernel(b, x[..., 0], x[..., 1])


@op("view", name="view_as_real")
def as_real_op(b, x):
    """Complex numbers as (..., 2) real and imaginary parts: a view"""
    if isinstance(x, np.ndarray):
        real = x.real
        return np.lib.stride_tricks.as_strided(real, (*x.shape, 2), (*x.strides, real.itemsize))
    return b.xp.stack([b.xp.real(x), b.xp.imag(x)], axis=-1)


real_op.vjp(x=lambda g: g)  # the engine casts a gradient to its input's type
imag_op.vjp(x=lambda g: complex_op(full_like_op(g, value=0, dtype=as_dtype(g.dtype)), -g))
complex_op.vjp(x=lambda g: real_op(g), other=lambda g: -imag_op(g))
as_complex_op.vjp(x=lambda g: as_real_op(conj_op(g)))
as_real_op.vjp(x=lambda g: conj_op(as_complex_op(g)))


def real(input: Tensor) -> Tensor:
    """The real parts; a real tensor itself."""
    return real_op(input) if tensor_of("real", input).dtype.is_complex else input


def imag(input: Tensor) -> Tensor:
    """The imaginary parts of complex numbers. Raises DTypeError for real ones."""
    if not tensor_of("imag", input).dtype.is_complex:
        raise DTypeError(f"imag: expected complex numbers, got {input.dtype!r}")
    return imag_op(input)


def conj(input: Tensor) -> Tensor:
    """Complex numbers with their imaginary parts negated; a real tensor itself."""
    return conj_op(input) if tensor_of("conj", input).dtype.is_complex else input


def angle(input: Tensor) -> Tensor:
    """The angle of complex numbers, with the slope 0 at 0; of real ones 0, or pi where they are negative, with the slope 0."""
    if tensor_of("angle", input).dtype.is_complex:
        nought = input == 0
        return where(nought, atan2(imag_op(input.detach()), real_op(input.detach())),
                     atan2(imag_op(input), real_op(where(nought, 1.0, input))))  # fmt: skip
    x = floating(input)
    return where(x < 0, math.pi, where(isfinite(x), x * 0.0, where(isnan(x), x, 0.0)))


def sgn(input: Tensor) -> Tensor:
    """x / |x| of complex numbers, 0 at 0; the sign of real ones."""
    return direction(input) if tensor_of("sgn", input).dtype.is_complex else sign(input)


def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Complex numbers of two parts, float32 or float64."""
    for name, x in (("real", real), ("imag", imag)):
        if tensor_of("complex", x, name).dtype.name not in ("float32", "float64") or x.dtype is not real.dtype:
            raise DTypeError(f"complex: expected two tensors of float32 or of float64, {name} is {x.dtype!r}")
    shape = broadcast_shapes(real.shape, imag.shape)
    return complex_op(expand(real, shape), expand(imag, shape))


def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """The complex numbers of given sizes and angles."""
    return complex(abs * tensor_of("polar", angle, "angle").cos(), abs * angle.sin())


def view_as_complex(input: Tensor) -> Tensor:
    """(..., 2) real and imaginary parts as complex numbers: a view, or a copy where the two don't lie side by side."""
    if not tensor_of("view_as_complex", input).ndim or input.shape[-1] != 2:
        raise ShapeError(f"view_as_complex: Tensor must have a last dimension of size 2, got shape {tuple(input.shape)}")
    if input.dtype.name not in ("float32", "float64"):
        raise DTypeError(f"view_as_complex: expected float32 or float64, got {input.dtype!r}")
    return as_complex_op(input)


def view_as_real(input: Tensor) -> Tensor:
    """Complex numbers as (..., 2) real and imaginary parts: a view."""
    if not tensor_of("view_as_real", input).dtype.is_complex:
        raise DTypeError(f"view_as_real: expected complex numbers, got {input.dtype!r}")
    return as_real_op(input)


def isreal(input: Tensor) -> Tensor:
    """Whether each number has no imaginary part."""
    return imag_op(input) == 0 if tensor_of("isreal", input).dtype.is_complex else ne(input, input) | True


# -- one piece replaced --------------------------------------------------------------------------------------------------


def _replaced(who: str, input: Tensor, spec: tuple, src: Tensor) -> Tensor:
    """A copy of `input` with `src` at [spec]."""
    place = tuple(tensor_of(who, input).detach()[spec].shape)
    if place != tuple(tensor_of(who, src, "src").shape):
        raise ShapeError(f"{who}: expected src to have a size equal to the slice of self, {place}, got {tuple(src.shape)}")
    return setitem_op(input, src if src.dtype is input.dtype else cast(src, dtype=input.dtype), spec=spec)


def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy of `input` with `src` at start:end:step of dimension `dim`."""
    d = axis("slice_scatter", dim, tensor_of("slice_scatter", input).ndim)
    if step < 1:
        raise ShapeError(f"slice_scatter: step must be positive, got {step}")
    return _replaced("slice_scatter", input, (*(slice(None),) * d, slice(start, end, step)), src)


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of `input` with `src` at `index` of dimension `dim`."""
    d = axis("select_scatter", dim, tensor_of("select_scatter", input).ndim)
    return _replaced("select_scatter", input, (*(slice(None),) * d, whole("select_scatter", "index", index)), src)


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of `input` with `src` on a diagonal."""
    shape = tuple(diagonal(input, offset, dim1, dim2).shape)
    if shape != tuple(tensor_of("diagonal_scatter", src, "src").shape):
        raise ShapeError(f"diagonal_scatter: expected src to have a size equal to the slice of self, {shape}, got "
                         f"{tuple(src.shape)}")  # fmt: skip
    x = movedim(input, (dim1, dim2), (-2, -1))
    there = diagonal_adjoint(full_like(src, 1, dtype="int64"), shape=tuple(x.shape), offset=offset) > 0
    placed = diagonal_adjoint(cast(src, dtype=x.dtype), shape=tuple(x.shape), offset=offset)
    return movedim(where(there, placed, x), (-2, -1), (dim1, dim2))


def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """`input` with each slice that `index` names along `dim` replaced by the prod, mean, amax or amin of the slices of
    `source` that go there (and of its own if `include_self`)."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise ValueError(f"index_reduce: reduce must be prod, mean, amax or amin, got {reduce!r}")
    d = axis("index_reduce", dim, tensor_of("index_reduce", input).ndim)
    if tensor_of("index_reduce", index, "index").ndim != 1 or tensor_of("index_reduce", source, "source").ndim != input.ndim:
        raise ShapeError(f"index_reduce: expected a vector index and a source of {input.ndim} dimensions, got "
                         f"{tuple(index.shape)} and {tuple(source.shape)}")  # fmt: skip
    want = tuple(index.shape[0] if k == d else n for k, n in enumerate(input.shape))
    if tuple(source.shape) != want:
        raise ShapeError(f"index_reduce: expected a source of shape {want}, got {tuple(source.shape)}")
    at = reshape(index, tuple(-1 if k == d else 1 for k in range(input.ndim)))
    return scatter_reduce(input, d, expand(at, want), source, reduce, include_self=include_self)


def fill(input: Tensor, value: Any) -> Tensor:
    """One value in the shape of `input`; with a gradient for a 0-d tensor."""
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError(f"fill: expected a number or a 0-d tensor, got shape {tuple(value.shape)}")
    if tensor_of("fill", input).requires_grad:  # the input has a gradient, of zeros
        return where(full_like(input, True, dtype="bool"), value, input)
    if isinstance(value, Tensor):
        return clone(expand(cast(value, dtype=input.dtype), tensor_of("fill", input).shape))
    return full_like(tensor_of("fill", input), value)


def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Write one value on the diagonal, in place; of a tall matrix also, one row further down, again and again if `wrap`."""
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) > 1):
        raise ShapeError(f"fill_diagonal_: expected a matrix, or one size in all dimensions, got shape {tuple(self.shape)}")
    width = self.shape[-1]
    on = sum(np.indices(tuple(self.shape))[k] != np.indices(tuple(self.shape))[0] for k in range(1, self.ndim)) == 0
    if wrap and self.ndim == 2:
        row, column = np.indices(tuple(self.shape))
        on = row % (width + 1) == column
    mask = tensor(on, device=self.device)
    return write("fill_diagonal_", self, where(mask, float(fill_value), self) if self.dtype.is_floating_point
                 else cast(where(mask, fill_value, self), dtype=self.dtype))  # fmt: skip


# -- pieces --------------------------------------------------------------------------------------------------------------


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of `input` along `dim`, of the given sizes."""
    return split(input, list(split_sizes), dim)


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`narrow` in memory of its own."""
    return clone(narrow(input, dim, start, length))


@named("size", 1)
def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions that broadcasting from `size` would add or widen."""
    shape = sizes("sum_to_size", size)
    back = tuple(self.shape[self.ndim - len(shape) :])
    if len(shape) > self.ndim or any(n not in (1, m) for n, m in zip(shape, back, strict=True)):
        raise ShapeError(f"sum_to_size: size {shape} does not broadcast to the shape {tuple(self.shape)}")
    if shape and shape == tuple(self.shape):
        return alias(self)
    return sum_to(self if self.dtype.is_floating_point or self.dtype.is_complex else cast(self, dtype="int64"), shape=shape)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """For places counted in row-major order the index along each dimension of `shape`."""
    given = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
    if tensor_of("unravel_index", indices, "indices").dtype.kind != "int":
        raise DTypeError(f"unravel_index: expected integers, got {indices.dtype!r}")
    found: list[Tensor] = []
    rest = cast(indices, dtype="int64")
    for n in reversed(given):
        found.insert(0, remainder(rest, n))
        rest = floor_divide(rest, n)
    return tuple(found)


# -- making ----------------------------------------------------------------------------------------------------------------


def steps_to(start: float = 0, end: Any = None, step: float = 1, **options: Any) -> Tensor:
    """start, start + step ... up to `end`, which is reached, unlike that of `arange`."""
    start, end = (0, start) if end is None else (start, end)
    n = math.floor((end - start) / step) + 1
    return arange(n, **{"dtype": get_default_dtype(), **options}) * step + start


@stored
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A number as a tensor without dimensions, floating unless `dtype` says otherwise."""
    return tensor(float(s) if dtype is None else s, dtype=dtype, device=device, requires_grad=requires_grad)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """`obj` as a tensor, on the same memory where it can be and `copy` does not ask for another."""
    out = as_tensor(obj, dtype=dtype, device=device)
    out = clone(out) if copy and (out is obj or isinstance(obj, np.ndarray)) else out
    return out.detach().requires_grad_() if requires_grad else out.detach() if isinstance(obj, Tensor) else out


# -- questions -------------------------------------------------------------------------------------------------------------


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape."""
    return tuple(tensor_of("is_same_size", input).shape) == tuple(tensor_of("is_same_size", other, "other").shape)


def is_signed(input: Tensor) -> bool:
    """Whether the type has negative numbers."""
    return tensor_of("is_signed", input).dtype.is_signed


def result_type(tensor1: Any, tensor2: Any) -> Any:
    """The type that an operation of two tensors or numbers gives."""
    return type_of_all([(x.dtype, x.ndim) if isinstance(x, Tensor) else (x, None) for x in (tensor1, tensor2)])


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a type may be cast to another in place: not to a kind before its own in bool, int, float, complex."""
    return KINDS.index(as_dtype(from_).kind) <= KINDS.index(as_dtype(to).kind)


resolve_conj = resolve_neg = alias
