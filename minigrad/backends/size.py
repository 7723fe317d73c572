"""Size: a shape, as users see it."""

from __future__ import annotations

import math


class Size(tuple):
    """A shape: a tuple of ints that also counts its elements with `numel()`."""

    def numel(self) -> int:
        """How many elements: the product of the sizes."""
        return math.prod(self)

    def __repr__(self) -> str:
        return f"minigrad.Size([{', '.join(map(str, self))}])"
