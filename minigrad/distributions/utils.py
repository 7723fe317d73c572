"""What PyTorch's distributions are made of, for those that users write themselves."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ..core import Tensor
from ..ops import functions
from .distribution import clamped, summed, together

__all__ = ["broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs", "probs_to_logits"]

euler_constant = 0.57721566490153286060
lazy_property, clamp_probs, _sum_rightmost = cached_property, clamped, summed


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape, of the type of the first tensor. Raises ValueError for anything else."""
    return tuple(together("broadcast_all", *values))


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """softmax over the last dimension; sigmoid if `is_binary`."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p; log(p / (1 - p)) if `is_binary`. Probabilities are kept off 0 and 1."""
    kept = clamped(probs)
    return kept.log() - functions.log1p(-kept) if is_binary else kept.log()


def _standard_normal(shape: Any, dtype: Any, device: Any) -> Tensor:
    """Numbers drawn from the normal distribution of mean 0 and variance 1."""
    return functions.randn(shape, dtype=dtype, device=device)
