"""A backward pass that was differentiated again, told as part of the graph; and what pictures say of gradients."""

from __future__ import annotations

import dataclasses

from ..trace import Program

AGAIN = (
    "a backward pass was differentiated again: its calls are part of the graph, and the gradients are those of the last pass"
)
COMPLEX = "of a complex a + ib the gradient is ∂L/∂a − i ∂L/∂b here, the conjugate of its .grad"

CLEARED = "gradients were begun anew between passes: arrows back are of all passes, the numbers of a parameter of its last one"


def notes_of(program: Program, again: bool) -> list[str]:
    """What the reader should know about a program's gradients; `again` says that a pass was differentiated again."""
    complex_ = bool(program.sent) and any(variable.dtype.is_complex for variable in program.variables)
    return [*[AGAIN] * again, *[COMPLEX] * complex_, *[CLEARED] * program.cleared]


def last_pass(program: Program) -> Program:
    """The program with what `create_graph=True` recorded among its forward calls, if another pass went through that.

    What the differentiated pass itself sent is then left out: the calls that computed it are there instead.
    """
    first = program.differentiable
    if not first or first >= program.gradients.keys() | program.sent.keys():
        return program
    calls = [dataclasses.replace(call, phase="forward") if call.phase == "backward" and call.node is not None else call
             for call in program.calls]  # fmt: skip
    gradients = {key: g for key, g in program.gradients.items() if key not in first}
    sent = {key: g for key, g in program.sent.items() if key not in first}
    return dataclasses.replace(program, calls=calls, gradients=gradients, sent=sent)
