"""Tensors made in the likeness of another (its shape, type and device), and a logarithmic range."""

from __future__ import annotations

from typing import Any

from ..backends import dtype as as_dtype
from ..backends import get_default_dtype
from ..core import Tensor
from .create import at_random, full, full_like, full_like_op, linspace, positive_sizes, rand_op, randn_op, tensor
from .elementwise import pow
from .operands import named, stored, tensor_of
from .random import Generator


@stored
def empty_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None
) -> Tensor:
    """A tensor to be written, in the shape, type and device of `input`; filled with zeros, as `empty`."""
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


@stored
def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Uniform numbers on [0, 1) in the shape and type of `input`."""
    x = tensor_of("rand_like", input)
    return at_random("rand_like", rand_op, x.shape, dtype or x.dtype, device or x.device, generator, requires_grad, x)


@stored
def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Standard normal numbers in the shape and type of `input`."""
    x = tensor_of("randn_like", input)
    return at_random("randn_like", randn_op, x.shape, dtype or x.dtype, device or x.device, generator, requires_grad, x)


@stored
def new_tensor(self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`, in this one's type and on its device."""
    return tensor(data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


def made(self: Tensor, size: tuple, value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One value in `size`, in this tensor's type and on its device; inside `vmap` one for each example, as in PyTorch."""
    kind = as_dtype(dtype) if dtype else self.dtype
    if self.backend.name != "vmap":
        return full(positive_sizes("full", size), value, dtype=kind, device=device or self.device, requires_grad=requires_grad)
    return full_like_op(self, value=value, dtype=kind, shape=positive_sizes("full", size)).requires_grad_(requires_grad)


@stored
@named("size", 1)
def new_zeros(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of `size`, in this tensor's type and on its device."""
    return made(self, size, 0, dtype, device, requires_grad)


@stored
@named("size", 1)
def new_ones(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of `size`, in this tensor's type and on its device."""
    return made(self, size, 1, dtype, device, requires_grad)


@stored
@named("size", 1)
def new_empty(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of `size` to be written, in this one's type and on its device; filled with zeros, as `empty`."""
    return made(self, size, 0, dtype, device, requires_grad)


@stored
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value in `size`, in this tensor's type and on its device."""
    return made(self, (size,), fill_value, dtype, device, requires_grad)


@stored
def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:  # fmt: skip
    """`steps` numbers from base^start to base^end, their logarithms evenly spaced."""
    kind = as_dtype(dtype) if dtype else get_default_dtype()
    start, end = (start, end) if kind.kind == "float" else (int(start), int(end))
    out = pow(float(base), linspace(start, end, steps, dtype="float64", device=device)).to(kind)
    return out.requires_grad_() if requires_grad else out


NEW = (new_tensor, new_zeros, new_ones, new_empty, new_full)
