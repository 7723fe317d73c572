"""In-place ops. They pass the door like all others, so a recorded step that is played again is never stale."""

from __future__ import annotations

from inspect import signature
from numbers import Number
from operator import getitem
from typing import Any

import numpy as np

from ..backends import GradError, ShapeError
from ..core import MODE, OPS, Node, Op, Tensor, mode, node_of, op, written
from ..core.tensor import base_of
from .arithmetic import cast, clone, conjugate, in_rows, move
from .arithmetic import expand as expand_op
from .create import full_like, host_array
from .index import is_whole, parse, setitem_op
from .operands import by_name
from .shape import reshape_op, slice_op, unfold_op
from .strided import as_strided_op, places

SPARED = frozenset(("div", "max_pool", "gru", "rnn_tanh", "rnn_relu"))  # ops whose output PyTorch does not save
KINDS = ("bool", "int", "float", "complex")  # what can be written into a kind: itself and those before it


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


def count_(x: Tensor) -> None:
    """x <- x + 1 for a counter, which no graph saves; past the door, unless someone stands there."""
    _, listeners, instead, _, _ = MODE.get()
    if listeners or instead:
        add_(x, 1)
    else:
        x.array += 1
        written(x)[0] += 1


@op("update")
def lerp_(b, x, end, weight):
    """x <- x + weight (end - x)"""
    b.lerp_(x, end, weight)
    return x


@op("general")
def view_written(b, x, value, *, how, options):
    """x with `value` where its view `how` lies: the history of a base whose view was written in place"""
    out = in_rows.kernel(b, x)  # in whose memory every such view lies, in that of x perhaps not
    view = how.kernel(b, out, **options)
    view[...] = value
    return out


view_written.vjp(
    x=lambda g, value_shape, how, options: view_written(g, 0.0, how=how, options=options),
    value=lambda g, how, options: conjugate(how(conjugate(g), **options)),  # of the imaginary part too
)


def write(who: str, x: Tensor, value: Any) -> Tensor:
    """x <- value in place, and x takes over the history of the value; a view passes it on to its base.

    Raises before anything is written: GradError if x is a leaf that wants a gradient, or a view of one; ShapeError if
    the value does not fit, or if elements of x share memory.
    """
    value = checked(who, x, value)
    assign_(x, value)
    if MODE.get().grad and (x.requires_grad or isinstance(value, Tensor) and value.requires_grad):
        inherit(x, value if isinstance(value, Tensor) else full_like(x, value))
    return x


def overwrite(who: str, x: Tensor, value: Any) -> Tensor:
    """`write` of a value in which x has no part: as in PyTorch, what x was gets a gradient, of zeros."""
    value = checked(who, x, value)
    return write(who, x, setitem_op(x, value, spec=(...,)) if MODE.get().grad and x.requires_grad else value)


def checked(who: str, x: Tensor, value: Any) -> Any:
    """The value in the type of x, once it is sure that it may be written into x."""
    getitem(written(x), slice(None))  # a tensor of inference mode has a counter that refuses
    if not isinstance(value, (Tensor, Number)):
        raise TypeError(f"{who}: expected a tensor or a number, got {type(value).__name__}")
    owner, unrecorded = x, False
    while True:
        if MODE.get().grad and owner.wants and node_of(owner) is None:
            what = "a leaf tensor that requires grad" if owner is x else "a view of a leaf tensor that requires grad"
            raise GradError(f"{who}: {what} is being written in place. Hint: with minigrad.no_grad():, or .clone() first")
        set_apart(owner)
        if (base := base_of(owner)) is None:
            break
        unrecorded = unrecorded or owner.how is None
        if owner.how is not None and overlaps(owner, base, *owner.how[:2]):
            raise ShapeError(
                f"{who}: the tensor of shape {tuple(x.shape)} was {owner.how[0].name}ed from {tuple(base.shape)}, "
                "so several of its elements share memory. Hint: .clone() first"
            )
        owner = base
    if unrecorded and MODE.get().grad and (owner.requires_grad or isinstance(value, Tensor) and value.requires_grad):
        raise GradError(f"{who}: a view that was taken under no_grad is being written where gradients are recorded, so its "
                        "base would not know. Hint: take the view outside of no_grad")  # fmt: skip
    if not isinstance(value, Tensor):
        return x.dtype.filled(value)
    if value.ndim > x.ndim or any(n not in (1, m) for n, m in zip(reversed(value.shape), reversed(x.shape), strict=False)):
        raise ShapeError(f"{who}: the result of shape {tuple(value.shape)} does not fit the tensor of shape {tuple(x.shape)}")
    if KINDS.index(value.dtype.kind) > KINDS.index(x.dtype.kind):
        raise ShapeError(f"{who}: result type {value.dtype!r} can't be cast to {x.dtype!r}. Hint: the op without _")
    return value if value.dtype is x.dtype else cast(value, dtype=x.dtype)


def set_apart(x: Tensor) -> None:
    """Before x is written, give the op that made x, and saved it, a copy: where PyTorch saves the inputs, it may be written."""
    node = x.node
    if node is not None and node.saved and node.op.name in SPARED and any(v is x.array for v in node.saved):
        node.saved = tuple(clone(v) if v is x.array else v for v in node.saved)
        node.versions = [pair for pair in node.versions if pair[0] is not x.version]


def overlaps(view: Tensor, base: Tensor, how: Op, options: dict) -> bool:
    """Whether a view shows an element of its base more than once."""
    if how is unfold_op:
        return bool(options["size"] > options["step"] and view.shape[options["dim"]] > 1)
    if how is as_strided_op:
        at = places(**options)
        return bool(np.unique(at).size < view.array.size)
    return how is expand_op and view.array.size > base.array.size


