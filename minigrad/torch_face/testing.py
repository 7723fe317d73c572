"""`testing.assert_close`: two values alike within tolerances that belong to their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import Tensor

TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
              "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7)}  # fmt: skip


def assert_close(
    actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None, equal_nan: bool = False,
    check_device: bool = True, check_dtype: bool = True, msg: str | Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """|actual - expected| <= atol + rtol |expected| everywhere, in tensors, numbers, and lists and dicts of them.

    Without tolerances those of the coarser type: 1.3e-6 and 1e-5 for float32, 1e-7 and 1e-7 for float64, none for integers.
    Raises AssertionError that says where and how far they differ, ValueError if only one tolerance is given.
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: expected both rtol and atol or none of them")
    fault = difference(actual, expected, (rtol, atol), equal_nan, check_device, check_dtype, "")
    if fault:
        raise AssertionError(msg(fault) if callable(msg) else msg or fault)


def difference(actual: Any, expected: Any, given: tuple, equal_nan: bool, device: bool, dtype: bool, at: str) -> str | None:
    """What is wrong at place `at`, in words; None if nothing."""
    rest = (given, equal_nan, device, dtype)
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
    for what, asked in (("shape", True), ("dtype", dtype), ("device", device)):
        a, e = getattr(actual, what, None), getattr(expected, what, None)
        if asked and a != e:
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
    return x.backend.to_host(x.array) if isinstance(x, Tensor) else np.asarray(x)
