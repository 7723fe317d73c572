"""`explain`: one recorded call with its formula, its rules, its numbers, and a check of its gradient by finite differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from ..backends import BACKENDS, Backend, GradError, ShapeError, backend_of
from ..backends import dtype as as_dtype
from ..core import Node, Tensor, node_of
from ..ops.formulas import SPANS, of, title
from ..ops.notation import SYMBOLS, Formula, Latex, Plain, tex
from ..viz.text import numbers as statistics
from .local import MISSING, Again, input_name, inputs_of, output_of, rule_name, sent
from .paths import NORMS, Paths, of_node

FEW = 36  # up to so many numbers are shown and checked one by one
WIDE = 44  # a text that is longer has a line of its own
TOLERANCE = {"float64": 1e-5, "float32": 1e-3}


class Line(NamedTuple):
    """One line of an explanation: a name, what is to be said (in plain text and in LaTeX), and numbers."""

    name: str
    text: str = ""
    latex: str = ""
    numbers: str = ""


class Explanation:
    """What `explain` returns: print it, or let a notebook show it.

    op            the op's name, None for a leaf
    gradients     what the rules send, by input name: tensors
    differences   the same by finite differences, by input name: arrays of the `places` checked
    worst         the largest difference between the two, relative to the largest gradient; None if nothing was checked
    paths         for batch, layer and group norm, the gradient of x by path
    lines, notes  what is printed; notes say what could not be known
    """

    def __init__(self, op: str | None, head: str, latex: str = "") -> None:
        self.op, self.head, self.latex = op, head, latex
        self.lines: list[Line] = []
        self.notes: list[str] = []
        self.gradients: dict[str, Tensor] = {}
        self.differences: dict[str, np.ndarray] = {}
        self.worst: float | None = None
        self.paths: Paths | None = None

    def __str__(self) -> str:
        names = max((len(line.name) for line in self.lines), default=0)
        texts = max((len(line.text) for line in self.lines if len(line.text) <= WIDE and line.numbers), default=0)
        rows = []
        for name, text, _, numbers in self.lines:
            start = f"  {name:{names}}  {text:{texts}}"
            blank = " " * (4 + names + texts + 2)
            first, *rest = numbers.splitlines() or [""]
            alone = len(text) > texts  # the numbers begin on a line of their own
            rows += [start, *([blank + first] if numbers else [])] if alone else [f"{start}  {first}"]
            rows += [blank + line for line in rest if line]
        return "\n".join(row.rstrip() for row in [self.head, *rows, *(f"  note: {note}" for note in self.notes)])

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        """The formula and the rules, for a notebook."""
        if not self.latex:
            return rf"$\text{{{tex(self.head)}}}$"
        rows = [row.replace(" = ", " &= ", 1) for row in (self.latex, *(line.latex for line in self.lines)) if row]
        return r"$$\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}$$"

    def _repr_html_(self) -> str:
        """The whole explanation as a table, for a notebook."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:left'>{f'${escape(latex)}$' if latex else escape(text)}</td>"
            f"<td style='text-align:left'><pre>{escape(numbers)}</pre></td></tr>"
            for name, text, latex, numbers in self.lines
        )
        notes = "".join(f"<p>note: {escape(note)}</p>" for note in self.notes)
        return f"<p><b>{escape(self.head)}</b></p><table>{rows}</table>{notes}"


