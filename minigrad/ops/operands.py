"""What may come together in an op, and how a misfit is explained; the helpers that put arguments in canonical form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, wraps
from inspect import Parameter, Signature
from itertools import zip_longest
from typing import Any, TypeVar

import numpy as np

from ..backends import (
    Backend,
    DeviceError,
    DType,
    DTypeError,
    LinAlgError,
    ShapeError,
    backend_of,
    dtype_of,
    get_default_dtype,
    is_array,
    out_of_memory,
    result_type,
)
from ..backends.source import advise
from ..core import MODE, OPS, Op, Tensor
from .misfit import OF_CALLS, misfit


def fit(op: Op, args: tuple, b: Backend) -> list | None:
    """Operands brought to one type and device, or None if they are fit already. Casts are ops, so they are recorded."""
    key = (
        op.name,
        *[a.array.dtype if isinstance(a, Tensor) and a.array.__class__ is np.ndarray else a.__class__ for a in args],
    )
    if key in _FIT:
        return None
    fitted = _fit(op, args, b)
    if fitted is None and not op.promotes and Tensor not in key:
        _FIT.add(key)
    return fitted


COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")  # with a number beyond the type as it is; PyTorch cuts off its upper bits
MIXED = ("view_written", "complex_eigenvalues")  # may take real numbers beside complex ones, as updates may
_FIT: set[tuple] = set()  # which types together were found fit, for ops that treat their operands as they are


def _fit(op: Op, args: tuple, b: Backend) -> list | None:
    for a in args:
        if not (a is None or isinstance(a, (Tensor, bool, int, float, complex)) or is_array(a)):
            hint = "minigrad.tensor(...)" if isinstance(a, (list, tuple)) else "pass a tensor or a number"
            raise TypeError(f"{op.name}: expected tensors or numbers, got {type(a).__name__}. Hint: {hint}")
    if any(is_array(a) for a in args):  # an array beside a tensor is a constant, a NumPy scalar a number
        return [a if not is_array(a) else a.item() if isinstance(a, np.generic) else constant(op.name, a, b) for a in args]
    tensors = [a for a in args if isinstance(a, Tensor)]
    places = {str(t.device) for t in tensors}
    if len(places) > 1:
        loose = [t for t in tensors if t.ndim == 0 and str(t.device) == "cpu"]
        if op.promotes and len(places) == 2 and loose and len(loose) < len(tensors):
            return [a.item() if any(a is t for t in loose) else a for a in args]
        raise DeviceError(f"{op.name}: expected operands on one device, got {' and '.join(sorted(places))}. Hint: .to()")
    if op.promotes:
        if op.name == "sub" and any(isinstance(a, bool) or isinstance(a, Tensor) and a.dtype.kind == "bool" for a in args):
            raise DTypeError(
                "sub: subtraction is not possible with booleans. Hint: ~ or logical_not for a mask, .int() for a number"
            )
        target = common_type(args)
        if op.floats and target.kind in ("bool", "int"):
            target = get_default_dtype()
        if target.name == "float64" and MODE.get().grad and creeps(tensors):
            advise(f"{op.name}: a float32 tensor that requires grad meets a float64 constant, so all that follows is float64 "
                   "at twice the cost. NumPy's arrays are float64. Hint: .float() on the constant")  # fmt: skip
        if target.kind == "int" and op.name not in COMPARED and any(type(a) is int and target.wrapped(a) != a for a in args):
            return [target.wrapped(a) if type(a) is int else a for a in args]
        if all(t.dtype is target for t in tensors):
            return None
        return [OPS["cast"](a, dtype=target) if isinstance(a, Tensor) and a.dtype is not target else a for a in args]
    mixed = op.kind == "update" or op.name in MIXED
    floating = {t.dtype for t in tensors if t.dtype.is_floating_point or t.dtype.is_complex and not mixed}
    if len(floating) > 1:
        kinds = " and ".join(sorted(map(repr, floating)))
        raise DTypeError(f"{op.name}: expected operands of one floating type, got {kinds}. Hint: cast one with .to(dtype)")
    if op.floats and not floating:
        return [OPS["cast"](a, dtype=get_default_dtype()) if isinstance(a, Tensor) else a for a in args]
    return None


def constant(who: str, array: Any, b: Backend) -> Tensor:
    """An array as a tensor. Raises TypeError for strings, objects and dates."""
    try:
        dtype_of(array)
    except TypeError:
        raise TypeError(f"{who}: expected numbers or booleans, got an array of {array.dtype}") from None
    return Tensor(b.xp.asarray(array))


def creeps(tensors: list[Tensor]) -> bool:
    """Whether float32 that is being trained meets float64 that is not: mostly data that NumPy made."""
    kinds = {(t.dtype.name, t.requires_grad) for t in tensors if t.ndim}
    return ("float32", True) in kinds and ("float64", False) in kinds


def common_type(args: Iterable[Any]) -> DType:
    """PyTorch's result type of tensors and Python numbers."""
    return result_type((a.dtype, a.ndim) if isinstance(a, Tensor) else (a, None) for a in args if a is not None)


