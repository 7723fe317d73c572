"""`with record() as program:` keeps every call that passes the door in the block."""

from __future__ import annotations

from typing import Any

from ..core import MODE, Tensor, listening, mode
from .program import Program


class record:
    """`with record(x, target) as program:` records forward, backward and updates; `program.run(new_x, new_target)` plays
    them again. Inputs may be named: `record(x=x)`.

    Statistics and thumbnails of the program's variables are computed when they are first read, so recording does not pay
    for them. With `statistics=True` everything that an update overwrites (parameters, optimizer state, running statistics)
    is copied first, so that all numbers are those of the recorded moment; otherwise they are None for what was overwritten
    since. Raises TypeError for an input that is no tensor, or a `statistics` that is not True or False.
    """

    def __init__(self, *inputs: Tensor, statistics: bool = False, **named: Tensor) -> None:
        if not isinstance(statistics, bool):
            raise TypeError(f"record: statistics must be True or False, got {type(statistics).__name__}. Hint: another name")
        self.program = Program(keeps=statistics)
        for name, x in [*((f"input{i}", x) for i, x in enumerate(inputs)), *named.items()]:
            if not isinstance(x, Tensor):
                raise TypeError(f"record: inputs must be tensors, got {type(x).__name__} for {name}")
            variable = self.program.variable(x, "input")
            variable.name = name
            self.program.inputs.append(variable)

    def __enter__(self) -> Program:
        keeps = self.program.keeps and MODE.get().instead is None
        listeners = (*MODE.get().listeners, self.program)
        self.mode = mode(listeners=listeners, instead=self.program.ahead) if keeps else listening(self.program)
        self.mode.__enter__()
        return self.program

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__(*error)
        self.program.finish()


def resumed(program: Program) -> record:
    """`with resumed(program):` goes on recording into a program."""
    recorder = record()
    recorder.program = program
    return recorder
