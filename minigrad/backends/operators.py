"""The operators that ops/methods.py attaches to Tensor, declared for type checkers; at run time the class is empty."""

from __future__ import annotations

from typing import Any


class Operators:
    """A base that says: these operators are there, and take and give anything."""

    __slots__ = ()

    __add__: Any
    __radd__: Any
    __iadd__: Any
    __sub__: Any
    __rsub__: Any
    __isub__: Any
    __mul__: Any
    __rmul__: Any
    __imul__: Any
    __truediv__: Any
    __rtruediv__: Any
    __itruediv__: Any
    __floordiv__: Any
    __rfloordiv__: Any
    __mod__: Any
    __rmod__: Any
    __pow__: Any
    __rpow__: Any
    __matmul__: Any
    __rmatmul__: Any
    __and__: Any
    __rand__: Any
    __or__: Any
    __ror__: Any
    __xor__: Any
    __rxor__: Any
    __neg__: Any
    __pos__: Any
    __abs__: Any
    __invert__: Any
    __lt__: Any
    __le__: Any
    __gt__: Any
    __ge__: Any
    __eq__: Any
    __ne__: Any
    __getitem__: Any
    __setitem__: Any
    __len__: Any
    __iter__: Any
    __bool__: Any
    __int__: Any
    __float__: Any
    __index__: Any
