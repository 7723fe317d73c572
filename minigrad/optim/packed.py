"""Packs: many small parameters updated as one flat one, since an update's cost is mostly that of the calls.

A pack's state is flat memory; what `optimizer.state` holds for each parameter are views of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ..backends import DType, dtype
from ..core import MODE, Tensor, written
from ..ops.create import empty
from ..ops.shape import reshape_op, slice_op

SMALL = 1 << 15  # elements: beyond it the arithmetic outweighs the calls, and the copies into a pack would not pay


def count_type(p: Tensor) -> DType:
    """The type in which steps are counted: the parameter's own, unless it is too short to count far; real."""
    return p.dtype.to_real() if p.dtype.itemsize > 2 else dtype("int64")


def product_type(p: Tensor) -> DType:
    """The type in which a product of many momenta is kept: the parameter's own, unless it is too short."""
    return p.dtype.to_real() if p.dtype.itemsize > 2 else dtype("float32")


COUNTS = {"step": count_type, "mu_product": product_type}  # state of one number, in a type of its own


class Pack:
    """Parameters that are updated together: `flat` and `grad` stand for them, `state` is what is kept for `flat`.

    Copies go past the door: a pack is its optimizer's own, and is not used while anyone listens.
    """

    def __init__(self, params: Sequence[Tensor], states: dict) -> None:
        self.params = params
        self.ends = list(accumulate(p.array.size for p in params))
        self.flat, self.grad = self.room(params[0]), self.room(params[0])
        self.parts, self.slopes = self.cut(self.flat), self.cut(self.grad)
        self.state: dict[str, Tensor] = {}
        self.views: list[dict[str, Tensor]] = [{} for _ in params]
        self.shown: list[tuple[str, int]] = []
        for name, value in states.get(params[0], {}).items():
            if name in COUNTS:
                self.state[name] = value.clone()
            else:
                self.state[name] = self.room(value)
                copy(self.cut(self.state[name]), [states[p][name] for p in params])

    def room(self, like: Tensor) -> Tensor:
        """Flat memory for what has a part for each parameter."""
        return empty(self.ends[-1], dtype=like.dtype, device=like.device)

    def cut(self, flat: Tensor) -> list[Tensor]:
        """The part of each parameter, as a view in its shape."""
        starts = [0, *self.ends[:-1]]
        parts = [slice_op(flat, index=(slice(start, end),)) for start, end in zip(starts, self.ends, strict=True)]
        return [reshape_op(part, shape=tuple(p.array.shape)) for part, p in zip(parts, self.params, strict=True)]

    def show(self, states: dict) -> None:
        """Let `states` hold, for each parameter, views of the pack's state."""
        new = self.state.keys() - self.views[0].keys()
        for name in new:
            value = self.state[name]
            parts = [value] * len(self.params) if name in COUNTS else self.cut(value)
            for p, views, part in zip(self.params, self.views, parts, strict=True):
                views[name] = states[p][name] = part
        if new:
            self.shown = self.found(states)

    def found(self, states: dict) -> list[tuple[str, int]]:
        """The names and identities of what `states` holds for each parameter, one after the other."""
        return [(name, id(value)) for p in self.params for name, value in states.get(p, NOTHING).items()]

    def is_whole(self, states: dict) -> bool:
        """Whether `states` still holds the views that the pack gave it, and nothing else."""
        return self.found(states) == self.shown

    def gather(self, grads: Sequence[Tensor]) -> None:
        """Copy parameters and gradients into the pack."""
        copy(self.parts, self.params)
        copy(self.slopes, grads)

    def scatter(self) -> None:
        """Copy the updated parameters back."""
        copy(self.params, self.parts)
        for p in self.params:
            written(p)[0] += 1


NOTHING: dict[str, Tensor] = {}


def copy(into: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Each of `into` <- the value at its place."""
    for x, value in zip(into, values, strict=True):
        x.array[...] = value.array


class Packs:
    """The packs of an optimizer, one a group of parameters at most, made when a step sees the same parameters again."""

    def __init__(self) -> None:
        self.packs: dict[int, Pack] = {}
        self.seen: dict[int, list[int]] = {}
        self.current: Pack | None = None

    def state_of(self, p: Tensor, states: dict) -> dict[str, Tensor]:
        """Where what is kept for p is found: in the pack's own state if p stands for a pack."""
        return self.current.state if self.current is not None and p is self.current.flat else states[p]

    def pack(self, k: int, params: list[Tensor], states: dict) -> Pack | None:
        """The pack of these parameters of group k, if they can be updated together."""
        ids = [id(p) for p in params]
        again = self.seen.get(k) == ids
        self.seen[k] = ids
        found = self.packs.get(k)
        if found is not None and again and not MODE.get().listeners and found.is_whole(states):
            return found
        if found is not None:
            self.dissolve(k, states)
        if not again or MODE.get().listeners or not is_packable(params, states):
            return None
        self.packs[k] = Pack(params, states)
        self.packs[k].show(states)
        return self.packs[k]

    def dissolve(self, k: int, states: dict) -> None:
        """Give each parameter of group k a state of its own again."""
        pack = self.packs.pop(k)
        for p, views in zip(pack.params, pack.views, strict=True):
            for name, view in views.items():
                if p in states and states[p].get(name) is view:
                    states[p][name] = view.clone()

    def __deepcopy__(self, memo: dict) -> Packs:
        """A copied optimizer has states of its own, of which it makes its own packs."""
        return Packs()

    def __reduce__(self) -> Any:
        return (Packs, ())


def is_packable(params: list[Tensor], states: dict) -> bool:
    """Whether parameters are of one type, on one device, and their states of one kind."""
    first = params[0]
    known = [states.get(p, {}) for p in params]
    return (
        all(p.array.dtype == first.array.dtype and p.device == first.device for p in params)
        and all(values.keys() == known[0].keys() for values in known)
        and all(isinstance(v, Tensor) and (v.shape == p.shape or k in COUNTS)
                for p, values in zip(params, known, strict=True) for k, v in values.items())
        and all(len({values[name].item() for values in known}) == 1 for name in COUNTS.keys() & known[0].keys())
    )  # fmt: skip
