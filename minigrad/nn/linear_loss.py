"""A linear layer and the cross entropy of its scores in one module."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..core import Tensor
from .functional.checks import vector
from .functional.linear_loss import linear_cross_entropy
from .linear import Linear
from .loss import WeightedLoss


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch computes the loss in parts; here it is computed at once, with the same result."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None


class LinearCrossEntropyLoss(WeightedLoss):
    """`CrossEntropyLoss` of the scores of its own layer `linear`; (N, in_features) and classes (N, *out_features).

    `weight` (C), `ignore_index` and `label_smoothing` as there. Raises ShapeError for a weight of another shape.
    """

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False, device: Any = None,
        dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None, ignore_index: int | None = None,
        label_smoothing: float = 0.0, options: LinearCrossEntropyOptions | None = None,
    ) -> None:  # fmt: skip
        vector("LinearCrossEntropyLoss", "weight", weight, num_classes)
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"LinearCrossEntropyLoss: label_smoothing must be from 0 to 1, got {label_smoothing}")
        super().__init__(weight, reduction=reduction)
        self.num_classes, self.out_features, self.ignore_index = num_classes, tuple(out_features), ignore_index
        self.label_smoothing, self.options = label_smoothing, options
        self.linear = Linear(in_features, math.prod(out_features, start=num_classes), bias, device, dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        shape, bias = (self.num_classes, *self.out_features), self.linear.bias
        return linear_cross_entropy(
            input, self.linear.weight.reshape(*shape, -1), target, linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight, reduction=self.reduction, ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing, options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        shown = {"in_features": self.linear.in_features, "num_classes": self.num_classes, "out_features": self.out_features,
                 "bias": self.linear.bias is not None, "reduction": self.reduction, "ignore_index": self.ignore_index,
                 "label_smoothing": self.label_smoothing, "options": self.options}  # fmt: skip
        return ", ".join(f"{name}={value}" for name, value in shown.items())
