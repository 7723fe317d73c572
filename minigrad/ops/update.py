"""In-place ops. They pass the door like all others, so a recorded step that is played again is never stale."""

from __future__ import annotations

from typing import Any

from ..backends import GradError, ShapeError
from ..core import MODE, Tensor, node_of, op, written
from .arithmetic import cast
from .index import parse, setitem_op
from .shape import reshape_op


@op("update")
def assign_(b, x, value):
    """x <- value, broadcast to the shape of x"""
    x[...] = value
    return x


@op("update")
def assign_at_(b, x, value, *indices, spec):
    """x[spec] <- value"""
    return b.assign_at_(x, value, indices, spec)


@op("update")
def add_(b, x, other):
    """x <- x + other"""
    x += other
    return x


@op("update")
def lerp_(b, x, end, weight):
    """x <- x + weight (end - x)"""
    b.lerp_(x, end, weight)
    return x


@op("general")
def view_written(b, x, value, *, how, options):
    """x with `value` where its view `how` lies: the history of a base whose view was written in place"""
    out = b.xp.asarray(x, copy=True)
    view = how.kernel(b, out, **options)
    view[...] = value
    return out


view_written.vjp(
    x=lambda g, value_shape, how, options: view_written(g, 0.0, how=how, options=options),
    value=lambda g, how, options: how(g, **options),
)


def write(who: str, x: Tensor, value: Any) -> Tensor:
    """x <- value in place, and x takes over the history of the value; a view passes it on to its base.

    Raises GradError before anything is written if x is a leaf that wants a gradient, or a view of one.
    """
    grad = MODE.get().grad
    if grad:
        owner = x
        while owner.base is not None:
            owner = owner.base
        if owner.wants and node_of(owner) is None:
            what = "a leaf tensor that requires grad" if owner is x else "a view of a leaf tensor that requires grad"
            raise GradError(f"{who}: {what} is being written in place. Hint: with minigrad.no_grad():, or .clone() first")
    if isinstance(value, Tensor):
        fits = value.ndim <= x.ndim and all(n in (1, m) for n, m in zip(reversed(value.shape), reversed(x.shape), strict=False))
        if not fits:
            raise ShapeError(f"{who}: the result of shape {tuple(value.shape)} does not fit the tensor of shape {tuple(x.shape)}")
        if value.dtype.kind != x.dtype.kind and value.dtype.kind in ("float", "complex"):
            raise ShapeError(f"{who}: result type {value.dtype!r} can't be cast to {x.dtype!r}. Hint: the op without _")
        if value.dtype is not x.dtype:
            value = cast(value, dtype=x.dtype)
    assign_(x, value)
    if grad and isinstance(value, Tensor) and (value.requires_grad or x.requires_grad):
        inherit(x, value)
    return x


def inherit(x: Tensor, value: Tensor) -> None:
    """Give x the history of the value that was just written into it, and its bases theirs."""
    if value.shape != x.shape:
        value = value.expand(x.shape)
    node = node_of(value)
    if x.base is not None:
        base, (how, options, _) = x.base, x.how
        below = view_written(Tensor(base.array, node_of(base), base.wants), value, how=how, options=options)
        inherit(base, below)
        x.how, x.stamp = (how, options, base.node), written(x)[0]
    elif node is None and value.wants:
        node = value.alias().node
    x.node = node


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value in place, with gradients through both. Raises before anything is written."""
    spec, tensors = parse(x, index)
    if isinstance(value, (list, tuple)) or hasattr(value, "__array__") and not isinstance(value, Tensor):
        value = Tensor(x.backend.xp.asarray(value))
    if isinstance(value, Tensor) and value.dtype is not x.dtype:
        value = cast(value, dtype=x.dtype)
    if not tensors:
        view = x[index]
        if isinstance(value, Tensor):
            lead = value.ndim - view.ndim
            if lead > 0 and all(n == 1 for n in value.shape[:lead]):
                value = reshape_op(value, shape=value.shape[lead:])
        write("setitem", view, value)
        return
    wanted = isinstance(value, Tensor) and value.requires_grad
    if MODE.get().grad and (x.requires_grad or wanted):
        if x.wants and x.node is None:
            raise GradError("setitem: a leaf tensor that requires grad is being written in place. "
                            "Hint: with minigrad.no_grad():, or .clone() first")  # fmt: skip
        write("setitem", x, setitem_op(x, value, *tensors, spec=spec))
    else:
        assign_at_(x, value, *tensors, spec=spec)


def in_place(name: str, function: Any) -> Any:
    """The in-place form `x.name_(...)` of a function: its result is written into x."""

    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        return write(f"{name}_", self, function(self, *args, **options))

    method.__name__ = f"{name}_"
    method.__doc__ = f"`{name}`, in place: the tensor takes the result and its history."
    return method


__all__ = ["add_", "assign_", "in_place", "lerp_", "setitem", "write"]
