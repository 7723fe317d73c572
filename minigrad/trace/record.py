"""`with record() as program:` keeps every call that passes the door in the block."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, listening
from .program import Program


class record:
    """`with record(x, target) as program:` records forward, backward and updates; `program.run(new_x, new_target)` plays
    them again. Inputs may be named: `record(x=x)`. Raises TypeError for an input that is no tensor.
    """

    def __init__(self, *inputs: Tensor, **named: Tensor) -> None:
        self.program = Program()
        for name, x in [*((f"input{i}", x) for i, x in enumerate(inputs)), *named.items()]:
            if not isinstance(x, Tensor):
                raise TypeError(f"record: inputs must be tensors, got {type(x).__name__} for {name}")
            variable = self.program.variable(x, "input")
            variable.name = name
            self.program.inputs.append(variable)

    def __enter__(self) -> Program:
        self.mode = listening(self.program)
        self.mode.__enter__()
        return self.program

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__(*error)
        self.program.finish()
