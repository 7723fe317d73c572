"""Op: the one shape of every op; and the door, `Op.__call__`, through which all array work passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import CO_VARARGS
from itertools import repeat
from operator import itemgetter
from types import MethodType
from typing import Any

from ..backends import backend_for, backend_of, is_array
from .modes import MODE
from .node import Node
from .tensor import Tensor, node_of, written

OPS: dict[str, Op] = {}
_NUMBERS = frozenset((float, int, type(None)))


@dataclass(slots=True)
class Plan:
    """What a call must save, for one choice of inputs that want a gradient."""

    sources: tuple  # what is saved, in order: ("y", 0), ("input", k), ("extra", k), ("shape", k), ("option", name) ...
    take: Callable  # picks the saved arrays out of [y, *inputs, *extras]
    rest: tuple  # the sources that are no such array
    rules: tuple  # for each input None, or (rule, pick), with pick choosing the rule's arguments out of (g, *saved)
    guarded: tuple  # the positions of saved inputs, -1 for a saved output: what must not be written
    keeps: bool  # whether any array is saved
    fused: Any  # (function, pick) that gives the gradients of all inputs at once, on bare arrays; or None
    usual: tuple = ()  # the values of `rest` where a call without options fixes them


class Op:
    """A function from arrays to one array, with the gradient of each input beside it. Calling it is the door.

    kind      elementwise (broadcasts, promotes types), batched (leading dimensions broadcast), linear (in its tensors),
              view (linear, shares memory), create (no tensors), update (writes into its first input), general
    saves     names of further arrays the kernel returns after its output, for the rules
    floats    integer inputs become floating first, as in sqrt
    definition  a composite op's plain composition of other ops
    """

    def __init__(self, kernel: Callable, name: str, kind: str, saves: tuple[str, ...], floats: bool) -> None:
        assert OPS.setdefault(name, self) is self, f"two ops are called {name}"
        self.kernel, self.name, self.kind, self.saves, self.floats = kernel, name, kind, saves, floats
        self.promotes, self.broadcasts = kind == "elementwise", kind in ("elementwise", "batched")
        self.definition: Callable | None = None
        self.writes: tuple[int, ...] = ()  # inputs that the kernel writes into, beside its output
        self.stands = ""  # the extra that can stand for the first input in the definition
        self.rules: dict[str, Callable] = {}
        self.fused: Callable | None = None  # all rules in one function, on bare arrays; may ask which inputs are `wanted`
        code = kernel.__code__  # names its parameters: plain ones, keyword-only ones, then the variadic one
        plain, named = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        self.variadic = bool(code.co_flags & CO_VARARGS)
        self.inputs = [*code.co_varnames[1:plain], *code.co_varnames[named : named + self.variadic]]
        self.defaults = dict.fromkeys(code.co_varnames[plain:named]) | (kernel.__kwdefaults__ or {})
        self.plans: dict[int, Plan] = {}
        self.__doc__ = kernel.__doc__

    # Set by ops/operands.py, which knows how operands are cast: `fit(args, b)` brings operands to one type and device,
    # or returns None if they are fit already; `explained(error, arrays)` says a kernel's failure in the op's own words.
    fit: Callable[..., list | None]
    explained: Callable[..., Exception]

    def vjp(self, **rules: Callable) -> None:
        """Give the gradient of inputs: `op.vjp(x=lambda g, y: g * y)`. A rule's parameters say what is saved."""
        for name, rule in rules.items():
            assert name in self.inputs, f"{self.name}: no input {name!r}"
            self._sources(rule, 0)
            self.rules[name] = rule

    def define(self, definition: Callable) -> None:
        """Decorate the plain composition of other ops that this op equals."""
        self.definition = definition

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The door: unwrap and check operands, run the kernel, record a node if a gradient is wanted, tell listeners."""
        grad, listeners, instead, _, _ = MODE.get()
        if instead is not None and (other := instead(self, args)) is not self:
            return other(*args, **options)
        arrays, parents = [], []
        first, kind, dtype, tensors, plain, wanted, key = None, None, None, 0, True, False, 1
        for a in args:
            if isinstance(a, Tensor):
                array = a.array
                node: Any = a.node if a.base is None else node_of(a)
                if node is None and a.wants:
                    node = a  # a leaf is its own end of the graph
                if first is None:
                    first, kind, dtype = array, type(array), array.dtype
                elif array.dtype is not dtype or type(array) is not kind:
                    plain = False
                tensors += 1
            else:
                array, node = a, None
                plain = plain and type(a) in _NUMBERS
            arrays.append(array)
            parents.append(node)
            key += key
            if node is not None:
                key += 1
                wanted = True
        if not tensors:
            if self.kind != "create":
                return self._bare(arrays, options)
            b = backend_for(options.get("device"))
        else:
            b = backend_of(first)
            if not plain or (not wanted and (self.floats or self.promotes and tensors < len(args))):
                fitted = self.fit(args, b)
                if fitted is not None:
                    return self(*fitted, **options)
        try:
            y = self.kernel(b, *arrays, **options) if options else self.kernel(b, *arrays)
        except Exception as error:
            raise self.explained(error, arrays) from error
        extras: tuple = ()
        if self.saves:
            y, *extras = y
        if self.writes:
            for k in self.writes:
                if isinstance(args[k], Tensor):
                    written(args[k])[0] += 1
        if type(y) is not b.array_type:
            y = backend_of(y).as_array(y)  # a NumPy scalar, or an array that was moved
        if self.kind == "update":
            out = args[0]
            written(out)[0] += 1
        else:
            out = Tensor(y)
            if self.kind == "view" and b.shares(y, first):
                out.version = written(args[0])
                how = (self, options, args[0].node, first) if grad else None  # taken under no_grad, a view has no history
                out.base, out.how, out.stamp = args[0], how, out.version[0]
            if wanted and grad and self.rules:
                self._record(out, key, args, arrays, parents, extras, options)
        if listeners:
            for listener in listeners:
                listener.heard(self, args, options, out, extras)
        return out

    def _record(self, out: Tensor, key: int, args: tuple, arrays: list, parents: list, extras: Any, options: Any) -> None:
        """Make the node of a call, saving exactly what the rules of the wanted inputs ask for."""
        y = out.array
        plan = self.plans.get(key) or self.plans.setdefault(key, self._plan(key, len(args)))
        saved = plan.take((y, *arrays, *extras))
        if plan.rest:
            saved += (not options and plan.usual) or tuple(map(self._look_up, plan.rest, repeat(arrays), repeat(options)))
        versions: list = []
        for k in plan.guarded:
            x = out if k < 0 else args[k]
            if isinstance(x, Tensor):
                version = x.version or written(x)
                versions.append((version, version[0]))
                if len(version) == 1:
                    version.append(True)  # saved: `numpy()` then gives an array that can't be written
        out.node = Node(self, options, parents, plan, y.shape, y.dtype, saved, versions)

    def _bare(self, arrays: list, options: dict) -> Any:
        """The op on bare arrays: what the rules do when nobody wants a second derivative or listens."""
        for a in arrays:
            if a is not None and is_array(a):
                y = self.kernel(backend_of(a), *arrays, **options)
                return y[0] if self.saves else y
        got = ", ".join(type(a).__name__ for a in arrays) or "nothing"
        raise TypeError(f"{self.name}: expected a tensor, got {got}. Hint: minigrad.tensor(...)")

    def _sources(self, rule: Callable, k: int, wanted: tuple = ()) -> list[tuple]:
        """Where a rule's parameters come from, by their names; `k` is the position of the rule's input."""
        last = len(self.inputs) - 1
        known: dict[str, tuple] = {"g": ("g", 0), "y": ("y", 0), "i": ("constant", k), "wanted": ("constant", wanted)}
        known |= {name: ("option", name) for name in self.defaults}
        known |= {name: ("extra", at) for at, name in enumerate(self.saves)}
        known |= {f"{name}_shape": ("shape", k if self.variadic else at) for at, name in enumerate(self.inputs)}
        known |= {name: ("input", at) for at, name in enumerate(self.inputs)}
        if self.variadic:
            known |= {self.inputs[last]: ("inputs", last), f"{self.inputs[last]}_shapes": ("shapes", last)}
        asked = rule.__code__.co_varnames[: rule.__code__.co_argcount]
        assert known.keys() >= set(asked), f"{self.name}: the call has no {set(asked) - known.keys()}, which a rule asks for"
        return [known[name] for name in asked]

    def _plan(self, key: int, count: int) -> Plan:
        """The plan of a call with `count` inputs, of which those whose bit is set in `key` want a gradient."""
        needed: dict[tuple, None] = {}  # in order, each once
        asked: list[Any] = [None] * count
        for k in range(count):
            rule = self.rules.get(self.inputs[min(k, len(self.inputs) - 1)])
            if rule is not None and key >> (count - 1 - k) & 1:
                asked[k] = (rule, self._sources(rule, k))
                needed |= dict.fromkeys(source for source in asked[k][1] if source[0] != "g")
        once = self._sources(self.fused, 0, tuple(a is not None for a in asked)) if self.fused and any(asked) else []
        once = [("constant", None) if s[0] == "input" and s not in needed else s for s in once]  # None: no wanted rule asks
        needed |= dict.fromkeys(s for s in once if s[0] != "g")
        pool = {"y": 0, "input": 1, "extra": 1 + count}
        held = [s for s in needed if s[0] in pool]
        rest = tuple(s for s in needed if s[0] not in pool)
        fixed = all(s[0] in ("option", "constant") for s in rest)
        usual = tuple(self._look_up(s, [], {}) for s in rest) if fixed else ()
        place = {source: at for at, source in enumerate([("g", 0), *held, *rest])}
        rules = tuple(a and (a[0], picker([place[w] for w in a[1]])) for a in asked)
        take = picker([pool[s[0]] + s[1] for s in held])
        inputs = [s[1] for s in held if s[0] == "input"]
        inputs += [k for s in rest if s[0] == "inputs" for k in range(s[1], count)] + [-1] * (("y", 0) in held)
        fused = (self.fused, picker([place[w] for w in once])) if once else None
        return Plan((*held, *rest), take, rest, rules, tuple(inputs), bool(held or inputs), fused, usual)

    def _look_up(self, source: tuple, arrays: list, options: dict) -> Any:
        """A saved value that is no array: a shape, an option, a position."""
        what, which = source
        if what == "shape":
            return getattr(arrays[which], "shape", ())
        if what in ("shapes", "inputs"):
            return tuple(arrays[which:]) if what == "inputs" else [a.shape for a in arrays[which:]]
        return which if what == "constant" else options.get(which, self.defaults.get(which))

    def __get__(self, tensor: Any, owner: Any) -> Any:
        """Set on Tensor, an op is a method."""
        return self if tensor is None else MethodType(self, tensor)


def op(kind: str, *, name: str = "", saves: tuple[str, ...] = (), floats: bool = False) -> Callable[[Callable], Op]:
    """Make an op of a kernel `f(b, *arrays, **options)` and enter it in OPS."""
    return lambda kernel: Op(kernel, name or kernel.__name__, kind, saves, floats)


def picker(indexes: list[int]) -> Callable:
    """A function that picks `indexes` out of a tuple, always as a tuple."""
    return itemgetter(*indexes) if len(indexes) > 1 else itemgetter(slice(*indexes, *[i + 1 for i in indexes] or [0]))
