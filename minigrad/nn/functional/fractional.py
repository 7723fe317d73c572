"""Fractional max pooling: windows at random places that reach an output of any size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...backends import ShapeError
from ...core import Tensor
from ...ops.create import as_tensor, rand
from ...ops.index import gather_op
from ...ops.reduce import argmax_op
from ...ops.shape import reshape_op
from .checks import batched, ntuple, unbatched


def starts(samples: np.ndarray, size: int, kernel: int, count: int) -> np.ndarray:
    """Where the windows along one dimension begin, (rows, count), from a number in [0, 1) for each row."""
    first = np.zeros((len(samples), count), dtype=np.int64)
    if count > 1:
        alpha = (size - kernel) / (count - 1)
        steps = (np.arange(count - 1) + samples[:, None]) * alpha
        first[:, :-1] = steps.astype(np.int64) - (samples * alpha).astype(np.int64)[:, None]
    first[:, -1] = size - kernel
    return first


def fractional(
    who: str, n: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool,
    samples: Tensor | None,
) -> Any:  # fmt: skip
    x, was_batched = batched(who, input, n)
    kernel = ntuple(who, "kernel_size", kernel_size, n)
    spatial = tuple(x.shape[2:])
    if output_size is None and output_ratio is None:
        raise ValueError(f"{who} requires specifying either an output_size or an output_ratio")
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
        output_size = tuple(int(s * r) for s, r in zip(spatial, ratios, strict=True))
    counts = ntuple(who, "output_size", output_size, n)
    for s, k, count in zip(spatial, kernel, counts, strict=True):
        if count < 1 or count + k - 1 > s:
            raise ShapeError(f"{who}: pool size {kernel} and output_size {counts} are too large for an input of {spatial}")
    planes = x.shape[0] * x.shape[1]
    if samples is None:
        samples = rand(*x.shape[:2], n, dtype=x.dtype, device=x.device)
    if tuple(samples.shape) != (*x.shape[:2], n):
        raise ShapeError(f"{who}: _random_samples must be {(*x.shape[:2], n)}, got {tuple(samples.shape)}")
    drawn = samples.detach().numpy(force=True).reshape(planes, n)
    drawn = drawn[:, ::-1] if n == 2 else drawn  # PyTorch draws the width first in two dimensions, but the depth in three
    where = np.zeros((planes, 1, 1), dtype=np.int64)  # flat positions, (planes, windows, cells)
    for d in range(n):
        along = starts(drawn[:, d], spatial[d], kernel[d], counts[d])[:, :, None] + np.arange(kernel[d])
        where = where[:, :, None, :, None] * spatial[d] + along[:, None, :, None, :]
        where = where.reshape(planes, where.shape[1] * counts[d], -1)
    places = as_tensor(where, device=x.device)
    cells = gather_op(reshape_op(x, shape=(planes, -1)), reshape_op(places, shape=(planes, -1)), dim=1)
    cells = reshape_op(cells, shape=where.shape)
    best = argmax_op(cells, dim=2, keepdim=True)
    shape = (*x.shape[:2], *counts)
    y = unbatched(reshape_op(gather_op(cells, best, dim=2), shape=shape), was_batched)
    return (y, unbatched(reshape_op(gather_op(places, best, dim=2), shape=shape), was_batched)) if return_indices else y


def fractional_max_pool2d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """The largest x under each of output_size windows whose places are random; (N, C, H, W) -> (N, C, oH, oW).

    `output_ratio` gives the output's size as a part of the input's; `_random_samples`, (N, C, 2) in [0, 1), the random
    numbers. Raises ValueError without a size, ShapeError for one that is too large. Source: Graham 2014.
    """
    given = (kernel_size, output_size, output_ratio, return_indices, _random_samples)
    return fractional("fractional_max_pool2d", 2, input, *given)


def fractional_max_pool3d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `fractional_max_pool2d`."""
    given = (kernel_size, output_size, output_ratio, return_indices, _random_samples)
    return fractional("fractional_max_pool3d", 3, input, *given)
