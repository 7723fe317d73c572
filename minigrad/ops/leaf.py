"""A tensor's place in the graph, as users see it: requires_grad, detach, data, grad_fn."""

from __future__ import annotations

from typing import Any

from ..backends import GradError
from ..core import MODE, Node, Tensor, node_of, op, written


def requires_grad(self: Tensor) -> bool:
    """Whether `backward()` reaches this tensor. Settable on floating leaves."""
    return self.wants or node_of(self) is not None


def set_requires_grad(self: Tensor, wanted: bool) -> None:
    node = node_of(self)
    if node is not None:
        if not wanted:
            raise GradError(f"requires_grad: you can only change requires_grad flags of leaf tensors, got the output of "
                            f"{node.op.name}. Hint: use .detach()")  # fmt: skip
    elif wanted and not (self.dtype.is_floating_point or self.dtype.is_complex):
        raise GradError(f"requires_grad: only floating tensors can have gradients, got {self.dtype!r}. Hint: .float()")
    else:
        self.wants = bool(wanted)


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
    if self.base is not None:
        raise GradError("detach_: can't detach a view in place. Hint: .detach()")
    self.node, self.wants = None, False
    return self


def set_data(self: Tensor, other: Any) -> None:
    if not isinstance(other, Tensor):
        raise TypeError(f"data: expected a tensor, got {type(other).__name__}. Hint: minigrad.tensor(...)")
    self.array = other.array
    self.version = written(other)


def version(self: Tensor) -> int:
    """How often the memory of this tensor was written in place."""
    return 0 if self.version is None else self.version[0]


LEAF: dict[str, Any] = {
    "requires_grad": property(requires_grad, set_requires_grad),
    "requires_grad_": requires_grad_,
    "is_leaf": property(is_leaf),
    "grad_fn": property(grad_fn),
    "detach": detach,
    "detach_": detach_,
    "data": property(detach, set_data, doc="A detached tensor on the same memory; assigning replaces the memory."),
    "_version": property(version),
}
for name, member in LEAF.items():
    setattr(Tensor, name, member)
Node.name = lambda self: self.op.name  # type: ignore[attr-defined]
Node.next_functions = property(lambda self: tuple((p, 0) for p in self.parents))  # type: ignore[attr-defined]


def node_text(self: Node) -> str:
    return f"<{self.op.name} -> {tuple(self.shape)}>"


Node.__repr__ = node_text  # type: ignore[method-assign, assignment]
