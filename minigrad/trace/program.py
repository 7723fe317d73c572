"""Program: the one record of what passed the door. Drawing, replay, counting and export all read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..backends import DType, GradError, ShapeError, backend_of, dtype_of, is_array
from ..backends.source import user_line
from ..core import MODE, Node, Op, Tensor, written
from .calls import Call, Variable
from .scopes import PATH
from .statistics import statistics_of

CAP = 1 << 24  # of a larger array, statistics are taken and no copy is kept


@dataclass(eq=False)
class Program:
    """The calls of a `with record() as program:` block, in order, and the variables they joined.

    inputs      the variables of what was given to `record`
    modules     the modules that ran, by their scope; `entries` is the scope of each time one began
    gradients   by node number or leaf Variable: the Variable of its whole gradient, of all passes together
    sent        (node number, input position) -> Variable: what each rule contributed, in the engine's order
    arrivals    the whole gradients of each pass, what it started from among them, and whose they are: a key of `gradients`
    differentiable  the keys of `gradients` and `sent` that a pass with `create_graph=True` gave, and none after it
    cleared     whether a leaf's gradient was begun anew in a later pass
    keeps       whether what is about to be overwritten is copied first, so that all statistics are of the recorded moment
    """

    calls: list[Call] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    inputs: list[Variable] = field(default_factory=list)
    modules: dict[tuple[str, ...], Any] = field(default_factory=dict)
    gradients: dict[Any, Variable] = field(default_factory=dict)
    sent: dict[tuple[int, int], Variable] = field(default_factory=dict)
    entries: list[tuple[str, ...]] = field(default_factory=list)
    arrivals: dict[Variable, Any] = field(default_factory=dict)
    differentiable: set[Any] = field(default_factory=set)
    cleared: bool = False
    keeps: bool = False

    def __post_init__(self) -> None:
        self._by_array: dict[int, Variable] = {id(v.array): v for v in self.variables if v.array is not None}
        self._types: dict[Any, DType] = {}
        self._sources: dict[int, str] = {}

    # -- listening -----------------------------------------------------------------------------------------------------
    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Iterable) -> None:
        """A call passed the door."""
        rule, known = MODE.get().rule, self._by_array
        phase = "backward" if rule is not None else "update" if op.kind == "update" else "forward"
        inputs = tuple([known.get(id(a.array)) or self.variable(a) if isinstance(a, Tensor) else a for a in args])
        node = output.node if op.kind != "update" else None
        number, plan = (None, None) if node is None else (node.number, node.plan)
        source = self._sources.get(rule[0]) if rule else None  # a rule's calls come from the line of the call it belongs to
        source = user_line() if source is None else source
        call = Call(op, inputs, options, None, (), PATH.get(), source, phase, number, rule or None, plan, len(self.entries))  # type: ignore[arg-type]
        if number is not None:
            self._sources[number] = source
        kind = "gradient" if phase == "backward" else "value"
        call.output = self.variable(output, kind, call)
        if extras:
            call.extras = tuple([self.variable(Tensor(x), kind, call) for x in extras])
        if self.keeps and (positions := written_by(op)):
            arrays = [(k, args[k].array) for k in positions if isinstance(args[k], Tensor)]
            call.written = {k: copied(array) for k, array in arrays if array.size <= CAP}
        self.calls.append(call)

    def ahead(self, op: Op, args: tuple) -> Op:
        """A call is about to be made: what it will overwrite is kept."""
        for k in written_by(op):
            if isinstance(args[k], Tensor):
                self.keep(self.variable(args[k]))
        return op

    def keep(self, variable: Variable) -> None:
        """Keep the variable's numbers as they are now, if they are still those that took part."""
        if variable.kept is None and (array := variable.recorded) is not None:
            if array.size <= CAP:
                variable.kept = copied(array)
            elif variable._statistics is None:
                variable._statistics = statistics_of(array)

    def arrived(self, key: Node | Tensor, g: Tensor) -> None:
        """The whole gradient of a node or a leaf is known."""
        at = key.number if isinstance(key, Node) else self.variable(key)
        self.arrivals[self.variable(g)] = at
        before = self.gradients.pop(at, None)  # so that it comes after all that was sent to it
        fresh = isinstance(key, Tensor) and key._grad is None
        self.cleared = self.cleared or (fresh and before is not None and at not in self.differentiable)
        self.gradients[at] = self.added(at, None if fresh else before, g)

    def contributed(self, node: Node, k: int, part: Tensor) -> None:
        """A rule gave what its node sends to input k."""
        self.sent[node.number, k] = self.added((node.number, k), self.sent.get((node.number, k)), part)

    def added(self, key: Any, before: Variable | None, g: Tensor) -> Variable:
        """A gradient, added to what an earlier pass sent the same way, unless either pass is one to be differentiated."""
        new, again, apart = self.variable(g), MODE.get().grad, key in self.differentiable
        (self.differentiable.add if again else self.differentiable.discard)(key)
        if again or apart or before is None or before.array is None or new.array is None or before is new:
            return new
        return self.variable(Tensor(before.array + new.array), "gradient")

    def stands(self, start: int, node: Node, args: tuple, results: list[tuple[Tensor, Node | None]]) -> None:
        """A Function ran: calls of its own, which are not played again, stand for those that its forward made since `start`."""
        for inner in self.calls[start:]:
            inner.phase = "inside"
        inputs = tuple([self.variable(a) if isinstance(a, Tensor) else a for a in args])
        if len(results) > 1:
            together = Variable(len(self.variables), (), results[0][0].dtype, "results")
            self.variables.append(together)
            self.enter(node.op, node, inputs, together)
            inputs = (together,)
        for y, made in results:
            self.enter(node.op if made is None else made.op, made, inputs, self.variable(y, "value"))

    def enter(self, op: Op, node: Node | None, inputs: tuple, output: Variable) -> None:
        """The call of a Function, or of one of its results, with the node that was made."""
        number, plan = (None, None) if node is None else (node.number, node.plan)
        call = Call(op, inputs, {}, output, (), PATH.get(), user_line(), "forward", number, None, plan, len(self.entries))
        if number is not None:
            self._sources[number] = call.source
        if output not in inputs:  # else it was written in place
            output.maker = call
        self.calls.append(call)

    def unheard(self, what: str) -> None:
        """Something was computed that did not pass the door, so the program can be drawn but not played again."""
        self.opaque = what

    def entered(self, path: tuple[str, ...], module: Any) -> None:
        """A module began to run: its parameters and buffers get their names."""
        self.modules[path] = module
        self.entries.append(path)
        lead = ".".join(path[1:])
        for name, tensor in (module._parameters | module._buffers).items():
            if tensor is not None:
                self.variable(tensor).name = f"{lead}.{name}" if lead else name

    def variable(self, x: Tensor, kind: str = "", maker: Call | None = None) -> Variable:
        """The variable of a tensor's array, entered when first met."""
        array = x.array
        if not is_array(array):  # the gradients of several results
            return Variable(len(self.variables), (), dtype_of(x), "results")
        known = self._by_array.get(id(array))
        if known is None:
            kind = kind or ("parameter" if x.wants else "constant")
            native = array.dtype
            dtype = self._types.get(native) or self._types.setdefault(native, dtype_of(array))
            known = Variable(len(self.variables), tuple(array.shape), dtype, kind, "", array, None, maker)
            if maker is None:
                known.tensor = x
            counter = x.version or written(x)
            if type(counter) is list:  # a tensor of inference mode has one that can't be read from outside
                known.counter, known.stamp = counter, counter[0]
            self._by_array[id(array)] = known  # the variable keeps the array alive, so its id stays its own
            self.variables.append(known)
        return known

    def settle(self, variable: Variable, array: Any) -> None:
        """The array of a variable has become known (nothing happens for None)."""
        if array is not None:
            variable.array = array
            self._by_array.setdefault(id(array), variable)

    def of(self, x: Tensor) -> Variable | None:
        """The variable of a tensor, None if it took no part."""
        return self._by_array.get(id(x.array))

    # -- what backpropagation did ----------------------------------------------------------------------------------------
    def gradient(self, variable: Variable) -> Variable | None:
        """The whole gradient of a leaf or a value, None if none arrived."""
        maker = variable.maker
        return self.gradients.get(variable if maker is None or maker.node is None else maker.node)

    def contributions(self, variable: Variable) -> list[tuple[Call, int, Variable]]:
        """What each use of a variable sent back to it, as (call, input position, part), in the order in which the engine
        added them up."""
        users = {c.node: c for c in self.calls if c.node is not None and any(a is variable for a in c.inputs)}
        return [(users[node], k, part) for (node, k), part in self.sent.items()
                if node in users and users[node].inputs[k] is variable]  # fmt: skip

    @property
    def saved_bytes(self) -> int:
        """Bytes that all calls together keep for the backward pass: each array once, what came from outside left out."""
        return sum(v.nbytes for v in {v for call in self.calls for v in call.saved.values()} if v.tensor is None)

    # -- playing again ---------------------------------------------------------------------------------------------------
    def run(self, *inputs: Any, **named: Any) -> Values:
        """Play every call again, on new inputs, and return the values of this run.

        Inputs come in the order or by the names given to `record`, or as a mapping {recorded tensor: new tensor}. All else
        that came from outside (parameters, buffers, optimizer state) is read, and written, as it is now; random ops draw
        anew; `.grad` of the leaves is set as the recorded block set it. Raises ShapeError for an input of another shape.
        """
        if self.opaque:
            raise GradError(f"run: this program can't be played again, since {self.opaque}. Hint: write it in tensor ops")
        new = self._given(inputs, named)
        values: dict[int, Any] = {}
        for v in self.variables:
            if v.maker is None:
                values[v.index] = new[v].array if v in new else v.tensor.array  # type: ignore[union-attr]
        for call in self.calls:
            if getattr(call.op, "custom", False):
                continue
            arrays = [values[a.index] if isinstance(a, Variable) else a for a in call.inputs]
            first = next((values[a.index] for a in call.inputs if isinstance(a, Variable)), None)
            b = backend_of(call.output.array if first is None else first)
            y = call.op.kernel(b, *arrays, **call.options)
            extras: list = []
            if call.op.saves:
                y, *extras = y
            values[call.output.index] = b.xp.asarray(y)
            for variable, extra in zip(call.extras, extras, strict=True):
                values[variable.index] = extra
            for k in written_by(call.op):
                a = call.inputs[k]
                if isinstance(a, Variable) and a.tensor is not None:
                    written(a.tensor)[0] += 1
        for leaf, g in self._kept:
            if g.maker is not None:
                leaf.grad = Tensor(values[g.index])
        return Values(self, values)

    def _given(self, inputs: tuple, named: Mapping[str, Any]) -> dict[Variable, Tensor]:
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            pairs = [(self.of(old), x) for old, x in inputs[0].items()]
        else:
            known = {v.name: v for v in self.inputs}
            if len(inputs) > len(self.inputs) or any(name not in known for name in named):
                raise TypeError(f"run: expected at most {len(self.inputs)} inputs ({', '.join(known) or 'none named'}), got "
                                f"{len(inputs)} and {', '.join(named) or 'no names'}. Hint: record(x, y)")  # fmt: skip
            pairs = [*zip(self.inputs, inputs, strict=False), *((known[name], x) for name, x in named.items())]
        new: dict[Variable, Tensor] = {}
        for variable, x in pairs:
            if variable is None:
                raise KeyError("run: a tensor of the mapping took no part in the recorded block")
            if not isinstance(x, Tensor):
                raise TypeError(f"run: inputs must be tensors, got {type(x).__name__}")
            if tuple(x.shape) != variable.shape or x.dtype is not variable.dtype:
                raise ShapeError(f"run: input {variable.name or variable.index} must be {variable.dtype!r} of shape "
                                 f"{variable.shape} as recorded, got {x.dtype!r} of shape {tuple(x.shape)}")  # fmt: skip
            new[variable] = x
        return new

    def finish(self) -> None:
        """The block has ended: note which leaves were left with a gradient."""
        leaves = [v.tensor for v in self.variables if v.tensor is not None and v.tensor._grad is not None]
        found = [(leaf, self.of(leaf._grad)) for leaf in leaves]  # type: ignore[arg-type]
        self._kept = [(leaf, g) for leaf, g in found if g is not None]
        if self.keeps:  # what the world goes on to write: leaves, and the gradients in their .grad
            for v in [*(v for v in self.variables if v.tensor is not None), *(g for _, g in self._kept)]:
                self.keep(v)

    _kept: Any = ()
    opaque = ""

    def __repr__(self) -> str:
        phases = [call.phase for call in self.calls]
        counts = ", ".join(f"{phases.count(p)} {p}" for p in ("forward", "backward", "update"))
        return f"Program({len(self.calls)} calls: {counts}; {len(self.variables)} variables)"


def written_by(op: Op) -> tuple[int, ...]:
    """The positions of the inputs that an op writes into."""
    return (0, *op.writes) if op.kind == "update" else op.writes


def copied(array: Any) -> Any:
    """A copy that nobody else writes into."""
    return backend_of(array).xp.asarray(array, copy=True)


class Values:
    """What one run of a program computed: `values[loss]` is the new tensor in the place of the recorded one."""

    def __init__(self, program: Program, values: dict[int, Any]) -> None:
        self.program, self.values = program, values

    def __getitem__(self, recorded: Tensor | Variable) -> Tensor:
        variable = recorded if isinstance(recorded, Variable) else self.program.of(recorded)
        if variable is None or variable.index not in self.values:
            raise KeyError("values: this tensor took no part in the recorded block")
        return Tensor(self.values[variable.index])
