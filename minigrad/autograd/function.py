"""Function: an op of your own, with a forward and a backward in plain Python, under PyTorch's names."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from ..backends import GradError
from ..core import MODE, Node, Tensor, mode, node_of
from ..core.op import Plan
from ..ops.arithmetic import alias
from ..ops.reduce import sum_op
from ..ops.shape import movedim
from ..ops.update import inherit
from .call import Call, CustomOp, first, heard_of
from .forward_ad import Level as DualLevel
from .tree import filled, leaves, spread
from .vmap import Batched
from .vmap import Level as VmapLevel


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
        self._call: Callable[[], Call | None] | None = None
        self._pushing = False

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
        """Whether backward sees zeros (True, as it begins) or None for a result that no gradient reached, and jvp for an
        argument without a tangent."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple:
        """What was saved, with its history. Raises GradError once it was freed or if it was written in place."""
        if self._pushing and self._for_tangents:
            return self._for_tangents
        if self._call is None:
            return self._saved
        call = self._call()
        if call is None:
            raise GradError("saved_tensors: the call that saved these tensors is gone, and they with it")
        return call.restored()


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
        """The tangents of the results, from those of the arguments (None for what is no tensor)."""
        raise NotImplementedError("Function: jvp is not implemented")

    @staticmethod
    def vmap(info: VmapInfo, in_dims: tuple, *args: Any) -> Any:
        """All examples of a `vmap` at once: (results, the dimension of each that holds the examples, None for one that is the
        same for all). Without it, forward itself runs under vmap, as with PyTorch's `generate_vmap_rule = True`."""
        raise NotImplementedError("Function: vmap is not implemented")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and record the call for backward."""
        apart, now = cls.is_apart(), MODE.get()
        if kwargs or apart:
            args = cls._in_order(args, kwargs)
        level: Any = getattr(now.instead, "__self__", None)
        own = isinstance(level, VmapLevel) and cls.vmap is not Function.vmap and any(outside(level, a)[1] for a in args)
        parents = [(node_of(a) or (a if a.wants else None)) if isinstance(a, Tensor) and now.grad else None for a in args]
        levels = [level for level in now.listeners if isinstance(level, DualLevel)]
        tangents = [[level.get(a) for a in args] for level in levels]
        moving = [level for level, row in zip(levels, tangents, strict=True) if any(t is not None for t in row)]
        if own and not moving and all(p is None for p in parents):
            return by_own_rule(cls, level, args)
        own = own and apart  # a derivative inside of vmap needs a ctx, which an older forward alone fills
        starts = [(x, len(x.calls)) for x in now.listeners if hasattr(x, "stands")]
        ctx = Context(tuple(p is not None or any(row[k] is not None for row in tangents) for k, p in enumerate(parents)))

        def run() -> tuple[Any, list[Tensor]]:
            out = by_own_rule(cls, level, args) if own else None
            with mode(grad=False, listeners=tuple(x for x in MODE.get().listeners if x not in moving)):
                if not own:
                    out = cls.forward(*args) if apart else cls.forward(ctx, *args)
                outputs = cls._results(ctx, args, out)
                out = filled(out, outputs)
                if apart:
                    cls.setup_context(ctx, args, out)
            return out, outputs

        if isinstance(level, VmapLevel) and not own and seen_outside(level, args):
            out, outputs = Examples.passed(Batch(cls, ctx, args, level, run))
        else:
            out, outputs = run()
        for y in outputs:
            heard_of(cls.__name__, "forward", y)
        fixed = [y for y in outputs if not y.dtype.is_inexact or any(y is x for x in ctx._fixed)]
        if any(ctx.needs_input_grad) and len(fixed) < len(outputs):
            call = Call(cls, ctx, args, outputs, parents)
            nodes, call.nodes = call.nodes, {}  # they refer to the call, so this frame keeps them, and not the call
            if any(p is not None for p in parents):
                for listener in now.listeners:
                    getattr(listener, "made", lambda node: None)(call.node())
                for program, start in starts:
                    program.stands(start, call.node(), args, [(y, nodes.get(i)) for i, y in enumerate(outputs)])
                for i, node in nodes.items():
                    cls._made(ctx, outputs[i], node)
            for dual, row in zip(levels, tangents, strict=True):
                if dual in moving:
                    with dual.outside():
                        for y, t in zip(outputs, call.pushed(row), strict=True):
                            if t is not None:
                                dual.set(y, t)
        return out

    @classmethod
    def _in_order(cls, args: tuple, kwargs: dict[str, Any]) -> tuple:
        """forward's arguments without ctx, those by keyword in their places; defaults too where `setup_context` sees them."""
        apart = cls.is_apart()
        bound = inspect.signature(cls.forward).bind(*(None, *args)[apart:], **kwargs)
        if apart:
            bound.apply_defaults()
        return bound.args[not apart :]

    @classmethod
    def has_jvp(cls) -> bool:
        """Whether it gives its own forward mode."""
        return cls.jvp is not Function.jvp

    @classmethod
    def is_apart(cls) -> bool:
        """Whether forward takes no ctx, and `setup_context` keeps what backward needs."""
        return cls.setup_context is not Function.setup_context

    @classmethod
    def slopes(cls, ctx: Context, *grads: Any) -> Any:
        """The user's backward, or vjp, which is another name for it."""
        own, other = cls.backward is not Function.backward, cls.vjp is not Function.vjp
        if own and other:
            raise RuntimeError(f"{cls.__name__}: Implementing both 'backward' and 'vjp' for a custom Function is not allowed. "
                               "Hint: they are two names for one function")  # fmt: skip
        return cls.vjp(ctx, *grads) if other else cls.backward(ctx, *grads)

    @classmethod
    def _results(cls, ctx: Context, args: tuple, out: Any) -> list[Tensor]:
        """What forward returned, as tensors of this call's own (but for what it wrote in place)."""
        results = list(out) if isinstance(out, (tuple, list)) else [out]
        if any(all(x is not y for y in results) for x in ctx._dirty):
            raise GradError(f"{cls.__name__}: an input that mark_dirty names, since forward wrote it in place, must be among "
                            "the results. Hint: return it")  # fmt: skip
        for k, y in enumerate(results):
            if not isinstance(y, Tensor):
                raise TypeError(f"{cls.__name__}: forward must return tensors, got {type(y).__name__}. "
                                "Hint: minigrad.tensor(...); keep other values on ctx")  # fmt: skip
            dirty = any(y is x for x in ctx._dirty)
            if dirty and y.wants:
                raise GradError(
                    f"{cls.__name__}: a leaf tensor that requires grad is marked as written in place. Hint: .clone()"
                )
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


