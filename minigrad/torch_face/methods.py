"""Methods of tensors that scripts call and that a new program would not: they change a tensor's shape under its name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core import Tensor, mode
from ..nn import functional
from ..ops.create import as_tensor, zeros
from ..ops.methods import owner
from ..ops.shape import cat
from .extras import frexp, histogram, nextafter
from .typed import made


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


def apply_(self: Tensor, callable: Callable) -> Tensor:
    """Write callable(number) in the place of each number, one by one in Python."""
    return map2_(self, self, self, lambda x, *_: callable(x))


def map_(self: Tensor, tensor: Tensor, callable: Callable) -> Tensor:
    """Write callable(number, number of `tensor`) in the place of each number, one by one in Python."""
    return map2_(self, tensor, tensor, lambda x, y, _: callable(x, y))


def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable) -> Tensor:
    """Write callable(number, number of x, number of y) in the place of each number, one by one in Python.

    Raises RuntimeError for tensors that require grad.
    """
    if any(t.requires_grad for t in (self, x, y)):
        raise RuntimeError("apply_: no gradient passes through a function of Python numbers. Hint: .detach()")
    flat = zip(*(t.expand(self.shape).reshape(-1).tolist() for t in (self, x, y)), strict=True)
    return self.copy_(as_tensor([callable(*numbers) for numbers in flat], dtype=self.dtype).reshape(self.shape))


def storage_offset(self: Tensor) -> int:
    """How many elements come before the first one in the memory of the tensor that this is a view of."""
    return (self.data_ptr() - owner(self).data_ptr()) // self.dtype.itemsize


def new(self: Tensor, *data: Any) -> Tensor:
    """A tensor of sizes, or of a list, an array or a tensor, of this one's type and on its device. Its elements begin as 0."""
    return made("new", self.dtype, str(self.device), data)


METHODS: dict[str, Callable] = {
    "histogram": histogram, "resize_": resize_, "resize_as_": resize_as_, "apply_": apply_, "map_": map_, "map2_": map2_,
    "storage_offset": storage_offset, "new": new, "nextafter": nextafter, "frexp": frexp,
    "hardshrink": functional.hardshrink, "prelu": functional.prelu, "to_dense": lambda self, dtype=None: self.to(dtype=dtype),
}  # fmt: skip
