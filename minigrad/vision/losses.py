"""Losses for finding objects: of boxes that miss each other, and of classes that are rare."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Tensor
from ..nn import functional as F
from ..nn.functional.checks import reduced, reduction_of, same_shape
from ..ops.elementwise import sigmoid
from .boxes import boxes_of, complete, distance, generalized


def box_loss(who: str, measure: Callable, boxes1: Tensor, boxes2: Tensor, reduction: str, eps: float) -> Tensor:
    """1 - measure of each pair; the mean of none is 0."""
    kind = reduction_of(who, reduction, None, None)
    same_shape(who, boxes_of(who, boxes1, "boxes1"), boxes_of(who, boxes2, "boxes2"), "boxes2")
    loss = 1 - measure(boxes1, boxes2, eps, eps)
    return loss.sum() if kind == "mean" and not loss.numel() else reduced(loss, kind)


def generalized_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - IoU + (hull - union) / hull of each pair of boxes, which has a slope where they do not meet; (N, 4), (N, 4) -> (N).

    Source: Rezatofighi et al. 2019, Algorithm 2.
    """
    return box_loss("generalized_box_iou_loss", generalized, boxes1, boxes2, reduction, eps)


def distance_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """1 - IoU + (distance of the centres)^2 / (diagonal of the hull)^2; (N, 4), (N, 4) -> (N).

    Source: Zheng et al. 2020, §3.2.
    """
    return box_loss("distance_box_iou_loss", distance, boxes1, boxes2, reduction, eps)


def complete_box_iou_loss(boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7) -> Tensor:
    """`distance_box_iou_loss` plus a penalty for another aspect ratio; (N, 4), (N, 4) -> (N).

    Source: Zheng et al. 2020, §3.3.
    """
    return box_loss("complete_box_iou_loss", complete, boxes1, boxes2, reduction, eps)


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Tensor:
    """-alpha_t (1 - p_t)^gamma log p_t, p_t what sigmoid(inputs) gives the class that is right; all of one shape.

    alpha_t is `alpha` for targets of 1 and 1 - alpha for those of 0, or 1 everywhere if alpha is negative. What is already
    right counts little. Raises ShapeError unless shapes agree. Source: Lin et al. 2017, §3.
    """
    kind = reduction_of("sigmoid_focal_loss", reduction, None, None)
    same_shape("sigmoid_focal_loss", inputs, targets, "targets")
    p = sigmoid(inputs)
    right = p * targets + (1 - p) * (1 - targets)
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - right) ** gamma
    if alpha >= 0:
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    return reduced(loss, kind)
