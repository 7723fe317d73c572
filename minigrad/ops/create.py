"""Tensors out of nothing: from data, constants, ranges and random numbers. Bits of randomness come from a Generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from numbers import Number, Real
from typing import Any

import numpy as np

from ..backends import (
    DType,
    DTypeError,
    ShapeError,
    backend_for,
    finfo,
    get_default_dtype,
    iinfo,
    is_array,
    number_type,
    promote_types,
)
from ..backends import dtype as as_dtype
from ..core import Tensor, op
from .arithmetic import cast
from .operands import named, number, sizes, stored, tensor_of, whole
from .random import Generator, source_of, torch_source

PYTHON = frozenset((bool, int, float, complex))  # the types of Python's numbers


@op("create", name="full")
def full_op(b, *, shape, value, dtype, device=None):
    """A tensor of `shape` filled with one value"""
    return b.xp.full(shape, dtype.filled(value), dtype=b.native(dtype))


@op("create", name="arange")
def arange_op(b, *, start, end, step, dtype, device=None):
    """start, start + step, ... below end"""
    return b.from_host(np.arange(start, end, step).astype(_host_type(dtype)))


@op("create", name="linspace")
def linspace_op(b, *, start, end, steps, dtype, device=None):
    """`steps` evenly spaced numbers from start to end, both included; as integers without their fractions"""
    if dtype.kind in ("float", "complex"):
        return b.xp.linspace(start, end, steps, dtype=b.native(dtype))
    return b.xp.astype(b.xp.linspace(int(start), int(end), steps, dtype=b.xp.float64), b.native(dtype))


@op("create", name="eye")
def eye_op(b, *, n, m, dtype, device=None):
    """Ones on the diagonal of an n by m matrix"""
    return b.xp.eye(n, m, dtype=b.native(dtype))


@op("create", name="rand")
def rand_op(b, *, shape, dtype, generator, device=None):
    """Uniform on [0, 1)"""
    return b.random_uniform(generator.bits, shape, b.native(dtype))


@op("create", name="randn")
def randn_op(b, *, shape, dtype, generator, device=None):
    """Standard normal"""
    return b.random_normal(generator.bits, shape, b.native(dtype))


@op("create", name="randint")
def randint_op(b, *, shape, low, high, dtype, generator, device=None):
    """Whole numbers, uniform on low ... high - 1"""
    return b.xp.astype(b.from_host(generator.bits.integers(low, high, shape)), b.native(dtype))


@op("create", name="randperm")
def randperm_op(b, *, n, dtype, generator, device=None):
    """0 ... n - 1 in random order"""
    return b.xp.astype(b.from_host(generator.bits.permutation(n)), b.native(dtype))


@op("create", name="sample")
def sample_op(b, *, kind, shape, dtype, generator, order=None, given=(), device=None):
    """Numbers as PyTorch draws them, `kind` being a method of TorchStream; in memory the dimensions come in this `order`"""
    native = b.native(dtype)
    there = native if isinstance(native, np.dtype) else np.dtype(dtype.name)
    drawn = getattr(generator.bits, kind)(math.prod(shape), there, **dict(given))
    if order is None:
        return b.from_host(drawn.reshape(shape))
    many = len(shape) - len(order)  # dimensions that vmap put in front
    places = [*range(many), *(many + d for d in order)]
    return b.from_host(drawn.reshape([shape[d] for d in places]).transpose(np.argsort(places)))


@op("general", name="full_like")
def full_like_op(b, x, *, value, dtype, shape=None):
    """A tensor filled with one value, in the shape (unless another is given) and on the device of x"""
    return b.xp.full(x.shape if shape is None else shape, dtype.filled(value), dtype=b.native(dtype))


# -- from data -----------------------------------------------------------------------------------------------------------


def host_array(who: str, data: Any, dtype: Any = None) -> np.ndarray:
    """Python or NumPy data as a NumPy array. Raises for ragged, string and object data, and for integers of more than 64 bits
    unless `dtype` is a floating type."""
    if isinstance(data, (list, tuple)):
        data = [x.tolist() if isinstance(x, Tensor) else x for x in data] if _flat(data) else _untensored(data)
    try:
        array = np.asarray(data)
    except ValueError:
        raise ShapeError(f"{who}: expected a rectangular sequence, got rows of different lengths") from None
    if array.dtype.name == "bfloat16":
        backend_for("cpu").native(as_dtype("bfloat16"))  # so that the backend knows the type
    elif array.dtype.kind not in "biufc":
        items = list(np.asarray(data, object).reshape(-1))
        odd = [x for x in items if not isinstance(x, Number)]
        if odd or data is array:
            what, hint = (
                (array.dtype.name, ". Hint: .astype(float)") if data is array and not odd else (type(odd[0]).__name__, "")
            )
            raise TypeError(f"{who}: expected numbers or booleans, got {what} data such as {[*odd, *items][0]!r:.60}{hint}")
        if dtype is None and all(isinstance(x, int) for x in items) or dtype and as_dtype(dtype).kind == "int":
            held(who, max(items, key=abs), as_dtype(dtype or "int64"))
        array = array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _flat(data: Sequence) -> bool:
    return all(not isinstance(x, (list, tuple)) for x in data)


def _untensored(data: Any) -> Any:
    if isinstance(data, Tensor):
        return data.tolist()
    return [_untensored(x) for x in data] if isinstance(data, (list, tuple)) else data


def held(who: str, value: Any, dtype: Any) -> Any:
    """A number as one of the type; those below an unsigned type's range count from its end. Raises DTypeError for one beyond
    the range, as -1e9 is beyond float16's."""
    if dtype.is_complex or dtype.kind == "bool":
        return value if dtype.is_complex else bool(value)
    info: Any = (finfo if dtype.is_floating_point else iinfo)(dtype)
    inside = isinstance(value, Real) and -info.max - 1 <= value <= info.max
    if not inside and not (dtype.is_floating_point and isinstance(value, Real) and not math.isfinite(value)):
        raise DTypeError(f"{who}: value cannot be converted to {dtype!r} without overflow, got {value}")
    return value if dtype.is_floating_point else int(value) % (info.max + 1) if info.min == 0 else int(value)


