"""Nodes and edges as users see them: names, neighbours, what was saved, and hooks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ..backends import GradError, whole
from ..core import MODE, OPS, Node, Op, Tensor, mode, node_of
from ..core.backward import as_tensors, by_definition, fit
from ..ops.arithmetic import clone, conjugate
from .call import Part, Pieces
from .hooks import Hook, alike, checked_hook, facing, hooks_of

_metadata: WeakKeyDictionary[Node, dict] = WeakKeyDictionary()


class AccumulateGrad:
    """The end of a graph at a leaf, its `variable`: what adds up in `.grad`. Those of one leaf are equal."""

    next_functions = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return hash((AccumulateGrad, id(self.variable)))

    def name(self) -> str:
        """Its name in PyTorch."""
        return "torch::autograd::AccumulateGrad"

    def register_prehook(self, hook: Callable) -> Hook:
        """Call `hook((grad,))` before the leaf's gradient is added to `.grad`; a tuple that it returns replaces it."""
        return register_before(self.variable, hook)

    def register_hook(self, hook: Callable) -> Hook:
        """Call `hook((), (grad,))` after the leaf's gradient was added to `.grad`."""
        checked_hook("register_hook", hook)
        arrived: list = []

        def keep(g: Tensor) -> Tensor:
            arrived[:] = [g]
            return g

        hooks_of(self.variable)["added", hook] = facing(self.variable, keep)
        return Hook(self.variable.__dict__.setdefault("accumulated", {}), lambda leaf: hook((), tuple(arrived)))


class GradientEdge(NamedTuple):
    """Where a tensor hangs in the graph: `autograd.grad` and `backward` take it in the tensor's place."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that a tensor's gradient arrives by. Raises GradError for a tensor that wants none."""
    if not isinstance(tensor, Tensor) or not tensor.requires_grad:
        got = f"shape {tuple(tensor.shape)}" if isinstance(tensor, Tensor) else type(tensor).__name__
        raise GradError(f"get_gradient_edge: expected a tensor that requires gradients, got {got}")
    return GradientEdge(node_of(tensor) or AccumulateGrad(tensor), 0)


_arrived: ContextVar[dict | None] = ContextVar("minigrad_multi_grad_hooks", default=None)  # of the pass that runs


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> Hook:
    """Call `fn` in each backward pass that reaches one of `tensors`: with "all" once at its end, with all their gradients
    (None for a tensor that it did not reach); with "any" with the first gradient that arrives.

    Raises ValueError for another mode, GradError for a tensor that wants no gradient.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"register_multi_grad_hook: Expects mode to be one of ('all', 'any') but got {mode}")
    checked_hook("register_multi_grad_hook", fn)
    own = object()

    def watch(k: int) -> Callable[[Tensor], None]:
        def arrive(g: Tensor) -> None:
            found = _arrived.get()
            if found is None:
                return
            if mode == "any" and own not in found:
                fn(g)
            gradients: list = found.setdefault(own, (fn if mode == "all" else None, [None] * len(tensors)))[1]
            gradients[k] = g

        return arrive

    return Hook({}, fn, *[x.register_hook(watch(k)) for k, x in enumerate(tensors)])


def with_multi_hooks(run: Callable, *args: Any) -> Any:
    """A backward pass, and then the hooks that wait for several gradients of it."""
    token = _arrived.set({})
    try:
        totals = run(*args)
        for fn, gradients in (_arrived.get() or {}).values():
            if fn is not None:
                fn(gradients)
        return totals
    finally:
        _arrived.reset(token)


# -- names and neighbours ------------------------------------------------------------------------------------------------


def name(self: Node) -> str:
    """The node's name in PyTorch's manner: MulBackward0, and for a Function its own with Backward."""
    own = self.op.name
    if getattr(self.op, "custom", False):
        return f"{own.partition('[')[0]}Backward"
    return f"{''.join(word.capitalize() for word in own.split('_'))}Backward0"


def next_functions(self: Node) -> tuple:
    """The nodes that this node's rules send gradients to, each as (node, 0); None for an input that wants none."""
    node = self.parents[0] if isinstance(self.op, Part) else self
    ends = [AccumulateGrad(parent) if isinstance(parent, Tensor) else parent for parent in node.parents]
    return tuple((end, 0) for end in ends)


def saved(what: str) -> property:
    """`node._saved_x`: what the call saved, by the name of its input, option or extra; `_saved_self`, `_saved_other` and
    `_saved_result` are the first input, the second, and the output. Raises GradError once it was freed."""

    def read(self: Node) -> Any:
        op = self.op
        places: dict[str, tuple] = {"self": ("input", 0), "other": ("input", 1), "result": ("y", 0)}
        places |= {option: ("option", option) for option in op.defaults}
        places |= {
            name: (kind, k) for kind, names in (("extra", op.saves), ("input", op.inputs)) for k, name in enumerate(names)
        }
        if places.get(what) not in self.plan.sources:
            raise AttributeError(f"{op.name} has not saved {what!r} in this call, since none of its rules asks for it")
        self.check()
        with mode(grad=True):
            return as_tensors(self)[self.plan.sources.index(places[what])]

    return property(read)