def explained(op: Op, error: Exception, arrays: list) -> Exception:
    """A kernel's failure in the op's own words; errors that already speak for an op pass through, and a TimeoutError and its
    kin, which only a signal's handler can have raised here."""
    text = str(error)
    if text.startswith(f"{op.name}:") or isinstance(error, (NotImplementedError, AssertionError, Warning, OSError)):
        return error
    if isinstance(error, MemoryError):  # CuPy has freed what it could before it gives up
        room = next((backend_of(a).room() for a in arrays if is_array(a)), None)
        return out_of_memory(op.name, text, room, op.kind == "update" or bool(op.writes))
    if op.promotes and None in [a for a in arrays if not hasattr(a, "shape")]:
        return TypeError(f"{op.name}: expected tensors or numbers, got None")
    got = ", ".join(str(tuple(a.shape)) if hasattr(a, "shape") else repr(a) for a in arrays) or "none"
    if isinstance(error, OverflowError):
        return OverflowError(f"{op.name}: {text}")
    if (
        isinstance(error, TypeError)
        and OF_CALLS.search(text)
        and (told := misfit(op.name, signature_of(op), tuple(arrays), {}))
    ):
        return told
    if isinstance(error, TypeError):
        kinds = ", ".join(repr(dtype_of(a)) if hasattr(a, "dtype") else type(a).__name__ for a in arrays)
        return DTypeError(f"{op.name}: not possible for {kinds} (shapes {got}). Reason: {text}")
    if type(error).__name__ == "LinAlgError":  # each namespace has one of its own
        return LinAlgError(f"{op.name}: {text}, for shapes {got}")
    if op.broadcasts and not broadcastable([a.shape for a in arrays if hasattr(a, "shape")]):
        return ShapeError(f"{op.name}: expected shapes that broadcast together, got {got}. "
                          "Hint: dimensions are aligned at the right; each must be equal or 1")  # fmt: skip
    kind = IndexError if isinstance(error, IndexError) else ShapeError
    return kind(f"{op.name}: not possible for shapes {got}. Reason: {text}")


def broadcastable(shapes: list) -> bool:
    """Whether shapes, aligned at the right, agree wherever neither is 1."""
    columns = zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1)
    return all(len(set(column) - {1}) <= 1 for column in columns)


Op.fit = fit  # type: ignore[assignment]
Op.explained = explained
# pickled and copied as its name
Op.__reduce__ = lambda self: (OPS.__getitem__, (self.name,))  # type: ignore[method-assign, attr-defined]


# -- canonical arguments -------------------------------------------------------------------------------------------------


