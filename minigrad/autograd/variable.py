"""Variable: the name that tensors with gradients had in PyTorch's first years."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..ops.operands import tensor_of


class _Kind(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_Kind):
    """`Variable(x, requires_grad=True)` is a tensor on the memory of x; every tensor is an instance."""

    def __new__(cls, data: Tensor, requires_grad: bool = False) -> Tensor:  # type: ignore[misc]
        out = tensor_of("Variable", data, "data").detach()
        return out.requires_grad_() if requires_grad else out