@stored
def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new leaf tensor with a copy of `data` (numbers, nested lists, an array, a tensor).

    Python floats become the default type (float32), ints int64; an array keeps its type. Raises for ragged or
    non-numeric data, and for `requires_grad` on integers.
    """
    if isinstance(data, Tensor):
        b = data.backend if device is None else backend_for(device)
        array = b.from_host(data.backend.to_host(data.array)) if b is not data.backend else data.array
        made = b.xp.asarray(array, copy=True)
    elif is_array(data) and not isinstance(data, (np.ndarray, np.generic)):
        made = Tensor(data).backend.xp.asarray(data, copy=True)
    else:
        host = host_array("tensor", data, dtype)
        kinds = set() if dtype is not None or isinstance(data, (np.ndarray, np.generic)) else _kinds(data)
        if kinds <= PYTHON:
            dtype = {"f": get_default_dtype(), "c": number_type(1j), "u": "int64"}.get(host.dtype.kind) if kinds else dtype
        else:  # what NumPy would widen for Python's numbers
            dtype = reduce(promote_types, (_kind_type(kind) for kind in kinds))
        if dtype is not None and host.size and as_dtype(dtype).kind == "int" and not isinstance(data, (np.ndarray, np.generic)):
            for end in (host.min(), host.max()) if host.dtype.kind in "iuf" else ():
                held("tensor", end.item(), as_dtype(dtype))
        b = backend_for(device)
        made = b.from_host(np.array(host, dtype=None if dtype is None else _host_type(dtype)))
    out = Tensor(made)
    if dtype is not None and out.dtype is not as_dtype(dtype):
        out = Tensor(cast(made, dtype=as_dtype(dtype)))
    return out.requires_grad_() if requires_grad else out


def _kinds(data: Any) -> set:
    """What a nest of lists holds: types of numbers, of Python (for anything else too) or NumPy, element types of tensors."""
    if isinstance(data, (np.ndarray, np.generic)):
        return {data.dtype.type}
    if not isinstance(data, (list, tuple)):
        return {data.dtype if isinstance(data, Tensor) else type(data) if type(data) in PYTHON else float}
    kinds = set(map(type, data)) or {float}
    return kinds if kinds <= PYTHON else set().union(*map(_kinds, data))


def _kind_type(kind: Any) -> DType:
    if kind is float:
        return get_default_dtype()
    return kind if isinstance(kind, DType) else number_type(1j) if kind is complex else as_dtype(np.dtype(kind).name)


def _host_type(dtype: Any) -> Any:
    return backend_for("cpu").native(as_dtype(dtype))


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """`data` as a tensor, sharing its memory where the type and device allow."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray) and data.dtype.isnative and dtype is None and device is None:
        return from_numpy(data)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor on the memory of a NumPy array: writes go both ways."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, got {type(ndarray).__name__}. Hint: minigrad.tensor(...)")
    if not ndarray.dtype.isnative:
        raise ValueError(f"from_numpy: expected this machine's byte order, got {ndarray.dtype.str}. "
                         "Hint: minigrad.tensor(...) copies")  # fmt: skip
    if any(step % ndarray.itemsize for step in ndarray.strides):
        raise ValueError(f"from_numpy: expected strides that are multiples of the element's {ndarray.itemsize} bytes, got "
                         f"{ndarray.strides}. Hint: minigrad.tensor(...) copies")  # fmt: skip
    return Tensor(host_array("from_numpy", ndarray))


