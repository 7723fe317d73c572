"""How far apart, or how alike, vectors are."""

from __future__ import annotations

from ...core import Tensor
from ...ops.compose import broadcast_tensors
from ...ops.linalg import pdist
from ...ops.linalg import tensor_norm as norm
from ...ops.operands import tensor_of
from ...ops.reduce import sum
from .checks import at_least


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """y = |x1 - x2 + eps|_p over the last dimension; (..., D), (..., D) -> (...). eps keeps the root off 0."""
    return norm(tensor_of("pairwise_distance", x1, "x1") - tensor_of("pairwise_distance", x2, "x2") + eps, p, -1, keepdim)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """y = x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) over `dim`, the inputs broadcast."""
    who = "cosine_similarity"
    along = max(tensor_of(who, x1, "x1").ndim, tensor_of(who, x2, "x2").ndim, 1)
    line = dim if dim < 0 else dim - along  # counted from the end, it is one place in both
    if len({x.shape[line] if x.ndim >= -line else 1 for x in (x1, x2)}) > 1:
        x1, x2 = broadcast_tensors(x1, x2)  # a line of one number stands for one of many, whose length counts all of them
    return sum(directed(x1, line, eps) * directed(x2, line, eps), dim)


def directed(x: Tensor, dim: int, eps: float) -> Tensor:
    """x over its length, the length at least eps."""
    return x / at_least(norm(x, 2, dim, keepdim=True), eps)


__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]
