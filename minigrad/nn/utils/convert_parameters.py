"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...backends import ShapeError
from ...core import Tensor
from ...ops.operands import tensor_of
from ...ops.shape import cat, reshape_op


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters behind each other; (P), with their history."""
    return cat([reshape_op(p, shape=(p.numel(),)) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give each parameter its part of `vec` as memory. Raises ShapeError unless it has as many numbers as they."""
    given: list[Any] = list(parameters)
    start = 0
    wanted = sum(p.numel() for p in given)
    if tuple(tensor_of("vector_to_parameters", vec, "vec").shape) != (wanted,):
        raise ShapeError(f"vector_to_parameters: vec must be ({wanted},), one number for each of the parameters', got "
                         f"{tuple(vec.shape)}")  # fmt: skip
    for p in given:
        p.data = reshape_op(vec.detach()[start : start + p.numel()], shape=tuple(p.shape))
        start += p.numel()
