"""What was written in place, told as if each write had made an array of its own: readers then hang at what they read."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..core import OPS
from ..trace import Call, Program, Variable

AHEAD = 4  # so many calls after a write into a view, at most, come up to its base's new history


def told_apart(program: Program) -> tuple[Program, dict[Variable, Variable]]:
    """The program without its writes into what it computed, and by what was written, what stands for it in the end.

    In a recorded program an array is one variable whatever is written into it, so the graph would run on from what first
    made it. Here `y.add_(1)` is an `add` that all later readers of y read, and a write into a view makes a `view_written`
    of its base, as the engine's own history does. Writes into what came from outside (parameters, buffers) stay as they are.
    """
    if not any(map(is_write, program.calls)):
        return program, {}
    writes = Writes(program)
    for k, call in enumerate(program.calls):
        if call.phase in ("backward", "inside"):
            writes.program.calls.append(call)
        else:
            writes.enter(k, call)
    writes.leave_out()
    return writes.program, writes.now


def is_write(call: Call) -> bool:
    """Whether a call writes into what the program computed, as a whole or through a view."""
    target = call.inputs[0] if call.op.name == "assign_" else None
    return isinstance(target, Variable) and root(target).maker is not None


def base_of(v: Variable) -> Variable | None:
    """What a variable is a view of, in whose memory it lies."""
    return v.maker.inputs[0] if v.maker is not None and is_view(v.maker) else None


def is_view(call: Call) -> bool:
    """Whether what a call gives lies in the memory of its input."""
    return call.op.kind == "view" or call.op.name == "detach"


def root(v: Variable) -> Variable:
    """The variable whose memory a view shows."""
    while (base := base_of(v)) is not None:
        v = base
    return v


class Writes:
    """Copies a program call by call.

    now      by a variable whose array was written: the variable of what it holds since; `parts` are the views among them, by
             what they are views of
    taken    by a view: what it was taken of; `views` by that and how: the view
    made     by a variable: its call in the copy
    """

    def __init__(self, program: Program) -> None:
        self.original = program
        self.program = dataclasses.replace(program, calls=[], variables=list(program.variables))
        self.now: dict[Variable, Variable] = {}
        self.parts: dict[Variable, list[Variable]] = {}
        self.taken: dict[Variable, Variable] = {}
        self.views: dict[tuple, Variable] = {}
        self.made: dict[Variable, Call] = {}

    def enter(self, k: int, call: Call) -> None:
        """One call, reading what stands for its inputs now."""
        given = () if call.op.name == "full_like" else call.inputs  # it reads a shape, and no more
        inputs = tuple([self.current(a) if isinstance(a, Variable) else a for a in given])
        if is_write(call) and self.write(k, call, inputs[1]):
            return
        if call.op.kind == "update" and isinstance(call.inputs[0], Variable):
            self.forget(call.inputs[0])
        self.add(dataclasses.replace(call, inputs=inputs))
        if call.op.name == "view_written" and base_of(call.inputs[0]) is None:  # of which all views are taken again
            self.put(call.inputs[0], call.output)

    def add(self, call: Call) -> Variable:
        """A call of the copy."""
        self.program.calls.append(call)
        self.made[call.output] = call
        if is_view(call):
            self.taken[call.output] = call.inputs[0]
            self.views[how(call, call.inputs[0])] = call.output
        return call.output

    def put(self, v: Variable, value: Variable) -> None:
        """From now on `value` stands for `v`."""
        self.now[v] = value
        if base_of(v) is not None:
            self.parts.setdefault(root(v), []).append(v)

    def write(self, k: int, call: Call, value: Any) -> bool:
        """A write into a whole array or a view; False for one that remains a call: of a number, or of a smaller array."""
        target = call.inputs[0]
        before = self.current(target)
        self.forget(target)
        base = base_of(target)
        whole = isinstance(value, Variable) and value.shape == target.shape and value.dtype is target.dtype
        if whole and value in self.made and before in map(self.copied_from, self.made[value].inputs):
            self.made[value].in_place = True
        if base is None:
            if whole:
                self.put(target, value)
            return whole
        coming = self.original.calls[k + 1 : k + 1 + AHEAD]
        if any(c.op.name == "view_written" and c.inputs[0] is base for c in coming):
            return True
        while base is not None:  # without gradients nobody tells the base
            if not (whole and target.maker.op.name == "detach"):
                value = self.call_like(call, OPS["view_written"], (self.current(base), value), {}, base)
            self.put(base, value)
            target, base = base, base_of(base)
        return True

    def forget(self, target: Variable) -> None:
        """Something is written into `target`: what stood for it, and for views of the same memory, does so no more."""
        for part in self.parts.pop(root(target), ()):
            self.now.pop(part, None)
        if base_of(target) is None:
            self.now.pop(target, None)

    def copied_from(self, a: Any) -> Any:
        """What an input is a copy of, for an op that keeps one; else the input."""
        call = self.made.get(a) if isinstance(a, Variable) else None
        return call.inputs[0] if call is not None and call.op.name == "clone" else a

    def current(self, v: Variable) -> Variable:
        """What stands for a variable now: of a view whose base was written, the same view of what the base is now."""
        views = []
        while v not in self.now and (base := base_of(v)) is not None:
            views.append(v)
            v = base
        here = self.now.get(v, v)
        for view in reversed(views):
            call = self.made.get(view)
            if call is None or self.taken[view] is here:
                here = view
                continue
            again = self.views.get(how(call, here))
            here = self.call_like(call, call.op, (here,), call.options, view) if again is None else again
        return here

    def call_like(self, call: Call, op: Any, inputs: tuple, options: dict, v: Variable) -> Variable:
        """A call that was not recorded, at the place of another, and its result: of the shape of `v`, its numbers unknown."""
        output = Variable(len(self.program.variables), v.shape, v.dtype, "value")
        output.maker = Call(op, inputs, options, output, scope=call.scope, source=call.source, entered=call.entered)
        self.program.variables.append(output)
        return self.add(output.maker)

    def leave_out(self) -> None:
        """Take out what was only there to be overwritten."""
        read: set[Any] = set()
        kept = []
        for call in reversed(self.program.calls):
            base = base_of(call.output)
            gone = call.output in self.now or (base is not None and call.inputs[0] is not self.now.get(base, base))
            if call.phase != "forward" or call.output in read or not gone:
                kept.append(call)
                read.update(a for a in call.inputs if isinstance(a, Variable))
        self.program.calls = kept[::-1]


def how(call: Call, base: Variable) -> tuple:
    """What tells one view from another."""
    return base, call.op, repr(call.options)
