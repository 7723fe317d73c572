"""What the functions of linear algebra ask of their arguments."""

from __future__ import annotations

from typing import Any

from ...backends import DTypeError, ShapeError
from ...core import Tensor
from ..operands import tensor_of


def floating(who: str, x: Any, name: str = "input") -> Tensor:
    """`x`, a floating or complex tensor. Raises TypeError or DTypeError."""
    if not tensor_of(who, x, name).dtype.is_inexact:
        raise DTypeError(f"{who}: expected a floating tensor, got {x.dtype!r}. Hint: .float()")
    return x


def matrix(who: str, A: Any, square: bool = False) -> Tensor:
    """`A`, one or more (square) matrices of floating or complex numbers. Raises ShapeError that says the shape."""
    if floating(who, A, "A").ndim < 2 or (square and A.shape[-1] != A.shape[-2]):
        kind = "square matrices (..., n, n)" if square else "matrices (..., m, n)"
        raise ShapeError(f"{who}: expected {kind}, got shape {tuple(A.shape)}")
    return A


def largest(x: Tensor) -> Any:
    """The largest element, over all examples inside `vmap`; 0 of none."""
    found = x.backend.xp.max(x.array) if x.array.size else 0
    return int(found) if x.dtype.kind == "int" else float(found)