def inherit(x: Tensor, value: Tensor) -> None:
    """Give x the history of the value that was just written into it; a view's goes to its base, of which it is taken again."""
    if value.shape != x.shape:
        value = value.expand(x.shape)
    views = []
    while (base := base_of(x)) is not None:
        how, options = OPS[x.how[0].name], x.how[1]  # the op itself, where it ran as what `vmap` puts in its place
        value = view_written(Tensor(base.array, node_of(base), base.wants), value, how=how, options=options)
        views.append(x)
        x = base
    renew(x, value.alias().node if value.wants and node_of(value) is None else node_of(value))
    for view in views:
        view.stamp = None
    if any("retained" in view.__dict__ for view in views):
        node_of(views[0])


def renew(x: Tensor, node: Node | None) -> None:
    """Let x have come from another node; what `retain_grad` keeps goes with it."""
    if "retained" in x.__dict__ and x.node is not None and x.node.hooks and node is not None:
        key = ("retained", id(x))
        node.hooks = {**(node.hooks or {}), key: x.node.hooks.pop(key)}
    x.node = node


Tensor._renew = renew  # type: ignore[attr-defined]


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value in place, with gradients through both. Raises before anything is written."""
    basic, spec, tensors = parse(x, index)
    if isinstance(value, (list, tuple, str)) or hasattr(value, "__array__") and not isinstance(value, Tensor):
        value = Tensor(x.backend.from_host(host_array("setitem", value)))
    if not isinstance(value, (Tensor, Number)):
        raise TypeError(f"setitem: expected a tensor or a number, got {type(value).__name__}")
    if isinstance(value, Tensor) and value.dtype is not x.dtype:
        value = cast(value, dtype=x.dtype)
    if isinstance(value, Tensor) and value.backend is not x.backend:
        value = move(value, device=str(x.device))
    view = x if tensors and is_whole(basic) else slice_op(x, index=basic)
    if isinstance(value, Tensor):
        lead = value.ndim - (1 if tensors else view.ndim)  # the least that the place has
        while lead > 0 and value.shape[0] == 1:
            value, lead = reshape_op(value, shape=value.shape[1:]), lead - 1
    if not tensors:
        write("setitem", view, value)
        return
    try:
        put(view, value, *tensors, spec=spec)
    except (ShapeError, IndexError):
        with mode(grad=False):
            place = tuple(getitem(x, index).shape)  # or what is wrong with the index itself
        shape = tuple(getattr(value, "shape", ()))
        raise ShapeError(f"setitem: shape mismatch: a value of shape {shape} cannot be broadcast to indexing result of shape "
                         f"{place}") from None  # fmt: skip


def put(x: Tensor, value: Any, *tensors: Tensor, spec: tuple) -> Tensor:
    """x[spec] <- value in place, with the history of both where gradients are recorded."""
    if MODE.get().grad and (x.requires_grad or isinstance(value, Tensor) and value.requires_grad):
        return write("setitem", x, setitem_op(x, value, *tensors, spec=spec))
    return assign_at_(x, value, *tensors, spec=spec)


def in_place(name: str, function: Any) -> Any:
    """The in-place form `x.name_(...)` of a function: its result is written into x."""
    rules = function.rules.values() if isinstance(function, Op) else None  # a composite function may save anything
    saves_x = rules is None or any(function.inputs[0] in signature(rule).parameters for rule in rules)
    call = by_name(function) if isinstance(function, Op) else function

    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        wanted = MODE.get().grad and any(isinstance(a, Tensor) and a.requires_grad for a in (self, *args))
        x = clone(self) if saves_x and wanted else self  # so that what the rule saves survives the write
        return write(f"{name}_", self, call(x, *args, **options))

    method.__name__ = f"{name}_"
    method.__doc__ = f"`{name}`, in place: the tensor takes the result and its history."
    return method


class Former(Tensor):
    """What a tensor was before its shape was changed in place. Views that were taken of it then are views of this."""


def in_place_view(name: str, function: Any) -> Any:
    """The in-place form of a function that gives a view: the tensor itself becomes that view of what it was."""

    def method(self: Tensor, *args: Any, **options: Any) -> Tensor:
        leaf = self.wants and node_of(self) is None
        if MODE.get().grad and leaf:
            raise GradError(f"{name}_: a leaf tensor that requires grad is being changed in place. "
                            "Hint: with minigrad.no_grad():, or the function without _")  # fmt: skip
        former = Former(self.array, node_of(self), self.wants)
        former.version = written(self)
        if base_of(self) is not None:
            former.base, former.how, former.stamp = self.base, self.how, self.stamp
        with mode(grad=not leaf):  # no element changes, so the history goes on under no_grad too
            after = function(former, *args, **options)
        if after is former:
            return self
        self.array = after.array
        renew(self, after.node)
        self.base, self.version = after.base, after.version
        if self.base is not None:
            self.how, self.stamp = after.how, after.stamp
        return self

    method.__name__ = f"{name}_"
    method.__doc__ = f"`{name}`, in place: the tensor takes the new shape. Raises GradError for a leaf that requires grad."
    return method


def as_one(x: Tensor) -> list[Tensor]:
    """x, and what it was before each change of its shape in place: one tensor to the user."""
    found = [x]
    while isinstance(base := base_of(found[-1]), Former):
        found.append(base)
    return found


__all__ = ["add_", "as_one", "assign_", "in_place", "in_place_view", "lerp_", "overwrite", "put", "setitem", "write"]
