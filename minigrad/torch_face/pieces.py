"""Views as copies, layouts, a fixed number of positions, and layers under the names that PyTorch gives their kernels."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..backends import DTypeError, ShapeError
from ..core import Op, Tensor
from ..nn import functional
from ..ops import functions
from ..ops.arithmetic import clone
from ..ops.compose import unfold
from ..ops.create import full, ones_like, zeros
from ..ops.elementwise import rsqrt
from ..ops.operands import axis, by_name, sizes, stored, tensor_of, whole
from ..ops.reduce import var_mean
from ..ops.shape import cat
from ..ops.strided import as_strided_adjoint

# -- copies of what else are views -----------------------------------------------------------------------------------------

VIEWS = """alias as_strided detach diagonal expand permute select split split_with_sizes squeeze t transpose unbind unsqueeze
    view view_as_complex view_as_real""".split()


def sliced(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """start:end:step along `dim`."""
    d = axis("slice_copy", dim, tensor_of("slice_copy", input).ndim)
    if step < 1:
        raise ShapeError(f"slice_copy: step must be positive, got {step}")
    return input[(*(slice(None),) * d, slice(start, end, step))]


def copying(name: str, view: Callable) -> Callable:
    """The function name_copy: what `view` gives, in memory of its own."""
    view = by_name(view, name) if isinstance(view, Op) else view

    @functools.wraps(view)
    def copied(*args: Any, **options: Any) -> Any:
        found = view(*args, **options)
        return tuple(map(clone, found)) if isinstance(found, tuple) else clone(found)

    copied.__name__ = copied.__qualname__ = f"{name}_copy"
    copied.__module__, copied.__doc__ = __name__, f"`{name}` in memory of its own."
    return copied


COPIES = {f"{name}_copy": copying(name, getattr(functions, name, None) or getattr(Tensor, name)) for name in VIEWS}
COPIES |= {"slice_copy": copying("slice", sliced), "unfold_copy": copying("unfold", unfold)}


def as_strided_scatter(input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A copy of `input` with `src` where `as_strided` with the same arguments would look."""
    place = functions.as_strided(tensor_of("as_strided_scatter", input).detach(), size, stride, storage_offset)
    if tuple(place.shape) != tuple(tensor_of("as_strided_scatter", src, "src").shape):
        raise ShapeError(f"as_strided_scatter: expected src to have a size equal to the slice of self, {tuple(place.shape)}, "
                         f"got {tuple(src.shape)}")  # fmt: skip
    at = {"size": tuple(place.shape), "stride": sizes("as_strided_scatter", (tuple(stride),)), "offset": storage_offset or 0}
    there = as_strided_adjoint(ones_like(src, dtype="int64"), shape=tuple(input.shape), **at) > 0
    return functions.where(there, as_strided_adjoint(src.to(input.dtype), shape=tuple(input.shape), **at), input)


# -- layouts ---------------------------------------------------------------------------------------------------------------


@stored
def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor to be written whose neighbours along dimension d lie stride[d] elements apart; filled with zeros, as `empty`."""
    shape, steps = sizes("empty_strided", (tuple(size),)), sizes("empty_strided", (tuple(stride),))
    if len(shape) != len(steps) or min((*shape, *steps), default=0) < 0:
        raise ShapeError(f"empty_strided: expected as many sizes as strides, none negative, got {shape} and {steps}")
    last = sum((n - 1) * step for n, step in zip(shape, steps, strict=True)) if all(shape) else 0
    return (
        functions.as_strided(zeros(last + 1, dtype=dtype, device=device), shape, steps).detach().requires_grad_(requires_grad)
    )


def new_empty_strided(self: Tensor, size: Any, stride: Any, dtype: Any = None, device: Any = None, **options: Any) -> Tensor:
    """`empty_strided` in this tensor's type and on its device."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, device=device or self.device, **options)


