"""Forward mode: tangents travel beside the values. A listener hears each call and computes the tangent of its output.

A linear op's tangent is the op of the tangent. An elementwise op's is its rule, given the tangent in the place of the
gradient, since its Jacobian is diagonal. Any other op's rules are linear in the gradient they are given: differentiating
them by it turns them round (Townsend 2017, "A new trick for calculating Jacobian vector products").
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, reduce
from typing import Any, NamedTuple

from ..backends import GradError, ShapeError
from ..core import MODE, Op, Tensor, mode, propagate
from ..core.tensor import base_of, written
from ..ops.arithmetic import add, alias, cast, cast_op, clone, expand, sum_to
from ..ops.create import full_like_op, zeros_like
from ..ops.index import setitem_op
from ..ops.update import write
from .listener import Listener
from .modes import opened

LEVELS: ContextVar[tuple[dual_level, ...]] = ContextVar("minigrad_dual_levels", default=())


class Level(Listener):
    """The tangents of one `dual_level`, by the arrays of their tensors. A tensor without an entry has the tangent 0."""

    def __init__(self) -> None:
        self.tangents: dict[int, tuple[Any, Tensor | None]] = {}  # the array is kept, so that its id stays its own
        self.given: dict[int, tuple[Tensor, Tensor, int]] = {}  # by copies' ids: the copy, what was given, its writes then

    def get(self, x: Any) -> Tensor | None:
        """The tangent of a tensor, None for 0. A view may have got one with its base, through another view."""
        if not isinstance(x, Tensor):
            return None
        entry = self.tangents.get(id(x.array))
        if entry is not None or x.base is None or x.how is None:
            return None if entry is None else entry[1]
        above = self.get(base_of(x))
        if above is not None:
            with self.outside():
                self.set(x, above := x.how[0](above, **x.how[1]))
        return above

    def set(self, x: Tensor, tangent: Tensor | None) -> None:
        self.tangents[id(x.array)] = (x.array, tangent)

    def as_given(self, tangent: Tensor) -> Tensor:
        """The tensor that was given as this tangent; the tangent itself if there is none, or either was written since."""
        copy, given, writes = self.given.get(id(tangent), (None, tangent, 0))
        return given if copy is tangent and (written(copy)[0], written(given)[0]) == (0, writes) else tangent

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        """A call passed the door: file the tangent of its output."""
        if not self.tangents:
            return
        tangents = [self.get(a) for a in args]
        if all(t is None for t in tangents) or not output.dtype.is_inexact:
            return
        with self.outside():
            if op.kind == "update":
                self.updated(op, args, tangents, options)
                return
            found = tangent_of(op, args, tangents, options, output, extras)
            if found is not None:
                self.set(output, found)

    def updated(self, op: Op, args: tuple, tangents: list, options: dict) -> None:
        """A tensor was written in place: so is its tangent."""
        if op.name not in UPDATES:
            raise GradError(f"{op.name}: forward mode has no tangent for this in-place op. Hint: the op without _")
        value = UPDATES[op.name](args, tangents, options)
        write(op.name, self.room(args[0], value), value)

    def room(self, x: Tensor, value: Any) -> Tensor:
        """A tangent of x that takes `value` in place (one an example inside `vmap`); a view's lies in that of its base."""
        found = self.get(x)
        if found is None:
            base = base_of(x) if x.base is not None and x.how is not None else None
            if base is None and not x.backend.owns(x.array):
                raise GradError("forward mode: a tensor with a tangent is written into a view whose base is not known, "
                                "as it was taken without recording. Hint: take it with gradients enabled")  # fmt: skip
            if base is None:
                found = full_like_op(value if isinstance(value, Tensor) else x, value=0, dtype=x.dtype, shape=tuple(x.shape))
            else:
                found = x.how[0](self.room(base, value), **x.how[1])
            self.set(x, found)
        return found


def tangent_of(op: Op, args: tuple, tangents: list, options: dict, output: Tensor, extras: Any) -> Tensor | None:
    """The tangent of a call's output, from those of its inputs (None for 0); None if it does not depend on them."""
    rules = [op.rules.get(op.inputs[min(k, len(op.inputs) - 1)]) for k in range(len(args))]
    sloped = [k for k, t in enumerate(tangents) if t is not None and rules[k] is not None]
    if not sloped:
        return None
    if op.kind in ("linear", "view") or op.name == "setitem":  # of several values for one place the last stays, by no rule
        found = op(*[a if rule is None else t if t is not None else zeros_like(a) if isinstance(a, Tensor) else 0.0
                     for a, t, rule in zip(args, tangents, rules, strict=True)], **options)  # fmt: skip
        return found if op.kind == "view" else own(found, tangents)
    values = known(op, args, options, output, extras)
    parts = []
    if op.kind == "elementwise" or op.name == "where":
        for k in sloped:
            t = tangents[k] if tangents[k].shape == output.shape else expand(tangents[k], shape=tuple(output.shape))
            parts.append(called(rules[k], {**values, "g": t, "i": k}))
    else:
        with mode(grad=True):
            g = zeros_like(output)
            g.wants = True
            sent = [(fitting(called(rules[k], {**values, "g": g, "i": k}), tangents[k]), tangents[k]) for k in sloped]
        roots = [(part, t) for part, t in sent if part.requires_grad]
        if roots:
            ys, ts = zip(*roots, strict=True)
            history = MODE.get().grad and any(isinstance(t, Tensor) and t.requires_grad for t in (*args, *tangents))
            parts = list(propagate(list(ys), list(ts), [g], True, history).values())
    if not parts:
        return None
    found = plus(*parts)
    return own(found if found.dtype is output.dtype else cast_op(found, dtype=output.dtype), tangents)


