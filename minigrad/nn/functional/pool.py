"""Pooling in one, two and three dimensions: the largest or the mean of each window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from ...backends import ShapeError, Window
from ...core import Tensor
from ...ops.arithmetic import expand
from ...ops.conv import max_pool, max_pool_places, sum_pool, take_places
from ...ops.create import ones, tensor
from ...ops.functions import div
from ...ops.index import gather_op, index_select_op
from ...ops.matmul import matmul_op
from ...ops.reduce import argmax_op
from ...ops.shape import reshape_op
from .checks import batched, ntuple, unbatched


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows there are; with `ceil_mode` one more may reach beyond the end, if it starts before it."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    n = -(-room // stride) + 1
    return n - 1 if (n - 1) * stride >= size + padding else n


def windows(
    who: str, x: Tensor, n: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[tuple[int, ...], Window, tuple[int, ...]]:
    """Kernel, window and the number of windows. Raises ShapeError if padding is too wide or no window fits."""
    kernel = ntuple(who, "kernel_size", kernel, n)
    stride = kernel if stride is None or stride == () or stride == [] else ntuple(who, "stride", stride, n)
    padding, dilation = ntuple(who, "padding", padding, n, 0), ntuple(who, "dilation", dilation, n)
    if not all(x.shape[1:]):
        raise ShapeError(f"{who}: expected an input of which only the batch may be empty, got {tuple(x.shape)}")
    if any(2 * p > d * (k - 1) + 1 for p, k, d in zip(padding, kernel, dilation, strict=True)):
        raise ShapeError(f"{who}: padding should be at most half of the (dilated) kernel size, got padding {padding} "
                         f"and kernel {kernel}")  # fmt: skip
    sizes = tuple(pooled_size(*one, ceil_mode) for one in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True))
    if min(sizes) < 1:
        raise ShapeError(f"{who}: no window of kernel_size {kernel} fits into input {tuple(x.shape)}: the output "
                         f"would be {sizes}. Hint: a smaller kernel, or padding")  # fmt: skip
    return kernel, Window(stride, padding, dilation), sizes


def largest(
    who: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    """Max pooling over `n` spatial dimensions."""
    x, was_batched = batched(who, x, n)
    kernel, window, sizes = windows(who, x, n, kernel_size, stride, padding, dilation, ceil_mode)
    y = max_pool(x, kernel=kernel, window=window, sizes=sizes)
    if not return_indices:
        return unbatched(y, was_batched)
    return unbatched(y, was_batched), unbatched(max_pool_places(x, y, kernel=kernel, window=window), was_batched)


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """(N, C, W) -> (N, C, oW): see `max_pool2d`."""
    return largest("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """y[n,c,o] = the largest x under the window at stride o - padding; (N, C, H, W) -> (N, C, oH, oW).

    oH = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1, rounded up with `ceil_mode`; the stride is the
    kernel unless given. With `return_indices` also the flat position in the image of each. A single image may come
    without N.
    """
    return largest("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `max_pool2d`."""
    return largest("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def averaged(
    who: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: Any,
) -> Tensor:
    """Average pooling over `n` spatial dimensions."""
    x, was_batched = batched(who, x, n)
    kernel, window, sizes = windows(who, x, n, kernel_size, stride, padding, 1, ceil_mode)
    if divisor == 0:
        raise ShapeError(f"{who}: divisor must be not zero")
    if x.dtype.name in ("bool", "uint8", "int8", "int16", "int32"):
        raise NotImplementedError(f"{who}: not possible for {x.dtype!r}, as in PyTorch. Hint: .float(), or .long()")
    total = sum_pool(x, kernel=kernel, window=window, sizes=sizes)
    if divisor is None and (ceil_mode or (any(window.padding) and not count_include_pad)):
        grown = window.padding if count_include_pad else (0,) * n  # where the padding counts, it is part of the image
        spatial = [s + 2 * p for s, p in zip(x.shape[2:], grown, strict=True)]
        image = ones(1, 1, *spatial, dtype=x.dtype, device=x.device)
        window = window._replace(padding=tuple(p - g for p, g in zip(window.padding, grown, strict=True)))
        divisor = sum_pool(image, kernel=kernel, window=window, sizes=sizes)
    elif divisor is None:
        divisor = int(np.prod(kernel))
    if x.dtype.kind == "int":
        return unbatched(div(total, divisor, rounding_mode="trunc"), was_batched)
    return unbatched(total / divisor if isinstance(divisor, Tensor) else total * (1 / divisor), was_batched)


