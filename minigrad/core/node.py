"""Node: one recorded call; and the walk over the calls behind a tensor."""

from __future__ import annotations

from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ..backends import GradError

if TYPE_CHECKING:
    from .op import Op, Plan

_clock, UNSEEN = count(), 1 << 40  # of calls; and what a counter goes up by if checks shall not see the write


class Node:
    """One call that produced a tensor that wants a gradient.

    op, options   what was called, and how
    parents       for each input: the node that made it, the leaf tensor itself, or None if it wants no gradient
    plan, saved   which values the rules ask for, and those values (bare arrays); None once freed
    versions      the write counters of the saved arrays and what they read then, in pairs
    shape, dtype  of the output, and so of the gradient that arrives
    number        creation order, which is a topological order
    """

    __slots__ = ("op", "options", "parents", "plan", "saved", "versions", "shape", "dtype", "number", "hooks", "__weakref__")

    def __init__(
        self, op: Op, options: dict, parents: list, plan: Plan, shape: tuple, dtype: Any, saved: Any = (), versions: Any = ()
    ) -> None:
        self.op = op
        self.options = options
        self.parents = parents
        self.plan = plan
        self.saved: tuple | None = saved
        self.versions = versions
        self.shape = shape
        self.dtype = dtype
        self.number = next(_clock)
        self.hooks: dict | None = None

    def check(self) -> None:
        """Raise unless everything saved is still there and unwritten."""
        if self.saved is None:
            raise GradError(f"backward: the values that {self.op.name} saved were freed by an earlier backward, {self.versions}"
                            ". Hint: call backward(retain_graph=True) the first time")  # fmt: skip
        for version, then in self.versions:
            if (version[0] - then) % UNSEEN:
                raise GradError(f"backward: one of the variables needed for gradient computation has been modified by an "
                                f"inplace operation: what {self.op.name} saved (output {tuple(self.shape)}) is at version "
                                f"{version[0] % UNSEEN}; expected version {then % UNSEEN}. Hint: .clone() it")  # fmt: skip


def walk(roots: Any) -> list[Node]:
    """Every recorded call behind the `roots` (nodes), newest first: each comes before the calls it used."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if type(parent) is Node and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=attrgetter("number"), reverse=True)