# -- under vmap ----------------------------------------------------------------------------------------------------------


def seen_outside(level: VmapLevel, args: tuple) -> bool:
    """Whether a derivative outside of `vmap` passes a call inside of it."""
    xs = [outside(level, a)[0] for a in args if isinstance(a, Tensor)]
    duals = [x for x in level.outer.listeners if isinstance(x, DualLevel)]
    return any((level.outer.grad and x.requires_grad) or any(dual.get(x) is not None for dual in duals) for x in xs)


def outside(level: VmapLevel, x: Any) -> tuple[Any, bool]:
    """A value inside of `vmap` as it is outside, and whether it holds many examples."""
    ours = isinstance(x, Tensor) and isinstance(x.array, Batched) and x.array.level is level
    return (x.array.value, x.array.many) if ours else (x, False)


class VmapInfo(NamedTuple):
    """What a Function's own `vmap` is told of the vmap that it is in."""

    batch_size: int
    randomness: str


def by_own_rule(function: type[Function], level: VmapLevel, args: tuple) -> Any:
    """A call inside of `vmap` by the `vmap` that the Function brings."""
    pairs = [outside(level, a) for a in args]
    with level.within():
        given = function.vmap(
            VmapInfo(level.size, level.randomness), tuple(0 if many else None for _, many in pairs), *[x for x, _ in pairs]
        )
        if not isinstance(given, tuple) or len(given) != 2:
            raise TypeError(f"{function.__name__}: vmap must return (results, their out_dims), got {type(given).__name__}")
        out, dims = given
        places = spread(dims, out, f"{function.__name__}: out_dims of vmap")
        ys = [y if d is None else movedim(y, d, 0) for y, d in zip(leaves(out), places, strict=True)]
    return filled(out, [level.inside(y, d is not None) for y, d in zip(ys, places, strict=True)])


class Batch:
    """A call inside of `vmap` that a derivative outside of it passes."""

    def __init__(self, function: type[Function], ctx: Context, args: tuple, level: VmapLevel, run: Any) -> None:
        self.function, self.ctx, self.level, self.run = function, ctx, level, run
        pairs = [outside(level, a) for a in args]
        self.args, self.many = [x for x, _ in pairs], [m for _, m in pairs]
        self.out: Any = None  # what it returned
        self.outputs: list[Tensor] = []
        self.made: list[bool] = []  # which results, and which saved tensors, hold many examples
        self.saved: list[bool] = []

    def forget(self) -> None:
        """Let go of what only forward needs: the results lead back to this call."""
        self.run, self.out, self.outputs, self.args = None, None, [], []


