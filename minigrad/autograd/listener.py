"""Listener: the base of those who are told what passes the door."""

from __future__ import annotations

from typing import Any

from ..core import MODE, Node, Op, Tensor, mode


class Listener:
    """Hears everything and does nothing: subclasses give what they need."""

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        """A call passed the door."""

    def contributed(self, node: Node, k: int, part: Tensor) -> None:
        """In backpropagation, the rule of a node's input `k` gave its part."""

    def arrived(self, key: Any, g: Tensor) -> None:
        """In backpropagation, the whole gradient of a node or leaf is known."""

    def outside(self) -> mode:
        """A block that this listener and those inside of it do not hear."""
        listeners = MODE.get().listeners
        return mode(listeners=listeners[: listeners.index(self)] if self in listeners else listeners)