def axis(who: str, dim: Any, ndim: int) -> int:
    """`dim` as a non-negative int. Raises IndexError out of range, TypeError for a non-integer."""
    try:
        d = dim.__index__()
    except AttributeError:
        raise TypeError(f"{who}: dim must be an int, got {type(dim).__name__} {dim!r}") from None
    n = max(ndim, 1)
    if not -n <= d < n:
        raise IndexError(f"{who}: Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
    return d % n


def floating(x: Tensor) -> Tensor:
    """x, as the default floating type unless it is floating or complex."""
    return x if x.dtype.is_inexact else OPS["cast"](x, dtype=get_default_dtype())


def whole(who: str, name: str, value: Any) -> int:
    """`value` as an int. Raises TypeError for anything else, a float included."""
    if not hasattr(value, "__index__") or isinstance(value, Tensor) and value.array.size != 1:
        raise TypeError(f"{who}: {name} must be an int, got {type(value).__name__} {value!r:.40}")
    return value.__index__()


def axes(who: str, dim: Any, ndim: int) -> tuple[int, ...]:
    """`dim` (None, an int or several) as sorted, different, non-negative ints; None and () mean all."""
    if dim is None or (isinstance(dim, Sequence) and not len(dim)):
        return tuple(range(ndim))
    dims = [axis(who, d, ndim) for d in dim] if isinstance(dim, Sequence) else [axis(who, dim, ndim)]
    if len(set(dims)) < len(dims):
        raise ShapeError(f"{who}: a dimension appears twice in dim={dim!r}")
    return tuple(sorted(d for d in dims if d < ndim))


def sizes(who: str, given: tuple) -> tuple[int, ...]:
    """A shape given as f(2, 3), f((2, 3)) or f(x.shape), as a tuple of ints."""
    if len(given) == 1 and not hasattr(given[0], "__index__"):
        given = given[0]
    elif len(given) == 1 and isinstance(given[0], Sequence):
        given = tuple(given[0])
    try:
        return tuple(n.__index__() for n in given)
    except (AttributeError, TypeError):
        raise TypeError(f"{who}: expected sizes as ints, got {given!r}. Hint: {who}(2, 3) or {who}((2, 3))") from None


Function = TypeVar("Function", bound=Callable)


def named(name: str, at: int = 0) -> Callable[[Function], Function]:
    """Let a function `f(..., *sizes)` take what the star gathers by keyword too: `zeros(size=(2, 3))`, `flip(x, dims=(0,))`."""

    def wrapped(function: Function) -> Function:
        @wraps(function)
        def called(*args: Any, **options: Any) -> Any:
            if name in options:
                while len(args) < at and function.__code__.co_varnames[len(args)] in options:
                    args = (*args, options.pop(function.__code__.co_varnames[len(args)]))
                if len(args) > at:
                    raise TypeError(f"{function.__name__}: {name} was given twice, by place and by keyword")
                args = (*args, options.pop(name))
            return function(*args, **options)

        return called  # type: ignore[return-value]

    return wrapped


def stored(function: Function) -> Function:
    """Let a function that makes a tensor be called with PyTorch's `layout`, which must be strided, and `pin_memory`, which has
    no effect here."""

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        if options:
            options.pop("pin_memory", None)
            if (layout := options.pop("layout", None)) not in (None, "strided"):
                who = function.__name__
                raise NotImplementedError(f"{who}: layout must be strided, got {layout!r}. Hint: {who}(...).to_sparse()")
        return function(*args, **options)

    return called  # type: ignore[return-value]


def numpy_names(function: Function) -> Function:
    """Let a function with `dim` and `keepdim` be called with NumPy's `axis` and `keepdims`, as PyTorch does."""

    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    place = names.index("keepdim") if "keepdim" in names else len(names)

    @wraps(function)
    def called(*args: Any, **options: Any) -> Any:
        if options:
            if "axis" in options and "dim" not in options:
                options["dim"] = options.pop("axis")
            if "keepdims" in options and "keepdim" not in options:
                options["keepdim"] = options.pop("keepdims")
        keepdim = args[place] if place < len(args) <= len(names) else options.get("keepdim", False)
        if not isinstance(keepdim, (bool, np.bool_)) and place < len(names):
            raise TypeError(f"{function.__name__}: keepdim must be True or False, got {type(keepdim).__name__}. "
                            "Hint: several dims go together, as in dim=(0, 1)")  # fmt: skip
        return function(*args, **options)

    return called  # type: ignore[return-value]


def also(**names: str) -> Callable[[Function], Function]:
    """Let arguments of a function go by further names: also(input="A")."""

    def wrapped(function: Function) -> Function:
        @wraps(function)
        def called(*args: Any, **options: Any) -> Any:
            return function(*args, **{names.get(name, name): value for name, value in options.items()} if options else options)

        return called  # type: ignore[return-value]

    return wrapped


class Behind:
    """What stands behind a wrapper, as its `__wrapped__`: the function, and the signature to show, made when asked for."""

    def __init__(self, function: Callable, signature: Callable[[], Signature]) -> None:
        self.__wrapped__, self.signature = function, signature

    @property
    def __signature__(self) -> Signature:
        return self.signature()


def names_of(op: Op) -> list[str]:
    """What PyTorch calls the inputs of an op."""
    return ["input" if n == "x" else "exponent" if op.name == "pow" else n for n in op.inputs]


def signature_of(op: Op) -> Signature:
    """The signature of an op as a function: its inputs, and its options by keyword."""
    inputs = [Parameter(n, Parameter.POSITIONAL_OR_KEYWORD) for n in names_of(op)]
    return Signature(inputs + [Parameter(n, Parameter.KEYWORD_ONLY, default=v) for n, v in op.defaults.items()])


def number(value: Any) -> Any:
    """Where a number is expected: a tensor of no dimensions, without a gradient, as the number in it; all else as it is."""
    return value.item() if isinstance(value, Tensor) and not value.ndim and not value.requires_grad else value


def by_name(op: Op, name: str = "", home: str = __name__) -> Callable:
    """An op as a function that takes its inputs by keyword, too, under PyTorch's names; `home` is the module it is for.

    Its attribute `op` says that it is nothing else.
    """
    names = names_of(op)

    def called(*args: Any, **options: Any) -> Any:
        if options:
            options = {"input" if name == "self" else name: value for name, value in options.items()}
            while len(args) < len(names) and names[len(args)] in options:
                args = (*args, options.pop(names[len(args)]))
            if not options.keys() <= op.defaults.keys():
                raise misfit(called.__name__, signature_of(op), args, options) or AssertionError(options)
            return op(*args, **{name: number(value) for name, value in options.items()})
        return op(*args)

    called.__wrapped__ = Behind(op.kernel, partial(signature_of, op))  # type: ignore[attr-defined]
    called.__name__ = called.__qualname__ = name or op.name
    called.__module__ = home
    called.__doc__ = op.__doc__
    called.op = op  # type: ignore[attr-defined]
    return called


def as_method(op: Op) -> Callable:
    """An op as a method: as by `by_name`, or, of one tensor and nothing else, as a function that Python calls faster."""
    if op.inputs != ["x"] or op.defaults:
        return by_name(op)
    method: Any = lambda self: op(self)  # noqa: E731
    method.__name__ = method.__qualname__ = op.name
    method.__doc__, method.op = op.__doc__, op
    return method


def tensor_of(who: str, x: Any, name: str = "input") -> Tensor:
    """`x` if it is a tensor; raises TypeError that names the op and the argument."""
    if not isinstance(x, Tensor):
        several = isinstance(x, (list, tuple)) and any(isinstance(part, Tensor) for part in x)  # such as what an LSTM gives
        hint = "Hint: one of its tensors, as [0]" if several else "Hint: minigrad.tensor(...)"
        hint = "" if isinstance(x, (str, type(None))) else hint
        raise TypeError(f"{who}: {name} must be a tensor, got {type(x).__name__}. {hint}".rstrip())
    return x
