"""The NumPy backend: the reference kernels, with NumPy's own calls where they do better."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from .backend import Backend, register
from .device import Device
from .reference import ARRAY, REFERENCE

_SCALARS = [t for t in np.sctypeDict.values() if isinstance(t, type) and issubclass(t, np.generic)]


def index_add(b: Any, n: int, index: np.ndarray, source: np.ndarray) -> np.ndarray:
    """out[index[i]] += source[i], for n rows."""
    if source.ndim == 1 and source.dtype == np.float64:
        return np.bincount(index, source, minlength=n)
    out = np.zeros((n, *source.shape[1:]), dtype=source.dtype)
    np.add.at(out, index, source)
    return out


def take_at(b: Any, x: np.ndarray, index: tuple) -> np.ndarray:
    return x[index]


def add_at(b: Any, shape: tuple, index: tuple, source: np.ndarray) -> np.ndarray:
    out = np.zeros(shape, dtype=source.dtype)
    np.add.at(out, index, source)
    return out


def put_at(b: Any, x: np.ndarray, index: tuple, value: Any) -> np.ndarray:
    out = x.copy()
    out[index] = value
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
    x[tuple(next(rest) if item is ARRAY else item for item in spec)] = value
    return x


def bfloat16(b: Any) -> Any:
    """The element type bfloat16, which NumPy takes from the package ml_dtypes."""
    try:
        return importlib.import_module("ml_dtypes").bfloat16
    except ImportError:
        raise TypeError("bfloat16: NumPy has none of its own. Hint: pip install ml_dtypes") from None


_BITS: dict[Any, Any] = {np.dtype(np.float32): np.int32, np.dtype(np.float64): np.int64}


def where(b: Any, condition: Any, x: Any, other: Any) -> np.ndarray:
    """np.where; keeping an array where a condition holds, and 0 elsewhere, is one bitwise `and`, ten times as fast."""
    array, zero, mask = (x, other, condition) if isinstance(other, float) else (other, x, None)
    if isinstance(zero, float) and zero == 0 and getattr(array, "shape", None) == condition.shape and array.dtype in _BITS:
        bits = _BITS[array.dtype]
        mask = condition if mask is not None else ~condition
        return np.bitwise_and(array.view(bits), np.negative(mask.view(np.int8)).astype(bits)).view(array.dtype)
    return np.where(condition, x, other)


_KERNELS = [index_add, take_at, add_at, put_at, random_uniform, random_normal, assign_at_, bfloat16, where]
NUMPY_KERNELS = {f.__name__: f for f in _KERNELS}

NUMPY = register(
    Backend(
        name="numpy",
        xp=np,
        device=Device("cpu"),
        array_type=np.ndarray,
        kernels=REFERENCE | NUMPY_KERNELS,
        to_host=np.asarray,
        from_host=np.asarray,
        owns=lambda array: array.base is None,
        shares=np.may_share_memory,
    ),
    *_SCALARS,
)
