"""What an op is called in a picture: its name, its formula, and the local derivative by each input."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..trace import Call, Variable


class Word(NamedTuple):
    """`{a}`, `{b}`, `{c}` stand for the inputs, `{y}` for the output, `{n}` for how many elements make one of its own.

    A derivative that starts with "g" is what the rule sends back; any other is the factor that g is multiplied by.
    """

    name: str
    formula: str
    derivatives: tuple[str, ...] = ()


WORDS = {
    "add": Word("add", "{a} + {b}", ("1", "1")),
    "sub": Word("subtract", "{a} − {b}", ("1", "−1")),
    "mul": Word("multiply", "{a} · {b}", ("{b}", "{a}")),
    "div": Word("divide", "{a} / {b}", ("1/{b}", "−{y}/{b}")),
    "neg": Word("negate", "−{a}", ("−1",)),
    "pow": Word("power", "{a} ^ {b}", ("{b} {a}^({b}−1)", "{y} ln {a}")),
    "maximum": Word("maximum", "max({a}, {b})", ("[{a} > {b}]", "[{b} > {a}]")),
    "minimum": Word("minimum", "min({a}, {b})", ("[{a} < {b}]", "[{b} < {a}]")),
    "where": Word("where", "{a} ? {b} : {c}", ("", "[{a}]", "[not {a}]")),
    "exp": Word("exp", "e^{a}", ("{y}",)),
    "expm1": Word("expm1", "e^{a} − 1", ("{y} + 1",)),
    "log": Word("log", "ln {a}", ("1/{a}",)),
    "log2": Word("log2", "log2 {a}", ("1/({a} ln 2)",)),
    "log1p": Word("log1p", "ln(1 + {a})", ("1/(1 + {a})",)),
    "sqrt": Word("sqrt", "√{a}", ("1/(2{y})",)),
    "rsqrt": Word("rsqrt", "1/√{a}", ("−{y}³/2",)),
    "square": Word("square", "{a}²", ("2{a}",)),
    "reciprocal": Word("reciprocal", "1/{a}", ("−{y}²",)),
    "sin": Word("sin", "sin {a}", ("cos {a}",)),
    "cos": Word("cos", "cos {a}", ("−sin {a}",)),
    "tan": Word("tan", "tan {a}", ("1 + {y}²",)),
    "tanh": Word("tanh", "tanh {a}", ("1 − {y}²",)),
    "sigmoid": Word("sigmoid", "1/(1 + e^−{a})", ("{y}(1 − {y})",)),
    "softplus": Word("softplus", "ln(1 + e^{a})", ("1/(1 + e^−{a})",)),
    "erf": Word("erf", "erf {a}", ("2/√π e^−{a}²",)),
    "relu": Word("relu", "max({a}, 0)", ("[{a} > 0]",)),
    "abs": Word("abs", "|{a}|", ("sign {a}",)),
    "clamp": Word("clamp", "min(max({a}, lo), hi)", ("[lo ≤ {a} ≤ hi]",)),
    "sum": Word("sum", "Σ {a}", ("1",)),
    "mean": Word("mean", "1/n Σ {a}", ("1/{n}",)),
    "var": Word("variance", "var {a}", ("2({a} − mean)/n",)),
    "amax": Word("max", "max {a}", ("[{a} = {y}]",)),
    "amin": Word("min", "min {a}", ("[{a} = {y}]",)),
    "logsumexp": Word("logsumexp", "ln Σ e^{a}", ("e^({a} − {y})",)),
    "matmul": Word("matmul", "{a} {b}", ("g {b}ᵀ", "{a}ᵀ g")),
    "linear": Word("linear", "{a} {b}ᵀ + {c}", ("g {b}", "gᵀ {a}", "Σ g")),
    "reshape": Word("reshape", "{a}, reshaped", ("g, reshaped back",)),
    "permute": Word("permute", "{a}, permuted", ("g, permuted back",)),
    "expand": Word("expand", "{a}, repeated", ("Σ g",)),
    "gather": Word("gather", "{a}[{b}]", ("g, scattered",)),
    "conv": Word("convolution", "{a} ∗ {b} + {c}", ("g ∗ {b}, full", "{a} ∗ g", "Σ g")),
    "conv_input": Word("transposed convolution", "{a} ∗ᵀ {b}"),
    "max_pool": Word("max pool", "max over windows", ("g, to the largest",)),
    "batch_norm": Word("batch norm", "{b} (x − μ)/σ + {c}"),
    "batch_norm_eval": Word("batch norm, eval", "{b} (x − μ)/σ + {c}"),
    "layer_norm": Word("layer norm", "{b} (x − μ)/σ + {c}"),
    "softmax": Word("softmax", "e^{a} / Σ e^{a}"),
    "log_softmax": Word("log softmax", "{a} − ln Σ e^{a}"),
    "cross_entropy": Word("cross entropy", "−ln softmax({a})[{b}]", ("softmax({a}) − onehot({b})",)),
}

GREEK = {"mu": "μ", "var": "σ²", "std": "σ", "eps": "ε", "gamma": "γ", "beta": "β", "sigma": "σ"}
LETTERS = "abcdefgh"


def symbol(variable: Variable, fallback: str, names: dict[Variable, str]) -> str:
    """A short name for a variable in a formula."""
    variable = beneath(variable)
    name = names.get(variable, variable.name).rpartition(".")[2]
    name = GREEK.get(name, name)
    return name if 0 < len(name) <= 2 else fallback


def word_of(call: Call) -> Word:
    """The word for a call; an op that the table does not know goes by its own name."""
    return WORDS.get(call.op.name) or Word(call.op.name.replace("_", " "), "")


def role(call: Call) -> str:
    """What a call does in its surroundings, where that says more than the op's name."""
    name, inputs = call.op.name, call.inputs
    last = inputs[-1] if inputs else None
    source = last.maker if isinstance(last, Variable) else None
    if name == "sub" and source and source.op.name == "mean" and source.inputs[0] is inputs[0]:
        return "centre"
    if name == "mean" and source and source.op.name == "square":
        below = source.inputs[0].maker
        return "variance" if below and role(below) == "centre" else "mean square"
    if name == "add" and call.numbers.get(1) == "eps":
        return "+ ε"
    if name in ("mul", "add") and is_parameter(last) and last.shape != call.output.shape:  # type: ignore[union-attr]
        return "scale" if name == "mul" else "shift"
    return word_of(call).name


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