# -- constants and ranges ------------------------------------------------------------------------------------------------


@stored
def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of `size` filled with `fill_value`; its type follows the value unless given."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if not isinstance(value, (Number, np.generic)):
        raise TypeError(f"full: fill_value must be a number, got {type(value).__name__}")
    kind = dtype or {bool: "bool", int: "int64", complex: number_type(1j)}.get(type(value)) or get_default_dtype()
    value = held("full", value, as_dtype(kind)) if isinstance(value, Real) and as_dtype(kind).kind == "int" else value
    return _constant("full", (size,), value, kind, device, requires_grad)


def positive_sizes(who: str, given: tuple) -> tuple[int, ...]:
    """A shape as a tuple of ints. Raises ShapeError for a size below 0."""
    shape = sizes(who, given)
    if any(n < 0 for n in shape):
        raise ShapeError(f"{who}: sizes must be non-negative, got {shape}")
    return shape


def _constant(who: str, size: tuple, value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    out = full_op(shape=positive_sizes(who, size), value=value, dtype=as_dtype(dtype or get_default_dtype()), device=device)
    return out.requires_grad_() if requires_grad else out


@stored
@named("size")
def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros: `zeros(2, 3)` or `zeros((2, 3))`."""
    return _constant("zeros", size, 0, dtype, device, requires_grad)


@stored
@named("size")
def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones."""
    return _constant("ones", size, 1, dtype, device, requires_grad)


@stored
@named("size")
def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """A tensor to be written; minigrad fills it with zeros, so that no run depends on what the memory held."""
    return _constant("empty", size, 0, dtype, device, requires_grad)


@stored
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """An n by m matrix with ones on its diagonal."""
    n, m = positive_sizes("eye", (n, n if m is None else m))
    out = eye_op(n=n, m=m, dtype=as_dtype(dtype or get_default_dtype()), device=device)
    return out.requires_grad_() if requires_grad else out


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, Tensor) else x


