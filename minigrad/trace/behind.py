"""Programs that were not recorded: rebuilt from the nodes behind a tensor, or opened up into definitions."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from ..backends import GradError, backend_for, backend_of, dtype, is_array
from ..core import Node, Tensor, listening, mode, node_of, propagate, walk
from .calls import Call, Variable
from .program import Program
from .scopes import PATH


def program_behind(tensor: Tensor, gradient: Tensor | None = None) -> Program:
    """The forward calls behind a tensor, from its nodes; with `gradient`, its backward pass too, leaving `.grad` alone.

    Values are known where a rule saved them and nothing has freed or overwritten them since; shapes always are. A
    constant that no rule saved is not known at all: its place among a call's inputs holds None.
    Raises GradError for a tensor without a node, and from a backward pass that is no longer possible.
    """
    top = node_of(tensor)
    if top is None:
        raise GradError("program_behind: expected a tensor computed from others with gradients, got a leaf or constant "
                        f"of shape {tuple(tensor.shape)}. Hint: requires_grad=True on an input, or record the "
                        "computation with minigrad.record()")  # fmt: skip
    program = Program()
    made: dict[Node, Variable] = {}
    for node in reversed(walk([top])):
        saved = kept(node)
        inputs = tuple(
            made[parent]
            if type(parent) is Node
            else program.variable(parent)
            if parent is not None
            else known_constant(program, saved.get(("input", k)))
            for k, parent in enumerate(node.parents)
        )
        for k, parent in enumerate(node.parents):
            if type(parent) is Node and ("input", k) in saved:
                program.settle(made[parent], saved["input", k])
        output = Variable(len(program.variables), tuple(node.shape), dtype(node.dtype), "value")
        program.variables.append(output)
        output.maker = Call(node.op, inputs, node.options, output, node=node.number, plan=node.plan)
        program.settle(output, saved.get(("y", 0)))
        program.calls.append(output.maker)
        made[node] = output
        if getattr(node.op, "part", False):
            inputs[0].kind = "results"
    program.settle(made[top], tensor.array)
    if gradient is not None:
        with listening(program):
            propagate([tensor], [gradient], None, keep=True, create=False)
    return program


def kept(node: Node) -> dict[tuple, Any]:
    """What a node saved, by source; nothing if it was freed, or overwritten since."""
    versions = node.versions if node.saved else ()
    fresh = all(version[0] == then for version, then in versions)
    return dict(zip(node.plan.sources, node.saved, strict=True)) if node.saved and fresh else {}


def known_constant(program: Program, value: Any) -> Any:
    """A saved input that wants no gradient: a constant of the program, or the number itself."""
    return program.variable(Tensor(value)) if value is not None and is_array(value) else value


def opened(program: Program, which: Callable[[Call], bool] | None = None) -> Program:
    """The program with composite calls replaced by the calls of their definitions, nested ones too.

    `which(call)` chooses; None opens all. A definition is run on the recorded values, and if the call's gradient was
    recorded, backward as well, so the opened calls carry values, gradients and contributions. Where an input's value is
    not known, the opened calls have shapes only. The op's name is appended to their scope (from its second call in a
    scope on with a number), and a value that the definition keeps in a local variable is named after it. A call whose
    inputs are not known well enough to run its definition stays closed.
    """
    new = dataclasses.replace(program, calls=[], variables=list(program.variables), modules=dict(program.modules),
                              gradients=dict(program.gradients), sent=dict(program.sent))  # fmt: skip
    stack = list(reversed(program.calls))
    backwards: dict[int, list[Call]] = {}
    times: Counter[tuple] = Counter()
    while stack:
        call = stack.pop()
        node = call.rule[0] if call.rule and call.phase == "backward" else None
        if node in backwards:  # the rules of an opened call, replaced as a whole by those of its definition
            stack += reversed(backwards[node])
            backwards[node] = []
            continue
        inside = None
        if call.op.definition is not None and call.phase == "forward" and (which is None or which(call)):
            times[call.scope, call.op] += 1
            inside = run_definition(new, call, times[call.scope, call.op])
        if inside is None:
            new.calls.append(call)
            continue
        stack += [c for c in reversed(inside) if c.phase != "backward"]
        rules = [c for c in inside if c.phase == "backward"]
        if rules:
            backwards[call.node] = rules  # type: ignore[index]
    return new


def run_definition(program: Program, call: Call, time: int) -> list[Call] | None:
    """Run the definition of a composite call and enter what it did into the program; None if it can't be run.

    `time` tells the calls of one op in one scope apart.
    """
    definition: Any = call.op.definition
    outside = [a for a in call.inputs if isinstance(a, Variable)]
    changed = {v for k, v in enumerate(call.inputs) if k in call.op.writes}
    known = all(v.recorded is not None or (v in changed and v.array is not None) for v in outside)
    inner = Program()
    inputs = {v: stand_in(v, written=v in changed) for v in outside}
    args = [inputs[a] if isinstance(a, Variable) else a for a in call.inputs]
    if args and args[0] is None:  # a constant that nothing kept; in most ops it is of the output's shape
        known, args[0] = False, stand_in(dataclasses.replace(call.output, array=None))
    total = program.gradients.get(call.node) if known and call.node is not None else None
    path = PATH.set((*call.scope, call.op.name + (f" ({time})" if time > 1 else "")))
    try:
        with mode(grad=True, instead=None, rule=None, listeners=(inner,)), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zeros in the place of values may divide by zero
            with names_of(inner, definition):
                y = definition(*args, **call.options)
            if total is not None:
                propagate([y], [Tensor(total.array)], None, keep=True, create=False)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError):
        if known:
            raise
        return None
    finally:
        PATH.reset(path)
    same = {inner.variable(t): v for v, t in inputs.items()} | {inner.variable(y): call.output}
    for k, a in enumerate(call.inputs):  # what the call sent to an input is now the sum of what its insides send there
        part = program.sent.pop((call.node, k), None)  # type: ignore[arg-type]
        whole = inner.gradients.get(inner.variable(inputs[a])) if part is not None else None
        if part is not None and whole is not None:
            same[whole] = part
    merge(program, call, inner, same, known)
    return inner.calls


def stand_in(variable: Variable, written: bool = False) -> Tensor:
    """A tensor for a definition to run on: the recorded array (a copy if it will be written), zeros if unknown."""
    wants = variable.dtype.is_floating_point and differentiable(variable)
    array = variable.recorded
    if array is None and written:
        array = variable.array
    if array is None:
        b = backend_for()
        return Tensor(b.xp.zeros(variable.shape, dtype=b.native(variable.dtype)), None, wants)
    if written:
        return Tensor(backend_of(array).xp.asarray(array, copy=True))
    return Tensor(array, None, wants)


def differentiable(variable: Variable) -> bool:
    """Whether gradients flow to a variable."""
    if variable.maker is not None:
        return variable.maker.node is not None
    return variable.tensor is not None and variable.tensor.wants


def merge(program: Program, call: Call, inner: Program, same: dict[Variable, Variable], known: bool) -> None:
    """Enter what a definition did into the program; `same` maps its inputs and output to the program's own."""
    if call.node in program.gradients:
        last = next(c.node for c in reversed(inner.calls) if c.output in same and same[c.output] is call.output)
        program.gradients[last] = total = program.gradients.pop(call.node)
        if last in inner.gradients:
            same[inner.gradients.pop(last)] = total
    for v in inner.variables:
        if v not in same:
            v.index = len(program.variables)
            program.variables.append(v)
            if v.maker is not None and not known:
                v.array = None
            program.settle(v, v.array)
    for c in inner.calls:
        c.inputs = tuple(same.get(a, a) if isinstance(a, Variable) else a for a in c.inputs)
        c.output = same.get(c.output, c.output)
        c.source, c.entered = call.source, call.entered
    program.gradients |= {key: same.get(g, g) for key, g in inner.gradients.items() if isinstance(key, int)}
    program.sent |= {key: same.get(part, part) for key, part in inner.sent.items()}


@contextlib.contextmanager
def names_of(program: Program, function: Any) -> Iterator[None]:
    """In this block, what `function` holds in local variables when it returns is named after them."""
    before = sys.getprofile()

    def returned(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            local = frame.f_locals
            numbers = {x: name for name, x in local.items() if type(x) is float}
            for name, x in local.items():
                v = program.of(x) if isinstance(x, Tensor) and name != "y" else None
                if v is not None and v.maker is not None:
                    v.name = name
            for call in program.calls:
                call.numbers = {k: numbers[a] for k, a in enumerate(call.inputs) if type(a) is float and a in numbers}

    sys.setprofile(returned)
    try:
        yield
    finally:
        sys.setprofile(before)
