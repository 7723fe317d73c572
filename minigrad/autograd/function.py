"""Function: an op of your own, with a forward and a backward in plain Python, under PyTorch's names."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends import GradError, ShapeError, backend_for
from ..core import MODE, Node, Op, Tensor, mode, node_of, propagate, written
from ..core.op import Plan
from ..ops.arithmetic import alias, cast, sum_to
from ..ops.create import zeros
from ..ops.operands import broadcastable
from ..ops.update import inherit
from .forward import Level as DualLevel
from .vmap import Batched
from .vmap import Level as VmapLevel



def first(values: tuple) -> tuple:
    """What a rule of a Function's node is given: the gradient alone."""
    return values[:1]


class Context:
    """`ctx`: what forward leaves for backward. Attributes of any name may be set on it too.

    needs_input_grad   for each argument whether it wants a gradient
    """

    def __init__(self, needs: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs
        self._saved: tuple = ()
        self._for_tangents: tuple = ()
        self._dirty: tuple = ()
        self._fixed: tuple = ()
        self._materialize = True
        self._call: Call | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, in `saved_tensors`. Inputs and outputs must be kept this way, not as attributes."""
        for k, x in enumerate(tensors):
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(f"save_for_backward: can only save tensors, but argument {k} is of type {type(x).__name__}. "
                                "Hint: set other values as attributes, ctx.name = value")  # fmt: skip
        self._saved = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `jvp`, where they are `saved_tensors`."""
        self._for_tangents = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs forward wrote in place; they must be among its results."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which results have no gradient."""
        self._fixed = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward sees zeros (True, as it begins) or None for a result that no gradient reached."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """What was saved, with its history. Raises GradError once it was freed or if it was written in place."""
        if self._call is None:
            return self._for_tangents or self._saved
        return self._call.restored()


class CustomOp(Op):
    """What the nodes of a Function name as their op."""

    def __init__(self, name: str, doc: str | None, inputs: list[str]) -> None:
        def kernel(b: Any, *arrays: Any, **options: Any) -> Any:
            raise GradError(f"{name}: a Function's node can't be run again. Hint: {name}.apply(...)")

        self.__dict__.update(kernel=kernel, name=name, kind="general", saves=(), floats=False, promotes=False, broadcasts=False,
                             definition=None, writes=(), rules={}, fused=None, inputs=inputs, variadic=False, defaults={},
                             plans={}, __doc__=doc)  # fmt: skip


class Pieces:
    """The gradients of several results, on their way to the one call that made them."""

    shape, ndim, size, wants, node = (), 0, 1, False, None

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

    def __init__(self, function: type[Function], ctx: Context, args: tuple, outputs: list[Tensor], parents: list) -> None:
        self.function, self.ctx, self.name = function, ctx, function.__name__
        self.shapes = [(tuple(a.shape), a.dtype) if isinstance(a, Tensor) else None for a in args]
        self.results = [(tuple(y.shape), y.dtype, y.device) for y in outputs]
        self.sloped = [i for i, y in enumerate(outputs)
                       if y.dtype.is_floating_point and not any(y is x for x in ctx._fixed)]  # fmt: skip
        self.pending: dict[int, tuple] = {}
        single = len(outputs) == 1
        wanted = [k for k, needed in enumerate(ctx.needs_input_grad) if needed]
        rules = tuple((self.rule(k, k == wanted[-1]), first) if k in wanted else None for k in range(len(args)))
        entries = [self.entry(x, args, outputs) for x in ctx._saved]
        plan = Plan((("option", "saved"),) if entries else (), first, (), rules, (), False, bool(entries), (self.bare, first))
        y = outputs[self.sloped[0]].array
        op = CustomOp(self.name, function.__doc__, list(inspect.signature(function.forward).parameters))
        node = Node(op, {}, parents, plan, tuple(y.shape) if single else (), y.dtype)
        node.saved = (entries,) if entries else ()
        node.versions += [n for x in ctx._saved if x is not None for n in (written(x), written(x)[0])]
        self.node = weakref.ref(node)
        self.nodes = {i: node if single else self.part_node(i, node) for i in self.sloped}
        ctx._saved = ()
        ctx._call = self

    def part_node(self, i: int, node: Node) -> Node:
        """The node of one of several results: it hands its gradient on as a piece."""
        shape, dtype, device = self.results[i]
        op = CustomOp(f"{self.name}[{i}]", None, ["call"])
        rule = (lambda g: Pieces(node_dtype, {i: g}), first)
        node_dtype = node.dtype
        return Node(op, {}, [node], Plan((), first, (), (rule,), (), False, False, None), shape, backend_for(device).native(dtype))

    # -- saved tensors ---------------------------------------------------------------------------------------------------
    def entry(self, x: Tensor | None, args: tuple, outputs: list[Tensor]) -> tuple:
        """How a saved tensor is kept: without its node, which would refer back to this call."""
        for what, pool in (("input", args), ("output", outputs)):
            for k, other in enumerate(pool):
                if x is not None and other is x:
                    return what, k, x.array, x.version
        return "other", 0, x, None

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
            return value
        maker = node.parents[k] if what == "input" else node if len(self.results) == 1 else self.part_node(k, node)
        if what == "output" and k not in self.sloped:
            maker = None
        if isinstance(maker, Tensor) and maker.array is value:
            return maker
        out = Tensor(value, maker if isinstance(maker, Node) else None)
        out.version = version
        return out

    # -- backward --------------------------------------------------------------------------------------------------------
    def rule(self, k: int, last: bool) -> Callable:
        """The rule of input `k`: backward runs once for all of them."""

        def rule(g: Any) -> Tensor | None:
            if id(g) not in self.pending:
                self.pending[id(g)] = (g, self.gradients(g))
            parts = self.pending.pop(id(g))[1] if last else self.pending[id(g)][1]
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
        seeds = [parts.get(i) for i in range(len(self.results))]
        if self.ctx._materialize:
            seeds = [zeros(shape, dtype=dtype, device=device) if seed is None else seed
                     for seed, (shape, dtype, device) in zip(seeds, self.results, strict=True)]  # fmt: skip
        found = self.function.backward(self.ctx, *seeds)
        found = list(found) if isinstance(found, (tuple, list)) else [found]
        count = len(self.shapes)
        if len(found) < count or any(part is not None for part in found[count:]):
            raise GradError(f"{self.name}: backward returned an incorrect number of gradients (expected {count}, one for each "
                            f"argument of forward, got {len(found)})")  # fmt: skip
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
        return part if part.dtype is dtype else cast(part, dtype=dtype)

    # -- forward mode ----------------------------------------------------------------------------------------------------
    def pushed(self, tangents: list) -> list[Tensor | None]:
        """The tangents of the results: by the Function's own `jvp`, or by turning its backward round."""
        ctx = self.ctx
        if self.function.jvp is not Function.jvp:
            self.ctx._call = None
            found = self.function.jvp(ctx, *tangents)
            self.ctx._call = self
            return list(found) if isinstance(found, (tuple, list)) else [found]
        seeds = {i: zeros(shape, dtype=dtype, device=device) for i, (shape, dtype, device) in enumerate(self.results) if i in self.sloped}
        with mode(grad=True):
            for seed in seeds.values():
                seed.wants = True
            whole = len(self.results) > 1
            parts = self.gradients(Pieces(None, seeds) if whole else seeds[0])
        roots = [(part, t) for part, t in zip(parts, tangents, strict=True) if part is not None and t is not None and part.requires_grad]
        if not roots:
            return [None] * len(self.results)
        ys, ts = zip(*roots, strict=True)
        found = propagate(list(ys), list(ts), list(seeds.values()), True, MODE.get().grad)
        return [found.get(seeds.get(i)) for i in range(len(self.results))]


class Function:
    """An op of your own: `class Exp(Function)` with static `forward(ctx, ...)` and `backward(ctx, ...)`; `Exp.apply(x)`.

    forward runs without recording, on the arguments of `apply`, and returns a tensor or a tuple of tensors. What backward
    needs it keeps with `ctx.save_for_backward`. Or forward takes no ctx, and `setup_context(ctx, inputs, output)` keeps it.
    backward takes one gradient a result and returns one gradient (or None) an argument. Written in tensor ops, it can be
    differentiated again, and forward mode is derived from it unless there is a `jvp(ctx, *tangents)`.

    An exception in either comes through unchanged. Raises TypeError for a result that is no tensor, GradError for a wrong
    number of gradients, ShapeError for a gradient of a wrong shape.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """What is computed; every subclass gives its own."""
        raise NotImplementedError("Function: you must implement the forward function of your subclass")

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple, output: Any) -> None:
        """Keep what backward needs, for a forward without ctx."""
        raise NotImplementedError("Function: setup_context is not implemented")

    @staticmethod
    def backward(ctx: Context, *grad_outputs: Any) -> Any:
        """The gradients of the arguments, from those of the results."""
        raise NotImplementedError("Function: you must implement the backward function of your subclass to differentiate it")

    vjp = backward

    @staticmethod
    def jvp(ctx: Context, *grad_inputs: Any) -> Any:
        """The tangents of the results, from those of the arguments (None for 0)."""
        raise NotImplementedError("Function: jvp is not implemented")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and record the call for backward."""
        apart = cls.setup_context is not Function.setup_context
        if kwargs:
            given = (None, *args)[apart:]
            args = inspect.signature(cls.forward).bind(*given, **kwargs).args[not apart :]
        now = MODE.get()
        cls._seen_outside(args, getattr(now.instead, "__self__", None))
        parents = [(node_of(a) or (a if a.wants else None)) if isinstance(a, Tensor) and now.grad else None for a in args]
        levels = [level for level in now.listeners if isinstance(level, DualLevel)]
        tangents = [[level.get(a) for a in args] for level in levels]
        moving = [level for level, row in zip(levels, tangents, strict=True) if any(t is not None for t in row)]
        ctx = Context(tuple(p is not None or any(row[k] is not None for row in tangents) for k, p in enumerate(parents)))
        with mode(grad=False, listeners=tuple(x for x in now.listeners if x not in moving)):
            out = cls.forward(*args) if apart else cls.forward(ctx, *args)
            outputs = cls._results(ctx, args, out)
            out = type(out)(*outputs) if hasattr(out, "_fields") else tuple(outputs) if isinstance(out, (tuple, list)) else outputs[0]
            if apart:
                cls.setup_context(ctx, args, out)
        for y in outputs:
            heard_of(cls.__name__, "forward", y)
        fixed = [y for y in outputs if not y.dtype.is_floating_point or any(y is x for x in ctx._fixed)]
        if any(ctx.needs_input_grad) and len(fixed) < len(outputs):
            call = Call(cls, ctx, args, outputs, parents)
            for i, node in call.nodes.items():
                if any(p is not None for p in parents):
                    cls._made(ctx, outputs[i], node)
            for level, row in zip(levels, tangents, strict=True):
                if level in moving:
                    with level.outside():
                        for y, t in zip(outputs, call.pushed(row), strict=True):
                            if t is not None:
                                level.set(y, t)
        return out

    @classmethod
    def _results(cls, ctx: Context, args: tuple, out: Any) -> list[Tensor]:
        """What forward returned, as tensors of this call's own (but for what it wrote in place)."""
        results = list(out) if isinstance(out, (tuple, list)) else [out]
        for k, y in enumerate(results):
            if not isinstance(y, Tensor):
                raise TypeError(f"{cls.__name__}: forward must return tensors, got {type(y).__name__}. "
                                "Hint: minigrad.tensor(...); keep other values on ctx")  # fmt: skip
            dirty = any(y is x for x in ctx._dirty)
            if dirty and y.wants:
                raise GradError(f"{cls.__name__}: a leaf tensor that requires grad is marked as written in place. Hint: .clone()")
            known = [*args, *results[:k]]
            if not dirty and (y.wants or y.node is not None or any(y is x for x in known)):
                results[k] = alias(y)
        return results

    @classmethod
    def _made(cls, ctx: Context, y: Tensor, node: Node) -> None:
        """Let a result have come from a node."""
        if any(y is x for x in ctx._dirty):
            inherit(y, Tensor(y.array, node))
        else:
            y.node, y.base = node, None

    @classmethod
    def _seen_outside(cls, args: tuple, level: Any) -> None:
        """Raise if a derivative outside of `vmap` would pass this call, since its backward is not seen there."""
        if not isinstance(level, VmapLevel):
            return
        for a in args:
            if not isinstance(a, Tensor):
                continue
            x = level.physical(a.array)[0] if isinstance(a.array, Batched) else a
            moving = any(isinstance(outer, DualLevel) and outer.get(x) is not None for outer in level.outer.listeners)
            if moving or (level.outer.grad and x.requires_grad):
                raise NotImplementedError(f"{cls.__name__}: a derivative of vmap can't use this Function's backward. "
                                          "Hint: take the derivative inside, vmap(grad(f)), or write it in tensor ops")  # fmt: skip


def heard_of(name: str, what: str, x: Tensor) -> None:
    """Tell programs that are being recorded if a Function's result was made where they can't hear."""
    for listener in MODE.get().listeners:
        if hasattr(listener, "unheard") and listener.of(x) is None:
            listener.unheard(f"{name}: its {what} computes outside of minigrad's ops")


def once_differentiable(backward: Callable) -> Callable:
    """Decorate a backward that is not written in tensor ops: differentiating it again raises GradError."""

    @wraps(backward)
    def wrapped(ctx: Context, *grads: Any) -> Any:
        with mode(grad=False):
            found = backward(ctx, *grads)
        if not MODE.get().grad:
            return found
        call = ctx._call.node() if ctx._call else None
        behind = [*(call.parents if call else ()), *(node_of(g) or (g if g.wants else None) for g in grads if isinstance(g, Tensor))]
        parts = found if isinstance(found, tuple) else (found,)
        ends = tuple(end_of(part, behind) if isinstance(part, Tensor) else part for part in parts)
        return ends if isinstance(found, tuple) else ends[0]

    return wrapped


def end_of(part: Tensor, behind: list) -> Tensor:
    """A gradient whose own gradient is refused."""

    def refuse(g: Any) -> None:
        raise GradError("backward: trying to differentiate twice a function that was marked with @once_differentiable. "
                        "Hint: write its backward in tensor ops and take the decorator off")  # fmt: skip

    op = CustomOp("once_differentiable", None, ["x"])
    plan = Plan((), first, (), tuple((refuse, first) if p is not None else None for p in behind), (), False, False, None)
    return Tensor(part.array, Node(op, {}, behind, plan, part.array.shape, part.array.dtype))
