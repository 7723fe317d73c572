"""`torch.testing`: two values alike within tolerances that belong to their type, and random tensors of any type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..backends import dtype as as_dtype
from ..backends import finfo, iinfo
from ..core import Tensor
from ..ops.create import full_like, rand, randint
from ..ops.functions import where
from ..ops.operands import sizes
from ..ops.pieces import complex
from ..ops.sparse import SparseTensor

TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}  # fmt: skip


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True,
    check_stride: bool = False, msg: str | Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """|actual - expected| <= atol + rtol |expected| everywhere, in tensors, numbers, and lists and dicts of them.

    Shapes must agree, and dtype, device, layout and stride where they are checked; without `allow_subclasses` the types of
    tensors too. Without tolerances those of the coarser type hold: 1.3e-6 and 1e-5 for float32, 1e-7 and 1e-7 for float64, none
    for integers.
    Raises AssertionError that says where and how far they differ, ValueError if only one tolerance is given.
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: expected both rtol and atol or none of them")
    asked = {"shape": True, "dtype": check_dtype, "device": check_device, "layout": check_layout, "stride": check_stride}
    fault = difference(actual, expected, (rtol, atol), equal_nan, [what for what in asked if asked[what]], allow_subclasses, "")
    if fault:
        raise AssertionError(msg(fault) if callable(msg) else msg or fault)


def difference(
    actual: Any, expected: Any, given: tuple, equal_nan: bool, asked: list[str], subclasses: bool, at: str
) -> str | None:
    """What is wrong at place `at`, in words; None if nothing."""
    rest = (given, equal_nan, asked, subclasses)
    place = f" at {at}" if at else ""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        if actual.keys() != expected.keys():
            return f"assert_close: keys differ{place}: {sorted(map(str, actual.keys() ^ expected.keys()))}"
        found = (difference(actual[k], expected[k], *rest, f"{at}[{k!r}]") for k in expected)
        return next((fault for fault in found if fault), None)
    if all(isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)):
        if len(actual) != len(expected):
            return f"assert_close: lengths differ{place}: {len(actual)} and {len(expected)}"
        found = (difference(a, e, *rest, f"{at}[{i}]") for i, (a, e) in enumerate(zip(actual, expected, strict=True)))
        return next((fault for fault in found if fault), None)
    if not subclasses and isinstance(actual, Tensor) and type(actual) is not type(expected):
        return f"assert_close: the types differ{place}: {type(actual).__name__} and {type(expected).__name__}"
    for what in asked:
        a, e = (v() if callable(v) else v for v in (getattr(x, what, None) for x in (actual, expected)))
        if a != e:
            return f"assert_close: the {what} differs{place}: {a} and {e}"
    a, e = host(actual), host(expected)
    names = [x.dtype.name if isinstance(x, Tensor) else x.dtype.name for x in (a, e)]
    rtol, atol = max(TOLERANCES.get(n, (0.0, 0.0)) for n in names) if given[0] is None else given
    wide = np.result_type(a.dtype, np.float64) if a.dtype.kind in "fcV" else a.dtype
    a, e = a.astype(wide), e.astype(np.result_type(wide, e.dtype))
    wrong = ~np.isclose(a, e, rtol=rtol, atol=atol, equal_nan=equal_nan)
    if not wrong.any():
        return None
    gap = np.abs(np.where(wrong, a.astype(np.result_type(a, 1.0)) - e, 0))
    worst = np.unravel_index(np.argmax(gap), gap.shape)
    return (f"assert_close: {int(wrong.sum())} of {wrong.size} values differ{place}, most at {tuple(map(int, worst))} by "
            f"{gap[worst]:g} (rtol={rtol:g}, atol={atol:g})")  # fmt: skip


def host(x: Any) -> np.ndarray:
    x = x.to_dense() if isinstance(x, SparseTensor) else x
    return x.backend.to_host(x.array) if isinstance(x, Tensor) else np.asarray(x)


def make_tensor(
    *shape: Any, dtype: Any, device: Any = None, low: float | None = None, high: float | None = None,
    requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Random numbers of any type on [low, high): -9 to 9 unless given (whole ones to 9 included, booleans both).

    `noncontiguous` takes every second of twice as many; `exclude_zero` writes the least positive number for 0.
    Raises ValueError for low >= high, and `requires_grad` of integers.
    """
    size, kind = sizes("make_tensor", shape), as_dtype(dtype)
    drawn = kind.is_floating_point or kind.is_complex
    if requires_grad and not drawn:
        raise ValueError(f"make_tensor: requires_grad=True is not supported for {kind!r}. Hint: a floating dtype")
    if noncontiguous and memory_format is not None:
        raise ValueError("make_tensor: noncontiguous and memory_format are mutually exclusive, got both")
    usual = (0, 2) if kind.kind == "bool" else (-9, 9) if drawn else (max(-9, iinfo(kind).min), 10)
    least, most = usual[0] if low is None else low, usual[1] if high is None else high
    if not (least < most or (drawn and least == most)):
        raise ValueError(f"make_tensor: low must be less than high, got {least} and {most}")
    apart = noncontiguous and math.prod(size) > 1
    wide = (*size[:-1], 2 * size[-1]) if apart else size
    if drawn:
        parts = [rand(wide, dtype=kind.to_real(), device=device) * (most - least) + least for _ in range(1 + kind.is_complex)]
        out = complex(*parts) if kind.is_complex else parts[0]
    else:
        out = randint(math.ceil(least), math.ceil(most), wide, dtype=kind, device=device)
    out = out[..., 1::2] if apart else out
    if exclude_zero:
        out = where(out == 0, full_like(out, finfo(kind).tiny if drawn else 1), out)
    return out.detach().requires_grad_(requires_grad)


TESTING = {"assert_close": assert_close, "make_tensor": make_tensor}
