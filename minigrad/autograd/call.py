"""Call: one call of a `Function`, as backpropagation and forward mode see it."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import Any

from ..backends import GradError, ShapeError, backend_for
from ..core import MODE, Node, Op, Tensor, mode, propagate, written
from ..core.op import Plan
from ..ops.arithmetic import cast_op, clone, conjugate, sum_to
from ..ops.create import zeros
from ..ops.operands import broadcastable
from .saving import Unpacked, acting


def first(values: tuple) -> tuple:
    """What a rule of a Function's node is given: the gradient alone."""
    return values[:1]


def heard_of(name: str, what: str, x: Tensor) -> None:
    """Tell programs that are being recorded if a Function's result was made where they can't hear."""
    for listener in MODE.get().listeners:
        if hasattr(listener, "unheard") and listener.of(x) is None:
            listener.unheard(f"{name}: its {what} computes outside of minigrad's ops")


class CustomOp(Op):
    """What the nodes of a Function name as their op."""

    custom = True

    def __init__(self, name: str, doc: str | None, inputs: list[str]) -> None:
        def kernel(b: Any, *arrays: Any, **options: Any) -> Any:
            raise GradError(f"{name}: a Function's node can't be run again. Hint: {name}.apply(...)")

        self.__dict__.update(kernel=kernel, name=name, kind="general", saves=(), floats=False, promotes=False, broadcasts=False,
                             definition=None, writes=(), rules={}, fused=None, inputs=inputs, variadic=False, defaults={},
                             plans={}, __doc__=doc)  # fmt: skip


class Part(CustomOp):
    """What the node of one of several results names as its op."""

    part = True


def op_of(function: Any) -> CustomOp:
    """The op of a Function, made at its first call."""
    if "_op" not in function.__dict__:
        inputs = list(inspect.signature(function.forward).parameters)[not function.is_apart() :]
        function._op = CustomOp(function.__name__, function.__doc__, inputs)
    return function.__dict__["_op"]


class Pieces:
    """The gradients of several results, on their way to the one call that made them."""

    shape, ndim, size, wants, node, grad, version = (), 0, 1, False, None, None, None

    def __init__(self, dtype: Any, parts: dict[int, Any]) -> None:
        self.dtype, self.parts = dtype, parts

    @property
    def array(self) -> Pieces:
        return self

    def __add__(self, other: Pieces) -> Pieces:
        both = {**other.parts, **self.parts}
        return Pieces(self.dtype, both | {i: self.parts[i] + other.parts[i] for i in self.parts if i in other.parts})


