"""A tensor's place in the graph, as users see it: requires_grad, detach, data, grad_fn."""

from __future__ import annotations

from operator import getitem
from typing import Any

from ..backends import DTypeError, GradError, ShapeError
from ..backends.source import advise
from ..core import MODE, Node, Tensor, node_of, op, written
from ..core.tensor import base_of
from .update import Former, as_one


def requires_grad(self: Tensor) -> bool:
    """Whether `backward()` reaches this tensor. Settable on floating and complex leaves."""
    return self.wants or node_of(self) is not None


def set_requires_grad(self: Tensor, wanted: bool) -> None:
    if not isinstance(wanted, bool):
        raise DTypeError(f"requires_grad: must be True or False, got {type(wanted).__name__}")
    node = node_of(self)
    if node is not None:
        if not wanted:
            raise GradError(f"requires_grad: you can only change requires_grad flags of leaf tensors, got the output of "
                            f"{node.op.name}. Hint: use .detach()")  # fmt: skip
    elif wanted and not self.dtype.is_inexact:
        raise GradError(f"requires_grad: only floating tensors can have gradients, got {self.dtype!r}. Hint: .float()")
    else:
        if wanted and self.version is not None:
            getitem(self.version, slice(None))  # a tensor of inference mode has a counter that refuses
        for x in as_one(self):
            x.wants = wanted


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Set `requires_grad` in place and return the tensor."""
    set_requires_grad(self, requires_grad)
    return self


def is_leaf(self: Tensor) -> bool:
    """Whether no recorded call made this tensor."""
    return node_of(self) is None


def grad_fn(self: Tensor) -> Node | None:
    """The node that made this tensor, under PyTorch's name."""
    return node_of(self)


@op("general", name="detach")
def detach_op(b, x):
    """x itself, outside of the graph: no derivative, of any kind, flows through it"""
    return x[...]


def detach(self: Tensor) -> Tensor:
    """The same memory, outside the graph; a write through either is seen by both, and by the graph's checks."""
    out = detach_op(self) if MODE.get().listeners else Tensor(self.array)  # listeners know a tensor by its array
    out.version = written(self)
    return out


def detach_(self: Tensor) -> Tensor:
    """Take this tensor itself out of its graph. Raises GradError for a view, whose base would go on with it."""
    ones = as_one(self)
    if ones[-1].base is not None:
        raise GradError("detach_: can't detach a view in place. Hint: .detach()")
    for x in ones:
        x.node, x.wants = None, False
    return self


def set_data(self: Tensor, other: Any) -> None:
    if not isinstance(other, Tensor):
        raise TypeError(f"data: expected a tensor, got {type(other).__name__}. Hint: minigrad.tensor(...)")
    self.array, self.base = other.array, None
    self.version = written(other)


def set_(self: Tensor, source: Tensor) -> Tensor:
    """Let this tensor be the memory of `source`, in its shape. Raises DTypeError for another element type."""
    if isinstance(source, Tensor) and source.dtype is not self.dtype:
        raise DTypeError(f"set_: expected a source of {self.dtype!r}, got {source.dtype!r}")
    set_data(self, source)
    return self


def version(self: Tensor) -> int:
    """How often the memory of this tensor was written in place. Raises GradError for a tensor of inference mode."""
    return 0 if self.version is None else self.version[:1][0]


def base(self: Tensor) -> Tensor | None:
    """The tensor with memory of its own that this one is a view of; None if it is none."""
    found = x = self
    while (above := base_of(x)) is not None:
        x = above
        found = found if isinstance(x, Former) else x
    return None if found is self else found


def is_view(self: Tensor) -> bool:
    """Whether this tensor is a view of another."""
    return base(self) is not None


def get_grad(self: Tensor) -> Tensor | None:
    g = self._grad
    if g is None and (node := node_of(self)) is not None and "retained" not in self.__dict__:
        advise(f"grad: only leaves keep their gradient, and this tensor is the output of {node.op.name}. "
               "Hint: .retain_grad() before backward()")  # fmt: skip
    return g


def set_grad(self: Tensor, g: Tensor | None) -> None:
    if g is not None:
        if not isinstance(g, Tensor):
            raise TypeError(f"grad: expected a tensor or None, got {type(g).__name__}")
        if g is self:
            raise GradError("grad: a tensor can't be its own gradient. Hint: .clone()")
        if g.is_sparse:
            self._grad = g
            return
        if g.array.shape != self.array.shape:
            raise ShapeError(f"grad: the gradient must have the tensor's shape {tuple(self.shape)}, got {tuple(g.shape)}")
        if g.array.dtype is not self.array.dtype and g.dtype is not self.dtype:
            raise DTypeError(f"grad: the gradient must have the tensor's type {self.dtype!r}, got {g.dtype!r}")
    self._grad = g


def forget_grad(self: Tensor) -> None:
    self._grad = None


LEAF: dict[str, Any] = {
    "grad": property(get_grad, set_grad, forget_grad, "The gradient that backward() added up, None before."),
    "requires_grad": property(requires_grad, set_requires_grad),
    "requires_grad_": requires_grad_,
    "is_leaf": property(is_leaf),
    "grad_fn": property(grad_fn),
    "output_nr": 0,  # every node has one output
    "detach": detach,
    "detach_": detach_,
    "data": property(detach, set_data, doc="A detached tensor on the same memory; assigning replaces the memory."),
    "set_": set_,
    "_version": property(version),
    "_base": property(base),
    "_is_view": is_view,
}
for name, member in LEAF.items():
    setattr(Tensor, name, member)


def node_text(self: Node) -> str:
    return f"<{self.op.name} -> {tuple(self.shape)}>"


Node.__repr__ = node_text  # type: ignore[method-assign, assignment]
