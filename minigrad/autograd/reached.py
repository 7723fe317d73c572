"""Which leaves backpropagation reached, for optimizers that are about to step for the first time.

Such an optimizer looks for parameters that got a gradient in a pass with its own and that nobody will train. After its first
step nothing is noted down any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import Any
from weakref import ref

from ..core import Tensor

waiting: list[ref] = []  # optimizers that have not stepped yet
leaves: dict[int, tuple[ref, int]] = {}  # and the last pass that reached each
passes = count()


def note(keys: Iterable[Any]) -> None:
    """Note the leaves of a backward pass, while an optimizer waits."""
    if waiting:
        number = next(passes)
        leaves.update((id(leaf), (ref(leaf), number)) for leaf in keys if isinstance(leaf, Tensor))


def wait(optimizer: Any) -> None:
    """An optimizer was made."""
    waiting[:] = [w for w in waiting if w() is not None]
    waiting.append(ref(optimizer))


def arrived(optimizer: Any) -> list[Tensor]:
    """An optimizer has stepped: the leaves that the last passes to its own parameters reached, and that have a gradient."""
    own = {leaves[id(p)][1] for group in optimizer.param_groups for p in group["params"] if id(p) in leaves}
    found = [leaf for r, number in leaves.values() if number in own and (leaf := r()) is not None and leaf._grad is not None]
    waiting[:] = [w for w in waiting if w() not in (None, optimizer)]
    if not waiting:
        leaves.clear()
    return found
