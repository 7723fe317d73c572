"""Boxes of objects in pictures: conversions, areas, overlaps, and the choice of the best of those that overlap.

A box is (x1, y1, x2, y2), two opposite corners in pixels, with x1 <= x2 and y1 <= y2.
"""

from __future__ import annotations

import math
from typing import Any

from ..backends import DTypeError, ShapeError
from ..core import Tensor, mode
from ..ops.arithmetic import cast, maximum, minimum
from ..ops.create import tensor, zeros
from ..ops.elementwise import clamp
from ..ops.operands import tensor_of
from ..ops.shape import cat, stack, unbind
from ..ops.special import atan

FORMATS = {"xyxy": "corners", "xywh": "the first corner, width and height", "cxcywh": "the centre, width and height"}


def boxes_of(who: str, x: Any, name: str = "boxes") -> Tensor:
    """A tensor (..., 4). Raises ShapeError for any other."""
    boxes = tensor_of(who, x, name)
    if not boxes.ndim or boxes.shape[-1] != 4:
        raise ShapeError(f"{who}: {name} must be (..., 4), got {tuple(boxes.shape)}. Hint: a row (x1, y1, x2, y2) for each box")
    return boxes


def paired(who: str, boxes1: Any, boxes2: Any) -> tuple[Tensor, Tensor]:
    """Boxes (N, 4) and (M, 4) as (N, 1, 4) and (1, M, 4), to be compared each with each."""
    first, second = boxes_of(who, boxes1, "boxes1"), boxes_of(who, boxes2, "boxes2")
    if first.ndim != 2 or second.ndim != 2:
        raise ShapeError(f"{who}: expected boxes (N, 4) and (M, 4), got {tuple(first.shape)} and {tuple(second.shape)}")
    return first[:, None], second[None]


def box_area(boxes: Tensor) -> Tensor:
    """(x2 - x1) (y2 - y1); (..., 4) -> (...)."""
    x1, y1, x2, y2 = unbind(widened(boxes_of("box_area", boxes)), -1)
    return (x2 - x1) * (y2 - y1)


def widened(x: Tensor) -> Tensor:
    """x in a type that products of two sides do not leave: float32 for shorter floats, int64 for shorter integers."""
    kind = {"float": "float32", "int": "int64"}.get(x.dtype.kind)
    return cast(x, dtype=kind) if kind and x.dtype.itemsize < (4 if kind == "float32" else 8) else x


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes in another notation: "xyxy", "xywh" (first corner, width, height) or "cxcywh" (centre, width, height).

    (..., 4) -> (..., 4). Raises ValueError for another notation.
    """
    a, b, c, d = unbind(boxes_of("box_convert", boxes), -1)
    for name, notation in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        if notation not in FORMATS:
            raise ValueError(f"box_convert: {name} must be one of {', '.join(FORMATS)}, got {notation!r}")
    if in_fmt == out_fmt:
        return boxes.clone()
    if in_fmt == "xyxy":
        x1, y1, w, h = a, b, c - a, d - b
    elif in_fmt == "xywh":
        x1, y1, w, h = a, b, c, d
    else:
        x1, y1, w, h = a - c / 2, b - d / 2, c, d
    found = {"xyxy": (x1, y1, x1 + w, y1 + h), "xywh": (x1, y1, w, h), "cxcywh": (x1 + w / 2, y1 + h / 2, w, h)}
    return stack(found[out_fmt], -1)


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes with what lies outside of an image of `size` (height, width) cut off; (..., 4) -> (..., 4)."""
    x1, y1, x2, y2 = unbind(boxes_of("clip_boxes_to_image", boxes), -1)
    height, width = size
    return stack([*(clamp(v, min=0, max=most) for v, most in zip((x1, y1, x2, y2), (width, height) * 2, strict=True))], -1)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """Which boxes are at least `min_size` wide and high, as int64 positions; (N, 4) -> (K)."""
    x1, y1, x2, y2 = unbind(boxes_of("remove_small_boxes", boxes), -1)
    return ((x2 - x1 >= min_size) & (y2 - y1 >= min_size)).nonzero()[:, 0]


def masks_to_boxes(masks: Tensor) -> Tensor:
    """The smallest box around what is not 0 in each mask; (N, H, W) -> (N, 4) float32, of the pixels' own positions.

    Raises ShapeError unless masks are (N, H, W), ValueError for a mask that is empty.
    """
    if tensor_of("masks_to_boxes", masks, "masks").ndim != 3:
        raise ShapeError(f"masks_to_boxes: masks must be (N, H, W), got {tuple(masks.shape)}")
    boxes = zeros(len(masks), 4, device=masks.device)
    for k, mask in enumerate(masks):
        rows, columns = mask.nonzero(as_tuple=True)
        if not len(rows):
            raise ValueError(f"masks_to_boxes: mask {k} is empty, so no box is around it")
        boxes[k] = tensor([columns.min().item(), rows.min().item(), columns.max().item(), rows.max().item()])
    return boxes


