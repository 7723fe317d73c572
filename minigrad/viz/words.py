"""What an op is called in a picture, with its formula and rules in the names of the graph's own variables."""

from __future__ import annotations

import math

from ..ops.formulas import of, title
from ..ops.notation import SYMBOLS, Formula, Plain
from ..trace import Call, Variable

GREEK = {"mu": "μ", "var": "σ²", "std": "σ", "eps": "ε", "gamma": "γ", "beta": "β", "sigma": "σ"}
OWN = {"y", "g", "e", "n"}  # what formulas call the result, its gradient, Euler's number and a count
LETTERS = "abcdefhijklmopqrstuvwxz"
MANY = 4  # inputs of one kind from which not each is written out
LEFT_OUT = {"weight": "1", "bias": "0"}  # what stands for these where a call has none


def symbol(variable: Variable, fallback: str, names: dict[Variable, str]) -> str:
    """A short name for a variable in a formula, where it has one that means nothing else there."""
    variable = beneath(variable)
    name = names.get(variable, variable.name).rpartition(".")[2]
    name = GREEK.get(name, name)
    return name if 0 < len(name) <= 2 and name not in OWN else fallback


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


def symbols_of(call: Call, names: dict[Variable, str]) -> dict[str, str]:
    """How the names in the formulas of a call's op are written for this call: by the variables' own short names."""
    op = call.op
    arrays = [a for a in call.inputs if isinstance(a, Variable)]
    given = letters(call, names)
    result = symbol(call.output, "y", names)
    symbols = LEFT_OUT | dict(zip(op.inputs, given, strict=False)) | {"y": "y" if result in given else result}
    if "alpha" in op.defaults:
        symbols["alpha"] = str(call.options.get("alpha", 1))
    if op.variadic:
        several = given[len(op.inputs) - 1 :]
        symbols[op.inputs[-1]] = ", ".join(several if len(several) <= MANY else [*several[:2], "…", several[-1]])
    size, made = (math.prod(v.shape) for v in (arrays[0] if arrays else call.output, call.output))
    entry = of(op)
    symbols["n"] = str(size // made) if made and entry is not None and entry.over == "dim" else "n"
    return symbols


def letters(call: Call, names: dict[Variable, str]) -> list[str]:
    """How each input of a call is written: its own short name, a letter that nothing else has, or the number that it is."""
    short = [symbol(a, "", names) if isinstance(a, Variable) else "" for a in call.inputs]
    owners = {name: beneath(a) for name, a in zip(reversed(short), reversed(call.inputs), strict=True) if name}
    free = [c for c in LETTERS if c not in owners and c != symbol(call.output, "y", names)]
    given = []
    for k, (name, a) in enumerate(zip(short, call.inputs, strict=True)):
        if name and owners[name] is beneath(a):  # of two with one name the first has it
            given.append(name)
        elif a is None and may_lack(call, k):
            given.append(LEFT_OUT[input_name(call, k)])
        elif a is None or isinstance(a, Variable):  # None: a constant that is not known
            letter = LETTERS[k] if k < len(LETTERS) else ""
            given.append(free.pop(free.index(letter) if letter in free else -1) if free else "…")
        else:
            given.append(GREEK.get(call.numbers.get(k, ""), f"{a:.6g}" if isinstance(a, float) else str(a)))
    return given


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


def formulas(call: Call, names: dict[Variable, str], asked: set[int]) -> tuple[str, list[str]]:
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
