"""Comparisons that the suites share."""

from __future__ import annotations

from typing import Any

import numpy as np


def host(x: Any) -> np.ndarray:
    """A tensor's elements in NumPy, wherever it lives."""
    return np.asarray(x.backend.to_host(x.array))


def assert_same(got: Any, want: np.ndarray, tol: float) -> None:
    """Equal in shape, in kind of type, and in value to `tol`, relative and absolute; NaN equals NaN."""
    array = host(got)
    assert array.shape == want.shape, f"shape {array.shape}, expected {want.shape}"
    assert array.dtype.kind == want.dtype.kind, f"type {array.dtype}, expected {want.dtype}"
    np.testing.assert_allclose(array, want, rtol=tol, atol=tol)
