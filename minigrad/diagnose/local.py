"""One recorded call by itself: what went in, what its rules send back, and finite differences of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import whole
from ..core import Node, Tensor, mode
from ..core.backward import fit
from ..ops.create import tensor

MISSING: Any = object()  # an input that nobody kept
SYMMETRIC = ("cholesky", "eigenvectors")  # of symmetric matrices, of which the kernels read one triangle
DEEPEST = 8  # how many calls back an input is computed again


def input_name(node: Node, k: int) -> str:
    """What the op calls its input `k`."""
    names = node.op.inputs
    last = len(names) - 1
    return f"{names[last]}[{k - last}]" if node.op.variadic and k >= last else names[k]


def rule_name(node: Node, k: int) -> str:
    """Under which name the op has the rule of its input `k`."""
    return node.op.inputs[min(k, len(node.op.inputs) - 1)]


def sent(node: Node, g: Any, fitted: Callable = fit) -> dict[int, Any]:
    """What the rules of a node send to its inputs if the gradient `g` arrives: {position: array}, all bare arrays.

    `fitted(op, k, part, array, goal)` undoes broadcasting. Raises GradError if what was saved is gone or was written.
    """
    node.check()
    values = (g, *(node.saved or ()))
    parts = {}
    plan = getattr(node.op, "twin", node).plan  # without the hooks that somebody set on the node
    with mode(grad=False):
        at_once = plan.fused and plan.fused[0](*plan.fused[1](values))
        for k, entry in enumerate(plan.rules):
            if entry is None:
                continue
            rule, pick = entry
            part = whole(at_once[k]) if at_once else rule(*pick(values))
            if part is None:
                continue
            parent = node.parents[k]
            goal = parent if type(parent) is Node else parent.array
            parts[k] = part if part.shape == goal.shape and part.dtype == goal.dtype else fitted(node.op, k, part, part, goal)
    return parts


def saved_values(node: Node) -> dict[tuple, Any]:
    """What a node saved, by source; nothing once it is freed."""
    return {} if node.saved is None else dict(zip(node.plan.sources, node.saved, strict=True))


def inputs_of(node: Node, depth: int = DEEPEST) -> list:
    """The arrays that went into a call, MISSING where nobody kept one: saved, a leaf's own as it is now, or computed again."""
    saved = saved_values(node)
    found = []
    for k, parent in enumerate(node.parents):
        several = next(((which, v) for (what, which), v in saved.items() if what == "inputs" and k >= which), None)
        if ("input", k) in saved:
            found.append(saved["input", k])
        elif several:
            found.append(several[1][k - several[0]])
        elif isinstance(parent, Tensor):
            found.append(parent.array)
        else:
            found.append(output_of(parent, depth - 1) if isinstance(parent, Node) else MISSING)
    return found


def output_of(node: Node, depth: int = DEEPEST) -> Any:
    """The array that a call made, if its rules kept it or it can be computed again; else MISSING."""
    saved = saved_values(node)
    if ("y", 0) in saved:
        return saved["y", 0]
    if depth <= 0 or node.saved is None or node.op.writes:
        return MISSING
    given = inputs_of(node, depth)
    return MISSING if any(x is MISSING for x in given) else run(node, given).array


def run(node: Node, inputs: list, **changes: Any) -> Tensor:
    """The call again on other inputs (bare arrays), unrecorded and unheard."""
    with mode(grad=False, listeners=(), instead=None, rule=None):
        return node.op(*[Tensor(x) if hasattr(x, "dtype") else x for x in inputs], **node.options | changes)


class Again:
    """A call that is run again in float64, on the host's copies of its inputs.

    An input that was not kept is replaced by zeros, or left out: no rule saved it, so no gradient but its own depends on it.
    """

    def __init__(self, node: Node, inputs: list, device: str) -> None:
        self.node, self.device = node, device
        self.changes = {"dtype": "float64"} if node.op.name == "cast" else {}
        shapes = saved_values(node).get(("shapes", len(node.op.inputs) - 1), [])
        self.inputs = [self.stand_in(k, shapes) if x is MISSING else doubled(x) for k, x in enumerate(inputs)]

    def stand_in(self, k: int, shapes: list) -> Any:
        parent, op = self.node.parents[k], self.node.op
        if isinstance(parent, Node):
            return np.zeros(tuple(parent.shape))
        at = k - (len(op.inputs) - 1)
        return np.zeros(shapes[at]) if 0 <= at < len(shapes) else 0.0 if op.broadcasts else None

    def __call__(self, k: int = 0, moved: Any = None) -> np.ndarray:
        """The output, with another array for input `k` if one is given."""
        inputs = self.inputs if moved is None else [*self.inputs[:k], moved, *self.inputs[k + 1 :]]
        given = [tensor(x, device=self.device).array if isinstance(x, np.ndarray) else x for x in inputs]
        y = run(self.node, given, **self.changes)
        return np.asarray(y.backend.to_host(y.array), dtype=np.float64)

    def differences(self, g: np.ndarray, k: int, places: list[int], eps: float = 1e-6) -> np.ndarray:
        """Central differences of sum(g * y) by those elements of input `k` whose flat positions are `places`."""
        slopes = []
        for at in places:
            ends = []
            for step in (eps, -eps):
                moved = self.inputs[k].copy()
                place = np.unravel_index(at, moved.shape)
                if self.node.op.name in SYMMETRIC:  # half of the step for the entry, half for its mirror image
                    step = step / 2
                    moved[(*place[:-2], place[-1], place[-2])] += step
                moved[place] += step
                ends.append(float(np.sum(g * self(k, moved))))
            slopes.append((ends[0] - ends[1]) / (2 * eps))
        return np.array(slopes)


def doubled(x: Any) -> Any:
    """The host's own copy of an array, floating ones in float64; anything else as it is."""
    if not hasattr(x, "dtype"):
        return x
    array = np.array(Tensor(x).backend.to_host(x))
    return array if array.dtype.kind in "biu" else array.astype(np.float64)