class Call:
    """One call of a Function, for backward: its context, what it saved, and the node that stands for it."""

    def __init__(self, function: Any, ctx: Any, args: tuple, outputs: list[Tensor], parents: list) -> None:
        self.function, self.ctx, self.name = function, ctx, function.__name__
        self.shapes = [(tuple(a.shape), a.dtype) if isinstance(a, Tensor) else None for a in args]
        self.results = [(tuple(y.shape), y.dtype, y.device) for y in outputs]
        self.sloped = [i for i, y in enumerate(outputs)
                       if y.dtype.is_inexact and not any(y is x for x in ctx._fixed)]  # fmt: skip
        self.pending: tuple = (None, [])
        single = len(outputs) == 1
        wanted = [k for k, needed in enumerate(ctx.needs_input_grad) if needed]
        rules = tuple((self.rule(k, k == wanted[-1]), first) if k in wanted else None for k in range(len(args)))
        entries = [self.entry(x, args, outputs) for x in ctx._saved]
        plan = Plan((("option", "saved"),) if entries else (), first, (), rules, (), bool(entries), (self.bare, first))
        y = outputs[self.sloped[0]].array
        node = Node(op_of(function), {}, parents, plan, tuple(y.shape) if single else (), y.dtype)
        node.saved = (entries,) if entries else ()
        hooks = acting()
        checked = [] if hooks is not None and not hooks.guarded else [x for x in ctx._saved if x is not None]
        node.versions = [(written(x), written(x)[0]) for x in checked]
        self.node = weakref.ref(node)
        self.nodes = {i: node if single else self.part_node(i, node) for i in self.sloped}
        ctx._saved = ()
        ctx._call = weakref.ref(self)  # the node keeps this call

    def part_node(self, i: int, node: Node) -> Node:
        """The node of one of several results: it hands its gradient on as a piece."""
        shape, dtype, device = self.results[i]
        op = Part(f"{self.name}[{i}]", None, ["call"])
        rule = (lambda g: Pieces(node_dtype, {i: g}), first)
        node_dtype = node.dtype
        return Node(op, {}, [node], Plan((), first, (), (rule,), (), False, None), shape, backend_for(device).native(dtype))

    # -- saved tensors ---------------------------------------------------------------------------------------------------
    def entry(self, x: Tensor | None, args: tuple, outputs: list[Tensor]) -> tuple:
        """How a saved tensor is kept: without its node, which would refer back to this call."""
        for what, pool in (("input", args), ("output", outputs)):
            for k, other in enumerate(pool):
                if x is not None and other is x:
                    hooks = acting()
                    return what, k, x.array if hooks is None else hooks.pack(x.array), x.version
        hooks = acting()
        return "other", 0, x if hooks is None or x is None else hooks.pack(x.array), None

    def restored(self) -> tuple:
        """The saved tensors."""
        node = self.node()
        if node is None or node.saved is None:
            raise GradError(f"{self.name}: the saved tensors were freed by an earlier backward, so they can't be read again. "
                            "Hint: backward(retain_graph=True) the first time")  # fmt: skip
        node.check()
        return tuple(self.tensor(node, *entry) for entry in (node.saved[0] if node.saved else ()))

    def tensor(self, node: Node, what: str, k: int, value: Any, version: Any) -> Tensor | None:
        if what == "other":
            return Tensor(value()) if isinstance(value, Unpacked) else value
        maker = node.parents[k] if what == "input" else node if len(self.results) == 1 else self.part_node(k, node)
        if what == "output" and (k not in self.sloped or all(p is None for p in node.parents)):
            maker = None
        packed = isinstance(value, Unpacked)
        if isinstance(maker, Tensor) and (maker.array is value or (packed and MODE.get().grad)):
            return maker
        value = value() if packed else value
        out = Tensor(value, maker if isinstance(maker, Node) else None)
        out.version = version
        return out

    # -- backward --------------------------------------------------------------------------------------------------------
    def rule(self, k: int, last: bool) -> Callable:
        """The rule of input `k`: backward runs once for all of them."""

        def rule(g: Any) -> Tensor | None:
            parts = self.pending[1] if self.pending[0] is g else self.gradients(g)
            self.pending = (None, []) if last else (g, parts)
            return parts[k]

        return rule

    def bare(self, g: Any) -> list:
        """The gradients of all inputs as bare arrays."""
        parts = {i: Tensor(part) for i, part in g.parts.items()} if isinstance(g, Pieces) else None
        found = self.gradients(Tensor(g) if parts is None else Pieces(g.dtype, parts))
        return [part if part is None else part.array for part in found]

    def gradients(self, g: Any) -> list[Tensor | None]:
        """What the user's backward gives for each input, checked."""
        parts = g.parts if isinstance(g, Pieces) else {self.sloped[0]: g}
        seeds = [None if (part := parts.get(i)) is None else conjugate(part) for i in range(len(self.results))]
        if self.ctx._materialize:
            seeds = [zeros(shape, dtype=dtype, device=device) if seed is None else seed
                     for seed, (shape, dtype, device) in zip(seeds, self.results, strict=True)]  # fmt: skip
        found = self.function.slopes(self.ctx, *seeds)
        found = list(found) if isinstance(found, (tuple, list)) else [found]
        count = len(self.shapes)
        if len(found) < count or any(part is not None for part in found[count:]):
            raise GradError(f"{self.name}: backward returned an incorrect number of gradients (expected {count}, one for each "
                            f"argument of forward, got {len(found)})")  # fmt: skip
        for k, part in enumerate(found[:count]):
            if part is not None and self.shapes[k] is None:
                raise GradError(f"{self.name}: backward returned a gradient for argument {k}, which is no tensor. Hint: None")
        return [self.checked(k, part) if needed else None
                for k, (part, needed) in enumerate(zip(found, self.ctx.needs_input_grad, strict=False))]  # fmt: skip

    def checked(self, k: int, part: Any) -> Tensor | None:
        """A gradient in the shape and type of its input."""
        if part is None:
            return None
        if not isinstance(part, Tensor):
            raise TypeError(f"{self.name}: backward must return tensors or None, got {type(part).__name__} for argument {k}")
        shape, dtype = self.shapes[k]  # type: ignore[misc]
        if tuple(part.shape) != shape:
            if len(shape) > part.ndim or not broadcastable([shape, part.shape]) or any(
                n != m for n, m in zip(reversed(shape), reversed(part.shape), strict=False) if n != 1
            ):  # fmt: skip
                raise ShapeError(f"{self.name}: backward returned an invalid gradient for argument {k}: got "
                                 f"{tuple(part.shape)}, expected shape {shape}")  # fmt: skip
            part = sum_to(part, shape=shape)
        heard_of(self.name, "backward", part)
        if dtype.is_complex or part.dtype.is_complex:
            part = conjugate(part)
        if part.dtype is not dtype:
            return cast_op(part, dtype=dtype)
        node = self.node()
        ends = node is not None and isinstance(node.parents[k], Tensor) and not MODE.get().grad
        return clone(part) if ends else part  # what lands in a leaf's `.grad` is written in place, and the user may keep this

    # -- forward mode ----------------------------------------------------------------------------------------------------
    def pushed(self, tangents: list) -> list[Tensor | None]:
        """The tangents of the results: by the Function's own `jvp`, or by turning its backward round."""
        ctx = self.ctx
        if self.function.has_jvp():
            if ctx._materialize:
                device = next(t.device for t in tangents if t is not None)
                tangents = [zeros(like[0], dtype=like[1], device=device) if t is None and like and like[1].is_inexact
                            else t for t, like in zip(tangents, self.shapes, strict=True)]  # fmt: skip
            ctx._pushing = True
            found = self.function.jvp(ctx, *tangents)
            ctx._pushing = False
            found = list(found) if isinstance(found, (tuple, list)) else [found]
            if len(found) != len(self.results):
                raise GradError(f"{self.name}: jvp returned an incorrect number of tangents (expected {len(self.results)}, one "
                                f"for each result of forward, got {len(found)})")  # fmt: skip
            return found
        seeds = {
            i: zeros(shape, dtype=dtype, device=device)
            for i, (shape, dtype, device) in enumerate(self.results)
            if i in self.sloped
        }
        with mode(grad=True):
            for seed in seeds.values():
                seed.wants = True
            parts = self.gradients(Pieces(None, seeds) if len(self.results) > 1 else seeds[0])
        roots = [
            (part, t)
            for part, t in zip(parts, tangents, strict=True)
            if part is not None and t is not None and part.requires_grad
        ]
        if not roots:
            return [None] * len(self.results)
        ys, ts = zip(*roots, strict=True)
        found = propagate(list(ys), list(ts), list(seeds.values()), True, MODE.get().grad)
        return [found.get(seeds.get(i)) for i in range(len(self.results))]
