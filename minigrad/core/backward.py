"""Backpropagation: one pass over the nodes, newest first, adding up what each sends to its inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import SUMS, GradError, ShapeError, backend_of, joined, user_line, whole
from .modes import MODE, mode
from .node import Node, walk
from .op import OPS
from .tensor import Tensor, node_of


def propagate(roots: list[Tensor], seeds: list[Tensor], keys: Any, keep: bool, create: bool) -> dict[Any, Tensor]:
    """The gradients of sum(root * seed), by leaf tensor, or by `keys` (nodes and leaf tensors) if given.

    Rules run on bare arrays unless the pass is to be differentiated (`create`) or listened to. Saved values are freed
    on the way unless `keep`. Everything saved is checked before anything is computed.
    """
    tops = [node_of(root) or root for root in roots]
    nodes, reach = walk([top for top in tops if type(top) is Node]), None
    if keys is not None:
        nodes, reach = towards(nodes, keys := set(keys))
    for node in nodes:
        if node.versions or node.saved is None:
            node.check()
    listeners, line = MODE.get().listeners, "" if keep else user_line()
    symbolic = create or bool(listeners)
    lift: Callable = (lambda g: g) if symbolic else lambda g: Tensor(g if g.shape else own(g, ()))  # no NumPy scalar
    lower: Callable = (lambda g: g) if symbolic else (lambda g: g.array)
    grads: dict[Any, Any] = {}
    totals: dict[Any, Tensor] = {}
    with mode(grad=create, rule=()):
        for top, seed in zip(tops, seeds, strict=True):
            g = lower(seed)
            grads[top] = grads[top] + g if top in grads else g if type(top) is Node else own(g, (g,))
        for node in nodes:
            if (g := grads.pop(node, None)) is None:
                continue
            g = g.whole() if type(g) in SUMS else g
            if node.hooks:
                for hook in node.hooks.copy().values():
                    g = lower(hook(lift(g)))
            if keys is not None and node in keys:
                totals[node] = lift(own(g, (g,)))
            for listener in listeners:
                listener.arrived(node, g)
            send(node, g, grads, symbolic, reach)
            if not keep and node.plan.keeps:  # a node that saved nothing can be walked again
                node.saved, node.versions = None, line
        for end, g in grads.items():  # leaves, and those nodes asked for that lead to nothing else that is
            if keys is None or end in keys:
                g = whole(g)
                for hook in ((end.hooks if type(end) is Node else end.__dict__.get("hooks")) or {}).copy().values():
                    g = lower(hook(lift(g)))
                totals[end] = lift(own(g, (g,)) if type(end) is Node else g)
                for listener in listeners:
                    listener.arrived(end, totals[end])
    return totals


def send(node: Node, g: Any, grads: dict, symbolic: bool, reach: set | None) -> None:
    """Run the rules of one node, those towards `reach` if given; what they give is added to the gradients of its parents."""
    op = node.op
    values = (g, *as_tensors(node)) if symbolic else (g, *(node.saved or ()))
    parts: Any = None
    if symbolic and op.saves and op.definition is not None and MODE.get().grad:
        parts = by_definition(node, values)
    elif node.plan.fused and not symbolic:
        function, pick = node.plan.fused
        parts = function(*pick(values))
    for k, entry in enumerate(node.plan.rules):
        if entry is None or (reach is not None and node.parents[k] not in reach):
            continue
        rule, pick = entry
        if symbolic and parts is None:
            with mode(rule=(node.number, k)):
                part = rule(*pick(values))
        else:
            part = rule(*pick(values)) if parts is None else parts[k]
        if part is None:
            continue
        parent = node.parents[k]
        goal = parent if type(parent) is Node else parent.array
        array = part.array if symbolic else part
        if array.shape != goal.shape or array.dtype is not goal.dtype:
            part = fit(op, k, part, array, goal)
        for listener in MODE.get().listeners if symbolic else ():
            listener.contributed(node, k, part)
        if parent in grads:
            grads[parent] = joined(grads[parent], part, None if symbolic or parts is None else values)
        else:
            grads[parent] = part if goal is parent else own(part, values)


def fit(op: Any, k: int, part: Any, array: Any, goal: Any) -> Any:
    """Undo the broadcasting of input `k`, and a change of type; any other wrong shape is a mistake in the rule."""
    if array.shape != goal.shape:
        if not op.broadcasts:
            name = op.inputs[min(k, len(op.inputs) - 1)]
            raise ShapeError(f"{op.name}: the gradient of {name} must be {tuple(goal.shape)}, got {tuple(array.shape)}")
        part = OPS["sum_to"](part, shape=tuple(goal.shape))
    return part if array.dtype == goal.dtype else OPS["cast"](part, dtype=goal.dtype)


def own(g: Any, others: tuple) -> Any:
    """`g`, or a copy of it if its memory is shared: what lands in a leaf's `.grad` may be written in place."""
    array = g.array if isinstance(g, Tensor) else g
    return g if type(g) in SUMS or backend_of(array).owns(array) and id(g) not in map(id, others) else OPS["clone"](g)


def as_tensors(node: Node) -> list:
    """A node's saved values as tensors, with their history if the pass is to be differentiated."""
    values: list[Any] = []
    for (what, which), value in zip(node.plan.sources, node.saved or (), strict=True):
        stands = what == "extra" and node.op.saves[which] == node.op.stands
        source = which if what == "input" else 0 if stands else None
        maker = None if not MODE.get().grad else node if what == "y" else None if source is None else node.parents[source]
        if isinstance(maker, Tensor) and not stands:
            if maker.array is not value:
                raise GradError(f"backward: the memory of a leaf that {node.op.name} saved was replaced through .data. "
                                "Hint: take second derivatives before the update")  # fmt: skip
            value = maker
        elif what in ("y", "input", "extra") and hasattr(value, "dtype"):
            value = Tensor(value, maker)
        values.append(value)
    return values


def by_definition(node: Node, values: tuple) -> dict[int, Any]:
    """The gradients of a composite op's inputs through its definition, since what its kernel saved has no history.

    An input that no rule saves may stay None: no derivative but its own depends on it, and that one has a rule.
    """
    inputs: list[Any] = [None] * len(node.parents)
    for (what, which), value in zip(node.plan.sources, values[1:], strict=True):
        if what == "input" or (what == "extra" and node.op.saves[which] == node.op.stands):
            inputs[which if what == "input" else 0] = value
    with mode(grad=True):  # an alias of each input, so that the inner pass ends there
        ends = [OPS["alias"](x) if isinstance(x, Tensor) and (x.wants or x.node is not None) else x for x in inputs]
        y = node.op.definition(*ends, **node.options)  # type: ignore[misc]
    keys = {k: node_of(ends[k]) for k, r in enumerate(node.plan.rules) if r and isinstance(ends[k], Tensor)}
    found = propagate([y], [values[0]], list(keys.values()), True, MODE.get().grad)
    parts = {k: found.get(key) for k, key in keys.items()}
    return {k: parts[k] if k in parts else r[0](*r[1](values)) for k, r in enumerate(node.plan.rules) if r is not None}


def towards(nodes: list[Node], targets: set) -> tuple[list[Node], set]:
    """Those nodes that lead on from the roots to one of the `targets`, and a set of them and the targets."""
    reaching: set = set(targets)
    for node in reversed(nodes):
        if any(parent in reaching for parent in node.parents):
            reaching.add(node)
    return [node for node in nodes if not reaching.isdisjoint(node.parents)], reaching
