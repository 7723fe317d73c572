"""The theory meter: how gradients grow from layer to layer, beside what mean-field theory says where it says something.

z_l is what the l-th linear layer gives, G_l the mean over cases of |dL/dz_l|^2. Theory, for wide layers at random weights:

linear layers and ReLU, nothing between   G_l / G_(l+1) = fan_out Var(W) E[act'^2] of the weights W from z_l to z_(l+1), where
                                          E[act'^2] is 1/2 for ReLU and 1 for none (He et al. 2015, §2.2)
with batch norm before the activation     `batch_norm_growth`, whatever the weights' scale (Yang et al. 2019)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ...core import Tensor, node_of, walk
from ...nn import BatchNorm1d, Dropout, Identity, Linear, Module, ReLU
from .gradients import layer_gradients
from .vectors import kept


def batch_norm_growth(batch: int, act: str = "relu") -> float:
    """The factor by which |gradient|^2 grows per layer going down a deep, wide net z -> W act(BN(z)), for a batch of `batch`.

    linear: (B - 2) / (B - 3). ReLU: ((B - 1 + J'(c)) / (1 - J(c)) - 1) / (B - 3) with c = -1/(B - 1), where
    J(c) = (sqrt(1 - c^2) + (pi - arccos c) c) / pi and J'(c) = (pi - arccos c) / pi; it tends to pi / (pi - 1) = 1.467.
    For eps -> 0, γ = 1, β = 0. Raises ValueError for fewer than 4 cases, where the mean is infinite, or another `act`.
    Source: Yang, Pennington, Rao, Sohl-Dickstein & Schoenholz 2019, A mean field theory of batch normalization, §3.
    """
    if batch < 4:
        raise ValueError(f"batch_norm_growth: expected a batch of at least 4, got {batch}: the mean is infinite below")
    if act == "linear":
        return (batch - 2) / (batch - 3)
    if act != "relu":
        raise ValueError(f"batch_norm_growth: there is a closed form for relu and linear, got {act!r}")
    c = -1 / (batch - 1)
    slope = (math.pi - math.acos(c)) / math.pi
    value = math.sqrt(1 - c * c) / math.pi + slope * c
    return ((batch - 1 + slope) / (1 - value) - 1) / (batch - 3)


@dataclass
class Meter:
    """Gradients by layer, bottom first.

    layers     names of the linear layers (of all layers with weights, if the model has others)
    gradients  G_l
    growth     G_l / G_(l+1) for each l but the last
    theory     what it should be for each, or None where no line applies
    why        the reason for each None
    """

    layers: list[str]
    gradients: list[float]
    growth: list[float]
    theory: list[float | None]
    why: list[str]

    @property
    def rate(self) -> float:
        """The factor per layer, by a line fitted to ln G over the layers."""
        if len(self.gradients) < 2 or not all(0 < g < math.inf for g in self.gradients):
            return math.nan
        return float(np.exp(-np.polyfit(np.arange(len(self.gradients)), np.log(self.gradients), 1)[0]))

    @property
    def expected(self) -> float | None:
        """The geometric mean of the lines, or None if there is no layer that has one."""
        lines = [t for t in self.theory if t is not None]
        return math.exp(sum(map(math.log, lines)) / len(lines)) if lines else None

    def line(self) -> list[float | None]:
        """G_l as theory has it, going down from the last measured one; None below a layer without a line."""
        values: list[float | None] = [self.gradients[-1]]
        for t in reversed(self.theory):
            values.append(None if t is None or values[-1] is None else values[-1] * t)
        return values[::-1]

    def __str__(self) -> str:
        rows = [f"{'layer':16} {'|dL/dz|^2':>12} {'growth':>9} {'theory':>9}"]
        for k, (name, g) in enumerate(zip(self.layers, self.gradients, strict=True)):
            last = k == len(self.growth)
            t = None if last else self.theory[k]
            row = f"{name:16} {g:12.4g} {'' if last else f'{self.growth[k]:.3f}':>9} {'' if t is None else f'{t:.3f}':>9}"
            rows.append(row + ("" if last or t is not None else f"  {self.why[k]}"))
        expected = "no line applies" if self.expected is None else f"{self.expected:.3f}"
        return "\n".join([*rows, f"per layer: measured {self.rate:.3f}, theory {expected}"])

    __repr__ = __str__


def theory_meter(model: Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Meter:
    """Measure how the gradient grows per layer of any model on a batch, beside the mean-field lines that apply.

    Layers are those that have a weight of two or more dimensions. The model is used as it is, in training or evaluation, and
    its buffers are put back. A line needs linear layers with nothing but ReLU, batch norm (in training, γ = 1, β = 0, little
    eps) and identities between them, each fed by the one before and by nothing else; it is a statement about wide layers at
    random weights, and says nothing about trained ones.
    """
    with kept(model):
        calls, uses = calls_of(model, x)
        kinds = tuple({type(call.layer) for call in calls if has_weight(call.layer)})
        found = layer_gradients(model, x, y, loss, kinds) if kinds else {}
    places = [k for k, call in enumerate(calls) if has_weight(call.layer) and call.name in found]
    if not places:
        raise ValueError("theory_meter: the model has no layer with a weight matrix that the loss depends on")
    gradients = [found[calls[k].name] for k in places]
    growth = [a / b if b else math.nan for a, b in zip(gradients, gradients[1:], strict=False)]
    lines = [line_of(calls[low : high + 1], uses, len(x)) for low, high in zip(places, places[1:], strict=False)]
    return Meter([calls[k].name for k in places], gradients, growth, [t for t, _ in lines], [why for _, why in lines])


class Call(NamedTuple):
    """A layer's call: what came in and what went out."""

    name: str
    layer: Module
    given: Any
    output: Any


def has_weight(layer: Module) -> bool:
    weight = getattr(layer, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim > 1


def calls_of(model: Module, x: Tensor) -> tuple[list[Call], Counter]:
    """The calls of layers that have no layers of their own, in order, and how often the graph uses each node's output."""
    calls: list[Call] = []
    layers = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]

    def noting(name: str) -> Callable:
        return lambda layer, args, output: calls.append(Call(name, layer, args[0] if args else None, output))

    hooks = [layer.register_forward_hook(noting(name)) for name, layer in layers]
    try:
        top = node_of(model(x))
    finally:
        for hook in hooks:
            hook.remove()
    return calls, Counter(id(parent) for node in walk([top] if top else []) for parent in node.parents)


def line_of(calls: list[Call], uses: Counter, batch: int) -> tuple[float | None, str]:
    """The line from the last of these calls down to the first, or None and the reason why there is none."""
    bottom, top = calls[0].layer, calls[-1].layer
    if not (type(bottom) is Linear and type(top) is Linear):
        return None, "not from a linear layer to a linear layer"
    for before, after in zip(calls, calls[1:], strict=False):
        if after.given is not before.output:
            return None, "something that is no layer comes between"
        if before.output is not before.given and uses[id(node_of(before.output))] > 1:
            return None, "there is another way around"
    middle = [call.layer for call in calls[1:-1] if not passes(call.layer)]
    act = "relu" if middle and type(middle[-1]) is ReLU else "linear"
    rest = middle[:-1] if act == "relu" else middle
    if not rest:
        second_moment = (top.weight.detach() ** 2).mean().item()
        return top.out_features * second_moment * (0.5 if act == "relu" else 1.0), ""
    if [type(layer) for layer in rest] != [BatchNorm1d]:
        return None, f"no line for {' and '.join(type(layer).__name__ for layer in middle)}"
    return normalised(rest[0], act, batch)


def normalised(layer: Any, act: str, batch: int) -> tuple[float | None, str]:
    """The line of batch norm before an activation."""
    if not layer.training and layer.running_mean is not None:
        return None, "batch norm in evaluation"
    if batch < 4:
        return None, "a batch of fewer than 4"
    plain = layer.weight is None or (abs(layer.weight - 1).max().item() < 0.1 and abs(layer.bias).max().item() < 0.1)
    return (batch_norm_growth(batch, act), "") if plain else (None, "γ is not 1 or β is not 0")


def passes(layer: Module) -> bool:
    """Whether a layer gives what it gets."""
    return isinstance(layer, Identity) or (isinstance(layer, Dropout) and (not layer.training or layer.p == 0))
