"""Patches of images as columns and back, pixels that move between channels and space, and pooling built on pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...backends import ShapeError
from ...core import Tensor
from ...ops.arithmetic import apart
from ...ops.create import tensor, zeros
from ...ops.elementwise import abs, relu, sign, square
from ...ops.index import index_add_op, index_select_op
from ...ops.operands import tensor_of
from ...ops.scatter import scatter
from ...ops.shape import permute_op, reshape_op
from .checks import IMAGE, batched, ntuple, unbatched
from .pad import pad
from .pool import avg_pool1d, avg_pool2d, avg_pool3d


def patch_cells(
    who: str, image: tuple[int, ...], kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[np.ndarray, tuple[int, ...]]:
    """The cell of the padded image at each place of each patch, (kH kW, oH oW), and the padding."""
    kernel, spread = ntuple(who, "kernel_size", kernel_size, 2), ntuple(who, "dilation", dilation, 2)
    step, border = ntuple(who, "stride", stride, 2), ntuple(who, "padding", padding, 2, 0)
    wide = tuple(s + 2 * p for s, p in zip(image, border, strict=True))
    counts = [(w - d * (k - 1) - 1) // s + 1 for w, d, k, s in zip(wide, spread, kernel, step, strict=True)]
    if min(counts) < 1:
        raise ShapeError(f"{who}: no patch of kernel_size {kernel} fits into an image of {image} with padding {border}: "
                         f"there would be {tuple(counts)} patches")  # fmt: skip
    rows, columns = (
        np.arange(k)[:, None] * d + np.arange(o) * s for k, d, o, s in zip(kernel, spread, counts, step, strict=True)
    )
    cells = rows[:, None, :, None] * wide[1] + columns[None, :, None, :]  # (kH, kW, oH, oW)
    return cells.reshape(math.prod(kernel), math.prod(counts)), border


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every patch of an image as a column, as in im2col; (N, C, H, W) -> (N, C kH kW, oH oW)."""
    x, was_batched = batched("unfold", input, 2)
    cells, (top, left) = patch_cells("unfold", tuple(x.shape[2:]), kernel_size, dilation, padding, stride)
    n, channels = x.shape[:2]
    wide = pad(x, (left, left, top, top)) if top or left else x
    flat = reshape_op(wide, shape=(n, channels, wide.shape[2] * wide.shape[3]))
    y = index_select_op(flat, tensor(cells.reshape(-1), device=x.device), dim=2)  # (N, C, kH kW oH oW)
    return unbatched(reshape_op(y, shape=(n, channels * cells.shape[0], cells.shape[1])), was_batched)


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The adjoint of `unfold`: columns put back as patches, which add up where they overlap; -> (N, C, *output_size)."""
    was_batched = tensor_of("fold", input).ndim == 3
    x = input if was_batched else reshape_op(input, shape=(1, *input.shape))
    image = ntuple("fold", "output_size", output_size, 2)
    cells, (top, left) = patch_cells("fold", image, kernel_size, dilation, padding, stride)
    if x.ndim != 3 or x.shape[1] % cells.shape[0] or x.shape[2] != cells.shape[1]:
        raise ShapeError(f"fold: expected input (N, C kH kW, L) with kH kW = {cells.shape[0]} and L = {cells.shape[1]} for "
                         f"output_size {image}, got {tuple(input.shape)}")  # fmt: skip
    n, channels = x.shape[0], x.shape[1] // cells.shape[0]
    height, width = image[0] + 2 * top, image[1] + 2 * left
    flat = reshape_op(x, shape=(n, channels, cells.size))
    y = index_add_op(flat, tensor(cells.reshape(-1), device=x.device), n=height * width, dim=2)
    y = reshape_op(y, shape=(n, channels, height, width))
    return unbatched(y[:, :, top : top + image[0], left : left + image[1]] if top or left else y, was_batched)


# -- pixels and channels ---------------------------------------------------------------------------------------------


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Groups of r^2 channels spread over r by r pixels; (..., C r^2, H, W) -> (..., C, H r, W r). Source: Shi et al. 2016."""
    r = upscale_factor
    if tensor_of("pixel_shuffle", input).ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle: expected input (..., C r^2, H, W) with r = {r}, got {tuple(input.shape)}")
    *lead, deep, height, width = input.shape
    x = reshape_op(input, shape=(math.prod(lead), deep // (r * r), r, r, height, width))
    shape = (*lead, deep // (r * r), height * r, width * r)
    return apart(reshape_op(permute_op(x, dims=(0, 1, 4, 2, 5, 3)), shape=shape), input)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of `pixel_shuffle`; (..., C, H r, W r) -> (..., C r^2, H, W)."""
    r = downscale_factor
    if tensor_of("pixel_unshuffle", input).ndim < 3 or r < 1 or input.shape[-2] % r or input.shape[-1] % r:
        raise ShapeError(f"pixel_unshuffle: expected input (..., C, H r, W r) with r = {r}, got {tuple(input.shape)}")
    *lead, deep, height, width = input.shape
    x = reshape_op(input, shape=(math.prod(lead), deep, height // r, r, width // r, r))
    shape = (*lead, deep * r * r, height // r, width // r)
    return apart(reshape_op(permute_op(x, dims=(0, 1, 3, 5, 2, 4)), shape=shape), input)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels dealt out from `groups` groups in turn; (N, C, ...) -> same. Source: Zhang et al. 2018, ShuffleNet, §3.1."""
    shape = tuple(tensor_of("channel_shuffle", input).shape)
    if len(shape) < 3 or groups < 1 or shape[1] % groups:
        raise ShapeError(f"channel_shuffle: expected input (N, C, ...) with groups = {groups} dividing C, got {shape}")
    x = reshape_op(input, shape=(shape[0], groups, shape[1] // groups, *shape[2:]))
    return apart(reshape_op(permute_op(x, dims=(0, 2, 1, *range(3, x.ndim))), shape=shape), input)


# -- pooling built on pooling ----------------------------------------------------------------------------------------


def lp_pooled(n: int, x: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    """(sum of x^p under the window)^(1/p), which is NaN for a negative sum unless p is 1; where the sum is 0 the slope is 0."""
    pool, cells = (avg_pool1d, avg_pool2d, avg_pool3d)[n - 1], math.prod(ntuple(f"lp_pool{n}d", "kernel_size", kernel_size, n))
    mean = pool(tensor_of(f"lp_pool{n}d", x) ** norm_type, kernel_size, stride, 0, ceil_mode)
    return (sign(mean.detach()) * relu(abs(mean)) * cells) ** (1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(N, C, W) -> (N, C, oW): see `lp_pool2d`."""
    return lp_pooled(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """y = (sum of x^p under the window)^(1/p), p = norm_type; (N, C, H, W) -> (N, C, oH, oW)."""
    return lp_pooled(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `lp_pool2d`."""
    return lp_pooled(3, input, norm_type, kernel_size, stride, ceil_mode)


def unpooled(n: int, x: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Tensor:
    """Zeros with each value of x at the place it had before max pooling."""
    who = f"max_unpool{n}d"
    x, was_batched = batched(who, x, n)
    at, _ = batched(who, indices, n)
    if at.shape != x.shape:
        raise ShapeError(f"{who}: input and indices must have one shape, got {tuple(x.shape)} and {tuple(at.shape)}")
    kernel, border = ntuple(who, "kernel_size", kernel_size, n), ntuple(who, "padding", padding, n, 0)
    step = kernel if stride is None else ntuple(who, "stride", stride, n)
    usual = tuple((s - 1) * t + k - 2 * p for s, t, k, p in zip(x.shape[2:], step, kernel, border, strict=True))
    sizes = usual if output_size is None else tuple(output_size)[-n:]
    if len(sizes) != n or any(not u - t < s < u + t for s, u, t in zip(sizes, usual, step, strict=True)):
        raise ValueError(f"{who}: output_size must be ({IMAGE[n]}) within a stride of {usual}, got {tuple(output_size)}")
    lead = tuple(x.shape[:2])
    flat = zeros(*lead, math.prod(sizes), dtype=x.dtype, device=x.device)
    y = scatter(
        flat, 2, reshape_op(at, shape=(*lead, math.prod(x.shape[2:]))), reshape_op(x, shape=(*lead, math.prod(x.shape[2:])))
    )
    return unbatched(reshape_op(y, shape=(*lead, *sizes)), was_batched)


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """(N, C, W) -> (N, C, oW): see `max_unpool2d`."""
    return unpooled(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Undo `max_pool2d(..., return_indices=True)`: values at the places they came from, 0 elsewhere.

    (N, C, H, W) -> (N, C, oH, oW), oH = (H - 1) stride + kH - 2 padding unless `output_size` says otherwise.
    Source: Zeiler & Fergus 2014, §2.1.
    """
    return unpooled(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `max_unpool2d`."""
    return unpooled(3, input, indices, kernel_size, stride, padding, output_size)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """y = x / (k + alpha/size sum of x^2 over `size` channels around)^beta; (N, C, ...).

    Source: Krizhevsky et al. 2012, §3.3.
    """
    x = tensor_of("local_response_norm", input)
    if x.ndim < 3:
        raise ShapeError(f"local_response_norm: expected input (N, C, ...) of 3 or more dimensions, got {tuple(x.shape)}")
    if not x.array.size:
        return x
    rows = reshape_op(square(x), shape=(x.shape[0], x.shape[1], -1))
    line = pad(permute_op(rows, dims=(0, 2, 1)), (size // 2, (size - 1) // 2))  # (N, cells, C + size - 1)
    mean = permute_op(avg_pool1d(line, size, 1), dims=(0, 2, 1))
    return x / (reshape_op(mean, shape=tuple(x.shape)) * alpha + k) ** beta
