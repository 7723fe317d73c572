"""Variable: the name that tensors with gradients had in PyTorch's first years."""

from __future__ import annotations

from typing import Any

from ..backends.source import advise
from ..core import Tensor
from ..ops.operands import tensor_of


class _Kind(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_Kind):
    """`Variable(x, requires_grad=True)` is a tensor on the memory of x; every tensor is an instance.

    `volatile` does nothing but warn, as in PyTorch.
    """

    def __new__(cls, data: Tensor, requires_grad: bool = False, volatile: bool | None = None) -> Tensor:  # type: ignore[misc]
        if volatile is not None:
            advise("volatile was removed and now has no effect. Use `with minigrad.no_grad():` instead.")
        out = tensor_of("Variable", data, "data").detach()
        return out.requires_grad_() if requires_grad else out