def known(op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> dict[str, Any]:
    """What a rule may ask for, by name."""
    values = {**op.defaults, **options, "y": output}
    values |= dict(zip(op.saves, map(Tensor, extras), strict=True))
    last = len(op.inputs) - 1
    for k, a in enumerate(args[:last] if op.variadic else args):
        values[op.inputs[k]] = a
        values[f"{op.inputs[k]}_shape"] = tuple(getattr(a, "shape", ()))
    if op.variadic:
        values[op.inputs[last]] = args[last:]
        values[f"{op.inputs[last]}_shapes"] = [tuple(a.shape) for a in args[last:]]
    return values


@cache
def needs(rule: Any) -> tuple[str, ...]:
    """What a rule asks for."""
    return tuple(inspect.signature(rule).parameters)


def called(rule: Any, values: dict[str, Any]) -> Tensor:
    return rule(*[values[name] for name in needs(rule)])


def fitting(part: Tensor, x: Tensor) -> Tensor:
    """What a rule gave, with the broadcasting of its input undone, and real where that is."""
    part = part if part.shape == x.shape else sum_to(part, shape=tuple(x.shape))
    return part if part.dtype is x.dtype else cast_op(part, dtype=x.dtype)


def own(t: Tensor, others: list) -> Tensor:
    """A tangent in memory of its own, since it is written in place when its tensor is."""
    return t if t.backend.owns(t.array) and all(t is not other for other in others) else clone(t)


def plus(*parts: Tensor | None) -> Any:
    """The sum of tangents, of which None is 0."""
    some = [t for t in parts if t is not None]
    return reduce(add, some) if some else 0.0


# The tangent of what an in-place op wrote: (arguments, their tangents, options) -> tangent
UPDATES: dict[str, Callable] = {
    "assign_": lambda args, t, options: plus(t[1]),
    "add_": lambda args, t, options: plus(t[0], t[1]),
    "lerp_": lambda args, t, options: plus(
        None if t[0] is None else t[0] * (1 - args[2]), None if t[1] is None else t[1] * args[2]
    ),
    "assign_at_": lambda args, t, options: setitem_op(
        zeros_like(args[0]) if t[0] is None else t[0], plus(t[1]), *args[2:], **options
    ),
}


class UnpackedDualTensor(NamedTuple):
    """A dual tensor taken apart; the tangent is None if it has none at this level."""

    primal: Tensor
    tangent: Tensor | None


class dual_level:
    """`with dual_level():` tangents given by `make_dual` in this block travel through every op. Blocks nest.

    Composite ops run as their definitions. When the block ends, its tangents are gone.
    """

    def __enter__(self) -> int:
        self.level = Level()
        now = MODE.get()
        self.token = LEVELS.set((*LEVELS.get(), self))
        self.mode = mode(listeners=(*now.listeners, self.level), instead=now.instead or opened)
        self.mode.__enter__()
        return len(LEVELS.get()) - 1

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__(*error)
        LEVELS.reset(self.token)
        self.level.tangents.clear()
        self.level.given.clear()


def enter_dual_level() -> int:
    """Begin a `dual_level` block by hand; returns its number."""
    return dual_level().__enter__()


def exit_dual_level(*, level: int | None = None) -> None:
    """End the innermost `dual_level` block. Raises GradError if there is none, or it is another one than `level`."""
    blocks = LEVELS.get()
    if not blocks or (level is not None and level != len(blocks) - 1):
        raise GradError(f"exit_dual_level: expected the innermost of {len(blocks)} levels, got {level}")
    blocks[-1].__exit__(None, None, None)


def current(who: str, level: int | None) -> Level | None:
    """The level of a number, the innermost one for None."""
    blocks = LEVELS.get()
    if level is not None and not 0 <= level < len(blocks):
        raise GradError(f"{who}: there is no dual level {level}, only {len(blocks)}")
    return blocks[-1 if level is None else level].level if blocks else None


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """`tensor` with a tangent: a view of it from which derivatives in that direction start.

    Raises GradError outside of `dual_level`, TypeError for integers, ShapeError unless the tangent has the tensor's shape.
    """
    at = current("make_dual", level)
    if at is None:
        raise GradError("make_dual: Trying to create a dual Tensor for forward AD but no level exists. "
                        "Hint: with forward_ad.dual_level():")  # fmt: skip
    for name, x in (("tensor", tensor), ("tangent", tangent)):
        if not isinstance(x, Tensor) or not x.dtype.is_inexact:
            raise TypeError(
                f"make_dual: {name} must be a floating tensor, got {x.dtype if isinstance(x, Tensor) else type(x).__name__}"
            )
    if tensor.shape != tangent.shape:
        raise ShapeError(f"make_dual: the tangent must have the tensor's shape {tuple(tensor.shape)}, got "
                         f"{tuple(tangent.shape)}")  # fmt: skip
    with at.outside():
        out = alias(tensor)
        same = tangent.dtype is tensor.dtype
        start = clone(tangent) if same else cast(tangent, dtype=tensor.dtype)
        if tensor.backend.name == "vmap":  # one for each example, like the tensor with which it is written in place
            start = add(zeros_like(tensor), start)
        at.set(out, start)
        if same:
            at.given[id(start)] = start, tangent, written(tangent)[0]
    return out


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """A tensor's value, free of its tangent, and the tangent (None if it has none): the very one that `make_dual` was given."""
    at = current("unpack_dual", level)
    tangent = None if at is None else at.get(tensor)
    if at is None or tangent is None:
        return UnpackedDualTensor(tensor, None)
    with at.outside():
        primal = alias(tensor)
        at.set(primal, None)
        return UnpackedDualTensor(primal, at.as_given(tangent))
