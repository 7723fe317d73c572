"""Regions of pictures, brought to one size: the pools of detectors."""

from __future__ import annotations

import math
from typing import Any

from ..backends import ShapeError
from ..core import Tensor, mode
from ..nn.functional.checks import ntuple
from ..nn.module import Module
from ..ops.arithmetic import where
from ..ops.create import arange, empty, full
from ..ops.elementwise import clamp
from ..ops.operands import tensor_of
from ..ops.shape import stack


def regions_of(who: str, x: Tensor, boxes: Any) -> list[tuple[int, list[float]]]:
    """For each region the number of its image and its corners: from (K, 5) rows, or from a list of (L, 4) for each image."""
    if tensor_of(who, x).ndim != 4:
        raise ShapeError(f"{who}: input must be (N, C, H, W), got {tuple(x.shape)}")
    if isinstance(boxes, (list, tuple)):
        rows = [(k, tensor_of(who, part, "boxes")) for k, part in enumerate(boxes)]
        if len(rows) != len(x) or any(part.ndim != 2 or part.shape[1] != 4 for _, part in rows):
            shapes = [tuple(part.shape) for _, part in rows]
            raise ShapeError(f"{who}: boxes must be a tensor (L, 4) for each of the {len(x)} images, got {shapes}")
        return [(k, corners) for k, part in rows for corners in part.tolist()]
    if tensor_of(who, boxes, "boxes").ndim != 2 or boxes.shape[1] != 5:
        raise ShapeError(f"{who}: boxes must be (K, 5), each row the number of the image and a box, or a list of (L, 4), got "
                         f"{tuple(boxes.shape)}")  # fmt: skip
    found = [(int(row[0]), row[1:]) for row in boxes.tolist()]
    if any(not 0 <= k < len(x) for k, _ in found):
        raise IndexError(f"{who}: boxes name image {max(found)[0]}, but there are {len(x)}")
    return found


def samples(start: float, length: float, bins: int, sampling_ratio: int, size: int, like: Tensor) -> Tensor:
    """What each of the `size` pixels of a line counts in each bin: the mean, over a bin's samples, of their two neighbours.

    (bins, size). A sample further than one pixel outside counts nothing.
    """
    many = sampling_ratio if sampling_ratio > 0 else max(math.ceil(length / bins), 0)
    if not many or not bins:
        return full((bins, size), 0.0, dtype=like.dtype, device=like.device)
    at = start + (arange(bins * many, dtype="float64", device=like.device) + 0.5) * (length / (bins * many))
    inside = (at >= -1) & (at <= size)
    at = clamp(at, min=0, max=size - 1)
    weights = clamp(1 - (at[:, None] - arange(size, dtype="float64", device=like.device)).abs(), min=0)
    weights = where(inside[:, None], weights, 0.0)
    return weights.reshape(bins, many, size).mean(1).to(like.dtype)


def roi_align(
    input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False
) -> Tensor:
    """Regions of images, each as `output_size` bins that hold the mean of points sampled between the pixels.

    (N, C, H, W), boxes (K, 5) with the number of the image first or a list of (L, 4) for each image -> (K, C, *output_size).
    A bin takes sampling_ratio^2 points; -1 takes as many as it is pixels wide and high. Boxes are multiplied by
    `spatial_scale`; `aligned` moves them by half a pixel, since a pixel's centre is half a pixel from its corner. Between
    pixels it is bilinear, so a region is A_y X A_x^T, A_y and A_x the weights of its lines. The gradient goes to the input.
    Source: He et al. 2017, §3.
    """
    height, width = ntuple("roi_align", "output_size", output_size, 2)
    shift, least = (0.5, 0.0) if aligned else (0.0, 1.0)
    found = []
    for k, corners in regions_of("roi_align", input, boxes):
        x1, y1, x2, y2 = (c * spatial_scale - shift for c in corners)
        with mode(grad=False):
            rows = samples(y1, max(y2 - y1, least), height, sampling_ratio, input.shape[2], input)
            columns = samples(x1, max(x2 - x1, least), width, sampling_ratio, input.shape[3], input)
        found.append(rows @ input[k] @ columns.T)
    return stack(found) if found else empty(0, input.shape[1], height, width, dtype=input.dtype, device=input.device)


def parts(start: int, length: int, bins: int, size: int) -> list[slice]:
    """The pixels of a line that lie in each bin."""
    step = length / bins
    edges = [(math.floor(b * step) + start, math.ceil((b + 1) * step) + start) for b in range(bins)]
    return [slice(min(max(low, 0), size), min(max(high, 0), size)) for low, high in edges]


def roi_pool(input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Tensor:
    """Regions of images, each as `output_size` bins that hold the largest pixel; 0 for a bin that lies outside.

    (N, C, H, W), boxes (K, 5) with the number of the image first or a list of (L, 4) for each image -> (K, C, *output_size).
    Boxes are multiplied by `spatial_scale` and rounded to pixels. Source: Girshick 2015, §2.1.
    """
    height, width = ntuple("roi_pool", "output_size", output_size, 2)
    found = []
    for k, corners in regions_of("roi_pool", input, boxes):
        x1, y1, x2, y2 = (math.trunc(c * spatial_scale + math.copysign(0.5, c)) for c in corners)
        columns = parts(x1, max(x2 - x1 + 1, 1), width, input.shape[3])
        bins = [
            largest(input[k][:, rows, part])
            for rows in parts(y1, max(y2 - y1 + 1, 1), height, input.shape[2])
            for part in columns
        ]
        found.append(stack(bins, 1).reshape(input.shape[1], height, width))
    return stack(found) if found else empty(0, input.shape[1], height, width, dtype=input.dtype, device=input.device)


def largest(x: Tensor) -> Tensor:
    """The largest number of each channel, the first of several such; 0 where there are none; (C, H, W) -> (C)."""
    cells = x.reshape(len(x), -1)
    return cells.max(1).values if cells.shape[1] else cells.sum(1)


class RegionPool(Module):
    """What the layers of this file have in common."""

    def __init__(self, output_size: Any, spatial_scale: float) -> None:
        super().__init__()
        self.output_size, self.spatial_scale = ntuple(type(self).__name__, "output_size", output_size, 2), spatial_scale

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}"


class RoIAlign(RegionPool):
    """`roi_align` as a layer; (N, C, H, W), boxes -> (K, C, *output_size)."""

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        super().__init__(output_size, spatial_scale)
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def forward(self, input: Tensor, rois: Any) -> Tensor:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, sampling_ratio={self.sampling_ratio}, aligned={self.aligned}"


class RoIPool(RegionPool):
    """`roi_pool` as a layer; (N, C, H, W), boxes -> (K, C, *output_size)."""

    def forward(self, input: Tensor, rois: Any) -> Tensor:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)
