"""Tensor: an array that remembers the call that made it. Its methods are attached by ops/methods.py and ops/leaf.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backends import Backend, Device, DType, Operators, Size, backend_of, dtype_of
from .modes import mode

if TYPE_CHECKING:
    from .node import Node


class Tensor(Operators):
    """An array of one element type on one device, part of a graph if it wants a gradient.

    array     the backend's array
    node      the recorded call that made it; None for a leaf
    wants     a leaf's `requires_grad`
    version   [number of in-place writes], shared by all tensors on the same memory; None until someone asks
    base      for a view: what it is a view of; `how` is (op, options, the base's node, its array) or None, `stamp` the version
    """

    __slots__ = ("array", "node", "wants", "_grad", "version", "base", "how", "stamp", "__dict__", "__weakref__")
    __array_priority__ = 1000  # so that `ndarray + Tensor` asks the Tensor

    def __init__(self, array: Any, node: Node | None = None, wants: bool = False) -> None:
        self.array = array
        self.node = node
        self.wants = wants
        self._grad: Tensor | None = None
        self.version: list[int] | None = None
        self.base: Tensor | None = None

    how: Any
    stamp: Any
    grad: Any  # a leaf's gradient, as a Tensor, after `backward()`; kept in `_grad` (ops/leaf.py)
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @property
    def shape(self) -> Size:
        return Size(self.array.shape)

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> DType:
        return dtype_of(self.array)

    @property
    def backend(self) -> Backend:
        return backend_of(self.array)

    @property
    def device(self) -> Device:
        return backend_of(self.array).device


def written(x: Tensor) -> list[int]:
    """The write counter of the memory of `x`, made when first asked for; it gets a second entry once a graph saves that."""
    if x.version is None:
        x.version = [0]
    return x.version


def base_of(x: Tensor) -> Tensor | None:
    """The tensor that x is a view of. If its shape was changed in place since, it became a view itself, of what x is."""
    while x.base is not None and x.how is not None and x.base.array is not x.how[3]:
        x.base = x.base.base
    return x.base


def node_of(x: Tensor) -> Node | None:
    """The node of `x`; a view whose base got a new history by a write in place is first taken again from that base."""
    if x.base is None or x.how is None or written(x)[0] == x.stamp:
        return x.node
    views = [x]
    while (base := base_of(views[-1])) is not None and views[-1].how is not None:
        views.append(base)
    for view, base in zip(views[-2::-1], views[:0:-1], strict=True):
        op, options, above, array = view.how
        if base.node is not above:
            with mode(grad=True):
                view._renew(op(base, **options).node)
        view.how, view.stamp = (op, options, base.node, array), written(view)[0]
    return x.node
