"""Element types, under PyTorch's names, and PyTorch's promotion rules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any


class DType:
    """An element type: `minigrad.float32`. Compare with `==`; `kind` is "bool", "int", "float" or "complex"."""

    __slots__ = ("name", "kind", "itemsize", "rank")

    def __init__(self, name: str, kind: str, itemsize: int, rank: int) -> None:
        self.name, self.kind, self.itemsize, self.rank = name, kind, itemsize, rank

    @property
    def is_floating_point(self) -> bool:
        """Whether it holds real numbers, with a point."""
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        """Whether it holds complex numbers."""
        return self.kind == "complex"

    @property
    def is_inexact(self) -> bool:
        """Whether it holds numbers with a point, real or complex: those that can have gradients."""
        return self.kind in ("float", "complex")

    @property
    def is_signed(self) -> bool:
        """Whether it holds negative numbers."""
        return self.kind != "bool" and not self.name.startswith("uint")

    def to_complex(self) -> DType:
        """The type of complex numbers whose parts are of this type; complex64 for the shorter ones. RuntimeError for others."""
        if not self.is_inexact:
            raise RuntimeError(f"to_complex: expected a floating or complex type, got {self!r}")
        return self if self.is_complex else dtype("complex128" if self.name == "float64" else "complex64")

    def to_real(self) -> DType:
        """The type of the parts of complex numbers of this type; any other is its own."""
        return dtype({"complex64": "float32", "complex128": "float64"}.get(self.name, self.name))

    def wrapped(self, n: int) -> int:
        """What is left of an integer of 64 bits where only so many are kept: -1 is 255 in uint8."""
        if not -1 << 63 <= n < 1 << 64:
            return n
        span = 1 << 8 * self.itemsize
        n %= span
        return n - span if self.is_signed and n >= span // 2 else n

    def filled(self, value: Any) -> Any:
        """A number as it is stored: a negative one counts from the end of a type that has no sign."""
        below = type(value) is int and value < 0 and self.kind == "int" and not self.is_signed
        return self.wrapped(value) if below and -value < 1 << 8 * self.itemsize else value

    def __repr__(self) -> str:
        return f"minigrad.{self.name}"

    def __reduce__(self) -> tuple:
        return (dtype, (self.name,))


_TABLE = [  # rank orders the types inside one kind; float16 and bfloat16 meet in float32
    ("bool", "bool", 1), ("uint8", "int", 1), ("int8", "int", 1), ("int16", "int", 2), ("int32", "int", 4),
    ("int64", "int", 8), ("float16", "float", 2), ("bfloat16", "float", 2), ("float32", "float", 4),
    ("float64", "float", 8), ("complex64", "complex", 8), ("complex128", "complex", 16),
    ("uint16", "int", 2), ("uint32", "int", 4), ("uint64", "int", 8),
]  # fmt: skip
DTYPES: dict[str, DType] = {name: DType(name, kind, size, rank) for rank, (name, kind, size) in enumerate(_TABLE)}
bool_, uint8, int8, int16, int32, int64 = (DTYPES[n] for n in ("bool", "uint8", "int8", "int16", "int32", "int64"))
float16, bfloat16, float32, float64 = (DTYPES[n] for n in ("float16", "bfloat16", "float32", "float64"))
complex64, complex128 = DTYPES["complex64"], DTYPES["complex128"]

_ALIASES = {"half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64}
TENSOR_TYPES = {  # PyTorch's old names of types of tensors
    "FloatTensor": float32, "DoubleTensor": float64, "HalfTensor": float16, "BFloat16Tensor": bfloat16, "LongTensor": int64,
    "IntTensor": int32, "ShortTensor": int16, "CharTensor": int8, "ByteTensor": uint8, "BoolTensor": bool_,
}  # fmt: skip
_ALIASES |= TENSOR_TYPES
_PYTHON = {bool: bool_, int: int64, complex: complex64}
_KINDS = ("bool", "int", "float", "complex")
_native: dict[tuple[type, Any], DType] = {}  # a namespace's own type objects met so far; another's may compare equal
_default = float32


def get_default_dtype() -> DType:
    """The type that Python floats and `zeros`, `rand` ... take: float32 unless changed."""
    return _default


def set_default_dtype(d: Any) -> None:
    """Make `d` the type of new floating tensors. Raises TypeError unless it is a floating type."""
    global _default
    new = dtype(d)
    if not new.is_floating_point:
        raise TypeError(f"set_default_dtype: expected a floating type, got {new!r}. Hint: minigrad.float64")
    _default = new


def dtype(d: Any) -> DType:
    """The DType meant by `d`: a DType, a name ("float32"), Python's float/int/bool, or a namespace's own type.

    Raises TypeError for anything else.
    """
    if isinstance(d, DType):
        return d
    if d is float:
        return _default
    if isinstance(d, type) and d in _PYTHON:
        return _PYTHON[d]
    try:
        known = _native.get((type(d), d))
    except TypeError:
        known = None
    if known is not None:
        return known
    name = d if isinstance(d, str) else getattr(d, "name", None) or getattr(d, "__name__", None) or str(d)
    name = name.rsplit(".", 1)[-1]
    found = DTYPES.get(name.rstrip("_")) or (_ALIASES.get(name) if isinstance(d, str) else None)
    if found is None:
        raise TypeError(f"dtype: expected one of {', '.join(DTYPES)}, got {d!r}. Hint: dtype=minigrad.float32")
    if not isinstance(d, str):
        _native[type(d), d] = found
    return found


def is_complex(array: Any) -> bool:
    """Whether an array holds complex numbers. Asked of every gradient, so by the short way."""
    d = array.dtype
    return (_native.get((type(d), d)) or dtype(d)).kind == "complex"


def promote_types(type1: DType, type2: DType) -> DType:
    """The smallest type that holds both, as in PyTorch: float16 with bfloat16 and signed with unsigned widen."""
    if type1 is type2:
        return type1
    low, high = sorted((type1, type2), key=lambda t: (_KINDS.index(t.kind), t.itemsize, t.rank))
    if high.is_complex and low.is_floating_point and low.itemsize * 2 > high.itemsize:
        return complex128
    if low.kind != high.kind:
        return high
    if {low, high} == {float16, bfloat16}:
        return float32
    if low.kind == "int" and low.is_signed != high.is_signed:
        unsigned, signed = (high, low) if low.is_signed else (low, high)
        if unsigned.itemsize >= signed.itemsize:
            if unsigned is not uint8:
                raise TypeError(f"promotion: {type1!r} and {type2!r} have no common type. Hint: cast one with .to(dtype)")
            return int16
        return signed
    return high


def result_type(operands: Iterable[tuple[Any, int | None]]) -> DType:
    """PyTorch's result type of (dtype or Python number, ndim) operands; ndim is None for a Python number.

    Tensors with dimensions decide; a 0-d tensor, then a Python number, only lifts the kind (int to float).
    """
    best: list[DType | None] = [None, None, None]  # by dimensioned tensors, 0-d tensors, numbers
    for what, ndim in operands:
        if ndim is None:
            t, place = number_type(what), 2
        else:
            t, place = dtype(what), (0 if ndim else 1)
        known = best[place]
        best[place] = t if known is None else promote_types(known, t)
    first, *rest = [t for t in best if t is not None]
    result = first
    for t in rest:
        if _KINDS.index(t.kind) > _KINDS.index(result.kind):
            wide = result is float64 and t.is_complex
            result = complex128 if wide else t
    return result


def number_type(x: Any) -> DType:
    """The type a Python number takes: bool, int64, the default float, or its complex partner."""
    if isinstance(x, bool):
        return bool_
    if isinstance(x, int):
        return int64
    return (complex128 if _default is float64 else complex64) if isinstance(x, complex) else _default


class finfo:
    """Limits of a floating type: `bits eps max min tiny smallest_normal resolution dtype`."""

    def __init__(self, d: Any = None) -> None:
        t = get_default_dtype() if d is None else dtype(d)
        limits = {"float16": (11, 15), "bfloat16": (8, 127), "float32": (24, 127), "float64": (53, 1023)}
        t = {"complex64": float32, "complex128": float64}.get(t.name, t)
        if t.name not in limits:
            raise TypeError(f"finfo: expected a floating type, got {t!r}. Hint: iinfo for integers")
        digits, top = limits[t.name]
        self.dtype, self.bits = t.name, t.itemsize * 8
        self.eps = 2.0 ** (1 - digits)
        self.max = math.ldexp(2 - 2.0 ** (1 - digits), top)
        self.min = -self.max
        self.tiny = self.smallest_normal = math.ldexp(1.0, 1 - top)
        self.resolution = 10.0 ** -int((digits - 1) * math.log10(2))

    def __repr__(self) -> str:
        named = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{name}={getattr(self, name):g}' for name in named)}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class iinfo:
    """Limits of an integer type: `bits max min dtype`."""

    def __init__(self, d: Any) -> None:
        t = dtype(d)
        if t.kind != "int":
            raise TypeError(f"iinfo: expected an integer type, got {t!r}. Hint: finfo for floats")
        self.dtype, self.bits = t.name, t.itemsize * 8
        self.min = -(2 ** (self.bits - 1)) if t.is_signed else 0
        self.max = 2 ** (self.bits - t.is_signed) - 1

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)
