"""The theory meter: how gradients grow from layer to layer, beside what mean-field theory says where it says something.

z_l is what the l-th linear layer gives, G_l the mean over cases of |dL/dz_l|^2. Theory, for wide layers at random weights:

linear layers and ReLU, nothing between   G_l / G_(l+1) = fan_out Var(W) E[act'^2] of the weights W from z_l to z_(l+1), where
                                          E[act'^2] is 1/2 for ReLU and 1 for none (He et al. 2015, §2.2)
with batch norm before the activation     `batch_norm_growth`, whatever the weights' scale (Yang et al. 2019)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core import Tensor
from ...nn import BatchNorm1d, Dropout, Identity, Linear, Module, ReLU
from .gradients import layer_gradients, outputs
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

    Layers are those that have a weight of two or more dimensions and gave one output. The model is used as it is, in training
    or evaluation, and its buffers are put back. A line needs a chain of linear layers with nothing but ReLU,
    batch norm (in training, γ = 1, β = 0, little eps) and identities between them; it is a statement about wide layers at
    random weights, and says nothing about trained ones.
    """
    with kept(model):
        order = chain(model, x)
        weighted = [name for name, layer in order if has_weight(layer)]
        found = layer_gradients(model, x, y, loss, tuple({type(layer) for _, layer in order if has_weight(layer)}))
    names = [name for name in weighted if name in found]
    gradients = [found[name] for name in names]
    growth = [a / b if b else math.nan for a, b in zip(gradients, gradients[1:], strict=False)]
    lines = [between(order, low, high, len(x)) for low, high in zip(names, names[1:], strict=False)]
    return Meter(names, gradients, growth, [t for t, _ in lines], [why for _, why in lines])


def has_weight(layer: Module) -> bool:
    weight = getattr(layer, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim > 1


def chain(model: Module, x: Tensor) -> list[tuple[str, Module]]:
    """The layers that have no layers of their own, in the order in which they gave their outputs."""
    layers = dict(model.named_modules())
    with outputs(model) as found:
        model(x)
    return [(name, layers[name]) for name in found]


def between(order: list[tuple[str, Module]], low: str, high: str, batch: int) -> tuple[float | None, str]:
    """The line from layer `high` down to layer `low`, or None and the reason why there is none."""
    names = [name for name, _ in order]
    first, last = names.index(low), names.index(high)
    bottom, top = order[first][1], order[last][1]
    middle = [layer for _, layer in order[first + 1 : last] if not passes(layer)]
    if not (type(bottom) is Linear and type(top) is Linear):
        return None, "not from a linear layer to a linear layer"
    if top.in_features != bottom.out_features:
        return None, "not one chain"
    kinds = [type(layer) for layer in middle]
    act = "relu" if kinds[-1:] == [ReLU] else "linear"
    rest = middle[:-1] if act == "relu" else middle
    if not rest:
        second_moment = float((top.weight.detach() ** 2).mean().item())
        return top.out_features * second_moment * (0.5 if act == "relu" else 1.0), ""
    if [type(layer) for layer in rest] != [BatchNorm1d]:
        return None, f"no line for {' and '.join(kind.__name__ for kind in kinds)}"
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
