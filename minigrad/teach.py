"""Backpropagation with one of its rules switched off, to see what the rule is for.

    with teach.broken("accumulation"):
        loss.backward()              # wrong gradients, in this block and this thread only

    print(teach.compare(lambda x: x * x + x, minigrad.tensor(3.0), broken="accumulation"))

The pass below is the engine's own (core/backward.py) in its plainest form, and so the place to read it first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import Token
from typing import Any

import numpy as np

from .autograd import grad
from .autograd.backward import PASS
from .autograd.gradcheck import differences, doubled, host
from .backends import GradError, user_line
from .core import MODE, OPS, Node, Tensor, node_of, walk
from .core.backward import fit
from .diagnose.local import sent
from .diagnose.paths import NORMS, along
from .guard import guard as _guard

RULES = {
    "order": "a node is visited as soon as one gradient has reached it; what reaches it later is lost",
    "accumulation": "where gradients meet, the last to come takes the place of the others",
    "broadcast": "an operand that was broadcast gets the gradient of its first copy, not the sum over all copies",
    "zeroing": "the gradients of the step before are still there when those of the next one come",
    "mean path": "batch, layer and group norm take their mean for a constant",
    "variance path": "batch, layer and group norm take their variance for a constant",
}
CUT = {"mean path": ("sub", 1), "variance path": ("div", 1)}  # the edges of a norm's definition that carry these paths


# -- the pass ----------------------------------------------------------------------------------------------------------


def backpropagate(tops: list, seeds: list, off: frozenset[str]) -> dict[Any, Any]:
    """The gradient of sum(top * seed) by every node and leaf behind the `tops`, in bare arrays, with the rules `off` broken.

    Every node's gradient is whole before the node is visited, since it was made before all that use it, and the newest
    comes first. What its rules send to its inputs is added up there.
    """
    grads: dict[Any, Any] = {}
    for top, seed in zip(tops, seeds, strict=True):
        receive(grads, top, seed, off)
    for node in hasty(tops) if "order" in off else walk([top for top in tops if isinstance(top, Node)]):
        if node in grads:
            for k, part in contributions(node, grads[node], off).items():
                receive(grads, node.parents[k], part, off)
    return grads


def receive(grads: dict, key: Any, part: Any, off: frozenset[str]) -> None:
    """Add what has arrived to what is there."""
    grads[key] = grads[key] + part if key in grads and "accumulation" not in off else part


def contributions(node: Node, g: Any, off: frozenset[str]) -> dict[int, Any]:
    """What a node sends to its inputs: its rules applied to g, summed where the input was broadcast."""
    parts = sent(node, g, first_copy if "broadcast" in off else fit)
    cut = tuple(CUT[rule] for rule in CUT if rule in off)
    if cut and node.op.name in NORMS and 0 in parts:
        parts[0] = along(node, Tensor(g), cut).array
    return parts


def hasty(tops: list) -> list[Node]:
    """The nodes in the order in which somebody who follows the first edge first comes upon them."""
    found: dict[Node, None] = {}
    stack = [top for top in reversed(tops) if isinstance(top, Node)]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack += [parent for parent in reversed(node.parents) if isinstance(parent, Node)]
    return list(found)


def first_copy(op: Any, k: int, part: Any, array: Any, goal: Any) -> Any:
    """One copy of what should be a sum over the copies of a broadcast operand."""
    if op.broadcasts:
        part = part[(0,) * (part.ndim - len(goal.shape))]
        part = part[tuple(slice(0, 1) if n == 1 else slice(None) for n in goal.shape)]
    return fit(op, k, part, part, goal)


# -- switching a rule off ------------------------------------------------------------------------------------------------


def broken(*rules: str) -> Block:
    """`with teach.broken("accumulation"):` breaks one rule of backpropagation (see `teach.RULES`), or several, in the block.

    `backward()` and `autograd.grad` then give wrong first derivatives; hooks are not called. It holds for this thread or
    async task, and ends with the block, also by an exception. Blocks with different rules can be nested.
    Raises ValueError for an unknown rule; GradError for one that is off already, for create_graph=True, and while
    something records or watches, as `record()` and `detect_anomaly()` do.
    """
    return Block(*rules)


class Block:
    """A `with` block in which rules of backpropagation are off."""

    def __init__(self, *rules: str) -> None:
        for rule in rules or ("",):
            if rule not in RULES:
                raise ValueError(f"teach.broken: expected rules out of {', '.join(map(repr, RULES))}, got {rule!r}")
        self.rules = frozenset(rules)
        self.off = self.rules
        self.token: Token | None = None
        self.given: dict[int, tuple[Tensor, Any]] = {}  # by leaf: the leaf, and the gradient it was given last

    def __enter__(self) -> Block:
        outer = getattr(PASS.get(), "__self__", None)
        around = outer.off if isinstance(outer, Block) else frozenset()
        twice = self.rules if self.token is not None else self.rules & around
        if twice:
            raise GradError(f"teach.broken: {', '.join(sorted(twice))} is off already. Hint: leave the inner block out")
        self.off = self.rules | around
        self.given.clear()
        self.token = PASS.set(self.propagate)
        return self

    def __exit__(self, *error: Any) -> None:
        assert self.token is not None
        PASS.reset(self.token)
        self.token = None

    def __repr__(self) -> str:
        return "\n".join(f"off: {rule}: {RULES[rule]}" for rule in RULES if rule in self.off)

    def propagate(self, roots: list, seeds: list, keys: Any, keep: bool, create: bool) -> dict[Any, Tensor]:
        """What stands in for the engine's pass in the block: gradients by leaf, or by `keys`."""
        if create or MODE.get().listeners:
            why = "it takes first derivatives only, got create_graph=True" if create else "nothing can record or watch it"
            raise GradError(f"teach.broken: this is a broken pass, {why}. Hint: do that outside of the block")
        tops = [node_of(root) or root for root in roots]
        nodes = walk([top for top in tops if isinstance(top, Node)])
        for node in nodes:
            node.check()
        grads = backpropagate(tops, [seed.array for seed in seeds], self.off)
        if not keep:
            line = user_line()
            for node in nodes:
                node.saved, node.versions = (None, line) if node.plan.keeps else (node.saved, node.versions)
        asked = [key for key in grads if isinstance(key, Tensor)] if keys is None else [key for key in keys if key in grads]
        return {key: Tensor(self.unzeroed(key, OPS["clone"](grads[key]))) for key in asked}

    def unzeroed(self, key: Any, g: Any) -> Any:
        """A leaf's gradient, with what it was given before if `zeroing` is off and somebody has zeroed it since."""
        if "zeroing" in self.off and isinstance(key, Tensor):
            zeroed = key.grad is None or not bool((key.grad != 0).any())
            g = g + self.given[id(key)][1] if zeroed and id(key) in self.given else g
            self.given[id(key)] = (key, OPS["clone"](g))  # g itself becomes .grad, which may be zeroed in place
        return g