# -- hooks -----------------------------------------------------------------------------------------------------------------


class Hooked(Op):
    """The op of one node with hooks behind its rules: all of them run at once, and the hooks see what they give.

    twin    the node as it was
    after   the hooks
    """

    def __init__(self, node: Node) -> None:
        self.__dict__.update(node.op.__dict__, definition=None, custom=getattr(node.op, "custom", False))
        self.twin = copy.copy(node)
        self.after: dict[Any, Callable] = {}
        self.twin.saved = self.twin.versions = ()
        self.pending: tuple = (None, [])
        wanted = [k for k, rule in enumerate(node.plan.rules) if rule is not None]
        rules = tuple((self.rule(k, k == wanted[-1]), tuple) if k in wanted else None for k in range(len(node.plan.rules)))
        node.plan = replace(node.plan, rules=rules, fused=(lambda *values: self.parts(values, False), tuple))
        node.op = self

    def rule(self, k: int, last: bool) -> Callable:
        def rule(*values: Any) -> Any:
            parts = self.pending[1] if self.pending[0] is values[0] else self.parts(values, True)
            self.pending = (None, []) if last else (values[0], parts)
            return parts[k]

        return rule

    def parts(self, values: tuple, symbolic: bool) -> list:
        """What the node sends to each input, as the hooks leave it."""
        node, g = self.twin, values[0]
        op, plan = node.op, node.plan
        if symbolic and op.saves and op.definition is not None and MODE.get().grad:
            found: Any = by_definition(node, values)
        elif plan.fused and not symbolic:
            parts = plan.fused[0](*plan.fused[1](values))
            found = dict(enumerate(map(whole, parts)))
        else:
            found = {k: rule[0](*rule[1](values)) for k, rule in enumerate(plan.rules) if rule is not None}
        parts = [self.fitted(k, found.get(k)) if rule else None for k, rule in enumerate(plan.rules)]

        def lift(x: Any) -> Any:
            return x if x is None else conjugate(x if symbolic else Tensor(x))

        after = tuple(map(lift, parts))
        before = tuple(map(lift, g.parts.values())) if isinstance(g, Pieces) else (lift(g),)
        for hook in self.after.copy().values():
            after = several(hook(after, before), after)
        keep = clone if self.after else (lambda x: x)  # what lands in a leaf's `.grad` is written in place
        after = tuple(x if x is None else conjugate(x) for x in after)
        return list(after) if symbolic else [x if x is None else keep(x).array for x in after]

    def fitted(self, k: int, part: Any) -> Any:
        parent = self.twin.parents[k]
        goal = parent if isinstance(parent, Node) else parent.array
        array = getattr(part, "array", part)
        if part is None or (array.shape == goal.shape and array.dtype == goal.dtype):
            return part
        return fit(self.twin.op, k, part, array, goal)


def several(new: Any, old: tuple) -> tuple:
    """What a hook gave in the place of several gradients."""
    if new is None:
        return old
    given = new if isinstance(new, (tuple, list)) else (new,)
    if len(given) != len(old):
        raise GradError(f"hook: expected None or {len(old)} gradients, got {len(given)}")
    return tuple(None if x is None else alike(x, g) for x, g in zip(given, old, strict=True))


def register_before(owner: Tensor | Node, hook: Callable) -> Hook:
    checked_hook("register_prehook", hook)
    return Hook(hooks_of(owner), facing(owner, lambda g: several(hook((g,)), (g,))[0]), key=("node", object()))


def register_prehook(self: Node, hook: Callable) -> Hook:
    """Call `hook(grad_outputs)` before the node's rules run; a tuple that it returns takes the place of grad_outputs."""
    return register_before(self, hook)


def register_hook(self: Node, hook: Callable) -> Hook:
    """Call `hook(grad_inputs, grad_outputs)` after the node's rules ran; a tuple that it returns takes the place of
    grad_inputs, which hold None for an input that wants no gradient."""
    checked_hook("register_hook", hook)
    node = self.parents[0] if isinstance(self.op, Part) else self
    op = node.op if isinstance(node.op, Hooked) else Hooked(node)
    return Hook(op.after, hook)


Node.name = name  # type: ignore[attr-defined]
Node.next_functions = property(next_functions)  # type: ignore[attr-defined]
Node.metadata = property(lambda self: _metadata.setdefault(self, {}), doc="A dict for notes.")  # type: ignore[attr-defined]
Node.register_hook, Node.register_prehook = register_hook, register_prehook  # type: ignore[attr-defined]
for what in {"self", "other", "result"}.union(*[{*op.inputs, *op.defaults, *op.saves} for op in OPS.values()]):
    setattr(Node, f"_saved_{what}", saved(what))  # a property for each: a `__getattr__` would slow all access to nodes
