"""Tensor: an array that remembers the call that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backends import Backend, Device, DType, GradError, backend_of, dtype_of
from .modes import mode

if TYPE_CHECKING:
    from .node import Node


class Tensor:
    """An array of one element type on one device, part of a graph if it wants a gradient.

    array     the backend's array
    node      the recorded call that made it; None for a leaf
    wants     a leaf's `requires_grad`
    grad      a leaf's gradient, as a Tensor, after `backward()`
    version   [number of in-place writes], shared by all tensors on the same memory; None until someone asks
    base      for a view: the tensor it is a view of; `how` is the (op, options) that made it
    """

    __slots__ = ("array", "node", "wants", "grad", "version", "base", "how", "stamp", "__dict__", "__weakref__")
    __array_priority__ = 1000  # so that `ndarray + Tensor` asks the Tensor

    def __init__(self, array: Any, node: Node | None = None, wants: bool = False) -> None:
        self.array = array
        self.node = node
        self.wants = wants
        self.grad: Tensor | None = None
        self.version: list[int] | None = None
        self.base: Tensor | None = None

    if TYPE_CHECKING:  # the methods that `ops/methods.py` attaches

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Tensor: ...

    # -- what it is ------------------------------------------------------------------------------------------------
    @property
    def shape(self) -> Any:
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

    # -- its place in the graph --------------------------------------------------------------------------------------
    @property
    def requires_grad(self) -> bool:
        """Whether `backward()` reaches this tensor. Settable on floating leaves."""
        return node_of(self) is not None or self.wants

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if self.node is not None:
            if not wanted:
                raise GradError(f"requires_grad: only a leaf can be changed, got the output of {self.node.op.name}. "
                                "Hint: use .detach()")  # fmt: skip
            return
        if wanted and not (self.dtype.is_floating_point or self.dtype.is_complex):
            raise GradError(f"requires_grad: only floating tensors have gradients, got {self.dtype!r}. Hint: .float()")
        self.wants = bool(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` in place and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        return node_of(self) is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor, under PyTorch's name."""
        return node_of(self)

    def detach(self) -> Tensor:
        """The same memory, outside the graph."""
        out = Tensor(self.array)
        out.version = written(self)
        return out

    @property
    def data(self) -> Tensor:
        """A detached tensor on the same memory; assigning replaces the memory and keeps the graph's leaf."""
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        self.array = other.array
        self.version = written(other)

    @property
    def _version(self) -> int:
        return 0 if self.version is None else self.version[0]


class Size(tuple):
    """A shape: a tuple that also counts its elements with `numel()`."""

    def numel(self) -> int:
        n = 1
        for size in self:
            n *= size
        return n

    def __repr__(self) -> str:
        return f"minigrad.Size([{', '.join(map(str, self))}])"


def written(x: Tensor) -> list[int]:
    """The write counter of the memory of `x`, made when first asked for."""
    if x.version is None:
        x.version = [0]
    return x.version


def node_of(x: Tensor) -> Node | None:
    """The node of `x`; a view whose base was written in place since is taken again from the new base."""
    if x.base is None:
        return x.node
    above = node_of(x.base)
    if above is not x.stamp:
        how, options = x.how
        with mode(grad=True):
            x.node = how(x.base, **options).node
        x.stamp = above
    return x.node