def explain(what: Tensor | Node, gradient: Any = None, check: bool = True, inputs: Sequence | None = None) -> Explanation:
    """The call that made a tensor: formula, rules, shapes, what was saved, numbers, and its gradient beside finite differences.

    `gradient` is the one that arrives (a tensor or array of the output's shape); if None, `what.grad` where
    `retain_grad()` kept one, else ones. `check=False` leaves the finite differences out. Up to 36 numbers are shown
    one by one, more as statistics. What the graph does not know is said in the notes; `inputs` can give what went in.
    Raises TypeError for anything but a tensor or node, ShapeError for a gradient of another shape.
    """
    if not isinstance(what, (Tensor, Node)):
        raise TypeError(f"explain: expected a tensor or a node (tensor.grad_fn), got {type(what).__name__}")
    node = what if isinstance(what, Node) else node_of(what)
    if node is None:
        return of_leaf(what)  # type: ignore[arg-type]
    call = Spoken(node, what.array if isinstance(what, Tensor) else output_of(node), inputs)
    told = call.head()
    told.lines += call.values()
    kept = what._grad if isinstance(what, Tensor) and gradient is None else None
    g = arriving(call, kept if kept is not None else gradient)
    parts = call.sent(g, told.notes)
    if parts:
        came = "y.grad" if kept is not None else "taken as ones" if gradient is None else "as given"
        told.lines.append(Line("g", f"the gradient of y, {came}", "", numbers_of(g)))
    told.gradients = {input_name(node, k): Tensor(part) for k, part in parts.items()}
    steps = Steps(call, host(g), told.notes) if parts and check else None
    for k, rule in enumerate(node.plan.rules):
        if rule is not None:
            told.lines += call.rule(k, parts.get(k), g)
        if steps and steps.again and k in parts:
            found, line = steps.beside(k, parts[k])
            told.differences[input_name(node, k)] = found
            told.lines.append(line)
        if node.op.name in NORMS and k == 0 and k in parts:
            told.paths = of_node(node, Tensor(g))
            told.lines += [Line("", f"{path}, a part", "", numbers_of(x)) for path, x in told.paths.parts.items()]
    told.worst = steps.worst if steps else None
    return told


def of_leaf(x: Tensor) -> Explanation:
    """A tensor that no recorded call made."""
    told = Explanation(None, f"a leaf: no recorded call made this tensor, {kind(x.array)}")
    told.lines.append(Line("value", "", "", numbers_of(x.array)))
    if x._grad is not None:
        told.lines.append(Line("grad", "added up by backward", "", numbers_of(x._grad.array)))
    told.notes.append(
        "it wants a gradient: backward adds what arrives to its .grad"
        if x.wants
        else "it was given, or computed from tensors that want no gradient, or under no_grad: then nothing is recorded. "
        "Hint: x.requires_grad_() before the computation"
    )
    return told


def arriving(call: Spoken, gradient: Any) -> Any:
    """The gradient that arrives, as an array in the output's type."""
    shape, dtype = tuple(call.node.shape), call.node.dtype
    if gradient is None:
        return call.backend.xp.ones(shape, dtype=dtype)
    array = gradient.array if isinstance(gradient, Tensor) else call.backend.from_host(np.asarray(gradient, dtype=np.float64))
    if tuple(array.shape) != shape:
        raise ShapeError(f"explain: the gradient must have the shape {shape} of {call.node.op.name}'s output, got "
                         f"{tuple(array.shape)}")  # fmt: skip
    return call.backend.xp.astype(array, dtype)


