"""Methods of tensors that scripts call and that a new program would not: they change a tensor's shape under its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core import Tensor, mode
from ..ops.create import zeros
from ..ops.shape import cat


def resize_(self: Any, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Give the tensor another shape in place: the first elements stay, new ones are 0.

    Raises RuntimeError for a tensor that requires grad, or a negative size.
    """
    shape = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else tuple(map(int, sizes))
    if self.requires_grad:
        raise RuntimeError("resize_: cannot resize variables that require grad. Hint: .detach() first")
    if any(n < 0 for n in shape):
        raise RuntimeError(f"resize_: sizes must not be negative, got {shape}")
    with mode(grad=False):
        flat, n = self.reshape(-1), math.prod(shape)
        if n > flat.shape[0]:
            flat = cat([flat, zeros(n - flat.shape[0], dtype=self.dtype, device=self.device)], 0)
        self.data = flat[:n].reshape(shape)
    return self


def resize_as_(self: Tensor, other: Tensor, memory_format: Any = None) -> Tensor:
    """`resize_` to the shape of `other`."""
    return resize_(self, *other.shape)


METHODS: dict[str, Callable] = {"resize_": resize_, "resize_as_": resize_as_}