class Examples(Function):
    """A Function on all examples of a `vmap` at once: forward runs inside it, and so does backward."""

    @classmethod
    def passed(cls, batch: Batch) -> tuple[Any, list[Tensor]]:
        """What the call returns inside, its values recorded outside."""
        level, ctx = batch.level, batch.ctx
        with level.within():
            ys = cls.apply(batch, *batch.args)
        outputs = [level.inside(y, many) for y, many in zip(ys, batch.made, strict=True)]
        same = {id(old): new for old, new in zip(batch.outputs, outputs, strict=True)}
        ctx._saved, ctx._fixed = (tuple(same.get(id(x), x) for x in xs) for xs in (ctx._saved, ctx._fixed))
        out = filled(batch.out, outputs)
        batch.forget()
        return out, outputs

    @staticmethod
    def forward(ctx, batch, *args):
        level, inner = batch.level, batch.ctx
        with mode(grad=False, listeners=(level,), instead=level.instead):
            batch.out, batch.outputs = batch.run()
        if inner._dirty:
            raise NotImplementedError(f"{batch.function.__name__}: a derivative of vmap can't pass a Function that writes its "
                                      "input in place. Hint: leave out mark_dirty")  # fmt: skip
        pairs = [outside(level, y) for y in batch.outputs]
        saved = [outside(level, x) for x in inner._saved]
        batch.made, batch.saved = [m for _, m in pairs], [m for _, m in saved]
        ctx.batch = batch
        ctx.set_materialize_grads(inner._materialize)
        ctx.mark_non_differentiable(*[outside(level, y)[0] for y in inner._fixed])
        ctx.save_for_backward(*[x for x, _ in saved])
        return tuple(y for y, _ in pairs)

    @staticmethod
    def backward(ctx, *grads):
        batch = ctx.batch
        level = VmapLevel(batch.level.size, batch.level.randomness)
        inner = copy.copy(batch.ctx)
        inner._call, inner.needs_input_grad = None, ctx.needs_input_grad[1:]
        inner._saved = tuple(
            x if x is None else level.inside(x, m) for x, m in zip(ctx.saved_tensors, batch.saved, strict=True)
        )
        seeds = [g if g is None else level.inside(g, m) for g, m in zip(grads, batch.made, strict=True)]
        try:
            with mode(listeners=(level,), instead=level.instead):
                found = batch.function.slopes(inner, *seeds)
            parts = list(found) if isinstance(found, (tuple, list)) else [found]
            stacked = [None if part is None else level.stacked(part, 0) for part in parts]
        finally:
            level.close()
        return None, *(g if g is None or many else sum_op(g, dim=(0,))
                       for g, many in zip(stacked, [*batch.many, *[True] * len(parts)], strict=False))  # fmt: skip


def once_differentiable(backward: Callable) -> Callable:
    """Decorate a backward that is not written in tensor ops: differentiating it again raises GradError."""

    @wraps(backward)
    def wrapped(ctx: Context, *grads: Any) -> Any:
        with mode(grad=False):
            found = backward(ctx, *grads)
        if not MODE.get().grad:
            return found
        call = ctx._call() if ctx._call else None
        node = call.node() if call else None
        behind = [
            *(node.parents if node else ()),
            *(node_of(g) or (g if g.wants else None) for g in grads if isinstance(g, Tensor)),
        ]
        parts = found if isinstance(found, tuple) else (found,)
        ends = tuple(end_of(part, behind) if isinstance(part, Tensor) else part for part in parts)
        return ends if isinstance(found, tuple) else ends[0]

    return wrapped


FunctionCtx = Context


def end_of(part: Tensor, behind: list) -> Tensor:
    """A gradient whose own gradient is refused."""

    def refuse(g: Any) -> None:
        raise GradError("backward: trying to differentiate twice a function that was marked with @once_differentiable. "
                        "Hint: write its backward in tensor ops and take the decorator off")  # fmt: skip

    op = CustomOp("once_differentiable", None, ["x"])
    plan = Plan((), first, (), tuple((refuse, first) if p is not None else None for p in behind), (), False, None)
    return Tensor(part.array, Node(op, {}, behind, plan, part.array.shape, part.array.dtype))
