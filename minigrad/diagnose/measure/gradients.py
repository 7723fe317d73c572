"""Gradients by layer, how fast a loss and its gradient change along the step, and how steep a function is at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ...autograd import grad
from ...core import Tensor, mode
from ...nn import Module
from ...ops.functions import randn_like
from .vectors import Loss, Parameters, flat, gradient, kept, move


def norm(x: Tensor) -> float:
    """The Euclidean norm of all elements."""
    with mode(grad=False):
        return (x.detach() * x.detach()).sum().sqrt().item()


def gradient_norms(model: Module) -> dict[str, float]:
    """|dL/dp| of each parameter by name, from the `.grad` that the last backward pass left; nan where there is none."""
    return {name: math.nan if p.grad is None else norm(p.grad) for name, p in model.named_parameters()}


@contextmanager
def outputs(model: Module, kinds: type | tuple[type, ...] | None = None) -> Iterator[dict[str, Tensor]]:
    """`with outputs(model) as found: model(x)` collects what the layers gave, with their graphs, by name.

    kinds   which classes of layers; all that have no layers of their own if None
    """
    found: dict[str, Tensor] = {}
    hooks = []

    def collect(name: str) -> Callable:
        def hook(layer: Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found[name] = output

        return hook

    for name, layer in model.named_modules():
        if isinstance(layer, kinds) if kinds is not None else not list(layer.children()):
            hooks.append(layer.register_forward_hook(collect(name)))
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def layer_gradients(
    model: Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor], kinds: type | tuple[type, ...] | None = None
) -> dict[str, float]:
    """mean over the cases of |dL/dz|^2 for the output z of each layer, in the order of the forward pass.

    `loss(model(x), y)` may be a mean or a sum over the cases: gradients are those of the loss as given. Layers whose output
    the loss does not depend on are left out; `.grad` stays as it is. kinds: as in `outputs`.
    """
    with outputs(model, kinds) as found:
        value = loss(model(x), y)
    wanted = {name: z for name, z in found.items() if z.requires_grad}
    parts = grad(value, list(wanted.values()), allow_unused=True)
    return {name: norm(g) ** 2 / len(g) for name, g in zip(wanted, parts, strict=True) if g is not None}


@dataclass
class Along:
    """What a step along the gradient meets, at each of its lengths.

    loss, lengths    the loss where the step starts, and the lengths |step|
    losses           where each step ends
    distances        |g' - g|, how much the gradient has changed there
    smoothness       |g' - g| / |step|, the effective beta-smoothness
    """

    loss: float
    lengths: list[float]
    losses: list[float]
    distances: list[float]
    smoothness: list[float]

    @property
    def range(self) -> float:
        """The largest loss less the smallest, over the ends of the steps."""
        return max(self.losses) - min(self.losses) if all(map(math.isfinite, self.losses)) else math.inf

    @property
    def beta(self) -> float:
        """The largest effective smoothness."""
        return max(self.smoothness)


def along_gradient(loss: Loss, model: Parameters, lr: float, scales: Sequence[float] = (0.5, 1, 2, 3, 4)) -> Along:
    """Loss, gradient change and effective beta-smoothness at p - scale lr g for each scale; then p is put back.

    loss    without arguments, of the parameters as they are and, to be comparable, of one and the same batch
    model   a module, whose buffers are put back too, or parameters
    Raises ValueError if the gradient is 0. Source: Santurkar et al. 2018, §3.1, figure 4.
    """
    with kept(model) as parameters:
        start = flat(parameters)
        value, g = gradient(loss, parameters)
        size = norm(g)
        if not size:
            raise ValueError("along_gradient: the gradient is 0, so there is no direction")
        along = Along(value, [lr * scale * size for scale in scales], [], [], [])
        for scale, length in zip(scales, along.lengths, strict=True):
            move(parameters, start - lr * scale * g)
            there, slope = gradient(loss, parameters)
            along.losses.append(there)
            along.distances.append(norm(slope - g))
            along.smoothness.append(along.distances[-1] / length)
    return along


def lipschitz(function: Callable[[Tensor], Tensor], points: Sequence[Tensor]) -> float:
    """max |f(a) - f(b)| / |a - b| over all pairs of points: a lower bound of the Lipschitz constant of f.

    Raises ValueError for fewer than two different points.
    """
    with mode(grad=False):
        values = [function(point) for point in points]
        slopes = [
            norm(f - h) / norm(a - b) for (a, f), (b, h) in combinations(zip(points, values, strict=True), 2) if norm(a - b)
        ]
    if not slopes:
        raise ValueError("lipschitz: expected at least two different points")
    return max(slopes)


def gradient_lipschitz(loss: Loss, model: Parameters, radius: float, samples: int = 10) -> list[float]:
    """|g(p + d) - g(p)| / |d| for random d of length `radius`: each a lower bound of the smoothness near p.

    loss, model as for `along_gradient`. Raises ValueError for a radius or a number of samples that is not above 0.
    """
    if not (radius > 0 and samples >= 1):
        raise ValueError(f"gradient_lipschitz: expected radius > 0 and samples >= 1, got {radius} and {samples}")
    found = []
    with kept(model) as parameters:
        start = flat(parameters)
        g = gradient(loss, parameters)[1]
        for _ in range(samples):
            direction = randn_like(start)
            direction = direction * (radius / norm(direction))
            move(parameters, start + direction)
            found.append(norm(gradient(loss, parameters)[1] - g) / radius)
    return found
