"""Parameter and Buffer: tensors that a module takes into its care when they are assigned to one of its attributes."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, written
from ..ops.create import empty, tensor


class Parameter(Tensor):
    """A leaf tensor that training changes: `self.weight = Parameter(randn(3, 4))` registers it with the module.

    It shares the memory of `data` and wants a gradient unless told otherwise. Raises GradError for integers that want
    one.
    """

    __slots__ = ()

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        source = empty(0) if data is None else data if isinstance(data, Tensor) else tensor(data)
        super().__init__(source.array)
        self.version = written(source)
        self.requires_grad = requires_grad

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """The same numbers in memory of their own, and no gradient: as PyTorch copies parameters, unlike other tensors."""
        new = memo[id(self)] = type(self).__new__(type(self))
        Tensor.__init__(new, self.data.clone().array, wants=self.requires_grad)
        return new

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that belongs to a module's state but is not trained, such as a running mean.

    A persistent one is part of the module's `state_dict`.
    """

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        source = empty(0) if data is None else data if isinstance(data, Tensor) else tensor(data)
        super().__init__(source.array)
        self.version = written(source)
        self.persistent = persistent
