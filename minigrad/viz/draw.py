"""`draw`: a tensor's graph, or a recorded Program, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from ..backends import GradError, ShapeError
from ..backends.source import advise
from ..core import Op, Tensor, node_of
from ..ops.create import ones_like
from ..trace import Call, Program, Variable, opened, program_behind
from .dot import dot_of
from .inplace import told_apart
from .label import Look
from .level import Which, close, closes, deepest, fold, matches, path_of, strays
from .mermaid import mermaid_of
from .passes import last_pass, notes_of
from .picture import Picture, finish, picture_of
from .plain import plain_of
from .render import NoGraphviz, format_of, rendered, svg_of, write
from .style import DARK, LIGHT

LIMIT = 500  # nodes that one picture shows
CLEAR = 60  # nodes up to which everything is opened without being asked for
SMALL = 20  # forward calls up to which a recorded backward pass is drawn without being asked for


class Drawing:
    """A picture: `.dot`, `.mermaid` and `.text` are texts of it, `save(path)` writes it, notebooks show it as it is."""

    def __init__(self, picture: Picture, look: Look) -> None:
        self.picture, self.look = picture, look

    @cached_property
    def dot(self) -> str:
        """The DOT text. Raises ImportError where the graphviz package is missing."""
        return dot_of(self.picture, self.look)

    @cached_property
    def mermaid(self) -> str:
        """The Mermaid text."""
        return mermaid_of(self.picture, self.look)

    @cached_property
    def text(self) -> str:
        """Plain text, a line for each call."""
        return plain_of(self.picture, self.look)

    def save(self, path: str | PathLike, format: str | None = None) -> Path:
        """Write the picture, whole or not at all, and return the path written.

        The path's suffix says the format (svg, png, pdf, dot, mmd, txt) unless `format` does. Where no Graphviz is found,
        the DOT text is written beside, and a warning says what to install. Raises ValueError for another format, OSError
        if it can't write.
        """
        path = Path(path)
        format = format_of(path, format)
        if format in ("mmd", "txt"):
            write(path, (self.mermaid if format == "mmd" else self.text).encode("utf-8", "replace"))
            return path
        try:
            data = rendered(self.dot, format)
        except NoGraphviz as missing:
            path, data = path.with_suffix(".dot"), rendered(self.dot, "dot")
            write(path, data)
            advise(f"{missing}. The DOT text is in {path}")
            return path
        write(path, data)
        return path

    def _repr_svg_(self) -> str | None:
        try:
            return svg_of(self.dot)
        except (NoGraphviz, ImportError):
            return None

    def __repr__(self) -> str:
        return f"Drawing of {len(self.picture.items)} nodes. Hint: .save('graph.svg')"


def draw(
    what: Tensor | Program,
    path: str | PathLike | None = None,
    *,
    decompose: bool | Callable[[Call], bool] = False,
    depth: int | None = None,
    collapse: Which = None,
    open: Which = None,
    repeats: bool | None = None,
    backward: bool | Tensor | None = None,
    updates: bool = False,
    values: bool = False,
    gradients: bool = False,
    shapes: bool = True,
    memory: bool = False,
    direction: str | None = None,
    format: str | None = None,
    title: str | None = None,
    names: Mapping[str, Tensor] | None = None,
    dark: bool = False,
    limit: int = LIMIT,
) -> Drawing:
    """Draw the graph behind a tensor, or a recorded program; with `path`, write it (SVG, PNG, PDF, DOT, Mermaid `.mmd` or
    plain text `.txt`, by its suffix).

    decompose   open composite ops into their definitions: all, or those for which the function given says so
    depth       modules that lie deeper are drawn as one node each: 0 closes the outermost, 1 its children. None opens all,
                unless that is more than can be read; then the picture says what is closed
    collapse, open  modules to close or open nevertheless: names ("encoder.bn1", patterns as "encoder.*", class names),
                types, functions of (name, module), or several of these. `open` also takes ops (names or functions of
                (name, op)), and opens the composite ops of a module that it opens
    repeats     draw equal blocks in a row once, as "×N". None does unless numbers are shown
    backward    draw gradients beside values: True (a tensor is then backpropagated from ones), or the gradient to start
                from. None draws them if `what` is a program that recorded them and is small
    updates     draw what is computed from gradients too, such as an optimizer's step
    values, gradients   statistics of each array, or the numbers themselves where there are few
    shapes      the shape of each array
    memory      what each call keeps for the backward pass
    direction   "LR" or "TB"; None: left to right with gradients, else top to bottom
    names       names for tensors, such as dict(model.named_parameters())
    limit       so many nodes are drawn at most; the earlier calls become one node, and the picture says so

    A recorded program knows module scopes and names. Drawing leaves every `.grad` alone and frees nothing.
    Raises TypeError for anything but a tensor or program; GradError for a tensor without a graph, or with a freed one
    when `backward` is asked for; ShapeError for a gradient of another shape; ValueError for an unknown format, direction, a
    depth below 0 or a limit below 1.
    """
    if not isinstance(decompose, bool) and not callable(decompose):
        raise TypeError(f"draw: decompose must be True, False or a function of a call, got {decompose!r}. "
                        f"Hint: open={decompose!r}")  # fmt: skip
    if names is not None and not (isinstance(names, Mapping) and all(isinstance(t, Tensor) for t in names.values())):
        raise TypeError("draw: names must map names to tensors. Hint: names=dict(model.named_parameters())")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ValueError(f"draw: limit must be a whole number from 1, got {limit!r}")
    program, goal = program_of(what, backward if backward is not None else gradients)
    if direction not in (None, "LR", "TB"):
        raise ValueError(f"draw: direction must be 'LR' or 'TB', got {direction!r}")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 0):
        raise ValueError(f"draw: depth must be a whole number from 0, got {depth!r}")
    if path is not None:
        format_of(Path(path), format)
    again = program is not (program := last_pass(program))
    program, since = told_apart(program)
    known = {since.get(v, v): name for name, v in named(program, names or {}).items()}
    known = roles(program) | known
    small = sum(call.phase == "forward" for call in program.calls) <= SMALL
    both = small and bool(program.sent) if backward is None else backward is not False
    if both and not program.sent:
        raise ValueError("draw: backward was asked for, but the program recorded no backward pass. "
                         "Hint: call backward() inside `with minigrad.record()`")  # fmt: skip
    closed = program
    if decompose or open is not None:
        program = opened(program, opener(program, decompose, open))
    modules = [(path_of(scope), module) for scope, module in program.modules.items()]
    things = [*modules, *{call.op.name: call.op for call in (*closed.calls, *program.calls)}.items()]
    for name in (*strays(collapse, modules), *strays(open, things)):
        advise(f"draw: no module or op here is called {name!r}. {nearest(name, things)}")
    picture = picture_of(program, goal, known, updates)
    calls, auto = sum(item.computes for item in picture.items), depth is None
    depth = deepest(picture, CLEAR) if auto and picture.modules else depth
    close(picture, closes(picture, depth, collapse, open))
    if auto and depth is not None and any(item.kind == "module" for item in picture.items):
        picture.notes.append(f"{calls:,} calls, modules closed below depth {depth}. Hint: depth=, open=")
    if both:
        picture.notes += notes_of(program, again)
    if repeats or (repeats is None and not (values or gradients)):
        fold(picture)
    finish(picture, both, limit)
    style, direction = DARK if dark else LIGHT, direction or ("LR" if both else "TB")
    drawing = Drawing(picture, Look(style, direction, values, gradients, shapes, both, title or "", memory))
    if path is not None:
        drawing.save(path, format)
    return drawing


def named(program: Program, names: Mapping[str, Tensor]) -> dict[str, Variable]:
    """The variables that are meant by the names of tensors: known by their arrays, or by the node that made them."""
    made = {call.node: call.output for call in program.calls if call.node is not None}
    found = {}
    for name, t in names.items():
        node, v = node_of(t), program.of(t)
        v = made.get(node.number) if v is None and node is not None else v
        if v is not None:
            found[name] = v
    return found


def opener(program: Program, decompose: Any, open: Which) -> Callable[[Call], bool]:
    """Which composite calls are opened."""

    def which(call: Call) -> bool:
        if decompose is True or (callable(decompose) and decompose(call)):
            return True
        if open is None or open is True:
            return False
        module = program.modules.get(call.scope)
        inside = module is not None and matches(open, path_of(call.scope), module)
        return inside or matches(open, call.op.name, call.op)

    return which


def nearest(name: str, things: list[tuple[str, Any]]) -> str:
    """A hint: the known names that are nearest to one that is not."""
    known = {text for path, thing in things for text in (path, thing.name if isinstance(thing, Op) else type(thing).__name__)}
    found = get_close_matches(name, sorted(known))
    return f"Nearest: {', '.join(found)}" if found else "Hint: modules are known in what minigrad.record() recorded"


def program_of(what: Any, backward: Any) -> tuple[Program, Variable | None]:
    """The program to draw, and the variable to draw it up to."""
    if isinstance(what, Program):
        if not any(call.phase == "forward" for call in what.calls):
            raise ValueError("draw: the program recorded no calls. Hint: compute inside `with minigrad.record()`")
        return what, None
    if not isinstance(what, Tensor):
        raise TypeError(f"draw: expected a tensor or a recorded program, got {type(what).__name__}. "
                        "Hint: draw(model(x), 'graph.svg')")  # fmt: skip
    if node_of(what) is None:
        raise GradError("draw: expected a tensor computed from others with gradients, got a leaf or constant of shape "
                        f"{tuple(what.shape)}. Hint: requires_grad=True on an input, or draw a program that "
                        "minigrad.record() recorded")  # fmt: skip
    seed = backward if isinstance(backward, Tensor) else None
    if seed is not None and seed.shape != what.shape:
        raise ShapeError(f"draw: the gradient to start from must have the shape {tuple(what.shape)} of the tensor, got "
                         f"{tuple(seed.shape)}. Hint: backward=True starts from ones")  # fmt: skip
    if seed is None and backward:
        seed = ones_like(what)
    program = program_behind(what, seed)
    return program, next(call.output for call in reversed(program.calls) if call.phase == "forward")


def roles(program: Program) -> dict[Variable, str]:
    """Names for nameless leaves: what they are to the first op that takes them."""
    found: dict[Variable, str] = {}
    for call in program.calls:
        for name, a in zip(call.op.inputs, call.inputs, strict=False):
            if isinstance(a, Variable) and a.maker is None and not a.name and name in ("weight", "bias", "target"):
                found.setdefault(a, name)
    return found
