"""What an op is called in a picture, with its formula and rules in the names of the graph's own variables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from ..core import Op
from ..ops.formulas import of, title
from ..ops.notation import SYMBOLS, Formula, Plain
from ..trace import Call, Variable
from .text import number

GREEK = {"mu": "μ", "var": "σ²", "std": "σ", "eps": "ε", "gamma": "γ", "beta": "β", "sigma": "σ"}
LETTERS = "abcdefhijklmopqrstuvwxz"
MANY = 4  # inputs of one kind from which not each is written out
WRITTEN_OUT = ("alpha", "correction", "min", "max")  # options that formulas have as numbers
LEFT_OUT = {"weight": "1", "bias": "0"}  # what stands for these where a call has none


class Names(dict[Variable, str]):
    """What variables are called in a picture; `taken` are the short names, which no letter of a formula may repeat."""

    def __init__(self, given: Mapping[Variable, str], variables: Iterable[Variable]) -> None:
        super().__init__(given)
        self.taken = {name for v in variables if (name := self.short(v))}

    def short(self, variable: Variable) -> str:
        """A variable's name as formulas write it, "" where it has none or a long one."""
        variable = beneath(variable)
        name = self.get(variable, variable.name).rpartition(".")[2]
        name, maker = GREEK.get(name, name), variable.maker
        return name if len(name) <= 2 and not (maker is not None and name in meant(maker.op)) else ""


def result(call: Call, names: Names) -> str:
    """How the result of a call is written in its formulas."""
    name = names.short(call.output)
    return name if name and name not in meant(call.op) else "y"


@lru_cache(None)
def meant(op: Op) -> set[str]:
    """The names that mean something of their own in an op's formulas: its gradient, Euler's number, a count, a part."""
    entry = of(op)
    if entry is None:
        return {"g"}
    formulas = [entry.formula, *map(entry.rule, entry.rules)]
    found = {"g", *(part for formula in formulas for part in formula.parts)}
    found |= set().union(*(formula.names() for formula in formulas)) - {*op.inputs, "y"}
    return found | ({"e"} if any("exp(" in formula.source for formula in formulas) else set())


def role(call: Call) -> str:
    """What a call does in its surroundings, where that says more than the op's name, and whether it does so in place."""
    return f"{plain_role(call)}, in place" if call.in_place else plain_role(call)


def plain_role(call: Call) -> str:
    """What a call does in its surroundings."""
    name, inputs = call.op.name, call.inputs
    last = inputs[-1] if inputs else None
    source = last.maker if isinstance(last, Variable) else None
    if name == "sub" and source and source.op.name == "mean" and source.inputs[0] is inputs[0]:
        return "centre"
    if name == "mean" and source and source.op.name == "square":
        below = source.inputs[0].maker
        return "variance" if below and plain_role(below) == "centre" else "mean square"
    if name == "add" and call.numbers.get(1) == "eps":
        return "+ ε"
    if name in ("mul", "add") and is_parameter(last) and last.shape != call.output.shape:  # type: ignore[union-attr]
        return "scale" if name == "mul" else "shift"
    return title(call.op).strip()


def beneath(v: Variable) -> Variable:
    """A variable, or the leaf that it is a reshaped view of."""
    under = v
    while under.maker is not None and under.maker.op.name == "reshape":
        under = under.maker.inputs[0]
    return under if under.maker is None else v


def is_parameter(a: object) -> bool:
    """Whether an input is a parameter, perhaps reshaped."""
    leaf = beneath(a) if isinstance(a, Variable) else None
    return leaf is not None and leaf.tensor is not None and leaf.tensor.wants


