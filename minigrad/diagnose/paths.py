"""The gradient of batch, layer and group norm by path: straight, through the mean, and through the variance.

x reaches y three ways: itself, by the mean that is taken from it, and by the variance that it is divided by. Each path is
followed by the engine on the op's definition, in which the other paths are cut; no formula is written down here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import GradError
from ..core import OPS, Node, Op, Tensor, mode, node_of, propagate
from ..ops.create import ones_like
from ..ops.elementwise import through_relu
from .local import saved_values, sent

# Where to cut the definition, y = (x - mu) / sqrt(var + eps): (op, position of the input that is detached).
CUTS = {
    "direct": (("sub", 1), ("div", 1)),
    "through the mean": (("sub", 0),),
    "through the variance": (("sub", 1), ("div", 0)),
}
NORMS = tuple(f"{kind}_norm{after}" for kind in ("batch", "layer", "group") for after in ("", "_relu"))


class Paths:
    """The parts of a gradient, which add up to `total`.

    parts   {"direct": ..., "through the mean": ..., "through the variance": ...}, tensors of the shape of x
    total   x.grad as backpropagation has it, from the op's own rule
    """

    def __init__(self, parts: dict[str, Tensor], total: Tensor) -> None:
        self.parts, self.total = parts, total

    def __str__(self) -> str:
        rows = [*self.parts.items(), ("x.grad", self.total)]
        wide = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{wide}}  {text}" for name, x in rows for text in [brief(x)])

    __repr__ = __str__


def brief(x: Tensor, few: int = 12) -> str:
    """The first numbers of a tensor."""
    values = x.reshape(-1)[:few].tolist()
    return ", ".join(f"{v:.4g}" for v in values) + (", …" if x.numel() > few else "")


def paths(y: Tensor, gradient: Tensor | None = None) -> Paths:
    """The gradient of x by path, for y = batch_norm(x), layer_norm(x) or group_norm(x) and the gradient that arrives at y
    (ones if None). Batch norm with the ReLU that follows it counts as batch norm behind that ReLU.

    Raises GradError if y was made by none of them, if x wants no gradient, or if backward has freed what was saved.
    Source of the chain: Ioffe & Szegedy 2015, §3.
    """
    if not isinstance(y, Tensor):
        raise TypeError(f"paths: expected a tensor, got {type(y).__name__}")
    node = node_of(y)
    if node is None or node.op.name not in NORMS:
        made = "a leaf" if node is None else f"the output of {node.op.name}"
        raise GradError(f"paths: expected the output of {' or '.join(NORMS)}, got {made}. "
                        "Hint: call it on what the layer returns, outside of decompose()")  # fmt: skip
    return of_node(node, ones_like(y).detach() if gradient is None else gradient)


def of_node(node: Node, g: Tensor) -> Paths:
    """`paths` of a recorded call."""
    if node.plan.rules[0] is None:
        raise GradError(f"paths: the input of {node.op.name} wants no gradient. Hint: x.requires_grad_()")
    total = Tensor(sent(node, g.array)[0])
    return Paths({name: along(node, g, cut) for name, cut in CUTS.items()}, total)


def along(node: Node, g: Tensor, edges: tuple) -> Tensor:
    """The gradient of x for a call of a normalization, through its definition without some edges."""
    saved = saved_values(node)
    x, weight = Tensor(saved["input", 0], wants=True), saved.get(("input", 1))
    op = OPS[node.op.name]
    if op.name.endswith("_relu"):
        op = OPS[op.name.removesuffix("_relu")]
        with mode(grad=False, listeners=()):
            g = through_relu(g, Tensor(saved["y", 0]))
    with mode(grad=True, listeners=(), instead=without(edges)):
        y = op.definition(x, None if weight is None else Tensor(weight), None, **node.options)  # type: ignore[misc]
    with mode(listeners=()):
        return propagate([y], [g], [x], False, False)[x]


def without(edges: tuple) -> Callable[[Op, tuple], Callable]:
    """A mode's `instead`: each op as it is, but with the named inputs detached."""

    def instead(op: Op, args: tuple) -> Callable:
        places = [k for name, k in edges if name == op.name]

        def cut(*args: Any, **options: Any) -> Any:
            with mode(instead=None):
                return op(*[a.detach() if k in places else a for k, a in enumerate(args)], **options)

        return cut if places else op.definition if op.name in NORMS else op  # type: ignore[return-value]

    return instead
