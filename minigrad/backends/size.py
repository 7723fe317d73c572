"""Size: a shape, as users see it."""

from __future__ import annotations

import math
from typing import Any


class Size(tuple):
    """A shape: a tuple of ints that also counts its elements with `numel()`. Parts and sums of it are shapes again."""

    __slots__ = ()

    def __getitem__(self, k: Any) -> Any:
        part = tuple.__getitem__(self, k)
        return Size(part) if k.__class__ is slice else part

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: Any) -> Any:
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__

    def numel(self) -> int:
        """How many elements: the product of the sizes."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"minigrad.Size([{', '.join(map(str, self))}])"