def symbols_of(call: Call, names: Names) -> dict[str, str]:
    """How the names in the formulas of a call's op are written for this call: by the variables' own short names."""
    op = call.op
    arrays = [a for a in call.inputs if isinstance(a, Variable)]
    given = letters(call, names)
    made = result(call, names)
    symbols = LEFT_OUT | dict(zip(op.inputs, given, strict=False)) | {"y": "y" if made in given else made}
    given_options = {**op.defaults, **call.options}
    symbols |= {name: number(given_options[name]) for name in WRITTEN_OUT if isinstance(given_options.get(name), (int, float))}
    if op.name == "clamp":
        symbols = {"min": "−∞", "max": "∞"} | symbols
    if op.variadic:
        several = given[len(op.inputs) - 1 :]
        symbols[op.inputs[-1]] = ", ".join(several if len(several) <= MANY else [*several[:2], "…", several[-1]])
    size, left = (math.prod(v.shape) for v in (arrays[0] if arrays else call.output, call.output))
    entry = of(op)
    symbols["n"] = str(size // left) if left and entry is not None and entry.over == "dim" else "n"
    return symbols


def letters(call: Call, names: Names) -> list[str]:
    """How each input of a call is written: its own short name, the symbol that is usual for it, a letter that nothing else
    has, or the number that it is."""
    barred = meant(call.op) | {result(call, names)}
    short = [name if isinstance(a, Variable) and (name := names.short(a)) not in barred else "" for a in call.inputs]
    owners = {name: beneath(a) for name, a in zip(reversed(short), reversed(call.inputs), strict=True) if name}
    free = [c for c in LETTERS if c not in names.taken | barred]
    given: list[str] = []
    for k, (name, a) in enumerate(zip(short, call.inputs, strict=True)):
        if name and owners[name] is beneath(a):  # of two with one name the first has it
            given.append(name)
        elif a is None and may_lack(call, k):
            given.append(LEFT_OUT[input_name(call, k)])
        elif a is None or isinstance(a, Variable):  # None: a constant that is not known
            usual, letter = usual_symbol(call, k), LETTERS[k] if k < len(LETTERS) else ""
            if usual and usual not in names.taken | barred and usual not in given:
                given.append(usual)
                free = [c for c in free if c != usual]
            else:
                given.append(free.pop(free.index(letter) if letter in free else -1) if free else "…")
        else:
            given.append(GREEK.get(call.numbers.get(k, ""), f"{a:.6g}" if isinstance(a, float) else str(a)))
    return given


def usual_symbol(call: Call, k: int) -> str:
    """The letter that everybody writes for input `k`, such as W and b, γ and β; "" where there is none."""
    entry, name = of(call.op), input_name(call, k)
    if entry is None or call.op.kind == "elementwise" or call.op.variadic:
        return ""
    usual = entry.symbols.get(name, SYMBOLS.get(name, name))
    return usual if len(usual) == 1 else ""


def may_lack(call: Call, k: int) -> bool:
    """Whether a None for input `k` means that there is none: a bias, or the weight of a normalization."""
    name = input_name(call, k)
    return name == "bias" or (name == "weight" and "norm" in call.op.name)


def input_name(call: Call, k: int) -> str:
    """What the op calls its input `k`."""
    return call.op.inputs[min(k, len(call.op.inputs) - 1)]


def in_full(formula: Formula, symbols: dict[str, str]) -> str:
    """A formula with the definitions of its names, but for those that everybody knows, such as μ and σ."""
    rare = [text for name, text in formula.definitions(Plain(symbols)).items() if name not in SYMBOLS]
    return formula.text(symbols, parts=False) + (f" where {', '.join(rare)}" if rare else "")


def formulas(call: Call, names: Names, asked: set[int]) -> tuple[str, list[str]]:
    """The formula of a call, and a line for each of the inputs `asked` for: its local derivative, or what is sent to it."""
    entry = of(call.op)
    if entry is None:
        return "", []
    symbols = symbols_of(call, names)
    lines: list[str] = []
    for k, a in enumerate(letters(call, names)):
        name = input_name(call, k)
        if k in asked and name in entry.rules:
            slope = entry.slope(name)
            text = in_full(slope or entry.rule(name), symbols)
            lines.append(f"∂/∂{a} = {text}" if slope else f"to {a}: {text}")
    if call.op.variadic and len(lines) > MANY:  # all the same
        lines = [f"to each: {lines[0].partition(': ')[2]}"]
    return entry.equation(symbols), lines
