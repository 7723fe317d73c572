"""Op: the one shape of every op; and the door, `Op.__call__`, through which all array work passes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import itemgetter
from types import MethodType
from typing import Any, NamedTuple

from ..backends import backend_for, backend_of, is_array
from .modes import MODE
from .node import Node
from .tensor import Tensor, node_of, written

KINDS = ("elementwise", "batched", "linear", "view", "general", "create", "update")
OPS: dict[str, Op] = {}
_NUMBERS = frozenset((float, int))


class Plan(NamedTuple):
    """What a call must save, for one choice of inputs that want a gradient.

    sources  what is saved, in order: ("y", 0), ("input", k), ("extra", k), ("shape", k), ("option", name) ...
    take     picks the saved arrays out of [y, *inputs, *extras]; `rest` lists the sources that are no arrays
    rules    for each input None, or (rule, pick), with pick choosing the rule's arguments out of (g, *saved)
    """

    sources: tuple
    take: Callable
    rest: tuple
    rules: tuple
    inputs: tuple  # positions of the saved inputs
    keeps_y: bool
    keeps: bool  # whether any array is saved


class Op:
    """A function from arrays to one array, with the gradient of each input beside it. Calling it is the door.

    kind      elementwise (broadcasts, promotes types), batched (leading dimensions broadcast), linear (in its tensors),
              view (linear, shares memory), create (no tensors), update (writes into its first input), general
    saves     names of further arrays the kernel returns after its output, for the rules
    floats    integer inputs become floating first, as in sqrt
    definition  a composite op's plain composition of other ops
    """

    def __init__(self, kernel: Callable, name: str, kind: str, saves: tuple[str, ...], floats: bool) -> None:
        assert kind in KINDS, kind
        self.kernel, self.name, self.kind, self.saves, self.floats = kernel, name, kind, saves, floats
        self.promotes = kind == "elementwise"
        self.broadcasts = kind in ("elementwise", "batched")
        self.definition: Callable | None = None
        self.writes: tuple[int, ...] = ()  # inputs that the kernel writes into, beside its output
        self.rules: dict[str, Callable] = {}
        self.tangent: Callable | None = None
        parameters = list(inspect.signature(kernel).parameters.values())[1:]
        self.inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        self.defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        self.plans: dict[int, Plan] = {}
        self.__doc__ = kernel.__doc__

    def vjp(self, **rules: Callable) -> None:
        """Give the gradient of inputs: `op.vjp(x=lambda g, y: g * y)`. A rule's parameters say what is saved."""
        for name, rule in rules.items():
            assert name in self.inputs, f"{self.name}: no input {name!r} among {self.inputs}"
            for need in inspect.signature(rule).parameters:
                self._source(need, 0)
            self.rules[name] = rule

    def define(self, definition: Callable) -> Callable:
        """Decorate the plain composition of other ops that this op equals."""
        self.definition = definition
        return definition

    # Set by ops/operands.py, which knows how operands are cast: `fit(args, b)` brings operands to one type and device,
    # or returns None if they are fit already; `explained(error, arrays)` says a kernel's failure in the op's own words.
    fit: Callable[..., list | None]
    explained: Callable[..., Exception]

    # -- the door --------------------------------------------------------------------------------------------------
    def __call__(self, *args: Any, **options: Any) -> Any:
        grad, listeners, opened, *_ = MODE.get()
        if opened and self.definition is not None:
            return self.definition(*args, **options)
        arrays, parents = [], []
        first, kind, dtype, tensors, plain, wanted, key = None, None, None, 0, True, False, 1
        for a in args:
            if isinstance(a, Tensor):
                array = a.array
                node = a.node if a.base is None else node_of(a)
                if node is None and a.wants:
                    node = a  # a leaf is its own end of the graph
                if first is None:
                    first, kind, dtype = array, type(array), array.dtype
                elif array.dtype is not dtype or type(array) is not kind:
                    plain = False
                tensors += 1
            else:
                array, node = a, None
                if a is not None:
                    plain = plain and type(a) in _NUMBERS
            arrays.append(array)
            if node is None:
                key = key + key
                parents.append(None)
            else:
                key = key + key + 1
                wanted = True
                parents.append(node)

        if not tensors:
            if self.kind != "create":
                return self._bare(arrays, options)
            b = backend_for(options.get("device"))
        else:
            b = backend_of(first)
            if not plain or (not wanted and (self.floats or tensors < len(args))):
                fitted = self.fit(args, b)
                if fitted is not None:
                    return self(*fitted, **options)
        try:
            y = self.kernel(b, *arrays, **options)
        except Exception as error:
            raise self.explained(error, arrays) from error
        extras: tuple = ()
        if self.saves:
            y, *extras = y
            for k in self.writes:
                if args[k] is not None:
                    written(args[k])[0] += 1
        if type(y) is not b.array_type:
            y = b.xp.asarray(y)
        if self.kind == "update":
            out = args[0]
            written(out)[0] += 1
        else:
            out = Tensor(y)
            if self.kind == "view" and b.shares(y, first):
                out.version = written(args[0])
                if grad:
                    out.base, out.how, out.stamp = args[0], (self, options), args[0].node
            if wanted and grad and self.rules:
                self._record(out, key, args, arrays, parents, extras, options)
        for listener in listeners:
            listener.heard(self, args, options, out, extras)
        return out

    def _record(self, out: Tensor, key: int, args: tuple, arrays: list, parents: list, extras: Any, options: dict) -> None:
        """Make the node of a call, saving exactly what the rules of the wanted inputs ask for."""
        y = out.array
        plan = self.plans.get(key)
        if plan is None:
            plan = self.plans[key] = self._plan(key, len(args))
        node = out.node = Node(self, options, parents, plan, y.shape, y.dtype)
        if plan.sources:
            saved = plan.take([y, *arrays, *extras])
            if plan.rest:
                saved += tuple([self._look_up(source, arrays, options) for source in plan.rest])
            node.saved = saved
            versions = node.versions
            for k in plan.inputs:
                a = args[k]
                if isinstance(a, Tensor):
                    version = a.version
                    if version is None:
                        version = a.version = [0]
                    versions += (version, version[0])
            if plan.keeps_y:
                version = written(out)
                versions += (version, version[0])

    def _bare(self, arrays: list, options: dict) -> Any:
        """The op on bare arrays: what the rules do when nobody wants a second derivative or listens."""
        first = next((a for a in arrays if a is not None and is_array(a)), None)
        if first is None:
            got = ", ".join(type(a).__name__ for a in arrays)
            raise TypeError(f"{self.name}: expected a tensor, got {got or 'nothing'}. Hint: minigrad.tensor(...)")
        y = self.kernel(backend_of(first), *arrays, **options)
        return y[0] if self.saves else y

    # -- plans -----------------------------------------------------------------------------------------------------
    def _source(self, need: str, k: int) -> tuple:
        """Where a rule's parameter comes from, by its name; `k` is the position of the rule's input."""
        if need in ("g", "y"):
            return (need, 0)
        if need in self.inputs:
            at = self.inputs.index(need)
            return ("inputs" if self.variadic and at == len(self.inputs) - 1 else "input", at)
        if need in self.saves:
            return ("extra", self.saves.index(need))
        if need.endswith("_shape") and need[:-6] in self.inputs:
            return ("shape", k if self.variadic else self.inputs.index(need[:-6]))
        if need == "i":
            return ("constant", k)
        if need == f"{self.inputs[-1]}_shapes":
            return ("shapes", len(self.inputs) - 1)
        assert need in self.defaults, f"{self.name}: a rule asks for {need!r}, which the call does not have"
        return ("option", need)

    def _plan(self, key: int, count: int) -> Plan:
        needed: list[tuple] = []
        asked: list[Any] = []
        for k in range(count):
            name = self.inputs[min(k, len(self.inputs) - 1)]
            rule = self.rules.get(name) if key >> (count - 1 - k) & 1 else None
            asked.append(None)
            if rule is not None:
                wants = [self._source(need, k) for need in inspect.signature(rule).parameters]
                asked[k] = (rule, wants)
                needed += [w for w in wants if w[0] != "g" and w not in needed]
        pool = {"y": 0, "input": 1, "extra": 1 + count}
        held = [s for s in needed if s[0] in pool]
        rest = tuple(s for s in needed if s[0] not in pool)
        order = [("g", 0), *held, *rest]
        rules = tuple(a and (a[0], picker([order.index(w) for w in a[1]])) for a in asked)
        take = picker([pool[s[0]] + s[1] for s in held])
        inputs = [s[1] for s in held if s[0] == "input"]
        inputs += [k for s in rest if s[0] == "inputs" for k in range(s[1], count)]
        return Plan(tuple(order[1:]), take, rest, rules, tuple(inputs), ("y", 0) in held, bool(held or inputs))

    def _look_up(self, source: tuple, arrays: list, options: dict) -> Any:
        """A saved value that is no array: a shape, an option, a position."""
        what, which = source
        if what == "shape":
            return getattr(arrays[which], "shape", ())
        if what == "shapes":
            return [a.shape for a in arrays[which:]]
        if what == "inputs":
            return tuple(arrays[which:])
        return which if what == "constant" else options.get(which, self.defaults.get(which))

    def __get__(self, tensor: Any, owner: Any) -> Any:
        """Set on Tensor, an op is a method."""
        return self if tensor is None else MethodType(self, tensor)

    def __repr__(self) -> str:
        return f"<op {self.name}({', '.join(self.inputs)})>"


def op(kind: str, *, name: str | None = None, saves: tuple[str, ...] = (), floats: bool = False) -> Callable[[Callable], Op]:
    """Make an op of a kernel `f(b, *arrays, **options)` and enter it in OPS."""

    def make(kernel: Callable) -> Op:
        made = Op(kernel, name or kernel.__name__, kind, saves, floats)
        assert made.name not in OPS, made.name
        OPS[made.name] = made
        return made

    return make


def picker(indexes: list[int]) -> Callable:
    """A function that picks `indexes` out of a sequence, always as a tuple."""
    if not indexes:
        return lambda values: ()
    if len(indexes) == 1:
        only = indexes[0]
        return lambda values: (values[only],)
    return itemgetter(*indexes)
