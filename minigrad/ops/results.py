"""What functions of several results return: named tuples, which print themselves under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..core import Tensor

RETURN_TYPES: dict[str, type] = {}  # what is in `minigrad.return_types`
Kind = TypeVar("Kind", bound=type)


def returned(function: str) -> Callable[[Kind], Kind]:
    """Decorate a named tuple as what `function` returns: it goes by that name, and prints a line for each result."""

    def named(kind: Kind) -> Kind:
        kind.__name__ = kind.__qualname__ = function
        kind.__module__ = "minigrad.return_types"  # where a pickle looks for it
        kind.__repr__ = shown  # type: ignore[method-assign, assignment]
        RETURN_TYPES[function] = kind
        return kind

    return named


def shown(self: Any) -> str:
    lines = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"minigrad.return_types.{type(self).__name__}(\n{lines})"


class extreme(NamedTuple):
    """What `max(dim)`, `min(dim)`, `sort`, `topk` and their kin return: the values and where they were."""

    values: Tensor
    indices: Tensor


EXTREMES: dict[str, type[extreme]] = {
    name: returned(name)(type(name, (extreme,), {"__slots__": (), "__doc__": extreme.__doc__}))
    for name in "max min sort topk kthvalue median nanmedian mode cummax cummin".split()
}