# -- side by side --------------------------------------------------------------------------------------------------------


class Comparison:
    """What `compare` returns; printing it gives the table.

    names      of the inputs
    right, wrong, numeric   for each input the gradient, the one with the rule off, and finite differences (NumPy arrays)
    """

    def __init__(self, rule: str, names: list[str], right: list, wrong: list, numeric: list) -> None:
        self.rule, self.names, self.right, self.wrong, self.numeric = rule, names, right, wrong, numeric

    @property
    def differs(self) -> bool:
        """Whether the broken rule made any gradient wrong."""
        return any(not np.allclose(a, b, rtol=1e-6, atol=1e-9) for a, b in zip(self.right, self.wrong, strict=True))

    def __str__(self) -> str:
        rows = [("", "right", "broken", "finite difference", "")]
        for columns in zip(self.names, self.right, self.wrong, self.numeric, strict=True):
            rows += table(*columns)
        wide = [max(len(row[k]) for row in rows) for k in range(4)]
        lines = [
            "  ".join([row[0].ljust(wide[0]), *(text.rjust(n) for text, n in zip(row[1:4], wide[1:4], strict=True)), row[4]])
            for row in rows
        ]
        end = [] if self.differs else ["this loss has no use for the rule: both gradients are the same"]
        return "\n".join([f"{self.rule} off: {RULES[self.rule]}", *(line.rstrip() for line in lines), *end])

    __repr__ = __str__


def table(name: str, right: np.ndarray, wrong: np.ndarray, numeric: np.ndarray, few: int = 36) -> list[tuple]:
    """A row for each element, or for the 36 that are the most wrong."""
    apart = np.abs(right - wrong)
    order = np.argsort(-apart.reshape(-1), kind="stable")[:few]
    rows = []
    for at in np.sort(order):
        place = np.unravel_index(at, right.shape)
        mark = "" if apart[place] <= 1e-9 + 1e-6 * abs(right[place]) else "<- wrong"
        label = name + (f"[{', '.join(str(i) for i in place)}]" if place else "")
        rows.append((label, *(f"{float(v[place]):.6g}" for v in (right, wrong, numeric)), mark))
    return rows + ([(f"{name}: {right.size - few} more", "", "", "", "")] if right.size > few else [])


def compare(loss_fn: Callable[..., Tensor], inputs: Any, broken: str, eps: float = 1e-6) -> Comparison:
    """The gradients of `loss_fn(*inputs)`, a scalar, beside those with one rule off and beside finite differences.

    `inputs` are a tensor or several; gradients are taken by those that require grad, by all floating ones if none does,
    in copies in float64. For "zeroing" the loss is differentiated twice, as in two steps of training. Raises ValueError
    for an unknown rule or a loss that is no scalar, GradError inside of a `teach.broken` block.
    """
    if isinstance(getattr(PASS.get(), "__self__", None), Block):
        raise GradError("teach.compare: a rule is off already. Hint: call it outside of the teach.broken block")
    block = Block(broken)
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs) if isinstance(inputs, (list, tuple)) else []
    if not any(isinstance(x, Tensor) for x in given):
        got = type(inputs).__name__
        raise TypeError(f"teach.compare: inputs must be a tensor or a list with tensors, got {got}. Hint: minigrad.tensor(3.0)")
    if not any(isinstance(x, Tensor) and x.requires_grad for x in given):
        given = [x.detach().requires_grad_() if isinstance(x, Tensor) and x.is_floating_point() else x for x in given]
    xs = doubled("teach.compare", given)
    wanted = [k for k, x in enumerate(xs) if isinstance(x, Tensor) and x.requires_grad]

    def gradients() -> list[np.ndarray]:
        loss = loss_fn(*xs)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"teach.compare: the loss must be a scalar tensor, got {got}. Hint: .sum()")
        return [host(g) for g in grad(loss, [xs[k] for k in wanted], materialize_grads=True) if g is not None]

    right = gradients()
    with block:
        wrong = gradients()
        wrong = gradients() if broken == "zeroing" else wrong
    numeric = [differences(loss_fn, xs, k, 0, eps).reshape(tuple(xs[k].shape)) for k in wanted]
    names = list(inspect.signature(loss_fn).parameters)
    return Comparison(broken, [names[k] if k < len(names) else f"input {k}" for k in wanted], right, wrong, numeric)


_guard(__name__)