def formulas(call: Call, names: dict[Variable, str], asked: set[int]) -> tuple[str, list[tuple[str, str]]]:
    """The formula of a call, and the (input symbol, local derivative) pairs of the inputs `asked` for."""
    word = word_of(call)
    arrays = [a for a in call.inputs if isinstance(a, Variable)]
    given: dict[str, str] = {}
    for letter, a, k in zip(LETTERS, call.inputs, range(len(call.inputs)), strict=False):
        if isinstance(a, Variable):
            given[letter] = symbol(a, letter, names)
        elif a is None:
            given[letter] = "?"
        else:
            given[letter] = GREEK.get(call.numbers.get(k, ""), f"{a:.6g}" if isinstance(a, float) else str(a))
    given["y"] = symbol(call.output, "y", names)
    size, made = (math.prod(v.shape) for v in (arrays[0] if arrays else call.output, call.output))
    blank = dict.fromkeys(LETTERS, "") | {"n": str(size // made) if made else "n"} | given
    formula = word.formula if given.get("c", "?") != "?" else word.formula.removesuffix(" + {c}")
    text = formula.format_map(blank)
    derivatives = [(given[LETTERS[k]], d.format_map(blank)) for k, d in enumerate(word.derivatives) if k in asked and d]
    return (f"{given['y']} = {text}" if text else ""), derivatives