class Spoken:
    """A recorded call, put into words."""

    def __init__(self, node: Node, y: Any, inputs: Sequence | None) -> None:
        self.node, self.y, self.inputs = node, y, inputs_of(node)
        for k, given in enumerate(inputs or ()):
            self.inputs[k] = given.array if isinstance(given, Tensor) else given
        self.entry = of(node.op)
        arrays = [x for x in (y, *self.inputs) if hasattr(x, "dtype")]
        self.backend: Backend = backend_of(arrays[0]) if arrays else BACKENDS["cpu"]
        self.symbols = dict(self.entry.symbols) if self.entry else {}
        for name in ("weight", "bias"):  # a layer without one
            if name in node.op.inputs and self.at(name) is None:
                self.symbols[name] = "1" if name == "weight" else "0"
        if "alpha" in node.op.defaults:
            self.symbols["alpha"] = f"{node.options.get('alpha', 1):g}"

    def head(self) -> Explanation:
        """An explanation with the formula and what its names mean."""
        op, entry = self.node.op, self.entry
        if entry is None:
            said = (op.__doc__ or "an op of its own").strip().splitlines()[0]
            return Explanation(op.name, f"{title(op)}: {said}")
        formula, rules = entry.formula, [entry.rule(name) for name in entry.rules]
        latex = ("" if "y" in formula.names() else "y = ") + formula.latex(self.symbols, parts=False)
        told = Explanation(op.name, f"{title(op)}: {entry.equation(self.symbols)}", latex)
        meant, tex_meant = ({name: text for each in (formula, *rules) for name, text in each.definitions(writer).items()}
                            for writer in (Plain(self.symbols), Latex(self.symbols)))  # fmt: skip
        if meant:
            told.lines.append(Line("where", ", ".join(meant.values()), r",\ ".join(tex_meant.values())))
        if entry.over:
            told.lines.append(Line("", SPANS[entry.over]))
        return told

    def at(self, name: str) -> Any:
        """An input by name, None if the call was made without."""
        k = self.node.op.inputs.index(name)
        return self.inputs[k] if k < len(self.inputs) else None

    def values(self) -> list[Line]:
        """Inputs and output: where they are from, shapes, numbers; and what was saved."""
        node, lines = self.node, []
        for k, (x, parent) in enumerate(zip(self.inputs, node.parents, strict=True)):
            if x is None or (x is MISSING and parent is None and node.op.kind == "general"):
                continue  # left out, or perhaps left out
            origin = f"from {parent.op.name}" if isinstance(parent, Node) else "a constant" if parent is None else "a leaf"
            shape = kind(parent if x is MISSING and parent is not None else x)
            numbers = "not kept, since no rule needs it" if x is MISSING else numbers_of(x)
            lines.append(Line(input_name(node, k), f"{shape} {origin}".strip(), "", numbers))
        numbers = "not kept, since no rule needs it" if self.y is MISSING else numbers_of(self.y)
        lines.append(Line("y", kind(node), "", numbers))
        if node.saved is not None and node.plan.sources:
            lines.append(Line("saved", ", ".join(source_name(node, s) for s in node.plan.sources if s[0] != "constant")))
        return lines

    def sent(self, g: Any, notes: list[str]) -> dict[int, Any]:
        """What the rules send, nothing if they can't run; `notes` then say why."""
        if getattr(self.node.op, "custom", False):
            notes.append("the rules are those of an autograd.Function. Hint: minigrad.autograd.gradcheck checks them")
            return {}
        try:
            return sent(self.node, g)
        except GradError as error:
            notes.append(f"no gradient can be shown. {str(error).removeprefix('backward: ')}")
            return {}

    def rule(self, k: int, part: Any, g: Any) -> list[Line]:
        """The rule of input `k`, with what it sent."""
        name, entry = input_name(self.node, k), self.entry
        numbers = "" if part is None else numbers_of(part)
        if entry is None:
            return [Line(f"to {name}", "", "", numbers)]
        rule = entry.rule(rule_name(self.node, k))
        symbol = self.symbols.get(name, SYMBOLS.get(name, name))
        slope = rf"\frac{{\partial L}}{{\partial {Latex({name: symbol}).symbol(name)}}}"
        latex = f"{slope} = {rule.latex(self.symbols, parts=False)}"
        lines = [Line(f"to {name}", rule.text(self.symbols, parts=False), latex, numbers)]
        inserted = "" if part is None else self.inserted(rule, part, g)
        return [*lines, Line("", inserted)] if inserted else lines

    def inserted(self, rule: Formula, part: Any, g: Any) -> str:
        """The rule of an elementwise op with the numbers of the first element in the place of the names."""
        node = self.node
        values = {"g": g, "y": self.y} | dict(zip(node.op.inputs, self.inputs, strict=False)) | node.options
        plain = node.op.kind == "elementwise" and not rule.words and tuple(part.shape) == tuple(node.shape)
        if not plain or not part.size or rule.text() in ("g", "0"):
            return ""
        given = {}
        for name in rule.names() - {"pi", "inf"}:
            value = values.get(name, node.op.defaults.get(name))
            if value is MISSING or (value is None and name not in ("min", "max")):
                return ""
            given[name] = number({"min": -math.inf, "max": math.inf}[name] if value is None else first(value))
        text, result = rule.text(given), number(first(part))
        return "" if text == result else f"first: {text} = {result}"


