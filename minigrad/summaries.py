"""`summary`: what each layer of a model makes, holds, costs and keeps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .autograd.tree import tensors
from .core import Tensor, mode, walk
from .guard import guard as _guard
from .nn import Module
from .nn.trouble import shown
from .ops.functions import randn
from .ops.random import default_generator
from .trace import Call, Variable, record

FREE = ("view", "create")  # kinds of ops that compute nothing
WIDE = 100  # of a name more is cut off
RECURRENT = ("rnn_tanh", "rnn_relu", "lstm", "gru")


@dataclass
class Row:
    """A layer: its path, class, output shape, own parameters, FLOPs of a forward pass, and bytes kept for backward."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    flops: int
    kept: int


@dataclass
class Summary:
    """The rows of a model's layers; printed, a table."""

    rows: list[Row]

    @property
    def parameters(self) -> int:
        """How many numbers the model learns."""
        return sum(row.parameters for row in self.rows)

    @property
    def flops(self) -> int:
        """Floating-point operations of a forward pass."""
        return sum(row.flops for row in self.rows)

    @property
    def kept(self) -> int:
        """Bytes kept for the backward pass."""
        return sum(row.kept for row in self.rows)

    def __str__(self) -> str:
        table = [("layer", "output", "parameters", "FLOPs", "kept for backward")]
        table += [
            (f"{shown(r.name, WIDE)} ({shown(r.kind)})", str(r.shape), f"{r.parameters:,}", f"{r.flops:,}", f"{r.kept:,} B")
            for r in self.rows
        ]
        table += [("total", "", f"{self.parameters:,}", f"{self.flops:,}", f"{self.kept:,} B")]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
                 for line in table]  # fmt: skip
        return "\n".join(lines)

    __repr__ = __str__


def summary(model: Module, input_shape: Sequence | Tensor) -> Summary:
    """Run `model` once on a random input of `input_shape` (batch included), or on a given tensor, and count.

    A list of tensors or of shapes is for a model of several inputs.

    A multiplication and an addition are two FLOPs; other ops count one for each element they read or make, whichever is
    more, and views none. A parameter shared by layers counts where it is first used; so does an array kept by several.
    Buffers and the random stream are left as they were. Raises what the model raises for a shape that does not fit.
    """
    buffers = list(model.buffers())
    values = [b.clone() for b in buffers]
    place = default_generator.get_state()
    inputs = made_inputs(input_shape, next((t.device for t in (*model.parameters(), *buffers)), None))
    with record(*inputs) as program, mode(grad=True):
        y = model(*inputs)
    default_generator.set_state(place)
    with mode(grad=False):
        for buffer, before in zip(buffers, values, strict=True):
            buffer.copy_(before)

    rows: dict[tuple, Row] = {}
    where: dict[Any, tuple] = {}
    for call in program.calls:
        where[call.node] = call.scope
        module = program.modules.get(call.scope)
        name = ".".join(call.scope[1:]) or "(model)"
        row = rows.setdefault(call.scope, Row(name, type(module or model).__name__, (), 0, 0, 0))
        if call.op.kind != "update" and not getattr(call.op, "custom", False):  # what its forward called counts
            row.flops += flops(call)
            row.shape = call.output.shape
    seen = set()
    for path, row in rows.items():
        for p in (program.modules.get(path) or model).parameters(recurse=False):
            if id(p) not in seen:
                seen.add(id(p))
                row.parameters += p.array.size
    known = {id(v.array) for v in program.variables if v.kind in ("parameter", "input")}
    tops = [t.node for t in tensors(y) if t.node is not None]
    for node in reversed(walk(tops)):
        for value in node.saved or ():
            if hasattr(value, "dtype") and id(value) not in known:
                known.add(id(value))
                rows[where.get(node.number, next(iter(rows)))].kept += value.size * value.dtype.itemsize
    return Summary(list(rows.values()))


def made_inputs(given: Any, device: Any) -> list[Tensor]:
    """The inputs of a model: a tensor, a shape, or several of them; those of a shape are made on `device`."""
    if isinstance(given, Tensor):
        return [given]
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"summary: input_shape must be a shape such as (8, 3, 32, 32), or a tensor, got {given!r:.60}")
    if given and all(isinstance(part, (Tensor, list, tuple)) for part in given):
        return [x for part in given for x in made_inputs(part, device)]
    if any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in given):
        raise ValueError(f"summary: input_shape must be sizes >= 0, got {given!r:.60}")
    return [randn(*given, device=device)]


def flops(call: Call) -> int:
    """Floating-point operations of a call."""
    shapes = [a.shape for a in call.inputs if isinstance(a, Variable)]
    made = math.prod(call.output.shape)
    if call.op.name in ("conv", "linear"):  # each output is a product of one row of the weight
        return made * (2 * math.prod(shapes[1][1:]) + (len(shapes) > 2))
    if call.op.name == "matmul":
        return 2 * made * shapes[0][-1]
    if call.op.name in RECURRENT:  # the products with both weights, for each row
        return 2 * shapes[0][0] * (math.prod(shapes[1]) + math.prod(shapes[2]))
    return 0 if call.op.kind in FREE else max([made, *map(math.prod, shapes)])


_guard(__name__, rename=True)