def avg_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """(N, C, W) -> (N, C, oW): see `avg_pool2d`."""
    return averaged("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """y[n,c,o] = the mean of x under the window at stride o - padding; (N, C, H, W) -> (N, C, oH, oW).

    The sum is divided by the cells of the window, those of the padding counted if `count_include_pad`, or by
    `divisor_override`. Sizes are those of `max_pool2d`.
    """
    return averaged("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `avg_pool2d`."""
    return averaged("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


# -- pooling to a given size -------------------------------------------------------------------------------------------


def goal_sizes(who: str, x: Tensor, n: int, output_size: Any) -> tuple[int, ...]:
    """The output's sizes; None keeps the input's."""
    given = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * n
    if len(given) != n:
        raise ShapeError(f"{who}: output_size must be an int or a tuple of {n}, got {output_size!r}")
    if not all(x.shape[2:]):
        raise ShapeError(f"{who}: expected an input with non-empty spatial dimensions, got {tuple(x.shape)}")
    return ntuple(who, "output_size", tuple(s if o is None else o for s, o in zip(x.shape[2:], given, strict=True)), n)


def spans(size: int, out: int) -> list[range]:
    """The cells that each of `out` results is made of: from floor(i size / out) to ceil((i + 1) size / out)."""
    return [range(i * size // out, -(-(i + 1) * size // out)) for i in range(out)]


def even_window(x: Tensor, sizes: tuple) -> tuple[tuple[int, ...], Window] | None:
    """Kernel and window if all windows are alike, else None."""
    if any(s % o for s, o in zip(x.shape[2:], sizes, strict=True)):
        return None
    kernel = tuple(s // o for s, o in zip(x.shape[2:], sizes, strict=True))
    return kernel, Window(kernel, (0,) * len(kernel), (1,) * len(kernel))


def adaptive_averaged(who: str, n: int, x: Any, output_size: Any) -> Tensor:
    """Average pooling to `output_size`."""
    x, was_batched = batched(who, x, n)
    if x.dtype.kind in ("bool", "int"):
        raise NotImplementedError(f"{who}: not possible for {x.dtype!r}, as in PyTorch. Hint: .float()")
    sizes = goal_sizes(who, x, n, output_size)
    even = even_window(x, sizes)
    if even is not None:
        kernel, window = even
        return unbatched(sum_pool(x, kernel=kernel, window=window, sizes=sizes) * (1 / int(np.prod(kernel))), was_batched)
    for d, out in enumerate(sizes):  # one dimension after the other: a mean of means, all windows across being alike
        line = [*range(d + 2), *range(d + 3, n + 2), d + 2]
        weights = np.zeros((x.shape[d + 2], out))
        for i, span in enumerate(spans(x.shape[d + 2], out)):
            weights[span.start : span.stop, i] = 1 / len(span)
        x = matmul_op(x.permute(*line), tensor(weights, dtype=x.dtype, device=x.device)).movedim(-1, d + 2)
    return unbatched(x, was_batched)


def adaptive_largest(who: str, n: int, x: Any, output_size: Any, return_indices: bool) -> Any:
    """Max pooling to `output_size`."""
    x, was_batched = batched(who, x, n)
    sizes = goal_sizes(who, x, n, output_size)
    even = even_window(x, sizes)
    if even is not None:
        kernel, window = even
        return unbatched_pair(largest(who, n, x, kernel, None, 0, 1, False, return_indices), was_batched)
    table = Tensor(x.backend.from_host(cells_of(tuple(x.shape[2:]), sizes)))  # (oS, K)
    flat = reshape_op(x, shape=(*x.shape[:2], math.prod(x.shape[2:])))
    under = reshape_op(index_select_op(flat, reshape_op(table, shape=(-1,)), dim=2), shape=(*x.shape[:2], *table.shape))
    best = argmax_op(under, dim=3, keepdim=True)
    places = gather_op(expand(table, shape=tuple(under.shape)), best, dim=3)
    places = reshape_op(places, shape=(*x.shape[:2], *sizes))
    values = take_places(x, places)
    return unbatched_pair((values, places) if return_indices else values, was_batched)


def cells_of(spatial: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """The flat positions under each window, one row a window; short windows repeat their first."""
    lines = [spans(s, o) for s, o in zip(spatial, sizes, strict=True)]
    rows = [[int(np.ravel_multi_index(cell, spatial)) for cell in product(*window)] for window in product(*lines)]
    most = max(map(len, rows))
    return np.array([row + row[:1] * (most - len(row)) for row in rows], dtype=np.int64)


def unbatched_pair(y: Any, was_batched: bool) -> Any:
    """`unbatched` of a tensor or of a pair of them."""
    return tuple(unbatched(v, was_batched) for v in y) if isinstance(y, tuple) else unbatched(y, was_batched)


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """(N, C, W) -> (N, C, output_size): see `adaptive_avg_pool2d`."""
    return adaptive_averaged("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of windows that share the image out evenly; (N, C, H, W) -> (N, C, *output_size), None keeps a size.

    Window i of o covers the cells floor(i H / o) to ceil((i + 1) H / o).
    """
    return adaptive_averaged("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """(N, C, D, H, W) -> (N, C, *output_size): see `adaptive_avg_pool2d`."""
    return adaptive_averaged("adaptive_avg_pool3d", 3, input, output_size)


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, W) -> (N, C, output_size): see `adaptive_max_pool2d`."""
    return adaptive_largest("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The largest of each window, windows as in `adaptive_avg_pool2d`; with `return_indices` also where it was."""
    return adaptive_largest("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """(N, C, D, H, W) -> (N, C, *output_size): see `adaptive_max_pool2d`."""
    return adaptive_largest("adaptive_max_pool3d", 3, input, output_size, return_indices)