@stored
def empty_permuted(
    size: Any, physical_layout: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor to be written whose dimensions lie in memory in the order `physical_layout`, the outermost first."""
    shape, order = sizes("empty_permuted", (tuple(size),)), sizes("empty_permuted", (tuple(physical_layout),))
    if sorted(order) != list(range(len(shape))):
        raise ShapeError(f"empty_permuted: expected an order of {len(shape)} dimensions, got {order}")
    made = zeros([shape[d] for d in order], dtype=dtype, device=device)
    return made.permute([order.index(d) for d in range(len(shape))]).detach().requires_grad_(requires_grad)


def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions in the order in which they lie in memory, the outermost first. Raises RuntimeError if several
    orders are possible and `ambiguity_check` asks for one."""
    if ambiguity_check and self.ndim > 1 and (1 in self.shape or len(set(self.stride())) < self.ndim):
        raise RuntimeError("dim_order: The tensor does not have unique dim order. Hint: ambiguity_check=False")
    return tuple(sorted(range(self.ndim), key=lambda d: -self.stride(d)))


def chalf(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """Raises DTypeError: NumPy has no complex numbers of two 16-bit parts."""
    raise DTypeError("chalf: there is no complex32. Hint: .cfloat()")


# -- positions -------------------------------------------------------------------------------------------------------------


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """`nonzero`, cut or filled up with `fill_value` to `size` rows."""
    if whole("nonzero_static", "size", size) < 0:
        raise ShapeError(f"nonzero_static: size must not be negative, got {size}")
    found = functions.nonzero(input)[:size]
    rest = full((size - found.shape[0], found.shape[1]), fill_value, dtype="int64", device=input.device)
    return cat([found, rest], 0)


# -- layers under the names of their kernels -------------------------------------------------------------------------------


def native_layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(`layer_norm`, the means, 1 / sqrt(var + eps)); only the first has a gradient."""
    y = functional.layer_norm(input, normalized_shape, weight, bias, eps)
    dims = tuple(range(input.ndim - len(tuple(normalized_shape)), input.ndim))
    var, mean = var_mean(input.detach(), dims, correction=0, keepdim=True)
    return y, mean, rsqrt(var + eps)


def native_group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(`group_norm` of N cases of C channels, the means of each group (N, group), 1 / sqrt(var + eps))."""
    y = functional.group_norm(input, group, weight, bias, eps)
    var, mean = var_mean(input.reshape(N, group, C * HxW // group), 2, correction=0)
    return y, mean, rsqrt(var + eps)


def native_batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float, eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(`batch_norm`, and in training the batch's means and 1 / sqrt(var + eps), without gradients, else two empty tensors)."""
    y = functional.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return y, input.new_empty(0), input.new_empty(0)
    var, mean = var_mean(input.detach(), [d for d in range(input.ndim) if d != 1], correction=0)
    return y, mean, rsqrt(var + eps)


MODES, BORDERS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def grid_sampler(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Tensor:
    """`grid_sample`, its modes by number: 0 bilinear, 1 nearest, 2 bicubic; 0 zeros, 1 border, 2 reflection."""
    if interpolation_mode not in range(3) or padding_mode not in range(3):
        raise ValueError(f"grid_sampler: modes are 0, 1 or 2, got {interpolation_mode} and {padding_mode}")
    return functional.grid_sample(input, grid, MODES[interpolation_mode], BORDERS[padding_mode], align_corners)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """`nn.functional.pad` with one value."""
    return functional.pad(input, pad, "constant", value)


FUNCTIONS: dict[str, Callable] = {
    **COPIES, "as_strided_scatter": as_strided_scatter, "empty_strided": empty_strided, "empty_permuted": empty_permuted,
    "nonzero_static": nonzero_static, "native_layer_norm": native_layer_norm, "native_group_norm": native_group_norm,
    "native_batch_norm": native_batch_norm, "grid_sampler": grid_sampler, "grid_sampler_2d": grid_sampler,
    "grid_sampler_3d": grid_sampler, "constant_pad_nd": constant_pad_nd, "conj_physical": functions.conj,
    "native_channel_shuffle": functional.channel_shuffle, "unsafe_chunk": functions.chunk, "unsafe_split": functions.split,
    "unsafe_split_with_sizes": functions.split_with_sizes, "is_conj": lambda input: False, "is_neg": lambda input: False,
}  # fmt: skip
METHODS: dict[str, Callable] = {
    name: FUNCTIONS[name] for name in ("as_strided_scatter", "nonzero_static", "conj_physical", "is_conj", "is_neg",
                                       "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes")
} | {"new_empty_strided": new_empty_strided, "dim_order": dim_order, "chalf": chalf}  # fmt: skip