class Steps:
    """Finite differences of a call, beside what its rules sent. `again` is None where they are not possible."""

    def __init__(self, call: Spoken, g: np.ndarray, notes: list[str]) -> None:
        node, self.g = call.node, g
        self.again: Again | None = None
        self.worst: float | None = None
        ruled = {k for k, name in enumerate(node.op.inputs) if name in node.op.rules}
        lost = ", ".join(input_name(node, k) for k, x in enumerate(call.inputs) if x is MISSING and k in ruled)
        if lost and ("y", 0) in node.plan.sources:
            notes.append(f"no finite differences: the graph did not keep {lost}. Hint: explain(y, inputs=[...])")
            return
        again = Again(node, call.inputs, str(call.backend.device))
        try:
            y = again()
        except (RuntimeError, TypeError, ValueError) as error:
            notes.append(f"no finite differences: {node.op.name} can't be run again without {lost or 'more'} ({error})")
            return
        if not lost and call.y is not MISSING and not np.allclose(y, host(call.y), rtol=1e-3, atol=1e-5, equal_nan=True):
            notes.append("no finite differences: run again on what its inputs hold now, the op gives another y")
            return
        if lost:
            notes.append(f"not kept, since no rule depends on it: {lost}. The finite differences do without")
        self.again = again

    def beside(self, k: int, part: Any) -> tuple[np.ndarray, Line]:
        """The differences by input `k`, at all of its elements or at 36 of them, and a line that compares."""
        assert self.again is not None
        sizes = host(part).reshape(-1)
        places = list(range(sizes.size)) if sizes.size <= FEW else [int(i) for i in np.linspace(0, sizes.size - 1, FEW)]
        found = self.again.differences(self.g, k, places)
        precision = str(host(part).dtype)
        sound = np.isfinite(sizes[places]) & np.isfinite(found)
        ours, theirs = sizes[places][sound], found[sound]
        # what is sent may cancel to rounding errors
        least = (1e-3 if precision == "float64" else 1e-2) * np.linalg.norm(self.g[np.isfinite(self.g)])
        scale = max(np.abs(ours).max(initial=0.0), np.abs(theirs).max(initial=0.0), least, 1e-300)
        apart = float(np.abs(ours - theirs).max(initial=0.0) / scale)
        if sound.any() or not sound.size:
            self.worst = max(self.worst or 0.0, apart)
        fine = apart <= TOLERANCE.get(precision, 5e-2)
        text = f"{'agree' if fine else 'DIFFER'}, largest difference {apart:.1e} of the largest gradient"
        text = text if fine else f"{text}: a kink or jump within 1e-6, or a wrong rule"
        text = text if sound.all() else f"{text}; {sound.size - sound.sum()} of {sound.size} not finite, not compared"
        text = text if sound.any() or not sound.size else "not compared, since nothing is finite"
        shown = found.reshape(part.shape) if len(places) == sizes.size else found
        return found, Line("", "finite differences" + (f", {FEW} of {sizes.size} elements" if sizes.size > FEW else ""), "",
                           (numbers_of(shown) + "\n" if sizes.size <= FEW else "") + text)  # fmt: skip


# -- words ---------------------------------------------------------------------------------------------------------------


def source_name(node: Node, source: tuple) -> str:
    """What a saved value is."""
    what, which = source
    if what == "y":
        return "y"
    if what == "extra":
        return node.op.saves[which]
    if what in ("shape", "shapes"):
        return f"the shape of {node.op.inputs[min(which, len(node.op.inputs) - 1)]}"
    return input_name(node, which) if what == "input" else node.op.inputs[-1] if what == "inputs" else str(which)


def kind(x: Any) -> str:
    """The shape and type of an array, tensor or node; nothing for a number."""
    return f"{tuple(x.shape)} {as_dtype(x.dtype).name}" if hasattr(x, "dtype") else ""


def host(array: Any) -> np.ndarray:
    return np.asarray(backend_of(array).to_host(array))


def number(x: Any) -> str:
    return f"{x:.4g}".replace("-", "−").replace("inf", "∞")


def first(x: Any) -> Any:
    """The first element of an array, or the number itself."""
    return host(x).reshape(-1)[0] if hasattr(x, "dtype") else x


def numbers_of(x: Any) -> str:
    """All numbers if they are few, else statistics."""
    if not hasattr(x, "dtype"):
        return str(x)
    array = host(getattr(x, "array", x))
    if array.size > FEW:
        return ", ".join(statistics(array))
    return np.array2string(array, precision=4, suppress_small=True, separator=" ", max_line_width=80) if array.size else "empty"
