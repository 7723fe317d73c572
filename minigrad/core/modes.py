"""What the door does beside calling a kernel: record gradients or not, tell listeners, open up composite ops.

The modes belong to a thread or an async task (a ContextVar), and a `with` block always restores what it found.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator
from contextvars import ContextVar
from typing import Any, NamedTuple


class Mode(NamedTuple):
    grad: bool = True
    listeners: tuple = ()  # told `heard(op, args, options, output, extras)` of every call that passed the door and, in
    # backpropagation, `contributed(node, k, part)` of every rule and `arrived(node or leaf, g)` of every whole gradient
    instead: Callable | None = None  # instead(op, args): what is called in the op's place, the op itself for no change
    inference: bool = False
    rule: tuple | None = None  # in backpropagation: (), or (node number, input position) while a rule runs


MODE: ContextVar[Mode] = ContextVar("minigrad_mode", default=Mode())  # noqa: B039 (a Mode is immutable)


class mode(ContextDecorator):
    """`with mode(grad=False): ...` changes fields of the mode for a block, or for each call of a decorated function."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes
        self.tokens: list = []

    def __enter__(self) -> Any:
        self.tokens.append(MODE.set(MODE.get()._replace(**self.changes)))
        return self

    def __exit__(self, *error: Any) -> None:
        MODE.reset(self.tokens.pop())

    def _recreate_cm(self) -> mode:
        return mode(**self.changes)


def listening(listener: Any) -> mode:
    """`with listening(l):` adds a listener to those already there."""
    return mode(listeners=(*MODE.get().listeners, listener))
