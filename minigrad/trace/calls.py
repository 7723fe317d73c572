"""What a Program is made of: the calls that passed the door, and the variables that they joined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..backends import DType
from ..core import Op, Tensor
from .statistics import Statistics, Thumbnail, statistics_of, thumbnail_of

NO_NAMES: Mapping[int, str] = MappingProxyType({})


@dataclass(eq=False, slots=True)
class Variable:
    """An array that took part: what made it, or where it came from.

    kind     "input" (given to `record`), "parameter" (wants a gradient), "constant" (any other array from outside),
             "value" (made by a call), "gradient" (made by a call of the backward pass), "results" (no array: those of a
             Function that gives several, or their gradients, on the way between it and each)
    array    the array itself, None where it is not known; `tensor` is the outside's own tensor
    kept     a copy from before something wrote into the array (`record(statistics=True)`)
    counter  the write counter of its memory, and `stamp` what that read when the variable was entered
    """

    index: int
    shape: tuple[int, ...]
    dtype: DType
    kind: str
    name: str = ""
    array: Any = field(default=None, repr=False)
    tensor: Tensor | None = field(default=None, repr=False)
    maker: Call | None = field(default=None, repr=False)
    kept: Any = field(default=None, repr=False)
    counter: list[int] | None = field(default=None, repr=False)
    stamp: int = field(default=0, repr=False)
    _statistics: Statistics | None = field(default=None, repr=False)
    _thumbnail: Thumbnail | None = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return self.size * self.dtype.itemsize

    @property
    def recorded(self) -> Any:
        """The array as it was when it took part; None if that is unknown, or was overwritten and no copy was kept."""
        if self.kept is not None:
            return self.kept
        return self.array if self.counter is None or self.counter[0] == self.stamp else None

    @property
    def statistics(self) -> Statistics | None:
        """Statistics of what was recorded, computed when first asked for; None if it is not known any more."""
        if self._statistics is None and (array := self.recorded) is not None:
            self._statistics = statistics_of(array)
        return self._statistics

    @property
    def thumbnail(self) -> Thumbnail | None:
        """At most 16 x 16 of its numbers, picked when first asked for; None if they are not known any more."""
        if self._thumbnail is None and (array := self.recorded) is not None:
            self._thumbnail = thumbnail_of(array)
        return self._thumbnail


@dataclass(eq=False, slots=True)
class Call:
    """One call that passed the door: `output = op(*inputs, **options)`.

    inputs   a Variable for each array, the Python value itself for anything else
    extras   what the kernel returned beside its output
    scope    the modules it ran in, outermost first
    source   the user's "file:line"; for a call made by a rule, of the forward call that the rule belongs to
    phase    "forward", "backward", "update", or "inside" (of a Function, whose own call stands for it)
    node     the creation number of the recorded node, None if none was made
    rule     in the backward phase: (node number, input position) of the rule that made the call
    plan     what the node saved, for its rules
    entered  how many modules had begun to run before it (`Program.entries`)
    written  by position, copies of the inputs that the call wrote into (`record(statistics=True)`)
    numbers  names of inputs that are plain numbers, where known (an opened op's eps)
    in_place whether pictures tell it as written into its input, in whose array its result was put
    """

    op: Op
    inputs: tuple
    options: dict
    output: Variable
    extras: tuple[Variable, ...] = ()
    scope: tuple[str, ...] = ()
    source: str = ""
    phase: str = "forward"
    node: int | None = None
    rule: tuple | None = None
    plan: Any = field(default=None, repr=False)
    entered: int = 0
    written: dict[int, Any] | None = field(default=None, repr=False)
    numbers: Mapping[int, str] = field(default_factory=lambda: NO_NAMES)
    in_place: bool = False

    @property
    def module(self) -> str:
        """The path of the module it ran in, such as "encoder.bn1"; empty in the outermost one."""
        return ".".join(self.scope[1:])

    @property
    def saved(self) -> dict[str, Variable]:
        """The arrays that the call keeps for its backward rules, by the names that the rules use."""
        found: dict[str, Variable] = {}
        for what, which in self.plan.sources if self.plan is not None else ():
            if what == "y":
                found["y"] = self.output
            elif what == "extra" and which < len(self.extras):
                found[self.op.saves[which]] = self.extras[which]
            elif what in ("input", "inputs"):
                last = len(self.op.inputs) - 1
                for k in range(which, which + 1 if what == "input" else len(self.inputs)):
                    if isinstance(self.inputs[k], Variable):
                        name = self.op.inputs[min(k, last)]
                        found[f"{name}{k - last}" if self.op.variadic and k >= last else name] = self.inputs[k]
        return found

    @property
    def saved_bytes(self) -> int:
        """The size of those arrays, each counted once."""
        return sum(v.nbytes for v in set(self.saved.values()))

    @property
    def after(self) -> dict[int, Statistics]:
        """By position, the statistics of what the call wrote, after it: a parameter, a buffer, an optimizer's state."""
        return {k: statistics_of(array) for k, array in (self.written or {}).items()}