@stored
def arange(
    start: Any = None, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start (0), start + step, ... below `end`: int64 if all are ints, else the default floating type."""
    if start is None and end is None:
        raise TypeError("arange: missing argument 'end'. Hint: arange(5)")
    start, end = (0, start) if end is None else (0 if start is None else start, end)
    start, end, step = map(_number, (start, end, step))
    if step == 0 or not 0 <= (end - start) / step < math.inf:
        raise ShapeError(f"arange: from {start} to {end} by step {step} never arrives")
    counted = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    kind = as_dtype(dtype or ("int64" if counted else get_default_dtype()))
    if kind.kind == "int" and not counted:  # as PyTorch: fractions are cut off, for int64 before the steps are counted
        start, end, step = (int(v) for v in (start, end, step)) if kind.name == "int64" else (start, end, step)
        if step == 0:
            raise ShapeError("arange: the step is less than 1, which is 0 among integers")
        n = math.ceil((end - start) / step)
        out = arange_op(start=0, end=n, step=1, dtype=kind, device=device) * int(step) + int(start)
    else:
        out = arange_op(start=start, end=end, step=step, dtype=kind, device=device)
    return out.requires_grad_() if requires_grad else out


@stored
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """`steps` evenly spaced numbers from `start` to `end`, both included; complex ones if an end is."""
    if whole("linspace", "steps", steps) < 0:
        raise ShapeError(f"linspace: steps must be non-negative, got {steps}")
    ends = [_number(x) for x in (start, end)]
    plane = any(isinstance(x, complex) for x in ends)
    kind = as_dtype(dtype or (number_type(1j) if plane else get_default_dtype()))
    if plane and not kind.is_complex:
        raise DTypeError(f"linspace: numbers from {start} to {end} are complex, which {kind!r} can't hold")
    first, last = map(complex if plane else float, ends)
    out = linspace_op(start=first, end=last, steps=int(steps), dtype=kind, device=device)
    return out.requires_grad_() if requires_grad else out


@stored
def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """A tensor of one value in the shape, type and device of `input`."""
    x = tensor_of("full_like", input)
    value, kind = _number(fill_value), as_dtype(dtype) if dtype else x.dtype
    value = held("full_like", value, kind) if isinstance(value, Real) and kind.kind == "int" else value
    made = full_like_op(x, value=value, dtype=kind)
    made = made if device is None else made.to(device)
    return made.requires_grad_() if requires_grad else made


@stored
def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Zeros in the shape, type and device of `input`."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


@stored
def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """Ones in the shape, type and device of `input`."""
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


# -- random numbers ------------------------------------------------------------------------------------------------------


def at_random(
    who: str,
    draw: Any,
    size: tuple,
    dtype: Any,
    device: Any,
    generator: Generator | None,
    requires_grad: bool,
    like: Tensor | None = None,
    **more: Any,
) -> Tensor:
    kind = as_dtype(dtype or get_default_dtype())
    if draw is not randint_op and not kind.is_inexact:
        raise DTypeError(f"{who}: expected a floating type, got {kind!r}. Hint: dtype=, or randint")
    if draw is not randint_op and kind.is_complex:  # two parts alike, each of half the variance if they are normal
        a, c = (at_random(who, draw, size, kind.to_real(), device, generator, False, like, **more) for _ in range(2))
        out = (a + c * 1j) * (math.sqrt(0.5) if draw is randn_op else 1.0)
        return out.requires_grad_() if requires_grad else out
    shape = positive_sizes(who, size)
    if source := torch_source(generator):
        out = sampled(THEIRS[draw.name], source, shape, kind, device, like, **more)
    else:
        out = draw(shape=shape, dtype=kind, generator=source_of(generator), device=device, **more)
    return out.requires_grad_() if requires_grad else out


THEIRS = {"rand": "uniforms", "randn": "normals", "randint": "whole"}  # methods of TorchStream


def sampled(
    kind: str, source: Generator, shape: tuple, dtype: Any, device: Any = None, like: Tensor | None = None, **given: Any
) -> Tensor:
    """Numbers as PyTorch draws them, in the order in which the elements of `like` lie in memory."""
    order = None if like is None else memory_order(like)
    if kind == "normals" and order is not None:
        given = {"contiguous": False, **given}
    return sample_op(kind=kind, shape=shape, dtype=as_dtype(dtype), generator=source, order=order,
                     given=tuple(given.items()), device=device)  # fmt: skip


def memory_order(x: Tensor) -> tuple[int, ...] | None:
    """The dimensions in PyTorch's memory, from the one whose neighbours lie farthest apart to the nearest; None if that is as
    they come.

    It is what the array has, but that convolutions and what follows them have the channels last here, and not there.
    """
    root = x
    while root.base is not None:
        root = root.base
    steps, own = (getattr(t.array, "strides", None) for t in (x, root))
    if steps is None or own is None:
        return None
    steps = [abs(step) for step in steps]
    seen = [d for d in (0, *range(2, root.ndim), 1) if root.ndim > 2 and root.shape[d] > 1]
    if seen != sorted(seen) and sorted(seen, key=lambda d: -own[d]) == seen:
        theirs = [math.prod(root.shape[d + 1 :]) for d in range(root.ndim)]
        steps = [max([(n, theirs[d]) for d, n in enumerate(own) if n <= step], default=(0, step))[1] for step in steps]
    order = by_step(x.shape, steps)
    return None if order == tuple(range(x.ndim)) else order


def by_step(shape: Sequence[int], steps: Sequence[int]) -> tuple[int, ...]:
    """The dimensions by the distance of neighbours, farthest first; those of one element, or of one memory, stay in place."""
    free = [d for d, step in enumerate(steps) if shape[d] > 1 and step]
    places = iter(sorted(free, key=lambda d: -steps[d]))
    return tuple(next(places) if d in free else d for d in range(len(steps)))


@stored
@named("size")
def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers uniform on [0, 1)."""
    return at_random("rand", rand_op, size, dtype, device, generator, requires_grad)


@stored
@named("size")
def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal numbers."""
    return at_random("randn", randn_op, size, dtype, device, generator, requires_grad)


@stored
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Whole numbers uniform on low ... high - 1: `randint(high, size)` or `randint(low, high, size)`."""
    if size is None:
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    whole_bounds("randint", low, high, as_dtype(dtype or "int64"))
    return at_random(
        "randint", randint_op, (size,), dtype or "int64", device, generator, requires_grad, low=int(low), high=int(high)
    )


def whole_bounds(who: str, low: int, high: int, dtype: Any) -> None:
    """Raises ShapeError unless low < high, and both ends of low ... high - 1 are numbers of the type."""
    if not high > low:
        raise ShapeError(f"{who}: expected low < high, got {low} and {high}")
    limits = finfo(dtype) if dtype.is_floating_point else None if dtype.name == "bool" else iinfo(dtype)
    least, most = (limits.min, limits.max) if limits else (0, 1)
    if low < least or high - 1 > most:
        raise ShapeError(f"{who}: {low} ... {high} - 1 is out of bounds for {dtype!r}, which holds {least} ... {most}")


@stored
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """0 ... n - 1 in random order."""
    if not hasattr(n, "__index__"):
        raise TypeError("n is no integer")
    if n < 0:
        raise ShapeError(f"randperm: n must be non-negative, got {n}")
    n, kind = number(n), as_dtype(dtype or "int64")
    if source := torch_source(generator):
        out = sampled("order", source, (n,), kind, device)
    else:
        out = randperm_op(n=n, dtype=kind, generator=source_of(generator), device=device)
    return out.requires_grad_() if requires_grad else out