# -- overlaps ----------------------------------------------------------------------------------------------------------


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The areas of the intersection and of the union of boxes that broadcast against each other."""
    corner, opposite = maximum(a[..., :2], b[..., :2]), minimum(a[..., 2:], b[..., 2:])
    w, h = unbind(clamp(widened(opposite - corner), min=0), -1)
    both = w * h
    return both, box_area(a) + box_area(b) - both


def hull(a: Tensor, b: Tensor) -> tuple[Tensor, ...]:
    """The width and the height of the smallest box around both."""
    return unbind(widened(maximum(a[..., 2:], b[..., 2:]) - minimum(a[..., :2], b[..., :2])), -1)


# Each with `small` beside an area that it divides by, which losses use against areas of 0, and `eps` beside all other divisors.
def iou(a: Tensor, b: Tensor, small: float = 0.0) -> Tensor:
    """intersection / union"""
    both, either = overlap(a, b)
    return both / (either + small)


def generalized(a: Tensor, b: Tensor, eps: float = 0.0, small: float = 0.0) -> Tensor:
    """IoU - (hull - union) / hull"""
    both, either = overlap(a, b)
    w, h = hull(a, b)
    return both / (either + small) - (w * h - either) / (w * h + small)


def distance(a: Tensor, b: Tensor, eps: float, small: float = 0.0) -> Tensor:
    """IoU - (distance of the centres)^2 / (diagonal of the hull)^2"""
    dx, dy = unbind((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2, -1)
    w, h = hull(a, b)
    return iou(a, b, small) - (dx * dx + dy * dy) / (w * w + h * h + eps)


def complete(a: Tensor, b: Tensor, eps: float, small: float = 0.0) -> Tensor:
    """`distance` - alpha v, v = 4/pi^2 (arctan w/h - arctan w'/h')^2, alpha = v / (1 - IoU + v) taken as a constant"""
    (w, h), (w2, h2) = unbind(a[..., 2:] - a[..., :2], -1), unbind(b[..., 2:] - b[..., :2], -1)
    v = 4 / math.pi**2 * (atan(w / h) - atan(w2 / h2)) ** 2
    with mode(grad=False):
        alpha = v / (1 - iou(a, b, small) + v + eps)
    return distance(a, b, eps, small) - alpha * v


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of each with each, the Jaccard index; (N, 4), (M, 4) -> (N, M)."""
    return iou(*paired("box_iou", boxes1, boxes2))


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """IoU - (hull - union) / hull of each with each; (N, 4), (M, 4) -> (N, M). Source: Rezatofighi et al. 2019, §3."""
    return generalized(*paired("generalized_box_iou", boxes1, boxes2))


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """IoU - (distance of the centres)^2 / (diagonal of the hull)^2 of each with each; (N, 4), (M, 4) -> (N, M).

    Source: Zheng et al. 2020, §3.2.
    """
    return distance(*paired("distance_box_iou", boxes1, boxes2), eps)


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """`distance_box_iou` less a penalty for another aspect ratio; (N, 4), (M, 4) -> (N, M). Source: Zheng et al. 2020, §3.3."""
    return complete(*paired("complete_box_iou", boxes1, boxes2), eps)


# -- the best of those that overlap --------------------------------------------------------------------------------------


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Non-maximum suppression: the positions (int64, best score first) of the boxes that overlap no better one by more than
    `iou_threshold`; (N, 4), (N) -> (K). Ties are decided by position. Raises ShapeError unless there is a score a box.
    """
    if boxes_of("nms", boxes).ndim != 2 or tuple(tensor_of("nms", scores, "scores").shape) != tuple(boxes.shape[:1]):
        raise ShapeError(f"nms: expected boxes (N, 4) and scores (N), got {tuple(boxes.shape)} and {tuple(scores.shape)}")
    kept, order = [], scores.detach().argsort(dim=0, descending=True, stable=True)
    with mode(grad=False):
        while len(order):
            kept.append(order[:1])
            best, others = boxes[order[0]], order[1:]
            order = others[~(iou(best, boxes[others]) > iou_threshold)]  # boxes without an area stay
    return cat(kept) if kept else order


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """`nms` within each class: boxes of different `idxs` do not suppress each other; (N, 4), (N), (N) -> (K)."""
    if tensor_of("batched_nms", idxs, "idxs").shape != tensor_of("batched_nms", scores, "scores").shape:
        raise ShapeError(f"batched_nms: idxs must be as many as scores, got {tuple(idxs.shape)} and {tuple(scores.shape)}")
    if idxs.dtype.kind not in ("int", "bool"):
        raise DTypeError(f"batched_nms: idxs must be whole numbers, got {idxs.dtype!r}")
    if not len(boxes):
        return zeros(0, dtype="int64", device=boxes.device)
    step = boxes.max() - boxes.min() + 1  # classes moved so far apart that no two of them meet
    return nms(boxes + (idxs.to(boxes.dtype) * step)[:, None], scores, iou_threshold)
