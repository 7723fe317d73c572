"""Which leaves backpropagation reached, for optimizers that are about to step for the first time.

Such an optimizer looks for parameters that got a gradient and that nobody will train. After its first step nothing is noted
down any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from weakref import ref

from ..core import Tensor

waiting: list[ref] = []  # optimizers that have not stepped yet
leaves: dict[int, ref] = {}


def note(keys: Iterable[Any]) -> None:
    """Note the leaves of a backward pass, while an optimizer waits."""
    if waiting:
        leaves.update((id(leaf), ref(leaf)) for leaf in keys if isinstance(leaf, Tensor))


def wait(optimizer: Any) -> None:
    """An optimizer was made."""
    waiting[:] = [w for w in waiting if w() is not None]
    waiting.append(ref(optimizer))


def arrived(optimizer: Any) -> list[Tensor]:
    """An optimizer has stepped: the leaves that were reached since it was made, and have a gradient."""
    found = [leaf for leaf in (r() for r in leaves.values()) if leaf is not None and leaf.grad is not None]
    waiting[:] = [w for w in waiting if w() not in (None, optimizer)]
    if not waiting:
        leaves.clear()
    return found
